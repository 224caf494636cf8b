//! Export and verify: they share the format (`format`, and `derive` for the files that are made of the
//! committed data) and nothing else. `forge` alters copies, for the demo and the tests.

mod derive;
mod error;
mod export;
pub mod forge;
pub(crate) mod format;
pub mod tools;
mod verify;

pub(crate) use derive::{Cell, Page, Sheet, Table, list, moment, number, page_text, plain, word, write_workbook};
pub use error::BundleError;
pub(crate) use export::LedgerSource;
pub use export::{Authority, ExportRequest, ExportSummary, Timestamp, controls_meeting, export};
pub use verify::{About, Bundle, Check, Finding, KeySource, Reperformed, VerifyOptions, VerifyReport, verify};
