//! Everything above the unit: the binary, real components, faults. One binary, for build time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

mod acceptance;
mod anchor;
mod aws_iam;
mod aws_logging;
mod backup_restores;
mod bundle;
mod calendar;
mod canaries;
mod catalogue;
mod channels;
mod cli;
mod contract;
mod daemon;
mod github_alerts;
mod github_changes;
mod house;
mod judge;
mod ledger;
mod mutated;
mod notify;
mod readiness;
mod rigs;
mod supply;
mod timestamp;
