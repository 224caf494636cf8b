//! What the configuration says of each control and collector. Of one that was taken out, the last that
//! was said of it.

use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source, digits};
use crate::config::{CollectorConfig, ControlConfig};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the configurations of the bundle say.
pub(super) struct Stated {
    /// Of each control everything that was said of it, oldest first; a record that says the same again
    /// is not there.
    pub(super) controls: BTreeMap<String, Vec<Said>>,
    /// Of each collector the last that was said.
    pub(super) collectors: BTreeMap<String, CollectorConfig>,
}

/// One thing said of a control.
pub(super) struct Said {
    /// The configuration's record.
    pub(super) record: u64,
    /// When it was written.
    pub(super) at: DateTime<Utc>,
    /// `None`: from here on the control is not there.
    pub(super) control: Option<ControlConfig>,
}

/// The parts of `config.json` that pages show.
#[derive(Deserialize)]
struct ConfigFile {
    controls: BTreeMap<String, ControlConfig>,
    collectors: BTreeMap<String, CollectorConfig>,
}

impl Stated {
    /// Reads the configurations up to the end of the period.
    pub(super) fn read(contents: &Contents, source: &dyn Source) -> Result<Self, BundleError> {
        let mut stated = Self { controls: BTreeMap::new(), collectors: BTreeMap::new() };
        for record in contents.of_kind("config").iter().copied().take_while(|at| *at < contents.facts.range.end) {
            let found = source.record(record)?;
            let path = format!("data/configs/{}/config.json", digits(record));
            let file: ConfigFile = serde_json::from_slice(&source.file(record, "config.json")?)
                .map_err(|e| BundleError::malformed(path, e))?;
            stated.take(record, found.at, file);
        }
        Ok(stated)
    }

    fn take(&mut self, record: u64, at: DateTime<Utc>, mut file: ConfigFile) {
        for (name, said) in &mut self.controls {
            let control = file.controls.remove(name);
            if said.last().is_none_or(|last| last.control != control) {
                said.push(Said { record, at, control });
            }
        }
        for (name, control) in file.controls {
            self.controls.insert(name, vec![Said { record, at, control: Some(control) }]);
        }
        self.collectors.extend(file.collectors);
    }

    /// The last that was said of a control while it was there; `None`: the bundle does not say.
    pub(super) fn control(&self, name: &str) -> Option<&ControlConfig> {
        self.controls.get(name)?.iter().rev().find_map(|said| said.control.as_ref())
    }
}
