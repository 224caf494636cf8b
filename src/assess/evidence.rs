//! Which of a collector's collections counts: those that a control is judged over, those that fed it, and what the next
//! run goes on from. What comes of them is not decided here.

use super::{erased, json};
use crate::config::{ControlConfig, Loaded};
use crate::judge::Reading;
use crate::ledger::record::{Body, Record, Status};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::run::RunError;
use crate::run_file::{self, RunFile};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{Reading as Covers, Window};

/// A complete collection.
pub struct Complete {
    /// Its evidence record.
    pub index: u64,
    /// What it looked at.
    pub window: Window,
}

/// The evidence that a control is judged over, oldest first: of a snapshot kind the newest; of a window
/// kind every complete one in the look-back, and the newest if it is not complete. What failed in between
/// was read again by the complete one after it.
pub(super) fn readings(
    reader: &Reader,
    loaded: &Loaded,
    control: &ControlConfig,
    size: u64,
    as_of: DateTime<Utc>,
) -> Result<(Vec<u64>, Vec<Reading>), RunError> {
    let (mut indexes, mut readings) = (Vec::new(), Vec::new());
    for name in &control.collectors {
        let chosen = match loaded.collectors[name].kind.reading {
            Covers::Snapshot => newest_evidence(reader, name, size)?.into_iter().collect(),
            Covers::Window => in_lookback(reader, name, size, as_of, control.lookback.delta())?,
        };
        if chosen.is_empty() {
            readings.push(run_file::no_evidence(name, as_of));
        }
        for index in chosen {
            readings.push(reading(reader, index)?);
            indexes.push(index);
        }
    }
    Ok((indexes, readings))
}

/// The look-back ends where the newest one does, if that is earlier: under a clock that was ahead nothing falls out of
/// it, although later verdicts are as of that instant too. One that is outside says nothing of those before it, for a
/// run under a clock that was behind stands after them: every one is looked at.
fn in_lookback(
    reader: &Reader,
    name: &str,
    size: u64,
    as_of: DateTime<Utc>,
    lookback: TimeDelta,
) -> Result<Vec<u64>, LedgerError> {
    let (mut chosen, mut since) = (Vec::new(), None);
    let filter = Filter::kind("evidence").collector(name);
    for (nth, found) in reader.records_newest_first(0..size, &filter).enumerate() {
        let (index, record) = found?;
        let Body::Evidence { status, window, .. } = record.body else { continue };
        if window.end <= *since.get_or_insert(as_of.min(window.end) - lookback) && nth > 0 {
            continue;
        }
        if status == Status::Complete || nth == 0 {
            chosen.push(index);
        }
    }
    chosen.reverse();
    Ok(chosen)
}

/// One evidence record as a judge sees it.
fn reading(reader: &Reader, index: u64) -> Result<Reading, RunError> {
    let unreadable = |why: String| RunError::Unreadable { index, why };
    if let Some((by, record)) = erased(reader, index)? {
        let Body::Evidence { collector, .. } = record.body else { return Err(unreadable("is no evidence".to_owned())) };
        return Ok(run_file::erased(&collector, record.at, index, by));
    }
    let run: RunFile = json(reader, index, run_file::RUN)?;
    let names: Vec<String> = reader.files(index)?.into_iter().map(|file| file.name).collect();
    let name = [run_file::POPULATION, run_file::PARTIAL].into_iter().find(|name| names.iter().any(|n| n == name));
    let name = name.ok_or_else(|| unreadable("holds neither a population nor a part of one".to_owned()))?;
    run_file::reading(&run, name, &reader.read_file(index, name)?).map_err(|e| unreadable(format!("{name}: {e}")))
}

/// The collector's newest evidence among the first `size` records.
pub fn newest_evidence(reader: &Reader, collector: &str, size: u64) -> Result<Option<u64>, LedgerError> {
    Ok(reader.newest_before(size, &Filter::kind("evidence").collector(collector))?.map(|(index, _)| index))
}

/// The newest complete collection of a collector.
pub fn newest_complete(reader: &Reader, collector: &str) -> Result<Option<Complete>, LedgerError> {
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("evidence").collector(collector)) {
        let (index, record) = found?;
        if let Body::Evidence { status: Status::Complete, window, .. } = record.body {
            return Ok(Some(Complete { index, window }));
        }
    }
    Ok(None)
}

/// The newest complete collection of a collector that can still be read and reaches no further than `by`: where the
/// next run's window begins. What was erased since is read again.
pub fn newest_readable(reader: &Reader, collector: &str, by: DateTime<Utc>) -> Result<Option<Complete>, LedgerError> {
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("evidence").collector(collector)) {
        let (index, record) = found?;
        if let Body::Evidence { status: Status::Complete, window, .. } = record.body
            && window.end <= by
            && erased(reader, index)?.is_none()
        {
            return Ok(Some(Complete { index, window }));
        }
    }
    Ok(None)
}

/// A collection that fed a control.
pub struct Collected {
    /// Its evidence record.
    pub index: u64,
    /// Until when it reaches.
    pub until: DateTime<Utc>,
    /// When it was sealed.
    pub sealed: DateTime<Utc>,
    /// Whether it is whole.
    pub complete: bool,
}

/// The collections of a collector, among the first `size` records, that fed the control and end at `since` or later,
/// newest first. What was collected before the control was there is no reading of it.
pub fn collected(
    reader: &Reader,
    size: u64,
    (collector, control): (&str, &str),
    since: DateTime<Utc>,
) -> Result<Vec<Collected>, LedgerError> {
    let mut all = Vec::new();
    for found in reader.records_newest_first(0..size, &Filter::kind("evidence").collector(collector)) {
        let (index, Record { at: sealed, body, .. }) = found?;
        let Body::Evidence { status, window, controls, .. } = body else { continue };
        // Not the end of those: a run under a clock that was behind stands after them.
        if window.end >= since && controls.iter().any(|fed| fed == control) {
            all.push(Collected { index, until: window.end, sealed, complete: status == Status::Complete });
        }
    }
    Ok(all)
}

/// What the evidence of a run is as of.
pub fn as_of(reader: &Reader, evidence: u64) -> Result<DateTime<Utc>, RunError> {
    Ok(json::<RunFile>(reader, evidence, run_file::RUN)?.as_of)
}

/// What a collection left for the next run.
pub struct Left {
    /// The evidence record.
    pub index: u64,
    /// `None` of a complete one whose kind leaves nothing.
    pub carry: Option<serde_json::Value>,
}

/// The newest collection of a collector that can still be read and left something, whole or not: what was seen once is
/// not forgotten because something else was not read. Behind the newest complete one nothing counts. Of a kind whose
/// incomplete runs leave nothing none is looked into: there may be thousands, and each holds all that it read.
pub fn newest_left(reader: &Reader, collector: &str) -> Result<Option<Left>, RunError> {
    let mut keeps = None;
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("evidence").collector(collector)) {
        let (index, record) = found?;
        let Body::Evidence { status, .. } = record.body else { continue };
        let name = match status {
            Status::Complete => run_file::POPULATION,
            Status::Incomplete if keeps != Some(false) => run_file::PARTIAL,
            Status::Incomplete | Status::Failed => continue,
        };
        if erased(reader, index)?.is_some() {
            continue;
        }
        if status == Status::Incomplete && keeps.is_none() {
            let kind = json::<RunFile>(reader, index, run_file::RUN)?.kind;
            keeps = Some(evidenced_collectors::kind(&kind).is_none_or(|kind| kind.keeps));
            if keeps == Some(false) {
                continue;
            }
        }
        let carry = run_file::carry(&reader.read_file(index, name)?)
            .map_err(|e| RunError::Unreadable { index, why: format!("{name}: {e}") })?;
        if carry.is_some() || status == Status::Complete {
            return Ok(Some(Left { index, carry }));
        }
    }
    Ok(None)
}
