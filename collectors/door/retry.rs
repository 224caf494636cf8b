//! Whether a request is repeated, and after how long: decided from the record alone, so that a replay
//! decides the same.

use super::answer::code;
use super::{ExchangeHead, Failure, Limits, RecordedResponse};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What GitHub asks for when it names no time for its secondary limit.
const SECONDARY_LIMIT_SECONDS: i64 = 60;

/// How long to wait before the next attempt; none if this answer or failure is the last.
pub(super) fn wait(head: &ExchangeHead, body: &[u8], attempt: u32, limits: &Limits) -> Option<Duration> {
    if attempt >= limits.attempts_max {
        return None;
    }
    let backoff = 1_u64 << (attempt - 1).min(6);
    let seconds = match &head.response {
        Err(Failure::Connection(_) | Failure::TimedOut(_) | Failure::CutShort(_)) => backoff,
        Err(_) => return None,
        Ok(response) if passing(response, body) => match asked_seconds(response, body, head.received_at) {
            Some(asked) if asked > 0 => asked.unsigned_abs(),
            _ => backoff,
        },
        Ok(_) => return None,
    };
    (seconds <= limits.wait_seconds_max).then(|| Duration::from_secs(seconds))
}

/// Whether the same request may get another answer in a while.
fn passing(response: &RecordedResponse, body: &[u8]) -> bool {
    match response.status {
        429 | 500 | 502 | 503 | 504 => true,
        403 => response.header("retry-after").is_some() || exhausted(response) || secondary_limit(body),
        400 => code(body).is_some_and(|code| throttling(&code)),
        // GraphQL answers 200 when its budget is used up.
        200 => exhausted(response) && contains(body, br#""type":"RATE_LIMITED""#),
        _ => false,
    }
}

/// Seconds that the source asks us to wait.
fn asked_seconds(response: &RecordedResponse, body: &[u8], now: DateTime<Utc>) -> Option<i64> {
    if let Some(value) = response.header("retry-after") {
        let until = |at: DateTime<Utc>| (at - now).num_milliseconds().div_euclid(1000) + 1;
        let date = || DateTime::parse_from_rfc2822(value).ok().map(|at| until(at.to_utc()));
        return value.trim().parse().ok().or_else(date);
    }
    if exhausted(response) {
        let reset: i64 = response.header("x-ratelimit-reset")?.trim().parse().ok()?;
        return Some(reset.saturating_sub(now.timestamp()));
    }
    secondary_limit(body).then_some(SECONDARY_LIMIT_SECONDS)
}

fn exhausted(response: &RecordedResponse) -> bool {
    response.header("x-ratelimit-remaining").is_some_and(|left| left.trim() == "0")
}

fn secondary_limit(body: &[u8]) -> bool {
    contains(body, b"secondary rate limit")
}

/// AWS's words for "too fast".
pub(super) fn throttling(code: &str) -> bool {
    const CODES: [&str; 10] = [
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ];
    CODES.contains(&code)
}

/// Whether an error answer says this; only its beginning is looked at.
pub(super) fn contains(body: &[u8], text: &[u8]) -> bool {
    body[..body.len().min(64 << 10)].windows(text.len()).any(|window| window == text)
}
