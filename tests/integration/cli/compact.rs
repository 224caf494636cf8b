//! `evidenced compact`, and what commands say where there is no space.

use super::Home;
use serde_json::json;
use std::fs;

fn home() -> Home {
    let logs = tempfile::tempdir().unwrap().keep();
    let settings = json!({ "directory": logs, "stores": [{ "name": "db" }] });
    Home::with("backup_restores", &settings, "restore_test")
}

#[test]
fn compact_refuses_what_must_be_kept_and_says_what_would_go() {
    let home = home();
    let (_, run) = home.collect(&[]);
    assert_eq!(run["end"], "done", "{run}");
    let said = home.run(&["compact"]);
    assert!(said.code == 2 && said.err.contains("evidence is kept for ever here\nhint: set"), "{said:?}");
    let said = home.run(&["compact", "--before", "2100-01-01", "--yes"]);
    assert!(said.code == 2 && said.err.contains("730 days at least"), "{said:?}");
    let text = fs::read_to_string(home.path("evidenced.toml")).unwrap();
    fs::write(home.path("evidenced.toml"), format!("{text}[retention]\nevidence = '700d'\n")).unwrap();
    let said = home.run(&["config", "check"]);
    let why = "is too short: auditors ask for a period of a year until a year after it\nhint: at least `730d`";
    assert!(said.code == 2 && said.err.contains(why), "{said:?}");
    let longer = text.replace("stale_after", "lookback = '900d'\nstale_after");
    fs::write(home.path("evidenced.toml"), format!("{longer}[retention]\nevidence = '800d'\n")).unwrap();
    let said = home.run(&["config", "check"]);
    assert!(said.code == 2 && said.err.contains("is shorter than the lookback of T-1"), "{said:?}");
    fs::write(home.path("evidenced.toml"), format!("{text}[retention]\nevidence = '800d'\n")).unwrap();
    let said = home.run(&["compact", "--dry-run", "--json"]);
    assert_eq!(
        (said.code, &said.json()["records"], &said.json()["erased"]),
        (0, &json!([]), &json!(false)),
        "{said:?}"
    );
    let said = home.run(&["compact"]);
    assert!(said.code == 0 && said.out.contains("files of 0 records, 0 KiB"), "{said:?}");
}

#[test]
fn where_there_is_no_space_nothing_is_collected_and_every_command_says_so() {
    let home = home();
    home.configure("[limits]\ndisk_reserve_mib = 1000000000\n");
    let before = home.run(&["status", "--json"]).json()["records"].clone();
    let said = home.run(&["collect", "now"]);
    assert!(said.code == 1 && said.err.contains("nothing is collected: the disk has"), "{said:?}");
    let status = home.run(&["status"]);
    assert!(status.out.contains("NOTHING IS COLLECTED: the disk has"), "{status:?}");
    let status = home.run(&["status", "--json"]).json();
    assert_eq!(status["disk"]["reserve_mib"], 1_000_000_000_u64);
    assert!(status["records"].as_u64() > before.as_u64(), "the configuration is on record");
    let health = home.run(&["health", "--within", "1s"]);
    assert!(health.code == 1 && health.err.contains("nothing is collected: the disk has"), "{health:?}");
    let alive = home.run(&["health", "--alive", "--within", "1s"]);
    assert!(alive.code == 1 && !alive.err.contains("nothing is collected"), "{alive:?}");
    let doctor = home.run(&["doctor", "--offline", "--json"]);
    assert!(doctor.code == 1 && doctor.out.contains("nothing is collected: the disk has"), "{doctor:?}");
}
