//! What checks a bundle without us: each accepts a good bundle and refuses a changed one, with the programs
//! that auditors have.

use super::archive::Files;
use super::world::{World, exported, january};
use super::{check, period, wrong};
use crate::support::auditor::Auditor;
use crate::support::tsa::Authority;
use evidenced::bundle::{ExportRequest, Timestamp, VerifyOptions, VerifyReport, verify};
use evidenced::ledger::bundle_key::{BUNDLE_NAMESPACE, BundleKey, allowed_signers_line};
use evidenced::ledger::record::Body;
use evidenced::ledger::{NewFile, NewRecord};
use evidenced::timestamp::Query;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const ORIGIN: &str = "test.example/soc2";
const SIG: &str = "tagmanifest-sha256.txt.sig";

/// A bundle, and what an auditor was given before the period.
pub(super) struct Audit {
    pub(super) world: World,
    pub(super) bundle: PathBuf,
    pub(super) desk: Auditor,
}

fn line(key: &BundleKey) -> String {
    let from = "2025-12-15T00:00:00Z".parse().unwrap();
    allowed_signers_line(ORIGIN, &key.public_line().unwrap(), from)
}

impl Audit {
    pub(super) fn new() -> Self {
        Self::of(World::small())
    }

    pub(super) fn of(world: World) -> Self {
        let audit = Self { bundle: world.bundle(), desk: Auditor::new(), world };
        std::fs::copy(audit.world.state().join("log.vkey"), audit.path("KEYS/log.vkey")).unwrap();
        audit.allow(&line(&audit.world.key()));
        audit
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.desk.path(name)
    }

    pub(super) fn allow(&self, line: &str) {
        std::fs::write(self.path("KEYS/allowed_signers"), format!("{line}\n")).unwrap();
    }

    pub(super) fn ours(&self, bundle: &Path) -> VerifyReport {
        let roots = std::fs::read(self.path("KEYS/tsa-root.pem")).ok();
        let options = VerifyOptions {
            vkey: Some(self.desk.text("KEYS/log.vkey")),
            allowed_signers: Some(self.desk.text("KEYS/allowed_signers")),
            tsa_roots: roots,
            ..VerifyOptions::default()
        };
        verify(bundle, &options).unwrap()
    }

    /// A changed copy, with everything redone that can be redone without the log's key.
    pub(super) fn forged(&self, name: &str, key: Option<&BundleKey>, change: impl FnOnce(&mut Files)) -> PathBuf {
        let mut files = Files::read(&self.bundle);
        change(&mut files);
        if let Some(key) = key {
            files.remanifest();
            let signature = key.sign(BUNDLE_NAMESPACE, files.get("tagmanifest-sha256.txt")).unwrap();
            files.files.insert(SIG.to_owned(), signature.into_bytes());
        }
        let path = self.path(name);
        std::fs::rename(files.write(&self.path(".")), &path).unwrap();
        path
    }
}

/// What is changed, and a word that every verifier must say of it.
fn forgeries(audit: &Audit) -> Vec<(PathBuf, String)> {
    let key = audit.world.key();
    let files = Files::read(&audit.bundle);
    let body = files.find("data/evidence/", "/run.json");
    let record = files.find("data/records/", "3.json");
    let spoil = |files: &mut Files, path: &str| files.files.get_mut(path).unwrap().push(b' ');
    let lose = |files: &mut Files, path: &str| files.files.remove(path).map(|_| ()).unwrap();
    let add = |files: &mut Files, path: &str| files.files.insert(path.to_owned(), Vec::new()).map_or((), |_| ());
    let stranger = BundleKey::from_seed(&[1; 32]);
    vec![
        (audit.forged("byte.zip", None, |files| spoil(files, &body)), body.clone()),
        (audit.forged("signed.zip", Some(&key), |files| spoil(files, &body)), body.clone()),
        (audit.forged("record.zip", Some(&key), |files| spoil(files, &record)), record.clone()),
        (audit.forged("dropped.zip", Some(&key), |files| lose(files, &record)), record),
        (audit.forged("extra.zip", Some(&key), |files| add(files, "data/extra.csv")), "data/extra.csv".into()),
        (audit.forged("stranger.zip", Some(&stranger), |_| ()), SIG.to_owned()),
        (audit.forged("unsigned.zip", None, |files| lose(files, SIG)), SIG.to_owned()),
    ]
}

#[test]
fn the_shell_script_and_the_python_script_accept_a_bundle_and_refuse_every_forgery_by_name() {
    let audit = Audit::new();
    let report = audit.ours(&audit.bundle);
    assert!(report.ok(), "{}", wrong(&report));
    for (fine, said) in [audit.desk.shell(&audit.bundle, None), audit.desk.python(&audit.bundle)] {
        assert!(fine && said.contains("signed by evidence@test.example") && !said.contains("REFUSED"), "{said}");
        assert!(said.contains("no time-stamp") && said.contains("not checked"), "{said}");
    }
    for (bundle, named) in forgeries(&audit) {
        let report = audit.ours(&bundle);
        assert!(!report.ok() && wrong(&report).contains(&named), "{}: {}", bundle.display(), wrong(&report));
        let (fine, said) = audit.desk.python(&bundle);
        assert!(!fine && said.contains("REFUSED") && said.contains(&named), "verify.py {}: {said}", bundle.display());
        // The shell script follows one record and leaves the others to the rest.
        if bundle.ends_with("byte.zip") || bundle.ends_with("stranger.zip") || bundle.ends_with("unsigned.zip") {
            let (fine, said) = audit.desk.shell(&bundle, None);
            assert!(
                !fine && said.contains("REFUSED") && said.contains(&named),
                "verify.sh {}: {said}",
                bundle.display()
            );
        }
    }
}

#[test]
fn the_page_accepts_a_bundle_refuses_forgeries_and_sends_nothing() {
    let audit = Audit::new();
    let said = audit.desk.page(&audit.bundle, "");
    assert_eq!(said["state"], "accepted", "{said}");
    assert_eq!((said["requests"].to_string(), said["fetch"].as_str()), ("[]".to_owned(), Some("refused")), "{said}");
    for (bundle, named) in forgeries(&audit) {
        let said = audit.desk.page(&bundle, "");
        assert_eq!(
            (said["state"].as_str(), said["requests"].to_string()),
            (Some("refused"), "[]".to_owned()),
            "{said}"
        );
        assert!(said["verdict"].as_str().unwrap().contains(&named), "{named}: {said}");
    }
    let without = "crypto.subtle.importKey = () => Promise.reject(new Error('not supported'))";
    let said = audit.desk.page(&audit.bundle, without);
    assert_eq!(said["state"], "failed", "a browser without Ed25519 must not pass anything: {said}");
    assert!(said["verdict"].as_str().unwrap().contains("no Ed25519"), "{said}");
}

#[test]
fn what_cannot_be_unpacked_is_refused_and_said_to_be() {
    let audit = Audit::new();
    let mut bytes = std::fs::read(&audit.bundle).unwrap();
    // The packed bytes of the first file follow its header and name.
    let at = 30 + usize::from(u16::from_le_bytes([bytes[26], bytes[27]]));
    bytes[at..at + 8].fill(0xff);
    let damaged = audit.path("damaged.zip");
    std::fs::write(&damaged, bytes).unwrap();
    assert!(!audit.ours(&damaged).ok());
    let (fine, said) = audit.desk.python(&damaged);
    assert!(!fine && said.starts_with("REFUSED") && !said.contains("Traceback"), "{said}");
    assert_eq!(audit.desk.page(&damaged, "")["state"], "refused");
}

#[test]
fn the_python_script_blames_no_bundle_for_an_argument_and_says_what_is_a_sample() {
    let audit = Audit::new();
    let (bundle, nobody) = (audit.bundle.to_str().unwrap(), audit.path("KEYS/nobody"));
    std::fs::write(&nobody, "# nobody yet\n").unwrap();
    let nobody = nobody.to_str().unwrap();
    for (args, what) in [
        (&["nowhere.zip", "--vkey", "KEYS/log.vkey"][..], "nowhere.zip"),
        (&[bundle, "--vkey", "KEYS/nowhere"], "--vkey KEYS/nowhere"),
        (&[bundle, "--vkey", nobody], "is not the key of a log"),
        (&[bundle, "--vkey", "KEYS/log.vkey", "--allowed-signers", "nowhere"], "--allowed-signers nowhere"),
        (&[bundle, "--vkey", "KEYS/log.vkey", "--allowed-signers", nobody], "has no line that lets anybody sign"),
        (&[bundle, "--vkey", "KEYS/log.vkey", "--tsa-root", "nowhere"], "--tsa-root nowhere"),
        (&[bundle, "--vkey", "KEYS/log.vkey", "--tsa-root", nobody], "is no certificate"),
    ] {
        let (code, said) = audit.desk.python_with(args);
        assert!(code == Some(2) && said.contains("\nhint: ") && said.contains(what), "{args:?}: {code:?} {said}");
        assert!(!said.contains("REFUSED") && !said.contains("Traceback"), "{args:?}: {said}");
    }
    let (code, said) = audit.desk.python_with(&[bundle, "--vkey", "KEYS/log.vkey"]);
    assert!(code == Some(0) && said.starts_with("SAMPLE with a simulated clock: no evidence"), "{code:?} {said}");
}

#[test]
fn signers_that_ssh_keygen_refuses_are_refused_by_us_too() {
    let audit = Audit::new();
    let key = audit.world.key().public_line().unwrap();
    let other = BundleKey::from_seed(&[2; 32]).public_line().unwrap();
    let who = "evidence@test.example";
    for (signers, fine) in [
        (format!("{who} {key}"), true),
        (format!("other@example,evid* namespaces=\"evidenced-*\" {key}"), true),
        (format!("{who} namespaces=\"file\" {key}"), false),
        (format!("{who} valid-after=\"20300101Z\" {key}"), false),
        (format!("{who} valid-before=\"20251231Z\" {key}"), false),
        (format!("{who} {other}"), false),
        (format!("somebody@else.example {key}"), false),
    ] {
        audit.allow(&signers);
        let report = audit.ours(&audit.bundle);
        assert_eq!(report.ok(), fine, "{signers}: {}", wrong(&report));
        let (theirs, said) = audit.desk.shell(&audit.bundle, None);
        assert_eq!(theirs, fine, "ssh-keygen, {signers}: {said}");
    }
}

#[test]
fn a_key_that_the_log_does_not_name_is_refused_also_without_allowed_signers() {
    let audit = Audit::new();
    let forged = audit.forged("stranger.zip", Some(&BundleKey::from_seed(&[1; 32])), |_| {});
    let report = check(&forged, false);
    assert!(wrong(&report).contains("the log does not say signs bundles"), "{}", wrong(&report));
}

#[test]
fn without_allowed_signers_it_is_said_that_consistency_is_not_origin() {
    let world = World::small();
    let report = check(&world.bundle(), false);
    assert!(report.ok() && report.not_checked().any(|what| what.contains("--allowed-signers")), "{}", wrong(&report));
}

/// A bundle with a time-stamp of now, whose authority is `authority`.
pub(super) fn stamped(audit: &Audit, authority: &Authority) -> (PathBuf, Timestamp, Option<Vec<u8>>) {
    let ask = |bytes: &[u8]| {
        let query = Query::new(Sha256::digest(bytes).into(), [7; 8]);
        Ok(authority.reply(&query.to_der(), "tsa", "t", None))
    };
    let out = tempfile::tempdir_in(audit.path(".")).unwrap().keep().join("stamped.zip");
    let key = audit.world.key();
    let request = ExportRequest { authority: Some(&ask), require_timestamp: true, ..january(&out, &[], &key) };
    let summary = exported(&audit.world.runner, &request).unwrap();
    audit.world.append_export(summary.tagmanifest_sha256.clone(), summary.token.clone());
    (out, summary.timestamp, summary.token)
}

#[test]
fn a_time_stamp_is_kept_for_the_same_bytes_and_checked_to_its_root() {
    // Its log goes on after the period, so that another export has the same closing checkpoint.
    let audit = Audit::of(World::new());
    let authority = Authority::new("P-256");
    let (first, how, token) = stamped(&audit, &authority);
    assert_eq!((how, token.is_some()), (Timestamp::Given, true));
    let (second, how, _) = stamped(&audit, &authority);
    assert_eq!(how, Timestamp::Reused);
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap(), "the same state, other bytes");
    let without = audit.ours(&first);
    assert!(without.ok() && without.not_checked().any(|what| what.contains("--tsa-root")), "{}", wrong(&without));
    std::fs::write(audit.path("KEYS/tsa-root.pem"), authority.pem("root")).unwrap();
    let report = audit.ours(&first);
    assert!(report.ok() && !report.not_checked().any(|what| what.contains("--tsa-root")), "{}", wrong(&report));
    for (fine, said) in [audit.desk.shell(&first, None), audit.desk.python(&first)] {
        assert!(fine && said.contains("time-stamped"), "{said}");
    }
    // Another authority's root, then a token of something else with a right signature over it.
    std::fs::write(audit.path("KEYS/tsa-root.pem"), Authority::new("P-256").pem("root")).unwrap();
    let refused = |bundle: &Path| {
        let report = audit.ours(bundle);
        assert!(!report.ok() && wrong(&report).contains("tagmanifest-sha256.txt.tsr"), "{}", wrong(&report));
        for (fine, said) in [audit.desk.shell(bundle, None), audit.desk.python(bundle)] {
            assert!(!fine && said.contains("tagmanifest-sha256.txt.tsr"), "{said}");
        }
    };
    refused(&first);
    std::fs::write(audit.path("KEYS/tsa-root.pem"), authority.pem("root")).unwrap();
    let mut files = Files::read(&first);
    let token = authority.reply(&Query::new([1; 32], [7; 8]).to_der(), "tsa", "t", None);
    let signature = audit.world.key().sign(BUNDLE_NAMESPACE, &token).unwrap();
    files.files.insert("tagmanifest-sha256.txt.tsr".to_owned(), token);
    files.files.insert("tagmanifest-sha256.txt.tsr.sig".to_owned(), signature.into_bytes());
    let swapped = files.write(&audit.path("."));
    refused(&swapped);
    let mut files = Files::read(&first);
    files.files.get_mut("tagmanifest-sha256.txt.tsr").unwrap().push(0);
    refused(&files.write(&audit.path(".")));
}

#[test]
fn an_authority_that_does_not_answer_leaves_a_bundle_without_a_time_stamp_unless_one_is_required() {
    let world = World::small();
    let out = tempfile::tempdir().unwrap();
    let down = |_: &[u8]| Err("connection refused".to_owned());
    let ask = |name: &str, require_timestamp| {
        let (path, key) = (out.path().join(name), world.key());
        let request = ExportRequest { authority: Some(&down), require_timestamp, ..january(&path, &[], &key) };
        exported(&world.runner, &request)
    };
    let summary = ask("a.zip", false).unwrap();
    assert_eq!(summary.timestamp, Timestamp::Missing { why: "connection refused".to_owned() });
    assert!(check(&out.path().join("a.zip"), false).ok());
    let error = ask("b.zip", true).unwrap_err().to_string();
    assert!(error.contains("connection refused") && error.contains("hint:"), "{error}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
}

impl World {
    /// What the command seals after an export.
    fn append_export(&self, tagmanifest_sha256: String, token: Option<Vec<u8>>) {
        let body =
            Body::Export { period: period(), log_size: 1, tagmanifest_sha256, controls: Vec::new(), recipient: None };
        let media_type = "application/timestamp-reply".to_owned();
        let file = |bytes| NewFile { name: "tagmanifest-sha256.txt.tsr".to_owned(), media_type, bytes };
        self.seal(NewRecord { at: period().end, body, files: token.map(file).into_iter().collect() });
    }
}
