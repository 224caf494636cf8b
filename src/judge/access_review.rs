//! Whether access to every system was reviewed in every quarter, and what was wrong is gone.
//!
//! One item for each system and UTC quarter, `github 2026Q1`: the present quarter and the one before; while
//! that one is in its grace, also the one before it. Of a quarter every account counts that a snapshot of it lists, as
//! the last one has it; and a newer snapshot undoes nothing that was wrong with what was decided of an earlier one.
//! Who leaves between two snapshots is in the decisions: the newest one shrinks by what was decided, or it is not known
//! whether it is whole.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `access-reviewed` | every account was decided in time by somebody else, and removals are carried out |
//! | deviation | `no-review` | no snapshot in the quarter, and the grace after it is over |
//! | deviation | `not-all-decided` | accounts without a decision, and the grace is over |
//! | deviation | `decided-late` | an account was decided after the grace |
//! | deviation | `self-review` | somebody decided their own access |
//! | deviation | `removal-open` | not carried out, and the business days for it are over |
//! | deviation | `removal-late` | carried out after those days |
//! | deviation | `removed-account-still-there` | carried out, and a later snapshot shows the account: as it was, or of the same person or nobody after a removal |
//! | indeterminate | `owner-of-account-unknown` | an account of nobody was kept or changed |
//! | indeterminate | `not-in-newest-snapshot` | an earlier snapshot has it, the newest does not, and no decision says that it went by then |
//! | indeterminate | `row-gone` | a row was in the register before, and is not now |
//! | indeterminate | `list-missing` | a list is not kept, or was not read; one item for all |
//! | indeterminate | `list-empty` | no system is listed |
//! | pending | `review-not-yet-due` | no snapshot, and quarter or grace is not over, or the system is new |
//! | pending | `decisions-not-yet-due` | accounts without a decision, and quarter or grace is not over |
//! | pending | `removal-not-yet-due` | not carried out yet |
//! | excluded | `system-ended` | its last day was before the quarter's end, and nothing was reviewed |
//!
//! Not known: whether a snapshot was the system's own list of that day. Its file is sealed as it was read.

use super::quarter::{Quarter, business_days_after, midnight};
use super::register::{Check, Examined, days_after, gone, kept, listed, row};
use super::{PolicyError, policy::out_of_range, same_login};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{AccessReviews, Decided, Decision, Listed, System};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A system this new at the end of a quarter is not yet due, days.
const NEW_SYSTEM_DAYS: i64 = 30;

/// When something is late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days after the end of the quarter, 0 to 90.
    pub grace_days: u32,
    /// Business days after a decision, Monday to Friday in UTC, within which a removal or change is carried out, 1 to 60.
    pub removal_business_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { grace_days: 14, removal_business_days: 10 }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("grace_days", policy.grace_days, 0, 90)?;
    out_of_range("removal_business_days", policy.removal_business_days, 1, 60)
}

/// Every system in the quarters in view.
pub(super) fn examine(policy: &Policy, register: &AccessReviews, as_of: DateTime<Utc>) -> Vec<Examined> {
    let lists = listed("systems", register.systems.as_ref()).and_then(|systems| {
        let snapshots = kept("snapshots", register.snapshots.as_ref())?;
        Ok((systems, snapshots, kept("decisions", register.decisions.as_ref())?))
    });
    let (systems, snapshots, decisions) = match lists {
        Ok(lists) => lists,
        Err(missing) => return vec![missing],
    };
    let today = as_of.date_naive();
    let now = Quarter::of(as_of);
    let last = now.before();
    let mut quarters = vec![last, now];
    // What the quarter before came to stays in view while its successor is in its grace.
    if today <= last_day(policy, last) {
        quarters.insert(0, last.before());
    }
    let mut examined = Vec::new();
    for quarter in quarters {
        for system in systems.iter().filter(|system| system.since < quarter.end() || quarter == now) {
            let of = |name: &str, taken_on: NaiveDate| name == system.system && in_quarter(taken_on, quarter);
            let newest = snapshots.iter().filter(|row| of(&row.system, row.taken_on)).map(|row| row.taken_on).max();
            let view = View { policy, system, quarter, today, snapshots, decisions };
            examined.push(match newest {
                None => view.unreviewed(),
                Some(taken_on) => view.reviewed(taken_on),
            });
        }
    }
    examined
}

fn in_quarter(day: NaiveDate, quarter: Quarter) -> bool {
    Quarter::of(midnight(day)) == quarter
}

/// The last day on which a review of the quarter is in time.
fn last_day(policy: &Policy, quarter: Quarter) -> NaiveDate {
    days_after(quarter.last_day(), policy.grace_days)
}

/// One system in one quarter.
struct View<'a> {
    policy: &'a Policy,
    system: &'a System,
    quarter: Quarter,
    today: NaiveDate,
    snapshots: &'a [Listed],
    decisions: &'a [Decided],
}

impl View<'_> {
    fn item(&self, checks: Vec<Check>) -> Examined {
        let checks = checks.into_iter().chain(gone(&self.system.at)).collect();
        let name = format!("{} {}", self.system.system, self.quarter);
        let decisions = self.decisions.iter().filter(|row| row.system == self.system.system);
        let deciders = decisions.map(|row| Some(row.decided_by.clone()));
        Examined::new(name, "access-reviewed", checks).of(deciders.chain([Some(self.system.owner.clone())]))
    }

    fn unreviewed(&self) -> Examined {
        let (quarter, due) = (self.quarter, last_day(self.policy, self.quarter));
        let facts = [row(&self.system.at), Fact::List("snapshots"), Fact::Policy("grace_days")];
        let said = |seen: String| Check::good("snapshot", "The accounts of the quarter", seen).on(facts.clone());
        if let Some(until) = self.system.until.filter(|until| *until < quarter.end() && *until < self.today) {
            return self.item(vec![said(format!("none; in use until {until}")).excluded("system-ended")]);
        }
        let new = (quarter.last_day() - self.system.since).num_days() <= NEW_SYSTEM_DAYS;
        let check = said(format!("none; due by {due}"));
        let pending = new || self.today <= due;
        self.item(vec![if pending { check.pending("review-not-yet-due") } else { check.against("no-review") }])
    }

    fn reviewed(&self, newest: NaiveDate) -> Examined {
        let of = |system: &str, day: NaiveDate| system == self.system.system && in_quarter(day, self.quarter);
        let listed: Vec<&Listed> = self.snapshots.iter().filter(|row| of(&row.system, row.taken_on)).collect();
        let decisions = self.decisions.iter().filter(|row| of(&row.system, row.taken_on));
        let decisions: BTreeMap<(NaiveDate, &str), &Decided> =
            decisions.map(|row| ((row.taken_on, row.account.as_str()), row)).collect();
        let mut last: BTreeMap<String, NaiveDate> = BTreeMap::new();
        for row in &listed {
            let day = last.entry(row.account.to_lowercase()).or_insert(row.taken_on);
            *day = row.taken_on.max(*day);
        }
        let due = last_day(self.policy, self.quarter);
        let there = listed.iter().filter(|row| row.taken_on == newest).count();
        let before = last.values().filter(|day| **day < newest).count();
        let before = if before == 0 { String::new() } else { format!(", and {before} on earlier days alone") };
        let seen = format!("{there} accounts on {newest}{before}");
        let mut checks = vec![Check::good("snapshot", "The accounts of the quarter", seen).on([row(&self.system.at)])];
        let mut undecided: Vec<&Listed> = Vec::new();
        for account in listed {
            let is_last = last.get(&account.account.to_lowercase()) == Some(&account.taken_on);
            match decisions.get(&(account.taken_on, account.account.as_str())) {
                // Of what is listed again, the decision of that day is asked for.
                None if is_last => undecided.push(account),
                None => {}
                Some(decided) => {
                    checks.extend(self.decided(account, decided, due));
                    if is_last {
                        checks.extend(unowned(account, decided));
                        checks.extend(missing(account, decided, newest));
                    }
                }
            }
            checks.extend(gone(&account.at));
        }
        checks.push(self.undecided(&undecided, due));
        self.item(checks)
    }

    fn undecided(&self, undecided: &[&Listed], due: NaiveDate) -> Check {
        let Some(first) = undecided.first() else {
            return Check::good("decisions", "Decisions", "every account was decided");
        };
        let seen = format!("{} not decided, the first {}; due by {due}", undecided.len(), first.account);
        let facts = undecided.iter().map(|account| row(&account.at)).take(5);
        let check = Check::good("decisions", "Decisions", seen).on(facts).on([Fact::List("decisions")]);
        if self.today > due { check.against("not-all-decided") } else { check.pending("decisions-not-yet-due") }
    }

    /// What is wrong with one decision.
    fn decided(&self, account: &Listed, decided: &Decided, due: NaiveDate) -> Vec<Check> {
        let name = &account.account;
        let said = |key, what, seen: String| Check::good(key, what, seen).on([row(&account.at), row(&decided.at)]);
        let mut checks = Vec::new();
        if decided.decided_on > due {
            let seen = format!("{name}: decided on {}, due by {due}", decided.decided_on);
            checks.push(said("decisions", "Decisions", seen).on([Fact::Policy("grace_days")]).against("decided-late"));
        }
        if own(account, decided) {
            let seen = format!("{name}: decided by {}, whose it is", decided.decided_by);
            checks.push(said("reviewer", "Who decided", seen).against("self-review"));
        }
        if decided.decision != Decision::Keep {
            checks.extend(self.carried_out(account, decided));
        }
        checks.extend(gone(&decided.at));
        checks
    }

    fn carried_out(&self, account: &Listed, decided: &Decided) -> Option<Check> {
        let name = &account.account;
        let due = business_days_after(midnight(decided.decided_on), self.policy.removal_business_days);
        let facts = [row(&account.at), row(&decided.at), Fact::Policy("removal_business_days")];
        let said = |seen: String| Check::good("removal", "Removals", format!("{name}: {seen}")).on(facts.clone());
        let Some(done) = decided.done_on else {
            let check = said(format!("decided on {}, not carried out, due by {due}", decided.decided_on));
            return Some(if self.today > due {
                check.against("removal-open")
            } else {
                check.pending("removal-not-yet-due")
            });
        };
        if done > due {
            return Some(said(format!("carried out on {done}, due by {due}")).against("removal-late"));
        }
        // A later snapshot has it: it was not. A name may be given to somebody else, who is reviewed there.
        let same = |row: &&Listed| row.system == account.system && same_login(&row.account, &account.account);
        let other = |row: &Listed| row.person.is_some() && account.person.is_some() && row.person != account.person;
        let as_it_was = |row: &&Listed| match decided.decision {
            Decision::Remove => !other(row),
            _ => row.role == account.role,
        };
        let later = self.snapshots.iter().filter(same).filter(|row| row.taken_on > done).filter(as_it_was);
        let later = later.min_by_key(|row| row.taken_on)?;
        let seen = format!("carried out on {done}, and there again on {}", later.taken_on);
        Some(said(seen).on([row(&later.at)]).against("removed-account-still-there"))
    }
}

/// Whether somebody decided of what is their own.
fn own(account: &Listed, decided: &Decided) -> bool {
    account.person.iter().chain([&account.account]).any(|own| same_login(own, &decided.decided_by))
}

fn unowned(account: &Listed, decided: &Decided) -> Option<Check> {
    let nobodys = account.person.is_none() && decided.decision != Decision::Remove && !own(account, decided);
    let seen = || format!("{}: stays, and nobody says whose it is", account.account);
    let check = || Check::good("reviewer", "Whose it is", seen()).on([row(&account.at), row(&decided.at)]);
    nobodys.then(|| check().open("owner-of-account-unknown"))
}

/// That the newest snapshot lacks an account which an earlier one has, where no decision says that it went by then.
fn missing(account: &Listed, decided: &Decided, newest: NaiveDate) -> Option<Check> {
    let what = match (decided.decision, decided.done_on) {
        _ if account.taken_on == newest => return None,
        (Decision::Keep, _) => "kept".to_owned(),
        (_, Some(done)) if done > newest => format!("carried out on {done}"),
        // What is not carried out is open by itself.
        _ => return None,
    };
    let seen = format!("{}: {what}, and not in the snapshot of {newest}", account.account);
    let check = Check::good("missing", "What the newest snapshot lacks", seen);
    Some(check.on([row(&account.at), row(&decided.at), Fact::List("snapshots")]).open("not-in-newest-snapshot"))
}
