//! What is where in a bundle, in the order in which it is written.

use super::contents::record_path;
use super::{BundleError, Contents, Source, control_dir, digits, folder, place};
use crate::bundle::tools;
use crate::ledger::record::{Body, KeyRole, Status};

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Path inside the bundle's folder.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) what: What,
}

/// What a file holds. The manifests are apart, being made of all the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// `bagit.txt`.
    Bagit,
    /// Made of the committed data.
    Derived(Derived),
    /// A record's exact bytes.
    Record(u64),
    /// Its inclusion proof.
    Proof(u64),
    /// Its `SHA256SUMS`.
    Sums(u64),
    /// One of its files.
    Member(u64, String),
    /// Salts of the commitments.
    Salts,
    /// The closing checkpoint.
    Checkpoint,
    /// Leaf hashes from the range to the checkpoint.
    LeafHashes,
    /// The tree before the range.
    Frontier,
    /// The log's public keys.
    Key,
    /// The checkpoint that ends with a record of one of the log's keys: the keys before it vouch for it.
    KeyCheckpoint(u64),
    /// What checks a bundle without us, by its place in `tools::ALL`.
    Tool(usize),
}

/// A file made of the committed data, by a rule that both sides know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Derived {
    /// `README.txt`.
    Readme,
    /// `bag-info.txt`.
    BagInfo,
    /// `index.csv`.
    Index,
    /// `index.html`.
    Overview,
    /// `index.xlsx`.
    Workbook,
    /// `oscal/assessment-results.json`.
    Oscal,
    /// `controls.csv`.
    Controls,
    /// `completeness.csv`.
    Completeness,
    /// `gaps.csv` of everything, or of one control.
    Gaps(Option<String>),
    /// `index.html` of a control.
    ControlPage(String),
    /// `judgements.csv` of a control.
    Judgements(String),
    /// `summary.md` of a control.
    Summary(String),
    /// `timeline.csv` of a control.
    Timeline(String),
    /// `waivers.csv` of a control.
    Waivers(String),
    /// The items of an evidence record as a table.
    Population(u64),
}

/// Every file but the manifests and the signatures over them, in the order of the archive.
pub(crate) fn layout(contents: &Contents, source: &dyn Source) -> Result<Vec<Planned>, BundleError> {
    let mut plan: Vec<Planned> = Vec::new();
    let mut add = |path: String, what: What| plan.push(Planned { path, what });
    add("README.txt".to_owned(), What::Derived(Derived::Readme));
    add("bag-info.txt".to_owned(), What::Derived(Derived::BagInfo));
    add("bagit.txt".to_owned(), What::Bagit);
    add("data/index.csv".to_owned(), What::Derived(Derived::Index));
    add("data/index.html".to_owned(), What::Derived(Derived::Overview));
    add("data/index.xlsx".to_owned(), What::Derived(Derived::Workbook));
    add("data/oscal/assessment-results.json".to_owned(), What::Derived(Derived::Oscal));
    add("data/controls.csv".to_owned(), What::Derived(Derived::Controls));
    add("data/completeness.csv".to_owned(), What::Derived(Derived::Completeness));
    add("data/gaps.csv".to_owned(), What::Derived(Derived::Gaps(None)));
    add("data/salts.csv".to_owned(), What::Salts);
    add("data/log/checkpoint".to_owned(), What::Checkpoint);
    add("data/log/frontier.txt".to_owned(), What::Frontier);
    add("data/log/leafhashes.txt".to_owned(), What::LeafHashes);
    add("data/log/log.vkey".to_owned(), What::Key);
    for (at, tool) in tools::ALL.iter().enumerate() {
        add(tool.name.to_owned(), What::Tool(at));
    }
    for name in contents.controls.keys() {
        let dir = format!("data/{}", control_dir(&contents.controls, name));
        add(format!("{dir}/index.html"), What::Derived(Derived::ControlPage(name.clone())));
        add(format!("{dir}/gaps.csv"), What::Derived(Derived::Gaps(Some(name.clone()))));
        add(format!("{dir}/judgements.csv"), What::Derived(Derived::Judgements(name.clone())));
        add(format!("{dir}/summary.md"), What::Derived(Derived::Summary(name.clone())));
        add(format!("{dir}/timeline.csv"), What::Derived(Derived::Timeline(name.clone())));
        add(format!("{dir}/waivers.csv"), What::Derived(Derived::Waivers(name.clone())));
    }
    for (index, status) in &contents.populations {
        add(population_path(*index, *status), What::Derived(Derived::Population(*index)));
    }
    for index in contents.disclosed() {
        add(record_path(index), What::Record(index));
        add(format!("data/proofs/{}.tlog-proof", digits(index)), What::Proof(index));
        let record = source.record(index)?;
        if matches!(record.body, Body::Key { role: KeyRole::Log, .. }) {
            add(key_checkpoint_path(index), What::KeyCheckpoint(index));
        }
        let Some(folder) = folder(&record.body) else {
            if record.commit.is_some() {
                return Err(BundleError::malformed(record_path(index), "has files, which such records do not"));
            }
            continue;
        };
        if record.commit.is_none() || !contents.has_files(index, &record.body) {
            continue;
        }
        let dir = format!("data/{folder}/{}", digits(index));
        add(format!("{dir}/SHA256SUMS"), What::Sums(index));
        for name in source.file_names(index)? {
            add(format!("{dir}/{name}"), What::Member(index, name));
        }
    }
    plan.sort_by(|a, b| place(&a.path).cmp(&place(&b.path)));
    Ok(plan)
}

/// The checkpoint that ends with the record of a log's key.
pub(crate) fn key_checkpoint_path(index: u64) -> String {
    format!("data/log/keys/{}.checkpoint", digits(index))
}

/// The table of an evidence record's items; its name says when they are not all.
pub(crate) fn population_path(index: u64, status: Status) -> String {
    let partial = if status == Status::Complete { "" } else { ".partial" };
    format!("data/populations/{}{partial}.csv", digits(index))
}
