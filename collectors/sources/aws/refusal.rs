//! What the AWS SDK's errors mean to the operator: a permission, a credential, an outage, a surprise.

use crate::contract::CollectError;
use crate::door::{Failure, code, error_for};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error;

/// Codes of a report that is not there yet, or no more; AWS gives them with 404 and 410.
const NOT_READY: [&str; 4] = ["ReportNotPresent", "ReportExpired", "ReportInProgress", "ReportNotReady"];

/// AWS's word for a missing permission; interfaces that speak JSON give it with 400.
const DENIED: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

/// The longest part of a library's message that is kept, characters.
const SHOWN: usize = 300;

/// Why `action` (`iam:ListUsers`) on `what` (`account production`) gave no answer.
pub(crate) fn error_of<E>(what: &str, action: &str, error: &SdkError<E, HttpResponse>) -> CollectError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let what = format!("{what}, {action}");
    if let Some(failure) = Failure::within(error) {
        return failure.clone().into_error(&what);
    }
    match error.raw_response() {
        Some(response) if response.status().is_success() => CollectError::Malformed { what, why: chain(error) },
        Some(_) if NOT_READY.iter().any(|code| error.code() == Some(code)) => {
            CollectError::Unavailable { what, why: chain(error) }
        }
        Some(response) => {
            let body = response.body().bytes().unwrap_or_default();
            let text = String::from_utf8_lossy(body);
            if response.status().is_client_error() && DENIED.iter().any(|code| error.code() == Some(code)) {
                let permission = Some(permission(&text).unwrap_or(action).to_owned());
                return CollectError::Forbidden { what, why: chain(error), permission };
            }
            answered(&what, action, response.status().as_u16(), body)
        }
        None => CollectError::Unavailable { what, why: chain(error) },
    }
}

/// What an answer means that is not the one asked for; `what` says what was asked.
pub(crate) fn answered(what: &str, action: &str, status: u16, body: &[u8]) -> CollectError {
    let text = String::from_utf8_lossy(body);
    let permission = permission(&text).unwrap_or(action);
    let denied = code(body).is_some_and(|code| DENIED.contains(&code.as_str()));
    match error_for(what, status, body, Some(permission)) {
        CollectError::Malformed { what, why } if denied && (400..500).contains(&status) => {
            CollectError::Forbidden { what, why, permission: Some(permission.to_owned()) }
        }
        other => other,
    }
}

/// Why there is no credential for `what`. A role that may not be assumed is a permission, not a credential.
pub(crate) fn signing_in(what: &str, error: CollectError) -> CollectError {
    let what = format!("{what}, credentials");
    match error {
        CollectError::Unauthenticated { why, .. } => match permission(&why).map(str::to_owned) {
            Some(permission) => CollectError::Forbidden { what, why, permission: Some(permission) },
            None => CollectError::Unauthenticated { what, why },
        },
        other => other,
    }
}

/// The permission that AWS names: `… is not authorized to perform: iam:ListUsers on resource: …`.
fn permission(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let name = rest.split(|c: char| c.is_whitespace() || c == '<' || c == '"').next()?;
    name.contains(':').then_some(name)
}

/// An error and its causes in one line, as far as they say something new.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    parts.join(": ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_is_the_one_that_aws_names() {
        let named = "<Message>User: arn:aws:iam::111122223333:user/e is not authorized to perform: iam:GetUser on \
            resource: * because no identity-based policy allows it</Message>";
        assert_eq!(permission(named), Some("iam:GetUser"));
        assert_eq!(permission("is not authorized to perform: iam:GetUser</Message>"), Some("iam:GetUser"));
        assert_eq!(permission("is not authorized to perform: that"), None);
        assert_eq!(permission("Access denied"), None);
    }

    #[test]
    fn a_role_that_may_not_be_assumed_is_a_missing_permission() {
        let failed = |why: &str| {
            let error = CollectError::Unauthenticated { what: "AWS credentials".to_owned(), why: why.to_owned() };
            signing_in("account a", error)
        };
        let refused =
            failed("role: User: arn:aws:iam::1:user/e is not authorized to perform: sts:AssumeRole on resource: x");
        assert!(matches!(refused, CollectError::Forbidden { permission: Some(p), .. } if p == "sts:AssumeRole"));
        assert_eq!(failed("no provider in chain provided credentials").word(), "unauthenticated");
    }
}
