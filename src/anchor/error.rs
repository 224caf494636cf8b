//! Why a checkpoint was not handed over, by what the operator does next.

use crate::ledger::LedgerError;
use crate::run::RunError;
use chrono::{DateTime, SecondsFormat, Utc};

/// Why nobody else holds the checkpoint, or must not be given it.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// No such anchor.
    #[error("anchor `{name}` is not configured\nhint: configured: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// It cannot be asked, or does not do what it is asked: later perhaps.
    #[error("anchor `{anchor}` does not answer as it should: {why}\nhint: it is tried again; collecting goes on")]
    Unreachable {
        /// Which.
        anchor: String,
        /// Why not.
        why: String,
    },
    /// What it gave back does not show that it holds the checkpoint.
    #[error("anchor `{anchor}` gave something wrong: {why}\nhint: {hint}")]
    Wrong {
        /// Which.
        anchor: String,
        /// What is wrong.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// A record claims a time that is still to come, so nothing may be dated: the clock was ahead.
    #[error(
        "anchor `{anchor}` is given nothing to date: a record says that it was written at {claimed}, and it is {now}, so \
             the clock was ahead\nhint: it goes on by itself from that time on, and whoever checks the log then finds \
             no record that was dated before it was written; if it is too long until then, go on under another name, \
             on record: `evidenced epoch --help`", claimed = shown(.claimed), now = shown(.now)
    )]
    NotYet {
        /// Which.
        anchor: String,
        /// The latest time that a record claims.
        claimed: DateTime<Utc>,
        /// What time it is.
        now: DateTime<Utc>,
    },
    /// It knows more of the log than the ledger has: this ledger is an old copy.
    #[error(
        "anchor `{anchor}` holds a checkpoint of {theirs} records of this log, and the ledger has {ours}: it is an \
             older copy, and to go on from it would give one log two pasts\nhint: restore the newest copy of the \
             state directory; if there is none, go on under another name, on record: `evidenced epoch --help`"
    )]
    Ahead {
        /// Which.
        anchor: String,
        /// The size that it knows.
        theirs: u64,
        /// Records in the ledger.
        ours: u64,
    },
    /// It knows another past than the ledger has.
    #[error(
        "anchor `{anchor}` holds another log of the same name: {what}\nhint: keep the ledger as it is, for inquiry; \
             restore the copy that goes with what the anchor holds, or go on under another name, on record: \
             `evidenced epoch --help`"
    )]
    Forked {
        /// Which.
        anchor: String,
        /// What differs.
        what: String,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the ledger holds cannot be read as what it should be.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl AnchorError {
    /// Whether nothing may be appended to the ledger any more.
    pub fn is_misfit(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Forked { .. })
    }

    /// Whether another try may succeed without anybody doing anything, or must at least not end the daemon.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Wrong { .. } | Self::NotYet { .. } | Self::Ledger(LedgerError::Full)
        )
    }
}

fn shown(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Makes the errors of one anchor.
#[derive(Clone, Copy)]
pub(super) struct Fault<'a>(pub(super) &'a str);

impl Fault<'_> {
    pub(super) fn unreachable(&self, why: impl std::fmt::Display) -> AnchorError {
        AnchorError::Unreachable { anchor: self.0.to_owned(), why: why.to_string() }
    }

    pub(super) fn wrong(&self, why: impl std::fmt::Display, hint: &'static str) -> AnchorError {
        AnchorError::Wrong { anchor: self.0.to_owned(), why: why.to_string(), hint }
    }

    pub(super) fn not_yet(&self, claimed: DateTime<Utc>, now: DateTime<Utc>) -> AnchorError {
        AnchorError::NotYet { anchor: self.0.to_owned(), claimed, now }
    }

    pub(super) fn forked(&self, what: impl std::fmt::Display) -> AnchorError {
        AnchorError::Forked { anchor: self.0.to_owned(), what: what.to_string() }
    }

    pub(super) fn ahead(&self, theirs: u64, ours: u64) -> AnchorError {
        AnchorError::Ahead { anchor: self.0.to_owned(), theirs, ours }
    }
}
