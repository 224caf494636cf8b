//! Everything that reached a production branch on GitHub in a window, with the pull request that
//! brought it, its reviews, and who pushed last.
//!
//! `scope` decides which repositories and branches are read, by the settings, the lists of organisations and
//! what is remembered; `repository` is the line one repository goes through: `activity` (every ref update) gives the
//! chain of a branch's states (`chain`), `state` its present head and an independent count of merged
//! pull requests, `compare` the commits of updates that are not one merge, `graphql` and `pull` the
//! pull requests, `rules` the bypasses, `by_hand` whether a pushed merge is its pull request. `landings` asks for all
//! that, and `arrival` makes `Change`s of it.
//! `again` looks at landings of earlier runs that nobody had reviewed. `locate` finds a change's facts again in what was sealed.

mod activity;
mod afterwards;
mod again;
mod arrival;
mod by_hand;
mod chain;
mod codeowners;
mod compare;
mod content;
mod fragments;
mod graphql;
mod landings;
mod locate;
mod memory;
mod owners;
mod pull;
mod repository;
mod rules;
mod scope;
mod settings;
mod state;

use crate::contract::{
    Asking, CollectError, Collector, Ipe, Items, Kind, OnlyFor, Partial, Permission, Population, Reading, Remembers,
    Rights, Task, carry,
};
use crate::door::Door;
use crate::sources::github::client::{self, Client};
use crate::sources::github::permissions;
use crate::sources::github::rights::{self, Places};
use memory::{Memory, RepositoryMemory};
use scope::Scope;
use settings::Settings;

/// What `crate::KINDS` lists.
pub(crate) const KIND: Kind = Kind {
    name: "github_changes",
    version: 5,
    about: "Everything that reached a production branch on GitHub, with its pull requests and reviews",
    reading: Reading::Window,
    keeps: false,
    permissions: &[
        permissions::METADATA,
        permissions::CONTENTS,
        permissions::PULL_REQUESTS,
        Permission {
            only_for: Some(OnlyFor { settings: &["rule_suites"], unless_said: true }),
            ..permissions::ADMINISTRATION
        },
        Permission {
            only_for: Some(OnlyFor { settings: &["code_owners"], unless_said: false }),
            ..permissions::MEMBERS
        },
    ],
    needs: permissions::needs,
    build: |settings| Ok(Box::new(GithubChanges { settings: Settings::parse(settings)? })),
    settings_schema: || schemars::schema_for!(Settings),
    locate: locate::locate,
};

struct GithubChanges {
    settings: Settings,
}

#[async_trait::async_trait]
impl Collector for GithubChanges {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let client = Client::new(door, &self.settings.api_url, &self.settings.credentials)?;
        let memory: Memory = carry::read(task.carry.as_ref())?;
        let mut scope = scope::find(&client, &self.settings, &memory, task.window).await?;
        let mut next = Memory { organizations: std::mem::take(&mut scope.listed), ..Memory::default() };
        let (mut changes, mut found) = (Vec::new(), Vec::new());
        for target in std::mem::take(&mut scope.targets) {
            match repository::read(&client, &self.settings, &target, task.window).await {
                Ok(read) => {
                    let name = target.repository.name;
                    if read.unread.is_empty() {
                        found.extend(target.repository.branches.iter().map(|b| format!("{name}: {b}")));
                    }
                    changes.extend(read.changes);
                    scope.whole.extend(read.whole);
                    scope.unread.extend(read.unread);
                    scope.totals.extend(read.totals);
                    scope.identity.extend(read.identity);
                    scope.filters.extend(read.filters);
                    scope.limitations.extend(read.limitations);
                    let (organization, defaults) = (target.organization, target.defaults);
                    next.repositories.insert(name, RepositoryMemory { organization, defaults, ..read.memory });
                }
                Err(refused @ CollectError::Unauthenticated { .. }) => return Err(refused),
                Err(error) => scope.unread.extend(error.unread()),
            }
        }
        let Scope { whole, totals, unread, filters, identity, .. } = scope;
        let ipe = Ipe {
            source: "GitHub".to_owned(),
            api_version: Some(client::API_VERSION.to_owned()),
            identity: identity.into_iter().collect(),
            scope_claimed: self.settings.scope(),
            scope_found: found,
            filters,
            limitations: limitations(&self.settings).into_iter().chain(scope.limitations).collect(),
            reconciliations: totals,
            ..door.ipe(client::SOURCE)
        };
        let items = Items::Changes(changes);
        if unread.is_empty() {
            Population::new(items, whole, ipe, Some(carry::write(&next)?))
        } else {
            Err(Partial::of(items, None, unread, ipe, None))
        }
    }

    fn remembers(&self) -> Vec<Remembers> {
        let suites = self.settings.rule_suites.then_some(rules::MEMORY);
        std::iter::once(activity::MEMORY).chain(suites).collect()
    }

    async fn rights(&self, door: &Door, asking: &Asking<'_>) -> Rights {
        let Settings { api_url, credentials, repositories, organizations, .. } = &self.settings;
        let repository = repositories.first().map(|repository| repository.name.as_str());
        rights::of(door, (api_url, credentials), &Places::of(repository, organizations), asking).await
    }
}

/// What this reading cannot tell, whatever the run.
fn limitations(settings: &Settings) -> Vec<String> {
    let mut all = vec![
        "who pushed is known for the commit that a push ended at, not for those below it, and not for pushes to \
         forks (unless forced)"
            .to_owned(),
        "whether a reviewer could write to the repository is as of the reading, not as of the review".to_owned(),
        "who started an agent is taken from assignments on its pull request: somebody who only asked for it \
         elsewhere is not seen"
            .to_owned(),
        "of whoever comments on a commit GitHub says whether he or she is an owner, member or collaborator, not whether \
         that goes with a right to push; here it does"
            .to_owned(),
    ];
    if settings.code_owners {
        all.push(
            "members of teams that own paths are as of the reading, and an owner's access is not looked at".to_owned(),
        );
    } else {
        all.push("code owners of the touched paths are not read, by configuration (code_owners = false)".to_owned());
    }
    if settings.emergency_ticket.is_some() {
        all.push(format!(
            "a review after the fact of a landing that had no approval in time is seen until {} days after the \
             landing; of other landings, if it is there when the landing is read",
            again::DAYS
        ));
    } else {
        all.push("reviews after the fact are not read, by configuration (no emergency_ticket)".to_owned());
    }
    all.push(if settings.rule_suites {
        "bypasses are those of rulesets: of classic branch protection GitHub keeps no rule suites, and a bypass of it \
         is not seen"
            .to_owned()
    } else {
        "bypasses of rulesets are not read, by configuration (rule_suites = false), nor are those of classic branch \
         protection"
            .to_owned()
    });
    all
}
