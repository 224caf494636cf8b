//! Whether every asset is owned and seen in time, and what left did so with proof that its data is gone.
//!
//! One item for each asset, by its number.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `asset-known` | owned, and seen in time |
//! | pass | `disposed-with-proof` | gone, with method and proof, or without data on it |
//! | deviation | `asset-without-owner` | nobody answers for it |
//! | deviation | `asset-not-seen` | nobody saw it in the days that the policy gives |
//! | deviation | `disposed-without-method` | it held data, and nobody says what became of it |
//! | deviation | `disposed-without-proof` | neither certificate nor witness |
//! | pending | `asset-new` | never seen yet, and those days are not over |
//! | excluded | `disposed-before` | it left longer ago than the policy looks back |
//! | indeterminate | `times-disagree` | it left before its first day, or was seen after it left: the number may be another's |
//! | indeterminate | `row-gone` | it was in the register before, and is not now |
//! | indeterminate | `list-missing` | a list is not kept, or was not read; one item for all |
//! | indeterminate | `list-empty` | nobody has no asset |
//!
//! Not known: assets that nobody listed; the list is not held against what clouds and device management say.

use super::register::{Check, Examined, days_after, gone, kept, listed, row};
use super::{PolicyError, policy::out_of_range};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Asset, Assets, Disposal};
use serde::{Deserialize, Serialize};

/// How often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days in which somebody must have seen an asset, 1 to 1100. The default is a quarter with its grace.
    pub seen_days: u32,
    /// How long a disposal counts, days, 1 to 1100.
    pub counts_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { seen_days: 106, counts_days: 365 }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("seen_days", policy.seen_days, 1, 1100)?;
    out_of_range("counts_days", policy.counts_days, 1, 1100)
}

/// Every asset.
pub(super) fn examine(policy: &Policy, register: &Assets, as_of: DateTime<Utc>) -> Vec<Examined> {
    let lists = listed("assets", register.assets.as_ref())
        .and_then(|assets| Ok((assets, kept("disposals", register.disposals.as_ref())?)));
    let (assets, disposals) = match lists {
        Ok(lists) => lists,
        Err(missing) => return vec![missing],
    };
    let one = |asset: &Asset| {
        let left = disposals.iter().find(|disposal| disposal.asset == asset.asset);
        match left {
            None => in_use(policy, asset, as_of.date_naive()),
            Some(disposal) => disposed(policy, asset, disposal, as_of.date_naive()),
        }
    };
    assets.iter().map(one).collect()
}

fn in_use(policy: &Policy, asset: &Asset, today: NaiveDate) -> Examined {
    let owned = |seen: String| Check::good("owner", "Its owner", seen).on([row(&asset.at)]);
    let owner = match &asset.owner {
        Some(owner) => owned(format!("owned by {owner}")),
        None => owned("nobody answers for it".to_owned()).against("asset-without-owner"),
    };
    let facts = [row(&asset.at), Fact::Policy("seen_days")];
    let said = |seen: String| Check::good("seen", "When it was last seen", seen).on(facts.clone());
    let due = days_after(asset.seen_on.unwrap_or(asset.since), policy.seen_days);
    let seen = match asset.seen_on {
        Some(on) if due >= today => said(format!("seen on {on}, again due by {due}")),
        Some(on) => said(format!("seen on {on}, again due by {due}")).against("asset-not-seen"),
        None if due >= today => said(format!("never yet; due by {due}")).pending("asset-new"),
        None => said(format!("never; due by {due}")).against("asset-not-seen"),
    };
    let checks = [Some(owner), Some(seen), gone(&asset.at)];
    Examined::new(&asset.asset, "asset-known", checks.into_iter().flatten().collect()).of([asset.owner.clone()])
}

fn disposed(policy: &Policy, asset: &Asset, disposal: &Disposal, today: NaiveDate) -> Examined {
    let on = disposal.disposed_on;
    let said = |key, name, seen: String| Check::good(key, name, seen).on([row(&disposal.at), row(&asset.at)]);
    let mut checks = Vec::new();
    if on < asset.since || asset.seen_on.is_some_and(|seen| seen > on) {
        let seen = asset.seen_on.map_or_else(|| "never seen".to_owned(), |seen| format!("seen on {seen}"));
        let seen = format!("left on {on}; in use since {}, {seen}", asset.since);
        checks.push(said("disposal", "When it left", seen).open("times-disagree"));
    } else if days_after(on, policy.counts_days) < today {
        checks.push(said("disposal", "When it left", format!("on {on}")).excluded("disposed-before"));
    } else {
        let left = format!("left on {on}");
        checks.push(match &disposal.method {
            Some(method) => said("method", "What became of its data", format!("{left}: {method}")),
            None if !asset.holds_data => said("method", "What became of its data", format!("{left}; it holds none")),
            None => said("method", "What became of its data", left).against("disposed-without-method"),
        });
        checks.push(match &disposal.proof {
            Some(proof) => said("proof", "The proof", proof.clone()),
            None if !asset.holds_data => said("proof", "The proof", "none; it holds no data".to_owned()),
            None => said("proof", "The proof", "none".to_owned()).against("disposed-without-proof"),
        });
    }
    checks.extend([gone(&asset.at), gone(&disposal.at)].into_iter().flatten());
    Examined::new(&asset.asset, "disposed-with-proof", checks).of([asset.owner.clone()])
}
