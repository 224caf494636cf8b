//! The error that a status or a failure means.

use super::*;
use crate::door::error_for;

#[test]
fn a_status_means_the_same_error_to_every_kind() {
    let aws =
        |code: &str| format!("<ErrorResponse><Error><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>");
    let cases = [
        (401, String::new(), "unauthenticated"),
        (403, aws("AccessDenied"), "forbidden"),
        (403, aws("ExpiredToken"), "unauthenticated"),
        (403, aws("InvalidClientTokenId"), "unauthenticated"),
        (403, aws("SignatureDoesNotMatch"), "unauthenticated"),
        (400, aws("Throttling"), "unavailable"),
        (400, r#"{"__type":"com.amazonaws#ThrottlingException"}"#.to_owned(), "unavailable"),
        (400, aws("ValidationError"), "malformed"),
        (403, r#"{"message":"API rate limit exceeded for user ID 1."}"#.to_owned(), "unavailable"),
        (403, r#"{"message":"Resource not accessible"}"#.to_owned(), "forbidden"),
        (404, r#"{"message":"Not Found"}"#.to_owned(), "forbidden"),
        (410, String::new(), "forbidden"),
        (408, String::new(), "unavailable"),
        (429, String::new(), "unavailable"),
        (500, String::new(), "unavailable"),
        (504, String::new(), "unavailable"),
        (200, "<html>".to_owned(), "malformed"),
        (422, String::new(), "malformed"),
    ];
    for (status, body, word) in cases {
        assert_eq!(error_for("things", status, body.as_bytes(), None).word(), word, "{status} {body}");
    }
}

#[test]
fn an_error_names_the_permission_and_says_what_the_source_said_in_one_short_line() {
    let forbidden =
        error_for("repository a/b", 403, br#"{"message":"Resource not\naccessible"}"#, Some("Contents: read"));
    let text = "repository a/b: refused, Contents: read is missing: status 403: Resource not accessible";
    assert_eq!(forbidden.to_string(), text);
    let xml = b"<Error><Code>AccessDenied</Code><Message>User is not authorized</Message></Error>";
    assert!(error_for("users", 403, xml, None).to_string().ends_with("403: AccessDenied: User is not authorized"));
    assert!(error_for("users", 500, b"", None).to_string().ends_with("500: no text"));
    let long = error_for("users", 500, "\u{1b}[31mé".repeat(100_000).as_bytes(), None).to_string();
    assert!(long.chars().count() < 260 && !long.contains('\u{1b}') && long.ends_with('…'), "{long}");
}

/// Another library's error around a cause.
#[derive(Debug, thiserror::Error)]
#[error("wrapped")]
struct Wrapped<E: std::error::Error + 'static>(#[source] E);

#[test]
fn a_failure_means_the_same_error_to_every_kind() {
    let text = || "why".to_owned();
    let cases = [
        (Failure::NotFound, "forbidden"),
        (Failure::Denied, "forbidden"),
        (Failure::Unauthenticated(text()), "unauthenticated"),
        (Failure::Connection(text()), "unavailable"),
        (Failure::TimedOut(60), "unavailable"),
        (Failure::CutShort(text()), "unavailable"),
        (Failure::TooLarge(1), "limit"),
        (Failure::Limit(text()), "limit"),
        (Failure::Refused(text()), "malformed"),
    ];
    for (failure, word) in cases {
        let error = failure.clone().into_error("things");
        assert_eq!(error.word(), word, "{failure}");
        assert!(error.to_string().starts_with("things: "));
        let wrapped = Wrapped(Wrapped(failure.clone()));
        assert_eq!(Failure::within(&wrapped), Some(&failure));
    }
    assert_eq!(Failure::within(&std::io::Error::other("none")), None);
}
