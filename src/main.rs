//! argv to exit code; everything else is in the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    evidenced::cli::main().await
}
