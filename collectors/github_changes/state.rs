//! One question for what the activity log cannot say of itself: where each branch is now, and how
//! many pull requests GitHub's search counts as merged.

use super::settings::Repository;
use crate::contract::CollectError;
use crate::sources::github::client::{Client, METADATA, PULL_REQUESTS, malformed};
use crate::sources::github::graphql;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// First and last second of a count, both counted.
pub(super) type Stretch = (DateTime<Utc>, DateTime<Utc>);

/// The answer.
pub(super) struct State {
    /// Who asked.
    pub identity: String,
    /// GitHub's number for the repository.
    pub id: u64,
    /// Its default branch, if it has one.
    pub default: Option<String>,
    /// Branches by name; `None`: there is none.
    pub heads: BTreeMap<String, Option<String>>,
    /// Merged pull requests by branch, where a stretch was given.
    pub merged: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    issue_count: u64,
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Reference {
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "__typename")]
    _kind: Commit,
    oid: String,
}

/// What a branch points at; anything else is an answer that we do not understand.
#[derive(Deserialize)]
enum Commit {
    Commit,
}

/// Asks.
pub(super) async fn read(
    client: &Client,
    repository: &Repository,
    stretches: &BTreeMap<String, Stretch>,
) -> Result<State, CollectError> {
    let what = format!("repository {}: heads and merged pull requests", repository.name);
    let (document, variables) = question(repository, stretches);
    let data = graphql::whole_answer(client, &what, &document, variables, PULL_REQUESTS).await?;
    let field = |name: &str| data.get(name).cloned().unwrap_or(Value::Null);
    let wrong = |error: serde_json::Error| malformed(&what, error.to_string());
    let identity: Login = serde_json::from_value(field("viewer")).map_err(wrong)?;
    let mut branches: BTreeMap<String, Value> = serde_json::from_value(field("repository")).map_err(wrong)?;
    let id = number(&what, branches.get("databaseId"))?;
    let default = branches.remove("defaultBranchRef");
    let default = default.ok_or_else(|| malformed(&what, "nothing is said of the default branch".to_owned()))?;
    let default: Option<Named> = serde_json::from_value(default).map_err(wrong)?;
    let default = default.map(|branch| branch.name);
    let (mut heads, mut merged) = (BTreeMap::new(), BTreeMap::new());
    for (number, branch) in repository.branches.iter().enumerate() {
        let head = branches.remove(&format!("b{number}"));
        let head = head.ok_or_else(|| malformed(&what, format!("nothing is said of {branch}")))?;
        let head: Option<Reference> = serde_json::from_value(head).map_err(wrong)?;
        heads.insert(branch.clone(), head.map(|head| head.target.oid));
        if stretches.contains_key(branch) {
            let count: Count = serde_json::from_value(field(&format!("s{number}"))).map_err(wrong)?;
            merged.insert(branch.clone(), count.issue_count);
        }
    }
    Ok(State { identity: identity.login, id, default, heads, merged })
}

/// The number of a repository, whatever it is called.
pub(super) async fn id(client: &Client, repository: &Repository) -> Result<u64, CollectError> {
    let what = format!("repository {}: its number", repository.name);
    let document = "query($owner:String!,$name:String!){repository(owner:$owner,name:$name){databaseId}}";
    let (owner, name) = repository.parts();
    let variables = json!({ "owner": owner, "name": name });
    let data = graphql::whole_answer(client, &what, document, variables, METADATA).await?;
    number(&what, data.get("repository").and_then(|repository| repository.get("databaseId")))
}

fn number(what: &str, id: Option<&Value>) -> Result<u64, CollectError> {
    let id = id.and_then(Value::as_u64);
    id.ok_or_else(|| malformed(what, "GitHub says no number of the repository".to_owned()))
}

fn question(repository: &Repository, stretches: &BTreeMap<String, Stretch>) -> (String, Value) {
    let (owner, name) = repository.parts();
    let mut variables = Map::from_iter([("owner".to_owned(), json!(owner)), ("name".to_owned(), json!(name))]);
    let (mut declared, mut refs, mut searches) = (String::new(), String::new(), String::new());
    for (number, branch) in repository.branches.iter().enumerate() {
        declared += &format!(",$r{number}:String!");
        refs += &format!(" b{number}:ref(qualifiedName:$r{number}){{target{{__typename oid}}}}");
        variables.insert(format!("r{number}"), json!(format!("refs/heads/{branch}")));
        if let Some((from, to)) = stretches.get(branch) {
            let time = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
            let asked =
                format!("repo:{} is:pr is:merged base:{branch} merged:{}..{}", repository.name, time(from), time(to));
            declared += &format!(",$q{number}:String!");
            searches += &format!(" s{number}:search(type:ISSUE,query:$q{number},first:1){{issueCount}}");
            variables.insert(format!("q{number}"), json!(asked));
        }
    }
    let document = format!(
        "query($owner:String!,$name:String!{declared}){{viewer{{login}} rateLimit{{cost remaining resetAt}} \
         repository(owner:$owner,name:$name){{databaseId defaultBranchRef{{name}}{refs}}}{searches}}}"
    );
    (document, Value::Object(variables))
}
