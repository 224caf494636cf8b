//! argv to exit code: one file per subcommand. stdout is data, stderr is talk.
//!
//! Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 something is not effective, 4 verification failed.

/// A line of data. A closed pipe (`evidenced status | head`) ends the program: its reader has seen enough.
macro_rules! outln {
    () => { crate::cli::out(format_args!("")) };
    ($($line:tt)*) => { crate::cli::out(format_args!($($line)*)) };
}

mod anchor;
mod collect;
mod config;
mod demo;
mod epoch;
mod erase;
mod explain;
mod export;
mod history;
mod init;
mod judge;
mod key;
mod period;
mod run;
mod status;
mod table;
mod tools;
mod verify;
mod waive;
mod waivers;

use crate::config::{ConfigError, Loaded};
use crate::judge::cases::CasesError;
use crate::ledger::record::Body;
use crate::ledger::{Ledger, LedgerError, Reader};
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::path::PathBuf;
use std::process::ExitCode;

/// Collects SOC 2 evidence on schedules, keeps it tamper-evident, flags drift, and exports bundles
/// that an auditor can verify and re-perform offline.
#[derive(Debug, Parser)]
#[command(name = "evidenced", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, short, global = true, env = "EVIDENCED_CONFIG", default_value = "evidenced.toml", value_name = "FILE")]
    config: PathBuf,
    /// Print data as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the ledger and its keys. Done once; nothing else ever makes one.
    Init,
    /// Run the daemon: collect on schedule until told to stop.
    Run,
    /// Collect outside the schedule.
    Collect {
        #[command(subcommand)]
        when: collect::When,
    },
    /// Show what each control is now, and why. Exits 3 when one is not effective.
    Status,
    /// Show what is not effective now, worst first, and what to do about it. Exits 3 when there is something.
    Drift,
    /// Show what a control was over a period: states, drifts, exposure, time to repair.
    History(history::Args),
    /// Show why an item was judged as it was, and where in the sealed exchanges that stands.
    Explain(explain::Args),
    /// Record an approved, expiring acceptance of a deviation, or revoke one.
    Waive(waive::Args),
    /// List waivers: what each covers, until when, and whether it counts.
    Waivers,
    /// Show who else holds the log's checkpoints, or hand them one now.
    Anchor {
        #[command(subcommand)]
        what: anchor::What,
    },
    /// Go on under another name, on record, when the log itself must not go on: after a restored backup.
    Epoch(epoch::Args),

    /// Judge by today's rules: worked cases of a file, or what the ledger held at an earlier time.
    Judge(judge::Args),

    /// Write the bundle of a period for an auditor.
    Export(export::Args),

    /// Delete the files of records by the book: gone for good, and on record. The records and proofs stay.
    Erase(erase::Args),
    /// Check a bundle. Needs nothing but the file. Exits 4 when it is refused.
    Verify(verify::Args),
    /// Look at the keys that sign, and change them.
    Key {
        #[command(subcommand)]
        what: key::What,
    },
    /// Write the scripts and pages that check bundles without this program, for auditors.
    Tools(tools::Args),
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        what: config::What,
    },
    /// Show everything on a sample company with a simulated clock.
    Demo(demo::Args),
}

/// What a command ends as.
pub(crate) enum Exit {
    /// 0
    Ok,
    /// 1: said on stderr already.
    Failed,
    /// 3
    NotEffective,
    /// 4
    Refused,
}

/// Parses the arguments, runs the command, prints the error if there is one.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    logging(matches!(cli.command, Command::Run));
    match dispatch(&cli).await {
        Ok(Exit::Ok) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(1),
        Ok(Exit::NotEffective) => ExitCode::from(3),
        Ok(Exit::Refused) => ExitCode::from(4),
        // Whoever read our output has seen enough: `evidenced … | head`.
        Err(error) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evidenced: {}", chain(&error));
            let usage = error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<CasesError>());
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

async fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    match &cli.command {
        Command::Init => init::init(&load(cli)?),
        Command::Run => run::run(load(cli)?).await,
        Command::Collect { when } => collect::collect(load(cli)?, when, cli.json).await,
        Command::Status => status::status(&load(cli)?, cli.json),
        Command::Drift => history::drift(&load(cli)?, cli.json),
        Command::History(args) => history::history(&load(cli)?, args, cli.json),
        Command::Explain(args) => explain::explain(|| Ok(load(cli)?.state_dir), args, cli.json),
        Command::Waive(args) => waive::waive(load(cli)?, args, cli.json).await,
        Command::Waivers => waivers::waivers(&load(cli)?, cli.json),
        Command::Anchor { what } => anchor::anchor(load(cli)?, what, cli.json).await,
        Command::Epoch(args) => epoch::epoch(load(cli)?, args, cli.json).await,
        Command::Judge(args) => judge::judge(&cli.config, args, cli.json),
        Command::Export(args) => export::export(load(cli)?, args, cli.json).await,
        Command::Erase(args) => erase::erase(load(cli)?, args, cli.json).await,
        Command::Verify(args) => verify::verify(args, cli.json).await,
        Command::Key { what } => key::key(load(cli)?, what, cli.json).await,
        Command::Tools(args) => tools::tools(args),
        Command::Config { what } => config::config(&cli.config, what, cli.json),
        Command::Demo(args) => demo::demo(args).await,
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<serde_json::Error>() {
        Some(json) => json.io_error_kind(),
        None => cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind),
    };
    error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

fn load(cli: &Cli) -> Result<Loaded, ConfigError> {
    crate::config::load(&cli.config)
}

/// An error with its causes on one line each, hints last as their authors wrote them. A cause whose
/// text the line above already holds is not repeated.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let line = cause.to_string();
        if text.is_empty() {
            text = line;
        } else if !text.contains(&line) {
            text = format!("{text}\n  because: {line}");
        }
    }
    text
}

/// Readable lines on a terminal, JSON otherwise. The daemon tells of every run, commands only of trouble;
/// `RUST_LOG` decides otherwise.
fn logging(daemon: bool) {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        let level = if daemon { "warn,evidenced=info,evidenced_collectors=info" } else { "error" };
        tracing_subscriber::EnvFilter::new(level)
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none();
    let result = if terminal { builder.with_ansi(colour).try_init() } else { builder.json().try_init() };
    // A second subscriber can only be a caller's own, which then is the one that was wanted.
    drop(result);
}

/// What time it is in a sample, whose clock is simulated: its newest record says.
fn sample_now(reader: &Reader) -> Result<DateTime<Utc>, LedgerError> {
    Ok(reader.record(reader.size()?.saturating_sub(1))?.at)
}

/// What time it is for what is shown of a ledger.
fn now(reader: &Reader) -> Result<DateTime<Utc>, LedgerError> {
    if is_sample(reader)? { sample_now(reader) } else { Ok(SystemClock.now()) }
}

/// An instant in tables.
fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}

/// Whether the ledger is a sample's.
fn is_sample(reader: &Reader) -> Result<bool, LedgerError> {
    Ok(matches!(reader.record(0)?.body, Body::Epoch { sample: true, .. }))
}

/// A sample must not go on by the real clock: its servers are gone, and its evidence would seem to have a hole.
fn refuse_sample(ledger: &Ledger) -> anyhow::Result<()> {
    if is_sample(&ledger.reader()?)? {
        anyhow::bail!(
            "this ledger is a sample whose clock is simulated: nothing can be collected\n\
             hint: `evidenced init` makes a real one, for a configuration like config/evidenced.example.toml"
        );
    }
    Ok(())
}

/// See `outln`.
fn out(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        let closed = error.kind() == std::io::ErrorKind::BrokenPipe;
        if !closed {
            eprintln!("evidenced: the output cannot be written: {error}");
        }
        std::process::exit(if closed { 0 } else { 1 });
    }
}

/// Prints a value as JSON on stdout.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}
