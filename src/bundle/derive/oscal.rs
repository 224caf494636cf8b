//! `data/oscal/assessment-results.json`: OSCAL 1.2.1 for tools of governance, risk and compliance. It says
//! what the sealed verdicts say and gives no opinion.
//!
//! One observation per control and population; one finding per control. OSCAL knows two states of a
//! finding. `satisfied` is given only when nothing speaks against it for the whole period: every verdict
//! passes, there is one, the control was effective throughout as far as the records reach, nothing is a
//! gap, and nothing is withheld. Everything else is `not-satisfied`: with reason `fail` when a verdict has a
//! deviation, and with reason `other` when something is stale, indeterminate, missing or incomplete, which
//! is how NIST SP 800-53A has it: "other than satisfied" also when the information to decide could not be
//! obtained. No finding at all would look like a control that nobody asked about.
//!
//! Identifiers are UUIDs of version 5 from the log's name and record numbers, so that the same record has
//! the same one in every bundle.

use super::completeness::withheld;
use super::index::Figures;
use super::provenance::Provenance;
use super::stated::Stated;
use super::states::{known_until, timeline};
use super::table::{list, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, SAMPLE, Source, digits, path_part, record_path, time};
use crate::drift::State;
use crate::judge::{Outcome, VerdictOutcome};
use crate::ledger::record::{Body, Occasion, Record, Status, canonical_json};
use crate::run_file::{PARTIAL, POPULATION};
use crate::shown::shortened;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use uuid::Uuid;

/// Version of the format.
const OSCAL: &str = "1.2.1";
/// Where our own properties are named.
const NAMESPACE: &str = "https://github.com/evidenced/evidenced/ns/oscal";
/// Reasons that one remark lists.
const REASONS_MAX: usize = 20;
/// Characters of one remark.
const REMARK_CHARS_MAX: usize = 2_000;

/// What the document is made of.
struct All<'a> {
    contents: &'a Contents,
    source: &'a dyn Source,
    /// Of this log.
    namespace: Uuid,
}

/// Writes it, one observation, finding or resource in memory at a time.
pub(super) fn results(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let log = format!("tlog:{}", contents.facts.origin);
    let all = All { contents, source, namespace: Uuid::new_v5(&Uuid::NAMESPACE_URL, log.as_bytes()) };
    let stated = Stated::read(contents, source)?;
    let facts = &contents.facts;
    // Of one log, size and period there can still be bundles of other controls.
    let scope = format!(
        "{}/{}/{}/{}",
        time(facts.period.start),
        time(facts.period.end),
        facts.log_size,
        list(contents.controls.keys())
    );
    let plan = all.uuid("no-assessment-plan");
    put(out, "{\"assessment-results\":{\n\"uuid\":")?;
    json_to(out, &json!(all.uuid(&format!("results/{scope}"))))?;
    put(out, ",\n\"metadata\":")?;
    json_to(out, &all.metadata())?;
    put(out, ",\n\"import-ap\":")?;
    json_to(out, &json!({ "href": format!("#{plan}") }))?;
    put(out, ",\n\"results\":[{\"uuid\":")?;
    json_to(out, &json!(all.uuid(&format!("result/{scope}"))))?;
    put(
        out,
        ",\n\"title\":\"Observation period\",\"description\":\"What was collected and judged in the period, from sealed records.\",\n\"start\":",
    )?;
    json_to(out, &json!(time(facts.period.start)))?;
    put(out, ",\"end\":")?;
    json_to(out, &json!(time(facts.period.end)))?;
    put(out, ",\n\"reviewed-controls\":")?;
    json_to(out, &all.reviewed())?;
    let mut observations = Array::new("observations");
    for (name, control) in &contents.controls {
        for observation in all.observed(name, control)? {
            observations.add(out, &all.observation(name, observation)?)?;
        }
    }
    observations.end(out)?;
    let mut findings = Array::new("findings");
    for (name, control) in &contents.controls {
        findings.next(out)?;
        all.finding(name, control, &stated, &scope, out)?;
    }
    findings.end(out)?;
    put(out, "}]")?;
    put(out, ",\n\"back-matter\":{\"resources\":[\n")?;
    json_to(out, &no_plan(plan))?;
    all.resources(out)?;
    put(out, "\n]}}}\n")
}

fn put(out: &mut dyn Write, text: &str) -> Result<(), BundleError> {
    out.write_all(text.as_bytes()).map_err(BundleError::io("the OSCAL document cannot be written"))
}

fn json_to(out: &mut dyn Write, value: &Value) -> Result<(), BundleError> {
    put(out, &written(value)?)
}

fn written(value: &Value) -> Result<String, BundleError> {
    let malformed = |why: String| BundleError::malformed("data/oscal/assessment-results.json", why);
    let bytes = canonical_json(value).map_err(|e| malformed(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| malformed(e.to_string()))
}

/// A list that OSCAL wants left out when it is empty.
struct Array(&'static str, bool);

impl Array {
    fn new(name: &'static str) -> Self {
        Self(name, false)
    }

    fn add(&mut self, out: &mut dyn Write, value: &Value) -> Result<(), BundleError> {
        self.next(out)?;
        json_to(out, value)
    }

    /// What comes before a value.
    fn next(&mut self, out: &mut dyn Write) -> Result<(), BundleError> {
        match std::mem::replace(&mut self.1, true) {
            false => put(out, &format!(",\n\"{}\":[\n", self.0)),
            true => put(out, ",\n"),
        }
    }

    fn end(self, out: &mut dyn Write) -> Result<(), BundleError> {
        if self.1 { put(out, "\n]") } else { Ok(()) }
    }
}

/// A name as OSCAL takes it for an identifier: a letter first, then letters, digits, points, hyphens, lines.
fn token(name: &str) -> String {
    let fits = |(at, byte): (usize, u8)| {
        byte.is_ascii_alphabetic() || at > 0 && (byte.is_ascii_digit() || b".-_".contains(&byte))
    };
    match !name.is_empty() && name.bytes().enumerate().all(fits) {
        true => name.to_owned(),
        false => format!("_{}", path_part(name)),
    }
}

fn remark(text: &str) -> String {
    shortened(text, REMARK_CHARS_MAX).into_owned()
}

fn property(name: &str, value: impl std::fmt::Display) -> Value {
    json!({ "name": name, "ns": NAMESPACE, "value": value.to_string() })
}

fn no_plan(uuid: Uuid) -> Value {
    json!({
        "uuid": uuid,
        "title": "There is no assessment plan",
        "description": "OSCAL requires an assessment plan to be named. There is none: this is what the organisation \
                        collected about its own controls, for an auditor to examine by a plan of their own.",
    })
}

/// One population, for one control, and the verdict that the same run brought about.
struct Observed {
    index: u64,
    verdict: Option<u64>,
}

impl All<'_> {
    fn uuid(&self, what: &str) -> Uuid {
        Uuid::new_v5(&self.namespace, what.as_bytes())
    }

    fn metadata(&self) -> Value {
        let facts = &self.contents.facts;
        let mut remarks =
            "Made from sealed records by evidenced. States of findings follow from sealed verdicts alone; \
                           the conclusion is the auditor's. Paths are relative to this file."
                .to_owned();
        if facts.sample {
            remarks = format!("{SAMPLE}: evidence of nothing. {remarks}");
        }
        json!({
            "title": remark(&format!("SOC 2 evidence of {}", facts.organization)),
            "last-modified": time(known_until(self.contents)),
            "version": format!("{} records", facts.log_size),
            "oscal-version": OSCAL,
            "props": [
                property("log-origin", shortened(&facts.origin, REMARK_CHARS_MAX)),
                property("log-range", format!("{} {}", facts.range.start, facts.range.end)),
            ],
            "remarks": remarks,
        })
    }

    fn reviewed(&self) -> Value {
        let controls: Vec<Value> =
            self.contents.controls.keys().map(|name| json!({ "control-id": token(name) })).collect();
        let selection = match controls.is_empty() {
            true => json!({ "include-all": {} }),
            false => json!({
                "description": "The organisation's own controls, in its own numbering; not of an OSCAL catalog.",
                "include-controls": controls,
            }),
        };
        json!({ "control-selections": [selection] })
    }

    /// What there is of one control, in the order of the log.
    fn observed(&self, name: &str, control: &Control) -> Result<Vec<Observed>, BundleError> {
        let mut verdicts: BTreeMap<String, u64> = BTreeMap::new();
        for index in &control.verdicts {
            if let Body::Verdict { occasion: Occasion::Run { run }, .. } = self.source.record(*index)?.body {
                verdicts.insert(run, *index);
            }
        }
        let mut found = Vec::new();
        for index in &control.evidence {
            let Body::Evidence { run, .. } = self.source.record(*index)?.body else {
                return Err(BundleError::malformed(record_path(*index), format!("is not evidence for {name}")));
            };
            found.push(Observed { index: *index, verdict: verdicts.get(&run).copied() });
        }
        Ok(found)
    }

    fn observation_uuid(&self, name: &str, index: u64) -> Uuid {
        self.uuid(&format!("observation/{index}/{name}"))
    }

    fn observation(&self, name: &str, observed: Observed) -> Result<Value, BundleError> {
        let Observed { index, verdict } = observed;
        let record = self.source.record(index)?;
        let verdict = verdict.map(|at| Ok::<_, BundleError>((at, self.source.record(at)?))).transpose()?;
        let Body::Evidence { collector, status, observed: items, window, .. } = &record.body else {
            return Err(BundleError::malformed(record_path(index), "is not evidence"));
        };
        let mut description = format!(
            "Population of collector {collector} from {} until before {}: {}, {items} items.",
            time(window.start),
            time(window.end),
            word(status)
        );
        let mut props = vec![property("record", index), property("status", word(status)), property("items", items)];
        let mut evidence = vec![json!({
            "href": format!("#{}", self.uuid(&format!("record/{index}"))),
            "description": "The population as sealed, with the requests behind it.",
        })];
        if let Some((at, verdict)) = &verdict {
            let Body::Verdict { outcome, rules, as_of, counts, .. } = &verdict.body else {
                return Err(BundleError::malformed(record_path(*at), "is not a verdict"));
            };
            let counts = list(counts.iter().map(|(outcome, count)| format!("{} {count}", outcome.word())));
            description.push_str(&format!(
                " Verdict as of {} by {rules}: {} ({counts}).",
                time(*as_of),
                outcome.word()
            ));
            props.extend([property("verdict-record", at), property("verdict", outcome.word())]);
            evidence.push(json!({
                "href": format!("#{}", self.uuid(&format!("record/{at}"))),
                "description": "Every item's judgement and the parameters of the test.",
            }));
        }
        let mut observation = json!({
            "uuid": self.observation_uuid(name, index),
            "title": remark(&format!("{name}: {collector}, record {index}")),
            "description": remark(&description),
            "methods": ["EXAMINE", "TEST"],
            "types": ["control-objective"],
            "collected": time(record.at),
            "props": props,
            "relevant-evidence": evidence,
        });
        let remarks = self.remarks(index, *status, &record.body, verdict.as_ref())?;
        if !remarks.is_empty() {
            observation["remarks"] = json!(remark(&remarks));
        }
        Ok(observation)
    }

    /// What was not read, and what deviates.
    fn remarks(
        &self,
        index: u64,
        status: Status,
        body: &Body,
        verdict: Option<&(u64, Record)>,
    ) -> Result<String, BundleError> {
        let mut remarks = Vec::new();
        if !self.contents.has_files(index, body) {
            remarks.push("The files of this record are not in the bundle.".to_owned());
        } else if status != Status::Complete {
            let unread = Provenance::read(self.source, index, status)?.unread;
            remarks.extend(unread.iter().take(REASONS_MAX).map(|u| format!("Not read: {}: {}.", u.what, u.why)));
            if unread.len() > REASONS_MAX {
                remarks.push(format!("And {} more not read.", unread.len() - REASONS_MAX));
            }
        }
        if let Some((at, Record { body: Body::Verdict { counts, .. }, .. })) = verdict
            && counts.contains_key(&Outcome::Deviation)
        {
            let judged = super::control::verdict(self.source, *at)?.verdict;
            let bad: Vec<_> = judged.judgements.iter().filter(|j| j.outcome == Outcome::Deviation).collect();
            remarks.extend(bad.iter().take(REASONS_MAX).map(|j| format!("Deviation: {}: {}.", j.item, j.reason)));
            if bad.len() > REASONS_MAX {
                remarks.push(format!("And {} more deviations.", bad.len() - REASONS_MAX));
            }
        }
        Ok(remarks.join(" "))
    }

    fn finding(
        &self,
        name: &str,
        control: &Control,
        stated: &Stated,
        scope: &str,
        out: &mut dyn Write,
    ) -> Result<(), BundleError> {
        let said = stated.control(name);
        let title = said.map_or_else(|| name.to_owned(), |said| format!("{name}: {}", said.title));
        let against = self.against(name, control)?;
        let failed = self.any_deviation(control)?;
        let (state, reason) = match (failed, against.is_empty()) {
            (true, _) => ("not-satisfied", "fail"),
            (false, false) => ("not-satisfied", "other"),
            (false, true) => ("satisfied", "pass"),
        };
        let remarks = match against.is_empty() {
            true => "Every verdict of the period passes, and the control was effective throughout it.".to_owned(),
            false => against.join(" "),
        };
        let mut before = json!({
            "description": "What the sealed verdicts of the period come to. The conclusion is the auditor's.",
        });
        if let Some(said) = said {
            before["props"] = json!([
                property("criteria", shortened(&list(&said.criteria), REMARK_CHARS_MAX)),
                property("owner", shortened(&said.owner, REMARK_CHARS_MAX)),
                property("severity", word(said.severity)),
            ]);
            let empty = |property: &Value| {
                property["value"].as_str().is_none_or(|value| value.trim() != value || value.is_empty())
            };
            if let Some(props) = before["props"].as_array_mut() {
                props.retain(|property| !empty(property));
            }
        }
        let after = json!({
            "target": {
                "type": "objective-id",
                "target-id": token(name),
                "title": remark(&title),
                "status": { "state": state, "reason": reason, "remarks": remark(&remarks) },
            },
            "title": remark(&title),
            "uuid": self.uuid(&format!("finding/{scope}/{name}")),
        });
        // One object, in the order of its keys: what is between the two is long, and not held in memory.
        let before = written(&before)?;
        put(out, before.trim_end_matches('}'))?;
        for (nth, index) in control.evidence.iter().enumerate() {
            put(out, if nth == 0 { ",\"related-observations\":[" } else { "," })?;
            put(out, &format!("{{\"observation-uuid\":\"{}\"}}", self.observation_uuid(name, *index)))?;
        }
        if !control.evidence.is_empty() {
            put(out, "]")?;
        }
        put(out, ",")?;
        put(out, written(&after)?.trim_start_matches('{'))
    }

    fn any_deviation(&self, control: &Control) -> Result<bool, BundleError> {
        for index in control.verdicts.iter().filter(|index| control.not_plain.contains(index)) {
            if matches!(self.source.record(*index)?.body, Body::Verdict { outcome: VerdictOutcome::Deviation, .. }) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Everything that speaks against calling a control satisfied for the whole period.
    fn against(&self, name: &str, control: &Control) -> Result<Vec<String>, BundleError> {
        let figures = Figures::of(self.contents, name, self.source)?;
        let mut against = Vec::new();
        let mut say = |count: u64, what: &str| {
            if count > 0 {
                against.push(format!("{count} {what}."));
            }
        };
        say(figures.deviation, "verdicts of the period have a deviation");
        say(figures.indeterminate, "verdicts of the period are indeterminate");
        say(control.gaps.len() as u64, "runs did not happen or did not finish");
        say(withheld(self.contents), "records of the period are withheld");
        if control.verdicts.is_empty() {
            against.push("There is no verdict in the period.".to_owned());
        }
        let others: BTreeSet<&str> = timeline(self.contents, name, self.source)?
            .intervals
            .iter()
            .filter(|stretch| stretch.state != Some(State::Effective))
            .map(|stretch| stretch.state.map_or("without a state on record", State::word))
            .collect();
        if !others.is_empty() {
            against.push(format!("In the period the control was at some time {}.", list(others)));
        }
        if figures.state_at_end != Some(State::Effective) {
            against.push("At the end it is not effective.".to_owned());
        }
        if known_until(self.contents) < self.contents.facts.period.end {
            against.push(format!("The records reach only to {}.", time(known_until(self.contents))));
        }
        Ok(against)
    }

    /// Evidence and verdicts with the hashes of their files.
    fn resources(&self, out: &mut dyn Write) -> Result<(), BundleError> {
        let mut named: BTreeSet<u64> = BTreeSet::new();
        for control in self.contents.controls.values() {
            named.extend(control.evidence.iter().chain(&control.verdicts));
        }
        for index in named {
            let record = self.source.record(index)?;
            let (title, folder, files): (_, _, &[&str]) = match &record.body {
                Body::Evidence { status: Status::Complete, .. } => ("Evidence", "evidence", &[POPULATION]),
                Body::Evidence { .. } => ("Evidence", "evidence", &[PARTIAL]),
                Body::Verdict { .. } => ("Verdict", "verdicts", &["judgements.json", "policy.json"]),
                _ => continue,
            };
            let mut links =
                vec![rlink(&format!("../records/{}.json", digits(index)), self.source.record_sha256(index)?)];
            if self.contents.has_files(index, &record.body) {
                for name in files {
                    let sha256 = self.source.file_sha256(index, name)?;
                    links.push(rlink(&format!("../{folder}/{}/{name}", digits(index)), sha256));
                }
            }
            let resource = json!({
                "uuid": self.uuid(&format!("record/{index}")),
                "title": format!("{title}, record {index}"),
                "rlinks": links,
            });
            put(out, ",\n")?;
            json_to(out, &resource)?;
        }
        Ok(())
    }
}

fn rlink(href: &str, sha256: [u8; 32]) -> Value {
    let hash = hex::encode(sha256);
    json!({ "href": href, "media-type": "application/json", "hashes": [{ "algorithm": "SHA-256", "value": hash }] })
}
