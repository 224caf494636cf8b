//! Finding real components, and waiting for them with a bound; some that several tests start.

pub(crate) mod auditor;
pub(crate) mod drill;
pub(crate) mod localstack;
pub(crate) mod moto;
pub(crate) mod permissions;
pub(crate) mod random;
pub(crate) mod replay;
pub(crate) mod sink;
pub(crate) mod tsa;
pub(crate) mod witness;

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A component that `tests/setup.sh` installs, by its path in the project. Missing is a failure, not a skip.
pub(crate) fn component(path: &str) -> PathBuf {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    assert!(full.exists(), "{} is missing\nhint: run tests/setup.sh", full.display());
    full
}

/// An empty folder below `target/tmp` that no other process of tests has while this one lives.
pub(crate) fn own_folder(name: &str) -> PathBuf {
    let tmp = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let own = |name: String| {
        let lock = File::create(tmp.join(format!("{name}.lock"))).unwrap();
        lock.try_lock().is_ok().then(|| {
            // Until the process ends.
            std::mem::forget(lock);
            tmp.join(name)
        })
    };
    let dir = (0..).find_map(|number| own(format!("{name}-{number}"))).unwrap();
    if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// A program that Debian has, by name. Missing is a failure, not a skip.
pub(crate) fn program(name: &str) -> PathBuf {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed\nhint: run tests/setup.sh, or apt-get install {name}"))
}

/// Waits until `ready` says so, at most `limit`.
pub(crate) fn wait_until(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
