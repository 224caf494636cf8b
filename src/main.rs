//! argv to exit code; everything else is in the library.

use std::process::ExitCode;

// A service of few tasks: not a thread for each processor of a large machine, which the unit would not allow.
#[tokio::main(worker_threads = 4)]
async fn main() -> ExitCode {
    evidenced::cli::main().await
}
