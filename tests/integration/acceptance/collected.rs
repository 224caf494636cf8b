//! A company whose collectors really collected, by the built program, into one ledger: what restic restored,
//! the users of moto's AWS, and the pull requests of the served GitHub. A time-stamp authority, a witness by
//! other people and a folder hold its checkpoints.

use crate::cli::Home;
use crate::support::drill::Drill;
use crate::support::moto::Moto;
use crate::support::tsa::Server;
use crate::support::witness::Witness;
use chrono::TimeDelta;
use evidenced::demo::github::{GithubHistory, GithubServer, Method, PullRequestSpec};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::sync::Arc;

const ORIGIN: &str = "test.example/soc2";

/// Two days of a repository: reviewed, not reviewed, and pushed past review.
fn history() -> GithubHistory {
    let ago = |hours| SystemClock.now() - TimeDelta::hours(hours);
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    let pull = |number, hours| PullRequestSpec::new("acme/shop", number, "example-ana", ago(hours));
    history.merge(pull(1, 40).approved_by("example-ben"));
    history.merge(PullRequestSpec { method: Method::Squash, ..pull(2, 30) });
    history.push_direct("acme/shop", "main", "example-ana", ago(20), &["docs/a.md"]);
    history
}

fn configuration(collectors: &Value, anchors: &Value) -> String {
    let control = |collector: &str, test: &str, criterion: &str| {
        json!({ "title": test, "criteria": [criterion], "owner": "o", "severity": "high", "collectors": [collector],
                "test": test, "stale_after": "36h" })
    };
    let whole = json!({
        "organization": "Test Ltd", "origin": ORIGIN, "state_dir": "state",
        "collectors": collectors,
        "controls": {
            "AVL-001": control("restores", "restore_test", "A1.3"),
            "SEC-001": control("github", "change_review", "CC8.1"),
            "SEC-004": control("aws", "mfa", "CC6.1"),
        },
        "anchors": anchors,
    });
    toml::to_string(&serde_json::from_value::<toml::Value>(whole).unwrap()).unwrap()
}

/// The company after collecting and handing over twice. Its servers are gone by then.
pub(super) fn home(authority: &Server) -> Home {
    let drill = Drill::with_backup("restic");
    drill.drill(&[]);
    let today = SystemClock.now().date_naive();
    let store = json!({ "name": "files", "since": today, "rto_target_s": 3600, "rpo_target_s": 3600 });
    let moto = Moto::start(60, &["--report-now"]);
    let key = moto.key(None);
    let account = json!({ "name": "production", "account_id": "123456789012", "via": key.via(&moto.url()) });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let github = runtime.block_on(GithubServer::start(history(), Arc::new(SystemClock))).unwrap();
    // Of a mode that only its owner can read, as secrets must be.
    let mut token = tempfile::NamedTempFile::new().unwrap();
    token.write_all(b"ghp_sampletokenforthetests0000000000000000").unwrap();
    let collector =
        |kind: &str, settings: Value| json!({ "kind": kind, "schedule": "0 * * * *", "settings": settings });
    let collectors = json!({
        "aws": collector("aws_iam", json!({ "accounts": [account], "service_paths": ["/service/"] })),
        "github": collector("github_changes", json!({
            "api_url": github.url(), "credentials": { "token": { "file": token.path() } },
            "repositories": [{ "name": "acme/shop", "branches": ["main"] }],
        })),
        "restores": collector("backup_restores", json!({ "directory": drill.logs(), "stores": [store] })),
    });
    let mut witness = Witness::new();
    let anchors = json!({
        "authority": { "way": "rfc3161", "url": authority.url(), "root": "root.pem" },
        "share": { "way": "folder", "path": "share" },
        "witness": { "way": "witness", "url": witness.url(), "key": witness.key },
    });
    let home = Home::configured(&configuration(&collectors, &anchors));
    fs::create_dir(home.path("share")).unwrap();
    fs::write(home.path("root.pem"), authority.authority.pem("root")).unwrap();
    fs::write(home.path("witness.vkey"), format!("{}\n", witness.key)).unwrap();
    witness.serve(ORIGIN, fs::read_to_string(home.path("state/log.vkey")).unwrap().trim());
    for items in [[62, 3, 1], [62, 0, 1]] {
        let said = home.run(&["collect", "now", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let runs: Vec<(String, u64)> = said.json().as_array().unwrap().iter().map(ended).collect();
        let expected = ["aws", "github", "restores"].map(str::to_owned).into_iter().zip(items);
        assert_eq!(runs, expected.collect::<Vec<_>>(), "{said:?}");
        let said = home.run(&["anchor", "now"]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    home
}

/// Which collector, and how many items its whole population has.
fn ended(run: &Value) -> (String, u64) {
    assert_eq!(run["end"], "done", "{run}");
    (run["collector"].as_str().unwrap().to_owned(), run["items"].as_u64().unwrap())
}
