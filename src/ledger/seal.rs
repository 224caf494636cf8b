//! Sealing one group of units: one transaction, one signed checkpoint, the second file, then the answer.

use super::keys::keys;
use super::layout::{Layout, Room};
use super::note::{Checkpoint, NoteError, SigningKey};
use super::places::{KeyPlaces, Secrets};
use super::prepare::{Prepared, PreparedFile, write_down};
use super::record::{Body, KeyChange, KeyRole};
use super::signers::{Signers, is_log_key};
use super::tree::{Frontier, Hash};
use super::{LedgerError, erase, nodes, sql_int, store, summary};
use chrono::DateTime;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};
use std::fs::File;

/// Pages in the write-ahead log, not yet in the database, from which on they are moved there.
const FOLD_PAGES: i64 = 1_000;

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Its position in the log, from 0.
    pub index: u64,
    /// The sequence number that `RunOpened` or `Missed` was given.
    pub seq: Option<u64>,
}

/// What became of each unit of a group.
pub(super) type Answers = Vec<Result<Vec<Sealed>, LedgerError>>;

/// Why a whole group was not sealed.
#[derive(Debug, Clone)]
pub(super) enum GroupError {
    /// Nothing was written, for want of space.
    Full,
    /// Nothing was written, for somebody else holds the file.
    Busy,
    /// It is not certain what was written.
    Stop(String),
}

/// All that sealing needs; lives on the writer's thread.
pub(super) struct Sealer {
    layout: Layout,
    places: KeyPlaces,
    db: Connection,
    signers: Signers,
    secrets: Secrets,
    lock: File,
    frontier: Frontier,
    wal_confirmed: bool,
}

impl Sealer {
    /// Opens a ledger for appending. See `Ledger::open`.
    pub(super) fn open(layout: Layout, places: KeyPlaces) -> Result<Self, LedgerError> {
        let secrets = places.log_keys(&layout)?;
        let lock = layout.open_lock()?;
        lock.lock().map_err(LedgerError::io("locking", layout.dir()))?;
        let promise = layout.read_promise()?;
        if !promise.keys.iter().any(|key| secrets.of(key).is_some()) {
            let why = "it does not belong to the secret key that is at hand";
            return Err(LedgerError::note(&promise.vkey)(NoteError::Key { what: "public key of the log", why }));
        }
        let db = store::open_write(&layout.database())?;
        let signers = nodes::keep_promise(&db, &promise)?;
        let (frontier, note) = nodes::head(&db, &signers)?;
        // A crash between the commit and the files beside it: nobody was answered, and nothing is lost.
        if frontier.size() > promise.claimed.size {
            layout.write_checkpoint(&note)?;
        }
        if signers.terms().len() != promise.keys.len() {
            layout.write_public_keys(&signers)?;
        }
        // SQLite has made the write-ahead log by now, and drops the error of its own sync of its name.
        layout.sync_dir()?;
        lock.unlock().map_err(LedgerError::io("unlocking", layout.dir()))?;
        let sealer = Self { layout, places, db, signers, secrets, lock, frontier, wal_confirmed: false };
        sealer.signing(sealer.frontier.size() + 1)?;
        Ok(sealer)
    }

    /// Fills a new ledger with its first records, as one unit. The schema is there; the second file is not.
    pub(super) fn begin(
        layout: Layout,
        places: KeyPlaces,
        db: Connection,
        key: SigningKey,
        first: Vec<Prepared>,
    ) -> Result<(), LedgerError> {
        let lock = layout.open_lock()?;
        let signers = Signers::new(key.public().clone());
        let (frontier, secrets) = (Frontier::default(), Secrets(vec![key]));
        let mut sealer = Self { layout, places, db, signers, secrets, lock, frontier, wal_confirmed: false };
        match sealer.seal(vec![first]) {
            Ok(answers) => answers.into_iter().try_for_each(|answer| answer.map(drop)),
            Err(error) => Err(error.into()),
        }
    }

    /// The secret halves of the keys that sign a log of `size` records.
    fn signing(&self, size: u64) -> Result<Vec<&SigningKey>, LedgerError> {
        let missing =
            |key: String| LedgerError::KeyMissing { key, place: self.places.named(&self.layout, KeyRole::Log) };
        self.signers.at(size).map(|key| self.secrets.of(key).ok_or_else(|| missing(key.handle()))).collect()
    }

    /// Seals the units, each whole or not at all, in order.
    pub(super) fn seal(&mut self, units: Vec<Vec<Prepared>>) -> Result<Answers, GroupError> {
        self.lock.lock().map_err(|error| GroupError::Stop(format!("locking failed: {error}")))?;
        let answers = self.seal_locked(units);
        if let Err(error) = self.lock.unlock() {
            return Err(GroupError::Stop(format!("unlocking failed: {error}")));
        }
        answers
    }

    fn seal_locked(&mut self, units: Vec<Vec<Prepared>>) -> Result<Answers, GroupError> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let written = self.write_group(units).and_then(|written| {
            self.db.execute_batch("COMMIT")?;
            Ok(written)
        });
        let Group { frontier, signers, answers, note } = match written {
            Ok(written) => written,
            Err(error) => {
                if !self.db.is_autocommit() {
                    self.db.execute_batch("ROLLBACK")?;
                }
                return Err(error);
            }
        };
        let Some((note, room)) = note else {
            return Ok(answers);
        };
        self.frontier = frontier;
        if !self.wal_confirmed {
            store::require_wal(&self.db).map_err(GroupError::stop)?;
            self.wal_confirmed = true;
        }
        room.put(&note).map_err(GroupError::stop)?;
        if signers != self.signers {
            self.layout.write_public_keys(&signers).map_err(GroupError::stop)?;
            self.signers = signers;
        }
        Ok(answers)
    }

    /// Everything between BEGIN and COMMIT.
    fn write_group(&mut self, units: Vec<Vec<Prepared>>) -> Result<Group, GroupError> {
        let mut frontier = self.catch_up()?;
        let mut signers = self.signers.clone();
        if units.iter().flatten().any(|new| is_log_key(&new.record.body)) {
            // The new key came to its place after we read it.
            self.secrets = self.places.log_keys(&self.layout).map_err(GroupError::stop)?;
        }
        let before = frontier.size();
        let mut insert = Insert::new(&self.db)?;
        let mut answers = Answers::new();
        for unit in units {
            self.db.execute_batch("SAVEPOINT unit")?;
            let kept = (frontier.clone(), signers.clone());
            let answer = match self.change_signers(&unit, frontier.size(), &mut signers) {
                Ok(()) => insert.unit(unit, &mut frontier)?,
                Err(refused) => Err(refused),
            };
            if answer.is_err() {
                self.db.execute_batch("ROLLBACK TO unit")?;
                (frontier, signers) = kept;
            }
            self.db.execute_batch("RELEASE unit")?;
            answers.push(answer);
        }
        let size = frontier.size();
        if size == before {
            return Ok(Group { frontier, signers, answers, note: None });
        }
        // Ed25519 signs the same text the same way, and nobody sees this before the commit: so there is
        // never a second signed root for a size.
        // A key that changes with this group's last record holds from the next one on, and so do ours here.
        let keys = self.signing(size).map_err(GroupError::stop)?;
        let origin = keys.first().map(|key| key.public().name().to_owned()).unwrap_or_default();
        let note = Checkpoint { origin, size, root: frontier.root() }.sign(keys);
        let mut insert = self.db.prepare("INSERT INTO checkpoint (size, note) VALUES (?1, ?2)")?;
        insert.execute(params![sql_int(size), note])?;
        // Before the commit: a disk too full for the second file then keeps nothing, and nothing is in doubt.
        let room = self.layout.room_for_checkpoint(note.len()).map_err(GroupError::before_commit)?;
        Ok(Group { frontier, signers, answers, note: Some((note, room)) })
    }

    /// Takes what a unit, of which the first record will be `first`, says of the log's keys. Refuses a key
    /// that could not sign.
    fn change_signers(&self, unit: &[Prepared], first: u64, signers: &mut Signers) -> Result<(), LedgerError> {
        for (index, new) in (first..).zip(unit) {
            let Body::Key { role: KeyRole::Log, key, change } = &new.record.body else { continue };
            signers.apply(index, key, *change).map_err(|why| LedgerError::Refused { why })?;
            let at_hand = self.secrets.0.iter().any(|secret| secret.public().to_string() == *key);
            if *change == KeyChange::Added && !at_hand {
                let place = self.places.named(&self.layout, KeyRole::Log);
                return Err(LedgerError::KeyMissing { key: key.clone(), place });
            }
        }
        Ok(())
    }

    /// The right edge to append to: ours, or that of whoever has appended since, who may have changed keys.
    fn catch_up(&mut self) -> Result<Frontier, GroupError> {
        let size = nodes::size(&self.db).map_err(GroupError::stop)?;
        if size == self.frontier.size() {
            return Ok(self.frontier.clone());
        }
        if size < self.frontier.size() {
            return Err(GroupError::stop(LedgerError::Shorter { size, promised: self.frontier.size() }));
        }
        let first = self.signers.terms().first().map(|term| term.key.clone());
        let first = first.ok_or_else(|| GroupError::Stop("the log has no key".to_owned()))?;
        self.signers = Signers::read(&self.db, first).map_err(GroupError::stop)?;
        if self.signing(size + 1).is_err() {
            self.secrets = self.places.log_keys(&self.layout).map_err(GroupError::stop)?;
        }
        nodes::head(&self.db, &self.signers).map(|(frontier, _)| frontier).map_err(GroupError::stop)
    }

    /// Moves the write-ahead log into the database when it has grown. SQLite does so by itself, but drops
    /// the errors; after a failed sync we must stop.
    pub(super) fn fold(&self) -> Result<(), GroupError> {
        let ask = |how: &str| {
            let sql = format!("PRAGMA wal_checkpoint({how})");
            self.db.query_row(&sql, [], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
        };
        if ask("NOOP")? < FOLD_PAGES {
            return Ok(());
        }
        match ask("PASSIVE").map_err(GroupError::from) {
            // Everything is in the write-ahead log still; another group will fold it.
            Ok(_) | Err(GroupError::Full | GroupError::Busy) => Ok(()),
            Err(stop) => Err(stop),
        }
    }
}

/// A group that lacks its commit.
struct Group {
    frontier: Frontier,
    signers: Signers,
    answers: Answers,
    /// The checkpoint, and the room for it in the second file. None when every unit was refused.
    note: Option<(Vec<u8>, Room)>,
}

/// The statements of one group.
struct Insert<'a> {
    db: &'a Connection,
    entry: Statement<'a>,
    key: Statement<'a>,
    salt: Statement<'a>,
    file: Statement<'a>,
    blob: Statement<'a>,
    subtree: Statement<'a>,
}

impl<'a> Insert<'a> {
    fn new(db: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            db,
            entry: db.prepare("INSERT INTO entry (idx, record, leaf) VALUES (?1, ?2, ?3)")?,
            key: db.prepare(
                "INSERT INTO entry_key (idx, at, kind, collector, control, run, seq, slot, alert)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            salt: db.prepare("INSERT INTO salt (idx, salt) VALUES (?1, ?2)")?,
            file: db.prepare(
                "INSERT INTO file (idx, part, name, media_type, sha256, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            blob: db.prepare("INSERT INTO blob (sha256, codec, size, bytes) VALUES (?1, ?2, ?3, ?4)")?,
            subtree: db.prepare("INSERT INTO subtree (level, n, hash) VALUES (?1, ?2, ?3)")?,
        })
    }

    /// One unit. The inner error refuses it alone; the outer one ends the group.
    fn unit(
        &mut self,
        unit: Vec<Prepared>,
        frontier: &mut Frontier,
    ) -> Result<Result<Vec<Sealed>, LedgerError>, GroupError> {
        let mut sealed = Vec::with_capacity(unit.len());
        for record in unit {
            match self.record(record, frontier)? {
                Ok(one) => sealed.push(one),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        Ok(Ok(sealed))
    }

    fn record(
        &mut self,
        mut new: Prepared,
        frontier: &mut Frontier,
    ) -> Result<Result<Sealed, LedgerError>, GroupError> {
        let index = frontier.size();
        if let Some(taken) = taken(self.db, &new.record.body)? {
            return Ok(Err(taken));
        }
        let assigned = match &mut new.record.body {
            Body::RunOpened { collector, seq, .. } | Body::Missed { collector, seq, .. } => {
                *seq = next_seq(self.db, collector)?;
                true
            }
            Body::Summary { collectors, counts } => {
                (*collectors, *counts) = (summary::next_seqs(self.db)?, summary::counts(self.db)?);
                true
            }
            Body::Erasure { target, .. } => {
                if let Err(refused) = erase::erase(self.db, *target)? {
                    return Ok(Err(refused));
                }
                false
            }
            _ => false,
        };
        if assigned {
            new.written = match write_down(&new.record) {
                Ok(written) => written,
                Err(refused) => return Ok(Err(refused)),
            };
        }
        self.entry.execute(params![sql_int(index), new.written.bytes, new.written.leaf])?;
        let keys = keys(&new.record.body);
        self.key.execute(params![
            sql_int(index),
            new.record.at.timestamp_millis(),
            keys.kind,
            keys.collector,
            keys.control,
            keys.run,
            keys.seq.map(sql_int),
            keys.slot.map(|slot| slot.timestamp_millis()),
            keys.alert,
        ])?;
        if let Some(salt) = new.salt {
            self.salt.execute(params![sql_int(index), salt])?;
        }
        for (part, file) in (0_i64..).zip(new.files) {
            self.file(index, part, file)?;
        }
        self.leaf(new.written.leaf, frontier)?;
        Ok(Ok(Sealed { index, seq: keys.seq }))
    }

    fn file(&mut self, index: u64, part: i64, file: PreparedFile) -> Result<(), GroupError> {
        let size = sql_int(file.size as u64);
        self.file.execute(params![sql_int(index), part, file.name, file.media_type, file.sha256, size])?;
        let stored: Option<i64> =
            self.db.query_row("SELECT size FROM blob WHERE sha256 = ?1", [file.sha256], |row| row.get(0)).optional()?;
        match stored {
            None => self.blob.execute(params![file.sha256, file.codec, size, file.stored]).map(drop)?,
            Some(stored) if stored == size => {}
            Some(_) => {
                let sha256 = hex::encode(file.sha256);
                return Err(GroupError::Stop(format!("the stored file {sha256} has another size than its contents")));
            }
        }
        Ok(())
    }

    /// Appends to the tree, and keeps the roots of subtrees that this completes.
    fn leaf(&mut self, leaf: Hash, frontier: &mut Frontier) -> Result<(), GroupError> {
        let mut completed = Vec::new();
        frontier.push_with(leaf, |level, n, hash| {
            if level % nodes::LEVELS == 0 {
                completed.push((level / nodes::LEVELS, n, *hash));
            }
        });
        for (level, n, hash) in completed {
            self.subtree.execute(params![level, sql_int(n), hash])?;
        }
        Ok(())
    }
}

/// The number that the collector's next run or miss will get.
pub(super) fn next_seq(db: &Connection, collector: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) + 1 FROM entry_key WHERE collector = ?1 AND seq IS NOT NULL";
    db.query_row(sql, [collector], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// The error for a due instant that has been answered, or an alert that there is.
fn taken(db: &Connection, body: &Body) -> rusqlite::Result<Option<LedgerError>> {
    let keys = keys(body);
    if let Some(key) = keys.alert {
        let index = alert(db, key)?;
        return Ok(index.map(|index| LedgerError::AlertTaken { key: key.to_owned(), index }));
    }
    let (Some(collector), Some(slot)) = (keys.collector, keys.slot) else {
        return Ok(None);
    };
    let sql = "SELECT idx FROM entry_key WHERE collector = ?1 AND slot = ?2";
    let millis = slot.timestamp_millis();
    let index: Option<i64> = db.query_row(sql, params![collector, millis], |row| row.get(0)).optional()?;
    Ok(index.map(|index| LedgerError::SlotTaken {
        collector: collector.to_owned(),
        scheduled_for: DateTime::from_timestamp_millis(millis).unwrap_or(slot),
        index: index.unsigned_abs(),
    }))
}

/// The alert that has the key.
pub(super) fn alert(db: &Connection, key: &str) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT idx FROM entry_key WHERE alert = ?1";
    let index: Option<i64> = db.query_row(sql, [key], |row| row.get(0)).optional()?;
    Ok(index.map(i64::unsigned_abs))
}

fn full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

impl GroupError {
    /// Of what failed while nothing is committed yet.
    fn before_commit(error: LedgerError) -> Self {
        let full = matches!(&error, LedgerError::Io { source, .. } if full(source));
        if full { Self::Full } else { Self::stop(error) }
    }

    /// Its first line says what happened; the hint will be that of `LedgerError::Stopped`.
    fn stop(error: LedgerError) -> Self {
        Self::Stop(error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

impl From<rusqlite::Error> for GroupError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Stop(format!("SQLite: {error}")),
        }
    }
}

impl From<GroupError> for LedgerError {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Full => Self::Full,
            GroupError::Busy => Self::Busy,
            GroupError::Stop(why) => Self::Stopped { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::prepare::prepare;
    use crate::ledger::{Create, Ledger, NewFile, NewRecord, verify_store};

    #[test]
    fn a_full_disk_refuses_whole_units_and_goes_on_when_there_is_space() {
        let dir = tempfile::tempdir().unwrap();
        let create = Create { organization: "A".into(), origin: "log".into(), sample: true, at: DateTime::UNIX_EPOCH };
        drop(Ledger::create(dir.path(), create).unwrap());
        let mut sealer = Sealer::open(Layout::open(dir.path()).unwrap(), KeyPlaces::default()).unwrap();
        let unit = || {
            let bytes = (0..60_000_u32).flat_map(|n| (n * n).to_be_bytes()).collect();
            let file = NewFile { name: "a".into(), media_type: "application/json".into(), bytes };
            let body = Body::Config {
                sha256: String::new(),
                controls: Default::default(),
                by: String::new(),
                changed: Default::default(),
            };
            prepare(vec![NewRecord { at: DateTime::UNIX_EPOCH, body, files: vec![file] }]).unwrap()
        };
        // SQLite's own limit raises the same error that a full disk does.
        sealer.db.query_row("PRAGMA max_page_count = 20", [], |_| Ok(())).unwrap();
        assert!(matches!(sealer.seal(vec![unit()]), Err(GroupError::Full)));
        sealer.db.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).unwrap();
        let answers = sealer.seal(vec![unit()]).unwrap();
        assert_eq!(*answers[0].as_ref().unwrap(), [Sealed { index: 2, seq: None }]);
        assert_eq!(verify_store(dir.path()).unwrap().first, None);
    }
}
