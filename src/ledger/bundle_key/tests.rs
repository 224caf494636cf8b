//! The bundle key against the programs of OpenSSH, which auditors use.

use super::*;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

fn ssh_keygen(dir: &Path, arguments: &[&str], input: &[u8]) -> (bool, String) {
    let mut command = Command::new("ssh-keygen");
    command.args(arguments).current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("ssh-keygen is not installed\nhint: run tests/setup.sh");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn put(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn ssh_keygen_reads_our_key_and_signs_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let key = BundleKey::from_seed(&[7; 32]);
    put(dir.path(), "bundle.key", &key.to_secret_text().unwrap());
    let (read, line) = ssh_keygen(dir.path(), &["-y", "-f", "bundle.key"], b"");
    assert!(read && line.trim_end() == key.public_line().unwrap(), "{line}");
    for message in [&b"the same bytes\n"[..], b"", &[0xff; 70_000]] {
        std::fs::write(dir.path().join("message"), message).unwrap();
        let sign = ["-q", "-Y", "sign", "-f", "bundle.key", "-n", BUNDLE_NAMESPACE, "message"];
        let (signed, said) = ssh_keygen(dir.path(), &sign, b"");
        assert!(signed, "{said}");
        let theirs = std::fs::read_to_string(dir.path().join("message.sig")).unwrap();
        std::fs::remove_file(dir.path().join("message.sig")).unwrap();
        assert_eq!(theirs, key.sign(BUNDLE_NAMESPACE, message).unwrap());
    }
}

#[test]
fn a_key_that_ssh_keygen_made_is_read_and_one_with_a_passphrase_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, kind: &str, pass: &str| {
        let (made, said) = ssh_keygen(dir.path(), &["-q", "-t", kind, "-N", pass, "-C", "me", "-f", name], b"");
        assert!(made, "{said}");
        std::fs::read_to_string(dir.path().join(name)).unwrap()
    };
    let key = BundleKey::parse(&make("plain", "ed25519", "")).unwrap();
    let public = std::fs::read_to_string(dir.path().join("plain.pub")).unwrap();
    assert_eq!(public.trim_end(), format!("{} me", key.public_line().unwrap()));
    let again = BundleKey::parse(&key.to_secret_text().unwrap()).unwrap();
    assert_eq!(again.public_line().unwrap(), key.public_line().unwrap());
    for (text, why) in [
        (make("locked", "ed25519", "secret"), "passphrase"),
        (make("curve", "ecdsa", ""), "no OpenSSH private key of Ed25519"),
        (public, "no OpenSSH private key of Ed25519"),
        (String::new(), "no OpenSSH private key of Ed25519"),
    ] {
        let error = BundleKey::parse(&text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(why) && error.contains("hint:"), "{error}");
        assert!(!error.contains("OPENSSH PRIVATE"), "{error}");
    }
}

#[test]
fn ssh_keygen_accepts_the_signature_by_the_line_that_auditors_get_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let key = BundleKey::from_seed(&[9; 32]);
    let from = "2026-01-01T00:00:00Z".parse().unwrap();
    let line = allowed_signers_line("evidence.acme.example/soc2", &key.public_line().unwrap(), from);
    put(dir.path(), "allowed", &format!("{line}\n"));
    put(dir.path(), "sig", &key.sign(BUNDLE_NAMESPACE, b"bytes").unwrap());
    put(dir.path(), "elsewhere", &key.sign("file", b"bytes").unwrap());
    let verify = |signature: &str, who: &str, namespace: &str, when: &str, bytes: &[u8]| {
        let when = format!("-Overify-time={when}");
        let arguments = ["-Y", "verify", "-f", "allowed", "-I", who, "-n", namespace, "-s", signature, &when];
        ssh_keygen(dir.path(), &arguments, bytes).0
    };
    let (who, when) = ("evidence@evidence.acme.example", "20260102000000Z");
    assert!(verify("sig", who, BUNDLE_NAMESPACE, when, b"bytes"));
    assert!(!verify("sig", who, BUNDLE_NAMESPACE, when, b"other"));
    assert!(!verify("sig", "evidence@elsewhere.example", BUNDLE_NAMESPACE, when, b"bytes"));
    assert!(!verify("sig", who, BUNDLE_NAMESPACE, "20251231000000Z", b"bytes"), "before its time");
    assert!(!verify("elsewhere", who, BUNDLE_NAMESPACE, when, b"bytes"), "made for something else");
    assert!(!verify("elsewhere", who, "file", when, b"bytes"), "the key signs bundles only");
}

#[test]
fn who_signs_is_a_plain_name_whatever_the_origin_has_in_it() {
    assert_eq!(principal("evidence.acme.example/soc2"), "evidence@evidence.acme.example");
    assert_eq!(principal("a*b\",?!/x"), "evidence@a-b----");
}
