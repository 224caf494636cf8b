//! Clocks that are set under a running daemon, by libfaketime: every slot has one outcome, no verdict is dated back but
//! behind one whose clock was ahead, and the log shows that the clock was set. `calendar::timelines` sets the program's own clock in many more ways.

use crate::cli::Home;
use crate::cli::reload::{Daemon, edit, home};
use crate::support::wait_until;
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::drift;
use evidenced::ledger::record::Body;
use evidenced::ledger::{Filter, Reader, verify_store};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// The library that answers for the clock. Missing is a failure, not a skip.
fn library() -> PathBuf {
    let mut found =
        fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path().join("faketime/libfaketimeMT.so.1"));
    let found = found.find(|path| path.is_file());
    found.expect("libfaketime is not installed\nhint: run tests/setup.sh, or apt-get install faketime")
}

struct Faked {
    home: Home,
    daemon: Daemon,
    owner: u32,
}

impl Faked {
    fn start() -> Self {
        let home = home();
        edit(&home, "schedule = '0 * * * *'", "schedule = '0 6 * * *'");
        fs::write(home.path("clock"), "+0").unwrap();
        let (library, clock) = (library(), home.path("clock"));
        let variables = [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            // Else waiting would go back too, as no clock does that is set.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let daemon = Daemon::start_with(&home, &variables);
        Self { home, daemon, owner: 0 }
    }

    /// Sets the clock, this far from the true one, and makes the daemon look.
    fn set(&mut self, hours: i64) {
        let next = self.home.path("clock.next");
        fs::write(&next, format!("{hours:+}h")).unwrap();
        fs::rename(next, self.home.path("clock")).unwrap();
        let (from, to) = (self.owner, self.owner + 1);
        let name = |n: u32| if n == 0 { "owner = 'o'".to_owned() } else { format!("owner = 'o{n}'") };
        edit(&self.home, &name(from), &name(to));
        self.owner = to;
        assert!(self.daemon.reload().ends_with("is in force"));
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.home.path("state")).unwrap()
    }

    fn closed(&self) -> usize {
        self.reader().records(0..u64::MAX, &Filter::kind("run_closed")).count()
    }

    /// Until so many runs have ended, and none is going on.
    fn until_closed(&self, runs: usize) {
        let quiet = || self.closed() >= runs && self.reader().open_runs().unwrap().is_empty();
        wait_until(&format!("{runs} runs"), LIMIT, quiet);
    }

    /// Until a slot after this one is answered.
    fn until_after(&self, slot: Option<DateTime<Utc>>) {
        wait_until("a later slot", LIMIT, || self.newest_slot() > slot);
        self.until_closed(0);
    }

    fn newest_slot(&self) -> Option<DateTime<Utc>> {
        self.reader().newest_slot("c", 0..u64::MAX).unwrap()
    }

    /// How often the clock went back, by the times of the records.
    fn set_back(&self) -> usize {
        let reader = self.reader();
        let times = reader.records(0..u64::MAX, &Filter::default()).map(|found| found.unwrap().1.at);
        let times: Vec<DateTime<Utc>> = times.collect();
        times.windows(2).filter(|pair| pair[1] < pair[0] - TimeDelta::minutes(1)).count()
    }
}

#[test]
fn a_clock_that_is_set_under_a_running_daemon_binds_nothing_that_comes_after_it_and_gives_each_slot_one_outcome() {
    let mut faked = Faked::start();
    // 400 days on: those slots were not answered when they were due, and the newest is.
    faked.set(9_600);
    faked.until_after(None);
    faked.until_closed(1);
    // An hour back, and then two days on from there.
    faked.set(9_599);
    let before = faked.newest_slot();
    faked.set(9_599 + 48);
    faked.until_after(before);
    // Back to the true time: what is on record is of a time that has not come, so it collects at once.
    let before = faked.closed();
    faked.set(0);
    faked.until_closed(before + 1);

    let reader = faked.reader();
    let (mut slots, mut missed, mut as_of) = (Vec::new(), 0, None);
    for found in reader.records(0..u64::MAX, &Filter::default()) {
        let record = found.unwrap().1;
        match record.body {
            Body::RunOpened { scheduled_for: Some(slot), .. } => slots.push(slot),
            Body::Missed { scheduled_for, .. } => {
                slots.push(scheduled_for);
                missed += 1;
            }
            Body::Verdict { as_of: at, .. } => {
                let bound = as_of.is_none_or(|before| at >= before || drift::is_ahead(before, record.at));
                assert!(bound, "a verdict as of {at} after one as of {as_of:?}");
                let ahead = at - record.at;
                assert!(ahead < TimeDelta::days(1), "a verdict as of {at}, recorded at {}", record.at);
                as_of = Some(at);
            }
            _ => {}
        }
    }
    let once: BTreeSet<_> = slots.iter().collect();
    assert_eq!(once.len(), slots.len(), "a slot has two outcomes");
    let days = (**once.last().unwrap() - **once.first().unwrap()).num_days();
    assert_eq!(slots.len() as i64, days + 1, "a slot has no outcome");
    // One fewer, where going an hour back went behind six o'clock.
    assert!((400..=403).contains(&days) && missed >= 399, "{days} days, {missed} missed");
    assert_eq!(faked.set_back(), 2, "the log does not show that the clock was set back");
    faked.daemon.signal("TERM");
    assert!(verify_store(&faked.home.path("state")).unwrap().is_whole());
    println!(
        "clocks: 4 steps, {} slots, {missed} missed, each with one outcome, set back twice by the log",
        slots.len()
    );
}

#[test]
fn a_clock_that_is_not_set_shows_none_of_that() {
    let mut faked = Faked::start();
    faked.set(0);
    assert_eq!((faked.set_back(), faked.reader().records(0..u64::MAX, &Filter::kind("missed")).count()), (0, 0));
}
