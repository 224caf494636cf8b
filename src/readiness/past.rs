//! Since when plans are as they are: from the configurations on record. What stands in files that no record holds,
//! such as a catalogue of one's own, has no date here.

use super::facts::{Facts, Filled};
use crate::config::Loaded;
use crate::ledger::record::Record;
use crate::ledger::{Filter, LedgerError, Reader};
use crate::run::RunError;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The configurations on record, newest first.
pub(super) struct Past(Vec<Configured>);

struct Configured {
    record: u64,
    at: DateTime<Utc>,
    stated: Stated,
}

/// What of a sealed configuration matters here; another version of this program may have written it.
#[derive(Deserialize)]
struct Stated {
    #[serde(default)]
    controls: BTreeMap<String, StatedControl>,
    #[serde(default)]
    scope: Option<StatedScope>,
}

#[derive(Deserialize)]
struct StatedControl {
    #[serde(default)]
    criteria: Vec<String>,
}

#[derive(Deserialize)]
struct StatedScope {
    #[serde(default)]
    categories: Vec<String>,
}

impl Past {
    /// Among the first `size` records; back to the first whose files were erased.
    pub(super) fn read(reader: &Reader, size: u64) -> Result<Self, RunError> {
        let mut all = Vec::new();
        for found in reader.records_newest_first(0..size, &Filter::kind("config")) {
            let (index, Record { at, .. }) = found?;
            let bytes = match reader.read_file(index, "config.json") {
                Ok(bytes) => bytes,
                Err(LedgerError::Erased { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            let stated = serde_json::from_slice(&bytes)
                .map_err(|error| RunError::Unreadable { index, why: format!("config.json: {error}") })?;
            all.push(Configured { record: index, at, stated });
        }
        Ok(Self(all))
    }

    /// Controls that were judged in the period, by the first `size` records, and are not configured any more.
    pub(super) fn dropped(
        &self,
        reader: &Reader,
        loaded: &Loaded,
        period: Window,
        size: u64,
    ) -> Result<Vec<String>, LedgerError> {
        let named: BTreeSet<&String> = self.0.iter().flat_map(|configured| configured.stated.controls.keys()).collect();
        let mut dropped = Vec::new();
        for id in named.into_iter().filter(|id| !loaded.config.controls.contains_key(*id)) {
            let newest = reader.newest_before(size, &Filter::kind("verdict").control(id))?;
            if newest.is_some_and(|(_, verdict)| verdict.at >= period.start) {
                dropped.push(id.clone());
            }
        }
        Ok(dropped)
    }

    /// Puts the dates into the facts.
    pub(super) fn date(&self, facts: &mut Facts, loaded: &Loaded) {
        for criterion in &mut facts.criteria {
            let category = super::grid::word(criterion.category);
            let without = |stated: &Stated| {
                let inside = stated
                    .scope
                    .as_ref()
                    .is_none_or(|scope| category == "security" || scope.categories.contains(&category));
                inside && !stated.controls.values().any(|control| control.criteria.contains(&criterion.id))
            };
            (criterion.without_since, criterion.filled) = (self.since(without), self.filled(without));
        }
        for control in &mut facts.controls {
            let configured = loaded.config.controls.contains_key(&control.id);
            let has = |stated: &Stated| stated.controls.contains_key(&control.id);
            control.so_since = self.since(|stated| has(stated) == configured);
            control.filled = self.filled(|stated| !has(stated));
        }
    }

    /// When something last was missing, if that has ended.
    fn filled(&self, missing: impl Fn(&Stated) -> bool) -> Option<Filled> {
        let since = self.0.iter().take_while(|configured| !missing(&configured.stated)).count();
        let opened = self.0[since..].iter().take_while(|configured| missing(&configured.stated)).last()?.at;
        let ended = self.0[..since].last()?;
        Some(Filled { opened, closed: ended.at, record: ended.record })
    }

    /// When it began to hold, if it has held ever since.
    fn since(&self, holds: impl Fn(&Stated) -> bool) -> Option<DateTime<Utc>> {
        self.0.iter().take_while(|configured| holds(&configured.stated)).last().map(|configured| configured.at)
    }
}
