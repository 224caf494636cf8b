//! From the ledger, the configuration and the catalogue to the facts that readiness is computed from. Reads only:
//! records, the timeline's folds and what a sample is drawn from, one sealed document in memory at a time.

use super::facts::{
    Control, Criterion, Evidence, Facts, Late, NotApplicable, Observed, Over, Provenance, SignOff, Stamp,
};
use super::past::Past;
use super::scope;
use crate::assess;
use crate::catalogue::{self, Catalogue, Category};
use crate::causes;
use crate::config::{AuditType, ControlConfig, Loaded, ScopeConfig, TOLERABLE_PERCENT};
use crate::documents;
use crate::drift::State;
use crate::hindsight::size_at;
use crate::history::{HistoryError, erased, known};
use crate::judge::{Outcome, Takes, Test, documented};
use crate::ledger::record::{Body, Record, Status};
use crate::ledger::{Filter, LedgerError, Reader, verify_store};
use crate::run::RunError;
use crate::run_file::{PARTIAL, POPULATION};
use crate::samples;
use crate::schedule::{cadence, stints};
use chrono::{DateTime, NaiveTime, Utc};
use evidenced_collectors::contract::{Partial, Population, Window};
use std::collections::{BTreeMap, BTreeSet};

/// How many bad items of a control are named.
const BAD_MAX: usize = 5;

/// What is asked for. What is left out is as `[scope]` says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask {
    /// Up to when things are known; `None`: to the newest record of a sample, else to `now`.
    pub as_of: Option<DateTime<Utc>>,
    /// For which report.
    pub audit: Option<AuditType>,
    /// The period.
    pub period: Option<Window>,
}

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The ledger, or something sealed in it.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A Type II report is about a period.
    #[error(
        "a Type II report is about a period, and none is given\nhint: set [scope.period], or give --period 2026-Q1, or --from and --to"
    )]
    NoPeriod,
}

impl From<LedgerError> for GatherError {
    fn from(error: LedgerError) -> Self {
        Self::History(error.into())
    }
}

impl From<RunError> for GatherError {
    fn from(error: RunError) -> Self {
        Self::History(error.into())
    }
}

/// Gathers them. `now` is the program's clock.
pub fn gather(loaded: &Loaded, mut ask: Ask, now: DateTime<Utc>) -> Result<Facts, GatherError> {
    let (fault, reader) = open(loaded)?;
    let Some(reader) = reader else { return Ok(Facts { fault, ..planned(loaded, ask, now)? }) };
    let sample = reader.is_sample()?;
    if sample && ask.as_of.is_none() {
        ask.as_of = Some(reader.record(reader.size()?.saturating_sub(1))?.at);
    }
    let mut facts =
        Facts { sample, sign_offs: sign_offs(&reader)?, causes: causes::all(&reader)?, ..planned(loaded, ask, now)? };
    let known = size_at(&reader, facts.as_of)?;
    let past = Past::read(&reader, known)?;
    past.date(&mut facts, loaded);
    if let Some(period) = facts.period.filter(|_| facts.audit == AuditType::Type2) {
        let dropped = past.dropped(&reader, loaded, period, size_at(&reader, facts.at)?)?;
        let told = |id| format!("{id} was judged in the period, and is not configured any more: nothing of it is here");
        facts.warnings.extend(dropped.into_iter().map(told));
    }
    let erased = erased(&reader, u64::MAX)?;
    let look = Look { reader: &reader, loaded, size: size_at(&reader, facts.at)?, known, erased };
    for at in 0..facts.controls.len() {
        facts.controls[at].observed = look.observed(&facts, &facts.controls[at])?;
    }
    Ok(facts)
}

/// What is planned, without what was observed of it: no ledger is looked at.
pub fn planned(loaded: &Loaded, ask: Ask, now: DateTime<Utc>) -> Result<Facts, GatherError> {
    let as_of = ask.as_of.unwrap_or(now);
    let said = loaded.config.scope.as_ref();
    let planned = said.and_then(|scope| scope.period);
    let audit = ask.audit.or(planned.map(|planned| planned.audit)).unwrap_or(AuditType::Type1);
    let period = ask.period.or(planned.map(|planned| planned.window()));
    if audit == AuditType::Type2 && period.is_none() {
        return Err(GatherError::NoPeriod);
    }
    let mut facts = Facts {
        organization: loaded.config.organization.clone(),
        sample: false,
        as_of,
        at: period.filter(|_| audit == AuditType::Type2).map_or(as_of, |period| period.end.min(as_of)),
        audit,
        period,
        boundary: said.map(|scope| scope.boundary.clone()).unwrap_or_default(),
        categories: scope::categories(&loaded.config, &loaded.catalogue),
        tolerable_percent: said.map_or(TOLERABLE_PERCENT, |scope| scope.tolerable_percent),
        fault: None,
        warnings: Vec::new(),
        criteria: Vec::new(),
        controls: Vec::new(),
        sign_offs: Vec::new(),
        causes: Vec::new(),
    };
    plan(&mut facts, loaded);
    facts.warnings = scope::warnings(&facts, loaded);
    Ok(facts)
}

/// What is wrong with the ledger; where nothing is, a reader of it.
fn open(loaded: &Loaded) -> Result<(Option<String>, Option<Reader>), GatherError> {
    // Whether a ledger is whole is the only thing that may be said of one that is not.
    let damaged = |error: LedgerError| match error {
        LedgerError::Damaged { .. } | LedgerError::Shorter { .. } | LedgerError::Rewritten { .. } => {
            Ok((Some(first_line(&error.to_string())), None))
        }
        other => Err(GatherError::from(other)),
    };
    let report = match verify_store(&loaded.state_dir) {
        Ok(report) => report,
        Err(error) => return damaged(error),
    };
    if report.differences > 0 {
        let first = report.first.unwrap_or_default();
        return Ok((Some(format!("{} differences; the first: {}", report.differences, first_line(&first))), None));
    }
    match Reader::open(&loaded.state_dir) {
        Ok(reader) => Ok((None, Some(reader))),
        Err(error) => damaged(error),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Sign-offs on record.
fn sign_offs(reader: &Reader) -> Result<Vec<SignOff>, GatherError> {
    let all = Window { start: DateTime::<Utc>::MIN_UTC, end: DateTime::<Utc>::MAX_UTC };
    let signed = crate::sign_offs::of_period(reader, all)?.into_iter();
    Ok(signed
        .map(|crate::sign_offs::SignOff { record, control, quarter, by, at, .. }| SignOff {
            record,
            control,
            quarter,
            by,
            at,
        })
        .collect())
}

/// Criteria and controls as they are planned, of the categories in scope.
fn plan(facts: &mut Facts, loaded: &Loaded) {
    let (config, catalogue) = (&loaded.config, &loaded.catalogue);
    let left = |id: &str| config.scope.as_ref().and_then(|scope| left(scope, loaded, id, facts.as_of));
    let inside: Vec<_> = catalogue.criteria.iter().filter(|c| facts.categories.contains(&c.category)).collect();
    facts.criteria = inside
        .iter()
        .map(|criterion| Criterion {
            id: criterion.id.clone(),
            category: criterion.category,
            title: criterion.title.clone(),
            priority: criterion.priority,
            not_applicable: left(&criterion.id),
            without_since: None,
            filled: None,
        })
        .collect();
    // A file that only repeats the library takes nothing on.
    let library = config.catalogue.controls.as_ref().and_then(|_| Catalogue::built_in().ok());
    let library = library.as_ref().unwrap_or(catalogue);
    let planned =
        catalogue.controls.iter().map(|control| (&control.id, Some(control), config.controls.get(&control.id)));
    let others = config.controls.iter().filter(|(id, _)| catalogue.control(id).is_none());
    let all = planned.chain(others.map(|(id, control)| (id, None, Some(control))));
    let of_categories = |criteria: &[String]| -> BTreeSet<Category> {
        criteria.iter().filter_map(|id| catalogue.criterion(id)).map(|criterion| criterion.category).collect()
    };
    facts.controls = all
        .filter(|(_, plan, config)| {
            let criteria = config.map(|c| &c.criteria).or(plan.map(|p| &p.criteria));
            criteria.is_some_and(|criteria| !of_categories(criteria).is_disjoint(&facts.categories))
        })
        .map(|(id, plan, config)| {
            let own = config.is_some() || plan != library.control(id);
            let mut control = planned_control(id, plan, config, own);
            for named in [&mut control.criteria, &mut control.falls_short_of] {
                named.retain(|id| inside.iter().any(|criterion| criterion.id == *id));
            }
            control.not_applicable = left(id);
            control
        })
        .collect();
}

/// Why a criterion or control does not apply, if it does not.
fn left(scope: &ScopeConfig, loaded: &Loaded, id: &str, at: DateTime<Utc>) -> Option<NotApplicable> {
    let entry = scope.not_applicable.iter().find(|entry| entry.what == id)?;
    if scope::does_not_hold(loaded, entry, at).is_some() {
        return None;
    }
    let (reason, approver) = (entry.reason.clone(), entry.approver.clone());
    Some(NotApplicable { reason, approver, on: entry.on, carried_by: entry.carried_by.clone() })
}

fn planned_control(id: &str, plan: Option<&catalogue::Control>, config: Option<&ControlConfig>, own: bool) -> Control {
    let text = |key: fn(&catalogue::Control) -> &String| plan.map(key).cloned().unwrap_or_default();
    let lists = |key: fn(&catalogue::Control) -> &Vec<String>| plan.map(key).cloned().unwrap_or_default();
    // The library names a role that it has in mind, and nobody.
    let role = if own { text(|plan| &plan.owner_role) } else { String::new() };
    Control {
        id: id.to_owned(),
        title: config.map_or_else(|| text(|plan| &plan.title), |config| config.title.clone()),
        statement: text(|plan| &plan.statement),
        criteria: config.map_or_else(|| lists(|plan| &plan.criteria), |config| config.criteria.clone()),
        key_for: lists(|plan| &plan.key_for),
        falls_short_of: config.map(|config| config.falls_short_of.clone()).unwrap_or_default(),
        control_type: plan.map(|plan| plan.control_type),
        owner: config.map_or(role, |config| config.owner.clone()),
        frequency: config.and_then(|config| config.frequency).or(plan.map(|plan| plan.frequency)),
        severity: config.map(|c| c.severity).or(plan.map(|p| p.severity)).unwrap_or(catalogue::Severity::Critical),
        evidence_type: plan.map(|plan| plan.evidence_type),
        evidence: lists(|plan| &plan.evidence),
        test_procedure: text(|plan| &plan.test_procedure),
        depends_on: lists(|plan| &plan.depends_on),
        own,
        so_since: None,
        filled: None,
        not_applicable: None,
        observed: None,
    }
}

/// What the ledger is looked at with.
struct Look<'a> {
    reader: &'a Reader,
    loaded: &'a Loaded,
    /// Records that were written by `Facts::at`.
    size: u64,
    /// Records that were written by `Facts::as_of`.
    known: u64,
    /// Records whose files are not there any more.
    erased: BTreeSet<u64>,
}

impl Look<'_> {
    fn observed(&self, facts: &Facts, control: &Control) -> Result<Option<Observed>, GatherError> {
        let (reader, id) = (self.reader, control.id.as_str());
        let Some(config) = self.loaded.config.controls.get(id) else { return Ok(None) };
        let verdict = reader.newest_before(self.size, &Filter::kind("verdict").control(id))?;
        let Some((verdict, Record { body: Body::Verdict { counts, .. }, .. })) = verdict else { return Ok(None) };
        let all = Window { start: reader.record(0)?.at.min(facts.at), end: facts.at };
        let asked = facts.period.filter(|_| facts.audit == AuditType::Type2);
        let period = asked.unwrap_or(all);
        let past = known(reader, self.loaded, id, period, self.size, facts.at)?;
        let (mut newest, mut first, mut provenance) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut over = Over { drifts: past.timeline.drifts, items: past.items, erased: past.erased, ..Over::default() };
        for name in &config.collectors {
            newest.push(self.newest(name)?);
            first.push(self.first(name, id)?);
            if let Some(record) = assess::newest_evidence(self.reader, name, self.size)? {
                provenance.insert(name.clone(), self.provenance(record)?);
            }
        }
        self.read(&mut over, facts, control, period)?;
        // Without a period all counts that was known then.
        let period = if asked.is_some() { period } else { Window { end: DateTime::<Utc>::MAX_UTC, ..all } };
        self.population(&mut over, id, period)?;
        let counts = past.present.unrecorded.as_ref().map_or(&counts, |verdict| &verdict.counts);
        let pending = counts.get(&Outcome::Pending).is_some_and(|pending| *pending > 0);
        let not_since = over.drifts.last().filter(|drift| drift.until.is_none()).map(|drift| drift.from);
        let bad = match past.present.state {
            State::Deviating | State::Indeterminate => self.bad(verdict, past.present.unrecorded)?,
            _ => Vec::new(),
        };
        Ok(Some(Observed {
            state: past.present.state,
            not_since,
            evidence: newest.into_iter().min_by_key(|found| found.map(|found| found.until)).flatten(),
            first: first
                .into_iter()
                .max_by_key(|found| found.map_or(DateTime::<Utc>::MAX_UTC, |stamp| stamp.sealed))
                .flatten(),
            stale_after: config.stale_after().delta(),
            bad,
            pending,
            of_states: self.loaded.tests[id].takes() == Takes::Principals,
            over,
            provenance,
        }))
    }

    /// Documents of the control, of a day in the period, that the log has only since long after that day: what their
    /// sidecars say of it is not asked.
    fn late(&self, collector: &str, id: &str, period: Window) -> Result<Vec<Late>, GatherError> {
        let Test::Documented(policy) = &self.loaded.tests[id] else { return Ok(Vec::new()) };
        let filter = Filter::kind("evidence").collector(collector);
        let mut all = Vec::new();
        for sealed in documents::on_record(self.reader, self.loaded, self.known, &filter)?.documents {
            let (document, record) = (sealed.document, sealed.first_evidence);
            let inside = period.contains(document.as_of.and_time(NaiveTime::MIN).and_utc());
            if !inside || document.withdrawn.is_some() || document.control != id {
                continue;
            }
            let sealed = self.reader.record(record)?.at;
            if sealed.date_naive() >= documented::late_from(policy, document.as_of) {
                let noted = document.note.is_some_and(|note| !note.trim().is_empty());
                all.push(Late { file: document.file, as_of: document.as_of, record, sealed, noted });
            }
        }
        all.sort_by(|a, b| (a.record, &a.file).cmp(&(b.record, &b.file)));
        Ok(all)
    }

    /// Puts into it what was read of the control over the period, by those who had to. What was written after `at` may
    /// still be about the period; it makes nothing fresh that was not.
    fn read(&self, over: &mut Over, facts: &Facts, control: &Control, period: Window) -> Result<(), GatherError> {
        for (name, stint) in self.stints(&control.id, period)? {
            let collected = assess::collected(self.reader, self.known, (&name, &control.id), period.start)?;
            if facts.audit == AuditType::Type2
                && let Some(frequency) = control.frequency
            {
                let readings: Vec<_> = collected.iter().filter(|one| one.complete).map(|one| one.until).collect();
                over.cadence.insert(name.clone(), cadence(frequency, stint, &readings, facts.as_of));
            }
            let inside = collected.iter().filter(|one| period.contains(one.until));
            over.stamps.extend(inside.map(|one| Stamp { record: one.index, until: one.until, sealed: one.sealed }));
            over.late.extend(self.late(&name, &control.id, period)?);
        }
        over.stamps.sort_by_key(|stamp| stamp.record);
        Ok(())
    }

    /// From when until when each collector had to read for a control, by the configurations on record.
    fn stints(&self, id: &str, period: Window) -> Result<BTreeMap<String, Window>, LedgerError> {
        let mut said = Vec::new();
        for found in self.reader.records(0..self.size, &Filter::kind("config")) {
            if let (_, Record { at, body: Body::Config { mut controls, .. }, .. }) = found? {
                said.push((at, controls.remove(id).unwrap_or_default()));
            }
        }
        Ok(stints(said.iter().map(|(at, collectors)| (*at, collectors.as_slice())), period))
    }

    /// The newest complete collection by `at`.
    fn newest(&self, collector: &str) -> Result<Option<Evidence>, LedgerError> {
        let filter = Filter::kind("evidence").collector(collector);
        for found in self.reader.records_newest_first(0..self.size, &filter) {
            let (record, Record { body, .. }) = found?;
            if let Body::Evidence { status: Status::Complete, window, .. } = body {
                return Ok(Some(Evidence { record, until: window.end }));
            }
        }
        Ok(None)
    }

    /// The first complete collection that fed the control.
    fn first(&self, collector: &str, id: &str) -> Result<Option<Stamp>, LedgerError> {
        for found in self.reader.records(0..self.size, &Filter::kind("evidence").collector(collector)) {
            let (record, Record { at: sealed, body, .. }) = found?;
            if let Body::Evidence { status: Status::Complete, window, controls, .. } = body
                && controls.iter().any(|fed| fed == id)
            {
                return Ok(Some(Stamp { record, until: window.end, sealed }));
            }
        }
        Ok(None)
    }

    /// Puts the items judged over a period into what was observed over it. Where the files of every verdict were
    /// erased, the largest count is what is left of them.
    fn population(&self, over: &mut Over, id: &str, period: Window) -> Result<(), GatherError> {
        let verdicts = samples::verdicts(self.reader, id, self.size)?;
        let population = samples::of_period(self.reader, period, verdicts, &self.erased).map_err(HistoryError::from)?;
        over.earlier = population.earlier;
        // Nor is what no verdict of the period was about any more.
        let before = over.items.iter().filter(|spell| spell.from < period.start);
        let before = before.filter(|spell| !population.items.contains_key(&spell.item));
        over.earlier.extend(before.map(|spell| spell.item.clone()));
        let due = population.items.iter().filter(|(_, judged)| judged.outcome != Outcome::Pending);
        let items = due.map(|(item, _)| item.as_str());
        let mut items: BTreeSet<&str> = items.filter(|item| !over.only_stood_in(item)).collect();
        items.extend(over.deviated());
        let mut judged = items.len() as u64;
        if judged == 0 {
            for record in population.rests_on.intersection(&self.erased) {
                judged = judged.max(self.counted(*record, period)?);
            }
        }
        over.population = judged.max(over.deviations());
        Ok(())
    }

    /// How many items a verdict of the period judged, by its record alone.
    fn counted(&self, record: u64, period: Window) -> Result<u64, LedgerError> {
        let Record { at, body: Body::Verdict { counts, .. }, .. } = self.reader.record(record)? else { return Ok(0) };
        let judged = [Outcome::Pass, Outcome::Deviation, Outcome::Indeterminate, Outcome::Waived];
        let inside = period.contains(at);
        Ok(judged.iter().filter_map(|outcome| counts.get(outcome)).filter(|_| inside).sum())
    }

    /// What puts an evidence record in doubt, if its files are still there.
    fn provenance(&self, record: u64) -> Result<Provenance, GatherError> {
        let none = Provenance { record, ..Provenance::default() };
        let names = match self.reader.files(record) {
            Ok(files) => files.into_iter().map(|file| file.name),
            Err(LedgerError::Erased { .. }) => return Ok(none),
            Err(error) => return Err(error.into()),
        };
        let unreadable = |error: serde_json::Error| RunError::Unreadable { index: record, why: error.to_string() };
        let ipe = if names.into_iter().any(|name| name == POPULATION) {
            let bytes = self.reader.read_file(record, POPULATION)?;
            serde_json::from_slice::<Population>(&bytes).map_err(unreadable)?.ipe().clone()
        } else {
            // A collection that failed as a whole has none.
            match serde_json::from_slice::<Partial>(&self.reader.read_file(record, PARTIAL)?) {
                Ok(partial) => partial.ipe,
                Err(_) => return Ok(none),
            }
        };
        let differs = ipe.reconciliations.iter().filter(|both| both.held != both.stated);
        let unreconciled =
            differs.map(|both| format!("{}: {} held, {} states {}", both.what, both.held, both.against, both.stated));
        Ok(Provenance { skew_ms: ipe.clock_skew_ms, unreconciled: unreconciled.collect(), ..none })
    }

    /// The first few bad items of a verdict, and what was not read.
    fn bad(&self, record: u64, unrecorded: Option<crate::judge::Verdict>) -> Result<Vec<String>, GatherError> {
        let verdict = match unrecorded {
            Some(verdict) => verdict,
            None => assess::judgements(self.reader, record)?,
        };
        let bad =
            |judged: &&crate::judge::Judgement| matches!(judged.outcome, Outcome::Deviation | Outcome::Indeterminate);
        let items = verdict.judgements.iter().filter(bad).map(|j| format!("{}: {}", j.item, j.reason));
        let unread = verdict.unread.iter().map(|unread| format!("not read: {}: {}", unread.what, unread.why));
        Ok(items.chain(unread).take(BAD_MAX).collect())
    }
}
