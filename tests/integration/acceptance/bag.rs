//! The envelope: the Library of Congress's BagIt, coreutils, and readers of ZIP.

use super::{accepts_and_refuses, bundles, program, said, succeeds};
use crate::support::component;
use std::fs;
use std::process::Command;

#[test]
fn bagit_of_the_library_of_congress_validates_the_bag() {
    let validate = |_: &_, folder: &_| {
        let mut command = Command::new(component(".venv/bin/bagit.py"));
        command.arg("--validate").arg(folder);
        command
    };
    accepts_and_refuses(validate, &["data/index.csv", "bag-info.txt", "manifest-sha256.txt"]);
}

#[test]
fn sha256sum_checks_both_manifests() {
    let check =
        "sha256sum --quiet --strict -c tagmanifest-sha256.txt && sha256sum --quiet --strict -c manifest-sha256.txt";
    let check = |_: &_, folder: &_| {
        let mut command = Command::new(program("sh"));
        command.args(["-c", check]).current_dir(folder);
        command
    };
    accepts_and_refuses(check, &["data/records/000000000002.json", "README.txt", "packed-sha256.txt"]);
}

#[test]
fn unzip_and_python_find_every_check_sum_right_and_a_changed_byte() {
    let python = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)";
    for bundle in bundles() {
        let dir = tempfile::tempdir().unwrap();
        let changed = dir.path().join("changed.zip");
        let mut bytes = fs::read(&bundle.zip).unwrap();
        // In the packed bytes of the first file, which follow its header and its name.
        let name = usize::from(bytes[26]) + usize::from(bytes[27]) * 256;
        bytes[30 + name + 40] ^= 1;
        fs::write(&changed, bytes).unwrap();
        for zip in [&bundle.zip, &changed] {
            let unzip = said(Command::new(program("unzip")).arg("-tq").arg(zip));
            let python = said(Command::new(component(".venv/bin/python")).args(["-c", python]).arg(zip));
            for (code, said) in [unzip, python] {
                assert_eq!(code == 0, zip == &bundle.zip, "{said}");
            }
        }
    }
}

#[test]
fn no_name_is_one_that_windows_or_a_spreadsheet_would_take_otherwise() {
    let names = "import sys, zipfile
for info in zipfile.ZipFile(sys.argv[1]).infolist():
    print(info.filename)
    assert not info.is_dir() and info.external_attr >> 16 == 0o100644 and info.flag_bits == 0, info
    for part in info.filename.split('/'):
        assert part.split('.')[0].upper() not in {'CON', 'PRN', 'AUX', 'NUL'} and part[-1] not in '. ', info
assert len({name.lower() for name in zipfile.ZipFile(sys.argv[1]).namelist()}) == len(zipfile.ZipFile(sys.argv[1]).namelist())";
    for bundle in bundles() {
        let said = succeeds(Command::new(component(".venv/bin/python")).args(["-c", names]).arg(&bundle.zip));
        let longest = said.lines().filter(|line| line.starts_with("evidenced_")).map(str::len).max().unwrap();
        assert!(longest < 200, "a path of {longest} bytes");
    }
}
