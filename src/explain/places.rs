//! Where facts stand in sealed files. The kinds say where inside; here the files are opened one by one.

use super::{Explained, Log, Want, document};
use crate::bundle::BundleError;
use crate::bundle::format::digits;
use crate::judge::{Attribute, Basis};
use crate::ledger::record::Body;
use crate::run_file::RUN;
use evidenced_collectors::contract::{At, Fact, Found, Item, Sealed, Stands, pointer_step};
use evidenced_collectors::door::{Exchange, ExchangeHead};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Earlier evidence of the same collector that is searched for what a run remembered, newest first.
const EARLIER_MAX: usize = 30;
/// Places named of one fact.
const PLACES_MAX: usize = 6;
/// What a run before left, in `run.json`.
const CARRY: &str = "/task/carry/";

/// One place where a fact stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Which fact.
    pub fact: Fact,
    /// The evidence record; for the policy, the verdict's.
    pub record: u64,
    /// The exchange's number, where it is one.
    pub exchange: Option<u32>,
    /// What was asked, in one line, where it is an exchange.
    pub request: Option<String>,
    /// The file, by its path inside a bundle's folder.
    pub file: String,
    /// The place inside it.
    pub at: At,
    /// What stands there.
    pub stands: Stands,
    /// How it came to be known to the run.
    pub from: From,
}

/// How a fact came to be known to the run whose evidence holds the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// It was answered to this very run.
    Run,
    /// The policy sealed with the verdict, or settings sealed with the run.
    Configuration,
    /// The run before left it (`carry`).
    Carry,
    /// It was answered to an earlier run, which handed it on.
    EarlierRun,
}

/// Places by the reading that they belong to, and fact.
pub(super) struct Located(BTreeMap<(usize, Fact), Vec<Place>>);

impl Located {
    /// The attribute with its places.
    pub(super) fn of(&self, attribute: Attribute) -> Explained {
        let facts: BTreeSet<&Fact> = attribute.facts.iter().collect();
        let places = |fact: &Fact| self.0.get(&(attribute.reading, fact.clone())).map_or(&[][..], Vec::as_slice);
        let not_found = facts.iter().filter(|fact| places(fact).is_empty()).map(|fact| (*fact).clone()).collect();
        let mut seen = BTreeSet::new();
        let ordered = attribute.facts.iter().filter(|fact| seen.insert(*fact));
        let places = ordered.flat_map(places).cloned().collect();
        Explained { places, not_found, attribute }
    }
}

/// The path of a record's file inside a bundle's folder.
pub(super) fn file_path(folder: &str, record: u64, name: &str) -> String {
    format!("data/{folder}/{}/{name}", digits(record))
}

/// Finds every fact of an item. `evidence` are the records of the readings; `verdict` is the record with the
/// policy.
pub(super) fn locate(
    log: Log<'_>,
    basis: &Basis<'_>,
    evidence: &[u64],
    (verdict, policy): (u64, &Value),
) -> Result<Located, BundleError> {
    let mut located = BTreeMap::new();
    let mut wanted: BTreeMap<usize, BTreeSet<Fact>> = BTreeMap::new();
    for attribute in &basis.attributes {
        wanted.entry(attribute.reading).or_default().extend(attribute.facts.iter().cloned());
    }
    for (reading, facts) in wanted {
        let (policies, facts): (Vec<Fact>, Vec<Fact>) =
            facts.into_iter().partition(|fact| matches!(fact, Fact::Policy(_)));
        for fact in policies {
            let place = in_policy(&fact, verdict, policy);
            located.insert((reading, fact), place.into_iter().collect());
        }
        let Some(record) = evidence.get(reading) else { continue };
        let mut places = in_record(log, *record, &basis.item, &facts, From::Run)?;
        hand_back(log, *record, &basis.item, &mut places)?;
        for (fact, places) in places {
            located.insert((reading, fact), bounded(places));
        }
    }
    Ok(Located(located))
}

fn in_policy(fact: &Fact, verdict: u64, policy: &Value) -> Option<Place> {
    let Fact::Policy(key) = fact else { return None };
    let at = format!("/{}", pointer_step(key));
    let stands = Stands::json(policy.pointer(&at)?);
    let file = file_path("verdicts", verdict, "policy.json");
    let (fact, at, from) = (fact.clone(), At::Pointer(at), From::Configuration);
    Some(Place { fact, record: verdict, exchange: None, request: None, file, at, stands, from })
}

type Places = BTreeMap<Fact, Vec<Place>>;

/// The files of one evidence record, one after the other.
fn in_record(log: Log<'_>, record: u64, item: &Item<'_>, facts: &[Fact], from: From) -> Result<Places, BundleError> {
    let run: Value = document(log, record, RUN)?;
    let mut places = Places::new();
    let kind = run.get("kind").and_then(Value::as_str).and_then(evidenced_collectors::kind);
    let Some(kind) = kind.filter(|_| !facts.is_empty()) else { return Ok(places) };
    let mut locator = (kind.locate)(item, facts);
    for Found { fact, at, stands } in locator(Sealed::Run(&run)) {
        let carried = matches!(&at, At::Pointer(pointer) if pointer.starts_with(CARRY));
        let from = if carried { From::Carry } else { From::Configuration };
        let file = file_path("evidence", record, RUN);
        let place = Place { fact: fact.clone(), record, exchange: None, request: None, file, at, stands, from };
        places.entry(fact).or_default().push(place);
    }
    for name in log.source.file_names(record)? {
        let Some(base) = name.strip_suffix(".json").filter(|name| name.starts_with("exchanges/")) else { continue };
        let head: ExchangeHead = document(log, record, &name)?;
        let body = format!("{base}.body");
        let exchange = Exchange { head, body: log.source.file(record, &body)?.into() };
        for Found { fact, at, stands } in locator(Sealed::Exchange(&exchange)) {
            let file = file_path("evidence", record, if matches!(at, At::Head(_)) { &name } else { &body });
            let (number, request) = (Some(exchange.head.number), Some(exchange.head.request.line()));
            let place = Place { fact: fact.clone(), record, exchange: number, request, file, at, stands, from };
            places.entry(fact).or_default().push(place);
        }
    }
    Ok(places)
}

/// What only `carry` tells stands in an exchange of an earlier run, if that is not too long ago.
fn hand_back(log: Log<'_>, record: u64, item: &Item<'_>, places: &mut Places) -> Result<(), BundleError> {
    let carried = |places: &Vec<Place>| places.iter().all(|place| place.from == From::Carry);
    let mut missing: Vec<Fact> =
        places.iter().filter(|(_, places)| carried(places)).map(|(fact, _)| fact.clone()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let Body::Evidence { collector, .. } = log.source.record(record)?.body else { return Ok(()) };
    for (earlier, _) in (log.newest_first)(Want::Evidence(&collector), record, EARLIER_MAX)? {
        // A bundle has the records around its period, and not all of their files; some were erased.
        if log.erased.contains_key(&earlier) || log.source.file_names(earlier)?.is_empty() {
            continue;
        }
        for (fact, mut found) in in_record(log, earlier, item, &missing, From::EarlierRun)? {
            found.retain(|place| place.from == From::EarlierRun);
            if !found.is_empty() {
                missing.retain(|other| *other != fact);
                places.entry(fact).or_default().splice(0..0, found);
            }
        }
        if missing.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Once each, absences only where nothing is present, and not too many.
fn bounded(mut places: Vec<Place>) -> Vec<Place> {
    if places.iter().any(|place| matches!(place.stands, Stands::Value(_))) {
        places.retain(|place| matches!(place.stands, Stands::Value(_)));
        let mut seen: Vec<Stands> = Vec::new();
        // Pages are read again while a branch moves: the same row then stands in two answers.
        places.retain(|place| {
            let cell = matches!(place.at, At::Cell { .. });
            let new = cell || !seen.contains(&place.stands);
            seen.push(place.stands.clone());
            new
        });
    }
    places.truncate(PLACES_MAX);
    places
}
