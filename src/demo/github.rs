//! The sample GitHub: a server on the loopback address that tells a history given up front, in the wire
//! forms of the endpoints that `github_changes` and `github_alerts` ask, as far as it has happened by the clock's time.
//!
//! `spec` is what pull requests are told to do, `history` what happens, `life` what happens to whole
//! repositories, `alerts` what is found vulnerable in them, `tree` what files a commit has, `wire` how GitHub tells it, `document` and `execute`
//! answer GraphQL, `rights` says no, `server` is HTTP. All names in it are examples.

mod alerts;
mod document;
mod execute;
mod history;
mod life;
mod rights;
mod server;
mod spec;
mod tree;
mod wire;

pub use alerts::AlertSpec;
pub use history::GithubHistory;
pub use rights::Grants;
pub use server::GithubServer;
pub use spec::{Edit, Method, PullRequestSpec, Rebase, ReviewSpec};
