//! A source that has us wait: its run has an end of its own, and nothing of it is taken for read.

use super::reload::performed_again;
use super::{at, create, parsed, text};
use crate::support::sink::{Say, Sink};
use evidenced::drift::State;
use evidenced::ledger::Ledger;
use evidenced::ledger::record::{End, Trigger};
use evidenced::run::Runner;
use evidenced_collectors::contract::clock::{Clock, ManualClock};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_has_us_wait_again_and_again_ends_its_run_and_is_performed_again_so() {
    let source = Sink::start(|_| Say::Answer(429, vec![("Retry-After", "899".to_owned())], String::new()));
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "sample-token-1234").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = format!(
        "api_url = '{}'\nrepositories = [{{ name = 'acme/shop', branches = ['main'] }}]\n\
         credentials = {{ token = {{ file = '{}' }} }}",
        source.url("/"),
        token.display()
    );
    let text = text("0 * * * *", "latest", "github_changes", &settings, "change_review");
    let limits = "[collectors.c.limits]\nrun_seconds_max = 2000\n";
    let loaded =
        parsed(dir.path(), &text.replace("[collectors.c.settings]", &format!("{limits}[collectors.c.settings]")));
    let began = at("2026-01-10T10:30:00Z");
    let clock = Arc::new(ManualClock::at(began));
    create(&loaded, began);
    let ledger = Ledger::open(&loaded.state_dir).unwrap();
    let runner = Runner::new(loaded, ledger, clock.clone());
    runner.record_config("a test").await.unwrap();
    let (_keep, never) = watch::channel(false);
    let report = runner.run("c", Trigger::Manual, None, never).await.unwrap();
    assert_eq!((clock.now() - began).num_seconds(), 2 * 899, "a third wait would have ended too late");
    assert!(matches!(report.end, End::Failed | End::Incomplete), "{report:?}");
    assert_ne!(report.controls["T-1"], State::Effective);
    let said = report.unread.join("\n");
    assert!(said.contains("over the limit of 2000 s in one run (run_seconds_max)"), "{said}");
    assert!(said.contains("hint: raise the limit, or split the collector"), "{said}");
    performed_again(&runner, dir.path(), at("2026-01-01T00:00:00Z"));
}
