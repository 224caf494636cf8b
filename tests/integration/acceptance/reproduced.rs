//! The same state and request give the same bytes, whoever asks, and wherever.

use super::program;
use crate::cli::demo;
use std::fs;
use std::process::Command;

#[test]
fn other_processes_time_zones_languages_and_masks_write_the_same_bytes() {
    let home = demo::home();
    let export = |name: &str, to: &str, umask: &str, environment: &[(&str, &str)]| {
        let mut command = Command::new(program("sh"));
        command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_evidenced")]);
        command.args(["export", "--from", "2026-01-15", "--to", to, "--out", name]);
        command.current_dir(home.path(".")).env_clear().envs(environment.iter().copied());
        super::succeeds(&mut command);
        fs::read(home.path(name)).unwrap()
    };
    let first = export("1.zip", "2026-01-25", "022", &[]);
    let there = [("TZ", "Pacific/Apia"), ("LC_ALL", "tr_TR.UTF-8"), ("SOURCE_DATE_EPOCH", "1"), ("HOME", "/")];
    assert!(first == export("2.zip", "2026-01-25", "077", &there), "elsewhere, the bytes are others");
    assert!(first == export("3.zip", "2026-01-25", "0", &[("TZ", "UTC")]), "again, the bytes are others");
    assert!(first != export("4.zip", "2026-01-26", "022", &[]), "another period gives the same bytes");
}

#[test]
fn a_period_that_is_over_is_exported_again_with_the_same_time_stamp_and_the_same_bytes() {
    for bundle in super::bundles() {
        let again = bundle.home.path("again.zip");
        super::export(&bundle.home, &bundle.to, &again);
        assert!(fs::read(again).unwrap() == fs::read(&bundle.zip).unwrap(), "{}: the bytes are others", bundle.name);
    }
}
