//! `evidenced evidence add` and `list`: documents as evidence, added by people and sealed like everything else.

use super::table::table;
use super::{Exit, collect, minute, print_json};
use crate::config::Loaded;
use crate::documents::{self, KIND, OnDisk, Sealed};
use crate::judge::{Test, documented};
use crate::ledger::Reader;
use crate::ledger::record::{End, Trigger};
use crate::run::RunError;
use crate::shown::{shortened, shown};
use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use clap::Subcommand;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use evidenced_collectors::documents::{NOTE_BYTES_MAX, Settings, Sidecar, check_file};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// Digits of a digest in the table; `--json` has all.
const DIGEST_SHOWN: usize = 12;
/// Characters of a note in the table.
const NOTE_SHOWN: usize = 60;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Add a document as evidence of a control, and collect at once, so that it is sealed and judged.
    ///
    /// The file is copied into the directory of a collector of the kind `documents` that feeds the control; nothing
    /// there is ever overwritten. Who added it is the account of this command.
    Add(Add),
    /// List the documents that are sealed. Exits 3 when the file of one is gone or altered and it is not withdrawn.
    List {
        /// Of this control alone.
        #[arg(long, value_name = "ID")]
        control: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The document: any file that is no secret.
    file: PathBuf,
    /// The control that it is evidence of, `SEC-022`.
    #[arg(long, value_name = "ID")]
    control: String,
    /// The day whose state it shows, `2026-03-31`; not one that is still to come.
    #[arg(long, value_name = "DAY", value_parser = day)]
    as_of: NaiveDate,
    /// What to know about it. Needed when it is added long after its day: say why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

fn day(text: &str) -> Result<NaiveDate, String> {
    let day = text.parse::<NaiveDate>().ok().filter(|day| day.to_string() == text);
    day.ok_or_else(|| "write a day like 2026-03-31".to_owned())
}

pub(super) async fn evidence(loaded: Loaded, what: &What, json: bool) -> anyhow::Result<Exit> {
    match what {
        What::Add(args) => add(loaded, args, json).await,
        What::List { control } => list(&loaded, control.as_deref(), json),
    }
}

async fn add(loaded: Loaded, args: &Add, json: bool) -> anyhow::Result<Exit> {
    super::configured(&loaded, &args.control)?;
    let (collector, settings) = directory_of(&loaded, &args.control)?;
    // To the second, as people write it into `withdrawn`.
    let now = SystemClock.now().trunc_subsecs(0);
    dated(&loaded, args, now)?;
    let (file, bytes) = read(&args.file, settings.bytes_max)?;
    let sidecar = Sidecar {
        control: args.control.clone(),
        as_of: args.as_of,
        note: args.note.clone(),
        by: crate::who::me(),
        added_at: now,
        sha256: hex::encode(Sha256::digest(&bytes)),
    };
    if let Err((why, hint)) = sidecar.check() {
        bail!("{why}\nhint: {hint}");
    }
    let runner = collect::ready(loaded, "evidence add").await?;
    let lock = runner.ledger().lock_collector(&collector)?.ok_or_else(|| RunError::Overlap(collector.clone()))?;
    documents::put(&settings.directory, &file, &bytes, &sidecar)?;
    let (_keep, never) = watch::channel(false);
    let report = runner.run_under(&collector, lock, Trigger::Manual, never).await;
    let report = report.with_context(|| {
        format!(
            "{} is in {} and not sealed\nhint: `evidenced collect now {collector}` seals it",
            shown(&file),
            settings.directory.display()
        )
    })?;
    let sealed = documents::holds(&runner.reader()?, report.evidence, &file, &sidecar.sha256)?;
    let good = sealed && report.end == End::Done;
    if json {
        let size = bytes.len();
        let Sidecar { control, as_of, note, by, added_at, sha256 } = &sidecar;
        print_json(&serde_json::json!({
            "file": file, "control": control, "as_of": as_of, "added_at": added_at, "by": by, "note": note,
            "sha256": sha256, "size": size, "evidence": report.evidence, "sealed": sealed, "run": report,
        }))?;
    } else {
        let (control, as_of, name) = (&sidecar.control, sidecar.as_of, shown(&file));
        match sealed {
            true => outln!("{name}, evidence of {control} as of {as_of}, is sealed in record {}", report.evidence),
            false => outln!("{name} is in {}, and NOT taken in: see why below", settings.directory.display()),
        }
        outln!("SHA-256 {}", sidecar.sha256);
        collect::show(&[report]);
    }
    Ok(if good { Exit::Ok } else { Exit::Failed })
}

/// The first collector of documents that feeds the control, and where it looks.
fn directory_of(loaded: &Loaded, control: &str) -> anyhow::Result<(String, Settings)> {
    let documents = |name: &&String| loaded.collectors.get(*name).is_some_and(|known| known.kind.name == KIND);
    let fed = |id: &str| loaded.config.controls.get(id).and_then(|control| control.collectors.iter().find(documents));
    let Some(collector) = fed(control) else {
        let others: Vec<&str> =
            loaded.config.controls.keys().map(String::as_str).filter(|id| fed(id).is_some()).collect();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        bail!(
            "no collector of the kind {KIND} feeds {control}\n\
             hint: name one in its `collectors`, with test = \"documented\"; controls that one feeds: {others}"
        );
    };
    let settings = &loaded.config.collectors[collector].settings;
    let settings = Settings::read(settings).with_context(|| format!("collector {collector}"))?;
    Ok((collector.clone(), settings))
}

/// Refuses a day that is still to come, and one long past about which nothing is said.
fn dated(loaded: &Loaded, args: &Add, now: DateTime<Utc>) -> anyhow::Result<()> {
    if documented::ahead(args.as_of, now) {
        bail!(
            "{} is still to come: nobody can show its state yet\nhint: --as-of is the day that the document is of",
            args.as_of
        );
    }
    let Some(Test::Documented(policy)) = loaded.tests.get(&args.control) else {
        bail!(
            "the test of {} is not `documented`: it would not look at the document\nhint: set test = \"documented\"",
            args.control
        );
    };
    match &args.note {
        Some(note) => super::said("the note", note, NOTE_BYTES_MAX),
        None if now.date_naive() >= documented::late_from(policy, args.as_of) => bail!(
            "{} is {} days ago, and without a note that is a deviation (late_days = {})\n\
             hint: say with --note why it is added only now",
            args.as_of,
            (now.date_naive() - args.as_of).num_days(),
            policy.late_days
        ),
        None => Ok(()),
    }
}

/// The document, and the name that it keeps.
fn read(path: &Path, most: u64) -> anyhow::Result<(String, Vec<u8>)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} has no name in UTF-8\nhint: rename it", path.display()))?;
    if let Err((why, hint)) = check_file(name) {
        bail!("{why}\nhint: {hint}");
    }
    super::named(path, "name the document itself")?;
    let cannot = || format!("{} cannot be read", path.display());
    let file = std::fs::File::open(path).with_context(cannot)?;
    if !file.metadata().with_context(cannot)?.is_file() {
        bail!("{} is no file\nhint: name the document itself", path.display());
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).with_context(cannot)?;
    if bytes.is_empty() {
        bail!("{} is empty\nhint: is it the right file?", path.display());
    }
    if bytes.len() as u64 > most {
        bail!("{} has more than {most} bytes\nhint: make it smaller, or raise bytes_max", path.display());
    }
    Ok((name.to_owned(), bytes))
}

fn list(loaded: &Loaded, control: Option<&str>, json: bool) -> anyhow::Result<Exit> {
    let found = documents::sealed(&Reader::open(&loaded.state_dir)?, loaded, control)?;
    // One that is no longer configured may still have documents; one that never was is a slip of the pen.
    if let Some(control) = control
        && found.documents.is_empty()
    {
        super::configured(loaded, control)?;
    }
    if json {
        print_json(&found)?;
    } else if found.documents.is_empty() {
        outln!("No document is sealed{}.", control.map(|id| format!(" of {id}")).unwrap_or_default());
    } else {
        show(&found.documents);
    }
    if !found.erased.is_empty() {
        eprintln!("{} evidence records were erased: what they held is not listed.", found.erased.len());
    }
    Ok(if found.documents.iter().any(Sealed::missing) { Exit::NotEffective } else { Exit::Ok })
}

fn show(documents: &[Sealed]) {
    let mut rows = table(&["control", "document", "as of", "added", "by", "note", "record", "sha-256", "file now"]);
    for Sealed { document, evidence, on_disk, .. } in documents {
        let now = match (&document.withdrawn, on_disk) {
            (Some(reason), _) => format!("withdrawn: {}", shown(reason)),
            (None, OnDisk::There) => "there".to_owned(),
            (None, OnDisk::Gone) => "GONE".to_owned(),
            (None, OnDisk::Altered) => "ALTERED".to_owned(),
            (None, OnDisk::Unread) => "NOT READ".to_owned(),
        };
        rows.add_row([
            shown(&document.control).into_owned(),
            shown(&document.file).into_owned(),
            document.as_of.to_string(),
            minute(document.added_at),
            shown(&document.by).into_owned(),
            document.note.as_deref().map(|note| shortened(note, NOTE_SHOWN).into_owned()).unwrap_or_default(),
            evidence.to_string(),
            document.sha256.chars().take(DIGEST_SHOWN).collect(),
            now,
        ]);
    }
    outln!("{rows}");
}
