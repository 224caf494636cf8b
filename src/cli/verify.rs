//! `evidenced verify`: a bundle, from the file alone; or the ledger itself.

use super::{Exit, print_json};
use crate::bundle::{KeySource, VerifyOptions, VerifyReport};
use anyhow::Context;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle.
    #[arg(required_unless_present = "ledger")]
    bundle: Option<PathBuf>,
    /// Collect and judge again from the bundle's exchanges, and compare.
    #[arg(long)]
    reperform: bool,
    /// The log's public key as you were given it, or a file with it. Without it the bundle's own copy is
    /// used, which shows that the bundle is consistent, and not whose it is.
    #[arg(long, visible_alias = "vkey", value_name = "KEY|FILE")]
    key: Option<String>,
    /// The `allowed_signers` file that you were given: who may sign bundles, and when. Without it the bundle's
    /// signature is checked with the key that its own log names.
    #[arg(long, value_name = "FILE")]
    allowed_signers: Option<PathBuf>,
    /// The time-stamp authority's root certificate, PEM. Without it nothing shows who made a time-stamp.
    #[arg(long, value_name = "FILE")]
    tsa_root: Option<PathBuf>,
    /// Check the ledger in this directory instead: every record, file and checkpoint.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bundle", "reperform", "key", "allowed_signers", "tsa_root"])]
    ledger: Option<PathBuf>,
}

pub(super) async fn verify(args: &Args, json: bool) -> anyhow::Result<Exit> {
    if let Some(dir) = &args.ledger {
        return verify_ledger(dir, json);
    }
    let Some(bundle) = &args.bundle else { return Ok(Exit::Failed) };
    let unread = |path: &PathBuf| format!("{} cannot be read\nhint: name the file that you were given", path.display());
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| unread(path));
    let text = |path: &PathBuf| std::fs::read_to_string(path).with_context(|| unread(path));
    let options = VerifyOptions {
        vkey: args.key.as_deref().map(key).transpose()?,
        allowed_signers: args.allowed_signers.as_ref().map(text).transpose()?,
        tsa_roots: args.tsa_root.as_ref().map(read).transpose()?,
        reperform: args.reperform,
    };
    let report = check(bundle, options).await?;
    if json {
        let mut value = serde_json::to_value(&report)?;
        value["ok"] = report.ok().into();
        print_json(&value)?;
    } else {
        show(&report);
    }
    Ok(if report.ok() { Exit::Ok } else { Exit::Refused })
}

/// What is listed of a kind on the terminal; `--json` has more.
const SHOWN: usize = 20;

/// Verifies off the runtime's threads: it reads, hashes and, to re-perform, runs collectors of its own.
pub(super) async fn check(bundle: &Path, options: VerifyOptions) -> anyhow::Result<VerifyReport> {
    let bundle = bundle.to_owned();
    Ok(tokio::task::spawn_blocking(move || crate::bundle::verify(&bundle, &options)).await??)
}

/// The key itself, or the text of the file that holds it.
fn key(text: &str) -> anyhow::Result<String> {
    if text.contains('+') {
        return Ok(text.to_owned());
    }
    let key = std::fs::read_to_string(text)
        .with_context(|| format!("the key {text} cannot be read\nhint: give the key's text, or the file with it"))?;
    Ok(key.trim().to_owned())
}

/// One line a check, then what is wrong, by file, and what could not be made again.
pub(super) fn show(report: &VerifyReport) {
    if let Some(about) = &report.about {
        let (from, to) = (about.period.start.date_naive(), about.period.end.date_naive());
        let records = format!("records {} to before {}", about.first_record, about.end_record);
        outln!("{}: {from} to before {to}, {records} of the log {}", about.organization, about.origin);
        if about.sample {
            outln!("SAMPLE with a simulated clock: no evidence of anything.");
        }
    }
    for check in &report.checks {
        outln!("{}  {}: {}", if check.ok { "ok     " } else { "REFUSED" }, check.name, check.detail);
    }
    for what in report.not_checked() {
        outln!("not checked: {what}");
    }
    if !report.complete {
        outln!("REFUSED  not every check could be made");
    }
    // The first finding of a check stands in its line already.
    let more: Vec<_> = report.checks.iter().flat_map(|check| check.findings.iter().skip(1)).collect();
    for finding in more.iter().take(SHOWN) {
        outln!("         {}: {}", finding.file, finding.problem);
    }
    if more.len() > SHOWN {
        outln!("         and more; `--json` lists them");
    }
    let not_made = report.reperformed.as_ref().map(|r| r.not_reperformed.as_slice()).unwrap_or_default();
    for finding in not_made.iter().take(SHOWN) {
        outln!("not made again: {}: {}", finding.file, finding.problem);
    }
    if not_made.len() > SHOWN {
        outln!("not made again: {} more; `--json` lists them", not_made.len() - SHOWN);
    }
    if report.ok() {
        let but = if report.not_checked().next().is_some() { ", but for what is said to be not checked" } else { "" };
        outln!("accepted: every check was made{but}, and nothing is wrong");
    }
    if report.key_source == KeySource::Bundle {
        outln!("The key is the bundle's own copy: the bundle is consistent, but nothing here shows whose it is.");
        outln!("Compare with the key that you were given: --key");
    }
}

fn verify_ledger(dir: &Path, json: bool) -> anyhow::Result<Exit> {
    let report = crate::ledger::verify_store(dir)?;
    let crate::ledger::StoreReport { records, blobs, checkpoints, differences, first } = &report;
    if json {
        let ok = *differences == 0;
        print_json(&serde_json::json!({
            "ok": ok, "records": records, "blobs": blobs, "checkpoints": checkpoints,
            "differences": differences, "first": first,
        }))?;
    } else {
        outln!("{records} records, {blobs} stored files and {checkpoints} checkpoints hashed anew");
        match first {
            Some(first) => outln!("REFUSED  {differences} differences; the first: {first}"),
            None => outln!("ok       nothing differs from what was sealed"),
        }
    }
    Ok(if *differences == 0 { Exit::Ok } else { Exit::Refused })
}

/// Only what was refused.
pub(super) fn show_refusals(report: &VerifyReport) {
    for check in report.checks.iter().filter(|check| !check.ok) {
        outln!("REFUSED  {}: {}", check.name, check.detail);
    }
}
