//! Runs that a dead process, a panic or a full disk left open: ended, and judged if they had sealed evidence. Not here: runs
//! that are alive.

use super::{Opened, RunError, Runner, end_of};
use crate::assess;
use crate::ledger::Filter;
use crate::ledger::record::{Body, End};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Task;

impl Runner {
    /// Ends runs that a dead process, a panic or a full disk left open, and judges what they have sealed. A run whose
    /// collector is locked is alive.
    pub async fn close_interrupted(&self) -> Result<(), RunError> {
        for (index, record) in self.ledger.reader()?.open_runs()? {
            let Body::RunOpened { run, collector, seq, window, .. } = record.body else { continue };
            let Some(_lock) = self.ledger.lock_collector(&collector)? else { continue };
            // It may have ended before it could be locked.
            if self.ledger.reader()?.open_runs()?.iter().all(|(open, _)| *open != index) {
                continue;
            }
            tracing::warn!(collector, run, "a run was interrupted");
            let opened =
                Opened { run, seq, name: &collector, loaded: self.loaded(), task: Task { window, carry: None } };
            match self.unjudged(index, &opened)? {
                Some((as_of, end)) => drop(self.judge_and_close(&opened, as_of, end).await?),
                None => self.close(&opened, End::Interrupted).await?,
            }
        }
        Ok(())
    }

    /// Evidence of an open run that can be judged as the run itself would have: what it is as of, and how the run then
    /// ends. `None`: it has none, or began under another configuration than ours.
    fn unjudged(&self, begun: u64, opened: &Opened<'_>) -> Result<Option<(DateTime<Utc>, End)>, RunError> {
        let reader = self.ledger.reader()?;
        let under = reader.newest_before(begun, &Filter::kind("config"))?.map(|(_, record)| record.body);
        let ours = opened.loaded.config.sha256()?;
        if !matches!(under, Some(Body::Config { sha256, .. }) if sha256 == ours) {
            return Ok(None);
        }
        let Some((index, record)) = reader.newest(&Filter::kind("evidence").run(&opened.run))? else { return Ok(None) };
        let Body::Evidence { status, .. } = record.body else { return Ok(None) };
        if reader.erased_by(index)?.is_some() {
            return Ok(None);
        }
        Ok(Some((assess::as_of(&reader, index)?, end_of(status))))
    }
}
