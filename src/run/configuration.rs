//! The configuration in force: put on record, exchanged for another as a whole, refused. Not here: reading it.

use super::{RunError, Runner};
use crate::assess;
use crate::config::{self, Config, Loaded};
use crate::ledger::NewFile;
use crate::ledger::record::{Body, canonical_json};
use crate::notify::raise::Raise;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError};

impl Runner {
    /// Records the configuration if it is not the one in force by the log; `by` says who brought it. The index
    /// of its record; `None`: it is in force already.
    pub async fn record_config(&self, by: &str) -> Result<Option<u64>, RunError> {
        let _judging = self.ledger.lock_judging().await?;
        self.record(&self.loaded().config, by).await
    }

    /// Errors, if the log says that another configuration is in force. Whoever calls it holds the judging lock, which
    /// every process does that records one.
    pub(super) fn require_in_force(&self, loaded: &Loaded) -> Result<(), RunError> {
        let ours = loaded.config.sha256()?;
        match assess::config_in_force(&self.ledger.reader()?)? {
            Some(known) if known.sha256 != ours => Err(RunError::OtherConfiguration),
            _ => Ok(()),
        }
    }

    /// Brings another configuration into force, as a whole: first its record, then for every run that begins
    /// from here on. Runs that have begun end under theirs. `None`: it is in force already.
    ///
    /// Errors: the ledger's. The configuration before it is in force then.
    pub async fn exchange(&self, loaded: Loaded, by: &str) -> Result<Option<u64>, RunError> {
        let _alone = self.exchanging.write().await;
        // Nobody judges between the record and the exchange.
        let _judging = self.ledger.lock_judging().await?;
        let recorded = self.record(&loaded.config, by).await?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(recorded)
    }

    /// The same of what judging one control rests on, and of whom that is told to: whoever judges it need not have the
    /// rest as the daemon has it.
    pub(super) fn require_control_in_force(&self, control: &str) -> Result<(), RunError> {
        let ours = serde_json::to_value(&self.loaded().config)?;
        match assess::config_in_force(&self.ledger.reader()?)? {
            Some(known) if decides(&known.config, control) != decides(&ours, control) => {
                Err(RunError::OtherConfiguration)
            }
            _ => Ok(()),
        }
    }

    /// Has people told that another configuration was refused, and why: once for each reason and day.
    pub async fn refused(&self, why: &str) -> Result<(), RunError> {
        let now = self.clock.now();
        let told = {
            let (reader, loaded) = (self.ledger.reader()?, self.loaded());
            let raise = Raise::new(&reader, &loaded)?;
            let one = hex::encode(Sha256::digest(format!("{} {why}", now.date_naive())));
            raise.new_ones(&[raise.rules().config_refused(why, &one, now)])?
        };
        if !told.is_empty() {
            self.append(told).await?;
        }
        Ok(())
    }

    async fn record(&self, new: &Config, by: &str) -> Result<Option<u64>, RunError> {
        let text = canonical_json(new)?;
        let sha256 = new.sha256()?;
        let body = {
            let reader = self.ledger.reader()?;
            let before = assess::config_in_force(&reader)?;
            if before.as_ref().is_some_and(|known| known.sha256 == sha256) {
                return Ok(None);
            }
            let before = before.map_or(Value::Null, |known| known.config);
            let changed = config::changed(&config::changes(&before, new)?);
            let controls = new.controls.iter().map(|(id, control)| (id.clone(), control.collectors.clone())).collect();
            Body::Config { sha256, controls, by: by.to_owned(), changed }
        };
        let sealed = self.append(vec![(body, vec![NewFile::json("config.json", text)])]).await?;
        Ok(sealed.first().map(|sealed| sealed.index))
    }
}

/// As much of a configuration as decides what a control is, and who is told so by which channels. How a channel sends
/// does not: the daemon does that, by its own.
fn decides<'a>(config: &'a Value, control: &str) -> ([Option<&'a Value>; 3], Vec<&'a String>) {
    let channels = config.get("channels").and_then(Value::as_object).map(|channels| channels.keys().collect());
    let control = config.get("controls").and_then(|controls| controls.get(control));
    ([control, config.get("routes"), config.get("organization")], channels.unwrap_or_default())
}
