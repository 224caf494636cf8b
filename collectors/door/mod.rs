//! The only way from a collector to the outside.
//!
//! A live door sends requests and keeps a copy of every exchange, bytes as received. A replay door
//! answers from such copies and touches nothing. A collector cannot tell which of the two it has.
//!
//! Here: the two doors and what they share. `exchange` is the record's form, `live` the network and
//! the file system, `replay` the answers from records, `limits` what an outside may cost us,
//! `strike` the removal of secrets, `github` and `aws` the plugs for octocrab and the AWS SDK.

mod aws;
mod exchange;
mod github;
mod limits;
mod live;
mod replay;
mod strike;

pub use aws::AwsAccount;
pub use exchange::{Exchange, ExchangeHead, Failure, RecordedRequest, RecordedResponse, RequestBody};
pub use github::GithubCredentials;
pub use limits::Limits;
pub use strike::Strike;
