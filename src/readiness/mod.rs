//! How far an organisation is on its way to an audit: plans beside what is configured, what the evidence of each
//! control comes to, what is missing, and what to do about it; and the figures of other tools. Whether a control
//! works is not decided here: `judge` and `drift` do that, over evidence.
//!
//! - `matrix`: the control matrix.
//! - `facts`: what everything below is computed from. `gather` reads it from the ledger, `past` says since when
//!   plans are as they are.
//! - `state`: what controls and criteria are; `checks`: the six checks of operation over a period.
//! - `tracker`, `gaps`, `score`, `remediation`: the reports, computed and nothing else; `closed`: what was a gap once. `scope`: what to be warned of.
//! - `grid`, `text`, `page`, `ics`: how they are written.
//! - `packs`: what a public skill pack makes of a file of typed status words.

mod checks;
mod closed;
mod facts;
mod gaps;
mod gather;
mod grid;
mod ics;
mod matrix;
pub mod packs;
mod page;
mod past;
mod plan_text;
mod remediation;
mod scope;
mod score;
mod state;
mod text;
mod tracker;

pub use checks::{Check, Checked, Passed, checks};
pub use closed::Closed;
pub use facts::{
    Control, Criterion, Evidence, Facts, Filled, Head, Late, NotApplicable, Observed, Over, Provenance, SignOff, Stamp,
    named,
};
pub use gaps::{Gap, GapType, Gaps, gaps};
pub use gather::{Ask, GatherError, gather, planned};
pub use matrix::{Matrix, Missing, Row};
pub use page::page;
pub use remediation::{Cycle, Load, Remediation, Status, Task, in_order, remediation};
pub use score::{Cap, INTEGRITY_FAILURE, Left, NOT_AN_AUDIT, Part, Readiness, rating, readiness};
pub use state::{ControlState, Coverage, CriterionState, control_state, criterion_state};
pub use tracker::{Class, Line, Tracker, tracker};
