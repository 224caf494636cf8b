//! argv to exit code: one file per subcommand. stdout is data, stderr is talk.
//!
//! Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 something is not effective, late or gone, a due run not accounted
//! for, or what a bundle says not made again, 4 a bundle is refused or a ledger is not whole.

/// A line of data. A closed pipe (`evidenced status | head`) ends the program: its reader has seen enough.
macro_rules! outln {
    () => { crate::cli::out(format_args!("")) };
    ($($line:tt)*) => { crate::cli::out(format_args!($($line)*)) };
}

mod alerts;
mod anchor;
mod apply;
mod audit;
mod backup;
mod calendar;
mod cause;
mod collect;
mod compact;
mod config;
mod demo;
mod doctor;
mod epoch;
mod erase;
mod evidence;
mod explain;
mod export;
mod gaps;
mod health;
mod history;
mod init;
mod judge;
mod key;
mod map;
mod matrix;
mod mcp;
mod period;
mod permissions;
mod readiness;
mod remediation;
mod run;
mod sample;
mod scope;
mod search;
mod sign_off;
mod status;
mod table;
mod tools;
mod tracker;
mod verify;
mod waive;
mod waivers;
mod words;

use crate::anchor::{AnchorError, Anchors};
use crate::bundle::BundleError;
use crate::catalogue::{Catalogue, Unknown};
use crate::compact::CompactError;
use crate::config::{Config, ConfigError, Loaded, Span};
use crate::daemon::alive;
use crate::judge::cases::CasesError;
use crate::ledger::{Ledger, LedgerError, Reader};
use crate::readiness::packs::PackError;
use crate::readiness::{Cycle, GatherError};
use crate::run::RunError;
use crate::samples::TableError;
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long a daemon may take to say that it is there.
const DAEMON_ANSWERS: Duration = Duration::from_secs(5);

/// The configuration, if none is named.
const CONFIG_FILE: &str = "evidenced.toml";

/// Collects SOC 2 evidence on schedules, keeps it tamper-evident, flags drift, and exports bundles
/// that an auditor can verify and re-perform offline.
#[derive(Debug, Parser)]
#[command(name = "evidenced", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, short, global = true, env = "EVIDENCED_CONFIG", default_value = CONFIG_FILE, value_name = "FILE")]
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
    /// Add documents as evidence, and list those that are sealed.
    Evidence {
        #[command(subcommand)]
        what: evidence::What,
    },
    /// Show what each control is now, and why. Exits 3 when one is not effective.
    Status(status::Args),
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
    /// Draw items for an auditor from what a control was judged over, so that anybody can draw them again.
    Sample(sample::Args),
    /// Record why a control drifted and what was done about it; or show which drifts lack that. Exits 3 when one is
    /// late.
    Cause(cause::Args),
    /// Sign for what a control came to in a quarter; or show who has signed what. Exits 3 when something is late.
    SignOff(sign_off::Args),
    /// Show who else holds the log's checkpoints, or hand them one now.
    Anchor {
        #[command(subcommand)]
        what: anchor::What,
    },
    /// Show what somebody was told and what has not arrived, send it, or try a channel.
    Alerts(alerts::Args),
    /// Go on under another name, on record, when the log itself must not go on: after a restored backup.
    Epoch(epoch::Args),

    /// Judge by today's rules: worked cases of a file, or what the ledger held at an earlier time.
    Judge(judge::Args),

    /// Write the bundle of a period for an auditor.
    Export(export::Args),

    /// Delete the files of records by the book: gone for good, and on record. The records and proofs stay.
    Erase(erase::Args),
    /// Erase the files of evidence that is older than retention, on record, and give the space back.
    Compact(compact::Args),
    /// Copy the ledger, while it is written, and check the copy.
    Backup(backup::Backup),
    /// Make the ledger of a copy, in a state directory that has none, once the copy is checked.
    Restore(backup::Restore),
    /// Check a bundle. Needs nothing but the file. Exits 4 when it is refused, 3 when what became of a due run is
    /// nowhere in it.
    Verify(verify::Args),
    /// Look at the keys that sign, and change them.
    Key {
        #[command(subcommand)]
        what: key::What,
    },
    /// Write the scripts and pages that check bundles without this program, for auditors.
    Tools(tools::Args),
    /// Show what is related to a criterion, a control, or a control of NIST SP 800-53 or ISO/IEC 27001.
    Map(map::Args),
    /// Look for words in criteria and controls.
    Search(search::Args),
    /// Print the control matrix: which control meets which criterion, and which are configured.
    Matrix(matrix::Args),
    /// Show what evidence there is of each control, fresh or not, and `evidence_readiness`. Exits 4 when the ledger
    /// is not whole.
    Tracker(tracker::Args),
    /// Show what is missing for a report, by type, and `criteria_coverage`. Exits 4 when the ledger is not whole.
    Gaps(gaps::Args),
    /// Answer an assistant's questions, read only: the Model Context Protocol on standard input and output.
    Mcp,
    /// Look for what is wrong here: ledger, file system, keys, and what each collector may read. Exits 1 when something
    /// must be mended.
    Doctor(doctor::Args),
    /// Print what to grant, in the form of who grants it: a policy for AWS, a manifest for a GitHub App. Always JSON.
    Permissions(permissions::Args),
    /// Ask the daemon whether it goes on, and look whether every due run is answered. Exits 1 when not.
    Health(health::Args),
    /// Print a shell's completions.
    Completions(words::Completions),
    /// Write the manual pages.
    Man(words::Man),
    /// Show how ready the scope is: score, rating, and what keeps them down. Exits 4 when the ledger is not whole.
    Readiness(readiness::Args),
    /// Show what to do about each gap: by whom, in which order, by when. Exits 4 when the ledger is not whole.
    Remediation(remediation::Args),
    /// Show what the examination is of, and what to be warned of; or make a [scope] from a few answers.
    Scope(scope::Args),
    /// Look at the configuration, and bring another into force.
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
            ExitCode::from(if error.chain().any(is_usage) { 2 } else { 1 })
        }
    }
}

async fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    match &cli.command {
        Command::Init => init::init(&load(cli)?, cli.json),
        Command::Run => run::run(load(cli)?).await,
        Command::Collect { when } => collect::collect(load(cli)?, when, cli.json).await,
        Command::Evidence { what } => evidence::evidence(load(cli)?, what, cli.json).await,
        Command::Status(args) => status::status(&load(cli)?, args, cli.json),
        Command::Drift => history::drift(&load(cli)?, cli.json),
        Command::History(args) => history::history(&load(cli)?, args, cli.json),
        Command::Explain(args) => explain::explain(|| load(cli), args, cli.json),
        Command::Waive(args) => waive::waive(load(cli)?, args, cli.json).await,
        Command::Waivers => waivers::waivers(&load(cli)?, cli.json),
        Command::Sample(args) => sample::sample(load(cli)?, args, cli.json).await,
        Command::Cause(args) => cause::cause(load(cli)?, args, cli.json).await,
        Command::SignOff(args) => sign_off::sign_off(load(cli)?, args, cli.json).await,
        Command::Anchor { what } => anchor::anchor(load(cli)?, what, cli.json).await,
        Command::Alerts(args) => alerts::alerts(load(cli)?, args, cli.json).await,
        Command::Epoch(args) => epoch::epoch(load(cli)?, args, cli.json).await,
        Command::Judge(args) => judge::judge(&cli.config, args, cli.json),
        Command::Export(args) => export::export(load(cli)?, args, cli.json).await,
        Command::Erase(args) => erase::erase(load(cli)?, args, cli.json).await,
        Command::Compact(args) => compact::compact(load(cli)?, args, cli.json).await,
        Command::Backup(args) => backup::backup(&load(cli)?, args, cli.json),
        Command::Restore(args) => backup::restore(&load(cli)?, args, cli.json),
        Command::Verify(args) => verify::verify(args, cli.json).await,
        Command::Key { what } => key::key(load(cli)?, what, cli.json).await,
        Command::Tools(args) => tools::tools(args, cli.json),
        Command::Map(args) => map::map(&catalogue(cli)?, args, cli.json),
        Command::Search(args) => search::search(&catalogue(cli)?, args, cli.json),
        Command::Matrix(args) => matrix::matrix(&catalogue(cli)?, args, cli.json),
        Command::Mcp => mcp::mcp(cli).await,
        Command::Doctor(args) => doctor::doctor(&load(cli)?, args, cli.json).await,
        Command::Permissions(args) => permissions::permissions(|| load(cli), args),
        Command::Health(args) => health::health(&load(cli)?, args, cli.json).await,
        Command::Completions(args) => Ok(words::completions(args)),
        Command::Man(args) => words::man(args),
        Command::Tracker(args) => tracker::tracker(|| load(cli), args, cli.json),
        Command::Gaps(args) => gaps::gaps(|| load(cli), args, cli.json),
        Command::Readiness(args) => readiness::readiness(&load(cli)?, args, cli.json),
        Command::Remediation(args) => remediation::remediation(&load(cli)?, args, cli.json),
        Command::Scope(args) => scope::scope(|| load(cli), args, cli.json),
        Command::Config { what } => config::config(&cli.config, what, cli.json).await,
        Command::Demo(args) => demo::demo(args).await,
    }
}

/// An argument that is wrong, found out by a command. Nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Whether what was given is wrong, and not what was done with it.
fn is_usage(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<ConfigError>()
        || cause.is::<CasesError>()
        || cause.is::<Unknown>()
        || cause.is::<Usage>()
        || cause.is::<TableError>()
        || cause.is::<PackError>()
        || cause.is::<Cycle>()
        || matches!(cause.downcast_ref(), Some(RunError::Unknown { .. } | RunError::UnknownControl { .. }))
        || matches!(cause.downcast_ref(), Some(AnchorError::Unknown { .. }))
        || matches!(cause.downcast_ref(), Some(BundleError::UnknownControl { .. }))
        || matches!(cause.downcast_ref(), Some(GatherError::NoPeriod))
        || matches!(cause.downcast_ref(), Some(CompactError::ForEver | CompactError::TooYoung { .. }))
}

/// A length of time in an argument.
fn span(text: &str) -> Result<Span, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|e| e.to_string())
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

/// The catalogue, and the configuration that names it if there is one.
struct Known {
    catalogue: Catalogue,
    config: Option<Config>,
}

/// What is configured. Without a configuration, where none is named, what is built in: looking up needs none.
fn catalogue(cli: &Cli) -> Result<Known, ConfigError> {
    known(&cli.config)
}

fn known(config: &Path) -> Result<Known, ConfigError> {
    if config == Path::new(CONFIG_FILE) && !config.exists() {
        eprintln!("there is no {CONFIG_FILE} here: this is the built-in catalogue, and nothing is configured");
        return Ok(Known { catalogue: Catalogue::built_in()?, config: None });
    }
    let loaded = crate::config::load(config)?;
    Ok(Known { catalogue: loaded.catalogue, config: Some(loaded.config) })
}

/// A whole file, `-` for standard input; or one byte more than it may have.
fn read(file: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let from: Box<dyn Read> =
        if file == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(std::fs::File::open(file)?) };
    let mut bytes = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
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
/// `RUST_LOG` decides otherwise, but never lets other people's libraries trace: they show whole requests, with what
/// signs them.
fn logging(daemon: bool) {
    use std::io::IsTerminal;
    use tracing_subscriber::filter::{FilterExt, filter_fn};
    use tracing_subscriber::layer::{Layer, SubscriberExt};
    use tracing_subscriber::{Registry, util::SubscriberInitExt};
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        let level = if daemon { "warn,evidenced=info,evidenced_collectors=info" } else { "error" };
        tracing_subscriber::EnvFilter::new(level)
    });
    let ours = filter_fn(|said| said.target().starts_with("evidenced") || *said.level() <= tracing::Level::INFO);
    let filter = FilterExt::<Registry>::and(filter, ours);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none();
    let layer: Box<dyn Layer<Registry> + Send + Sync> =
        if terminal { layer.with_ansi(colour).boxed() } else { layer.json().boxed() };
    let result = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
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

/// The clock of what a command records: of a sample, it is as late as its newest record.
fn clock(reader: &Reader) -> Result<Arc<dyn Clock>, LedgerError> {
    Ok(match is_sample(reader)? {
        true => Arc::new(ManualClock::at(sample_now(reader)?)),
        false => Arc::new(SystemClock),
    })
}

/// Refuses a control that is not configured.
fn configured(loaded: &Loaded, control: &str) -> anyhow::Result<()> {
    let controls = &loaded.config.controls;
    if !controls.contains_key(control) {
        let known: Vec<_> = controls.keys().cloned().collect();
        anyhow::bail!(Usage(format!("control `{control}` is not configured\nhint: configured: {}", known.join(", "))));
    }
    Ok(())
}

/// Refuses words that somebody was to give and did not, or too many of them.
fn said(what: &str, text: &str, most: usize) -> anyhow::Result<()> {
    if text.trim().is_empty() {
        anyhow::bail!(Usage(format!("{what} is empty\nhint: without it nobody is convinced")));
    }
    if text.len() > most {
        anyhow::bail!(Usage(format!("{what} has {} bytes, more than {most}\nhint: say it shorter", text.len())));
    }
    Ok(())
}

/// Refuses a path at which there is nothing to read: it was named wrongly.
fn named(path: &Path, hint: &str) -> anyhow::Result<()> {
    let name = path.display();
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => anyhow::bail!(Usage(format!("{name} is no file but a directory\nhint: {hint}"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow::bail!(Usage(format!("{name} cannot be read: {error}\nhint: {hint}")))
        }
        _ => Ok(()),
    }
}

/// An instant in tables.
fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}

/// Whether the ledger is a sample's.
fn is_sample(reader: &Reader) -> Result<bool, LedgerError> {
    reader.is_sample()
}

/// Opens the ledger for appending. An old copy of it must not go on, so where no daemon answers, which has asked them,
/// the anchors are asked first.
async fn appending(loaded: Loaded) -> anyhow::Result<(Arc<Loaded>, Ledger)> {
    let ledger = Ledger::open_with(&loaded.state_dir, &loaded.config.keys)?;
    let loaded = Arc::new(loaded);
    if !loaded.config.anchors.is_empty() && alive(&loaded.state_dir, DAEMON_ANSWERS).await.is_err() {
        let clock = clock(&ledger.reader()?)?;
        let anchors = Arc::new(Anchors::over(ledger.clone(), loaded.clone(), clock));
        anchors.compare_all().await?;
        for name in anchors.away() {
            eprintln!(
                "warning: anchor {name} did not answer: it is not known of it whether this is an old copy of the ledger"
            );
        }
    }
    Ok((loaded, ledger))
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

/// The word that a value has in JSON.
fn word(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_value(value)?.as_str().unwrap_or_default().to_owned())
}

/// Prints a text that is TOML, or what it says as JSON.
fn print_toml(text: &str, json: bool) -> anyhow::Result<()> {
    if json {
        let mut value: serde_json::Value = toml::from_str(text)?;
        crate::config::dates_as_text(&mut value);
        return print_json(&value);
    }
    outln!("{}", text.trim_end());
    Ok(())
}

/// Prints a value as JSON on stdout.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}
