//! Waivers that begin, end and are revoked without a run, and lapses: each is judged at its instant, is in the
//! bundle, can be made again, and cannot be left out.

use super::archive::Files;
use super::world::{World, at};
use super::{check, wrong};
use evidenced::assess;
use evidenced::drift::State;
use evidenced::judge::VerdictOutcome;
use evidenced::ledger::record::{Body, Occasion};
use evidenced::ledger::{Filter, NewRecord};

const DAMAGED: &str = "db 2026Q1";

/// The damaged backup of January 8th is found on the 9th and accepted on the 10th until the 15th.
fn accepted(stale_after: &str) -> (World, u64) {
    let world = World::stale_after(stale_after);
    world.run("2025-12-16T02:00:00Z");
    world.run("2026-01-05T02:00:00Z");
    world.run("2026-01-09T02:00:00Z");
    assert_eq!(states(&world).last(), Some(&(State::Deviating, at("2026-01-09T02:00:00Z"))));
    let waiver = world.accept(DAMAGED, "2026-01-10T09:00:00Z", "2026-01-15T00:00:00Z");
    (world, waiver)
}

/// Every change of state: what it became, and since when or as observed.
fn states(world: &World) -> Vec<(State, chrono::DateTime<chrono::Utc>)> {
    let reader = world.reader();
    let found = reader.records(0..u64::MAX, &Filter::kind("transition"));
    found
        .map(|found| match found.unwrap().1.body {
            Body::Transition { to, since, observed_at, .. } => (to, since.unwrap_or(observed_at)),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Occasion, instant and outcome of each verdict after the first `skip`.
fn verdicts(world: &World, skip: usize) -> Vec<(Occasion, String, VerdictOutcome)> {
    let reader = world.reader();
    let found = reader.records(0..u64::MAX, &Filter::kind("verdict"));
    found
        .skip(skip)
        .map(|found| match found.unwrap().1.body {
            Body::Verdict { occasion, as_of, outcome, .. } => {
                (occasion, as_of.format("%m-%dT%H:%M").to_string(), outcome)
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Seals what judging as of an instant gives, on an occasion of one's own choice, past the line that would have
/// recorded what comes first.
fn judged_past_the_line(world: &World, when: &str, occasion: &Occasion) {
    let reader = world.reader();
    let assessed = assess::assess(&reader, &world.runner.loaded(), "AVL-001", at(when), at(when)).unwrap();
    for (body, files) in assessed.records("AVL-001", occasion, at(when)).unwrap() {
        world.seal(NewRecord { at: at(when), body, files });
    }
}

#[test]
fn a_waiver_counts_at_once_and_its_end_counts_at_its_instant_without_a_run() {
    let (world, waiver) = accepted("400d");
    world.look("2026-01-14T23:59:59Z");
    assert_eq!(
        verdicts(&world, 3),
        [(Occasion::Waiver { record: waiver }, "01-10T09:00".into(), VerdictOutcome::Pass)]
    );
    world.look("2026-01-15T00:00:20Z");
    world.look("2026-01-15T00:01:20Z");
    let ended = (Occasion::WaiverEnded { record: waiver }, "01-15T00:00".to_owned(), VerdictOutcome::Deviation);
    assert_eq!(verdicts(&world, 4), [ended], "once, as of the instant of its end");
    assert_eq!(
        states(&world)[2..],
        [(State::Effective, at("2026-01-10T09:00:00Z")), (State::Deviating, at("2026-01-15T00:00:00Z"))]
    );
    world.run("2026-01-25T02:00:00Z");
    world.run("2026-02-10T02:00:00Z");
    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let again = report.reperformed.as_ref().unwrap();
    assert_eq!((again.verdicts, again.not_reperformed.len()), (5, 0), "{again:?}");
    let files = Files::read(&bundle);
    let text = |path: &str| String::from_utf8(files.get(path).to_vec()).unwrap();
    let timeline = text("data/controls/AVL-001/timeline.csv");
    assert!(
        timeline.contains(&format!("waiver {waiver} ended")) && timeline.contains("; waived: db 2026Q1"),
        "{timeline}"
    );
    let exposure = text("data/controls/AVL-001/exposure.csv");
    // Found on the 9th, perhaps there since the 5th; ended by the waiver; and again from its end to the run that
    // shows the repair.
    let drifts: Vec<&str> = exposure.lines().filter(|line| line.starts_with("drift,")).collect();
    assert!(drifts[0].contains(",2026-01-05T02:00:00.000Z,2026-01-09T02:00:00.000Z,2026-01-10T09:00:00.000Z,2026-01-10T09:00:00.000Z,waived,111600,111600,457200,"), "{exposure}");
    assert!(drifts[1].contains(",2026-01-15T00:00:00.000Z,2026-01-15T00:00:00.000Z,2026-01-15T00:00:00.000Z,2026-01-25T02:00:00.000Z,resolved,0,871200,871200,"), "{exposure}");
    assert!(
        exposure.contains(&format!("item,{DAMAGED},deviation,waiver-invalid,2026-01-15T00:00:00.000Z,")),
        "{exposure}"
    );
    let controls = text("data/controls.csv");
    assert!(controls.contains("AVL-001,effective,effective,5,3,2,0,2,"), "two drifts: {controls}");
}

#[test]
fn what_ended_while_nobody_looked_is_recorded_in_its_order_at_the_next_look_or_run() {
    let (world, first) = accepted("400d");
    let second = world.accept("db *", "2026-01-11T00:00:00Z", "2026-01-18T00:00:00Z");
    // The daemon is down until the 20th, and then a run comes before any look.
    world.run_again("2026-01-19T00:00:00Z");
    let told: Vec<_> = verdicts(&world, 5)
        .into_iter()
        .map(|(occasion, as_of, outcome)| (occasion.run().is_some(), as_of, outcome))
        .collect();
    assert_eq!(
        told,
        [
            (false, "01-15T00:00".to_owned(), VerdictOutcome::Pass),
            (false, "01-18T00:00".to_owned(), VerdictOutcome::Deviation),
            (true, "01-19T00:00".to_owned(), VerdictOutcome::Deviation),
        ]
    );
    assert_eq!(verdicts(&world, 5)[0].0, Occasion::WaiverEnded { record: first });
    assert_eq!(verdicts(&world, 6)[0].0, Occasion::WaiverEnded { record: second });
    assert_eq!(states(&world).last(), Some(&(State::Deviating, at("2026-01-18T00:00:00Z"))));
    let report = check(&world.bundle(), true);
    assert!(report.ok(), "{}", wrong(&report));
}

#[test]
fn a_run_that_began_before_a_waiver_ended_does_not_take_its_end_back() {
    let (world, _) = accepted("400d");
    world.look("2026-01-15T00:00:20Z");
    // Its sources were asked before that.
    world.run_again("2026-01-14T23:58:00Z");
    let (occasion, as_of, outcome) = verdicts(&world, 5).remove(0);
    assert!(occasion.run().is_some());
    assert_eq!((as_of.as_str(), outcome), ("01-15T00:00", VerdictOutcome::Deviation));
    assert_eq!(states(&world).last().unwrap().0, State::Deviating);
}

#[test]
fn judging_old_evidence_again_makes_nothing_fresh() {
    let (world, waiver) = accepted("3d");
    // On the 9th the evidence is of the 9th; by the 12th it is too old, whatever is accepted then.
    world.look("2026-01-13T00:00:20Z");
    let stale = (State::Stale, at("2026-01-12T02:00:00Z"));
    assert_eq!(states(&world).last(), Some(&stale), "and stale since its due instant, not since the look");
    let again = world.accept("something else", "2026-01-13T06:00:00Z", "2026-01-14T00:00:00Z");
    assert_eq!(verdicts(&world, 4), [(Occasion::Waiver { record: again }, "01-13T06:00".into(), VerdictOutcome::Pass)]);
    assert_eq!(states(&world).last(), Some(&stale), "a verdict that passes on old evidence is stale");
    world.look("2026-01-15T00:00:20Z");
    assert_eq!(states(&world).last(), Some(&(State::Deviating, at("2026-01-15T00:00:00Z"))));
    let report = check(&world.bundle(), true);
    assert!(report.ok(), "{}", wrong(&report));
    assert!(waiver < again);
}

#[test]
fn a_waiver_that_is_revoked_ends_at_once_and_for_good() {
    let (world, waiver) = accepted("400d");
    let revocation = world.revoke(waiver, "2026-01-12T00:00:00Z");
    let expected = (Occasion::Revocation { record: revocation }, "01-12T00:00".to_owned(), VerdictOutcome::Deviation);
    assert_eq!(verdicts(&world, 4), [expected]);
    world.look("2026-01-15T00:00:20Z");
    assert_eq!(verdicts(&world, 5), [], "its end is nothing any more");
    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let waivers = String::from_utf8(Files::read(&bundle).get("data/controls/AVL-001/waivers.csv").to_vec()).unwrap();
    assert!(waivers.contains(&format!(",{revocation},2026-01-12T00:00:00.000Z,tester,it was mended")), "{waivers}");
}

#[test]
fn a_verdict_without_a_run_cannot_be_left_out_of_a_bundle() {
    let (world, _) = accepted("400d");
    world.look("2026-01-15T00:00:20Z");
    let mut files = Files::read(&world.bundle());
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("\"of\":\"waiver_ended\"");
    let ended: Vec<String> =
        files.files.iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path.clone()).collect();
    let record = ended.iter().find(|path| path.starts_with("data/records/")).unwrap().clone();
    let dir = tempfile::tempdir().unwrap();
    let mut changed = files.clone();
    changed.replace(&record, "\"of\":\"waiver_ended\"", "\"of\":\"waiver\"");
    changed.remanifest();
    let report = check(&changed.write(dir.path()), false);
    let inclusion = report.checks.iter().find(|check| check.name == "inclusion").unwrap();
    assert!(!inclusion.ok && wrong(&report).contains(&record), "another reason: {}", wrong(&report));
    files.files.remove(&record);
    files.remanifest();
    let report = check(&files.write(dir.path()), false);
    assert!(wrong(&report).contains(&format!("records: {record}: is missing")), "{}", wrong(&report));
}

#[test]
fn a_log_that_passes_over_the_end_of_a_waiver_is_found_by_re_performance() {
    let (world, waiver) = accepted("400d");
    judged_past_the_line(&world, "2026-01-20T00:00:00Z", &Occasion::Waiver { record: waiver });
    let bundle = world.bundle();
    let plain = check(&bundle, false);
    assert!(plain.ok(), "every seal is right: {}", wrong(&plain));
    let wrong = wrong(&check(&bundle, true));
    let words = format!("passes over 2026-01-15T00:00:00.000Z, when the waiver in record {waiver} ended");
    assert!(wrong.contains(&words), "{wrong}");
}

#[test]
fn a_log_that_passes_over_a_lapse_is_found_by_re_performance() {
    let (world, waiver) = accepted("3d");
    judged_past_the_line(&world, "2026-01-13T00:00:00Z", &Occasion::Waiver { record: waiver });
    let wrong = wrong(&check(&world.bundle(), true));
    assert!(wrong.contains("passes over 2026-01-12T02:00:00.000Z, from when on the control was stale"), "{wrong}");
}

#[test]
fn a_log_that_states_another_occasion_is_refused() {
    let (world, waiver) = accepted("400d");
    judged_past_the_line(&world, "2026-01-12T00:00:00Z", &Occasion::WaiverEnded { record: waiver });
    let told = wrong(&check(&world.bundle(), false));
    let words = format!("was not made on the occasion that it states: waiver {waiver} ended");
    assert!(told.contains("references: ") && told.contains(&words), "{told}");
    let (world, waiver) = accepted("400d");
    judged_past_the_line(&world, "2026-01-12T00:00:00Z", &Occasion::Revocation { record: waiver });
    assert!(wrong(&check(&world.bundle(), false)).contains("was not made on the occasion"));
    let (world, _) = accepted("400d");
    judged_past_the_line(&world, "2026-01-12T00:00:00Z", &Occasion::Lapse);
    assert!(wrong(&check(&world.bundle(), false)).contains("was not made on the occasion"));
}

#[test]
fn a_revocation_that_no_verdict_knows_is_found_by_re_performance() {
    let (world, waiver) = accepted("400d");
    let revocation = world.seal_revocation(waiver, "2026-01-12T00:00:00Z");
    let reader = world.reader();
    let newest = |kind| reader.newest(&Filter::kind(kind)).unwrap().unwrap();
    // The verdict that the waiver brought about, once more and later, as if nothing had been revoked.
    let (index, record) = newest("verdict");
    for day in [13, 14] {
        let mut body = record.body.clone();
        if let Body::Verdict { as_of, .. } = &mut body {
            *as_of = at(&format!("2026-01-{day}T00:00:00Z"));
        }
        let files = ["judgements.json", "policy.json", "standing.json"]
            .map(|name| evidenced::ledger::NewFile::json(name, reader.read_file(index, name).unwrap()));
        world.seal(NewRecord { at: at(&format!("2026-01-{day}T00:00:00Z")), body, files: files.to_vec() });
    }
    let bundle = world.bundle();
    assert!(check(&bundle, false).ok());
    let wrong = wrong(&check(&bundle, true));
    assert!(wrong.contains(&format!("does not know record {revocation}, a waiver or revocation")), "{wrong}");
}

#[test]
fn two_that_look_at_once_record_a_change_once() {
    let (world, _) = accepted("400d");
    world.look_from_both_sides("2026-01-15T00:00:20Z");
    assert_eq!(verdicts(&world, 4).len(), 1);
    assert_eq!(states(&world).len(), 4);
    let report = check(&world.bundle(), true);
    assert!(report.ok(), "{}", wrong(&report));
}
