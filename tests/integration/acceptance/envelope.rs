//! Who signed a bundle and when, by OpenSSH, OpenSSL and Trail of Bits' rfc3161-client: the envelope's
//! signature and time-stamp, and the time-stamps of the checkpoints that were handed over.

use super::{Bundle, accepts_and_refuses, bundles, fails, program, succeeds};
use crate::support::component;
use crate::support::tsa::Authority;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TAG: &str = "tagmanifest-sha256.txt";

/// `ssh-keygen` on the tag manifest, in the name of `who`, for signatures of the namespace.
fn ssh_keygen(bundle: &Bundle, folder: &Path, who: &str, namespace: &str) -> Command {
    let mut command = Command::new(program("ssh-keygen"));
    command.args(["-Y", "verify", "-n", namespace, "-I", who, "-f"]).arg(bundle.key("allowed_signers"));
    command.arg("-s").arg(folder.join("tagmanifest-sha256.txt.sig")).stdin(fs::File::open(folder.join(TAG)).unwrap());
    command
}

#[test]
fn ssh_keygen_verifies_who_signed_and_refuses_other_names_and_purposes() {
    let files = [TAG, "tagmanifest-sha256.txt.sig"];
    let verify = |bundle: &Bundle, folder: &Path| ssh_keygen(bundle, folder, bundle.principal, "evidenced-bundle");
    accepts_and_refuses(verify, &files);
    for bundle in bundles() {
        fails(
            &mut ssh_keygen(bundle, &bundle.folder, "evidence@other.example", "evidenced-bundle"),
            "Could not verify",
        );
        fails(&mut ssh_keygen(bundle, &bundle.folder, bundle.principal, "file"), "Could not verify");
    }
}

/// What was stamped, and its token: the tag manifest, and every checkpoint that the authority was given.
fn stamped(folder: &Path) -> Vec<[PathBuf; 2]> {
    let mut pairs = vec![[TAG, "tagmanifest-sha256.txt.tsr"].map(|name| folder.join(name))];
    for entry in fs::read_dir(folder.join("data/anchors")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let record = folder.join("data/records").join(path.file_name().unwrap()).with_extension("json");
        if fs::read_to_string(record).unwrap().contains("\"way\":\"rfc3161\"") {
            pairs.push(["note", "receipt"].map(|name| path.join(name)));
        }
    }
    pairs
}

#[test]
fn every_kind_of_time_stamp_is_there_to_be_verified() {
    let counts = bundles().each_ref().map(|bundle| stamped(&bundle.folder).len());
    assert_eq!(counts, [1, 3], "the envelopes', and one for each time that a checkpoint was handed over");
}

/// All of a bundle's time-stamps by OpenSSL.
fn openssl(bundle: &Bundle, folder: &Path) -> Command {
    let mut command = Command::new(program("sh"));
    program("openssl");
    let verify =
        "root=$1; shift; while [ $# -gt 0 ]; do openssl ts -verify -data $1 -in $2 -CAfile $root; shift 2; done";
    command.args(["-euc", verify, "sh"]).arg(bundle.key("tsa-root.pem")).args(stamped(folder).into_iter().flatten());
    command
}

/// All of them by rfc3161-client.
fn client(root: &Path, pairs: impl IntoIterator<Item = [PathBuf; 2]>) -> Command {
    let mut command = Command::new(component(".venv/bin/python"));
    command.arg("-I").arg(component("tests/acceptance/stamps.py")).arg(root);
    command.args(pairs.into_iter().flatten());
    command
}

#[test]
fn openssl_verifies_every_time_stamp() {
    accepts_and_refuses(openssl, &[TAG, "tagmanifest-sha256.txt.tsr"]);
}

#[test]
fn rfc3161_client_of_trail_of_bits_verifies_every_time_stamp() {
    let verify = |bundle: &Bundle, folder: &Path| client(&bundle.key("tsa-root.pem"), stamped(folder));
    accepts_and_refuses(verify, &[TAG, "tagmanifest-sha256.txt.tsr"]);
    let other = Authority::new("P-256");
    for bundle in bundles() {
        let pairs = stamped(&bundle.folder);
        let said = succeeds(&mut client(&bundle.key("tsa-root.pem"), pairs.clone()));
        assert_eq!(said.matches("verified ").count(), pairs.len(), "{said}");
        for [data, token] in pairs {
            fails(&mut client(&other.path("root.pem"), [[data, token.clone()]]), "Error while verifying certificates");
            let elsewhere = bundle.folder.join("bagit.txt");
            fails(&mut client(&bundle.key("tsa-root.pem"), [[elsewhere, token]]), "Mismatch between messages");
        }
    }
}
