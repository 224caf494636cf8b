//! How long to wait before something outside is tried again. Decides nothing else.

use crate::run::RunError;
use chrono::TimeDelta;

/// After the first failure `first` seconds, then twice as long each time, at most `max`; a quarter more or less,
/// so that many installations do not ask at once.
pub fn after(failures: u32, first: i64, max: i64) -> Result<TimeDelta, RunError> {
    let mut random = [0; 1];
    getrandom::fill(&mut random).map_err(RunError::Random)?;
    let seconds = (first << failures.saturating_sub(1).min(16)).min(max);
    let millis = seconds * 750 + seconds * 500 * i64::from(random[0]) / 256;
    Ok(TimeDelta::milliseconds(millis))
}
