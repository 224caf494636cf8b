//! `evidenced demo`: the whole line on a sample company, told as it goes.

use super::table::table;
use super::{Exit, export, verify, word};
use crate::bundle::{VerifyOptions, forge};
use crate::demo::{play::play, story};
use crate::ledger::bundle_key::allowed_signers_line;
use crate::ledger::record::{Body, End};
use crate::ledger::{Filter, Reader};
use crate::notify::message::Letter;
use crate::schedule::Outcome;
use crate::slots;
use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Leave the configuration, the ledger and the bundle here, for a look around.
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) async fn demo(args: &Args) -> anyhow::Result<Exit> {
    let temporary = tempfile::tempdir().context("no temporary directory")?;
    let dir = match &args.dir {
        Some(dir) => empty(dir)?,
        None => temporary.path().to_owned(),
    };
    outln!("SAMPLE: a company that does not exist, on a simulated clock. No evidence of anything.\n");
    outln!("Collecting for {} simulated days over HTTP on loopback ...", story::DAYS);
    let played = play(&dir, |day| {
        if std::io::stderr().is_terminal() {
            eprint!("\rday {day} ");
            drop(std::io::stderr().flush());
        }
    })
    .await?;
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    let reader = played.runner.reader()?;
    timeline(&reader)?;
    told(&played.letters)?;
    calendar(&reader)?;
    summary(&reader, played.requests)?;
    let bundle = dir.join("sample-bundle.zip");
    let period = Window { start: story::start(), end: story::end() };
    let hand_out = export::HandOut::whole(period, &bundle);
    let written = export::write(played.runner.ledger(), hand_out, story::end()).await?;
    outln!("\nBundle for {} to {}: {} ({} files)", day(period.start), day(period.end), bundle.display(), written.files);
    let key = reader.key().to_string();
    let bundle_key = played.runner.ledger().bundle_key()?;
    let Body::Epoch { origin, .. } = reader.record(0)?.body else { bail!("the log does not begin with its epoch") };
    let signers = allowed_signers_line(&origin, &bundle_key.public_line()?, reader.record(0)?.at);
    let given = |reperform| VerifyOptions {
        vkey: Some(key.clone()),
        allowed_signers: Some(signers.clone()),
        reperform,
        ..VerifyOptions::default()
    };
    let signers_file = dir.join("allowed_signers");
    std::fs::write(&signers_file, format!("{signers}\n")).context("the allowed signers cannot be written")?;
    let good = verify::check(&bundle, given(true)).await?;
    let options = format!("--vkey {key} --allowed-signers {}", signers_file.display());
    outln!("\n$ evidenced verify {} --reperform {options}", bundle.display());
    verify::show(&good);
    let forged = temporary.path().join("forged.zip");
    let altered =
        forge::hide_a_deviation(&bundle, &forged, &bundle_key)?.context("the sample has no deviation to hide")?;
    outln!(
        "\nNow a forger calls a deviation a pass in {altered}, redoes every checksum, and signs with the real key of bundles."
    );
    let bad = verify::check(&forged, given(false)).await?;
    outln!("\n$ evidenced verify forged.zip {options}");
    verify::show_refusals(&bad);
    if !good.ok() || bad.ok() {
        bail!("the bundle should have been accepted and the forgery refused\nhint: please report this");
    }
    next(args.dir.as_deref());
    Ok(Exit::Ok)
}

/// A directory of its own: a demo never writes among other things.
fn empty(dir: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let dir = dir.canonicalize().with_context(|| format!("{} cannot be used", dir.display()))?;
    if std::fs::read_dir(&dir).with_context(|| format!("{} cannot be read", dir.display()))?.next().is_some() {
        bail!("{} is not empty\nhint: name a new directory, or remove what an earlier demo left", dir.display());
    }
    Ok(dir)
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// What changed, in order.
fn timeline(reader: &Reader) -> anyhow::Result<()> {
    let mut rows = table(&["when", "what", "", "why"]);
    let mut missed: BTreeMap<String, u64> = BTreeMap::new();
    for found in reader.records(0..u64::MAX, &Filter::default()) {
        let (_, record) = found?;
        let when = record.at.format("%b %d %H:%M").to_string();
        match record.body {
            Body::Transition { control, from, to, why, .. } if from != Some(to) => {
                rows.add_row([when, control, to.word().to_owned(), why]);
            }
            Body::Transition { control, why, .. } => {
                rows.add_row([when, control, "more".to_owned(), why]);
            }
            Body::Waiver { control, item, approver, expires, reason, .. } => {
                let why = format!("{item} accepted by {approver} until {}: {reason}", day(expires));
                rows.add_row([when, control, "waiver".to_owned(), why]);
            }
            Body::Cause { control, cause, .. } => {
                rows.add_row([when, control, "cause".to_owned(), cause]);
            }
            Body::SignOff { control, quarter, by, .. } => {
                rows.add_row([when, control, "sign-off".to_owned(), format!("{by} signed for {quarter}")]);
            }
            Body::Sample { control, size, population_size, seed, .. } => {
                let why = format!("{size} of {population_size} items, by the seed `{seed}`");
                rows.add_row([when, control, "sample".to_owned(), why]);
            }
            Body::Missed { collector, .. } => *missed.entry(collector).or_default() += 1,
            _ => {}
        }
    }
    outln!("\n{rows}\n");
    for (collector, count) in missed {
        outln!("gap: {count} due runs of `{collector}` were missed while the daemon was down, each with a record");
    }
    Ok(())
}

/// What people were told, in the order in which it went out.
fn told(letters: &[(DateTime<Utc>, Letter)]) -> anyhow::Result<()> {
    let mut rows = table(&["told", "severity", "event", "what", "next"]);
    for (at, alert) in letters.iter().flat_map(|(at, letter)| letter.alerts.iter().map(move |(_, alert)| (at, alert))) {
        rows.add_row([
            at.format("%b %d %H:%M").to_string(),
            word(&alert.severity)?,
            word(&alert.event)?,
            alert.headline.clone(),
            alert.next.first().cloned().unwrap_or_default(),
        ]);
    }
    outln!("\nAlerts, as they would have gone out:\n{rows}\n");
    Ok(())
}

/// What was due in the period, and what became of it.
fn calendar(reader: &Reader) -> anyhow::Result<()> {
    let period = Window { start: story::start(), end: story::end() };
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    for collector in slots::calendar(reader, story::end(), |_| period)?.collectors {
        for (outcome, slots) in collector.counts {
            *counts.entry(outcome).or_default() += slots;
        }
    }
    let all: u64 = counts.values().sum();
    let counts: Vec<_> = counts.iter().map(|(outcome, slots)| format!("{slots} {}", outcome.word())).collect();
    outln!("calendar: {all} runs were due: {}", counts.join(", "));
    Ok(())
}

fn summary(reader: &Reader, requests: usize) -> anyhow::Result<()> {
    let mut ends: BTreeMap<&'static str, u64> = BTreeMap::new();
    for found in reader.records(0..u64::MAX, &Filter::kind("run_closed")) {
        if let Body::RunClosed { end, .. } = found?.1.body {
            *ends.entry(End::word(end)).or_default() += 1;
        }
    }
    let ends: Vec<_> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
    outln!("runs: {}; {requests} requests answered; {} records in the log", ends.join(", "), reader.size()?);
    Ok(())
}

fn next(dir: Option<&Path>) {
    outln!("\nLook around:");
    match dir {
        Some(dir) => {
            outln!("  evidenced --config {0}/evidenced.toml status [--calendar --from 2026-03-15]", dir.display());
            outln!(
                "  evidenced verify {0}/sample-bundle.zip --allowed-signers {0}/allowed_signers --reperform",
                dir.display()
            );
        }
        None => outln!("  evidenced demo --dir DIR leaves the configuration, the ledger and the bundle in DIR"),
    }
    outln!("The real configuration starts from config/evidenced.example.toml.");
}
