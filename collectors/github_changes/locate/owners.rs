//! Where it stands who owned the touched paths: the file before the landing, members of teams, the paths.

use super::{NAMED_MAX, Search, fields, list, text};
use crate::contract::{Fact, Found};
use serde_json::Value;

/// Places of the file that are asked for; the first one found counts.
const PLACES: [&str; 3] = ["0", "1", "2"];

impl Search<'_> {
    /// The file's id and text, or that it is in none of its places.
    pub(super) fn code_owners(&mut self, question: &str, body: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        let before = &self.change.landing.before;
        for (alias, _) in fields(body, "/data/repository") {
            let Some(number) = alias.strip_prefix('c') else { continue };
            // Landed commits are asked for by like names, but for more.
            if question.contains(&format!("{alias}:object(oid:\"{before}\"){{__typename}}")) {
                let places = PLACES.map(|place| format!("/data/repository/p{number}_{place}"));
                let blob = |at: &String| body.pointer(&format!("{at}/oid")).and_then(Value::as_str).map(str::to_owned);
                match places.iter().find_map(|at| Some((at, blob(at)?))) {
                    Some((at, blob)) => {
                        found.extend(self.one(&Fact::CodeOwners, body, format!("{at}/oid")));
                        self.owners_blob = Some(blob);
                    }
                    None => found.extend(places.into_iter().filter_map(|at| self.one(&Fact::CodeOwners, body, at))),
                }
            }
        }
        let asks_text = |blob: &String| question.contains(&format!("file:object(oid:\"{blob}\")"));
        if self.owners_blob.as_ref().is_some_and(asks_text) {
            found.extend(self.one(&Fact::CodeOwners, body, "/data/repository/file/text".to_owned()));
        }
        found
    }

    /// A page of a team whose members are among one group of owners; where owners are not known, a team that
    /// shows none.
    pub(super) fn team(&self, body: &Value) -> Vec<Found> {
        const TEAM: &str = "/data/organization/team";
        let nodes = body.pointer(&format!("{TEAM}/members/nodes")).and_then(Value::as_array);
        let logins: Vec<&str> = nodes.into_iter().flatten().filter_map(|member| text(member, "login")).collect();
        let groups = self.pull.and_then(|pull| pull.owners_of_paths.as_ref());
        let ours = match groups {
            Some(groups) => groups
                .iter()
                .any(|group| !logins.is_empty() && logins.iter().all(|login| group.iter().any(|owner| owner == login))),
            None => logins.is_empty(),
        };
        self.one(&Fact::CodeOwners, body, TEAM.to_owned()).filter(|_| ours).into_iter().collect()
    }

    /// The paths of the pull request where one of them was renamed: both names of those.
    pub(super) fn renamed(&self, files: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        for (number, file) in files.as_array().into_iter().flatten().enumerate().take(NAMED_MAX) {
            if file.get("previous_filename").is_some() {
                let names = ["previous_filename", "filename"].map(|name| format!("/{number}/{name}"));
                found.extend(names.into_iter().filter_map(|at| self.one(&Fact::Paths, files, at)));
            }
        }
        found
    }

    /// What two commits that were compared change each: where they left the base, and the paths with their blobs.
    pub(super) fn compared(&self, fact: &Fact, body: &Value) -> Vec<Found> {
        let files = (0..list(body, "files").len().min(NAMED_MAX))
            .flat_map(|number| ["filename", "sha"].map(|field| format!("/files/{number}/{field}")));
        let places = std::iter::once("/merge_base_commit/sha".to_owned()).chain(files);
        places.filter_map(|at| self.one(fact, body, at)).collect()
    }
}
