//! Sign-offs: what an owner signs at the end of a quarter, who has signed what, what is due and what is late.
//! Reads only; `cli::sign_off` records one.
//!
//! A quarter is signed when it is over: its results can be known then, and nobody can vouch for days that have
//! not come. What is signed names the log that it was made from, by size and root, so that it stays clear what
//! was seen, whatever is sealed later.

use crate::config::Loaded;
use crate::drift::State;
use crate::judge::{Outcome, VerdictOutcome};
use crate::ledger::record::{Body, Record, canonical_json, millis};
use crate::ledger::{Filter, LedgerError, NewFile, Reader};
use crate::unit::{Every, Unit};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// File of a sign-off with what was signed.
pub const STATEMENT: &str = "statement.json";

/// Days after the end of a quarter within which its sign-off is in time.
pub const GRACE_DAYS: i64 = 14;

/// A sign-off on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignOff {
    /// Its record.
    pub record: u64,
    /// Of which control.
    pub control: String,
    /// Of which quarter, `2026-Q1`.
    pub quarter: String,
    /// Who signed, as they call themselves.
    pub by: String,
    /// What they add.
    pub note: Option<String>,
    /// The account that recorded it, as claimed.
    pub recorded_by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Size of the log that the statement was made from.
    pub log_size: u64,
    /// Root of the tree over it, hex.
    pub root: String,
}

impl SignOff {
    /// The sign-off in a record, if it is one.
    pub fn of(record: u64, body: Body) -> Option<Self> {
        let Body::SignOff { control, quarter, by, note, recorded_by, signed_at: at, log_size, root } = body else {
            return None;
        };
        Some(Self { record, control, quarter, by, note, recorded_by, at, log_size, root })
    }
}

/// Every sign-off of a quarter that the period has days of, of all controls, oldest first; also those sealed
/// after the period.
pub fn of_period(reader: &Reader, period: Window) -> Result<Vec<SignOff>, LedgerError> {
    let mut found = Vec::new();
    for record in reader.records(0..u64::MAX, &Filter::kind("sign_off")) {
        let (index, record) = record?;
        found.extend(SignOff::of(index, record.body).filter(|signed| concerns(&signed.quarter, period)));
    }
    Ok(found)
}

/// Whether the quarter of that name has days of the period.
pub(crate) fn concerns(quarter: &str, period: Window) -> bool {
    let window = Unit::parse(quarter).map(Unit::window);
    window.is_some_and(|quarter| quarter.start < period.end && period.start < quarter.end)
}

/// What is signed: the control as it was configured, and what it came to. The file of a sign-off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The sentence that the name stands under.
    pub text: String,
    /// Which control.
    pub control: String,
    /// Of it: the statement, as configured when it was signed.
    pub title: String,
    /// The criteria that it meets.
    pub criteria: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Which quarter.
    pub quarter: String,
    /// What it was when it was signed; `None`: nobody had looked.
    pub state: Option<State>,
    /// What the quarter came to.
    pub results: Results,
}

/// What a control came to in a quarter, by the records written in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// Verdicts that pass.
    pub pass: u64,
    /// Verdicts with a deviation.
    pub deviation: u64,
    /// Verdicts that are indeterminate.
    pub indeterminate: u64,
    /// What it was at the end; `None`: no change of its state was recorded in the quarter.
    pub state_at_end: Option<State>,
    /// The newest verdict.
    pub newest: Option<Newest>,
}

/// The newest verdict of a quarter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    /// Its record.
    pub record: u64,
    /// The instant that it is as of.
    #[serde(with = "millis")]
    pub as_of: DateTime<Utc>,
    /// Its outcome.
    pub outcome: VerdictOutcome,
    /// Items by outcome.
    pub counts: BTreeMap<Outcome, u64>,
}

impl Results {
    /// Takes the next record, oldest first; it counts if it was written in the quarter and is the control's.
    pub(crate) fn see(&mut self, control: &str, quarter: Window, index: u64, record: &Record) {
        if !quarter.contains(record.at) {
            return;
        }
        match &record.body {
            Body::Verdict { control: of, as_of, outcome, counts, .. } if of == control => {
                *match outcome {
                    VerdictOutcome::Pass => &mut self.pass,
                    VerdictOutcome::Deviation => &mut self.deviation,
                    VerdictOutcome::Indeterminate => &mut self.indeterminate,
                } += 1;
                let (as_of, outcome, counts) = (*as_of, *outcome, counts.clone());
                self.newest = Some(Newest { record: index, as_of, outcome, counts });
            }
            Body::Transition { control: of, to, .. } if of == control => self.state_at_end = Some(*to),
            _ => {}
        }
    }
}

/// The statement of a configured control over a quarter, from the first `size` records.
fn statement(
    reader: &Reader,
    loaded: &Loaded,
    control: &str,
    quarter: Unit,
    size: u64,
) -> Result<Statement, LedgerError> {
    let configured = &loaded.config.controls[control];
    let mut results = Results::default();
    let of = |kind| reader.records(0..size, &Filter::kind(kind).control(control)).collect::<Result<Vec<_>, _>>();
    let (verdicts, transitions) = (of("verdict")?, of("transition")?);
    let state = transitions.last().and_then(|(_, record)| match record.body {
        Body::Transition { to, .. } => Some(to),
        _ => None,
    });
    for (index, record) in verdicts.iter().chain(&transitions) {
        results.see(control, quarter.window(), *index, record);
    }
    Ok(Statement {
        text: format!(
            "I have looked at the description of control {control} and at what the ledger holds of it for {quarter}, \
             as stated here, and know of nothing that these results do not show."
        ),
        control: control.to_owned(),
        title: configured.title.clone(),
        criteria: configured.criteria.clone(),
        owner: configured.owner.clone(),
        quarter: quarter.to_string(),
        state,
        results,
    })
}

/// Who signs for what.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// A configured control.
    pub control: &'a str,
    /// A quarter that has ended.
    pub quarter: Unit,
    /// Who signs.
    pub by: &'a str,
    /// What they add.
    pub note: Option<&'a str>,
    /// The account that records it, as the system says: see `who::me`.
    pub recorded_by: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// The record to append, and what is signed: made from all that the log holds now.
pub fn draft(reader: &Reader, loaded: &Loaded, signing: &Signing<'_>) -> Result<(Body, Statement), LedgerError> {
    let log_size = reader.size()?;
    let statement = statement(reader, loaded, signing.control, signing.quarter, log_size)?;
    let body = Body::SignOff {
        control: signing.control.to_owned(),
        quarter: signing.quarter.to_string(),
        by: signing.by.to_owned(),
        note: signing.note.map(str::to_owned),
        recorded_by: signing.recorded_by.to_owned(),
        signed_at: signing.at,
        log_size,
        root: hex::encode(reader.root_at(log_size)?),
    };
    Ok((body, statement))
}

/// The files of a sign-off.
pub fn files(statement: &Statement) -> Result<Vec<NewFile>, serde_json::Error> {
    Ok(vec![NewFile::json(STATEMENT, canonical_json(statement)?)])
}

/// How it stands with the sign-off of one control and quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has signed, and the grace is over.
    Late,
    /// Nobody has signed yet.
    Due,
    /// Somebody has.
    Signed,
}

/// One control and quarter that has ended.
#[derive(Debug, Clone, Serialize)]
pub struct Owed {
    /// Which control.
    pub control: String,
    /// Who answers for it now.
    pub owner: String,
    /// Which quarter.
    pub quarter: String,
    /// How it stands.
    pub standing: Standing,
    /// The first instant at which it is late.
    pub late_from: DateTime<Utc>,
    /// Everybody who signed, oldest first.
    pub signed: Vec<SignOff>,
}

/// Every ended quarter of every configured control since it is configured: late ones first, then by quarter.
pub fn owed(reader: &Reader, loaded: &Loaded, now: DateTime<Utc>) -> Result<Vec<Owed>, LedgerError> {
    let all = Window { start: DateTime::<Utc>::MIN_UTC, end: DateTime::<Utc>::MAX_UTC };
    let signed = of_period(reader, all)?;
    let mut owed = Vec::new();
    for (control, since) in configured_since(reader)? {
        let Some(configured) = loaded.config.controls.get(&control) else { continue };
        let mut quarter = Unit::of(Every::Quarter, since.date_naive());
        while quarter.window().end <= now {
            let name = quarter.to_string();
            let of_it = |signed: &&SignOff| signed.control == control && signed.quarter == name;
            let signed: Vec<SignOff> = signed.iter().filter(of_it).cloned().collect();
            let late_from = quarter.window().end + TimeDelta::days(GRACE_DAYS);
            let standing = match (signed.is_empty(), now < late_from) {
                (false, _) => Standing::Signed,
                (true, true) => Standing::Due,
                (true, false) => Standing::Late,
            };
            let (control, owner) = (control.clone(), configured.owner.clone());
            owed.push(Owed { control, owner, quarter: name, standing, late_from, signed });
            quarter = quarter.after();
        }
    }
    owed.sort_by(|a, b| (a.standing, &a.quarter, &a.control).cmp(&(b.standing, &b.quarter, &b.control)));
    Ok(owed)
}

/// When each control came into the configuration first.
pub fn configured_since(reader: &Reader) -> Result<BTreeMap<String, DateTime<Utc>>, LedgerError> {
    let mut since = BTreeMap::new();
    for record in reader.records(0..u64::MAX, &Filter::kind("config")) {
        let (_, record) = record?;
        if let Body::Config { controls, .. } = record.body {
            for control in controls.into_keys() {
                since.entry(control).or_insert(record.at);
            }
        }
    }
    Ok(since)
}
