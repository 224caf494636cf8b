//! A company with one collector, whose restore logs tell of good tests and bad ones, and people to be told.

use chrono::{DateTime, TimeDelta, Utc};
use evidenced::config::{CatchUp, Loaded, parse};
use evidenced::demo::restores::{RestoreHistory, SampleEnding, SampleTest};
use evidenced::ledger::record::{Body, DeliveryOutcome, Trigger};
use evidenced::ledger::{Create, Filter, Ledger, Reader};
use evidenced::notify::deliver::{Outbox, Sink, Sinks};
use evidenced::notify::message::{Letter, Message};
use evidenced::notify::raise::message;
use evidenced::notify::{Again, Refusal};
use evidenced::run::Runner;
use evidenced_collectors::contract::clock::{Clock, ManualClock};
use std::future::pending;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) clock: Arc<ManualClock>,
    extra: String,
}

/// Two channels, and no routes: everything goes to both.
pub(super) const TWO: &str = "[channels.chat]\nway = 'stdout'\n[channels.mail]\nway = 'stdout'\n";

impl World {
    /// With channels, routes and the like, as the configuration has them.
    pub(super) fn new(extra: &str) -> Self {
        Self::at("2026-01-05T09:00:00Z", extra)
    }

    pub(super) fn at(now: &str, extra: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        let world = Self { dir, clock: Arc::new(ManualClock::at(at(now))), extra: extra.to_owned() };
        std::fs::write(world.config(), world.text()).unwrap();
        let create = Create {
            organization: "Test".into(),
            origin: "test.example/soc2".into(),
            sample: false,
            at: world.clock.now(),
        };
        drop(Ledger::create(&world.loaded().state_dir, create).unwrap());
        world
    }

    /// With more in its configuration.
    pub(super) fn with(self, extra: &str) -> Self {
        let world = Self { extra: extra.to_owned(), ..self };
        std::fs::write(world.config(), world.text()).unwrap();
        world
    }

    pub(super) fn config(&self) -> PathBuf {
        self.dir.path().join("evidenced.toml")
    }

    fn text(&self) -> String {
        format!(
            "organization = 'Test'\norigin = 'test.example/soc2'\nstate_dir = 'state'\nstop_timeout = '5s'\n{}\n\
             [collectors.c]\nkind = 'backup_restores'\nschedule = '0 * * * *'\n\
             [collectors.c.settings]\ndirectory = '{}'\n\
             stores = [{{ name = 'db', rto_target_s = 14400, rpo_target_s = 86400 }}]\n\
             [controls.T-1]\ntitle = 'Backups are proven'\ncriteria = ['A1.3']\nowner = 'Ann'\nseverity = 'critical'\n\
             collectors = ['c']\ntest = 'restore_test'\nstale_after = '36h'\npolicy = {{ asks = 'operated' }}\n\
             [controls.T-2]\ntitle = 'Again'\ncriteria = ['A1.3']\nowner = 'Bob'\nseverity = 'low'\n\
             collectors = ['c']\ntest = 'restore_test'\nstale_after = '400d'\npolicy = {{ asks = 'operated' }}\n",
            self.extra,
            self.dir.path().join("logs").display()
        )
    }

    pub(super) fn loaded(&self) -> Loaded {
        parse(&self.config(), &self.text()).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn runner(&self) -> Runner {
        let loaded = self.loaded();
        let ledger = Ledger::open(&loaded.state_dir).unwrap();
        Runner::new(loaded, ledger, self.clock.clone())
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(&self.loaded().state_dir).unwrap()
    }

    /// One restore test a year ago and a quarter's worth of good ones; then what the test wants.
    pub(super) fn log(&self, more: &[(&str, SampleEnding)]) {
        let good = ["2025-02-03", "2025-05-03", "2025-08-03", "2025-11-03", "2026-01-04"];
        let mut tests: Vec<SampleTest> =
            good.iter().map(|day| test(&format!("{day}T02:00:00Z"), SampleEnding::Good)).collect();
        tests.extend(more.iter().map(|(started, ending)| test(started, *ending)));
        RestoreHistory::new(tests).write_until(&self.dir.path().join("logs"), self.clock.now()).unwrap();
    }

    /// What is due, and a look at what time has changed.
    pub(super) async fn step(&self, to: &str) {
        self.clock.set(at(to));
        let runner = self.runner();
        runner.record_config("a test").await.unwrap();
        let (_keep, never) = watch::channel(false);
        runner.due("c", CatchUp::Latest, Trigger::Schedule, never).await.unwrap();
        runner.watch().await.unwrap();
    }

    /// A run that nobody had planned.
    pub(super) async fn collect(&self, to: &str) {
        self.clock.set(at(to));
        let runner = self.runner();
        runner.record_config("a test").await.unwrap();
        let (_keep, never) = watch::channel(false);
        runner.run("c", Trigger::Manual, None, never).await.unwrap();
    }

    /// Every alert on record, with its record.
    pub(super) fn alerts(&self) -> Vec<(u64, Message)> {
        let reader = self.reader();
        let found = reader.records(0..u64::MAX, &Filter::kind("alert"));
        let alerts =
            found.map(|found| found.unwrap().0).filter_map(|index| Some((index, message(&reader, index).unwrap()?)));
        alerts.collect()
    }

    /// `T-1 drifted` and the like, of every alert.
    pub(super) fn told(&self) -> Vec<String> {
        self.alerts().iter().map(|(_, alert)| title(alert)).collect()
    }

    /// Every delivery: channel, alerts, what became of them.
    pub(super) fn settled(&self) -> Vec<(String, Vec<u64>, DeliveryOutcome)> {
        let reader = self.reader();
        let found = reader.records(0..u64::MAX, &Filter::kind("delivery"));
        let settled = found.map(|found| match found.unwrap().1.body {
            Body::Delivery { channel, alerts, outcome, .. } => (channel, alerts, outcome),
            other => panic!("{other:?}"),
        });
        settled.collect()
    }
}

fn test(started: &str, ending: SampleEnding) -> SampleTest {
    SampleTest { store: "db".into(), started: at(started), ending }
}

pub(super) fn title(alert: &Message) -> String {
    let subject = alert.subject.name();
    let event = serde_json::to_value(alert.event).unwrap();
    format!("{} {}", subject.split(' ').next_back().unwrap_or_default(), event.as_str().unwrap())
}

/// What a channel does with a letter.
#[derive(Clone)]
pub(super) enum Does {
    Takes,
    Refuses(Again),
    /// Takes what is about this, and will never take anything else.
    TakesOnly(&'static str),
    /// Takes so many alerts of it, then refuses.
    TakesSome(usize),
    /// Says nothing, for ever.
    Hangs,
}

/// A channel of the test's own, and everything that it was sent.
pub(super) struct Inbox {
    does: Mutex<Does>,
    pub(super) got: Mutex<Vec<Letter>>,
    pub(super) asked: Mutex<u32>,
}

impl Inbox {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { does: Mutex::new(Does::Takes), got: Mutex::default(), asked: Mutex::default() })
    }

    pub(super) fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// What has arrived, letter by letter.
    pub(super) fn letters(&self) -> Vec<Vec<String>> {
        let got = self.got.lock().unwrap();
        got.iter().map(|letter| letter.alerts.iter().map(|(_, alert)| title(alert)).collect()).collect()
    }

    pub(super) fn delays(&self) -> Vec<Option<String>> {
        self.got.lock().unwrap().iter().map(|letter| letter.delayed.clone()).collect()
    }
}

pub(super) fn refusal(taken: usize, again: Again) -> Refusal {
    Refusal { taken, why: "503 out of paper".into(), hint: "feed it".into(), again }
}

#[async_trait::async_trait]
impl Sink for Inbox {
    async fn send(&self, letter: &Letter, _: DateTime<Utc>) -> Result<(), Refusal> {
        *self.asked.lock().unwrap() += 1;
        let does = self.does.lock().unwrap().clone();
        match does {
            Does::Takes => self.got.lock().unwrap().push(letter.clone()),
            Does::Refuses(again) => return Err(refusal(0, again)),
            Does::TakesOnly(subject) if letter.alerts.iter().all(|(_, alert)| title(alert).starts_with(subject)) => {
                self.got.lock().unwrap().push(letter.clone());
            }
            Does::TakesOnly(_) => return Err(refusal(0, Again::Never)),
            Does::TakesSome(some) => {
                let mut letter = letter.clone();
                letter.alerts.truncate(some);
                self.got.lock().unwrap().push(letter);
                return Err(refusal(some, Again::Later));
            }
            Does::Hangs => pending().await,
        }
        Ok(())
    }
}

/// Two channels of the test's own, over the world's ledger.
pub(super) struct Post {
    pub(super) chat: Arc<Inbox>,
    pub(super) mail: Arc<Inbox>,
    pub(super) outbox: Arc<Outbox>,
}

impl Post {
    pub(super) fn of(world: &World) -> Self {
        let (chat, mail) = (Inbox::new(), Inbox::new());
        let outbox = Self::outbox(world, &chat, &mail);
        Self { chat, mail, outbox }
    }

    /// As after a restart: it knows nothing but the ledger.
    pub(super) fn again(&mut self, world: &World) {
        self.outbox = Self::outbox(world, &self.chat, &self.mail);
    }

    /// With another limit on how long a channel may take.
    pub(super) fn within(&mut self, world: &World, limit: Duration) {
        self.outbox = Arc::new(Outbox::with(&world.runner(), Self::sinks(&self.chat, &self.mail)).within(limit));
    }

    fn outbox(world: &World, chat: &Arc<Inbox>, mail: &Arc<Inbox>) -> Arc<Outbox> {
        Arc::new(Outbox::with(&world.runner(), Self::sinks(chat, mail)))
    }

    fn sinks(chat: &Arc<Inbox>, mail: &Arc<Inbox>) -> Sinks {
        [("chat", chat), ("mail", mail)]
            .into_iter()
            .map(|(name, inbox)| (name.to_owned(), inbox.clone() as Arc<dyn Sink>))
            .collect()
    }

    /// Passes, a minute apart.
    pub(super) async fn minutes(&self, world: &World, minutes: i64) {
        for _ in 0..minutes {
            self.outbox.deliver().await.unwrap();
            world.clock.advance(TimeDelta::minutes(1));
        }
    }
}
