//! Restore tests, from a directory of logs that drills and scripts leave behind.
//!
//! Here: the straight line from listing to population. `settings` has the register of stores. `lines`
//! reads our JSON Lines form, `drill` one directory that a drill wrote, with `restic` and `borg` for what
//! the tools say themselves; `form` is what the forms share and `seen` remembers the tests and stores of
//! earlier runs. `locate` finds a test's facts again in what was sealed.
//! Whether a test is good enough is not decided here; that is the judge's.

mod borg;
mod drill;
mod form;
mod lines;
mod locate;
mod restic;
mod seen;
mod settings;
#[cfg(test)]
mod tests;

use crate::contract::{
    Asking, CollectError, Collector, Ipe, Items, Kind, Partial, Population, Reading, Remembers, RestoreTest, Restores,
    Rights, SettingsError, Store, Task, Unread, Whole, carry,
};
use crate::door::{Door, Failure, FileEntry};
use crate::sources::files;
use form::{bounded, size, unread};
use seen::Seen;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

pub(crate) const KIND: Kind = Kind {
    name: "backup_restores",
    version: 2,
    about: "Tests of restoring data stores from backup: JSON Lines logs, and restic and borg drills",
    reading: Reading::Snapshot,
    keeps: true,
    permissions: &[files::READ],
    needs: files::needs,
    build,
    settings_schema: || schemars::schema_for!(Settings),
    locate: locate::locate,
};

/// What the door's records call this source.
const SOURCE: &str = "restore logs";

/// Most tests that one directory may hold; they are carried from run to run.
const TESTS_MAX: usize = 20_000;

/// Most bytes that all of them may take. A population has them twice, and is one file of the ledger.
const BYTES_MAX: usize = 64 << 20;

/// How many times as many tests, and bytes, may be known from runs that were not whole.
const KNOWN_TIMES: usize = 2;

fn build(settings: &serde_json::Value) -> Result<Box<dyn Collector>, SettingsError> {
    Ok(Box::new(RestoreLogs(Settings::read(settings)?)))
}

struct RestoreLogs(Settings);

/// What was read so far.
#[derive(Default)]
struct Found {
    tests: Vec<RestoreTest>,
    unread: Vec<Unread>,
    listings: u32,
    entries_listed: u64,
    entries_read: u64,
}

#[async_trait::async_trait]
impl Collector for RestoreLogs {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let before: Seen = carry::read(task.carry.as_ref())?;
        let mut found = self.read_all(door).await?;
        let seen = Seen::new(self.0.register(before.stores()), &found.tests);
        // A store that was dropped is judged on, by what is known of it: its deviations stay.
        let mut stores = before.stores().clone();
        stores.extend(seen.stores().clone());
        self.refuse_strangers(&stores, &mut found);
        found.unread.extend(self.0.retired_too_early(door.as_of()));
        found.unread.extend(self.0.archived_too_early(door.as_of()));
        let archived_before = self.0.archived_before(door.as_of());
        found.unread.extend(before.contradicted_by(&seen, archived_before));

        let mut ipe = self.ipe(door, &found.tests);
        put_back(&mut found.tests, before.as_they_were(&seen, archived_before));
        let whole = Whole::total("entries read", found.entries_read, "directory listings", found.entries_listed);
        let items = Items::Restores(Restores { stores: stores.into_values().collect(), tests: found.tests });
        let total = match whole {
            Ok((total, reconciliation)) if found.unread.is_empty() => {
                ipe.reconciliations.push(reconciliation);
                total
            }
            whole => {
                // Every entry not read has named itself; the bare difference helps only without one.
                if let (Err(difference), true) = (whole, found.unread.is_empty()) {
                    found.unread.push(difference);
                }
                let carry = carry::write(&self.union(seen, before)?)?;
                return Err(Partial::of(items, None, found.unread, ipe, Some(carry)));
            }
        };
        let whole = vec![Whole::last_page("directory listings, each in one piece", found.listings), total];
        Population::new(items, whole, ipe, Some(carry::write(&seen)?))
    }

    fn remembers(&self) -> Vec<Remembers> {
        // A directory forgets nothing by itself; that tests stay in it is held to `archived_before`.
        Vec::new()
    }

    async fn rights(&self, _: &Door, _: &Asking<'_>) -> Rights {
        // No file system says more than whether it answers.
        Rights::default()
    }
}

impl RestoreLogs {
    async fn read_all(&self, door: &Door) -> Result<Found, CollectError> {
        let directory = &self.0.directory;
        let entries = door.list(SOURCE, directory).await.map_err(|failure| not_listed(directory, failure))?;
        let mut found = Found { listings: 1, ..Found::default() };
        self.count(&mut found, entries.len())?;
        let mut bytes = 0;
        for entry in &entries {
            let before = found.tests.len();
            if entry.directory {
                self.read_drill(door, &entry.name, &mut found).await?;
            } else if entry.name.ends_with(".jsonl") && !entry.name.starts_with('.') {
                self.read_lines(door, entry, &mut found).await;
            } else {
                found.unread.push(stray(&entry.name));
            }
            bytes += found.tests.iter().skip(before).map(size).sum::<usize>();
            self.within(1, (found.tests.len(), bytes))?;
        }
        Ok(found)
    }

    /// What this run and those before it know together.
    fn union(&self, seen: Seen, before: Seen) -> Result<Seen, CollectError> {
        let union = seen.with(before);
        self.within(KNOWN_TIMES, union.tests())?;
        Ok(union)
    }

    /// Holds tests and their bytes to so many times the limits.
    fn within(&self, times: usize, (tests, bytes): (usize, usize)) -> Result<(), CollectError> {
        let known = if times > 1 { ", with those that were read before" } else { "" };
        let why = if tests > times * TESTS_MAX {
            format!("more than {} tests{known}", times * TESTS_MAX)
        } else if bytes > times * BYTES_MAX {
            format!("tests of more than {} bytes{known}", times * BYTES_MAX)
        } else {
            return Ok(());
        };
        let why = format!("{why}; hint: move old logs to an archive (see `archived_before`), or split the collector");
        Err(CollectError::Limit { what: self.0.directory.display().to_string(), why })
    }

    /// Adds to what was listed, up to the limit.
    fn count(&self, found: &mut Found, entries: usize) -> Result<(), CollectError> {
        found.entries_listed += entries as u64;
        if found.entries_listed > self.0.files_max as u64 {
            let why = format!("at least {} entries; files_max is {}", found.entries_listed, self.0.files_max);
            return Err(CollectError::Limit { what: self.0.directory.display().to_string(), why });
        }
        Ok(())
    }

    async fn read_lines(&self, door: &Door, entry: &FileEntry, found: &mut Found) {
        match door.read(SOURCE, &self.0.directory.join(&entry.name)).await {
            // Truncated in between: what is left may look whole.
            Ok(bytes) if (bytes.len() as u64) < entry.size => found.unread.push(unread(
                &entry.name,
                format!("{} bytes read, but {} were listed", bytes.len(), entry.size),
                "it shrank while it was read; the next run reads again",
            )),
            Ok(bytes) => {
                let (tests, unread) = lines::read(&entry.name, &bytes, door.as_of());
                found.entries_read += 1;
                found.tests.extend(tests);
                found.unread.extend(unread);
            }
            Err(failure) => found.unread.push(not_read(&entry.name, &failure)),
        }
    }

    async fn read_drill(&self, door: &Door, name: &str, found: &mut Found) -> Result<(), CollectError> {
        let directory = self.0.directory.join(name);
        let entries = match door.list(SOURCE, &directory).await {
            Ok(entries) => entries,
            Err(failure) => {
                found.unread.push(not_read(name, &failure));
                return Ok(());
            }
        };
        found.listings += 1;
        found.entries_read += 1;
        self.count(found, entries.len())?;
        let mut files = BTreeMap::new();
        let mut whole = true;
        for entry in &entries {
            let path = format!("{name}/{}", entry.name);
            if entry.directory || !drill::FILES.contains(&entry.name.as_str()) {
                found.unread.push(stray(&path));
                continue;
            }
            match door.read(SOURCE, &directory.join(&entry.name)).await {
                Ok(bytes) => {
                    found.entries_read += 1;
                    files.insert(entry.name.clone(), bytes);
                }
                Err(failure) => {
                    whole = false;
                    found.unread.push(not_read(&path, &failure));
                }
            }
        }
        // A file that was not read must not look like one that was never written.
        if whole {
            match drill::read(name, &files, door.as_of()) {
                Ok(test) => found.tests.push(test),
                Err(unread) => found.unread.push(unread),
            }
        }
        Ok(())
    }

    /// Test ids that come twice, and stores that nobody registered.
    fn refuse_strangers(&self, registered: &BTreeMap<String, Store>, found: &mut Found) {
        let mut first: HashMap<String, String> = HashMap::new();
        let mut strangers = Vec::new();
        found.tests.retain(|test| {
            if let Some(other) = first.get(&test.id) {
                let why = format!("test id {} was read from {other} already", test.id);
                strangers.push(unread(&test.read_from, why, "give every test an id of its own"));
                return false;
            }
            first.insert(test.id.clone(), test.read_from.clone());
            if !registered.contains_key(&test.store) {
                let why = format!("store {} is not registered", test.store);
                strangers.push(unread(&test.read_from, why, "add the store to `stores`, or correct the name"));
            }
            true
        });
        found.unread.extend(bounded(&self.0.directory.display().to_string(), strangers));
    }

    fn ipe(&self, door: &Door, tests: &[RestoreTest]) -> Ipe {
        let set = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>();
        let tools = set(tests.iter().filter_map(|test| test.tool.clone()).collect());
        let mut ipe = door.ipe(SOURCE);
        ipe.source = "restore-test logs".to_owned();
        ipe.hosts = vec![self.0.directory.display().to_string()];
        ipe.api_version = (!tools.is_empty()).then(|| tools.join(", "));
        ipe.scope_claimed = self.0.in_use();
        ipe.scope_found = set(tests.iter().map(|test| test.store.clone()).collect());
        ipe.filters.extend(self.0.filters());
        ipe.filters.extend(self.0.archived_before(door.as_of()).map(|at| {
            format!("tests started before {} may have left the directory (archived_before)", form::instant(at))
        }));
        ipe.limitations.push(
            "JSON Lines, times, people and named checks are statements of whoever ran the test; of restic and borg \
             drills the outcome is taken from the tool's own output and exit code"
                .to_owned(),
        );
        ipe.limitations.push(
            "the register of stores is the configuration's: a store that was never registered is missed by nobody here"
                .to_owned(),
        );
        ipe.limitations.push(
            "restic's output does not say whether a check read the data, nor which snapshot was restored and counted; \
             drill.json does"
                .to_owned(),
        );
        ipe
    }
}

/// Puts tests as they were into the place of those that say otherwise now, and those that are gone beside them: what was
/// wrong with one stays so until its log is as it was.
fn put_back(tests: &mut Vec<RestoreTest>, were: Vec<RestoreTest>) {
    let ids: HashSet<String> = were.iter().map(|test| test.id.clone()).collect();
    tests.retain(|test| !ids.contains(&test.id));
    tests.extend(were);
}

fn stray(path: &str) -> Unread {
    let hint = "keep only *.jsonl files and drill directories here; remove it, or move it elsewhere";
    unread(path, "is neither a log nor part of a drill".to_owned(), hint)
}

fn not_read(path: &str, failure: &Failure) -> Unread {
    let (permission, hint) = match failure {
        Failure::Denied => (Some("read"), "let the service's user read it (and search, for a directory)"),
        Failure::NotFound => (None, "it was listed a moment before; the next run reads again"),
        Failure::TooLarge(_) => (None, "split the file, or raise the door's limit on bodies"),
        Failure::Limit(_) => (None, "archive old logs (see `archived_before`), or raise the door's limits"),
        Failure::Refused(_) => (None, "keep regular files and directories here; a link is not followed"),
        _ => (None, "look at the sealed exchange; the next run reads again"),
    };
    Unread { permission: permission.map(str::to_owned), ..unread(path, failure.to_string(), hint) }
}

fn not_listed(directory: &Path, failure: Failure) -> CollectError {
    let what = directory.display().to_string();
    match failure {
        Failure::Denied => CollectError::Forbidden {
            what,
            why: failure.to_string(),
            permission: Some("read and search on the directory".to_owned()),
        },
        Failure::TooLarge(_) | Failure::Limit(_) => CollectError::Limit { what, why: failure.to_string() },
        other => CollectError::Unavailable { what, why: other.to_string() },
    }
}
