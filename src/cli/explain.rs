//! `evidenced explain`: why an item was judged as it was, and where to look.

use super::{Exit, print_json};
use crate::bundle::{Bundle, BundleError, LedgerSource};
use crate::config::{ConfigError, Loaded};
use crate::explain::{
    ExplainError, Explained, Explanation, From, Log, Place, Want, Which, explain as read_explanation,
};
use crate::judge::{Outcome, Part};
use crate::ledger::record::Body;
use crate::ledger::{Filter, Reader};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{At, Stands};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The control.
    control: String,
    /// The item, as `status` names it, or the beginning of it: `acme/shop#41`, `111122223333:user/erin`,
    /// `orders-db 2026Q1`.
    item: String,
    /// Explain the verdict in this record, and not the newest.
    #[arg(long, value_name = "INDEX", conflicts_with = "as_of")]
    verdict: Option<u64>,
    /// Explain the newest verdict as of this instant or before: a date or an RFC 3339 time.
    #[arg(long, value_name = "TIME", value_parser = super::period::instant)]
    as_of: Option<DateTime<Utc>>,
    /// Look into a bundle, and not into the ledger. Needs no configuration.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

pub(super) fn explain(
    load: impl FnOnce() -> Result<Loaded, ConfigError>,
    args: &Args,
    json: bool,
) -> anyhow::Result<Exit> {
    let explanation = match &args.bundle {
        Some(bundle) => in_bundle(bundle, args)?,
        None => {
            let loaded = load()?;
            let explained = in_ledger(&Reader::open(&loaded.state_dir)?, &args.control, &args.item, which(args));
            // One that is not configured any more has verdicts; one that never was is a wrong name.
            if explained
                .as_ref()
                .is_err_and(|error| matches!(error.downcast_ref(), Some(ExplainError::NoVerdict { .. })))
            {
                super::configured(&loaded, &args.control)?;
            }
            explained?
        }
    };
    if json {
        print_json(&explanation)?;
    } else {
        show(&explanation);
        if args.bundle.is_some() {
            eprintln!("The bundle was looked into, not checked: `evidenced verify` says whether it is to be believed.");
        }
    }
    Ok(Exit::Ok)
}

fn which(args: &Args) -> Which {
    match (args.verdict, args.as_of) {
        (Some(index), _) => Which::Record(index),
        (None, Some(at)) => Which::AsOf(at),
        (None, None) => Which::Newest,
    }
}

pub(super) fn in_ledger(reader: &Reader, control: &str, item: &str, which: Which) -> anyhow::Result<Explanation> {
    let newest_first = |want: Want<'_>, below, most| {
        let filter = match want {
            Want::Verdicts(control) => Filter::kind("verdict").control(control),
            Want::Evidence(collector) => Filter::kind("evidence").collector(collector),
        };
        let found = reader.records_newest_first(0..below, &filter).take(most);
        found.map(|found| found.map_err(|e| BundleError::ledger("its records", e))).collect()
    };
    let mut erased = BTreeMap::new();
    for found in reader.records(0..u64::MAX, &Filter::kind("erasure")) {
        let (index, record) = found?;
        note_erasure(&mut erased, index, &record.body);
    }
    let log = Log { source: &LedgerSource::of(reader), newest_first: &newest_first, erased: &erased };
    Ok(read_explanation(log, control, item, which)?)
}

fn in_bundle(path: &Path, args: &Args) -> anyhow::Result<Explanation> {
    super::named(path, "name the bundle")?;
    let bundle = Bundle::open(path)?;
    let source = bundle.source();
    let mut erased = BTreeMap::new();
    for index in bundle.records()? {
        note_erasure(&mut erased, index, &crate::bundle::format::Source::record(&source, index)?.body);
    }
    let newest_first = |want: Want<'_>, below, most| {
        let mut found = Vec::new();
        for index in bundle.records()?.into_iter().rev().filter(|index| *index < below) {
            let record = crate::bundle::format::Source::record(&source, index)?;
            // Neighbours of the period are there without their files.
            if want.is(&record.body) && (bundle.has_files(index, &record.body)? || erased.contains_key(&index)) {
                found.push((index, record));
            }
            if found.len() == most {
                break;
            }
        }
        Ok(found)
    };
    let log = Log { source: &source, newest_first: &newest_first, erased: &erased };
    Ok(read_explanation(log, &args.control, &args.item, which(args))?)
}

fn note_erasure(erased: &mut BTreeMap<u64, u64>, index: u64, body: &Body) {
    if let Body::Erasure { target, .. } = body {
        erased.insert(*target, index);
    }
}

/// The answer first, then what decided, then the rest.
fn show(why: &Explanation) {
    let judgement = &why.judgement;
    outln!("{} {}: {}: {}", why.control, judgement.item, word(judgement.outcome), judgement.reason);
    outln!("  {}", judgement.seen);
    for unread in &why.unread {
        let hint = unread.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
        outln!("  not read: {}: {}{hint}", unread.what, unread.why);
    }
    for waiver in &why.waivers {
        outln!(
            "  waiver in record {}, by {} until {}: {}",
            waiver.record,
            waiver.approver,
            waiver.expires,
            waiver.reason
        );
    }
    outln!("  judged as of {} by {}; the verdict is record {}", why.as_of, why.rules, why.verdict);
    if why.sample {
        outln!("  SAMPLE with a simulated clock: no evidence of anything");
    }
    if let Some(here) = &why.here {
        let (outcome, reason) = (word(here.outcome), &here.reason);
        outln!("  NOTE: this program ({}) makes {outcome}: {reason} of it; what follows explains that", why.rules_here);
    }
    let mut shown = BTreeSet::new();
    for title in ["why", "also looked at", "without a part in it"] {
        let of: Vec<&Explained> = why.attributes.iter().filter(|one| group(one) == title).collect();
        if !of.is_empty() {
            outln!("\n{title}:");
        }
        of.into_iter().for_each(|one| show_attribute(one, &mut shown));
    }
}

fn group(one: &Explained) -> &'static str {
    match one.attribute.part {
        _ if one.attribute.decides => "why",
        Part::Aside => "without a part in it",
        Part::For | Part::Against | Part::Open => "also looked at",
    }
}

fn show_attribute(one: &Explained, shown: &mut BTreeSet<(String, At)>) {
    let attribute = &one.attribute;
    let part = match attribute.part {
        Part::For => "for",
        Part::Against => "AGAINST",
        Part::Open => "OPEN",
        Part::Aside => "-",
    };
    let reason = attribute.reason.map(|reason| format!(" [{reason}]")).unwrap_or_default();
    outln!("  {} {}: {part}{reason}", attribute.key, attribute.name);
    outln!("      {}", attribute.seen);
    for place in &one.places {
        if shown.insert((place.file.clone(), place.at.clone())) {
            show_place(place);
        } else {
            outln!("      {}: {} (as above)", place.fact, spot(place));
        }
    }
    for fact in &one.not_found {
        outln!("      {fact}: not found in the sealed exchanges");
    }
}

fn show_place(place: &Place) {
    let stands = match &place.stands {
        Stands::Value(text) => text.clone(),
        Stands::WithoutIt(entries) => format!("{entries} entries, and none is it"),
    };
    let from = match place.from {
        From::Run | From::Configuration => None,
        From::Carry => Some("from what the run before left (carry)"),
        From::EarlierRun => Some("answered to an earlier run"),
    };
    let how: Vec<&str> = place.request.as_deref().into_iter().chain(from).collect();
    let how = if how.is_empty() { String::new() } else { format!(" ({})", how.join("; ")) };
    outln!("      {}: {}{how}", place.fact, spot(place));
    outln!("        {stands}");
}

/// File, and the place in it.
fn spot(place: &Place) -> String {
    match &place.at {
        At::Pointer(pointer) if pointer.is_empty() => place.file.clone(),
        at => format!("{} at {at}", place.file),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Deviation => "DEVIATION",
        Outcome::Indeterminate => "INDETERMINATE",
        Outcome::Waived => "waived",
        Outcome::Excluded => "excluded",
        Outcome::Pending => "pending",
    }
}
