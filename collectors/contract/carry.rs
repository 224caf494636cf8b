//! What one run of a collector leaves for the next one, to and from the form in which it is sealed. What it is
//! belongs to each kind.

use super::CollectError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What an earlier run left; nothing before the first one that left something.
pub(crate) fn read<M: Default + DeserializeOwned>(carry: Option<&Value>) -> Result<M, CollectError> {
    let Some(carry) = carry else { return Ok(M::default()) };
    M::deserialize(carry).map_err(|error| CollectError::Malformed {
        what: "what an earlier run left for this one".to_owned(),
        why: format!("{error}; hint: if this collector was of another kind before, give the new one another name"),
    })
}

/// For `Population::carry` and `Partial::carry`.
pub(crate) fn write<M: Serialize>(memory: &M) -> Result<Value, CollectError> {
    serde_json::to_value(memory).map_err(|error| CollectError::Malformed {
        what: "what this run leaves for the next one".to_owned(),
        why: error.to_string(),
    })
}
