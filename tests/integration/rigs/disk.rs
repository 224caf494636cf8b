//! File systems that fill up, of blocks and of inodes: nothing acknowledged is lost, whoever is refused is told what to do,
//! and once there is space the same process goes on.
//!
//! A tmpfs in a namespace of its own needs no root where the system lets users have one. `EVIDENCED_DISK=ext4` takes a real
//! ext4 on a loop device, as root.

use super::sealer::{FULL, With, acks, fresh, lost, sealer};
use super::{SEED, ready_again};
use crate::support::program;
use crate::support::random::{Random, chosen};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

const CASES: u64 = 6;

/// Fills $M but for what is left free, and seals until it is full for the second time: $1 mounts, $2 fills; the rest seals.
const SCRIPT: &str = r#"set -eu
    mkdir "$H/m"; M="$H/m"; export M
    eval "$1"; mkdir -m 700 "$M/state"; mkdir "$M/ballast"; cp -a "$H/before/." "$M/state"
    eval "$2"; shift 2
    code=0; "$@" || code=$?
    rm -rf "$M/ballast"; cp -a "$M/state" "$H/after"; umount "$M"; exit "$code""#;

/// Two inodes are left, for the log and its index: the next file cannot be made.
const NO_INODES: &str =
    r#"i=0; while touch "$M/ballast/$i" 2>/dev/null; do i=$((i + 1)); done; rm "$M/ballast/0" "$M/ballast/1""#;

fn full(home: &Path, mount: &str, fill: &str) -> Output {
    let before = home.join("before");
    let ballast = home.join("m/ballast");
    fresh(&before);
    let mut act = sealer(&home.join("m/state"));
    act.ballast(&ballast);
    let mut command = Command::new(program("unshare"));
    // As somebody who is not root, a user namespace gives the right to mount.
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    command.args(if root { ["-m"].as_slice() } else { &["-r", "-m"] });
    command.args(["sh", "-c", SCRIPT, "sh", mount, fill]).arg(act.get_program()).args(act.get_args()).env("H", home);
    command.envs(act.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.output().unwrap()
}

fn check(what: &str, home: &Path, output: &Output) -> usize {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let hint = "hint: this rig mounts a file system: run it as root, or let users have namespaces \
                (sysctl kernel.apparmor_restrict_unprivileged_userns=0)";
    assert!(home.join("after").exists(), "{what}: {err}\n{hint}");
    let after = home.join("after");
    let said = acks(&out);
    assert_eq!(lost(&after, &said), 0, "{what}: {out}");
    assert_eq!(output.status.code(), Some(FULL), "{what}: {out}{err}");
    assert!(err.contains("the disk is full, and nothing was written\nhint: free space"), "{what}: {err}");
    assert!(!err.contains("panicked"), "{what}: {err}");
    let (_, later) = out.split_once("full\n").unwrap();
    assert!(!acks(later).is_empty(), "{what}: it did not go on when there was space: {out}");
    ready_again(&after);
    said.len()
}

#[test]
fn a_disk_that_fills_up_loses_nothing_and_the_same_process_goes_on_when_there_is_space() {
    let (seed, cases) = (chosen("EVIDENCED_SEED", SEED), chosen("EVIDENCED_CASES", CASES));
    let ext4 = std::env::var("EVIDENCED_DISK").is_ok_and(|disk| disk == "ext4");
    let mut random = Random(seed);
    let (mut acknowledged, mut by_inodes) = (0, 0);
    for case in 0..cases {
        let home = tempfile::tempdir().unwrap();
        let inodes = case % 3 == 2;
        // Other pages are the last ones every time.
        let (kib, ballast) = (2_400 + 4 * random.below(200), 300 + 4 * random.below(200));
        let mount = match (ext4, inodes) {
            (false, false) => format!("mount -t tmpfs -o size={kib}k rig \"$M\""),
            (false, true) => "mount -t tmpfs -o size=6m,nr_inodes=60 rig \"$M\"".to_owned(),
            (true, _) => {
                program("mkfs.ext4");
                let (kib, nodes) = if inodes { (9_000, "-N 64") } else { (kib + 2_600, "") };
                format!(
                    "truncate -s {kib}k \"$H/image\"; mkfs.ext4 -q -m 0 {nodes} -J size=1 \"$H/image\" || \
                     mkfs.ext4 -q -m 0 {nodes} \"$H/image\"; mount -o loop \"$H/image\" \"$M\""
                )
            }
        };
        let blocks = format!("head -c {ballast}k /dev/zero >\"$M/ballast/0\"");
        let output = full(home.path(), &mount, if inodes { NO_INODES } else { &blocks });
        acknowledged += check(&format!("seed {seed}, case {case}, {mount}"), home.path(), &output);
        by_inodes += u64::from(inodes);
    }
    println!(
        "disk: seed {seed}, ext4 {ext4}, {cases} fillings, {by_inodes} of them of inodes, acknowledged {acknowledged}, lost 0"
    );
}

#[test]
fn a_process_that_acknowledges_too_early_loses_records_when_the_disk_is_full() {
    let dir = tempfile::tempdir().unwrap();
    fresh(dir.path());
    let mut liar = sealer(dir.path());
    liar.lying();
    // A limit of the process stands for that of the disk.
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 2000; trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(liar.get_program())
        .args(liar.get_args());
    command.envs(liar.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    assert!(!output.status.success());
    assert!(
        lost(dir.path(), &acks(&String::from_utf8_lossy(&output.stdout))) > 0,
        "the rig does not find what is lost"
    );
}
