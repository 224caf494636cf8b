//! What sealing costs beside SQLite alone: the same bytes, batches, settings and disk, in turns.
//!
//! `cargo bench --bench seal`. The figure that matters is the ratio; goal: at least 0.7 with callers enough
//! to fill groups. The bytes are given to SQLite ready made; the ledger writes them, too.

use chrono::{DateTime, Utc};
use evidenced::ledger::record::{Body, RECORD_VERSION, Record, canonical_json};
use evidenced::ledger::{Create, Ledger, LedgerError, NewRecord};
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

/// Times that each side has its turn; the median counts.
const ROUNDS: usize = 5;

fn record(number: usize) -> NewRecord {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let body = Body::Waiver {
        control: "SEC-001".into(),
        item: format!("{number:064x}"),
        // Some 1,000 bytes that do not repeat.
        reason: (0..100).map(|part| format!("{:09x} ", (number * 100 + part) * 7_919)).collect(),
        approver: "Ann".into(),
        approved_at: at,
        expires: at,
    };
    NewRecord { at, body, files: Vec::new() }
}

fn bare(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         CREATE TABLE entry (idx INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;",
    )?;
    Ok(db)
}

fn insert(db: &mut Connection, batch: &[Vec<u8>]) -> rusqlite::Result<Duration> {
    let start = Instant::now();
    let transaction = db.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO entry (record) VALUES (?1)")?;
        for bytes in batch {
            insert.execute([bytes])?;
        }
    }
    transaction.commit()?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Seals the batches with so many callers that wait for their acknowledgement each time.
fn seal(ledger: &Ledger, batches: Vec<Vec<NewRecord>>, callers: usize) -> Result<Duration, LedgerError> {
    let mut shares: Vec<Vec<Vec<NewRecord>>> = vec![Vec::new(); callers];
    for (number, batch) in batches.into_iter().enumerate() {
        shares[number % callers].push(batch);
    }
    let start = Instant::now();
    std::thread::scope(|scope| {
        let append = |share: Vec<_>| share.into_iter().try_for_each(|batch| ledger.append_blocking(batch).map(drop));
        let threads: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || append(share))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    Ok(start.elapsed())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("records/s of 1 KiB, median of {ROUNDS} rounds; ratio to SQLite alone with the same batches");
    println!("{:>6} {:>10} {:>10} {:>6} {:>10} {:>6}", "batch", "SQLite", "1 caller", "ratio", "8 callers", "ratio");
    for (batch, batches) in [(1_000, 16), (100, 64), (10, 96), (1, 96)] {
        let dir = tempfile::tempdir()?;
        let create = Create {
            organization: "bench".into(),
            origin: "bench.example.com/soc2".into(),
            sample: true,
            at: DateTime::UNIX_EPOCH,
        };
        let ledger = Ledger::create(&dir.path().join("ledger"), create)?;
        let mut db = bare(&dir.path().join("bare.sqlite"))?;
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            let first = round * batches * batch;
            let numbers = |part: usize| first + part * batch..first + (part + 1) * batch;
            let records = || (0..batches).map(|part| numbers(part).map(record).collect()).collect::<Vec<Vec<_>>>();
            let mut alone = Duration::ZERO;
            for batch in records() {
                let bytes = batch
                    .into_iter()
                    .map(|new| canonical_json(&Record { v: RECORD_VERSION, at: new.at, commit: None, body: new.body }));
                alone += insert(&mut db, &bytes.collect::<Result<Vec<_>, _>>()?)?;
            }
            times[0].push(alone);
            times[1].push(seal(&ledger, records(), 1)?);
            times[2].push(seal(&ledger, records(), 8)?);
        }
        let [alone, one, eight] = times.map(|times| (batch * batches) as f64 / median(times).as_secs_f64());
        let (first, second) = (one / alone, eight / alone);
        println!("{batch:>6} {alone:>10.0} {one:>10.0} {first:>6.2} {eight:>10.0} {second:>6.2}");
    }
    Ok(())
}
