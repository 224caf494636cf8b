//! Attacks on a bundle, each by somebody who puts everything right again that he can: what he does, what he
//! holds, and which check finds it. With the key of bundles he signs anew; the key of the log he never has.

use super::archive::{Files, sha256};
use super::world::World;
use super::{check, wrong};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What the attacker holds, and so makes anew after his change.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// The bundle, and no more than that.
    Nothing,
    /// A program that writes manifests.
    Manifests,
    /// The key that signs bundles, too.
    BundleKey,
}

use Holds::{BundleKey, Manifests, Nothing};

/// What is done to the files of a bundle; the second are those of another log's bundle.
type Attack = fn(&mut Files, &Files);

const ATTACKS: &[(&str, Holds, Attack, &str)] = &[
    ("evidence is edited", Nothing, edit_evidence, "manifests"),
    ("and the manifests are redone", Manifests, edit_evidence, "envelope"),
    ("and the bundle is signed again", BundleKey, edit_evidence, "commitments"),
    ("and the sums beside the evidence are redone", BundleKey, edit_and_sum, "commitments"),
    ("and its record is committed to the new sums", BundleKey, edit_and_commit, "inclusion"),
    ("and that record's hash is in the list of leaves", BundleKey, edit_and_relist, "range"),
    ("a record of the period is withheld", BundleKey, withhold, "records"),
    ("evidence is added that was never logged", BundleKey, add_evidence, "files"),
    ("a leaf hash is dropped", BundleKey, |files, _| drop_line(files, "data/log/leafhashes.txt"), "range"),
    ("a row of the index is given another date", BundleKey, redate, "derived files"),
    ("the checkpoint is edited", BundleKey, |files, _| flip(files, "data/log/checkpoint", 30), "checkpoint"),
    ("a payload is deleted without an erasure", BundleKey, delete_payload, "commitments"),
    ("a file is deleted with its line among the sums", BundleKey, delete_and_sum, "commitments"),
    ("a record has a key twice", BundleKey, double_key, "records"),
    ("a record has bytes after its end", BundleKey, |files, _| append(files, "data/records/", b"\n"), "records"),
    ("two records change places", BundleKey, swap_records, "inclusion"),
    ("a record and its proof come from another log", BundleKey, splice_record, "inclusion"),
    ("the log comes from another bundle", BundleKey, splice_log, "inclusion"),
    ("the checkpoint and all proofs come from another log", BundleKey, splice_proofs, "checkpoint"),
    ("a hash of a proof is base64 with other bits at its end", BundleKey, loose_base64, "inclusion"),
    ("a proof has a hash more", BundleKey, longer_proof, "inclusion"),
    ("a proof has a hundred thousand hashes", BundleKey, endless_proof, "inclusion"),
    ("the checkpoint has ten thousand signatures", BundleKey, many_signatures, "checkpoint"),
    ("lines end as Windows has them", BundleKey, windows_lines, "derived files"),
    ("the frontier has a hash", BundleKey, |files, _| append(files, "data/log/frontier.txt", &[b'0'; 64]), "range"),
    ("a salt is another", BundleKey, other_salt, "commitments"),
    (
        "a tool for checking always says yes",
        BundleKey,
        |files, _| replace(files, "verify.sh", "exit 0\n"),
        "derived files",
    ),
];

fn flip(files: &mut Files, path: &str, at: usize) {
    files.files.get_mut(path).unwrap()[at] ^= 1;
}

fn replace(files: &mut Files, path: &str, text: &str) {
    files.files.insert(path.to_owned(), text.as_bytes().to_vec()).unwrap();
}

fn append(files: &mut Files, start: &str, bytes: &[u8]) {
    let path = files.find(start, "");
    files.files.get_mut(&path).unwrap().extend_from_slice(bytes);
}

fn drop_line(files: &mut Files, path: &str) {
    let text = String::from_utf8(files.get(path).to_vec()).unwrap();
    replace(files, path, text.split_once('\n').unwrap().1);
}

/// The folder of the evidence, and the number in its name.
fn evidence(files: &Files) -> (String, String) {
    let folder = files.find("data/evidence/", "/run.json").strip_suffix("/run.json").unwrap().to_owned();
    let number = folder.rsplit_once('/').unwrap().1.to_owned();
    (folder, number)
}

fn edit_evidence(files: &mut Files, _: &Files) {
    let body = files.find("data/evidence/", "/population.json");
    flip(files, &body, 40);
}

fn edit_and_sum(files: &mut Files, other: &Files) {
    edit_evidence(files, other);
    let (folder, _) = evidence(files);
    files.resum(&folder);
}

/// Returns the old and the new bytes of the record.
fn recommit(files: &mut Files) -> (Vec<u8>, Vec<u8>) {
    let (folder, number) = evidence(files);
    let salts = String::from_utf8(files.get("data/salts.csv").to_vec()).unwrap();
    let index = number.trim_start_matches('0');
    let salt = salts.lines().find_map(|line| line.strip_prefix(&format!("{index},"))).unwrap().to_owned();
    let sums = sha256(files.get(&format!("{folder}/SHA256SUMS")));
    let record = format!("data/records/{number}.json");
    let old = files.get(&record).to_vec();
    let sealed: serde_json::Value = serde_json::from_slice(&old).unwrap();
    let commit = sha256(format!("evidenced/commit/v1\n{salt}\n{sums}\n").as_bytes());
    files.replace(&record, sealed["commit"].as_str().unwrap(), &commit);
    (old, files.get(&record).to_vec())
}

fn edit_and_commit(files: &mut Files, other: &Files) {
    edit_and_sum(files, other);
    recommit(files);
}

fn edit_and_relist(files: &mut Files, other: &Files) {
    edit_and_sum(files, other);
    let (old, new) = recommit(files);
    let leaf = |record: &[u8]| sha256(&[&[0], record].concat());
    files.replace("data/log/leafhashes.txt", &leaf(&old), &leaf(&new));
}

fn withhold(files: &mut Files, _: &Files) {
    let (folder, number) = evidence(files);
    files.files.retain(|path, _| !path.starts_with(&folder) && !path.contains(&number));
}

fn add_evidence(files: &mut Files, _: &Files) {
    let (folder, _) = evidence(files);
    files.files.insert(format!("{folder}/exchanges/9999.body"), b"[]".to_vec());
}

fn redate(files: &mut Files, _: &Files) {
    files.replace("data/index.csv", "2026-01-09T", "2026-01-08T");
}

fn delete_payload(files: &mut Files, _: &Files) {
    let (folder, _) = evidence(files);
    files.files.remove(&format!("{folder}/run.json")).unwrap();
}

fn delete_and_sum(files: &mut Files, other: &Files) {
    let (folder, _) = evidence(files);
    delete_payload(files, other);
    files.resum(&folder);
}

fn double_key(files: &mut Files, _: &Files) {
    let path = format!("data/records/{}.json", evidence(files).1);
    files.replace(&path, "{\"at\":", "{\"at\":\"2026-01-01T00:00:00.000Z\",\"at\":");
}

fn swap_records(files: &mut Files, _: &Files) {
    let mut records: Vec<String> =
        files.files.keys().filter(|path| path.starts_with("data/records/")).cloned().collect();
    let (a, b) = (records.pop().unwrap(), records.pop().unwrap());
    let (first, second) = (files.get(&a).to_vec(), files.get(&b).to_vec());
    files.files.extend([(a, second), (b, first)]);
}

fn take(files: &mut Files, other: &Files, wanted: impl Fn(&str) -> bool) {
    let found = other.files.iter().filter(|(path, _)| wanted(path)).map(|(path, bytes)| (path.clone(), bytes.clone()));
    let found: BTreeMap<String, Vec<u8>> = found.collect();
    assert!(!found.is_empty());
    files.files.extend(found);
}

fn splice_record(files: &mut Files, other: &Files) {
    take(files, other, |path| path.contains("/000000000002."));
}

fn splice_log(files: &mut Files, other: &Files) {
    take(files, other, |path| path.starts_with("data/log/"));
}

fn splice_proofs(files: &mut Files, other: &Files) {
    take(files, other, |path| path == "data/log/checkpoint" || path.starts_with("data/proofs/"));
}

/// The first proof with hashes in it, and its text until them, its first hash, and the rest.
fn proof(files: &Files) -> (String, String, String, String) {
    let path = "data/proofs/000000000001.tlog-proof".to_owned();
    let text = String::from_utf8(files.get(&path).to_vec()).unwrap();
    let mut lines = text.splitn(4, '\n');
    let head = format!("{}\n{}\n", lines.next().unwrap(), lines.next().unwrap());
    (path, head, lines.next().unwrap().to_owned(), format!("\n{}", lines.next().unwrap()))
}

fn loose_base64(files: &mut Files, _: &Files) {
    let (path, head, hash, rest) = proof(files);
    // The last digit before `=` has two bits that say nothing, and must be zero.
    let mut digits = hash.into_bytes();
    assert_eq!((digits.len(), digits[43]), (44, b'='));
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let at = ALPHABET.iter().position(|digit| *digit == digits[42]).unwrap();
    digits[42] = ALPHABET[at | 1];
    replace(files, &path, &format!("{head}{}{rest}", String::from_utf8(digits).unwrap()));
}

fn longer_proof(files: &mut Files, _: &Files) {
    let (path, head, hash, rest) = proof(files);
    replace(files, &path, &format!("{head}{hash}\n{hash}{rest}"));
}

fn endless_proof(files: &mut Files, _: &Files) {
    let (path, head, hash, rest) = proof(files);
    replace(files, &path, &format!("{head}{}{hash}{rest}", format!("{hash}\n").repeat(100_000)));
}

fn many_signatures(files: &mut Files, _: &Files) {
    let line = format!("— other.example/log {}=\n", "A".repeat(91));
    append(files, "data/log/checkpoint", line.repeat(10_000).as_bytes());
}

fn windows_lines(files: &mut Files, _: &Files) {
    let text = String::from_utf8(files.get("data/index.csv").to_vec()).unwrap();
    replace(files, "data/index.csv", &text.replace('\n', "\r\n"));
}

fn other_salt(files: &mut Files, _: &Files) {
    let text = String::from_utf8(files.get("data/salts.csv").to_vec()).unwrap();
    let (head, salt) = text.trim_end().rsplit_once(',').unwrap();
    replace(files, "data/salts.csv", &format!("{head},{}\n", "0".repeat(salt.len())));
}

#[test]
fn whoever_lacks_the_key_of_the_log_is_found_whatever_else_he_holds() {
    let (world, other) = (World::small(), World::small());
    let (good, theirs) = (Files::read(&world.bundle()), Files::read(&other.bundle()));
    let dir = tempfile::tempdir().unwrap();
    for (what, holds, attack, finder) in ATTACKS {
        let mut files = good.clone();
        attack(&mut files, &theirs);
        let signature = files.files.get("tagmanifest-sha256.txt.sig").cloned();
        if *holds != Nothing {
            files.remanifest();
        }
        match holds {
            BundleKey => files.sign(&world.key()),
            _ => files.files.extend(signature.map(|bytes| ("tagmanifest-sha256.txt.sig".to_owned(), bytes))),
        }
        let start = Instant::now();
        let report = check(&files.write(dir.path()), false);
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: took {:?}", start.elapsed());
        assert!(!report.ok(), "{what}: taken for good");
        let found = report.checks.iter().any(|check| check.name == *finder && !check.ok);
        assert!(found, "{what}: not found by {finder}, but by\n{}", wrong(&report));
        if *holds == BundleKey {
            let envelope = report.checks.iter().filter(|check| matches!(check.name, "manifests" | "container"));
            assert!(envelope.into_iter().all(|check| check.ok), "{what}: made badly\n{}", wrong(&report));
        }
    }
}
