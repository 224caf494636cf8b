//! What reads bytes from outside, one function for each. It may refuse whatever it likes; it may not panic, and what it
//! takes must be what it would write. libFuzzer calls these (`main.rs`), and so does a test with changed copies of real
//! inputs (`tests/integration/mutated.rs`). Nothing here knows where inputs come from.

use evidenced::bundle::forge::forge;
use evidenced::bundle::{Bundle, VerifyOptions, verify};
use evidenced::catalogue::Catalogue;
use evidenced::judge::{Reading, Takes, Test, attributes, cases, judge};
use evidenced::ledger::bundle_key::BundleKey;
use evidenced::ledger::note::{Note, SigningKey, VerifierKey, WitnessKey};
use evidenced::ledger::record::{canonical_json, read_record};
use evidenced::ledger::tree::{Hash, verify_consistency, verify_inclusion};
use evidenced::run_file::{RunFile, outcome_file, reading};
use evidenced::timestamp::{self, Query, Roots};
use evidenced_collectors::contract::{Fact, Kind, Sealed};
use evidenced_collectors::door::{Door, Exchange, ExchangeHead};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use zip::write::SimpleFileOptions;

/// Reads what it is given, whatever it is. Returns whether it was understood: a seed that is not tests nothing.
pub(crate) type Entry = fn(&[u8]) -> bool;

/// All of them, by name.
pub(crate) const ENTRIES: [(&str, Entry); 10] = [
    ("archive", archive),
    ("bundle", bundle),
    ("cases", worked_cases),
    ("catalogue", catalogue),
    ("config", config),
    ("note", note),
    ("proof", proof),
    ("record", record),
    ("run", run),
    ("timestamp", time_stamp),
];

/// What parts an input that is made of several.
pub(crate) const BETWEEN: &[u8] = b"\n\x1e\n";

/// The parts of an input.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A bundle as it comes: an archive.
fn archive(bytes: &[u8]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bundle.zip");
    std::fs::write(&path, bytes).unwrap();
    checked(&path)
}

/// Whether every check could be made.
fn checked(path: &Path) -> bool {
    let _ = Bundle::open(path);
    let report = verify(path, &VerifyOptions { reperform: true, ..VerifyOptions::default() }).unwrap();
    report.complete
}

/// The files of a bundle, packed and signed as they should be: the name of its folder, then paths and contents.
fn bundle(bytes: &[u8]) -> bool {
    let parts = parts(bytes);
    let top = text(parts[0]);
    if top.is_empty() || top.contains('/') {
        return false;
    }
    let file = |pair: &[&[u8]]| (text(pair[0]).to_owned(), pair[1].to_vec());
    let given: BTreeMap<String, Vec<u8>> = parts[1..].chunks_exact(2).map(file).collect();
    let dir = tempfile::tempdir().unwrap();
    let (empty, whole) = (dir.path().join("empty.zip"), dir.path().join("bundle.zip"));
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&empty).unwrap());
    zip.start_file(format!("{top}/x"), SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
        .and_then(|()| Ok(zip.write_all(b"")?))
        .and_then(|()| zip.finish())
        .unwrap();
    // What cannot be packed is no bundle.
    forge(&empty, &whole, &BundleKey::from_seed(&[7; 32]), |files| *files = given).is_ok() && checked(&whole)
}

/// A file of worked cases.
fn worked_cases(bytes: &[u8]) -> bool {
    let Ok(cases) = cases::parse(bytes) else { return false };
    cases.iter().for_each(|case| drop(case.judge()));
    true
}

/// Criteria and controls as TOML.
fn catalogue(bytes: &[u8]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalogue.toml");
    std::fs::write(&path, bytes).unwrap();
    let (criteria, controls) = (Catalogue::load(Some(&path), None), Catalogue::load(None, Some(&path)));
    criteria.is_ok() || controls.is_ok()
}

/// A configuration.
fn config(bytes: &[u8]) -> bool {
    evidenced::config::parse(Path::new("evidenced.toml"), text(bytes)).is_ok()
}

/// A signed note, and keys as people are told them.
fn note(bytes: &[u8]) -> bool {
    let parts = parts(bytes);
    let note = Note::parse(parts[0]);
    let checkpoint = note.as_ref().ok().and_then(|note| note.checkpoint().ok());
    if let Some(checkpoint) = &checkpoint {
        assert!(text(parts[0]).starts_with(&checkpoint.to_text()), "another checkpoint than was read");
    }
    for key in &parts[1..] {
        let _ = SigningKey::parse(text(key));
        let _ = BundleKey::parse(text(key));
        if let (Ok(key), Ok(note)) = (VerifierKey::parse(text(key)), &note) {
            let _ = key.signed(note);
            let _ = key.open(parts[0]);
        }
        if let (Ok(key), Ok(note)) = (WitnessKey::parse(text(key)), &note) {
            let _ = key.cosigned(note);
        }
    }
    checkpoint.is_some()
}

/// Two numbers of eight bytes, two roots, and the hashes of a proof.
fn proof(bytes: &[u8]) -> bool {
    let Some((numbers, hashes)) = bytes.split_first_chunk::<16>() else { return false };
    let number = |at: usize| numbers[at..at + 8].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let hashes: Vec<Hash> = hashes.chunks_exact(32).map(|hash| hash.try_into().unwrap()).collect();
    let [one, two, proof @ ..] = &hashes[..] else { return false };
    let included = verify_inclusion(one, number(0), number(8), proof, two).is_ok();
    assert!(!included || number(0) < number(8), "included behind the end");
    let consistent = verify_consistency(number(0), one, number(8), two, proof).is_ok();
    assert!(!consistent || number(0) <= number(8), "continues what is longer");
    included || consistent
}

/// A record of the log.
fn record(bytes: &[u8]) -> bool {
    let Ok(record) = read_record(bytes) else { return false };
    // That what was read is in its one form is for whoever checks.
    let again = canonical_json(&record).unwrap();
    assert_eq!(canonical_json(&read_record(&again).unwrap()).unwrap(), again);
    true
}

/// An authority's answer, and roots to hold it against.
fn time_stamp(bytes: &[u8]) -> bool {
    let parts = parts(bytes);
    let roots = Roots::from_pem(parts.get(1).copied().unwrap_or_default());
    let Ok(stamp) = timestamp::read(parts[0]) else { return false };
    drop(Query::new(stamp.sha256, [1; 8]).answered_by(parts[0], stamp.time));
    drop(roots.map(|roots| timestamp::verify(parts[0], &stamp.sha256, &roots)));
    true
}

/// A recorded run: `run.json`, then heads and bodies of its exchanges. Collected again from these, judged by every test
/// that takes such items, and looked into for where each fact stands.
fn run(bytes: &[u8]) -> bool {
    let parts = parts(bytes);
    let Ok(run) = serde_json::from_slice::<RunFile>(parts[0]) else { return false };
    let Some(kind) = evidenced_collectors::kind(&run.kind) else { return false };
    let Ok(collector) = (kind.build)(&run.settings) else { return false };
    let exchanges: Vec<Exchange> = parts[1..].chunks_exact(2).filter_map(|pair| exchange(pair[0], pair[1])).collect();
    let door = Door::replay(exchanges.clone(), run.as_of, run.limits);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (name, sealed, _) = outcome_file(&runtime.block_on(collector.collect(&door, &run.task)));
    let reading = reading(&run, name, &sealed).expect("what is sealed can be read");
    let Some(takes) = reading.items.as_ref().map(Takes::of) else { return false };
    let tests = Test::NAMES.iter().map(|name| Test::parse(name, &serde_json::Value::Null).unwrap());
    for test in tests.filter(|test| test.takes() == takes) {
        explained(&test, &reading, kind, &run, &exchanges);
    }
    true
}

/// One recorded exchange. Its head is made to fit the body, which else would not be looked at.
fn exchange(head: &[u8], body: &[u8]) -> Option<Exchange> {
    let mut head: ExchangeHead = serde_json::from_slice(head).ok()?;
    if let Ok(response) = &mut head.response {
        (response.size, response.sha256) = (body.len() as u64, hex::encode(Sha256::digest(body)));
    }
    Some(Exchange { head, body: body.to_vec().into() })
}

/// Judges, and finds the facts of some judgements in what was exchanged.
fn explained(test: &Test, reading: &Reading, kind: &Kind, run: &RunFile, exchanges: &[Exchange]) {
    let readings = std::slice::from_ref(reading);
    let verdict = judge(test, readings, &[], run.as_of);
    let run_file = serde_json::to_value(run).unwrap();
    for judgement in verdict.judgements.iter().take(5) {
        for basis in attributes(test, readings, run.as_of, &judgement.item) {
            let facts: Vec<Fact> = basis.attributes.iter().flat_map(|attribute| attribute.facts.clone()).collect();
            let mut locator = (kind.locate)(&basis.item, &facts);
            drop(locator(Sealed::Run(&run_file)));
            exchanges.iter().for_each(|exchange| drop(locator(Sealed::Exchange(exchange))));
        }
    }
}
