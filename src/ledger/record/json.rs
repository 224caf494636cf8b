//! How JSON and times are written in records and their files.

use super::Record;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Compact JSON with sorted keys, whatever features of the JSON crate a dependency has turned on.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    fn sort(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                map.values_mut().for_each(sort);
                // As the crate comes, its maps are sorted already.
                if !map.keys().is_sorted() {
                    let ordered: BTreeMap<_, _> = std::mem::take(map).into_iter().collect();
                    *map = ordered.into_iter().collect();
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(sort),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(value)?;
    sort(&mut value);
    serde_json::to_vec(&value)
}

/// Reads a record. Head and body are read apart: a flattened enum with a tag is buffered twice, which takes twice as
/// long. Whether the bytes are the one form that there is shows when they are written again.
pub fn read_record(bytes: &[u8]) -> Result<Record, serde_json::Error> {
    #[derive(Deserialize)]
    struct Head {
        v: u32,
        #[serde(with = "millis")]
        at: DateTime<Utc>,
        #[serde(default)]
        commit: Option<String>,
    }
    let Head { v, at, commit } = serde_json::from_slice(bytes)?;
    Ok(Record { v, at, commit, body: serde_json::from_slice(bytes)? })
}

/// Times as `2026-03-04T12:00:01.234Z`, always with milliseconds.
pub mod millis {
    use chrono::{DateTime, SecondsFormat, Utc};
    use evidenced_collectors::contract::instant;
    use serde::{Deserializer, Serializer};

    /// Writes it.
    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
        instant(from)
    }
}

/// `millis` for times that may be absent.
pub mod millis_option {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::millis::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super::millis")] DateTime<Utc>);
        Ok(Option::<Time>::deserialize(from)?.map(|Time(at)| at))
    }
}
