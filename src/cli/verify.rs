//! `evidenced verify`: a bundle, from the file alone; or the ledger itself.

use super::{Exit, Usage, print_json};
use crate::bundle::{BundleError, KeySource, VerifyOptions, VerifyReport};
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
    /// The log's public key as you were given it, or a file with keys, one a line; may be given several
    /// times. One from before the period is enough: it vouches for those that came after it. Without any
    /// the bundle's own copy is used, which shows that the bundle is consistent, and not whose it is.
    #[arg(long, value_name = "KEY|FILE")]
    vkey: Vec<String>,
    /// The `allowed_signers` file that you were given: who may sign bundles, and when. Without it the bundle's
    /// signature is checked with the key that its own log names.
    #[arg(long, value_name = "FILE")]
    allowed_signers: Option<PathBuf>,
    /// The time-stamp authority's root certificate, PEM. A bundle without a time-stamp is then refused, for anybody
    /// on the way can take it away. Without it nothing shows who made a time-stamp.
    #[arg(long, value_name = "FILE")]
    tsa_root: Option<PathBuf>,
    /// A witness's public key, or a file with it; may be given several times.
    #[arg(long, value_name = "KEY|FILE")]
    witness_key: Vec<String>,
    /// An older checkpoint of the log that you have kept; may be given several times.
    #[arg(long, value_name = "FILE")]
    held: Vec<PathBuf>,
    /// Check the ledger in this directory instead: every record, file and checkpoint.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["bundle", "reperform", "vkey", "allowed_signers", "tsa_root", "witness_key"]
    )]
    ledger: Option<PathBuf>,
}

pub(super) async fn verify(args: &Args, json: bool) -> anyhow::Result<Exit> {
    if let Some(dir) = &args.ledger {
        return verify_ledger(dir, &args.held, json);
    }
    let Some(bundle) = &args.bundle else { return Ok(Exit::Failed) };
    super::named(bundle, "name the bundle; `--ledger DIR` checks a ledger")?;
    let text =
        |path: &PathBuf| String::from_utf8(file(path)?).with_context(|| format!("{} is not UTF-8", path.display()));
    let options = VerifyOptions {
        vkey: keys(&args.vkey)?,
        allowed_signers: args.allowed_signers.as_ref().map(text).transpose()?,
        tsa_roots: args.tsa_root.as_deref().map(file).transpose()?,
        reperform: args.reperform,
        witness_keys: args.witness_key.iter().map(|text| key(text)).collect::<Result<_, _>>()?,
        held: args.held.iter().map(|path| file(path)).collect::<Result<_, _>>()?,
    };
    let report = check(bundle, options).await.map_err(wrong_argument)?;
    if json {
        let mut value = serde_json::to_value(&report)?;
        value["ok"] = report.ok().into();
        print_json(&value)?;
    } else {
        show(&report);
    }
    Ok(match (report.ok(), report.unaccounted().next(), report.taken_as_it_is()) {
        (false, ..) => Exit::Refused,
        (true, None, 0) => Exit::Ok,
        (true, ..) => Exit::NotEffective,
    })
}

/// What was given is no key, line, certificate or checkpoint: that says nothing of the bundle.
fn wrong_argument(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(request @ BundleError::Request { .. }) => Usage(request.to_string()).into(),
        _ => error,
    }
}

/// What is listed of a kind on the terminal; `--json` has more.
const SHOWN: usize = 20;

/// Verifies off the runtime's threads: it reads, hashes and, to re-perform, runs collectors of its own.
pub(super) async fn check(bundle: &Path, options: VerifyOptions) -> anyhow::Result<VerifyReport> {
    let bundle = bundle.to_owned();
    Ok(tokio::task::spawn_blocking(move || crate::bundle::verify(&bundle, &options)).await??)
}

/// The keys that were given, one a line and each once.
fn keys(given: &[String]) -> anyhow::Result<Option<String>> {
    let mut lines: Vec<String> = Vec::new();
    for text in given {
        for line in key(text)?.lines().map(str::to_owned) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    Ok((!given.is_empty()).then(|| lines.join("\n")))
}

/// Largest certificate or checkpoint that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A small file of whoever verifies.
fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read;
    super::named(path, "name the file that you were given")?;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read\nhint: name the file that you were given", path.display()))?;
    anyhow::ensure!(bytes.len() as u64 <= FILE_BYTES_MAX, "{} is longer than {FILE_BYTES_MAX} bytes", path.display());
    Ok(bytes)
}

/// The key itself, or the text of the file that holds it.
fn key(text: &str) -> anyhow::Result<String> {
    if text.contains('+') {
        return Ok(text.to_owned());
    }
    super::named(Path::new(text), "give the key's text, or the file with it")?;
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
        if !about.controls.is_empty() {
            let controls = about.controls.iter().map(String::as_str).collect::<Vec<&str>>().join(", ");
            outln!("A selection: {controls} and the collectors that fed them; all else is withheld.");
        }
        if about.sample {
            outln!("SAMPLE with a simulated clock: no evidence of anything.");
        }
    }
    for check in &report.checks {
        let word = match (check.ok, check.unaccounted.is_empty()) {
            (false, _) => "REFUSED",
            (true, false) => "SILENT ",
            (true, true) => "ok     ",
        };
        outln!("{word}  {}: {}", check.name, check.detail);
        for finding in check.unaccounted.iter().take(SHOWN) {
            outln!("         {}: {}", finding.file, finding.problem);
        }
        if check.unaccounted.len() > SHOWN {
            outln!("         and more; `--json` lists them");
        }
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
        accepted(report);
    }
}

/// What it comes to, of a bundle with which nothing is wrong.
fn accepted(report: &VerifyReport) {
    let but = if report.not_checked().next().is_some() { ", but for what is said to be not checked" } else { "" };
    match report.taken_as_it_is() {
        0 => outln!("accepted: every check was made{but}, and nothing is wrong"),
        taken => {
            outln!("accepted: every check was made{but}, and nothing is wrong with what could be made again");
            outln!(
                "BUT NOT MADE AGAIN, and not for an erasure: {taken}. What they say was taken as it is; the version of \
                 evidenced that they name can make them again."
            );
        }
    }
    if report.unaccounted().next().is_some() {
        outln!(
            "BUT the log is SILENT about slots that were due: what was not recorded cannot be shown to have been done."
        );
    }
    if report.key_source == KeySource::Bundle {
        outln!("The key is the bundle's own copy: the bundle is consistent, but nothing here shows whose it is.");
        outln!("Compare with the key that you were given: --vkey");
    }
}

fn verify_ledger(dir: &Path, held: &[PathBuf], json: bool) -> anyhow::Result<Exit> {
    let mut report = crate::ledger::verify_store(dir)?;
    for path in held {
        if let Some(why) = differs(&crate::ledger::Reader::open(dir)?, path)? {
            report.differences += 1;
            report.first.get_or_insert(why);
        }
    }
    let crate::ledger::StoreReport { records, blobs, checkpoints, erased, differences, first } = &report;
    if json {
        let ok = *differences == 0;
        print_json(&serde_json::json!({
            "ok": ok, "records": records, "blobs": blobs, "checkpoints": checkpoints, "erased": erased,
            "differences": differences, "first": first,
        }))?;
    } else {
        outln!("{records} records, {blobs} stored files and {checkpoints} checkpoints hashed anew");
        if *erased > 0 {
            outln!("{erased} erased on record");
        }
        match first {
            Some(first) => outln!("REFUSED  {differences} differences; the first: {first}"),
            None => outln!("ok       nothing differs from what was sealed"),
        }
    }
    Ok(if *differences == 0 { Exit::Ok } else { Exit::Refused })
}

/// How the ledger differs from a checkpoint of it that somebody has kept.
fn differs(reader: &crate::ledger::Reader, path: &Path) -> anyhow::Result<Option<String>> {
    let (note, name) = (file(path)?, path.display());
    let opened = reader.signers()?.open(&note);
    let held =
        opened.with_context(|| format!("{name} is no checkpoint of this log\nhint: give it as you were given it"))?;
    let records = reader.size()?;
    if held.size > records {
        let why = format!("the log's key has signed {} records ({name}), and the ledger has {records}", held.size);
        return Ok(Some(why));
    }
    if reader.root_at(held.size)? == held.root {
        return Ok(None);
    }
    let own = reader.checkpoint_at_or_after(held.size)?.map(|(_, note)| note).unwrap_or_default();
    let (held_note, own) = (String::from_utf8_lossy(&note), String::from_utf8_lossy(&own));
    Ok(Some(format!(
        "proof of misconduct: of the first {} records the log's key has signed another root than the ledger has.\n\
         --- {name}:\n{held_note}--- the ledger:\n{own}",
        held.size
    )))
}

/// Only what was refused.
pub(super) fn show_refusals(report: &VerifyReport) {
    for check in report.checks.iter().filter(|check| !check.ok) {
        outln!("REFUSED  {}: {}", check.name, check.detail);
    }
}
