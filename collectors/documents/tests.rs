//! The kind on real directories: what is taken in, what is refused and how that is said, and what is remembered.

use super::*;
use crate::contract::Window;
use crate::contract::clock::ManualClock;
use crate::door::{Limits, Network};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const MINUTES: &[u8] = b"%PDF-1.7 minutes of 10 March";

fn now() -> DateTime<Utc> {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

fn settings(directory: &Path) -> Value {
    json!({ "directory": directory, "bytes_max": 4096, "files_max": 20 })
}

async fn run(settings: &Value, carry: Option<Value>) -> Result<Population, CollectError> {
    run_at(settings, carry, now()).await
}

async fn run_at(settings: &Value, carry: Option<Value>, at: DateTime<Utc>) -> Result<Population, CollectError> {
    let collector = build(settings).unwrap();
    let door = Door::live(&Network::new(), Arc::new(ManualClock::at(at)), Limits::default());
    collector.collect(&door, &Task { window: Window { start: at, end: at }, carry }).await
}

fn sidecar(bytes: &[u8]) -> Sidecar {
    Sidecar {
        control: "SEC-022".to_owned(),
        as_of: "2026-03-10".parse().unwrap(),
        note: Some("signed by all".to_owned()),
        by: "uid 1000 (anna)".to_owned(),
        added_at: "2026-03-12T09:00:00Z".parse().unwrap(),
        sha256: hex::encode(Sha256::digest(bytes)),
    }
}

fn put(directory: &Path, name: &str, bytes: &[u8]) {
    fs::write(directory.join(name), bytes).unwrap();
    fs::write(directory.join(format!("{name}.toml")), sidecar(bytes).write().unwrap()).unwrap();
}

/// Two documents, one of them hostile in name and content.
fn shelf() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "minutes.pdf", MINUTES);
    put(dir.path(), "=cmd|' \u{202e}<script>.html", b"<script>alert(1)</script>\xff\x00");
    dir
}

fn documents(items: &Items) -> &[Document] {
    let Items::Documents(documents) = items else { panic!("{items:?}") };
    documents
}

#[tokio::test]
async fn documents_with_fitting_sidecars_are_whole_whatever_they_hold() {
    let dir = shelf();
    let population = run(&settings(dir.path()), None).await.unwrap();
    let [hostile, minutes] = documents(population.items()) else { panic!("{population:?}") };
    assert_eq!((hostile.size, hostile.control.as_str(), hostile.standing), (27, "SEC-022", Standing::Kept));
    assert_eq!((minutes.file.as_str(), minutes.as_of.to_string()), ("minutes.pdf", "2026-03-10".to_owned()));
    assert_eq!((minutes.note.as_deref(), minutes.by.as_str()), (Some("signed by all"), "uid 1000 (anna)"));
    assert!(population.whole().iter().any(|whole| whole.to_string().contains("4 held")), "{:?}", population.whole());
    let empty = tempfile::tempdir().unwrap();
    assert!(run(&settings(empty.path()), None).await.unwrap().items().is_empty());
}

/// What is said of the directory: the file named, and words of why.
#[track_caller]
fn names(result: &Result<Population, CollectError>, what: &str, why: &str) {
    let Err(error) = result else { panic!("{what} {why}: whole") };
    let unread = error.unread();
    let said = |one: &Unread| one.hint.as_ref().map(|hint| format!("{}; {hint}", one.why)).unwrap_or_default();
    let fits = |one: &Unread| one.what == what && said(one).contains(why);
    assert!(unread.iter().any(fits), "{what} {why}: {unread:#?}");
}

#[tokio::test]
async fn every_file_that_does_not_fit_is_named_and_nothing_is_skipped() {
    type Harm = fn(&Path);
    let harms: [(&str, &str, Harm); 16] = [
        ("minutes.pdf", "its sidecar says", |dir| fs::write(dir.join("minutes.pdf"), b"others").unwrap()),
        ("minutes.pdf", "is empty", |dir| fs::write(dir.join("minutes.pdf"), b"").unwrap()),
        ("minutes.pdf", "more than 4096", |dir| fs::write(dir.join("minutes.pdf"), vec![0; 4097]).unwrap()),
        ("minutes.pdf", "has no sidecar", |dir| fs::remove_file(dir.join("minutes.pdf.toml")).unwrap()),
        ("minutes.pdf.toml", "is not there", |dir| fs::remove_file(dir.join("minutes.pdf")).unwrap()),
        ("minutes.pdf.toml", "more than 16384", |dir| fs::write(dir.join("minutes.pdf.toml"), [b'#'; 16385]).unwrap()),
        ("minutes.pdf.toml", "UTF-8", |dir| fs::write(dir.join("minutes.pdf.toml"), b"\xff").unwrap()),
        ("minutes.pdf.toml", "still to come", |dir| {
            let late = Sidecar { added_at: now() + TimeDelta::minutes(6), ..sidecar(MINUTES) };
            fs::write(dir.join("minutes.pdf.toml"), late.write().unwrap()).unwrap();
        }),
        ("report", "is a directory", |dir| fs::create_dir(dir.join("report")).unwrap()),
        (".DS_Store", "is hidden", |dir| fs::write(dir.join(".DS_Store"), b"x").unwrap()),
        (".adding-x", "interrupted", |dir| fs::write(dir.join(".adding-x"), b"x").unwrap()),
        ("a\nb", "no plain name", |dir| fs::write(dir.join("a\nb"), b"x").unwrap()),
        ("x.TOML", "name of a sidecar", |dir| fs::write(dir.join("x.TOML"), b"x").unwrap()),
        ("alone.toml", "of a document alone that is not there", |dir| fs::write(dir.join("alone.toml"), b"x").unwrap()),
        ("minutes.pdf", "symbolic link", |dir| {
            fs::rename(dir.join("minutes.pdf"), dir.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink(dir.join("elsewhere"), dir.join("minutes.pdf")).unwrap();
        }),
        ("minutes.pdf.toml", "symbolic link", |dir| {
            fs::rename(dir.join("minutes.pdf.toml"), dir.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink(dir.join("elsewhere"), dir.join("minutes.pdf.toml")).unwrap();
        }),
    ];
    for (what, why, harm) in harms {
        let dir = shelf();
        harm(dir.path());
        names(&run(&settings(dir.path()), None).await, what, why);
    }
    let dir = shelf();
    let few = json!({ "directory": dir.path(), "files_max": 1 });
    assert!(matches!(run(&few, None).await, Err(CollectError::Limit { .. })));
    let nowhere = json!({ "directory": dir.path().join("nowhere") });
    names(&run(&nowhere, None).await, &dir.path().join("nowhere").display().to_string(), "evidence add");
}

#[test]
fn a_sidecar_is_read_to_the_letter_and_reads_back_as_written() {
    for note in [None, Some("quotes \" ' \\ and = # [x]".to_owned())] {
        let sidecar = Sidecar { note, ..sidecar(MINUTES) };
        assert_eq!(Sidecar::read(sidecar.write().unwrap().as_bytes()).unwrap(), sidecar);
    }
    let good = sidecar(MINUTES).write().unwrap();
    for (from, to, why) in [
        ("SEC-022", "SEC 022", "no control's name"),
        ("2026-03-10", "2026-3-10", "is no day"),
        ("\"2026-03-10\"", "2026-03-10", "line 2"),
        ("2026-03-12T09:00:00Z", "2026-03-12", "is no instant"),
        ("uid 1000 (anna)", " ", "by is blank"),
        ("signed by all", "", "note is blank"),
        ("signed by all", "two\\nlines", "line break"),
        ("control = ", "controls = ", "unknown field"),
        ("sha256 = \"", "sha256 = \"0", "is none"),
        ("by = ", "by = \"x\"\nby = ", "duplicate"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let (fault, hint) = Sidecar::read(bad.as_bytes()).unwrap_err();
        assert!(fault.contains(why) && !hint.is_empty(), "{why}: {fault}");
    }
}

#[tokio::test]
async fn a_document_that_goes_or_becomes_another_is_noticed_until_the_settings_say_why() {
    let dir = shelf();
    let mut settings = settings(dir.path());
    let carry = run(&settings, None).await.unwrap().carry().cloned();
    let partial = |result: Result<Population, CollectError>| match result {
        Err(CollectError::Incomplete(partial)) => *partial,
        other => panic!("{other:?}"),
    };
    assert!(run(&settings, carry.clone()).await.is_ok(), "nothing changed");

    // Bytes and sidecar fit each other, and neither is what was read.
    put(dir.path(), "minutes.pdf", b"better minutes");
    let altered = partial(run(&settings, carry.clone()).await);
    assert!(altered.unread[0].why.contains("sha256 was"), "{:?}", altered.unread);
    let minutes = &documents(&altered.items)[1];
    assert_eq!((minutes.standing, minutes.size), (Standing::Altered, MINUTES.len() as u64), "it is judged as it was");

    // The bytes alone: told once, by what does not fit.
    fs::write(dir.path().join("minutes.pdf"), b"other").unwrap();
    let altered = partial(run(&settings, carry.clone()).await);
    assert_eq!(altered.unread.len(), 1, "{:?}", altered.unread);
    assert_eq!(documents(&altered.items)[1].standing, Standing::Altered);

    // Another day, in the sidecar alone.
    put(dir.path(), "minutes.pdf", MINUTES);
    let other = Sidecar { as_of: "2026-02-10".parse().unwrap(), ..sidecar(MINUTES) };
    fs::write(dir.path().join("minutes.pdf.toml"), other.write().unwrap()).unwrap();
    let altered = partial(run(&settings, carry.clone()).await);
    assert!(altered.unread[0].why.contains("as_of was \"2026-03-10\", is \"2026-02-10\""), "{:?}", altered.unread);

    fs::remove_file(dir.path().join("minutes.pdf")).unwrap();
    fs::remove_file(dir.path().join("minutes.pdf.toml")).unwrap();
    let gone = partial(run(&settings, carry.clone()).await);
    assert_eq!((gone.unread[0].what.as_str(), documents(&gone.items)[1].standing), ("minutes.pdf", Standing::Gone));
    let hint = gone.unread[0].hint.clone().unwrap();
    assert!(hint.contains("added_at = \"2026-03-12T09:00:00Z\""), "{hint}");

    // Withdrawn: only the one that was added then.
    for (added_at, whole) in [("2026-03-12T09:00:01Z", false), ("2026-03-12T09:00:00Z", true)] {
        settings["withdrawn"] = json!([{ "file": "minutes.pdf", "added_at": added_at, "reason": "names a customer" }]);
        let result = run(&settings, carry.clone()).await;
        assert_eq!(result.is_ok(), whole, "{added_at}: {result:?}");
        if let Ok(population) = result {
            assert_eq!(population.items().len(), 1);
            assert!(population.ipe().filters.iter().any(|filter| filter.contains("names a customer")));
        }
    }
    // One that is still there counts no longer, and says why.
    put(dir.path(), "minutes.pdf", MINUTES);
    let population = run(&settings, carry.clone()).await.unwrap();
    assert_eq!(documents(population.items())[1].withdrawn.as_deref(), Some("names a customer"));
    settings["withdrawn"] = json!([]);
    assert!(run(&settings, population.carry().cloned()).await.is_ok(), "that it counts again is the configuration's");
}

#[tokio::test]
async fn a_document_that_says_it_was_there_before_a_run_which_did_not_find_it_is_not_taken_for_whole() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let carry = run(&settings, None).await.unwrap().carry().cloned();
    put(dir.path(), "minutes.pdf", MINUTES);
    let backdated = run(&settings, carry.clone()).await;
    names(&backdated, "minutes.pdf.toml", "2026-03-12 09:00 UTC is before the complete run of 2026-03-31 12:00 UTC");
    let at = |added_at: &str| {
        let says = Sidecar { added_at: added_at.parse().unwrap(), ..sidecar(MINUTES) };
        fs::write(dir.path().join("minutes.pdf.toml"), says.write().unwrap()).unwrap();
    };
    at("2026-03-31T11:54:59Z");
    assert!(run(&settings, carry.clone()).await.is_err());
    at("2026-03-31T11:55:00Z");
    let found = run(&settings, carry).await.unwrap();
    assert!(run(&settings, found.carry().cloned()).await.is_ok(), "what was found is found again");
    // Before the first run nobody looked.
    put(dir.path(), "minutes.pdf", MINUTES);
    assert!(run(&settings, None).await.is_ok());
}

#[tokio::test]
async fn after_a_run_under_a_clock_that_was_ahead_documents_can_be_added() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let carry = run_at(&settings, None, now() + TimeDelta::days(400)).await.unwrap().carry().cloned();
    put(dir.path(), "minutes.pdf", MINUTES);
    let at = |added_at: &str| {
        let says = Sidecar { added_at: added_at.parse().unwrap(), ..sidecar(MINUTES) };
        fs::write(dir.path().join("minutes.pdf.toml"), says.write().unwrap()).unwrap();
    };
    // Whether it was there before this run cannot be told.
    at("2026-03-31T11:54:59Z");
    let old = run(&settings, carry.clone()).await;
    names(&old, "minutes.pdf.toml", "was on 2027-05-05 12:00 UTC, which is still to come; which clock was wrong?");
    let Err(CollectError::Incomplete(old)) = old else { panic!("{old:?}") };
    // As `evidence add` does it.
    at("2026-03-31T12:00:00Z");
    assert!(run(&settings, old.carry).await.is_ok(), "nor does it bind the runs after that");
    let whole = run(&settings, carry).await.unwrap().carry().cloned();
    put(dir.path(), "late.pdf", MINUTES);
    let backdated = run_at(&settings, whole, now() + TimeDelta::days(7)).await;
    names(&backdated, "late.pdf.toml", "is before the complete run of 2026-03-31 12:00 UTC");
}

#[tokio::test]
async fn a_document_that_only_an_incomplete_run_saw_may_not_go_and_a_backdated_one_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let partial = |result: Result<Population, CollectError>| match result {
        Err(CollectError::Incomplete(partial)) => *partial,
        other => panic!("{other:?}"),
    };
    // Before the first complete run nobody has looked, whatever an incomplete one found.
    fs::write(dir.path().join("stray.pdf"), MINUTES).unwrap();
    put(dir.path(), "minutes.pdf", MINUTES);
    let first = partial(run(&settings, None).await);
    assert_eq!(first.unread.len(), 1, "{:?}", first.unread);
    put(dir.path(), "older.pdf", MINUTES);
    let carry = partial(run(&settings, first.carry).await).carry;
    fs::remove_file(dir.path().join("stray.pdf")).unwrap();
    let carry_of_whole = run(&settings, carry.clone()).await.unwrap().carry().cloned();

    for name in ["minutes.pdf", "minutes.pdf.toml"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    put(dir.path(), "older.pdf", b"better minutes");
    let mut carry = carry;
    for _ in 0..2 {
        let noticed = partial(run(&settings, carry).await);
        let named: Vec<_> = noticed.unread.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(named, ["minutes.pdf", "older.pdf"], "{:?}", noticed.unread);
        carry = noticed.carry;
    }

    put(dir.path(), "minutes.pdf", MINUTES);
    put(dir.path(), "older.pdf", MINUTES);
    put(dir.path(), "late.pdf", MINUTES);
    let mut carry = carry_of_whole;
    for _ in 0..2 {
        let backdated = run(&settings, carry).await;
        names(&backdated, "late.pdf.toml", "is before the complete run of 2026-03-31 12:00 UTC");
        carry = partial(backdated).carry;
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_with_the_key() {
    let withdrawn = |file: &str, reason: &str| json!({ "withdrawn": [{ "file": file, "added_at": "2026-03-12T09:00:00Z", "reason": reason }] });
    for (change, words) in [
        (json!({ "directory": "documents" }), "directory: documents is not absolute"),
        (json!({ "bytes_max": 0 }), "bytes_max: 0"),
        (json!({ "bytes_max": 99_000_000 }), "bytes_max: 99000000"),
        (json!({ "files_max": 2_001 }), "files_max: 2001"),
        (withdrawn("../x", "r"), "withdrawn: \"../x\""),
        (withdrawn("x", " "), "withdrawn: x has no reason"),
        (json!({ "file": 1 }), "unknown field `file`"),
    ] {
        let mut settings = json!({ "directory": "/d" });
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let error = Settings::read(&settings).unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
    }
}
