//! What a machine does to a ledger: kills, system calls that fail, full disks, power cuts, flipped bytes, clocks that are
//! set, a second daemon. Each rig prints its seed and what it counted, and has a control: something that is known to break,
//! in the same rig, so that a rig that is dead shows. `tests/rigs/faults.sh` runs them for long.
//!
//! `EVIDENCED_SEED` and `EVIDENCED_CASES` choose other and more cases.

mod calls;
mod clocks;
mod crash;
mod disk;
mod flips;
mod kill;
mod sealer;
mod two;

use evidenced::ledger::{Ledger, StoreReport, verify_store};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The seed of the short runs.
const SEED: u64 = 20_261_126;

/// A copy by another process: closing the file in this one would drop locks that SQLite holds on it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    assert!(Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap().success());
}

/// A restart finds everything as it was sealed, and can go on.
fn ready_again(dir: &Path) -> StoreReport {
    drop(Ledger::open(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())));
    let report = verify_store(dir).unwrap();
    assert_eq!((report.differences, &report.first), (0, &None), "{}", dir.display());
    let header = fs::read(dir.join("ledger.sqlite")).unwrap();
    assert_eq!(header[18..20], [2, 2], "the file is not in WAL mode any more");
    report
}
