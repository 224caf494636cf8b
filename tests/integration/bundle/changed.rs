//! Whoever changes a bundle is found, whatever they put right again afterwards.

use super::archive::{Files, closing, sha256};
use super::world::World;
use super::{check, wrong};
use evidenced::bundle::VerifyReport;

/// The report on an altered bundle, which must not be a good one.
fn refused(files: &Files) -> VerifyReport {
    let dir = tempfile::tempdir().unwrap();
    let report = check(&files.write(dir.path()), false);
    assert!(!report.ok(), "a changed bundle was taken for good");
    report
}

/// Which check finds it, as the first finding of that check says.
fn finds(files: &Files, check: &str, words: &str) {
    let report = refused(files);
    let found = report.checks.iter().find(|c| c.name == check && !c.ok);
    let found = found.unwrap_or_else(|| panic!("{check} finds nothing; found:\n{}", wrong(&report)));
    assert!(found.findings.iter().any(|f| format!("{}: {}", f.file, f.problem).contains(words)), "{}", wrong(&report));
}

fn flip(bytes: &mut [u8], at: usize) {
    let at = at % bytes.len();
    bytes[at] ^= 1;
}

#[test]
fn a_bundle_put_together_again_unchanged_is_still_good() {
    let world = World::small();
    let mut files = Files::read(&world.bundle());
    // Packed by another program.
    files.remanifest();
    files.sign(&world.key());
    let dir = tempfile::tempdir().unwrap();
    let report = check(&files.write(dir.path()), true);
    assert!(report.ok(), "{}", wrong(&report));
}

#[test]
fn a_changed_byte_in_any_file_is_found_and_the_file_named() {
    let files = Files::read(&World::small().bundle());
    let covered: Vec<&String> = files.files.keys().filter(|path| !path.contains("manifest-sha256")).collect();
    let longest = covered.iter().map(|path| files.get(path).len()).max().unwrap();
    let dir = tempfile::tempdir().unwrap();
    // One byte of every file at once: each must be named. Every byte of what is short, every 61st of the rest.
    for at in (0..160).chain((160..longest).step_by(61)) {
        let mut changed = files.clone();
        changed.files.iter_mut().filter(|(path, _)| !path.contains("manifest-sha256")).for_each(|(_, b)| flip(b, at));
        let report = check(&changed.write(dir.path()), false);
        for path in &covered {
            let named = report.findings().any(|f| f.file == **path && f.problem.starts_with("changed: "));
            assert!(named, "byte {at} of {path} was changed:\n{}", wrong(&report));
        }
    }
}

#[test]
fn a_changed_byte_in_a_manifest_is_found_and_the_manifest_named() {
    let files = Files::read(&World::small().bundle());
    for (manifest, step) in [("tagmanifest-sha256.txt", 9), ("manifest-sha256.txt", 499)] {
        for at in (0..files.get(manifest).len()).step_by(step) {
            let mut changed = files.clone();
            changed.files.get_mut(manifest).unwrap()[at] ^= 1;
            let report = refused(&changed);
            assert!(wrong(&report).contains(manifest), "byte {at} of {manifest}:\n{}", wrong(&report));
        }
    }
}

#[test]
fn files_that_are_dropped_added_or_renamed_are_named_also_when_the_manifests_fit() {
    let files = Files::read(&World::small().bundle());
    for path in files.files.keys().filter(|path| !path.contains("manifest-sha256") && !closing(path)) {
        let mut changed = files.clone();
        changed.files.remove(path);
        assert!(wrong(&refused(&changed)).contains(path.as_str()), "{path} was dropped");
        changed.remanifest();
        assert!(wrong(&refused(&changed)).contains(path.as_str()), "{path} was dropped, and the manifests redone");
    }
    for path in ["data/extra.csv", "data/controls/AVL-001/notes.md", "NOTES.txt", "data/records/notes.json"] {
        let mut changed = files.clone();
        changed.files.insert(path.to_owned(), b"new".to_vec());
        assert!(wrong(&refused(&changed)).contains(path), "{path} was added");
        changed.remanifest();
        assert!(wrong(&refused(&changed)).contains(path), "{path} was added, and the manifests redone");
    }
    let mut changed = files.clone();
    let old = changed.find("data/evidence/", "/run.json");
    let bytes = changed.files.remove(&old).unwrap();
    changed.files.insert(old.replace("run.json", "walk.json"), bytes);
    changed.remanifest();
    let wrong = wrong(&refused(&changed));
    assert!(wrong.contains(&old) && wrong.contains("walk.json"), "{wrong}");
}

#[test]
fn a_judgement_cannot_be_changed_whatever_is_put_right_after_it() {
    let world = World::new();
    let mut files = Files::read(&world.bundle());
    let judged = files.files.iter().find(|(path, bytes)| {
        path.ends_with("judgements.json") && String::from_utf8_lossy(bytes).contains("\"outcome\":\"deviation\"")
    });
    let judgements = judged.unwrap().0.clone();
    let folder = judgements.strip_suffix("/judgements.json").unwrap().to_owned();
    let number = folder.strip_prefix("data/verdicts/").unwrap().to_owned();
    files.replace(&judgements, "\"outcome\":\"deviation\"", "\"outcome\":\"pass\"");
    finds(&files, "manifests", &judgements);
    files.remanifest();
    finds(&files, "commitments", &format!("{judgements}: is not the file that {folder}/SHA256SUMS lists"));
    files.resum(&folder);
    files.remanifest();
    finds(&files, "commitments", &format!("{folder}/SHA256SUMS: with its salt"));
    // The record's commitment too: now the log speaks against it.
    let record = format!("data/records/{number}.json");
    let salts = String::from_utf8(files.get("data/salts.csv").to_vec()).unwrap();
    let index = number.trim_start_matches('0');
    let salt = salts.lines().find_map(|line| line.strip_prefix(&format!("{index},"))).unwrap();
    let sums = sha256(files.get(&format!("{folder}/SHA256SUMS")));
    let sealed: serde_json::Value = serde_json::from_slice(files.get(&record)).unwrap();
    let commit = sha256(format!("evidenced/commit/v1\n{salt}\n{sums}\n").as_bytes());
    files.replace(&record, sealed["commit"].as_str().unwrap(), &commit);
    files.remanifest();
    finds(&files, "inclusion", &record);
    finds(&files, "range", &record);
    let report = refused(&files);
    let commitments = report.checks.iter().find(|check| check.name == "commitments").unwrap();
    assert!(commitments.ok, "{}", wrong(&report));
}

/// One edit, with the manifests redone, and which check finds it where.
fn edit(files: &Files, path: &str, from: &str, to: &str, check: &str, words: &str) {
    let mut changed = files.clone();
    changed.replace(path, from, to);
    changed.remanifest();
    finds(&changed, check, words);
}

#[test]
fn each_kind_of_edit_is_found_by_its_own_check_when_the_manifests_fit() {
    let files = Files::read(&World::new().bundle());
    let missed = files.files.iter().find(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"kind\":\"missed\""));
    let missed = missed.unwrap().0.clone();
    edit(&files, &missed, "the daemon was not running", "the daemon was resting", "inclusion", &missed);
    edit(&files, &missed, "the daemon was not running", "the daemon was resting", "range", &missed);
    edit(&files, &missed, "{\"at\"", "{ \"at\"", "records", &missed);
    let derived =
        ["data/index.csv", "data/controls.csv", "data/calendar.csv", "data/completeness.csv", "data/gaps.csv"];
    for path in derived.into_iter().chain(["data/controls/AVL-001/judgements.csv", "data/controls/AVL-001/gaps.csv"]) {
        edit(&files, path, "\n", " \n", "derived files", path);
    }
    edit(
        &files,
        "data/controls/AVL-001/judgements.csv",
        ",deviation,",
        ",pass,",
        "derived files",
        "judgements.csv: line ",
    );
    edit(&files, "data/controls/AVL-001/summary.md", " deviation, ", " pass, ", "derived files", "summary.md");
    edit(&files, "data/index.html", "nobody but the operator", "a notary", "derived files", "data/index.html: line ");
    edit(&files, "data/index.html", "restores", "restored", "derived files", "data/index.html");
    let page = "data/controls/AVL-001/index.html";
    edit(&files, page, "validation-failed", "all is well", "derived files", page);
    let oscal = "data/oscal/assessment-results.json";
    edit(&files, oscal, "\"not-satisfied\"", "\"satisfied\"", "derived files", oscal);
    edit(&files, "README.txt", "nobody but the operator", "a notary", "derived files", "README.txt");
    edit(&files, "bagit.txt", "1.0", "0.97", "derived files", "bagit.txt");
    let population = files.find("data/populations/", ".csv");
    edit(&files, &population, "db", "DB", "derived files", &population);
    let proof = files.find("data/proofs/", ".tlog-proof");
    edit(&files, &proof, "index ", "index 1", "inclusion", &proof);
    edit(
        &files,
        "data/log/checkpoint",
        "test.example/soc2\n",
        "test.example/soc3\n",
        "checkpoint",
        "data/log/checkpoint",
    );
    edit(&files, "data/log/log.vkey", "test.example", "best.example", "checkpoint", "data/log/log.vkey");
    edit(&files, "data/log/leafhashes.txt", "\n", "\n\n", "range", "data/log/leafhashes.txt");
    edit(&files, "data/salts.csv", ",", ",0", "commitments", "data/salts.csv");
    let sample = "Evidenced-Sample: SAMPLE WITH A SIMULATED CLOCK\n";
    edit(&files, "bag-info.txt", sample, "", "records", "bag-info.txt");
    edit(&files, "bag-info.txt", "Test Ltd.", "Best Ltd.", "bag", "bag-info.txt");
    let line = String::from_utf8(files.get("data/log/leafhashes.txt")[..65].to_vec()).unwrap();
    edit(
        &files,
        "data/log/leafhashes.txt",
        &line,
        &format!("{}\n", "0".repeat(64)),
        "range",
        "do not lead to the signed root",
    );
}

#[test]
fn a_spreadsheet_with_a_changed_cell_is_refused_and_so_is_one_that_was_packed_anew() {
    let files = Files::read(&World::new().bundle());
    let path = "data/index.xlsx";
    let book = files.get(path).to_vec();
    let words = b">deviation<";
    let at = book.windows(words.len()).position(|window| window == words).unwrap();
    let mut cell = book.clone();
    cell[at + 1..at + 10].copy_from_slice(b"effective");
    // Every cell as it was, and room for what no reader of cells sees.
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(book)).unwrap();
    let mut parts = Vec::new();
    for at in 0..zip.len() {
        let mut part = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
        parts.push((part.name().unwrap().into_owned(), bytes));
    }
    let repacked = super::archive::pack(&parts, super::archive::form());
    for changed in [cell, repacked] {
        let mut with = files.clone();
        with.files.insert(path.to_owned(), changed);
        with.remanifest();
        finds(&with, "derived files", &format!("{path}: line "));
    }
}

#[test]
fn a_record_of_the_period_cannot_be_withheld_by_moving_its_bounds() {
    let files = Files::read(&World::new().bundle());
    let info = String::from_utf8(files.get("bag-info.txt").to_vec()).unwrap();
    let range = info.lines().find_map(|line| line.strip_prefix("Evidenced-Log-Range: ")).unwrap();
    let (a, b) = range.split_once(' ').map(|(a, b)| (a.parse::<u64>().unwrap(), b.parse::<u64>().unwrap())).unwrap();
    let moved = |a: u64, b: u64| format!("Range: {a} {b}");
    let now = moved(a, b);
    edit(&files, "bag-info.txt", &now, &moved(a + 1, b), "records", "not written before the period");
    edit(&files, "bag-info.txt", &now, &moved(a, b - 1), "records", "not written after the period");
    edit(&files, "bag-info.txt", &now, &moved(a - 1, b), "records", "written before the period");
    let mut changed = files.clone();
    changed.files.remove(&format!("data/records/{:012}.json", a + 2));
    changed.remanifest();
    finds(&changed, "records", &format!("data/records/{:012}.json: is missing", a + 2));
}
