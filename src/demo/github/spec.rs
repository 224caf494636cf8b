//! What a history is told of pull requests: how each is opened, reviewed, goes on and is merged.

use chrono::{DateTime, Duration, Utc};

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// A merge commit.
    #[default]
    Merge,
    /// One new commit.
    Squash,
    /// A new commit for each one.
    Rebase,
    /// A merge commit made by the merge queue.
    Queue,
    /// A merge commit made on a laptop and pushed.
    Pushed,
    /// Its own last commit, pushed; the base must not have moved on.
    FastForward,
}

/// One review of a pull request.
#[derive(Debug, Clone)]
pub struct ReviewSpec {
    /// Login; `None` for an account that was deleted since.
    pub who: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// `APPROVED`, `CHANGES_REQUESTED` or `COMMENTED`.
    pub state: &'static str,
    /// When it was dismissed, if it was.
    pub dismissed_at: Option<DateTime<Utc>>,
    /// What it says.
    pub text: String,
    /// When its writer edited that, if that happened.
    pub edited_at: Option<DateTime<Utc>>,
}

/// What a commit does to one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The path.
    pub path: String,
    /// Its text from then on; `None`: it is gone.
    pub text: Option<String>,
    /// Whether it can be executed.
    pub executable: bool,
    /// The path that it was renamed from.
    pub from: Option<String>,
}

impl Edit {
    /// A plain file with that text.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: Some(text.to_owned()), executable: false, from: None }
    }
}

/// A rebase of a pull request's branch onto what its base is at the merge, by a forced push.
#[derive(Debug, Clone)]
pub struct Rebase {
    /// When.
    pub at: DateTime<Utc>,
    /// Who pushes it.
    pub by: String,
    /// What the last commit does beside what it did before.
    pub also: Vec<Edit>,
}

/// One pull request that is merged.
#[derive(Debug, Clone)]
pub struct PullRequestSpec {
    /// `acme/shop`.
    pub repository: String,
    /// Its number.
    pub number: u64,
    /// The branch that it is merged into.
    pub base: String,
    /// Who opens it and writes its commits. Logins that end in `[bot]` are apps.
    pub author: String,
    /// When it is opened.
    pub opened_at: DateTime<Utc>,
    /// Who else writes each of its commits.
    pub co_authors: Vec<String>,
    /// Commits that it is opened with.
    pub commits: u32,
    /// What the first of them does; empty: it writes a path of its own.
    pub edits: Vec<Edit>,
    /// How many updates the base is ahead of what it was opened on.
    pub behind: u32,
    /// When its branch is rebased, if it is.
    pub rebased: Option<Rebase>,
    /// Who assigned it to whom, and when.
    pub assigned: Vec<(DateTime<Utc>, String, String)>,
    /// Reviews, in the order of their times.
    pub reviews: Vec<ReviewSpec>,
    /// One more commit, when and by whom.
    pub pushed_later: Option<(DateTime<Utc>, String)>,
    /// When the "Update branch" button is pressed, if it is.
    pub branch_updated_at: Option<DateTime<Utc>>,
    /// Who presses it, if not the author.
    pub branch_updated_by: Option<String>,
    /// When its branch is brought back, a minute after it was deleted, and by whom; before the merge or after it. After it
    /// they also push to it, and take that back.
    pub restored: Option<(DateTime<Utc>, String)>,
    /// When the base branch is switched to `base`, if it is.
    pub base_changed_at: Option<DateTime<Utc>>,
    /// When it is merged.
    pub merged_at: DateTime<Utc>,
    /// Who merges it.
    pub merged_by: String,
    /// How.
    pub method: Method,
    /// What a merge commit made on a laptop does beside merging.
    pub merged_with: Vec<Edit>,
    /// Whether such a merge has the pull request as its first parent, and what the base was at as its second.
    pub turned: bool,
    /// The number of the pull request whose commits it begins with.
    pub on: Option<u64>,
    /// Since when GitHub's indexes know of the merge, if not at once.
    pub known_at: Option<DateTime<Utc>>,
    /// Whether branch rules are bypassed.
    pub bypass: bool,
    /// Whether its branch is in a fork.
    pub fork: bool,
}

impl PullRequestSpec {
    /// Opened by `author` two hours before `merged_at` with one commit, reviewed by nobody.
    pub fn new(repository: &str, number: u64, author: &str, merged_at: DateTime<Utc>) -> Self {
        Self {
            repository: repository.to_owned(),
            number,
            base: "main".to_owned(),
            author: author.to_owned(),
            opened_at: merged_at - Duration::hours(2),
            co_authors: Vec::new(),
            commits: 1,
            edits: Vec::new(),
            behind: 0,
            rebased: None,
            assigned: Vec::new(),
            reviews: Vec::new(),
            pushed_later: None,
            branch_updated_at: None,
            branch_updated_by: None,
            restored: None,
            base_changed_at: None,
            merged_at,
            merged_by: author.to_owned(),
            method: Method::Merge,
            merged_with: Vec::new(),
            turned: false,
            on: None,
            known_at: None,
            bypass: false,
            fork: false,
        }
    }

    /// Approved by `who` an hour before the merge.
    #[must_use]
    pub fn approved_by(self, who: &str) -> Self {
        let at = self.merged_at - Duration::hours(1);
        self.reviewed(who, at, "APPROVED")
    }

    /// Reviewed.
    #[must_use]
    pub fn reviewed(mut self, who: &str, at: DateTime<Utc>, state: &'static str) -> Self {
        let (who, text) = (Some(who.to_owned()), String::new());
        self.reviews.push(ReviewSpec { who, at, state, dismissed_at: None, text, edited_at: None });
        self
    }

    /// Whose first commit does this.
    #[must_use]
    pub fn editing(mut self, edits: &[Edit]) -> Self {
        self.edits = edits.to_vec();
        self
    }

    /// Whether GitHub's indexes know of the merge.
    pub(super) fn is_known(&self, now: DateTime<Utc>) -> bool {
        self.known_at.unwrap_or(self.merged_at) <= now
    }

    pub(super) fn edits_of(&self, commit: u32) -> Vec<Edit> {
        if commit == 0 && !self.edits.is_empty() {
            return self.edits.clone();
        }
        vec![Edit::new(&format!("src/change_{}.rs", self.number), &format!("#{} as of {commit}", self.number))]
    }

    /// With one more commit by `who`, half an hour before the merge.
    #[must_use]
    pub fn pushed_after_approval(mut self, who: &str) -> Self {
        self.pushed_later = Some((self.merged_at - Duration::minutes(30), who.to_owned()));
        self
    }
}
