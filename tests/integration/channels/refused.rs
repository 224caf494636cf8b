//! What a channel does not take: when it is tried again, how far it got, and that no secret is told.

use super::{Bed, KEY, drifted, letter, now, refusal};
use crate::support::sink::{Say, Sink, say};
use evidenced::notify::{Again, heartbeat};
use std::time::Duration;

fn with(status: u16, headers: &[(&'static str, &str)]) -> Say {
    Say::Answer(status, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), "said".into())
}

#[tokio::test]
async fn what_will_pass_is_tried_again_when_the_service_says_and_what_will_not_is_not() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(204, "")));
    let webhook = bed.hook("webhook", &sink.url("/in"));
    let after = |seconds| Again::After(Duration::from_secs(seconds));
    let cases = [
        (with(500, &[]), Again::Later),
        (with(502, &[]), Again::Later),
        (with(503, &[("Retry-After", "120")]), after(120)),
        (with(503, &[("Retry-After", "Mon, 02 Mar 2026 08:05:00 GMT")]), after(300)),
        (with(503, &[("Retry-After", "Mon, 02 Mar 2026 07:00:00 GMT")]), after(0)),
        (with(429, &[]), Again::Later),
        (with(429, &[("Retry-After", "7")]), after(7)),
        (with(429, &[("Retry-After", "99999999")]), after(3_600)),
        (with(429, &[("Retry-After", "soon")]), Again::Later),
        (with(429, &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1772438460")]), after(60)),
        (with(403, &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1772438460")]), after(60)),
        (with(403, &[("Retry-After", "60")]), after(60)),
        (with(408, &[]), Again::Later),
        (with(425, &[]), Again::Later),
        (with(301, &[("Location", "http://127.0.0.1:1/")]), Again::Later),
        (with(400, &[]), Again::Never),
        (with(400, &[("Retry-After", "60")]), Again::Never),
        (with(401, &[]), Again::Never),
        (with(403, &[]), Again::Never),
        (with(404, &[]), Again::Never),
        (with(410, &[]), Again::Never),
        (with(413, &[]), Again::Never),
        (with(422, &[]), Again::Never),
        (Say::Close, Again::Later),
        (Say::CutShort, Again::Later),
        (say(200, &"x".repeat(100_000)), Again::Later),
    ];
    for (says, again) in cases {
        sink.next([says.clone()]);
        let refusal = refusal(&webhook, &letter(vec![drifted("a-1")])).await;
        assert_eq!(refusal.again, again, "{says:?}: {refusal}");
        assert!(!refusal.hint.is_empty() && refusal.taken == 0);
        assert_eq!(sink.take().len(), 1, "{says:?}: a channel tries once");
    }
}

#[tokio::test]
async fn a_success_that_is_not_the_services_own_is_no_delivery() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(200, "<html>Please sign in</html>")));
    let slack = bed.hook("slack", &sink.url("/services/T/B/x"));
    let why = refusal(&slack, &letter(vec![drifted("a-1")])).await;
    assert!(why.again == Again::Later && why.why.contains("Please sign in"), "{why}");
    sink.next([say(204, "")]);
    assert_eq!(refusal(&bed.hook("teams", &sink.url("/w")), &letter(vec![drifted("a-1")])).await.again, Again::Later);
    let key = bed.secret("routing", "0123456789");
    let url = sink.url("/v2/enqueue");
    let pager = format!("way = 'pagerduty'\nrouting_key = {key}\nurl = '{url}'\nprivate_host = '127.0.0.1'\n");
    sink.next([say(202, r#"{"status":"accepted for review"}"#)]);
    assert_eq!(refusal(&bed.channel(&pager), &letter(vec![drifted("a-1")])).await.again, Again::Later);
}

#[tokio::test]
async fn a_letter_that_is_half_taken_says_how_far_it_got() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(200, "ok")));
    let three = letter(vec![drifted("a-1"), drifted("a-2"), drifted("a-3")]);
    sink.next([say(200, ""), say(200, ""), say(500, "")]);
    assert_eq!(refusal(&bed.hook("webhook", &sink.url("/in")), &three).await.taken, 2);
    assert_eq!(sink.take().len(), 3);
    // Slack takes a digest in parts when it is too long for one.
    let slack = bed.hook("slack", &sink.url("/services/T/B/x"));
    sink.next([say(200, "ok"), say(429, "")]);
    let refusal = refusal(&slack, &super::flood()).await;
    let told = sink.take();
    assert_eq!(told.len(), 2, "nothing is sent after a refusal");
    let first = told[0].body.matches(" (record ").count();
    assert!(refusal.taken == first && first > 0 && first < 40, "{} of {first}", refusal.taken);
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_asked_again_later() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| Say::Hang));
    let refusal = refusal(&bed.hook("webhook", &sink.url("/in")), &letter(vec![drifted("a-1")])).await;
    assert_eq!(refusal.again, Again::Later, "{refusal}");
    assert_eq!(sink.take().len(), 1);
}

/// A service that repeats all that it was sent, in every refusal.
#[tokio::test]
async fn no_secret_is_told_whatever_the_service_answers() {
    let (bed, sink) = (
        Bed::new(),
        Sink::start(|got| say(404, &format!("Cannot {} {} {:?} {}", got.method, got.target, got.headers, got.body))),
    );
    let mut said = Vec::new();
    for way in ["slack", "teams", "webhook"] {
        let channel = bed.hook(way, &sink.url("/services/T0SECRET1/B0SECRET2/SECRET3?sig=SECRET4"));
        said.push(refusal(&channel, &letter(vec![drifted("a-1")])).await);
    }
    let key = bed.secret("routing", "SECRET5SECRET5");
    let url = sink.url("/v2/enqueue");
    let private = "private_host = '127.0.0.1'\n";
    let pager = format!("way = 'pagerduty'\nrouting_key = {key}\nurl = '{url}'\n{private}");
    said.push(refusal(&bed.channel(&pager), &letter(vec![drifted("a-1")])).await);
    let (token, url) = (bed.secret("token", "ghp_SECRET6"), sink.url("/"));
    let issue = format!("way = 'github_issue'\nrepository = 'acme/x'\ntoken = {token}\napi_url = '{url}'\n{private}");
    said.push(refusal(&bed.channel(&issue), &letter(vec![drifted("a-1")])).await);
    // No answer at all, and none in time to be read.
    sink.next([Say::Close, Say::CutShort]);
    for _ in 0..2 {
        said.push(refusal(&bed.hook("slack", &sink.url("/services/SECRET3")), &letter(vec![drifted("a-1")])).await);
    }
    let dead = "https://SECRET7.invalid/SECRET8?SECRET9";
    said.push(refusal(&bed.hook("slack", dead), &letter(vec![drifted("a-1")])).await);
    said.push(refusal(&bed.hook("slack", "SECRET7 no address"), &letter(vec![drifted("a-1")])).await);
    for refusal in said {
        let text = format!("{refusal} {refusal:?}");
        assert!(!text.contains("SECRET") && !text.to_uppercase().contains("SECRET7"), "{text}");
        assert!(!text.contains(KEY), "{text}");
    }
}

#[tokio::test]
async fn a_heartbeat_is_one_request_to_a_secret_address() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(200, "OK")));
    let url = bed.secret("heartbeat", &sink.url("/ping/0123-4567"));
    let url = toml::from_str::<std::collections::BTreeMap<String, _>>(&format!("url = {url}")).unwrap();
    heartbeat(&bed.outside, &url["url"], Some("127.0.0.1"), now()).await.unwrap();
    let got = sink.take();
    assert_eq!((got.len(), got[0].method.as_str(), got[0].target.as_str()), (1, "GET", "/ping/0123-4567"));
    sink.next([say(500, "")]);
    assert_eq!(heartbeat(&bed.outside, &url["url"], Some("127.0.0.1"), now()).await.unwrap_err().again, Again::Later);
    let refused = heartbeat(&bed.outside, &url["url"], None, now()).await.unwrap_err();
    assert!(refused.why.contains("https") && !refused.to_string().contains("0123"), "{refused}");
    assert_eq!(sink.take().len(), 1, "nothing is asked at a host that is not named");
}
