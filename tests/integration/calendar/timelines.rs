//! Random timelines over the real line and ledger: downtime, clocks that are set, changes of daylight saving time,
//! overlaps, failures, crashes, schedules that change. What must come out is kept apart, from what was done.
//!
//! `EVIDENCED_SEED` and `EVIDENCED_CASES` choose other and more timelines.

use super::world::{Line, STALE_HOURS, World, at};
use crate::support::random::{Random, chosen};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::config::CatchUp;
use evidenced::drift::State;
use evidenced::ledger::record::{Body, Trigger};
use evidenced::schedule::{Answer, Answered, Outcome, PATIENCE, Schedule, Term, calendar};
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

const SEED: u64 = 20_260_329;
const CASES: u64 = 120;

/// Schedules, each with the minutes that are about one slot of it.
const LINES: [(Line, i64); 7] = [
    (("*/15 * * * *", "Europe/Berlin"), 15),
    (("0 * * * *", "America/New_York"), 60),
    (("30 */2 * * *", "Australia/Lord_Howe"), 120),
    (("30 2 * * *", "Europe/Berlin"), 1440),
    (("15 3,15 * * *", "America/Santiago"), 720),
    (("0 6 * * 1-5", "UTC"), 1440),
    (("0 0 28-31 2 *", "Asia/Kathmandu"), 1440),
];

/// Changes of daylight saving time and a leap day are near.
const STARTS: [&str; 6] = [
    "2026-03-28T20:11:00Z",
    "2026-10-24T21:11:00Z",
    "2026-03-07T23:50:30Z",
    "2026-10-31T22:00:00Z",
    "2028-02-27T12:00:00Z",
    "2026-04-04T11:00:01Z",
];

/// Of the length of so many minutes, to the millisecond.
fn time(random: &mut Random, minutes: i64) -> TimeDelta {
    let most = u64::try_from(minutes.max(1) * 60_000).unwrap();
    TimeDelta::milliseconds(i64::try_from(random.below(most)).unwrap() + 1)
}

/// What must come out: kept by what was done, and by nothing that is on record.
struct Expected {
    /// The schedule in force; `None`: the collector is not configured.
    line: Option<Line>,
    /// Everything due until then has an outcome.
    settled: DateTime<Utc>,
    slots: BTreeMap<DateTime<Utc>, Outcome>,
    /// As of when the control is effective; `None`: it is not.
    fresh: Option<DateTime<Utc>>,
    /// When it became stale.
    stale: Vec<DateTime<Utc>>,
}

impl Expected {
    /// The control became stale by `now`, if it was effective for too long.
    fn lapse(&mut self, now: DateTime<Utc>) {
        let due = self.fresh.map(|fresh| fresh + TimeDelta::hours(STALE_HOURS)).filter(|due| *due <= now);
        if let Some(due) = due {
            self.stale.push(due);
            self.fresh = None;
        }
    }

    /// What feeds the control was taken away or is there again.
    fn feed(&mut self, line: Option<Line>, now: DateTime<Utc>) {
        self.lapse(now);
        if line.is_none() && self.fresh.take().is_some() {
            self.stale.push(now);
        }
    }

    /// A run ended well, or with nothing read.
    fn observe(&mut self, now: DateTime<Utc>, whole: bool) {
        self.lapse(now);
        self.fresh = whole.then_some(now);
    }

    fn pending(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let Some((line, timezone)) = self.line else { return Vec::new() };
        Schedule::parse(line, timezone).unwrap().due(self.settled, now).collect()
    }

    /// Everything pending was missed, but for the latest, which became `latest`.
    fn settle(&mut self, now: DateTime<Utc>, latest: impl FnOnce(DateTime<Utc>) -> Outcome) {
        let mut pending = self.pending(now);
        if let Some(slot) = pending.pop() {
            self.slots.insert(slot, latest(slot));
        }
        self.slots.extend(pending.into_iter().map(|slot| (slot, Outcome::Missed)));
        self.settled = self.settled.max(now);
    }

    fn run(&mut self, now: DateTime<Utc>) {
        if !self.pending(now).is_empty() {
            self.observe(now, true);
        }
        self.settle(now, |slot| if now - slot > PATIENCE { Outcome::Late } else { Outcome::Done });
    }
}

struct Timeline {
    world: World,
    random: Random,
    expected: Expected,
    /// About one slot, in minutes.
    slot: i64,
    /// What was done, for people.
    told: Vec<String>,
}

impl Timeline {
    async fn begin(seed: u64) -> Self {
        let mut random = Random(seed);
        let start = at(random.pick(&STARTS));
        let (line, slot) = random.pick(&LINES);
        let mut world = World::begin(start);
        world.start(Some(line), CatchUp::Latest).await;
        let expected =
            Expected { line: Some(line), settled: start, slots: BTreeMap::new(), fresh: None, stale: Vec::new() };
        let told = vec![format!("{start}: begins with {line:?}")];
        Self { world, random, expected, slot, told }
    }

    fn tell(&mut self, what: &str) {
        self.told.push(format!("{}: {what}", self.world.clock.now()));
    }

    /// Time goes on by up to so many slots.
    fn on(&mut self, slots: i64) {
        let by = time(&mut self.random, self.slot * slots);
        self.world.clock.advance(by);
    }

    async fn restart(&mut self, line: Option<Line>) {
        let policy = self.random.pick(&[CatchUp::Latest, CatchUp::Latest, CatchUp::None]);
        let now = self.world.clock.now();
        self.tell(&format!("starts with {line:?}, {policy:?}"));
        self.world.start(line, policy).await;
        if line.is_some() && policy == CatchUp::Latest {
            self.expected.run(now);
        } else {
            self.expected.settle(now, |_| Outcome::Missed);
        }
        if self.expected.line != line {
            self.expected.line = line;
            self.expected.settled = now;
        }
        self.expected.feed(line, now);
    }

    async fn look(&mut self) {
        self.tell("looks");
        self.world.look(CatchUp::Latest, Trigger::Schedule).await;
        let now = self.world.clock.now();
        self.expected.run(now);
    }

    async fn look_while(&mut self, what: &str, outcome: Outcome) {
        self.tell(what);
        let now = self.world.clock.now();
        match outcome {
            Outcome::Missed => {
                let held = self.world.runner().ledger().lock_collector("c").unwrap().expect("nobody else holds it");
                self.world.look(CatchUp::Latest, Trigger::Schedule).await;
                drop(held);
            }
            _ => {
                let (logs, away) = (self.world.logs(), self.world.logs().with_extension("away"));
                std::fs::rename(&logs, &away).unwrap();
                self.world.look(CatchUp::Latest, Trigger::Schedule).await;
                std::fs::rename(&away, &logs).unwrap();
            }
        }
        if outcome == Outcome::Failed && !self.expected.pending(now).is_empty() {
            self.expected.observe(now, false);
        }
        self.expected.settle(now, |_| outcome);
    }

    /// Time alone.
    async fn watch(&mut self) {
        self.world.watch().await;
        self.expected.lapse(self.world.clock.now());
    }

    /// Dies in the middle of the run for the one slot that is pending.
    async fn crash(&mut self) {
        let now = self.world.clock.now();
        let [slot] = self.expected.pending(now)[..] else { return };
        self.tell("dies in the middle");
        let window = Window { start: now, end: now };
        let (run, collector) = (format!("{:032x}", self.random.below(u64::MAX)), "c".to_owned());
        let (trigger, scheduled_for) = (Trigger::Schedule, Some(slot));
        self.world.append(Body::RunOpened { run, collector, seq: 0, trigger, scheduled_for, window }).await;
        self.expected.settle(now, |_| Outcome::Interrupted);
        self.restart(self.expected.line).await;
    }

    /// One step, of those that `changes` and `clock` allow.
    async fn step(&mut self, changes: bool, clock: bool) {
        let configured = self.expected.line.is_some();
        match self.random.below(12) {
            0 => {
                self.on(40);
                self.restart(self.expected.line).await;
            }
            1 if changes => {
                self.on(6);
                let (line, slot) = self.random.pick(&LINES);
                self.slot = slot;
                self.restart(Some(line)).await;
            }
            2 if changes => {
                self.on(6);
                self.restart(None).await;
            }
            3 if clock => {
                let by =
                    self.random.pick(&[TimeDelta::hours(1), TimeDelta::minutes(self.slot * 7), TimeDelta::days(400)]);
                if by < TimeDelta::days(400) || self.slot > 300 {
                    self.tell("the clock is set forward");
                    self.world.clock.advance(by);
                }
            }
            4 if clock => {
                let by =
                    self.random.pick(&[TimeDelta::hours(1), TimeDelta::minutes(self.slot * 7), TimeDelta::days(400)]);
                self.tell("the clock is set back");
                self.world.clock.advance(-by);
            }
            5 if configured => {
                self.on(2);
                self.look_while("looks, and the run before has not ended", Outcome::Missed).await;
            }
            6 if configured => {
                self.on(2);
                self.look_while("looks, and nothing can be read", Outcome::Failed).await;
            }
            7 if configured => {
                self.on(2);
                self.crash().await;
            }
            _ if configured => {
                self.on(2);
                self.look().await;
            }
            _ => self.on(5),
        }
    }

    /// One outcome a slot, each as it must be.
    fn check(&self) {
        let found = self.world.calendar();
        let slots: BTreeSet<DateTime<Utc>> = found.iter().map(|(slot, _)| *slot).collect();
        assert_eq!(slots.len(), found.len(), "a slot is there twice");
        let found: BTreeMap<DateTime<Utc>, Outcome> = found.into_iter().collect();
        for (slot, outcome) in &self.expected.slots {
            assert_eq!(found.get(slot), Some(outcome), "slot {slot}");
        }
        let other: Vec<_> = found.iter().filter(|(slot, _)| !self.expected.slots.contains_key(slot)).collect();
        assert!(other.is_empty(), "nothing is known of {other:?}");
    }

    /// The control became stale each time at the instant at which it was due to, and is not effective now on what
    /// is too old.
    fn check_freshness(&self, clock_set: bool) {
        let now = self.world.clock.now();
        if !clock_set {
            assert_eq!(self.world.stale_since(), self.expected.stale, "when it became stale");
            assert_eq!(self.world.state() == State::Effective, self.expected.fresh.is_some(), "at the end");
        }
        let old = self.world.newest_complete().is_none_or(|at| now - at >= TimeDelta::hours(STALE_HOURS));
        assert!(!old || self.world.state() != State::Effective, "effective on what is too old");
    }

    /// When schedules change and the clock is set, which slots are whose is not told here; but each has a record,
    /// and no record is for none.
    fn check_all_answered(&self) {
        let now = self.world.clock.now();
        for (slot, outcome) in self.world.calendar() {
            let silent = matches!(outcome, Outcome::Unaccounted | Outcome::Unplanned | Outcome::Due | Outcome::Open);
            assert!(!silent || slot > now, "slot {slot} is {}", outcome.word());
        }
    }
}

async fn live(seed: u64, changes: bool, clock: bool) {
    let mut timeline = Timeline::begin(seed).await;
    for _ in 0..14 {
        timeline.step(changes, clock).await;
        if timeline.random.below(3) == 0 {
            timeline.watch().await;
        }
    }
    timeline.tell("ends");
    timeline.restart(timeline.expected.line).await;
    let checked = std::panic::catch_unwind(AssertUnwindSafe(|| match changes && clock {
        true => timeline.check_all_answered(),
        false => timeline.check(),
    }));
    // Then nothing is collected any more.
    timeline.on(1 << 10);
    timeline.watch().await;
    let checked = checked.and_then(|()| std::panic::catch_unwind(AssertUnwindSafe(|| timeline.check_freshness(clock))));
    if let Err(panic) = checked {
        eprintln!("EVIDENCED_SEED={seed} EVIDENCED_CASES=1 shows it again\n{}", timeline.told.join("\n"));
        std::panic::resume_unwind(panic);
    }
}

/// One after another, each from a seed of its own.
async fn many(changes: bool, clock: bool) {
    let seed = chosen("EVIDENCED_SEED", SEED);
    for case in 0..chosen("EVIDENCED_CASES", CASES) / 3 + 1 {
        live(seed + case, changes, clock).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_slot_has_its_one_outcome_when_schedules_change() {
    many(true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_slot_has_its_one_outcome_when_the_clock_is_set() {
    many(false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_slot_is_answered_when_both_happen() {
    many(true, true).await;
}

/// The fold alone, against sets: thousands of terms and answers.
#[test]
fn the_calendar_is_what_sets_say_that_it_is() {
    let seed = chosen("EVIDENCED_SEED", SEED);
    for case in 0..chosen("EVIDENCED_CASES", CASES) * 50 {
        let seed = seed + case;
        let mut random = Random(seed);
        let start = at(random.pick(&STARTS));
        let (mut terms, mut due) = (Vec::new(), BTreeSet::new());
        let mut from = start;
        for _ in 0..=random.below(3) {
            let ((line, timezone), slot) = random.pick(&LINES);
            let until = from + time(&mut random, slot * 9);
            let schedule = Schedule::parse(line, timezone).unwrap();
            due.extend(schedule.due(from, until));
            terms.push(Term { from, until, schedule });
            // Some begin again before the one before has ended.
            from = until - random.pick(&[TimeDelta::zero(), TimeDelta::zero(), TimeDelta::minutes(slot * 2)]);
        }
        let known = terms.iter().map(|term| term.until).max().unwrap();
        let mut answers: Vec<Answer> = Vec::new();
        for slot in due.iter().copied().filter(|_| random.below(3) > 0).collect::<Vec<_>>() {
            let stray = if random.below(20) == 0 { TimeDelta::seconds(7) } else { TimeDelta::zero() };
            let ended = [None, Some((slot, Outcome::Done)), Some((slot, Outcome::Failed))];
            let began = slot + time(&mut random, 9);
            let what = if random.below(4) == 0 {
                Answered::Missed
            } else {
                Answered::Ran { began, ended: random.pick(&ended) }
            };
            answers.push(Answer { slot: slot + stray, record: answers.len() as u64, what });
        }
        let within = Window { start: start + time(&mut random, 600), end: known - time(&mut random, 60) };
        if within.start >= within.end {
            continue;
        }
        let inside: Vec<Answer> = answers.into_iter().filter(|answer| within.contains(answer.slot)).collect();
        let found: Vec<_> = calendar(&terms, inside.iter().copied(), within, known).collect();
        let told = || format!("EVIDENCED_SEED={seed} EVIDENCED_CASES=1");
        assert!(found.is_sorted_by_key(|slot| slot.due), "{}", told());
        let asked: BTreeSet<_> = found.iter().filter(|s| s.outcome != Outcome::Unplanned).map(|s| s.due).collect();
        let expected: BTreeSet<_> = due.iter().copied().filter(|slot| within.contains(*slot)).collect();
        assert_eq!(asked, expected, "{}", told());
        assert_eq!(found.iter().filter_map(|slot| slot.answer).collect::<Vec<_>>(), inside, "{}", told());
        for slot in &found {
            let right = match (slot.answer.map(|answer| answer.what), due.contains(&slot.due)) {
                (None, _) if known - slot.due < PATIENCE => Outcome::Due,
                (None, _) => Outcome::Unaccounted,
                (Some(_), false) => Outcome::Unplanned,
                (Some(Answered::Missed), true) => Outcome::Missed,
                (Some(Answered::Ran { ended: None, .. }), true) => Outcome::Open,
                (Some(Answered::Ran { began, ended: Some((_, Outcome::Done)) }), true)
                    if began - slot.due > PATIENCE =>
                {
                    Outcome::Late
                }
                (Some(Answered::Ran { ended: Some((_, end)), .. }), true) => end,
            };
            assert_eq!(slot.outcome, right, "{} slot {}", told(), slot.due);
        }
    }
}
