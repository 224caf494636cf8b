//! Tells people what changed. `rules` say which alerts follow and what they say, `raise` puts them into the ledger
//! beside what set them off, `route` says where they go and when, `owed` follows what has not arrived, `deliver`
//! sends it. How each channel takes a message is in `channel`.
//!
//! There is no table of outgoing mail: an alert is owed to each channel that its record names until a `delivery`
//! record says what became of it there. So a crash between any two steps loses nothing, and sends at most again.

pub mod channel;
pub mod deliver;
pub mod heartbeat;
pub mod list;
pub mod message;
pub mod owed;
pub mod raise;
pub mod route;
pub mod rules;
