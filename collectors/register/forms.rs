//! Which lists each register has, which columns they have, and what may stand in a cell. The README of this
//! kind says the same for people. How a file is read is `table`'s.

use crate::contract::Items;
use serde::Deserialize;
use serde_json::{Value, json};

/// A register, by the word in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Register {
    /// Systems, snapshots of their accounts, and what was decided of each.
    AccessReviews,
    /// Assets and disposals.
    Assets,
    /// Versions of the plan, exercises, incidents.
    Incidents,
    /// Assessments and risks.
    Risks,
    /// Vendors and their reviews.
    Vendors,
    /// People, training, policies, acknowledgements, accounts.
    Workforce,
}

/// One list of a register: one CSV file.
pub(super) struct List {
    /// Its name; its file is called so as well, if the settings do not say otherwise.
    pub(super) name: &'static str,
    /// Whether the register can be without it.
    pub(super) needed: bool,
    /// The columns that make a row one.
    pub(super) key: &'static [&'static str],
    /// All columns, in the order of the documentation; files may have another.
    pub(super) columns: &'static [Column],
    /// Of each pair the second is not before the first.
    pub(super) order: &'static [(&'static str, &'static str)],
    /// Columns that do not change once they name a day that is past.
    pub(super) settled: &'static [&'static str],
    /// Of each pair the first and last day of a stretch of which a row has room for one: once it is over, a later one
    /// may be written in its place.
    pub(super) stretches: &'static [(&'static str, &'static str)],
    /// Columns that do not change once they say something; where days stand beside one, unless one of them is later now.
    /// What a judge asks of a row and what is no fact of its own day (an owner, a treatment, what is still open, the
    /// newest review of a vendor) is not among them: it changes honestly.
    pub(super) fixed: &'static [(&'static str, &'static [&'static str])],
    /// Columns that only go on: to a later time, to a later one of their words, from no to yes.
    pub(super) onward: &'static [&'static str],
    /// Columns that must stand as a key in another list.
    pub(super) refers: &'static [(&'static [&'static str], &'static str)],
}

/// One column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// Whether every row must say something there.
    pub(super) filled: bool,
}

/// What may stand in a cell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Any text.
    Text,
    /// `2026-03-31`, also one to come.
    Day,
    /// `2026-03-31`, not one to come.
    PastDay,
    /// `2026-03-31` or `2026-03-31T17:00:00Z`, also one to come.
    Moment,
    /// The same, not one to come.
    PastMoment,
    /// The same, or `never`.
    PastMomentOrNever,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `yes` or `no`.
    Flag,
    /// A whole number between these.
    Count(u32, u32),
}

use Form::{Count, Day, Flag, Moment, PastDay, PastMoment, PastMomentOrNever, Text, Word};

const fn must(name: &'static str, form: Form) -> Column {
    Column { name, form, filled: true }
}

const fn may(name: &'static str, form: Form) -> Column {
    Column { name, form, filled: false }
}

/// A list that may be left out, and whose cells may become what they like.
const PLAIN: List = List {
    name: "",
    needed: false,
    key: &[],
    columns: &[],
    order: &[],
    settled: &[],
    stretches: &[],
    fixed: &[],
    onward: &[],
    refers: &[],
};

const FOLLOWED: Form = Word(&["none", "done", "open"]);

const VENDORS: &[List] = &[List {
    name: "vendors",
    needed: true,
    key: &["vendor"],
    columns: &[
        must("vendor", Text),
        must("service", Text),
        must("tier", Word(&["low", "medium", "high", "critical"])),
        may("data", Text),
        must("owner", Text),
        must("since", Day),
        may("until", Day),
        may("reviewed_on", PastDay),
        may("reviewer", Text),
        must("report", Word(&["soc2_type2", "soc2_type1", "soc1_type2", "iso27001", "questionnaire", "none"])),
        may("period_start", Day),
        may("period_end", Day),
        may("bridge_until", Day),
        must("exceptions", FOLLOWED),
        must("user_controls", FOLLOWED),
        must("contract_security", Flag),
    ],
    order: &[("since", "until"), ("period_start", "period_end"), ("period_end", "bridge_until")],
    settled: &["since", "until"],
    // A lower tier takes a vendor out of the test; its review, report and findings are each year's own.
    onward: &["tier"],
    ..PLAIN
}];

const WORKFORCE: &[List] = &[
    List {
        name: "people",
        needed: true,
        key: &["person"],
        columns: &[
            must("person", Text),
            must("engagement", Word(&["employee", "contractor"])),
            must("start", Day),
            may("end", Moment),
            may("leave_start", Day),
            may("leave_end", Day),
            may("screened_on", PastDay),
        ],
        order: &[("start", "end"), ("leave_start", "leave_end")],
        // The screening that counts is the one before the start: a later one is no reason to write it over.
        settled: &["start", "end", "leave_start", "leave_end", "screened_on"],
        stretches: &[("leave_start", "leave_end")],
        ..PLAIN
    },
    List {
        name: "training",
        key: &["person", "course", "completed_on"],
        columns: &[must("person", Text), must("course", Text), may("version", Text), must("completed_on", PastDay)],
        refers: &[(&["person"], "people")],
        ..PLAIN
    },
    List {
        name: "policies",
        key: &["policy", "version"],
        columns: &[
            must("policy", Text),
            must("version", Text),
            may("approved_on", PastDay),
            may("approved_by", Text),
            must("in_force_from", Day),
            may("reviewed_on", PastDay),
            may("retired_on", Day),
        ],
        order: &[("in_force_from", "retired_on")],
        settled: &["in_force_from", "approved_on"],
        fixed: &[("approved_by", &[])],
        ..PLAIN
    },
    List {
        name: "acknowledgements",
        key: &["person", "policy", "version"],
        columns: &[must("person", Text), must("policy", Text), must("version", Text), must("acknowledged_on", PastDay)],
        settled: &["acknowledged_on"],
        refers: &[(&["person"], "people"), (&["policy", "version"], "policies")],
        ..PLAIN
    },
    List {
        name: "accounts",
        key: &["system", "account"],
        columns: &[
            must("system", Text),
            must("account", Text),
            must("person", Text),
            may("granted_at", PastMoment),
            may("requested_by", Text),
            may("approved_by", Text),
            may("approved_at", PastMoment),
            may("removed_at", PastMoment),
            may("last_used_at", PastMomentOrNever),
        ],
        order: &[("granted_at", "removed_at")],
        settled: &["granted_at", "approved_at", "removed_at"],
        // Under another person it would be no leaver's account any more; a name that is given anew is corrected.
        fixed: &[("person", &[]), ("requested_by", &[]), ("approved_by", &[])],
        onward: &["last_used_at"],
        refers: &[(&["person"], "people")],
        ..PLAIN
    },
];

const RISKS: &[List] = &[
    List {
        name: "assessments",
        needed: true,
        key: &["assessment"],
        columns: &[
            must("assessment", Text),
            must("done_on", PastDay),
            may("approved_by", Text),
            may("approved_on", PastDay),
        ],
        order: &[("done_on", "approved_on")],
        settled: &["done_on", "approved_on"],
        fixed: &[("approved_by", &[])],
        ..PLAIN
    },
    List {
        name: "risks",
        needed: true,
        key: &["risk"],
        columns: &[
            must("risk", Text),
            must("category", Text),
            must("title", Text),
            must("assessed_on", PastDay),
            may("likelihood", Count(1, 5)),
            may("impact", Count(1, 5)),
            may("owner", Text),
            may("treatment", Word(&["mitigate", "accept", "transfer", "avoid"])),
            may("accepted_by", Text),
            may("accepted_on", PastDay),
            must("state", Word(&["open", "closed"])),
        ],
        // Each acceptance and each assessment is a new one. Owner, rating, treatment and state follow the risk.
        fixed: &[("category", &["assessed_on"]), ("accepted_by", &["accepted_on", "assessed_on"])],
        ..PLAIN
    },
];

const INCIDENTS: &[List] = &[
    List {
        name: "plans",
        needed: true,
        key: &["version"],
        columns: &[
            must("version", Text),
            may("approved_on", PastDay),
            may("approved_by", Text),
            must("in_force_from", Day),
        ],
        settled: &["approved_on", "in_force_from"],
        fixed: &[("approved_by", &[])],
        ..PLAIN
    },
    List {
        name: "exercises",
        needed: true,
        key: &["exercise"],
        columns: &[
            must("exercise", Text),
            must("held_on", PastDay),
            must("version", Text),
            must("scenario", Text),
            must("people", Count(1, 100_000)),
            must("actions_open", Count(0, 100_000)),
        ],
        settled: &["held_on"],
        refers: &[(&["version"], "plans")],
        ..PLAIN
    },
    List {
        name: "incidents",
        needed: true,
        key: &["incident"],
        columns: &[
            must("incident", Text),
            may("severity", Word(&["low", "medium", "high", "critical"])),
            must("detected_at", PastMoment),
            may("resolved_at", PastMoment),
            may("version", Text),
            may("root_cause", Text),
            may("reviewed_on", PastDay),
            may("actions_open", Count(0, 100_000)),
        ],
        order: &[("detected_at", "resolved_at"), ("detected_at", "reviewed_on")],
        settled: &["detected_at", "resolved_at", "reviewed_on"],
        // Worse than it looked at first is honest; less bad asks for less.
        onward: &["severity"],
        refers: &[(&["version"], "plans")],
        ..PLAIN
    },
];

const ACCESS_REVIEWS: &[List] = &[
    List {
        name: "systems",
        needed: true,
        key: &["system"],
        columns: &[must("system", Text), must("owner", Text), must("since", Day), may("until", Day)],
        order: &[("since", "until")],
        settled: &["since", "until"],
        ..PLAIN
    },
    List {
        name: "snapshots",
        needed: true,
        key: &["system", "taken_on", "account"],
        columns: &[
            must("system", Text),
            must("taken_on", PastDay),
            must("account", Text),
            may("person", Text),
            must("role", Text),
        ],
        fixed: &[("person", &[]), ("role", &[])],
        refers: &[(&["system"], "systems")],
        ..PLAIN
    },
    List {
        name: "decisions",
        needed: true,
        key: &["system", "taken_on", "account"],
        columns: &[
            must("system", Text),
            must("taken_on", PastDay),
            must("account", Text),
            must("decision", Word(&["keep", "change", "remove"])),
            must("decided_by", Text),
            must("decided_on", PastDay),
            may("done_on", PastDay),
        ],
        order: &[("taken_on", "decided_on"), ("decided_on", "done_on")],
        settled: &["decided_on", "done_on"],
        // Whoever thinks again decides of a new snapshot.
        fixed: &[("decision", &[]), ("decided_by", &[])],
        refers: &[(&["system", "taken_on", "account"], "snapshots")],
        ..PLAIN
    },
];

const ASSETS: &[List] = &[
    List {
        name: "assets",
        needed: true,
        key: &["asset"],
        columns: &[
            must("asset", Text),
            must("kind", Text),
            may("owner", Text),
            must("since", Day),
            may("seen_on", PastDay),
            must("holds_data", Flag),
        ],
        order: &[("since", "seen_on")],
        settled: &["since"],
        // Seen after it left is a contradiction that an earlier day would hide; without data it needs no proof of its end.
        onward: &["seen_on", "holds_data"],
        ..PLAIN
    },
    List {
        name: "disposals",
        needed: true,
        key: &["asset"],
        columns: &[must("asset", Text), must("disposed_on", PastDay), may("method", Text), may("proof", Text)],
        settled: &["disposed_on"],
        refers: &[(&["asset"], "assets")],
        ..PLAIN
    },
];

impl Register {
    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::AccessReviews => "access_reviews",
            Self::Assets => "assets",
            Self::Incidents => "incidents",
            Self::Risks => "risks",
            Self::Vendors => "vendors",
            Self::Workforce => "workforce",
        }
    }

    /// Its lists; one that others refer to stands before them.
    pub(super) fn lists(self) -> &'static [List] {
        match self {
            Self::AccessReviews => ACCESS_REVIEWS,
            Self::Assets => ASSETS,
            Self::Incidents => INCIDENTS,
            Self::Risks => RISKS,
            Self::Vendors => VENDORS,
            Self::Workforce => WORKFORCE,
        }
    }

    /// Rows by list, as the typed items.
    pub(super) fn items(self, lists: &serde_json::Map<String, Value>) -> Result<Items, serde_json::Error> {
        Items::deserialize(json!({ self.word(): lists }))
    }
}
