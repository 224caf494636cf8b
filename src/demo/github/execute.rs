//! Resolves a GraphQL document against JSON objects. Fields that an object does not have are errors.
//!
//! Objects carry their `__typename`. `{"__connection": type, "nodes": […]}` is a list that can be paged;
//! `{"__ref": key}` stands for an object that is made when somebody asks for it.

use super::document::{Document, Selection};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Arguments = BTreeMap<String, Value>;

/// What fields with arguments, and references, resolve to.
pub(super) trait World {
    /// The object that a reference stands for.
    fn object(&self, key: &str) -> Value;
    /// A field that takes arguments; `None`: not one of those.
    fn field(&self, of: &Value, name: &str, arguments: &Arguments) -> Option<Value>;
}

/// `data`, or the message of an error.
pub(super) fn run(document: &Document, world: &impl World) -> Result<Value, String> {
    Execution { document, world }.select(&json!({ "__typename": "Query" }), &document.selections)
}

struct Execution<'a, W> {
    document: &'a Document,
    world: &'a W,
}

impl<W: World> Execution<'_, W> {
    fn select(&self, object: &Value, selections: &[Selection]) -> Result<Value, String> {
        let mut answer = Map::new();
        self.select_into(object, selections, &mut answer)?;
        Ok(Value::Object(answer))
    }

    fn select_into(
        &self,
        object: &Value,
        selections: &[Selection],
        into: &mut Map<String, Value>,
    ) -> Result<(), String> {
        for selection in selections {
            match selection {
                Selection::On(on, inner) => self.select_on(object, on, inner, into)?,
                Selection::Spread(name) => {
                    let (on, inner) = self.document.fragments.get(name).ok_or_else(|| format!("no fragment {name}"))?;
                    self.select_on(object, on, inner, into)?;
                }
                Selection::Field { alias, name, arguments, selections } => {
                    let value = self.field(object, name, arguments)?;
                    into.insert(alias.clone(), self.complete(value, name, selections)?);
                }
            }
        }
        Ok(())
    }

    fn select_on(
        &self,
        object: &Value,
        on: &str,
        selections: &[Selection],
        into: &mut Map<String, Value>,
    ) -> Result<(), String> {
        if object["__typename"] == on { self.select_into(object, selections, into) } else { Ok(()) }
    }

    fn field(&self, object: &Value, name: &str, arguments: &Arguments) -> Result<Value, String> {
        match self.world.field(object, name, arguments) {
            Some(list) if list.get("__connection").is_some() => {
                return page(name, text(&list["__connection"]), &list["nodes"], arguments);
            }
            Some(value) => return Ok(value),
            None => {}
        }
        let value = object.get(name).filter(|_| !name.starts_with("__") || name == "__typename").cloned();
        let value =
            value.ok_or_else(|| format!("Field '{name}' doesn't exist on type '{}'", text(&object["__typename"])))?;
        match value.get("__connection") {
            Some(kind) => page(name, text(kind), &value["nodes"], arguments),
            None if arguments.is_empty() => Ok(value),
            None => Err(format!("Field '{name}' doesn't accept arguments")),
        }
    }

    fn complete(&self, value: Value, name: &str, selections: &[Selection]) -> Result<Value, String> {
        match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.complete(item, name, selections))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Value::Object(_) => match value.get("__ref").and_then(Value::as_str) {
                Some(key) => self.complete(self.world.object(key), name, selections),
                None if selections.is_empty() => Err(format!("Field '{name}' must have selections")),
                None => self.select(&value, selections),
            },
            Value::Null => Ok(Value::Null),
            plain if selections.is_empty() => Ok(plain),
            _ => Err(format!("Selections can't be made on scalars (field '{name}')")),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One page of a list, as GitHub pages: `first` of 1 to 100 is required for nodes.
fn page(name: &str, kind: &str, nodes: &Value, arguments: &Arguments) -> Result<Value, String> {
    let first = arguments.get("first").and_then(Value::as_u64).unwrap_or(0);
    if !(1..=100).contains(&first) {
        return Err(format!("You must provide a `first` value of 1 to 100 on the `{name}` connection"));
    }
    let types = arguments.get("itemTypes").and_then(Value::as_array);
    let wanted =
        |node: &&Value| types.is_none_or(|types| types.iter().any(|t| screaming(&node["__typename"]) == text(t)));
    let all: Vec<&Value> = nodes.as_array().map_or(&[][..], Vec::as_slice).iter().filter(wanted).collect();
    let from = match arguments.get("after") {
        None | Some(Value::Null) => 0,
        Some(cursor) => text(cursor)
            .strip_prefix("cursor:")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| format!("`{cursor}` does not appear to be a valid cursor."))?,
    };
    let to = all.len().min(from + usize::try_from(first).unwrap_or(0));
    Ok(json!({
        "__typename": kind,
        "totalCount": all.len(),
        "pageInfo": {
            "__typename": "PageInfo",
            "hasNextPage": to < all.len(),
            "endCursor": (to > from).then(|| format!("cursor:{to}")),
        },
        "nodes": all.get(from..to).unwrap_or_default(),
    }))
}

/// `MergedEvent` as `MERGED_EVENT`.
fn screaming(typename: &Value) -> String {
    let mut out = String::new();
    for c in text(typename).chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}
