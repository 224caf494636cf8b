//! Tells people what changed. `message` is what an alert says, `page` that in words, `fit` what of it goes into
//! one message of a service, `channel` has a file for each way, `refusal` says why one did not take it,
//! `heartbeat` tells somebody else that we are alive. When and whom to tell is not decided here.

pub mod channel;
mod fit;
pub mod heartbeat;
pub mod message;
mod page;
mod plain;
mod refusal;

pub use channel::Channel;
pub use heartbeat::heartbeat;
pub use refusal::{Again, Refusal};
