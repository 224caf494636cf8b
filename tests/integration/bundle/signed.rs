//! Sign-offs in bundles: what an owner signs after a quarter is in the bundle of that quarter, and is counted again.

use super::archive::Files;
use super::world::{World, at, exported, january, period};
use super::{check, wrong};
use evidenced::ledger::record::Body;
use evidenced::sign_offs::{Standing, Statement, of_period, owed};
use evidenced::unit::Unit;

const PAGE: &str = "data/controls/AVL-001/index.html";

fn quarter() -> evidenced_collectors::contract::Window {
    Unit::parse("2026-Q1").unwrap().window()
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files.get(path).to_vec()).unwrap()
}

#[test]
fn what_an_owner_signs_after_a_quarter_is_in_its_bundle_and_counted_again() {
    let world = World::new();
    let before = Files::read(&world.bundle_of(quarter(), "Test Ltd."));
    assert!(text(&before, PAGE).contains("Nobody has signed for a quarter of this period."));
    let signed = world.sign("2026-Q1", "2026-04-02T09:00:00Z", |_, _| ());
    let bundle = world.bundle_of(quarter(), "Test Ltd.");
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let said = report.checks.iter().find(|check| check.name == "sign-offs").unwrap();
    assert_eq!(said.detail, "1 sign-offs come after their quarters; what 1 of them state is counted again");
    let files = Files::read(&bundle);
    let table = text(&files, "data/controls/AVL-001/signoffs.csv");
    assert!(table.contains(&format!("\n{signed},2026-Q1,Ann,2026-04-02T09:00:00.000Z,")), "{table}");
    assert!(table.contains(",'=seen,o,"), "{table}");
    let folder = format!("data/signoffs/{signed:012}");
    assert!(text(&files, &format!("{folder}/statement.json")).contains("\"quarter\":\"2026-Q1\""));
    assert!(text(&files, PAGE).contains(&format!("../../signoffs/{signed:012}/")));
    // January has days of the quarter, and not all of it: shown, and not compared.
    for controls in [&[][..], &["AVL-001"]] {
        let out = world.state().join(format!("{}.zip", controls.len()));
        exported(&world.runner, &january(&out, controls, &world.key())).unwrap();
        let report = check(&out, true);
        assert!(report.ok(), "{}", wrong(&report));
        let said = report.checks.iter().find(|check| check.name == "sign-offs").unwrap();
        assert!(said.detail.starts_with("1 sign-offs") && said.detail.contains("what 0 of them"), "{}", said.detail);
        assert!(Files::read(&out).files.contains_key(&format!("{folder}/statement.json")));
    }
    let erasure = world.erase(signed);
    let bundle = world.bundle_of(quarter(), "Test Ltd.");
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let files = Files::read(&bundle);
    assert!(text(&files, PAGE).contains("what was signed was erased") && erasure > signed);
}

/// What is made of a sign-off before it is sealed.
type Lie = fn(&mut Body, &mut Statement);

#[test]
fn a_sign_off_that_lies_is_found() {
    let lies: [(&str, Lie, &str); 6] = [
        ("a deviation less", |_, statement| statement.results.deviation -= 1, "states other results than the records"),
        ("a nicer state", |_, statement| statement.results.state_at_end = None, "states other results"),
        ("another control", |_, statement| statement.control = "AVL-002".into(), "is of another control or quarter"),
        (
            "another log",
            |body, _| match body {
                Body::SignOff { root, .. } => *root = "00".repeat(32),
                other => panic!("{other:?}"),
            },
            "was signed for another log than this one",
        ),
        (
            "more than there was",
            |body, _| match body {
                Body::SignOff { log_size, .. } => *log_size += 100,
                other => panic!("{other:?}"),
            },
            "names a log that holds more than was there",
        ),
        (
            "signed before the end",
            |body, _| match body {
                Body::SignOff { signed_at, .. } => *signed_at = at("2026-03-31T23:59:59Z"),
                other => panic!("{other:?}"),
            },
            "was signed before its quarter had ended",
        ),
    ];
    for (what, change, words) in lies {
        let world = World::new();
        world.sign("2026-Q1", "2026-04-02T09:00:00Z", change);
        let report = check(&world.bundle_of(quarter(), "Test Ltd."), true);
        let found: Vec<&str> = report.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
        assert_eq!(found, ["sign-offs"], "{what}: {}", wrong(&report));
        assert!(wrong(&report).contains(words), "{what}: {}", wrong(&report));
    }
}

#[test]
fn a_quarter_that_nobody_signed_is_due_and_then_late() {
    let world = World::new();
    let standings = |now: &str| {
        let owed = owed(&world.reader(), &world.runner.loaded(), at(now)).unwrap();
        owed.into_iter().map(|owed| (owed.quarter, owed.standing)).collect::<Vec<_>>()
    };
    let (last, first) = ("2025-Q4".to_owned(), "2026-Q1".to_owned());
    assert!(standings("2025-12-31T23:59:59Z").is_empty());
    assert_eq!(standings("2026-01-14T23:59:59Z"), [(last.clone(), Standing::Due)]);
    assert_eq!(standings("2026-01-15T00:00:00Z"), [(last.clone(), Standing::Late)]);
    let both = [(last.clone(), Standing::Late), (first.clone(), Standing::Due)];
    assert_eq!(standings("2026-04-02T00:00:00Z"), both);
    world.sign("2025-Q4", "2026-04-02T09:00:00Z", |_, _| ());
    assert_eq!(standings("2026-04-03T00:00:00Z"), [(first, Standing::Due), (last, Standing::Signed)]);
    let signed = of_period(&world.reader(), Unit::parse("2025").unwrap().window()).unwrap();
    let [one] = &signed[..] else { panic!("{signed:?}") };
    assert_eq!((one.control.as_str(), one.quarter.as_str(), one.by.as_str()), ("AVL-001", "2025-Q4", "Ann"));
    assert_eq!(one.at, at("2026-04-02T09:00:00Z"));
    assert!(of_period(&world.reader(), period()).unwrap().is_empty(), "January has no day of that quarter");
}
