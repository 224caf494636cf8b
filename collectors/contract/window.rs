//! A half-open stretch of time in UTC, and which instants are taken from outside.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// `[start, end)` in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first instant inside.
    #[serde(deserialize_with = "instant")]
    pub start: DateTime<Utc>,
    /// The first instant after it.
    #[serde(deserialize_with = "instant")]
    pub end: DateTime<Utc>,
}

impl Window {
    /// Whether the instant lies inside.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }
}

/// Whether the year has four digits, as in RFC 3339. The type holds more, and next to its ends no time can be added or
/// taken away without a panic.
pub fn four_digits(at: &DateTime<Utc>) -> bool {
    (0..=9999).contains(&at.year())
}

/// Reads an instant of a year of four digits.
pub fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let at = DateTime::<Utc>::deserialize(from)?;
    if four_digits(&at) { Ok(at) } else { Err(D::Error::custom("the year of an instant has four digits")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_years_of_four_digits() {
        let window = |start: &str| {
            serde_json::from_value::<Window>(serde_json::json!({ "start": start, "end": "9999-12-31T23:59:59Z" }))
        };
        assert!(window("0000-01-01T00:00:00Z").is_ok());
        for start in ["+262142-12-31T23:59:59Z", "-262143-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"] {
            assert!(window(start).is_err(), "{start}");
        }
    }
}
