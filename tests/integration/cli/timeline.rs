//! `history`, `drift` and `waivers` over the sample company's ninety days, whose story is known.

use super::demo::home;
use super::{Home, at, files};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn history(home: &Home, args: &[&str]) -> Value {
    let said = home.run(&[&["history", "SEC-001", "--json"], args].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.json()
}

/// State and first instant of each interval.
fn intervals(history: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let all = history["intervals"].as_array().unwrap();
    all.iter().map(|interval| (text(&interval["state"]), text(&interval["from"]))).collect()
}

#[test]
fn the_history_of_a_control_tells_its_story_and_its_sums() {
    let home = home();
    let january = history(&home, &["--period", "2026-01"]);
    assert_eq!(january, history(&home, &["--from", "2026-01-01", "--to", "2026-02-01"]), "one period, two names");
    let told = intervals(&january);
    // Of the first moment nothing is on record. The push of day 20 is seen at noon, accepted on day 22 until
    // day 30, and on neither of these days did a run bring that about.
    assert!(told.iter().any(|(state, from)| state == "deviating" && from == "2026-01-20T12:00:00Z"), "{told:?}");
    assert!(told.iter().any(|(state, from)| state == "effective" && from == "2026-01-22T10:00:00Z"), "{told:?}");
    assert_eq!(told.last().unwrap(), &("deviating".to_owned(), "2026-01-30T00:00:00Z".to_owned()));
    let last = &january["intervals"].as_array().unwrap().last().unwrap()["changes"][0];
    assert_eq!(last["occasion"]["of"], "waiver_ended");
    assert_eq!(last["since"], "2026-01-30T00:00:00Z");
    assert_eq!((&last["counts"]["appeared"], last["items"]["appeared"].as_object().unwrap().len()), (&json!(1), 1));
    let drifts = january["drifts"].as_array().unwrap();
    assert_eq!(drifts.len(), 2, "{drifts:#?}");
    // Seen at noon, perhaps since midnight; ended by the waiver 46 hours later.
    assert_eq!(drifts[0]["ended"], "waived");
    assert_eq!(
        drifts[0]["lasted"],
        json!({ "at_least_s": 46 * 3600, "observed_s": 46 * 3600, "at_most_s": 58 * 3600 })
    );
    assert_eq!((&drifts[1]["until"], &january["totals"]["open"]), (&Value::Null, &json!(1)));
    let totals = &january["totals"];
    let seconds: i64 = totals["seconds"].as_object().unwrap().values().map(|s| s.as_i64().unwrap()).sum();
    assert_eq!((seconds, totals["known_s"].as_i64().unwrap()), (31 * DAY, 31 * DAY));
    assert_eq!(totals["exposure"]["observed_s"], 46 * 3600 + 2 * DAY);
    assert_eq!(totals["repair_median_s"], Value::Null, "accepted is not repaired");
    let item = january["items"].as_array().unwrap().iter().find(|item| item["ended"] == "waived").unwrap();
    assert!(item["item"].as_str().unwrap().starts_with("sample/shop@"), "{item}");
    let shown = home.run(&["history", "SEC-001", "--period", "2026-01"]).out;
    assert!(
        shown.starts_with("SAMPLE ") && shown.contains("1 d 22 h (at least 1 d 22 h, at most 2 d 10 h)"),
        "{shown}"
    );
}

#[test]
fn a_history_ends_where_the_records_end_and_a_period_that_is_none_is_refused() {
    let home = home();
    let status = home.run(&["status", "--json"]).json();
    let year = history(&home, &["--period", "2026"]);
    assert_eq!((&year["known_until"], &year["period"]["end"]), (&status["as_of"], &json!("2027-01-01T00:00:00Z")));
    let known = at(status["as_of"].as_str().unwrap()) - at("2026-01-01T00:00:00Z");
    assert_eq!(year["totals"]["known_s"], known.num_seconds());
    assert_eq!(history(&home, &[])["totals"]["known_s"], known.num_seconds(), "without a period: all of it");
    let control = &status["controls"][2];
    assert_eq!(intervals(&year).last().unwrap().0, control["state"].as_str().unwrap());
    for (args, words) in [
        (["--period", "2026-Q5"].as_slice(), "2026-Q1"),
        (&["--from", "2026-03-01", "--to", "2026-02-01"], "ends before it begins"),
        (&["--period", "2026", "--from", "2026-01-01"], "cannot be used with"),
    ] {
        let said = home.run(&[&["history", "SEC-001"], args].concat());
        assert_eq!((said.code, said.err.contains(words)), (2, true), "{said:?}");
    }
    let said = home.run(&["history", "SEC-999"]);
    assert!(said.code == 2 && said.err.contains("configured: AVL-001"), "{said:?}");
    let export = home.run(&["export", "--from", "2026-01-01", "--out", "b.zip"]);
    assert!(export.code == 2 && export.err.contains("--period"), "{export:?}");
}

#[test]
fn a_bundle_and_the_history_count_alike() {
    let home = home();
    let out = ["export", "--period", "2026-02", "--out", "b.zip"];
    assert_eq!(home.run(&out).code, 0);
    let files = files(&home.path("b.zip"));
    let controls = String::from_utf8(files["data/controls.csv"].clone()).unwrap();
    let mut rows = csv::Reader::from_reader(controls.as_bytes());
    let columns = rows.headers().unwrap().clone();
    let mut seen = 0;
    for row in rows.records() {
        let row = row.unwrap();
        let cell = |name: &str| {
            let at = columns.iter().position(|column| column == name).unwrap_or_else(|| panic!("no {name}"));
            row[at].to_owned()
        };
        let said = home.run(&["history", &cell("control"), "--period", "2026-02", "--json"]);
        let totals = &said.json()["totals"];
        let second = |state: &str| totals["seconds"][state].as_i64().unwrap_or(0).to_string();
        for state in ["effective", "deviating", "indeterminate", "stale", "unmonitored"] {
            assert_eq!(cell(&format!("{state}_s")), second(state), "{state} of {}", cell("control"));
        }
        assert_eq!(cell("exposure_observed_s"), totals["exposure"]["observed_s"].to_string());
        assert_eq!(cell("exposure_at_most_s"), totals["exposure"]["at_most_s"].to_string(), "{}", cell("control"));
        assert_eq!((cell("drifts"), cell("drifts_open")), (totals["drifts"].to_string(), totals["open"].to_string()));
        seen += 1;
    }
    assert_eq!(seen, 15);
    let page = String::from_utf8(files["data/controls/SEC-001/index.html"].clone()).unwrap();
    assert!(page.contains("% of the period up to where its records end") && page.contains("Time to repair"), "{page}");
    let told = ["verify", "b.zip", "--reperform", "--vkey", "state/log.vkey"];
    let verify = home.run(&told);
    assert!(verify.code == 0 && verify.out.contains("not made again: 0"), "{verify:?}");
}

#[test]
fn open_drifts_are_listed_worst_first_with_what_to_do_next() {
    let home = home();
    let said = home.run(&["drift", "--json"]);
    let (open, status) = (said.json(), home.run(&["status", "--json"]).json());
    let bad: Vec<&Value> =
        status["controls"].as_array().unwrap().iter().filter(|c| c["state"] != "effective").collect();
    let drifts = open["drifts"].as_array().unwrap();
    assert_eq!((said.code, drifts.len()), (if bad.is_empty() { 0 } else { 3 }, bad.len()));
    assert!(!bad.is_empty(), "the sample ends with a drift");
    let rank =
        |drift: &Value| ["deviating", "indeterminate", "stale"].iter().position(|s| drift["state"] == *s).unwrap();
    assert!(drifts.iter().map(rank).is_sorted(), "{drifts:#?}");
    for drift in drifts {
        let of = bad.iter().find(|control| control["id"] == drift["control"]).unwrap();
        assert_eq!((&drift["state"], &drift["owner"]), (&of["state"], &of["owner"]));
        assert!(!drift["next"].as_array().unwrap().is_empty() && drift["drift"]["until"].is_null(), "{drift}");
        let items = drift["items"].as_array().unwrap();
        assert!(!items.is_empty() && items.iter().all(|item| item["since"].is_string()), "{drift}");
    }
    let shown = home.run(&["drift"]);
    assert_eq!(shown.code, said.code);
    assert!(
        shown.out.contains(drifts[0]["control"].as_str().unwrap()) && shown.out.contains("  next: "),
        "{}",
        shown.out
    );
}

#[test]
fn a_waiver_begins_at_once_covers_what_it_names_and_can_be_revoked() {
    let home = home();
    let before = home.run(&["drift", "--json"]).json();
    let drift = before["drifts"].as_array().unwrap().iter().find(|d| d["state"] == "deviating").unwrap().clone();
    let control = drift["control"].as_str().unwrap();
    let waive = |item: &str, approver: &str| {
        let said = home.run(&[
            "waive",
            control,
            item,
            "--reason",
            "OPS-7",
            "--approver",
            approver,
            "--expires-in",
            "30d",
            "--json",
        ]);
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    };
    let state = || {
        home.run(&["status", "--json"]).json()["controls"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["id"] == control)
            .unwrap()["state"]
            .clone()
    };
    let recorded = waive("*", "cto");
    assert_eq!((recorded["state"].clone(), state()), (json!("effective"), json!("effective")));
    assert!(!recorded["record"]["recorded_by"].as_str().unwrap().is_empty());
    let waivers = home.run(&["waivers", "--json"]).json();
    let found = waivers.as_array().unwrap().iter().find(|w| w["record"] == recorded["index"]).unwrap();
    assert_eq!((&found["in_force"], &found["days_left"], &found["revoked"]), (&json!(true), &json!(30), &Value::Null));
    let covered = found["items"].as_array().unwrap();
    assert_eq!(covered.len(), drift["items"].as_array().unwrap().len(), "{covered:?}");
    assert!(covered.iter().all(|item| item["why_not"].is_null()), "{covered:?}");
    // The sample's own waiver ended long ago.
    let ended = waivers
        .as_array()
        .unwrap()
        .iter()
        .find(|w| w["control"] == "SEC-001" && w["approver"] == "cto" && w["in_force"] == false)
        .unwrap();
    assert_eq!(ended["days_left"], 0);
    let number = recorded["index"].to_string();
    let revoked = home.run(&["waive", "--revoke", &number, "--reason", "mended"]);
    assert!(revoked.code == 0 && revoked.out.contains(&format!("; {control} is deviating")), "{revoked:?}");
    assert_eq!(state(), "deviating");
    let listed = home.run(&["waivers"]);
    assert!(
        listed.code == 0 && listed.out.contains("Not in force:") && listed.out.contains("revoked by"),
        "{listed:?}"
    );
    let again = home.run(&["waive", "--revoke", &number, "--reason", "mended"]);
    assert!(again.code == 1 && again.err.contains("has ended already"), "{again:?}");
    let none = home.run(&["waive", "--revoke", "0", "--reason", "mended"]);
    assert!(none.code == 1 && none.err.contains("record 0 is no waiver"), "{none:?}");
    let both = home.run(&["waive", control, "x", "--revoke", &number, "--reason", "mended"]);
    assert_eq!(both.code, 2, "{both:?}");
    assert_eq!(home.run(&["verify", "--ledger", "state"]).code, 0);
    let help = home.run(&["waive", "--help"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    for who in ["author, committers", "registered owner", "performed a test", "never as pass"] {
        assert!(help.contains(who), "{who} is not in\n{help}");
    }
}

#[test]
fn a_waiver_by_who_gains_is_listed_as_not_counting() {
    let home = home();
    let drift = home.run(&["drift", "--json"]).json();
    let restore =
        drift["drifts"].as_array().unwrap().iter().find(|d| d["control"] == "AVL-008").expect("a slow restore");
    let item = restore["items"][0]["item"].as_str().unwrap();
    // Sam held the restore test.
    let said =
        home.run(&["waive", "AVL-008", item, "--reason", "r", "--approver", "Sam", "--expires-in", "5d", "--json"]);
    assert_eq!((said.code, &said.json()["state"]), (0, &json!("deviating")), "{said:?}");
    let waivers = home.run(&["waivers", "--json"]).json();
    let found = waivers.as_array().unwrap().iter().find(|w| w["control"] == "AVL-008").unwrap();
    assert_eq!(found["items"][0]["why_not"], "approved_by_beneficiary", "{found:#}");
    assert!(home.run(&["waivers"]).out.contains("is approved by somebody who gains by it"));
}
