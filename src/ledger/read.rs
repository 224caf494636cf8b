//! Reading records, and finding them. Works while the ledger is written; files and proofs are in
//! `read_files` and `read_log`.

use super::keys::{Keys, keys};
use super::layout::Layout;
use super::note::VerifierKey;
use super::record::{Body, RECORD_VERSION, Record, read_record};
use super::signers::Signers;
use super::tree::{Hash, leaf_hash};
use super::{LedgerError, nodes, seal, sql_int, store};
use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};
use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;

/// Records fetched at a time: at most 4 MiB.
const PAGE: usize = 64;

/// Reads a ledger, also while it is being written. One connection: it can be sent to another thread, not
/// shared between two.
pub struct Reader {
    pub(super) db: Connection,
    pub(super) first: VerifierKey,
    key: VerifierKey,
}

/// See `Reader::hold`.
pub struct Held<'a>(#[expect(dead_code, reason = "ends when it is dropped")] Transaction<'a>);

/// Which records; every condition that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `Body::kind`.
    pub kind: Option<&'static str>,
    /// Of this collector: `run_opened`, `evidence`, `run_closed`, `missed`, `alert`.
    pub collector: Option<String>,
    /// Of this control: `verdict`, `transition`, `waiver`, `revocation`, `alert`. (Evidence names its controls inside.)
    pub control: Option<String>,
    /// Of this run: `run_opened`, `evidence`, `run_closed`, `verdict`, `transition`.
    pub run: Option<String>,
}

/// Records one after another, a page at a time in memory. Ends after the first error.
pub struct Records<'a> {
    reader: &'a Reader,
    filter: Filter,
    // What has not been fetched yet.
    left: Range<u64>,
    newest_first: bool,
    page: VecDeque<(u64, Record)>,
}

impl Filter {
    /// Records of one kind.
    pub fn kind(kind: &'static str) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Of one collector.
    pub fn collector(self, collector: &str) -> Self {
        Self { collector: Some(collector.to_owned()), ..self }
    }

    /// Of one control.
    pub fn control(self, control: &str) -> Self {
        Self { control: Some(control.to_owned()), ..self }
    }

    /// Of one run.
    pub fn run(self, run: &str) -> Self {
        Self { run: Some(run.to_owned()), ..self }
    }

    /// Conditions on columns of `entry_key`.
    fn conditions(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let columns = [
            ("kind", self.kind.map(str::to_owned)),
            ("collector", self.collector.clone()),
            ("control", self.control.clone()),
            ("run", self.run.clone()),
        ];
        columns.into_iter().filter_map(|(column, value)| Some((column, value?)))
    }

    fn matches(&self, keys: &Keys<'_>) -> bool {
        let found = [Some(keys.kind), keys.collector, keys.control, keys.run];
        let wanted = [self.kind, self.collector.as_deref(), self.control.as_deref(), self.run.as_deref()];
        wanted.iter().zip(found).all(|(wanted, found)| wanted.is_none() || *wanted == found)
    }
}

impl Reader {
    /// Opens the ledger in `dir` for reading. Never creates or changes anything; refuses what
    /// `Ledger::open` refuses.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let layout = Layout::open(dir)?;
        let promise = layout.read_promise()?;
        let db = store::open_read(&layout.database())?;
        let signers = nodes::keep_promise(&db, &promise)?;
        let newest = |signers: &Signers| Some(signers.terms().last()?.key.clone());
        let (Some(first), Some(key)) = (promise.keys.into_iter().next(), newest(&signers)) else {
            return Err(LedgerError::damaged("log.vkey", "it has no key"));
        };
        Ok(Self { db, first, key })
    }

    /// Reads the ledger as it is at this moment for as long as the answer is held: what is read is of one state, and
    /// quicker to read. Meanwhile the write-ahead log only grows, so not for long.
    pub fn hold(&self) -> Result<Held<'_>, LedgerError> {
        self.db.unchecked_transaction().map(Held).map_err(LedgerError::store("reading"))
    }

    /// Number of records at this moment; it only grows.
    pub fn size(&self) -> Result<u64, LedgerError> {
        nodes::size(&self.db)
    }

    /// Whether it is a sample's, whose clock is simulated.
    pub fn is_sample(&self) -> Result<bool, LedgerError> {
        Ok(matches!(self.record(0)?.body, Body::Epoch { sample: true, .. }))
    }

    /// The log's newest public key, as of when the reader was opened.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The log's keys and when each signs, at this moment.
    pub fn signers(&self) -> Result<Signers, LedgerError> {
        Signers::read(&self.db, self.first.clone())
    }

    /// The record's exact bytes.
    pub fn record_bytes(&self, index: u64) -> Result<Vec<u8>, LedgerError> {
        let found = self
            .db
            .prepare_cached("SELECT idx, record, leaf FROM entry WHERE idx = ?1")
            .and_then(|mut statement| statement.query_row([sql_int(index)], entry).optional())
            .map_err(LedgerError::store("reading"))?;
        let (index, bytes, leaf) = found.ok_or_else(|| LedgerError::absent(format!("record {index}")))?;
        hashed(index, bytes, &leaf)
    }

    /// The record.
    pub fn record(&self, index: u64) -> Result<Record, LedgerError> {
        parsed(index, &self.record_bytes(index)?)
    }

    /// Records whose index lies in the range, oldest first. The range may reach beyond the log.
    pub fn records(&self, range: Range<u64>, filter: &Filter) -> Records<'_> {
        let filter = filter.clone();
        Records { reader: self, filter, left: range, newest_first: false, page: VecDeque::new() }
    }

    /// Records whose index lies in the range, newest first. The range may reach beyond the log.
    pub fn records_newest_first(&self, range: Range<u64>, filter: &Filter) -> Records<'_> {
        Records { newest_first: true, ..self.records(range, filter) }
    }

    /// The newest record there is.
    pub fn newest(&self, filter: &Filter) -> Result<Option<(u64, Record)>, LedgerError> {
        self.newest_before(u64::MAX, filter)
    }

    /// The newest record below `size`: what was known then.
    pub fn newest_before(&self, size: u64, filter: &Filter) -> Result<Option<(u64, Record)>, LedgerError> {
        let mut found = self.records_newest_first(0..size, filter);
        found.fetch(1)?;
        Ok(found.page.pop_front())
    }

    /// Runs that were opened and not closed, oldest first: index and record of each `run_opened`.
    pub fn open_runs(&self) -> Result<Vec<(u64, Record)>, LedgerError> {
        let sql = "SELECT e.idx, e.record, e.leaf FROM entry_key AS opened JOIN entry AS e USING (idx)
             WHERE opened.kind = 'run_opened' AND NOT EXISTS
                 (SELECT 1 FROM entry_key AS closed WHERE closed.run = opened.run AND closed.kind = 'run_closed')
             ORDER BY opened.idx";
        self.fetch(sql, Vec::new())
    }

    /// The sequence number that the collector's next run or miss will get.
    pub fn next_seq(&self, collector: &str) -> Result<u64, LedgerError> {
        seal::next_seq(&self.db, collector).map_err(LedgerError::store("reading"))
    }

    /// The alert that has the key.
    pub fn alert(&self, key: &str) -> Result<Option<u64>, LedgerError> {
        seal::alert(&self.db, key).map_err(LedgerError::store("reading"))
    }

    /// The collector's newest due instant that a run or a miss among these records has answered.
    pub fn newest_slot(&self, collector: &str, range: Range<u64>) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let sql = "SELECT max(slot) FROM entry_key
             WHERE collector = ?1 AND slot IS NOT NULL AND idx >= ?2 AND idx < ?3";
        let slot: Option<i64> = self
            .db
            .query_row(sql, params![collector, sql_int(range.start), sql_int(range.end)], |row| row.get(0))
            .map_err(LedgerError::store("reading"))?;
        slot.map(instant).transpose()
    }

    /// The latest time that a record from `from` on claims to have been written at; `None`: there is none.
    pub fn latest_claim(&self, from: u64) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let sql = "SELECT max(at) FROM entry_key WHERE idx >= ?1";
        let at: Option<i64> =
            self.db.query_row(sql, [sql_int(from)], |row| row.get(0)).map_err(LedgerError::store("reading"))?;
        at.map(instant).transpose()
    }

    /// Due instants of the collector in `[start, end)` that a run or a miss has answered, with its
    /// index, oldest first.
    pub fn slots(
        &self,
        collector: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, u64)>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<(i64, i64)>> {
            let mut statement = self.db.prepare(
                "SELECT slot, idx FROM entry_key WHERE collector = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot",
            )?;
            let (start, end) = (start.timestamp_millis(), end.timestamp_millis());
            statement.query_map(params![collector, start, end], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let found = read().map_err(LedgerError::store("reading"))?;
        found.into_iter().map(|(slot, index)| Ok((instant(slot)?, index.unsigned_abs()))).collect()
    }

    /// Reads, checks and parses the records that `sql` selects as `idx, record, leaf`.
    fn fetch(&self, sql: &str, values: Vec<Value>) -> Result<Vec<(u64, Record)>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<(u64, Vec<u8>, Hash)>> {
            let mut statement = self.db.prepare_cached(sql)?;
            statement.query_map(params_from_iter(values), entry)?.collect()
        };
        let rows = read().map_err(LedgerError::store("reading"))?;
        let record = |(index, bytes, leaf)| Ok((index, parsed(index, &hashed(index, bytes, &leaf)?)?));
        rows.into_iter().map(record).collect()
    }
}

impl Records<'_> {
    /// Fetches the next page of at most `limit` records.
    fn fetch(&mut self, limit: usize) -> Result<(), LedgerError> {
        // What is appended meanwhile is not part of this.
        self.left.end = self.left.end.min(self.reader.size()?);
        let mut values = vec![Value::Integer(sql_int(self.left.start)), Value::Integer(sql_int(self.left.end))];
        let mut conditions = String::new();
        for (column, value) in self.filter.conditions() {
            conditions.push_str(&format!(" AND k.{column} = ?"));
            values.push(Value::Text(value));
        }
        // Without conditions the log itself is read, and not what was derived from it.
        let from = if conditions.is_empty() { "entry AS k" } else { "entry_key AS k JOIN entry AS e USING (idx)" };
        let order = if self.newest_first { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT k.idx, record, leaf FROM {from} WHERE k.idx >= ? AND k.idx < ?{conditions}
             ORDER BY k.idx {order} LIMIT {limit}"
        );
        let page = self.reader.fetch(&sql, values)?;
        if conditions.is_empty() {
            self.check_unbroken(&page, limit)?;
        }
        for (index, record) in &page {
            if !self.filter.matches(&keys(&record.body)) {
                let why = "the record does not say what it was found by";
                return Err(LedgerError::damaged(format!("the look-up of record {index}"), why));
            }
        }
        self.left = match page.last() {
            Some((last, _)) if page.len() == limit && self.newest_first => self.left.start..*last,
            Some((last, _)) if page.len() == limit => last + 1..self.left.end,
            _ => 0..0,
        };
        self.page.extend(page);
        Ok(())
    }

    /// A page of the log itself has every index that it should.
    fn check_unbroken(&self, page: &[(u64, Record)], limit: usize) -> Result<(), LedgerError> {
        let left = self.left.clone();
        let expected: Vec<u64> =
            if self.newest_first { left.rev().take(limit).collect() } else { left.take(limit).collect() };
        for (position, expected) in expected.into_iter().enumerate() {
            if page.get(position).is_none_or(|(index, _)| *index != expected) {
                return Err(LedgerError::damaged(format!("record {expected}"), "it is missing"));
            }
        }
        Ok(())
    }
}

impl Iterator for Records<'_> {
    type Item = Result<(u64, Record), LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.left.is_empty()
            && let Err(error) = self.fetch(PAGE)
        {
            self.left = 0..0;
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<(u64, Vec<u8>, Hash)> {
    Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?, row.get(2)?))
}

pub(super) fn hashed(index: u64, bytes: Vec<u8>, leaf: &Hash) -> Result<Vec<u8>, LedgerError> {
    if leaf_hash(&bytes) == *leaf {
        return Ok(bytes);
    }
    Err(LedgerError::damaged(format!("record {index}"), "its bytes do not have the hash of its leaf"))
}

pub(super) fn parsed(index: u64, bytes: &[u8]) -> Result<Record, LedgerError> {
    let what = || format!("record {index}");
    let record = read_record(bytes).map_err(|error| LedgerError::damaged(what(), error.to_string()))?;
    if record.v != RECORD_VERSION {
        let why = format!("it has version {} and this program knows {RECORD_VERSION}", record.v);
        return Err(LedgerError::damaged(what(), why));
    }
    Ok(record)
}

fn instant(millis: i64) -> Result<DateTime<Utc>, LedgerError> {
    DateTime::from_timestamp_millis(millis)
        .ok_or_else(|| LedgerError::damaged(format!("the instant {millis}"), "it is no time"))
}
