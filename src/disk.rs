//! How much space is left where the ledger is, and what is left undone for want of it. The one place where it is read.

use crate::config::{Config, Loaded};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// MiB.
const MIB: u64 = 1 << 20;

/// So much more than the larger limit must be left before people are told that it is over: a part of that limit. Space
/// that moves around a limit would tell them every minute.
const AMPLE_PART: u64 = 10;

/// What says how much is left.
#[derive(Debug, Clone, Default)]
pub enum Disk {
    /// The file system.
    #[default]
    Real,
    /// Simulated, as the clock can be: bytes.
    Said(Arc<AtomicU64>),
}

impl Disk {
    /// Bytes that this user may still write to the file system of a directory.
    fn free(&self, dir: &Path) -> std::io::Result<u64> {
        match self {
            Self::Real => {
                let found = rustix::fs::statvfs(dir)?;
                Ok(found.f_bavail.saturating_mul(found.f_frsize))
            }
            Self::Said(bytes) => Ok(bytes.load(Ordering::Relaxed)),
        }
    }

    /// What is left in a directory.
    pub fn space(&self, dir: &Path, config: &Config) -> std::io::Result<Space> {
        let (low_mib, reserve_mib) = (config.alerts.disk_free_min_mib, config.limits.disk_reserve_mib);
        Ok(Space { free_mib: self.free(dir)? / MIB, low_mib, reserve_mib })
    }

    /// What is left where the ledger is; `None`: that cannot be told, and SQLite will say when there is none.
    pub fn of_ledger(&self, loaded: &Loaded) -> Option<Space> {
        self.space(&loaded.state_dir, &loaded.config)
            .inspect_err(|error| tracing::warn!(%error, "how much space is left cannot be told"))
            .ok()
    }
}

/// Space of a file system, in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Space {
    /// What is left.
    pub free_mib: u64,
    /// Below this somebody is told.
    pub low_mib: u64,
    /// Below this nothing is collected.
    pub reserve_mib: u64,
}

impl Space {
    /// Whether nothing is collected.
    pub fn stops(&self) -> bool {
        self.free_mib < self.reserve_mib
    }

    /// Whether somebody is to be told.
    pub fn is_low(&self) -> bool {
        self.free_mib < self.low_mib || self.stops()
    }

    /// Whether so much is left that it is over, should somebody have been told.
    pub fn is_ample(&self) -> bool {
        let limit = self.low_mib.max(self.reserve_mib);
        self.free_mib >= limit.saturating_add(limit.div_ceil(AMPLE_PART))
    }
}

/// That nothing is collected.
impl std::fmt::Display for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { free_mib, reserve_mib, .. } = self;
        write!(f, "the disk has {free_mib} MiB left, less than the {reserve_mib} that are kept free")
    }
}
