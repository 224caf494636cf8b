//! The built-in criteria and controls, and every way in which files of a user's own can be wrong.

use evidenced::catalogue::{CONTROLS, CRITERIA, Catalogue, Category};
use std::collections::BTreeMap;
use std::fs;

fn built_in() -> Catalogue {
    Catalogue::built_in().unwrap()
}

#[test]
fn the_criteria_are_the_61_of_soc_2_and_each_has_a_control() {
    let catalogue = built_in();
    let mut ids = Vec::new();
    for (group, count) in [
        ("CC1", 5),
        ("CC2", 3),
        ("CC3", 4),
        ("CC4", 2),
        ("CC5", 3),
        ("CC6", 8),
        ("CC7", 5),
        ("CC8", 1),
        ("CC9", 2),
        ("A1", 3),
        ("C1", 2),
        ("PI1", 5),
        ("P1", 1),
        ("P2", 1),
        ("P3", 2),
        ("P4", 3),
        ("P5", 2),
        ("P6", 7),
        ("P7", 1),
        ("P8", 1),
    ] {
        ids.extend((1..=count).map(|number| format!("{group}.{number}")));
    }
    assert_eq!(
        catalogue.criteria.iter().map(|criterion| &criterion.id).collect::<Vec<_>>(),
        ids.iter().collect::<Vec<_>>()
    );
    let mut counts: BTreeMap<Category, usize> = BTreeMap::new();
    for criterion in &catalogue.criteria {
        *counts.entry(criterion.category).or_default() += 1;
        assert!(!criterion.nist.is_empty() && !criterion.iso.is_empty(), "{}", criterion.id);
        let controls = &catalogue.related(&criterion.id).unwrap().controls;
        assert!(!controls.is_empty(), "{} has no control", criterion.id);
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [33, 3, 2, 5, 18]);
}

#[test]
fn the_library_has_its_starters_and_names_only_what_this_program_has() {
    let catalogue = built_in();
    assert_eq!(catalogue.controls.len(), 88);
    let served: Vec<&str> = catalogue
        .controls
        .iter()
        .filter(|control| !control.kinds.is_empty())
        .map(|control| control.id.as_str())
        .collect();
    let of_lists_and_sources = [
        "SEC-008", "SEC-009", "SEC-010", "SEC-013", "SEC-015", "SEC-017", "SEC-018", "SEC-019", "SEC-020", "SEC-021",
        "SEC-022", "SEC-024", "SEC-026", "SEC-032", "SEC-033", "SEC-046",
    ];
    let expected: Vec<&str> = ["SEC-001", "SEC-003", "SEC-004", "SEC-005"]
        .into_iter()
        .chain(of_lists_and_sources)
        .chain(["AVL-001", "AVL-004", "AVL-005", "AVL-007", "AVL-008", "CON-001", "PRV-003"])
        .collect();
    assert_eq!(served, expected);
    assert_eq!(catalogue.control("SEC-001").unwrap().tests, ["change_review"]);
    // The relations of a control that names none are those of its criteria.
    let own = catalogue.control("SEC-025").unwrap();
    let relations = catalogue.relations(evidenced::catalogue::Framework::Nist, own);
    assert_eq!((own.nist.len(), relations), (0, catalogue.criterion("CC1.1").unwrap().nist.clone()));
}

/// Which of the two files is changed, what in it, what is said of it, what is said to write instead, and the
/// text whose line is named.
type Case<'a> = (bool, &'a str, &'a str, &'a str, &'a str, &'a str);

const CRITERIA_FILE: bool = true;
const CONTROLS_FILE: bool = false;
const CC11: &str = "id = \"CC1.1\"";
const SEC1: &str = "id = \"SEC-001\"";
const TITLE: &str = "title = \"Honest conduct\"";
const OF_SEC1: &str = "criteria = [\"CC8.1\", \"CC5.2\"]";

const CASES: &[Case<'_>] = &[
    (CRITERIA_FILE, "about = ", "abuot = ", "unknown field `abuot`", "did you mean `about`?", "abuot = "),
    (CRITERIA_FILE, "[[criterion]]", "[[criterium]]", "unknown field `criterium`", "", "criterium"),
    (CRITERIA_FILE, CC11, "id = \"CC1.2\"", "criterion CC1.2 is there a second time", "its own", "second"),
    (CRITERIA_FILE, CC11, "id = \"CC 1\"", "`CC 1` cannot be an id", "letters, digits", "id = \"CC 1\""),
    (CRITERIA_FILE, TITLE, "title = \" \"", "criterion CC1.1: title is empty", "the heading", "id = \"CC1.1\""),
    (CRITERIA_FILE, TITLE, "title = \"a\\nb\"", "title has a control character", "one line", "id = \"CC1.1\""),
    (CRITERIA_FILE, TITLE, "title = 7", "expected a string", "", "title = 7"),
    (CRITERIA_FILE, TITLE, "", "missing field `title`", "", ""),
    (CRITERIA_FILE, "\"PL-4\"", "\"PL-four\"", "nist: `PL-four` is no control", "AC-2", "id = \"CC1.1\""),
    (CRITERIA_FILE, "\"PL-4\"", "\"PL-4(x)\"", "nist: `PL-4(x)` is no control", "IA-2(1)", "id = \"CC1.1\""),
    (CRITERIA_FILE, "\"PL-4\"", "\"PS-1\"", "nist names `PS-1` twice", "once", "id = \"CC1.1\""),
    (CRITERIA_FILE, "\"C.5.1\"", "\"5.1\"", "iso: `5.1` is no part", "A.5.15", "id = \"CC1.1\""),
    (
        CRITERIA_FILE,
        "priority = \"medium\"",
        "priority = \"urgent\"",
        "unknown value, expected one of `low`",
        "",
        "urgent",
    ),
    (CRITERIA_FILE, "category = \"security\"", "category = \"safety\"", "unknown value, expected one of", "", "safety"),
    (CRITERIA_FILE, CRITERIA, "", "has 0 entries [[criterion]]", "at least one", ""),
    (CONTROLS_FILE, CONTROLS, "", "has 0 entries [[control]]", "at least one", ""),
    (
        CONTROLS_FILE,
        OF_SEC1,
        "criteria = [\"CC8.2\"]",
        "SEC-001: the catalogue has no criterion `CC8.2`",
        "nearest is `CC8.1`",
        SEC1,
    ),
    (CONTROLS_FILE, OF_SEC1, "criteria = []", "SEC-001: criteria is empty", "at least one", SEC1),
    (CONTROLS_FILE, OF_SEC1, "criteria = [\"CC5.2\"]", "key_for names `CC8.1`, which is not among", "CC5.2", SEC1),
    (CONTROLS_FILE, "owner_role = \"Head of Engineering\"", "", "missing field `owner_role`", "", ""),
    (
        CONTROLS_FILE,
        "owner_role = \"Head of Engineering\"",
        "owner_role = \"\"",
        "SEC-001: owner_role is empty",
        "",
        SEC1,
    ),
    (
        CONTROLS_FILE,
        "test_procedure = \"Judge",
        "testprocedure = \"Judge",
        "unknown field `testprocedure`",
        "did you mean `test_procedure`?",
        "testprocedure",
    ),
    (
        CONTROLS_FILE,
        "test_procedure = \"Judge every landing in the window: ",
        "test_procedure = \"\" # ",
        "SEC-001: test_procedure is empty",
        "",
        SEC1,
    ),
    (
        CONTROLS_FILE,
        "evidence = [\"every landing on the branch in the window\", ",
        "evidence = [] # ",
        "SEC-001: evidence is empty",
        "",
        SEC1,
    ),
    (
        CONTROLS_FILE,
        SEC1,
        "id = \"sec-002\"",
        "control SEC-002 is there a second time",
        "in case alone",
        "id = \"SEC-002\"",
    ),
    (CONTROLS_FILE, SEC1, "id = \"../x\"", "`../x` cannot be an id", "letters, digits", "../x"),
    (
        CONTROLS_FILE,
        "tests = [\"change_review\"]",
        "tests = [\"change_reviews\"]",
        "tests names `change_reviews`",
        "nearest is `change_review`",
        SEC1,
    ),
    (
        CONTROLS_FILE,
        "kinds = [\"github_changes\"]",
        "kinds = [\"gitlab_changes\"]",
        "kinds names `gitlab_changes`",
        "nearest is `github_changes`",
        SEC1,
    ),
    (
        CONTROLS_FILE,
        "depends_on = [\"SEC-001\"]",
        "depends_on = [\"SEC-100\"]",
        "SEC-003: depends_on names `SEC-100`",
        "nearest is `SEC-",
        "id = \"SEC-003\"",
    ),
    (
        CONTROLS_FILE,
        "depends_on = [\"SEC-001\"]",
        "depends_on = [\"SEC-003\"]",
        "in a circle: SEC-003 → SEC-003",
        "take away",
        "id = \"SEC-003\"",
    ),
    (
        CONTROLS_FILE,
        OF_SEC1,
        "criteria = [\"CC8.1\", \"CC5.2\"]\ndepends_on = [\"SEC-003\"]",
        "in a circle: SEC-001 → SEC-003 → SEC-001",
        "take away",
        SEC1,
    ),
    (CONTROLS_FILE, "type = \"preventive\"", "type = \"protective\"", "unknown value, expected", "", "protective"),
    (CONTROLS_FILE, "frequency = \"per_event\"", "frequency = \"hourly\"", "unknown value, expected", "", "hourly"),
];

#[test]
fn every_mistake_is_told_with_file_line_and_a_hint() {
    let long = format!("title = \"{}\"", "x".repeat(2001));
    let many = format!("also = [{}]\nabout = ", "\"x\",".repeat(65));
    let made: [Case<'_>; 2] = [
        (CRITERIA_FILE, TITLE, &long, "title has 2001 characters, more than 2000", "brief", CC11),
        (
            CRITERIA_FILE,
            "also = [\"integrity\", \"ethics\", \"code of conduct\"]\nabout = ",
            &many,
            "also has 65 entries",
            "brief",
            CC11,
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    for (criteria, from, to, said, hint, at) in CASES.iter().chain(&made) {
        let built_in = if *criteria { CRITERIA } else { CONTROLS };
        assert!(built_in.contains(from), "{from}");
        let text = built_in.replacen(from, to, 1);
        fs::write(&path, &text).unwrap();
        let loaded = if *criteria { Catalogue::load(Some(&path), None) } else { Catalogue::load(None, Some(&path)) };
        let error = loaded.expect_err(said).to_string();
        assert!(error.contains("mine.toml: ") && error.contains(said), "{to}: {error}");
        assert!(hint.is_empty() || error.contains("hint: ") && error.contains(hint), "{to}: {error}");
        if let (Some(line), true) = (text.lines().position(|line| line.contains(at)), !at.is_empty() && *at != "second")
        {
            // An entry is named by the line of its heading, the one above its id; the parser names its own place.
            let near = [line, line + 1].map(|line| error.contains(&format!("line {line}, column ")));
            assert!(near.contains(&true), "{to}, line {}: {error}", line + 1);
        }
    }
}

#[test]
fn files_without_bounds_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    let entry = CRITERIA.split("[[criterion]]").nth(1).unwrap();
    let many: String =
        (0..2001).map(|at| format!("[[criterion]]{}", entry.replace("CC1.1", &format!("X{at}")))).collect();
    for (text, why) in [(many.as_str(), "has 2001 entries"), (&"# x\n".repeat(1 << 19), "more than 1048576")] {
        fs::write(&path, text).unwrap();
        let error = Catalogue::load(Some(&path), None).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Catalogue::load(Some(&path), None).unwrap_err().to_string().contains("UTF-8"));
}
