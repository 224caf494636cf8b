//! The sample GitHub: a server on the loopback address that tells a history given up front, in the wire
//! forms of the endpoints that `github_changes` asks, as far as it has happened by the clock's time.
//!
//! `history` is what happens, `life` what happens to whole repositories, `wire` how GitHub tells it, `document` and `execute` answer GraphQL,
//! `server` is HTTP. All names in it are examples.

mod document;
mod execute;
mod history;
mod life;
mod server;
mod wire;

pub use history::{GithubHistory, Method, PullRequestSpec, ReviewSpec};
pub use server::GithubServer;
