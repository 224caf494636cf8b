//! Everything above the unit: the binary, real components, faults. One binary, for build time.

mod support;

mod aws_iam;
mod backup_restores;
mod bundle;
mod cli;
mod daemon;
mod github_changes;
mod house;
mod judge;
mod ledger;
