//! `evidenced doctor`: names what is wrong and what to do, and changes nothing.

use super::{Home, Said};
use serde_json::{Value, json};
use std::fs;

fn home() -> Home {
    let home =
        Home::with("backup_restores", &json!({ "directory": "/logs", "stores": [{ "name": "db" }] }), "restore_test");
    fs::create_dir(home.path("logs")).unwrap();
    let text = fs::read_to_string(home.path("evidenced.toml")).unwrap();
    let logs = home.path("logs").display().to_string();
    fs::write(home.path("evidenced.toml"), text.replace("/logs", &logs)).unwrap();
    home
}

fn about(said: &Said, about: &str) -> Vec<(String, String)> {
    let found = said.json();
    let of = found.as_array().unwrap().iter().filter(|finding| finding["about"] == about);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    of.map(|finding| (text(&finding["level"]), text(&finding["found"]))).collect()
}

#[test]
fn where_all_is_well_it_says_so_and_that_nobody_else_holds_a_checkpoint() {
    let home = home();
    let before = home.run(&["status", "--json"]).json()["records"].clone();
    let said = home.run(&["doctor", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    for what in ["ledger", "disk", "log key", "bundle key", "collector c"] {
        let found = about(&said, what);
        assert!(!found.is_empty() && found.iter().all(|(level, _)| level == "ok"), "{what}: {said:?}");
    }
    let [(level, found)] = &about(&said, "anchors")[..] else { panic!("{said:?}") };
    assert!(level == "warn" && found.contains("nobody but you"), "{said:?}");
    assert_eq!(home.run(&["status", "--json"]).json()["records"], before, "nothing is recorded");
}

#[test]
fn what_cannot_be_read_or_signed_is_named_with_what_to_do() {
    let home = home();
    fs::rename(home.path("logs"), home.path("elsewhere")).unwrap();
    let said = home.run(&["doctor", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let [(level, found)] = &about(&said, "collector c")[..] else { panic!("{said:?}") };
    assert!(level == "fail" && found.contains("logs"), "{said:?}");
    let shown = home.run(&["doctor"]);
    assert!(shown.code == 1 && shown.out.contains("FAIL"), "{shown:?}");
    let asked = about(&home.run(&["doctor", "--offline", "--json"]), "collector c");
    assert_eq!(asked[0].0, "unknown", "what was not asked is not well");
    fs::rename(home.path("elsewhere"), home.path("logs")).unwrap();

    fs::rename(home.path("state/log.key"), home.path("log.key")).unwrap();
    let said = home.run(&["doctor", "--offline", "--json"]);
    assert!(said.code == 1 && said.out.contains("log.key"), "{said:?}");
    fs::rename(home.path("log.key"), home.path("state/log.key")).unwrap();
    fs::remove_dir_all(home.path("state")).unwrap();
    let said = home.run(&["doctor", "--offline", "--json"]);
    assert!(said.code == 1 && about(&said, "ledger")[0].0 == "fail", "{said:?}");
}
