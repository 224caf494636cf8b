//! What a bundle that is limited to some controls must disclose: a rule over records, for those who choose
//! them and for those who check that none was left out.

use crate::ledger::record::{Body, Of};
use std::collections::{BTreeMap, BTreeSet};

/// Some controls, and the collectors that fed them at any time of the period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The controls.
    pub(crate) controls: BTreeSet<String>,
    /// The collectors.
    pub(crate) collectors: BTreeSet<String>,
    /// Those of the controls that a configuration of the period knows.
    pub(crate) known: BTreeSet<String>,
}

impl Scope {
    /// Of controls whose collectors are not known yet.
    pub(crate) fn of(controls: BTreeSet<String>) -> Self {
        Self { controls, ..Self::default() }
    }

    /// Takes a configuration that was in force in the period.
    pub(crate) fn configured(&mut self, map: &BTreeMap<String, Vec<String>>) {
        for (control, collectors) in map {
            if self.controls.contains(control) {
                self.known.insert(control.clone());
                self.collectors.extend(collectors.iter().cloned());
            }
        }
    }

    /// Whether the record is disclosed.
    pub(crate) fn holds(&self, body: &Body) -> bool {
        match body.of() {
            Of::Log => true,
            Of::Collector(name) => self.collectors.contains(name),
            Of::Control(name) => self.controls.contains(name),
        }
    }
}
