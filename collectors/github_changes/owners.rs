//! Who owned the paths that a pull request touched: CODEOWNERS as the branch had it before the landing, never
//! the one that the change brings, with teams as their members at the time of reading.
//!
//! What cannot be said of the owners leaves them unread, with a limitation that says why; a question that got
//! no answer makes the run incomplete. Neither is ever "no owners".

use super::codeowners::{CodeOwners, Owner};
use super::compare::File;
use super::pull::Touched;
use super::settings::Repository;
use crate::contract::{Change, CollectError, LandingKind, Lookup, Unread};
use crate::sources::github::client::{CONTENTS, Client, PULL_REQUESTS, malformed, stated};
use crate::sources::github::{graphql, permissions};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where GitHub looks for the file; the first one found counts.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
/// GitHub does not use a larger file.
const FILE_MAX: u64 = 3_000_000;
/// GitHub lists no more paths of one pull request.
const PATHS_MAX: usize = 3_000;
/// Commits whose file is looked for by one request.
const COMMITS_AT_ONCE: usize = 25;
/// Pages of one team's members, a hundred each.
const MEMBER_PAGES_MAX: u32 = 100;
const MEMBERS: &str = permissions::MEMBERS.name;

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub unread: Vec<Unread>,
    /// Whose owners are not known, and why.
    pub limitations: Vec<String>,
}

/// Why owners were not read.
#[derive(Clone)]
enum Why {
    /// They cannot be told; said as a limitation.
    NotKnown(String),
    /// No usable answer.
    Error(CollectError),
}

impl From<CollectError> for Why {
    fn from(error: CollectError) -> Self {
        Self::Error(error)
    }
}

/// The paths of each change, by its id; `None`: GitHub did not list them.
pub(super) type Paths = BTreeMap<String, Option<Vec<Touched>>>;

/// Sets `owners_of_paths` of every pull request that was merged into its own branch. Fails as a whole only
/// without sign-in.
pub(super) async fn read(
    client: &Client,
    repository: &Repository,
    changes: &mut [Change],
    paths: &Paths,
) -> Result<Outcome, CollectError> {
    let concerns = |change: &Change| match &change.pull_request {
        Lookup::Found(pr) => pr.base == change.branch && change.landing.kind != LandingKind::ForcePush,
        Lookup::None | Lookup::Failed(_) => false,
    };
    let mut reader =
        Reader { client, repository, blobs: BTreeMap::new(), files: BTreeMap::new(), teams: BTreeMap::new() };
    let commits = changes.iter().filter(|change| concerns(change)).map(|change| change.landing.before.clone());
    reader.find(commits.collect()).await?;
    let mut outcome = Outcome::default();
    for change in changes.iter_mut().filter(|change| concerns(change)) {
        let touched = paths.get(&change.id).and_then(Option::as_deref);
        let groups = reader.groups(change, touched).await;
        let Lookup::Found(pr) = &mut change.pull_request else { continue };
        match groups {
            Ok(groups) => pr.owners_of_paths = Some(groups),
            Err(Why::NotKnown(why)) => {
                let which = format!("{}: owners of the paths of pull request {}", repository.name, pr.number);
                outcome.limitations.push(format!("{which} are not known: {why}"));
            }
            Err(Why::Error(error @ CollectError::Unauthenticated { .. })) => return Err(error),
            Err(Why::Error(error)) => outcome.unread.extend(error.unread()),
        }
    }
    Ok(outcome)
}

struct Reader<'a> {
    client: &'a Client,
    repository: &'a Repository,
    /// By commit, the blob that its CODEOWNERS is, and the blob's size.
    blobs: BTreeMap<String, Result<Option<(String, u64)>, CollectError>>,
    /// By blob.
    files: BTreeMap<String, Result<CodeOwners, Why>>,
    /// By organisation and slug, as GitHub compares them.
    teams: BTreeMap<(String, String), Result<Vec<String>, Why>>,
}

impl Reader<'_> {
    /// Finds the file of each commit.
    async fn find(&mut self, commits: BTreeSet<String>) -> Result<(), CollectError> {
        let commits: Vec<String> = commits.into_iter().collect();
        for chunk in commits.chunks(COMMITS_AT_ONCE) {
            let what = format!("repository {}: CODEOWNERS at {} commits", self.repository.name, chunk.len());
            let mut selection = String::new();
            for (number, oid) in chunk.iter().enumerate() {
                selection += &format!(" c{number}:object(oid:\"{oid}\"){{__typename}}");
                for (place, path) in PLACES.iter().enumerate() {
                    let asked = "{__typename ...on Blob{oid byteSize}}";
                    selection += &format!(" p{number}_{place}:object(expression:\"{oid}:{path}\"){asked}");
                }
            }
            match graphql::of_repository(self.client, &self.repository.name, &what, &selection, CONTENTS).await {
                Ok(reply) => {
                    let found =
                        chunk.iter().enumerate().map(|(number, oid)| (oid.clone(), first(&what, &reply, number)));
                    self.blobs.extend(found);
                }
                Err(error @ CollectError::Unauthenticated { .. }) => return Err(error),
                Err(error) => self.blobs.extend(chunk.iter().map(|oid| (oid.clone(), Err(error.clone())))),
            }
        }
        Ok(())
    }

    /// The groups of owners, each of which needs one approver.
    async fn groups(&mut self, change: &Change, touched: Option<&[Touched]>) -> Result<Vec<Vec<String>>, Why> {
        let before = &change.landing.before;
        let unasked = || Err(malformed(before, "was not asked for".to_owned()));
        let Some((blob, size)) = self.blobs.get(before).cloned().unwrap_or_else(unasked)? else {
            return Ok(Vec::new());
        };
        let touched = touched.ok_or_else(|| Why::NotKnown("GitHub does not list its paths".to_owned()))?;
        if touched.len() >= PATHS_MAX {
            return Err(Why::NotKnown(format!(
                "it touches {PATHS_MAX} paths or more, which GitHub does not list in full"
            )));
        }
        let paths = self.paths(change, touched).await?;
        if !self.files.contains_key(&blob) {
            let file = self.file(&blob, size).await;
            self.files.insert(blob.clone(), file);
        }
        let owners: BTreeSet<Vec<Owner>> = match &self.files[&blob] {
            Ok(file) => paths.iter().map(|path| file.of(path).to_vec()).filter(|owners| !owners.is_empty()).collect(),
            Err(why) => return Err(why.clone()),
        };
        let mut groups = BTreeSet::new();
        for owners in owners {
            let mut logins = BTreeSet::new();
            for owner in owners {
                logins.extend(self.logins(owner).await?);
            }
            groups.insert(Vec::from_iter(logins));
        }
        Ok(groups.into_iter().collect())
    }

    /// Every path, of renamed files the former one too: who owned it must agree that it goes.
    async fn paths(&self, change: &Change, touched: &[Touched]) -> Result<BTreeSet<String>, Why> {
        if touched.iter().all(Touched::keeps_its_name) {
            return Ok(touched.iter().map(|touched| touched.path.clone()).collect());
        }
        let Lookup::Found(pr) = &change.pull_request else { return Ok(BTreeSet::new()) };
        let what = format!("repository {}: paths of pull request {}", self.repository.name, pr.number);
        let path = format!("/repos/{}/pulls/{}/files?per_page=100&page=1", self.repository.name, pr.number);
        let first = self.client.get(&what, &path, None).await?;
        let (files, _) = self.client.pages(&what, (&path, first), PULL_REQUESTS, |_: &[File]| false).await?;
        let names: BTreeSet<&str> = files.iter().map(|file| file.filename.as_str()).collect();
        if names != touched.iter().map(|touched| touched.path.as_str()).collect() || files.len() != touched.len() {
            let why = format!("{} paths listed, which are not the {} stated", files.len(), touched.len());
            return Err(malformed(&what, why).into());
        }
        if let Some(file) = files.iter().find(|file| file.status.moves() && file.previous_filename.is_none()) {
            return Err(malformed(&what, format!("{} was moved, and nobody says from where", file.filename)).into());
        }
        Ok(files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten().collect())
    }

    async fn file(&self, blob: &str, size: u64) -> Result<CodeOwners, Why> {
        #[derive(Deserialize)]
        enum Kind {
            Blob,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Blob {
            #[serde(rename = "__typename")]
            _kind: Kind,
            #[serde(deserialize_with = "stated")]
            text: Option<String>,
            is_truncated: bool,
        }
        let what = format!("repository {}: CODEOWNERS {blob}", self.repository.name);
        if size > FILE_MAX {
            return Err(Why::NotKnown(format!("CODEOWNERS {blob} is larger than GitHub uses, {size} bytes")));
        }
        let selection = format!(" file:object(oid:\"{blob}\"){{__typename ...on Blob{{text isTruncated}}}}");
        let mut reply = graphql::of_repository(self.client, &self.repository.name, &what, &selection, CONTENTS).await?;
        let read: Blob = part(&what, &mut reply, "file")?;
        match read.text {
            Some(text) if !read.is_truncated => CodeOwners::parse(&text)
                .map_err(|why| Why::NotKnown(format!("CODEOWNERS {blob} is not understood: {why}"))),
            _ => Err(Why::NotKnown(format!("GitHub does not give the whole text of CODEOWNERS {blob}"))),
        }
    }

    async fn logins(&mut self, owner: Owner) -> Result<Vec<String>, Why> {
        let (organisation, slug) = match owner {
            Owner::User(login) => return Ok(vec![login]),
            Owner::Address(line) => {
                return Err(Why::NotKnown(format!(
                    "line {line} of CODEOWNERS names an e-mail address, not an account"
                )));
            }
            Owner::Team { organisation, slug } => (organisation, slug),
        };
        let key = (organisation.to_ascii_lowercase(), slug.to_ascii_lowercase());
        if let Some(known) = self.teams.get(&key) {
            return known.clone();
        }
        let members = match self.members(&key).await {
            Ok(Some(members)) if members.is_empty() => {
                Err(Why::NotKnown(format!("the team @{organisation}/{slug} has no member that this token sees")))
            }
            Ok(Some(members)) => Ok(members),
            // The file may name one that was deleted long ago.
            Ok(None) => Err(Why::NotKnown(format!(
                "GitHub shows no team @{organisation}/{slug}; to see a secret one needs the permission {MEMBERS}"
            ))),
            Err(error) => Err(Why::Error(error)),
        };
        self.teams.insert(key, members.clone());
        members
    }

    /// The members of a team, and of the teams below it; `None`: GitHub shows no such team.
    async fn members(&self, (organisation, slug): &(String, String)) -> Result<Option<Vec<String>>, CollectError> {
        let what = format!("team @{organisation}/{slug}: members");
        let document = "query($org:String!,$team:String!,$after:String){rateLimit{cost remaining resetAt} \
            organization(login:$org){team(slug:$team){members(first:100,after:$after){totalCount \
            pageInfo{hasNextPage endCursor} nodes{login}}}}}";
        let (mut members, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MEMBER_PAGES_MAX {
            let variables = json!({ "org": organisation, "team": slug, "after": after });
            let asked = graphql::ask(self.client, &what, document, variables, MEMBERS).await;
            let mut reply = asked.map_err(|trouble| trouble.into_error(&what))?;
            match reply.errors.first() {
                Some(error) if error.not_found() => return Ok(None),
                Some(error) => return Err(error.refusal(&what, MEMBERS)),
                None => {}
            }
            let Organization { team } = part(&what, &mut reply.data, "organization")?;
            let Some(Team { members: page }) = team else { return Ok(None) };
            members.extend(page.nodes.into_iter().map(|member| member.login));
            if !page.page_info.has_next_page {
                if members.len() as u64 != page.total_count {
                    let why = format!("{} members listed, {} stated", members.len(), page.total_count);
                    return Err(malformed(&what, why));
                }
                return Ok(Some(members));
            }
            if page.page_info.end_cursor.is_none() || page.page_info.end_cursor == after {
                return Err(malformed(&what, "a page names no next one, or itself".to_owned()));
            }
            after = page.page_info.end_cursor;
        }
        Err(CollectError::Limit { what, why: format!("more than {MEMBER_PAGES_MAX} pages") })
    }
}

/// The first place of a commit that has the file.
fn first(what: &str, reply: &Map<String, Value>, number: usize) -> Result<Option<(String, u64)>, CollectError> {
    // A commit that GitHub does not know has no file either, which says nothing.
    if reply.get(&format!("c{number}")).and_then(|commit| commit.get("__typename")) != Some(&json!("Commit")) {
        return Err(malformed(what, "GitHub does not know the commit before the landing".to_owned()));
    }
    for (place, path) in PLACES.iter().enumerate() {
        let found = reply.get(&format!("p{number}_{place}"));
        let found = found.ok_or_else(|| malformed(what, format!("nothing is said of {path}")))?;
        let kind = found.get("__typename").and_then(Value::as_str);
        // Folders and submodules of that name are none.
        if !(found.is_null() || matches!(kind, Some("Blob" | "Tree" | "Commit"))) {
            return Err(malformed(what, format!("what {path} is, is not understood")));
        }
        if kind == Some("Blob") {
            let (oid, size) = (found.get("oid").and_then(Value::as_str), found.get("byteSize").and_then(Value::as_u64));
            let (Some(oid), Some(size)) = (oid, size) else {
                return Err(malformed(what, format!("no id and size of {path}")));
            };
            return Ok(Some((oid.to_owned(), size)));
        }
    }
    Ok(None)
}

fn part<T: DeserializeOwned>(what: &str, reply: &mut Map<String, Value>, name: &str) -> Result<T, CollectError> {
    let value = reply.get_mut(name).map(Value::take).unwrap_or_default();
    serde_json::from_value(value).map_err(|error| malformed(what, error.to_string()))
}

#[derive(Deserialize)]
struct Organization {
    #[serde(deserialize_with = "stated")]
    team: Option<Team>,
}

#[derive(Deserialize)]
struct Team {
    members: Members,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    total_count: u64,
    page_info: PageInfo,
    nodes: Vec<Member>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    #[serde(deserialize_with = "stated")]
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Member {
    login: String,
}
