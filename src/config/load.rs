//! Reads the file and checks it as a whole: what passes here can be run.

use super::{Config, ControlConfig};
use crate::catalogue::Catalogue;
use crate::documents::KIND;
use crate::judge::{Test, documented};
use crate::notify::route::Routes;
use crate::schedule::Schedule;
use crate::toml_file::{self, ConfigError, hint_of, without_values};
use evidenced_collectors::contract::{Collector, Kind, is_name};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the daemon's socket in the state directory.
pub(crate) const SOCKET: &str = "daemon.sock";
/// Longest path of a socket, bytes: `sun_path` without the zero at its end.
const SOCKET_BYTES_MAX: usize = 107;

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
    /// Criteria and library of controls: the user's own, or those that are built in.
    pub catalogue: Catalogue,
    /// Which alerts go where, and when.
    pub routes: Routes,
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

/// Reads and checks the file.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let text = toml_file::read(path, "name the file with --config, or copy config/evidenced.example.toml")?;
    parse(path, &text)
}

/// Checks the text of a file at `path`.
pub fn parse(path: &Path, text: &str) -> Result<Loaded, ConfigError> {
    let mut config: Config = toml::from_str(text).map_err(|e| toml_file::form_error(path, text, &e))?;
    config.collectors.values_mut().for_each(|collector| dates_as_text(&mut collector.settings));
    config.controls.values_mut().for_each(|control| dates_as_text(&mut control.policy));
    let base = path.parent().unwrap_or(Path::new(".")).to_owned();
    fill_in(&mut config, &base);
    let at = |message: String, hint: Option<String>| ConfigError { path: path.to_owned(), message, hint };
    check_names(&config).map_err(|(message, hint)| at(message, Some(hint)))?;
    let mut collectors = BTreeMap::new();
    for (name, collector) in &config.collectors {
        let loaded =
            load_collector(collector).map_err(|(message, hint)| at(format!("[collectors.{name}] {message}"), hint))?;
        collectors.insert(name.clone(), loaded);
    }
    let catalogue = Catalogue::load(
        config.catalogue.criteria.as_ref().map(|file| base.join(file)).as_deref(),
        config.catalogue.controls.as_ref().map(|file| base.join(file)).as_deref(),
    )?;
    let mut tests = BTreeMap::new();
    for (id, control) in &config.controls {
        let test = load_test(control, &config, &catalogue, &collectors)
            .map_err(|(message, hint)| at(format!("[controls.{id}] {message}"), hint))?;
        tests.insert(id.clone(), test);
    }
    for (name, anchor) in &config.anchors {
        anchor.check().map_err(|(message, hint)| at(format!("[anchors.{name}] {message}"), hint))?;
    }
    for (name, channel) in &config.channels {
        channel.check().map_err(|(message, hint)| at(format!("[channels.{name}] {message}"), hint))?;
    }
    config.limits.check().map_err(|(message, hint)| at(format!("[limits] {message}"), Some(hint)))?;
    config.retention.check(&config).map_err(|(message, hint)| at(format!("[retention] {message}"), Some(hint)))?;
    let routes = Routes::compile(&config).map_err(|(message, hint)| at(message, Some(hint)))?;
    if let Some(heartbeat) = &config.heartbeat {
        heartbeat.check().map_err(|(message, hint)| at(format!("[heartbeat] {message}"), Some(hint)))?;
    }
    if let Some(scope) = &config.scope {
        scope.check(&config, &catalogue).map_err(|(message, hint)| at(format!("[scope] {message}"), Some(hint)))?;
    }
    let (path, state_dir) = (path.to_owned(), base.join(&config.state_dir));
    let socket_bytes = state_dir.join(SOCKET).as_os_str().len();
    if socket_bytes > SOCKET_BYTES_MAX {
        let message = format!("state_dir: its path is too long by {} bytes", socket_bytes - SOCKET_BYTES_MAX);
        let hint =
            "choose a shorter one, or a link to it: the daemon is asked on a socket there, whose path has a limit";
        return Err(ConfigError { path, message, hint: Some(hint.to_owned()) });
    }
    Ok(Loaded { state_dir, path, base, config, collectors, tests, catalogue, routes })
}

/// TOML has dates, JSON has not: `on = 2026-03-01` becomes what `on = "2026-03-01"` is.
pub(crate) fn dates_as_text(value: &mut serde_json::Value) {
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

/// What follows from elsewhere in the file where it is left out, so that what is on record says it: in which directory
/// a collector's documents are, and which control documents must name.
fn fill_in(config: &mut Config, base: &Path) {
    let here = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    // One directory has one spelling, wherever a command is given.
    let here = here.canonicalize().or_else(|_| std::path::absolute(here)).unwrap_or_else(|_| here.to_owned());
    let documents = here.join(&config.state_dir).join(KIND);
    for (name, collector) in config.collectors.iter_mut().filter(|(_, collector)| collector.kind == KIND) {
        if let Some(settings) = collector.settings.as_object_mut() {
            settings.entry("directory").or_insert_with(|| json!(documents.join(name)));
        }
    }
    for (id, control) in config.controls.iter_mut().filter(|(_, control)| control.test == documented::NAME) {
        if let Some(policy) = control.policy.as_object_mut() {
            policy.entry("control").or_insert_with(|| json!(id));
        }
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
    let names = config.collectors.keys().chain(config.controls.keys()).chain(config.anchors.keys());
    for name in names.chain(config.channels.keys()) {
        if !is_name(name) {
            let hint = "letters, digits, `-`, `_` and `.`, at most 64";
            return Err((format!("`{name}` cannot name a collector, control, anchor or channel"), hint.into()));
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
    config.limits.check().map_err(|(message, hint)| (format!("limits: {message}"), Some(hint)))?;
    let collector = (kind.build)(&config.settings)
        .map_err(|e| (format!("settings: {}", without_values(&e.message)), e.hint.or_else(|| hint_of(&e.message))))?;
    let loaded = LoadedCollector { kind, schedule, collector: collector.into() };
    before_it_is_forgotten(&loaded)?;
    Ok(loaded)
}

fn load_test(
    control: &ControlConfig,
    config: &Config,
    catalogue: &Catalogue,
    collectors: &BTreeMap<String, LoadedCollector>,
) -> Result<Test, Wrong<Option<String>>> {
    if control.owner.trim().is_empty() {
        return Err(("owner is empty".into(), Some("name the person or role that answers for it".into())));
    }
    if control.criteria.is_empty() {
        return Err(("criteria is empty".into(), Some("name at least one, `CC8.1`".into())));
    }
    for id in &control.criteria {
        if let Err(unknown) = catalogue.known_criterion(id) {
            return Err((unknown.message, Some(unknown.hint)));
        }
    }
    if let Some(other) = control.falls_short_of.iter().find(|id| !control.criteria.contains(id)) {
        let hint = format!("one of its criteria: {}", control.criteria.join(", "));
        return Err((format!("falls_short_of names `{other}`, which it is not said to meet"), Some(hint)));
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
    Test::parse(&control.test, &control.policy).map_err(|e| (e.to_string(), hint_of(&e.to_string())))
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
