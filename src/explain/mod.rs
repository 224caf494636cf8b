//! Why an item was judged as it was: the judgement, every attribute that the test looks at, and where each
//! stands in the sealed exchanges, so that anybody can open exactly that file and look. From a ledger or
//! from a bundle. Judges nothing anew but to compare, writes nothing, asks nobody.
//!
//! `places` finds where facts stand; what an attribute is, is `judge::attributes`'s.

mod places;

pub use places::{From, Place};

use crate::bundle::BundleError;
use crate::bundle::format::Source;
use crate::judge::{self, Attribute, Basis, Judgement, Reading, Test, Verdict, Waiver};
use crate::ledger::record::{Body, Record};
use crate::run_file::{self, PARTIAL, POPULATION, RUN, RunFile};
use crate::waivers::{self, OnRecord};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Fact, Unread};
use serde::Serialize;
use std::collections::BTreeMap;

/// Older verdicts that are searched for an item which the one asked for does not have.
const VERDICTS_SEARCHED: usize = 200;
/// Items named where none fits.
const NEAREST: usize = 5;
/// What was not read, of the evidence that an indeterminate item rests on.
const UNREAD_SHOWN: usize = 5;

/// Which records are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Want<'a> {
    /// Verdicts of a control.
    Verdicts(&'a str),
    /// Evidence of a collector.
    Evidence(&'a str),
}

impl Want<'_> {
    pub(crate) fn is(&self, body: &Body) -> bool {
        match (self, body) {
            (Self::Verdicts(wanted), Body::Verdict { control, .. }) => wanted == control,
            (Self::Evidence(wanted), Body::Evidence { collector, .. }) => wanted == collector,
            _ => false,
        }
    }
}

/// Records below an index, newest first, at most so many.
pub(crate) type NewestFirst<'a> = &'a dyn Fn(Want<'_>, u64, usize) -> Result<Vec<(u64, Record)>, BundleError>;

/// What is read: a ledger, or a bundle.
#[derive(Clone, Copy)]
pub(crate) struct Log<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) newest_first: NewestFirst<'a>,
    /// Records whose files were erased, with the record that says so.
    pub(crate) erased: &'a BTreeMap<u64, u64>,
}

impl Log<'_> {
    /// Fails when the record's files were erased.
    fn there(&self, record: u64) -> Result<(), ExplainError> {
        match self.erased.get(&record) {
            None => Ok(()),
            Some(by) => Err(ExplainError::Erased { record, by: *by }),
        }
    }
}

/// Which verdict is explained.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// The newest.
    Newest,
    /// The one in this record.
    Record(u64),
    /// The newest that is as of this instant or before.
    AsOf(DateTime<Utc>),
}

/// Why an item was judged as it was.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Of a sample with a simulated clock: no evidence of anything.
    pub sample: bool,
    /// Which control.
    pub control: String,
    /// The verdict's record.
    pub verdict: u64,
    /// The instant that it is as of.
    pub as_of: DateTime<Utc>,
    /// Test and version of the rules that it was judged by.
    pub rules: String,
    /// Those of this program, by which the attributes are shown.
    pub rules_here: String,
    /// As sealed: item, outcome, reason, what was seen.
    pub judgement: Judgement,
    /// What this program makes of the same evidence, where that is something else: the attributes then
    /// explain this, and not what is sealed.
    pub here: Option<Judgement>,
    /// Waivers known to the verdict that name the item, whether or not they count.
    pub waivers: Vec<OnRecord>,
    /// Every attribute, in the order of the test.
    pub attributes: Vec<Explained>,
    /// What the evidence of the item could not read; a few, where the item could not be judged.
    pub unread: Vec<Unread>,
}

/// One attribute and its places.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// What was seen, and what it did.
    #[serde(flatten)]
    pub attribute: Attribute,
    /// Where that stands.
    pub places: Vec<Place>,
    /// Facts that stand nowhere in the sealed exchanges.
    pub not_found: Vec<Fact>,
}

/// Why there is nothing to explain.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// No verdict of that control.
    #[error("there is no verdict of control `{control}`{when}\nhint: {hint}")]
    NoVerdict {
        /// The control.
        control: String,
        /// ` at 2026-…`, ` in record 12`; empty for any.
        when: String,
        /// What to ask instead.
        hint: String,
    },
    /// No such item in that verdict, or several.
    #[error("{what}\nhint: {hint}")]
    Item {
        /// What is wrong with it.
        what: String,
        /// The nearest items, or where it is.
        hint: String,
    },
    /// Judged by rules that this program does not know.
    #[error(
        "record {verdict} was judged by {rules}, which this program cannot read: {why}\nhint: use the program that sealed it; its version is in run.json of the evidence"
    )]
    Rules {
        /// The verdict's record.
        verdict: u64,
        /// Its rules.
        rules: String,
        /// What is wrong.
        why: String,
    },
    /// What it rests on was erased.
    #[error(
        "the files of record {record} were erased, as record {by} says: there is nothing to explain from\nhint: `--verdict` names an older or newer verdict; the erasure record says by which rule, and who approved"
    )]
    Erased {
        /// Whose files.
        record: u64,
        /// The `erasure` record.
        by: u64,
    },
    /// The ledger or the bundle does not give what it should.
    #[error(transparent)]
    Read(#[from] BundleError),
}

/// A verdict as it was sealed.
struct SealedVerdict {
    index: u64,
    rules: String,
    as_of: DateTime<Utc>,
    evidence: Vec<u64>,
    waivers: Vec<u64>,
    verdict: Verdict,
}

/// Explains one item. `item` may be the beginning of its name, if no other begins so.
pub(crate) fn explain(log: Log<'_>, control: &str, item: &str, which: Which) -> Result<Explanation, ExplainError> {
    let sealed = sealed(log, control, which)?;
    let judgement = find(log, control, &sealed, item)?.clone();
    let policy: serde_json::Value = document(log, sealed.index, "policy.json")?;
    let name = sealed.rules.split('/').next().unwrap_or_default();
    let test = Test::parse(name, &policy).map_err(|error| ExplainError::Rules {
        verdict: sealed.index,
        rules: sealed.rules.clone(),
        why: error.message,
    })?;
    let mut readings = Vec::new();
    for index in &sealed.evidence {
        log.there(*index)?;
        readings.push(reading(log, *index)?);
    }
    let waivers = accepted(log, &sealed.waivers)?;
    let known: Vec<Waiver> = waivers.iter().map(|waiver| waiver.clone().judged()).collect();
    let again = judge::judge(&test, &readings, &known, sealed.as_of);
    let here = again.judgements.into_iter().find(|other| other.item == judgement.item);
    let bases = judge::attributes(&test, &readings, sealed.as_of, &judgement.item);
    let unread = unread(&judgement, &bases, &readings);
    let mut attributes = Vec::new();
    for basis in bases {
        let located = places::locate(log, &basis, &sealed.evidence, (sealed.index, &policy))?;
        attributes.extend(basis.attributes.into_iter().map(|attribute| located.of(attribute)));
    }
    let sample = matches!(log.source.record(0)?.body, Body::Epoch { sample: true, .. });
    Ok(Explanation {
        sample,
        control: control.to_owned(),
        verdict: sealed.index,
        as_of: sealed.as_of,
        rules_here: test.rules().to_owned(),
        rules: sealed.rules,
        here: here.filter(|here| *here != judgement),
        waivers: waivers.into_iter().filter(|waiver| judge::covers(&waiver.item, &judgement.item)).collect(),
        judgement,
        attributes,
        unread,
    })
}

fn sealed(log: Log<'_>, control: &str, which: Which) -> Result<SealedVerdict, ExplainError> {
    let none =
        |when: String, hint: &str| ExplainError::NoVerdict { control: control.to_owned(), when, hint: hint.to_owned() };
    let (below, limit) = match which {
        Which::Newest => (u64::MAX, 1),
        Which::Record(index) => (index.saturating_add(1), 1),
        Which::AsOf(_) => (u64::MAX, usize::MAX),
    };
    let found = (log.newest_first)(Want::Verdicts(control), below, limit)?;
    for (index, record) in found {
        let Body::Verdict { rules, as_of, evidence, waivers, .. } = record.body else { continue };
        let fits = match which {
            Which::Newest => true,
            Which::Record(wanted) => wanted == index,
            Which::AsOf(at) => as_of <= at,
        };
        if fits {
            log.there(index)?;
            let verdict = document(log, index, "judgements.json")?;
            return Ok(SealedVerdict { index, rules, as_of, evidence, waivers, verdict });
        }
    }
    Err(match which {
        Which::Newest => none(String::new(), "see `evidenced status` for the controls there are, and their names"),
        Which::Record(index) => none(format!(" in record {index}"), "leave --verdict out for the newest"),
        Which::AsOf(at) => none(format!(" at {at} or before"), "leave --as-of out for the newest"),
    })
}

/// The item of that name, or the only one that begins so.
fn find<'a>(
    log: Log<'_>,
    control: &str,
    sealed: &'a SealedVerdict,
    wanted: &str,
) -> Result<&'a Judgement, ExplainError> {
    let all = &sealed.verdict.judgements;
    if let Some(exact) = all.iter().find(|judgement| judgement.item == wanted) {
        return Ok(exact);
    }
    let begins: Vec<&Judgement> = all.iter().filter(|judgement| judgement.item.starts_with(wanted)).collect();
    match begins.as_slice() {
        [one] => return Ok(one),
        [] => {}
        [..] => {
            let names: Vec<&str> = begins.iter().take(NEAREST).map(|judgement| judgement.item.as_str()).collect();
            let what = format!("{} items of the verdict begin with `{wanted}`", begins.len());
            return Err(ExplainError::Item { what, hint: format!("say more of one of them: {}", names.join(", ")) });
        }
    }
    let what = format!("`{wanted}` is no item of the verdict in record {} (as of {})", sealed.index, sealed.as_of);
    if let Some((index, as_of)) = elsewhere(log, control, sealed.index, wanted)? {
        let hint = format!("the newest verdict that has it is in record {index}, as of {as_of}: add --verdict {index}");
        return Err(ExplainError::Item { what, hint });
    }
    let names = nearest(all, wanted);
    let hint = if names.is_empty() { "the verdict has no items".to_owned() } else { format!("nearest: {names}") };
    Err(ExplainError::Item { what, hint })
}

/// An older verdict with the item: a look-back moves on.
fn elsewhere(
    log: Log<'_>,
    control: &str,
    below: u64,
    wanted: &str,
) -> Result<Option<(u64, DateTime<Utc>)>, ExplainError> {
    for (index, record) in (log.newest_first)(Want::Verdicts(control), below, VERDICTS_SEARCHED)? {
        if log.erased.contains_key(&index) {
            continue;
        }
        let verdict: Verdict = document(log, index, "judgements.json")?;
        if let Body::Verdict { as_of, .. } = record.body
            && verdict.judgements.iter().any(|judgement| judgement.item.starts_with(wanted))
        {
            return Ok(Some((index, as_of)));
        }
    }
    Ok(None)
}

fn nearest(all: &[Judgement], wanted: &str) -> String {
    let holds = |item: &str| !wanted.is_empty() && item.to_lowercase().contains(&wanted.to_lowercase());
    let mut near: Vec<(bool, usize, &str)> = all
        .iter()
        .map(|judgement| judgement.item.as_str())
        .map(|item| (!holds(item), strsim::levenshtein(wanted, item), item))
        .collect();
    near.sort_unstable();
    near.into_iter().take(NEAREST).map(|(.., item)| item).collect::<Vec<_>>().join(", ")
}

/// One evidence record as the judge saw it.
fn reading(log: Log<'_>, index: u64) -> Result<Reading, BundleError> {
    let run: RunFile = document(log, index, RUN)?;
    let names = log.source.file_names(index)?;
    let name = if names.iter().any(|name| name == POPULATION) { POPULATION } else { PARTIAL };
    let bytes = log.source.file(index, name)?;
    run_file::reading(&run, name, &bytes)
        .map_err(|e| BundleError::malformed(places::file_path("evidence", index, name), e))
}

fn accepted(log: Log<'_>, records: &[u64]) -> Result<Vec<OnRecord>, BundleError> {
    let mut bodies = Vec::new();
    for record in records {
        bodies.push((*record, log.source.record(*record)?.body));
    }
    Ok(waivers::on_record(bodies))
}

/// What the readings that hold the item could not read.
fn unread(judgement: &Judgement, bases: &[Basis<'_>], readings: &[Reading]) -> Vec<Unread> {
    if judgement.outcome != judge::Outcome::Indeterminate {
        return Vec::new();
    }
    let holders: BTreeMap<usize, ()> =
        bases.iter().flat_map(|basis| &basis.attributes).map(|attribute| (attribute.reading, ())).collect();
    let of = holders.keys().filter_map(|reading| readings.get(*reading));
    of.flat_map(|reading| reading.unread.iter().cloned()).take(UNREAD_SHOWN).collect()
}

fn document<T: serde::de::DeserializeOwned>(log: Log<'_>, index: u64, name: &str) -> Result<T, BundleError> {
    let bytes = log.source.file(index, name)?;
    serde_json::from_slice(&bytes).map_err(|e| BundleError::malformed(format!("{name} of record {index}"), e))
}
