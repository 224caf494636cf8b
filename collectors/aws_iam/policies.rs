//! Whether a policy denies a user everything without a second factor, which alone makes a factor count for
//! access keys. A statement counts if it is recognised in full; everything else counts for nothing.

use aws_sdk_iam::types::{AttachedPolicy, GroupDetail, ManagedPolicyDetail, PolicyDetail, UserDetail};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// What may stay allowed without a factor: what it takes to enrol one, and to sign in with it. The actions of
/// AWS's own examples, "MFA-authenticated IAM users can manage their own MFA device on the Security credentials
/// page" and "IAM users can self-manage an MFA device" (IAM User Guide, example policies). Lower case.
const SELF_SERVICE: [&str; 9] = [
    "iam:createvirtualmfadevice",
    "iam:enablemfadevice",
    "iam:getmfadevice",
    "iam:getuser",
    "iam:listmfadevices",
    "iam:listusers",
    "iam:listvirtualmfadevices",
    "iam:resyncmfadevice",
    "sts:getsessiontoken",
];

/// Longest policy that is looked at, bytes as received; AWS allows 20,480 characters of JSON.
const DOCUMENT_MAX: usize = 128 << 10;

/// What `iam:GetAccountAuthorizationDetails` says of users, groups and the account's own managed policies.
#[derive(Default)]
pub(super) struct Policies {
    users: HashMap<String, Holder>,
    groups: HashMap<String, Holder>,
    /// By ARN: whether the version in force denies.
    managed: HashMap<String, bool>,
}

/// A user or a group.
struct Holder {
    /// By a policy of its own.
    denied: bool,
    /// ARNs.
    attached: Vec<String>,
    groups: Vec<String>,
}

impl Policies {
    /// Takes note of a user. Permissions boundaries are no policies that are attached.
    pub(super) fn user(&mut self, user: UserDetail) -> Result<(), String> {
        let name = user.user_name.filter(|name| !name.is_empty()).ok_or("a user without a name")?;
        let held = holder(user.user_policy_list, user.attached_managed_policies, user.group_list)
            .map_err(|why| format!("user {name}: {why}"))?;
        once(&mut self.users, "user", name, held)
    }

    /// Takes note of a group.
    pub(super) fn group(&mut self, group: GroupDetail) -> Result<(), String> {
        let name = group.group_name.filter(|name| !name.is_empty()).ok_or("a group without a name")?;
        let held = holder(group.group_policy_list, group.attached_managed_policies, None)
            .map_err(|why| format!("group {name}: {why}"))?;
        once(&mut self.groups, "group", name, held)
    }

    /// Takes note of a managed policy, by its version in force.
    pub(super) fn managed(&mut self, policy: ManagedPolicyDetail) -> Result<(), String> {
        let arn = policy.arn.filter(|arn| !arn.is_empty()).ok_or("a policy without an ARN")?;
        let versions = policy.policy_version_list.unwrap_or_default();
        let mut in_force = versions.into_iter().filter(|version| version.is_default_version);
        let (Some(version), None) = (in_force.next(), in_force.next()) else {
            return Err(format!("policy {arn}: not one version is in force"));
        };
        if policy.default_version_id.is_none() || version.version_id != policy.default_version_id {
            return Err(format!("policy {arn}: another version is in force than the one marked so"));
        }
        let document = version.document.ok_or_else(|| format!("policy {arn}: no document"))?;
        once(&mut self.managed, "policy", arn, denies(&document))
    }

    /// Whether the user is denied everything without a factor; `None`: no such user. An error: what is
    /// attached to the user is not in the answer.
    pub(super) fn denied(&self, user: &str) -> Result<Option<bool>, String> {
        let Some(held) = self.users.get(user) else { return Ok(None) };
        let mut denied = self.denied_by(held)?;
        for group in &held.groups {
            let group = self.groups.get(group).ok_or_else(|| format!("group {group} is not in the answer"))?;
            denied |= self.denied_by(group)?;
        }
        Ok(Some(denied))
    }

    fn denied_by(&self, held: &Holder) -> Result<bool, String> {
        let mut denied = held.denied;
        for arn in held.attached.iter().filter(|arn| !is_aws_managed(arn)) {
            denied |= self.managed.get(arn).ok_or_else(|| format!("policy {arn} is not in the answer"))?;
        }
        Ok(denied)
    }
}

/// AWS's own policies are not asked for: none of them is about second factors.
fn is_aws_managed(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

fn once<T>(all: &mut HashMap<String, T>, what: &str, name: String, held: T) -> Result<(), String> {
    match all.insert(name.clone(), held) {
        None => Ok(()),
        Some(_) => Err(format!("{what} {name} is there twice")),
    }
}

fn holder(
    inline: Option<Vec<PolicyDetail>>,
    attached: Option<Vec<AttachedPolicy>>,
    groups: Option<Vec<String>>,
) -> Result<Holder, String> {
    let mut denied = false;
    for policy in inline.unwrap_or_default() {
        denied |= denies(&policy.policy_document.ok_or("a policy without a document")?);
    }
    let attached = attached.unwrap_or_default().into_iter().map(|policy| policy.policy_arn);
    let attached = attached.collect::<Option<_>>().ok_or("an attached policy without an ARN")?;
    Ok(Holder { denied, attached, groups: groups.unwrap_or_default() })
}

/// Whether the document, percent-encoded as AWS hands it out, has a statement that denies everything.
fn denies(document: &str) -> bool {
    if document.len() > DOCUMENT_MAX {
        return false;
    }
    let Some(text) = decoded(document) else { return false };
    let Ok(document) = serde_json::from_slice::<Document>(&text) else { return false };
    let statements: Vec<MaybeStatement> = document.statement.into();
    statements.iter().any(|statement| matches!(statement, MaybeStatement::Known(known) if known.denies()))
}

/// RFC 3986; a plus sign is a plus sign.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            decoded.extend(hex::decode(digits).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "Version")]
    _version: Option<Version>,
    #[serde(rename = "Id")]
    _id: Option<IgnoredAny>,
    #[serde(rename = "Statement")]
    statement: OneOrMore<MaybeStatement>,
}

#[derive(Deserialize)]
enum Version {
    #[serde(rename = "2012-10-17")]
    Present,
    #[serde(rename = "2008-10-17")]
    Older,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    More(Vec<T>),
    One(T),
}

impl<T> From<OneOrMore<T>> for Vec<T> {
    fn from(one_or_more: OneOrMore<T>) -> Self {
        match one_or_more {
            OneOrMore::More(more) => more,
            OneOrMore::One(one) => vec![one],
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MaybeStatement {
    Known(Box<Statement>),
    Other(IgnoredAny),
}

/// Every element that is recognised; one more, or one twice, and it is another statement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<IgnoredAny>,
    #[serde(rename = "Effect")]
    effect: String,
    #[serde(rename = "Action")]
    action: Option<OneOrMore<String>>,
    #[serde(rename = "NotAction")]
    not_action: Option<OneOrMore<String>>,
    #[serde(rename = "Resource")]
    resource: OneOrMore<String>,
    #[serde(rename = "Condition")]
    condition: Condition,
}

/// `Bool` is no match: requests with access keys lack the key, and `Bool` is then not met.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "BoolIfExists")]
    bool_if_exists: Present,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Present {
    #[serde(rename = "aws:MultiFactorAuthPresent", alias = "aws:multifactorauthpresent")]
    value: OneOrMore<Truth>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Truth {
    Json(bool),
    Text(String),
}

impl Statement {
    fn denies(&self) -> bool {
        let everything = match (&self.action, &self.not_action) {
            (Some(action), None) => action.is_star(),
            (None, Some(kept)) => kept.iter().all(|kept| SELF_SERVICE.contains(&kept.to_ascii_lowercase().as_str())),
            _ => false,
        };
        let without_factor = match &self.condition.bool_if_exists.value {
            OneOrMore::One(value) => value.is_false(),
            OneOrMore::More(values) => matches!(values.as_slice(), [value] if value.is_false()),
        };
        self.effect == "Deny" && everything && self.resource.is_star() && without_factor
    }
}

impl OneOrMore<String> {
    fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::More(more) => more.iter(),
            Self::One(one) => std::slice::from_ref(one).iter(),
        }
    }

    fn is_star(&self) -> bool {
        self.iter().any(|one| one == "*")
    }
}

impl Truth {
    fn is_false(&self) -> bool {
        match self {
            Self::Json(value) => !value,
            Self::Text(text) => text == "false",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn encoded(document: &str) -> String {
        document.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    fn deny() -> Value {
        json!({
            "Sid": "DenyAllExceptListedIfNoMFA", "Effect": "Deny", "Resource": "*",
            "NotAction": [
                "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:GetMFADevice",
                "iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken",
            ],
            "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } },
        })
    }

    fn document(statement: &Value) -> String {
        let allow = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": { "Null": {} } });
        encoded(&json!({ "Version": "2012-10-17", "Statement": [allow, statement] }).to_string())
    }

    /// The statement with one element otherwise; null: without it.
    fn with(key: &str, value: Value) -> Value {
        let mut statement = deny();
        let object = statement.as_object_mut().unwrap();
        object.remove(key);
        if !value.is_null() {
            object.insert(key.to_owned(), value);
        }
        statement
    }

    fn with_action(action: Value) -> Value {
        let mut statement = with("NotAction", Value::Null);
        statement["Action"] = action;
        statement
    }

    #[test]
    fn the_statement_that_aws_documents_is_recognised_in_each_of_its_spellings() {
        let present = |value: Value| json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": value } });
        for statement in [
            deny(),
            with_action(json!("*")),
            with_action(json!(["*"])),
            with("Sid", Value::Null),
            with("Resource", json!(["*"])),
            with("NotAction", json!("sts:getsessiontoken")),
            with("Condition", present(json!(false))),
            with("Condition", present(json!(["false"]))),
            with("Condition", json!({ "BoolIfExists": { "aws:multifactorauthpresent": "false" } })),
        ] {
            assert!(denies(&document(&statement)), "{statement}");
        }
        assert!(denies(&encoded(&json!({ "Statement": deny() }).to_string())), "one statement, no list");
        assert!(denies(&json!({ "Statement": deny() }).to_string()), "nothing to decode");
    }

    #[test]
    fn a_plain_bool_does_not_bind_access_keys_whose_requests_lack_the_key() {
        let bool_only = json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } });
        assert!(!denies(&document(&with("Condition", bool_only.clone()))));
        assert!(!denies(&document(&json!({
            "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": bool_only,
        }))));
    }

    #[test]
    fn a_statement_that_leaves_anything_open_counts_for_nothing() {
        let present = |value: &str| json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": value } });
        let two_keys = json!({ "BoolIfExists": {
            "aws:MultiFactorAuthPresent": "false", "aws:ViaAWSService": "false",
        }});
        let two_operators = json!({
            "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" },
            "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" },
        });
        let both_values = json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": ["false", "true"] } });
        let mut both_actions = deny();
        both_actions["Action"] = json!("*");
        for statement in [
            with("Effect", json!("Allow")),
            with("Effect", json!("deny")),
            with("Effect", Value::Null),
            with("Resource", json!("arn:aws:s3:::*")),
            with("Resource", Value::Null),
            with("NotResource", json!("arn:aws:s3:::public")),
            with("NotAction", json!(["iam:ListUsers", "s3:GetObject"])),
            with("NotAction", json!(["iam:*"])),
            with("NotAction", json!(["iam:DeactivateMFADevice"])),
            with("NotAction", Value::Null),
            both_actions,
            with_action(json!(["ec2:*", "s3:*"])),
            with("Condition", Value::Null),
            with("Condition", json!({})),
            with("Condition", present("true")),
            with("Condition", present("False")),
            with("Condition", both_values),
            with("Condition", json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": [] } })),
            with("Condition", json!({ "Null": { "aws:MultiFactorAuthPresent": "true" } })),
            with("Condition", two_keys),
            with("Condition", two_operators),
            with("Principal", json!("*")),
        ] {
            assert!(!denies(&document(&statement)), "{statement}");
        }
    }

    #[test]
    fn a_document_that_is_not_one_counts_for_nothing() {
        let whole = deny().to_string();
        let twice =
            whole.replacen('{', "{\"Condition\":{\"BoolIfExists\":{\"aws:MultiFactorAuthPresent\":\"true\"}},", 1);
        for text in [
            "",
            "null",
            "[]",
            &format!("{{\"Version\":\"2099-01-01\",\"Statement\":[{whole}]}}"),
            &format!("{{\"Statement\":[{whole}]"),
            &format!("{{\"Statement\":[{whole}],\"Statement\":[]}}"),
            &format!("{{\"Statement\":[{twice}]}}"),
            &format!("{{\"Statement\":{}{}}}", "[".repeat(400), "]".repeat(400)),
        ] {
            assert!(!denies(&encoded(text)), "{text}");
        }
        assert!(!denies("%7"), "cut in an escape");
        assert!(!denies("%zz"));
        let padded = format!("{{\"Statement\":[{whole}]}}{}", " ".repeat(DOCUMENT_MAX));
        assert!(!denies(&padded), "over the limit");
    }

    fn policies(user: UserDetail) -> Policies {
        let mut all = Policies::default();
        all.user(user).unwrap();
        all
    }

    fn managed(arn: &str, versions: &[(&str, bool, &Value)]) -> ManagedPolicyDetail {
        let versions = versions.iter().map(|(id, in_force, statement)| {
            aws_sdk_iam::types::PolicyVersion::builder()
                .version_id(*id)
                .is_default_version(*in_force)
                .document(document(statement))
                .build()
        });
        let default = "v2";
        ManagedPolicyDetail::builder()
            .arn(arn)
            .default_version_id(default)
            .set_policy_version_list(Some(versions.collect()))
            .build()
    }

    #[test]
    fn a_policy_counts_where_it_is_attached_and_not_as_a_boundary() {
        const ARN: &str = "arn:aws:iam::111122223333:policy/need-mfa";
        let attached = || AttachedPolicy::builder().policy_arn(ARN).build();
        let aws = AttachedPolicy::builder().policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess").build();
        let user = || UserDetail::builder().user_name("ann").attached_managed_policies(aws.clone());
        let mut harmless = deny();
        harmless["Effect"] = json!("Allow");

        assert_eq!(policies(user().build()).denied("ann"), Ok(Some(false)));
        assert_eq!(policies(user().build()).denied("bob"), Ok(None));

        let inline = PolicyDetail::builder().policy_name("p").policy_document(document(&deny())).build();
        assert_eq!(policies(user().user_policy_list(inline.clone()).build()).denied("ann"), Ok(Some(true)));

        let mut direct = policies(user().attached_managed_policies(attached()).build());
        assert!(direct.denied("ann").unwrap_err().contains("not in the answer"));
        direct.managed(managed(ARN, &[("v1", false, &harmless), ("v2", true, &deny())])).unwrap();
        assert_eq!(direct.denied("ann"), Ok(Some(true)));

        let mut older = policies(user().attached_managed_policies(attached()).build());
        older.managed(managed(ARN, &[("v1", false, &deny()), ("v2", true, &harmless)])).unwrap();
        assert_eq!(older.denied("ann"), Ok(Some(false)), "a version that is no longer in force");

        let mut grouped = policies(user().group_list("staff").build());
        assert!(grouped.denied("ann").unwrap_err().contains("group staff"));
        grouped.group(GroupDetail::builder().group_name("staff").group_policy_list(inline).build()).unwrap();
        assert_eq!(grouped.denied("ann"), Ok(Some(true)));

        let boundary = aws_sdk_iam::types::AttachedPermissionsBoundary::builder().permissions_boundary_arn(ARN);
        let mut bounded = policies(user().permissions_boundary(boundary.build()).build());
        bounded.managed(managed(ARN, &[("v2", true, &deny())])).unwrap();
        assert_eq!(bounded.denied("ann"), Ok(Some(false)));
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_refused() {
        const ARN: &str = "arn:aws:iam::111122223333:policy/p";
        let mut all = policies(UserDetail::builder().user_name("ann").build());
        assert!(all.user(UserDetail::builder().user_name("ann").build()).unwrap_err().contains("twice"));
        assert!(all.user(UserDetail::builder().build()).is_err());
        assert!(all.group(GroupDetail::builder().build()).is_err());
        for versions in [
            &[("v1", true, &deny())][..],
            &[("v2", false, &deny())],
            &[("v2", true, &deny()), ("v3", true, &deny())],
            &[],
        ] {
            assert!(all.managed(managed(ARN, versions)).is_err(), "{versions:?}");
        }
    }
}
