//! Every item that a control applies to, with the reason why the list is whole.
//!
//! A list that looks complete and is not is the worst bug this software can have, so a `Population`
//! cannot be built without at least one `Whole`, and a `Whole` only from facts that show it.

use super::register::{AccessReviews, Assets, Incidents, Risks, Vendors, Workforce};
use super::{
    AuditLog, Change, CollectError, Document, Ipe, Principal, Reconciliation, Restores, Unread, Vulnerability,
};
use serde::{Deserialize, Serialize};

/// The items, by what they are and not by where they came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Items {
    /// Everything that reached a production branch.
    Changes(Vec<Change>),
    /// Everyone who can sign in.
    Principals(Vec<Principal>),
    /// Documents that people added.
    Documents(Vec<Document>),
    /// Registered stores, and tests of restoring them.
    Restores(Restores),
    /// Reviews of who has access.
    AccessReviews(AccessReviews),
    /// Devices, systems and media.
    Assets(Assets),
    /// The plan for incidents, exercises, incidents.
    Incidents(Incidents),
    /// Risk assessments and risks.
    Risks(Risks),
    /// Vendors and reviews of them.
    Vendors(Vendors),
    /// People, and what is joined to them.
    Workforce(Workforce),
    /// Places that are looked through for vulnerabilities, and what was found there.
    Vulnerabilities(Vec<Vulnerability>),
    /// Regions of accounts, and what writes down there what happens.
    AuditLogs(Vec<AuditLog>),
}

impl Items {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Changes(items) => items.len(),
            Self::Principals(items) => items.len(),
            Self::Documents(items) => items.len(),
            Self::Restores(restores) => restores.tests.len(),
            Self::AccessReviews(register) => register.len(),
            Self::Assets(register) => register.len(),
            Self::Incidents(register) => register.len(),
            Self::Risks(register) => register.len(),
            Self::Vendors(register) => register.len(),
            Self::Workforce(register) => register.len(),
            Self::Vulnerabilities(items) => items.len(),
            Self::AuditLogs(items) => items.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Into one order, whatever order the source answered in.
    fn sort(&mut self) {
        match self {
            Self::Changes(items) => items.sort_by(|a, b| (a.landing.at, &a.id).cmp(&(b.landing.at, &b.id))),
            Self::Principals(items) => items.sort_by(|a, b| a.id.cmp(&b.id)),
            Self::Vulnerabilities(items) => items.sort_by(|a, b| a.id.cmp(&b.id)),
            Self::AuditLogs(items) => items.sort_by(|a, b| a.id.cmp(&b.id)),
            Self::Documents(items) => items.sort_by(|a, b| a.file.cmp(&b.file)),
            Self::Restores(restores) => {
                restores.stores.sort_by(|a, b| a.name.cmp(&b.name));
                restores.tests.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
            }
            // Rows are in the order of their files.
            Self::AccessReviews(_)
            | Self::Assets(_)
            | Self::Incidents(_)
            | Self::Risks(_)
            | Self::Vendors(_)
            | Self::Workforce(_) => {}
        }
    }
}

/// One reason why a list is whole. Private inside: built by the checks below, or read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Whole(Reason);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Reason {
    LastPage { what: String, pages: u32 },
    Total(Reconciliation),
    Chain { what: String, from: String, to: String, links: u32 },
    Unchanged { what: String, since: String },
}

/// In one sentence, for people.
impl std::fmt::Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Reason::LastPage { what, pages } => {
                write!(f, "{what}: read to the page that the source calls the last ({pages} read)")
            }
            Reason::Total(Reconciliation { what, against, held, stated }) => {
                write!(f, "{what}: {held} held, and {against} states {stated}")
            }
            Reason::Chain { what, from, to, links } => {
                write!(f, "{what}: {links} updates lead without a break from {from} to {to}")
            }
            Reason::Unchanged { what, since } => {
                write!(f, "{what}: the source says that nothing changed since {since}")
            }
        }
    }
}

impl Whole {
    /// Every page was read and the source said that the last one was the last.
    pub fn last_page(what: impl Into<String>, pages: u32) -> Self {
        Self(Reason::LastPage { what: what.into(), pages })
    }

    /// Our total is the one that another source states; a difference is an `Unread`.
    pub fn total(
        what: impl Into<String>,
        held: u64,
        against: impl Into<String>,
        stated: u64,
    ) -> Result<(Self, Reconciliation), Unread> {
        let both = Reconciliation { what: what.into(), against: against.into(), held, stated };
        if held == stated {
            return Ok((Self(Reason::Total(both.clone())), both));
        }
        Err(Unread {
            why: format!("{held} held, but {} states {stated}", both.against),
            what: both.what,
            permission: None,
            hint: Some("see which of the two lists lacks items; the next run reads again".to_owned()),
        })
    }

    /// Each link starts where the one before ended, from the last known state to the present one.
    /// `links` are (before, after) pairs, oldest first.
    pub fn chain<'a>(
        what: impl Into<String>,
        from: &str,
        to: &str,
        links: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Unread> {
        let what = what.into();
        let broken = |why: String| Unread {
            what: what.clone(),
            why,
            permission: None,
            hint: Some("updates are missing from the source's answer; the next run reads again".to_owned()),
        };
        let mut at = from;
        let mut count = 0;
        for (before, after) in links {
            if before != at {
                return Err(broken(format!(
                    "the update to {after} starts at {before}, but the last known state is {at}"
                )));
            }
            at = after;
            count += 1;
        }
        if at != to {
            return Err(broken(format!("the updates lead to {at}, but the present state is {to}")));
        }
        Ok(Self(Reason::Chain { what, from: from.to_owned(), to: to.to_owned(), links: count }))
    }

    /// The source says that nothing changed since the answer we hold (`304 Not Modified`).
    pub fn unchanged(what: impl Into<String>, since: impl Into<String>) -> Self {
        Self(Reason::Unchanged { what: what.into(), since: since.into() })
    }
}

/// A whole list, with the reasons why it is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    items: Items,
    whole: Vec<Whole>,
    ipe: Ipe,
    carry: Option<serde_json::Value>,
}

impl Population {
    /// A population that is whole for the reasons given. No reason, no population; nor is there one of answers from
    /// another time than ours, because what falls into the window and how old it is was told by our clock.
    pub fn new(
        mut items: Items,
        whole: Vec<Whole>,
        ipe: Ipe,
        carry: Option<serde_json::Value>,
    ) -> Result<Self, CollectError> {
        let mut unread = Vec::new();
        if whole.is_empty() {
            unread.push(Unread {
                what: ipe.source.clone(),
                why: "nothing shows that the list is whole".to_owned(),
                permission: None,
                hint: None,
            });
        }
        unread.extend(ipe.skewed());
        if !unread.is_empty() {
            // Where a chain or window ended is not known either, so that nothing is left of such a run.
            return Err(Partial::of(items, None, unread, ipe, None));
        }
        items.sort();
        Ok(Self { items, whole, ipe, carry })
    }

    /// The items, in one stable order.
    pub fn items(&self) -> &Items {
        &self.items
    }

    /// Why the list is whole.
    pub fn whole(&self) -> &[Whole] {
        &self.whole
    }

    /// Where it comes from.
    pub fn ipe(&self) -> &Ipe {
        &self.ipe
    }

    /// What the next run of the same collector is to be told (last known head, ETag).
    pub fn carry(&self) -> Option<&serde_json::Value> {
        self.carry.as_ref()
    }
}

/// What was read of a population that is not whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partial {
    /// What was read.
    pub items: Items,
    /// How many items that is.
    pub observed: u64,
    /// How many there should be, if anybody says.
    pub expected: Option<u64>,
    /// What was not read: never empty.
    pub unread: Vec<Unread>,
    /// Where it comes from.
    pub ipe: Ipe,
    /// What the next run is to be told: all that may not go, of what was read now and of what this run was told.
    /// `None` of a kind that goes on from where its last complete run ended.
    pub carry: Option<serde_json::Value>,
}

impl Partial {
    /// An incomplete collection. `carry` is `Partial::carry`.
    pub fn of(
        mut items: Items,
        expected: Option<u64>,
        unread: Vec<Unread>,
        ipe: Ipe,
        carry: Option<serde_json::Value>,
    ) -> CollectError {
        items.sort();
        CollectError::Incomplete(Box::new(Self { observed: items.len() as u64, items, expected, unread, ipe, carry }))
    }

    pub(super) fn expected_text(&self) -> String {
        self.expected.map_or_else(|| "an unknown number".to_owned(), |n| n.to_string())
    }

    pub(super) fn first_unread(&self) -> String {
        self.unread.first().map_or_else(String::new, |u| format!("{}: {}", u.what, u.why))
    }
}
