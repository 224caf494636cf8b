//! A ledger of which an anchor knows another past, found while the daemon runs: it is left as it is.

use super::{asking, at, create, parsed, text};
use crate::support::sink::{Sink, say};
use crate::support::wait_until;
use crate::support::witness::Witness;
use chrono::TimeDelta;
use evidenced::daemon::{DaemonError, daemon};
use evidenced::ledger::{Filter, Ledger, Reader};
use evidenced::run::Runner;
use evidenced_collectors::contract::clock::{Clock, ManualClock};
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn once_an_anchor_is_known_to_hold_another_past_nothing_is_recorded_any_more() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let settings = asking(silent.local_addr().unwrap(), dir.path());
    let text = text("0 * * * *", "latest", "github_changes", &settings, "change_review");
    let clock = Arc::new(ManualClock::at(at("2026-01-10T10:30:00Z")));
    let loaded = parsed(dir.path(), &text);
    create(&loaded, clock.now());
    let state = loaded.state_dir.clone();
    let ledger = Ledger::open(&state).unwrap();
    daemon(Arc::new(Runner::new(loaded, ledger.clone(), clock.clone())), ready(())).await.unwrap();
    clock.advance(TimeDelta::hours(1));

    // It does not answer when the daemon starts; when it does, a run is going on.
    let (collecting, known) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (under_way, size, mut starting) = (collecting.clone(), known.clone(), true);
    let reader = state.clone();
    let anchor = Sink::start(move |_| {
        if std::mem::take(&mut starting) {
            return say(503, "");
        }
        wait_until("the source is asked", Duration::from_secs(15), || under_way.load(Ordering::Relaxed));
        size.store(Reader::open(&reader).unwrap().size().unwrap(), Ordering::Relaxed);
        say(409, "999999\n")
    });
    let (url, key) = (anchor.url(""), Witness::new().key.clone());
    let loaded = parsed(dir.path(), &format!("{text}[anchors.w]\nway = 'witness'\nurl = '{url}'\nkey = '{key}'\n"));
    let source = tokio::spawn(async move {
        let _held = silent.accept().await.unwrap();
        collecting.store(true, Ordering::Relaxed);
        pending::<()>().await;
    });
    let error = daemon(Arc::new(Runner::new(loaded, ledger, clock.clone())), pending()).await.unwrap_err();
    source.abort();
    assert!(matches!(&error, DaemonError::Anchor(error) if error.is_misfit()), "{error}");
    let reader = Reader::open(&state).unwrap();
    assert_eq!(reader.size().unwrap(), known.load(Ordering::Relaxed));
    assert!(reader.newest(&Filter::kind("run_opened")).unwrap().is_some(), "a run was going on");
    assert!(reader.newest(&Filter::kind("run_closed")).unwrap().is_none(), "and has no end");
}
