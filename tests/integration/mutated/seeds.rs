//! Real inputs of each entry, from the bundles that the other tests made and from files that the project ships. Nothing
//! is mutated here.

use super::entries::BETWEEN;
use crate::acceptance::unpacked;
use crate::bundle::small_ones;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

/// A name for people, and the bytes.
pub(super) type Seed = (String, Vec<u8>);

/// Longest run that is a seed, and how many of each sort are.
const RUN_BYTES_MAX: usize = 200_000;
const RUNS_OF_A_SORT: usize = 2;
/// Records of each kind, proofs and notes that are seeds.
const OF_A_SORT: usize = 3;

/// Seeds of an entry.
pub(super) fn of(entry: &str) -> Vec<Seed> {
    match entry {
        "archive" => small_ones().into_iter().map(|bytes| ("small.zip".to_owned(), bytes)).collect(),
        "bundle" => small_ones().iter().map(|bytes| files(bytes)).collect(),
        "cases" => shipped(&["tests/truth-table.json", "tests/registers.json", "tests/cases"]),
        "catalogue" => shipped(&["config/criteria.toml", "config/controls.toml"]),
        "config" => shipped(&["config/evidenced.example.toml"]),
        "note" => notes(),
        "proof" => proofs(),
        "record" => records(),
        "run" => runs(),
        "timestamp" => time_stamps(),
        _ => panic!("say here what {entry} reads"),
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    for part in parts {
        assert!(!part.windows(BETWEEN.len()).any(|window| window == BETWEEN), "a part holds what parts parts");
    }
    parts.join(BETWEEN)
}

/// Files in a folder, by name; none if there is no such folder.
fn under(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn shipped(paths: &[&str]) -> Vec<Seed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let each = paths.iter().flat_map(|path| match root.join(path) {
        folder if folder.is_dir() => under(&folder),
        file => vec![file],
    });
    each.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// The files of a bundle.
fn files(zip: &[u8]) -> Seed {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        let name = entry.name().unwrap().into_owned();
        let (top, path) = name.split_once('/').unwrap();
        if parts.is_empty() {
            parts.push(top.as_bytes().to_vec());
        }
        parts.push(path.as_bytes().to_vec());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        parts.push(content);
    }
    ("a small bundle".to_owned(), join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// Runs of every sort (kind, register, outcome): those with the most exchanges.
fn runs() -> Vec<Seed> {
    let mut sorts: BTreeMap<String, Vec<(usize, Seed)>> = BTreeMap::new();
    for folder in unpacked().iter().flat_map(|(folder, _)| under(&folder.join("data/evidence"))) {
        let whole = folder.join("population.json").exists();
        let (run, label) = (fs::read(folder.join("run.json")).unwrap(), folder.display().to_string());
        let head: Value = serde_json::from_slice(&run).unwrap();
        let partial: Option<Value> =
            fs::read(folder.join("partial.json")).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap());
        if partial.is_some_and(|partial| partial.get("items").is_none()) {
            continue;
        }
        let mut parts = vec![run];
        let exchanges = under(&folder.join("exchanges"));
        for path in exchanges.iter().filter(|path| path.extension().is_some_and(|ext| ext == "json")) {
            parts.push(fs::read(path).unwrap());
            parts.push(fs::read(path.with_extension("body")).unwrap());
        }
        let seed = join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        if seed.len() <= RUN_BYTES_MAX {
            let sort = format!("{} {} {whole}", head["kind"], head["settings"]["register"]);
            sorts.entry(sort).or_default().push((parts.len(), (label, seed)));
        }
    }
    for kind in evidenced_collectors::KINDS {
        let name = format!("\"{}\"", kind.name);
        assert!(sorts.keys().any(|sort| sort.starts_with(&name)), "no run of {name} among {:?}", sorts.keys());
    }
    let most = |mut runs: Vec<(usize, Seed)>| {
        runs.sort_by_key(|(parts, _)| std::cmp::Reverse(*parts));
        runs.into_iter().take(RUNS_OF_A_SORT).map(|(_, seed)| seed)
    };
    sorts.into_values().flat_map(most).collect()
}

/// Checkpoints, with every key that an auditor has.
fn notes() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (folder, keys) in unpacked() {
        let told: Vec<Vec<u8>> = ["log.vkey", "witness.vkey"]
            .iter()
            .filter_map(|name| fs::read_to_string(keys.join(name)).ok())
            .map(|text| text.trim_end().as_bytes().to_vec())
            .collect();
        let checkpoints = under(&folder.join("data/log/keys")).into_iter().take(OF_A_SORT);
        for path in checkpoints.chain([folder.join("data/log/checkpoint")]) {
            let note = fs::read(&path).unwrap();
            let parts: Vec<&[u8]> = [note.as_slice()].into_iter().chain(told.iter().map(Vec::as_slice)).collect();
            seeds.push((path.display().to_string(), join(&parts)));
        }
    }
    seeds
}

/// Some records of each kind.
fn records() -> Vec<Seed> {
    let mut kinds: BTreeMap<String, Vec<Seed>> = BTreeMap::new();
    for path in unpacked().iter().flat_map(|(folder, _)| under(&folder.join("data/records"))) {
        let bytes = fs::read(&path).unwrap();
        let record: Value = serde_json::from_slice(&bytes).unwrap();
        let kind = kinds.entry(record["kind"].to_string()).or_default();
        if kind.len() < OF_A_SORT {
            kind.push((path.display().to_string(), bytes));
        }
    }
    kinds.into_values().flatten().collect()
}

/// Proofs of inclusion as numbers and hashes.
fn proofs() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (folder, _) in unpacked() {
        let checkpoint = fs::read_to_string(folder.join("data/log/checkpoint")).unwrap();
        let mut lines = checkpoint.lines().skip(1);
        let size: u64 = lines.next().unwrap().parse().unwrap();
        let root = STANDARD.decode(lines.next().unwrap()).unwrap();
        for path in under(&folder.join("data/proofs")).into_iter().take(OF_A_SORT) {
            let index: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let record = fs::read(folder.join(format!("data/records/{index:012}.json"))).unwrap();
            let leaf = evidenced::ledger::tree::leaf_hash(&record);
            let text = fs::read_to_string(&path).unwrap();
            let hashes = text.lines().skip(2).take_while(|line| !line.is_empty());
            let mut seed = [index.to_be_bytes(), size.to_be_bytes()].concat();
            seed.extend_from_slice(&leaf);
            seed.extend_from_slice(&root);
            hashes.for_each(|hash| seed.extend(STANDARD.decode(hash).unwrap()));
            seeds.push((path.display().to_string(), seed));
        }
    }
    seeds
}

/// Tokens of time-stamp authorities, with their roots.
fn time_stamps() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (folder, keys) in unpacked() {
        let root = fs::read(keys.join("tsa-root.pem")).unwrap();
        for path in under(folder).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "tsr")) {
            seeds.push((path.display().to_string(), join(&[&fs::read(&path).unwrap(), &root])));
        }
    }
    seeds
}
