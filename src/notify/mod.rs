//! Tells people what changed: what an alert says, and how each channel takes it.

pub mod message;
