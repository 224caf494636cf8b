//! Documents as evidence: added, sealed, listed, and found out when somebody lays hands on them.

use super::explain::looked_up;
use super::{Home, evidenced, files, pair};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::unit::{Every, Unit};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;

const HOSTILE: &[u8] = b"<script>alert('minutes')</script>\xff\x00";

fn day(now: DateTime<Utc>, days: i64) -> String {
    (now + TimeDelta::days(days)).format("%Y-%m-%d").to_string()
}

/// One collector `c` with a control over it that began today, and one without documents. The settings come last.
fn home(now: DateTime<Utc>) -> Home {
    let control = |id: &str, collector: &str, more: &str| {
        format!(
            "[controls.{id}]\ntitle = 't'\ncriteria = ['CC1.2']\nowner = 'o'\nseverity = 'high'\n\
             collectors = ['{collector}']\nstale_after = '36h'\n{more}\n"
        )
    };
    Home::configured(&format!(
        "organization = 'Test Ltd'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n\
         {}{}[collectors.r]\nkind = 'register'\nschedule = '0 * * * *'\n\
         settings = {{ register = 'assets', directory = '/nowhere' }}\n\
         [collectors.c]\nkind = 'documents'\nschedule = '0 * * * *'\n[collectors.c.settings]\nbytes_max = 1000\n",
        control("T-1", "c", &format!("test = 'documented'\npolicy = {{ since = {} }}", day(now, 0))),
        control("T-2", "r", "test = 'asset_inventory'"),
    ))
}

#[test]
fn what_cannot_be_evidence_is_refused_before_anything_is_written() {
    let now = SystemClock.now();
    let home = home(now);
    let put = |name: &str, bytes: &[u8]| fs::write(home.path(name), bytes).unwrap();
    put("good.pdf", b"%PDF");
    put("empty.pdf", b"");
    put("large.pdf", &[b'x'; 1001]);
    put(".hidden", b"x");
    put("page.toml", b"x");
    fs::create_dir(home.path("folder")).unwrap();
    let (today, old) = (day(now, 0), day(now, -31));
    for (file, control, as_of, more, words) in [
        ("good.pdf", "T-1", day(now, 2).as_str(), vec![], "is still to come"),
        ("good.pdf", "T-1", "2026-3-1", vec![], "write a day like"),
        ("good.pdf", "T-1", old.as_str(), vec![], "--note why it is added only now"),
        ("good.pdf", "T-1", today.as_str(), vec!["--note", " "], "the note is empty"),
        ("good.pdf", "T-1", today.as_str(), vec!["--note", "a\nb"], "on one line"),
        ("good.pdf", "T-9", today.as_str(), vec![], "hint: configured: T-1, T-2"),
        ("good.pdf", "T-2", today.as_str(), vec![], "controls that one feeds: T-1"),
        ("empty.pdf", "T-1", today.as_str(), vec![], "is empty"),
        ("large.pdf", "T-1", today.as_str(), vec![], "more than 1000 bytes"),
        ("nowhere.pdf", "T-1", today.as_str(), vec![], "cannot be read"),
        ("folder", "T-1", today.as_str(), vec![], "is no file"),
        (".hidden", "T-1", today.as_str(), vec![], "is hidden"),
        ("page.toml", "T-1", today.as_str(), vec![], "the name of a sidecar"),
    ] {
        let args = [&["evidence", "add", file, "--control", control, "--as-of", as_of][..], &more].concat();
        let said = home.run(&args);
        assert!(said.code != 0 && said.err.contains(words), "{words}: {said:?}");
        assert!(!home.path("state/documents").exists(), "{words}");
    }
    let list = home.run(&["evidence", "list", "--json"]);
    assert_eq!((list.code, list.json()), (0, json!({ "documents": [], "erased": [] })));
    assert!(home.run(&["evidence", "list"]).out.starts_with("No document is sealed"));
    assert_eq!(home.run(&["evidence", "list", "--control", "T-1"]).code, 0);
    let wrong = home.run(&["evidence", "list", "--control", "T-9"]);
    assert_eq!(
        (wrong.code, wrong.out.as_str()),
        (2, ""),
        "whoever watches for files that are gone would be told none is"
    );
    assert!(wrong.err.contains("control `T-9` is not configured\nhint: configured: T-1, T-2"), "{wrong:?}");
}

#[test]
fn a_document_is_added_sealed_judged_listed_and_explained() {
    let now = SystemClock.now();
    let home = home(now);
    let quarter = Unit::of(Every::Quarter, now.date_naive()).to_string();
    fs::write(home.path("=min<b>.html"), HOSTILE).unwrap();
    // An `evidence add` that was interrupted after the document; and one that was while it wrote.
    let shelf = home.path("state/documents/c");
    fs::create_dir_all(&shelf).unwrap();
    fs::write(shelf.join("=min<b>.html"), HOSTILE).unwrap();
    fs::write(shelf.join(".adding-x"), "half").unwrap();
    let today = day(now, 0);
    let add = ["evidence", "add", "=min<b>.html", "--control", "T-1", "--as-of", &today, "--note", "signed"];
    let said = home.run(&[&add[..], &["--json"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let added = said.json();
    assert_eq!(added["sealed"], json!(true));
    assert_eq!(added["run"]["controls"], json!({ "T-1": "effective" }), "{added}");
    assert_eq!(added["sha256"], json!(hex::encode(Sha256::digest(HOSTILE))));
    assert!(added["by"].as_str().unwrap().starts_with("uid "), "{added}");
    assert_eq!(home.judgements(), BTreeMap::from([(quarter.clone(), pair("pass", "documented"))]));

    let again = home.run(&add);
    assert!(again.code == 1 && again.err.contains("nothing is overwritten"), "{again:?}");
    let list = home.run(&["evidence", "list", "--control", "T-1", "--json"]);
    let listed = list.json()["documents"][0].clone();
    assert_eq!((list.code, &listed["on_disk"], &listed["evidence"]), (0, &json!("there"), &added["evidence"]));
    for key in ["control", "file", "as_of", "added_at", "by", "note", "sha256", "size"] {
        assert_eq!(listed[key], added[key], "{key}");
    }
    assert_eq!(home.run(&["evidence", "list", "--control", "T-2", "--json"]).json()["documents"], json!([]));

    // In the bundle: bytes under a name of its own, named by the table, and rendered nowhere.
    assert_eq!(home.run(&["export", "--from", &day(now, -1), "--to", &day(now, 2), "--out", "b.zip"]).code, 0);
    let found = files(&home.path("b.zip"));
    let table = found.iter().find(|(path, _)| path.contains("data/populations/")).unwrap().1;
    let table = std::str::from_utf8(table).unwrap();
    let path = table.lines().nth(1).unwrap().rsplit(',').next().unwrap();
    assert_eq!(found.get(path).map(Vec::as_slice), Some(HOSTILE), "{table}");
    assert!(table.contains(",'=min<b>.html,"), "{table}");
    for (page, bytes) in found.iter().filter(|(path, _)| path.ends_with(".html")) {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("min<b>") && !text.contains("alert('minutes')"), "{page}");
    }
    let said = home.run(&["explain", "T-1", &quarter, "--json"]);
    let places: Vec<Value> =
        looked_up(&home.path("b.zip"), &said.out).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stands = |side: &str| {
        let fact = |line: &&Value| line["fact"]["document"]["side"] == side;
        places.iter().find(fact).unwrap_or_else(|| panic!("{side}: {places:#?}"))["stands"].clone()
    };
    assert_eq!(stands("as_of"), json!(format!("as_of = \"{today}\"")));
    assert!(stands("bytes").to_string().contains(&hex::encode(Sha256::digest(HOSTILE))), "{places:#?}");
}

#[test]
fn who_lays_hands_on_a_document_is_found_out_until_it_is_withdrawn() {
    let now = SystemClock.now();
    let home = home(now);
    let quarter = Unit::of(Every::Quarter, now.date_naive()).to_string();
    let only = |outcome: &str, reason: &str| BTreeMap::from([(quarter.clone(), pair(outcome, reason))]);
    fs::write(home.path("minutes.pdf"), b"%PDF minutes").unwrap();
    let today = day(now, 0);
    let add = |file: &str| home.run(&["evidence", "add", file, "--control", "T-1", "--as-of", &today, "--json"]);
    let first = add("minutes.pdf");
    assert_eq!(first.code, 0, "{first:?}");
    let shelf = home.path("state/documents/c");
    let (document, sidecar) = (shelf.join("minutes.pdf"), shelf.join("minutes.pdf.toml"));
    let beside = fs::read(&sidecar).unwrap();
    let now_is = |word: &str| {
        let list = home.run(&["evidence", "list", "--json"]);
        assert_eq!((list.code, &list.json()["documents"][0]["on_disk"]), (3, &json!(word)), "{list:?}");
    };
    let incomplete = |words: &str, reason: &str| {
        let (code, run) = home.collect(&["c"]);
        assert_eq!((code, &run["end"]), (1, &json!("incomplete")), "{run}");
        assert!(run["unread"].to_string().contains(words), "{words}: {run}");
        assert_eq!(home.judgements(), only("indeterminate", reason), "{words}");
    };

    fs::write(&document, b"%PDF Minutes").unwrap();
    now_is("altered");
    incomplete("and its sidecar says", "document-altered");
    // Both, so that they fit each other.
    let forged = String::from_utf8(beside.clone()).unwrap();
    let forged =
        forged.replace(&hex::encode(Sha256::digest(b"%PDF minutes")), &hex::encode(Sha256::digest(b"%PDF Minutes")));
    fs::write(&sidecar, forged).unwrap();
    incomplete("is not what was read before: sha256 was", "document-altered");
    fs::write(&document, b"%PDF minutes").unwrap();
    fs::remove_file(&sidecar).unwrap();
    incomplete("has no sidecar", "document-altered");
    fs::remove_file(&document).unwrap();
    now_is("gone");
    incomplete("was read before, and is gone", "document-gone");
    assert!(home.run(&["evidence", "list"]).out.contains("GONE"));
    let said = home.run(&["explain", "T-1", &quarter]);
    assert!(said.out.contains("/task/carry/documents/minutes.pdf"), "{}", said.out);
    let drift = home.run(&["drift"]);
    assert!(drift.code == 3 && drift.out.contains("T-1"), "{drift:?}");

    // A new one under the name of one that nobody explained is not taken for it, nor said to be sealed.
    // With a note of its own: within one second it would else be the very same document, word for word.
    let other = ["evidence", "add", "minutes.pdf", "--control", "T-1", "--as-of", &today, "--note", "again", "--json"];
    let other = home.run(&other);
    assert_eq!((other.code, &other.json()["sealed"]), (1, &json!(false)), "{other:?}");
    for file in [&document, &sidecar] {
        fs::remove_file(file).unwrap();
    }

    // Withdrawn by who and when it was added, it is asked for no longer, and does not count.
    let added_at = first.json()["added_at"].as_str().unwrap().to_owned();
    home.configure(&format!(
        "withdrawn = [{{ file = 'minutes.pdf', added_at = '{added_at}', reason = 'names a customer' }}]\n"
    ));
    let (code, run) = home.collect(&["c"]);
    assert_eq!((code, &run["end"]), (0, &json!("done")), "{run}");
    assert_eq!(home.judgements(), only("pending", "not-yet-due"));
    let list = home.run(&["evidence", "list"]);
    assert!(list.code == 0 && list.out.contains("withdrawn: names a customer"), "{list:?}");
    fs::write(home.path("redacted.pdf"), b"%PDF ...").unwrap();
    assert_eq!(add("redacted.pdf").code, 0);
    assert_eq!(home.judgements(), only("pass", "documented"));
}

#[test]
fn a_document_that_only_an_incomplete_run_saw_cannot_be_taken_away() {
    let now = SystemClock.now();
    let home = home(now);
    fs::write(home.path("minutes.pdf"), b"%PDF minutes").unwrap();
    let shelf = home.path("state/documents/c");
    fs::create_dir_all(&shelf).unwrap();
    fs::write(shelf.join("stray.pdf"), "no sidecar").unwrap();
    let today = day(now, 0);
    let said = home.run(&["evidence", "add", "minutes.pdf", "--control", "T-1", "--as-of", &today, "--json"]);
    assert_eq!((said.code, &said.json()["run"]["end"]), (1, &json!("incomplete")), "{said:?}");
    for name in ["stray.pdf", "minutes.pdf", "minutes.pdf.toml"] {
        fs::remove_file(shelf.join(name)).unwrap();
    }
    for _ in 0..2 {
        let (_, run) = home.collect(&["c"]);
        assert_eq!(run["end"], json!("incomplete"), "{run}");
        assert!(run["unread"].to_string().contains("minutes.pdf: was read before, and is gone"), "{run}");
    }
    home.judgements();
}

#[test]
fn a_configuration_that_leaves_them_out_gets_directory_and_control_written_down() {
    let home = home(SystemClock.now());
    let above = home.path("below");
    fs::create_dir(&above).unwrap();
    let said = home.run(&["config", "check", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let directory = home.path("").canonicalize().unwrap().join("state/documents/c");
    let text = said.all();
    assert!(text.contains(directory.to_str().unwrap()), "{text}");
    assert_eq!(text, evidenced(&above, &["--config", "../evidenced.toml", "config", "check", "--json"]).all());
}
