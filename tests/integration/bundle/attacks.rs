//! Attacks on a bundle, each by somebody who puts everything right again that he can: what he does, what he
//! holds, and which check finds it. The bundle has all that one can have: its checkpoints were dated twice by an
//! authority and handed to a folder, and it is time-stamped itself. The numbers up to 16 are those of the list
//! that the format was designed against; `ELSEWHERE` are those that take more than a bundle.

mod acts;
mod scene;

use super::{erased, keys, layouts, misled, samples, selective, wrong};
use crate::anchor::bundle as anchored;
use acts::*;
use evidenced::bundle::{VerifyOptions, VerifyReport, verify};
use scene::Holds::{self, Bundles, Log, Manifests, Nothing};
use scene::{Attack, Scene, TOKEN};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

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
    (22, "the log comes from another bundle", Bundles, splice_log, "checkpoint"),
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
    (
        33,
        "a tool for checking always says yes",
        Bundles,
        |files, _| replace(files, "verify.sh", "exit 0\n"),
        "derived files",
    ),
    (34, "the log begins a second time", Log, second_epoch, "records"),
    (35, "a summary counts a run too few", Log, low_summary, "completeness"),
    (36, "a verdict knows a waiver that was approved after it", Log, waive_before, "references"),
    (
        37,
        "files of checkpoints that were handed over lie in the folder of another kind",
        Bundles,
        move_anchors,
        "commitments",
    ),
    (37, "and evidence is edited, and the log is signed anew by its key", Log, edit_and_move, "commitments"),
    (38, "a checkpoint that was handed over is erased, which none ever is", Log, erase_anchor, "references"),
    (39, "the bundle is said to be a sample, which its log does not say", Bundles, say_sample, "derived files"),
    (40, "a record nests without an end", Bundles, nest, "records"),
    (40, "a record is longer than any", Bundles, lengthen, "records"),
    (47, "a record is spelled in another way, and the log is signed anew by its key", Log, respell, "records"),
    (47, "and one has a key twice", Log, double_last_key, "records"),
    (48, "what a run brought is not judged, and the log is signed anew by its key", Log, unjudge, "sequences"),
    (48, "and is said to be for no control", Log, disown_and_unjudge, "sequences"),
    (49, "the bundle is said to be of another organisation", Bundles, relabel, "records"),
    (52, "the list of leaves goes on after the last", Bundles, another_leaf, "range"),
    (52, "a number begins with a zero", Bundles, |files, _| pad(files, "bag-info.txt", "-Log-Size: "), "bag"),
    (52, "and so does that of a salt", Bundles, |files, _| pad(files, "data/salts.csv", "salt\n"), "commitments"),
];

/// Attacks that take more than a bundle, and the test that is about each.
const ELSEWHERE: &[(u8, fn())] = &[
    (5, selective::attack_5_a_withheld_run_is_missed_by_the_summaries),
    (12, anchored::attack_12_history_written_anew_today_with_fresh_time_stamps_does_not_fit_between_them),
    (13, anchored::attacks_13_and_14_a_parallel_log_passes_alone_and_is_caught_by_whoever_holds_an_older_checkpoint),
    (14, anchored::attacks_13_and_14_a_parallel_log_passes_alone_and_is_caught_by_whoever_holds_an_older_checkpoint),
    (14, anchored::attack_14_a_parallel_log_is_caught_by_a_witness),
    (16, erased::attack_16_what_was_erased_is_not_re_performed_and_neither_a_failure_nor_a_success),
    (41, selective::attack_41_the_scripts_miss_every_record_that_a_selection_was_robbed_of),
    (42, samples::attack_42_files_of_a_sample_that_was_drawn_after_the_period_cannot_be_withheld),
    (43, keys::attack_43_a_retired_key_signs_no_log_whose_record_of_it_lost_its_checkpoint),
    (44, misled::attack_44_what_should_be_a_number_is_never_run_as_a_command),
    (45, misled::attack_45_the_time_that_nobody_signed_is_not_taken_for_that_of_the_time_stamp),
    (46, layouts::attack_46_one_archive_with_two_directories_is_no_bundle),
    (50, keys::attack_50_while_two_keys_sign_one_of_them_alone_signs_for_no_verifier),
    (51, selective::attack_51_no_older_configuration_stands_for_the_one_that_was_in_force),
];

/// What finds things that `verify.py` leaves open, and says so: it derives and judges nothing, and what a folder
/// is called says nothing once it was unpacked.
const LEFT_TO_US: [&str; 3] = ["bag", "derived files", "references"];

/// From this number on, `verify.html` finds what `verify.py` does; and from that number on, both find it as well,
/// whoever else does.
const BY_THE_PAGE_TOO: u8 = 17;
const BY_THE_SCRIPTS_TOO: u8 = 37;

/// Each attack is found by its check; and by `verify.py`, where it is not left to us.
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
        let page = scene.desk.page(&zip, "");
        assert_eq!(page["state"], "accepted", "what nobody attacked is refused: {page}");
    }
    let mut unlike = String::new();
    for (number, what, holds, attack, finder) in ATTACKS {
        let mut files = scene.good.clone();
        attack(&mut files, &scene.others);
        scene.redo(&mut files, *holds);
        let zip = files.write(dir.path());
        let start = Instant::now();
        let report = scene.check(&zip);
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: took {:?}", start.elapsed());
        let by: Vec<&str> = report.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
        if !by.contains(finder) {
            unlike += &format!("{number}, {what}: not found by {finder}, but by {by:?}\n{}", wrong(&report));
        }
        if *holds >= Bundles && by.iter().any(|name| ["manifests", "container"].contains(name)) {
            unlike += &format!("{number}, {what}: made badly\n{}", wrong(&report));
        }
        let (fine, said) = scene.desk.python(&zip);
        // It may find more: the anchors cover whatever lies before them.
        let too = *number >= BY_THE_SCRIPTS_TOO;
        let theirs = too || !LEFT_TO_US.contains(finder);
        if fine && theirs || said.contains("Traceback") {
            unlike += &format!("{number}, {what}: verify.py\n{said}");
        }
        if theirs && *number >= BY_THE_PAGE_TOO {
            let page = scene.desk.page(&zip, "");
            if page["state"] != "refused" {
                unlike += &format!("{number}, {what}: verify.html\n{page}");
            }
        }
        println!("{number:2} {what}: {}{}", by.join(", "), if fine { "" } else { "; verify.py" });
    }
    assert!(unlike.is_empty(), "{unlike}");
}

#[test]
fn every_number_has_an_attack() {
    let here = ATTACKS.iter().map(|(number, ..)| *number);
    let all: BTreeSet<u8> = here.chain(ELSEWHERE.iter().map(|(number, _)| *number)).collect();
    assert_eq!(all, (1..=52).collect());
}

/// Nobody can put a time-stamp there that is wrong, but anybody can take one away.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_stamp_that_a_courier_took_away_is_missed_by_who_asks_for_it_and_else_said_to_be_missing() {
    let scene = Scene::set().await;
    let dir = tempfile::tempdir().unwrap();
    let mut files = scene.good.clone();
    files.files.retain(|path, _| !path.starts_with(TOKEN));
    let zip = files.write(dir.path());
    let envelope = |report: VerifyReport| report.checks.into_iter().find(|check| check.name == "envelope").unwrap();
    let found = envelope(scene.check(&zip));
    assert!(!found.ok && found.detail.starts_with(&format!("{TOKEN}: is missing")), "{found:?}");
    for (fine, said) in [scene.desk.python(&zip), scene.desk.shell(&zip, None)] {
        assert!(!fine && said.contains(TOKEN) && said.contains("missing"), "{said}");
    }
    std::fs::remove_file(scene.desk.path("KEYS/tsa-root.pem")).unwrap();
    let found = envelope(verify(&zip, &VerifyOptions::default()).unwrap());
    assert!(found.ok && found.detail.contains("no time-stamp: when it was made is claimed"), "{found:?}");
    let (fine, said) = scene.desk.python(&zip);
    assert!(fine && said.contains("not checked  when the bundle was made: it has no time-stamp"), "{said}");
}
