//! That every slot of the period has one outcome: what the configurations in the bundle asked for, against the
//! records. A slot without a record does not make the bundle wrong, which shows all that there is; it is a gap that
//! nobody recorded, and must not pass in silence.

use super::report::{Check, Checking};
use crate::bundle::format::Contents;
use crate::schedule::Outcome;

/// Computes the calendar anew.
pub(super) fn check(contents: &Contents) -> Check {
    const FILE: &str = "data/calendar.csv";
    let mut checking = Checking::new("calendar");
    let (mut slots, mut unaccounted) = (0, 0);
    for (collector, series) in &contents.series {
        for (outcome, count) in &series.slots {
            slots += count;
            match outcome {
                Outcome::Unaccounted => unaccounted += count,
                Outcome::Unplanned => checking.unaccounted(
                    FILE,
                    format!(
                        "{count} records of {collector} answer to slots that no schedule had, or that have an answer"
                    ),
                ),
                _ => {}
            }
        }
    }
    for gap in contents.gaps.iter().filter(|gap| gap.how == Outcome::Unaccounted.word()) {
        let due = gap.scheduled_for.map(crate::bundle::format::time).unwrap_or_default();
        let why = gap.reason.as_deref().unwrap_or_default();
        checking.unaccounted(FILE, format!("{}, due {due}: {why}", gap.collector));
    }
    let collectors = contents.calendars.collectors().count();
    checking.done(match unaccounted {
        0 => format!("{slots} slots of {collectors} collectors have an outcome on record"),
        _ => format!("of {slots} slots of {collectors} collectors, {unaccounted} have no record at all"),
    })
}
