//! `evidenced backup` and `evidenced restore`: a checked copy of the ledger, and a ledger of a copy.

use super::{Exit, print_json};
use crate::config::Loaded;
use crate::ledger::{StoreReport, back_up, restore as make};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// Directory for the copy, which must not hold a ledger yet.
    to: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// Directory of the copy.
    from: PathBuf,
}

pub(super) fn backup(loaded: &Loaded, args: &Backup, json: bool) -> anyhow::Result<Exit> {
    let report = back_up(&loaded.state_dir, &args.to)?;
    let exit = show(&report, &args.to, json)?;
    if report.is_whole() {
        eprintln!(
            "The secret keys are not in it: keep them elsewhere, for whoever has both can write another history."
        );
        eprintln!("What is erased later is still in it: make a new copy then, and destroy this one.");
    }
    Ok(exit)
}

pub(super) fn restore(loaded: &Loaded, args: &Restore, json: bool) -> anyhow::Result<Exit> {
    let report = make(&args.from, &loaded.state_dir)?;
    let exit = show(&report, &loaded.state_dir, json)?;
    if report.is_whole() {
        eprintln!(
            "Put log.key and bundle.key there (mode 0600), if the configuration does not say that they are elsewhere."
        );
        eprintln!(
            "Whoever appends asks the anchors first: if one knows a larger log, this copy is too old to go on under its name;"
        );
        eprintln!("`evidenced epoch` is the way then.");
    }
    Ok(exit)
}

fn show(report: &StoreReport, to: &Path, json: bool) -> anyhow::Result<Exit> {
    let StoreReport { records, blobs, checkpoints, differences, first, .. } = report;
    if json {
        print_json(&json!({
            "directory": to, "records": records, "files": blobs, "checkpoints": checkpoints,
            "differences": differences, "first": first,
        }))?;
    }
    if let Some(first) = first {
        eprintln!(
            "evidenced: refused, and nothing was kept: {differences} differences from what was sealed, first: {first}"
        );
        eprintln!("hint: take another copy; `evidenced verify --ledger DIR` checks one");
        return Ok(Exit::Refused);
    }
    if !json {
        outln!("{}: {records} records and {blobs} files, all as they were sealed", to.display());
    }
    Ok(Exit::Ok)
}
