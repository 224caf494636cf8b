//! The daemon: decides, stores, shows. `run` is the straight line through it; ARCHITECTURE.md tells it.

pub mod anchor;
pub mod assess;
pub mod bundle;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod drift;
pub mod explain;
pub mod hindsight;
pub mod history;
pub mod judge;
pub mod ledger;
pub mod notify;
pub mod run;
pub mod run_file;
pub mod schedule;
pub mod status;
pub mod timeline;
pub mod timestamp;
pub mod waivers;
