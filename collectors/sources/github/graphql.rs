//! One GraphQL document, asked whole: an error among the answers is never passed over.

use super::client::{Client, malformed};
use crate::contract::CollectError;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A `200` answer.
pub(crate) struct Reply {
    pub data: Map<String, Value>,
    pub errors: Vec<Error>,
}

/// One entry of `errors`.
#[derive(Debug, Deserialize)]
pub(crate) struct Error {
    pub message: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    pub path: Vec<Value>,
}

/// No usable answer.
pub(crate) enum Trouble {
    /// GitHub gave up: ask for less.
    TooMuch(String),
    /// Asking for less will not help.
    Fatal(CollectError),
}

impl Trouble {
    /// Where asking for less is no way out.
    pub(crate) fn into_error(self, what: &str) -> CollectError {
        match self {
            Self::TooMuch(why) => CollectError::Unavailable { what: what.to_owned(), why },
            Self::Fatal(error) => error,
        }
    }
}

impl Error {
    /// GitHub knows nothing of that name, or shows nothing of it.
    pub(crate) fn not_found(&self) -> bool {
        self.kind.as_deref() == Some("NOT_FOUND")
    }

    pub(crate) fn refusal(&self, what: &str, permission: &str) -> CollectError {
        let (what, why) = (what.to_owned(), self.message.chars().take(200).collect());
        match self.kind.as_deref() {
            Some("FORBIDDEN" | "NOT_FOUND" | "INSUFFICIENT_SCOPES") => {
                CollectError::Forbidden { what, why, permission: Some(permission.to_owned()) }
            }
            Some("RATE_LIMITED" | "RATE_LIMIT") => CollectError::Unavailable { what, why },
            _ => CollectError::Malformed { what, why },
        }
    }

    fn too_much(&self) -> bool {
        let said = self.message.to_ascii_lowercase();
        matches!(self.kind.as_deref(), Some("RESOURCE_LIMITS_EXCEEDED" | "MAX_NODE_LIMIT_EXCEEDED" | "TIMEOUT"))
            || self.kind.is_none()
                && (said.contains("something went wrong while executing") || said.contains("timeout"))
    }
}

/// Asks one document; a refusal names the permission.
pub(crate) async fn ask(
    client: &Client,
    what: &str,
    document: &str,
    variables: Value,
    permission: &str,
) -> Result<Reply, Trouble> {
    #[derive(Deserialize)]
    struct Wire {
        data: Option<Map<String, Value>>,
        #[serde(default)]
        errors: Vec<Error>,
    }
    let body = json!({ "query": document, "variables": variables });
    let answer = client.post_graphql(what, &body).await.map_err(Trouble::Fatal)?;
    let Some(answer) = answer else { return Err(Trouble::TooMuch("no whole answer in time".to_owned())) };
    if matches!(answer.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) {
        return Err(Trouble::TooMuch(format!("status {}", answer.status.as_u16())));
    }
    let wire: Wire = answer.json(what, permission).map_err(Trouble::Fatal)?;
    if let Some(error) = wire.errors.iter().find(|error| error.too_much()) {
        return Err(Trouble::TooMuch(error.message.chars().take(200).collect()));
    }
    match (wire.data, wire.errors.first()) {
        (Some(data), _) => Ok(Reply { data, errors: wire.errors }),
        (None, Some(error)) => Err(Trouble::Fatal(error.refusal(what, permission))),
        (None, None) => Err(Trouble::Fatal(malformed(what, "neither data nor errors".to_owned()))),
    }
}

/// Asks the whole document for something of one repository; any error in the answer is an error.
pub(crate) async fn of_repository(
    client: &Client,
    repository: &str,
    what: &str,
    selection: &str,
    permission: &str,
) -> Result<Map<String, Value>, CollectError> {
    let (owner, name) = repository.split_once('/').unwrap_or((repository, ""));
    let document = format!(
        "query($owner:String!,$name:String!){{rateLimit{{cost remaining resetAt}} \
         repository(owner:$owner,name:$name){{{selection}}}}}"
    );
    let mut data = whole_answer(client, what, &document, json!({ "owner": owner, "name": name }), permission).await?;
    match data.get_mut("repository").map(Value::take) {
        Some(Value::Object(repository)) => Ok(repository),
        _ => Err(malformed(what, "nothing is said of the repository".to_owned())),
    }
}

/// Asks one document; any error in the answer is an error.
pub(crate) async fn whole_answer(
    client: &Client,
    what: &str,
    document: &str,
    variables: Value,
    permission: &str,
) -> Result<Map<String, Value>, CollectError> {
    let reply = ask(client, what, document, variables, permission).await.map_err(|trouble| trouble.into_error(what))?;
    match reply.errors.first() {
        Some(error) => Err(error.refusal(what, permission)),
        None => Ok(reply.data),
    }
}
