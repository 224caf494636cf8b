//! Which repositories and branches a run reads: from the settings, the organisations' lists, and what was in
//! scope at the last complete run. What drops out is named, with its reason; what vanishes is unread.

use super::memory::{Memory, RepositoryMemory};
use super::repository::LATE;
use super::settings::{Repository, Settings};
use super::{activity::ZERO, state};
use crate::contract::{CollectError, Reconciliation, Unread, Whole, Window};
use crate::sources::github::client::Client;
use crate::sources::github::organization::{self, Listed, Listing, Lists};
use crate::sources::github::settings::{Organization, same};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Repositories of an organisation that may be gone whatever the settings say.
const DROP_MIN: usize = 3;
/// Names that one sentence lists.
const NAMES_MAX: usize = 200;

/// One repository to read.
pub(super) struct Target<'a> {
    /// Its present name, and every branch of it that is in scope.
    pub repository: Repository,
    /// GitHub's number for it, where a list said it.
    pub id: Option<u64>,
    /// The organisation whose list brought it.
    pub organization: Option<String>,
    /// Those of its branches that are or were the default one.
    pub defaults: Vec<String>,
    /// The default branch, if it is a new one, and the last one before it.
    pub took_over: Option<(String, String)>,
    /// What the last complete run left, under whichever name.
    pub known: Option<&'a RepositoryMemory>,
}

/// What a run reads, and what is to be said of what it does not read.
#[derive(Default)]
pub(super) struct Scope<'a> {
    pub targets: Vec<Target<'a>>,
    pub whole: Vec<Whole>,
    pub totals: Vec<Reconciliation>,
    pub unread: Vec<Unread>,
    pub filters: Vec<String>,
    pub limitations: Vec<String>,
    pub identity: BTreeSet<String>,
    /// For the next run: `Memory::organizations`.
    pub listed: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Asks for the lists and decides. Fails as a whole only without sign-in.
pub(super) async fn find<'a>(
    client: &Client,
    settings: &'a Settings,
    memory: &'a Memory,
    window: Window,
) -> Result<Scope<'a>, CollectError> {
    let Lists { lists, unread } = organization::read(client, &settings.organizations).await?;
    let scope = Scope { unread, ..Scope::default() };
    let mut decision = Decision { settings, memory, window, scope, taken: BTreeSet::new() };
    for (organization, listing) in &lists {
        decision.organization(organization, listing);
    }
    for repository in &settings.repositories {
        let mut listed = lists.iter().flat_map(|(_, listing)| &listing.repositories);
        if !listed.any(|listed| same(&listed.name, &repository.name)) {
            decision.named(client, repository).await?;
        }
    }
    decision.gone(&lists);
    let mut scope = decision.scope;
    for (organization, listing) in lists {
        scope.listed.insert(
            key(organization),
            listing.repositories.iter().map(|listed| (listed.name.clone(), listed.id)).collect(),
        );
        scope.identity.insert(listing.identity);
        scope.whole.extend(listing.whole);
        scope.totals.extend(listing.totals);
        scope.unread.extend(listing.unread);
        scope.limitations.extend(listing.limitations);
    }
    Ok(scope)
}

struct Decision<'a> {
    settings: &'a Settings,
    memory: &'a Memory,
    window: Window,
    scope: Scope<'a>,
    /// Names in the memory that are accounted for.
    taken: BTreeSet<&'a str>,
}

impl<'a> Decision<'a> {
    /// What is remembered of a repository: by its number, and by its name only where no number was kept.
    fn known(&self, id: Option<u64>, name: &str) -> Option<(&'a str, &'a RepositoryMemory)> {
        let mut all = self.memory.repositories.iter().map(|(name, known)| (name.as_str(), known));
        all.find(|(was, known)| match (id, known.id) {
            (Some(id), Some(known)) => id == known,
            _ => same(was, name),
        })
    }

    /// Every repository of one organisation.
    fn organization(&mut self, organization: &Organization, listing: &Listing) {
        let (mut excluded, mut archived, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        let before = self.scope.targets.len() + self.scope.unread.len();
        for listed in &listing.repositories {
            let known = self.known(Some(listed.id), &listed.name);
            self.taken.extend(known.map(|(was, _)| was));
            let named = self.settings.repositories.iter().find(|repository| same(&repository.name, &listed.name));
            if let Some(reason) = organization.excludes(&listed.name) {
                excluded.push(format!("{} ({reason})", listed.name));
            } else if self.rests(listed, known.is_some()) {
                archived.push(listed.name.clone());
            } else if listed.is_disabled {
                self.scope.unread.push(unread(
                    format!("repository {}", listed.name),
                    "GitHub disabled it".to_owned(),
                    exclude_it(),
                ));
            } else if listed.is_empty && known.is_none() && named.is_none() {
                empty.push(listed.name.clone());
            } else {
                self.listed(organization, listed, known, named);
            }
        }
        let all = listing.repositories.len();
        for (names, why) in [
            (excluded, "excluded by the configuration"),
            (archived, "archived since before the window, and took no update since"),
            (empty, "empty: without any commit"),
        ] {
            if !names.is_empty() {
                let (count, names) = (names.len(), names.join(", "));
                let name = &organization.name;
                self.scope.filters.push(format!("{name}: {count} of {all} repositories {why}: {names}"));
            }
        }
        if before == self.scope.targets.len() + self.scope.unread.len() {
            self.scope.unread.push(unread(
                format!("organisation {}", organization.name),
                format!("none of its {all} repositories is in scope"),
                "see whether the acting identity may see them; take it out of organizations if it has none".to_owned(),
            ));
        }
    }

    /// Whether an archived repository has nothing left to say. One that was archived in the window may have had
    /// updates before, and so may one that nobody says since when.
    fn rests(&self, listed: &Listed, known: bool) -> bool {
        listed.is_archived
            && match listed.archived_at {
                Some(at) => at < self.window.start - LATE,
                None => !known && listed.created_at < self.window.start,
            }
    }

    /// One repository of an organisation that is in scope.
    fn listed(
        &mut self,
        organization: &Organization,
        listed: &Listed,
        known: Option<(&'a str, &'a RepositoryMemory)>,
        named: Option<&Repository>,
    ) {
        let name = &listed.name;
        let (was, known) = known.unzip();
        match was {
            Some(was) if was != name.as_str() => {
                self.scope.filters.push(format!("{was} is called {name} now, and goes on"))
            }
            None if self.memory.organizations.contains_key(&key(organization)) => {
                let made = if listed.created_at < self.window.start {
                    "the last complete run did not have it (moved here, shown again, or no longer empty, archived or excluded); \
                     its updates are read from the start of the window"
                } else {
                    "its updates are read from there on"
                };
                self.scope.filters.push(format!("{name} was created at {}: {made}", time(listed.created_at)));
            }
            _ => {}
        }
        let mut defaults: Vec<String> = listed.default_branch().map(str::to_owned).into_iter().collect();
        let there = |branch: &&String| {
            known.and_then(|known| known.branches.get(*branch)).is_some_and(|branch| branch.head != ZERO)
        };
        for former in known.iter().flat_map(|known| &known.defaults).filter(there) {
            if !defaults.contains(former) {
                self.scope
                    .filters
                    .push(format!("{name}: {former} was the default branch, and is read while it is there"));
                defaults.push(former.clone());
            }
        }
        let took_over = known.zip(listed.default_branch()).and_then(|(known, new)| took_over(known, new));
        if let (Some(known), Some(default), None) = (known, listed.default_branch(), &took_over)
            && !known.branches.contains_key(default)
        {
            self.scope.limitations.push(format!(
                "{name}: {default} is in scope as the default branch for the first time; what it held at the start of the \
                 window is not judged"
            ));
        }
        let mut branches = defaults.clone();
        branches.extend(named.iter().flat_map(|named| &named.branches).filter(|b| !defaults.contains(b)).cloned());
        if branches.is_empty() {
            let hint = format!("name its production branches in repositories, or {}", exclude_it());
            return self.scope.unread.push(unread(
                format!("repository {name}"),
                "it has no default branch".to_owned(),
                hint,
            ));
        }
        self.dropped(name, known, &branches);
        self.scope.targets.push(Target {
            repository: Repository { name: name.clone(), branches },
            id: Some(listed.id),
            organization: Some(organization.name.clone()),
            defaults,
            took_over,
            known,
        });
    }

    /// One repository that only the configuration names. A name that is not remembered may be a new one of a
    /// repository that is: then GitHub is asked for its number.
    async fn named(&mut self, client: &Client, repository: &Repository) -> Result<(), CollectError> {
        let mut known = self.known(None, &repository.name).filter(|(was, _)| !self.taken.contains(was));
        let mut id = None;
        let left = |(name, known): (&String, &RepositoryMemory)| {
            known.id.is_some()
                && !self.taken.contains(name.as_str())
                && !self.settings.repositories.iter().any(|named| same(&named.name, name))
        };
        if known.is_none() && self.memory.repositories.iter().any(left) {
            id = match state::id(client, repository).await {
                Ok(id) => Some(id),
                Err(refused @ CollectError::Unauthenticated { .. }) => return Err(refused),
                Err(error) => {
                    self.scope.unread.extend(error.unread());
                    return Ok(());
                }
            };
            known =
                self.memory.repositories.iter().map(|(name, known)| (name.as_str(), known)).find(|(_, k)| k.id == id);
            if let Some((was, _)) = known {
                self.scope.filters.push(format!("{was} is called {} now, and goes on", repository.name));
            }
        }
        self.taken.extend(known.map(|(was, _)| was));
        let known = known.map(|(_, known)| known);
        self.dropped(&repository.name, known, &repository.branches);
        let repository = repository.clone();
        let (organization, defaults, took_over) = (None, Vec::new(), None);
        self.scope.targets.push(Target { repository, id, organization, defaults, took_over, known });
        Ok(())
    }

    /// Says which branches were read the last time and are in scope no longer.
    fn dropped(&mut self, name: &str, known: Option<&RepositoryMemory>, branches: &[String]) {
        for branch in known.iter().flat_map(|known| known.branches.keys()).filter(|b| !branches.contains(b)) {
            self.scope
                .filters
                .push(format!("{name}: {branch} was in scope at the last complete run, and is no longer"));
        }
    }

    /// What was there at the last complete run, and is nowhere now.
    fn gone(&mut self, lists: &[(&Organization, Listing)]) {
        let ids: BTreeSet<u64> =
            lists.iter().flat_map(|(_, list)| &list.repositories).map(|listed| listed.id).collect();
        for (name, known) in &self.memory.repositories {
            if self.taken.contains(name.as_str()) {
                continue;
            }
            // Also one that was named by itself, before the whole organisation was.
            let owner = known.organization.as_deref().or_else(|| name.split_once('/').map(|(owner, _)| owner));
            let organization =
                self.settings.organizations.iter().find(|o| owner.is_some_and(|owner| same(owner, &o.name)));
            match organization {
                None => self.scope.filters.push(format!(
                    "{name} was in scope at the last complete run, and the configuration has it no longer"
                )),
                // Its list could not be read, which is said already.
                Some(organization) if !lists.iter().any(|(listed, _)| listed.name == organization.name) => {}
                Some(organization) => match organization.excludes(name) {
                    Some(reason) => self.scope.filters.push(format!(
                        "{name} is gone from {}, and excluded by the configuration ({reason}); it was read up to {}",
                        organization.name,
                        time(known.read_to)
                    )),
                    None => self.scope.unread.push(unread(
                        format!("repository {name}"),
                        format!(
                            "was in scope and read up to {}, and the list of {} has it no longer: deleted, moved away, or \
                             hidden from the acting identity",
                            time(known.read_to),
                            organization.name
                        ),
                        format!("let the acting identity see it, or {}", exclude_it()),
                    )),
                },
            }
        }
        for (organization, listing) in lists {
            self.shrunk(organization, listing, &ids);
        }
    }

    /// A list that adds up may still be another one than it was.
    fn shrunk(&mut self, organization: &Organization, listing: &Listing, ids: &BTreeSet<u64>) {
        let remembered = self.memory.organizations.get(&key(organization));
        let was = remembered.map_or(0, BTreeMap::len);
        let missing: Vec<&str> = remembered
            .into_iter()
            .flatten()
            .filter(|(name, id)| !ids.contains(id) && organization.excludes(name).is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        let percent = self.settings.repositories_drop_max_percent as usize;
        if missing.len() >= DROP_MIN && missing.len() * 100 > was * percent {
            let more = missing.len().saturating_sub(NAMES_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names = missing.iter().take(NAMES_MAX).copied().collect::<Vec<_>>().join(", ");
            self.scope.unread.push(unread(
                format!("organisation {}: list of repositories", organization.name),
                format!(
                    "{} of {was} repositories are gone since the last complete run, more than {percent} percent: \
                     {names}{more}",
                    missing.len()
                ),
                "if they are gone for good, exclude each with the reason, or raise repositories_drop_max_percent"
                    .to_owned(),
            ));
        }
        for exclusion in &organization.exclude {
            let there = |name: &String| same(name, &exclusion.repository);
            let listed = listing.repositories.iter().map(|listed| &listed.name).any(there);
            if !listed
                && !self.memory.repositories.keys().any(there)
                && !remembered.is_some_and(|r| r.keys().any(there))
            {
                self.scope.limitations.push(format!(
                    "{} is excluded by the configuration, and {} has no such repository",
                    exclusion.repository, organization.name
                ));
            }
        }
    }
}

/// The default branch and the last one before it, if no earlier run has seen anything on it. Nothing, where the
/// configuration brought the default branch into scope: nobody has read one before.
fn took_over(known: &RepositoryMemory, new: &str) -> Option<(String, String)> {
    let held = |branch: &str| known.branches.get(branch).is_some_and(|branch| branch.content.is_some());
    let last = known.defaults.iter().find(|was| *was != new && held(was)).filter(|_| !held(new))?;
    Some((new.to_owned(), last.clone()))
}

/// An organisation's name in the memory, however the configuration writes it.
fn key(organization: &Organization) -> String {
    organization.name.to_ascii_lowercase()
}

fn exclude_it() -> String {
    "exclude it in organizations with the reason".to_owned()
}

fn unread(what: String, why: String, hint: String) -> Unread {
    Unread { what, why, permission: None, hint: Some(hint) }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
