//! Everything that reached a production branch on GitHub in a window, with the pull request that
//! brought it, its reviews, and who pushed last.
//!
//! `repository` is the line one repository goes through: `activity` (every ref update) gives the
//! chain of a branch's states (`chain`), `state` its present head and an independent count of merged
//! pull requests, `compare` the commits of updates that are not one merge, `graphql` and `pull` the
//! pull requests, `rules` the bypasses. `landings` makes `Change`s of them. `client` sends.

mod activity;
mod chain;
mod client;
mod compare;
mod graphql;
mod landings;
mod memory;
mod pull;
mod repository;
mod rules;
mod settings;
mod state;

use crate::contract::{CollectError, Collector, Ipe, Items, Kind, Partial, Population, Reading, Task};
use crate::door::Door;
use client::Client;
use memory::Memory;
use settings::Settings;
use std::collections::BTreeSet;

/// What `crate::KINDS` lists.
pub(crate) const KIND: Kind = Kind {
    name: "github_changes",
    version: 2,
    about: "Everything that reached a production branch on GitHub, with its pull requests and reviews",
    reading: Reading::Window,
    permissions: &[
        "Metadata: read",
        "Contents: read",
        "Pull requests: read",
        "Administration: read (only for rule_suites)",
    ],
    build: |settings| Ok(Box::new(GithubChanges { settings: Settings::parse(settings)? })),
    settings_schema: || schemars::schema_for!(Settings),
};

struct GithubChanges {
    settings: Settings,
}

#[async_trait::async_trait]
impl Collector for GithubChanges {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let client = Client::new(door, &self.settings)?;
        let memory = Memory::read(task.carry.as_ref())?;
        let mut next = Memory::default();
        let (mut changes, mut whole, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        let (mut found, mut totals, mut identity) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut limitations = limitations(&self.settings);
        let mut filters = Vec::new();
        for repository in &self.settings.repositories {
            let known = memory.repositories.get(&repository.name);
            match repository::read(&client, &self.settings, repository, known, task.window).await {
                Ok(read) => {
                    if read.unread.is_empty() {
                        found.extend(repository.branches.iter().map(|b| format!("{}: {b}", repository.name)));
                    }
                    changes.extend(read.changes);
                    whole.extend(read.whole);
                    unread.extend(read.unread);
                    totals.extend(read.totals);
                    identity.extend(read.identity);
                    filters.extend(read.filters);
                    limitations.extend(read.limitations);
                    next.repositories.insert(repository.name.clone(), read.memory);
                }
                Err(refused @ CollectError::Unauthenticated { .. }) => return Err(refused),
                Err(error) => unread.extend(error.unread()),
            }
        }
        let ipe = Ipe {
            source: "GitHub".to_owned(),
            api_version: Some(client::API_VERSION.to_owned()),
            identity: identity.into_iter().collect(),
            scope_claimed: self.settings.scope(),
            scope_found: found,
            filters,
            limitations,
            reconciliations: totals,
            ..door.ipe(client::SOURCE)
        };
        let items = Items::Changes(changes);
        if unread.is_empty() {
            Population::new(items, whole, ipe, Some(next.write()?))
        } else {
            Err(Partial::of(items, None, unread, ipe))
        }
    }
}

/// What this reading cannot tell, whatever the run.
fn limitations(settings: &Settings) -> Vec<String> {
    let mut all = vec![
        "code owners of the touched paths are not read yet".to_owned(),
        "reviews after the fact are not read yet".to_owned(),
        "who pushed is known for the commit that a push ended at, not for those below it, and not for pushes to \
         forks (unless forced)"
            .to_owned(),
        "whether a reviewer could write to the repository is as of the reading, not as of the review".to_owned(),
    ];
    if settings.trust_branch_updates {
        all.push(
            "a merge of the base branch made on GitHub is taken for no change of content, by configuration \
             (trust_branch_updates = true): one that resolved conflicts in the web editor looks the same"
                .to_owned(),
        );
    }
    if !settings.rule_suites {
        all.push("bypasses of branch rules are not read, by configuration (rule_suites = false)".to_owned());
    }
    all
}
