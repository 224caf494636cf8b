//! What a status or a failure means to a run: the same decision for every kind.

use super::Failure;
use super::retry::{contains, throttling};
use crate::contract::CollectError;

/// Longest part of an answer in an error, characters.
const SNIPPET_CHARS: usize = 200;

/// The error for an answer that is not the one asked for. `permission` is what the request needs, in the
/// source's own words.
///
/// 401 and AWS's codes for bad credentials are `Unauthenticated`; 403, 404, 410 and 451 `Forbidden` (sources
/// hide what we may not see behind 404); 408, 429, 5xx, throttling and rate limits `Unavailable`; anything
/// else `Malformed`.
pub fn error_for(what: &str, status: u16, body: &[u8], permission: Option<&str>) -> CollectError {
    let what = what.to_owned();
    let code = code(body).unwrap_or_default();
    let why = format!("status {status}: {}", snippet(body));
    match status {
        400 | 403 if throttling(&code) => CollectError::Unavailable { what, why },
        401 => CollectError::Unauthenticated { what, why },
        400 | 403 if bad_credentials(&code) => CollectError::Unauthenticated { what, why },
        403 if contains(body, b"rate limit") => CollectError::Unavailable { what, why },
        403 | 404 | 410 | 451 => CollectError::Forbidden { what, why, permission: permission.map(str::to_owned) },
        408 | 429 | 500..=599 => CollectError::Unavailable { what, why },
        _ => CollectError::Malformed { what, why },
    }
}

impl Failure {
    /// The error for a request that got no answer.
    pub fn into_error(self, what: &str) -> CollectError {
        let (what, why) = (what.to_owned(), self.to_string());
        match self {
            Self::NotFound | Self::Denied => CollectError::Forbidden { what, why, permission: None },
            Self::Unauthenticated(why) => CollectError::Unauthenticated { what, why },
            Self::Connection(_) | Self::TimedOut(_) | Self::CutShort(_) => CollectError::Unavailable { what, why },
            Self::TooLarge(_) | Self::Limit(_) => CollectError::Limit { what, why },
            Self::Refused(_) => CollectError::Malformed { what, why },
        }
    }

    /// The door's failure among the causes of another library's error (octocrab's, the AWS SDK's).
    pub fn within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(failure) = cause.downcast_ref() {
                return Some(failure);
            }
            next = cause.source();
        }
        None
    }
}

/// AWS's error code, from XML or JSON.
pub fn code(body: &[u8]) -> Option<String> {
    if let Some(code) = element(body, "Code") {
        return Some(code);
    }
    let json = object(body)?;
    let code = json.get("__type").or_else(|| json.get("code"))?.as_str()?;
    // `com.amazonaws.iam#AccessDenied`
    Some(code.rsplit('#').next().unwrap_or(code).to_owned())
}

fn bad_credentials(code: &str) -> bool {
    const CODES: [&str; 9] = [
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ];
    CODES.contains(&code)
}

/// What the source says, shortened, in one line.
fn snippet(body: &[u8]) -> String {
    let head = &body[..body.len().min(64 << 10)];
    let message = element(body, "Message")
        .map(|message| match element(body, "Code") {
            Some(code) => format!("{code}: {message}"),
            None => message,
        })
        .or_else(|| Some(object(body)?.get("message")?.as_str()?.to_owned()))
        .unwrap_or_else(|| String::from_utf8_lossy(head).into_owned());
    let message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let message = message.trim();
    match message.char_indices().nth(SNIPPET_CHARS) {
        _ if message.is_empty() => "no text".to_owned(),
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

fn object(body: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    // An error answer is short; anything long is not worth parsing for its message.
    if body.len() > 64 << 10 { None } else { serde_json::from_slice(body).ok() }
}

/// The text of the first XML element of that name.
fn element(body: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(64 << 10)]);
    let after = text.split_once(&format!("<{name}>"))?.1;
    Some(after.split_once(&format!("</{name}>"))?.0.to_owned())
}
