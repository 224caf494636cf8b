//! Two daemons over one ledger, and whoever else appends at the same time: one daemon alone goes on, and nothing
//! acknowledged is lost.

use super::ready_again;
use super::sealer::{With, acks, lost, sealer};
use crate::cli::Home;
use crate::cli::reload::{Daemon, home};
use evidenced::ledger::record::Body;
use evidenced::ledger::{Filter, Reader};
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

fn started(home: &Home, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
    command.current_dir(home.path("")).env_clear().args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_second_daemon_is_refused_clearly_and_takes_over_when_the_first_is_dead() {
    let home = home();
    let first = Daemon::start(&home);
    let second = home.run(&["run"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("another daemon runs over this ledger\nhint: "), "{second:?}");
    first.signal("KILL");
    drop(first);
    std::fs::remove_file(home.path("notify")).unwrap();
    let heir = Daemon::start(&home);
    assert_eq!(home.run(&["run"]).code, 1);
    heir.stop();
    ready_again(&home.path("state"));
}

#[test]
fn of_daemons_that_start_at_once_one_goes_on_and_the_control_has_two() {
    let (home, other) = (home(), home());
    let mut all: Vec<Child> = (0..6).map(|_| started(&home, &["run"])).collect();
    let mut elsewhere = started(&other, &["run"]);
    let mut refused = 0;
    crate::support::wait_until("five of six end", std::time::Duration::from_secs(60), || {
        all.retain_mut(|child| {
            child.try_wait().unwrap().is_none_or(|status| {
                assert_eq!(status.code(), Some(1));
                refused += 1;
                false
            })
        });
        all.len() <= 1
    });
    crate::support::wait_until("the last is up", std::time::Duration::from_secs(60), || {
        home.run(&["health"]).code == 0
    });
    assert_eq!((refused, all.len()), (5, 1));
    assert!(elsewhere.try_wait().unwrap().is_none(), "over a ledger of its own it goes on");
    for child in all.iter_mut().chain([&mut elsewhere]) {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    ready_again(&home.path("state"));
}

#[test]
fn whoever_appends_beside_a_daemon_loses_nothing_and_nothing_of_the_daemons() {
    let home = home();
    let daemon = Daemon::start(&home);
    let state = home.path("state");
    let sealers: Vec<Child> =
        (0..2).map(|n| sealer(&state).units(25).first(n * 1_000).stdout(Stdio::piped()).spawn().unwrap()).collect();
    let collecting: Vec<Child> = (0..3).map(|_| started(&home, &["collect", "now", "--json"])).collect();
    let mut said = Vec::new();
    for child in sealers {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        said.extend(acks(&String::from_utf8(output.stdout).unwrap()));
    }
    assert_eq!((said.len(), lost(&state, &said)), (50, 0));
    let mut collected = 0;
    for child in collecting {
        // Whoever comes while another collects is told so.
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || told.contains("hint:"), "{output:?}");
        collected += usize::from(output.status.success());
    }
    assert!(collected > 0);
    daemon.stop();
    ready_again(&state);
    let reader = Reader::open(&state).unwrap();
    let seqs: Vec<u64> = reader
        .records(0..u64::MAX, &Filter::kind("run_opened"))
        .map(|found| match found.unwrap().1.body {
            Body::RunOpened { seq, .. } => seq,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs.len(), seqs.iter().collect::<BTreeSet<_>>().len(), "a number was given twice: {seqs:?}");
}
