//! The append-only store: SQLite file plus Merkle log. All SQL of the project is in this folder.
//!
//! A directory holds `ledger.sqlite`, the second file `checkpoint` with the newest signed checkpoint,
//! `log.key` and `log.vkey`, and locks. `Ledger` appends, `Reader` reads, `verify_store` checks it all.

mod check;
pub mod commit;
mod error;
pub mod note;
mod read;
pub mod record;
pub mod tree;
mod writer;

pub use check::{StoreReport, verify_store};
pub use error::LedgerError;
pub use read::{FileMeta, FileReader, Filter, Reader, Records};
pub use writer::{CollectorLock, Create, Ledger, NewFile, NewRecord, Sealed};

impl NewFile {
    /// A JSON document.
    pub fn json(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), media_type: "application/json".to_owned(), bytes }
    }
}
