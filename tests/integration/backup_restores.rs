//! Restore logs end to end: real restic and borg repositories, good and damaged, drilled by
//! `deploy/restore-drill` and collected through the door; then what must not pass as whole.

use super::support::drill::{Drill, said};
use super::support::replay::Ran;
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::restores::{RestoreHistory, SampleEnding, SampleTest};
use evidenced::judge::{Reading, Test, judge};
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use evidenced_collectors::contract::{
    CollectError, Items, Partial, Population, RestoreStatus, RestoreTest, Task, Validation, Window,
};
use evidenced_collectors::door::{Door, Limits, Network};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Collects on a live door, then again on a replay of it, which must come to the same.
async fn collect(
    directory: &Path,
    carry: Option<Value>,
    clock: Arc<dyn Clock>,
    more: Value,
) -> Result<Population, CollectError> {
    let stores = ["files", "ledger-db", "orders-db"].map(|name| json!({ "name": name, "rto_target_s": 14400 }));
    let mut settings = json!({ "directory": directory, "stores": stores });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let collector = (evidenced_collectors::kind("backup_restores").unwrap().build)(&settings).unwrap();

    let limits = Limits::default();
    let door = Door::live(&Network::new(), clock, limits);
    let as_of = door.as_of();
    let task = Task { window: Window { start: as_of - Duration::days(1), end: as_of }, carry };
    let result = collector.collect(&door, &task).await;
    let exchanges = door.take_exchanges();
    crate::support::permissions::declared("backup_restores", &exchanges);
    let ran = Ran { limits, task: &task, as_of, exchanges: &exchanges, result: &result };
    ran.is_the_same_on_replay(collector.as_ref()).await;
    result
}

async fn collect_now(directory: &Path) -> Result<Population, CollectError> {
    collect(directory, None, Arc::new(SystemClock), json!({})).await
}

fn tests(items: &Items) -> &[RestoreTest] {
    match items {
        Items::Restores(restores) => &restores.tests,
        other => panic!("not restores: {other:?}"),
    }
}

/// The only test of a whole collection.
async fn only_test(bed: &Drill) -> RestoreTest {
    let population = collect_now(&bed.logs()).await.unwrap();
    let [test] = tests(population.items()) else { panic!("{:?}", population.items()) };
    test.clone()
}

fn incomplete(outcome: Result<Population, CollectError>) -> Partial {
    match outcome {
        Err(CollectError::Incomplete(partial)) => *partial,
        other => panic!("not incomplete: {other:?}"),
    }
}

#[tokio::test]
async fn a_restic_drill_is_read_as_a_completed_and_successful_test() {
    let bed = Drill::with_backup("restic");
    let (written, code) = bed.drill(&["--rto", "3600"]);
    assert_eq!(code, Some(0));
    let population = collect_now(&bed.logs()).await.unwrap();
    let [test] = tests(population.items()) else { panic!("{:?}", population.items()) };
    assert_eq!((test.status, test.validation), (RestoreStatus::Completed, Some(Validation::Successful)));
    let checks: Vec<_> = test.checks.iter().map(|check| (check.name.as_str(), check.ok)).collect();
    assert_eq!(checks, [("files restored", true), ("restic check", true)]);
    assert_eq!(test.checks[0].expected, test.checks[0].actual);
    assert!(test.tool.as_deref().unwrap().starts_with("restic 0."));
    assert!(test.recovery_point.unwrap() <= test.started + Duration::seconds(1));
    assert_eq!((test.rto_target_s, test.rpo_target_s), (Some(3600), None));
    assert_eq!(test.performer.as_deref(), Some("sam"));
    assert_eq!(population.ipe().scope_found, ["files"]);
    assert_eq!(population.ipe().reconciliations[0].held, 8, "one directory with seven files in it");

    let review = json!({ "reviewer": "lena", "reviewed_at": SystemClock.now().to_rfc3339() });
    fs::write(written.join("review.json"), review.to_string()).unwrap();
    assert_eq!(only_test(&bed).await.reviewer.as_deref(), Some("lena"));
}

#[tokio::test]
async fn a_borg_drill_is_read_as_a_completed_and_successful_test() {
    let bed = Drill::with_backup("borg");
    let (_, code) = bed.drill(&[]);
    assert_eq!(code, Some(0));
    let test = only_test(&bed).await;
    assert_eq!((test.status, test.validation), (RestoreStatus::Completed, Some(Validation::Successful)));
    let checks: Vec<_> = test.checks.iter().map(|check| (check.name.as_str(), check.ok)).collect();
    assert_eq!(checks, [("files restored", true), ("borg check", true)]);
    assert_eq!(test.checks[0].actual.as_deref(), Some("2 files"));
    let age = test.started - test.recovery_point.unwrap();
    assert!(age < Duration::minutes(10), "the recovery point is UTC, not local time: {age}");
}

#[tokio::test]
async fn a_damaged_restic_pack_fails_the_restore_and_its_validation() {
    let bed = Drill::with_backup("restic");
    bed.damage("data");
    assert_eq!(bed.drill(&[]).1, Some(1));
    let test = only_test(&bed).await;
    assert_eq!((test.status, test.validation), (RestoreStatus::Failed, Some(Validation::Failed)));
    assert!(test.checks.iter().all(|check| !check.ok), "{:?}", test.checks);
}

#[tokio::test]
async fn a_damaged_borg_segment_fails_the_restore_and_its_validation() {
    let bed = Drill::with_backup("borg");
    bed.damage("data");
    assert_eq!(bed.drill(&[]).1, Some(1));
    let test = only_test(&bed).await;
    assert_eq!((test.status, test.validation), (RestoreStatus::Failed, Some(Validation::Failed)));
}

#[tokio::test]
async fn a_drill_that_reads_no_data_in_its_check_validates_nothing() {
    for tool in ["restic", "borg"] {
        let bed = Drill::with_backup(tool);
        for (check, checks) in [("none", 1), ("structure", 2)] {
            let (written, _) = bed.drill(&["--check", check]);
            let test = only_test(&bed).await;
            assert_eq!((test.status, test.validation), (RestoreStatus::Completed, None), "{tool} {check}");
            assert_eq!(test.checks.len(), checks);
            fs::remove_dir_all(written).unwrap();
        }
    }
}

#[tokio::test]
async fn named_checks_of_the_restored_data_are_run_before_it_is_removed() {
    let bed = Drill::with_backup("restic");
    for (rows, code, validation) in [(3, 0, Validation::Successful), (4, 1, Validation::Failed)] {
        bed.script(&format!(
            "rows=$(find \"$1\" -name orders.csv -exec cat {{}} + | wc -l)\n\
             [ \"$rows\" -ge {rows} ] && ok=true || ok=false\n\
             echo '[{{\"name\": \"rows\", \"expected\": {rows}, \"actual\": '$rows', \"ok\": '$ok'}}]'\n"
        ));
        let (written, exit) = bed.drill(&["--check", "none", "--checks", "./checks"]);
        assert_eq!(exit, Some(code));
        let test = only_test(&bed).await;
        assert_eq!(test.validation, Some(validation));
        assert_eq!(test.checks[1].actual.as_deref(), Some("3"));
        fs::remove_dir_all(written).unwrap();
    }
}

#[tokio::test]
async fn a_drill_that_finds_no_backup_has_failed_and_takes_no_other() {
    for (tool, filter) in [("restic", ["--tag", "nightly"]), ("borg", ["--glob-archives", "nightly-*"])] {
        let bed = Drill::with_backup(tool);
        assert_eq!(bed.drill(&["--", filter[0], filter[1]]).1, Some(1));
        let test = only_test(&bed).await;
        assert_eq!((test.status, test.backup_id), (RestoreStatus::Failed, None), "{tool}");
        assert_ne!(test.validation, Some(Validation::Failed), "the repository itself is in order");
    }
    let bed = Drill::bare("restic");
    assert_eq!(bed.drill(&[]).1, Some(1));
    assert_eq!(only_test(&bed).await.status, RestoreStatus::Failed, "no repository at all");
}

#[tokio::test]
async fn a_drill_that_is_told_to_stop_still_leaves_its_evidence_and_has_not_passed() {
    let bed = Drill::with_backup("restic");
    bed.script("kill -TERM $PPID; echo '[{\"name\": \"rows\", \"ok\": true}]'");
    assert_eq!(bed.drill(&["--checks", "./checks"]).1, Some(1));
    assert_eq!(only_test(&bed).await.status, RestoreStatus::Completed);
    assert_eq!(fs::read_dir(bed.home.path()).unwrap().filter(is_staging).count(), 0);
}

fn is_staging(entry: &std::io::Result<fs::DirEntry>) -> bool {
    entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".restore-drill")
}

#[test]
fn a_drill_that_cannot_begin_says_why_and_writes_nothing() {
    let bed = Drill::bare("restic");
    for (arguments, why) in [
        (vec!["--rto", "4h"], "target 4h is not a number of seconds"),
        (vec!["--chekc", "data"], "unknown option --chekc"),
        (vec!["--check", "some"], "--check some is unknown"),
        (vec!["--into", "nowhere"], "nowhere is not a directory"),
        (vec!["--rpo"], "--rpo needs a value"),
    ] {
        let output = bed.drill_command(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(why) && said(&output).contains("hint: "), "{}", said(&output));
    }
    let unset = bed.drill_command(&[]).env_remove("RESTIC_REPOSITORY").output().unwrap();
    assert!(said(&unset).contains("no repository is named"), "{}", said(&unset));
    assert_eq!(fs::read_dir(bed.logs()).unwrap().count(), 0);
}

/// A line of our own form, good unless `more` says otherwise.
fn line(id: &str, more: Value) -> String {
    let mut line = json!({
        "test_id": id, "store": "files", "started": "2026-02-10T02:00:00Z", "status": "COMPLETED",
        "env_source": "production", "validated": "2026-02-10T03:00:00Z", "validation": "SUCCESSFUL",
        "checks": [{ "name": "rows", "expected": 5, "actual": 5, "ok": true }],
    });
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{line}\n")
}

#[tokio::test]
async fn whatever_is_not_read_makes_the_collection_incomplete_and_is_named() {
    let bed = Drill::bare("restic");
    let logs = bed.logs();
    fs::write(logs.join("a.jsonl"), line("t-1", json!({})) + &line("t-2", json!({ "stauts": "x" }))).unwrap();
    fs::write(logs.join("b.jsonl"), line("t-1", json!({})) + line("t-3", json!({})).trim_end()).unwrap();
    fs::write(logs.join("c.jsonl"), line("t-4", json!({ "store": "crm" }))).unwrap();
    fs::write(logs.join(".a.jsonl.swp"), "").unwrap();
    fs::write(logs.join(".hidden.jsonl"), line("t-5", json!({}))).unwrap();
    fs::write(logs.join("notes.txt"), "all fine").unwrap();
    std::os::unix::fs::symlink(bed.path("elsewhere"), logs.join("d.jsonl")).unwrap();
    fs::create_dir_all(logs.join("drill-1/more")).unwrap();
    fs::write(logs.join("drill-1/drill.json"), "{}").unwrap();
    fs::write(logs.join("drill-1/restore.log"), "").unwrap();

    let partial = incomplete(collect_now(&logs).await);
    let mut named: Vec<_> = partial.unread.iter().map(|unread| unread.what.as_str()).collect();
    named.sort_unstable();
    let expected = [
        ".a.jsonl.swp",
        ".hidden.jsonl",
        "a.jsonl line 2",
        "b.jsonl line 1",
        "b.jsonl line 2",
        "c.jsonl line 1",
        "d.jsonl",
        "drill-1/drill.json",
        "drill-1/more",
        "drill-1/restore.log",
        "notes.txt",
    ];
    assert_eq!(named, expected, "{:#?}", partial.unread);
    assert!(partial.unread.iter().all(|unread| unread.hint.is_some()));
    let ids: Vec<_> = tests(&partial.items).iter().map(|test| test.id.as_str()).collect();
    assert_eq!(ids, ["t-1", "t-4"], "the rest is still read");
}

#[tokio::test]
async fn each_single_fault_is_enough_to_be_incomplete() {
    let good = line("t-1", json!({}));
    for (name, text) in [
        ("b.jsonl", line("t-1", json!({}))),
        ("b.jsonl", line("t-2", json!({ "store": "crm" }))),
        ("b.jsonl", line("t-2", json!({})).trim_end().to_owned()),
        ("b.jsonl", "\n".to_owned()),
        ("b.json", line("t-2", json!({}))),
        (".nfs0001", String::new()),
    ] {
        let bed = Drill::bare("restic");
        fs::write(bed.logs().join("a.jsonl"), &good).unwrap();
        assert!(collect_now(&bed.logs()).await.is_ok());
        fs::write(bed.logs().join(name), &text).unwrap();
        let partial = incomplete(collect_now(&bed.logs()).await);
        assert_eq!((partial.unread.len(), partial.observed >= 1), (1, true), "{name} {text}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_listed_or_is_too_large_gives_no_population() {
    let bed = Drill::bare("restic");
    let missing = collect_now(&bed.path("nowhere")).await;
    assert!(matches!(missing, Err(CollectError::Unavailable { .. })), "{missing:?}");
    for name in ["a.jsonl", "b.jsonl", "c.jsonl"] {
        fs::write(bed.logs().join(name), line(name, json!({}))).unwrap();
    }
    let limit = |max: u32| {
        let logs = bed.logs();
        async move { collect(&logs, None, Arc::new(SystemClock), json!({ "files_max": max })).await }
    };
    assert!(limit(3).await.is_ok());
    let over = limit(2).await;
    assert!(matches!(over, Err(CollectError::Limit { .. })), "{over:?}");
}

#[tokio::test]
async fn a_test_that_was_read_before_must_still_be_there_unless_archived() {
    let bed = Drill::bare("restic");
    let log = bed.logs().join("a.jsonl");
    let failed = line("t-1", json!({ "validation": "FAILED" }));
    fs::write(&log, failed.clone() + &line("t-2", json!({}))).unwrap();
    let first = collect_now(&bed.logs()).await.unwrap();
    // Two quarters later, so that they are judged no more.
    let later = Arc::new(ManualClock::at("2026-10-01T00:00:00Z".parse().unwrap()));
    let again = |more: Value| {
        let (logs, carry, clock) = (bed.logs(), first.carry().cloned(), later.clone());
        async move { collect(&logs, carry, clock, more).await }
    };
    assert!(again(json!({})).await.is_ok());

    fs::write(&log, line("t-2", json!({}))).unwrap();
    let gone = incomplete(again(json!({})).await);
    assert_eq!(gone.unread[0].what, "test t-1");
    assert!(gone.unread[0].why.contains("is gone"));
    let failed = |items: &Items| tests(items).iter().any(|test| test.validation == Some(Validation::Failed));
    assert!(failed(&gone.items), "it is judged as it was");
    assert!(again(json!({ "archived_before": "2026-03-01T00:00:00Z" })).await.is_ok());

    fs::write(&log, line("t-1", json!({})) + &line("t-2", json!({}))).unwrap();
    let rewritten = incomplete(again(json!({})).await);
    assert!(rewritten.unread[0].why.contains("validation was \"failed\""), "{:?}", rewritten.unread);
    assert!(failed(&rewritten.items) && tests(&rewritten.items).len() == 2, "{:?}", rewritten.items);
}

#[tokio::test]
async fn no_test_of_a_quarter_that_is_still_judged_can_be_archived() {
    let bed = Drill::bare("restic");
    let log = bed.logs().join("a.jsonl");
    fs::write(&log, line("bad", json!({ "validation": "FAILED" })) + &line("good", json!({}))).unwrap();
    let run = |carry: Option<Value>, when: &str, before: Option<&str>| {
        let (logs, clock) = (bed.logs(), Arc::new(ManualClock::at(when.parse().unwrap())));
        let more = before.map_or(json!({}), |before| json!({ "archived_before": before }));
        async move { collect(&logs, carry, clock, more).await }
    };
    let carry = run(None, "2026-02-20T00:00:00Z", None).await.unwrap().carry().cloned();
    // The first quarter is looked at until the third has begun and the grace after the second is over.
    let policy = Test::parse("restore_test", &json!({ "grace_days": 90 })).unwrap();
    for (when, most, oldest) in [
        ("2026-03-31T23:59:59Z", "2025-07-01T00:00:00Z", "2025Q3"),
        ("2026-05-15T12:00:00Z", "2025-10-01T00:00:00Z", "2025Q4"),
        ("2026-09-28T00:00:00Z", "2026-01-01T00:00:00Z", "2026Q1"),
        ("2026-12-31T23:59:59Z", "2026-04-01T00:00:00Z", "2026Q2"),
        ("2027-01-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026Q3"),
    ] {
        let (as_of, most): (DateTime<Utc>, DateTime<Utc>) = (when.parse().unwrap(), most.parse().unwrap());
        let at_most = |later: i64| (most + Duration::seconds(later)).to_rfc3339();
        let whole = run(carry.clone(), when, Some(&at_most(0))).await.unwrap();
        let items = Some(whole.items().clone());
        let reading = Reading { collector: "restores".to_owned(), as_of, items, unread: Vec::new() };
        let judged = judge(&policy, &[reading], &[], as_of).judgements;
        let first = judged.iter().map(|one| one.item.rsplit(' ').next().unwrap()).min();
        assert!(first.is_some_and(|first| first >= oldest), "{when}: the judge looks at {first:?}");

        let over = incomplete(run(carry.clone(), when, Some(&at_most(1))).await);
        let [one] = over.unread.as_slice() else { panic!("{when}: {:?}", over.unread) };
        assert_eq!(one.what, "archived_before");
        assert!(one.hint.as_ref().unwrap().contains(&most.format("%Y-%m-%d").to_string()), "{one:?}");
    }

    // A failure that is moved away is gone, and its run leaves it to the next one.
    fs::write(&log, line("good", json!({}))).unwrap();
    let mut carry = carry;
    for _ in 0..2 {
        let over = incomplete(run(carry, "2026-03-20T00:00:00Z", Some("2026-03-01T00:00:00Z")).await);
        let named: Vec<_> = over.unread.iter().map(|unread| unread.what.as_str()).collect();
        assert_eq!(named, ["archived_before", "test bad"]);
        carry = over.carry;
    }
    let later = |when: &'static str| run(carry.clone(), when, Some("2026-03-01T00:00:00Z"));
    assert!(later("2026-09-30T00:00:00Z").await.is_err());
    assert!(later("2026-10-01T00:00:00Z").await.is_ok(), "it is judged no more");
}

#[tokio::test]
async fn of_two_tests_with_one_id_the_first_is_remembered_and_the_other_may_be_renamed() {
    let bed = Drill::bare("restic");
    let write = |name: &str, text: String| fs::write(bed.logs().join(name), text).unwrap();
    let then = |carry: Option<Value>| {
        let logs = bed.logs();
        async move { collect(&logs, carry, Arc::new(SystemClock), json!({})).await }
    };
    write("a.jsonl", line("nightly", json!({ "validation": "FAILED" })));
    write("b.jsonl", line("nightly", json!({ "started": "2026-02-10T02:30:00Z" })));
    let twice = incomplete(then(None).await);
    let [one] = twice.unread.as_slice() else { panic!("{:?}", twice.unread) };
    assert_eq!(one.what, "b.jsonl line 1");

    write("b.jsonl", line("nightly-2", json!({ "started": "2026-02-10T02:30:00Z" })));
    assert!(then(twice.carry.clone()).await.is_ok(), "it was told to be given another id");
    write("b.jsonl", line("nightly", json!({ "started": "2026-02-10T02:30:00Z" })));
    fs::remove_file(bed.logs().join("a.jsonl")).unwrap();
    let gone = incomplete(then(twice.carry).await);
    assert!(gone.unread[0].why.contains("validation was \"failed\""), "{:?}", gone.unread);
}

#[tokio::test]
async fn a_test_that_only_an_incomplete_run_saw_may_not_go_or_be_rewritten_either() {
    let bed = Drill::bare("restic");
    let log = bed.logs().join("a.jsonl");
    let stray = bed.logs().join("stray.tmp");
    let then = |carry: Option<Value>| {
        let logs = bed.logs();
        async move { collect(&logs, carry, Arc::new(SystemClock), json!({})).await }
    };
    let first = then(None).await.unwrap();
    fs::write(&log, line("t-1", json!({ "validation": "FAILED" })) + &line("t-2", json!({ "env_source": "staging" })))
        .unwrap();
    fs::write(&stray, "").unwrap();
    let partial = incomplete(then(first.carry().cloned()).await);
    assert_eq!(partial.unread.len(), 1, "{:?}", partial.unread);
    fs::remove_file(&stray).unwrap();
    assert!(then(partial.carry.clone()).await.is_ok(), "all of it is there");

    // Gone and rewritten; and so it stays in the run after that, for neither was believed.
    fs::write(&log, line("t-2", json!({}))).unwrap();
    let mut carry = partial.carry;
    for _ in 0..2 {
        let noticed = incomplete(then(carry).await);
        let named: Vec<_> = noticed.unread.iter().map(|unread| unread.what.as_str()).collect();
        assert_eq!(named, ["test t-1", "test t-2"], "{:?}", noticed.unread);
        assert!(noticed.unread[1].why.contains("env_source was \"staging\", is \"production\""));
        carry = noticed.carry;
    }
}

#[tokio::test]
async fn a_restic_drill_that_restored_a_part_of_the_snapshot_validates_nothing() {
    let bed = Drill::with_backup("restic");
    let (written, code) = bed.drill(&[]);
    assert_eq!(code, Some(0));
    assert_eq!(only_test(&bed).await.validation, Some(Validation::Successful));

    let part = bed.tool(&["--json", "restore", "latest:/data/deep", "--target", "part"]);
    fs::write(written.join("restore.out"), part).unwrap();
    let test = only_test(&bed).await;
    assert_eq!((test.status, test.validation), (RestoreStatus::Failed, Some(Validation::Failed)), "{:?}", test.checks);
    // The part came back whole; how much the snapshot holds is not known now.
    fs::remove_file(written.join("stats.json")).unwrap();
    let test = only_test(&bed).await;
    assert_eq!((test.status, test.validation), (RestoreStatus::Completed, None), "{:?}", test.checks);
    let rows = json!([{ "name": "bytes of noise", "expected": 400_000, "actual": 400_000, "ok": true }]);
    fs::write(written.join("checks.json"), rows.to_string()).unwrap();
    assert_eq!(only_test(&bed).await.validation, Some(Validation::Successful), "on named checks");
}

#[tokio::test]
async fn a_directory_that_is_emptied_is_incomplete_and_names_every_test() {
    let bed = Drill::bare("restic");
    let log = bed.logs().join("a.jsonl");
    fs::write(&log, ["t-1", "t-2", "t-3", "t-4"].map(|id| line(id, json!({}))).concat()).unwrap();
    let carry = collect_now(&bed.logs()).await.unwrap().carry().cloned();
    let gone = async || -> Vec<String> {
        let partial = incomplete(collect(&bed.logs(), carry.clone(), Arc::new(SystemClock), json!({})).await);
        partial.unread.into_iter().map(|unread| unread.what).collect()
    };
    fs::write(&log, ["t-1", "t-3"].map(|id| line(id, json!({}))).concat()).unwrap();
    assert_eq!(gone().await, ["test t-2", "test t-4"]);
    fs::write(&log, "").unwrap();
    assert_eq!(gone().await, ["test t-1", "test t-2", "test t-3", "test t-4"]);
    fs::remove_file(&log).unwrap();
    assert_eq!(gone().await.len(), 4);
}

#[tokio::test]
async fn a_store_leaves_the_register_with_a_day_and_a_reason_or_makes_the_run_incomplete() {
    let bed = Drill::bare("restic");
    fs::write(bed.logs().join("a.jsonl"), line("t-1", json!({}))).unwrap();
    let first = collect_now(&bed.logs()).await.unwrap();
    let then = |carry: &Population, more: Value| {
        let (logs, carry) = (bed.logs(), carry.carry().cloned());
        async move { collect(&logs, carry, Arc::new(SystemClock), more).await }
    };
    let rest = json!([{ "name": "ledger-db" }, { "name": "orders-db" }]);
    let dropped = incomplete(then(&first, json!({ "stores": rest })).await);
    assert_eq!(dropped.unread.len(), 1, "{:?}", dropped.unread);
    assert_eq!(dropped.unread[0].what, "store files");
    assert!(dropped.unread[0].hint.as_ref().unwrap().contains("`retired_stores`"));
    let Items::Restores(held) = &dropped.items else { panic!("{:?}", dropped.items) };
    assert_eq!(held.stores.len(), 3, "it is judged on");

    let retired =
        |on: &str| json!({ "stores": rest, "retired_stores": [{ "name": "files", "on": on, "reason": "sold" }] });
    let whole = then(&first, retired("2026-03-01")).await.unwrap();
    let Items::Restores(held) = whole.items() else { panic!("{:?}", whole.items()) };
    let files = held.stores.iter().find(|store| store.name == "files").unwrap();
    assert_eq!((files.reason.as_deref(), files.rto_target_s), (Some("sold"), Some(14_400)), "its targets are kept");
    assert_eq!(files.retired, Some("2026-03-01".parse().unwrap()));
    assert!(whole.ipe().filters.contains(&"store files was retired on 2026-03-01: sold".to_owned()));
    assert_eq!(whole.ipe().scope_claimed, ["ledger-db", "orders-db"]);

    let again = incomplete(then(&whole, json!({ "stores": rest })).await);
    assert_eq!(again.unread[0].what, "store files", "the entry stays");
    let later = incomplete(then(&first, retired("2999-01-01")).await);
    assert!(later.unread[0].why.contains("only on 2999-01-01"), "{:?}", later.unread);

    let out = json!({ "stores": [
        { "name": "files" }, { "name": "ledger-db" }, { "name": "orders-db", "in_scope": false, "reason": "a copy" },
    ] });
    let out = then(&first, out).await.unwrap();
    assert!(
        out.ipe().filters.contains(&"store orders-db needs no tests: a copy".to_owned()),
        "{:?}",
        out.ipe().filters
    );
}

#[tokio::test]
async fn the_sample_company_s_logs_grow_with_simulated_time_and_are_whole() {
    let bed = Drill::bare("restic");
    let since: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let endings = [SampleEnding::Good, SampleEnding::Slow, SampleEnding::Damaged, SampleEnding::Unchecked];
    let test = |(day, ending)| SampleTest { store: "files".into(), started: since + Duration::days(day), ending };
    let history = RestoreHistory::new((0..).zip(endings).map(test).collect());
    let mut carry = None;
    let mut counts = Vec::new();
    for day in [0, 2, 30] {
        let now = since + Duration::days(day);
        let written = history.write_until(&bed.logs(), now).unwrap();
        let population = collect(&bed.logs(), carry, Arc::new(ManualClock::at(now)), json!({})).await.unwrap();
        let tests = tests(population.items());
        assert_eq!(tests.len(), written);
        assert!(tests.iter().all(|test| test.tool.as_deref() == Some("sample")), "every test says that it is a sample");
        counts.push(written);
        carry = population.carry().cloned();
    }
    assert_eq!(counts, [0, 2, 4]);
    assert_eq!(fs::read_dir(bed.home.path()).unwrap().count(), 2, "nothing is left beside the directory");

    let now = since + Duration::days(30);
    let population = collect(&bed.logs(), carry, Arc::new(ManualClock::at(now)), json!({})).await.unwrap();
    let read: Vec<_> = tests(population.items()).iter().map(|test| (test.validation, test.ticket_closed)).collect();
    let (good, failed) = (Some(Validation::Successful), Some(Validation::Failed));
    assert_eq!(read, [(good, false), (good, true), (failed, true), (None, false)]);
}
