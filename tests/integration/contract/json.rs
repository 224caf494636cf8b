//! Answers in JSON that say something else: one value, one field, one element of a list is not what it was.
//! By the shape of the path, so that a hundred rows are tried once.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Elements of one list that are tried.
const ELEMENTS_MAX: usize = 8;
/// Fields whose values come from a list of words.
const WORDS: &[&str] = &["__typename", "activity_type", "type", "state", "previousReviewState", "result", "role"];

/// Every change of one answer: what was done, and the answer after it.
pub(crate) fn changes(clean: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (shape, places) in places(clean) {
        let mut change = |name: &str, place: &str, how: &dyn Fn(&mut Value)| {
            let mut other = clean.clone();
            how(other.pointer_mut(place).unwrap());
            all.push((format!("{name}: {shape}"), other));
        };
        let ends = if places.len() == 1 { vec![&places[0]] } else { vec![&places[0], &places[places.len() - 1]] };
        for place in ends {
            let old = clean.pointer(place).unwrap();
            let key = shape.rsplit('/').next().unwrap_or_default();
            // Where there is no next page, nobody looks for its cursor.
            let more = clean.pointer(&format!("{}/hasNextPage", place.rsplit_once('/').unwrap_or_default().0));
            if key == "endCursor" && more == Some(&json!(false)) {
                continue;
            }
            if let Some(odd) = odd(old) {
                change("another type", place, &|value| *value = odd.clone());
            }
            if old.is_string() && WORDS.contains(&key) {
                change("an unknown word", place, &|value| *value = json!("SOMETHING_NEW"));
            }
            let (parent, field) = place.rsplit_once('/').unwrap_or_default();
            if !place.is_empty() && clean.pointer(parent).is_some_and(Value::is_object) {
                change("absent", parent, &|value| drop(value.as_object_mut().unwrap().remove(field)));
            }
            if key == "hasNextPage" {
                change("page: more without a cursor, or no more", parent, &|page| {
                    page["hasNextPage"] = json!(page["hasNextPage"] == json!(false));
                    page["endCursor"] = Value::Null;
                });
            }
            if key == "endCursor" {
                change("page: the next one is the first", place, &|value| *value = json!("cursor:0"));
            }
            if key == "NextToken" {
                change("page: the next one is the first", place, &|value| *value = json!("after-0"));
            }
            if old.as_array().is_some_and(|list| !list.is_empty()) {
                change("page: empty", place, &|value| *value = json!([]));
                change("an element twice", place, &|value| {
                    let list = value.as_array_mut().unwrap();
                    list.push(list[0].clone());
                });
            }
            if old.as_array().is_some_and(|list| list.len() > 1) {
                change("an element in the place of another", place, &|value| {
                    let list = value.as_array_mut().unwrap();
                    list[1] = list[0].clone();
                });
            }
        }
        for (place, number) in spread(clean, &places) {
            change("an element removed", place, &|value| drop(value.as_array_mut().unwrap().remove(number)));
        }
    }
    all.extend(with_errors(clean));
    all
}

/// GraphQL answers `200` also where it has errors.
fn with_errors(clean: &Value) -> Vec<(String, Value)> {
    let Some(data) = clean.get("data").and_then(Value::as_object) else { return Vec::new() };
    let error = |path: Value, kind: Value| json!({ "message": "a fault", "type": kind, "path": path });
    let mut all = Vec::new();
    let mut say = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut other = clean.clone();
        change(&mut other);
        all.push((format!("errors: {name}"), other));
    };
    say("and all the data", &|answer| answer["errors"] = json!([{ "message": "a fault" }]));
    say("and no data", &|answer| {
        answer["errors"] = json!([error(Value::Null, json!("FORBIDDEN"))]);
        answer["data"] = Value::Null;
    });
    for (field, value) in data {
        say("of a field that is null", &|answer| {
            answer["data"][field] = Value::Null;
            answer["errors"] = json!([error(json!([field]), json!("FORBIDDEN"))]);
        });
        for inner in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
            say("of a part that is null", &|answer| {
                answer["data"][field][inner] = Value::Null;
                answer["errors"] = json!([error(json!([field, inner]), json!("NOT_FOUND"))]);
            });
        }
    }
    all
}

/// A value of another type.
fn odd(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(json!("perhaps")),
        Value::Number(_) => Some(json!("many")),
        Value::String(_) => Some(json!(7)),
        Value::Array(_) => Some(json!({})),
        Value::Object(_) => Some(json!([])),
    }
}

/// Elements from all over the lists of one shape: list, and number in it.
fn spread<'a>(clean: &Value, places: &'a [String]) -> Vec<(&'a str, usize)> {
    let length = |place: &str| clean.pointer(place).and_then(Value::as_array).map_or(0, Vec::len);
    let all: Vec<(&str, usize)> =
        places.iter().flat_map(|place| (0..length(place)).map(|number| (place.as_str(), number))).collect();
    let step = all.len().div_ceil(ELEMENTS_MAX).max(1);
    let last = all.last().copied().filter(|_| !(all.len() - 1).is_multiple_of(step));
    all.iter().copied().step_by(step).chain(last).collect()
}

/// Every value's place, by the shape of its path: numbers and numbered names are `*`.
fn places(clean: &Value) -> BTreeMap<String, Vec<String>> {
    fn walk(value: &Value, shape: &str, place: &str, into: &mut BTreeMap<String, Vec<String>>) {
        into.entry(shape.to_owned()).or_default().push(place.to_owned());
        match value {
            Value::Array(list) => {
                for (number, item) in list.iter().enumerate() {
                    walk(item, &format!("{shape}/*"), &format!("{place}/{number}"), into);
                }
            }
            Value::Object(fields) => {
                for (key, item) in fields {
                    // `c12`, and `p12_1`.
                    let rest = key.get(1..).unwrap_or_default();
                    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                    let numbered = after.len() < rest.len() && key.starts_with(|c: char| c.is_ascii_lowercase());
                    let name = if numbered { format!("{}*{after}", &key[..1]) } else { key.clone() };
                    walk(item, &format!("{shape}/{name}"), &format!("{place}/{key}"), into);
                }
            }
            _ => {}
        }
    }
    let mut all = BTreeMap::new();
    walk(clean, "", "", &mut all);
    all
}
