//! Retention: erases the files of evidence that nobody needs to ask for any more. Each has an `erasure` record, as
//! whatever is erased by request has: records, proofs, verdicts and checkpoints stay. How erasing works is the
//! ledger's; which evidence it is to be is said here.

use crate::assess;
use crate::config::{KEPT_AT_LEAST, Loaded, ScopeConfig};
use crate::ledger::record::Body;
use crate::ledger::{Filter, Ledger, LedgerError, NewRecord, Reader, sweep};
use crate::run::{RunError, Runner};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// `Body::Erasure::basis` of what retention erased.
pub const BASIS: &str = "retention";

/// Records erased in one transaction, so that nobody who appends waits for long.
const AT_ONCE: usize = 16;

/// What retention comes to at an instant.
#[derive(Debug)]
pub struct Due {
    /// Evidence recorded before this is old enough.
    pub before: DateTime<Utc>,
    /// Whether a period of the scope kept more than retention alone would have.
    pub for_period: bool,
    /// The evidence whose files go, oldest first. Of each collector the newest stays: its next run goes on from it.
    pub records: BTreeSet<u64>,
}

/// Why nothing can be compacted.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// Nobody said from when on evidence may go.
    #[error("evidence is kept for ever here\nhint: set `evidence = \"3y\"` under [retention], or give --before")]
    ForEver,
    /// Evidence would go that has to be kept.
    #[error("evidence from before {before} would go, and what is younger than {latest} is kept\nhint: {hint}")]
    TooYoung {
        /// What was asked for.
        before: DateTime<Utc>,
        /// The latest instant that may be.
        latest: DateTime<Utc>,
        /// By which rule.
        hint: String,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the ledger holds cannot be read as what it should be.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// What is old enough at `now`: by `[retention]`, or from before an instant that somebody gave.
pub fn due(
    reader: &Reader,
    loaded: &Loaded,
    now: DateTime<Utc>,
    given: Option<DateTime<Utc>>,
) -> Result<Due, CompactError> {
    let kept = loaded.config.retention.evidence;
    let furthest = loaded.config.controls.iter().max_by_key(|(_, control)| control.lookback);
    let furthest = furthest.filter(|(_, control)| control.lookback > kept.unwrap_or(KEPT_AT_LEAST));
    let latest = now - furthest.map_or(kept.unwrap_or(KEPT_AT_LEAST), |(_, control)| control.lookback).delta();
    let asked = match (given, kept) {
        (None, None) => return Err(CompactError::ForEver),
        (None, Some(_)) => latest,
        (Some(before), _) if before <= latest => before,
        (Some(before), _) => {
            let hint = match kept {
                _ if let Some((id, control)) = furthest => format!("{id} looks back {}", control.lookback),
                Some(kept) => format!("[retention] keeps evidence for {kept}"),
                None => "auditors ask for a period of a year until a year after it: 730 days at least".to_owned(),
            };
            return Err(CompactError::TooYoung { before, latest, hint });
        }
    };
    let before = needed_from(loaded.config.scope.as_ref(), now).map_or(asked, |from| asked.min(from));
    let mut records: BTreeSet<u64> = reader.evidence_before(before)?.into_iter().collect();
    // Whatever the configuration is today: a collector that comes back goes on from where it was.
    let mut collectors = BTreeSet::new();
    for record in &records {
        if let Body::Evidence { collector, .. } = reader.record(*record)?.body {
            collectors.insert(collector);
        }
    }
    for collector in collectors {
        let newest = reader.newest(&Filter::kind("evidence").collector(&collector))?.map(|(index, _)| index);
        let readable = assess::newest_readable(reader, &collector, DateTime::<Utc>::MAX_UTC)?;
        let reached = assess::newest_readable(reader, &collector, now)?;
        let complete = readable.into_iter().chain(reached).map(|complete| complete.index);
        // An incomplete run may be the only one that knows what was seen since.
        let left = assess::newest_left(reader, &collector)?.map(|left| left.index);
        for stays in newest.into_iter().chain(left).chain(complete) {
            records.remove(&stays);
        }
    }
    Ok(Due { before, for_period: before < asked, records })
}

/// The beginning of the scope's period, until a year after its end.
fn needed_from(scope: Option<&ScopeConfig>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let period = scope?.period.as_ref()?;
    let day = |day: chrono::NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    (now < day(period.end) + TimeDelta::days(365)).then(|| day(period.start))
}

/// Erases them, a few at a time; a crash leaves it begun, and whoever compacts next goes on. Then gives back the
/// space. `false`: a reader still needs the old pages, so they are still on the disk.
pub async fn compact(ledger: &Ledger, due: &Due, by: &str, at: DateTime<Utc>) -> Result<bool, LedgerError> {
    let records: Vec<u64> = due.records.iter().copied().collect();
    for some in records.chunks(AT_ONCE) {
        let erasure = |target: &u64| Body::Erasure {
            target: *target,
            basis: BASIS.to_owned(),
            request: format!("evidence from before {}", due.before.format("%Y-%m-%dT%H:%M:%SZ")),
            approved_by: by.to_owned(),
        };
        let unit = some.iter().map(|target| NewRecord { at, body: erasure(target), files: Vec::new() });
        // Nobody reads it in order to judge.
        let _judging = ledger.lock_judging().await?;
        ledger.append(unit.collect()).await?;
    }
    let dir = ledger.dir().to_owned();
    let swept = tokio::task::spawn_blocking(move || sweep(&dir)).await;
    swept.map_err(|_| LedgerError::Stopped { why: "giving back space ended in the middle".to_owned() })?
}

/// Longest time between two records, or since the last one, after which a clock alone decides nothing.
const SILENCE: TimeDelta = TimeDelta::days(31);

/// What speaks for a clock that was set, rather than for time that went by: the log is silent for long, and no anchor
/// dated it since. What is erased cannot come back, so that such a clock erases nothing by itself.
pub fn doubt(reader: &Reader, now: DateTime<Utc>, kept: TimeDelta) -> Result<Option<String>, LedgerError> {
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("anchor")) {
        if let Body::Anchor { time: Some(time), .. } = found?.1.body {
            if (now - time).abs() <= SILENCE {
                return Ok(None);
            }
            break;
        }
    }
    let (step, until) = reader.longest_step(now - kept, now)?;
    Ok((step > SILENCE).then(|| format!("the log has nothing of the {} days before {until}", step.num_days())))
}

/// What a daemon does once a day, if retention is set.
pub async fn apply(runner: &Runner) -> Result<(), RunError> {
    let (loaded, now) = (runner.loaded(), runner.clock().now());
    let Some(kept) = loaded.config.retention.evidence else { return Ok(()) };
    let (found, by) = {
        let reader = runner.reader()?;
        if let Some(why) = doubt(&reader, now, kept.delta())? {
            tracing::warn!(%now, why, "nothing is compacted: was the clock set? hint: if it is right, `evidenced compact`");
            return Ok(());
        }
        let config = reader.newest(&Filter::kind("config"))?.map(|(index, _)| index).unwrap_or_default();
        match due(&reader, &loaded, now, None) {
            Ok(found) => (found, format!("[retention] of the configuration in record {config}")),
            Err(CompactError::Ledger(error)) => return Err(error.into()),
            Err(CompactError::Run(error)) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "nothing is compacted");
                return Ok(());
            }
        }
    };
    if found.records.is_empty() {
        return Ok(());
    }
    let (records, before) = (found.records.len(), found.before);
    match compact(runner.ledger(), &found, &by, now).await {
        Ok(swept) => tracing::info!(records, %before, swept, "files of old evidence were erased, on record"),
        Err(error @ (LedgerError::Stopped { .. } | LedgerError::Full)) => return Err(error.into()),
        // What was erased is on record, and the space is given back another day.
        Err(error) => tracing::warn!(%error, "not all of the space of old evidence was given back"),
    }
    Ok(())
}
