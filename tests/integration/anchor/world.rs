//! A company whose ledger can be copied, restored and forked, with anchors of the test's choice.

use crate::support::tsa::Server;
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::anchor::{AnchorError, Anchored, Anchors, Holder, holders};
use evidenced::bundle::{Authority, BundleError, ExportRequest, export};
use evidenced::config::{Loaded, parse};
use evidenced::daemon::{DaemonError, alive, daemon};
use evidenced::ledger::record::{Body, Trigger};
use evidenced::ledger::{Create, Filter, Ledger, NewRecord, Reader};
use evidenced::run::Runner;
use evidenced::timestamp::Query;
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

pub(crate) const ORIGIN: &str = "test.example/soc2";

pub(crate) struct World {
    pub(crate) dir: TempDir,
    /// Begins at the real time, for others date what we hand them.
    pub(crate) clock: Arc<ManualClock>,
    anchors: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let world = Self { dir, clock, anchors: String::new() };
        let create =
            Create { organization: "Test".into(), origin: ORIGIN.into(), sample: false, at: world.clock.now() };
        drop(Ledger::create(&world.state(), create).unwrap());
        world
    }

    /// With anchors, as the configuration has them.
    pub(crate) fn anchored(mut self, anchors: &str) -> Self {
        self.anchors = anchors.to_owned();
        std::fs::write(self.config(), self.text()).unwrap();
        self
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("evidenced.toml")
    }

    fn text(&self) -> String {
        format!(
            "organization = 'Test'\norigin = '{ORIGIN}'\nstate_dir = 'state'\nstop_timeout = '1s'\n\
             [collectors.c]\nkind = 'backup_restores'\nschedule = '0 0 1 1 *'\n\
             [collectors.c.settings]\ndirectory = '{}'\nstores = [{{ name = 'db' }}]\n\
             [controls.T-1]\ntitle = 't'\ncriteria = ['CC7.5']\nowner = 'o'\nseverity = 'high'\n\
             collectors = ['c']\ntest = 'restore_test'\nstale_after = '36h'\n{}",
            self.dir.path().join("logs").display(),
            self.anchors
        )
    }

    pub(crate) fn loaded(&self) -> Loaded {
        parse(&self.config(), &self.text()).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn runner(&self) -> Arc<Runner> {
        Arc::new(Runner::new(self.loaded(), Ledger::open(&self.state()).unwrap(), self.clock.clone()))
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.state()).unwrap()
    }

    pub(crate) fn size(&self) -> u64 {
        self.reader().size().unwrap()
    }

    /// One run of the collector: some records.
    pub(crate) async fn run(&self) {
        let (_keep, never) = watch::channel(false);
        let runner = self.runner();
        runner.record_config("a test").await.unwrap();
        runner.run("c", Trigger::Manual, None, never).await.unwrap();
    }

    pub(crate) async fn hand_over(&self, name: &str) -> Result<Anchored, AnchorError> {
        Anchors::of(&self.runner()).hand_over(name).await
    }

    /// The daemon, until it has started.
    pub(crate) async fn daemon(&self) -> Result<(), DaemonError> {
        let state = self.state();
        let started = async move {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while alive(&state, Duration::from_secs(5)).await.is_err() {
                look.tick().await;
            }
        };
        daemon(self.runner(), started).await
    }

    /// What is said of the one anchor there is.
    pub(crate) fn holder(&self) -> Holder {
        let found = holders(&self.reader(), &self.loaded().config, self.clock.now()).unwrap();
        <[Holder; 1]>::try_from(found).unwrap()[0].clone()
    }

    /// Copies the state directory, or puts a copy back in its place.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let to = self.dir.path().join(to);
        if to.exists() {
            std::fs::remove_dir_all(&to).unwrap();
        }
        let copied = Command::new(crate::support::program("cp"))
            .arg("-a")
            .arg(self.dir.path().join(from))
            .arg(&to)
            .status()
            .unwrap();
        assert!(copied.success());
    }

    /// Names and sizes of the anchors on record, oldest first.
    pub(crate) fn on_record(&self) -> Vec<(String, u64)> {
        let reader = self.reader();
        let found = reader.records(0..u64::MAX, &Filter::kind("anchor"));
        found
            .map(|found| match found.unwrap().1.body {
                Body::Anchor { anchor, size, .. } => (anchor, size),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// The bundle of the days around now, with a time-stamp of now.
    pub(crate) fn stamped_bundle(&self, name: &str, server: &Server) -> PathBuf {
        let now = self.clock.now();
        let ask = |bytes: &[u8]| {
            let query = Query::new(Sha256::digest(bytes).into(), [7; 8]);
            Ok(server.authority.reply(&query.to_der(), "tsa", "t", None))
        };
        self.export(name, now - TimeDelta::days(60), now + TimeDelta::days(1), Some(&ask))
    }

    pub(crate) fn bundle_of(&self, name: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> PathBuf {
        self.export(name, start, end, None)
    }

    fn export(
        &self,
        name: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        authority: Option<&Authority<'_>>,
    ) -> PathBuf {
        let out = self.dir.path().join(name);
        let ledger = Ledger::open(&self.state()).unwrap();
        let key = ledger.bundle_key().unwrap();
        let request = ExportRequest { authority, ..ExportRequest::whole(Window { start, end }, &out, "Test", &key) };
        match export(&self.reader(), &request) {
            Err(BundleError::NotCovered { .. }) => {
                let summary = NewRecord { at: self.clock.now(), body: Body::summary(), files: Vec::new() };
                tokio::task::block_in_place(|| ledger.append_blocking(vec![summary])).unwrap();
                export(&self.reader(), &request).unwrap();
            }
            other => drop(other.unwrap()),
        }
        out
    }
}

/// Runs `evidenced` with the configuration.
pub(crate) fn evidenced(dir: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
    let output = command.current_dir(dir).env_remove("EVIDENCED_CONFIG").args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}
