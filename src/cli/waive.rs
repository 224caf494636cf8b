//! `evidenced waive`: an approved, expiring acceptance of a deviation, recorded in the log and judged at once;
//! and its revocation.

use super::{Exit, Usage, print_json, span};
use crate::config::{Loaded, Span};
use crate::ledger::LedgerError;
use crate::ledger::record::Body;
use crate::run::Runner;
use anyhow::bail;

/// Longest time that a waiver may run.
const WAIVER_DAYS_MAX: i64 = 366;

/// What a waiver is, and for whom it does not count; below the options of `waive --help`.
const HELP: &str = "\
A waiver counts from now until it ends, for deviations only: what could not be judged cannot be accepted, nor can \
access keys of an account's root. What it covers shows as waived, and never as pass; at its end it counts again.

The owner of the control approves none. It does not count if the approver gains by it, as far as the names that the \
sources give tell; `evidenced waivers` then says so. Who gains:
  change_review    the change's author, committers, and whoever pushed, merged or started it
  mfa              the account itself, and its registered owner
  restore_test     whoever performed a test of that store in that quarter
  vulnerabilities  whoever dismissed the alert
  of registers     the person; of an account also whoever asked for it; the owner of a vendor,
                   risk, system or asset; whoever approved a policy or assessment
  documented       whoever added a document of that time";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The control, `SEC-001`.
    #[arg(required_unless_present = "revoke")]
    control: Option<String>,
    /// The item as `status` prints it, or a pattern with `*` (any text, also across /) and `?` (one character).
    #[arg(required_unless_present = "revoke")]
    item: Option<String>,
    /// Why it is accepted, or revoked.
    #[arg(long)]
    reason: String,
    /// Who approved, by the login or name that the source knows. Not the one who benefits.
    #[arg(long, required_unless_present = "revoke")]
    approver: Option<String>,
    /// For how long from now, `30d`; at most a year.
    #[arg(long, value_parser = span, required_unless_present = "revoke")]
    expires_in: Option<Span>,
    /// End the waiver in this record now, and not when it expires. `evidenced waivers` shows the records.
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["control", "item", "approver", "expires_in"])]
    revoke: Option<u64>,
}

pub(super) async fn waive(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let (loaded, ledger) = super::appending(loaded).await?;
    let reader = ledger.reader()?;
    let clock = super::clock(&reader)?;
    if args.reason.trim().is_empty() {
        bail!(Usage("reason is empty\nhint: a waiver without it would convince nobody".to_owned()));
    }
    let runner = Runner::new(loaded, ledger, clock);
    let (control, body) = match args.revoke {
        Some(waiver) => revocation(&runner, waiver, &args.reason)?,
        None => waiver(&runner, args)?,
    };
    let (index, state) = runner.accept(&control, body.clone()).await?;
    if json {
        print_json(&serde_json::json!({ "index": index, "record": body, "state": state }))?;
    } else {
        outln!("recorded at index {index}; {control} is {}", state.word());
        eprintln!("`evidenced waivers` shows what it covers, and whether it counts.");
    }
    Ok(Exit::Ok)
}

fn waiver(runner: &Runner, args: &Args) -> anyhow::Result<(String, Body)> {
    let given = (&args.control, &args.item, &args.approver, &args.expires_in);
    let (Some(control), Some(item), Some(approver), Some(expires_in)) = given else {
        let text = "a waiver needs a control, an item, an approver and an end\nhint: `evidenced waive --help`";
        bail!(Usage(text.to_owned()));
    };
    super::configured(&runner.loaded(), control)?;
    for (what, text) in [("item", item), ("approver", approver)] {
        if text.trim().is_empty() {
            bail!(Usage(format!("{what} is empty\nhint: a waiver without it would convince nobody")));
        }
    }
    let owner = &runner.loaded().config.controls[control].owner;
    if approver.trim().to_lowercase() == owner.trim().to_lowercase() {
        bail!(Usage(format!("{approver} owns {control}, and cannot approve this\nhint: somebody else must")));
    }
    if expires_in.delta().num_days() > WAIVER_DAYS_MAX {
        let text = format!("a waiver may run for {WAIVER_DAYS_MAX} days at most\nhint: approve it again when it ends");
        bail!(Usage(text));
    }
    let approved_at = runner.clock().now();
    let body = Body::Waiver {
        control: control.clone(),
        item: item.clone(),
        reason: args.reason.clone(),
        approver: approver.clone(),
        recorded_by: crate::who::me(),
        approved_at,
        expires: approved_at + expires_in.delta(),
    };
    Ok((control.clone(), body))
}

fn revocation(runner: &Runner, waiver: u64, reason: &str) -> anyhow::Result<(String, Body)> {
    let see = "`evidenced waivers` shows those there are";
    let (reader, now) = (runner.reader()?, runner.clock().now());
    let found = match reader.record(waiver) {
        Err(LedgerError::Absent { .. }) => None,
        other => Some(other?.body),
    };
    let Some(Body::Waiver { control, .. }) = found else { bail!("record {waiver} is no waiver\nhint: {see}") };
    super::configured(&runner.loaded(), &control)?;
    let known = crate::waivers::of_control(&reader, &control)?;
    if !known.iter().any(|known| known.record == waiver && known.in_force(now)) {
        bail!("the waiver in record {waiver} has ended already\nhint: {see}");
    }
    let body = Body::Revocation {
        control: control.clone(),
        waiver,
        reason: reason.to_owned(),
        recorded_by: crate::who::me(),
        revoked_at: now,
    };
    Ok((control, body))
}
