//! What retention erased: on record like any erasure, said in bundles, and never a pass again.

use super::archive::Files;
use super::world::{World, at, period};
use super::{check, wrong};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::assess;
use evidenced::compact::{BASIS, CompactError, Due, compact, doubt, due};
use evidenced::config::{KEPT_AT_LEAST, Span};
use evidenced::ledger::record::{Body, Status};
use evidenced::ledger::{Filter, NewFile, NewRecord, verify_store};
use evidenced::run_file::{PARTIAL, POPULATION, RUN, RunFile};
use evidenced_collectors::contract::Task;
use evidenced_collectors::door::Limits;
use serde_json::json;
use std::fs;

/// When January 2026 is old enough to go.
const LATER: &str = "2028-03-01T02:00:00Z";

fn old(world: &World, before: &str) -> Result<Due, CompactError> {
    due(&world.reader(), &world.runner.loaded(), at(LATER), Some(at(before)))
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn evidence_beyond_retention_goes_on_record_and_its_verdicts_are_named_as_not_re_performed() {
    let world = World::new();
    world.run_again(LATER);
    let before = check(&world.bundle(), true).reperformed.unwrap();
    let reader = world.reader();
    let evidence: Vec<(u64, DateTime<Utc>)> = reader
        .records(0..u64::MAX, &Filter::kind("evidence"))
        .map(|found| found.map(|(index, record)| (index, record.at)).unwrap())
        .collect();
    drop(reader);
    let found = old(&world, "2026-01-20T00:00:00Z").unwrap();
    let expected = evidence.iter().filter(|(_, when)| *when < at("2026-01-20T00:00:00Z")).map(|(index, _)| *index);
    assert_eq!(found.records.iter().copied().collect::<Vec<u64>>(), expected.collect::<Vec<u64>>());
    assert!(found.records.len() >= 4 && found.records.len() < evidence.len(), "{found:?}");
    assert!(block(compact(world.runner.ledger(), &found, "Ann", at(LATER))).unwrap());
    let store = verify_store(&world.state()).unwrap();
    assert_eq!((store.first, store.erased), (None, found.records.len() as u64));
    let (_, erasure) = world.reader().newest(&Filter::kind("erasure")).unwrap().unwrap();
    let Body::Erasure { basis, request, approved_by, .. } = erasure.body else { unreachable!() };
    assert_eq!(
        (basis.as_str(), request.as_str(), approved_by.as_str()),
        (BASIS, "evidence from before 2026-01-20T00:00:00Z", "Ann")
    );

    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let again = report.reperformed.unwrap();
    assert!(again.collections < before.collections && again.verdicts < before.verdicts, "{again:?}");
    let reader = world.reader();
    for (index, record) in reader.records(0..u64::MAX, &Filter::kind("verdict")).map(Result::unwrap) {
        let Body::Verdict { evidence, .. } = record.body else { unreachable!() };
        let inside = record.at >= period().start && record.at < period().end;
        if inside && evidence.iter().any(|named| found.records.contains(named)) {
            let file = format!("data/verdicts/{index:012}/judgements.json");
            let said = again.not_reperformed.iter().find(|finding| finding.file == file);
            assert!(said.is_some_and(|said| said.problem.contains("which it judges, was erased")), "{file}: {said:?}");
        }
    }
    let readme = String::from_utf8_lossy(Files::read(&bundle).get("README.txt")).into_owned();
    assert!(readme.contains("were deleted, when retention had ended or on request"), "{readme}");
    // Nothing is erased twice, and what was judged then is so still.
    assert!(old(&world, "2026-01-20T00:00:00Z").unwrap().records.is_empty());
}

#[test]
fn the_run_that_knows_what_was_seen_stays_though_it_was_not_whole() {
    let world = World::quiet();
    let logs = world.state().with_file_name("logs");
    fs::write(logs.join("stray.tmp"), "").unwrap();
    world.run_again("2026-01-07T02:00:00Z");
    fs::rename(&logs, logs.with_file_name("away")).unwrap();
    world.run_again("2026-01-08T02:00:00Z");
    let reader = world.reader();
    let (mut indexes, mut ends) = (Vec::new(), Vec::new());
    for (index, record) in reader.records(0..u64::MAX, &Filter::kind("evidence")).map(Result::unwrap) {
        let Body::Evidence { status, .. } = record.body else { unreachable!() };
        indexes.push(index);
        ends.push(status);
    }
    assert_eq!(ends, [Status::Complete, Status::Complete, Status::Incomplete, Status::Failed]);
    // The window begins where the whole one ended, and what the other one saw is known from it alone.
    let goes: Vec<u64> = old(&world, "2026-02-01T00:00:00Z").unwrap().records.into_iter().collect();
    assert_eq!(goes, indexes[..1]);
    let known = assess::newest_left(&reader, "restores").unwrap().unwrap();
    assert!(known.index == indexes[2] && known.carry.is_some());
    assert_eq!(assess::newest_readable(&reader, "restores", at(LATER)).unwrap().unwrap().index, indexes[1]);
    drop(reader);
    // Once it is erased, what was known before it is known.
    world.erase(indexes[2]);
    assert_eq!(assess::newest_left(&world.reader(), "restores").unwrap().unwrap().index, indexes[1]);
}

#[test]
fn of_a_kind_whose_incomplete_runs_leave_nothing_none_is_looked_into() {
    let world = World::quiet();
    // What is there to be read is no JSON at all.
    let seal = |collector: &str, kind: &str, status: Status| {
        let (as_of, window) = (at("2026-01-07T02:00:00Z"), period());
        let run = RunFile {
            collector: collector.into(),
            kind: kind.into(),
            kind_version: 1,
            settings: json!({}),
            limits: Limits::default(),
            task: Task { window, carry: None },
            as_of,
            tool: "evidenced".into(),
        };
        let run = NewFile::json(RUN, serde_json::to_vec(&run).unwrap());
        let (name, bytes) = if status == Status::Complete { (POPULATION, &b"{}"[..]) } else { (PARTIAL, &b"a"[..]) };
        let body = Body::Evidence {
            run: "00000000000000000000000000000009".into(),
            collector: collector.into(),
            seq: 0,
            status,
            observed: 0,
            controls: Vec::new(),
            window,
        };
        world.seal(NewRecord { at: as_of, body, files: vec![run, NewFile::json(name, bytes.to_vec())] });
    };
    for kind in ["github_changes", "github_alerts", "aws_iam", "aws_logging"] {
        seal(kind, kind, Status::Incomplete);
        assert!(assess::newest_left(&world.reader(), kind).unwrap().is_none());
        seal(kind, kind, Status::Complete);
        seal(kind, kind, Status::Incomplete);
        let left = assess::newest_left(&world.reader(), kind).unwrap().unwrap();
        assert_eq!((left.index, left.carry), (world.reader().size().unwrap() - 2, None), "{kind}");
    }
    for kind in ["backup_restores", "documents", "register", "of a later version"] {
        seal("other", kind, Status::Incomplete);
        assert!(assess::newest_left(&world.reader(), "other").is_err(), "{kind}");
    }
}

#[test]
fn a_clock_that_jumped_erases_nothing_by_itself() {
    let world = World::new();
    let kept = TimeDelta::days(800);
    let says = |now: DateTime<Utc>| doubt(&world.reader(), now, kept).unwrap();
    let last = world.reader().record(world.reader().size().unwrap() - 1).unwrap().at;
    assert_eq!(says(last + TimeDelta::days(31)), None);
    assert!(says(last + TimeDelta::days(32)).is_some_and(|why| why.contains("of the 32 days before")));
    world.run_again(LATER);
    let later = at(LATER) + TimeDelta::days(1);
    assert!(says(later).is_some(), "what is written under that clock does not vouch for it");
    let anchored = |time: DateTime<Utc>| {
        let (hash, way) = ("0".repeat(64), evidenced::ledger::record::AnchorWay::Rfc3161);
        let body = Body::Anchor {
            anchor: "tsa".to_owned(),
            way,
            size: 1,
            note_sha256: hash.clone(),
            receipt_sha256: hash,
            time: Some(time),
        };
        world.seal(NewRecord { at: later, body, files: Vec::new() });
    };
    anchored(last);
    assert!(says(later).is_some(), "an anchor that dated the log before");
    anchored(later);
    assert_eq!(says(later), None, "somebody else has the same time");
}

#[test]
fn what_is_young_what_is_newest_and_what_a_period_needs_stays() {
    let world = World::new();
    let evidence = |kept: &Due| kept.records.len();
    let error = old(&world, "2026-03-02T02:00:01Z").unwrap_err();
    assert!(matches!(&error, CompactError::TooYoung { latest, .. } if *latest == at(LATER) - KEPT_AT_LEAST.delta()));
    assert!(error.to_string().contains("hint: auditors ask"), "{error}");
    let nobody = due(&world.reader(), &world.runner.loaded(), at(LATER), None).unwrap_err();
    assert!(matches!(nobody, CompactError::ForEver), "{nobody}");
    // The newest is of February 2026, and the next run goes on from it.
    let all = world.reader().records(0..u64::MAX, &Filter::kind("evidence")).count();
    assert_eq!(evidence(&old(&world, "2026-03-01T00:00:00Z").unwrap()), all - 1);

    let mut loaded = super::super::anchor::world::World::new().loaded();
    let looks_back = |days: u32| Span::seconds(days * 24 * 3_600);
    for control in loaded.config.controls.values_mut() {
        control.lookback = looks_back(1_000);
    }
    let error = due(&world.reader(), &loaded, at(LATER), Some(at("2025-12-01T00:00:00Z"))).unwrap_err();
    assert!(error.to_string().contains("T-1 looks back 2years"), "{error}");
    for control in loaded.config.controls.values_mut() {
        control.lookback = looks_back(30);
    }
    loaded.config.retention.evidence = Some(Span::seconds(800 * 24 * 3_600));
    let reader = world.reader();
    let kept = due(&reader, &loaded, at(LATER), None).unwrap();
    assert_eq!(kept.before, at(LATER) - TimeDelta::days(800));
    let error = due(&reader, &loaded, at(LATER), Some(at("2026-01-20T00:00:00Z"))).unwrap_err();
    assert!(error.to_string().contains("[retention] keeps evidence for"), "{error}");
    loaded.config.scope = Some(
        toml::from_str(
            "categories = ['security']\nboundary = 'x'\n\
             [period]\nstart = '2025-12-01'\nend = '2027-06-01'\ntype = 'type2'\n",
        )
        .unwrap(),
    );
    let kept = due(&reader, &loaded, at(LATER), None).unwrap();
    assert_eq!((kept.before, kept.for_period, evidence(&kept)), (at("2025-12-01T00:00:00Z"), true, 0));
    // A year after the end of the period nothing of it is needed.
    let kept = due(&reader, &loaded, at("2028-06-02T00:00:00Z"), None).unwrap();
    assert!(!kept.for_period && evidence(&kept) > 0, "{kept:?}");
}
