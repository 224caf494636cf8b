//! What the AWS SDK's errors mean to the operator: a permission, a credential, an outage, a surprise.

use crate::contract::CollectError;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error;

/// Codes that say that the credential is no good, not that a permission lacks.
const UNAUTHENTICATED: [&str; 9] = [
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
    "IncompleteSignature",
    "RequestExpired",
];

/// Codes of a source that is busy, or not ready yet.
const UNAVAILABLE: [&str; 9] = [
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ServiceUnavailable",
    "ServiceFailure",
    "ReportNotPresent",
    "ReportExpired",
    "ReportInProgress",
];

/// The longest part of a source's message that is kept, characters.
const SHOWN: usize = 300;

/// Why `action` (`iam:ListUsers`) on `what` (`account production`) gave no answer.
pub(super) fn error_of<E>(what: &str, action: &str, error: &SdkError<E, HttpResponse>) -> CollectError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let asked = format!("{what}, {action}");
    let status = error.raw_response().map(|response| response.status().as_u16());
    match error {
        SdkError::ServiceError(context) => {
            refused(asked, action, status, context.err().code(), context.err().message())
        }
        SdkError::ResponseError(_) if status.is_some_and(|status| status < 500) => {
            CollectError::Malformed { what: asked, why: chain(error) }
        }
        // Getting the credential failed, before anything was asked.
        _ if let Some(role) = find::<AssumeRoleError>(error) => {
            refused(asked, "sts:AssumeRole", None, role.code(), role.message())
        }
        _ if find::<aws_credential_types::provider::error::CredentialsError>(error).is_some() => {
            CollectError::Unauthenticated { what: asked, why: chain(error) }
        }
        _ => CollectError::Unavailable { what: asked, why: chain(error) },
    }
}

fn refused(what: String, action: &str, status: Option<u16>, code: Option<&str>, message: Option<&str>) -> CollectError {
    let message = message.unwrap_or("no message");
    let why = shortened(&match code {
        Some(code) => format!("{code}: {message}"),
        None => format!("status {}: {message}", status.map_or("unknown".to_owned(), |status| status.to_string())),
    });
    let code = code.unwrap_or_default();
    if UNAUTHENTICATED.contains(&code) || status == Some(401) {
        return CollectError::Unauthenticated { what, why };
    }
    if UNAVAILABLE.contains(&code) || status.is_some_and(|status| status == 429 || status >= 500) {
        return CollectError::Unavailable { what, why };
    }
    if code.starts_with("AccessDenied") || status == Some(403) {
        let permission = Some(permission(message).unwrap_or(action).to_owned());
        return CollectError::Forbidden { what, why, permission };
    }
    CollectError::Malformed { what, why }
}

/// The permission that AWS names: `… is not authorized to perform: iam:ListUsers on resource: …`.
fn permission(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    rest.split_whitespace().next()
}

/// The first cause of that type.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// An error and its causes in one line, as far as they say something new.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    shortened(&parts.join(": "))
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(status: u16, code: Option<&str>, message: &str) -> &'static str {
        refused("account a".to_owned(), "iam:ListUsers", Some(status), code, Some(message)).word()
    }

    #[test]
    fn each_refusal_says_what_to_do_next() {
        assert_eq!(word(403, Some("AccessDenied"), "no"), "forbidden");
        assert_eq!(word(403, Some("SignatureDoesNotMatch"), "no"), "unauthenticated");
        assert_eq!(word(403, Some("InvalidClientTokenId"), "no"), "unauthenticated");
        assert_eq!(word(400, Some("ExpiredToken"), "no"), "unauthenticated");
        assert_eq!(word(400, Some("Throttling"), "slow down"), "unavailable");
        assert_eq!(word(410, Some("ReportExpired"), "old"), "unavailable");
        assert_eq!(word(502, None, "bad gateway"), "unavailable");
        assert_eq!(word(404, Some("NoSuchEntity"), "none"), "malformed");
        assert_eq!(word(200, None, "what"), "malformed");
    }

    #[test]
    fn the_permission_is_the_one_that_aws_names_or_else_the_one_that_was_used() {
        let denied = |message: &str| {
            let error =
                refused("account a".to_owned(), "iam:ListUsers", Some(403), Some("AccessDenied"), Some(message));
            let CollectError::Forbidden { permission, .. } = error else { panic!("{error}") };
            permission.unwrap()
        };
        let named = "User: arn:aws:iam::111122223333:user/e is not authorized to perform: iam:GetUser on resource: *";
        assert_eq!(denied(named), "iam:GetUser");
        assert_eq!(denied("no"), "iam:ListUsers");
    }
}
