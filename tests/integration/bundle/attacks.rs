//! Attacks on a bundle, each by somebody who puts everything right again that he can: what he does, what he
//! holds, and which check finds it. The bundle has all that one can have: its checkpoints were dated twice by an
//! authority and handed to a folder, and it is time-stamped itself. The numbers up to 16 are those of the list
//! that the format was designed against; `ELSEWHERE` are those that take more than a bundle.

use super::archive::{Files, sha256};
use super::{erased, selective, wrong};
use crate::anchor::bundle as anchored;
use crate::anchor::world::{World, evidenced};
use crate::support::auditor::Auditor;
use crate::support::tsa::Server;
use evidenced::bundle::{VerifyOptions, VerifyReport, verify};
use evidenced::demo::restores::{RestoreHistory, SampleEnding, SampleTest};
use evidenced::ledger::Ledger;
use evidenced::ledger::bundle_key::{BUNDLE_NAMESPACE, BundleKey};
use evidenced::ledger::note::SigningKey;
use evidenced::ledger::record::{Record, canonical_json};
use evidenced::timestamp::Query;
use evidenced_collectors::contract::clock::Clock;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// What the attacker holds, and so makes anew after his change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    /// The bundle, and no more than that.
    Nothing,
    /// A program that writes manifests.
    Manifests,
    /// The key that signs bundles, too; and the authority stamps what he asks it to.
    Bundles,
    /// The key of the log, too; but what others hold of it stays what it is.
    Log,
}

use Holds::{Bundles, Log, Manifests, Nothing};

/// What else the attacker has.
struct Others {
    /// The bundle of another log.
    log: Files,
    /// The bundle of another period of the same log.
    period: Files,
}

/// What is done to the files of a bundle.
type Attack = fn(&mut Files, &Others);

/// Number, what is done, who does it, how, and the check that finds it.
const ATTACKS: &[(u8, &str, Holds, Attack, &str)] = &[
    (1, "evidence is edited", Nothing, edit_evidence, "manifests"),
    (2, "and the manifests are redone", Manifests, edit_evidence, "envelope"),
    (3, "and the bundle is signed and stamped again", Bundles, edit_evidence, "commitments"),
    (3, "and the sums beside the evidence are redone", Bundles, edit_and_sum, "commitments"),
    (3, "and its record is committed to the new sums", Bundles, edit_and_commit, "inclusion"),
    (3, "and that record's hash is in the list of leaves", Bundles, edit_and_relist, "range"),
    (4, "and the tables are those of the edited evidence", Bundles, edit_and_tabulate, "commitments"),
    (5, "a record of the period is withheld", Bundles, withhold, "records"),
    (6, "evidence is added that was never logged", Bundles, add_evidence, "files"),
    (7, "a leaf hash is dropped", Bundles, |files, _| drop_line(files, "data/log/leafhashes.txt"), "range"),
    (8, "a checkpoint that was handed over is dropped", Bundles, drop_note, "commitments"),
    (8, "and so are its receipt, its sums and its salt", Bundles, drop_anchor_files, "commitments"),
    (8, "and so is the record of it", Bundles, drop_anchor, "records"),
    (9, "a row of the index is given another date", Bundles, redate, "derived files"),
    (10, "the checkpoint is edited", Bundles, |files, _| flip(files, "data/log/checkpoint", 30), "checkpoint"),
    (10, "a checkpoint that was handed over is edited", Bundles, edit_note, "anchors"),
    (11, "the time-stamp is that of another bundle", Bundles, swap_token, "envelope"),
    (11, "the receipts of two checkpoints change places", Bundles, swap_receipts, "anchors"),
    (12, "evidence is edited, and the log is signed anew by its key", Log, edit_and_commit, "anchors"),
    (15, "a payload is deleted without an erasure", Bundles, delete_payload, "commitments"),
    (15, "and its line among the sums", Bundles, delete_and_sum, "commitments"),
    (17, "a record has a key twice", Bundles, double_key, "records"),
    (18, "a record has bytes after its end", Bundles, |files, _| append(files, "data/records/", b"\n"), "records"),
    (19, "two records change places", Bundles, swap_records, "inclusion"),
    (20, "the files of two records change places, with their salts", Bundles, swap_files, "commitments"),
    (21, "a record and its proof come from another log", Bundles, splice_record, "inclusion"),
    (22, "the log comes from another bundle", Bundles, splice_log, "inclusion"),
    (23, "the checkpoint and all proofs come from another log", Bundles, splice_proofs, "checkpoint"),
    (24, "the log and all proofs are those of another period", Bundles, splice_period, "checkpoint"),
    (24, "the pages and tables are those of another period", Bundles, splice_pages, "derived files"),
    (25, "an old bundle is given a new name", Bundles, rename, "bag"),
    (25, "and is said to be of a longer period", Bundles, prolong, "derived files"),
    (26, "a hash of a proof is base64 with other bits at its end", Bundles, loose_base64, "inclusion"),
    (27, "a proof has a hash more", Bundles, longer_proof, "inclusion"),
    (28, "a proof has a hundred thousand hashes", Bundles, endless_proof, "inclusion"),
    (29, "the checkpoint has ten thousand signatures", Bundles, many_signatures, "checkpoint"),
    (30, "lines end as Windows has them", Bundles, windows_lines, "derived files"),
    (31, "the frontier has a hash", Bundles, |files, _| append(files, "data/log/frontier.txt", &[b'0'; 64]), "range"),
    (32, "a salt is another", Bundles, other_salt, "commitments"),
    (33, "a tool for checking always says yes", Bundles, |files, _| replace(files, "verify.sh", "exit 0\n"), "derived files"),
    (34, "the log begins a second time", Log, second_epoch, "records"),
    (35, "a summary counts a run too few", Log, low_summary, "completeness"),
    (36, "a verdict knows a waiver that was approved after it", Log, waive_before, "references"),
];

/// Attacks that take more than a bundle, and the test that is about each.
const ELSEWHERE: &[(u8, fn())] = &[
    (5, selective::attack_5_a_withheld_run_is_missed_by_the_summaries),
    (12, anchored::attack_12_history_written_anew_today_with_fresh_time_stamps_does_not_fit_between_them),
    (13, anchored::attacks_13_and_14_a_parallel_log_passes_alone_and_is_caught_by_whoever_holds_an_older_checkpoint),
    (14, anchored::attacks_13_and_14_a_parallel_log_passes_alone_and_is_caught_by_whoever_holds_an_older_checkpoint),
    (14, anchored::attack_14_a_parallel_log_is_caught_by_a_witness),
    (16, erased::attack_16_what_was_erased_is_not_re_performed_and_neither_a_failure_nor_a_success),
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

fn edit_evidence(files: &mut Files, _: &Others) {
    let body = files.find("data/evidence/", "/population.json");
    flip(files, &body, 40);
}

fn edit_and_sum(files: &mut Files, others: &Others) {
    edit_evidence(files, others);
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

fn edit_and_commit(files: &mut Files, others: &Others) {
    edit_and_sum(files, others);
    recommit(files);
}

fn edit_and_relist(files: &mut Files, others: &Others) {
    edit_and_sum(files, others);
    let (old, new) = recommit(files);
    let leaf = |record: &[u8]| sha256(&[&[0], record].concat());
    files.replace("data/log/leafhashes.txt", &leaf(&old), &leaf(&new));
}

fn withhold(files: &mut Files, _: &Others) {
    let (folder, number) = evidence(files);
    files.files.retain(|path, _| !path.starts_with(&folder) && !path.contains(&number));
}

fn add_evidence(files: &mut Files, _: &Others) {
    let (folder, _) = evidence(files);
    files.files.insert(format!("{folder}/exchanges/9999.body"), b"[]".to_vec());
}

fn redate(files: &mut Files, _: &Others) {
    let index = evidence(files).1.trim_start_matches('0').to_owned();
    files.replace("data/index.csv", &format!("\n{index},20"), &format!("\n{index},19"));
}

fn delete_payload(files: &mut Files, _: &Others) {
    let (folder, _) = evidence(files);
    files.files.remove(&format!("{folder}/run.json")).unwrap();
}

fn delete_and_sum(files: &mut Files, others: &Others) {
    let (folder, _) = evidence(files);
    delete_payload(files, others);
    files.resum(&folder);
}

fn double_key(files: &mut Files, _: &Others) {
    let path = format!("data/records/{}.json", evidence(files).1);
    files.replace(&path, "{\"at\":", "{\"at\":\"2026-01-01T00:00:00.000Z\",\"at\":");
}

fn swap_records(files: &mut Files, _: &Others) {
    let mut records: Vec<String> =
        files.files.keys().filter(|path| path.starts_with("data/records/")).cloned().collect();
    let (a, b) = (records.pop().unwrap(), records.pop().unwrap());
    let (first, second) = (files.get(&a).to_vec(), files.get(&b).to_vec());
    files.files.extend([(a, second), (b, first)]);
}

fn take(files: &mut Files, from: &Files, wanted: impl Fn(&str) -> bool) {
    let found = from.files.iter().filter(|(path, _)| wanted(path)).map(|(path, bytes)| (path.clone(), bytes.clone()));
    let found: BTreeMap<String, Vec<u8>> = found.collect();
    assert!(!found.is_empty());
    files.files.extend(found);
}

fn splice_record(files: &mut Files, others: &Others) {
    take(files, &others.log, |path| path.contains("/000000000002."));
}

fn splice_log(files: &mut Files, others: &Others) {
    take(files, &others.log, |path| path.starts_with("data/log/"));
}

fn splice_proofs(files: &mut Files, others: &Others) {
    take(files, &others.log, |path| path == "data/log/checkpoint" || path.starts_with("data/proofs/"));
}

/// The first proof with hashes in it, and its text until them, its first hash, and the rest.
fn proof(files: &Files) -> (String, String, String, String) {
    let path = "data/proofs/000000000001.tlog-proof".to_owned();
    let text = String::from_utf8(files.get(&path).to_vec()).unwrap();
    let mut lines = text.splitn(4, '\n');
    let head = format!("{}\n{}\n", lines.next().unwrap(), lines.next().unwrap());
    (path, head, lines.next().unwrap().to_owned(), format!("\n{}", lines.next().unwrap()))
}

fn loose_base64(files: &mut Files, _: &Others) {
    let (path, head, hash, rest) = proof(files);
    // The last digit before `=` has two bits that say nothing, and must be zero.
    let mut digits = hash.into_bytes();
    assert_eq!((digits.len(), digits[43]), (44, b'='));
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let at = ALPHABET.iter().position(|digit| *digit == digits[42]).unwrap();
    digits[42] = ALPHABET[at | 1];
    replace(files, &path, &format!("{head}{}{rest}", String::from_utf8(digits).unwrap()));
}

fn longer_proof(files: &mut Files, _: &Others) {
    let (path, head, hash, rest) = proof(files);
    replace(files, &path, &format!("{head}{hash}\n{hash}{rest}"));
}

fn endless_proof(files: &mut Files, _: &Others) {
    let (path, head, hash, rest) = proof(files);
    replace(files, &path, &format!("{head}{}{hash}{rest}", format!("{hash}\n").repeat(100_000)));
}

fn many_signatures(files: &mut Files, _: &Others) {
    let line = format!("— other.example/log {}=\n", "A".repeat(91));
    append(files, "data/log/checkpoint", line.repeat(10_000).as_bytes());
}

fn windows_lines(files: &mut Files, _: &Others) {
    let text = String::from_utf8(files.get("data/index.csv").to_vec()).unwrap();
    replace(files, "data/index.csv", &text.replace('\n', "\r\n"));
}

fn other_salt(files: &mut Files, _: &Others) {
    let text = String::from_utf8(files.get("data/salts.csv").to_vec()).unwrap();
    let (head, salt) = text.trim_end().rsplit_once(',').unwrap();
    replace(files, "data/salts.csv", &format!("{head},{}\n", "0".repeat(salt.len())));
}

/// As far as that can be done by hand: the tables no longer have anything to do with what was there.
fn edit_and_tabulate(files: &mut Files, others: &Others) {
    edit_and_sum(files, others);
    recommit(files);
    let tables: Vec<String> = files.files.keys().filter(|path| path.ends_with(".csv") && !path.contains("salts")).cloned().collect();
    for path in tables {
        flip(files, &path, 0);
    }
    edit_evidence(files, others);
}

/// Folders of the anchors of that way, in order of the log.
fn anchors(files: &Files, way: &str) -> Vec<String> {
    let records = files.files.iter().filter(|(path, bytes)| {
        path.starts_with("data/records/") && String::from_utf8_lossy(bytes).contains(&format!("\"way\":\"{way}\""))
    });
    let folder = |path: &String| path.replace("data/records/", "data/anchors/").replace(".json", "");
    records.map(|(path, _)| folder(path)).collect()
}

fn drop_note(files: &mut Files, _: &Others) {
    let folder = anchors(files, "rfc3161").remove(0);
    files.files.remove(&format!("{folder}/note")).unwrap();
    files.resum(&folder);
}

fn drop_anchor_files(files: &mut Files, _: &Others) {
    let folder = anchors(files, "rfc3161").remove(0);
    files.files.retain(|path, _| !path.starts_with(&folder));
    let row = format!("\n{},", folder.rsplit_once('/').unwrap().1.trim_start_matches('0'));
    let salts = String::from_utf8(files.get("data/salts.csv").to_vec()).unwrap();
    let (before, rest) = salts.split_once(&row).unwrap();
    replace(files, "data/salts.csv", &format!("{before}\n{}", rest.split_once('\n').unwrap().1));
}

fn drop_anchor(files: &mut Files, others: &Others) {
    let number = anchors(files, "rfc3161")[0].rsplit_once('/').unwrap().1.to_owned();
    drop_anchor_files(files, others);
    files.files.retain(|path, _| !path.contains(&number));
}

fn edit_note(files: &mut Files, _: &Others) {
    let note = format!("{}/note", anchors(files, "rfc3161")[0]);
    flip(files, &note, 30);
}

fn swap(files: &mut Files, a: &str, b: &str) {
    let (first, second) = (files.get(a).to_vec(), files.get(b).to_vec());
    files.files.extend([(a.to_owned(), second), (b.to_owned(), first)]);
}

fn swap_token(files: &mut Files, others: &Others) {
    take(files, &others.period, |path| path == TOKEN);
}

fn swap_receipts(files: &mut Files, _: &Others) {
    let folders = anchors(files, "rfc3161");
    swap(files, &format!("{}/receipt", folders[0]), &format!("{}/receipt", folders[1]));
    folders.iter().for_each(|folder| files.resum(folder));
}

fn swap_files(files: &mut Files, _: &Others) {
    let folders = anchors(files, "rfc3161");
    for name in ["note", "receipt", "SHA256SUMS"] {
        swap(files, &format!("{}/{name}", folders[0]), &format!("{}/{name}", folders[1]));
    }
    let numbers = [0, 1].map(|at: usize| folders[at].rsplit_once('/').unwrap().1.trim_start_matches('0').to_owned());
    let salts = String::from_utf8(files.get("data/salts.csv").to_vec()).unwrap();
    let salt = |number: &str| salts.lines().find_map(|line| line.strip_prefix(&format!("{number},"))).unwrap();
    let [a, b] = numbers.each_ref().map(|number| salt(number));
    let swapped = salts.replace(a, "?").replace(b, a).replace('?', b);
    replace(files, "data/salts.csv", &swapped);
}

fn splice_period(files: &mut Files, others: &Others) {
    let proofs: BTreeSet<String> = files.files.keys().filter(|path| path.starts_with("data/proofs/")).cloned().collect();
    take(files, &others.period, |path| path.starts_with("data/log/") || proofs.contains(path));
}

fn splice_pages(files: &mut Files, others: &Others) {
    take(files, &others.period, |path| path.starts_with("data/controls/"));
}

fn rename(files: &mut Files, _: &Others) {
    files.top = files.top.replacen("_20", "_19", 1);
}

fn prolong(files: &mut Files, others: &Others) {
    // Both bundles begin alike.
    files.top = others.period.top.clone();
    take(files, &others.period, |path| path == "bag-info.txt");
    let size = |files: &Files| {
        let info = String::from_utf8(files.get("bag-info.txt").to_vec()).unwrap();
        info.lines().filter(|line| line.starts_with("Evidenced-Log-")).map(str::to_owned).collect::<Vec<_>>()
    };
    let note = String::from_utf8(files.get("data/log/checkpoint").to_vec()).unwrap();
    let records = note.lines().nth(1).unwrap().to_owned();
    for line in size(files) {
        let key = line.split(": ").next().unwrap();
        let value = match key {
            "Evidenced-Log-Range" => format!("0 {records}"),
            "Evidenced-Log-Size" => records.clone(),
            _ => continue,
        };
        files.replace("bag-info.txt", &line, &format!("{key}: {value}"));
    }
}

/// Changes the last record of a kind, which is after all that others hold.
fn rewrite(files: &mut Files, kind: &str, change: impl FnOnce(&mut Value)) {
    let of_kind = |(_, bytes): &(&String, &Vec<u8>)| {
        serde_json::from_slice::<Value>(bytes).is_ok_and(|record| record["kind"] == kind)
    };
    let records = files.files.iter().filter(|(path, _)| path.starts_with("data/records/"));
    let (path, bytes) = records.filter(of_kind).last().unwrap();
    let (path, mut record) = (path.clone(), serde_json::from_slice::<Value>(bytes).unwrap());
    change(&mut record);
    let record: Record = serde_json::from_value(record).unwrap();
    files.files.insert(path, canonical_json(&record).unwrap());
}

fn second_epoch(files: &mut Files, _: &Others) {
    let epoch: Value = serde_json::from_slice(files.get("data/records/000000000000.json")).unwrap();
    rewrite(files, "waiver", |waiver| *waiver = epoch);
    rewrite(files, "summary", |summary| {
        let controls = &mut summary["counts"]["controls"]["T-1"];
        *controls = (controls.as_u64().unwrap() - 1).into();
        summary["counts"]["kinds"]["epoch"] = 2.into();
    });
}

fn low_summary(files: &mut Files, _: &Others) {
    rewrite(files, "summary", |summary| {
        let next = &mut summary["collectors"]["c"];
        *next = (next.as_u64().unwrap() - 1).into();
    });
}

fn waive_before(files: &mut Files, _: &Others) {
    let number = |path: &str| path.strip_prefix("data/records/")?.strip_suffix(".json")?.parse::<u64>().ok();
    let waiver = files.files.iter().find(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"kind\":\"waiver\""));
    let waiver = number(waiver.unwrap().0).unwrap();
    rewrite(files, "verdict", |verdict| verdict["waivers"] = vec![waiver].into());
}

const TOKEN: &str = "tagmanifest-sha256.txt.tsr";

/// A company's ledger, what its auditor was given, and bundles of it and of another one.
struct Scene {
    server: Server,
    desk: Auditor,
    bundles: BundleKey,
    log: SigningKey,
    good: Files,
    others: Others,
}

/// A world whose checkpoints are dated and handed on.
async fn lived(server: &Server) -> World {
    let anchors = format!(
        "[anchors.share]\nway = 'folder'\npath = 'share'\n[anchors.t]\nway = 'rfc3161'\nurl = '{}'\n",
        server.url()
    );
    let world = World::new().anchored(&anchors);
    std::fs::create_dir(world.dir.path().join("share")).unwrap();
    let started = world.clock.now() - chrono::TimeDelta::days(2);
    let drill = SampleTest { store: "db".into(), started, ending: SampleEnding::Good };
    RestoreHistory::new(vec![drill]).write_until(&world.dir.path().join("logs"), world.clock.now()).unwrap();
    for anchor in ["t", "share", "t"] {
        world.run().await;
        world.hand_over(anchor).await.unwrap();
    }
    world.run().await;
    told(&world, &["waive", "T-1", "db*", "--reason", "r", "--approver", "a", "--expires-in", "9d"]);
    world
}

fn told(world: &World, args: &[&str]) {
    let (code, said) = evidenced(world.dir.path(), args);
    assert_eq!(code, 0, "{args:?}: {said}");
}

/// Exported by the built program, with a time-stamp.
fn exported(world: &World, days: i64, name: &str) -> Files {
    let day = |days: i64| (world.clock.now() + chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    told(world, &["export", "--from", &day(-60), "--to", &day(days), "--out", name, "--require-timestamp"]);
    Files::read(&world.dir.path().join(name))
}

impl Scene {
    async fn set() -> Self {
        let server = Server::start();
        let (world, other) = (lived(&server).await, lived(&server).await);
        let good = exported(&world, 1, "good.zip");
        world.run().await;
        let others = Others { log: exported(&other, 1, "other.zip"), period: exported(&world, 3, "period.zip") };
        let desk = Auditor::new();
        let bundles = Ledger::open(&world.state()).unwrap().bundle_key().unwrap();
        let log = SigningKey::parse(std::fs::read_to_string(world.state().join("log.key")).unwrap().trim()).unwrap();
        std::fs::copy(world.state().join("log.vkey"), desk.path("KEYS/log.vkey")).unwrap();
        let signer = format!("evidence@test.example {}\n", bundles.public_line().unwrap());
        std::fs::write(desk.path("KEYS/allowed_signers"), signer).unwrap();
        std::fs::write(desk.path("KEYS/tsa-root.pem"), server.authority.pem("root")).unwrap();
        let mut scene = Self { server, desk, bundles, log, good: good.clone(), others };
        // Packed by another program, so that nothing but the attack is what is found.
        let mut repacked = good;
        scene.redo(&mut repacked, Bundles);
        scene.good = repacked;
        scene
    }

    /// Everything that the attacker can make anew.
    fn redo(&self, files: &mut Files, holds: Holds) {
        if holds == Nothing {
            return;
        }
        let seals: Vec<(String, Vec<u8>)> =
            files.files.iter().filter(|(path, _)| path.starts_with(SEAL)).map(|(p, b)| (p.clone(), b.clone())).collect();
        if holds == Log {
            files.relog(&self.log);
        }
        files.remanifest();
        files.files.extend(seals);
        if holds < Bundles {
            return;
        }
        files.sign(&self.bundles);
        if files.get(TOKEN) == self.good.get(TOKEN) {
            let query = Query::new(Sha256::digest(files.get("tagmanifest-sha256.txt")).into(), [7; 8]);
            let token = self.server.authority.reply(&query.to_der(), "tsa", "fractions", None);
            files.files.insert(TOKEN.to_owned(), token);
        }
        let signature = self.bundles.sign(BUNDLE_NAMESPACE, files.get(TOKEN)).unwrap();
        files.files.insert(format!("{TOKEN}.sig"), signature.into_bytes());
    }

    fn check(&self, zip: &std::path::Path) -> VerifyReport {
        let options = VerifyOptions {
            vkey: Some(self.desk.text("KEYS/log.vkey")),
            allowed_signers: Some(self.desk.text("KEYS/allowed_signers")),
            tsa_roots: Some(std::fs::read(self.desk.path("KEYS/tsa-root.pem")).unwrap()),
            ..VerifyOptions::default()
        };
        verify(zip, &options).unwrap()
    }
}

/// Begins the names of the signatures and the time-stamp.
const SEAL: &str = "tagmanifest-sha256.txt.";

/// Each attack is found by its check; and by `verify.py`, where what it does is not left to re-deriving.
#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_found_whatever_the_attacker_holds_and_makes_anew() {
    let scene = Scene::set().await;
    let dir = tempfile::tempdir().unwrap();
    let mut unchanged = scene.good.clone();
    scene.redo(&mut unchanged, Log);
    for files in [&scene.good, &unchanged] {
        let zip = files.write(dir.path());
        let (report, (fine, said)) = (scene.check(&zip), scene.desk.python(&zip));
        assert!(report.ok() && fine, "what nobody attacked is refused: {}\n{said}", wrong(&report));
    }
    for (number, what, holds, attack, finder) in ATTACKS {
        let mut files = scene.good.clone();
        attack(&mut files, &scene.others);
        scene.redo(&mut files, *holds);
        let zip = files.write(dir.path());
        let start = Instant::now();
        let report = scene.check(&zip);
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: took {:?}", start.elapsed());
        let by: Vec<&str> = report.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
        assert!(by.contains(finder), "{number}, {what}: not found by {finder}, but by {by:?}\n{}", wrong(&report));
        if *holds >= Bundles {
            let made_well = !by.iter().any(|name| ["manifests", "container"].contains(name));
            assert!(made_well, "{number}, {what}: made badly\n{}", wrong(&report));
        }
        let (fine, said) = scene.desk.python(&zip);
        assert_eq!(fine, *finder == "derived files", "{number}, {what}: verify.py\n{said}");
        println!("{number:2} {what}: {}{}", by.join(", "), if fine { "" } else { "; verify.py" });
    }
}

#[test]
fn every_number_has_an_attack() {
    let here = ATTACKS.iter().map(|(number, ..)| *number);
    let all: BTreeSet<u8> = here.chain(ELSEWHERE.iter().map(|(number, _)| *number)).collect();
    assert_eq!(all, (1..=36).collect());
}

/// Nobody can put a time-stamp there that is wrong, but anybody can take one away.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_stamp_that_a_courier_took_away_is_said_to_be_missing() {
    let scene = Scene::set().await;
    let dir = tempfile::tempdir().unwrap();
    let mut files = scene.good.clone();
    files.files.retain(|path, _| !path.starts_with(TOKEN));
    let zip = files.write(dir.path());
    let envelope = scene.check(&zip).checks.into_iter().find(|check| check.name == "envelope").unwrap();
    assert!(envelope.ok && envelope.detail.contains("no time-stamp: when it was made is claimed"), "{envelope:?}");
    let (fine, said) = scene.desk.python(&zip);
    assert!(fine && said.contains("not checked  when the bundle was made: it has no time-stamp"), "{said}");
}
