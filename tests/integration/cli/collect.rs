//! `evidenced collect now` of several collectors: one that cannot run is no reason to leave out the others.

use super::Home;
use evidenced::ledger::Ledger;
use std::fs;

/// Three collectors of one directory of restore tests, each with a control.
fn home() -> Home {
    let part = |name: &str| {
        format!(
            "[collectors.{name}]\nkind = 'backup_restores'\nschedule = '0 * * * *'\n\
             settings = {{ directory = '/logs', stores = [{{ name = 'db' }}] }}\n\
             [controls.T-{name}]\ntitle = 't'\ncriteria = ['CC7.5']\nowner = 'o'\nseverity = 'high'\n\
             collectors = ['{name}']\ntest = 'restore_test'\nstale_after = '36h'\n"
        )
    };
    let home = Home::configured(&format!(
        "organization = 'Test Ltd'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n{}{}{}",
        part("a"),
        part("b"),
        part("c")
    ));
    let text = fs::read_to_string(home.path("evidenced.toml")).unwrap();
    fs::create_dir(home.path("logs")).unwrap();
    fs::write(home.path("evidenced.toml"), text.replace("/logs", &home.path("logs").display().to_string())).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_busy_is_told_and_the_others_are_collected() {
    let home = home();
    let ledger = Ledger::open(&home.path("state")).unwrap();
    let busy = ledger.lock_collector("b").unwrap().expect("nobody else holds it");
    let said = home.run(&["collect", "now", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("collector `b` is running already\nhint: "), "{}", said.err);
    let json = said.json();
    let done: Vec<&str> = json.as_array().unwrap().iter().map(|run| run["collector"].as_str().unwrap()).collect();
    assert_eq!(done, ["a", "c"], "{json}");
    drop(busy);
    let said = home.run(&["collect", "now", "--json"]);
    assert_eq!(said.json().as_array().unwrap().len(), 3, "{said:?}");
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_collected() {
    let home = home();
    let before = home.run(&["status", "--json"]).json()["records"].clone();
    let said = home.run(&["collect", "now", "a", "d"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("collector `d` is not configured\nhint: configured: a, b, c"), "{}", said.err);
    let anchor = home.run(&["anchor", "now", "a"]);
    assert_eq!(anchor.code, 2, "{anchor:?}");
    assert!(anchor.err.contains("no anchor is configured\nhint: "), "{}", anchor.err);
    assert_eq!(home.run(&["status", "--json"]).json()["records"], before);
}
