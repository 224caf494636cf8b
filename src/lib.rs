//! The daemon: decides, stores, shows. `run` is the straight line through it.

pub mod bundle;
pub mod demo;
pub mod drift;
pub mod judge;
pub mod ledger;
pub mod run_file;
