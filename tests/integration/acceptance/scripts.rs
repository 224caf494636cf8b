//! The scripts and the page that check a bundle without us, and us: each accepts the bundles, and finds a
//! deviation that was called a pass by whoever holds the key that signs bundles.

use super::{Bundle, bundles};
use crate::support::auditor::Auditor;
use evidenced::bundle::forge::hide_a_deviation;
use evidenced::ledger::bundle_key::BundleKey;
use std::fs;
use std::path::PathBuf;

/// A forgery, and the folder of the file that was altered.
fn forged(bundle: &Bundle, desk: &Auditor) -> (PathBuf, String) {
    let key = BundleKey::parse(&fs::read_to_string(bundle.home.path("state/bundle.key")).unwrap()).unwrap();
    let path = desk.path("forged.zip");
    let altered = hide_a_deviation(&bundle.zip, &path, &key).unwrap().expect("a deviation to hide");
    (path, altered.strip_suffix("judgements.json").unwrap().to_owned())
}

#[test]
fn the_scripts_and_the_page_accept_both_bundles_and_name_what_a_forger_altered() {
    for bundle in bundles() {
        let desk = Auditor::with(&bundle.keys);
        let (forged, altered) = forged(bundle, &desk);
        // As folders and pages have it: leading zeros make no other number of it.
        let folder = altered.split('/').nth(2).unwrap();
        let record = folder.trim_start_matches('0');
        assert_eq!(folder.len(), 12, "{altered}");
        let (fine, said) = desk.shell(&bundle.zip, Some(folder));
        assert!(fine && said.contains("time-stamped") && said.contains("signed by"), "{}: {said}", bundle.name);
        assert!(said.contains(&format!("ok           record {record}: from its files")), "{}: {said}", bundle.name);
        let (fine, said) = desk.shell(&forged, Some(folder));
        assert!(!fine && said.contains(&format!("REFUSED      record {record} ")), "{}: {said}", bundle.name);
        let (fine, said) = desk.python(&bundle.zip);
        assert!(fine && said.contains("time-stamped"), "{}: {said}", bundle.name);
        let (fine, said) = desk.python(&forged);
        assert!(!fine && said.contains(&altered), "{}: {said}", bundle.name);
        let said = desk.page(&bundle.zip, "");
        let unstamped = |line: &serde_json::Value| line.as_str().unwrap().starts_with("not checked: the time-stamp");
        assert!(said["state"] == "accepted" && said["lines"].as_array().unwrap().iter().any(unstamped), "{said}");
        let said = desk.page(&forged, "");
        assert!(said["state"] == "refused" && said["verdict"].as_str().unwrap().contains(&altered), "{said}");
    }
}

#[test]
fn everything_is_checked_and_made_again_by_us_and_nothing_is_left_open_that_could_be_asked_from_here() {
    for bundle in bundles() {
        let file = |name: &str| bundle.key(name).to_str().unwrap().to_owned();
        let mut args = vec!["verify".to_owned(), bundle.zip.to_str().unwrap().to_owned(), "--reperform".to_owned()];
        for (option, name) in
            [("--vkey", "log.vkey"), ("--allowed-signers", "allowed_signers"), ("--tsa-root", "tsa-root.pem")]
        {
            args.extend([option.to_owned(), file(name)]);
        }
        if bundle.key("witness.vkey").exists() {
            args.extend(["--witness-key".to_owned(), file("witness.vkey")]);
        }
        args.push("--json".to_owned());
        let said = bundle.home.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said.code, 0, "{said:?}");
        let report = said.json();
        let open = report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|check| check["not_checked"].as_array().into_iter().flatten());
        let open: Vec<&str> = open.filter_map(|what| what.as_str()).collect();
        assert!(open.iter().all(|what| what.contains("the folder has it")), "{}: {open:?}", bundle.name);
        let again = &report["reperformed"];
        assert!(again["collections"].as_u64().unwrap() >= 6 && again["verdicts"].as_u64().unwrap() >= 6, "{again}");
    }
}
