//! What each tool of `evidenced mcp` gives: the values of the commands, in objects, with lists cut and counted.

use super::super::{Known, explain, known, now};
use super::asked::{
    AboutControl, AboutIds, AboutItem, AboutPeriod, AboutRecord, Gaps, ListControls, ListEvidence, Search,
};
use crate::assess;
use crate::catalogue::Framework;
use crate::config::Loaded;
use crate::explain::{Explanation, Which};
use crate::history::{History, Open, history, open};
use crate::judge::{Judgement, Outcome};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::readiness::{self, Ask, Matrix, gather};
use crate::status::{ControlStatus, Status, status};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use evidenced_collectors::contract::{Unread, Window};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// Failing items given of each control in an overview; the rest is counted.
const OVERVIEW_ITEMS: usize = 5;
/// Failing items given of one control; the rest is counted.
const ITEMS: usize = 100;
/// Most evidence records of each collector.
const EVIDENCE_MAX: usize = 100;

/// What there is to read, at the time of one question.
pub(super) struct Answers {
    known: Known,
    config: std::path::PathBuf,
}

/// A configured control, with what its newest verdict is over.
#[derive(Serialize)]
pub(super) struct Control {
    status: ControlStatus,
    /// Record of the newest verdict; `null`: there is none.
    verdict: Option<u64>,
    /// Evidence records that it is over.
    evidence: Vec<u64>,
    /// Items that deviate or could not be judged.
    failing: Vec<Judgement>,
    /// How many of them there are.
    failing_total: usize,
    /// What was not read.
    unread: Vec<Unread>,
}

impl Answers {
    pub(super) fn new(config: &Path) -> anyhow::Result<Self> {
        Ok(Self { known: known(config)?, config: config.to_owned() })
    }

    /// The ledger, which only a configuration leads to.
    fn ledger(&self) -> anyhow::Result<(Loaded, Reader)> {
        let loaded = crate::config::load(&self.config)?;
        let reader = Reader::open(&loaded.state_dir)?;
        Ok((loaded, reader))
    }

    pub(super) fn list_controls(&self, asked: &ListControls) -> anyhow::Result<Value> {
        let categories = match asked.category {
            Some(category) => [category].into(),
            None => self.known.catalogue.criteria.iter().map(|criterion| criterion.category).collect(),
        };
        if let Some(criterion) = &asked.criterion {
            self.known.catalogue.known_criterion(criterion)?;
        }
        let matrix = Matrix::new(&self.known.catalogue, self.known.config.as_ref(), categories);
        let rows = matrix.controls.iter().filter(|row| {
            (row.configured || !asked.configured) && asked.criterion.as_ref().is_none_or(|id| row.criteria.contains(id))
        });
        let controls = rows.map(|row| {
            json!({
                "control": row.control, "title": row.title, "criteria": row.criteria, "owner": row.owner,
                "severity": row.severity, "frequency": row.frequency, "configured": row.configured, "test": row.test,
                "collectors": row.collectors,
            })
        });
        Ok(json!({ "controls": controls.collect::<Vec<_>>(), "criteria_without_control": matrix.without_control }))
    }

    pub(super) fn guidance(&self, asked: &AboutIds) -> anyhow::Result<Value> {
        Ok(json!(self.known.catalogue.related(&asked.id)?))
    }

    pub(super) fn mapping(&self, asked: &AboutIds) -> anyhow::Result<Value> {
        let (catalogue, id) = (&self.known.catalogue, asked.id.as_str());
        let related = catalogue
            .related(id)
            .or_else(|none| catalogue.related_to(Framework::Nist, id).map_err(|_| none))
            .or_else(|none| catalogue.related_to(Framework::Iso, id).map_err(|_| none))?;
        let criteria = related.criteria.iter();
        let criteria = criteria.map(|c| json!({ "id": c.id, "title": c.title, "nist": c.nist, "iso": c.iso }));
        let controls = related.controls.iter().map(|control| {
            let [nist, iso] = [Framework::Nist, Framework::Iso].map(|other| catalogue.relations(other, control));
            json!({ "id": control.id, "title": control.title, "nist": nist, "iso": iso })
        });
        Ok(json!({ "criteria": criteria.collect::<Vec<_>>(), "controls": controls.collect::<Vec<_>>() }))
    }

    pub(super) fn search(&self, asked: &Search) -> anyhow::Result<Value> {
        let mut hits = self.known.catalogue.search(&asked.query)?;
        let found = hits.len();
        hits.truncate(asked.limit);
        Ok(json!({ "found": found, "hits": hits }))
    }

    pub(super) fn status(&self) -> anyhow::Result<Value> {
        let (loaded, reader) = self.ledger()?;
        let status: Status = status(&reader, &loaded, now(&reader)?)?;
        let failing: Vec<usize> = status.controls.iter().map(|control| control.bad.len()).collect();
        let mut value = serde_json::to_value(status)?;
        for (control, failing) in value["controls"].as_array_mut().into_iter().flatten().zip(failing) {
            if let Some(bad) = control["bad"].as_array_mut() {
                bad.truncate(OVERVIEW_ITEMS);
            }
            control["bad_total"] = json!(failing);
        }
        Ok(value)
    }

    pub(super) fn control(&self, asked: &AboutControl) -> anyhow::Result<Control> {
        let (loaded, reader) = self.ledger()?;
        let mut status = status(&reader, &loaded, now(&reader)?)?.controls;
        let known: Vec<String> = status.iter().map(|control| control.id.clone()).collect();
        let Some(at) = status.iter().position(|control| control.id == asked.control) else {
            anyhow::bail!(
                "no control {:?} is configured\nhint: there are {}; list_controls has those of the catalogue",
                asked.control,
                known.join(", ")
            );
        };
        let mut status = status.swap_remove(at);
        status.bad.truncate(ITEMS);
        let newest = reader.newest(&Filter::kind("verdict").control(&asked.control))?;
        let Some((verdict, record)) = newest else {
            let (evidence, failing, unread) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Control { status, verdict: None, evidence, failing, failing_total: 0, unread });
        };
        let crate::ledger::record::Body::Verdict { evidence, .. } = record.body else {
            anyhow::bail!("record {verdict} is not a verdict");
        };
        let judged = assess::judgements(&reader, verdict)?;
        let bad = |judgement: &Judgement| matches!(judgement.outcome, Outcome::Deviation | Outcome::Indeterminate);
        let mut failing: Vec<Judgement> = judged.judgements.into_iter().filter(bad).collect();
        let failing_total = failing.len();
        failing.truncate(ITEMS);
        Ok(Control { status, verdict: Some(verdict), evidence, failing, failing_total, unread: judged.unread })
    }

    pub(super) fn drift(&self) -> anyhow::Result<Open> {
        let (loaded, reader) = self.ledger()?;
        Ok(open(&reader, &loaded, now(&reader)?)?)
    }

    /// The whole ledger is hashed for it: one that was changed has gaps of its own.
    pub(super) fn gaps(&self, asked: &Gaps) -> anyhow::Result<Value> {
        let (loaded, _) = self.ledger()?;
        let facts = gather(&loaded, Ask { audit: asked.audit, ..Ask::default() }, SystemClock.now())?;
        let score = readiness::readiness(&facts);
        let mut gaps = readiness::gaps(&facts).gaps;
        gaps.retain(|gap| asked.at_least.is_none_or(|least| gap.severity >= least));
        let found = gaps.len();
        gaps.truncate(asked.limit);
        Ok(json!({
            "sample": facts.sample, "type": facts.audit, "period": facts.period, "as_of": facts.as_of,
            "integrity": score.head.integrity,
            "readiness": score.readiness, "rating": score.rating, "caps": score.caps,
            "criteria_coverage": score.criteria_coverage, "note": readiness::NOT_AN_AUDIT,
            "found": found, "gaps": gaps,
        }))
    }

    pub(super) fn history(&self, asked: &AboutPeriod) -> anyhow::Result<History> {
        let (loaded, reader) = self.ledger()?;
        let now = now(&reader)?;
        let (start, end) = (asked.from.unwrap_or(reader.record(0)?.at), asked.to.unwrap_or(now));
        if start >= end {
            anyhow::bail!("the period ends before it begins\nhint: `to` is the first instant after it");
        }
        Ok(history(&reader, &loaded, &asked.control, Window { start, end }, now)?)
    }

    pub(super) fn explain(&self, asked: &AboutItem) -> anyhow::Result<Explanation> {
        let (_, reader) = self.ledger()?;
        explain::in_ledger(&reader, &asked.control, &asked.item, Which::Newest)
    }

    pub(super) fn evidence(&self, asked: &ListEvidence) -> anyhow::Result<Value> {
        let (loaded, reader) = self.ledger()?;
        let collectors = match (&asked.collector, &asked.control) {
            (Some(collector), None) => vec![collector.clone()],
            (None, Some(control)) => match loaded.config.controls.get(control) {
                Some(control) => control.collectors.clone(),
                None => anyhow::bail!("no control {control:?} is configured\nhint: get_status has those that are"),
            },
            _ => anyhow::bail!("neither or both of `collector` and `control` are given\nhint: give one of them"),
        };
        if let Some(unknown) = collectors.iter().find(|name| !loaded.config.collectors.contains_key(*name)) {
            let known: Vec<_> = loaded.config.collectors.keys().map(String::as_str).collect();
            anyhow::bail!("no collector {unknown:?} is configured\nhint: there are {}", known.join(", "));
        }
        let mut found = Vec::new();
        for name in &collectors {
            let filter = Filter::kind("evidence").collector(name);
            for one in reader.records_newest_first(0..u64::MAX, &filter).take(asked.limit.min(EVIDENCE_MAX)) {
                let (index, record) = one?;
                found.push(json!({ "index": index, "at": record.at, "body": record.body }));
            }
        }
        Ok(json!({ "collectors": collectors, "evidence": found }))
    }

    pub(super) fn record(&self, asked: &AboutRecord) -> anyhow::Result<Value> {
        let (_, reader) = self.ledger()?;
        let record = reader.record(asked.index)?;
        let (files, erased_by) = match reader.files(asked.index) {
            Ok(files) => (files, None),
            Err(LedgerError::Erased { by, .. }) => (Vec::new(), Some(by)),
            Err(error) => return Err(error.into()),
        };
        let files = files.iter().map(|file| {
            json!({ "name": file.name, "media_type": file.media_type, "sha256": hex::encode(file.sha256), "size": file.size })
        });
        Ok(
            json!({ "index": asked.index, "record": record, "files": files.collect::<Vec<_>>(), "erased_by": erased_by }),
        )
    }
}
