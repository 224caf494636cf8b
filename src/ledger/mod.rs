//! The append-only store: SQLite file plus Merkle log.

pub mod record;
