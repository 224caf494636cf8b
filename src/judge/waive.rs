//! Approved, dated, expiring acceptances, applied after the rules.
//!
//! Only a deviation can be waived; what could not be judged stays so. A waiver counts when it is
//! approved at the as-of time, has not expired, and its approver is nobody who gains by it, as far
//! as names tell; one without an approver's name never does. One that is not yet approved at the as-of time does not exist for it. A deviation
//! whose only waivers are expired, self-approved or approved by nobody is `waiver-invalid`; what it was is in `seen`.

use super::{Judged, Judgement, Outcome, Waiver, same_login};
use chrono::{DateTime, Utc};

/// The reasons that no waiver covers. The one list of them.
const NEVER_WAIVED: [&str; 1] = ["root-access-keys"];

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
    let own = |w: &Waiver| beneficiaries.iter().any(|person| same_login(person, &w.approver));
    let nobody = |w: &Waiver| w.approver.trim().is_empty();
    if let Some(good) = known.iter().find(|w| as_of < w.expires && !own(w) && !nobody(w)) {
        let until = good.expires.format("%Y-%m-%d %H:%M:%S UTC");
        let seen = format!("waived by {} until {until}: {}: {}", good.approver, ruling.reason, ruling.seen);
        return as_ruled(Outcome::Waived, "approved-waiver", seen);
    }
    let Some(bad) = known.first() else {
        return as_ruled(ruling.outcome, ruling.reason, ruling.seen);
    };
    let why = if nobody(bad) {
        "names nobody who approved it"
    } else if own(bad) {
        "is approved by somebody who gains by it"
    } else {
        "has expired"
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
