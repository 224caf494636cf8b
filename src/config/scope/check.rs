//! What a scope must not say.

use super::{NotApplicable, ScopeConfig, Subservice, UserControl};
use crate::catalogue::{Catalogue, Category};
use crate::config::Config;
use crate::toml_file::closest;
use chrono::NaiveDate;
use std::collections::BTreeSet;

/// What is wrong, and what to write instead.
type Wrong = (String, String);

/// The longest that a bridge letter may reach, days: three months.
const BRIDGE_DAYS_MAX: i64 = 92;

impl ScopeConfig {
    /// Refuses what cannot be: ids that there are not, periods that end before they begin, and criteria of security
    /// that nobody carries.
    pub fn check(&self, config: &Config, catalogue: &Catalogue) -> Result<(), Wrong> {
        let known = Known { config, catalogue };
        if let Some(period) = self.period.filter(|period| period.start >= period.end) {
            let message = format!("period: it ends on {} and begins on {}", period.end, period.start);
            return Err((message, "`end` is the first day after the period".into()));
        }
        if !(1..=25).contains(&self.tolerable_percent) {
            let message = format!("tolerable_percent is {}", self.tolerable_percent);
            return Err((message, "a number from 1 to 25; auditors mostly take 5 or 10".into()));
        }
        let mut names = BTreeSet::new();
        for subservice in &self.subservice {
            if !names.insert(&subservice.name) {
                let message = format!("subservice `{}` is there twice", subservice.name);
                return Err((message, "one entry for each organisation, with all its services".into()));
            }
            organisation(subservice, &known)
                .map_err(|(message, hint)| (format!("subservice `{}`: {message}", subservice.name), hint))?;
        }
        user_controls(&self.user_controls, &known)?;
        let mut ids = BTreeSet::new();
        for entry in &self.not_applicable {
            if !ids.insert(&entry.what) {
                return Err((format!("not_applicable names `{}` twice", entry.what), "keep one of them".into()));
            }
            self.not_applicable(entry, &known)
                .map_err(|(message, hint)| (format!("not_applicable `{}`: {message}", entry.what), hint))?;
        }
        Ok(())
    }

    fn not_applicable(&self, entry: &NotApplicable, known: &Known<'_>) -> Result<(), Wrong> {
        known.criterion_or_control(&entry.what)?;
        said("reason", &entry.reason, "say why it does not apply")?;
        said("approver", &entry.approver, "name who approved that")?;
        let owner = known.config.controls.get(&entry.what).map(|control| control.owner.trim().to_lowercase());
        if owner.is_some_and(|owner| owner == entry.approver.trim().to_lowercase()) {
            return Err((format!("{} owns it, and cannot approve this", entry.approver), "somebody else must".into()));
        }
        let security = is_of_security(known.config, known.catalogue, &entry.what);
        let Some(name) = &entry.carried_by else {
            if security {
                let hint = "name the subservice organisation that carries it as `carried_by`, or leave it in scope";
                let message =
                    "a criterion of security, or a control that one hangs on, applies unless somebody else carries it";
                return Err((message.into(), hint.into()));
            }
            return Ok(());
        };
        let Some(subservice) = self.organisation(name) else {
            let hint = "name one of [[scope.subservice]]";
            return Err((format!("carried_by `{name}` is no subservice organisation"), hint.into()));
        };
        if !subservice.carries.contains(&entry.what) {
            let message = format!("`{name}` does not carry it");
            return Err((message, format!("add it to `carries` of `{name}`, if its report says so")));
        }
        let covered = match self.period {
            Some(period) => subservice.covered_until(period.start, NaiveDate::MAX).is_some(),
            None => !subservice.reports.is_empty(),
        };
        if security && !covered {
            let from = self.period.map_or_else(|| "named".to_owned(), |period| format!("there for {}", period.start));
            let hint = "add the report, or its bridge letter, to `reports`; without one it applies";
            return Err((format!("no report of `{name}` is {from}"), hint.into()));
        }
        Ok(())
    }
}

/// Whether it is a criterion of security, or a control that one hangs on: that is key for it, or where no control that
/// applies is, that names it at all.
pub(crate) fn is_of_security(config: &Config, catalogue: &Catalogue, what: &str) -> bool {
    let security = |id: &String| catalogue.criterion(id).is_some_and(|c| c.category == Category::Security);
    let left = |id: &str| config.scope.iter().flat_map(|scope| &scope.not_applicable).any(|entry| entry.what == id);
    let has_key = |criterion: &String| {
        let mut others = catalogue.controls.iter().filter(|control| control.id != what && !left(&control.id));
        others.any(|control| control.key_for.contains(criterion))
    };
    let plan = catalogue.control(what);
    let named = config.controls.get(what).map(|control| &control.criteria).or(plan.map(|plan| &plan.criteria));
    security(&what.to_owned())
        || plan.is_some_and(|plan| plan.key_for.iter().any(security))
        || named.is_some_and(|named| named.iter().any(|id| security(id) && !has_key(id)))
}

fn organisation(subservice: &Subservice, known: &Known<'_>) -> Result<(), Wrong> {
    said("name", &subservice.name, "as it stands in its report")?;
    if subservice.services.is_empty() {
        return Err(("services is empty".into(), "say what you use of it".into()));
    }
    for id in &subservice.carries {
        known.criterion_or_control(id)?;
    }
    for report in &subservice.reports {
        if report.start >= report.end {
            let message = format!("a report ends on {} and begins on {}", report.end, report.start);
            return Err((message, "`end` is the first day after its period".into()));
        }
        let bridge = report.bridge_until.map(|until| (until - report.end).num_days());
        if bridge.is_some_and(|days| !(1..=BRIDGE_DAYS_MAX).contains(&days)) {
            let message =
                format!("the bridge of the report that ends on {} is not of one day to three months", report.end);
            return Err((message, "longer than three months, ask for a newer report".into()));
        }
    }
    user_controls(&subservice.user_controls, known)
}

fn user_controls(entries: &[UserControl], known: &Known<'_>) -> Result<(), Wrong> {
    for entry in entries {
        said("text of a user control", &entry.text, "say what is to be done")?;
        for id in &entry.controls {
            known.control(id)?;
        }
    }
    Ok(())
}

fn said(what: &str, text: &str, hint: &str) -> Result<(), Wrong> {
    let said = !matches!(text.trim().to_lowercase().as_str(), "" | "tbd" | "n/a" | "none");
    if said { Ok(()) } else { Err((format!("{what} is empty"), hint.to_owned())) }
}

/// The ids that there are.
struct Known<'a> {
    config: &'a Config,
    catalogue: &'a Catalogue,
}

impl Known<'_> {
    fn controls(&self) -> impl Iterator<Item = &str> {
        let planned = self.catalogue.controls.iter().map(|control| control.id.as_str());
        planned.chain(self.config.controls.keys().map(String::as_str))
    }

    fn control(&self, id: &str) -> Result<(), Wrong> {
        nearest("control", id, self.controls())
    }

    fn criterion_or_control(&self, id: &str) -> Result<(), Wrong> {
        let criteria = self.catalogue.criteria.iter().map(|criterion| criterion.id.as_str());
        nearest("criterion or control", id, criteria.chain(self.controls()))
    }
}

fn nearest<'a>(what: &str, id: &str, known: impl Iterator<Item = &'a str>) -> Result<(), Wrong> {
    let known: Vec<&str> = known.collect();
    if known.contains(&id) {
        return Ok(());
    }
    let hint = match closest(id, known) {
        Some((_, near)) => format!("the nearest is `{near}`"),
        None => "`evidenced matrix` lists them".to_owned(),
    };
    Err((format!("there is no {what} `{id}`"), hint))
}
