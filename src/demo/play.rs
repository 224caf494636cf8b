//! Walks the sample company through its ninety days: the real configuration, collectors, ledger and
//! judges, with a clock that jumps from one due instant to the next.

use super::aws::AwsServer;
use super::github::GithubServer;
use super::story::{self, StoryDocument};
use crate::causes;
use crate::config::{CatchUp, load};
use crate::documents;
use crate::ledger::record::{Body, Effect, Trigger};
use crate::ledger::{Create, Ledger};
use crate::notify::Refusal;
use crate::notify::deliver::{Outbox, Sink, Sinks};
use crate::notify::message::Letter;
use crate::run::{RunError, Runner};
use crate::samples::{self, Asked, Size, Table};
use crate::sign_offs::{self, Signing};
use crate::unit::{Every, Unit};
use anyhow::Context;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::clock::{Clock, ManualClock};
use evidenced_collectors::documents::{Settings, Sidecar};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The configuration that the demo leaves behind: the real one, with loopback addresses.
const CONFIG: &str = include_str!("evidenced.toml");

/// What was played, and on what.
pub struct Played {
    /// Over the sample's ledger.
    pub runner: Runner,
    /// Requests that the sample company's servers answered.
    pub requests: usize,
    /// The messages that went out, in order, with the time.
    pub letters: Vec<(DateTime<Utc>, Letter)>,
    // Held so that the servers live as long as the runner.
    _servers: (GithubServer, AwsServer),
}

/// Takes every message, and keeps it.
#[derive(Default)]
struct Kept(Mutex<Vec<(DateTime<Utc>, Letter)>>);

#[async_trait::async_trait]
impl Sink for Kept {
    async fn send(&self, letter: &Letter, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((now, letter.clone()));
        Ok(())
    }
}

/// Makes a sample company in `dir` and lives through its ninety days. `day` is told each new day, from 1.
pub async fn play(dir: &Path, mut day: impl FnMut(i64)) -> anyhow::Result<Played> {
    let clock = Arc::new(ManualClock::at(story::start()));
    let github =
        GithubServer::start(story::github(), clock.clone()).await.context("the sample GitHub did not start")?;
    let aws = AwsServer::start(story::aws(), clock.clone()).await.context("the sample AWS did not start")?;
    let logs = dir.join("restores");
    std::fs::create_dir_all(&logs).with_context(|| format!("{} cannot be made", logs.display()))?;
    let registers = dir.join("registers");
    std::fs::create_dir_all(&registers).with_context(|| format!("{} cannot be made", registers.display()))?;
    write_secret(&dir.join("sample-github-token"), "sample-token-of-nobody")?;
    write_secret(&dir.join("sample-aws-secret"), "sample-secret-of-nobody")?;
    let config = dir.join("evidenced.toml");
    let text = CONFIG
        .replace("{dir}", &dir.display().to_string())
        .replace("{github}", &format!("{}/", github.url().trim_end_matches('/')))
        .replace("{aws}", aws.url());
    std::fs::write(&config, text).with_context(|| format!("{} cannot be written", config.display()))?;
    let loaded = load(&config)?;
    let create = Create {
        organization: loaded.config.organization.clone(),
        origin: loaded.config.origin.clone(),
        sample: true,
        at: story::start(),
    };
    let ledger = Ledger::create(&loaded.state_dir, create)?;
    let runner = Runner::new(loaded, ledger, clock.clone());
    runner.record_config("the demo").await?;
    let kept = Arc::new(Kept::default());
    let sink = |name: &String| (name.clone(), kept.clone() as Arc<dyn Sink>);
    let sinks: Sinks = runner.loaded().config.channels.keys().map(sink).collect();
    let outbox = Arc::new(Outbox::with(&runner, sinks));
    let (restores, people) = (story::restores(), story::registers());
    let (mut papers, shelf) = (story::documents(), documents_of(&runner)?);
    let mut today = 0;
    for at in instants(&runner) {
        clock.set(at);
        let number = (at - story::start()).num_days() + 1;
        if number != today {
            today = number;
            day(today);
        }
        restores.write_until(&logs, at).context("the sample's restore log cannot be written")?;
        people.write_until(&registers, at).context("the sample's registers cannot be written")?;
        let (due, later) = papers.into_iter().partition(|paper| paper.added_at <= at);
        papers = later;
        add(&shelf, due)?;
        step(&runner, at).await?;
        outbox.deliver().await?;
    }
    clock.set(clock.now().max(story::end()));
    attest(&runner, clock.now()).await?;
    let requests = github.requests().len() + aws.requests().len();
    let letters = std::mem::take(&mut *kept.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Played { runner, requests, letters, _servers: (github, aws) })
}

/// The directory of the sample's documents, which is there from the beginning.
fn documents_of(runner: &Runner) -> anyhow::Result<PathBuf> {
    let directory = Settings::read(&runner.loaded().config.collectors[story::PAPERS].settings)?.directory;
    std::fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    Ok(directory)
}

/// Adds documents as `evidence add` does.
fn add(directory: &Path, due: Vec<StoryDocument>) -> anyhow::Result<()> {
    for StoryDocument { added_at, file, text, control, day, note } in due {
        let sidecar = Sidecar {
            control: control.to_owned(),
            as_of: story::at(day, 0, 0).date_naive(),
            note: note.map(str::to_owned),
            by: "sample".to_owned(),
            added_at,
            sha256: hex::encode(Sha256::digest(text)),
        };
        documents::put(directory, file, text.as_bytes(), &sidecar)?;
    }
    Ok(())
}

/// When the quarter is over, an owner says why a control drifted and signs for it, and a sample of it is drawn.
async fn attest(runner: &Runner, at: DateTime<Utc>) -> anyhow::Result<()> {
    let (loaded, reader, control) = (runner.loaded(), runner.reader()?, story::ATTESTED);
    let quarter = Unit::of(Every::Quarter, story::start().date_naive());
    let by = &loaded.config.controls[control].owner;
    let owed = causes::owed(&reader, &loaded, at)?.into_iter();
    let drift = owed.filter(|owed| owed.control == control).min_by_key(|owed| owed.drift);
    let drift = drift.context("the sample's story has no drift of that control")?;
    let (cause, determined, correction) = story::CAUSE;
    let cause = Body::Cause {
        control: control.to_owned(),
        drift: drift.drift,
        cause: cause.to_owned(),
        effect: Effect::OneOff,
        determined: determined.to_owned(),
        correction: correction.to_owned(),
        owner: by.clone(),
        compensation: None,
        response: None,
        recorded_by: "sample".to_owned(),
        recorded_at: at,
    };
    let (body, statement) =
        sign_offs::draft(&reader, &loaded, &Signing { control, quarter, by, note: None, recorded_by: "sample", at })?;
    let (control, seed) = (control.to_owned(), story::SEED.to_owned());
    let asked = Asked { control, period: quarter.window(), seed, size: Size::Table(Table::find("ten-percent")?) };
    let sample = samples::draft(&reader, &asked, at)?;
    runner.append(vec![(cause, Vec::new()), (body, sign_offs::files(&statement)?), sample.record()?]).await?;
    Ok(())
}

/// Every instant at which something is due or decided, in order, but for the downtime.
fn instants(runner: &Runner) -> BTreeSet<DateTime<Utc>> {
    let (down, up) = story::downtime();
    // A little further than the period: that records follow shows that its end was not cut off.
    let last = story::end() + chrono::TimeDelta::minutes(30);
    let loaded = runner.loaded();
    let due = loaded.collectors.values().flat_map(|collector| collector.schedule.due(story::start(), last));
    let mut all: BTreeSet<_> = due.filter(|at| !(down <= *at && *at < up)).collect();
    all.insert(up);
    all.extend(story::waivers().iter().flat_map(|waiver| [waiver.approved_at, waiver.expires]));
    all
}

/// What the daemon does at an instant: at the end of a downtime what a start does.
async fn step(runner: &Runner, at: DateTime<Utc>) -> Result<(), RunError> {
    for waiver in story::waivers().iter().filter(|waiver| waiver.approved_at == at) {
        let body = Body::Waiver {
            control: waiver.control.to_owned(),
            item: waiver.item.to_owned(),
            reason: waiver.reason.to_owned(),
            approver: waiver.approver.to_owned(),
            recorded_by: "sample".to_owned(),
            approved_at: at,
            expires: waiver.expires,
        };
        runner.accept(waiver.control, body).await?;
    }
    runner.watch().await?;
    let trigger = if at == story::downtime().1 { Trigger::CatchUp } else { Trigger::Schedule };
    let (_keep, never) = watch::channel(false);
    let names: Vec<String> = runner.loaded().collectors.keys().cloned().collect();
    for name in names {
        runner.due(&name, CatchUp::Latest, trigger, never.clone()).await?;
    }
    Ok(())
}

/// A sample credential, readable by its owner alone like a real one must be.
fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    writeln!(file, "{text}")?;
    Ok(())
}
