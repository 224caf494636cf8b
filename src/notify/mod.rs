//! Tells people what changed.
//!
//! `rules` say which alerts follow and what they say, `raise` puts them into the ledger beside what set them off,
//! `route` says where they go and when, `owed` follows what has not arrived, `deliver` sends it, `list` shows it.
//! `message` is what an alert says, `page` that in words, `fit` what of it goes into one message of a service,
//! `channel` has a file for each way, `refusal` says why one did not take it. `heartbeat` tells somebody else that
//! we are alive, `vitals` decides when.
//!
//! There is no table of outgoing mail: an alert is owed to each channel that its record names until a `delivery`
//! record says what became of it there. So a crash between any two steps loses nothing, and sends at most again.

pub mod channel;
pub mod deliver;
mod fit;
pub mod heartbeat;
pub mod list;
pub mod message;
pub mod owed;
mod page;
mod plain;
pub mod raise;
mod refusal;
pub mod route;
pub mod rules;
pub mod trying;
pub mod vitals;

pub use channel::Channel;
pub use heartbeat::heartbeat;
pub use refusal::{Again, PASSING, Refusal};
