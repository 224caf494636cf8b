//! Answers from records.
