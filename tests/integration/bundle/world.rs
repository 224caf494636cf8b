//! A company with two stores, whose restore tests are read by the real collector into a real ledger:
//! a good start, a damaged backup, a failed run, a missed one, an interrupted one, and a repair.

use crate::support::program;
use chrono::{DateTime, Utc};
use evidenced::bundle::{BundleError, ExportRequest, ExportSummary, export};
use evidenced::config::{Loaded, parse};
use evidenced::demo::restores::{RestoreHistory, SampleEnding, SampleTest};
use evidenced::judge::Verdict;
use evidenced::ledger::bundle_key::BundleKey;
use evidenced::ledger::record::{Body, Effect, KeyRole, Trigger, canonical_json};
use evidenced::ledger::{Create, Filter, Ledger, NewFile, NewRecord, Reader};
use evidenced::run::{RunError, Runner};
use evidenced::samples::{self, Asked, Draft, Size};
use evidenced::sign_offs::{self, Signing, Statement};
use evidenced::unit::Unit;
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::ManualClock;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;

pub(super) struct World {
    dir: TempDir,
    clock: Arc<ManualClock>,
    pub(super) runner: Runner,
    bundles: Cell<u32>,
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// January 2026.
pub(super) fn period() -> Window {
    Window { start: at("2026-01-01T00:00:00Z"), end: at("2026-02-01T00:00:00Z") }
}

/// Items and approvers of `World::hostile`.
pub(super) const HOSTILE: [(&str, &str); 6] = [
    ("</bdi></td><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>"),
    ("user\u{202e}nimda", "a\u{200b}nn\u{2066}"),
    ("bell\u{7}\u{0}\u{1b}[2J", "line\r\nbreak\u{2028}"),
    ("=HYPERLINK(\"http://example.org\",\"x\")", "+1+cmd|' /C calc'!A0"),
    ("_x0041_", "12345678901234567890"),
    ("Zürich, 東京, שלום", "'quoted'"),
];

/// The beginning of its log.
pub(super) fn create() -> Create {
    Create {
        organization: "Test Ltd.".into(),
        origin: "test.example/soc2".into(),
        sample: true,
        at: at("2025-12-15T00:00:00Z"),
    }
}

fn loaded(dir: &Path, stale_after: &str) -> Loaded {
    let text = format!(
        "organization = 'Test Ltd.'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n\
         [collectors.restores]\nkind = 'backup_restores'\nschedule = '0 2 * * *'\n\
         [collectors.restores.settings]\ndirectory = '{}'\nstores = [{{ name = 'db', rto_target_s = 14400, rpo_target_s = 86400 }}, {{ name = 'files', rto_target_s = 14400, rpo_target_s = 86400 }}]\n\
         [controls.AVL-001]\ntitle = 't'\ncriteria = ['A1.3']\nowner = 'o'\nseverity = 'high'\n\
         collectors = ['restores']\ntest = 'restore_test'\nfrequency = 'daily'\nstale_after = '{stale_after}'\n",
        dir.join("logs").display()
    );
    parse(&dir.join("evidenced.toml"), &text).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn history() -> RestoreHistory {
    let test = |store: &str, started: &str, ending| SampleTest { store: store.into(), started: at(started), ending };
    RestoreHistory::new(vec![
        test("db", "2025-08-03T02:00:00Z", SampleEnding::Good),
        test("files", "2025-08-04T02:00:00Z", SampleEnding::Good),
        test("db", "2025-11-03T02:00:00Z", SampleEnding::Good),
        test("files", "2025-11-04T02:00:00Z", SampleEnding::Good),
        test("files", "2026-01-06T02:00:00Z", SampleEnding::Good),
        test("db", "2026-01-08T02:00:00Z", SampleEnding::Damaged),
        test("db", "2026-01-20T02:00:00Z", SampleEnding::Good),
    ])
}

pub(super) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl World {
    fn begin() -> Self {
        Self::stale_after("400d")
    }

    /// The beginning, of a control whose evidence is fresh for so long.
    pub(super) fn stale_after(stale_after: &str) -> Self {
        Self::of(create(), stale_after)
    }

    fn of(create: Create, stale_after: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        let clock = Arc::new(ManualClock::at(at("2025-12-15T00:00:00Z")));
        let loaded = loaded(dir.path(), stale_after);
        let ledger = Ledger::create(&loaded.state_dir, create).unwrap();
        let runner = Runner::new(loaded, ledger, clock.clone());
        block(runner.record_config("a test")).unwrap();
        Self { dir, clock, runner, bundles: Cell::new(0) }
    }

    /// The whole story.
    pub(super) fn new() -> Self {
        let world = Self::begin();
        world.run("2025-12-16T02:00:00Z");
        world.run("2026-01-05T02:00:00Z");
        world.run("2026-01-09T02:00:00Z");
        world.clock.set(at("2026-01-10T02:00:00Z"));
        world.append(Body::Missed {
            collector: "restores".into(),
            seq: 0,
            scheduled_for: at("2026-01-10T02:00:00Z"),
            reason: "the daemon was not running".into(),
        });
        world.append(Body::Waiver {
            control: "AVL-001".into(),
            item: "something else".into(),
            reason: "=accepted until the move".into(),
            approver: "Ann".into(),
            recorded_by: "tester".into(),
            approved_at: at("2026-01-10T00:00:00Z"),
            expires: at("2026-03-01T00:00:00Z"),
        });
        let (logs, away) = (world.dir.path().join("logs"), world.dir.path().join("away"));
        std::fs::rename(&logs, &away).unwrap();
        world.run_only("2026-01-11T02:00:00Z");
        std::fs::rename(&away, &logs).unwrap();
        world.clock.set(at("2026-01-12T02:00:00Z"));
        world.append(Body::RunOpened {
            run: "00000000000000000000000000000001".into(),
            collector: "restores".into(),
            seq: 0,
            trigger: Trigger::Schedule,
            scheduled_for: Some(at("2026-01-12T02:00:00Z")),
            window: Window { start: at("2026-01-11T02:00:00Z"), end: at("2026-01-12T02:00:00Z") },
        });
        block(world.runner.close_interrupted()).unwrap();
        world.run("2026-01-25T02:00:00Z");
        world.run("2026-02-10T02:00:00Z");
        world
    }

    /// The beginning, and one run in the period.
    pub(super) fn small() -> Self {
        let world = Self::begin();
        world.run("2026-01-09T02:00:00Z");
        world
    }

    /// A good end of the year and one good run in the period, and nothing since.
    pub(super) fn quiet() -> Self {
        let world = Self::begin();
        world.run("2025-12-16T02:00:00Z");
        world.run("2026-01-05T02:00:00Z");
        world
    }

    /// Texts from outside that would like to be more than text.
    pub(super) fn hostile() -> Self {
        Self::hostile_of("Test Ltd.")
    }

    /// The same, of an organisation.
    pub(super) fn hostile_of(organization: &str) -> Self {
        let world = Self::of(Create { organization: organization.to_owned(), ..create() }, "400d");
        world.run("2026-01-09T02:00:00Z");
        for (item, approver) in HOSTILE {
            world.append(Body::Waiver {
                control: "AVL-001".into(),
                item: item.into(),
                reason: format!("{item} & {approver}"),
                approver: approver.into(),
                recorded_by: "tester".into(),
                approved_at: at("2026-01-10T00:00:00Z"),
                expires: at("2026-03-01T00:00:00Z"),
            });
        }
        world.append(Body::Missed {
            collector: "restores".into(),
            seq: 0,
            scheduled_for: at("2026-01-10T02:00:00Z"),
            reason: HOSTILE[0].0.into(),
        });
        world
    }

    /// The beginning, and a waiver in the period: as little as a bundle can hold with files in it.
    pub(super) fn tiny() -> Self {
        let world = Self::begin();
        world.clock.set(at("2026-01-09T02:00:00Z"));
        world.append(Body::Waiver {
            control: "AVL-001".into(),
            item: "something".into(),
            reason: "accepted".into(),
            approver: "Ann".into(),
            recorded_by: "tester".into(),
            approved_at: at("2026-01-09T00:00:00Z"),
            expires: at("2026-03-01T00:00:00Z"),
        });
        world
    }

    /// One run in the period whose verdict was made to pass before it was sealed, by the log's own key.
    pub(super) fn forged() -> Self {
        let world = Self::begin();
        world.run("2026-01-05T02:00:00Z");
        world.run("2026-01-09T02:00:00Z");
        let reader = world.reader();
        let (index, mut record) = reader.newest(&Filter::kind("verdict")).unwrap().unwrap();
        let mut verdict: Verdict =
            serde_json::from_slice(&reader.read_file(index, "judgements.json").unwrap()).unwrap();
        let bad = verdict.judgements.iter_mut().find(|j| j.outcome == evidenced::judge::Outcome::Deviation).unwrap();
        bad.outcome = evidenced::judge::Outcome::Pass;
        *verdict.counts.get_mut(&evidenced::judge::Outcome::Deviation).unwrap() -= 1;
        *verdict.counts.get_mut(&evidenced::judge::Outcome::Pass).unwrap() += 1;
        verdict.outcome = evidenced::judge::VerdictOutcome::Pass;
        if let Body::Verdict { outcome, counts, .. } = &mut record.body {
            (*outcome, *counts) = (verdict.outcome, verdict.counts.clone());
        }
        let mut files = vec![NewFile::json("judgements.json", canonical_json(&verdict).unwrap())];
        for name in ["policy.json", "standing.json"] {
            files.push(NewFile::json(name, reader.read_file(index, name).unwrap()));
        }
        let ledger = world.runner.ledger();
        block(ledger.append(vec![NewRecord { at: record.at, body: record.body, files }])).unwrap();
        world
    }

    /// Puts down what has happened until then, and collects.
    pub(super) fn run(&self, when: &str) {
        history().write_until(&self.dir.path().join("logs"), at(when)).unwrap();
        self.run_only(when);
    }

    fn run_only(&self, when: &str) {
        self.try_run(when).unwrap();
    }

    pub(super) fn try_run(&self, when: &str) -> Result<(), RunError> {
        self.clock.set(at(when));
        let (_keep, never) = watch::channel(false);
        block(self.runner.run("restores", Trigger::Schedule, Some(at(when)), never)).map(drop)
    }

    /// Ends what dead processes left open.
    pub(super) fn close(&self, when: &str) {
        self.clock.set(at(when));
        block(self.runner.close_interrupted()).unwrap();
    }

    /// A run that seals what there is by then, and whose process dies before anybody judges it. Its run.
    pub(super) fn die_unjudged(&self, when: &str) -> String {
        self.seal_unjudged(self.copied(), when, || ())
    }

    /// The same, with another configuration and a summary between the run's opening and what it seals. Returns that
    /// configuration's record.
    pub(super) fn die_across_a_change(&self, opened: &str, change: &str, sealed: &str) -> u64 {
        self.seal_unjudged(self.copied(), opened, || {
            self.clock.set(at(change));
            drop(self.reconfigure());
            summarize(&self.runner);
            self.clock.set(at(sealed));
        });
        self.reader().newest(&Filter::kind("config")).unwrap().unwrap().0
    }

    /// The same of a run that goes on from nothing, as if there had been none before it.
    pub(super) fn forget(&self, when: &str) {
        self.seal_unjudged(Ledger::create(&self.elsewhere(), create()).unwrap(), when, || ());
    }

    /// Where another ledger over the same stores is, for what a run seals.
    fn elsewhere(&self) -> PathBuf {
        self.dir.path().join("elsewhere")
    }

    /// One with the same past.
    fn copied(&self) -> Ledger {
        let mut copy = Command::new(program("cp"));
        assert!(copy.arg("-a").arg(self.state()).arg(self.elsewhere()).status().unwrap().success());
        Ledger::open(&self.elsewhere()).unwrap()
    }

    fn seal_unjudged(&self, ledger: Ledger, when: &str, between: impl FnOnce()) -> String {
        history().write_until(&self.dir.path().join("logs"), at(when)).unwrap();
        self.clock.set(at(when));
        let elsewhere = Loaded { state_dir: self.elsewhere(), ..loaded(self.dir.path(), "400d") };
        let other = Runner::new(elsewhere, ledger, self.clock.clone());
        let (_keep, never) = watch::channel(false);
        let sealed = block(other.run("restores", Trigger::Manual, None, never)).unwrap().evidence;
        let reader = other.reader().unwrap();
        let Body::Evidence { run, collector, status, observed, controls, window, .. } =
            reader.record(sealed).unwrap().body
        else {
            panic!("no evidence")
        };
        let files = reader.files(sealed).unwrap().into_iter().map(|file| NewFile {
            bytes: reader.read_file(sealed, &file.name).unwrap(),
            name: file.name,
            media_type: file.media_type,
        });
        let (opened, trigger) = (run.clone(), Trigger::Manual);
        self.append(Body::RunOpened {
            run: opened,
            collector: collector.clone(),
            seq: 0,
            trigger,
            scheduled_for: None,
            window,
        });
        between();
        let seq = self.reader().next_seq("restores").unwrap() - 1;
        let body = Body::Evidence { run: run.clone(), collector, seq, status, observed, controls, window };
        block(self.runner.append(vec![(body, files.collect())])).unwrap();
        run
    }

    /// Another process's line over the same ledger, under another configuration, which it brings into force.
    pub(super) fn reconfigure(&self) -> Runner {
        let other = loaded(self.dir.path(), "300d");
        let other = Runner::new(other, self.runner.ledger().clone(), self.clock.clone());
        block(other.record_config("another process")).unwrap();
        other
    }

    /// Collects once more what is there already.
    pub(super) fn run_again(&self, when: &str) {
        self.run_only(when);
    }

    /// What the daemon does between runs.
    pub(super) fn look(&self, when: &str) {
        self.clock.set(at(when));
        block(self.runner.watch()).unwrap();
    }

    /// The same, by two processes at once.
    pub(super) fn look_from_both_sides(&self, when: &str) {
        self.clock.set(at(when));
        let loaded = loaded(self.dir.path(), "400d");
        let other = Runner::new(loaded, self.runner.ledger().clone(), self.clock.clone());
        let (one, two) = block(async { tokio::join!(self.runner.watch(), other.watch()) });
        one.unwrap();
        two.unwrap();
    }

    /// Records a waiver of the control, as `evidenced waive` does.
    pub(super) fn accept(&self, item: &str, when: &str, expires: &str) -> u64 {
        self.accepting(item, when, expires).unwrap()
    }

    pub(super) fn try_accept(&self, when: &str) -> Result<(), RunError> {
        self.accepting("db *", when, "2026-03-01T00:00:00Z").map(drop)
    }

    fn accepting(&self, item: &str, when: &str, expires: &str) -> Result<u64, RunError> {
        self.clock.set(at(when));
        let body = Body::Waiver {
            control: "AVL-001".into(),
            item: item.into(),
            reason: "accepted until the move".into(),
            approver: "Ann".into(),
            recorded_by: "tester".into(),
            approved_at: at(when),
            expires: at(expires),
        };
        Ok(block(self.runner.accept("AVL-001", body))?.0)
    }

    fn revocation(&self, waiver: u64, when: &str) -> Body {
        self.clock.set(at(when));
        Body::Revocation {
            control: "AVL-001".into(),
            waiver,
            reason: "it was mended".into(),
            recorded_by: "tester".into(),
            revoked_at: at(when),
        }
    }

    /// Revokes a waiver, as `evidenced waive --revoke` does.
    pub(super) fn revoke(&self, waiver: u64, when: &str) -> u64 {
        let body = self.revocation(waiver, when);
        block(self.runner.accept("AVL-001", body)).unwrap().0
    }

    /// Seals a revocation that nobody then judges.
    pub(super) fn seal_revocation(&self, waiver: u64, when: &str) -> u64 {
        let body = self.revocation(waiver, when);
        block(self.runner.append(vec![(body, Vec::new())])).unwrap()[0].index
    }

    fn append(&self, body: Body) {
        block(self.runner.append(vec![(body, Vec::new())])).unwrap();
    }

    /// Seals a waiver of the items, at a time, that says to be approved at another.
    pub(super) fn back_date(&self, items: &str, approved_at: &str, sealed: &str) {
        self.clock.set(at(sealed));
        self.append(Body::Waiver {
            control: "AVL-001".into(),
            item: items.into(),
            reason: "accepted".into(),
            approver: "Ann".into(),
            recorded_by: "tester".into(),
            approved_at: at(approved_at),
            expires: at("2026-03-01T00:00:00Z"),
        });
    }

    /// A new key of the log, beside the old one.
    pub(super) fn rotate_key(&self, when: &str) {
        self.clock.set(at(when));
        block(self.runner.ledger().rotate_key(KeyRole::Log, at(when))).unwrap();
    }

    /// The end of the older key.
    pub(super) fn retire_key(&self, when: &str) {
        self.clock.set(at(when));
        block(self.runner.ledger().retire_key(KeyRole::Log, at(when))).unwrap();
    }

    /// Seals a record past the line of a run.
    pub(super) fn seal(&self, record: NewRecord) {
        block(self.runner.ledger().append(vec![record])).unwrap();
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(super) fn reader(&self) -> Reader {
        self.runner.reader().unwrap()
    }

    /// The bundle of January of the one control that there is.
    pub(super) fn selection(&self, out: &Path) {
        exported(&self.runner, &january(out, &["AVL-001"], &self.key())).unwrap();
    }

    /// Signs for the control in a quarter, as `evidenced sign-off` does, after `change` was made to what is sealed.
    pub(super) fn sign(&self, quarter: &str, when: &str, change: impl FnOnce(&mut Body, &mut Statement)) -> u64 {
        self.clock.set(at(when));
        let quarter = Unit::parse(quarter).unwrap();
        let signing = Signing {
            control: "AVL-001",
            quarter,
            by: "Ann",
            note: Some("=seen"),
            recorded_by: "tester",
            at: at(when),
        };
        let (mut body, mut statement) = sign_offs::draft(&self.reader(), &self.runner.loaded(), &signing).unwrap();
        change(&mut body, &mut statement);
        let files = sign_offs::files(&statement).unwrap();
        block(self.runner.append(vec![(body, files)])).unwrap()[0].index
    }

    /// Records why the control drifted at that record.
    pub(super) fn explain(&self, control: &str, drift: u64, when: &str) -> u64 {
        self.clock.set(at(when));
        let body = Body::Cause {
            control: control.into(),
            drift,
            cause: "=the disk was full".into(),
            effect: Effect::Systemic,
            determined: "every disk was looked at".into(),
            correction: "it is emptied".into(),
            owner: "Ann".into(),
            compensation: None,
            response: Some("seen".into()),
            recorded_by: "tester".into(),
            recorded_at: at(when),
        };
        block(self.runner.append(vec![(body, Vec::new())])).unwrap()[0].index
    }

    /// Draws so many items of a period, as `evidenced sample` does, after `change` was made to what is sealed.
    pub(super) fn draw(&self, period: Window, size: u64, when: &str, change: impl FnOnce(&mut Draft)) -> u64 {
        self.clock.set(at(when));
        let (control, seed, size) = ("AVL-001".into(), "by the auditor".into(), Size::Items(size));
        let asked = Asked { control, period, seed, size };
        let mut draft = samples::draft(&self.reader(), &asked, at(when)).unwrap();
        change(&mut draft);
        block(self.runner.append(vec![draft.record().unwrap()])).unwrap()[0].index
    }

    /// Seals the erasure of a record's files.
    pub(super) fn erase(&self, target: u64) -> u64 {
        let (basis, request, approved_by) = ("GDPR Art. 17".into(), "T-1".into(), "Ann".into());
        let body = Body::Erasure { target, basis, request, approved_by };
        block(self.runner.append(vec![(body, Vec::new())])).unwrap()[0].index
    }

    /// The bundle of January, in a new file.
    pub(super) fn bundle(&self) -> PathBuf {
        self.bundle_of(period(), "Test Ltd.")
    }

    /// The bundle of a period, in a new file.
    pub(super) fn bundle_of(&self, period: Window, organization: &str) -> PathBuf {
        self.bundles.set(self.bundles.get() + 1);
        let out = self.dir.path().join(format!("{}.zip", self.bundles.get()));
        let key = self.key();
        let request = ExportRequest { sample: true, ..ExportRequest::whole(period, &out, organization, &key) };
        exported(&self.runner, &request).unwrap();
        out
    }

    /// The key that signs its bundles.
    pub(super) fn key(&self) -> BundleKey {
        self.runner.ledger().bundle_key().unwrap()
    }
}

/// The bundle of January, of these controls or of everything.
pub(super) fn january<'a>(out: &'a Path, controls: &[&str], key: &'a BundleKey) -> ExportRequest<'a> {
    let controls = controls.iter().map(|control| (*control).to_owned()).collect();
    ExportRequest { controls, sample: true, ..ExportRequest::whole(period(), out, "Test Ltd.", key) }
}

/// Exports, after appending a summary when none covers the period, as the command does.
pub(super) fn exported(runner: &Runner, request: &ExportRequest<'_>) -> Result<ExportSummary, BundleError> {
    match export(&runner.reader().unwrap(), request) {
        Err(BundleError::NotCovered { .. }) => {
            summarize(runner);
            export(&runner.reader().unwrap(), request)
        }
        other => other,
    }
}

pub(super) fn summarize(runner: &Runner) {
    let summary = Body::summary();
    block(runner.append(vec![(summary, Vec::new())])).unwrap();
}
