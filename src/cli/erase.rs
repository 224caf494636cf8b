//! `evidenced erase`: deletes the files of records by the book, and says what else holds copies. That they were
//! deleted is itself a record, and what is left of them proves nothing to anybody who has not the files.

use super::{Exit, Usage, print_json};
use crate::config::Loaded;
use crate::ledger::record::Body;
use crate::ledger::{Filter, UNIT_RECORDS_MAX};
use crate::ledger::{LedgerError, NewRecord, Reader, Shared, sweep};
use anyhow::bail;
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal};

/// Other records named where contents are shared.
const NAMED_MAX: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The records whose files are to go: evidence, verdicts, transitions, alerts. The number is that of the folder in
    /// a bundle, and of `explain`.
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<u64>,
    /// By which rule: `GDPR Art. 17`, a contract's clause.
    #[arg(long)]
    basis: String,
    /// The request that it answers: a ticket.
    #[arg(long)]
    request: String,
    /// Who approved.
    #[arg(long)]
    approved_by: String,
    /// Leave contents that other records hold too with those, and erase the rest. Without it, such contents are
    /// refused unless every record that holds them is named.
    #[arg(long)]
    keep_shared: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What was done, and what remains to be done elsewhere.
#[derive(Debug, Serialize)]
struct Done {
    /// Record to the `erasure` record that says so.
    erased: BTreeMap<u64, u64>,
    /// Of these, the ones that had been erased before.
    before: Vec<u64>,
    /// Contents that stayed with other records.
    kept: Vec<Kept>,
    /// Whether no page with the contents is left in the ledger's files.
    swept: bool,
    /// Bundles that were handed out with the files.
    handed_out: Vec<HandedOut>,
}

/// A file whose contents stayed, for other records hold them.
#[derive(Debug, Serialize)]
struct Kept {
    record: u64,
    files: Vec<String>,
    others: Vec<u64>,
}

/// A bundle that holds, or may hold, what was erased.
#[derive(Debug, Serialize)]
struct HandedOut {
    record: u64,
    period: Window,
    controls: Vec<String>,
    recipient: Option<String>,
    tagmanifest_sha256: String,
}

pub(super) async fn erase(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    for (what, text) in [("basis", &args.basis), ("request", &args.request), ("approved-by", &args.approved_by)] {
        if text.trim().is_empty() {
            bail!(Usage(format!("--{what} is empty\nhint: an erasure without it could be any deletion")));
        }
    }
    let records: BTreeSet<u64> = args.records.iter().copied().collect();
    if records.len() > UNIT_RECORDS_MAX {
        let many = records.len();
        bail!(Usage(format!("{many} records at once, at most {UNIT_RECORDS_MAX} fit\nhint: name fewer")));
    }
    let (loaded, ledger) = super::appending(loaded).await?;
    let reader = ledger.reader()?;
    let (wanted, mut erased) = divide(&reader, &records)?;
    let before = erased.keys().copied().collect();
    let shared = reader.shared(&wanted)?;
    if !args.keep_shared && !shared.is_empty() {
        bail!(refusal(&shared));
    }
    let handed_out = handed_out(&reader, &records)?;
    if !wanted.is_empty() && !args.yes && !confirmed(&reader, &wanted)? {
        eprintln!("nothing was erased");
        return Ok(Exit::Failed);
    }
    let at = super::now(&reader)?;
    // A connection that has read could hold the old pages.
    drop(reader);
    let body = |target: &u64| Body::Erasure {
        target: *target,
        basis: args.basis.clone(),
        request: args.request.clone(),
        approved_by: args.approved_by.clone(),
    };
    let unit: Vec<NewRecord> =
        wanted.iter().map(|target| NewRecord { at, body: body(target), files: Vec::new() }).collect();
    if !unit.is_empty() {
        // Nobody reads it in order to judge.
        let _judging = ledger.lock_judging().await?;
        let sealed = ledger.append(unit).await?;
        erased.extend(wanted.iter().copied().zip(sealed.iter().map(|sealed| sealed.index)));
    }
    let kept = shared.into_iter().map(|Shared { record, files, others }| Kept {
        record,
        files: files.into_iter().collect(),
        others: others.into_iter().collect(),
    });
    let kept = kept.collect();
    let done = Done { erased, before, kept, swept: sweep(&loaded.state_dir)?, handed_out };
    if json {
        print_json(&done)?
    } else {
        show(&done)
    }
    if !done.swept {
        eprintln!(
            "evidenced: erased and on record, but old pages are still in ledger.sqlite-wal: something reads the ledger\n\
             hint: end what has it open for long (a backup, a verify, an export), then give the same command again"
        );
        return Ok(Exit::Failed);
    }
    Ok(Exit::Ok)
}

/// Records to be erased, and those that are already, with their erasure.
fn divide(reader: &Reader, records: &BTreeSet<u64>) -> anyhow::Result<(BTreeSet<u64>, BTreeMap<u64, u64>)> {
    let (mut wanted, mut erased) = (BTreeSet::new(), BTreeMap::new());
    for record in records {
        match reader.files(*record) {
            Ok(files) if files.is_empty() => {
                bail!("record {record} has no files\nhint: a record itself is never erased, only its files")
            }
            Ok(_) => {
                wanted.insert(*record);
            }
            Err(LedgerError::Erased { by, .. }) => {
                erased.insert(*record, by);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((wanted, erased))
}

fn refusal(shared: &[Shared]) -> String {
    let others: BTreeSet<u64> = shared.iter().flat_map(|one| one.others.iter().copied()).collect();
    let files: BTreeSet<String> = shared
        .iter()
        .flat_map(|one| one.files.iter().map(|file| format!("{} of record {}", file, one.record)))
        .collect();
    let (count, files) = (others.len(), some(files.into_iter()));
    format!(
        "nothing was erased: {count} other records hold the contents of {files} too: {}\n\
         hint: name all of them to erase the contents, or leave the contents with them: --keep-shared",
        some(others.iter().map(u64::to_string))
    )
}

fn some(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let named = all.take(NAMED_MAX).collect::<Vec<String>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

fn confirmed(reader: &Reader, wanted: &BTreeSet<u64>) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nothing was erased: nobody is here to be asked\nhint: --yes, when it is meant");
    }
    for record in wanted {
        eprintln!("record {record}: {}, {} files", reader.record(*record)?.body.kind(), reader.files(*record)?.len());
    }
    eprintln!("Their contents will be gone for good. Type `erase` to go on:");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == "erase")
}

/// Bundles that had one of the records in their period, or may have had it among what they rest on.
fn handed_out(reader: &Reader, records: &BTreeSet<u64>) -> anyhow::Result<Vec<HandedOut>> {
    let mut found = Vec::new();
    let oldest = records.first().copied().unwrap_or_default();
    for export in reader.records(oldest..u64::MAX, &Filter::kind("export")) {
        let (record, export) = export?;
        if let Body::Export { period, log_size, tagmanifest_sha256, controls, recipient } = export.body
            && records.iter().any(|erased| *erased < log_size)
        {
            found.push(HandedOut { record, period, controls, recipient, tagmanifest_sha256 });
        }
    }
    Ok(found)
}

fn show(done: &Done) {
    for (record, by) in &done.erased {
        let already = if done.before.contains(record) { " (before)" } else { "" };
        outln!("record {record}: files, digests and salt erased; record {by} says so{already}");
    }
    for Kept { record, files, others } in &done.kept {
        outln!(
            "record {record}: {} stay, for {} hold the same",
            some(files.iter().cloned()),
            some(others.iter().map(|other| format!("record {other}")))
        );
    }
    if done.swept {
        outln!("ledger.sqlite and its write-ahead log hold them no more");
    }
    outln!("\nCopies elsewhere are not in our reach:");
    for HandedOut { record, period, controls, recipient, tagmanifest_sha256 } in &done.handed_out {
        let of = if controls.is_empty() { "everything".to_owned() } else { controls.join(", ") };
        let to = recipient.as_deref().unwrap_or("nobody that is on record");
        let (from, until) = (period.start.date_naive(), period.end.date_naive());
        outln!(
            "  a bundle may hold them: {from} to before {until}, {of}, given to {to} (record {record}, tag manifest {tagmanifest_sha256})"
        );
    }
    outln!("  backups and snapshots of the ledger's directory, and of the disk it is on");
}
