//! Why a channel did not take a letter, and whether to try again.

use crate::outside::{Answer, Unanswered};
use chrono::{DateTime, Utc};
use reqwest::header::RETRY_AFTER;
use std::time::Duration;

/// Longest wait that a service may ask of us.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// The hint of what mends itself: the daemon sees to it.
pub const PASSING: &str = "it is tried again";

/// What a channel did not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}\nhint: {hint}")]
pub struct Refusal {
    /// So many of the letter's alerts, from its first on, were taken before: they need not be sent again.
    pub taken: usize,
    /// What happened; nothing secret.
    pub why: String,
    /// What to do.
    pub hint: String,
    /// Whether another try may succeed.
    pub again: Again,
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// After a while: the network, the service or our own settings stand in the way.
    Later,
    /// Not before that, as the service asks; an hour at most.
    After(Duration),
    /// The service has looked at it and will not take it.
    Never,
}

impl Refusal {
    /// It may be taken another time.
    pub(super) fn later(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { taken: 0, why: why.into(), hint: hint.into(), again: Again::Later }
    }

    /// It will not be taken.
    pub(super) fn never(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { again: Again::Never, ..Self::later(why, hint) }
    }

    /// Something of ours stands in the way: a secret that cannot be read, an address that may not be asked. It is
    /// tried again, because what is mended meanwhile is used.
    pub(super) fn ours(what: &str, why: impl std::fmt::Display) -> Self {
        Self::later(format!("{what}: {why}"), "mend it; what waits is then sent")
    }

    /// An answer that is none of those which say that it was taken.
    ///
    /// Later: 408, 425, 429, 5xx, a redirect (it is not followed), a limit of requests that is used up, and a
    /// success that is not the service's own. Never: other 4xx. Where the service says how long to wait, that long.
    pub(super) fn answered(answer: &Answer, now: DateTime<Utc>) -> Self {
        let said = answer.said();
        let limited = answer.status == 403 && (answer.headers.contains_key(RETRY_AFTER) || used_up(answer));
        let mut refusal = match answer.status {
            408 | 425 | 429 | 500..=599 => Self::later(said, PASSING),
            _ if limited => Self::later(said, PASSING),
            300..=399 => Self::later(said, "redirects are not followed: give the address that it has now"),
            401 | 403 => Self::never(said, "are the credentials good, and may they do this?"),
            404 | 410 => Self::never(said, "is the address still the one that was given out?"),
            400..=499 => Self::never(said, "see what it says about the message"),
            _ => Self::later(said, "this is not how the service answers: is the address right?"),
        };
        if refusal.again == Again::Later
            && matches!(answer.status, 403 | 429 | 500..=599)
            && let Some(wait) = asked(answer, now)
        {
            refusal.again = Again::After(wait.min(WAIT_MAX));
        }
        refusal
    }

    /// Counted from the beginning of the letter.
    pub(super) fn after(self, taken: usize) -> Self {
        Self { taken: self.taken + taken, ..self }
    }
}

impl From<Unanswered> for Refusal {
    fn from(error: Unanswered) -> Self {
        let hint = error.hint.unwrap_or(PASSING);
        Self::later(error.why, hint)
    }
}

/// GitHub says so when no requests are left.
fn used_up(answer: &Answer) -> bool {
    header(answer, "x-ratelimit-remaining").is_some_and(|left| left == "0")
}

/// How long the service wants us to wait.
fn asked(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let until = |at: DateTime<Utc>| Some((at - now).to_std().unwrap_or_default());
    if let Some(value) = header(answer, "retry-after") {
        let date = || DateTime::parse_from_rfc2822(value).ok().and_then(|at| until(at.to_utc()));
        return value.parse().ok().map(Duration::from_secs).or_else(date);
    }
    if !used_up(answer) {
        return None;
    }
    until(DateTime::from_timestamp(header(answer, "x-ratelimit-reset")?.parse().ok()?, 0)?)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok().map(str::trim)
}
