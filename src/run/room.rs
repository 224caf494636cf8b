//! Whether a run may begin: there is space for what it brings, and not too much goes on already.

use super::{RunError, Runner};
use crate::config::Loaded;
use crate::disk::{Disk, Space};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Runner {
    /// With somebody else's word for the space that is left.
    pub fn on_disk(self, disk: Disk) -> Self {
        Self { disk: Some(disk), ..self }
    }

    /// The space that is left where the ledger is. Beside a simulated clock nobody asks, unless a test says it.
    pub fn space(&self) -> Option<Space> {
        self.disk.as_ref()?.of_ledger(&self.loaded())
    }

    /// Refuses a run that there is no space for.
    pub(super) fn require_space(&self) -> Result<(), RunError> {
        match self.space() {
            Some(space) if space.stops() => Err(RunError::NoSpace(space)),
            _ => Ok(()),
        }
    }

    /// Whether as many runs go on as may. Whoever is turned away is due still.
    pub(super) fn is_busy(&self, loaded: &Loaded) -> bool {
        let full = self.is_full(loaded);
        if full {
            self.turned_away.store(true, Ordering::Relaxed);
        }
        full
    }

    /// Whether somebody was turned away who may have a turn now. Asked while there is none, it keeps them in mind: to
    /// look at them again would turn them away again, and so on without a pause.
    pub fn has_turned_away(&self) -> bool {
        !self.is_full(&self.loaded()) && self.turned_away.swap(false, Ordering::Relaxed)
    }

    fn is_full(&self, loaded: &Loaded) -> bool {
        // One is our own.
        let going = Arc::strong_count(&self.turns).saturating_sub(1);
        going >= usize::try_from(loaded.config.limits.runs_at_once).unwrap_or(usize::MAX)
    }
}
