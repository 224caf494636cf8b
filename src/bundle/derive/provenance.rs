//! Where one population comes from and why it is whole: what is sealed with the items, without them.

use crate::bundle::BundleError;
use crate::bundle::format::{Source, digits};
use crate::ledger::record::Status;
use crate::run_file::{ErrorFile, PARTIAL, POPULATION};
use evidenced_collectors::contract::{Ipe, Unread, Whole};
use serde::Deserialize;

/// What a run sealed of itself beside the items.
pub(super) struct Provenance {
    /// Why the population is whole; empty when it is not.
    pub(super) whole: Vec<Whole>,
    /// What was not read; empty when it is whole.
    pub(super) unread: Vec<Unread>,
    /// Where it comes from; `None` of a collection that failed.
    pub(super) ipe: Option<Ipe>,
}

/// `population.json` and `partial.json` but for their items, which are many.
#[derive(Deserialize)]
struct Light {
    #[serde(default)]
    whole: Vec<Whole>,
    #[serde(default)]
    unread: Vec<Unread>,
    ipe: Ipe,
}

impl Provenance {
    /// Reads it.
    pub(super) fn read(source: &dyn Source, index: u64, status: Status) -> Result<Self, BundleError> {
        let name = if status == Status::Complete { POPULATION } else { PARTIAL };
        let bytes = source.file(index, name)?;
        let malformed = |e| BundleError::malformed(format!("data/evidence/{}/{name}", digits(index)), e);
        if status == Status::Failed {
            let ErrorFile { unread, .. } = serde_json::from_slice(&bytes).map_err(malformed)?;
            return Ok(Self { whole: Vec::new(), unread, ipe: None });
        }
        let Light { whole, unread, ipe } = serde_json::from_slice(&bytes).map_err(malformed)?;
        Ok(Self { whole, unread, ipe: Some(ipe) })
    }
}
