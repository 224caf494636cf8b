//! Somebody else holds our checkpoints, so that the log's past cannot be exchanged unnoticed. One file per way;
//! here: when a checkpoint is owed, what is handed over, what is put on record, and the comparison before it.
//!
//! What is owed follows from the ledger alone: an anchor is due when its newest `anchor` record is older than
//! `every`. So there is no table of what is to be sent, and a crash or an outage loses nothing.
//!
//! Handing over: an empty `Summary`, whose checkpoint is the one that is given away; then the `Anchor` record
//! with the note and the receipt. Before anything is handed over, and at the start, an anchor that can be asked
//! is asked what it knows: if that is not a beginning of this ledger, nothing is appended any more.

mod dating;
mod error;
mod folder;
mod git;
mod holders;
mod http;
mod kept;
mod patience;
mod rfc3161;
mod witness;

pub use dating::{authority, time_stamp};
pub use error::AnchorError;
pub use holders::{Holder, holders, keeps, noted, way_word};
pub(crate) use patience::LIMIT;

use crate::backoff::{self, Pause};
use crate::config::{AnchorConfig, Loaded};
use crate::ledger::record::Body;
use crate::ledger::{Filter, Ledger, LedgerError, NewFile, NewRecord, Reader};
use crate::notify::trying::Trying;
use crate::outside::Outside;
use crate::run::Runner;
use chrono::{DateTime, Utc};
use error::Fault;
use evidenced_collectors::contract::clock::Clock;
use patience::Patience;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Name of the file with the checkpoint as it was handed over.
pub const NOTE: &str = "note";
/// Name of the file with what was given back, bytes as received.
pub const RECEIPT: &str = "receipt";

/// Time before the second try, seconds.
const BACK_OFF_FIRST: i64 = 60;
/// Longest time between two tries, seconds.
const BACK_OFF_MAX: i64 = 3_600;

/// The anchors of one ledger.
pub struct Anchors {
    ledger: Ledger,
    loaded: Arc<Loaded>,
    clock: Arc<dyn Clock>,
    outside: Outside,
    patience: Patience,
    tries: Mutex<Tries>,
}

/// What this process knows of the anchors.
#[derive(Default)]
struct Tries {
    /// What they hold was found to be a beginning of this ledger, or they cannot be asked.
    compared: BTreeSet<String>,
    /// Sizes that witnesses were found to know.
    known: BTreeMap<String, u64>,
    /// Those that failed the last time.
    failed: BTreeMap<String, Failed>,
}

/// An anchor that failed.
struct Failed {
    /// Failures in a row.
    times: u32,
    /// Why it failed the last time.
    why: String,
    /// Until when it is left alone.
    pause: Pause,
}

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Point {
    size: u64,
    note: Vec<u8>,
}

/// What the ledger says of an anchor in its present way.
struct OnRecord {
    /// Sizes that it was given, newest first.
    sizes: Vec<u64>,
    /// The newest receipt.
    receipt: Option<Vec<u8>>,
    /// The newest that it was given.
    given: Option<Given>,
    /// The log's name.
    origin: String,
}

/// A checkpoint that somebody was given, as the ledger has it on record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    size: u64,
    /// Hex.
    note_sha256: String,
}

/// What somebody gave back for it.
struct Receipt {
    bytes: Vec<u8>,
    media_type: &'static str,
    time: Option<DateTime<Utc>>,
}

/// A checkpoint that was handed over and is on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anchored {
    /// The anchor.
    pub anchor: String,
    /// Records under the checkpoint.
    pub size: u64,
    /// Index of the `anchor` record.
    pub record: u64,
    /// The time that the receipt states.
    pub time: Option<DateTime<Utc>>,
}

impl Point {
    fn newest(reader: &Reader) -> Result<Self, AnchorError> {
        let (size, note) = reader.latest_checkpoint()?;
        Ok(Self { size, note })
    }
}

impl Anchors {
    /// Of the ledger and configuration that a runner has.
    pub fn of(runner: &Runner) -> Self {
        Self::over(runner.ledger().clone(), runner.loaded(), runner.clock())
    }

    /// The same without a runner.
    pub fn over(ledger: Ledger, loaded: Arc<Loaded>, clock: Arc<dyn Clock>) -> Self {
        let (outside, patience) = (Outside::new(), Patience::new(LIMIT));
        Self { ledger, loaded, clock, outside, patience, tries: Mutex::default() }
    }

    /// Asks every anchor that can be asked what it knows, before anything is appended. One that does not
    /// answer within `LIMIT` is warned of, and is given nothing until it has answered.
    ///
    /// Errors: `Ahead` and `Forked`, after which nothing may be appended.
    pub async fn compare_all(self: &Arc<Self>) -> Result<(), AnchorError> {
        // At once: several that do not answer keep nobody waiting longer than one.
        let asked: Vec<_> = self
            .loaded
            .config
            .anchors
            .keys()
            .map(|name| {
                let (anchors, name) = (self.clone(), name.clone());
                (name.clone(), tokio::spawn(async move { anchors.compare(&name).await }))
            })
            .collect();
        for (name, asked) in asked {
            let compared = asked.await.unwrap_or_else(|panic| Err(Fault(&name).unreachable(panic.to_string())));
            match compared {
                Err(error) if error.is_passing() => {
                    tracing::warn!(anchor = name, error = %error, "what it holds could not be compared with the ledger");
                }
                compared => compared?,
            }
        }
        Ok(())
    }

    /// Hands a checkpoint to every anchor that is due, and asks those that have not answered yet what they know, unless
    /// that failed a moment ago. What fails is logged and tried again later.
    ///
    /// Errors: those after which nothing may be appended, and those of the ledger.
    pub async fn hand_over_due(&self) -> Result<(), AnchorError> {
        let now = self.clock.now();
        let configured = {
            let found = holders(&self.ledger.reader()?, &self.loaded.config, now)?;
            found.into_iter().filter(|holder| holder.due.is_some()).collect::<Vec<_>>()
        };
        for holder in configured {
            let (name, is_due) = (holder.name.as_str(), holder.is_due(now));
            if !is_due && self.tries().compared.contains(name) {
                // Somebody else has handed it one, if this process could not.
                self.tries().failed.remove(name);
                continue;
            }
            let stands =
                |failed: &Failed| failed.pause.is_on(now) && holder.since.is_none_or(|since| since < failed.pause.from);
            if self.tries().failed.get(name).is_some_and(stands) {
                continue;
            }
            // One that was away at the start may know by now that this is an old copy; that it is not due is no reason
            // to go on until it is.
            let done =
                if is_due { self.hand_over(name).await.map(Some) } else { self.compare(name).await.map(|()| None) };
            match done {
                Ok(Some(Anchored { size, .. })) => tracing::info!(anchor = name, size, "a checkpoint was handed over"),
                Ok(None) => drop(self.tries().failed.remove(name)),
                Err(error) if error.is_passing() => {
                    let (failures, Pause { until: again, .. }) = self.put_off(name, &error)?;
                    let what = if is_due { "not handed over" } else { "not compared with the ledger yet" };
                    tracing::warn!(anchor = name, failures, %again, %error, "{what}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Those that have not answered yet: whether this is an old copy is not known of them.
    pub fn away(&self) -> Vec<String> {
        let tries = self.tries();
        self.loaded.config.anchors.keys().filter(|name| !tries.compared.contains(*name)).cloned().collect()
    }

    /// Hands the newest checkpoint to one anchor and puts that on record.
    pub async fn hand_over(&self, name: &str) -> Result<Anchored, AnchorError> {
        let config = self.config(name)?;
        let fault = Fault(name);
        let Some(_lock) = self.ledger.lock_collector(&format!("anchor {name}"))? else {
            return Err(fault.unreachable("another process is handing it a checkpoint"));
        };
        if matches!(config, AnchorConfig::Git(_)) {
            git::Git::renew(&self.copies(), fault)?;
        }
        if !self.tries().compared.contains(name) {
            self.compare(name).await?;
        }
        if matches!(config, AnchorConfig::Rfc3161(_) | AnchorConfig::Witness(_)) {
            dating::require_datable(fault, &self.ledger.reader()?, self.clock.now())?;
        }
        let known = self.tries().known.get(name).copied().unwrap_or(0);
        let point = self.summary_point(known).await?;
        let given = self.patience.within(fault, self.give(name, config, &point, known)).await;
        if given.is_err() {
            // Whatever it knows by now, it is asked again before the next try.
            self.tries().compared.remove(name);
        }
        let receipt = given?;
        let body = Body::Anchor {
            anchor: name.to_owned(),
            way: config.way(),
            size: point.size,
            note_sha256: hex::encode(Sha256::digest(&point.note)),
            receipt_sha256: hex::encode(Sha256::digest(&receipt.bytes)),
            time: receipt.time,
        };
        let note = NewFile { name: NOTE.into(), media_type: "text/plain; charset=utf-8".into(), bytes: point.note };
        let bytes = receipt.bytes;
        let receipt_file = NewFile { name: RECEIPT.into(), media_type: receipt.media_type.into(), bytes };
        let new = NewRecord { at: self.clock.now(), body, files: vec![note, receipt_file] };
        let sealed = self.ledger.append(vec![new]).await?;
        self.tries().failed.remove(name);
        let record = sealed.first().map(|sealed| sealed.index).unwrap_or_default();
        Ok(Anchored { anchor: name.to_owned(), size: point.size, record, time: receipt.time })
    }

    async fn give(&self, name: &str, config: &AnchorConfig, point: &Point, known: u64) -> Result<Receipt, AnchorError> {
        let (fault, now) = (Fault(name), self.clock.now());
        let OnRecord { sizes: recorded, receipt: before, given, origin } = self.on_record(name)?;
        let base = self.loaded.base.clone();
        match config {
            AnchorConfig::Rfc3161(config) => rfc3161::hand_over(config, &base, &self.outside, fault, point, now).await,
            AnchorConfig::Witness(config) => {
                let known = recorded.first().copied().unwrap_or(0).max(known);
                witness::hand_over((config, &self.outside, fault), &self.ledger, point, known, now).await
            }
            AnchorConfig::Git(config) => {
                let (config, copies, name, point) = (config.clone(), self.copies(), name.to_owned(), point.clone());
                let ledger = self.ledger.clone();
                let work = move || {
                    let (git, head) = git::Git::fetch(&config, (&base, &copies), Fault(&name))?;
                    // What was fetched is newer than what was compared.
                    git.compare(head.as_deref(), &ledger.reader()?)?;
                    git.hand_over(head.as_deref(), before.as_deref(), &origin, &point, now)
                };
                self.patience.outside(fault, work).await
            }
            AnchorConfig::Folder(config) => {
                let (folder, name, point) = (base.join(&config.path), name.to_owned(), point.clone());
                let (ledger, state_dir) = (self.ledger.clone(), self.loaded.state_dir.clone());
                let work = move || {
                    // Somebody else may have written there since it was compared.
                    folder::compare(&folder, Fault(&name), &origin, given.as_ref(), &ledger)?;
                    folder::hand_over(&folder, Fault(&name), &origin, &state_dir, &point)
                };
                self.patience.outside(fault, work).await
            }
        }
    }

    /// Asks one anchor what it knows; good for the life of this process.
    async fn compare(&self, name: &str) -> Result<(), AnchorError> {
        self.patience.within(Fault(name), self.ask(name)).await?;
        self.tries().compared.insert(name.to_owned());
        Ok(())
    }

    async fn ask(&self, name: &str) -> Result<(), AnchorError> {
        let (fault, base) = (Fault(name), self.loaded.base.clone());
        let (ledger, owned) = (self.ledger.clone(), name.to_owned());
        match self.config(name)? {
            // It keeps nothing.
            AnchorConfig::Rfc3161(_) => {}
            AnchorConfig::Witness(config) => {
                let recorded = self.on_record(name)?.sizes;
                let known = witness::compare((config, &self.outside, fault), &self.ledger, &recorded).await?;
                self.tries().known.insert(owned, known);
            }
            AnchorConfig::Git(config) => {
                let (config, copies) = (config.clone(), self.copies());
                let work = move || {
                    let (git, head) = git::Git::fetch(&config, (&base, &copies), Fault(&owned))?;
                    git.compare(head.as_deref(), &ledger.reader()?)
                };
                self.patience.outside(fault, work).await?;
            }
            AnchorConfig::Folder(config) => {
                let (folder, OnRecord { given, origin, .. }) = (base.join(&config.path), self.on_record(name)?);
                let work = move || folder::compare(&folder, Fault(&owned), &origin, given.as_ref(), &ledger);
                self.patience.outside(fault, work).await?;
            }
        }
        Ok(())
    }

    /// The checkpoint of the newest summary; a new one, unless nothing but anchors were put on record since and
    /// it has at least that size.
    async fn summary_point(&self, at_least: u64) -> Result<Point, AnchorError> {
        if let Some(point) = self.standing_summary()?.filter(|point| point.size >= at_least) {
            return Ok(point);
        }
        let body = Body::summary();
        let sealed = self.ledger.append(vec![NewRecord { at: self.clock.now(), body, files: Vec::new() }]).await?;
        let size = sealed.first().map_or(0, |sealed| sealed.index) + 1;
        let found = self.ledger.reader()?.checkpoint_at_or_after(size)?;
        let missing = || LedgerError::Absent { what: format!("checkpoint of {size} records") };
        let (size, note) = found.ok_or_else(missing)?;
        Ok(Point { size, note })
    }

    fn standing_summary(&self) -> Result<Option<Point>, AnchorError> {
        let reader = self.ledger.reader()?;
        for found in reader.records_newest_first(0..u64::MAX, &Filter::default()) {
            match found? {
                (_, record) if matches!(record.body, Body::Anchor { .. }) => {}
                (index, record) if matches!(record.body, Body::Summary { .. }) => {
                    let found = reader.checkpoint_at_or_after(index + 1)?;
                    return Ok(found.filter(|(size, _)| *size == index + 1).map(|(size, note)| Point { size, note }));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn on_record(&self, name: &str) -> Result<OnRecord, AnchorError> {
        let (reader, present) = (self.ledger.reader()?, self.config(name)?.way());
        let (mut sizes, mut newest) = (Vec::new(), None);
        for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("anchor")) {
            if let (index, record) = found?
                && let Body::Anchor { anchor, way, size, note_sha256, .. } = record.body
                && anchor == name
            {
                if way != present {
                    // Somebody else had that name before.
                    break;
                }
                sizes.push(size);
                newest.get_or_insert((index, Given { size, note_sha256 }));
            }
        }
        let receipt = newest.as_ref().map(|(index, _)| reader.read_file(*index, RECEIPT)).transpose()?;
        let (given, origin) = (newest.map(|(_, given)| given), reader.key().name().to_owned());
        Ok(OnRecord { sizes, receipt, given, origin })
    }

    /// Counts a failure: tried again after a minute, then two, four and so on to an hour, a quarter more or
    /// less, so that many installations do not ask at once.
    fn put_off(&self, name: &str, error: &AnchorError) -> Result<(u32, Pause), AnchorError> {
        let (mut tries, from) = (self.tries(), self.clock.now());
        let times = tries.failed.get(name).map_or(0, |failed| failed.times).saturating_add(1);
        let pause = Pause { from, until: from + backoff::after(times, BACK_OFF_FIRST, BACK_OFF_MAX)? };
        let why = error.to_string().lines().next().unwrap_or_default().to_owned();
        tries.failed.insert(name.to_owned(), Failed { times, why, pause });
        Ok((times, pause))
    }

    /// Those that failed the last time, for people. What they hold is not known then, whatever is on record.
    pub fn trying(&self) -> BTreeMap<String, Trying> {
        let trying = |failed: &Failed| Trying::Refused {
            times: failed.times,
            why: failed.why.clone(),
            again: failed.pause.until,
        };
        self.tries().failed.iter().map(|(name, failed)| (name.clone(), trying(failed))).collect()
    }

    fn config(&self, name: &str) -> Result<&AnchorConfig, AnchorError> {
        let anchors = &self.loaded.config.anchors;
        anchors.get(name).ok_or_else(|| {
            let known: Vec<_> = anchors.keys().cloned().collect();
            AnchorError::Unknown { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Where bare copies of git repositories are.
    fn copies(&self) -> PathBuf {
        self.loaded.state_dir.join("anchors")
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
