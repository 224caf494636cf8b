//! What a record is called, and whether its files may ever be erased.

use super::{Body, Counts};
use std::collections::BTreeMap;

impl Body {
    /// Whether the files of such records may be erased. Configurations, anchors and exports name nobody that they need
    /// not, and what rests on them could not be checked any more.
    pub fn erasable(&self) -> bool {
        matches!(
            self,
            Self::Evidence { .. }
                | Self::Verdict { .. }
                | Self::Transition { .. }
                | Self::Waiver { .. }
                | Self::SignOff { .. }
                | Self::Sample { .. }
                | Self::Alert { .. }
        )
    }

    /// A summary to append: the ledger fills it in.
    pub fn summary() -> Self {
        Self::Summary { collectors: BTreeMap::new(), counts: Counts::default() }
    }

    /// The record's `kind`, as it is written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Epoch { .. } => "epoch",
            Self::Key { .. } => "key",
            Self::Summary { .. } => "summary",
            Self::Anchor { .. } => "anchor",
            Self::Erasure { .. } => "erasure",
            Self::Config { .. } => "config",
            Self::RunOpened { .. } => "run_opened",
            Self::Evidence { .. } => "evidence",
            Self::RunClosed { .. } => "run_closed",
            Self::Missed { .. } => "missed",
            Self::Verdict { .. } => "verdict",
            Self::Transition { .. } => "transition",
            Self::Waiver { .. } => "waiver",
            Self::Revocation { .. } => "revocation",
            Self::Cause { .. } => "cause",
            Self::SignOff { .. } => "sign_off",
            Self::Sample { .. } => "sample",
            Self::Export { .. } => "export",
            Self::Alert { .. } => "alert",
            Self::Delivery { .. } => "delivery",
        }
    }
}
