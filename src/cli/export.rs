//! `evidenced export`: the bundle of a period. That it was handed out is itself a record.

use super::{Exit, print_json};
use crate::bundle::format::TOKEN;
use crate::bundle::{Authority, ExportRequest, ExportSummary, Timestamp};
use crate::config::Loaded;
use crate::ledger::record::Body;
use crate::ledger::{Ledger, NewFile, NewRecord};
use anyhow::bail;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// First instant of the period: a date (midnight UTC) or an RFC 3339 time.
    #[arg(long, value_parser = instant)]
    from: DateTime<Utc>,
    /// First instant after the period.
    #[arg(long, value_parser = instant)]
    to: DateTime<Utc>,
    /// Where to write the ZIP.
    #[arg(long, short)]
    out: PathBuf,
    /// Fail rather than write a bundle without a time-stamp.
    #[arg(long)]
    require_timestamp: bool,
    /// The time-stamp authority to ask: the name of an anchor of the way rfc3161. Default: the first of them.
    #[arg(long, value_name = "NAME")]
    timestamp_anchor: Option<String>,
}

/// How a bundle comes by its time-stamp.
#[derive(Default)]
pub(super) struct Asked<'a> {
    pub(super) authority: Option<&'a Authority<'a>>,
    pub(super) require_timestamp: bool,
}

pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    text.parse::<DateTime<Utc>>().map_err(|_| "write a date like 2026-01-01 or a time like 2026-01-01T00:00:00Z".into())
}

pub(super) async fn export(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    if args.from >= args.to {
        bail!("the period ends before it begins\nhint: --to is the first instant after it");
    }
    let ledger = Ledger::open_with(&loaded.state_dir, &loaded.config.keys)?;
    let period = Window { start: args.from, end: args.to };
    let named = crate::anchor::authority(&loaded, args.timestamp_anchor.as_deref())?.map(|(name, _)| name);
    let runtime = tokio::runtime::Handle::current();
    // Called off the runtime's threads: see `write`.
    let ask = |bytes: &[u8]| {
        let stamped = crate::anchor::time_stamp(&loaded, named, bytes.to_owned(), SystemClock.now());
        let token = runtime.block_on(stamped).map_err(|error| error.to_string())?;
        token.ok_or_else(|| "no authority is configured".to_owned())
    };
    let authority: Option<&Authority<'_>> = if named.is_some() { Some(&ask) } else { None };
    let asked = Asked { authority, require_timestamp: args.require_timestamp };
    let summary = write(&ledger, period, &args.out, SystemClock.now(), asked).await?;
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
        if summary.end_record == summary.log_size {
            eprintln!("The log holds nothing after the period yet: exported again later, the bundle will differ.");
        }
    }
    Ok(Exit::Ok)
}

/// Exports, then records it. Also what the demo does.
pub(super) async fn write(
    ledger: &Ledger,
    period: Window,
    out: &Path,
    now: DateTime<Utc>,
    asked: Asked<'_>,
) -> anyhow::Result<ExportSummary> {
    let reader = ledger.reader()?;
    let Body::Epoch { organization, sample, .. } = reader.record(0)?.body else {
        bail!("the log does not begin with its epoch\nhint: run `evidenced verify --ledger`");
    };
    let Asked { authority, require_timestamp } = asked;
    let key = &ledger.bundle_key()?;
    let request = ExportRequest { period, out, organization, sample, key, authority, require_timestamp };
    // It hashes and compresses, and waits for the authority: not for a thread that others wait for.
    let mut summary = tokio::task::block_in_place(|| crate::bundle::export(&reader, &request))?;
    // What is exported must not itself fall into the period, or the next export of it would differ.
    let at = if sample { super::sample_now(&reader)?.max(period.end) } else { now };
    let body = Body::Export {
        period,
        log_size: summary.log_size,
        tagmanifest_sha256: summary.tagmanifest_sha256.clone(),
        controls: Vec::new(),
        recipient: None,
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
