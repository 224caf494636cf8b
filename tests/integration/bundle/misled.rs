//! What could mislead the scripts and the page, and not us: a shell that counts with a command, a text that nobody
//! signed, names that a terminal obeys, a program that cannot check, a verdict that is another file's.

use super::archive::Files;
use super::tools::{Audit, stamped};
use super::world::World;
use crate::support::program;
use crate::support::tsa::Authority;
use chrono::TimeDelta;
use evidenced::ledger::bundle_key::BUNDLE_NAMESPACE;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const TOKEN: &str = "tagmanifest-sha256.txt.tsr";
const WHO: &str = "evidence@test.example";

#[test]
pub(super) fn attack_44_what_should_be_a_number_is_never_run_as_a_command() {
    let audit = Audit::new();
    let (key, ran) = (audit.world.key(), audit.path("ran"));
    let command = format!("x[$(touch {})]", ran.display());
    let line = |files: &Files, path: &str, at: usize| {
        String::from_utf8(files.get(path).to_vec()).unwrap().lines().nth(at).unwrap().to_owned()
    };
    let in_line = |path: &'static str, at: usize, from: fn(&str) -> &str| {
        let command = command.clone();
        move |files: &mut Files| {
            let old = line(files, path, at);
            let new = old.replacen(from(&old), &command, 1);
            files.replace(path, &old, &new);
        }
    };
    let forged = [
        audit.forged("size.zip", Some(&key), in_line("data/log/checkpoint", 1, last)),
        audit.forged("range.zip", Some(&key), in_line("bag-info.txt", 7, last)),
        audit.forged("salts.zip", Some(&key), in_line("data/salts.csv", 1, first)),
    ];
    for zip in forged {
        for (fine, said) in [audit.desk.shell(&zip, None), audit.desk.python(&zip)] {
            assert!(!fine && said.contains("REFUSED"), "{}: {said}", zip.display());
        }
        assert!(!audit.ours(&zip).ok(), "{}", zip.display());
        assert!(!ran.exists(), "{}: a command of the bundle was run", zip.display());
    }
    let (_dir, folder) = audit.desk.unpacked(&audit.bundle);
    let (code, said) = audit.desk.shell_in(&folder, Some(&command));
    assert!(code == Some(2) && said.contains("is no number of a record") && !ran.exists(), "{code:?} {said}");
}

fn first(line: &str) -> &str {
    line.split(',').next().unwrap()
}

fn last(line: &str) -> &str {
    line.rsplit(' ').next().unwrap()
}

/// A value of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content.to_vec()].concat()
}

/// What lies in the first value of DER, and what follows it.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (head, length) = match bytes[1] {
        0x81 => (3, usize::from(bytes[2])),
        0x82 => (4, usize::from(bytes[2]) << 8 | usize::from(bytes[3])),
        short => (2, usize::from(short)),
    };
    bytes[head..].split_at(length)
}

/// The same answer of an authority, with a text beside its status, which nobody signs.
fn with_text(response: &[u8], text: &str) -> Vec<u8> {
    let (status, token) = split(split(response).0);
    let status = [status, &der(0x30, &der(0x0c, text.as_bytes()))].concat();
    der(0x30, &[&der(0x30, &status), token].concat())
}

#[test]
pub(super) fn attack_45_the_time_that_nobody_signed_is_not_taken_for_that_of_the_time_stamp() {
    let audit = Audit::new();
    let authority = Authority::new("P-256");
    let (zip, _, token) = stamped(&audit, &authority);
    fs::write(audit.path("KEYS/tsa-root.pem"), authority.pem("root")).unwrap();
    let [yesterday, long_ago] = [1, 3].map(|days| SystemClock.now() - TimeDelta::days(days));
    let before = long_ago.format("%b %e %H:%M:%S %Y GMT").to_string();
    let text = format!("x\nTST info:\nVersion: 1\nTime stamp: {before}\n");
    let mut files = Files::read(&zip);
    let forged = with_text(&token.unwrap(), &text);
    let signature = audit.world.key().sign(BUNDLE_NAMESPACE, &forged).unwrap();
    files.files.insert(TOKEN.to_owned(), forged);
    files.files.insert(format!("{TOKEN}.sig"), signature.into_bytes());
    let zip = files.write(&audit.path("."));
    // It is the token of an honest authority still, and of the time that this one says.
    for (fine, said) in [audit.desk.shell(&zip, None), audit.desk.python(&zip)] {
        assert!(fine && said.contains("time-stamped"), "{said}");
        assert!(!said.contains(&before) && !said.contains(&long_ago.format("%Y-%m-%dT").to_string()), "{said}");
    }
    assert!(audit.ours(&zip).ok());
    // The key was good until yesterday: signed today, and said to be of the day before that.
    let until = yesterday.format("%Y%m%dZ");
    audit.allow(&format!("{WHO} valid-before=\"{until}\" {}", audit.world.key().public_line().unwrap()));
    for (fine, said) in [audit.desk.shell(&zip, None), audit.desk.python(&zip)] {
        assert!(!fine && said.contains("tagmanifest-sha256.txt.sig"), "{said}");
    }
    assert!(!audit.ours(&zip).ok());
}

#[test]
fn a_line_that_takes_its_name_back_lets_nobody_sign_whoever_checks() {
    let audit = Audit::new();
    audit.allow(&format!("{WHO},!{WHO} {}", audit.world.key().public_line().unwrap()));
    assert!(!audit.ours(&audit.bundle).ok());
    let (fine, said) = audit.desk.python(&audit.bundle);
    assert!(!fine, "{said}");
    let page = audit.desk.page(&audit.bundle, "");
    assert_ne!(page["state"], "accepted", "{page}");
}

#[test]
fn the_number_of_a_record_is_the_same_with_leading_zeros() {
    let audit = Audit::of(World::new());
    let (_dir, folder) = audit.desk.unpacked(&audit.bundle);
    let note = fs::read_to_string(folder.join("data/log/checkpoint")).unwrap();
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    // From eight on, a number that begins with zero is another one or none.
    let here = |number: &u64| folder.join(format!("data/records/{number:012}.json")).exists();
    let number = (8..size).find(here).unwrap();
    for record in [format!("{number}"), format!("00{number}"), format!("{number:012}")] {
        let (code, said) = audit.desk.shell_in(&folder, Some(&record));
        assert!(code == Some(0) && said.contains(&format!("ok           record {number}: ")), "{record}: {said}");
    }
    for record in ["x", "8x", "-8", "8 9", "1000000000000000000000"] {
        let (code, said) = audit.desk.shell_in(&folder, Some(record));
        assert!(code == Some(2) && said.contains("is no number of a record"), "{record}: {said}");
    }
    let (code, said) = audit.desk.shell_in(&folder, Some(&size.to_string()));
    assert!(code == Some(1) && said.contains(&format!("REFUSED      record {size} ")), "{said}");
}

#[test]
fn a_key_file_whose_last_line_has_no_end_is_read() {
    let audit = Audit::new();
    let line = audit.desk.text("KEYS/log.vkey");
    fs::write(audit.path("KEYS/log.vkey"), line.trim_end()).unwrap();
    for (fine, said) in [audit.desk.shell(&audit.bundle, None), audit.desk.python(&audit.bundle)] {
        assert!(fine, "{said}");
    }
}

#[test]
fn an_openssl_that_cannot_check_is_not_blamed_on_the_bundle() {
    let audit = Audit::new();
    let fake = audit.path("bin/openssl");
    fs::create_dir(audit.path("bin")).unwrap();
    let real = program("openssl");
    let text = format!(
        "#!/bin/sh\nfor a; do [ \"$a\" != -rawin ] || exit 1; done\n[ \"$1\" != version ] || {{ echo LibreSSL 3.3.6; exit; }}\n\
         exec {} \"$@\"\n",
        real.display()
    );
    fs::write(&fake, text).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let (_dir, folder) = audit.desk.unpacked(&audit.bundle);
    let bundle = audit.bundle.to_str().unwrap();
    for (code, said) in
        [audit.desk.shell_in(&folder, None), audit.desk.python_with(&[bundle, "--vkey", "KEYS/log.vkey"])]
    {
        assert!(code == Some(2) && said.contains("needs OpenSSL 3") && said.contains("hint: "), "{code:?} {said}");
        assert!(!said.contains("REFUSED"), "{said}");
    }
}

#[test]
fn names_in_a_bundle_reach_no_terminal_as_they_are() {
    let audit = Audit::new();
    let name = "data/\u{1b}[2Kok           signed by everybody";
    let zip = audit.forged("name.zip", None, |files| {
        files.files.insert(name.to_owned(), Vec::new());
    });
    let (_dir, folder) = audit.desk.unpacked(&audit.bundle);
    fs::write(folder.join(name), "").unwrap();
    let shell = audit.desk.shell_in(&folder, None);
    let python = audit.desk.python_with(&[zip.to_str().unwrap(), "--vkey", "KEYS/log.vkey"]);
    for (code, said) in [shell, python] {
        assert!(code == Some(1) && said.contains("[2Kok"), "{said}");
        assert!(said.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{said:?}");
    }
}

#[test]
fn a_verdict_of_the_page_is_of_the_file_that_it_names_and_gone_when_another_is_chosen() {
    let audit = Audit::new();
    let other = audit.forged("other.zip", None, |_| ());
    let said = audit.desk.page_with_another(&audit.bundle, &other);
    let name = audit.bundle.file_name().unwrap().to_str().unwrap();
    let verdict = said["first"]["verdict"].as_str().unwrap();
    assert!(said["first"]["state"] == "accepted" && verdict.contains(&format!("{name}: accepted")), "{said}");
    for later in ["chosen", "late"] {
        assert!(said[later]["state"] == "idle" && said[later]["lines"] == 0, "{later}: {said}");
    }
}
