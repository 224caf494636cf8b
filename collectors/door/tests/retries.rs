//! When a request is repeated, and how long the clock moves meanwhile.

use super::*;
use crate::door::Network;

/// Asks once of a server with this script: the last status or failure, the attempts, the seconds waited.
async fn asked(limits: Limits, replies: Vec<Vec<u8>>) -> (Result<u16, Failure>, usize, i64) {
    let server = Server::script(replies);
    let (source, url, clock) = (server.source(), server.url("/"), year());
    let (seen, exchanges) = both(&clock, limits, async |door| ask(door, &source, get(&url)).await).await;
    assert_eq!(exchanges.len(), server.seen().len(), "each attempt is on record");
    (seen.map(|(status, ..)| status), exchanges.len(), (clock.now() - start_of_year()).num_seconds())
}

fn ok() -> Vec<u8> {
    answer(200, &[], "[]")
}

#[tokio::test]
async fn a_broken_server_is_asked_again_after_one_two_and_four_seconds() {
    let limits = Limits::default();
    for status in [500, 502, 503, 504, 429] {
        let broken = answer(status, &[], "");
        assert_eq!(asked(limits, vec![broken.clone(), ok()]).await, (Ok(200), 2, 1), "{status}");
        assert_eq!(asked(limits, vec![broken]).await, (Ok(status), 4, 7), "{status}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_asked_again() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[1]".to_vec();
    assert_eq!(asked(Limits::default(), vec![cut.clone(), ok()]).await, (Ok(200), 2, 1));
    let (last, attempts, waited) = asked(Limits::default(), vec![cut]).await;
    assert!(matches!(last, Err(Failure::CutShort(_))));
    assert_eq!((attempts, waited), (4, 7));
}

#[tokio::test]
async fn the_wait_is_the_one_that_the_source_asks_for() {
    let reset = (start_of_year().timestamp() + 300).to_string();
    let limited = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
    let cases = [
        (answer(429, &[("retry-after", "17")], ""), 17),
        (answer(503, &[("retry-after", "Thu, 01 Jan 2026 00:00:41 GMT")], ""), 42),
        (answer(503, &[("retry-after", "Wed, 31 Dec 2025 00:00:00 GMT")], ""), 1),
        (answer(403, &[("retry-after", "60")], ""), 60),
        (answer(403, &limited, ""), 300),
        (answer(429, &limited, ""), 300),
        (answer(200, &limited, r#"{"errors":[{"type":"RATE_LIMITED"}]}"#), 300),
        (answer(403, &[], r#"{"message":"You have exceeded a secondary rate limit."}"#), 60),
        (answer(400, &[], "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"), 1),
        (answer(400, &[], r#"{"__type":"com.amazonaws#ThrottlingException"}"#), 1),
    ];
    for (limited, seconds) in cases {
        let text = String::from_utf8_lossy(&limited).into_owned();
        assert_eq!(asked(Limits::default(), vec![limited, ok()]).await, (Ok(200), 2, seconds), "{text}");
    }
}

#[tokio::test]
async fn a_longer_wait_than_allowed_ends_the_asking_at_once() {
    let limits = Limits { wait_seconds_max: 60, ..Limits::default() };
    let reset = (start_of_year().timestamp() + 61).to_string();
    let limited = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
    for reply in [answer(429, &[("retry-after", "61")], ""), answer(429, &limited, "")] {
        assert_eq!(asked(limits, vec![reply, ok()]).await, (Ok(429), 1, 0));
    }
    assert_eq!(asked(limits, vec![answer(429, &[("retry-after", "60")], ""), ok()]).await, (Ok(200), 2, 60));
}

#[tokio::test]
async fn a_source_that_has_us_wait_again_and_again_does_not_hold_a_run_beyond_its_time() {
    let server = Server::script(vec![answer(429, &[("retry-after", "899")], "")]);
    let (source, clock) = (server.source(), year());
    let limits = Limits { run_seconds_max: 6_000, ..Limits::default() };
    let (seen, exchanges) = both(&clock, limits, async |door| {
        let mut all = Vec::new();
        for page in 0..10 {
            all.push(ask(door, &source, get(&server.url(&format!("/{page}")))).await);
        }
        all
    })
    .await;
    // Two requests have their three waits each; the seventh wait would end after 6,293 s.
    assert!(seen[..2].iter().all(|seen| matches!(seen, Ok((429, ..)))), "{seen:?}");
    let over =
        |seen: &Seen| matches!(seen, Err(Failure::Limit(why)) if why.contains("6000 s") && why.contains("899 s"));
    assert!(seen[2..].iter().all(over), "{seen:?}");
    assert_eq!((clock.now() - start_of_year()).num_seconds(), 6 * 899, "nobody waits for what will not be asked");
    assert_eq!((exchanges.len(), server.seen().len()), (4 + 4 + 8, 4 + 4 + 8));
}

#[tokio::test]
async fn after_its_time_a_run_asks_for_nothing_and_reads_no_file() {
    let server = Server::script(vec![ok()]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let (source, url, limits) = (server.source(), server.url("/"), Limits { run_seconds_max: 60, ..Limits::default() });
    let (seen, exchanges) = both(&year(), limits, async |door| {
        door.pause(std::time::Duration::from_secs(59)).await;
        let in_time = (ask(door, &source, get(&url)).await, door.read("test", file.path()).await);
        door.pause(std::time::Duration::from_secs(1)).await;
        (in_time, ask(door, &source, get(&url)).await, door.read("test", file.path()).await)
    })
    .await;
    let ((asked, read), asked_late, read_late) = seen;
    assert!(asked.is_ok() && read.is_ok(), "{asked:?} {read:?}");
    for late in [asked_late.map(drop), read_late.map(drop)] {
        assert!(matches!(&late, Err(Failure::Limit(why)) if why.contains("run_seconds_max")), "{late:?}");
    }
    assert_eq!((exchanges.len(), server.seen().len()), (4, 1), "both refusals are on record, and nothing was sent");
}

#[test]
fn the_time_of_a_run_has_bounds_and_a_clock_that_was_set_back_takes_none_of_it() {
    let limits = |run_seconds_max| Limits { run_seconds_max, ..Limits::default() };
    for (seconds, good) in [(0, false), (1, true), (21_600, true), (604_800, true), (604_801, false), (u64::MAX, false)]
    {
        assert_eq!(limits(seconds).check().is_ok(), good, "{seconds}");
    }
    let (began, none) = (start_of_year(), std::time::Duration::ZERO);
    assert!(limits(1).in_time(began, began - chrono::TimeDelta::days(1), none).is_ok());
    assert!(limits(1).in_time(began, began + chrono::TimeDelta::milliseconds(999), none).is_ok());
    assert!(limits(1).in_time(began, began + chrono::TimeDelta::seconds(1), none).is_err());
    assert!(limits(u64::MAX).in_time(began, began, std::time::Duration::MAX).is_err());
}

#[tokio::test]
async fn an_answer_that_would_stay_the_same_is_not_asked_for_again() {
    let spent = [("x-ratelimit-remaining", "0")];
    for reply in [
        answer(401, &[], ""),
        answer(403, &[("x-ratelimit-remaining", "1")], ""),
        answer(404, &[], ""),
        answer(400, &[], "<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>"),
        answer(501, &[], ""),
        answer(200, &spent, "[]"),
    ] {
        let (last, attempts, waited) = asked(Limits::default(), vec![reply, ok()]).await;
        assert!(last.is_ok());
        assert_eq!((attempts, waited), (1, 0));
    }
}

#[tokio::test]
async fn what_is_refused_or_too_large_is_not_asked_for_again() {
    let limits = Limits { body_bytes_max: 1, ..Limits::default() };
    assert_eq!(asked(limits, vec![ok()]).await, (Err(Failure::TooLarge(1)), 1, 0));
    let (last, attempts, _) = asked(limits, vec![answer(301, &[], "")]).await;
    assert!(matches!(last, Err(Failure::Refused(_))));
    assert_eq!(attempts, 1);
}

#[tokio::test]
async fn a_live_door_pauses_by_its_clock_and_a_replay_does_not() {
    let clock = year();
    let seconds = std::time::Duration::from_secs(90);
    Door::live(&Network::new(), clock.clone(), Limits::default()).pause(seconds).await;
    assert_eq!((clock.now() - start_of_year()).num_seconds(), 90);
    Door::replay(Vec::new(), start_of_year(), Limits::default()).pause(seconds).await;
    assert_eq!((clock.now() - start_of_year()).num_seconds(), 90);
}
