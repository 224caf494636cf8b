//! What the credentials of a collector may do: what it needs and has, what it lacks, what is more than it needs, and
//! what nobody can tell. From what a collection was answered, and from what the source tells beside.

use super::{Finding, Level, Standing};
use evidenced_collectors::contract::{Asking, CollectError, Collector, Kind, Permission, Rights, System};
use evidenced_collectors::door::{Door, Exchange};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Types of errors that stand in an answer of GraphQL where a permission may be missing.
const GRAPHQL_NO: [&[u8]; 3] = [b"\"FORBIDDEN\"", b"\"NOT_FOUND\"", b"\"INSUFFICIENT_SCOPES\""];

/// One collector that has just collected through `door`.
pub(super) struct Tried<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'static Kind,
    pub(super) collector: &'a dyn Collector,
    pub(super) settings: &'a Value,
    /// Permissions that other collectors need: a credential may be for several.
    pub(super) others: &'a BTreeSet<&'static str>,
}

impl Tried<'_> {
    /// One finding for each standing that something has.
    pub(super) async fn look(&self, door: &Door, error: Option<&CollectError>) -> Vec<Finding> {
        let exchanges = door.take_exchanges();
        let needed: Vec<Permission> =
            self.kind.permissions.iter().filter(|permission| permission.needed(self.settings)).copied().collect();
        let refused = refused(error);
        let answered = self.answered(&exchanges, &needed, error.is_none());
        let told =
            |permission: &&Permission| refused.contains_key(permission.name) || answered.contains(permission.name);
        let untold: Vec<Permission> = needed.iter().filter(|permission| !told(permission)).copied().collect();
        let asking = Asking { needed: &needed, untold: &untold, exchanges: &exchanges };
        let mut rights = self.collector.rights(door, &asking).await;
        // A refusal counts before all else; then an answer, since what is public needs no permission.
        rights.lacks.retain(|name, _| !answered.contains(name));
        for (name, grant) in refused {
            rights.lacks.entry(name).or_insert(grant);
        }
        rights.has.extend(answered);
        rights.has.retain(|name| !rights.lacks.contains_key(name));
        rights.more.retain(|name| !self.others.contains(name.as_str()));
        rights.more.extend(writable(&exchanges));
        self.findings(&needed, &rights)
    }

    /// Permissions of requests that were answered, and of which no request was refused.
    fn answered(&self, exchanges: &[Exchange], needed: &[Permission], whole: bool) -> BTreeSet<String> {
        let (mut yes, mut no) = (BTreeSet::new(), BTreeSet::new());
        for exchange in exchanges {
            let Ok(response) = &exchange.head.response else { continue };
            let names = (self.kind.needs)(&exchange.head.request);
            match response.status {
                // GraphQL refuses with 200, and hides.
                200..=299 | 304 if !GRAPHQL_NO.iter().any(|no| holds(&exchange.body, no)) => yes.extend(names),
                // AWS says that there is nothing to those alone who may know.
                404 if whole && self.system() == Some(System::Aws) => yes.extend(names),
                _ => no.extend(names),
            }
        }
        let needed: BTreeSet<&str> = needed.iter().map(|permission| permission.name).collect();
        yes.into_iter().filter(|name| !no.contains(name) && needed.contains(name.as_str())).collect()
    }

    fn findings(&self, needed: &[Permission], rights: &Rights) -> Vec<Finding> {
        let about = format!("permissions of {}", self.name);
        let mut findings = Vec::new();
        let mut add = |level, standing, names: Vec<String>, found: String, fix: Option<String>| {
            if !names.is_empty() {
                findings.push(Finding { about: about.clone(), level, found, fix, standing: Some(standing), names });
            }
        };
        let has: Vec<String> = rights.has.iter().cloned().collect();
        add(Level::Ok, Standing::Has, has.clone(), format!("has {}", has.join(", ")), None);
        let lacks: Vec<String> = rights.lacks.keys().cloned().collect();
        let grant: Vec<&str> = rights.lacks.values().map(String::as_str).collect();
        let fix = format!("grant {}", grant.join(", "));
        add(Level::Fail, Standing::Lacks, lacks.clone(), format!("lacks {}", lacks.join(", ")), Some(fix));
        let more: Vec<String> = rights.more.iter().cloned().collect();
        let found = format!("may do more than it needs: {}", more.join(", "));
        add(Level::Warn, Standing::TooMany, more, found, Some(self.instead()));
        let told = |name: &str| rights.has.contains(name) || rights.lacks.contains_key(name);
        let untold: Vec<String> =
            needed.iter().map(|permission| permission.name).filter(|name| !told(name)).map(str::to_owned).collect();
        let found = format!("cannot be told: {}", untold.join(", "));
        let fix = "nothing could be asked that needs it; look at what was granted";
        add(Level::Unknown, Standing::Unknown, untold, found, Some(fix.to_owned()));
        for (found, fix) in &rights.unknown {
            let found = format!("cannot be told: {}", found.replace('\n', " "));
            findings.push(Finding {
                standing: Some(Standing::Unknown),
                ..Finding::bad(Level::Unknown, &about, found, fix.clone())
            });
        }
        findings
    }

    fn system(&self) -> Option<System> {
        self.kind.permissions.first().map(|permission| permission.system)
    }

    /// What to use in place of a credential that may do too much.
    fn instead(&self) -> String {
        match self.system() {
            Some(System::Aws) => "use a credential of its own with the policy that `evidenced permissions aws` prints",
            Some(System::Github) => "use a GitHub App of its own, made of `evidenced permissions github`",
            Some(System::Files) | None => "let another account write what evidenced reads",
        }
        .to_owned()
    }
}

/// What the collection says is missing, and what to grant for it.
fn refused(error: Option<&CollectError>) -> BTreeMap<String, String> {
    let unread = error.map(CollectError::unread).unwrap_or_default();
    unread.into_iter().filter_map(|unread| unread.permission).map(|name| (name.clone(), name)).collect()
}

/// Places of the file system that this process could change.
fn writable(exchanges: &[Exchange]) -> BTreeSet<String> {
    let files = exchanges.iter().filter(|exchange| ["LIST", "READ"].contains(&exchange.head.request.method.as_str()));
    let paths = files.filter_map(|exchange| url::Url::parse(&exchange.head.request.url).ok()?.to_file_path().ok());
    let writes = |path: &PathBuf| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    paths.filter(writes).map(|path| format!("write to {}", path.display())).collect()
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}
