//! What is asked of landed commits and their pull requests, in GitHub's query language. Sends nothing.

use super::settings::Settings;

/// The events of a pull request that say something of its reviews, its content, or who is behind it.
pub(super) const EVENTS: &str = "REVIEW_DISMISSED_EVENT,HEAD_REF_FORCE_PUSHED_EVENT,BASE_REF_CHANGED_EVENT,\
    AUTOMATIC_BASE_CHANGE_SUCCEEDED_EVENT,MERGED_EVENT,ADDED_TO_MERGE_QUEUE_EVENT,AUTO_MERGE_ENABLED_EVENT,\
    ASSIGNED_EVENT";
const PAGE: &str = "totalCount pageInfo{hasNextPage endCursor}";
const WRITTEN: &str = " bodyText lastEditedAt editor{__typename login}";

/// A connection that may have further pages.
pub(super) struct Connection {
    /// Its field.
    pub field: &'static str,
    /// The type that has the field.
    pub of: &'static str,
    /// What to ask of it, and the fragments needed for that.
    pub selection: &'static str,
    needs: &'static [&'static str],
}

/// All of them. Those that were not asked for do not turn up in an answer.
pub(super) const CONNECTIONS: [Connection; 7] = [
    Connection {
        field: "associatedPullRequests",
        of: "Commit",
        selection: "{totalCount pageInfo{hasNextPage endCursor} nodes{...pull}}",
        needs: &["pull", "reviews", "commits", "authors", "timeline", "files"],
    },
    Connection { field: "comments", of: "Commit", selection: "{...comments}", needs: &["comments"] },
    Connection { field: "reviews", of: "PullRequest", selection: "{...reviews}", needs: &["reviews"] },
    Connection { field: "commits", of: "PullRequest", selection: "{...commits}", needs: &["commits", "authors"] },
    Connection { field: "authors", of: "Commit", selection: "{...authors}", needs: &["authors"] },
    Connection { field: "timelineItems", of: "PullRequest", selection: "{...timeline}", needs: &["timeline"] },
    Connection { field: "files", of: "PullRequest", selection: "{...files}", needs: &["files"] },
];

/// The fragments that the settings ask for, by name.
pub(super) struct Fragments(Vec<(&'static str, String)>);

impl Fragments {
    pub(super) fn of(settings: &Settings) -> Self {
        let (texts, owners) = (settings.emergency_ticket.is_some(), settings.code_owners);
        let written = if texts { WRITTEN } else { "" };
        let comments = if texts { " comments(first:20){...comments}" } else { "" };
        let files = if owners { " files(first:100){...files}" } else { "" };
        let mut all = vec![
            (
                "landed",
                format!(
                    "Commit{{id oid parents(first:3){{totalCount nodes{{oid}}}} authors(first:10){{...authors}} \
                     committer{{user{{login}}}}{comments} \
                     associatedPullRequests(first:2){{{PAGE} nodes{{...pull}}}}}}"
                ),
            ),
            (
                "pull",
                format!(
                    "PullRequest{{id number url createdAt author{{__typename login}} baseRefName headRefName headRefOid \
                     merged mergedAt isCrossRepository mergeCommit{{oid}} baseRepository{{nameWithOwner}}{files} \
                     reviews(first:30){{...reviews}} commits(first:30){{...commits}} \
                     timelineItems(first:30,itemTypes:[{EVENTS}]){{...timeline}}}}"
                ),
            ),
            (
                "reviews",
                format!(
                    "PullRequestReviewConnection{{{PAGE} nodes{{id state submittedAt author{{__typename login}} \
                     authorCanPushToRepository commit{{oid}}{written}}}}}"
                ),
            ),
            (
                "commits",
                format!(
                    "PullRequestCommitConnection{{{PAGE} nodes{{commit{{id oid committedDate \
                     parents(first:3){{totalCount nodes{{oid}}}} authors(first:10){{...authors}} \
                     committer{{user{{login}}}}}}}}}}"
                ),
            ),
            ("authors", format!("GitActorConnection{{{PAGE} nodes{{user{{login}}}}}}")),
            ("timeline", timeline()),
        ];
        if texts {
            let comments = format!(
                "CommitCommentConnection{{{PAGE} nodes{{createdAt author{{__typename login}} authorAssociation{written}}}}}"
            );
            all.push(("comments", comments));
        }
        if owners {
            all.push(("files", format!("PullRequestChangedFileConnection{{{PAGE} nodes{{path changeType}}}}")));
        }
        Self(all)
    }

    /// All of them, as text.
    pub(super) fn all(&self) -> String {
        self.text(|_| true)
    }

    /// Those that a connection's further pages need.
    pub(super) fn needed<'a>(&self, connections: impl Iterator<Item = &'a Connection> + Clone) -> String {
        self.text(|name| connections.clone().any(|connection| connection.needs.contains(&name)))
    }

    fn text(&self, wanted: impl Fn(&str) -> bool) -> String {
        let wanted = self.0.iter().filter(|(name, _)| wanted(name));
        wanted.map(|(name, text)| format!(" fragment {name} on {text}")).collect()
    }
}

fn timeline() -> String {
    format!(
        "PullRequestTimelineItemsConnection{{{PAGE} nodes{{__typename \
         ...on ReviewDismissedEvent{{createdAt previousReviewState review{{id}}}} \
         ...on HeadRefForcePushedEvent{{createdAt actor{{__typename login}} beforeCommit{{oid}} afterCommit{{oid}}}} \
         ...on BaseRefChangedEvent{{createdAt previousRefName currentRefName}} \
         ...on AutomaticBaseChangeSucceededEvent{{createdAt oldBase newBase}} \
         ...on MergedEvent{{createdAt actor{{__typename login}} commit{{oid}}}} \
         ...on AddedToMergeQueueEvent{{createdAt enqueuer{{login}}}} \
         ...on AutoMergeEnabledEvent{{createdAt enabler{{login}}}} \
         ...on AssignedEvent{{createdAt actor{{__typename login}} assignee{{__typename ...on User{{login}} \
         ...on Bot{{login}} ...on Mannequin{{login}} ...on Organization{{login}}}}}}}}}}"
    )
}
