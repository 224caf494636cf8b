//! Reads the file and checks it as a whole: what passes here can be run.

use super::{Config, ControlConfig};
use crate::judge::Test;
use crate::schedule::Schedule;
use evidenced_collectors::contract::{Collector, Kind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A configuration that was checked, with what was built from it.
pub struct Loaded {
    /// As written, with the defaults filled in.
    pub config: Config,
    /// The file.
    pub path: PathBuf,
    /// Directory that paths in the file are relative to.
    pub base: PathBuf,
    /// Where the ledger is.
    pub state_dir: PathBuf,
    /// Collectors by name.
    pub collectors: BTreeMap<String, LoadedCollector>,
    /// The test of each control.
    pub tests: BTreeMap<String, Test>,
}

/// One collector, ready to run.
pub struct LoadedCollector {
    /// Its kind.
    pub kind: &'static Kind,
    /// When it is due.
    pub schedule: Schedule,
    /// What collects.
    pub collector: Arc<dyn Collector>,
}

/// A configuration that cannot be used. Nothing of it is.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}{}", .path.display(), .hint.as_ref().map(|h| format!("\nhint: {h}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with the key or the line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Largest configuration file, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads and checks the file.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let fail =
        |message: String, hint: &str| ConfigError { path: path.to_owned(), message, hint: Some(hint.to_owned()) };
    let size = std::fs::metadata(path)
        .map_err(|e| {
            fail(format!("cannot be read: {e}"), "name the file with --config, or copy config/evidenced.example.toml")
        })?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(fail(format!("has {size} bytes, more than {FILE_BYTES_MAX}"), "is it the right file?"));
    }
    let text =
        std::fs::read_to_string(path).map_err(|e| fail(format!("cannot be read: {e}"), "it must be UTF-8 text"))?;
    parse(path, &text)
}

/// Checks the text of a file at `path`.
pub fn parse(path: &Path, text: &str) -> Result<Loaded, ConfigError> {
    let mut config: Config = toml::from_str(text).map_err(|e| {
        let message = format!("{}{}", place(text, e.span()), without_values(e.message()));
        ConfigError { path: path.to_owned(), hint: nearest(e.message()), message }
    })?;
    config.collectors.values_mut().for_each(|collector| dates_as_text(&mut collector.settings));
    config.controls.values_mut().for_each(|control| dates_as_text(&mut control.policy));
    let at = |message: String, hint: Option<String>| ConfigError { path: path.to_owned(), message, hint };
    check_names(&config).map_err(|(message, hint)| at(message, Some(hint)))?;
    let mut collectors = BTreeMap::new();
    for (name, collector) in &config.collectors {
        let loaded =
            load_collector(collector).map_err(|(message, hint)| at(format!("[collectors.{name}] {message}"), hint))?;
        collectors.insert(name.clone(), loaded);
    }
    let mut tests = BTreeMap::new();
    for (id, control) in &config.controls {
        let test = load_test(control, &config, &collectors)
            .map_err(|(message, hint)| at(format!("[controls.{id}] {message}"), hint))?;
        tests.insert(id.clone(), test);
    }
    for (name, anchor) in &config.anchors {
        anchor.check().map_err(|(message, hint)| at(format!("[anchors.{name}] {message}"), hint))?;
    }
    let base = path.parent().unwrap_or(Path::new(".")).to_owned();
    Ok(Loaded { state_dir: base.join(&config.state_dir), path: path.to_owned(), base, config, collectors, tests })
}

/// TOML has dates, JSON has not: `on = 2026-03-01` becomes what `on = "2026-03-01"` is.
fn dates_as_text(value: &mut serde_json::Value) {
    // How the library hands a date to a type that has none.
    const DATE: &str = "$__toml_private_datetime";
    match value {
        serde_json::Value::Object(table) if table.len() == 1 && table.contains_key(DATE) => {
            *value = table.remove(DATE).unwrap_or_default();
        }
        serde_json::Value::Object(table) => table.values_mut().for_each(dates_as_text),
        serde_json::Value::Array(list) => list.iter_mut().for_each(dates_as_text),
        _ => {}
    }
}

/// Line and column. Never the line itself: somebody may have written a secret there.
fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let Some(before) = span.and_then(|span| text.get(..span.start)) else { return String::new() };
    let (line, rest) = (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default());
    format!("line {line}, column {}: ", rest.chars().count() + 1)
}

/// serde's message without the value that was written: `string "…"` becomes `a string`.
fn without_values(message: &str) -> String {
    if let Some((before, rest)) = message.split_once("unknown variant `") {
        let after =
            rest.rsplit_once("`, expected ").map(|(_, after)| format!(", expected {after}")).unwrap_or_default();
        return format!("{before}an unknown value{after}");
    }
    match message.split_once("string \"") {
        Some((before, rest)) => match rest.rsplit_once('"') {
            Some((_, after)) => format!("{before}a string{after}"),
            None => format!("{before}a string"),
        },
        None => message.to_owned(),
    }
}

/// What is wrong, and what to write instead.
type Wrong<H> = (String, H);

/// Names stand in records, file names and bundles.
fn check_names(config: &Config) -> Result<(), Wrong<String>> {
    if config.organization.trim().is_empty() {
        return Err(("organization is empty".into(), "write the name that shall stand in bundles".into()));
    }
    let origin_ok = !config.origin.is_empty()
        && config.origin.len() <= 200
        && config.origin.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
    if !origin_ok {
        let hint = "a host name of yours and a path, without spaces or `+`: acme.example/soc2";
        return Err((format!("origin `{}` cannot name a log", config.origin), hint.into()));
    }
    for name in config.collectors.keys().chain(config.controls.keys()).chain(config.anchors.keys()) {
        let ok = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            && !name.starts_with('.');
        if !ok {
            let hint = "letters, digits, `-`, `_` and `.`, at most 64";
            return Err((format!("`{name}` cannot name a collector, control or anchor"), hint.into()));
        }
    }
    Ok(())
}

fn load_collector(config: &super::CollectorConfig) -> Result<LoadedCollector, Wrong<Option<String>>> {
    let kind = evidenced_collectors::kind(&config.kind).ok_or_else(|| {
        let known: Vec<_> = evidenced_collectors::KINDS.iter().map(|kind| kind.name).collect();
        (format!("kind `{}` is not known", config.kind), Some(format!("known kinds: {}", known.join(", "))))
    })?;
    let schedule = Schedule::parse(&config.schedule, &config.timezone)
        .map_err(|e| (e.to_string(), Some("five fields, `0 */6 * * *`, and a name such as `Europe/Berlin`".into())))?;
    let collector = (kind.build)(&config.settings)
        .map_err(|e| (format!("settings: {}", without_values(&e.message)), e.hint.or_else(|| nearest(&e.message))))?;
    let loaded = LoadedCollector { kind, schedule, collector: collector.into() };
    before_it_is_forgotten(&loaded)?;
    Ok(loaded)
}

fn load_test(
    control: &ControlConfig,
    config: &Config,
    collectors: &BTreeMap<String, LoadedCollector>,
) -> Result<Test, Wrong<Option<String>>> {
    if control.owner.trim().is_empty() {
        return Err(("owner is empty".into(), Some("name the person or role that answers for it".into())));
    }
    if control.criteria.is_empty() {
        return Err(("criteria is empty".into(), Some("name at least one, `CC8.1`".into())));
    }
    if control.collectors.is_empty() {
        return Err(("collectors is empty".into(), Some("name the collectors that feed it".into())));
    }
    for name in &control.collectors {
        if !config.collectors.contains_key(name) {
            let known: Vec<_> = config.collectors.keys().cloned().collect();
            return Err((
                format!("collector `{name}` is not configured"),
                Some(format!("configured: {}", known.join(", "))),
            ));
        }
    }
    often_enough(control, collectors)?;
    Test::parse(&control.test, &control.policy).map_err(|e| (e.to_string(), nearest(&e.to_string())))
}

/// A control whose collectors are slower than it would be stale between any two readings, and never notice.
fn often_enough(
    control: &ControlConfig,
    collectors: &BTreeMap<String, LoadedCollector>,
) -> Result<(), Wrong<Option<String>>> {
    let Some(frequency) = control.frequency else {
        return match control.stale_after {
            Some(_) => Ok(()),
            None => Err((
                "neither frequency nor stale_after is set".into(),
                Some("say how often it operates: frequency = \"daily\"".into()),
            )),
        };
    };
    let limit = frequency.stale_after();
    for (name, collector) in collectors.iter().filter(|(name, _)| control.collectors.contains(name)) {
        let longest = collector.schedule.longest_interval();
        if longest >= limit.delta() {
            let message = format!(
                "frequency {} needs a reading sooner than every {limit}, and collector `{name}` has up to {} h between two",
                frequency.word(),
                longest.num_hours()
            );
            return Err((message, Some(format!("let {name} collect more often, or say a lower frequency"))));
        }
    }
    Ok(())
}

/// A source that forgets between two runs is not read whole, however punctual they are.
fn before_it_is_forgotten(loaded: &LoadedCollector) -> Result<(), Wrong<Option<String>>> {
    let Some(memory) = loaded.collector.remembers().into_iter().min_by_key(|memory| memory.days) else {
        return Ok(());
    };
    let days = loaded.schedule.longest_interval().num_days();
    if days >= i64::from(memory.days) {
        let message =
            format!("schedule: up to {days} days between two runs; {} last {} days", memory.what, memory.days);
        return Err((message, Some("collect at least weekly".into())));
    }
    Ok(())
}

/// From serde's "unknown field `x`, expected one of `a`, `b`": the one that was meant.
fn nearest(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    rest.split('`')
        .skip(1)
        .step_by(2)
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, known)| format!("did you mean `{known}`?"))
}
