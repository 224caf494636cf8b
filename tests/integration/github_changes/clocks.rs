//! Clocks that are wrong: the source's against ours within a run, and ours between runs.

use super::bed::{Bed, at, every_landing, week};
use chrono::TimeDelta;
use evidenced::bundle::{ExportRequest, VerifyOptions, export, verify};
use evidenced::config::{AuditType, parse};
use evidenced::demo::github::GithubServer;
use evidenced::judge::VerdictOutcome;
use evidenced::ledger::bundle_key::BundleKey;
use evidenced::ledger::record::{Body, Status, Trigger};
use evidenced::ledger::{Create, Filter, Ledger, Reader};
use evidenced::readiness;
use evidenced::run::Runner;
use evidenced_collectors::contract::clock::ManualClock;
use evidenced_collectors::contract::{CollectError, Window};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

#[tokio::test]
async fn answers_from_another_time_than_ours_are_no_whole_population() {
    let ahead = async |by: TimeDelta| {
        let mut bed = Bed::of(every_landing()).await;
        let theirs = Arc::new(ManualClock::at(week().end + by));
        let server = GithubServer::start(bed.history.clone(), theirs).await.unwrap();
        bed.settings["api_url"] = json!(server.url());
        bed.first().await
    };
    for seconds in [300, -300] {
        ahead(TimeDelta::seconds(seconds)).await.whole();
    }
    // What is sent as a whole second was written within it.
    for (seconds, how) in [(301, "301 s ahead of"), (-302, "301 s behind")] {
        let outcome = ahead(TimeDelta::seconds(seconds)).await;
        let said = outcome.incomplete();
        assert!(said.contains(&format!("the clock of GitHub is {how} ours")), "{said}");
        let Err(CollectError::Incomplete(partial)) = &outcome.result else { panic!("not incomplete") };
        assert_eq!((partial.unread.len(), partial.observed), (1, 13), "what was read is kept");
    }
}

/// The verdict of the newest run: what it is as of, over which evidence, and what it says.
fn newest(reader: &Reader) -> (String, Vec<u64>, VerdictOutcome) {
    let Body::Verdict { as_of, evidence, outcome, .. } =
        reader.newest(&Filter::kind("verdict")).unwrap().unwrap().1.body
    else {
        panic!("no verdict")
    };
    (as_of.to_rfc3339(), evidence, outcome)
}

#[tokio::test]
async fn under_a_clock_that_was_ahead_no_deviation_falls_out_of_the_look_back() {
    let bed = Bed::of(every_landing()).await;
    let dir = tempfile::tempdir().unwrap();
    let (runner, key) = line(&bed, dir.path()).await;
    let run = async |when: &str| {
        bed.clock.set(at(when));
        let (_keep, never) = watch::channel(false);
        let report = runner.run("c", Trigger::Manual, None, never).await.unwrap();
        (report.evidence, newest(&runner.reader().unwrap()))
    };

    let (first, (_, over, outcome)) = run("2026-03-09T00:00:00Z").await;
    assert_eq!((over, outcome), (vec![first], VerdictOutcome::Deviation));
    // Two months ahead, so the week is out of the look-back.
    let (ahead, (as_of, over, _)) = run("2026-05-09T00:00:00Z").await;
    assert_eq!((as_of.as_str(), over), ("2026-05-09T00:00:00+00:00", vec![ahead]));
    // Back again: as of now, and over all that there is.
    let (back, (as_of, over, outcome)) = run("2026-03-09T02:00:00Z").await;
    assert_eq!(as_of, "2026-03-09T02:00:00+00:00");
    let over: BTreeSet<u64> = over.into_iter().collect();
    assert_eq!((over, outcome), (BTreeSet::from([first, ahead, back]), VerdictOutcome::Deviation));

    let period = Window { start: week().start, end: at("2026-06-01T00:00:00Z") };
    bed.clock.set(period.end);
    verified(&runner, period, &key, dir.path()).await;
}

#[tokio::test]
async fn after_a_clock_that_was_behind_no_deviation_has_fallen_out_of_the_look_back() {
    let mut bed = Bed::of(every_landing()).await;
    let theirs = Arc::new(ManualClock::at(week().end));
    let server = GithubServer::start(bed.history.clone(), theirs.clone()).await.unwrap();
    bed.settings["api_url"] = json!(server.url());
    let dir = tempfile::tempdir().unwrap();
    let (runner, key) = line(&bed, dir.path()).await;
    let run = async |ours: &str, right: &str| {
        bed.clock.set(at(ours));
        theirs.set(at(right));
        let (_keep, never) = watch::channel(false);
        let evidence = runner.run("c", Trigger::Manual, None, never).await.unwrap().evidence;
        let reader = runner.reader().unwrap();
        let Body::Evidence { status, .. } = reader.record(evidence).unwrap().body else { panic!("no evidence") };
        (evidence, status, newest(&reader))
    };

    let (first, _, (_, over, outcome)) = run("2026-03-09T00:00:00Z", "2026-03-09T00:00:00Z").await;
    assert_eq!((over, outcome), (vec![first], VerdictOutcome::Deviation));
    // A machine whose clock does not go without power.
    let (_, status, _) = run("2025-01-01T00:00:00Z", "2026-03-09T01:00:00Z").await;
    assert_ne!(status, Status::Complete);
    let (third, status, (_, over, outcome)) = run("2026-03-09T02:00:00Z", "2026-03-09T02:00:00Z").await;
    assert_eq!(status, Status::Complete);
    assert_eq!((over, outcome), (vec![first, third], VerdictOutcome::Deviation), "the first one is seven days old");
    let until = at("2026-03-09T03:00:00Z");
    let period = Window { start: week().start, end: until };
    let ask = readiness::Ask { as_of: Some(until), audit: Some(AuditType::Type2), period: Some(period) };
    let facts = readiness::gather(&runner.loaded(), ask, until).unwrap();
    let observed = facts.controls.iter().find(|control| control.id == "T-1").unwrap().observed.as_ref().unwrap();
    let stamps: Vec<u64> = observed.over.stamps.iter().map(|stamp| stamp.record).collect();
    assert_eq!(stamps, [first, third], "nor is there a gap");

    let period = Window { start: at("2024-12-01T00:00:00Z"), end: at("2026-04-01T00:00:00Z") };
    bed.clock.set(period.end);
    verified(&runner, period, &key, dir.path()).await;
}

/// The whole line over the bed, and the key of its bundles.
async fn line(bed: &Bed, dir: &Path) -> (Runner, BundleKey) {
    let settings: toml::Value = serde_json::from_value(bed.settings.clone()).unwrap();
    let text = format!(
        "organization = 'Test Ltd.'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n\
         [collectors.c]\nkind = 'github_changes'\nschedule = '0 2 * * *'\nfirst_window = '7d'\nsettings = {settings}\n\
         [controls.T-1]\ntitle = 't'\ncriteria = ['CC8.1']\nowner = 'o'\nseverity = 'high'\ncollectors = ['c']\n\
         test = 'change_review'\nfrequency = 'daily'\nstale_after = '36h'\nlookback = '30d'\n"
    );
    let loaded = parse(&dir.join("evidenced.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let create =
        Create { organization: "Test Ltd.".into(), origin: "test.example/soc2".into(), sample: true, at: week().start };
    let ledger = Ledger::create(&loaded.state_dir, create).unwrap();
    let key = ledger.bundle_key().unwrap();
    let runner = Runner::new(loaded, ledger, bed.clock.clone());
    runner.record_config("a test").await.unwrap();
    (runner, key)
}

/// Re-performance of a bundle comes to the same.
async fn verified(runner: &Runner, period: Window, key: &BundleKey, dir: &Path) {
    let out = dir.join("b.zip");
    runner.append(vec![(Body::summary(), Vec::new())]).await.unwrap();
    let request = ExportRequest { sample: true, ..ExportRequest::whole(period, &out, "Test Ltd.", key) };
    export(&runner.reader().unwrap(), &request).unwrap();
    let report = verify(&out, &VerifyOptions { reperform: true, ..VerifyOptions::default() }).unwrap();
    assert!(report.ok(), "{:?}", report.findings().collect::<Vec<_>>());
}
