//! Which slots are due, which of them is run, and the records of those that will not be. Not here: the run itself.

use super::{Begun, RunError, Runner};
use crate::config::CatchUp;
use crate::ledger::record::{Body, Trigger};
use crate::ledger::{LedgerError, UNIT_RECORDS_MAX};
use crate::slots::{self, Unanswered};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// Due instants recorded as missed together: less than a unit holds, for the alert about them.
const MISSED_MAX: usize = UNIT_RECORDS_MAX - 1;

impl Runner {
    /// Runs what is due and records what is not going to be run: one record a slot. Which slots those are follows
    /// from the configurations on record; a collector that was taken out can only have missed them.
    pub async fn due(
        &self,
        name: &str,
        policy: CatchUp,
        trigger: Trigger,
        stopped: watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let begun = {
            // Two looks at once would both begin the same slot, and one would record an overlap that there was not.
            let _one_at_a_time = self.looking.lock().await;
            self.begin_due(name, policy, trigger).await?
        };
        let Some(begun) = begun else { return Ok(()) };
        // What a full disk leaves open is closed by the next look.
        match self.finish(begun, stopped).await {
            Err(RunError::Aborted(_)) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn begin_due<'a>(
        &'a self,
        name: &'a str,
        policy: CatchUp,
        trigger: Trigger,
    ) -> Result<Option<Begun<'a>>, RunError> {
        let now = self.clock.now();
        let reader = self.ledger.reader()?;
        let unanswered = Unanswered::read(&reader, name, now)?;
        let again = slots::due_again(&reader, name, now)?;
        drop(reader);
        let runs = policy == CatchUp::Latest && self.loaded().collectors.contains_key(name);
        let reason = match trigger {
            Trigger::CatchUp => "the daemon was not running",
            Trigger::Schedule | Trigger::Manual => "the daemon did not come to it in time",
        };
        let (mut missed, mut latest) = (Vec::new(), None);
        for slot in unanswered.slots() {
            missed.extend(latest.replace(slot));
            if missed.len() == MISSED_MAX {
                self.missed(name, std::mem::take(&mut missed), reason).await?;
            }
        }
        let slot = if runs { latest } else { None };
        missed.extend(latest.filter(|_| !runs));
        self.missed(name, missed, reason).await?;
        if slot.is_none() && !(runs && again) {
            return Ok(None);
        }
        if self.is_busy(&self.loaded()) {
            return Ok(None);
        }
        match (self.begin(name, None, trigger, slot).await, slot) {
            (Err(RunError::Overlap(_)), Some(slot)) => {
                self.missed(name, vec![slot], "the run before had not ended").await?;
                Ok(None)
            }
            (Err(RunError::NoSpace(space)), Some(slot)) => {
                self.missed(name, vec![slot], &format!("nothing is collected: {space}")).await?;
                Ok(None)
            }
            // Another process had the slot first, or runs the collector anyway.
            (Err(RunError::Ledger(LedgerError::SlotTaken { .. }) | RunError::Overlap(_) | RunError::NoSpace(_)), _) => {
                Ok(None)
            }
            (begun, _) => begun.map(Some),
        }
    }

    /// Records due instants that will not be answered, together, so that one alert tells of them all.
    async fn missed(&self, name: &str, mut slots: Vec<DateTime<Utc>>, reason: &str) -> Result<(), RunError> {
        while let (Some(first), Some(last)) = (slots.first().copied(), slots.last().copied()) {
            tracing::warn!(collector = name, due = %first, until = %last, slots = slots.len(), reason, "runs missed");
            let miss = |slot: &DateTime<Utc>| {
                let (collector, reason) = (name.to_owned(), reason.to_owned());
                (Body::Missed { collector, seq: 0, scheduled_for: *slot, reason }, Vec::new())
            };
            match self.append(slots.iter().map(miss).collect()).await {
                // Another process had the slot that the error names first, at least: what is left.
                Err(RunError::Ledger(LedgerError::SlotTaken { .. })) => {
                    let taken = self.ledger.reader()?.slots(name, first, last + TimeDelta::milliseconds(1))?;
                    slots.retain(|slot| !taken.iter().any(|(taken, _)| taken == slot));
                }
                other => return other.map(|_| ()),
            }
        }
        Ok(())
    }

    /// Collectors with a due instant older than `grace` that nothing has answered: whoever should, does not.
    pub fn overdue(&self, grace: TimeDelta) -> Result<Vec<String>, RunError> {
        let (reader, until) = (self.ledger.reader()?, self.clock.now() - grace);
        let mut overdue = Vec::new();
        for name in self.loaded().collectors.keys() {
            if Unanswered::read(&reader, name, until)?.slots().next().is_some() {
                overdue.push(name.clone());
            }
        }
        Ok(overdue)
    }

    /// Records what became of the slots of collectors that are not configured any more.
    pub async fn due_of_taken_out(&self) -> Result<(), RunError> {
        let names = slots::taken_out(&self.ledger.reader()?, &self.loaded())?;
        let (_keep, never) = watch::channel(false);
        for name in names {
            self.due(&name, CatchUp::None, Trigger::CatchUp, never.clone()).await?;
        }
        Ok(())
    }
}
