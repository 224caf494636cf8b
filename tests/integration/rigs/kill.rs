//! Processes that are killed at random instants, two at a time over one ledger: what they said is sealed is there, whatever
//! they say is done is whole, and a restart goes on.

use super::sealer::{Ack, With, acks, fresh, lost, sealer};
use super::{SEED, ready_again};
use crate::cli::Home;
use crate::cli::reload::home;
use crate::support::random::{Random, chosen};
use evidenced::ledger::record::Body;
use evidenced::ledger::{Reader, verify_store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

const CYCLES: u64 = 16;
/// A ledger that grows makes each check slower.
const CYCLES_OF_ONE: u64 = 20;
/// No process is left alone for longer.
const LONGEST_US: u64 = 1_500_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Seal,
    Collect,
    Backup,
    Export,
    Daemon,
}

const ACTS: [Act; 6] = [Act::Seal, Act::Seal, Act::Collect, Act::Backup, Act::Export, Act::Daemon];

impl Act {
    fn command(self, home: &Home, number: u64) -> Command {
        let args: &[&str] = match self {
            Self::Seal => {
                let mut command = sealer(&home.path("state"));
                command.first(number);
                return command;
            }
            Self::Collect => &["collect", "now", "--json"],
            Self::Backup => &["backup", "copy"],
            Self::Export => &["export", "--from", "2026-01-01", "--to", "2100-01-01", "--out", "out.zip"],
            Self::Daemon => &["run"],
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
        command.current_dir(home.path("")).env_clear().args(args);
        command
    }
}

/// What a process had printed when it was killed, and whether it had ended well by then.
struct Killed {
    out: String,
    done: bool,
}

fn start(mut command: Command) -> (Child, std::sync::mpsc::Receiver<String>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut pipe, (says, said)) = (child.stdout.take().unwrap(), channel());
    std::thread::spawn(move || {
        let mut out = Vec::new();
        pipe.read_to_end(&mut out).unwrap();
        says.send(String::from_utf8(out).unwrap())
    });
    (child, said)
}

/// Starts both, and kills them after so long, if they have not ended by then.
fn killed(commands: [Command; 2], after: Duration) -> [Killed; 2] {
    let mut running = commands.map(start);
    let early = match running[0].1.recv_timeout(after) {
        Ok(out) => Some(out),
        Err(RecvTimeoutError::Timeout) => None,
        Err(error) => panic!("{error}"),
    };
    running.iter_mut().for_each(|(child, _)| child.kill().unwrap());
    let mut early = early;
    running.map(|(mut child, said)| {
        let done = child.wait().unwrap().success();
        let out = early.take().unwrap_or_else(|| said.recv().unwrap());
        Killed { out, done }
    })
}

/// What the act says that it did, held against what there is.
fn check(act: Act, home: &Home, killed: &Killed) {
    let (copy, bundle) = (home.path("copy"), home.path("out.zip"));
    match act {
        Act::Seal | Act::Daemon => {}
        Act::Collect => {
            let reader = Reader::open(&home.path("state")).unwrap();
            for report in serde_json::from_str::<Vec<Value>>(&killed.out).unwrap_or_default() {
                let record = reader.record(report["evidence"].as_u64().unwrap()).unwrap();
                assert!(matches!(record.body, Body::Evidence { .. }), "{report} is not on record");
            }
        }
        Act::Backup => {
            let whole = verify_store(&copy).is_ok_and(|report| report.is_whole());
            assert!(whole || !killed.done, "a finished backup is not whole");
        }
        Act::Export => {
            assert!(bundle.exists() || !killed.done, "a finished bundle is not there");
            if bundle.exists() {
                let said = home.run(&["verify", "out.zip"]);
                assert_eq!(said.code, 0, "what has the bundle's name is not whole: {said:?}");
            }
        }
    }
    let _ = fs::remove_dir_all(copy);
    let _ = fs::remove_file(bundle);
}

#[test]
fn nothing_acknowledged_is_lost_when_processes_are_killed_at_any_point() {
    let (seed, cycles) = (chosen("EVIDENCED_SEED", SEED), chosen("EVIDENCED_CASES", CYCLES));
    let mut random = Random(seed);
    let (mut all, mut acknowledged, mut number) = (Vec::<Ack>::new(), 0, 0);
    let mut acts = BTreeMap::<Act, (u64, u64)>::new();
    let mut place = home();
    for cycle in 0..cycles {
        if cycle % CYCLES_OF_ONE == CYCLES_OF_ONE - 1 {
            assert_eq!(lost(&place.path("state"), &all), 0, "seed {seed}, cycle {cycle}: of an earlier cycle");
            (place, all) = (home(), Vec::new());
        }
        let (act, after) = (random.pick(&ACTS), Duration::from_micros(random.below(LONGEST_US)));
        let commands = [act.command(&place, number), Act::Seal.command(&place, number + 1_000_000)];
        let both = killed(commands, after);
        number += 10_000;
        let state = place.path("state");
        let said: Vec<Ack> = both.iter().flat_map(|killed| acks(&killed.out)).collect();
        assert_eq!(lost(&state, &said), 0, "seed {seed}, cycle {cycle}: {act:?} killed after {after:?}");
        ready_again(&state);
        check(act, &place, &both[0]);
        let count = acts.entry(act).or_default();
        *count = (count.0 + 1, count.1 + u64::from(both[0].done));
        acknowledged += said.len();
        all.extend(said);
    }
    assert_eq!(lost(&place.path("state"), &all), 0, "seed {seed}: of an earlier cycle");
    println!(
        "kill: seed {seed}, {cycles} cycles, acts and how many of them had ended {acts:?}, acknowledged {acknowledged}, lost 0"
    );
    assert!(acknowledged > cycles as usize, "{acknowledged} in {cycles} cycles: nothing was going on");
}

#[test]
fn a_process_that_acknowledges_too_early_loses_records_when_it_is_killed() {
    let mut random = Random(SEED);
    let dir = tempfile::tempdir().unwrap();
    fresh(dir.path());
    // One at a time: a liar says the index that would be next.
    let mut cycle = |number: u64| {
        let mut liar = sealer(dir.path());
        liar.lying().first(number);
        let killed = killed([liar, Command::new("true")], Duration::from_micros(100_000 + random.below(LONGEST_US)));
        lost(dir.path(), &acks(&killed[0].out))
    };
    assert!((0..40).any(|n| cycle(n * 10_000) > 0), "the rig does not find what is lost");
}
