//! The kind on real directories: what is taken in, what is refused and how that is said, and what is remembered.

mod changed;

use super::*;
use crate::contract::clock::ManualClock;
use crate::contract::{Window, register};
use crate::door::{Limits, Network};
use chrono::{DateTime, Utc};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const HEADER: &str = "asset,kind,owner,since,seen_on,holds_data\n";
const GOOD: &str = "L-1,laptop,p-1,2024-01-01,2026-03-01,yes\n";
const DISPOSALS: &str = "asset,disposed_on,method,proof\n";

fn now() -> DateTime<Utc> {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

/// One run over a directory; how many exchanges it had.
async fn run(settings: &Value, carry: Option<Value>, at: DateTime<Utc>) -> (Result<Population, CollectError>, usize) {
    let collector = build(settings).unwrap();
    let door = Door::live(&Network::new(), Arc::new(ManualClock::at(at)), Limits::default());
    let result = collector.collect(&door, &Task { window: Window { start: at, end: at }, carry }).await;
    (result, door.take_exchanges().len())
}

fn settings(register: &str, directory: &Path) -> Value {
    json!({ "register": register, "directory": directory })
}

/// Assets of that text, and no disposals.
fn assets(text: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("assets.csv"), text).unwrap();
    fs::write(dir.path().join("disposals.csv"), DISPOSALS).unwrap();
    dir
}

/// The examples, in a directory of their own.
fn examples() -> tempfile::TempDir {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/registers");
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(shipped).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

/// What is said of assets of that text: nothing of them is taken in.
async fn refused(text: &[u8]) -> Vec<Unread> {
    let dir = assets(text);
    let (result, _) = run(&settings("assets", dir.path()), None, now()).await;
    let Err(CollectError::Incomplete(partial)) = result else { panic!("{}", String::from_utf8_lossy(text)) };
    let nothing = Items::Assets(register::Assets { assets: None, disposals: None });
    assert_eq!((partial.observed, &partial.items), (0, &nothing));
    partial.unread
}

#[tokio::test]
async fn the_examples_are_taken_in_whole() {
    let dir = examples();
    let mut files = fs::read_dir(dir.path()).unwrap().count();
    for (register, rows) in
        [("access_reviews", 16), ("assets", 5), ("incidents", 5), ("risks", 7), ("vendors", 3), ("workforce", 19)]
    {
        let (result, exchanges) = run(&settings(register, dir.path()), None, now()).await;
        let population = result.unwrap_or_else(|error| panic!("{register}: {error} {:#?}", error.unread()));
        assert_eq!(population.items().len(), rows, "{register}");
        files -= exchanges - 1;
        let settings = Settings::read(&settings(register, dir.path())).unwrap();
        let readme = include_str!("README.md");
        for list in settings.register.lists() {
            let columns: Vec<String> = list.columns.iter().map(|column| format!("`{}`", column.name)).collect();
            let documented = readme.lines().any(|line| {
                line.starts_with(&format!("| `{}.csv` |", list.name)) && columns.iter().all(|name| line.contains(name))
            });
            assert!(documented, "the README has not all of {}: {}", list.name, columns.join(", "));
            let stays = list.settled.iter().chain(list.fixed.iter().map(|(name, _)| name)).chain(list.onward);
            for name in stays {
                let mut lines = readme.lines().filter(|line| line.starts_with(&format!("| `{}` |", list.name)));
                let there = lines.any(|line| line.contains(&format!("`{name}`")));
                assert!(there && list.columns.iter().any(|column| column.name == *name), "{} {name}", list.name);
            }
        }
    }
    assert_eq!(files, 0, "each example is one list's");
}

/// Somebody's own approval or decision is found by the id alone.
#[test]
fn the_examples_name_people_by_one_id_in_all_lists() {
    let column = |file: &str, names: &[&str]| -> Vec<String> {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/registers");
        let mut reader = csv::Reader::from_path(shipped.join(file)).unwrap();
        let header = reader.headers().unwrap().clone();
        let columns: Vec<usize> =
            names.iter().map(|name| header.iter().position(|one| one == *name).unwrap()).collect();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        rows.iter().flat_map(|row| columns.iter().map(|at| row[*at].to_owned())).collect()
    };
    let people = column("people.csv", &["person"]);
    let named = [
        column("accounts.csv", &["person", "requested_by", "approved_by"]),
        column("decisions.csv", &["decided_by"]),
        column("systems.csv", &["owner"]),
    ];
    for name in named.iter().flatten() {
        assert!(people.contains(name), "{name} is no person");
    }
}

#[tokio::test]
async fn a_bad_cell_is_named_with_row_column_value_and_what_to_write() {
    let row = |cells: &str| format!("{HEADER}{GOOD}{cells}\n");
    for (cells, column, why, hint) in [
        ("L-2,laptop,p-1,03/04/2026,,yes", "since", "\"03/04/2026\" is no date that can be read", "2026-03-31"),
        ("L-2,laptop,p-1,4.3.2026,,yes", "since", "\"4.3.2026\"", "write 2026-03-04"),
        ("L-2,laptop,p-1,46085,,yes", "since", "\"46085\" is no date", "spreadsheet's number of a day"),
        ("L-2,laptop,p-1,2026-3-4,,yes", "since", "\"2026-3-4\" is no date", "write 2026-03-31"),
        ("L-2,laptop,p-1,March 4 2026,,yes", "since", "\"March 4 2026\" is no date", "write 2026-03-31"),
        ("L-2,laptop,p-1,2026-02-30,,yes", "since", "\"2026-02-30\" is no date", "write 2026-03-31"),
        ("L-2,laptop,p-1,2026-03-04T10:00:00,,yes", "since", "is no RFC 3339 time", "zone"),
        ("L-2,laptop,p-1,2026-03-04T10:00:00Z,,yes", "since", "is an instant", "the day alone"),
        ("L-2,laptop,p-1,2024-01-01,2026-04-02,yes", "seen_on", "lies in the future", "what has happened"),
        ("L-2,laptop,p-1,2026-03-02,2026-03-01,yes", "seen_on", "is before since", "cannot be before"),
        ("L-2,laptop,=1+1,2024-01-01,,yes", "owner", "begins like a spreadsheet's formula", "the value itself"),
        (r#"L-2,laptop,"=A(""x"")",2024-01-01,,yes"#, "owner", r#""=A(\"x\")" begins like"#, "the value itself"),
        ("L-2,laptop,@cmd,2024-01-01,,yes", "owner", "begins like a spreadsheet's formula", "the value itself"),
        ("L-2,laptop, p-1,2024-01-01,,yes", "owner", "has spaces around it", "remove"),
        ("L-2,laptop,p\u{200b}1,2024-01-01,,yes", "owner", "cannot be seen", "anew"),
        ("L-2,laptop,p-1,2024-01-01,,Yes", "holds_data", "is neither yes nor no", "yes or no"),
        ("L-2,,p-1,2024-01-01,,yes", "kind", "is empty", "every row needs it"),
        ("L-2,laptop,N/A,2024-01-01,,yes", "owner", "stands for nothing", "leave the cell empty"),
        ("L-2,tbd,p-1,2024-01-01,,yes", "kind", "stands for nothing", "write what it is"),
        ("L-2,laptop,Mu\u{308}ller,2024-01-01,,yes", "owner", "cannot be seen", "anew"),
        ("L-2,laptop,p-1\u{fe0f},2024-01-01,,yes", "owner", "cannot be seen", "anew"),
        ("L-2,laptop,p\x001,2024-01-01,,yes", "owner", "cannot be seen", "anew"),
        ("L-2,laptop,p-1,2026- 3-01,,yes", "since", "is no date", "write 2026-03-31"),
        ("L-2,laptop,p-1,0026-03-01,,yes", "since", "lies centuries away", "is the year"),
        ("L-2,laptop,p-1,2206-03-01,,yes", "since", "lies centuries away", "is the year"),
        ("L-2,laptop,p-1,2024-01-01,2026-03-01T10:00:00Z,yes", "seen_on", "is an instant", "the day alone"),
        ("L-2,laptop,-1,2024-01-01,,yes", "owner", "begins like a spreadsheet's formula", "the value itself"),
    ] {
        let unread = refused(row(cells).as_bytes()).await;
        let [one] = unread.as_slice() else { panic!("{cells}: {unread:#?}") };
        assert_eq!(one.what, format!("assets.csv line 3, column {column}"), "{cells}");
        assert!(one.why.contains(why), "{cells}: {}", one.why);
        assert!(one.hint.as_ref().unwrap().contains(hint), "{cells}: {:?}", one.hint);
    }
    let long = refused(row(&format!("L-2,{},p-1,2024-01-01,,yes", "x".repeat(501))).as_bytes()).await;
    assert!(long[0].why.contains("longer than 500 characters") && long[0].why.len() < 120, "{}", long[0].why);
}

#[tokio::test]
async fn a_file_that_is_not_the_documented_form_is_refused_and_told_what_it_is() {
    let utf16: Vec<u8> = format!("{HEADER}{GOOD}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bom16 = [b"\xff\xfe".as_slice(), &utf16].concat();
    let latin = [HEADER.as_bytes(), b"L-1,laptop,M\xfcller,2024-01-01,,yes\n"].concat();
    let text = |text: String| text.into_bytes();
    for (bytes, what, why) in [
        (bom16, "assets.csv", "UTF-16"),
        (utf16, "assets.csv", "UTF-16"),
        (latin, "assets.csv line 2", "Latin-1"),
        (b"PK\x03\x04rest".to_vec(), "assets.csv", "spreadsheet's own file"),
        (Vec::new(), "assets.csv", "empty"),
        (text(format!("{HEADER}{GOOD}").replace(',', ";")), "assets.csv line 1", "semicolons"),
        (text(format!("{HEADER}{}", GOOD.trim_end())), "assets.csv", "not finished"),
        (text(format!("{HEADER}L-2,laptop,p-1\n")), "assets.csv line 2", "has 3 cells, and the header has 6"),
        (text(format!("{HEADER}{GOOD}\n{}", GOOD.replace("L-1", "L-2"))), "assets.csv line 3", "line is empty"),
        (text(format!("{HEADER}{GOOD}\n")), "assets.csv line 3", "line is empty"),
        (text(format!("{HEADER}{GOOD}{}", GOOD.replace("L-1", "l-1"))), "assets.csv line 3", "stands in line 2"),
        (text(format!("{HEADER}\"L-1,laptop\n{GOOD}")), "assets.csv line 2", "a quote is open"),
        (text(format!("{HEADER}L-1,\"lap\"top,p-1,2024-01-01,,yes\n")), "assets.csv line 2", "inside of a cell"),
        (text(format!("{HEADER}L-1,lap\"to\"p,p-1,2024-01-01,,yes\n")), "assets.csv line 2", "inside of a cell"),
        (text(format!("{HEADER}L-1, \"laptop\",p-1,2024-01-01,,yes\n")), "assets.csv line 2", "inside of a cell"),
        (text(format!("{HEADER}{GOOD}").replace('\n', "\r\r\n")), "assets.csv", "line breaks of an old kind"),
        (text(format!("{HEADER}{GOOD}").replace('\n', "\r")), "assets.csv", "not finished"),
        (text(HEADER.replace("owner", "ownr") + GOOD), "assets.csv line 1, column ownr", "no such column"),
        (text(HEADER.replace("owner,", "")), "assets.csv line 1, column owner", "column is missing"),
        (text(HEADER.replace("owner", "kind")), "assets.csv line 1, column kind", "there twice"),
        (text(HEADER.replace('\n', &",x".repeat(99)) + "\n"), "assets.csv line 1", "105 columns"),
        (text(HEADER.to_owned() + &"x".repeat(70_000) + "\n"), "assets.csv line 2", "longer than 65536 bytes"),
    ] {
        let unread = refused(&bytes).await;
        assert_eq!(unread[0].what, what, "{unread:#?}");
        assert!(unread[0].why.contains(why) && unread[0].hint.is_some(), "{what}: {unread:#?}");
    }
    let near = refused((HEADER.replace("owner", "ownr") + GOOD).as_bytes()).await;
    assert!(near[0].hint.as_ref().unwrap().contains("did you mean \"owner\"?"), "{near:#?}");
}

#[tokio::test]
async fn what_spreadsheets_do_to_a_good_file_is_tolerated() {
    for text in [
        format!("\u{feff}{HEADER}{GOOD}"),
        format!("{HEADER}{GOOD}").replace('\n', "\r\n"),
        format!("{HEADER}\"L-1\",\"laptop, silver\",p-1,2024-01-01,2026-03-01,yes\n"),
        format!("{HEADER}L-1,\"a \"\"laptop\"\"\",\"p-1\",2024-01-01,,\"yes\"\n"),
        format!("{HEADER}L-1,laptop,\"\",2024-01-01,2026-04-01,yes\n"),
        "kind,asset,owner,since,seen_on,holds_data\nlaptop,L-1,p-1,2024-01-01,2026-03-01,yes\n".to_owned(),
    ] {
        let dir = assets(text.as_bytes());
        let (result, _) = run(&settings("assets", dir.path()), None, now()).await;
        let population = result.unwrap_or_else(|error| panic!("{text:?}: {:#?}", error.unread()));
        let Items::Assets(register) = population.items() else { panic!("another register") };
        let [asset] = register.assets.as_deref().unwrap() else { panic!("{register:?}") };
        assert_eq!((asset.asset.as_str(), asset.at.line, asset.at.gone), ("L-1", 2, false));
        assert_eq!(population.ipe().reconciliations.len(), 2, "rows against lines, of each file");
    }
}

#[tokio::test]
async fn every_fault_is_told_up_to_a_hundred_and_the_rest_is_counted() {
    let rows: String = (0..250).map(|n| format!("L-{n},laptop,p-1,01.02.2024,,yes\n")).collect();
    let unread = refused(format!("{HEADER}{rows}").as_bytes()).await;
    assert_eq!(unread.len(), 101);
    assert!(unread[99].what.contains("line 101,"), "{:?}", unread[99]);
    assert_eq!(unread[100].why, "150 more faults like those named");
    let two = refused(format!("{HEADER}L-1,,p-1,01.02.2024,,yes\n").as_bytes()).await;
    assert_eq!(two.len(), 2, "each cell of a row: {two:#?}");
}

#[tokio::test]
async fn a_file_over_the_limit_is_not_even_read() {
    let dir = assets(b"");
    let file = fs::File::create(dir.path().join("assets.csv")).unwrap();
    file.set_len(100 << 20).unwrap();
    let (result, exchanges) = run(&settings("assets", dir.path()), None, now()).await;
    let unread = result.unwrap_err().unread();
    assert!(unread[0].why.contains("104857600 bytes, more than bytes_max, 4194304; it was not read"), "{unread:#?}");
    assert_eq!(exchanges, 2, "the listing, and the other file");
    let rows: String = (0..3).map(|n| GOOD.replace("L-1", &format!("L-{n}"))).collect();
    let dir = assets(format!("{HEADER}{rows}").as_bytes());
    let mut few = settings("assets", dir.path());
    few["rows_max"] = json!(2);
    let unread = run(&few, None, now()).await.0.unwrap_err().unread();
    assert!(unread[0].why.contains("3 rows, more than rows_max, 2"), "{unread:#?}");
}

#[tokio::test]
async fn a_reference_to_nothing_and_a_file_that_is_not_there_are_named() {
    let dir = assets(format!("{HEADER}{GOOD}").as_bytes());
    fs::write(dir.path().join("disposals.csv"), format!("{DISPOSALS}L-9,2026-01-01,,\n")).unwrap();
    let unread = run(&settings("assets", dir.path()), None, now()).await.0.unwrap_err().unread();
    assert_eq!(unread[0].what, "disposals.csv line 2, column asset");
    assert_eq!(unread[0].why, "L-9 does not stand in assets.csv");
    fs::rename(dir.path().join("disposals.csv"), dir.path().join("disposal.csv")).unwrap();
    let unread = run(&settings("assets", dir.path()), None, now()).await.0.unwrap_err().unread();
    assert!(unread[0].hint.as_ref().unwrap().contains("did you mean \"disposal.csv\"?"), "{unread:#?}");
    fs::remove_dir_all(dir.path()).unwrap();
    let error = run(&settings("assets", dir.path()), None, now()).await.0.unwrap_err();
    assert_eq!(error.word(), "unavailable");
}

#[tokio::test]
async fn days_of_training_acknowledgements_assessments_and_leave_stay_as_they_were_read() {
    for (register, file, row, otherwise, what) in [
        (
            "workforce",
            "training.csv",
            "p-02,security-awareness,2025,2025-09-15",
            "p-02,security-awareness,2025,2025-09-10",
            "training ",
        ),
        (
            "workforce",
            "acknowledgements.csv",
            "p-01,code-of-conduct,4,2025-06-03",
            "p-01,code-of-conduct,4,2025-06-02",
            "acknowledgements ",
        ),
        ("risks", "assessments.csv", "2025-11-18", "2025-11-17", "assessments "),
    ] {
        let dir = examples();
        let settings = settings(register, dir.path());
        let carry = run(&settings, None, now()).await.0.unwrap().carry().cloned();
        let text = fs::read_to_string(dir.path().join(file)).unwrap();
        assert!(text.contains(row), "{file}: {text}");
        fs::write(dir.path().join(file), text.replacen(row, otherwise, 1)).unwrap();
        let error = run(&settings, carry, now()).await.0.expect_err(file);
        assert!(error.unread().iter().any(|one| one.what.starts_with(what)), "{file}: {:?}", error.unread());
    }
}

/// A run after one that read the examples, with one cell of one row as `before` then and as `after` now. What is said.
async fn edited(register: &str, row: (&str, &str), cell: (&str, &str, &str), corrected: bool) -> Vec<Unread> {
    let dir = examples();
    let ((list, key), (column, before, after)) = (row, cell);
    let path = dir.path().join(format!("{list}.csv"));
    let text = fs::read_to_string(&path).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = header.iter().position(|name| *name == column).unwrap_or_else(|| panic!("{list}: {column}"));
    let begins = format!("{},", key.replace(" / ", ","));
    assert!(text.lines().any(|line| line.starts_with(&begins)), "{list} {key}");
    let with = |value: &str| {
        let line = |line: &str| {
            let mut cells: Vec<&str> = line.split(',').collect();
            if line.starts_with(&begins) {
                cells[at] = value;
            }
            cells.join(",") + "\n"
        };
        fs::write(&path, text.lines().map(line).collect::<String>()).unwrap();
    };
    let mut settings = settings(register, dir.path());
    with(before);
    let first = run(&settings, None, now()).await.0;
    let carry = first.unwrap_or_else(|error| panic!("{list} {column}: {:?}", error.unread())).carry().cloned();
    with(after);
    if corrected {
        settings["corrections"] = json!([{ "list": list, "key": key, "on": "2026-03-31", "reason": "a slip" }]);
    }
    run(&settings, carry, now()).await.0.map_or_else(|error| error.unread(), |_| Vec::new())
}

#[tokio::test]
async fn a_cell_that_decides_stays_as_it_was_read_until_the_settings_say_why() {
    let (accounts, risk) = (("accounts", "github / example-anna"), ("risks", "R-03"));
    let (listed, decided) = ("snapshots", "decisions");
    let review = "github / 2026-02-02 / example-cleo";
    for (register, row, column, before, after) in [
        ("workforce", accounts, "person", "p-01", "p-02"),
        ("workforce", accounts, "requested_by", "p-01", "p-02"),
        ("workforce", accounts, "approved_by", "cto", "ceo"),
        ("workforce", accounts, "approved_by", "cto", ""),
        ("workforce", accounts, "last_used_at", "2026-03-20T08:10:00Z", "never"),
        ("workforce", accounts, "last_used_at", "2026-03-20T08:10:00Z", ""),
        ("workforce", accounts, "last_used_at", "2026-03-20T08:10:00Z", "2026-03-20T08:09:00Z"),
        ("workforce", accounts, "last_used_at", "2026-03-20T08:10:00Z", "2026-03-20"),
        ("workforce", ("people", "p-01"), "screened_on", "2023-02-03", "2023-01-20"),
        ("workforce", ("policies", "code-of-conduct / 4"), "approved_by", "ceo", "cto"),
        ("risks", ("assessments", "2025"), "approved_by", "ceo", "cto"),
        ("risks", risk, "category", "fraud", "legal"),
        ("risks", risk, "accepted_by", "ceo", "cto"),
        ("incidents", ("plans", "3"), "approved_by", "ceo", "cto"),
        ("incidents", ("incidents", "INC-7"), "severity", "high", "low"),
        ("incidents", ("incidents", "INC-7"), "severity", "high", ""),
        ("access_reviews", (listed, review), "person", "p-03", "p-02"),
        ("access_reviews", (listed, review), "role", "member", "owner"),
        ("access_reviews", (decided, review), "decision", "remove", "keep"),
        ("access_reviews", (decided, review), "decided_by", "p-03", "cto"),
        ("assets", ("assets", "L-0017"), "holds_data", "yes", "no"),
        ("assets", ("assets", "L-0017"), "seen_on", "2026-03-02", "2026-03-01"),
        ("vendors", ("vendors", "Example Cloud"), "tier", "critical", "low"),
    ] {
        let unread = edited(register, row, (column, before, after), false).await;
        let [one] = unread.as_slice() else { panic!("{row:?} {column}: {before} to {after}: {unread:?}") };
        assert_eq!(one.what, format!("{} {}: {column}", row.0, row.1));
        let unread = edited(register, row, (column, before, after), true).await;
        assert!(unread.is_empty(), "{row:?} {column}, corrected: {unread:?}");
    }
}

#[tokio::test]
async fn an_empty_cell_is_filled_and_what_honestly_changes_may() {
    let accounts = ("accounts", "github / example-anna");
    for (register, row, column, before, after) in [
        ("workforce", accounts, "approved_by", "", "cto"),
        ("workforce", accounts, "last_used_at", "", "never"),
        ("workforce", accounts, "last_used_at", "never", "2026-03-20T08:10:00Z"),
        ("workforce", accounts, "last_used_at", "2026-03-20T08:10:00Z", "2026-03-20T08:11:00Z"),
        ("workforce", accounts, "last_used_at", "2026-03-20", "2026-03-20T08:11:00Z"),
        ("risks", ("risks", "R-03"), "owner", "cto", "cfo"),
        ("risks", ("risks", "R-03"), "state", "open", "closed"),
        ("risks", ("risks", "R-03"), "treatment", "accept", "mitigate"),
        ("incidents", ("incidents", "INC-7"), "severity", "low", "high"),
        ("incidents", ("incidents", "INC-7"), "actions_open", "2", "0"),
        ("access_reviews", ("systems", "github"), "owner", "cto", "coo"),
        ("access_reviews", ("snapshots", "payroll / 2026-02-02 / old-export"), "person", "", "p-02"),
        ("assets", ("assets", "L-0017"), "owner", "p-01", "p-02"),
        ("assets", ("assets", "L-0017"), "holds_data", "no", "yes"),
        ("assets", ("assets", "L-0017"), "seen_on", "2026-03-02", "2026-03-09"),
        ("vendors", ("vendors", "Example Cloud"), "tier", "high", "critical"),
        ("vendors", ("vendors", "Example Cloud"), "reviewer", "cto", "p-02"),
    ] {
        let unread = edited(register, row, (column, before, after), false).await;
        assert!(unread.is_empty(), "{row:?} {column}: {before} to {after}: {unread:?}");
    }
}

#[tokio::test]
async fn who_accepted_a_risk_changes_with_a_later_day_alone() {
    let row = |by: &str, on: &str| format!("R-1,fraud,Invoices,2025-11-18,3,3,cto,accept,{by},{on},open\n");
    let dir = tempfile::tempdir().unwrap();
    let write = |row: String| {
        let header =
            "risk,category,title,assessed_on,likelihood,impact,owner,treatment,accepted_by,accepted_on,state\n";
        fs::write(dir.path().join("risks.csv"), format!("{header}{row}")).unwrap();
    };
    fs::write(dir.path().join("assessments.csv"), "assessment,done_on,approved_by,approved_on\n").unwrap();
    let settings = settings("risks", dir.path());
    write(row("ceo", "2025-12-01"));
    let carry = run(&settings, None, now()).await.0.unwrap().carry().cloned();
    for (by, on, whole) in [
        ("cfo", "2025-12-01", false),
        ("cfo", "2025-11-30", false),
        ("cfo", "", false),
        ("cfo", "2026-03-30", true),
        ("ceo", "2026-03-30", true),
    ] {
        write(row(by, on));
        let result = run(&settings, carry.clone(), now()).await.0;
        assert_eq!(result.is_ok(), whole, "{by} {on}: {result:?}");
    }
    // Assessed anew, it is mitigated, and nobody accepts it any more.
    write(row("", "").replace("2025-11-18", "2026-03-01").replace("accept", "mitigate"));
    assert!(run(&settings, carry, now()).await.0.is_ok());
}

#[tokio::test]
async fn a_row_that_goes_or_moves_its_day_is_noticed_until_the_settings_say_why() {
    let at = |day: &str| format!("{day}T12:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let other = GOOD.replace("L-1", "L-2");
    let dir = assets(format!("{HEADER}{GOOD}{other}").as_bytes());
    fs::write(dir.path().join("disposals.csv"), format!("{DISPOSALS}L-2,2026-03-01,,\n")).unwrap();
    let mut settings = settings("assets", dir.path());
    let first = run(&settings, None, at("2026-03-31")).await.0.unwrap();
    let carry = first.carry().cloned();
    assert!(run(&settings, carry.clone(), at("2026-04-01")).await.0.is_ok(), "nothing changed");

    fs::write(dir.path().join("disposals.csv"), format!("{DISPOSALS}L-2,2026-03-09,,\n")).unwrap();
    let unread = run(&settings, carry.clone(), at("2026-04-01")).await.0.unwrap_err().unread();
    assert_eq!(unread[0].what, "disposals L-2: disposed_on");
    assert_eq!(unread[0].why, "was 2026-03-01 when it was read before, and is 2026-03-09 now");

    fs::write(dir.path().join("disposals.csv"), DISPOSALS).unwrap();
    let error = run(&settings, carry.clone(), at("2026-04-01")).await.0.unwrap_err();
    let CollectError::Incomplete(partial) = &error else { panic!("{error}") };
    assert_eq!(partial.unread[0].what, "disposals L-2");
    let Items::Assets(register) = &partial.items else { panic!("another register") };
    let gone = &register.disposals.as_ref().unwrap()[0];
    assert!(gone.at.gone && gone.method.is_none(), "it is judged as it was: {gone:?}");

    // A correction holds for what was read until its day, and not for what is read later.
    for (on, whole) in [("2026-03-30", false), ("2026-03-31", true)] {
        settings["corrections"] = json!([{ "list": "disposals", "key": "L-2", "on": on, "reason": "another machine" }]);
        let (result, _) = run(&settings, carry.clone(), at("2026-04-01")).await;
        assert_eq!(result.is_ok(), whole, "{on}: {result:?}");
        if let Ok(population) = result {
            let filters = &population.ipe().filters;
            assert!(filters.iter().any(|filter| filter.contains("L-2 was corrected on 2026-03-31: another machine")));
        }
    }

    // One whose day is still to come would allow whatever is done until then.
    for (on, whole) in [("2026-04-02", true), ("2026-04-03", false), ("2099-12-31", false)] {
        settings["corrections"] = json!([{ "list": "disposals", "key": "L-2", "on": on, "reason": "another machine" }]);
        let result = run(&settings, carry.clone(), at("2026-04-01")).await.0;
        assert_eq!(result.is_ok(), whole, "{on}");
        let told = result.err().map(|error| error.unread()).unwrap_or_default();
        assert!(whole || told.iter().any(|one| one.why.contains("is still to come")), "{told:?}");
    }

    settings["corrections"] = json!([]);
    settings["register"] = json!("workforce");
    let rows = json!({ "lists": { "accounts": { "a / b": { "read_at": at("2026-03-31"), "row": { "at": {
        "list": "accounts", "key": "a / b", "file": "accounts.csv", "line": 2, "gone": false
    }, "system": "a", "account": "b", "person": "p" } } } } });
    fs::write(dir.path().join("people.csv"), "person,engagement,start,end,leave_start,leave_end,screened_on\n")
        .unwrap();
    settings["files"] = json!({ "people": "people.csv" });
    let unread = run(&settings, Some(rows), at("2026-04-01")).await.0.unwrap_err().unread();
    assert!(unread[0].why.contains("the list is not named now"), "{unread:#?}");
}

fn partial(result: Result<Population, CollectError>) -> Partial {
    match result {
        Err(CollectError::Incomplete(partial)) => *partial,
        other => panic!("{other:?}"),
    }
}

fn whats(partial: &Partial) -> Vec<&str> {
    partial.unread.iter().map(|one| one.what.as_str()).collect()
}

#[tokio::test]
async fn a_row_that_only_a_run_saw_that_was_not_whole_may_not_go_either() {
    let at = |day: &str| format!("{day}T12:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let dir = assets(format!("{HEADER}{GOOD}").as_bytes());
    let disposals = |rows: &str| fs::write(dir.path().join("disposals.csv"), format!("{DISPOSALS}{rows}")).unwrap();
    let write = |rows: &str| fs::write(dir.path().join("assets.csv"), format!("{HEADER}{rows}")).unwrap();
    let mut settings = settings("assets", dir.path());
    let first = run(&settings, None, at("2026-03-20")).await.0.unwrap();

    // A fault in the same file, a row twice and a stranger in another: of the good rows each is remembered.
    let (two, three) = (GOOD.replace("L-1", "L-2"), GOOD.replace("L-1", "L-3"));
    write(&format!("{GOOD}{two}{three}{two}L-4,laptop,p-1,3/4/2026,,\n"));
    disposals("L-2,2026-03-01,,\n");
    let bad = partial(run(&settings, first.carry().cloned(), at("2026-03-22")).await.0);
    assert_eq!(bad.observed, 0, "nothing of it is taken in");
    write(&format!("{GOOD}{three}"));
    disposals("L-9,2026-03-01,,\nL-3,2026-03-02,,\n");
    let stranger = partial(run(&settings, bad.carry.clone(), at("2026-03-23")).await.0);
    assert_eq!(whats(&stranger), ["disposals.csv line 2, column asset"]);
    write(GOOD);
    disposals("");
    let carry = partial(run(&settings, stranger.carry, at("2026-03-24")).await.0).carry;
    let gone = partial(run(&settings, carry.clone(), at("2026-03-24")).await.0);
    let expected = ["assets L-2", "assets L-3", "disposals L-2", "disposals L-3"];
    assert_eq!(whats(&gone), expected, "L-4 was never read, nor was L-9; they stay gone in the run after");

    // A day that was past when such a run read it does not move; not in the run after that either.
    write(&format!("{GOOD}{two}{three}"));
    disposals("L-2,2026-03-02,,\nL-3,2026-03-02,,\n");
    let moved = partial(run(&settings, carry, at("2026-03-24")).await.0);
    assert_eq!(whats(&moved), ["disposals L-2: disposed_on"]);
    let moved = partial(run(&settings, moved.carry, at("2026-03-26")).await.0);
    assert_eq!(whats(&moved), ["disposals L-2: disposed_on"]);

    // What is not whole takes no correction: it is for a whole run, and goes by when the row was read.
    for (on, whole) in [("2026-03-27", false), ("2026-03-21", false), ("2026-03-22", true)] {
        settings["corrections"] = json!([{ "list": "disposals", "key": "L-2", "on": on, "reason": "another machine" }]);
        let result = run(&settings, moved.carry.clone(), at("2026-03-25")).await.0;
        assert_eq!(result.is_ok(), whole, "{on}: {result:?}");
        let Err(CollectError::Incomplete(left)) = result else { continue };
        settings["corrections"] = json!([]);
        let after = partial(run(&settings, left.carry, at("2026-03-25")).await.0);
        assert_eq!(whats(&after), ["disposals L-2: disposed_on"], "{on}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_with_the_key() {
    for (change, words) in [
        (json!({ "directory": "registers" }), "directory: registers is not absolute"),
        (json!({ "register": "suppliers" }), "unknown variant `suppliers`"),
        (json!({ "bytes_max": 0 }), "bytes_max: 0"),
        (json!({ "bytes_max": 99_000_000 }), "bytes_max: 99000000"),
        (json!({ "rows_max": 60_000 }), "rows_max: 60000"),
        (json!({ "files": { "vendor": "v.csv" } }), "the register has no list vendor"),
        (json!({ "files": {} }), "files: vendors is not named"),
        (json!({ "files": { "vendors": "../v.csv" } }), "is no name of a file"),
        (
            json!({ "corrections": [{ "list": "vendors", "key": "x", "on": "2026-01-01", "reason": " " }] }),
            "a reason is blank",
        ),
        (json!({ "file": 1 }), "unknown field `file`"),
    ] {
        let mut settings = json!({ "register": "vendors", "directory": "/r" });
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let error = Settings::read(&settings).unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
    }
}
