//! What people do and is kept with who and when: an owner signs for a quarter, an auditor draws a sample.

use super::demo::home;
use super::files;
use crate::bundle::samples::drawn_again_in_python;
use serde_json::{Value, json};
use std::fs;

#[test]
fn an_owner_signs_for_a_quarter_that_is_over_and_nobody_for_one_that_is_not() {
    let home = home();
    let owed = home.run(&["sign-off", "--json"]);
    assert_eq!(owed.code, 0, "due, and not late: {owed:?}");
    let standings = |said: &Value| -> Vec<String> {
        let all = said.as_array().unwrap().iter();
        all.map(|owed| format!("{} {} {}", owed["control"], owed["quarter"], owed["standing"]).replace('"', ""))
            .collect()
    };
    let before = standings(&owed.json());
    assert!(before.contains(&"SEC-001 2026-Q1 signed".to_owned()), "{before:?}");
    assert!(before.contains(&"AVL-001 2026-Q1 due".to_owned()), "{before:?}");
    let sign = ["sign-off", "--control", "AVL-001", "--quarter"];
    let said = home.run(&[&sign[..], &["2026-Q1", "--by", "Lena", "--note", "tests were held", "--json"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let (record, statement) = (&said.json()["record"], &said.json()["statement"]);
    assert_eq!((&record["by"], &record["note"]), (&json!("Lena"), &json!("tests were held")));
    assert!(record["recorded_by"].as_str().unwrap().starts_with("uid "), "{record}");
    let status = home.run(&["status", "--json"]).json();
    let control = status["controls"].as_array().unwrap().iter().find(|control| control["id"] == "AVL-001").unwrap();
    assert_eq!(statement["state"], control["state"], "the owner saw the state that there was");
    assert!(statement["results"]["deviation"].as_u64().unwrap() > 0, "and what was wrong in the quarter: {statement}");
    let after = standings(&home.run(&["sign-off", "--json"]).json());
    assert!(after.contains(&"AVL-001 2026-Q1 signed".to_owned()), "{after:?}");
    let shown = home.run(&["sign-off"]).out;
    assert!(shown.contains("Lena") && shown.contains("due before 2026-04-15"), "{shown}");
    for (args, code, words) in [
        (&["2026-Q2", "--by", "Lena"][..], 1, "has not ended"),
        (&["2025-Q4", "--by", "Lena"], 1, "is configured since 2026-01-01"),
        (&["2026-Q1", "--by", " "], 2, "is empty"),
        (&["2026-Q1", "--by", "TBD"], 2, "is nobody's name"),
        (&["2026-01", "--by", "Lena"], 2, "write a quarter like 2026-Q1"),
        (&["2026-Q1"], 2, "--by"),
    ] {
        let said = home.run(&[&sign[..], args].concat());
        assert_eq!((said.code, said.err.contains(words)), (code, true), "{args:?}: {said:?}");
    }
    let said = home.run(&["sign-off", "--control", "SEC-999", "--quarter", "2026-Q1", "--by", "Lena"]);
    assert!(said.code == 2 && said.err.contains("configured: AVL-001"), "{said:?}");
}

#[test]
fn a_sample_of_changes_is_of_the_period_in_which_they_were_judged_first_and_is_drawn_again() {
    let home = home();
    let draw = |period: &str, more: &[&str]| {
        let said = home
            .run(&[&["sample", "--control", "SEC-001", "--seed", "=x", "--period", period, "--json"], more].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    };
    let size = |said: &Value| said["sample"]["population"]["size"].as_u64().unwrap();
    let all = draw("2026-01-01..2026-04-01", &["--table", "ten-percent"]);
    let months = ["2026-01", "2026-02", "2026-03"].map(|month| size(&draw(month, &["--size", "1"])));
    assert_eq!(months.iter().sum::<u64>(), size(&all), "of months side by side none loses a change: {months:?}");
    assert!(months.iter().all(|month| *month > 20), "{months:?}");
    assert_eq!(all["sample"]["size"].as_u64().unwrap(), size(&all).div_ceil(10).clamp(3, 30));
    assert_eq!(draw("2026-Q1", &["--table", "ten-percent"])["sample"]["items"], all["sample"]["items"]);
    let export = home.run(&["export", "--from", "2026-01-01", "--to", "2026-04-01", "--out", "q1.zip"]);
    assert_eq!(export.code, 0, "{export:?}");
    let told = ["--vkey", "state/log.vkey", "--allowed-signers", "allowed_signers"];
    let verify = home.run(&[&["verify", "q1.zip"][..], &told].concat());
    assert_eq!(verify.code, 0, "{verify:?}");
    let inside = files(&home.path("q1.zip"));
    let folder = home.path("drawn");
    fs::create_dir(&folder).unwrap();
    let of = format!("data/samples/{:012}/", all["index"].as_u64().unwrap());
    for name in ["sample.json", "population.csv"] {
        fs::write(folder.join(name), &inside[&format!("{of}{name}")]).unwrap();
    }
    let again = drawn_again_in_python(&String::from_utf8(inside["AUDITOR.html"].clone()).unwrap(), &folder);
    assert!(again.status.success(), "{again:?}");
    for item in all["sample"]["items"].as_array().unwrap() {
        let evidence = item["evidence"][0].as_u64().unwrap();
        let exchanges = format!("data/evidence/{evidence:012}/exchanges/");
        assert!(inside.keys().any(|path| path.starts_with(&exchanges)), "{item}");
    }
    for (args, code, words) in [
        (&["--period", "2025", "--size", "3"][..], 1, "was judged over no item"),
        (&["--period", "2026-Q1", "--size", "0"], 2, "0"),
        (&["--period", "2026-Q1", "--table", "none"], 2, "there is no table `none`"),
        (&["--period", "2026-02-01..2026-01-01", "--size", "3"], 2, "ends before it begins"),
        (&["--period", "2026-Q1"], 2, "--size"),
    ] {
        let said = home.run(&[&["sample", "--control", "SEC-001", "--seed", "x"], args].concat());
        assert_eq!((said.code, said.err.contains(words)), (code, true), "{args:?}: {said:?}");
    }
}

#[test]
fn the_cause_of_a_drift_is_on_record_and_a_drift_without_one_is_not_handled() {
    let home = home();
    let owed = home.run(&["cause", "--json"]);
    assert_eq!(owed.code, 3, "some are late: {owed:?}");
    let owed = owed.json();
    let of = |said: &Value, standing: &str| -> Vec<Value> {
        said.as_array().unwrap().iter().filter(|owed| owed["standing"] == standing).cloned().collect()
    };
    let late = &of(&owed, "late")[0];
    assert!(!of(&owed, "recorded").is_empty(), "the sample has one: {owed}");
    let (control, drift) = (late["control"].as_str().unwrap(), late["drift"].to_string());
    let other = if control == "SEC-004" { "SEC-010" } else { "SEC-004" };
    let say = |control: &str, drift: &str, more: &[&str]| {
        let words = ["--drift", drift, "--cause", "=a rule", "--effect", "one-off", "--determined", "others were read"];
        home.run(&[&["cause", control][..], &words, &["--correction", "it is on"], more].concat())
    };
    for (args, code, words) in [
        (&["--compensated-by", other][..], 2, "--approver"),
        (&["--compensated-by", control, "--approver", "CEO"], 2, "cannot make up for itself"),
        (&["--compensated-by", "SEC-999", "--approver", "CEO"], 2, "is not configured"),
        (&["--compensated-by", other, "--approver", late["owner"].as_str().unwrap()], 2, "cannot approve this"),
        (&["--owner", " "], 2, "is empty"),
    ] {
        let said = say(control, &drift, args);
        assert_eq!((said.code, said.err.contains(words)), (code, true), "{args:?}: {said:?}");
    }
    let said = say(control, "0", &[]);
    assert!(said.code == 1 && said.err.contains(&format!("no drift of {control} began with record 0")), "{said:?}");
    let said = home.run(&["cause", control, "--drift", &drift]);
    assert!(said.code == 2 && said.err.contains("--correction"), "{said:?}");
    let said = say(control, &drift, &["--compensated-by", other, "--approver", "CEO", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let record = said.json()["record"].clone();
    assert_eq!((&record["kind"], &record["compensation"]["control"]), (&json!("cause"), &json!(other)));
    assert!(record["recorded_by"].as_str().unwrap().starts_with("uid "), "{record}");
    let after = home.run(&["cause", "--json"]).json();
    let now = after.as_array().unwrap().iter().find(|owed| owed["drift"].as_u64() == drift.parse().ok()).unwrap();
    assert_eq!((&now["standing"], &now["causes"][0]["cause"]), (&json!("recorded"), &json!("=a rule")));
    assert!(home.run(&["cause"]).out.contains("=a rule"));
    let export = home.run(&["export", "--from", "2026-01-01", "--to", "2026-04-01", "--out", "q1.zip"]);
    assert_eq!(export.code, 0, "{export:?}");
    let told = ["--vkey", "state/log.vkey", "--allowed-signers", "allowed_signers"];
    let verify = home.run(&[&["verify", "q1.zip"][..], &told].concat());
    assert_eq!(verify.code, 0, "{verify:?}");
    let inside = files(&home.path("q1.zip"));
    let table = String::from_utf8(inside[&format!("data/controls/{control}/causes.csv")].clone()).unwrap();
    assert!(table.contains(&format!(",'=a rule,one_off,others were read,it is on,{other},CEO,")), "{table}");
    let page = String::from_utf8(inside[&format!("data/controls/{control}/index.html")].clone()).unwrap();
    assert!(page.contains("Causes of drifts") && page.contains("=a rule"), "{page}");
}
