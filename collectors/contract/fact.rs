//! Facts that judges look at, by small keys, and where a kind finds them in what was sealed. No judge
//! knows a wire form, and no kind knows a rule: these keys are all that they share.

use super::register::Place;
use super::{AuditLog, Change, Principal, RestoreTest, Vulnerability};
use crate::door::Exchange;
use serde::Serialize;
use std::fmt;

/// One item as it was judged.
#[derive(Debug, Clone)]
pub enum Item<'a> {
    /// One change of a production branch.
    Change(&'a Change),
    /// One principal, or an account that was not read.
    Principal(&'a Principal),
    /// One store, with the tests that were judged.
    Restores {
        /// `Store::name`, or as the tests name it.
        store: &'a str,
        /// Oldest first.
        tests: Vec<&'a RestoreTest>,
    },
    /// Something that a register lists, by the name that it is judged under.
    Listed(String),
    /// One place that is looked through, or one vulnerability.
    Vulnerability(&'a Vulnerability),
    /// One region of an account, or an account that was not read.
    AuditLog(&'a AuditLog),
}

/// What an attribute of an item rests on. A new one is a line here, and one in the `locate` of each kind
/// that reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A key of the control's policy, as sealed with the verdict. No kind is asked for it.
    Policy(&'static str),

    /// The branch update that brought a change.
    Landing,
    /// Which pull request brought it, from where to where; or that there is none.
    PullRequest,
    /// Who opened the pull request.
    Author,
    /// The commit at its tip when it was merged.
    Head,
    /// The list of its reviews.
    Reviews,
    /// The review of that id.
    Review(String),
    /// The dismissal of the review of that id.
    Dismissal(String),
    /// When its base was switched.
    BaseChange,
    /// The commit of that id, with its authors.
    Commit(String),
    /// Who made the commit of that id a branch's tip.
    Push(String),
    /// Who put it into the merge queue.
    Enqueuer,
    /// Whether branch rules were bypassed.
    Rules,
    /// Paths touched.
    Paths,
    /// Authors of what a push brought.
    Authors,
    /// The file that names the owners of paths, as it was before the landing, and the teams that it names.
    CodeOwners,
    /// What the commit of that id changes against where it left the branch.
    Compared(String),
    /// Who started the agent that opened the pull request.
    Initiator,
    /// Reviews after the fact.
    Afterwards,

    /// Whether an account could be read, and its state.
    Account,
    /// When the report was made.
    ReportTime,
    /// Whether there is a password.
    Password,
    /// Whether there is a second factor.
    Factor,
    /// Of which kind it is.
    Devices,
    /// Active access keys.
    Keys,
    /// Active signing certificates.
    Certificates,
    /// Who uses it: a person or a machine.
    UsedBy,
    /// That an account trusts an identity provider.
    Provider,
    /// What the register says of an identity provider.
    ProviderRegister,
    /// Which directory the account's central sign-in uses.
    Directory,
    /// The policies that a user has, where one of them may deny everything without a second factor.
    DenyPolicy,

    /// What the register says of a store.
    Store(String),
    /// One field of one restore test, by the field's name in `RestoreTest`.
    Test {
        /// `RestoreTest::id`.
        id: String,
        /// `status`, `validated`, ...
        field: &'static str,
    },

    /// A row of a register.
    Row(Place),
    /// A list of a register, or of documents, where what is looked for does not stand in it.
    List(&'static str),
    /// One side of a document: a key of its sidecar; `bytes`, what was read of it; `before`, as the run before left
    /// it; `withdrawn`, that the configuration says so.
    Document {
        /// `Document::file`.
        file: String,
        /// Which.
        side: &'static str,
    },
    /// Whether a place is looked through for vulnerabilities.
    Scanning,
    /// One side of a vulnerability: `found`, `severity`, `closing`.
    Finding(&'static str),

    /// The trails that take in a region, with what each is made to do.
    Trails,
    /// How a trail is now, by its full name.
    TrailStatus(String),
    /// Which events a trail writes down, by its full name.
    TrailEvents(String),
    /// How long a store keeps what it has, by the store's name.
    KeptFor(String),
    /// Whether something looks through a region's events for threats.
    ThreatDetection,
}

impl fmt::Display for Fact {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(key) => write!(to, "policy {key}"),
            Self::Landing => to.write_str("landing"),
            Self::PullRequest => to.write_str("pull request"),
            Self::Author => to.write_str("author"),
            Self::Head => to.write_str("merged content"),
            Self::Reviews => to.write_str("reviews"),
            Self::Review(id) => write!(to, "review {id}"),
            Self::Dismissal(id) => write!(to, "dismissal of review {id}"),
            Self::BaseChange => to.write_str("base switched"),
            Self::Commit(oid) => write!(to, "commit {oid}"),
            Self::Push(oid) => write!(to, "push of {oid}"),
            Self::Enqueuer => to.write_str("enqueued"),
            Self::Rules => to.write_str("rule bypass"),
            Self::Paths => to.write_str("paths"),
            Self::Authors => to.write_str("authors"),
            Self::CodeOwners => to.write_str("code owners"),
            Self::Compared(oid) => write!(to, "comparison of {oid}"),
            Self::Initiator => to.write_str("initiator"),
            Self::Afterwards => to.write_str("review after the fact"),
            Self::Account => to.write_str("account"),
            Self::ReportTime => to.write_str("report time"),
            Self::Password => to.write_str("password"),
            Self::Factor => to.write_str("factor"),
            Self::Devices => to.write_str("devices"),
            Self::Keys => to.write_str("access keys"),
            Self::Certificates => to.write_str("certificates"),
            Self::UsedBy => to.write_str("register"),
            Self::Provider => to.write_str("provider"),
            Self::ProviderRegister => to.write_str("register of providers"),
            Self::Directory => to.write_str("directory"),
            Self::DenyPolicy => to.write_str("policies"),
            Self::Store(name) => write!(to, "store {name}"),
            Self::Test { id, field } => write!(to, "test {id}: {field}"),
            Self::Row(place) => write!(to, "{} {}", place.list, place.key),
            Self::List(list) => write!(to, "list {list}"),
            Self::Document { file, side } => write!(to, "document {file}: {side}"),
            Self::Scanning => to.write_str("scanning"),
            Self::Finding(side) => write!(to, "finding: {side}"),
            Self::Trails => to.write_str("trails"),
            Self::TrailStatus(arn) => write!(to, "status of {arn}"),
            Self::TrailEvents(arn) => write!(to, "events of {arn}"),
            Self::KeptFor(store) => write!(to, "retention of {store}"),
            Self::ThreatDetection => to.write_str("threat detection"),
        }
    }
}

/// A sealed file that a fact may stand in, shown to a `Locator` one after the other: first `run.json`,
/// then every exchange in order of sending.
#[derive(Clone, Copy)]
pub enum Sealed<'a> {
    /// `run.json`: `/settings`, and `/task/carry`, what the run before left.
    Run(&'a serde_json::Value),
    /// One exchange.
    Exchange(&'a Exchange),
}

/// Finds facts of one item in the sealed files that it is shown. Pure; remembers what it has seen.
pub type Locator<'a> = Box<dyn FnMut(Sealed<'_>) -> Vec<Found> + 'a>;

/// One fact's place in the file that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which fact.
    pub fact: Fact,
    /// Where.
    pub at: At,
    /// What stands there.
    pub stands: Stands,
}

/// A place inside a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// A JSON pointer (RFC 6901) into the body, or into `run.json`. Empty: all of it.
    Pointer(String),
    /// A JSON pointer into the exchange's head, which has the status or the failure.
    Head(String),
    /// A line of the body.
    Line {
        /// From 1.
        line: u64,
        /// A JSON pointer into the line, where it is JSON. Empty: all of it.
        pointer: String,
    },
    /// An element of an XML body: `/A/B/member[2]/C`, counted from 1 among its namesakes.
    Element(String),
    /// A cell of the CSV that an element of an XML body holds in base64.
    Cell {
        /// The element.
        element: String,
        /// The row, from 1; the header is row 1.
        row: u64,
        /// The column's name.
        column: String,
    },
    /// All lines of the body from one on: the rows of a CSV file below its header.
    Rows {
        /// From 1.
        from: u64,
    },
}

impl fmt::Display for At {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) if pointer.is_empty() => to.write_str("all of it"),
            Self::Pointer(pointer) => to.write_str(pointer),
            Self::Head(pointer) => to.write_str(pointer),
            Self::Line { line, pointer } if pointer.is_empty() => write!(to, "line {line}"),
            Self::Line { line, pointer } => write!(to, "line {line}, {pointer}"),
            Self::Element(path) => to.write_str(path),
            Self::Cell { element, row, column } => write!(to, "{element} (base64 CSV), row {row}, column {column}"),
            Self::Rows { from } => write!(to, "lines from {from} on"),
        }
    }
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// This: JSON in compact form where the place is a pointer, text elsewhere. Longer than `SHOWN_MAX`
    /// characters it is cut, and ends with `…`.
    Value(String),
    /// A list or object of so many entries, none of which is the one looked for: the fact is an absence.
    WithoutIt(u64),
}

/// Characters of a value that are shown.
pub const SHOWN_MAX: usize = 400;

impl Stands {
    /// Text, cut where it is long.
    pub fn text(text: &str) -> Self {
        match text.char_indices().nth(SHOWN_MAX) {
            Some((end, _)) => Self::Value(format!("{}…", &text[..end])),
            None => Self::Value(text.to_owned()),
        }
    }

    /// JSON, compact, cut where it is long.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::text(&value.to_string())
    }

    /// How many entries the list or object has.
    pub fn without_it(of: Option<&serde_json::Value>) -> Self {
        let entries = match of {
            Some(serde_json::Value::Array(list)) => list.len(),
            Some(serde_json::Value::Object(map)) => map.len(),
            _ => 0,
        };
        Self::WithoutIt(entries as u64)
    }
}

/// One step of a JSON pointer, escaped.
pub fn pointer_step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A fact in a JSON document, if something stands at the pointer.
pub fn found_json(fact: &Fact, document: &serde_json::Value, pointer: String) -> Option<Found> {
    let stands = Stands::json(document.pointer(&pointer)?);
    Some(Found { fact: fact.clone(), at: At::Pointer(pointer), stands })
}

/// A fact that is the absence of a good answer: what the exchange's head has instead.
pub fn found_head(fact: &Fact, exchange: &Exchange) -> Option<Found> {
    const AT: &str = "/response";
    let head = serde_json::to_value(&exchange.head).ok()?;
    Some(Found { fact: fact.clone(), at: At::Head(AT.to_owned()), stands: Stands::json(head.pointer(AT)?) })
}
