//! Devices, systems and media, and what became of those that are gone.

use super::{Place, rows};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The list of assets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assets {
    /// Every asset, also those disposed of.
    pub assets: Option<Vec<Asset>>,
    /// Those disposed of.
    pub disposals: Option<Vec<Disposal>>,
}

impl Assets {
    pub(in crate::contract) fn len(&self) -> usize {
        rows(self.assets.as_ref()) + rows(self.disposals.as_ref())
    }
}

/// One asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Its number.
    pub asset: String,
    /// What it is: `laptop`, `server`, `disk`.
    pub kind: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// First day in use.
    pub since: NaiveDate,
    /// When somebody last saw that it is there.
    pub seen_on: Option<NaiveDate>,
    /// Whether it may hold data.
    pub holds_data: bool,
}

/// One asset that was disposed of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disposal {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// `Asset::asset`.
    pub asset: String,
    /// When it left.
    pub disposed_on: NaiveDate,
    /// How its data was made unreadable: `wiped`, `shredded`.
    pub method: Option<String>,
    /// A certificate's number, or who was there.
    pub proof: Option<String>,
}
