//! A time-stamp authority dates a checkpoint. It keeps nothing, so it cannot be asked what it knows, and does
//! not notice a second log: see `witness` for who does.

use super::error::{AnchorError, Fault};
use super::http;
use super::{Point, Receipt};
use crate::config::Rfc3161;
use crate::outside::{Address, Outside};
use crate::timestamp::{QUERY_TYPE, Query, REPLY_TYPE, RESPONSE_BYTES_MAX, Roots, TimestampError, verify};
use chrono::{DateTime, Utc};
use reqwest::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};
use std::path::Path;

const HINT: &str = "ask whoever runs it; the checkpoint is offered again";

/// Has the checkpoint dated. The receipt is the answer as received.
pub(super) async fn hand_over(
    config: &Rfc3161,
    base: &Path,
    outside: &Outside,
    fault: Fault<'_>,
    point: &Point,
    now: DateTime<Utc>,
) -> Result<Receipt, AnchorError> {
    let roots = config.root.as_ref().map(|root| read_roots(&base.join(root))).transpose();
    let roots = roots.map_err(|why| fault.wrong(why, "name a file of certificates in PEM as its `root`"))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(crate::run::RunError::Random)?;
    let sha256 = Sha256::digest(&point.note).into();
    let query = Query::new(sha256, random);
    let authorization = config.authorization.as_ref();
    let address = Address::shown(&config.url).map_err(|why| fault.unreachable(why))?;
    let question = (QUERY_TYPE, query.to_der());
    let answer = http::post(outside, fault, &address, question, authorization, RESPONSE_BYTES_MAX).await?;
    if answer.status != 200 {
        return Err(fault.unreachable(answer.said()));
    }
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with(REPLY_TYPE) {
        let content_type = answer.cleaned(content_type);
        return Err(fault.unreachable(format!("it answers with {content_type:?}, which is no time-stamp")));
    }
    let refused = |error: TimestampError| match error {
        TimestampError::NotGranted(_) => fault.unreachable(error),
        TimestampError::Wrong(_) | TimestampError::NotUnderstood(_) => fault.wrong(error, HINT),
    };
    let stamp = query.answered_by(&answer.body, now).map_err(refused)?;
    if let Some(roots) = roots {
        verify(&answer.body, &sha256, &roots).map_err(refused)?;
    }
    Ok(Receipt { bytes: answer.body, media_type: REPLY_TYPE, time: Some(stamp.time) })
}

fn read_roots(path: &Path) -> Result<Roots, String> {
    let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Roots::from_pem(&pem).map_err(|error| format!("{}: {error}", path.display()))
}
