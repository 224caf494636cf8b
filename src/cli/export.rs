//! `evidenced export`: the bundle of a period. That it was handed out is itself a record.

use super::period::Period;
use super::{Exit, Usage, print_json};
use crate::bundle::format::TOKEN;
use crate::bundle::{Authority, BundleError, ExportRequest, ExportSummary, Timestamp, controls_meeting};
use crate::config::Loaded;
use crate::ledger::record::Body;
use crate::ledger::{Ledger, NewFile, NewRecord};
use anyhow::bail;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    period: Period,
    /// Where to write the ZIP.
    #[arg(long, short)]
    out: PathBuf,
    /// Limit the bundle to this control and the collectors that fed it; may be repeated. Of everything else
    /// only hashes are handed out.
    #[arg(long, value_name = "ID")]
    control: Vec<String>,
    /// Limit it to the controls that met this criterion, `CC6.1`, in the period; may be repeated.
    #[arg(long, value_name = "CRITERION")]
    criterion: Vec<String>,
    /// Who is given it; goes on record.
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// Fail rather than write a bundle without a time-stamp.
    #[arg(long)]
    require_timestamp: bool,
    /// The time-stamp authority to ask: the name of an anchor of the way rfc3161. Default: the first of them.
    #[arg(long, value_name = "NAME")]
    timestamp_anchor: Option<String>,
}

/// What is handed out, to whom, and how it comes by its time-stamp.
pub(super) struct HandOut<'a> {
    /// The observation period.
    pub(super) period: Window,
    /// The file to write.
    pub(super) out: &'a Path,
    /// Controls that it is limited to; empty: everything.
    pub(super) controls: BTreeSet<String>,
    /// Who is given it.
    pub(super) recipient: Option<String>,
    /// Who says when.
    pub(super) authority: Option<&'a Authority<'a>>,
    /// Fail rather than go without.
    pub(super) require_timestamp: bool,
}

impl<'a> HandOut<'a> {
    /// All of a period, to nobody in particular, without a time-stamp.
    pub(super) fn whole(period: Window, out: &'a Path) -> Self {
        let controls = BTreeSet::new();
        Self { period, out, controls, recipient: None, authority: None, require_timestamp: false }
    }
}

pub(super) async fn export(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let period = args.period.given()?;
    let (loaded, ledger) = super::appending(loaded).await?;
    let named = crate::anchor::authority(&loaded, args.timestamp_anchor.as_deref())?.map(|(name, _)| name);
    let runtime = tokio::runtime::Handle::current();
    // Called off the runtime's threads: see `write`.
    let ask = |bytes: &[u8]| {
        let stamped = crate::anchor::time_stamp(&loaded, &ledger, named, bytes.to_owned(), SystemClock.now());
        let token = runtime.block_on(stamped).map_err(|error| error.to_string())?;
        token.ok_or_else(|| "no authority is configured".to_owned())
    };
    let authority: Option<&Authority<'_>> = if named.is_some() { Some(&ask) } else { None };
    let hand_out = HandOut {
        controls: controls(&ledger, period, args)?,
        recipient: args.recipient.clone(),
        authority,
        require_timestamp: args.require_timestamp,
        ..HandOut::whole(period, &args.out)
    };
    let summary = write(&ledger, hand_out, SystemClock.now()).await?;
    if json {
        print_json(&summary)?;
    } else {
        outln!("{}  {}", summary.sha256, args.out.display());
        eprintln!("{} records, {} files; check it with `evidenced verify`", summary.records, summary.files);
        match &summary.timestamp {
            Timestamp::Given | Timestamp::Reused => eprintln!("It has a time-stamp."),
            Timestamp::NotConfigured => eprintln!("It has NO TIME-STAMP: no authority is configured."),
            Timestamp::Missing { why } => eprintln!("It has NO TIME-STAMP: {why}"),
        }
        if !summary.controls.is_empty() {
            let controls = summary.controls.iter().map(String::as_str).collect::<Vec<&str>>().join(", ");
            eprintln!("Limited to {controls}; {} records of the period are withheld.", summary.withheld);
        }
        if summary.end_record == summary.log_size {
            eprintln!("The log holds nothing after the period yet: exported again later, the bundle will differ.");
        }
    }
    Ok(Exit::Ok)
}

/// The controls named, and those that met the criteria; empty: everything.
fn controls(ledger: &Ledger, period: Window, args: &Args) -> anyhow::Result<BTreeSet<String>> {
    let mut controls: BTreeSet<String> = args.control.iter().cloned().collect();
    for criterion in &args.criterion {
        let meeting = controls_meeting(&ledger.reader()?, period, &BTreeSet::from([criterion.clone()]))?;
        if meeting.is_empty() {
            let hint = "`evidenced status` shows the criteria";
            bail!(Usage(format!("no control met the criterion {criterion} in the period\nhint: {hint}")));
        }
        controls.extend(meeting);
    }
    Ok(controls)
}

/// Exports, then records it. Also what the demo does.
pub(super) async fn write(ledger: &Ledger, hand_out: HandOut<'_>, now: DateTime<Utc>) -> anyhow::Result<ExportSummary> {
    let reader = ledger.reader()?;
    let Body::Epoch { organization, sample, .. } = reader.record(0)?.body else {
        bail!(
            "the log does not begin with its epoch\nhint: run `evidenced verify --ledger DIR`, with state_dir for DIR"
        );
    };
    let HandOut { period, out, controls, recipient, authority, require_timestamp } = hand_out;
    let key = &ledger.bundle_key()?;
    let request = ExportRequest {
        period,
        out,
        organization,
        controls: controls.clone(),
        sample,
        key,
        authority,
        require_timestamp,
    };
    // It hashes and compresses, and waits for the authority: not for a thread that others wait for.
    let export = || tokio::task::block_in_place(|| crate::bundle::export(&reader, &request));
    // What is exported must not itself fall into the period, or the next export of it would differ.
    let at = if sample { super::sample_now(&reader)?.max(period.end) } else { now };
    let mut summary = match export() {
        Err(BundleError::NotCovered { .. }) => {
            let body = Body::summary();
            ledger.append(vec![NewRecord { at, body, files: Vec::new() }]).await?;
            export()?
        }
        other => other?,
    };
    let body = Body::Export {
        period,
        log_size: summary.log_size,
        tagmanifest_sha256: summary.tagmanifest_sha256.clone(),
        controls: controls.into_iter().collect(),
        recipient,
    };
    // Kept, so that the same bundle can be written again, to the byte.
    let token = summary.token.take().map(|bytes| NewFile {
        name: TOKEN.to_owned(),
        media_type: "application/timestamp-reply".to_owned(),
        bytes,
    });
    ledger.append(vec![NewRecord { at, body, files: token.into_iter().collect() }]).await?;
    Ok(summary)
}
