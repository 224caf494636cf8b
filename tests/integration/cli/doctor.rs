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
    for (what, words) in [
        ("channels", "no channel is configured"),
        ("heartbeat", "when the daemon is dead"),
        ("daemon", "no daemon listens"),
    ] {
        let [(level, found)] = &about(&said, what)[..] else { panic!("{what}: {said:?}") };
        assert!(level == "warn" && found.contains(words), "{what}: {said:?}");
    }
    assert!(about(&said, "user").is_empty(), "the ledger is our own: {said:?}");
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

#[test]
fn a_channel_that_refuses_and_a_sign_of_life_that_is_not_given_fail() {
    let home = home();
    home.configure(
        "[channels.chat]\nway = 'stdout'\n[channels.slow]\nway = 'stdout'\n[heartbeat]\nurl = { env = 'HEARTBEAT' }\n",
    );
    let quiet = home.run(&["doctor", "--offline", "--json"]);
    assert_eq!(quiet.code, 0, "{quiet:?}");
    assert!(about(&quiet, "channels").is_empty() && about(&quiet, "heartbeat").is_empty(), "{quiet:?}");
    let vitals = json!({
        "heartbeat": { "at": "2026-03-02T08:00:00Z", "failed": "status 503", "taken": null },
        "channels": {
            "chat": { "how": "refused", "times": 7, "why": "the service is away", "again": "2026-03-02T08:05:00Z" },
            "slow": { "how": "hangs", "since": "2026-03-02T07:05:00Z" },
            "gone": { "how": "refused", "times": 9, "why": "nobody has it any more", "again": "2026-03-02T08:05:00Z" },
        },
    });
    fs::write(home.path("state/vitals.json"), vitals.to_string()).unwrap();
    let said = home.run(&["doctor", "--offline", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let [(level, found)] = &about(&said, "channel chat")[..] else { panic!("{said:?}") };
    assert!(level == "fail" && found.contains("7 times") && found.contains("the service is away"), "{said:?}");
    let [(level, found)] = &about(&said, "channel slow")[..] else { panic!("{said:?}") };
    assert!(level == "fail" && found.contains("no try has come to an end since 2026-03-02 07:05"), "{said:?}");
    let [(level, found)] = &about(&said, "heartbeat")[..] else { panic!("{said:?}") };
    assert!(level == "fail" && found.contains("status 503"), "{said:?}");
    assert!(about(&said, "channel gone").is_empty(), "what is not configured refuses nothing: {said:?}");
    let health = home.run(&["health", "--json", "--within", "1s"]);
    assert_eq!(health.json()["untold"].as_array().unwrap().len(), 3, "{health:?}");
    assert!(health.err.contains("warning: channel chat: refused 7 times"), "{health:?}");
}

#[test]
fn to_another_user_than_the_daemon_files_say_nothing() {
    let home = home();
    // Who is not root cannot give a directory away, and takes one of root's.
    if std::os::unix::fs::chown(home.path("state"), Some(65_534), None).is_err() {
        let text = fs::read_to_string(home.path("evidenced.toml")).unwrap();
        fs::write(home.path("evidenced.toml"), text.replace("state_dir = 'state'", "state_dir = '/'")).unwrap();
    }
    let said = home.run(&["doctor", "--json"]);
    let [(level, found)] = &about(&said, "user")[..] else { panic!("{said:?}") };
    assert!(level == "warn" && found.contains("says nothing of the daemon"), "{said:?}");
    let of_files = about(&said, "collector c");
    assert!(!of_files.is_empty() && of_files.iter().all(|(level, _)| level == "unknown"), "{said:?}");
}

#[test]
fn a_credential_that_systemd_would_hand_over_is_not_called_bad() {
    let settings = json!({
        "repositories": [{ "name": "acme/shop", "branches": ["main"] }],
        "credentials": { "token": { "credential": "github-token" } },
    });
    let home = Home::with("github_changes", &settings, "change_review");
    let said = home.run(&["doctor", "--json"]);
    let of_it = about(&said, "collector c");
    let found = of_it.iter().find(|(_, found)| found.contains("credential github-token"));
    assert!(
        found.is_some_and(|(level, found)| level == "unknown" && found.contains("to the service alone")),
        "{said:?}"
    );
    assert!(!said.out.contains("replace the credential"), "{said:?}");
}
