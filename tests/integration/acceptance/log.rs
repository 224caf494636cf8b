//! The log in a bundle, by OpenSSL, the Go team's `note` and `tlog`, Cloudflare's crates, and `aics-tlog`.

use super::{Bundle, accepts_and_refuses, bundles, program, said, succeeds};
use crate::cli::demo;
use crate::support::component;
use sha2::{Digest, Sha256};
use signed_note::{Note, StandardVerifier, VerifierList};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tlog_tiles::{Checkpoint, tlog};

/// The signature of the checkpoint, with nothing but a shell and OpenSSL.
const OPENSSL: &str = r"
dir=$(mktemp -d); trap 'rm -r $dir' EXIT
sed '/^$/,$d' data/log/checkpoint >$dir/body
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; cut -d+ -f3- $1 | base64 -d | tail -c 32; } >$dir/key
sed -n '/^$/,$p' data/log/checkpoint | awk 'NR==2{print $3}' | base64 -d | tail -c 64 >$dir/signature
openssl pkeyutl -verify -pubin -keyform DER -inkey $dir/key -rawin -in $dir/body -sigfile $dir/signature";

#[test]
fn openssl_verifies_the_signature_of_the_checkpoint() {
    program("openssl");
    let verify = |bundle: &Bundle, folder: &Path| {
        let mut command = Command::new(program("sh"));
        command.args(["-euc", OPENSSL, "sh"]).arg(bundle.key("log.vkey")).current_dir(folder);
        command
    };
    accepts_and_refuses(verify, &["data/log/checkpoint"]);
}

#[test]
fn the_go_team_s_note_and_tlog_verify_checkpoint_proofs_and_root() {
    let check = |bundle: &Bundle, folder: &Path| {
        let mut command = Command::new(component(".beds/bin/logcheck"));
        command.arg(folder).arg(bundle.key("log.vkey"));
        command
    };
    for bundle in bundles() {
        let said = succeeds(&mut check(bundle, &bundle.folder));
        assert!(said.contains("tlog.CheckRecord") && said.contains("tlog.TreeHash"), "{said}");
    }
    let files = [
        "data/log/checkpoint",
        "data/log/leafhashes.txt",
        "data/records/000000000001.json",
        "data/proofs/000000000001.tlog-proof",
    ];
    accepts_and_refuses(check, &files);
}

#[test]
fn cloudflare_s_crates_verify_checkpoint_and_proofs() {
    for bundle in bundles() {
        let (text, vkey) = (read(bundle, "data/log/checkpoint"), fs::read_to_string(bundle.key("log.vkey")).unwrap());
        let keys: Vec<Box<dyn signed_note::Verifier>> =
            vkey.lines().map(|line| Box::new(StandardVerifier::new(line).unwrap()) as _).collect();
        let note = Note::from_bytes(text.as_bytes()).unwrap();
        let (verified, _) = note.verify(&VerifierList::new(keys)).unwrap();
        assert!(!verified.is_empty());
        let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
        let mut count = 0;
        for entry in fs::read_dir(bundle.folder.join("data/records")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let proof = read(bundle, &format!("data/proofs/{name}.tlog-proof"));
            let (mut lines, index) = (proof.lines(), name.parse::<u64>().unwrap());
            assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
            assert_eq!(lines.next(), Some(&*format!("index {index}")));
            let hash = |line: &str| tlog::Hash::parse_hash(line).unwrap();
            let hashes: Vec<tlog::Hash> = lines.take_while(|line| !line.is_empty()).map(hash).collect();
            let root = tlog::Hash(checkpoint.hash().0);
            let check = |record: &[u8]| {
                tlog::check_record(&hashes, checkpoint.size(), root, index, tlog::record_hash(record)).is_ok()
            };
            let mut record = fs::read(&path).unwrap();
            assert!(check(&record), "record {index}");
            record[5] ^= 1;
            assert!(!check(&record), "record {index} was changed, and it was accepted");
            count += 1;
        }
        assert!(count >= 5, "{count} records");
    }
}

fn read(bundle: &Bundle, path: &str) -> String {
    fs::read_to_string(bundle.folder.join(path)).unwrap()
}

/// Writes the leaf hashes of an unpacked bundle as tlog-tiles has them, and the checkpoint.
fn tiles(folder: &Path) -> PathBuf {
    let dir = folder.parent().unwrap().join("tiles");
    let text = fs::read_to_string(folder.join("data/log/leafhashes.txt")).unwrap();
    let mut hashes: Vec<[u8; 32]> =
        text.lines().map(|line| tlog_hash(line).unwrap_or_else(|| panic!("{line}"))).collect();
    assert_eq!(fs::read(folder.join("data/log/frontier.txt")).unwrap(), b"", "tiles begin with the log");
    for level in 0.. {
        assert!(hashes.len() < 256_000, "names of tiles are short here");
        for (n, tile) in hashes.chunks(256).enumerate() {
            let partial = if tile.len() < 256 { format!(".p/{}", tile.len()) } else { String::new() };
            let path = dir.join(format!("tile/{level}/{n:03}{partial}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, tile.concat()).unwrap();
        }
        hashes = hashes.chunks_exact(256).map(root).collect();
        if hashes.is_empty() {
            break;
        }
    }
    fs::copy(folder.join("data/log/checkpoint"), dir.join("checkpoint")).unwrap();
    dir
}

fn tlog_hash(hex: &str) -> Option<[u8; 32]> {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

/// Of a perfect tree.
fn root(hashes: &[[u8; 32]]) -> [u8; 32] {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Sha256::new_with_prefix([1]).chain_update(root(left)).chain_update(root(right)).finalize().into()
        }
    }
}

fn aics(bundle: &Bundle, what: &str) -> Command {
    let mut command = Command::new(component(".venv-tlog/bin/aics-tlog"));
    command.arg(what).arg("--vkey-file").arg(bundle.key("log.vkey"));
    command
}

#[test]
fn aics_tlog_verifies_checkpoint_and_inclusion() {
    let checkpoint = |bundle: &Bundle, folder: &Path| {
        let mut command = aics(bundle, "verify-checkpoint");
        command.arg("--note").arg(folder.join("data/log/checkpoint"));
        command
    };
    accepts_and_refuses(checkpoint, &["data/log/checkpoint"]);
    let tiles: BTreeMap<&str, PathBuf> = bundles().iter().map(|bundle| (bundle.name, tiles(&bundle.folder))).collect();
    let inclusion = |bundle: &Bundle, folder: &Path| {
        let mut command = aics(bundle, "verify-inclusion");
        command.arg("--tiles").arg(&tiles[bundle.name]).args(["--index", "3"]);
        command.arg("--leaf").arg(folder.join("data/records/000000000003.json"));
        command
    };
    accepts_and_refuses(inclusion, &["data/records/000000000003.json"]);
}

#[test]
fn aics_tlog_finds_the_witness_s_signature_on_the_checkpoints_that_it_was_given() {
    let bundle = &bundles()[1];
    let scratch = tempfile::tempdir().unwrap();
    let cosigned = |folder: &Path, quorum: &str| {
        let note = scratch.path().join("cosigned");
        let text = fs::read(folder.join("note")).unwrap();
        fs::write(&note, [text, fs::read(folder.join("receipt")).unwrap()].concat()).unwrap();
        let witness = fs::read_to_string(bundle.key("witness.vkey")).unwrap();
        let mut command = aics(bundle, "verify-checkpoint");
        command.arg("--note").arg(note).args(["--witness-key", witness.trim(), "--quorum", quorum]);
        command
    };
    let mut count = 0;
    for entry in fs::read_dir(bundle.folder.join("data/anchors")).unwrap() {
        let number = entry.unwrap().file_name().into_string().unwrap();
        if !read(bundle, &format!("data/records/{number}.json")).contains("\"way\":\"witness\"") {
            continue;
        }
        count += 1;
        let folder = format!("data/anchors/{number}");
        succeeds(&mut cosigned(&bundle.folder.join(&folder), "1"));
        let (_dir, changed) = bundle.changed(&format!("{folder}/receipt"));
        let (code, said) = said(&mut cosigned(&changed.join(&folder), "1"));
        assert_ne!(code, 0, "{said}");
    }
    assert_eq!(count, 2, "it was given two");
}

#[test]
fn aics_tlog_sees_that_the_log_only_grew_and_refuses_another_one() {
    let bundle = &bundles()[0];
    let home = demo::home();
    let waive = ["waive", "SEC-001", "nothing", "--reason", "r", "--approver", "a", "--expires-in", "1d"];
    assert_eq!(home.run(&waive).code, 0, "the log grows");
    let export = home.run(&["export", "--from", "2025-01-01", "--to", "2027-01-01", "--out", "later.zip"]);
    assert_eq!(export.code, 0, "{export:?}");
    let later = super::unpack(&home.path("later.zip"), &home.path("later"));
    let tiles = tiles(&later);
    let consistency = |old: &Path| {
        let mut command = aics(bundle, "verify-consistency");
        command.arg("--tiles").arg(&tiles).arg("--old-checkpoint").arg(old);
        said(&mut command)
    };
    let (code, out) = consistency(&bundle.folder.join("data/log/checkpoint"));
    assert_eq!(code, 0, "{out}");
    // The other bundle's: signed by another key, of another log.
    let (code, out) = consistency(&bundles()[1].folder.join("data/log/checkpoint"));
    assert_ne!(code, 0, "{out}");
    // The past is another: the tiles no longer lead to what was signed before.
    let tile = fs::read_dir(tiles.join("tile/1/000.p")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let (code, out) = consistency(&bundle.folder.join("data/log/checkpoint"));
    assert_ne!(code, 0, "{out}");
}
