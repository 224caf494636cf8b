//! Slack, Teams, webhooks and PagerDuty: what they get, held to what the services or their makers' libraries say.

use super::{Bed, KEY, checked, drifted, flood, holds_the_flood, letter, now, python, resolved};
use crate::support::program;
use crate::support::sink::{Got, Sink, say};
use evidenced::config::Severity;
use evidenced::notify::message::{Event, Letter, Message, Subject};
use serde_json::{Value, json};

fn lines(got: &[Got]) -> String {
    got.iter().map(|got| got.body.clone() + "\n").collect()
}

/// Every text that a message shows.
fn texts(message: &Value) -> Vec<String> {
    match message {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if key == "text" => vec![text.clone()],
                value => texts(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn all_texts(got: &[Got]) -> Vec<String> {
    got.iter().flat_map(|got| texts(&got.json())).collect()
}

/// What every way says of `drifted`.
fn says_it_all(text: &str) {
    for said in [
        "control SEC-001 has drifted (critical)",
        "2 changes were merged without an approval.",
        "Acme Ltd",
        "Peer review before merge",
        "CC8.1, CC5.2",
        "Head of Engineering",
        "2026-03-01T00:00:00Z",
        "acme/shop#41",
        "self-approval",
        "evidenced explain SEC-001 'acme/shop#41'",
        "Review what was merged",
        "quiet hours",
        "a-1 (record 10)",
    ] {
        assert!(text.contains(said), "`{said}` is not in\n{text}");
    }
}

fn late(alerts: Vec<Message>) -> Letter {
    Letter { delayed: Some("quiet hours".into()), ..letter(alerts) }
}

#[tokio::test]
async fn slack_gets_blocks_that_its_own_models_take_and_all_of_a_digest() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(200, "ok")));
    let slack = bed.hook("slack", &sink.url("/services/T000/B000/secretsecret"));
    slack.send(&late(vec![drifted("a-1")]), now()).await.unwrap();
    let one = sink.take();
    assert_eq!(
        (one.len(), one[0].method.as_str(), one[0].target.as_str()),
        (1, "POST", "/services/T000/B000/secretsecret")
    );
    assert_eq!(one[0].header("content-type"), "application/json");
    says_it_all(&all_texts(&one).join("\n"));
    slack.send(&letter(vec![drifted("a-1"), resolved("a-2")]), now()).await.unwrap();
    let two = sink.take();
    assert_eq!(two.len(), 1, "a digest that fits is one message");
    assert!(two[0].json()["text"].as_str().unwrap().starts_with("2 alerts: "));
    slack.send(&flood(), now()).await.unwrap();
    let many = sink.take();
    holds_the_flood(&all_texts(&many));
    assert!(many.len() > 1);
    let all = [one, two, many].concat();
    let held = checked(&python(), "tests/beds/check_slack.py", &[], &lines(&all));
    assert_eq!(held, format!("{}\n", all.len()));
}

#[tokio::test]
async fn teams_gets_cards_that_the_makers_parser_takes_and_all_of_a_digest() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(202, "")));
    let teams = bed.hook("teams", &sink.url("/workflows/abcdefgh?sig=0123456789"));
    teams.send(&late(vec![drifted("a-1")]), now()).await.unwrap();
    let one = sink.take();
    assert_eq!(one[0].target, "/workflows/abcdefgh?sig=0123456789");
    says_it_all(&all_texts(&one).join("\n"));
    teams.send(&flood(), now()).await.unwrap();
    let many = sink.take();
    holds_the_flood(&all_texts(&many));
    assert!(many.len() > 1);
    let all = [one, many].concat();
    let held = checked(&program("node"), "tests/schema/card.mjs", &[], &lines(&all));
    assert_eq!(held, format!("{}\n", all.len()));
}

#[tokio::test]
async fn a_webhook_is_signed_as_standard_webhooks_has_it_by_every_key_that_there_is() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(204, "")));
    let webhook = bed.hook("webhook", &sink.url("/in"));
    let other = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    bed.secret("key", &format!("{KEY}\n{other}\n"));
    webhook.send(&late(vec![drifted("a-1"), resolved("a-2")]), now()).await.unwrap();
    let got = sink.take();
    assert_eq!(got.len(), 2, "one request for each alert");
    for (got, (key, record, event)) in got.iter().zip([("a-1", 10, "drifted"), ("a-2", 11, "resolved")]) {
        assert_eq!((got.header("webhook-id"), got.header("webhook-timestamp")), (key, "1772438400"));
        let headers: serde_json::Map<String, Value> =
            got.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let given = json!({ "keys": [KEY, other], "headers": headers, "body": got.body });
        assert_eq!(checked(&python(), "tests/beds/check_webhook.py", &[], &given.to_string()), "verified\n");
        let body = got.json();
        assert_eq!(body["type"], format!("alert.{event}"));
        assert_eq!(body["timestamp"], "2026-03-01T00:00:00Z");
        let mut data = body["data"].clone();
        assert_eq!((data["record"].take(), data["delayed"].take()), (json!(record), json!("quiet hours")));
        data.as_object_mut().unwrap().retain(|key, _| key != "record" && key != "delayed");
        let told: Message = serde_json::from_value(data).unwrap();
        assert_eq!(told, if record == 10 { drifted("a-1") } else { resolved("a-2") });
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_ours_to_mend_and_nothing_is_sent() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(204, "")));
    let webhook = bed.hook("webhook", &sink.url("/in"));
    for key in ["whsec_c2hvcnQ=", "not base64!", &format!("{KEY} whsec_c2hvcnQ=")] {
        bed.secret("key", key);
        let refusal = super::refusal(&webhook, &letter(vec![drifted("a-1")])).await;
        assert_eq!(refusal.again, evidenced::notify::Again::Later);
        assert!(refusal.why.contains("whsec_") && !refusal.to_string().contains(key), "{refusal}");
    }
    assert!(sink.take().is_empty());
}

fn pagerduty(bed: &Bed, sink: &Sink) -> evidenced::notify::Channel {
    let key = bed.secret("routing", "e93facc04764012d7bfb002500d5d1a6");
    let url = sink.url("/v2/enqueue");
    bed.channel(&format!("way = 'pagerduty'\nrouting_key = {key}\nurl = '{url}'\nprivate_host = '127.0.0.1'\n"))
}

const PROCESSED: &str = r#"{"status":"success","message":"Event processed","dedup_key":"x"}"#;

#[tokio::test]
async fn pagerduty_gets_events_as_its_own_client_makes_them_and_one_incident_for_a_subject() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(202, PROCESSED)));
    let pagerduty = pagerduty(&bed, &sink);
    let severities = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let mut alerts: Vec<Message> =
        severities.map(|severity| Message { severity, ..drifted(&format!("a-{severity:?}")) }).into();
    alerts.push(resolved("a-5"));
    alerts.push(Message { event: Event::DiskLow, subject: Subject::Daemon, owner: None, ..drifted("a-6") });
    alerts.extend(flood().alerts.into_iter().map(|(_, message)| message).take(2));
    pagerduty.send(&late(alerts), now()).await.unwrap();
    let got = sink.take();
    assert_eq!(checked(&python(), "tests/beds/check_pagerduty.py", &[], &lines(&got)), "8\n");
    let events: Vec<Value> = got.iter().map(Got::json).collect();
    let severities: Vec<&Value> = events.iter().take(4).map(|event| &event["payload"]["severity"]).collect();
    assert_eq!(severities, ["info", "warning", "error", "critical"]);
    let actions: Vec<&Value> = events.iter().take(6).map(|event| &event["event_action"]).collect();
    assert_eq!(actions, ["trigger", "trigger", "trigger", "trigger", "resolve", "trigger"]);
    assert!(events[..5].iter().all(|event| event["dedup_key"] == events[0]["dedup_key"]), "one subject, one incident");
    assert_ne!(events[5]["dedup_key"], events[0]["dedup_key"]);
    assert_eq!(events[3]["payload"]["custom_details"]["items"][0]["item"], "acme/shop#41");
    assert_eq!(events[3]["payload"]["custom_details"]["delayed"], "quiet hours");
    assert_eq!(events[5]["payload"]["custom_details"]["owner"], "nobody is named");
    assert_eq!(events[6]["payload"]["custom_details"]["items"].as_array().unwrap().len(), 50);
    assert_eq!(
        events[6]["payload"]["custom_details"]["more_items"],
        "7 items more, not shown here: `evidenced status` has them"
    );
}

#[tokio::test]
async fn what_nothing_ends_opens_no_incident_that_swallows_a_later_drift() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(202, PROCESSED)));
    let pagerduty = pagerduty(&bed, &sink);
    let of = |event, key: &str| Message { event, ..drifted(key) };
    let alerts = vec![
        of(Event::WaiverExpiring, "w-1"),
        of(Event::WaiverExpired, "w-2"),
        of(Event::Gap, "g-1"),
        drifted("a-1"),
        of(Event::Stale, "a-2"),
        resolved("a-3"),
    ];
    // Twice, as after a lost answer.
    for _ in 0..2 {
        pagerduty.send(&letter(alerts.clone()), now()).await.unwrap();
    }
    let keys: Vec<String> =
        sink.take().iter().map(|got| got.json()["dedup_key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys[..6], keys[6..], "a repeated try is known");
    let different: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(different.len(), 4, "three of their own, and one of the subject: {keys:?}");
    assert!(keys[3] == keys[4] && keys[4] == keys[5], "{keys:?}");
}
