//! From an id to everything related to it, by what the files say.

use super::{Catalogue, Control, Criterion};
use crate::toml_file::closest;
use serde::Serialize;
use std::collections::BTreeSet;

/// Another framework that criteria and controls relate to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// NIST SP 800-53, revision 5.
    Nist,
    /// ISO/IEC 27001:2022.
    Iso,
}

/// An id that the catalogue does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\nhint: {hint}")]
pub struct Unknown {
    /// What is not there.
    pub message: String,
    /// What is near.
    pub hint: String,
}

/// What is related to the id that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Related<'a> {
    /// In the order of the catalogue.
    pub criteria: Vec<&'a Criterion>,
    /// In the order of the catalogue.
    pub controls: Vec<&'a Control>,
}

impl Catalogue {
    /// The criterion of that id.
    pub fn criterion(&self, id: &str) -> Option<&Criterion> {
        self.criteria.iter().find(|criterion| criterion.id == id)
    }

    /// The control of that id.
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id == id)
    }

    /// The criterion of that id, or the nearest there is.
    pub fn known_criterion(&self, id: &str) -> Result<&Criterion, Unknown> {
        self.criterion(id).ok_or_else(|| unknown("criterion", id, self.criteria.iter().map(|c| c.id.as_str())))
    }

    /// A criterion with the controls that help to meet it, or a control with its criteria. Case does not matter.
    pub fn related(&self, id: &str) -> Result<Related<'_>, Unknown> {
        if let Some(criterion) = self.criteria.iter().find(|c| c.id.eq_ignore_ascii_case(id)) {
            let controls = self.controls.iter().filter(|control| control.criteria.contains(&criterion.id));
            return Ok(Related { criteria: vec![criterion], controls: controls.collect() });
        }
        if let Some(control) = self.controls.iter().find(|c| c.id.eq_ignore_ascii_case(id)) {
            let criteria = self.criteria.iter().filter(|criterion| control.criteria.contains(&criterion.id));
            return Ok(Related { criteria: criteria.collect(), controls: vec![control] });
        }
        let known = self.criteria.iter().map(|c| c.id.as_str()).chain(self.controls.iter().map(|c| c.id.as_str()));
        Err(unknown("criterion or control", id, known))
    }

    /// What names a control of another framework. Case does not matter.
    pub fn related_to(&self, framework: Framework, id: &str) -> Result<Related<'_>, Unknown> {
        let of_criterion = |criterion: &Criterion| named(framework, &criterion.nist, &criterion.iso, id);
        let of_control = |control: &Control| named(framework, &control.nist, &control.iso, id);
        let related = Related {
            criteria: self.criteria.iter().filter(|criterion| of_criterion(criterion)).collect(),
            controls: self.controls.iter().filter(|control| of_control(control)).collect(),
        };
        if !related.criteria.is_empty() || !related.controls.is_empty() {
            return Ok(related);
        }
        let (what, known): (_, BTreeSet<&String>) = match framework {
            Framework::Nist => ("relation to NIST SP 800-53", self.criteria.iter().flat_map(|c| &c.nist).collect()),
            Framework::Iso => ("relation to ISO/IEC 27001", self.criteria.iter().flat_map(|c| &c.iso).collect()),
        };
        Err(unknown(what, id, known.into_iter().map(String::as_str)))
    }

    /// The relations of a control: its own, or if it names none, those of its criteria.
    pub fn relations(&self, framework: Framework, control: &Control) -> Vec<String> {
        let pick = |nist: &[String], iso: &[String]| match framework {
            Framework::Nist => nist.to_vec(),
            Framework::Iso => iso.to_vec(),
        };
        let own = pick(&control.nist, &control.iso);
        if own.is_empty() { self.relations_of(framework, &control.criteria) } else { own }
    }

    /// The relations of criteria together, each once, in the order of the catalogue.
    pub fn relations_of(&self, framework: Framework, criteria: &[String]) -> Vec<String> {
        let mut relations: Vec<String> = Vec::new();
        for criterion in criteria.iter().filter_map(|id| self.criterion(id)) {
            let named = match framework {
                Framework::Nist => &criterion.nist,
                Framework::Iso => &criterion.iso,
            };
            for id in named {
                if !relations.contains(id) {
                    relations.push(id.clone());
                }
            }
        }
        relations
    }
}

fn named(framework: Framework, nist: &[String], iso: &[String], id: &str) -> bool {
    let list = match framework {
        Framework::Nist => nist,
        Framework::Iso => iso,
    };
    list.iter().any(|known| known.eq_ignore_ascii_case(id))
}

fn unknown<'a>(what: &str, id: &str, known: impl IntoIterator<Item = &'a str>) -> Unknown {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    let nearest = closest(id, known).map_or_else(String::new, |(_, known)| format!("the nearest is `{known}`; "));
    Unknown {
        message: format!("the catalogue has no {what} `{shown}`"),
        hint: format!("{nearest}`evidenced search WORDS` looks for words"),
    }
}
