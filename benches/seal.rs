//! What sealing costs beside SQLite alone: the same bytes, batches, settings and disk, in turns.
//!
//! `cargo bench --bench seal`. The figure that matters is the ratio; goal: at least 0.7 with callers enough
//! to fill groups. The bytes are given to SQLite ready made; the ledger writes them, too.

use chrono::{DateTime, Utc};
use evidenced::ledger::record::{Body, RECORD_VERSION, Record, Status, canonical_json};
use evidenced::ledger::{Create, Ledger, LedgerError, NewFile, NewRecord};
use evidenced_collectors::contract::Window;
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

/// Times that each side has its turn; the median counts.
const ROUNDS: usize = 5;

/// What is sealed.
#[derive(Clone, Copy)]
enum Work {
    /// What a run of the daemon seals: an evidence record with its documents and exchanges, some 100 KB of JSON.
    Runs,
    /// Records of 1 KB alone, nothing beside them: the ledger's own cost at its largest.
    Records,
}

fn new_record(work: Work, number: usize) -> NewRecord {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    match work {
        Work::Runs => {
            let body = Body::Evidence {
                run: format!("{number:032x}"),
                collector: "bench".into(),
                seq: 0,
                status: Status::Complete,
                observed: 100,
                controls: vec!["SEC-001".into()],
                window: Window { start: at, end: at },
            };
            let exchanges = (0..6).flat_map(|exchange| {
                let seed = number * 6 + exchange;
                [
                    NewFile::json(&format!("exchanges/{exchange:04}.json"), rows(seed * 31, 3)),
                    NewFile::json(&format!("exchanges/{exchange:04}.body"), rows(seed * 37, 60)),
                ]
            });
            let documents = [
                NewFile::json("run.json", rows(number * 41, 4)),
                NewFile::json("population.json", rows(number * 43, 100)),
            ];
            NewRecord { at, body, files: documents.into_iter().chain(exchanges).collect() }
        }
        Work::Records => {
            let body = Body::Waiver {
                control: "SEC-001".into(),
                item: format!("{number:064x}"),
                // Some 1,000 bytes that do not repeat.
                reason: (0..100).map(|part| format!("{:09x} ", (number * 100 + part) * 7_919)).collect(),
                approver: "Ann".into(),
                recorded_by: "tester".into(),
                approved_at: at,
                expires: at,
            };
            NewRecord { at, body, files: Vec::new() }
        }
    }
}

/// Rows as an activity log has them: the hashes differ, the rest repeats.
fn rows(seed: usize, count: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut hash = || {
        (0..5)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                format!("{:08x}", state >> 32)
            })
            .collect::<String>()
    };
    let rows: Vec<_> = (0..count)
        .map(|row| {
            let (before, after) = (hash(), hash());
            serde_json::json!({
                "id": seed * 1_000 + row, "before": before, "after": after, "ref": "refs/heads/main",
                "timestamp": "2026-01-01T00:00:00Z", "activity_type": "pr_merge", "actor": { "login": "someone", "type": "User" },
            })
        })
        .collect();
    serde_json::Value::Array(rows).to_string().into_bytes()
}

/// The bytes of a record and of its files, ready made for SQLite alone.
fn bytes_of(new: NewRecord) -> Result<Vec<Vec<u8>>, serde_json::Error> {
    let record = canonical_json(&Record { v: RECORD_VERSION, at: new.at, commit: None, body: new.body })?;
    Ok(std::iter::once(record).chain(new.files.into_iter().map(|file| file.bytes)).collect())
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
    println!("median of {ROUNDS} rounds; ratio to SQLite alone with the same bytes in the same batches");
    for (work, name) in [(Work::Runs, "runs of 100 KB"), (Work::Records, "records of 1 KB")] {
        println!("\n{name}: a second");
        println!(
            "{:>6} {:>10} {:>10} {:>6} {:>10} {:>6}",
            "batch", "SQLite", "1 caller", "ratio", "8 callers", "ratio"
        );
        let sizes: &[(usize, usize)] = match work {
            Work::Runs => &[(100, 2), (10, 16), (1, 64)],
            Work::Records => &[(1_000, 16), (100, 64), (10, 96), (1, 96)],
        };
        for (batch, batches) in sizes {
            compare(work, *batch, *batches)?;
        }
    }
    Ok(())
}

fn compare(work: Work, batch: usize, batches: usize) -> Result<(), Box<dyn std::error::Error>> {
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
        let records = |side: usize| {
            let first = (round * 2 + side) * batches * batch;
            let numbers = move |part: usize| first + part * batch..first + (part + 1) * batch;
            (0..batches).map(|part| numbers(part).map(|n| new_record(work, n)).collect()).collect::<Vec<Vec<_>>>()
        };
        let mut alone = Duration::ZERO;
        for batch in records(0) {
            let bytes = batch.into_iter().map(bytes_of).collect::<Result<Vec<_>, _>>()?.concat();
            alone += insert(&mut db, &bytes)?;
        }
        times[0].push(alone);
        // Bytes of their own on each side: what is stored already would cost nothing.
        times[1].push(seal(&ledger, records(0), 1)?);
        times[2].push(seal(&ledger, records(1), 8)?);
    }
    let [alone, one, eight] = times.map(|times| (batch * batches) as f64 / median(times).as_secs_f64());
    let (first, second) = (one / alone, eight / alone);
    println!("{batch:>6} {alone:>10.0} {one:>10.0} {first:>6.2} {eight:>10.0} {second:>6.2}");
    Ok(())
}
