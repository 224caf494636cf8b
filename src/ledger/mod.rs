//! The append-only store: SQLite file plus Merkle log. All SQL of the project is in this folder.
//!
//! A directory holds `ledger.sqlite`, the second file `checkpoint` with the newest signed checkpoint,
//! the keys `log.key` and `log.vkey`, `bundle.key` and `bundle.pub`, and locks. `Ledger` appends, `Reader`
//! reads, `verify_store` checks it all.
//!
//! Nothing but SQLite may open `ledger.sqlite` in a process that uses it: closing any other descriptor
//! of the file drops the locks that SQLite holds on it.

mod backup;
pub mod bundle_key;
mod check;
pub mod commit;
mod erase;
mod error;
mod keys;
mod layout;
mod nodes;
pub mod note;
mod places;
mod prepare;
mod read;
mod read_files;
mod read_log;
pub mod record;
mod rotate;
mod seal;
mod signers;
mod store;
mod summary;
pub mod tree;
mod writer;

pub use backup::{back_up, restore};
pub use check::{StoreReport, verify_store};
pub use erase::{Shared, sweep};
pub use error::LedgerError;
pub use layout::{CollectorLock, JudgingLock};
pub use places::KeyPlaces;
pub use prepare::{FILE_BYTES_MAX, FILES_MAX, NewFile, NewRecord, UNIT_RECORDS_MAX};
pub use read::{Filter, Reader, Records};
pub use read_files::{FileMeta, FileReader};
pub use read_log::Proofs;
pub use rotate::{KeyChanged, KeyState, key_states, make_key};
pub use seal::Sealed;
pub use signers::{Signers, Term};
pub use writer::{Create, Ledger};

/// SQLite counts to 2^63 - 1; what is larger lies beyond every log alike.
fn sql_int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
