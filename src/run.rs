//! The straight line: open, collect, seal, judge, drift, close. Every trigger enters here, and only here
//! do collectors and the ledger meet. `due` says which slots that is for, `configuration` by what it is done.

mod configuration;
mod due;
mod interrupted;
mod room;

use crate::assess::{self, Draft};
use crate::config::{CollectorConfig, Loaded};
use crate::disk::{Disk, Space};
use crate::drift::State;
use crate::ledger::record::{Body, End, Occasion, Status, Trigger, canonical_json};
use crate::ledger::{CollectorLock, Ledger, LedgerError, NewFile, NewRecord, Reader};
use crate::notify::raise::{self, Raise};
use crate::run_file::{self, RunFile, outcome_file};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::clock::Clock;
use evidenced_collectors::contract::{CollectError, Population, Task, Window};
use evidenced_collectors::door::{Door, Exchange, Network};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, watch};

/// Runs collectors and keeps the record of it.
pub struct Runner {
    loaded: RwLock<Arc<Loaded>>,
    /// Shared while a run opens, alone while the configuration is exchanged: so a run is under the newest
    /// `config` record before its opening, and that is what the log says of it.
    exchanging: tokio::sync::RwLock<()>,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    network: Network,
    /// Held from looking what is due to the record of it.
    looking: Mutex<()>,
    /// What says how much space is left.
    disk: Option<Disk>,
    /// Every run that goes on has one.
    turns: Arc<()>,
    /// Somebody who is due was turned away.
    turned_away: AtomicBool,
}

/// What came of a run, for whoever asked for it.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Which collector.
    pub collector: String,
    /// How it ended.
    pub end: End,
    /// Number of items held.
    pub items: u64,
    /// What was not read, each with why and a hint.
    pub unread: Vec<String>,
    /// Index of the evidence record.
    pub evidence: u64,
    /// The controls that it feeds, as they are now.
    pub controls: BTreeMap<String, State>,
}

/// A run that could not be recorded or begun. A collection that fails is no `RunError`: it is recorded.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No such collector.
    #[error("collector `{name}` is not configured\nhint: configured: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// No such control.
    #[error("control `{id}` is not configured\nhint: configured: {known}")]
    UnknownControl {
        /// The id asked for.
        id: String,
        /// Those there are.
        known: String,
    },
    /// It is running already, here or in another process.
    #[error("collector `{0}` is running already\nhint: wait for it to end; `evidenced status` shows it")]
    Overlap(String),
    /// There is no space for what a run brings. Nothing was recorded.
    #[error(
        "nothing is collected: {0}\nhint: make room on the disk that state_dir is on; the daemon goes on by itself"
    )]
    NoSpace(Space),
    /// Another configuration came into force by the log. Nothing was recorded.
    #[error(
        "another configuration than this one is in force by the log\n\
         hint: `evidenced config diff` shows what differs, `evidenced config apply` brings this one into force"
    )]
    OtherConfiguration,
    /// It was cut short; recorded.
    #[error("collector `{0}` was aborted, and is recorded so")]
    Aborted(String),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the ledger holds cannot be read as what it should be.
    #[error("record {index} of the ledger: {why}\nhint: run `evidenced verify --ledger DIR`, with state_dir for DIR")]
    Unreadable {
        /// Which record.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// A document of ours could not be written as JSON: a fault of ours.
    #[error("cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// No randomness: nothing may be sealed with predictable salts.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// A run that has been opened.
struct Opened<'a> {
    run: String,
    seq: u64,
    name: &'a str,
    /// The configuration that it began under, and ends under.
    loaded: Arc<Loaded>,
    task: Task,
}

impl Opened<'_> {
    fn config(&self) -> &CollectorConfig {
        &self.loaded.config.collectors[self.name]
    }
}

/// A run that has been opened, with what it is to be done with.
struct Begun<'a> {
    opened: Opened<'a>,
    door: Door,
    _lock: CollectorLock,
    _turn: Arc<()>,
}

impl Runner {
    /// Over an open ledger.
    pub fn new(loaded: impl Into<Arc<Loaded>>, ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        // A disk is as full as it is, whatever a simulated clock says.
        let disk = if clock.simulated() { None } else { Some(Disk::Real) };
        Self {
            disk,
            turns: Arc::default(),
            turned_away: AtomicBool::new(false),
            loaded: RwLock::new(loaded.into()),
            exchanging: tokio::sync::RwLock::default(),
            ledger,
            clock,
            network: Network::new(),
            looking: Mutex::new(()),
        }
    }

    /// The configuration in force at this moment. Whoever does several things by it asks once.
    pub fn loaded(&self) -> Arc<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What time it is.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// For reading what was recorded.
    pub fn reader(&self) -> Result<Reader, LedgerError> {
        self.ledger.reader()
    }

    /// The ledger, for records that are no part of a run.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Runs one collector now. `slot` is the due instant that it answers to; `stopped` turning true aborts it.
    pub async fn run(
        &self,
        name: &str,
        trigger: Trigger,
        slot: Option<DateTime<Utc>>,
        stopped: watch::Receiver<bool>,
    ) -> Result<RunReport, RunError> {
        let begun = self.begin(name, None, trigger, slot).await?;
        self.finish(begun, stopped).await
    }

    /// Runs one collector now, under its lock, which the caller took to do something before: nothing comes between.
    pub async fn run_under(
        &self,
        name: &str,
        lock: CollectorLock,
        trigger: Trigger,
        stopped: watch::Receiver<bool>,
    ) -> Result<RunReport, RunError> {
        let begun = self.begin(name, Some(lock), trigger, None).await?;
        self.finish(begun, stopped).await
    }

    async fn begin<'a>(
        &'a self,
        name: &'a str,
        held: Option<CollectorLock>,
        trigger: Trigger,
        slot: Option<DateTime<Utc>>,
    ) -> Result<Begun<'a>, RunError> {
        let opening = self.exchanging.read().await;
        let loaded = self.loaded();
        let config = loaded.config.collectors.get(name).ok_or_else(|| unknown(&loaded, name))?;
        let lock = match held {
            Some(lock) => lock,
            None => self.ledger.lock_collector(name)?.ok_or_else(|| RunError::Overlap(name.to_owned()))?,
        };
        self.require_space()?;
        let door = Door::live(&self.network, self.clock.clone(), config.limits);
        let task = self.task(name, config, door.as_of())?;
        let opened = {
            let _judging = self.ledger.lock_judging().await?;
            self.require_in_force(&loaded)?;
            self.open(name, loaded.clone(), trigger, slot, task).await?
        };
        drop(opening);
        tracing::info!(collector = name, run = opened.run, trigger = ?trigger, "run started");
        Ok(Begun { opened, door, _lock: lock, _turn: self.turns.clone() })
    }

    async fn finish(&self, begun: Begun<'_>, stopped: watch::Receiver<bool>) -> Result<RunReport, RunError> {
        let Begun { opened, door, _lock, _turn } = begun;
        let name = opened.name;
        let Some(result) = self.collect(&opened, &door, stopped).await else {
            self.close(&opened, End::Aborted).await?;
            tracing::warn!(collector = name, run = opened.run, "run aborted: the daemon stops");
            return Err(RunError::Aborted(name.to_owned()));
        };
        let result = run_file::fitting(result);
        let sealed = self.seal(&opened, door.as_of(), &result, door.take_exchanges()).await;
        if matches!(sealed, Err(RunError::Ledger(LedgerError::Full))) {
            // What it brought has no room, but that it brought nothing may have.
            self.close(&opened, End::Aborted).await?;
            tracing::error!(collector = name, run = opened.run, "run aborted: the disk is full");
        }
        let (evidence, status) = sealed?;
        let end = end_of(status);
        let controls = self.judge_and_close(&opened, door.as_of(), end).await?;
        let (items, unread) = match &result {
            Ok(population) => (population.items().len() as u64, Vec::new()),
            Err(CollectError::Incomplete(partial)) => (partial.observed, unread_lines(&result)),
            Err(_) => (0, unread_lines(&result)),
        };
        match &result {
            Ok(_) => tracing::info!(collector = name, run = opened.run, items, record = evidence, "run ended"),
            Err(error) => {
                tracing::warn!(collector = name, run = opened.run, record = evidence, error = %error, "run not complete");
            }
        }
        Ok(RunReport { collector: name.to_owned(), end, items, unread, evidence, controls })
    }

    /// The window from where the last complete run ended, and what the newest run that left something, whole or not,
    /// left for this one.
    fn task(&self, name: &str, config: &CollectorConfig, as_of: DateTime<Utc>) -> Result<Task, RunError> {
        let reader = self.ledger.reader()?;
        // A run under a clock that was ahead claims to reach further than it did: the next one goes on from before it.
        let reached = assess::newest_readable(&reader, name, as_of)?;
        let start = reached.map_or(as_of - config.first_window.delta(), |reached| reached.window.end);
        let carry = assess::newest_left(&reader, name)?.and_then(|left| left.carry);
        Ok(Task { window: Window { start, end: as_of }, carry })
    }

    async fn open<'a>(
        &self,
        name: &'a str,
        loaded: Arc<Loaded>,
        trigger: Trigger,
        slot: Option<DateTime<Utc>>,
        task: Task,
    ) -> Result<Opened<'a>, RunError> {
        let run = random_id()?;
        let body = Body::RunOpened {
            run: run.clone(),
            collector: name.to_owned(),
            seq: 0, // the ledger gives the number
            trigger,
            scheduled_for: slot,
            window: task.window,
        };
        let appended = self.append(vec![(body, Vec::new())]).await?;
        let seq = appended.first().and_then(|a| a.seq).unwrap_or_default();
        Ok(Opened { run, seq, name, loaded, task })
    }

    /// Collects on a task of its own, so that a panic is a failed run and not a dead daemon. `None`: aborted.
    async fn collect(
        &self,
        opened: &Opened<'_>,
        door: &Door,
        mut stopped: watch::Receiver<bool>,
    ) -> Option<Result<Population, CollectError>> {
        let collector = opened.loaded.collectors.get(opened.name)?.collector.clone();
        let (door, task) = (door.clone(), opened.task.clone());
        let mut work = tokio::spawn(async move { collector.collect(&door, &task).await });
        tokio::select! {
            ended = &mut work => Some(ended.unwrap_or_else(|panic| Err(CollectError::Malformed {
                what: opened.name.to_owned(),
                why: format!("the collector failed inside ({panic}); please report it with the sealed exchanges"),
            }))),
            Ok(_) = stopped.wait_for(|stop| *stop) => {
                work.abort();
                None
            }
        }
    }

    async fn seal(
        &self,
        opened: &Opened<'_>,
        as_of: DateTime<Utc>,
        result: &Result<Population, CollectError>,
        exchanges: Vec<Exchange>,
    ) -> Result<(u64, Status), RunError> {
        let (outcome_name, outcome, status) = outcome_file(result);
        let observed = match result {
            Ok(population) => population.items().len() as u64,
            Err(CollectError::Incomplete(partial)) => partial.observed,
            Err(_) => 0,
        };
        let asked = RunFile {
            collector: opened.name.to_owned(),
            kind: opened.config().kind.clone(),
            kind_version: opened.loaded.collectors.get(opened.name).map_or(0, |c| c.kind.version),
            settings: opened.config().settings.clone(),
            limits: opened.config().limits,
            task: opened.task.clone(),
            as_of,
            tool: concat!("evidenced ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let mut files =
            vec![NewFile::json(run_file::RUN, canonical_json(&asked)?), NewFile::json(outcome_name, outcome)];
        for exchange in exchanges {
            let number = exchange.head.number;
            files.push(NewFile::json(&format!("exchanges/{number:04}.json"), canonical_json(&exchange.head)?));
            files.push(NewFile {
                name: format!("exchanges/{number:04}.body"),
                media_type: media_type(&exchange),
                bytes: exchange.body.to_vec(),
            });
        }
        let body = Body::Evidence {
            run: opened.run.clone(),
            collector: opened.name.to_owned(),
            seq: opened.seq,
            status,
            observed,
            controls: controls_of(opened),
            window: opened.task.window,
        };
        let appended = self.append(vec![(body, files)]).await?;
        Ok((appended.first().map_or(0, |a| a.index), status))
    }

    /// Verdicts, transitions and the end of the run, in one transaction.
    async fn judge_and_close(
        &self,
        opened: &Opened<'_>,
        as_of: DateTime<Utc>,
        end: End,
    ) -> Result<BTreeMap<String, State>, RunError> {
        let _judging = self.ledger.lock_judging().await?;
        let controls = controls_of(opened);
        let reader = self.catch_up(controls.iter(), as_of).await?;
        let (occasion, now) = (Occasion::Run { run: opened.run.clone() }, self.clock.now());
        let mut states = BTreeMap::new();
        let mut records = Vec::new();
        for control in controls {
            let assessed = assess::assess(&reader, &opened.loaded, &control, as_of, now)?;
            states.insert(control.clone(), assessed.standing.state);
            records.extend(assessed.records(&control, &occasion, as_of)?);
        }
        records.push((self.closed(opened, end), Vec::new()));
        self.append(records).await?;
        Ok(states)
    }

    fn closed(&self, opened: &Opened<'_>, end: End) -> Body {
        Body::RunClosed { run: opened.run.clone(), collector: opened.name.to_owned(), end }
    }

    async fn close(&self, opened: &Opened<'_>, end: End) -> Result<(), RunError> {
        self.append(vec![(self.closed(opened, end), Vec::new())]).await?;
        Ok(())
    }

    /// Records what changed without a run: controls that became stale, waivers that ended or are new; and what
    /// somebody is to be told by now.
    pub async fn watch(&self) -> Result<(), RunError> {
        // Held to the end, so that of two that look at once one tells what the time has brought.
        let _judging = self.ledger.lock_judging().await?;
        let (loaded, now) = (self.loaded(), self.clock.now());
        let reader = self.catch_up(loaded.config.controls.keys(), now).await?;
        let told = Raise::new(&reader, &loaded)?.by_time(now, self.space())?;
        drop(reader);
        if !told.is_empty() {
            self.append(told).await?;
        }
        Ok(())
    }

    /// Records, in order, what changed of the controls by `until` without a run. Whoever calls it holds the
    /// judging lock.
    async fn catch_up(
        &self,
        controls: impl Iterator<Item = &String>,
        until: DateTime<Utc>,
    ) -> Result<Reader, RunError> {
        let (reader, loaded, now) = (self.ledger.reader()?, self.loaded(), self.clock.now());
        // A run may end after its control was taken out of the configuration.
        for control in controls.filter(|control| loaded.config.controls.contains_key(*control)) {
            while let Some(records) = assess::overdue(&reader, &loaded, control, until, now)? {
                self.append(records).await?;
            }
        }
        Ok(reader)
    }

    /// Seals a waiver or a revocation, and judges its control at once. If this process dies in between, the
    /// next look does the latter. Returns the record and what the control is then.
    ///
    /// Errors: `OtherConfiguration`, when what would be judged is not what the log says is, or others would be told.
    pub async fn accept(&self, control: &str, body: Body) -> Result<(u64, State), RunError> {
        let _judging = self.ledger.lock_judging().await?;
        self.require_control_in_force(control)?;
        let sealed = self.append(vec![(body, Vec::new())]).await?;
        let now = self.clock.now();
        let reader = self.catch_up(std::iter::once(&control.to_owned()), now).await?;
        let state = assess::present(&reader, &self.loaded(), control, now)?.state;
        Ok((sealed.first().map_or(0, |sealed| sealed.index), state))
    }

    /// Appends records at the clock's time, and with them, in the same transaction, the alerts that follow from
    /// them. Gives those of the records.
    pub async fn append(&self, mut records: Vec<Draft>) -> Result<Vec<crate::ledger::Sealed>, RunError> {
        let at = self.clock.now();
        let count = records.len();
        if records.iter().any(|(body, _)| raise::tells(body)) {
            let reader = self.ledger.reader()?;
            let alerts = Raise::new(&reader, &self.loaded())?.following(&records, at)?;
            records.extend(alerts);
        }
        let records = records.into_iter().map(|(body, files)| NewRecord { at, body, files }).collect();
        let mut sealed = self.ledger.append(records).await?;
        sealed.truncate(count);
        Ok(sealed)
    }
}

/// How a run ends whose evidence has been judged.
fn end_of(status: Status) -> End {
    match status {
        Status::Complete => End::Done,
        Status::Incomplete => End::Incomplete,
        Status::Failed => End::Failed,
    }
}

fn unknown(loaded: &Loaded, name: &str) -> RunError {
    let known: Vec<_> = loaded.config.collectors.keys().cloned().collect();
    RunError::Unknown { name: name.to_owned(), known: known.join(", ") }
}

/// The controls that a run feeds.
fn controls_of(opened: &Opened<'_>) -> Vec<String> {
    let feeds = |names: &Vec<String>| names.iter().any(|name| name == opened.name);
    opened.loaded.config.controls.iter().filter(|(_, c)| feeds(&c.collectors)).map(|(id, _)| id.clone()).collect()
}

fn unread_lines(result: &Result<Population, CollectError>) -> Vec<String> {
    let Err(error) = result else { return Vec::new() };
    let line = |u: &evidenced_collectors::contract::Unread| {
        let hint = u.hint.as_ref().map(|h| format!(" (hint: {h})")).unwrap_or_default();
        format!("{}: {}{hint}", u.what, u.why)
    };
    error.unread().iter().map(line).collect::<BTreeSet<_>>().into_iter().collect()
}

fn media_type(exchange: &Exchange) -> String {
    let headers = exchange.head.response.as_ref().map(|r| r.headers.as_slice()).unwrap_or_default();
    let found = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone());
    found.unwrap_or_else(|| "application/octet-stream".to_owned())
}

/// 128 random bits, hex.
fn random_id() -> Result<String, RunError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(RunError::Random)?;
    Ok(hex::encode(bytes))
}
