//! What the scope comes to beside plans and reports: what to be warned of, and whether what is left out may be. Pure.

use super::facts::{Control, Facts};
use crate::catalogue::{Catalogue, Category};
use crate::config::{AuditType, Config, Loaded, Method, NotApplicable, ScopeConfig, is_of_security};
use crate::judge::Test;
use crate::schedule::Frequency;
use crate::unit::Every;
use chrono::{DateTime, Months, Utc};
use std::collections::BTreeSet;

/// The categories of a configuration: those of its scope, or without one security and whatever its controls name.
pub(super) fn categories(config: &Config, catalogue: &Catalogue) -> BTreeSet<Category> {
    match &config.scope {
        Some(scope) => scope.categories(),
        None => {
            let named = config.controls.values().flat_map(|control| &control.criteria);
            let of = named.filter_map(|id| catalogue.criterion(id)).map(|criterion| criterion.category);
            of.chain([Category::Security]).collect()
        }
    }
}

/// Why an entry of `not_applicable` does not hold at an instant; `None`: it does. What somebody else carries is out
/// of scope only as long as their reports go.
pub(super) fn does_not_hold(loaded: &Loaded, entry: &NotApplicable, at: DateTime<Utc>) -> Option<String> {
    if entry.on > at.date_naive() {
        return Some(format!(
            "{}: what says that it does not apply is approved on {} only, so it applies",
            entry.what, entry.on
        ));
    }
    let name = entry.carried_by.as_ref().filter(|_| is_of_security(&loaded.config, &loaded.catalogue, &entry.what))?;
    let scope = loaded.config.scope.as_ref()?;
    let (period, subservice) = (scope.period, scope.organisation(name)?);
    let start = period.map_or(at.date_naive(), |period| period.start);
    let needed = period.map_or(at.date_naive(), |period| period.end.min(at.date_naive()));
    match subservice.covered_until(start, at.date_naive()) {
        Some(until) if until >= needed => None,
        Some(until) => Some(format!("{}: the reports of {name} reach to {until}, so it applies", entry.what)),
        None => Some(format!("{}: no report of {name} covers {start}, so it applies", entry.what)),
    }
}

/// What to know about the scope.
pub(super) fn warnings(facts: &Facts, loaded: &Loaded) -> Vec<String> {
    let mut warnings = Vec::new();
    match &loaded.config.scope {
        None => warnings.push(
            "no [scope] is configured: security, and the categories that the controls name; `evidenced scope --ask` makes one"
                .to_owned(),
        ),
        Some(scope) => of_scope(facts, scope, loaded, &mut warnings),
    }
    for category in &facts.categories {
        let criteria: Vec<_> = facts.applicable().filter(|criterion| criterion.category == *category).collect();
        let without = criteria.iter().filter(|criterion| facts.own(&criterion.id).next().is_none()).count();
        if without > 0 {
            let name = super::grid::word(category);
            warnings.push(format!("{name}: {without} of {} criteria have no control of yours", criteria.len()));
        }
    }
    warnings.extend(facts.controls.iter().filter_map(|control| stays_fresh(loaded, control)));
    too_short(facts, loaded, &mut warnings);
    warnings
}

fn of_scope(facts: &Facts, scope: &ScopeConfig, loaded: &Loaded, warnings: &mut Vec<String>) {
    if scope.boundary.trim().is_empty() {
        warnings.push("the boundary of the system is not described".to_owned());
    }
    if scope.period.is_none() {
        warnings.push("the period is not set".to_owned());
    }
    warnings.extend(scope.not_applicable.iter().filter_map(|entry| does_not_hold(loaded, entry, facts.as_of)));
    let unknown = |id: &&String| facts.control(id).is_none_or(|control| !control.own);
    for subservice in &scope.subservice {
        let name = &subservice.name;
        if subservice.method == Method::CarveOut && subservice.user_controls.is_empty() {
            warnings.push(format!("{name} is carved out, and none of its complementary user controls is named"));
        }
        for entry in &subservice.user_controls {
            if entry.controls.is_empty() {
                warnings.push(format!("{name} expects \"{}\", and no control of yours does it", entry.text));
            }
            let others = entry.controls.iter().filter(unknown);
            warnings
                .extend(others.map(|id| format!("{name} expects \"{}\", and {id} is no control of yours", entry.text)));
        }
        if subservice.carries.iter().any(|id| loaded.catalogue.criterion(id).is_some()) && subservice.reports.is_empty()
        {
            warnings.push(format!("{name} carries criteria, and no report of it is named"));
        }
    }
}

/// That evidence counts as fresh for longer than its frequency lets it be missing.
fn stays_fresh(loaded: &Loaded, control: &Control) -> Option<String> {
    let config = loaded.config.controls.get(&control.id)?;
    let frequency = config.frequency.filter(|frequency| config.stale_after() > frequency.gap_after())?;
    let (days, word) = (config.stale_after().delta().num_days(), frequency.word());
    Some(format!("{}: its evidence counts as fresh for {days} days, though its frequency is {word}", control.id))
}

/// How often a control acts: `frequency` in the configuration says how often it is read, which may be more often than
/// it acts by its plan, or than there must be a document of it.
fn acts(loaded: &Loaded, control: &Control) -> Option<Frequency> {
    let planned = loaded.catalogue.control(&control.id).map(|plan| plan.frequency);
    let documented = match loaded.tests.get(&control.id) {
        Some(Test::Documented(policy)) => Some(match policy.every {
            Every::Month => Frequency::Monthly,
            Every::Quarter => Frequency::Quarterly,
            Every::Year => Frequency::Annual,
        }),
        _ => None,
    };
    [control.frequency, planned, documented].into_iter().flatten().max_by_key(|frequency| frequency.gap_after())
}

/// Controls that act too seldom for the period.
fn too_short(facts: &Facts, loaded: &Loaded, warnings: &mut Vec<String>) {
    let Some(period) = facts.period.filter(|_| facts.audit == AuditType::Type2) else { return };
    let months = |count| period.start.checked_add_months(Months::new(count)).is_some_and(|end| end <= period.end);
    if !months(3) {
        warnings.push("the period is shorter than three months, which auditors seldom take".to_owned());
    }
    if months(12) && period.start.checked_add_months(Months::new(12)) < Some(period.end) {
        warnings.push("the period is longer than a year, which auditors seldom take".to_owned());
    }
    let own = facts.counted().filter(|control| control.own);
    let own: Vec<_> = own.map(|control| (control.id.as_str(), acts(loaded, control))).collect();
    let of = |frequency| own.iter().filter(move |(_, acts)| *acts == Some(frequency)).map(|(id, _)| *id);
    let annual: Vec<&str> = of(Frequency::Annual).collect();
    if !annual.is_empty() && !months(12) {
        warnings.push(format!(
            "the period is shorter than a year: annual controls can be tested only if they run inside it: {}",
            annual.join(", ")
        ));
    }
    let quarterly: Vec<&str> = of(Frequency::Quarterly).collect();
    if !quarterly.is_empty() && Frequency::Quarterly.whole(period) < 2 {
        let quarters = Frequency::Quarterly.whole(period);
        warnings
            .push(format!("{quarters} whole quarters lie in the period, for the quarterly {}", quarterly.join(", ")));
    }
}
