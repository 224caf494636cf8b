//! argv to exit code; everything else is in the library.

use std::process::ExitCode;
use std::time::Duration;

/// How long what nobody waits for any more may take to end.
const ENDING: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    // A service of few tasks: not a thread for each processor of a large machine, which the unit would not allow.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("evidenced: no threads can be started: {error}\nhint: see `ulimit -u` and the unit's TasksMax");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(evidenced::cli::main());
    // Not without end: a read may hang in a network file system whose server is gone.
    runtime.shutdown_timeout(ENDING);
    code
}
