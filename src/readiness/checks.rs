//! The six checks of operation over a period, each from what is on record. Pure.

use super::facts::{Control, Facts, Observed, SignOff, named};
use crate::catalogue::Severity;
use crate::causes::days_to_close;
use crate::drift::{Ending, State};
use crate::schedule::{Frequency, Met};
use crate::sign_offs::GRACE_DAYS;
use crate::timeline::{Drift, Spell, span};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use evidenced_collectors::contract::{CLOCK_SKEW_MAX, Window};
use serde::Serialize;

/// Longest time from the state that evidence is of to its being sealed.
const SEALED_WITHIN: TimeDelta = TimeDelta::hours(4);
/// What is named of several; the rest is counted.
const NAMED_MAX: usize = 3;

/// What must hold of a control over a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Evidence at its beginning and end, and none missing for too long.
    EvidencePeriod,
    /// Nothing deviates without being closed, and nothing was left open.
    OperatingConsistency,
    /// Every drift was explained, and mended and read again, or accepted, in time.
    ExceptionHandling,
    /// Somebody is named, and somebody signed for the control each quarter. Owners are roles, so that who it was is for
    /// people to read.
    OwnerAccountability,
    /// What was collected was sealed at once, in order.
    EvidenceTimestamps,
    /// It was read as often as it acts.
    FrequencyAdherence,
}

/// Whether a check passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// It did.
    Yes,
    /// It cannot be said yet: the period, or the time to mend something, is not over.
    Open,
    /// It did not.
    No,
}

/// One check of one control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Which.
    pub check: Check,
    /// How bad it is if it fails.
    pub severity: Severity,
    /// Whether it passed.
    pub passed: Passed,
    /// What was found, in a sentence.
    pub says: String,
    /// The first instant from which on it fails, where that is known.
    pub since: Option<DateTime<Utc>>,
}

impl Check {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::EvidencePeriod => "evidence_period",
            Self::OperatingConsistency => "operating_consistency",
            Self::ExceptionHandling => "exception_handling",
            Self::OwnerAccountability => "owner_accountability",
            Self::EvidenceTimestamps => "evidence_timestamps",
            Self::FrequencyAdherence => "frequency_adherence",
        }
    }

    /// How bad it is if it fails.
    pub fn severity(self) -> Severity {
        match self {
            Self::EvidencePeriod | Self::OperatingConsistency | Self::FrequencyAdherence => Severity::Critical,
            Self::ExceptionHandling | Self::EvidenceTimestamps => Severity::High,
            Self::OwnerAccountability => Severity::Medium,
        }
    }

    /// What it asks for.
    pub fn required(self) -> &'static str {
        match self {
            Self::EvidencePeriod => {
                "complete evidence in the first and the last part of the period, and none missing for longer than the frequency allows"
            }
            Self::OperatingConsistency => "no deviation that was not closed, and nothing left that could not be judged",
            Self::ExceptionHandling => {
                "every drift has an owner, a cause and a correction on record, and ends, inside its time, by a later verdict that passes or by an approved acceptance"
            }
            Self::OwnerAccountability => {
                "a named owner, and somebody who signed for the control in every quarter that is over"
            }
            Self::EvidenceTimestamps => {
                "every collection sealed within four hours, none ahead of its time, all in the order of the log, and no document in it long after its day without a note"
            }
            Self::FrequencyAdherence => "read as often as the frequency says",
        }
    }
}

/// A finding, before its check is put to it.
type Found = (Passed, String, Option<DateTime<Utc>>);

/// The six checks of a control over the period; none without a period, or where nothing was ever observed.
pub fn checks(facts: &Facts, control: &Control) -> Vec<Checked> {
    let (Some(period), Some(observed)) = (facts.period, &control.observed) else { return Vec::new() };
    let found: [(Check, Found); 6] = [
        (Check::EvidencePeriod, evidence_period(facts, period, control, observed)),
        (Check::OperatingConsistency, operating_consistency(facts, period, observed)),
        (Check::ExceptionHandling, exception_handling(facts, control, observed)),
        (Check::OwnerAccountability, owner_accountability(facts, control, period)),
        (Check::EvidenceTimestamps, evidence_timestamps(facts, period, observed)),
        (Check::FrequencyAdherence, frequency_adherence(control, observed)),
    ];
    let checked = |(check, (passed, says, since)): (Check, Found)| {
        let severity = check.severity();
        Checked { check, severity, passed, says, since }
    };
    found.into_iter().map(checked).collect()
}

fn evidence_period(facts: &Facts, period: Window, control: &Control, observed: &Observed) -> Found {
    let Some(frequency) = control.frequency else {
        return (Passed::No, "without a frequency nobody can say how often evidence is due".into(), None);
    };
    let mut open = false;
    for (name, cadence) in &observed.over.cadence {
        let gap_after = frequency.gap_after();
        if let Some(gap) = cadence.gaps.first() {
            let says = format!("{name}: no complete evidence from {} to {}", minute(gap.start), minute(gap.end));
            return (Passed::No, says, Some(gap.start + gap_after.delta()));
        }
        if let Some(missed) = cadence.missed_end(frequency) {
            let says = format!("{name}: no complete evidence in {missed}, at an end of the period");
            return (Passed::No, says, cadence.first_missed(frequency));
        }
        open |= cadence.readings == 0 || facts.as_of < cadence.window.end;
        // One that had to read for less than a gap may be, before another took over, missed nothing.
        if cadence.readings == 0 && cadence.window.end >= period.end && facts.as_of >= period.end {
            let says = format!("{name}: no complete evidence in the whole period");
            return (Passed::No, says, Some(cadence.window.end));
        }
    }
    if observed.over.cadence.is_empty() {
        return (Passed::No, "no complete evidence in the period".into(), None);
    }
    match open {
        true if facts.as_of >= period.end => {
            (Passed::Open, "a collector had too little time to be read in".into(), None)
        }
        true => (Passed::Open, "without a hole so far; the period is not over".into(), None),
        false => (Passed::Yes, "evidence from the beginning to the end of the period, without a hole".into(), None),
    }
}

fn operating_consistency(facts: &Facts, period: Window, observed: &Observed) -> Found {
    if let Some(erased) = observed.over.erased.first() {
        let says = format!(
            "items were bad by verdict {}, whose files were erased: what became of them is not known",
            erased.record
        );
        return (Passed::No, says, Some(erased.as_of));
    }
    let open = |spell: &&Spell| match spell.ended {
        None => true,
        Some(ended) => ended == Ending::Gone && !observed.closed_by_going(spell),
    };
    let spells: Vec<_> = observed.over.items.iter().filter(open).collect();
    let since = spells.iter().map(|spell| spell.from).min();
    if !spells.is_empty() {
        let named = spells.iter().take(NAMED_MAX).map(|s| format!("{} ({})", s.item, s.reason)).collect::<Vec<_>>();
        let says = format!("{} not closed: {}{}", spells.len(), named.join(", "), more(spells.len()));
        return (Passed::No, says, since);
    }
    if matches!(observed.state, State::Deviating | State::Indeterminate) {
        let why = observed.bad.first().cloned().unwrap_or_default();
        return (Passed::No, format!("it is {}: {why}", observed.state.word()), observed.not_since);
    }
    let closed = observed.over.items.len();
    let so_far = if facts.as_of < period.end { Passed::Open } else { Passed::Yes };
    let says = match (closed, so_far) {
        (0, _) => "nothing deviated".to_owned(),
        (n, _) => format!("{n} bad items, all closed"),
    };
    // What has not deviated so far may still do so; that alone is nobody's gap.
    (so_far, says, None)
}

/// Whether a drift whose items are out of sight is closed by nothing.
pub(super) fn out_of_view(observed: &Observed, drift: &Drift) -> bool {
    drift.worst >= State::Indeterminate && !observed.drift_closed_by_going(drift)
}

/// Why a drift does not count as handled, and since when; `None`: nothing speaks against it so far.
fn not_handled(
    facts: &Facts,
    control: &Control,
    observed: &Observed,
    drift: &Drift,
) -> Option<(String, DateTime<Utc>)> {
    let days = days_to_close(control.severity);
    let (began, end) = (minute(drift.from), drift.from + TimeDelta::days(days));
    match (drift.until, drift.ended) {
        (Some(until), Some(Ending::Gone)) if out_of_view(observed, drift) => {
            Some((format!("the drift of {began} went out of view, and was neither mended nor accepted"), until))
        }
        (Some(until), _) if until > end => {
            let took = span((until - drift.from).num_seconds());
            Some((format!("the drift of {began} took {took}, more than {days} days"), end))
        }
        (None, _) if facts.at > end => Some((format!("the drift of {began} is open for more than {days} days"), end)),
        _ if facts.as_of > end && facts.causes_of(control, drift).next().is_none() => {
            Some((format!("no record says why the drift of {began} happened and what was done"), end))
        }
        _ => None,
    }
}

fn exception_handling(facts: &Facts, control: &Control, observed: &Observed) -> Found {
    let drifts = &observed.over.drifts;
    if !drifts.is_empty() && control.lacks().contains(&"owner") {
        return (Passed::No, "nobody is named to answer for its drifts".into(), drifts.first().map(|d| d.from));
    }
    let faults = drifts.iter().filter_map(|drift| not_handled(facts, control, observed, drift));
    let faults: Vec<_> = faults.collect();
    if let Some((first, since)) = faults.iter().min_by_key(|(_, since)| *since) {
        return (Passed::No, format!("{first}{}", more_than_one(faults.len())), Some(*since));
    }
    let days = days_to_close(control.severity);
    if drifts.iter().any(|drift| drift.until.is_none()) {
        return (Passed::Open, format!("a drift is open, and may be for {days} days"), None);
    }
    let first_said = |drift: &Drift| facts.causes_of(control, drift).map(|cause| cause.at).min();
    if drifts.iter().any(|drift| first_said(drift).is_none()) {
        return (Passed::Open, format!("the cause of a drift is not on record, and may be for {days} days"), None);
    }
    let accepted = drifts.iter().filter(|drift| drift.ended == Some(Ending::Waived)).count();
    let late = |drift: &&Drift| first_said(drift) > Some(drift.from + TimeDelta::days(days));
    let says = match (drifts.len(), drifts.iter().filter(late).count()) {
        (0, _) => "no drift".to_owned(),
        (n, late) => format!(
            "{n} drifts, each closed within {days} days by a later verdict, {accepted} of them by acceptance, and with its cause on record, {late} of these later than that"
        ),
    };
    (Passed::Yes, says, None)
}

fn owner_accountability(facts: &Facts, control: &Control, period: Window) -> Found {
    if control.lacks().contains(&"owner") {
        return (Passed::No, "no owner is named".into(), None);
    }
    let (over, without) = (quarters(period, facts.at), unsigned(facts, control, period));
    let names = without.iter().map(|quarter| quarter.name.as_str()).collect::<Vec<_>>().join(", ");
    match (without.first(), over.is_empty()) {
        (Some(first), _) if first.late_from() <= facts.as_of => {
            (Passed::No, format!("{} did not confirm it for {names}", control.owner), Some(first.late_from()))
        }
        (Some(_), _) => {
            (Passed::Open, format!("to be confirmed for {names} within {GRACE_DAYS} days of its end"), None)
        }
        (None, true) => (Passed::Open, "no quarter of the period is over".into(), None),
        (None, false) => {
            let who = |quarter: &Quarter| {
                let by = quarter.signed(facts, control).next().map(|sign| sign.by.clone()).unwrap_or_default();
                format!("{} by {by}", quarter.name)
            };
            (Passed::Yes, format!("confirmed for {}", over.iter().map(who).collect::<Vec<_>>().join(", ")), None)
        }
    }
}

/// Quarters of the period that are over, and for which nobody confirmed the control.
pub(super) fn unsigned(facts: &Facts, control: &Control, period: Window) -> Vec<Quarter> {
    let mut all = quarters(period, facts.at);
    all.retain(|quarter| quarter.signed(facts, control).next().is_none());
    all
}

/// A quarter that is over.
pub(super) struct Quarter {
    pub(super) name: String,
    first: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Quarter {
    /// The first instant at which a control that nobody confirmed for it is a gap.
    pub(super) fn late_from(&self) -> DateTime<Utc> {
        self.end + TimeDelta::days(GRACE_DAYS)
    }

    /// Who confirmed the control for it by `as_of`, oldest first.
    pub(super) fn signed<'a>(&'a self, facts: &'a Facts, control: &'a Control) -> impl Iterator<Item = &'a SignOff> {
        let of = |sign: &&SignOff| sign.control == control.id && sign.quarter == self.name;
        let counts = |sign: &&SignOff| named(&sign.by) && sign.at >= self.first && sign.at <= facts.as_of;
        facts.sign_offs.iter().filter(of).filter(counts)
    }
}

/// Calendar quarters that touch the period and are over by `at`.
pub(super) fn quarters(period: Window, at: DateTime<Utc>) -> Vec<Quarter> {
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let day = period.start.date_naive();
    let mut first = NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1);
    let mut all = Vec::new();
    while let Some(start) = first.filter(|start| midnight(*start) < period.end) {
        let next = start.checked_add_months(Months::new(3));
        if let Some(end) = next.map(midnight).filter(|end| *end <= at) {
            let name = format!("{}-Q{}", start.year(), start.month0() / 3 + 1);
            all.push(Quarter { name, first: midnight(start), end });
        }
        first = next;
    }
    all
}

fn evidence_timestamps(facts: &Facts, period: Window, observed: &Observed) -> Found {
    let stamps = &observed.over.stamps;
    let mut faults = Vec::new();
    for stamp in stamps {
        let age = stamp.sealed - stamp.until;
        if age > SEALED_WITHIN {
            let late = span(age.num_seconds());
            faults.push((stamp.sealed, format!("record {} was sealed {late} after what it is of", stamp.record)));
        } else if age < -CLOCK_SKEW_MAX {
            faults.push((stamp.sealed, format!("record {} is of a time after it was sealed", stamp.record)));
        }
    }
    for two in stamps.windows(2) {
        if let [before, after] = two
            && after.sealed < before.sealed
        {
            faults.push((after.sealed, format!("record {} was sealed before record {}", after.record, before.record)));
        }
    }
    faults.extend(observed.over.late.iter().filter(|late| !late.noted).map(|late| {
        let day = late.sealed.date_naive();
        let says = format!(
            "{}, of {}, is in the log since record {} of {day} only, without a note",
            late.file, late.as_of, late.record
        );
        (late.sealed, says)
    }));
    if let Some((since, says)) = faults.iter().min() {
        return (Passed::No, format!("{says}{}", more_than_one(faults.len())), Some(*since));
    }
    let late = match observed.over.late.len() {
        0 => String::new(),
        n => format!("; {n} documents came long after their day, each with a note"),
    };
    match stamps.len() {
        0 if facts.as_of < period.end => (Passed::Open, "no collection in the period so far".into(), None),
        0 => (Passed::No, "no collection in the period".into(), None),
        n => (Passed::Yes, format!("{n} collections sealed in time and in order{late}"), None),
    }
}

fn frequency_adherence(control: &Control, observed: &Observed) -> Found {
    let Some(frequency) = control.frequency else { return (Passed::No, "no frequency is named".into(), None) };
    let mut worst = (Passed::Yes, String::new(), None);
    for (name, cadence) in &observed.over.cadence {
        let says = format!("{}, by {name}: {}", frequency.word(), cadence.sentence(frequency));
        let passed = match cadence.met {
            Met::Met => Passed::Yes,
            Met::Open => Passed::Open,
            Met::NotMet => Passed::No,
        };
        if worst.1.is_empty() || passed > worst.0 {
            worst = (passed, says, cadence.first_missed(frequency).filter(|_| passed == Passed::No));
        }
    }
    if worst.1.is_empty() { (Passed::No, "it was never read in the period".into(), None) } else { worst }
}

/// How many occurrences of a control were due in its period so far, and how many of them were met; of several
/// collectors, the worst.
pub(super) fn occurrences(frequency: Frequency, observed: &Observed, known_until: DateTime<Utc>) -> (u64, u64) {
    let of = |cadence: &crate::schedule::Cadence| match (frequency, cadence.due) {
        (Frequency::PerEvent, _) if cadence.readings > 0 => {
            let days = |window: &Window| (window.end - window.start).num_days().max(0).unsigned_abs();
            let gaps: u64 = cadence.gaps.iter().map(days).sum();
            let known = Window { end: cadence.window.end.min(known_until), ..cadence.window };
            let known = days(&known).max(1).max(gaps);
            (known - gaps, known)
        }
        (_, 0) => (u64::from(cadence.readings > 0), 1),
        (_, due) => (due - (cadence.missing.len() as u64).min(due), due),
    };
    let share = |(met, due): &(u64, u64)| met * 1_000_000 / due.max(&1).to_owned();
    observed.over.cadence.values().map(of).min_by_key(share).unwrap_or((0, 1))
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}

fn more(count: usize) -> String {
    if count > NAMED_MAX { format!(" and {} more", count - NAMED_MAX) } else { String::new() }
}

fn more_than_one(count: usize) -> String {
    if count > 1 { format!("; and {} more", count - 1) } else { String::new() }
}
