//! Where in a file something is wrong: the case's name, the path of keys, line and column.

use super::CasesError;
use super::principal::PrincipalFacts;
use crate::judge::policy::instead;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::{Error, Value, json};

/// Longest message that is repeated: what was written may be long.
const MESSAGE_CHARS_MAX: usize = 300;

/// How serde's own sentences about a value begin. Any other is about a time.
const OF_SERDE: [&str; 5] = ["invalid ", "unknown ", "missing ", "duplicate ", "EOF "];

/// One step into a JSON text.
enum Step {
    /// Into an object, at the key read last; `None` before the first.
    Key(Option<String>),
    /// Into an array, at the element.
    Element(usize),
}

/// What serde says of a file, with its place in words and what may have been meant.
pub(super) fn form_error(bytes: &[u8], error: &Error) -> CasesError {
    let file: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let mut steps = steps(before(bytes, error));
    let text = error.to_string();
    let text = without_place(&text);
    if let Some(Step::Key(Some(key))) = steps.last() {
        let key = key.clone();
        let here = follow(&file, &steps);
        // The keys of a principal are read at once, when `kind` is known: the place is the whole of it.
        if key == "principal" && refused(here, text) {
            steps.push(Step::Key(key_at_fault(here, text)));
        } else if text.starts_with("missing field") {
            steps.pop();
        }
    }
    let message: String = match follow(&file, &steps) {
        Value::String(word) if !OF_SERDE.iter().any(|words| text.starts_with(words)) => {
            format!("{word:?} is no time as in 2026-03-31T23:59:59Z: {text}")
        }
        _ => text.to_owned(),
    };
    let hint = match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => "the file must be one JSON object".to_owned(),
        Category::Data => meant(&message).unwrap_or_else(|| "`evidenced judge --schema` prints the form".to_owned()),
    };
    let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
    let place = format!("{}line {}, column {}", words(&file, &steps), error.line(), error.column());
    CasesError::Form { place, message, hint }
}

fn follow<'a>(file: &'a Value, steps: &[Step]) -> &'a Value {
    steps.iter().fold(file, |here, step| match step {
        Step::Key(Some(key)) => &here[key.as_str()],
        Step::Element(at) => &here[at],
        Step::Key(None) => here,
    })
}

/// `case "no review", change[3].change.landing, `
fn words(file: &Value, steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(Some(key)) if path.is_empty() => path.clone_from(key),
            Step::Key(Some(key)) => path = format!("{path}.{key}"),
            Step::Element(at) => path = format!("{path}[{at}]"),
            Step::Key(None) => {}
        }
    }
    let case = steps.get(..2).and_then(|entry| follow(file, entry)["name"].as_str());
    let case = case.map(|name| format!("case {name:?}, ")).unwrap_or_default();
    if path.is_empty() { case } else { format!("{case}{path}, ") }
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

/// Whether that is what is wrong with a principal.
fn refused(principal: &Value, message: &str) -> bool {
    PrincipalFacts::deserialize(principal).is_err_and(|error| error.to_string() == message)
}

/// The key of a principal whose value alone is refused with the same words; none if a key is missing or unknown.
fn key_at_fault(principal: &Value, message: &str) -> Option<String> {
    let alone = |key: &str, value: &Value| json!({ "kind": principal["kind"], key: value });
    if message.starts_with("missing field") || message.starts_with("unknown field") {
        return None;
    }
    principal.as_object()?.iter().find(|(key, value)| refused(&alone(key, value), message)).map(|(key, _)| key.clone())
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
