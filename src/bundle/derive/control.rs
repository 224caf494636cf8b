//! The tables of one control: states over time, judgements, gaps, waivers.

use super::table::{Table, instant, list, maybe, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Gap, Source, record_path, time};
use crate::drift::State;
use crate::judge::{Outcome, Verdict};
use crate::ledger::record::{Body, Status};
use crate::run_file::{ErrorFile, PARTIAL};
use crate::waivers::{self, OnRecord};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Partial, Unread};
use std::io::Write;

/// Name of a verdict's file of judgements.
const JUDGEMENTS: &str = "judgements.json";

/// Name of a verdict's file of parameters.
const POLICY: &str = "policy.json";

/// The control's records; a control that a table is asked for is in the contents.
pub(super) fn control<'a>(contents: &'a Contents, name: &str) -> Result<&'a Control, BundleError> {
    let control = contents.controls.get(name);
    control.ok_or_else(|| BundleError::malformed("data/controls", format!("no record names the control {name}")))
}

/// A state, or that there is none on record.
pub(super) fn state_word(state: Option<State>) -> String {
    state.map_or_else(|| "none on record".to_owned(), word)
}

/// `timeline.csv`: every change of state, and the state at the beginning.
pub(super) fn timeline(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let columns = [
        "record",
        "role",
        "before_at",
        "since",
        "observed_at",
        "from",
        "to",
        "appeared",
        "resolved",
        "waived",
        "gone",
        "occasion",
        "why",
    ];
    let mut table = Table::new(out, &columns)?;
    for index in &control(contents, name)?.transitions {
        let Body::Transition {
            from,
            to,
            before_at,
            since,
            observed_at,
            occasion,
            why,
            appeared,
            resolved,
            waived,
            gone,
            ..
        } = source.record(*index)?.body
        else {
            return Err(BundleError::malformed(record_path(*index), "is not a transition"));
        };
        let inside = contents.facts.range.contains(index);
        table.row(&[
            index.to_string(),
            if inside { "period" } else { "supporting" }.to_owned(),
            instant(before_at),
            instant(since),
            time(observed_at),
            state_word(from),
            word(to),
            appeared.to_string(),
            resolved.to_string(),
            waived.to_string(),
            gone.to_string(),
            occasion.words(),
            why,
        ])?;
    }
    table.end()
}

/// One verdict with what its record says of it.
pub(super) struct Judged {
    /// The instant that it is as of.
    pub(super) as_of: DateTime<Utc>,
    /// Test and version of its rules.
    pub(super) rules: String,
    /// Its judgements, deviations first.
    pub(super) verdict: Verdict,
}

/// Reads a verdict.
pub(super) fn verdict(source: &dyn Source, index: u64) -> Result<Judged, BundleError> {
    let Body::Verdict { as_of, rules, .. } = source.record(index)?.body else {
        return Err(BundleError::malformed(record_path(index), "is not a verdict"));
    };
    let mut verdict: Verdict = json(source, index, JUDGEMENTS)?;
    verdict.judgements.sort_by(|a, b| (rank(a.outcome), &a.item).cmp(&(rank(b.outcome), &b.item)));
    Ok(Judged { as_of, rules, verdict })
}

/// The parameters that a verdict is by.
pub(super) fn read_policy(source: &dyn Source, index: u64) -> Result<serde_json::Value, BundleError> {
    json(source, index, POLICY)
}

/// The same, as one line of JSON.
pub(super) fn policy(source: &dyn Source, index: u64) -> Result<String, BundleError> {
    read_policy(source, index).map(|policy| policy.to_string())
}

fn json<T: serde::de::DeserializeOwned>(source: &dyn Source, index: u64, name: &str) -> Result<T, BundleError> {
    serde_json::from_slice(&source.file(index, name)?)
        .map_err(|e| BundleError::malformed(format!("data/verdicts/{index:012}/{name}"), e))
}

/// What an auditor wants to see first comes first.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Deviation => 0,
        Outcome::Indeterminate => 1,
        Outcome::Waived => 2,
        Outcome::Pending => 3,
        Outcome::Pass => 4,
        Outcome::Excluded => 5,
    }
}

/// `judgements.csv`: every item of every verdict, deviations of each verdict first, and what was not read.
pub(super) fn judgements(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let mut table = Table::new(out, &["record", "as_of", "rules", "item", "outcome", "reason", "seen"])?;
    for index in &control(contents, name)?.verdicts {
        let Judged { as_of, rules, verdict } = verdict(source, *index)?;
        let (index, as_of) = (index.to_string(), time(as_of));
        for j in &verdict.judgements {
            table.row(&[&index, &as_of, &rules, &j.item, &word(j.outcome), &j.reason, &j.seen])?;
        }
        for unread in &verdict.unread {
            table.row(&[&index, &as_of, &rules, &unread.what, "not read", "unread", &unread.why])?;
        }
    }
    for index in &control(contents, name)?.erased {
        let Body::Verdict { as_of, rules, .. } = source.record(*index)?.body else { continue };
        let by = contents.erased.get(index).map(|by| format!("record {by} says so")).unwrap_or_default();
        table.row(&[&index.to_string(), &time(as_of), &rules, "every item", "erased", "erased", &by])?;
    }
    table.end()
}

/// `gaps.csv`: runs that did not happen or did not finish, of one control or of all.
pub(super) fn gaps(
    contents: &Contents,
    name: Option<&str>,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let columns = [
        "record",
        "collector",
        "seq",
        "scheduled_for",
        "window_start",
        "window_end",
        "how",
        "reason",
        "evidence",
        "controls",
    ];
    let mut table = Table::new(out, &columns)?;
    let all: Vec<usize> = (0..contents.gaps.len()).collect();
    let wanted = match name {
        Some(name) => &control(contents, name)?.gaps,
        None => &all,
    };
    for gap in wanted.iter().filter_map(|at| contents.gaps.get(*at)) {
        table.row(&[
            maybe(gap.record),
            gap.collector.clone(),
            maybe(gap.seq),
            instant(gap.scheduled_for),
            instant(gap.window.map(|w| w.start)),
            instant(gap.window.map(|w| w.end)),
            gap.how.to_owned(),
            reason(gap, source)?,
            maybe(gap.evidence),
            list(&gap.controls),
        ])?;
    }
    table.end()
}

/// Why there is a gap: as the record says, or as what the run did seal says.
pub(super) fn reason(gap: &Gap, source: &dyn Source) -> Result<String, BundleError> {
    if let Some(reason) = &gap.reason {
        return Ok(reason.clone());
    }
    let Some(evidence) = gap.evidence else {
        return Ok(match gap.how {
            "open" => "not closed at the end of the period's records".to_owned(),
            _ => "nothing was sealed".to_owned(),
        });
    };
    let Body::Evidence { status, .. } = source.record(evidence)?.body else {
        return Err(BundleError::malformed(record_path(evidence), "is not evidence"));
    };
    if status == Status::Complete {
        return Ok("sealed whole, but the run did not end as it should".to_owned());
    }
    let bytes = source.file(evidence, PARTIAL)?;
    let file = format!("data/evidence/{evidence:012}/{PARTIAL}");
    let malformed = |e| BundleError::malformed(file, e);
    let unread: Vec<Unread> = match status {
        Status::Failed => {
            return serde_json::from_slice::<ErrorFile>(&bytes).map(|error| error.message).map_err(malformed);
        }
        _ => serde_json::from_slice::<Partial>(&bytes).map_err(malformed)?.unread,
    };
    Ok(list(unread.iter().map(|u| format!("{}: {}", u.what, u.why))))
}

/// `waivers.csv`: acceptances of the period, and older ones that its verdicts name.
pub(super) fn waivers_table(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let columns = [
        "record",
        "item",
        "approver",
        "recorded_by",
        "approved_at",
        "expires",
        "reason",
        "revocation",
        "revoked_at",
        "revoked_by",
        "revoked_why",
    ];
    let mut table = Table::new(out, &columns)?;
    for accepted in accepted(control(contents, name)?, source)? {
        let revoked = accepted.revoked;
        table.row(&[
            accepted.record.to_string(),
            accepted.item,
            accepted.approver,
            accepted.recorded_by,
            time(accepted.approved_at),
            time(accepted.expires),
            accepted.reason,
            maybe(revoked.as_ref().map(|revoked| revoked.record)),
            instant(revoked.as_ref().map(|revoked| revoked.at)),
            maybe(revoked.as_ref().map(|revoked| &revoked.recorded_by)),
            maybe(revoked.as_ref().map(|revoked| &revoked.reason)),
        ])?;
    }
    table.end()
}

/// The waivers of a control, each with its revocation.
pub(super) fn accepted(control: &Control, source: &dyn Source) -> Result<Vec<OnRecord>, BundleError> {
    let mut bodies = Vec::new();
    for index in control.waivers.iter().chain(control.revocations.values()) {
        bodies.push((*index, source.record(*index)?.body));
    }
    Ok(waivers::on_record(bodies))
}
