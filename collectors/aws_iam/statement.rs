//! Whether a policy document denies everything without a second factor. A statement counts if it is
//! recognised in full; everything else counts for nothing.

use serde::Deserialize;
use serde::de::IgnoredAny;

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

/// Whether the document, percent-encoded as AWS hands it out, has a statement that denies everything.
pub(super) fn denies(document: &str) -> bool {
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
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(in super::super) fn encoded(document: &str) -> String {
        document.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    pub(in super::super) fn deny() -> Value {
        json!({
            "Sid": "DenyAllExceptListedIfNoMFA", "Effect": "Deny", "Resource": "*",
            "NotAction": [
                "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:GetMFADevice",
                "iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken",
            ],
            "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } },
        })
    }

    pub(in super::super) fn document(statement: &Value) -> String {
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
}
