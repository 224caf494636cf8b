//! One request to an anchor, by the one way out (`outside`). Anchors stand in the configuration, so their hosts
//! are named and may be anywhere.

use super::error::{AnchorError, Fault};
use crate::outside::{Address, Answer, Outside, Request};
use evidenced_collectors::contract::SecretRef;
use evidenced_collectors::door::read_secret;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;

/// Posts a body; at most `max` bytes of answer are read. `authorization` is the value of that header.
pub(super) async fn post(
    outside: &Outside,
    fault: Fault<'_>,
    address: &Address,
    (content_type, body): (&'static str, Vec<u8>),
    authorization: Option<&SecretRef>,
    max: usize,
) -> Result<Answer, AnchorError> {
    let mut request = Request::send(Method::POST, content_type, body);
    if let Some(secret) = authorization {
        let secret = read_secret(secret).map_err(|why| fault.unreachable(format!("its authorization: {why}")))?;
        let with = request.with_secret(AUTHORIZATION, "", &secret);
        request = with.ok_or_else(|| fault.unreachable("its authorization is no value of a header"))?;
    }
    outside.ask(address, request, max).await.map_err(|error| fault.unreachable(error))
}
