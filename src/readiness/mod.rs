//! How far an organisation is on its way to an audit: plans beside what is configured, and the figures of other
//! tools. Whether a control works is not decided here: `judge` and `drift` do that, over evidence.
//!
//! - `matrix`: the control matrix.
//! - `packs`: what a public skill pack makes of a file of typed status words.

mod matrix;
pub mod packs;

pub use matrix::{Matrix, Missing, Row};
