//! `evidenced config`: check a configuration, and print what one can be made of; `apply` has the two that look at
//! the ledger.

use super::{Exit, apply, print_json, print_toml, span};
use crate::catalogue;
use crate::config::{Config, Span};
use crate::doctor::Finding;
use clap::Subcommand;
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
fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// The schema of the file, with the settings of each kind under `$defs`.
fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Config);
    let kinds: serde_json::Map<String, serde_json::Value> = evidenced_collectors::KINDS
        .iter()
        .map(|kind| (format!("settings of {}", kind.name), (kind.settings_schema)().to_value()))
        .collect();
    if let Some(defs) = schema.ensure_object().entry("$defs").or_insert_with(|| serde_json::json!({})).as_object_mut() {
        defs.extend(kinds);
    }
    schema
}
