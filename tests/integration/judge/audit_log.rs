//! The rules for audit logs: every case of the file, every documented reason in it, and which trail counts.

use super::facts::at;
use chrono::TimeDelta;
use evidenced::judge::{Outcome, Reading, Test, judge};
use evidenced_collectors::contract::{
    AuditLog, AuditLogDetail, Items, Kept, RegionLogs, Trail, TrailEvents, TrailStatus,
};
use proptest::prelude::*;
use serde_json::json;

const CASES: &[u8] = include_bytes!("../../cases/audit_logging.json");
const RULES: &str = include_str!("../../../src/judge/audit_logging.rs");

#[test]
fn every_case_has_its_outcome_and_every_documented_reason_has_a_case() {
    super::hold_to(CASES, RULES);
}

/// What is wrong with a trail.
type Wrong = fn(&mut Trail);

fn judged(wrong: &[Wrong]) -> (Outcome, String) {
    let good = |number: usize| Trail {
        arn: format!("trail/{number}"),
        home: "eu-west-1".to_owned(),
        every_region: true,
        validation: true,
        own_key: false,
        status: Some(TrailStatus {
            logging: true,
            started: None,
            stopped: None,
            delivered: Some(at("11:00")),
            delivery_error: None,
        }),
        events: Some(TrailEvents { reads: true, writes: true, left_out: Vec::new() }),
        store: "logs".to_owned(),
        kept: Kept::Forever,
    };
    let trails = wrong.iter().enumerate().map(|(number, wrong)| {
        let mut trail = good(number);
        wrong(&mut trail);
        trail
    });
    let (region, since) = ("eu-west-1".to_owned(), at("2026-03-01T12:00:00Z"));
    let logs = RegionLogs { region, since, trails: Some(trails.collect()), threat_detection: Some(true) };
    let (id, account, name) = ("1:eu-west-1".to_owned(), "1".to_owned(), "production".to_owned());
    let items = Some(Items::AuditLogs(vec![AuditLog { id, account, name, detail: AuditLogDetail::Region(logs) }]));
    let reading = Reading { collector: "logs".to_owned(), as_of: at("12:00"), items, unread: Vec::new() };
    let test = Test::parse("audit_logging", &json!({})).unwrap();
    let judgement = judge(&test, &[reading], &[], at("12:00")).judgements.remove(0);
    (judgement.outcome, judgement.reason)
}

#[test]
fn whatever_is_wrong_or_not_known_of_the_only_trail_is_no_pass() {
    assert_eq!(judged(&[|_| ()]), (Outcome::Pass, "logged".to_owned()));
    let all: [Wrong; 11] = [
        |trail| trail.every_region = false,
        |trail| trail.validation = false,
        |trail| trail.status = None,
        |trail| trail.events = None,
        |trail| trail.kept = Kept::Unread,
        |trail| trail.kept = Kept::Days(364),
        |trail| trail.status.as_mut().unwrap().logging = false,
        |trail| trail.status.as_mut().unwrap().delivered = None,
        |trail| trail.status.as_mut().unwrap().delivered = Some(at("13:00")),
        |trail| trail.status.as_mut().unwrap().stopped = Some(at("11:00")),
        |trail| trail.events.as_mut().unwrap().reads = false,
    ];
    for wrong in all {
        assert_ne!(judged(&[wrong]).0, Outcome::Pass);
        assert_eq!(judged(&[wrong, |_| ()]).0, Outcome::Pass, "another one does it all");
    }
}

#[test]
fn of_several_bad_trails_the_one_that_comes_nearest_is_told() {
    let (stopped, short): (Wrong, Wrong) =
        (|trail| trail.status.as_mut().unwrap().logging = false, |trail| trail.kept = Kept::Days(30));
    for wrong in [[stopped, short], [short, stopped]] {
        assert_eq!(judged(&wrong), (Outcome::Deviation, "kept-too-short".to_owned()));
    }
    let unread: Wrong = |trail| trail.status = None;
    assert_eq!(judged(&[stopped, unread]).0, Outcome::Indeterminate, "that one might be good");
}

prop_compose! {
    fn trails()(
        every_region in any::<bool>(), validation in any::<bool>(),
        status in prop::option::of((any::<bool>(), 0..60_i64, prop::option::of(0..60_i64))),
        events in prop::option::of((any::<bool>(), any::<bool>())), kept in 0..3_u8,
    ) -> Trail {
        let ago = |hours: i64| at("12:00") - TimeDelta::hours(hours);
        Trail {
            arn: String::new(),
            home: "eu-west-1".to_owned(),
            every_region,
            validation,
            own_key: false,
            status: status.map(|(logging, delivered, stopped)| TrailStatus {
                logging,
                started: Some(ago(0)),
                stopped: stopped.map(ago),
                delivered: Some(ago(delivered)),
                delivery_error: None,
            }),
            events: events.map(|(reads, writes)| TrailEvents { reads, writes, left_out: Vec::new() }),
            store: "logs".to_owned(),
            kept: [Kept::Forever, Kept::Days(90), Kept::Unread][usize::from(kept)],
        }
    }
}

prop_compose! {
    /// One region, with trails of all sorts, in any order.
    pub(super) fn audit_logs()(
        mut trails in prop::option::of(prop::collection::vec(trails(), 0..3)), backwards in any::<bool>(),
        threat_detection in any::<Option<bool>>(),
    ) -> AuditLog {
        for (number, trail) in (0..).zip(trails.iter_mut().flatten()) {
            trail.arn = format!("trail/{number}");
        }
        if backwards {
            trails.iter_mut().for_each(|trails| trails.reverse());
        }
        let region = "eu-west-1".to_owned();
        let logs = RegionLogs { region, since: at("12:00") - TimeDelta::days(1), trails, threat_detection };
        AuditLog {
            id: "1:eu-west-1".to_owned(),
            account: "1".to_owned(),
            name: "production".to_owned(),
            detail: AuditLogDetail::Region(logs),
        }
    }
}
