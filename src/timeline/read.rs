//! Changes and items out of sealed records, of a ledger or of a bundle: one document in memory at a time.

use super::{Change, Look, Spell, Spells};
use crate::bundle::BundleError;
use crate::bundle::format::{Source, record_path};
use crate::drift::{Ending, Standing, State};
use crate::judge::{Verdict, VerdictOutcome};
use crate::ledger::record::Body;
use std::collections::BTreeMap;

/// The changes in these transitions.
pub(crate) fn changes(source: &dyn Source, transitions: &[u64]) -> Result<Vec<Change>, BundleError> {
    let mut changes = Vec::new();
    for index in transitions {
        let Body::Transition { from, to, before_at, since, observed_at, resolved, waived, gone, .. } =
            source.record(*index)?.body
        else {
            return Err(BundleError::malformed(record_path(*index), "is not a transition"));
        };
        let ended = Ending::of(resolved, waived, gone).filter(|_| to == State::Effective);
        changes.push(Change { record: Some(*index), from, to, before_at, since, observed_at, ended });
    }
    Ok(changes)
}

/// How long items were bad, by these verdicts, oldest first. Of one whose files are not there nothing is known.
pub(crate) fn spells(source: &dyn Source, verdicts: impl IntoIterator<Item = u64>) -> Result<Vec<Spell>, BundleError> {
    let mut spells = Spells::default();
    for index in verdicts {
        let Body::Verdict { as_of, outcome, occasion, .. } = source.record(index)?.body else {
            return Err(BundleError::malformed(record_path(index), "is not a verdict"));
        };
        // What passes has nothing bad.
        let bad = match outcome {
            VerdictOutcome::Pass => BTreeMap::new(),
            _ => json::<Standing>(source, index, "standing.json")?.bad,
        };
        let ending: Vec<&String> = spells.open().filter(|item| !bad.contains_key(*item)).collect();
        let mut ended = BTreeMap::new();
        if !ending.is_empty() {
            let verdict: Verdict = json(source, index, "judgements.json")?;
            ended.extend(ending.into_iter().map(|item| (item.clone(), Ending::by(&verdict, item))));
        }
        spells.look(Look { as_of, exact: occasion.run().is_none(), bad, ended });
    }
    Ok(spells.end())
}

fn json<T: serde::de::DeserializeOwned>(source: &dyn Source, index: u64, name: &str) -> Result<T, BundleError> {
    serde_json::from_slice(&source.file(index, name)?)
        .map_err(|e| BundleError::malformed(format!("{name} of record {index}"), e))
}
