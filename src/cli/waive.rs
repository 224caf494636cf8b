//! `evidenced waive`: an approved, expiring acceptance of a deviation, recorded in the log.

use super::{Exit, print_json, span};
use crate::config::{Loaded, Span};
use crate::ledger::record::Body;
use crate::ledger::{Ledger, NewRecord};
use anyhow::bail;
use evidenced_collectors::contract::clock::{Clock, SystemClock};

/// Longest time that a waiver may run.
const WAIVER_DAYS_MAX: i64 = 366;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The control, `SEC-001`.
    control: String,
    /// The item as `status` prints it, or a pattern with `*` and `?`.
    item: String,
    /// Why it is accepted.
    #[arg(long)]
    reason: String,
    /// Who approved. Not the one who benefits: such a waiver does not count.
    #[arg(long)]
    approver: String,
    /// For how long from now, `30d`; at most a year.
    #[arg(long, value_parser = span)]
    expires_in: Span,
}

pub(super) async fn waive(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    if !loaded.config.controls.contains_key(&args.control) {
        let known: Vec<_> = loaded.config.controls.keys().cloned().collect();
        bail!("control `{}` is not configured\nhint: configured: {}", args.control, known.join(", "));
    }
    for (what, text) in [("item", &args.item), ("reason", &args.reason), ("approver", &args.approver)] {
        if text.trim().is_empty() {
            bail!("{what} is empty\nhint: a waiver without it would convince nobody");
        }
    }
    if args.expires_in.delta().num_days() > WAIVER_DAYS_MAX {
        bail!("a waiver may run for {WAIVER_DAYS_MAX} days at most\nhint: approve it again when it ends");
    }
    let ledger = Ledger::open_with(&loaded.state_dir, &loaded.config.keys)?;
    let reader = ledger.reader()?;
    let approved_at = if super::is_sample(&reader)? { super::sample_now(&reader)? } else { SystemClock.now() };
    let body = Body::Waiver {
        control: args.control.clone(),
        item: args.item.clone(),
        reason: args.reason.clone(),
        approver: args.approver.clone(),
        approved_at,
        expires: approved_at + args.expires_in.delta(),
    };
    let sealed = ledger.append(vec![NewRecord { at: approved_at, body: body.clone(), files: Vec::new() }]).await?;
    let index = sealed.first().map(|s| s.index);
    if json {
        print_json(&serde_json::json!({ "index": index, "record": body }))?;
    } else {
        outln!(
            "recorded at index {}; it counts from the next run of the control's collectors",
            index.unwrap_or_default()
        );
    }
    Ok(Exit::Ok)
}
