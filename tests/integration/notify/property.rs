//! Random events, outages, lost answers, crashes between any two steps, and clocks that are set: every alert has
//! arrived or is dead on record, in order for each subject, and none was invented.
//!
//! `EVIDENCED_SEED=7 EVIDENCED_CASES=200 cargo test --test integration random_outages -- --nocapture` for others.

use super::world::{TWO, World, refusal};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::config::Severity;
use evidenced::ledger::Filter;
use evidenced::ledger::record::{Body, DeliveryOutcome};
use evidenced::notify::deliver::{Outbox, Sink, Sinks};
use evidenced::notify::message::{Letter, Message};
use evidenced::notify::owed::Owed;
use evidenced::notify::{Again, Refusal};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// splitmix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// What the outside saw: channel, record and message, in the order in which it came.
#[derive(Default)]
struct Outside {
    seen: Mutex<Vec<(String, u64, Message)>>,
    refused: Mutex<BTreeSet<(String, u64)>>,
    random: Mutex<Option<Random>>,
    /// Somebody pulled the plug.
    crash: Notify,
}

struct Unreliable {
    name: String,
    outside: Arc<Outside>,
}

impl Unreliable {
    fn sees(&self, letter: &Letter, count: usize) {
        let mut seen = self.outside.seen.lock().unwrap();
        seen.extend(letter.alerts.iter().take(count).map(|(index, alert)| (self.name.clone(), *index, alert.clone())));
    }

    fn refuses(&self, letter: &Letter, taken: usize, again: Again) -> Result<(), Refusal> {
        let mut refused = self.outside.refused.lock().unwrap();
        refused.extend(letter.alerts.iter().skip(taken).map(|(index, _)| (self.name.clone(), *index)));
        Err(refusal(taken, again))
    }
}

#[async_trait::async_trait]
impl Sink for Unreliable {
    async fn send(&self, letter: &Letter, _: DateTime<Utc>) -> Result<(), Refusal> {
        let all = letter.alerts.len();
        // In peace everything is taken.
        let (dice, some) = match self.outside.random.lock().unwrap().as_mut() {
            Some(random) => (random.below(12), usize::try_from(random.below(all as u64)).unwrap()),
            None => (0, 0),
        };
        match dice {
            0..=4 => self.sees(letter, all),
            5..=6 => return self.refuses(letter, 0, Again::Later),
            7 => return self.refuses(letter, 0, Again::After(Duration::from_secs(600))),
            8 => return self.refuses(letter, 0, Again::Never),
            9 => {
                self.sees(letter, some);
                return self.refuses(letter, some, Again::Later);
            }
            10 => {
                self.sees(letter, all);
                return self.refuses(letter, 0, Again::Later);
            }
            _ => {
                // The process dies before or after the other side has it.
                self.sees(letter, if some % 2 == 0 { all } else { 0 });
                self.outside.crash.notify_one();
                pending::<()>().await;
            }
        }
        Ok(())
    }
}

const ROUTES: &str = "[alerts]\ngive_up_after = '12h'\n\
    [[routes]]\nchannels = ['chat']\nquiet = { from = '22:00', to = '06:00' }\n\
    [[routes]]\nchannels = ['mail']\ndigest = '4h'\n\
    [[routes]]\nchannels = ['mail']\nat_least = 'critical'\n";

fn outbox(world: &World, outside: &Arc<Outside>) -> Arc<Outbox> {
    let sink = |name: &str| {
        let sink: Arc<dyn Sink> = Arc::new(Unreliable { name: name.to_owned(), outside: outside.clone() });
        (name.to_owned(), sink)
    };
    let sinks: Sinks = ["chat", "mail"].map(sink).into();
    Arc::new(Outbox::with(&world.runner(), sinks))
}

async fn case(seed: u64) {
    let world = World::new(&format!("{TWO}{ROUTES}"));
    let outside = Arc::new(Outside::default());
    let mut random = Random(seed);
    *outside.random.lock().unwrap() = Some(Random(seed ^ 0xabcd));
    let mut process = outbox(&world, &outside);
    let (mut raised, mut crashes) = (0, 0);
    for _ in 0..60 {
        match random.below(10) {
            0..=2 => {
                let severity = [Severity::Low, Severity::High, Severity::Critical][random.below(3) as usize];
                world.raise(["daemon", "c", "a", "b"][random.below(4) as usize], severity).await;
                raised += 1;
            }
            3 => world.clock.advance(TimeDelta::minutes(random.below(600) as i64)),
            4 => world.clock.advance(-TimeDelta::minutes(random.below(300) as i64)),
            5 => process = outbox(&world, &outside),
            _ => {
                let crashed = tokio::select! {
                    passed = process.deliver() => { passed.unwrap(); false }
                    () = outside.crash.notified() => true,
                };
                if crashed {
                    crashes += 1;
                    process = outbox(&world, &outside);
                }
                world.clock.advance(TimeDelta::minutes(random.below(5) as i64));
            }
        }
    }
    // Peace.
    *outside.random.lock().unwrap() = None;
    process = outbox(&world, &outside);
    for _ in 0..90 {
        process.deliver().await.unwrap();
        world.clock.advance(TimeDelta::hours(1));
    }
    let mut owed = Owed::default();
    owed.follow(&world.reader()).unwrap();
    assert_eq!(owed.channels().count(), 0, "something is owed still");
    let seen = outside.seen.lock().unwrap();
    let dead = check(&world, &seen, &outside.refused.lock().unwrap());
    eprintln!("seed {seed}: {raised} raised, {} seen, {dead} dead, {crashes} crashes", seen.len());
}

/// An alert, and when it was seen: its record, and places in what all channels saw.
type Arrived = (u64, Vec<usize>);

/// Gives how many are dead.
fn check(world: &World, seen: &[(String, u64, Message)], refused: &BTreeSet<(String, u64)>) -> usize {
    let reader = world.reader();
    let alerts: BTreeMap<u64, Message> = world.alerts().into_iter().collect();
    let mut settled: BTreeMap<(String, u64), DeliveryOutcome> = BTreeMap::new();
    for (channel, indexes, outcome) in world.settled() {
        for index in indexes {
            let before = settled.insert((channel.clone(), index), outcome);
            assert_eq!(before, None, "record {index} was settled twice on {channel}");
        }
    }
    for (channel, index, message) in seen {
        assert_eq!(alerts.get(index), Some(message), "{channel} saw what is not on record");
        let Body::Alert { channels, .. } = reader.record(*index).unwrap().body else { panic!("{index}") };
        assert!(channels.contains(channel), "{channel} was sent what is not for it");
    }
    let mut times: BTreeMap<(&str, String), Vec<Arrived>> = BTreeMap::new();
    for found in reader.records(0..u64::MAX, &Filter::kind("alert")) {
        let (index, record) = found.unwrap();
        let Body::Alert { channels, about, .. } = record.body else { panic!() };
        for channel in ["chat", "mail"].into_iter().filter(|name| channels.iter().any(|channel| channel == name)) {
            let key = (channel.to_owned(), index);
            let arrived: Vec<usize> =
                (0..seen.len()).filter(|at| seen[*at].0 == channel && seen[*at].1 == index).collect();
            match settled.get(&key) {
                Some(DeliveryOutcome::Delivered) => {
                    assert!(!arrived.is_empty(), "{index} is delivered, and {channel} never saw it")
                }
                Some(DeliveryOutcome::Dead) => {
                    assert!(refused.contains(&key), "{index} is dead, and {channel} never refused it")
                }
                other => panic!("record {index} on {channel} is {other:?}"),
            }
            times.entry((channel, about.to_string())).or_default().push((index, arrived));
        }
    }
    for ((channel, subject), alerts) in times {
        // A letter of several that was not recorded before a crash is sent again as a whole. So whoever counts the
        // first copies, or the last, sees them in order.
        let firsts: Vec<usize> = alerts.iter().filter_map(|(_, arrived)| arrived.first().copied()).collect();
        let lasts: Vec<usize> = alerts.iter().filter_map(|(_, arrived)| arrived.last().copied()).collect();
        assert!(firsts.is_sorted() && lasts.is_sorted(), "{subject} came out of order on {channel}: {alerts:?}");
    }
    settled.values().filter(|outcome| **outcome == DeliveryOutcome::Dead).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_random_outages_and_crashes_do_every_alert_arrives_in_order_or_is_dead_on_record() {
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |text| text.parse().unwrap());
    let (first, cases) = (number("EVIDENCED_SEED", 1), number("EVIDENCED_CASES", 10));
    for seed in first..first + cases {
        eprintln!("seed {seed}");
        case(seed).await;
    }
}
