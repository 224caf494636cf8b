//! That each delivery settles alerts before it which go to its channel.

use super::report::{Check, Checking};
use super::walk::Seen;
use crate::bundle::format::{Contents, record_path};
use crate::ledger::record::Body;
use std::collections::BTreeMap;

/// Checks it. What is withheld cannot be looked at.
pub(super) struct Deliveries<'a> {
    contents: &'a Contents,
    /// The channels that each alert goes to.
    alerts: BTreeMap<u64, Vec<String>>,
    checking: Checking,
}

impl<'a> Deliveries<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        Self { contents, alerts: BTreeMap::new(), checking: Checking::new("deliveries") }
    }

    /// Takes the next record.
    pub(super) fn see(&mut self, Seen { index, record, .. }: &Seen) {
        match &record.body {
            Body::Alert { channels, .. } => {
                self.alerts.insert(*index, channels.clone());
            }
            Body::Delivery { channel, alerts, .. } => {
                for named in alerts {
                    let right = match self.alerts.get(named) {
                        Some(channels) => channels.contains(channel),
                        None => named < index && self.elsewhere(*named),
                    };
                    let why = format!("settles record {named}, which is no alert for {channel} before it");
                    self.checking.expect(right, record_path(*index), why);
                }
            }
            _ => {}
        }
    }

    /// Whether a record before this one may be an alert that is not here.
    fn elsewhere(&self, record: u64) -> bool {
        let Contents { facts, scope, .. } = self.contents;
        !self.contents.discloses(record) && (scope.is_some() || !facts.range.contains(&record))
    }

    pub(super) fn done(self) -> Check {
        let (alerts, deliveries) = (self.contents.alerts.len(), self.contents.deliveries.len());
        let say = format!("{alerts} alerts of the period; {deliveries} deliveries name such as go to their channel");
        self.checking.done(say)
    }
}
