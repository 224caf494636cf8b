//! What to grant: a policy for AWS and a manifest for a GitHub App, both made of what kinds declare. Asks nothing.

use crate::config::Loaded;
use evidenced_collectors::contract::{OnlyFor, Permission, System, values};
use evidenced_collectors::{KINDS, SIMULATE, github_key};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The role that is meant where none is configured.
const ROLE: &str = "arn:aws:iam::*:role/evidenced";

/// Permissions of one system, and the roles that are taken.
pub struct Wanted {
    permissions: Vec<Permission>,
    roles: BTreeSet<String>,
}

/// Of every kind there is, with every setting.
pub fn of_all_kinds(system: System) -> Wanted {
    let all = KINDS.iter().flat_map(|kind| kind.permissions.iter().copied());
    Wanted { permissions: all.filter(|permission| permission.system == system).collect(), roles: [ROLE.into()].into() }
}

/// Of the collectors that are configured, with their settings.
pub fn of_configured(loaded: &Loaded, system: System) -> Wanted {
    let mut wanted = Wanted { permissions: Vec::new(), roles: BTreeSet::new() };
    for (name, collector) in &loaded.collectors {
        let settings = &loaded.config.collectors[name].settings;
        let needed = collector.kind.permissions.iter().filter(|permission| permission.needed(settings));
        wanted.permissions.extend(needed.filter(|permission| permission.system == system).copied());
        wanted.roles.extend(roles(settings));
    }
    wanted
}

fn roles(settings: &Value) -> BTreeSet<String> {
    let texts = |key: &str| values(settings, key).into_iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    let (full, by_name): (Vec<String>, Vec<String>) = (texts("role_arn"), texts("role_name"));
    full.into_iter().chain(by_name.into_iter().map(|name| format!("arn:aws:iam::*:role/{name}"))).collect()
}

/// An identity-based policy of IAM.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: &'static str,
    action: BTreeSet<&'static str>,
    resource: BTreeSet<String>,
}

/// One statement for what is always needed, one for each setting that needs more, so that it can be left out, and one
/// for `doctor`. `None`: nothing asks AWS.
pub fn policy(wanted: &Wanted) -> Option<Policy> {
    if wanted.permissions.is_empty() {
        return None;
    }
    let mut by_sid: BTreeMap<(bool, String), Statement> = BTreeMap::new();
    for permission in wanted.permissions.iter().chain([&SIMULATE]) {
        let sid = if *permission == SIMULATE { "EvidencedDoctor".to_owned() } else { sid(permission.only_for) };
        let everything = || BTreeSet::from(["*".to_owned()]);
        let resource = if permission.name == "sts:AssumeRole" { wanted.roles.clone() } else { everything() };
        let new = || Statement { sid: sid.clone(), effect: "Allow", action: BTreeSet::new(), resource };
        let statement = by_sid.entry((permission.only_for.is_some(), sid.clone())).or_insert_with(new);
        statement.action.insert(permission.name);
    }
    Some(Policy { version: "2012-10-17", statement: by_sid.into_values().collect() })
}

/// `EvidencedForDeviceKinds`: letters alone, as AWS asks.
fn sid(only_for: Option<OnlyFor>) -> String {
    let Some(only) = only_for else { return "EvidencedRead".to_owned() };
    let words = only.settings.iter().flat_map(|setting| setting.split('_'));
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    format!("EvidencedFor{}", words.map(capital).collect::<String>())
}

/// What GitHub makes an App of: `POST` of it as the form field `manifest` to an organisation's `settings/apps/new`.
#[derive(Debug, Serialize)]
pub struct Manifest {
    name: &'static str,
    url: &'static str,
    description: &'static str,
    public: bool,
    /// GitHub wants an address; nothing is ever sent there.
    hook_attributes: Hook,
    default_permissions: BTreeMap<&'static str, &'static str>,
    default_events: [&'static str; 0],
}

#[derive(Debug, Serialize)]
struct Hook {
    url: &'static str,
    active: bool,
}

/// An App that reads. `None`: nothing asks GitHub.
pub fn manifest(wanted: &Wanted) -> Option<Manifest> {
    let keys: BTreeMap<_, _> =
        wanted.permissions.iter().filter_map(|permission| Some((github_key(permission.name)?, "read"))).collect();
    (!keys.is_empty()).then_some(Manifest {
        name: "evidenced",
        url: "https://example.com/",
        description: "Reads what the controls of a SOC 2 examination are judged by. Changes nothing.",
        public: false,
        hook_attributes: Hook { url: "https://example.com/", active: false },
        default_permissions: keys,
        default_events: [],
    })
}
