//! TOML that a user wrote: reading it within a limit, and saying what is wrong with it and where. What must
//! stand in such a file is said by `config` and `catalogue`.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// A file that cannot be used. Nothing of it is.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}{}", .path.display(), .hint.as_ref().map(|h| format!("\nhint: {h}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with the key or the line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Largest file, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The text of a file; `absent` is the hint when it cannot be read.
pub(crate) fn read(path: &Path, absent: &str) -> Result<String, ConfigError> {
    let fail =
        |message: String, hint: &str| ConfigError { path: path.to_owned(), message, hint: Some(hint.to_owned()) };
    let size = std::fs::metadata(path).map_err(|e| fail(format!("cannot be read: {e}"), absent))?.len();
    if size > FILE_BYTES_MAX {
        return Err(fail(format!("has {size} bytes, more than {FILE_BYTES_MAX}"), "is it the right file?"));
    }
    std::fs::read_to_string(path).map_err(|e| fail(format!("cannot be read: {e}"), "it must be UTF-8 text"))
}

/// What the parser says of a text, with its place and without what was written there.
pub(crate) fn form_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let message = format!("{}{}", place(text, error.span()), without_values(error.message()));
    ConfigError { path: path.to_owned(), hint: hint_of(error.message()), message }
}

/// Line and column. Never the line itself: somebody may have written a secret there.
pub(crate) fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let Some(before) = span.and_then(|span| text.get(..span.start)) else { return String::new() };
    let (line, rest) = (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default());
    format!("line {line}, column {}: ", rest.chars().count() + 1)
}

/// serde's message without the value that was written: `string "…"` becomes `a string`.
pub(crate) fn without_values(message: &str) -> String {
    if let Some((before, rest)) = message.split_once("unknown variant `") {
        let after =
            rest.rsplit_once("`, expected ").map(|(_, after)| format!(", expected {after}")).unwrap_or_default();
        return format!("{before}an unknown value{after}");
    }
    match message.split_once("string \"") {
        Some((before, rest)) => match rest.rsplit_once('"') {
            Some((_, after)) => format!("{before}a string{after}"),
            None => format!("{before}a string"),
        },
        None => message.to_owned(),
    }
}

/// From serde's "unknown field `x`, expected one of `a`, `b`": the one that was meant; from "missing field `x`": where
/// it is shown.
pub(crate) fn hint_of(message: &str) -> Option<String> {
    if let Some((field, _)) = message.split_once("missing field `").and_then(|(_, rest)| rest.split_once('`')) {
        return Some(format!("write `{field}` there; the examples in config/ show it"));
    }
    let (_, rest) = message.split_once("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    closest(unknown, rest.split('`').skip(1).step_by(2))
        .filter(|(steps, _)| *steps <= 3)
        .map(|(_, known)| format!("did you mean `{known}`?"))
}

/// The known word that is fewest steps away from the one given, and how many; of several the one that begins
/// most alike. Case makes no step.
pub(crate) fn closest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    // Longer words are nobody's slip of the pen, and cost time.
    let given: String = given.chars().take(64).collect::<String>().to_lowercase();
    let far = |word: &str| {
        let word = word.to_lowercase();
        let alike = given.chars().zip(word.chars()).take_while(|(a, b)| a == b).count();
        (strsim::damerau_levenshtein(&given, &word), Reverse(alike))
    };
    known.into_iter().map(|word| (far(word), word)).min().map(|((steps, _), word)| (steps, word))
}
