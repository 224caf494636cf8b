//! `evidenced epoch`: the recorded way on when a log itself must not go on, as after a restored backup: a new
//! log under a new name, whose first record says which one it continues. The old ledger stays for reading.

use super::{Exit, Usage, print_json};
use crate::anchor::{AnchorError, Anchors};
use crate::config::Loaded;
use crate::ledger::note::{Checkpoint, NOTE_BYTES_MAX, VerifierKey};
use crate::ledger::record::Continues;
use crate::ledger::{Create, KeyPlaces, Ledger, Reader};
use crate::run::Runner;
use anyhow::{Context, bail};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Why the log does not go on itself.
    #[arg(long)]
    reason: String,
    /// Name of the new log, `acme.example/soc2-2`.
    #[arg(long)]
    origin: String,
    /// Directory of the new ledger and its keys. It must not hold one.
    #[arg(long, value_name = "DIR")]
    state_dir: PathBuf,
    /// The newest checkpoint of the old log, as somebody else holds it; needed when it is newer than the
    /// ledger's own, or that one cannot be read.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

pub(super) async fn epoch(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    if args.reason.trim().is_empty() {
        bail!(Usage("the reason is empty\nhint: an auditor will read it".to_owned()));
    }
    if args.origin == loaded.config.origin {
        let old = &args.origin;
        bail!(Usage(format!("{old} is the name of the old log\nhint: one name is one log; give another, {old}-2")));
    }
    let old_dir = loaded.state_dir.clone();
    if Reader::open(&old_dir).is_ok_and(|reader| super::is_sample(&reader).unwrap_or(false)) {
        bail!("this ledger is a sample\nhint: nothing goes on from one");
    }
    let organization = loaded.config.organization.clone();
    let newest = newest(&old_dir, args.checkpoint.as_deref())?;
    let mut reason = args.reason.clone();
    if let Some(known) = known_elsewhere(loaded, newest.size).await {
        eprintln!("evidenced: {known}; the first record of the new log says so");
        eprintln!("hint: give that checkpoint with --checkpoint if its holder can hand it out");
        reason = format!("{reason}; {known}");
    }
    let continues = Continues { origin: newest.origin, size: newest.size, root: hex::encode(newest.root), reason };
    let create = Create { organization, origin: args.origin.clone(), sample: false, at: SystemClock.now() };
    let ledger = Ledger::continue_with(&args.state_dir, create, continues.clone(), &KeyPlaces::default())?;
    let key = ledger.reader()?.key().to_string();
    if json {
        print_json(&serde_json::json!({ "key": key, "continues": continues }))?;
        return Ok(Exit::Ok);
    }
    outln!("{key}");
    eprintln!(
        "The new ledger is in {}. It goes on from {} records of {}.",
        args.state_dir.display(),
        continues.size,
        continues.origin
    );
    eprintln!("Now set `origin` and `state_dir` in the configuration, and give the key above to your auditor and your");
    eprintln!("witnesses. Keep {} as it is: it is read and exported with its own configuration.", old_dir.display());
    Ok(Exit::Ok)
}

/// The newest checkpoint of the old log: its own, or the one given if that is newer.
fn newest(old_dir: &Path, given: Option<&Path>) -> anyhow::Result<Checkpoint> {
    let own = Reader::open(old_dir).map_err(anyhow::Error::from).and_then(|reader| {
        let (_, note) = reader.latest_checkpoint()?;
        Ok(reader.signers()?.open(&note)?)
    });
    let Some(path) = given else {
        return own.context("the newest checkpoint of the old log cannot be read\nhint: give one with --checkpoint");
    };
    let vkey = old_dir.join("log.vkey");
    let keys = std::fs::read_to_string(&vkey).with_context(|| format!("{} cannot be read", vkey.display()))?;
    super::named(path, "give the file as its holder has it")?;
    let note = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if note.len() > NOTE_BYTES_MAX {
        bail!(
            "{} is no checkpoint: it is longer than {NOTE_BYTES_MAX} bytes\nhint: give the file as its holder has it",
            path.display()
        );
    }
    let keys = keys.lines().map(VerifierKey::parse).collect::<Result<Vec<_>, _>>()?;
    let opened = keys.iter().find_map(|key| key.open(&note).ok());
    let given = opened.with_context(|| {
        format!(
            "{} is no checkpoint signed by a key in {}\nhint: give the file as its holder has it",
            path.display(),
            vkey.display()
        )
    })?;
    Ok(match own {
        Ok(own) if own.size > given.size => own,
        _ => given,
    })
}

/// What anchors know of the old log beyond `size`. One that does not answer is passed over: the log is given up
/// either way.
async fn known_elsewhere(loaded: Loaded, size: u64) -> Option<String> {
    let ledger = Ledger::open_with(&loaded.state_dir, &loaded.config.keys).ok()?;
    let anchors = Arc::new(Anchors::of(&Runner::new(loaded, ledger, Arc::new(SystemClock))));
    match anchors.compare_all().await {
        Err(AnchorError::Ahead { anchor, theirs, .. }) if theirs > size => {
            Some(format!("anchor {anchor} knows {theirs} records"))
        }
        Err(AnchorError::Forked { anchor, what }) => Some(format!("anchor {anchor}: {what}")),
        _ => None,
    }
}
