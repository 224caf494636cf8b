//! What is where in a bundle, in the order in which it is written.

use super::contents::record_path;
use super::{BundleError, Contents, Source, control_dir, digits, place};
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
    /// `calendar.csv`.
    Calendar,
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
    /// `exposure.csv` of a control.
    Exposure(String),
    /// `timeline.csv` of a control.
    Timeline(String),
    /// `waivers.csv` of a control.
    Waivers(String),
    /// `causes.csv` of a control.
    Causes(String),
    /// `signoffs.csv` of a control.
    SignOffs(String),
    /// `samples.csv` of a control.
    Samples(String),
    /// `alerts.csv`.
    Alerts,
    /// The items of an evidence record as a table.
    Population(u64),
}

/// What is where: every file but the manifests. Those that there are for each record are counted out when they
/// are asked for.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In order of their paths, of which a folder's is the beginning of those in it.
    parts: Vec<(String, Part)>,
}

#[derive(Debug)]
enum Part {
    File(What),
    Records,
    Proofs,
    Populations,
    /// The files of these records, each in a folder of its own.
    Files(Vec<u64>),
}

/// Plans the files.
pub(crate) fn layout(contents: &Contents, source: &dyn Source) -> Result<Plan, BundleError> {
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
    add("data/calendar.csv".to_owned(), What::Derived(Derived::Calendar));
    add("data/completeness.csv".to_owned(), What::Derived(Derived::Completeness));
    add("data/gaps.csv".to_owned(), What::Derived(Derived::Gaps(None)));
    add("data/alerts.csv".to_owned(), What::Derived(Derived::Alerts));
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
        add(format!("{dir}/exposure.csv"), What::Derived(Derived::Exposure(name.clone())));
        add(format!("{dir}/timeline.csv"), What::Derived(Derived::Timeline(name.clone())));
        add(format!("{dir}/waivers.csv"), What::Derived(Derived::Waivers(name.clone())));
        add(format!("{dir}/causes.csv"), What::Derived(Derived::Causes(name.clone())));
        add(format!("{dir}/signoffs.csv"), What::Derived(Derived::SignOffs(name.clone())));
        add(format!("{dir}/samples.csv"), What::Derived(Derived::Samples(name.clone())));
    }
    let mut parts: Vec<(String, Part)> = plan.into_iter().map(|file| (file.path, Part::File(file.what))).collect();
    for index in contents.of_kind("key").iter().copied() {
        if matches!(source.record(index)?.body, Body::Key { role: KeyRole::Log, .. }) {
            parts.push((key_checkpoint_path(index), Part::File(What::KeyCheckpoint(index))));
        }
    }
    let folders = contents.files.iter();
    parts.extend(folders.map(|(folder, records)| (format!("data/{folder}/"), Part::Files(records.clone()))));
    parts.push(("data/populations/".to_owned(), Part::Populations));
    parts.push(("data/proofs/".to_owned(), Part::Proofs));
    parts.push(("data/records/".to_owned(), Part::Records));
    parts.sort_by(|a, b| place(&a.0).cmp(&place(&b.0)));
    Ok(Plan { parts })
}

impl Plan {
    /// Every file, in order of the paths.
    pub(crate) fn each(
        &self,
        contents: &Contents,
        source: &dyn Source,
        mut each: impl FnMut(Planned) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        let mut add = |path: String, what: What| each(Planned { path, what });
        for (path, part) in &self.parts {
            match part {
                Part::File(what) => add(path.clone(), what.clone())?,
                Part::Records => contents.disclosed().try_for_each(|n| add(record_path(n), What::Record(n)))?,
                Part::Proofs => contents.disclosed().try_for_each(|n| add(proof_path(n), What::Proof(n)))?,
                Part::Populations => {
                    contents
                        .populations
                        .iter()
                        .map(population)
                        .try_for_each(|Planned { path, what }| add(path, what))?;
                }
                Part::Files(records) => {
                    for index in records {
                        let mut files = vec![("SHA256SUMS".to_owned(), What::Sums(*index))];
                        for name in source.file_names(*index)? {
                            files.push((name.clone(), What::Member(*index, name)));
                        }
                        files.sort_by(|a, b| a.0.cmp(&b.0));
                        let dir = format!("{path}{}", digits(*index));
                        files.into_iter().try_for_each(|(name, what)| add(format!("{dir}/{name}"), what))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Those that are made of others, but for the tables of populations, of which there are many.
    pub(crate) fn derived(&self) -> impl Iterator<Item = Planned> {
        let files = self.parts.iter().filter_map(|(path, part)| match part {
            Part::File(what) => Some(Planned { path: path.clone(), what: what.clone() }),
            _ => None,
        });
        files.filter(|file| matches!(file.what, What::Bagit | What::Derived(_) | What::Tool(_)))
    }
}

/// The table of a population.
pub(crate) fn population((index, status): (&u64, &Status)) -> Planned {
    Planned { path: population_path(*index, *status), what: What::Derived(Derived::Population(*index)) }
}

/// The path of a record's inclusion proof.
pub(crate) fn proof_path(index: u64) -> String {
    format!("data/proofs/{}.tlog-proof", digits(index))
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
