//! The daemon: decides, stores, shows. `run` is the straight line through it; ARCHITECTURE.md tells it.

pub mod anchor;
pub mod assess;
pub mod backoff;
pub mod bundle;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod disk;
pub mod drift;
pub mod explain;
pub mod hindsight;
pub mod judge;
pub mod ledger;
pub mod notify;
pub mod outside;
pub mod readiness;
pub mod run;
pub mod run_file;
pub mod schedule;
mod shown;
pub mod slots;
pub mod status;
pub mod timestamp;
mod toml_file;
pub mod who;
