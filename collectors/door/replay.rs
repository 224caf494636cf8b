//! Answers from records. No network, no files, no environment.

use super::converse::sha256;
use super::{Exchange, ExchangeHead, Failure, RecordedRequest, RecordedResponse};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The recorded exchanges of one run. Each answers once; like requests are answered in the order recorded.
pub(super) struct Replay {
    /// Number of the next answer to each request, as places in `left`.
    places: HashMap<RecordedRequest, Vec<usize>>,
    left: Mutex<Vec<Option<Exchange>>>,
}

impl Replay {
    pub(super) fn new(mut exchanges: Vec<Exchange>) -> Self {
        exchanges.sort_by_key(|exchange| exchange.head.number);
        let mut places: HashMap<RecordedRequest, Vec<usize>> = HashMap::new();
        for (place, exchange) in exchanges.iter().enumerate() {
            let request = &exchange.head.request;
            places.entry(request.clone()).or_default().push(place);
            places.entry(anywhere(request)).or_default().push(place);
        }
        Self { places, left: Mutex::new(exchanges.into_iter().map(Some).collect()) }
    }

    /// The next recorded answer to this request; with `any_origin`, wherever it was asked.
    pub(super) fn answer(&self, asked: &RecordedRequest, any_origin: bool) -> Result<Exchange, Failure> {
        let places = if any_origin { self.places.get(&anywhere(asked)) } else { self.places.get(asked) };
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let next = places.into_iter().flatten().find_map(|&place| left[place].take());
        let exchange = next.ok_or_else(|| Failure::Refused("not among the recorded exchanges".to_owned()))?;
        check(&exchange)?;
        Ok(exchange)
    }

    pub(super) fn unasked(&self) -> Vec<ExchangeHead> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.iter().flatten().map(|exchange| exchange.head.clone()).collect()
    }
}

/// The request without scheme, host and port.
fn anywhere(request: &RecordedRequest) -> RecordedRequest {
    let path = url::Url::parse(&request.url).map(|url| url[url::Position::BeforePath..].to_owned());
    RecordedRequest { url: path.unwrap_or_else(|_| request.url.clone()), ..request.clone() }
}

/// Whether the body is the one that the record speaks of.
fn check(exchange: &Exchange) -> Result<(), Failure> {
    let whole = match &exchange.head.response {
        Ok(RecordedResponse { size, sha256: sum, .. }) => {
            exchange.body.len() as u64 == *size && sha256(&exchange.body) == *sum
        }
        Err(_) => exchange.body.is_empty(),
    };
    if whole {
        return Ok(());
    }
    Err(Failure::Refused(format!("exchange {}: the recorded body is not the one recorded of", exchange.head.number)))
}
