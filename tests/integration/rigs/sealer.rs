//! A process that seals as fast as it can and says what was acknowledged: what the rigs kill, cut and starve. Beside it the
//! count of what was acknowledged and is not there.

use crate::support::random::{Random, chosen};
use chrono::DateTime;
use evidenced::ledger::record::Body;
use evidenced::ledger::{Create, Ledger, LedgerError, NewFile, NewRecord, Reader};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// Role of the test below in the processes that rigs start: the ledger to seal in.
const SEAL_IN: &str = "EVIDENCED_RIG_SEAL";
/// Another role: makes a ledger there.
const MAKE: &str = "EVIDENCED_RIG_MAKE";
/// Another role: holds a ledger against the acknowledgements that it reads.
const CHECK: &str = "EVIDENCED_RIG_CHECK";
/// How many units; without it there is no end.
const UNITS: &str = "EVIDENCED_RIG_UNITS";
/// Number of the first record.
const FIRST: &str = "EVIDENCED_RIG_FIRST";
/// The control: acknowledges before it seals.
const LIE: &str = "EVIDENCED_RIG_LIE";
/// A directory to remove when the disk is full; without it, or when it is gone, the process ends.
const BALLAST: &str = "EVIDENCED_RIG_BALLAST";

/// It could not open the ledger.
pub(super) const UNOPENED: i32 = 4;
/// It could not seal, for want of space.
pub(super) const FULL: i32 = 5;
/// It was told that the ledger has stopped.
pub(super) const STOPPED: i32 = 3;

/// What a process said was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    index: u64,
    number: u64,
}

/// The command of a process that seals; more by `with`.
pub(super) fn sealer(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "rigs::sealer::what_is_acknowledged_is_there_and_a_liar_is_found", "--nocapture"]);
    command.env(SEAL_IN, dir);
    command
}

/// What the processes of `sealer` may be told.
pub(super) trait With {
    fn units(&mut self, count: u64) -> &mut Self;
    fn first(&mut self, number: u64) -> &mut Self;
    fn lying(&mut self) -> &mut Self;
    fn ballast(&mut self, dir: &Path) -> &mut Self;
}

impl With for Command {
    fn units(&mut self, count: u64) -> &mut Self {
        self.env(UNITS, count.to_string())
    }

    fn first(&mut self, number: u64) -> &mut Self {
        self.env(FIRST, number.to_string())
    }

    fn lying(&mut self) -> &mut Self {
        self.env(LIE, "1")
    }

    fn ballast(&mut self, dir: &Path) -> &mut Self {
        self.env(BALLAST, dir)
    }
}

/// What a process said was sealed. A line that was cut short is no acknowledgement.
pub(super) fn acks(out: &str) -> Vec<Ack> {
    let whole = out.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let ack = |line: &str| {
        let (index, number) = line.trim_end().strip_prefix("acknowledged ")?.split_once(' ')?;
        Some(Ack { index: index.parse().ok()?, number: number.parse().ok()? })
    };
    whole.filter_map(ack).collect()
}

/// Whether something was acknowledged after the ledger had stopped.
pub(super) fn acknowledged_after_a_stop(out: &str) -> bool {
    out.split_once("stopped\n").is_some_and(|(_, after)| !acks(after).is_empty())
}

/// How many of them the ledger does not have, or not as they were said.
pub(super) fn lost(dir: &Path, acks: &[Ack]) -> usize {
    let Ok(reader) = Reader::open(dir) else { return acks.len() };
    let there = |ack: &&Ack| {
        let body = reader.record(ack.index).map(|record| record.body);
        matches!(body, Ok(Body::Waiver { item, .. }) if item == item_of(ack.number))
            && reader.read_file(ack.index, "a.bin").is_ok_and(|bytes| bytes == contents(ack.number))
    };
    acks.len() - acks.iter().filter(there).count()
}

/// A new ledger.
pub(super) fn fresh(dir: &Path) {
    let at = DateTime::UNIX_EPOCH;
    drop(Ledger::create(dir, Create { organization: "Rig".into(), origin: "rig".into(), sample: true, at }).unwrap());
}

/// Seals units in this process.
pub(super) fn append(ledger: &Ledger, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| drop(ledger.append_blocking(unit(number)).unwrap()));
}

fn item_of(number: u64) -> String {
    format!("item-{number}")
}

/// Every eighth one does not shrink and fills many pages, so that the write-ahead log is folded now and then.
fn contents(number: u64) -> Vec<u8> {
    let mut random = Random(number);
    match number % 8 {
        7 => (0..12_000).flat_map(|_| random.next().to_be_bytes()).collect(),
        _ => number.to_string().repeat(200).into_bytes(),
    }
}

fn record(number: u64, files: Vec<NewFile>) -> NewRecord {
    let at = DateTime::UNIX_EPOCH;
    let words = |text: &str| text.to_owned();
    let body = Body::Waiver {
        control: words("RIG"),
        item: item_of(number),
        reason: words("accepted"),
        approver: words("Ann"),
        recorded_by: words("a rig"),
        approved_at: at,
        expires: at,
    };
    NewRecord { at, body, files }
}

/// Two records, of which the second has a file.
fn unit(number: u64) -> Vec<NewRecord> {
    let file = NewFile { name: "a.bin".into(), media_type: "application/octet-stream".into(), bytes: contents(number) };
    vec![record(number, Vec::new()), record(number, vec![file])]
}

fn seal(dir: &Path) -> ! {
    let ledger = Ledger::open(dir).unwrap_or_else(|error| {
        eprintln!("{error}");
        exit(UNOPENED)
    });
    let first = chosen(FIRST, 0);
    let mut ballast = std::env::var_os(BALLAST).map(PathBuf::from);
    let (mut numbers, mut stops) = (first..first.saturating_add(chosen(UNITS, u64::MAX)), 0);
    let mut next = numbers.next();
    while let Some(number) = next {
        if std::env::var_os(LIE).is_some() {
            println!("acknowledged {} {number}", ledger.reader().unwrap().size().unwrap() + 1);
        }
        match ledger.append_blocking(unit(number)) {
            Ok(sealed) => {
                println!("acknowledged {} {number}", sealed[1].index);
                next = numbers.next();
            }
            Err(error @ LedgerError::Full) => {
                println!("full");
                eprintln!("{error}");
                let Some(dir) = ballast.take() else { exit(FULL) };
                fs::remove_dir_all(dir).unwrap();
            }
            Err(error) => {
                println!("stopped");
                eprintln!("{error}");
                stops += 1;
                if stops == 3 {
                    exit(STOPPED);
                }
            }
        }
    }
    drop(ledger);
    println!("ended");
    exit(0)
}

#[test]
fn what_is_acknowledged_is_there_and_a_liar_is_found() {
    if let Some(dir) = std::env::var_os(SEAL_IN) {
        seal(Path::new(&dir));
    }
    if let Some(dir) = std::env::var_os(MAKE) {
        fresh(Path::new(&dir));
        exit(0)
    }
    if let Some(dir) = std::env::var_os(CHECK) {
        let said = acks(&std::io::read_to_string(std::io::stdin()).unwrap());
        println!("lost {}", lost(Path::new(&dir), &said));
        super::ready_again(Path::new(&dir));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fresh(dir.path());
    let output = sealer(dir.path()).units(5).first(5).output().unwrap();
    let said = acks(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(said.iter().map(|ack| ack.number).collect::<Vec<u64>>(), [5, 6, 7, 8, 9]);
    assert_eq!(lost(dir.path(), &said), 0);
    let other = Ack { number: 6, ..said[0] };
    assert_eq!(lost(dir.path(), &[other, Ack { index: 99, ..said[1] }, said[2]]), 2);
    assert_eq!(acks("acknowledged 1 2\nfull\nacknowledged 3 4"), [Ack { index: 1, number: 2 }]);
    assert!(acknowledged_after_a_stop("stopped\nacknowledged 1 2\n") && !acknowledged_after_a_stop("stopped\n"));
}
