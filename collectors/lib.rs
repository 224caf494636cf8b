//! What may touch the outside: the contract, the door, and one folder per kind of collector.
//!
//! A kind sees the contract and the door; never another kind, the file system, a process, the
//! environment or the clock. Adding one is a folder and two lines here.

pub mod contract;
pub mod door;

mod aws_iam;
mod aws_logging;
mod backup_restores;
pub mod documents;
mod github_alerts;
mod github_changes;
mod register;
mod sources;

pub use sources::aws::rights::SIMULATE;
pub use sources::github::permissions::key as github_key;

use contract::Kind;

/// Every kind there is.
pub const KINDS: &[&Kind] = &[
    &aws_iam::KIND,
    &aws_logging::KIND,
    &backup_restores::KIND,
    &documents::KIND,
    &github_alerts::KIND,
    &github_changes::KIND,
    &register::KIND,
];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}
