//! What a process leaves behind that dies between sealing and judging, and what one may not do whose configuration is in
//! force no more.

use super::two::Two;
use super::world::{World, exported, january};
use super::{check, wrong};
use evidenced::judge::VerdictOutcome;
use evidenced::ledger::Filter;
use evidenced::ledger::record::{Body, End, Occasion};
use evidenced::run::RunError;

/// Run and outcome of the newest verdict.
fn newest(world: &World) -> (String, VerdictOutcome) {
    let (_, record) = world.reader().newest(&Filter::kind("verdict")).unwrap().unwrap();
    let Body::Verdict { occasion: Occasion::Run { run }, outcome, .. } = record.body else { panic!("{record:?}") };
    (run, outcome)
}

/// How the newest run ended, and which it is.
fn ended(world: &World) -> (String, End) {
    let (_, record) = world.reader().newest(&Filter::kind("run_closed")).unwrap().unwrap();
    let Body::RunClosed { run, end, .. } = record.body else { panic!("{record:?}") };
    (run, end)
}

#[test]
fn evidence_that_was_sealed_and_not_judged_is_judged_by_the_next_look() {
    let world = World::quiet();
    assert_eq!(newest(&world).1, VerdictOutcome::Pass);
    let run = world.die_unjudged("2026-01-09T02:00:00Z");
    assert_eq!(newest(&world).1, VerdictOutcome::Pass, "nobody has looked yet");
    world.close("2026-01-09T03:00:00Z");
    assert_eq!(newest(&world), (run.clone(), VerdictOutcome::Deviation));
    assert_eq!(ended(&world), (run, End::Done));
    let report = check(&world.bundle(), true);
    assert!(report.ok(), "{}", wrong(&report));
}

#[test]
fn under_another_configuration_than_it_ran_under_it_is_not_judged() {
    let world = World::quiet();
    let run = world.die_unjudged("2026-01-09T02:00:00Z");
    let other = world.reconfigure();
    super::world::block(other.close_interrupted()).unwrap();
    assert_eq!(newest(&world).1, VerdictOutcome::Pass);
    assert_eq!(ended(&world), (run, End::Interrupted));
}

#[test]
fn nobody_collects_or_accepts_under_a_configuration_that_is_not_in_force() {
    let world = World::quiet();
    world.reconfigure();
    let size = world.reader().size().unwrap();
    for refused in [world.try_run("2026-01-09T02:00:00Z"), world.try_accept("2026-01-09T02:00:00Z")] {
        let error = refused.unwrap_err();
        assert!(matches!(error, RunError::OtherConfiguration), "{error}");
        assert!(error.to_string().contains("hint: `evidenced config diff`"), "{error}");
    }
    assert_eq!(world.reader().size().unwrap(), size, "something was recorded");
}

#[test]
fn a_verdict_that_the_evidence_of_another_run_has_overtaken_is_made_again_as_it_was() {
    let world = Two::overlapping();
    let (out, key) = (world.dir.path().join("overlapping.zip"), world.key());
    exported(&world.runner, &january(&out, &[], &key)).unwrap();
    let report = check(&out, true);
    assert!(report.ok(), "{}", wrong(&report));
    let again = report.reperformed.unwrap();
    assert!(again.not_reperformed.is_empty() && again.taken_as_it_is == 0, "{again:?}");
}
