//! Where in a file something is wrong: the case's name, the path of keys, line and column.

use super::CasesError;
use super::principal::PrincipalFacts;
use crate::judge::policy::instead;
use serde_json::error::Category;
use serde_json::{Error, Value, json};

/// Longest message that is repeated: what was written may be long.
const MESSAGE_CHARS_MAX: usize = 300;

/// One step into a JSON text.
enum Step {
    /// Into an object, at the key read last; `None` before the first.
    Key(Option<String>),
    /// Into an array, at the element.
    Element(usize),
}

/// What serde says of a file, with its place in words and what may have been meant.
pub(super) fn form_error(bytes: &[u8], error: &Error) -> CasesError {
    let steps = steps(before(bytes, error));
    let file: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = error.to_string();
    let message: String = without_place(&text).chars().take(MESSAGE_CHARS_MAX).collect();
    let mut path = String::new();
    let mut here = &file;
    let mut case = None;
    for step in &steps {
        match step {
            Step::Key(Some(key)) => {
                path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                here = &here[key.as_str()];
            }
            Step::Element(at) => {
                path = format!("{path}[{at}]");
                here = &here[at];
            }
            Step::Key(None) => {}
        }
        case = case.or_else(|| here["name"].as_str());
    }
    // The keys of a principal are read at once, when `kind` is known: the place is the whole of it.
    if let Some(key) = key_at_fault(here, &message) {
        path = format!("{path}.{key}");
    }
    let case = case.map(|name| format!("case {name:?}, ")).unwrap_or_default();
    let path = if path.is_empty() { String::new() } else { format!("{path}, ") };
    let place = format!("{case}{path}line {}, column {}", error.line(), error.column());
    let hint = match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => "the file must be one JSON object".to_owned(),
        Category::Data => meant(&message).unwrap_or_else(|| "`evidenced judge --schema` prints the form".to_owned()),
    };
    CasesError::Form { place, message, hint }
}

/// The text up to the error, without the character that it ends at: that may close what is wrong.
fn before<'a>(bytes: &'a [u8], error: &Error) -> &'a [u8] {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let start: usize = lines.map(<[u8]>::len).sum();
    let end = start + error.column().saturating_sub(1);
    bytes.get(..end).unwrap_or(bytes)
}

/// The way from the outermost value to where the text breaks off.
fn steps(text: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut string: Option<Vec<u8>> = None;
    let mut escaped = false;
    for byte in text {
        if let Some(held) = &mut string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    if let Some(Step::Key(key @ None)) = steps.last_mut() {
                        *key = Some(String::from_utf8_lossy(held).into_owned());
                    }
                    string = None;
                    continue;
                }
                _ => {}
            }
            held.push(*byte);
            continue;
        }
        match byte {
            b'"' => string = Some(Vec::new()),
            b'{' => steps.push(Step::Key(None)),
            b'[' => steps.push(Step::Element(0)),
            b'}' | b']' => {
                steps.pop();
            }
            b',' => match steps.last_mut() {
                Some(Step::Key(key)) => *key = None,
                Some(Step::Element(at)) => *at += 1,
                None => {}
            },
            _ => {}
        }
    }
    steps
}

fn without_place(text: &str) -> &str {
    text.rfind(" at line ").and_then(|end| text.get(..end)).unwrap_or(text)
}

/// The key of a principal whose value alone is refused with the same words.
fn key_at_fault<'a>(principal: &'a Value, message: &str) -> Option<&'a str> {
    let kind = principal.get("kind")?;
    if !message.starts_with("invalid ") && !message.starts_with("unknown variant ") {
        return None;
    }
    let refused = |key: &str, value: &Value| {
        let alone = json!({ "kind": kind, key: value });
        serde_json::from_value::<PrincipalFacts>(alone).is_err_and(|error| error.to_string().starts_with(message))
    };
    principal.as_object()?.iter().find(|(key, value)| refused(key, value)).map(|(key, _)| key.as_str())
}

/// From serde's "unknown field `x`, expected one of `a`, `b`": what was meant.
fn meant(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    let (unknown, rest) = rest.split_once("`, expected ")?;
    Some(instead(unknown, rest.split('`').skip(1).step_by(2)))
}

#[cfg(test)]
mod tests {
    use super::{Step, steps};

    #[test]
    fn the_way_to_where_a_text_breaks_off_is_found_through_strings_that_look_like_json() {
        let way = |text: &str| {
            let step = |step: &Step| match step {
                Step::Key(key) => key.clone().unwrap_or_else(|| "?".to_owned()),
                Step::Element(at) => at.to_string(),
            };
            steps(text.as_bytes()).iter().map(step).collect::<Vec<_>>().join(".")
        };
        assert_eq!(way(r#"{"a": [{"b": "x,\"{["}, {"c": 1, "d": [1, "#), "a.1.d.1");
        assert_eq!(way(r#"{"a": 1, "b"#), "?");
        assert_eq!(way(r#"{"a": {}, "b": tru"#), "b");
        assert_eq!(way(r#"{"a]\\": [[], "#), r"a]\\.1");
        assert_eq!(way(""), "");
    }
}
