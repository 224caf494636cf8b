//! GraphQL: landed commits with their pull requests, many to a request, followed to the last page.
//! An error among the answers is never passed over: it fails the item that it names, or all of them.

use super::fragments::{CONNECTIONS, Connection, EVENTS, Fragments};
use super::pull::Landed;
use super::settings::Repository;
use crate::contract::{CollectError, Unread};
use crate::sources::github::client::{Client, PULL_REQUESTS, malformed};
use crate::sources::github::graphql::{Error, Reply, Trouble, ask, whole_answer};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Follow-up rounds for one batch; each reads a further page of everything that has one.
const ROUNDS_MAX: u32 = 200;
/// Parents asked for of each commit.
const PARENTS: u64 = 3;

/// Landed commits by id, or why one could not be read.
pub(super) type Commits = BTreeMap<String, Result<Landed, Unread>>;

/// Looks commits up, with every pull request that they came with. Fails as a whole only without sign-in.
pub(super) async fn commits(
    client: &Client,
    repository: &Repository,
    oids: &[String],
    (batch, fragments): (u32, &Fragments),
) -> Result<Commits, CollectError> {
    let mut found = Commits::new();
    let mut queue: VecDeque<Vec<String>> = oids.chunks(batch.max(1) as usize).map(<[String]>::to_vec).collect();
    while let Some(chunk) = queue.pop_front() {
        let what = format!("repository {}: {} landed commits", repository.name, chunk.len());
        let (document, variables) = question(repository, &chunk, fragments);
        match ask(client, &what, &document, variables, PULL_REQUESTS).await {
            Ok(reply) => {
                let values = split(&what, &chunk, reply);
                found.extend(whole(client, (&repository.name, fragments), values).await?);
            }
            Err(Trouble::TooMuch(_)) if chunk.len() > 1 => {
                let (first, second) = chunk.split_at(chunk.len().div_ceil(2));
                queue.push_front(second.to_vec());
                queue.push_front(first.to_vec());
            }
            Err(trouble) => {
                let error = trouble.into_error(&what);
                if let CollectError::Unauthenticated { .. } = error {
                    return Err(error);
                }
                found.extend(chunk.into_iter().map(|oid| (oid.clone(), Err(failed(&repository.name, &oid, &error)))));
            }
        }
    }
    Ok(found)
}

fn question(repository: &Repository, oids: &[String], fragments: &Fragments) -> (String, Value) {
    let (owner, name) = repository.parts();
    let objects: String = oids
        .iter()
        .enumerate()
        .map(|(number, oid)| format!(" c{number}:object(oid:\"{oid}\"){{__typename ...landed}}"))
        .collect();
    let document = format!(
        "query($owner:String!,$name:String!){{rateLimit{{cost remaining resetAt}} \
         repository(owner:$owner,name:$name){{nameWithOwner{objects}}}}}{}",
        fragments.all()
    );
    (document, json!({ "owner": owner, "name": name }))
}

/// One raw answer per commit; errors go to the commit that their path names, or to all.
fn split(what: &str, oids: &[String], reply: Reply) -> BTreeMap<String, Result<Value, CollectError>> {
    let repository = reply.data.get("repository");
    let name = repository.and_then(|r| r.get("nameWithOwner")).cloned().unwrap_or(Value::Null);
    let named = |error: &Error, alias: &str| {
        // Whatever does not name another one of the commits may be about this one.
        let commit = |part: &str| part.strip_prefix('c').is_some_and(|number| number.parse::<usize>().is_ok());
        let first = error.path.first().and_then(Value::as_str);
        let second =
            error.path.get(1).and_then(Value::as_str).filter(|part| first == Some("repository") && commit(part));
        second.is_none_or(|second| second == alias)
    };
    let one = |alias: &str, oid: &str| {
        let commit = format!("{what}: {oid}");
        if let Some(error) = reply.errors.iter().find(|error| named(error, alias)) {
            return Err(error.refusal(&commit, PULL_REQUESTS));
        }
        match repository.and_then(|r| r.get(alias)) {
            Some(Value::Object(found)) if found.get("__typename") != Some(&json!("Commit")) => {
                Err(malformed(&commit, "GitHub says that it is no commit".to_owned()))
            }
            Some(Value::Object(found)) => {
                let mut found = found.clone();
                found.insert("nameWithOwner".to_owned(), name.clone());
                Ok(Value::Object(found))
            }
            _ => Err(malformed(&commit, "GitHub does not know the commit".to_owned())),
        }
    };
    oids.iter().enumerate().map(|(number, oid)| (oid.clone(), one(&format!("c{number}"), oid))).collect()
}

/// One connection with a further page, inside one commit's answer.
struct More {
    oid: String,
    pointer: String,
    id: String,
    connection: &'static Connection,
    cursor: String,
}

/// Reads further pages until there is none, then reads the values strictly.
async fn whole(
    client: &Client,
    (repository, fragments): (&str, &Fragments),
    mut values: BTreeMap<String, Result<Value, CollectError>>,
) -> Result<Commits, CollectError> {
    for round in 0.. {
        let mut pending = Vec::new();
        for (oid, value) in &values {
            if let Ok(value) = value {
                further(oid, value, String::new(), &mut pending);
            }
        }
        if pending.is_empty() {
            break;
        }
        for chunk in pending.chunks(20) {
            let read = if round == ROUNDS_MAX {
                Err(endless(repository))
            } else {
                pages(client, (repository, fragments), chunk).await
            };
            match read {
                Ok(pages) => {
                    for (more, page) in chunk.iter().zip(pages) {
                        if let Some(Ok(value)) = values.get_mut(&more.oid)
                            && let Err(why) = append(value, more, page)
                        {
                            values.insert(more.oid.clone(), Err(malformed(&more.pointer, why)));
                        }
                    }
                }
                Err(error @ CollectError::Unauthenticated { .. }) => return Err(error),
                Err(error) => {
                    values.extend(chunk.iter().map(|more| (more.oid.clone(), Err(error.clone()))));
                }
            }
        }
    }
    Ok(values
        .into_iter()
        .map(|(oid, value)| {
            let landed = value.and_then(|value| read(&oid, value)).map_err(|error| failed(repository, &oid, &error));
            (oid, landed)
        })
        .collect())
}

fn read(oid: &str, value: Value) -> Result<Landed, CollectError> {
    count(&value).map_err(|why| malformed(oid, why))?;
    let landed: Landed = serde_json::from_value(value).map_err(|error| malformed(oid, error.to_string()))?;
    if landed.oid == oid { Ok(landed) } else { Err(malformed(oid, "the answer is another commit".to_owned())) }
}

fn endless(repository: &str) -> CollectError {
    CollectError::Limit {
        what: format!("repository {repository}: further pages"),
        why: format!("more than {ROUNDS_MAX} of one list"),
    }
}

fn failed(repository: &str, oid: &str, error: &CollectError) -> Unread {
    let reason = error.unread().swap_remove(0);
    Unread { what: format!("repository {repository}: commit {oid}"), ..reason }
}

fn further(oid: &str, value: &Value, pointer: String, pending: &mut Vec<More>) {
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                further(oid, item, format!("{pointer}/{number}"), pending);
            }
        }
        Value::Object(fields) => {
            for (field, item) in fields {
                let at = format!("{pointer}/{field}");
                if let (Some(connection), Some(id), Some(cursor)) = (
                    CONNECTIONS.iter().find(|connection| connection.field == field),
                    fields.get("id").and_then(Value::as_str),
                    next(item),
                ) {
                    let (oid, id) = (oid.to_owned(), id.to_owned());
                    pending.push(More { oid, pointer: at.clone(), id, connection, cursor: cursor.to_owned() });
                }
                further(oid, item, at, pending);
            }
        }
        _ => {}
    }
}

fn next(connection: &Value) -> Option<&str> {
    let page = connection.get("pageInfo")?;
    page.get("hasNextPage")?.as_bool()?.then(|| page.get("endCursor")?.as_str())?
}

async fn pages(
    client: &Client,
    (repository, fragments): (&str, &Fragments),
    chunk: &[More],
) -> Result<Vec<Value>, CollectError> {
    let what = format!("repository {repository}: {} further pages", chunk.len());
    let (mut declared, mut nodes) = (String::new(), String::new());
    let mut variables = Map::new();
    for (number, more) in chunk.iter().enumerate() {
        let Connection { field, of, selection, .. } = more.connection;
        let types = if *field == "timelineItems" { format!(",itemTypes:[{EVENTS}]") } else { String::new() };
        // Pull requests carry lists of their own, so few of them at once.
        let first = if *field == "associatedPullRequests" { 5 } else { 50 };
        declared += &format!("{}$i{number}:ID!,$a{number}:String!", if number == 0 { "" } else { "," });
        nodes += &format!(
            " m{number}:node(id:$i{number}){{__typename ...on {of}{{{field}(first:{first},after:$a{number}{types})\
             {selection}}}}}"
        );
        variables.insert(format!("i{number}"), json!(more.id));
        variables.insert(format!("a{number}"), json!(more.cursor));
    }
    let needed = fragments.needed(chunk.iter().map(|more| more.connection));
    let document = format!("query({declared}){{rateLimit{{cost remaining resetAt}}{nodes}}}{needed}");
    let mut data = whole_answer(client, &what, &document, Value::Object(variables), PULL_REQUESTS).await?;
    let page = |(number, more): (usize, &More)| {
        let Connection { field, of, .. } = more.connection;
        let node = data.get_mut(&format!("m{number}")).filter(|node| node["__typename"] == **of);
        let page = node.and_then(|node| node.get_mut(*field)).map(Value::take);
        page.ok_or_else(|| malformed(&what, format!("no page of {field}")))
    };
    chunk.iter().enumerate().map(page).collect()
}

fn append(value: &mut Value, more: &More, mut page: Value) -> Result<(), String> {
    let list = value.pointer_mut(&more.pointer).ok_or("the list is gone")?;
    if next(&page) == Some(more.cursor.as_str()) {
        return Err("a page names itself as the next".to_owned());
    }
    if page.get("totalCount") != list.get("totalCount") {
        return Err("the stated total changed between pages".to_owned());
    }
    let added =
        page.get_mut("nodes").and_then(Value::as_array_mut).map(std::mem::take).ok_or("a page without nodes")?;
    let stated = list.get("totalCount").and_then(Value::as_u64);
    let held = list.get_mut("nodes").and_then(Value::as_array_mut).ok_or("a list without nodes")?;
    held.extend(added);
    // Pages that lead in a circle have no end.
    if stated.is_none_or(|stated| held.len() as u64 > stated) {
        return Err("more items than the stated total".to_owned());
    }
    list["pageInfo"] = page["pageInfo"].take();
    Ok(())
}

/// Every list that can be paged holds as many items as it states, none twice, and has no further page; so do
/// parents, as far as they are asked for.
fn count(value: &Value) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(count),
        Value::Object(fields) => {
            for (field, list) in fields {
                if CONNECTIONS.iter().any(|connection| connection.field == field) {
                    total(list, u64::MAX)?;
                    twice(list)?;
                    if list["pageInfo"]["hasNextPage"] != Value::Bool(false) {
                        return Err(format!("{field} do not say that this is their last page"));
                    }
                } else if field == "parents" {
                    total(list, PARENTS)?;
                    twice(list)?;
                }
            }
            fields.values().try_for_each(count)
        }
        _ => Ok(()),
    }
}

/// As many items as stated, up to the number asked for.
fn total(list: &Value, asked: u64) -> Result<(), String> {
    let held = list.get("nodes").and_then(Value::as_array).map(|nodes| nodes.len() as u64);
    let stated = list.get("totalCount").and_then(Value::as_u64);
    if held.is_none() || held != stated.map(|stated| stated.min(asked)) {
        return Err(format!("{} of {} items of a list", held.unwrap_or(0), stated.unwrap_or(0)));
    }
    Ok(())
}

/// A page that repeats another makes the total right and the list wrong.
fn twice(list: &Value) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for node in list.get("nodes").and_then(Value::as_array).into_iter().flatten() {
        // Events have no id that is asked for, but a time; several authors may be nobody's account.
        let id =
            ["/id", "/oid", "/path", "/commit/id"].iter().find_map(|at| node.pointer(at)?.as_str().map(str::to_owned));
        let id = id.or_else(|| node.get("createdAt").map(|_| node.to_string()));
        if let Some(id) = id.filter(|id| !seen.insert(id.clone())) {
            return Err(format!("{id} is twice in a list"));
        }
    }
    Ok(())
}
