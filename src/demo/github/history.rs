//! What happens in the sample repositories: commits, pushes, pull requests, faults, given up front with
//! their times. Knows nothing of wire forms.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Stands for no commit.
pub(super) const ZERO: &str = "0000000000000000000000000000000000000000";

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
    /// Reviews, in the order of their times.
    pub reviews: Vec<ReviewSpec>,
    /// One more commit, when and by whom.
    pub pushed_later: Option<(DateTime<Utc>, String)>,
    /// When the "Update branch" button is pressed, if it is.
    pub branch_updated_at: Option<DateTime<Utc>>,
    /// When the base branch is switched to `base`, if it is.
    pub base_changed_at: Option<DateTime<Utc>>,
    /// When it is merged.
    pub merged_at: DateTime<Utc>,
    /// Who merges it.
    pub merged_by: String,
    /// How.
    pub method: Method,
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
            reviews: Vec::new(),
            pushed_later: None,
            branch_updated_at: None,
            base_changed_at: None,
            merged_at,
            merged_by: author.to_owned(),
            method: Method::Merge,
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
        self.reviews.push(ReviewSpec { who: Some(who.to_owned()), at, state, dismissed_at: None });
        self
    }

    /// With one more commit by `who`, half an hour before the merge.
    #[must_use]
    pub fn pushed_after_approval(mut self, who: &str) -> Self {
        self.pushed_later = Some((self.merged_at - Duration::minutes(30), who.to_owned()));
        self
    }
}

#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub sha: String,
    pub parents: Vec<String>,
    pub author: Option<String>,
    pub co_authors: Vec<String>,
    pub web_flow: bool,
    pub at: DateTime<Utc>,
    pub paths: Vec<String>,
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
        }
        landing
    }

    /// The merge queue lands several pull requests at once, when the last one is merged.
    pub fn merge_together(&mut self, specs: Vec<PullRequestSpec>) -> Option<u64> {
        let last = specs.last()?.clone();
        let (mut from, mut to) = (None, String::new());
        for spec in &specs {
            self.of(&spec.repository).start(spec);
            self.open(spec);
            let (before, after, _) = self.of(&spec.repository).land(spec);
            from.get_or_insert(before);
            to = after;
        }
        let landed = (last.base.as_str(), "merge_queue_merge");
        let queue = Some("github-merge-queue[bot]");
        Some(self.row(&last.repository, landed, (&from?, &to), last.merged_at, queue))
    }

    /// Rows of the pull request's own branch; its name and last head. Forks are not in the log.
    fn open(&mut self, spec: &PullRequestSpec) -> Option<(String, String)> {
        if spec.fork {
            return None;
        }
        let pull = self.of(&spec.repository).pulls.last()?.clone();
        let opened = pull.commits.get(spec.commits.max(1) as usize - 1)?.clone();
        let created = (pull.branch.as_str(), "branch_creation");
        self.row(&spec.repository, created, (ZERO, &opened), spec.opened_at, Some(&spec.author));
        let mut before = opened;
        for sha in pull.commits.iter().skip(spec.commits.max(1) as usize) {
            let commit = self.of(&spec.repository).commits[sha].clone();
            let by = match &spec.pushed_later {
                Some((at, who)) if *at == commit.at => who.clone(),
                _ => spec.author.clone(),
            };
            self.row(&spec.repository, (&pull.branch, "push"), (&before, sha), commit.at, Some(&by));
            before = sha.clone();
        }
        Some((pull.branch, before))
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
        let repo = self.of(repository);
        let before = repo.heads[branch].clone();
        let label = format!("push by {actor} at {at}");
        let after = repo.commit(&label, std::slice::from_ref(&before), Some(actor), at, paths);
        repo.heads.insert(branch.to_owned(), after.clone());
        self.row(repository, (branch, "push"), (&before, &after), at, Some(actor))
    }

    /// A production branch's last commit is replaced.
    pub fn force_push(&mut self, repository: &str, branch: &str, actor: &str, at: DateTime<Utc>) -> u64 {
        let repo = self.of(repository);
        let before = repo.heads[branch].clone();
        let parents = repo.commits[&before].parents.iter().take(1).cloned().collect::<Vec<_>>();
        let after = repo.commit(&format!("forced by {actor} at {at}"), &parents, Some(actor), at, &["src/forced.rs"]);
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
        let after = repo.commit(&format!("made again by {actor} at {at}"), &[], Some(actor), at, &["src/again.rs"]);
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
        paths: &[&str],
    ) -> String {
        let digest = Sha256::digest(format!("{}\n{label}\n{parents:?}", self.name));
        let sha: String = hex::encode(digest).chars().take(40).collect();
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        let (parents, author, co_authors) = (parents.to_vec(), author.map(str::to_owned), Vec::new());
        let commit = Commit { sha: sha.clone(), parents, author, co_authors, web_flow: false, at, paths };
        self.commits.insert(sha.clone(), commit);
        sha
    }

    /// The pull request's own commits.
    fn start(&mut self, spec: &PullRequestSpec) {
        let base = self.heads.get(&spec.base).cloned().unwrap_or_else(|| ZERO.to_owned());
        let branch = format!("example/change-{}", spec.number);
        let path = format!("src/change_{}.rs", spec.number);
        let (mut commits, mut parent) = (Vec::new(), base.clone());
        for number in 0..spec.commits.max(1) {
            let label = format!("#{} commit {number}", spec.number);
            parent = self.commit(&label, &[parent], Some(&spec.author), spec.opened_at, &[&path]);
            commits.push(parent.clone());
        }
        let mut later: Vec<(DateTime<Utc>, Option<String>)> = Vec::new();
        later.extend(spec.pushed_later.iter().map(|(at, who)| (*at, Some(who.clone()))));
        later.extend(spec.branch_updated_at.map(|at| (at, None)));
        later.sort();
        for (at, who) in later {
            let update = who.is_none();
            let parents = if update { vec![parent, base.clone()] } else { vec![parent] };
            let author = who.as_deref().unwrap_or(&spec.author);
            parent = self.commit(&format!("#{} later {at}", spec.number), &parents, Some(author), at, &[&path]);
            if let Some(commit) = self.commits.get_mut(&parent) {
                commit.web_flow = update;
            }
            commits.push(parent.clone());
        }
        for sha in &commits {
            if let Some(commit) = self.commits.get_mut(sha) {
                commit.co_authors.clone_from(&spec.co_authors);
            }
        }
        self.pulls.push(Pull { spec: spec.clone(), branch, commits, landed: Vec::new() });
    }

    /// The base branch's update: before, after, kind.
    fn land(&mut self, spec: &PullRequestSpec) -> (String, String, &'static str) {
        let before = self.heads.get(&spec.base).cloned().unwrap_or_else(|| ZERO.to_owned());
        let own = self.pulls.last().map_or_else(Vec::new, |pull| pull.commits.clone());
        let path = format!("src/change_{}.rs", spec.number);
        let by = Some(spec.author.as_str());
        let mut landed = Vec::new();
        match spec.method {
            Method::Squash => landed.push(self.commit(
                &format!("#{} squashed", spec.number),
                std::slice::from_ref(&before),
                by,
                spec.merged_at,
                &[&path],
            )),
            Method::Rebase => {
                let mut parent = before.clone();
                for number in 0..own.len() {
                    let label = format!("#{} rebased {number}", spec.number);
                    parent = self.commit(&label, &[parent], by, spec.merged_at, &[&path]);
                    landed.push(parent.clone());
                }
            }
            Method::Merge | Method::Queue | Method::Pushed => {
                let parents: Vec<String> = std::iter::once(before.clone()).chain(own.last().cloned()).collect();
                landed.push(self.commit(&format!("#{} merged", spec.number), &parents, by, spec.merged_at, &[&path]));
            }
        }
        let after = landed.last().cloned().unwrap_or_else(|| before.clone());
        self.heads.insert(spec.base.clone(), after.clone());
        if let Some(pull) = self.pulls.last_mut() {
            pull.landed = landed;
        }
        let kind = match spec.method {
            Method::Queue => "merge_queue_merge",
            Method::Pushed => "push",
            Method::Merge | Method::Squash | Method::Rebase => "pr_merge",
        };
        (before, after, kind)
    }
}
