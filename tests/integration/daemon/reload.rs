//! Another configuration for a running daemon: whole or not at all, on record first, and no run or slot is lost
//! or doubled over it.

use super::{World, at, create, pairs};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::bundle::{ExportRequest, VerifyOptions, export, verify};
use evidenced::config::parse;
use evidenced::daemon::{AskError, DaemonError, Outcome, ask, daemon, refused};
use evidenced::ledger::record::{Body, End};
use evidenced::ledger::{Filter, Ledger, Reader};
use evidenced::notify::message::Event;
use evidenced::run::Runner;
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, ManualClock};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than anything here takes; a test that waits so long has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// A daemon on a task of its own.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), DaemonError>>,
}

impl Running {
    fn start(runner: Arc<Runner>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        Self { stop, ended: tokio::spawn(async move { Box::pin(daemon(runner, stopped)).await }) }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

/// Puts the text where the daemon reads it, and asks it to take that.
async fn apply(dir: &Path, text: &str) -> Outcome {
    let path = dir.join("evidenced.toml");
    std::fs::write(&path, text).unwrap();
    let sha256 = parse(&path, text).map_or_else(|_| "0".repeat(64), |loaded| loaded.config.sha256().unwrap());
    asked(dir, &sha256).await
}

/// A daemon that has just been started may not listen yet.
async fn asked(dir: &Path, sha256: &str) -> Outcome {
    let mut again = tokio::time::interval(Duration::from_millis(20));
    let ask = async {
        loop {
            again.tick().await;
            match ask(&dir.join("state"), sha256, LIMIT).await {
                Err(AskError::Nobody(_)) => {}
                asked => return asked.unwrap(),
            }
        }
    };
    tokio::time::timeout(LIMIT, ask).await.expect("the daemon listens")
}

fn text(world: &World) -> String {
    world.text("0 * * * *")
}

fn configs(reader: &Reader) -> Vec<(u64, Body)> {
    reader.records(0..u64::MAX, &Filter::kind("config")).map(|r| r.map(|(n, r)| (n, r.body)).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_is_on_record_with_who_and_what_and_then_in_force() {
    let world = World::new("latest");
    let runner = world.runner();
    let running = Running::start(runner.clone());
    let changed = text(&world).replace("0 * * * *", "30 * * * *").replace("owner = 'o'", "owner = 'somebody'");
    let Outcome::Applied { record } = apply(world.dir.path(), &changed).await else { panic!("refused") };
    let all = configs(&runner.reader().unwrap());
    assert_eq!(all.len(), 2, "{all:?}");
    let (at_start, Body::Config { by, changed: first, .. }) = &all[0] else { panic!() };
    assert!(*at_start < record && by.starts_with("started by uid "), "{by}");
    assert!(first.added.contains(&"collectors".to_owned()), "{first:?}");
    let (index, Body::Config { by, changed, sha256, .. }) = &all[1] else { panic!() };
    assert_eq!(*index, record);
    assert!(by.starts_with("config apply by uid "), "{by}");
    assert_eq!(changed.changed, ["collectors.c.schedule", "controls.T-1.owner"]);
    assert_eq!((&changed.added[..], &changed.removed[..], changed.more), (&[][..], &[][..], 0));
    assert_eq!(runner.loaded().config.sha256().unwrap(), *sha256);
    assert_eq!(runner.loaded().config.collectors["c"].schedule, "30 * * * *");
    // The same again changes nothing, and is no record.
    assert_eq!(asked(world.dir.path(), sha256).await, Outcome::Unchanged);
    assert_eq!(configs(&runner.reader().unwrap()).len(), 2);
    running.stop().await;
    assert!(!world.dir.path().join("state/daemon.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_changes_nothing_and_says_why() {
    let world = World::new("latest");
    let runner = world.runner();
    let running = Running::start(runner.clone());
    let good = text(&world);
    assert_eq!(apply(world.dir.path(), &good).await, Outcome::Unchanged);
    let before = runner.loaded().config.clone();
    let records = runner.reader().unwrap().size().unwrap();
    let state = world.dir.path().join("state");
    for (text, why) in [
        ("nonsense".to_owned(), "line 1"),
        (good.replace("0 * * * *", "0 25 * * *").replace("owner = 'o'", "owner = 'half'"), "[collectors.c] schedule"),
        (good.replace("'state'", "'other'"), "state_dir cannot change while the daemon runs\nhint: restart"),
        (good.replace("test.example/soc2", "test.example/soc3"), "origin cannot change"),
        (good.replace("'Test'", "'Test Holding'"), "organization cannot change"),
        (format!("keys = {{ log = {{ env = 'X' }} }}\n{good}"), "keys cannot change"),
    ] {
        let Outcome::Refused { why: told } = apply(world.dir.path(), &text).await else { panic!("{why}") };
        assert!(told.contains(why), "{told}");
        assert_eq!(runner.loaded().config, before, "{why}");
        let kept = refused(&state).unwrap();
        assert_eq!((kept.why, kept.at), (told, world.clock.now()));
        assert!(kept.by.starts_with("config apply by uid "));
    }
    // What was checked is not what the daemon would read.
    std::fs::write(world.dir.path().join("evidenced.toml"), &good).unwrap();
    let Outcome::Refused { why } = asked(world.dir.path(), &"a".repeat(64)).await else { panic!() };
    assert!(why.contains("which is not what was checked\nhint: "), "{why}");
    // Each is told, once, and leaves no other record.
    let reader = runner.reader().unwrap();
    let told = reader.records(records..u64::MAX, &Filter::default()).map(|found| found.unwrap().1.body);
    let told: Vec<Event> =
        told.map(|body| if let Body::Alert { event, .. } = body { event } else { panic!("{body:?}") }).collect();
    assert_eq!(told, [Event::ConfigRefused; 7]);
    assert_eq!(apply(world.dir.path(), &good).await, Outcome::Unchanged);
    assert_eq!(refused(&state), None, "what is good again is no refusal any more");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_falls_due_between_two_timers_is_run_once() {
    let world = World::new("latest");
    let runner = world.runner();
    let running = Running::start(runner.clone());
    assert_eq!(apply(world.dir.path(), &text(&world)).await, Outcome::Unchanged);
    // 11:00 passes, and no tick of a timer tells of it.
    world.clock.advance(TimeDelta::hours(1));
    for owner in ["a", "b", "c"] {
        let changed = text(&world).replace("owner = 'o'", &format!("owner = '{owner}'"));
        assert!(matches!(apply(world.dir.path(), &changed).await, Outcome::Applied { .. }));
    }
    until(&runner, "run_closed").await;
    running.stop().await;
    assert_eq!(world.slots(), pairs(&[("11:00", "Schedule")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_taken_out_leaves_no_slot_and_stops_nothing() {
    let world = World::new("latest");
    let runner = world.runner();
    let running = Running::start(runner.clone());
    let text = text(&world);
    let only = text.replace("[collectors.c]", "[collectors.d]").replace("[collectors.c.", "[collectors.d.");
    let Outcome::Applied { record } = apply(world.dir.path(), &only.replace("['c']", "['d']")).await else { panic!() };
    let Body::Config { changed, .. } = runner.reader().unwrap().record(record).unwrap().body else { panic!() };
    assert_eq!(
        (&changed.added[..], &changed.removed[..]),
        (&["collectors.d".to_owned()][..], &["collectors.c".into()][..])
    );
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(asked(world.dir.path(), &runner.loaded().config.sha256().unwrap()).await, Outcome::Unchanged);
    until(&runner, "run_closed").await;
    let (_, opened) = runner.reader().unwrap().newest(&Filter::kind("run_opened")).unwrap().unwrap();
    assert!(matches!(&opened.body, Body::RunOpened { collector, .. } if collector == "d"), "{opened:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_is_refused() {
    let world = World::new("latest");
    let runner = world.runner();
    let running = Running::start(runner.clone());
    assert_eq!(apply(world.dir.path(), &text(&world)).await, Outcome::Unchanged);
    let second = Box::pin(daemon(world.runner(), std::future::pending())).await;
    assert!(matches!(second, Err(DaemonError::Another)), "{second:?}");
    running.stop().await;
}

/// Waits for a record of this kind.
async fn until(runner: &Runner, kind: &'static str) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let seen = async {
        while runner.reader().unwrap().newest(&Filter::kind(kind)).unwrap().is_none() {
            look.tick().await;
        }
    };
    tokio::time::timeout(LIMIT, seen).await.unwrap_or_else(|_| panic!("no {kind}"));
}

/// A source that has been asked, and has not answered yet.
async fn held(source: &TcpListener) -> TcpStream {
    tokio::time::timeout(LIMIT, source.accept()).await.expect("the run asks").unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_under_the_configuration_that_it_began_with_and_is_performed_again_so() {
    let source = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "sample-token-1234").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "organization = 'Test'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n\
         [collectors.c]\nkind = 'github_changes'\nschedule = '0 * * * *'\nlimits = {{ attempts_max = 1 }}\n\
         [collectors.c.settings]\napi_url = 'http://{}/'\n\
         repositories = [{{ name = 'acme/shop', branches = ['main'] }}]\n\
         credentials = {{ token = {{ file = '{}' }} }}\n\
         [controls.T-1]\ntitle = 't'\ncriteria = ['CC8.1']\nowner = 'o'\nseverity = 'high'\n\
         collectors = ['c']\ntest = 'change_review'\nstale_after = '36h'\npolicy = {{ min_approvals = 1 }}\n",
        source.local_addr().unwrap(),
        token.display()
    );
    let path = dir.path().join("evidenced.toml");
    let clock = Arc::new(ManualClock::at(at("2026-01-10T10:30:00Z")));
    let loaded = || parse(&path, &text).unwrap_or_else(|error| panic!("{error}"));
    create(&loaded(), clock.now());
    let state = dir.path().join("state");
    let runner = Arc::new(Runner::new(loaded(), Ledger::open(&state).unwrap(), clock.clone()));
    let running = Running::start(runner.clone());
    assert_eq!(apply(dir.path(), &text).await, Outcome::Unchanged);
    clock.advance(TimeDelta::hours(1));
    // The look after an exchange finds 11:00 due, and the source holds the run.
    let two = text.replace("min_approvals = 1", "min_approvals = 2");
    let p = text.replace("owner = 'o'", "owner = 'p'");
    let (outcome, connection) = tokio::join!(apply(dir.path(), &p), held(&source));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    let Outcome::Applied { record } = apply(dir.path(), &two).await else { panic!("refused") };
    drop((connection, source));
    until(&runner, "run_closed").await;
    running.stop().await;
    let reader = Reader::open(&state).unwrap();
    let index = |kind| reader.newest(&Filter::kind(kind)).unwrap().unwrap().0;
    let verdict = index("verdict");
    assert!(index("run_opened") < record && record < verdict, "the configuration came in between");
    let policy: serde_json::Value = serde_json::from_slice(&reader.read_file(verdict, "policy.json").unwrap()).unwrap();
    assert_eq!(policy["min_approvals"], 1);
    let (_, closed) = reader.newest(&Filter::kind("run_closed")).unwrap().unwrap();
    assert!(matches!(closed.body, Body::RunClosed { end: End::Failed | End::Incomplete, .. }), "{closed:?}");
    performed_again(&runner, dir.path(), at("2026-01-01T00:00:00Z"));
}

/// A bundle of it verifies and is performed again: the auditor's program knows which configuration a run was under.
pub(super) fn performed_again(runner: &Runner, dir: &Path, start: DateTime<Utc>) {
    let append = runner.ledger().clone();
    let at = start + TimeDelta::days(30);
    let summary = evidenced::ledger::NewRecord { at, body: Body::summary(), files: Vec::new() };
    std::thread::scope(|scope| scope.spawn(|| append.append_blocking(vec![summary]).unwrap()).join().unwrap());
    let (out, key) = (dir.join("bundle.zip"), runner.ledger().bundle_key().unwrap());
    let period = Window { start, end: start + TimeDelta::days(20) };
    let request = ExportRequest { sample: true, ..ExportRequest::whole(period, &out, "Test", &key) };
    export(&runner.reader().unwrap(), &request).unwrap_or_else(|error| panic!("{error:?}"));
    let report = verify(&out, &VerifyOptions { reperform: true, ..VerifyOptions::default() }).unwrap();
    assert!(report.ok() && report.reperformed.as_ref().is_some_and(|done| done.verdicts == 1), "{report:?}");
}
