//! What one run tells the next: which accounts were read, and how many were in them. Answers that agree with
//! each other, and have lost most of what there was, are not taken for the truth until somebody says so.

use crate::contract::Unread;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A drop below half is asked about if it is of at least so many users.
const FEWER_MIN: u64 = 5;

/// Accounts that were read, by number.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    accounts: BTreeMap<String, Held>,
}

/// What an account held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    /// What people call it.
    pub(super) name: String,
    /// IAM users.
    pub(super) users: u64,
    /// With root and identity providers.
    pub(super) principals: u64,
}

impl Memory {
    /// An account that was read.
    pub(super) fn note(&mut self, account: String, held: Held) {
        self.accounts.insert(account, held);
    }

    /// What the last run held and this one lacks, less what the operator has confirmed. `accounted_for`:
    /// accounts of which this run says otherwise why they were not read.
    pub(super) fn lost(
        &self,
        now: &Self,
        accounted_for: &BTreeSet<String>,
        confirmed: &BTreeMap<String, u64>,
    ) -> Vec<Unread> {
        let mut lost = Vec::new();
        for (number, before) in &self.accounts {
            let what = format!("account {} ({number})", before.name);
            let Held { users, principals, .. } = before;
            let had = format!("the last complete run held {users} ({principals} principals)");
            let is_confirmed = |users: u64| confirmed.get(number).is_some_and(|least| *least <= users);
            match now.accounts.get(number) {
                Some(held) if dropped(before.users, held.users) && !is_confirmed(held.users) => {
                    let hint = format!(
                        "if they were deleted, confirm it in the settings: confirmed_users = {{ \"{number}\" = {} }}",
                        held.users
                    );
                    let now = format!("{} users ({} principals)", held.users, held.principals);
                    lost.push(Unread { what, why: format!("{now}; {had}"), permission: None, hint: Some(hint) });
                }
                None if !accounted_for.contains(number) && !is_confirmed(0) => {
                    let why = format!("0 users, for nobody asked about this account; {had}");
                    let hint = format!(
                        "name it again, or exclude it from the organisation with a reason; if it is no more: confirmed_users = {{ \"{number}\" = 0 }}"
                    );
                    lost.push(Unread { what, why, permission: None, hint: Some(hint) });
                }
                _ => {}
            }
        }
        lost
    }
}

fn dropped(before: u64, now: u64) -> bool {
    (now == 0 && before > 0) || (now < before.div_ceil(2) && before - now >= FEWER_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::carry;

    fn memory(accounts: &[(&str, u64)]) -> Memory {
        let mut memory = Memory::default();
        for (number, users) in accounts {
            let held = Held { name: "production".to_owned(), users: *users, principals: users + 1 };
            memory.note((*number).to_owned(), held);
        }
        memory
    }

    #[test]
    fn most_users_gone_are_asked_about_and_few_are_not() {
        for (before, now, asked) in [
            (1000, 12, true),
            (1000, 499, true),
            (1000, 500, false),
            (11, 5, true),
            (10, 5, false),
            (9, 4, true),
            (8, 3, true),
            (7, 3, false),
            (1, 0, true),
            (0, 0, false),
            (4, 1, false),
            (12, 1000, false),
        ] {
            let lost = memory(&[("1", before)]).lost(&memory(&[("1", now)]), &BTreeSet::new(), &BTreeMap::new());
            assert_eq!(!lost.is_empty(), asked, "{before} to {now}");
        }
    }

    #[test]
    fn the_numbers_are_named_and_an_operator_can_confirm_them() {
        let (before, now) = (memory(&[("111122223333", 1000)]), memory(&[("111122223333", 12)]));
        let lost = before.lost(&now, &BTreeSet::new(), &BTreeMap::new());
        let [unread] = lost.as_slice() else { panic!("{lost:?}") };
        assert_eq!(unread.what, "account production (111122223333)");
        assert_eq!(unread.why, "12 users (13 principals); the last complete run held 1000 (1001 principals)");
        assert!(unread.hint.as_ref().unwrap().ends_with("confirmed_users = { \"111122223333\" = 12 }"));
        for (least, asked) in [(0, false), (12, false), (13, true)] {
            let confirmed = BTreeMap::from([("111122223333".to_owned(), least)]);
            assert_eq!(!before.lost(&now, &BTreeSet::new(), &confirmed).is_empty(), asked, "{least}");
        }
    }

    #[test]
    fn an_account_that_is_gone_is_asked_about_unless_the_run_says_why() {
        let (before, now) = (memory(&[("1", 3), ("2", 0)]), memory(&[("1", 3)]));
        assert_eq!(before.lost(&now, &BTreeSet::new(), &BTreeMap::new()).len(), 1, "even one without users");
        assert_eq!(before.lost(&now, &BTreeSet::from(["2".to_owned()]), &BTreeMap::new()), []);
        assert_eq!(before.lost(&now, &BTreeSet::new(), &BTreeMap::from([("2".to_owned(), 0)])), []);
        assert_eq!(before.lost(&now, &BTreeSet::new(), &BTreeMap::from([("2".to_owned(), 1)])).len(), 1);
    }

    #[test]
    fn a_memory_that_is_not_ours_is_no_first_run() {
        assert!(carry::read::<Memory>(Some(&serde_json::json!({ "users": 3 }))).is_err());
        let left = carry::write(&memory(&[("1", 3)])).unwrap();
        assert_eq!(carry::read::<Memory>(Some(&left)).unwrap().accounts, memory(&[("1", 3)]).accounts);
    }
}
