//! `evidenced config`: check a configuration, and print what one can be made of; `apply` has the two that look at
//! the ledger.

use super::{Exit, apply, print_json, print_toml, span};
use crate::catalogue;
use crate::config::{Config, Span};
use crate::doctor::Finding;
use crate::judge::Test;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::Path;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Check the file as a whole and print what was understood, defaults filled in.
    Check,
    /// Show what the file would change of the configuration in force.
    Diff,
    /// Bring the file into force: the running daemon takes it whole or not at all. Exits 2 when it is refused.
    Apply {
        /// How long to wait for the daemon's answer.
        #[arg(long, value_parser = span, default_value = "30s")]
        within: Span,
    },
    /// Print the JSON schema of the file, for editors.
    Schema,
    /// Print the built-in criteria, to copy and edit.
    Criteria,
    /// Print the built-in library of controls, to copy and edit.
    Controls,
}

pub(super) async fn config(path: &Path, what: &What, json: bool) -> anyhow::Result<Exit> {
    match what {
        What::Check => {
            let loaded = crate::config::load(path)?;
            let mut config = loaded.config;
            for (id, test) in &loaded.tests {
                if let Some(control) = config.controls.get_mut(id) {
                    control.policy = test.policy_json();
                    control.stale_after = Some(control.stale_after());
                }
            }
            if json {
                print_json(&config)?;
            } else {
                outln!("{}", toml::to_string(&without_nulls(serde_json::to_value(&config)?))?);
                for Finding { found, fix, .. } in crate::doctor::configured(&config) {
                    eprintln!("warning: {found}\nhint: {}", fix.unwrap_or_default());
                }
                eprintln!("{} is good; the ledger is to be in {}", path.display(), loaded.state_dir.display());
            }
        }
        What::Diff => return apply::diff(path, json),
        What::Apply { within } => return apply::apply(path, within.duration(), json).await,
        What::Schema => print_json(&schema())?,
        What::Criteria => print_toml(catalogue::CRITERIA, json)?,
        What::Controls => print_toml(catalogue::CONTROLS, json)?,
    }
    Ok(Exit::Ok)
}

/// TOML has no null: what is not set is left out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// The schema of the file: of `settings` it has those of the kind that is named beside them, of `policy` the one of the
/// test.
fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Config);
    if let Some(defs) = schema.ensure_object().get_mut("$defs").and_then(Value::as_object_mut) {
        let kinds = evidenced_collectors::KINDS.iter().map(|kind| (kind.name, (kind.settings_schema)()));
        choose(defs, "CollectorConfig", ("kind", "settings"), kinds);
        let policies = Test::NAMES.iter().filter_map(|name| Some((*name, Test::policy_schema(name)?)));
        choose(defs, "ControlConfig", ("test", "policy"), policies);
    }
    schema
}

/// Says of a table that what stands under `key` is by the schema of the name that stands under `word`. Each such schema
/// has an id, for what it refers to is inside of it.
fn choose(
    defs: &mut Map<String, Value>,
    table: &str,
    (word, key): (&str, &str),
    schemas: impl Iterator<Item = (&'static str, schemars::Schema)>,
) {
    let mut choices = Vec::new();
    for (name, mut schema) in schemas {
        let id = format!("urn:evidenced:{key}:{name}");
        schema.insert("$id".to_owned(), json!(id));
        let (named, then) = (json!({ word: { "const": name } }), json!({ key: { "$ref": id } }));
        choices.push(json!({ "if": { "properties": named }, "then": { "properties": then } }));
        defs.insert(format!("{key} of {name}"), schema.to_value());
    }
    if let Some(table) = defs.get_mut(table).and_then(Value::as_object_mut) {
        table.insert("allOf".to_owned(), json!(choices));
    }
}
