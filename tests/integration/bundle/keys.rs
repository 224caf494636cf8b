//! Bundles across a change of the log's keys: what the auditor's older key vouches for, and what no forger gets by.

use super::archive::Files;
use super::tools::Audit;
use super::world::World;
use super::wrong;
use evidenced::bundle::{VerifyOptions, VerifyReport, verify};
use evidenced::ledger::bundle_key::BundleKey;
use evidenced::ledger::note::{Checkpoint, SigningKey, VerifierKey};
use std::path::Path;

/// A ledger whose keys change in January, after the second run; both secret halves, oldest first.
struct Changed {
    world: World,
    old: SigningKey,
    new: SigningKey,
}

/// Lines of a file of the state directory.
fn lines(world: &World, name: &str) -> Vec<String> {
    std::fs::read_to_string(world.state().join(name)).unwrap().lines().map(str::to_owned).collect()
}

/// `retired`: the old key ends in January too.
fn changed(retired: bool) -> Changed {
    let world = World::small();
    world.rotate_key("2026-01-10T00:00:00Z");
    let secrets = lines(&world, "log.key");
    let [old, new] = [0, 1].map(|at| SigningKey::parse(&secrets[at]).unwrap());
    world.run("2026-01-12T02:00:00Z");
    if retired {
        world.retire_key("2026-01-14T00:00:00Z");
    }
    world.run("2026-01-25T02:00:00Z");
    world.run("2026-02-10T02:00:00Z");
    Changed { world, old, new }
}

fn with(bundle: &Path, keys: &[&VerifierKey]) -> VerifyReport {
    let text: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
    verify(bundle, &VerifyOptions { vkey: Some(text.join("\n")), ..VerifyOptions::default() }).unwrap()
}

fn detail(report: &VerifyReport) -> String {
    assert!(report.ok(), "{}", wrong(report));
    report.checks.iter().find(|check| check.name == "checkpoint").unwrap().detail.clone()
}

#[test]
fn the_key_that_was_known_before_the_period_vouches_for_the_one_that_signs_after_it() {
    let Changed { world, old, new } = changed(true);
    let bundle = world.bundle();
    let told = detail(&with(&bundle, &[old.public()]));
    assert!(
        told.starts_with(&format!("signed by {}, for which the key that you gave vouches", new.public().handle())),
        "{told}"
    );
    assert!(told.contains(&format!("that {} has signed", old.public().handle())), "{told}");
    assert!(told.contains("is named by record "), "{told}");
    let told = detail(&with(&bundle, &[old.public(), new.public()]));
    assert_eq!(told, "signed by the key that you gave");
    let told = detail(&with(&bundle, &[new.public()]));
    assert!(told.contains("only an earlier key of the log or a checkpoint that you hold can show"), "{told}");
    let told = detail(&verify(&bundle, &VerifyOptions { reperform: true, ..VerifyOptions::default() }).unwrap());
    assert!(told.contains("not where it comes from"), "{told}");
    let again = world.bundle();
    assert!(std::fs::read(bundle).unwrap() == std::fs::read(again).unwrap(), "the same bytes again");
}

#[test]
fn while_two_keys_sign_each_of_them_is_enough_for_the_auditor() {
    let Changed { world, old, new } = changed(false);
    let bundle = world.bundle();
    let told = detail(&with(&bundle, &[old.public()]));
    assert!(told.starts_with("signed by the key that you gave"), "{told}");
    detail(&with(&bundle, &[new.public()]));
    let stranger = SigningKey::from_seed("test.example/soc2", &[5; 32]).unwrap();
    let report = with(&bundle, &[stranger.public()]);
    assert!(wrong(&report).contains("no record under it names such a key"), "{}", wrong(&report));
    detail(&with(&bundle, &[stranger.public(), old.public()]));
}

#[test]
fn a_bundle_of_before_the_change_is_the_same_bytes_and_has_but_one_key() {
    let world = World::new();
    let before = world.bundle();
    world.rotate_key("2026-03-01T00:00:00Z");
    let after = world.bundle();
    assert!(std::fs::read(before).unwrap() == std::fs::read(&after).unwrap());
    let text = Files::read(&after).get("data/log/log.vkey").to_vec();
    assert_eq!(String::from_utf8(text).unwrap().lines().count(), 1);
    let keys: Vec<VerifierKey> =
        lines(&world, "log.vkey").iter().map(|line| VerifierKey::parse(line).unwrap()).collect();
    detail(&with(&after, &keys.iter().collect::<Vec<_>>()));
}

/// The report on altered files, with everything redone that needs no key.
fn report(files: &Files, keys: &[&VerifierKey]) -> VerifyReport {
    let (dir, mut files) = (tempfile::tempdir().unwrap(), files.clone());
    files.remanifest();
    with(&files.write(dir.path()), keys)
}

fn set(files: &mut Files, path: &str, bytes: impl Into<Vec<u8>>) {
    files.files.insert(path.to_owned(), bytes.into());
}

fn key_files(files: &Files) -> Vec<String> {
    files.files.keys().filter(|path| path.starts_with("data/log/keys/")).cloned().collect()
}

/// Replaces a note wherever it stands in the bundle.
fn replaced(files: &Files, old: &[u8], new: &[u8]) -> Files {
    let mut files = files.clone();
    let (old, new) = (std::str::from_utf8(old).unwrap(), std::str::from_utf8(new).unwrap());
    for (path, bytes) in &mut files.files {
        if path.starts_with("data/proofs/") || path.starts_with("data/log/") {
            let text = String::from_utf8(bytes.clone()).unwrap();
            if text.ends_with(old) {
                *bytes = text.replace(old, new).into_bytes();
            }
        }
    }
    files
}

#[test]
fn whoever_holds_a_retired_key_or_only_the_new_one_cannot_sign_for_the_others() {
    let Changed { world, old, new } = changed(true);
    let files = Files::read(&world.bundle());
    let refused = |files: &Files, why: &str| {
        for keys in [vec![old.public()], vec![new.public()], vec![old.public(), new.public()]] {
            let report = report(files, &keys);
            assert!(!report.ok() && wrong(&report).contains(why), "{why}: {}", wrong(&report));
        }
    };
    // The closing checkpoint, which the new key alone signs.
    let note = files.get("data/log/checkpoint").to_vec();
    let closing = new.public().open(&note).unwrap();
    refused(&replaced(&files, &note, &closing.sign([&old])), "which signs at");
    refused(&replaced(&files, &note, &closing.sign([&old, &new])), "which does not sign at");
    // The checkpoints by which the old key vouches for the new one, and by which it ends.
    let paths = key_files(&files);
    assert_eq!(paths.len(), 2, "{paths:?}");
    for (path, right) in paths.iter().zip([vec![&old], vec![&old, &new]]) {
        let note = files.get(path).to_vec();
        let checkpoint = old.public().open(&note).unwrap();
        assert_eq!(note, checkpoint.sign(right.clone()), "{path}");
        let mut changed = files.clone();
        set(&mut changed, path, checkpoint.sign([&new]));
        refused(&changed, "not signed by");
        let mut other = checkpoint.clone();
        other.root = [7; 32];
        set(&mut changed, path, other.sign(right.clone()));
        refused(&changed, "not of the log that the closing checkpoint is of");
        other = checkpoint.clone();
        other.size += 1;
        set(&mut changed, path, other.sign(right));
        refused(&changed, "not of the log that the closing checkpoint is of");
        changed.files.remove(path);
        refused(&changed, &format!("{path}: is missing"));
    }
}

#[test]
pub(super) fn attack_43_a_retired_key_signs_no_log_whose_record_of_it_lost_its_checkpoint() {
    let Changed { world, old, new } = changed(true);
    let key = world.key();
    let audit = Audit::of(world);
    let mut files = Files::read(&audit.bundle);
    let note = files.get("data/log/checkpoint").to_vec();
    let closing = new.public().open(&note).unwrap();
    // Whoever holds the old key alone signs the same log once more, and leaves out what ends the key.
    let lost = key_files(&files);
    files = replaced(&files, &note, &closing.sign([&old]));
    lost.iter().for_each(|path| drop(files.files.remove(path)));
    set(&mut files, "data/log/log.vkey", format!("{}\n", old.public()).into_bytes());
    files.remanifest();
    files.sign(&key);
    let forged = files.write(&audit.path("."));
    std::fs::write(audit.path("KEYS/log.vkey"), format!("{}\n", old.public())).unwrap();
    assert!(!with(&forged, &[old.public()]).ok());
    for (fine, said) in [audit.desk.python(&forged), audit.desk.shell(&forged, None)] {
        assert!(!fine && said.contains(&lost[0]) && said.contains("is missing"), "{said}");
    }
    let said = audit.desk.page(&forged, "");
    assert!(said["state"] == "refused" && said["verdict"].as_str().unwrap().contains("is missing"), "{said}");
}

#[test]
pub(super) fn attack_50_while_two_keys_sign_one_of_them_alone_signs_for_no_verifier() {
    let Changed { world, old, new } = changed(false);
    let key = world.key();
    let audit = Audit::of(world);
    let files = Files::read(&audit.bundle);
    let note = files.get("data/log/checkpoint").to_vec();
    let closing = new.public().open(&note).unwrap();
    std::fs::write(audit.path("KEYS/log.vkey"), format!("{}\n", old.public())).unwrap();
    let (fine, said) = audit.desk.python(&audit.bundle);
    assert!(fine, "{said}");
    assert_eq!(audit.desk.page(&audit.bundle, "")["state"], "accepted");
    for thief in [&old, &new] {
        let mut files = replaced(&files, &note, &closing.sign([thief]));
        files.remanifest();
        files.sign(&key);
        let forged = files.write(&audit.path("."));
        assert!(!with(&forged, &[old.public()]).ok());
        let (fine, said) = audit.desk.python(&forged);
        assert!(!fine && said.contains("data/log/checkpoint"), "{said}");
        let said = audit.desk.page(&forged, "");
        let named = said["verdict"].as_str().unwrap().contains("data/log/checkpoint");
        assert!(said["state"] == "refused" && named, "{said}");
    }
}

#[test]
fn keys_that_no_record_names_and_records_that_are_no_keys_are_refused() {
    let Changed { world, old, .. } = changed(true);
    let files = Files::read(&world.bundle());
    let stranger = SigningKey::from_seed("test.example/soc2", &[5; 32]).unwrap();
    let vkey = String::from_utf8(files.get("data/log/log.vkey").to_vec()).unwrap();
    let key_file = key_files(&files).remove(0);
    let note = files.get(&key_file).to_vec();
    let first = vkey.lines().next().unwrap();
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("data/log/log.vkey", format!("{vkey}{}\n", stranger.public()).into_bytes(), "are not the keys"),
        ("data/log/log.vkey", format!("{first}\n").into_bytes(), "are not the keys"),
        ("data/log/log.vkey", format!("{first}\n{first}\n").into_bytes(), "a key is there twice"),
        ("data/log/keys/000000000000.checkpoint", note.clone(), "is no key's"),
        ("data/log/keys/x.checkpoint", note, "is not the checkpoint of a key record"),
    ];
    for (path, bytes, why) in cases {
        let mut changed = files.clone();
        set(&mut changed, path, bytes);
        let report = report(&changed, &[old.public()]);
        assert!(!report.ok() && wrong(&report).contains(why), "{path}: {}", wrong(&report));
    }
    // A record that names the thief's key, with everything redone that needs no key.
    let record = key_file.replace("log/keys", "records").replace(".checkpoint", ".json");
    let text = String::from_utf8(files.get(&record).to_vec()).unwrap();
    let named = vkey.lines().nth(1).unwrap();
    let mut changed = files.clone();
    set(&mut changed, &record, text.replace(named, &stranger.public().to_string()).into_bytes());
    set(&mut changed, "data/log/log.vkey", format!("{first}\n{}\n", stranger.public()).into_bytes());
    let report = report(&changed, &[old.public()]);
    assert!(!report.ok() && wrong(&report).contains("does not lead from"), "{}", wrong(&report));
}

#[test]
fn the_script_and_the_page_follow_the_keys_from_the_one_told_before_the_period_and_the_shell_says_that_it_does_not() {
    let Changed { world, old, new } = changed(true);
    let state = world.state();
    let audit = Audit::of(world);
    let key_file = key_files(&Files::read(&audit.bundle)).remove(0);
    let files = Files::read(&audit.bundle);
    let note = files.get(&key_file).to_vec();
    let checkpoint = old.public().open(&note).unwrap();
    let forged = |name: &str, note: Vec<u8>| {
        let mut files = files.clone();
        set(&mut files, &key_file, note);
        files.remanifest();
        files.sign(&BundleKey::parse(&std::fs::read_to_string(state.join("bundle.key")).unwrap()).unwrap());
        let path = audit.path(name);
        std::fs::rename(files.write(&audit.path(".")), &path).unwrap();
        path
    };
    let elsewhere = Checkpoint { root: [7; 32], ..checkpoint.clone() };
    let forgeries = [forged("self.zip", checkpoint.sign([&new])), forged("fork.zip", elsewhere.sign([&old]))];
    std::fs::write(audit.path("KEYS/log.vkey"), format!("{}\n", old.public())).unwrap();
    let (fine, said) = audit.desk.python(&audit.bundle);
    assert!(fine, "{said}");
    let said = audit.desk.page(&audit.bundle, "");
    let vouched = |line: &serde_json::Value| line.as_str().unwrap().contains("vouch for 1 that came later");
    assert!(said["state"] == "accepted" && said["lines"].as_array().unwrap().iter().any(vouched), "{said}");
    for bundle in &forgeries {
        let (fine, said) = audit.desk.python(bundle);
        assert!(!fine && said.contains(&key_file), "{}: {said}", bundle.display());
        let said = audit.desk.page(bundle, "");
        assert!(said["state"] == "refused" && said["verdict"].as_str().unwrap().contains(&key_file), "{said}");
    }
    let hint = "verify.py follows data/log/keys";
    let (fine, said) = audit.desk.shell(&audit.bundle, None);
    assert!(!fine && said.contains(hint), "with the old key alone: {said}");
    std::fs::write(audit.path("KEYS/log.vkey"), format!("{}\n{}\n", old.public(), new.public())).unwrap();
    let (fine, said) = audit.desk.shell(&audit.bundle, None);
    assert!(fine && said.contains(hint), "{said}");
}
