//! How long to wait before something outside is tried again. Decides nothing else.

use crate::run::RunError;
use chrono::{DateTime, TimeDelta, Utc};

/// Not to be tried in `[from, until)`. A clock that is set back ends it.
#[derive(Debug, Clone, Copy)]
pub struct Pause {
    /// When it failed.
    pub from: DateTime<Utc>,
    /// When it is tried again.
    pub until: DateTime<Utc>,
}

impl Pause {
    /// Whether it is to be left alone now.
    pub fn is_on(self, now: DateTime<Utc>) -> bool {
        self.from <= now && now < self.until
    }
}

/// After the first failure `first` seconds, then twice as long each time, at most `max`; a quarter more or less,
/// so that many installations do not ask at once.
pub fn after(failures: u32, first: i64, max: i64) -> Result<TimeDelta, RunError> {
    let mut random = [0; 1];
    getrandom::fill(&mut random).map_err(RunError::Random)?;
    let seconds = (first << failures.saturating_sub(1).min(16)).min(max);
    let millis = seconds * 750 + seconds * 500 * i64::from(random[0]) / 256;
    Ok(TimeDelta::milliseconds(millis))
}
