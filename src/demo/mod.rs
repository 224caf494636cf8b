//! A labelled sample company with a simulated clock: loopback servers that speak GitHub's and AWS's
//! wire forms, and a folder of restore logs. The real collectors run against it; so do the tests.

pub mod aws;
pub mod github;
pub mod play;
pub mod registers;
pub mod restores;
pub mod story;
