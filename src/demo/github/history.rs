//! What happens in the sample repositories: commits, pushes, pull requests, faults, given up front with
//! their times. Knows nothing of wire forms.

use super::spec::{Edit, Method, PullRequestSpec, Rebase};
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Stands for no commit.
pub(super) const ZERO: &str = "0000000000000000000000000000000000000000";

/// What happens to a pull request's branch after it is opened.
enum Later<'a> {
    Push(&'a String),
    Update,
    Rebase(&'a Rebase),
}

#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub sha: String,
    pub parents: Vec<String>,
    pub author: Option<String>,
    pub co_authors: Vec<String>,
    /// Where that is another than the author.
    pub committer: Option<String>,
    pub web_flow: bool,
    pub at: DateTime<Utc>,
    pub edits: Vec<Edit>,
}

/// A comment on a commit.
#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub commit: String,
    pub who: String,
    pub at: DateTime<Utc>,
    pub text: String,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub id: u64,
    pub before: String,
    pub after: String,
    pub branch: String,
    pub at: DateTime<Utc>,
    pub kind: &'static str,
    pub actor: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub spec: PullRequestSpec,
    pub branch: String,
    pub commits: Vec<String>,
    /// Those that a rebase replaced.
    pub replaced: Vec<String>,
    /// Updates of its branch: kind, state before, state after, when, by whom.
    pub pushes: Vec<(&'static str, String, String, DateTime<Utc>, String)>,
    /// Commits that landed with it; the last one is its merge commit.
    pub landed: Vec<String>,
}

/// One repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Repository {
    pub name: String,
    /// Where branches begin.
    pub begin: BTreeMap<String, String>,
    /// Where they are when everything has happened.
    pub heads: BTreeMap<String, String>,
    pub commits: BTreeMap<String, Commit>,
    pub rows: Vec<Row>,
    pub pulls: Vec<Pull>,
    pub bypasses: Vec<u64>,
    pub life: super::life::Life,
    pub comments: Vec<Comment>,
    pub alerts: Vec<super::alerts::AlertSpec>,
    pub alerts_off: Option<DateTime<Utc>>,
    pub lost_alerts: BTreeMap<u64, DateTime<Utc>>,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Requests whose path or body holds the text get the status.
    Refuse { holds: String, from: DateTime<Utc>, to: DateTime<Utc>, status: u16 },
    /// Answers to requests whose path or body holds the text have one text for another.
    Replace { holds: String, find: String, put: String },
    /// Answers to requests whose path or body holds the text have one header more, from an instant on.
    Header { holds: String, from: DateTime<Utc>, name: &'static str, value: &'static str },
}

/// The whole sample history. Landings of one repository are given in the order of their times.
#[derive(Debug, Clone, Default)]
pub struct GithubHistory {
    pub(super) repositories: Vec<Repository>,
    pub(super) faults: Vec<Fault>,
    pub(super) lost: Vec<u64>,
    pub(super) private_count_hidden: bool,
    pub(super) selected: Option<super::life::Selected>,
    pub(super) grants: Option<super::rights::Grants>,
    /// Members by organisation and team.
    pub(super) teams: BTreeMap<(String, String), Vec<String>>,
    rows: u64,
}

impl GithubHistory {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// A repository whose branch is there already, or one more branch of a known one.
    pub fn repository(&mut self, name: &str, branch: &str) {
        if self.repositories.iter().all(|r| r.name != name) {
            self.repositories.push(Repository { name: name.to_owned(), ..Repository::default() });
        }
        let repository = self.of(name);
        let sha =
            repository.commit(&format!("{branch} begins"), &[], Some("example-founder"), DateTime::UNIX_EPOCH, &[]);
        repository.life.defaults.entry(DateTime::UNIX_EPOCH).or_insert_with(|| branch.to_owned());
        repository.begin.insert(branch.to_owned(), sha.clone());
        repository.heads.insert(branch.to_owned(), sha);
    }

    /// A team of an organisation.
    pub fn team(&mut self, organisation: &str, slug: &str, members: &[&str]) {
        let members = members.iter().map(|&member| member.to_owned()).collect();
        self.teams.insert((organisation.to_owned(), slug.to_owned()), members);
    }

    /// A comment on the commit that a row led to.
    pub fn comment(&mut self, row: u64, who: &str, at: DateTime<Utc>, text: &str) {
        for repository in &mut self.repositories {
            if let Some(row) = repository.rows.iter().find(|r| r.id == row) {
                let (commit, who, text) = (row.after.clone(), who.to_owned(), text.to_owned());
                repository.comments.push(Comment { commit, who, at, text });
            }
        }
    }

    /// The commit that a row led to was written together with others, and committed by somebody else.
    pub fn credit(&mut self, row: u64, co_authors: &[&str], committer: Option<&str>) {
        for repository in &mut self.repositories {
            let led_to = repository.rows.iter().find(|r| r.id == row).map(|row| row.after.clone());
            if let Some(commit) = led_to.and_then(|sha| repository.commits.get_mut(&sha)) {
                commit.co_authors = co_authors.iter().map(|&who| who.to_owned()).collect();
                commit.committer = committer.map(str::to_owned);
            }
        }
    }

    /// A pull request is opened, reviewed and merged; its branch is deleted a minute later. Gives the id of
    /// the row that landed it.
    pub fn merge(&mut self, spec: PullRequestSpec) -> u64 {
        let base = spec.base.clone();
        self.of(&spec.repository).start(&spec);
        let id = self.open(&spec);
        let (before, after, kind) = self.of(&spec.repository).land(&spec);
        let actor = if spec.method == Method::Queue { "github-merge-queue[bot]" } else { &spec.merged_by };
        let landing = self.row(&spec.repository, (&base, kind), (&before, &after), spec.merged_at, Some(actor));
        if spec.bypass {
            self.of(&spec.repository).bypasses.push(landing);
        }
        if let Some((branch, head)) = id {
            let gone = spec.merged_at + Duration::minutes(1);
            self.row(&spec.repository, (&branch, "branch_deletion"), (&head, ZERO), gone, Some(&spec.merged_by));
            if let Some((at, who)) = spec.restored.as_ref().filter(|(at, _)| *at > gone) {
                self.row(&spec.repository, (&branch, "branch_creation"), (ZERO, &head), *at, Some(who));
                // And puts something else on it, which is taken back.
                let (other, minute) = ("f".repeat(40), Duration::minutes(1));
                self.row(&spec.repository, (&branch, "push"), (&head, &other), *at + minute, Some(who));
                self.row(&spec.repository, (&branch, "force_push"), (&other, &head), *at + minute * 2, Some(who));
            }
        }
        landing
    }

    /// Of two pull requests the second goes on from the first, and is merged; the first counts as merged along with
    /// it. Gives the id of the row.
    pub fn merge_stacked(&mut self, first: PullRequestSpec, second: PullRequestSpec) -> u64 {
        let first = PullRequestSpec { merged_at: second.merged_at, ..first };
        let (repository, number) = (first.repository.clone(), first.number);
        self.of(&repository).start(&first);
        self.open(&first);
        let landing = self.merge(PullRequestSpec { on: Some(number), ..second });
        let pulls = &mut self.of(&repository).pulls;
        let landed = pulls.last().map_or_else(Vec::new, |pull| pull.landed.clone());
        if let Some(first) = pulls.iter_mut().find(|pull| pull.spec.number == number) {
            first.landed = landed;
        }
        landing
    }

    /// The merge queue, or a push, lands several pull requests at once, when the last one is merged.
    pub fn merge_together(&mut self, specs: Vec<PullRequestSpec>) -> Option<u64> {
        let last = specs.last()?.clone();
        let (mut from, mut to, mut kind) = (None, String::new(), "");
        for spec in &specs {
            self.of(&spec.repository).start(spec);
            self.open(spec);
            let (before, after, how) = self.of(&spec.repository).land(spec);
            (from, to, kind) = (from.or(Some(before)), after, how);
        }
        let queue = last.method == Method::Queue;
        let actor = if queue { "github-merge-queue[bot]" } else { &last.merged_by };
        Some(self.row(&last.repository, (&last.base, kind), (&from?, &to), last.merged_at, Some(actor)))
    }

    /// Rows of the pull request's own branch; its name and last head. Forks are not in the log.
    fn open(&mut self, spec: &PullRequestSpec) -> Option<(String, String)> {
        if spec.fork {
            return None;
        }
        let pull = self.of(&spec.repository).pulls.last()?.clone();
        let mut head = None;
        for (kind, before, after, at, by) in &pull.pushes {
            self.row(&spec.repository, (&pull.branch, kind), (before, after), *at, Some(by));
            head = Some(after.clone());
        }
        Some((pull.branch, head?))
    }

    /// Commits pushed to a production branch without a pull request.
    pub fn push_direct(
        &mut self,
        repository: &str,
        branch: &str,
        actor: &str,
        at: DateTime<Utc>,
        paths: &[&str],
    ) -> u64 {
        let label = format!("push by {actor} at {at}");
        let edits: Vec<Edit> = paths.iter().map(|path| Edit::new(path, &label)).collect();
        self.push_edits(repository, branch, actor, at, &edits)
    }

    /// As `push_direct`, with what it does to each path.
    pub fn push_edits(
        &mut self,
        repository: &str,
        branch: &str,
        actor: &str,
        at: DateTime<Utc>,
        edits: &[Edit],
    ) -> u64 {
        let repo = self.of(repository);
        let before = repo.heads[branch].clone();
        let label = format!("push by {actor} at {at}");
        let after = repo.commit(&label, std::slice::from_ref(&before), Some(actor), at, edits);
        repo.heads.insert(branch.to_owned(), after.clone());
        self.row(repository, (branch, "push"), (&before, &after), at, Some(actor))
    }

    /// A production branch's last commit is replaced.
    pub fn force_push(&mut self, repository: &str, branch: &str, actor: &str, at: DateTime<Utc>) -> u64 {
        let repo = self.of(repository);
        let before = repo.heads[branch].clone();
        let parents = repo.commits[&before].parents.iter().take(1).cloned().collect::<Vec<_>>();
        let after = repo.commit(
            &format!("forced by {actor} at {at}"),
            &parents,
            Some(actor),
            at,
            &[Edit::new("src/forced.rs", actor)],
        );
        repo.heads.insert(branch.to_owned(), after.clone());
        self.row(repository, (branch, "force_push"), (&before, &after), at, Some(actor))
    }

    /// A production branch is moved to another branch's head without a pull request.
    pub fn fast_forward(
        &mut self,
        repository: &str,
        (branch, to): (&str, &str),
        actor: &str,
        at: DateTime<Utc>,
    ) -> u64 {
        let repo = self.of(repository);
        let (before, after) = (repo.heads[branch].clone(), repo.heads[to].clone());
        repo.heads.insert(branch.to_owned(), after.clone());
        self.row(repository, (branch, "push"), (&before, &after), at, Some(actor))
    }

    /// A production branch is deleted and made again with other content.
    pub fn recreate(&mut self, repository: &str, branch: &str, actor: &str, at: DateTime<Utc>) -> u64 {
        let repo = self.of(repository);
        let before = repo.heads[branch].clone();
        let after = repo.commit(
            &format!("made again by {actor} at {at}"),
            &[],
            Some(actor),
            at,
            &[Edit::new("src/again.rs", actor)],
        );
        repo.heads.insert(branch.to_owned(), after.clone());
        self.row(repository, (branch, "branch_deletion"), (&before, ZERO), at, Some(actor));
        let again = at + Duration::minutes(1);
        self.row(repository, (branch, "branch_creation"), (ZERO, &after), again, Some(actor))
    }

    /// From one instant to another, requests whose path or body holds the text get this status.
    pub fn refuse(&mut self, holds: &str, from: DateTime<Utc>, to: DateTime<Utc>, status: u16) {
        self.faults.push(Fault::Refuse { holds: holds.to_owned(), from, to, status });
    }

    /// In answers to requests whose path or body holds the text, `find` becomes `put`.
    pub fn replace(&mut self, holds: &str, find: &str, put: &str) {
        self.faults.push(Fault::Replace { holds: holds.to_owned(), find: find.to_owned(), put: put.to_owned() });
    }

    /// From one instant on, answers to requests whose path or body holds the text have this header too.
    pub fn header(&mut self, holds: &str, from: DateTime<Utc>, (name, value): (&'static str, &'static str)) {
        self.faults.push(Fault::Header { holds: holds.to_owned(), from, name, value });
    }

    /// What the credential that signs in may do.
    pub fn grants(&mut self, grants: super::rights::Grants) {
        self.grants = Some(grants);
    }

    /// The activity log does not have this row.
    pub fn drop_row(&mut self, id: u64) {
        self.lost.push(id);
    }

    /// Known, because `repository` was called.
    pub(super) fn of(&mut self, name: &str) -> &mut Repository {
        let position = self.repositories.iter().position(|r| r.name == name);
        let position = position.unwrap_or_else(|| {
            self.repositories.push(Repository { name: name.to_owned(), ..Repository::default() });
            self.repositories.len() - 1
        });
        &mut self.repositories[position]
    }

    pub(super) fn row(
        &mut self,
        repository: &str,
        (branch, kind): (&str, &'static str),
        (before, after): (&str, &str),
        at: DateTime<Utc>,
        actor: Option<&str>,
    ) -> u64 {
        self.rows += 1;
        let (id, branch, actor) = (self.rows, branch.to_owned(), actor.map(str::to_owned));
        let (before, after) = (before.to_owned(), after.to_owned());
        self.of(repository).rows.push(Row { id, before, after, branch, at, kind, actor });
        id
    }
}

impl Repository {
    pub(super) fn commit(
        &mut self,
        label: &str,
        parents: &[String],
        author: Option<&str>,
        at: DateTime<Utc>,
        edits: &[Edit],
    ) -> String {
        let digest = Sha256::digest(format!("{}\n{label}\n{parents:?}", self.name));
        let sha: String = hex::encode(digest).chars().take(40).collect();
        let (parents, author, co_authors, edits) =
            (parents.to_vec(), author.map(str::to_owned), Vec::new(), edits.to_vec());
        let (sha_of, web_flow) = (sha.clone(), false);
        let commit = Commit { sha: sha_of, parents, author, co_authors, committer: None, web_flow, at, edits };
        self.commits.insert(sha.clone(), commit);
        sha
    }

    /// The pull request's own commits.
    fn start(&mut self, spec: &PullRequestSpec) {
        let base = self.heads.get(&spec.base).cloned().unwrap_or_else(|| ZERO.to_owned());
        let mut parent = base.clone();
        for _ in 0..spec.behind {
            parent = self.commits[&parent].parents.first().cloned().unwrap_or(parent);
        }
        let branch = format!("example/change-{}", spec.number);
        let under = self.pulls.iter().find(|pull| Some(pull.spec.number) == spec.on);
        let commits = under.map_or_else(Vec::new, |pull| pull.commits.clone());
        parent = commits.last().cloned().unwrap_or(parent);
        let mut pull = Pull { spec: spec.clone(), branch, commits, replaced: vec![], pushes: vec![], landed: vec![] };
        for number in 0..spec.commits.max(1) {
            let edits = spec.edits_of(number);
            let label = format!("#{} commit {number}", spec.number);
            parent = self.commit(&label, &[parent], Some(&spec.author), spec.opened_at, &edits);
            pull.commits.push(parent.clone());
        }
        pull.pushes.push(("branch_creation", ZERO.to_owned(), parent, spec.opened_at, spec.author.clone()));
        let mut later: Vec<(DateTime<Utc>, Later)> = Vec::new();
        later.extend(spec.pushed_later.iter().map(|(at, who)| (*at, Later::Push(who))));
        later.extend(spec.branch_updated_at.map(|at| (at, Later::Update)));
        later.extend(spec.rebased.iter().map(|rebase| (rebase.at, Later::Rebase(rebase))));
        later.sort_by_key(|(at, _)| *at);
        for (at, later) in later {
            self.go_on(&mut pull, &base, at, &later);
        }
        if let Some((at, who)) = spec.restored.as_ref().filter(|(at, _)| *at < spec.merged_at)
            && let Some(head) = pull.commits.last().cloned()
        {
            let gone = *at - Duration::minutes(1);
            pull.pushes.push(("branch_deletion", head.clone(), ZERO.to_owned(), gone, who.clone()));
            pull.pushes.push(("branch_creation", ZERO.to_owned(), head, *at, who.clone()));
        }
        for sha in &pull.commits {
            if let Some(commit) = self.commits.get_mut(sha) {
                commit.co_authors.clone_from(&spec.co_authors);
            }
        }
        self.pulls.push(pull);
    }

    fn go_on(&mut self, pull: &mut Pull, base: &str, at: DateTime<Utc>, later: &Later<'_>) {
        let spec = pull.spec.clone();
        let Some(before) = pull.commits.last().cloned() else { return };
        let (label, author) = (format!("#{} later {at}", spec.number), spec.author.as_str());
        let (kind, by) = match later {
            Later::Push(who) => {
                let edits = [Edit::new(&format!("src/change_{}.rs", spec.number), &label)];
                let sha = self.commit(&label, std::slice::from_ref(&before), Some(who), at, &edits);
                pull.commits.push(sha);
                ("push", who.as_str())
            }
            Later::Update => {
                let by = spec.branch_updated_by.as_deref().unwrap_or(author);
                let sha = self.commit(&label, &[before.clone(), base.to_owned()], Some(by), at, &[]);
                if let Some(commit) = self.commits.get_mut(&sha) {
                    commit.web_flow = true;
                }
                pull.commits.push(sha);
                ("push", by)
            }
            Later::Rebase(rebase) => {
                pull.replaced = std::mem::take(&mut pull.commits);
                let mut parent = base.to_owned();
                for (number, sha) in pull.replaced.iter().enumerate() {
                    let mut edits = self.commits[sha].edits.clone();
                    if number + 1 == pull.replaced.len() {
                        edits.retain(|edit| rebase.also.iter().all(|also| also.path != edit.path));
                        edits.extend(rebase.also.clone());
                    }
                    parent = self.commit(&format!("{label} commit {number}"), &[parent], Some(author), at, &edits);
                    pull.commits.push(parent.clone());
                }
                ("force_push", rebase.by.as_str())
            }
        };
        if let Some(after) = pull.commits.last().cloned() {
            pull.pushes.push((kind, before, after, at, by.to_owned()));
        }
    }

    /// The base branch's update: before, after, kind.
    fn land(&mut self, spec: &PullRequestSpec) -> (String, String, &'static str) {
        let before = self.heads.get(&spec.base).cloned().unwrap_or_else(|| ZERO.to_owned());
        let own = self.pulls.last().map_or_else(Vec::new, |pull| pull.commits.clone());
        let edits: Vec<Vec<Edit>> = own.iter().map(|sha| self.commits[sha].edits.clone()).collect();
        let by = Some(spec.author.as_str());
        let mut landed = Vec::new();
        match spec.method {
            Method::Squash => landed.push(self.commit(
                &format!("#{} squashed", spec.number),
                std::slice::from_ref(&before),
                by,
                spec.merged_at,
                &edits.concat(),
            )),
            Method::Rebase => {
                let mut parent = before.clone();
                for (number, edits) in edits.iter().enumerate() {
                    let label = format!("#{} rebased {number}", spec.number);
                    parent = self.commit(&label, &[parent], by, spec.merged_at, edits);
                    landed.push(parent.clone());
                }
            }
            Method::FastForward => landed.extend(own.last().cloned()),
            Method::Merge | Method::Queue | Method::Pushed => {
                let edits = if spec.method == Method::Pushed { spec.merged_with.as_slice() } else { &[] };
                let mut parents: Vec<String> = std::iter::once(before.clone()).chain(own.last().cloned()).collect();
                if spec.turned {
                    parents.reverse();
                }
                landed.push(self.commit(&format!("#{} merged", spec.number), &parents, by, spec.merged_at, edits));
            }
        }
        let after = landed.last().cloned().unwrap_or_else(|| before.clone());
        self.heads.insert(spec.base.clone(), after.clone());
        if let Some(pull) = self.pulls.last_mut() {
            pull.landed = landed;
        }
        let kind = match spec.method {
            Method::Queue => "merge_queue_merge",
            Method::Pushed | Method::FastForward => "push",
            Method::Merge | Method::Squash | Method::Rebase => "pr_merge",
        };
        (before, after, kind)
    }
}
