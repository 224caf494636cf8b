//! Which repositories a run reads: those that the settings name, and all that the organisations list. What drops out
//! is named, with its reason; what vanishes is unread.

use super::memory::{Memory, RepositoryMemory, left};
use super::place;
use super::settings::Settings;
use crate::contract::{CollectError, Reconciliation, Scanning, Unread, Vulnerability, Whole};
use crate::sources::github::client::Client;
use crate::sources::github::organization::{self, Listing, Lists};
use crate::sources::github::settings::{Organization, same};
use std::collections::BTreeSet;

/// One repository to read.
pub(super) struct Target {
    /// Its present name.
    pub(super) name: String,
    /// The organisation whose list brought it.
    pub(super) organization: Option<String>,
}

/// What a run reads, and what is to be said of what it does not read.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) targets: Vec<Target>,
    /// Repositories that are not asked, as items.
    pub(super) items: Vec<Vulnerability>,
    /// For the next run: what is remembered of archived repositories.
    pub(super) archived: Memory,
    pub(super) whole: Vec<Whole>,
    pub(super) totals: Vec<Reconciliation>,
    pub(super) unread: Vec<Unread>,
    pub(super) filters: Vec<String>,
    pub(super) limitations: Vec<String>,
    pub(super) identity: BTreeSet<String>,
    /// GitHub's numbers of what the lists have, and organisations whose list was read.
    listed: BTreeSet<u64>,
    read: BTreeSet<String>,
}

/// Asks for the lists and decides. Fails as a whole only without sign-in.
pub(super) async fn find(client: &Client, settings: &Settings, memory: &Memory) -> Result<Scope, CollectError> {
    let Lists { lists, unread } = organization::read(client, &settings.organizations).await?;
    let mut scope = Scope { unread, ..Scope::default() };
    for (organization, listing) in lists {
        scope.organization(organization, listing, settings, memory);
    }
    for name in &settings.repositories {
        let there = scope.targets.iter().any(|target| same(&target.name, name));
        if !there && !scope.items.iter().any(|item| same(&item.id, name)) {
            scope.targets.push(Target { name: name.clone(), organization: None });
        }
    }
    Ok(scope)
}

impl Scope {
    fn organization(&mut self, organization: &Organization, listing: Listing, settings: &Settings, memory: &Memory) {
        let all = listing.repositories.len();
        let before = self.targets.len() + self.items.len() + self.unread.len();
        let mut excluded = Vec::new();
        for listed in listing.repositories {
            self.listed.insert(listed.id);
            if let Some(was) = memory.repositories.iter().find(|(was, k)| k.id == listed.id && **was != listed.name) {
                self.filters.push(format!("{} is called {} now, and goes on", was.0, listed.name));
            }
            if let Some(reason) = organization.excludes(&listed.name) {
                excluded.push(format!("{} ({reason})", listed.name));
            } else if listed.is_archived {
                self.items.push(place(&listed.name, settings, Scanning::Archived));
                let left = left(memory.of(listed.id), &listed.name);
                if !left.is_empty() {
                    self.filters.push(format!(
                        "{} is archived: {} alerts that were not mended when it was last read are handed over as they \
                         were, until the configuration excludes it with a reason",
                        listed.name,
                        left.len()
                    ));
                    let kept = RepositoryMemory::of(listed.id, Some(organization.name.clone()), &left);
                    self.archived.repositories.insert(listed.name, kept);
                }
                self.items.extend(left);
            } else if listed.is_disabled {
                self.items.push(place(&listed.name, settings, Scanning::Unread));
                self.unread.push(unread(format!("repository {}", listed.name), "GitHub disabled it".to_owned()));
            } else {
                self.targets.push(Target { name: listed.name, organization: Some(organization.name.clone()) });
            }
        }
        let name = &organization.name;
        if !excluded.is_empty() {
            let (count, names) = (excluded.len(), excluded.join(", "));
            self.filters.push(format!("{name}: {count} of {all} repositories excluded by the configuration: {names}"));
        }
        if before == self.targets.len() + self.items.len() + self.unread.len() {
            self.unread.push(Unread {
                hint: Some("see whether the acting identity may see them".to_owned()),
                ..unread(format!("organisation {name}"), format!("none of its {all} repositories is in scope"))
            });
        }
        self.read.insert(name.to_ascii_lowercase());
        self.identity.insert(listing.identity);
        self.whole.extend(listing.whole);
        self.totals.extend(listing.totals);
        self.unread.extend(listing.unread);
        self.limitations.extend(listing.limitations);
    }

    /// What was there at the last complete run, and is nowhere now. `next` is what this run has read.
    pub(super) fn gone(&mut self, memory: &Memory, next: &Memory, settings: &Settings) {
        for (name, known) in &memory.repositories {
            let named = settings.repositories.iter().any(|other| same(other, name));
            if named || self.listed.contains(&known.id) || next.of(known.id).is_some() {
                continue;
            }
            let organization = known.organization.as_deref();
            match settings.organizations.iter().find(|o| organization.is_some_and(|name| same(name, &o.name))) {
                None => self.filters.push(format!(
                    "{name} was in scope at the last complete run, and the configuration has it no longer"
                )),
                // Its list could not be read, which is said already.
                Some(organization) if !self.read.contains(&organization.name.to_ascii_lowercase()) => {}
                Some(organization) => match organization.excludes(name) {
                    Some(reason) => {
                        self.filters.push(format!("{name} is gone, and excluded by the configuration ({reason})"));
                    }
                    None => self.unread.push(unread(
                        format!("repository {name}"),
                        format!(
                            "was in scope at the last complete run, and the list of {} has it no longer: deleted, moved \
                             away, or hidden from the acting identity",
                            organization.name
                        ),
                    )),
                },
            }
        }
    }
}

fn unread(what: String, why: String) -> Unread {
    let hint = "let the acting identity see it, or exclude it in organizations with the reason";
    Unread { what, why, permission: None, hint: Some(hint.to_owned()) }
}
