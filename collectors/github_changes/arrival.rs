//! One update of a production branch, with what was read of it, becomes changes: of its pull requests, and of what
//! came without one. Asks for nothing.

use super::activity::Apps;
use super::afterwards::Tickets;
use super::by_hand::ByHand;
use super::chain::Step;
use super::compare::{self, Range};
use super::content::Likeness;
use super::graphql::Commits;
use super::landings::{Background, Found, by_hand};
use super::memory::Merged;
use super::pull::{Known, Landed, Pull};
use crate::contract::{Change, CommitAuthor, Landing, LandingKind, Lookup, RuleOutcome, Unread};
use chrono::{DateTime, Duration, Utc};

/// How long GitHub may take to say which pull request a merge of its own was of.
const NAMED_WITHIN: Duration = Duration::hours(24);

/// One step on its way to changes.
pub(super) struct Arrival<'a> {
    pub repository: &'a str,
    pub step: &'a Step,
    pub background: &'a Background,
    /// What pushed merges are to their pull requests.
    pub pushed: &'a ByHand,
    pub apps: Apps<'a>,
    /// What names a ticket, where reviews after the fact are read.
    pub tickets: Option<&'a Tickets>,
    pub as_of: DateTime<Utc>,
}

impl Arrival<'_> {
    pub(super) fn single(&self, commits: &Commits, found: &mut Found) {
        match commits.get(&self.step.row.after) {
            Some(Ok(landed)) => {
                let own = self.merged(landed, found);
                let pulls = if own.is_empty() { landed.merged().collect() } else { own };
                pulls.into_iter().for_each(|pull| self.pull(pull, landed, true, found));
            }
            Some(Err(unread)) => self.failed(&self.step.row.after, unread, found),
            None => self.failed(&self.step.row.after, &unasked(&self.step.row.after), found),
        }
    }

    /// The pull requests of this branch that the commit is the merge of. GitHub also calls those merged whose head
    /// came along within another one: of them that other one shows everything, so they are counted, and nothing more.
    fn merged<'l>(&self, landed: &'l Landed, found: &mut Found) -> Vec<&'l Pull> {
        let mut own: Vec<&Pull> = landed.merged().filter(|pull| pull.base_ref_name == self.step.branch).collect();
        let merged = own.iter().find(|pull| landed.merges() == Some(pull.head())).copied();
        let Some(merged) = merged else { return own };
        own.retain(|pull| {
            let along = pull.head() != merged.head() && merged.holds(pull.head());
            if along {
                self.count(pull, found);
                found.limitations.push(format!(
                    "{}: pull request {} counts as merged by {}, the merge of pull request {}, which holds all of it; \
                     it is no change of its own",
                    self.repository,
                    pull.number,
                    short(&landed.oid),
                    merged.number
                ));
            }
            !along
        });
        own
    }

    /// GitHub's search counts what was merged into this branch.
    fn count(&self, pull: &Pull, found: &mut Found) {
        if let Some(at) = pull.merged_at().filter(|_| pull.base_ref_name == self.step.branch) {
            let merged = Merged { number: pull.number, at };
            found.merged.entry(self.step.branch.clone()).or_default().insert(merged);
        }
    }

    /// Several pull requests, commits without one, or both. What another branch's pull requests brought there came
    /// here without one.
    pub(super) fn several(&self, range: &Range, commits: &Commits, found: &mut Found) {
        let mut read = Vec::new();
        for oid in &range.walk {
            match commits.get(oid) {
                Some(Ok(landed)) => read.push(landed),
                Some(Err(unread)) => self.failed(oid, unread, found),
                None => self.failed(oid, &unasked(oid), found),
            }
        }
        let mut pulls: Vec<(&Landed, &Pull)> = Vec::new();
        for landed in &read {
            let merged = self.merged(landed, found);
            pulls.extend(
                merged.into_iter().filter(|pull| self.brought(pull, landed, found)).map(|pull| (*landed, pull)),
            );
        }
        let came_with = |landed: &Landed, pull: &Pull| !by_hand(self.step) && landed.came_with(pull.number);
        let covered = |landed: &Landed| {
            let by = |(merge, pull): &(&Landed, &Pull)| {
                merge.oid == landed.oid || pull.holds(&landed.oid) || came_with(landed, pull)
            };
            pulls.iter().any(by)
        };
        let rest = read.iter().any(|landed| !covered(landed));
        if rest || range.walk.is_empty() || self.step.kind == LandingKind::ForcePush {
            match self.not_named_yet() {
                Some(unread) => self.failed(&self.step.row.after, &unread, found),
                None => self.direct(range, commits, found),
            }
        }
    }

    /// What GitHub merged is a pull request, though it may take a while to say which.
    fn not_named_yet(&self) -> Option<Unread> {
        let row = &self.step.row;
        let young = !by_hand(self.step) && self.as_of - row.timestamp < NAMED_WITHIN;
        young.then(|| Unread {
            what: format!("repository {}: update of {} to {}", self.repository, self.step.branch, row.after),
            why: "GitHub logs it as the merge of a pull request, and does not say yet of which".to_owned(),
            permission: None,
            hint: Some(format!(
                "nothing is to be done: the next run asks again, and {} hours after it landed it is taken for a push \
                 without pull request",
                NAMED_WITHIN.num_hours()
            )),
        })
    }

    /// Whether the pull request brought the commit that it was merged as, and hands it over if it did, or if that
    /// could not be read. One that did not is counted, and nothing more: what landed is something else.
    fn brought(&self, pull: &Pull, landed: &Landed, found: &mut Found) -> bool {
        match self.pushed.likeness(self.step, landed, pull) {
            Ok(Likeness::Different) => {
                self.count(pull, found);
                found.limitations.push(format!(
                    "{}: pull request {} counts as merged by {}, a merge that was pushed and brings something else than \
                     the pull request holds; it is taken for a push without one",
                    self.repository,
                    pull.number,
                    short(&landed.oid)
                ));
                return false;
            }
            Ok(likeness) => self.pull(pull, landed, likeness == Likeness::Same, found),
            Err(unread) => self.failed(&landed.oid, &unread, found),
        }
        true
    }

    fn pull(&self, pull: &Pull, landed: &Landed, same_as_landed: bool, found: &mut Found) {
        let states = self.background.states.get(&self.step.branch).map_or(&[][..], Vec::as_slice);
        let (pushes, rule, apps) = (&self.background.pushes, self.rule(), self.apps);
        let known = Known { pushes, states, rule, same_as_landed, apps };
        let read = pull.neutral(&known).and_then(|neutral| {
            let after = self.tickets.map(|tickets| pull.reviewed_after(neutral.merged_at, tickets)).transpose()?;
            Ok((neutral, after.unwrap_or_default()))
        });
        let (neutral, post_hoc) = match read {
            Ok(read) => read,
            Err(why) => {
                let what = format!("repository {}: pull request {}", self.repository, pull.number);
                let hint = Some("look at the sealed exchange".to_owned());
                return self.failed(&landed.oid, &Unread { what, why, permission: None, hint }, found);
            }
        };
        self.count(pull, found);
        let id = self.id(Some(pull), &landed.oid);
        // A forced push can bring a merge back; it is a change of its own already.
        if !found.ids.insert(id.clone()) {
            return;
        }
        found.touched.insert(id.clone(), pull.touched());
        let mut change = self.change(id, pull.url.clone(), Lookup::Found(Box::new(neutral)));
        change.post_hoc = post_hoc;
        if by_hand(self.step) {
            change.authors = landed.people().collect();
        }
        if self.step.kind == LandingKind::MergeQueueMerge
            && let Some(person) = pull.enqueuer()
        {
            change.landing.actor = Some(person);
        }
        found.changes.push(change);
    }

    fn direct(&self, range: &Range, commits: &Commits, found: &mut Found) {
        let landed = commits.get(&self.step.row.after).and_then(|landed| landed.as_ref().ok());
        let after = self.tickets.zip(landed).map(|(tickets, landed)| landed.reviewed_after(tickets)).transpose();
        let post_hoc = match after {
            Ok(after) => after.unwrap_or_default(),
            Err(why) => {
                let what = format!("repository {}: comments on commit {}", self.repository, self.step.row.after);
                found.unread.push(Unread { what, why, permission: None, hint: None });
                Vec::new()
            }
        };
        let id = found.unique(self.id(None, &self.step.row.after));
        found.paths_cut += usize::from(range.paths.is_none() && range.compared);
        if !range.compared {
            found.limitations.push(format!(
                "{}: what {} brought to {} cannot be compared with what it replaced: the two share no history, or GitHub \
                 does not have the old state any more; its paths and those who wrote it are not known",
                self.repository, self.step.row.after, self.step.branch
            ));
        }
        let mut change = self.change(id, range.url.clone(), Lookup::None);
        change.paths = range.paths.clone();
        change.authors = self.authors(range, commits, found);
        change.post_hoc = post_hoc;
        found.changes.push(change);
    }

    /// Everybody who wrote or committed what landed. Co-authors are not known of commits that were not looked up.
    fn authors(&self, range: &Range, commits: &Commits, found: &mut Found) -> Vec<CommitAuthor> {
        let mut authors = range.people.clone();
        for oid in &range.all {
            match commits.get(oid) {
                Some(Ok(landed)) => landed.people().for_each(|who| compare::add(&mut authors, who)),
                Some(Err(unread)) => {
                    compare::add(&mut authors, CommitAuthor { login: None });
                    if !found.unread.contains(unread) {
                        found.unread.push(unread.clone());
                    }
                }
                None if by_hand(self.step) => compare::add(&mut authors, CommitAuthor { login: None }),
                None => {}
            }
        }
        authors
    }

    pub(super) fn failed(&self, oid: &str, unread: &Unread, found: &mut Found) {
        let id = found.unique(self.id(None, oid));
        // Nobody said where it can be looked at.
        let url = oid.to_owned();
        found.changes.push(self.change(id, url, Lookup::Failed(unread.why.clone())));
        found.unread.push(unread.clone());
    }

    /// One id for each landing: it names the branch, unless that is the pull request's base or, without one, the branch
    /// that needs no name.
    fn id(&self, pull: Option<&Pull>, oid: &str) -> String {
        let branch = &self.step.branch;
        let home = match pull {
            Some(pull) => pull.base_ref_name == *branch,
            None => self.background.home.as_ref() == Some(branch),
        };
        let branch = if home { String::new() } else { format!(":{branch}") };
        let number = pull.map(|pull| format!("#{}", pull.number)).unwrap_or_default();
        format!("{}{branch}{number}@{}", self.repository, short(oid))
    }

    fn change(&self, id: String, url: String, pull_request: Lookup) -> Change {
        let row = &self.step.row;
        Change {
            id,
            repository: self.repository.to_owned(),
            branch: self.step.branch.clone(),
            url,
            landing: Landing {
                kind: self.step.kind,
                actor: row.actor.as_ref().map(|actor| actor.actor_among(self.apps)),
                at: row.timestamp,
                before: self.step.before.clone(),
                after: row.after.clone(),
            },
            paths: None,
            authors: Vec::new(),
            pull_request,
            post_hoc: Vec::new(),
        }
    }

    fn rule(&self) -> RuleOutcome {
        match self.background.bypasses.get(&self.step.branch) {
            Some(bypasses) if bypasses.iter().any(|suite| suite.after_sha == self.step.row.after) => {
                RuleOutcome::Bypass
            }
            Some(_) if self.step.row.timestamp >= self.background.bypasses_since => RuleOutcome::Pass,
            Some(_) => RuleOutcome::OutOfReach,
            None => RuleOutcome::NotRead,
        }
    }
}

fn short(oid: &str) -> &str {
    oid.get(..12).unwrap_or(oid)
}

fn unasked(oid: &str) -> Unread {
    Unread { what: format!("commit {oid}"), why: "was not asked for".to_owned(), permission: None, hint: None }
}
