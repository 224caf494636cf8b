//! What a configuration says of this kind, checked.

use super::form::{instant, unread};
use crate::contract::{SettingsError, Store, Unread};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Settings of `backup_restores`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Directory of the logs: `*.jsonl` files and one directory per drill, nothing else. Absolute.
    pub(super) directory: PathBuf,
    /// Every data store that the organisation keeps backups of. A test of any other is refused.
    stores: Vec<Registered>,
    /// Stores that were registered once and are given up. One that is in neither list and was in one of
    /// them before makes a run incomplete, so an entry stays.
    #[serde(default)]
    retired_stores: Vec<Retired>,
    /// Most files and directories to read in one run.
    #[serde(default = "files_max")]
    pub(super) files_max: usize,
    /// Tests that started before this instant may have been moved to an archive. Any other test that
    /// was read once must stay. At most the first instant of the quarter before the last one.
    #[serde(default)]
    archived_before: Option<DateTime<Utc>>,
}

/// One data store.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Registered {
    /// Its name, as tests name it.
    name: String,
    /// `false` for a store that needs no tests; then with a reason.
    #[serde(default = "yes")]
    in_scope: bool,
    /// Why it needs no tests. Shown in the evidence.
    #[serde(default)]
    reason: Option<String>,
    /// The day since when it holds production data; absent: always.
    #[serde(default)]
    since: Option<NaiveDate>,
    /// Longest time to a usable restore, seconds. A test may carry its own.
    #[serde(default)]
    rto_target_s: Option<u64>,
    /// Largest age of the restored data, seconds. A test may carry its own.
    #[serde(default)]
    rpo_target_s: Option<u64>,
}

/// A store that is no more.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Retired {
    /// The name under which it was registered.
    name: String,
    /// The first day on which it no longer holds production data. Not later than today.
    on: NaiveDate,
    /// Why it was given up. Shown in the evidence.
    reason: String,
}

fn yes() -> bool {
    true
}

fn files_max() -> usize {
    5_000
}

impl Settings {
    /// Reads and checks them.
    pub(super) fn read(settings: &serde_json::Value) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_value(settings.clone()).map_err(|error| wrong(error.to_string(), ""))?;
        if !settings.directory.is_absolute() {
            let message = format!("directory: {} is not absolute", settings.directory.display());
            return Err(wrong(message, "write the whole path, from /"));
        }
        if settings.stores.is_empty() {
            let hint = "register every data store, or there is nothing to test";
            return Err(wrong("stores: none is listed".into(), hint));
        }
        let mut names = BTreeSet::new();
        for store in &settings.stores {
            store.check()?;
            if !names.insert(&store.name) {
                return Err(wrong(format!("stores: {} is listed twice", store.name), "one entry per store"));
            }
        }
        for store in &settings.retired_stores {
            store.check()?;
            if !names.insert(&store.name) {
                let message = format!("retired_stores: {} is listed already", store.name);
                return Err(wrong(message, "a store is in use or retired, once"));
            }
        }
        if settings.files_max == 0 {
            return Err(wrong("files_max: 0 reads nothing".into(), "write at least 1"));
        }
        Ok(settings)
    }

    /// Every store that is or was registered. Of a retired one the facts are those that an earlier run
    /// read: its last tests are held against its own targets.
    pub(super) fn register(&self, before: &BTreeMap<String, Store>) -> BTreeMap<String, Store> {
        let in_use = self.stores.iter().map(Registered::store);
        let retired = self.retired_stores.iter().map(|gone| gone.store(before.get(&gone.name)));
        in_use.chain(retired).map(|store| (store.name.clone(), store)).collect()
    }

    /// Stores that are to be retired later: until then they are in use.
    pub(super) fn retired_too_early(&self, as_of: DateTime<Utc>) -> Vec<Unread> {
        let later = self.retired_stores.iter().filter(|store| store.on > as_of.date_naive());
        let named = |store: &Retired| {
            let why = format!("is listed as retired, but only on {}", store.on);
            unread(&format!("store {}", store.name), why, "keep it in `stores` until then")
        };
        later.map(named).collect()
    }

    /// Before when tests may have left the directory.
    pub(super) fn archived_before(&self, as_of: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.archived_before.map(|at| at.min(judged_from(as_of)))
    }

    /// That younger tests shall be let go than that: a quarter that is still judged would pass without them.
    pub(super) fn archived_too_early(&self, as_of: DateTime<Utc>) -> Option<Unread> {
        let (at, most) = (self.archived_before?, judged_from(as_of));
        (at > most).then(|| {
            let (at, most) = (instant(at), instant(most));
            let hint = format!("set it to {most}, and put back whatever is younger");
            unread("archived_before", format!("{at} lets tests go that are still judged, from {most} on"), &hint)
        })
    }

    /// Names of the stores in use, with those that need no tests.
    pub(super) fn in_use(&self) -> Vec<String> {
        self.stores.iter().map(|store| store.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the settings leave out, in words for the evidence.
    pub(super) fn filters(&self) -> Vec<String> {
        let out = self.stores.iter().filter_map(|store| {
            let reason = store.reason.as_ref()?;
            Some(format!("store {} needs no tests: {reason}", store.name))
        });
        let gone = self.retired_stores.iter().map(|store| {
            let Retired { name, on, reason } = store;
            format!("store {name} was retired on {on}: {reason}")
        });
        out.chain(gone).collect()
    }
}

impl Registered {
    fn check(&self) -> Result<(), SettingsError> {
        let name = &self.name;
        if name.trim().is_empty() {
            return Err(wrong("stores: a name is blank".into(), "use the name that the tests carry"));
        }
        if self.rto_target_s == Some(0) || self.rpo_target_s == Some(0) {
            return Err(wrong(format!("stores: {name} has a target of 0 s"), "write seconds, from 1"));
        }
        let reason = self.reason.as_ref().filter(|reason| !reason.trim().is_empty());
        match (self.in_scope, reason, &self.reason) {
            (false, None, _) => Err(wrong(
                format!("stores: {name} is not in scope, and no reason is given"),
                "say why it needs no tests, as an auditor will ask: reason = \"...\"",
            )),
            (true, _, Some(_)) => Err(wrong(
                format!("stores: {name} has a reason, but is in scope"),
                "a reason is given for a store with in_scope = false",
            )),
            _ => Ok(()),
        }
    }

    fn store(&self) -> Store {
        Store {
            name: self.name.clone(),
            in_scope: self.in_scope,
            reason: self.reason.clone(),
            since: self.since,
            retired: None,
            rto_target_s: self.rto_target_s,
            rpo_target_s: self.rpo_target_s,
        }
    }
}

impl Retired {
    fn check(&self) -> Result<(), SettingsError> {
        if self.name.trim().is_empty() || self.reason.trim().is_empty() {
            let message = "retired_stores: a name or a reason is blank".to_owned();
            return Err(wrong(message, "name the store as it was registered, and say why it was given up"));
        }
        Ok(())
    }

    fn store(&self, before: Option<&Store>) -> Store {
        Store {
            name: self.name.clone(),
            in_scope: before.is_none_or(|store| store.in_scope),
            reason: Some(self.reason.clone()),
            since: before.and_then(|store| store.since),
            retired: Some(self.on),
            rto_target_s: before.and_then(|store| store.rto_target_s),
            rpo_target_s: before.and_then(|store| store.rpo_target_s),
        }
    }
}

/// The first instant of the quarter before the last one: whatever its grace, no judge looks further back.
fn judged_from(as_of: DateTime<Utc>) -> DateTime<Utc> {
    let day = as_of.date_naive();
    let first = day.with_day(1).and_then(|first| first.checked_sub_months(Months::new(day.month0() % 3 + 6)));
    first.unwrap_or(NaiveDate::MIN).and_time(NaiveTime::MIN).and_utc()
}

fn wrong(message: String, hint: &str) -> SettingsError {
    SettingsError { message, hint: (!hint.is_empty()).then(|| hint.to_owned()) }
}
