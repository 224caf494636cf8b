//! Tells somebody else that we are alive, so that they notice when we are not. When to is not decided here.

use super::Refusal;
use crate::outside::{Outside, Request};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::SecretRef;

/// Asks for the address once; a status of 200 to 299 is success. Its host may be at an address of our own network
/// only if it is `private_host`.
pub async fn heartbeat(
    outside: &Outside,
    url: &SecretRef,
    private_host: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let address = super::channel::secret_address(url, private_host)?;
    let answer = outside.ask(&address, Request::get(), super::channel::ANSWER_BYTES_MAX).await?;
    match answer.status {
        200..=299 => Ok(()),
        _ => Err(Refusal::answered(&answer, now)),
    }
}
