//! The items of one control that were bad in at least one verdict of the period, and what was not read.

use super::control::{Judged, verdict};
use crate::bundle::BundleError;
use crate::bundle::format::{Control, Source};
use crate::judge::Outcome;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// An item that deviated, could not be judged, or was waived.
pub(super) struct Bad {
    /// The last reason.
    pub(super) reason: String,
    /// What was seen at last.
    pub(super) seen: String,
    /// As of when a verdict first says so.
    pub(super) first: DateTime<Utc>,
    /// As of when a verdict last says so.
    pub(super) last: DateTime<Utc>,
    /// The record of that last verdict.
    pub(super) verdict: u64,
    /// How many verdicts say so.
    pub(super) verdicts: u64,
}

/// All of them: deviations first, by item; and what was not read, with the last reason and how many
/// verdicts lack it.
#[derive(Default)]
pub(super) struct BadItems {
    /// By outcome and item.
    pub(super) items: BTreeMap<(Outcome, String), Bad>,
    /// By what was not read.
    pub(super) unread: BTreeMap<String, (String, u64)>,
}

impl BadItems {
    /// Gathers them from the verdicts, one of them in memory at a time.
    pub(super) fn of(control: &Control, source: &dyn Source) -> Result<Self, BundleError> {
        let mut bad = Self::default();
        for index in control.verdicts.iter().filter(|index| control.not_plain.contains(index)) {
            let Judged { as_of, verdict, .. } = verdict(source, *index)?;
            for j in verdict.judgements {
                if !matches!(j.outcome, Outcome::Deviation | Outcome::Indeterminate | Outcome::Waived) {
                    continue;
                }
                let entry = bad.items.entry((j.outcome, j.item)).or_insert_with(|| Bad {
                    reason: String::new(),
                    seen: String::new(),
                    first: as_of,
                    last: as_of,
                    verdict: *index,
                    verdicts: 0,
                });
                (entry.reason, entry.seen, entry.last, entry.verdict) = (j.reason, j.seen, as_of, *index);
                entry.verdicts += 1;
            }
            for u in verdict.unread {
                let permission = u.permission.map(|p| format!(" (missing permission: {p})")).unwrap_or_default();
                let entry = bad.unread.entry(u.what).or_default();
                (entry.0, entry.1) = (u.why + &permission, entry.1 + 1);
            }
        }
        Ok(bad)
    }

    /// How many items have that outcome in some verdict.
    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.items.keys().filter(|(of, _)| *of == outcome).count()
    }
}
