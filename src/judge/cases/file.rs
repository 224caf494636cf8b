//! The file as a whole: its lists, and the policies in it.

use super::audit_log::AuditLogFacts;
use super::change::ChangeFacts;
use super::document::DocumentsFacts;
use super::principal::PrincipalFacts;
use super::register::RegisterFacts;
use super::restore::RestoreFacts;
use super::vulnerability::VulnerabilityFacts;
use super::{Case, CasesError, Expect, case};
use crate::judge::{audit_logging, change_review, documented, mfa, restore_test, vulnerabilities};
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;

/// A file of worked cases for `evidenced judge`. Times are RFC 3339.
#[derive(Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with lists of cases: change, mfa, restore, vulnerability, audit_log, document, register"
)]
#[schemars(title = "Cases")]
pub(super) struct File {
    /// For people; not read.
    #[serde(default, rename = "about")]
    _about: Option<String>,
    /// What the `policy` of a change overrides, key by key.
    #[serde(default)]
    #[schemars(schema_with = "change_policy")]
    change_policy_default: PolicyFacts,
    /// The instant that every case of `mfa` is judged as of.
    #[serde(default)]
    mfa_now: Option<DateTime<Utc>>,
    /// Changes of production branches.
    #[serde(default)]
    change: Vec<ChangeCase>,
    /// Who can sign in.
    #[serde(default)]
    mfa: Vec<PrincipalCase>,
    /// Stores and their restore tests in a quarter.
    #[serde(default)]
    restore: Vec<RestoreCase>,
    /// Registers, each with an item of it.
    #[serde(default)]
    register: Vec<RegisterCase>,
    /// Places that are looked through for vulnerabilities, and what was found there.
    #[serde(default)]
    vulnerability: Vec<VulnerabilityCase>,
    /// Regions of accounts, and what writes down there what happens.
    #[serde(default)]
    audit_log: Vec<AuditLogCase>,
    /// Documents that people added, each with the unit of the calendar that they are judged for.
    #[serde(default)]
    document: Vec<DocumentsCase>,
}

/// One change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChangeCase {
    /// What the case is about, in words.
    name: String,
    /// What it must be judged as; absent: nothing is compared.
    #[serde(default)]
    expect: Option<Expect>,
    /// The facts.
    change: ChangeFacts,
    /// Keys of the policy of `change_review`. May stand in `change` instead.
    #[serde(default)]
    #[schemars(schema_with = "change_policy")]
    policy: PolicyFacts,
}

/// One account or user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PrincipalCase {
    /// What the case is about, in words.
    name: String,
    /// What it must be judged as; absent: nothing is compared.
    #[serde(default)]
    expect: Option<Expect>,
    /// The facts.
    principal: PrincipalFacts,
    /// Keys of the policy of `mfa`.
    #[serde(default)]
    #[schemars(schema_with = "mfa_policy")]
    policy: PolicyFacts,
}

/// One store and quarter.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RestoreCase {
    /// What the case is about, in words.
    name: String,
    /// What it must be judged as; absent: nothing is compared.
    #[serde(default)]
    expect: Option<Expect>,
    /// The facts.
    case: RestoreFacts,
    /// Keys of the policy of `restore_test`.
    #[serde(default)]
    #[schemars(schema_with = "restore_policy")]
    policy: PolicyFacts,
}

/// One item of a register.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RegisterCase {
    /// What the case is about, in words.
    name: String,
    /// What it must be judged as; absent: nothing is compared.
    #[serde(default)]
    expect: Option<Expect>,
    /// A test that takes the register: `vendor_review`, `training`, ...
    test: String,
    /// The facts.
    case: RegisterFacts,
    /// Keys of the policy of the test.
    #[serde(default)]
    #[schemars(with = "Map<String, Value>")]
    policy: PolicyFacts,
}

/// One place or vulnerability.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VulnerabilityCase {
    /// What the case is about, in words.
    name: String,
    /// What it must be judged as; absent: nothing is compared.
    #[serde(default)]
    expect: Option<Expect>,
    /// The facts.
    case: VulnerabilityFacts,
    /// Keys of the policy of `vulnerabilities`.
    #[serde(default)]
    #[schemars(schema_with = "vulnerabilities_policy")]
    policy: PolicyFacts,
}

/// One region or account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuditLogCase {
    /// What the case is about, in words.
    name: String,
    /// What it must be judged as; absent: nothing is compared.
    #[serde(default)]
    expect: Option<Expect>,
    /// The facts.
    case: AuditLogFacts,
    /// Keys of the policy of `audit_logging`.
    #[serde(default)]
    #[schemars(schema_with = "audit_logging_policy")]
    policy: PolicyFacts,
}

/// One unit of the calendar.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DocumentsCase {
    /// What the case is about, in words.
    name: String,
    /// What it must be judged as; absent: nothing is compared.
    #[serde(default)]
    expect: Option<Expect>,
    /// The facts.
    case: DocumentsFacts,
    /// Keys of the policy of `documented`; `control` left out is `C-1`.
    #[serde(default)]
    #[schemars(schema_with = "documented_policy")]
    policy: PolicyFacts,
}

impl File {
    /// How many cases there are.
    pub(super) fn count(&self) -> usize {
        [self.change.len(), self.mfa.len(), self.restore.len(), self.vulnerability.len(), self.audit_log.len()]
            .iter()
            .sum::<usize>()
            + self.register.len()
            + self.document.len()
    }

    /// The cases by list.
    pub(super) fn cases(self) -> Result<Vec<(&'static str, Vec<Case>)>, CasesError> {
        let (default, now) = (self.change_policy_default, self.mfa_now);
        let change = self.change.into_iter().map(|entry| entry.case(&default)).collect::<Result<_, _>>()?;
        let mfa = self.mfa.into_iter().map(|entry| entry.case(now)).collect::<Result<_, _>>()?;
        let restore = self.restore.into_iter().map(RestoreCase::case).collect::<Result<_, _>>()?;
        let register = self.register.into_iter().map(RegisterCase::case).collect::<Result<_, _>>()?;
        let vulnerability = self.vulnerability.into_iter().map(VulnerabilityCase::case).collect::<Result<_, _>>()?;
        let audit_log = self.audit_log.into_iter().map(AuditLogCase::case).collect::<Result<_, _>>()?;
        let document = self.document.into_iter().map(DocumentsCase::case).collect::<Result<_, _>>()?;
        Ok(vec![
            ("change", change),
            ("mfa", mfa),
            ("restore", restore),
            ("vulnerability", vulnerability),
            ("audit_log", audit_log),
            ("document", document),
            ("register", register),
        ])
    }
}

impl ChangeCase {
    fn case(self, default: &PolicyFacts) -> Result<Case, CasesError> {
        let own = self.policy.and(&self.change.policy);
        let facts = own.and_then(|own| self.change.into_facts(default.overridden_by(&own).0));
        case(self.name, self.expect, "change_review", facts)
    }
}

impl PrincipalCase {
    fn case(self, now: Option<DateTime<Utc>>) -> Result<Case, CasesError> {
        let now = now.ok_or_else(|| "the file has no mfa_now".to_owned());
        let policy = self.policy.named("report_max_h", "report_max_hours");
        let facts = now.and_then(|now| Ok(self.principal.into_facts(policy?.0, now)));
        case(self.name, self.expect, "mfa", facts)
    }
}

impl RestoreCase {
    fn case(self) -> Result<Case, CasesError> {
        let policy = self.policy.and(&self.case.policy()).and_then(|policy| policy.named("grace_d", "grace_days"));
        let facts = policy.map(|policy| self.case.into_facts(policy.0));
        case(self.name, self.expect, "restore_test", facts)
    }
}

impl RegisterCase {
    fn case(self) -> Result<Case, CasesError> {
        let facts = self.case.into_facts(self.policy.0);
        case(self.name, self.expect, &self.test, facts)
    }
}

impl VulnerabilityCase {
    fn case(self) -> Result<Case, CasesError> {
        case(self.name, self.expect, "vulnerabilities", self.case.into_facts(self.policy.0))
    }
}

impl AuditLogCase {
    fn case(self) -> Result<Case, CasesError> {
        case(self.name, self.expect, "audit_logging", Ok(self.case.into_facts(self.policy.0)))
    }
}

impl DocumentsCase {
    fn case(self) -> Result<Case, CasesError> {
        case(self.name, self.expect, "documented", Ok(self.case.into_facts(self.policy.0)))
    }
}

/// Some keys of a policy. Which keys there are, the test says.
#[derive(Clone, Default)]
pub(super) struct PolicyFacts(pub(super) Map<String, Value>);

impl PolicyFacts {
    /// The keys of both, which must not have one in common.
    fn and(&self, other: &Self) -> Result<Self, String> {
        match other.0.keys().find(|key| self.0.contains_key(*key)) {
            Some(key) => Err(format!("policy: {key} is given twice")),
            None => Ok(self.overridden_by(other)),
        }
    }

    fn overridden_by(&self, own: &Self) -> Self {
        let mut all = self.0.clone();
        all.extend(own.0.clone());
        Self(all)
    }

    /// A key that is shorter here than in a configuration, whose name may be used as well.
    fn named(&self, short: &str, full: &str) -> Result<Self, String> {
        let mut policy = self.0.clone();
        let Some(value) = policy.remove(short) else { return Ok(Self(policy)) };
        match policy.insert(full.to_owned(), value) {
            Some(_) => Err(format!("policy: {short} and {full} are the same, and both are given")),
            None => Ok(Self(policy)),
        }
    }
}

impl<'de> Deserialize<'de> for PolicyFacts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut policy = Map::new();
        for (key, value) in from.deserialize_map(Pairs(PhantomData))? {
            if policy.insert(key.clone(), value).is_some() {
                return Err(D::Error::custom(format!("duplicate field `{key}`")));
            }
        }
        Ok(Self(policy))
    }
}

/// The file's keys as they follow each other.
pub(super) struct Order(Vec<String>);

impl Order {
    /// Where the key stands; keys that do not, last.
    pub(super) fn position(&self, key: &str) -> usize {
        self.0.iter().position(|known| known == key).unwrap_or(self.0.len())
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let pairs: Vec<(String, IgnoredAny)> = from.deserialize_map(Pairs(PhantomData))?;
        Ok(Self(pairs.into_iter().map(|(key, _)| key).collect()))
    }
}

/// An object as it is written: in order, doubled keys and all.
struct Pairs<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
    type Value = Vec<(String, V)>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

pub(super) fn change_policy(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<change_review::Policy>()
}

fn mfa_policy(generator: &mut SchemaGenerator) -> Schema {
    also_named(mfa::Policy::json_schema(generator), "report_max_h", "report_max_hours")
}

fn restore_policy(generator: &mut SchemaGenerator) -> Schema {
    also_named(restore_test::Policy::json_schema(generator), "grace_d", "grace_days")
}

fn vulnerabilities_policy(generator: &mut SchemaGenerator) -> Schema {
    vulnerabilities::Policy::json_schema(generator)
}

fn audit_logging_policy(generator: &mut SchemaGenerator) -> Schema {
    audit_logging::Policy::json_schema(generator)
}

fn documented_policy(generator: &mut SchemaGenerator) -> Schema {
    documented::Policy::json_schema(generator)
}

/// See `PolicyFacts::named`.
fn also_named(mut schema: Schema, short: &str, full: &str) -> Schema {
    let properties = schema.ensure_object().get_mut("properties").and_then(Value::as_object_mut);
    if let Some(properties) = properties
        && let Some(property) = properties.get(full).cloned()
    {
        properties.insert(short.to_owned(), property);
    }
    schema
}
