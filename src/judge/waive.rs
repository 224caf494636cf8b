//! Approved, dated, expiring acceptances, applied after the rules.
//!
//! Only a deviation can be waived; what could not be judged stays so. A waiver counts when it is
//! approved at the as-of time, has neither expired nor been revoked, and its approver is nobody who gains by
//! it, as far as names tell; one without an approver's name never does. One that is not yet approved at the
//! as-of time does not exist for it. A deviation whose only waivers do not count is `waiver-invalid`; what it
//! was is in `seen`.

use super::{Judged, Judgement, Outcome, Waiver, same_login};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The reasons that no waiver covers. The one list of them.
const NEVER_WAIVED: [&str; 1] = ["root-access-keys"];

/// Why a waiver does not count for an item that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// No name of an approver.
    ApprovedByNobody,
    /// The approver gains by it.
    ApprovedByBeneficiary,
    /// It was revoked.
    Revoked,
    /// Its end has come.
    Expired,
    /// What the item deviates in is never waived.
    NeverWaived,
}

impl WhyNot {
    /// As the end of a sentence about the waiver.
    pub fn words(self) -> &'static str {
        match self {
            Self::ApprovedByNobody => "names nobody who approved it",
            Self::ApprovedByBeneficiary => "is approved by somebody who gains by it",
            Self::Revoked => "was revoked",
            Self::Expired => "has expired",
            Self::NeverWaived => "covers what is never waived",
        }
    }
}

/// Why the waiver does not count for an item with these beneficiaries; `None`: it does.
fn why_not(waiver: &Waiver, beneficiaries: &[String], as_of: DateTime<Utc>) -> Option<WhyNot> {
    if waiver.approver.trim().is_empty() {
        Some(WhyNot::ApprovedByNobody)
    } else if beneficiaries.iter().any(|person| same_login(person, &waiver.approver)) {
        Some(WhyNot::ApprovedByBeneficiary)
    } else if waiver.revoked_at.is_some_and(|revoked_at| revoked_at <= as_of) {
        Some(WhyNot::Revoked)
    } else if waiver.expires <= as_of {
        Some(WhyNot::Expired)
    } else {
        None
    }
}

/// Whether a waiver counts for an item that deviates; `None`: it does not concern the item.
pub(super) fn covered(judged: &Judged, waiver: &Waiver, as_of: DateTime<Utc>) -> Option<Option<WhyNot>> {
    let concerns = judged.ruling.outcome == Outcome::Deviation
        && waiver.approved_at <= as_of
        && matches(&waiver.item, &judged.item);
    concerns.then(|| match NEVER_WAIVED.contains(&judged.ruling.reason) {
        true => Some(WhyNot::NeverWaived),
        false => why_not(waiver, &judged.beneficiaries, as_of),
    })
}

/// The judgement of one item, its waivers considered.
pub(super) fn apply(judged: Judged, waivers: &[Waiver], as_of: DateTime<Utc>) -> Judgement {
    let Judged { item, ruling, beneficiaries } = judged;
    let as_ruled =
        |outcome, reason: &str, seen| Judgement { item: item.clone(), outcome, reason: reason.to_owned(), seen };
    if ruling.outcome != Outcome::Deviation || NEVER_WAIVED.contains(&ruling.reason) {
        return as_ruled(ruling.outcome, ruling.reason, ruling.seen);
    }
    let mut known: Vec<&Waiver> =
        waivers.iter().filter(|w| w.approved_at <= as_of && matches(&w.item, &item)).collect();
    // The last to expire speaks, whatever order they come in.
    known.sort_by(|a, b| (b.expires, &b.approver, &b.item).cmp(&(a.expires, &a.approver, &a.item)));
    let why_not = |waiver: &Waiver| why_not(waiver, &beneficiaries, as_of);
    if let Some(good) = known.iter().find(|waiver| why_not(waiver).is_none()) {
        let until = good.expires.format("%Y-%m-%d %H:%M:%S UTC");
        let seen = format!("waived by {} until {until}: {}: {}", good.approver, ruling.reason, ruling.seen);
        return as_ruled(Outcome::Waived, "approved-waiver", seen);
    }
    let Some((bad, why)) = known.first().and_then(|bad| Some((bad, why_not(bad)?.words()))) else {
        return as_ruled(ruling.outcome, ruling.reason, ruling.seen);
    };
    let until = bad.expires.format("%Y-%m-%d %H:%M:%S UTC");
    let seen = format!("the waiver by {} until {until} {why}: {}: {}", bad.approver, ruling.reason, ruling.seen);
    as_ruled(Outcome::Deviation, "waiver-invalid", seen)
}

/// Whether the pattern covers the whole item: `*` is any text, `?` any one character, and all else
/// stands for itself. Item keys contain `/`, `#`, `@`, `:` and `[`, which glob libraries give meaning.
pub(crate) fn matches(pattern: &str, item: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let item: Vec<char> = item.chars().collect();
    let (mut p, mut i) = (0, 0);
    // Where the last star was, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while i < item.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, i));
                p += 1;
            }
            Some(c) if *c == '?' || *c == item[i] => {
                p += 1;
                i += 1;
            }
            _ => {
                let Some((at, reach)) = star else { return false };
                star = Some((at, reach + 1));
                p = at + 1;
                i = reach + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_covers_the_whole_item_and_gives_meaning_to_star_and_question_mark_only() {
        let item = "acme/shop#41@0123456789ab";
        for pattern in [item, "*", "acme/*", "*#41@*", "acme/shop#4?@*", "*ab", "**", "acme*shop*0*b"] {
            assert!(matches(pattern, item), "{pattern}");
        }
        for pattern in ["", "acme", "acme/shop#4?", "*#42@*", "acme/shop#41@0123456789ab?", "?", "[a-z]*", "ACME/*"] {
            assert!(!matches(pattern, item), "{pattern}");
        }
        assert!(matches("111122223333:user/ci[bot]", "111122223333:user/ci[bot]"));
        assert!(matches("größe?*", "größe/ü"));
        assert!(matches("", "") && matches("*", "") && !matches("?", ""));
    }
}
