//! Checking a whole store against itself: nothing stored is believed, everything is hashed anew.
//!
//! It shares the format with `seal`, and the order of things with nobody. What it cannot see is a log
//! rewritten with its own key; only a checkpoint that somebody else holds shows that.

use super::keys::keys;
use super::layout::Layout;
use super::note::Checkpoint;
use super::read::parsed;
use super::read_files::{check_commitment, files, open_blob, salt};
use super::record::{Body, Counts, KeyRole};
use super::signers::{Signers, is_log_key};
use super::tree::{Frontier, Hash, leaf_hash};
use super::{LedgerError, nodes, sql_int, store};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// What checking a whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreReport {
    /// Number of records hashed anew.
    pub records: u64,
    /// Number of distinct stored files hashed anew.
    pub blobs: u64,
    /// Number of checkpoints whose signature and root were checked.
    pub checkpoints: u64,
    /// Number of records whose files were erased, as an `erasure` record says.
    pub erased: u64,
    /// Number of differences between what is stored and what was sealed. One changed record changes
    /// every root after it, so one cause may count often.
    pub differences: u64,
    /// The first of them, in one sentence.
    pub first: Option<String>,
}

/// Hashes every record and file of the ledger in `dir` anew, computes the tree, and compares with every
/// checkpoint and the second file. Differences are in the report; an error means that it could not look.
/// Works while the ledger is written, and then checks what was there at the start.
pub fn verify_store(dir: &Path) -> Result<StoreReport, LedgerError> {
    let layout = Layout::open(dir)?;
    let keys = layout.read_public_keys()?;
    let first = keys.first().cloned().ok_or_else(|| LedgerError::damaged("log.vkey", "it has no key"))?;
    let mut report = StoreReport::default();
    // The second file first: a ledger that grows meanwhile then still keeps its promise.
    let promise = layout.read_promise().map_err(|error| report.differ(error)).ok();
    let db = store::open_read(&layout.database())?;
    // One moment of the file: what is erased meanwhile would else be gone without a record.
    db.execute_batch("BEGIN").map_err(LedgerError::store("checking"))?;
    let size = nodes::size(&db)?;
    let promised = promise.as_ref().map(|promise| promise.claimed.clone());
    let (signers, frontier, seen) = (Signers::new(first), Frontier::default(), Seen::default());
    let mut check = Check { db: &db, signers, key_record: None, promised, frontier, seen, report };
    check.pages()?;
    check.log(size)?;
    check.leftovers(size)?;
    check.blobs()?;
    check.beside(&layout);
    if !store::is_as_made(&db)? {
        check.report.differ("the tables of ledger.sqlite, their indexes or guards are not those that evidenced makes");
    }
    // Only now is it known which keys the second file had to be signed with.
    if let Some(Err(error)) = promise.map(|promise| check.signers.open(&promise.note)) {
        check.report.differ(format_args!("the file checkpoint: {error}"));
    }
    let named: Vec<_> = check.signers.terms().iter().map(|term| &term.key).collect();
    // A crash may have kept the newest line from being written; the next start writes it.
    if !named.iter().copied().take(keys.len()).eq(&keys) {
        check.report.differ("the lines of log.vkey are not the keys that the records name");
    }
    Ok(check.report)
}

impl StoreReport {
    /// Whether everything stored is as it was sealed.
    pub fn is_whole(&self) -> bool {
        self.differences == 0
    }

    fn differ(&mut self, what: impl std::fmt::Display) {
        self.differences += 1;
        self.first.get_or_insert_with(|| what.to_string());
    }
}

struct Check<'a> {
    db: &'a Connection,
    /// The log's keys, as far as the records have been read.
    signers: Signers,
    /// The newest record that changed them.
    key_record: Option<u64>,
    promised: Option<Checkpoint>,
    /// The tree as computed here, from the records alone.
    frontier: Frontier,
    seen: Seen,
    report: StoreReport,
}

/// What the records before the one at hand amount to.
#[derive(Default)]
struct Seen {
    counts: Counts,
    next_seqs: BTreeMap<String, u64>,
    /// Records that commit to files and have neither files nor salt.
    bare: BTreeSet<u64>,
    /// The keys of bundles, as `key` records name them.
    bundle_keys: BTreeSet<String>,
}

impl Check<'_> {
    /// SQLite's own structures.
    fn pages(&mut self) -> Result<(), LedgerError> {
        let doing = LedgerError::store("checking");
        let found: String = self.db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(doing)?;
        if found != "ok" {
            self.report.differ(format_args!("ledger.sqlite is damaged: {found}"));
        }
        Ok(())
    }

    /// Records in order, and the checkpoints between them.
    fn log(&mut self, size: u64) -> Result<(), LedgerError> {
        let doing = || LedgerError::store("checking");
        let mut entries =
            self.db.prepare("SELECT idx, record, leaf FROM entry WHERE idx < ?1 ORDER BY idx").map_err(doing())?;
        let mut entries = entries.query([sql_int(size)]).map_err(doing())?;
        while let Some(row) = entries.next().map_err(doing())? {
            self.entry(row).map_err(doing())?;
            self.checkpoint().map_err(doing())?;
        }
        if let Some(promised) = self.promised.as_ref().filter(|promised| promised.size > self.frontier.size()) {
            let error = LedgerError::Shorter { size: self.frontier.size(), promised: promised.size };
            self.report.differ(error);
        }
        let newest = nodes::checkpoint_note(self.db, self.frontier.size())?;
        if newest.is_none() {
            self.report.differ("the newest record is under no checkpoint");
        }
        for index in std::mem::take(&mut self.seen.bare) {
            self.report.differ(format_args!("the files of record {index} are gone, and no erasure is on record"));
        }
        Ok(())
    }

    /// What the record says of those before it: how many there are, and which of them lost their files.
    fn said_of_others(&mut self, index: u64, body: &Body) {
        match body {
            Body::Summary { collectors, counts }
                if *collectors != self.seen.next_seqs || *counts != self.seen.counts =>
            {
                self.report.differ(format_args!("the summary in record {index} does not count what is before it"));
            }
            Body::RunOpened { collector, seq, .. } | Body::Missed { collector, seq, .. } => {
                self.seen.next_seqs.insert(collector.clone(), seq.saturating_add(1));
            }
            Body::Key { role: KeyRole::Bundle, key, .. } => {
                self.seen.bundle_keys.insert(key.clone());
            }
            Body::Erasure { target, .. } => {
                if self.seen.bare.remove(target) {
                    self.report.erased += 1;
                } else {
                    self.report.differ(format_args!("record {target} has its files, but record {index} says erased"));
                }
            }
            _ => {}
        }
        self.seen.counts.add(index, body);
    }

    /// One record: its place, its hash, its files, what it is found by.
    fn entry(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let (expected, index) = (self.frontier.size(), row.get::<_, i64>(0)?.unsigned_abs());
        let (bytes, stored): (Vec<u8>, Hash) = (row.get(1)?, row.get(2)?);
        self.report.records += 1;
        if index != expected {
            self.report.differ(format_args!("record {expected} is missing"));
        }
        let leaf = leaf_hash(&bytes);
        if leaf != stored {
            self.report.differ(format_args!("record {index} does not have the hash of its leaf"));
        }
        let mut completed = Vec::new();
        self.frontier.push_with(leaf, |level, n, hash| {
            if level % nodes::LEVELS == 0 {
                completed.push((level / nodes::LEVELS, n, *hash));
            }
        });
        for (level, n, hash) in completed {
            let sql = "SELECT hash FROM subtree WHERE level = ?1 AND n = ?2";
            let stored: Option<Hash> =
                self.db.query_row(sql, params![level, sql_int(n)], |row| row.get(0)).optional()?;
            if stored != Some(hash) {
                self.report.differ(format_args!("hash {n} of level {level} is not that of its records"));
            }
        }
        let record = match parsed(index, &bytes) {
            Ok(record) => record,
            Err(error) => {
                self.report.differ(error);
                return Ok(());
            }
        };
        if let (0, Body::Epoch { origin, .. }) = (index, &record.body)
            && self.signers.terms().first().is_none_or(|term| term.key.name() != *origin)
        {
            self.report.differ(format_args!("the first record is of the log {origin:?}"));
        }
        if (index == 0) != matches!(record.body, Body::Epoch { .. }) {
            self.report.differ(format_args!("record {index} is a {}, which has no place there", record.body.kind()));
        }
        if let Err(why) = self.signers.take(index, &record) {
            self.report.differ(format_args!("record {index}: {why}"));
        }
        self.key_record = is_log_key(&record.body).then_some(index);
        let (files, salt) = (files(self.db, index)?, salt(self.db, index)?);
        if record.commit.is_some() && files.is_empty() && salt.is_none() {
            if record.body.erasable() {
                self.seen.bare.insert(index);
            } else {
                let kind = record.body.kind();
                self.report.differ(format_args!("record {index} has no files, and those of a {kind} are never erased"));
            }
        } else if let Err(error) = check_commitment(index, &record, &files, salt.as_ref()) {
            self.report.differ(error);
        }
        self.said_of_others(index, &record.body);
        self.found_by(index, &record)
    }

    /// What a record is found by.
    fn found_by(&mut self, index: u64, record: &super::record::Record) -> rusqlite::Result<()> {
        let derived = keys(&record.body);
        let found = self.db.query_row(
            "SELECT at = ?2 AND kind = ?3 AND collector IS ?4 AND control IS ?5 AND run IS ?6 AND seq IS ?7
                 AND slot IS ?8 AND alert IS ?9 FROM entry_key WHERE idx = ?1",
            params![
                sql_int(index),
                record.at.timestamp_millis(),
                derived.kind,
                derived.collector,
                derived.control,
                derived.run,
                derived.seq.map(sql_int),
                derived.slot.map(|slot| slot.timestamp_millis()),
                derived.alert,
            ],
            |row| row.get::<_, bool>(0),
        );
        if found.optional()? != Some(true) {
            self.report.differ(format_args!("record {index} cannot be found by what it says"));
        }
        Ok(())
    }

    /// Whatever was signed for the tree as it is now.
    fn checkpoint(&mut self) -> rusqlite::Result<()> {
        let (size, root) = (self.frontier.size(), self.frontier.root());
        if self.promised.as_ref().is_some_and(|promised| promised.size == size && promised.root != root) {
            self.report.differ(LedgerError::Rewritten { size });
        }
        let sql = "SELECT note FROM checkpoint WHERE size = ?1";
        let note: Option<Vec<u8>> = self.db.query_row(sql, [sql_int(size)], |row| row.get(0)).optional()?;
        let Some(note) = note else {
            if let Some(index) = self.key_record {
                self.report.differ(format_args!("the key record {index} is not the last under a checkpoint"));
            }
            return Ok(());
        };
        self.report.checkpoints += 1;
        match self.signers.open(&note) {
            Ok(signed) if signed.size == size && signed.root == root => {}
            Ok(_) => self.report.differ(format_args!("the checkpoint of {size} records is of another tree")),
            Err(error) => self.report.differ(format_args!("the checkpoint of {size} records: {error}")),
        }
        Ok(())
    }

    /// Rows that belong to nothing. Those of records written meanwhile lie beyond `size`.
    fn leftovers(&mut self, size: u64) -> Result<(), LedgerError> {
        let questions = [
            (
                "checkpoints of records that are not there",
                "SELECT count(*) FROM checkpoint WHERE size > ?1 AND size > (SELECT max(idx) + 1 FROM entry)",
            ),
            (
                "rows to find records by without a record",
                "SELECT count(*) FROM entry_key WHERE idx >= ?1 AND idx NOT IN (SELECT idx FROM entry)",
            ),
            (
                "files without contents",
                "SELECT count(*) FROM file WHERE idx < ?1 AND sha256 NOT IN (SELECT sha256 FROM blob)",
            ),
            (
                "files whose contents have another size",
                "SELECT count(*) FROM file JOIN blob USING (sha256) WHERE idx < ?1 AND file.size <> blob.size",
            ),
            (
                "stored contents that belong to no record",
                "SELECT count(*) FROM blob WHERE ?1 >= 0 AND sha256 NOT IN (SELECT sha256 FROM file)",
            ),
            (
                "hashes of trees that are not there",
                "SELECT count(*) FROM subtree WHERE (n + 1) << (8 * level) > max(?1, (SELECT max(idx) + 1 FROM entry))",
            ),
        ];
        for (what, sql) in questions {
            let doing = LedgerError::store("checking");
            let count: i64 = self.db.query_row(sql, [sql_int(size)], |row| row.get(0)).map_err(doing)?;
            if count > 0 {
                self.report.differ(format_args!("there are {count} {what}"));
            }
        }
        Ok(())
    }

    /// The file that is shown to auditors. A crash may have kept the newest line from being written.
    fn beside(&mut self, layout: &Layout) {
        let named = |lines: &str| lines.split('\n').all(|line| self.seen.bundle_keys.contains(line));
        match layout.read_bundle_public_keys() {
            Ok(text) if text.strip_suffix('\n').is_some_and(named) => {}
            Ok(_) => self.report.differ("the lines of bundle.pub are not keys that the records name"),
            Err(error) => self.report.differ(error),
        }
    }

    /// Contents of files, unpacked and hashed.
    fn blobs(&mut self) -> Result<(), LedgerError> {
        let doing = || LedgerError::store("checking");
        let mut rows = self.db.prepare("SELECT sha256, size FROM blob ORDER BY id").map_err(doing())?;
        let mut rows = rows.query([]).map_err(doing())?;
        let mut buffer = vec![0; 1 << 16];
        while let Some(row) = rows.next().map_err(doing())? {
            let (sha256, size): (Hash, i64) = (|| Ok((row.get(0)?, row.get(1)?)))().map_err(doing())?;
            self.report.blobs += 1;
            let read = open_blob(self.db, &sha256, size.unsigned_abs()).map(|contents| {
                let mut contents = contents.ok_or("it is missing".to_owned())?;
                while contents.read(&mut buffer).map_err(|error| error.to_string())? > 0 {}
                Ok::<(), String>(())
            });
            match read {
                Ok(Ok(())) => {}
                Ok(Err(why)) => self.report.differ(format_args!("the contents {}: {why}", hex::encode(sha256))),
                Err(error) => self.report.differ(error),
            }
        }
        Ok(())
    }
}
