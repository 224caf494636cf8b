//! Reads both files and checks them as a whole, one against the other. The first thing that is wrong is told with
//! file, line and id.

use super::{Catalogue, Control, Criterion};
use crate::judge::Test;
use crate::toml_file::{self, ConfigError, closest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::path::Path;
use toml::Spanned;

/// The built-in criteria: `config/criteria.toml`.
pub const CRITERIA: &str = include_str!("../../config/criteria.toml");

/// The built-in controls: `config/controls.toml`.
pub const CONTROLS: &str = include_str!("../../config/controls.toml");

/// Most criteria, and most controls, in a file.
const ENTRIES_MAX: usize = 2000;
/// Longest text, characters.
const TEXT_CHARS_MAX: usize = 2000;
/// Longest list.
const LIST_MAX: usize = 64;

/// What is wrong with an entry, and what to write instead.
type Wrong = (String, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CriteriaFile {
    #[serde(default)]
    criterion: Vec<Spanned<Criterion>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlsFile {
    #[serde(default)]
    control: Vec<Spanned<Control>>,
}

impl Catalogue {
    /// What is built in.
    pub fn built_in() -> Result<Self, ConfigError> {
        Self::load(None, None)
    }

    /// Reads and checks the files named; what is not named is built in.
    pub fn load(criteria: Option<&Path>, controls: Option<&Path>) -> Result<Self, ConfigError> {
        let criteria = File::read(criteria, "config/criteria.toml", CRITERIA)?;
        let controls = File::read(controls, "config/controls.toml", CONTROLS)?;
        let mut catalogue = Self { criteria: Vec::new(), controls: Vec::new() };
        let entries = criteria.parse::<CriteriaFile>()?.criterion;
        criteria.check(&entries, "criterion", |c| &c.id, check_criterion)?;
        catalogue.criteria = entries.into_iter().map(Spanned::into_inner).collect();
        let entries = controls.parse::<ControlsFile>()?.control;
        controls.check(&entries, "control", |c| &c.id, |control| check_control(control, &catalogue))?;
        controls.check_dependencies(&entries)?;
        catalogue.controls = entries.into_iter().map(Spanned::into_inner).collect();
        Ok(catalogue)
    }
}

/// A text and where it is from.
struct File {
    path: std::path::PathBuf,
    text: String,
}

impl File {
    fn read(path: Option<&Path>, built_in: &str, text: &str) -> Result<Self, ConfigError> {
        match path {
            Some(path) => {
                let absent = "[catalogue] names it; `evidenced config criteria` and `config controls` print ours";
                Ok(Self { path: path.to_owned(), text: toml_file::read(path, absent)? })
            }
            None => Ok(Self { path: built_in.into(), text: text.to_owned() }),
        }
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|e| toml_file::form_error(&self.path, &self.text, &e))
    }

    fn wrong(&self, span: Option<std::ops::Range<usize>>, (message, hint): Wrong) -> ConfigError {
        let message = format!("{}{message}", toml_file::place(&self.text, span));
        ConfigError { path: self.path.clone(), message, hint: Some(hint) }
    }

    /// How many there are, that no id is there twice, and each by itself.
    fn check<T>(
        &self,
        entries: &[Spanned<T>],
        what: &str,
        id: impl Fn(&T) -> &String,
        check: impl Fn(&T) -> Result<(), Wrong>,
    ) -> Result<(), ConfigError> {
        let count = entries.len();
        if count == 0 || count > ENTRIES_MAX {
            let hint = format!("write at least one [[{what}]], and at most {ENTRIES_MAX}");
            return Err(self.wrong(None, (format!("has {count} entries [[{what}]]"), hint)));
        }
        let mut seen = BTreeSet::new();
        for entry in entries {
            let (value, span) = (entry.get_ref(), Some(entry.span()));
            let id = id(value);
            check_id(id).map_err(|wrong| self.wrong(span.clone(), wrong))?;
            if !seen.insert(id.to_lowercase()) {
                let hint = "give each its own; letters that differ in case alone are the same".to_owned();
                return Err(self.wrong(span, (format!("{what} {id} is there a second time"), hint)));
            }
            check(value)
                .map_err(|(message, hint)| self.wrong(span.clone(), (format!("{what} {id}: {message}"), hint)))?;
        }
        Ok(())
    }

    /// Each dependency is a control, and none leads back to itself.
    fn check_dependencies(&self, entries: &[Spanned<Control>]) -> Result<(), ConfigError> {
        let mut waiting: Vec<&Spanned<Control>> = Vec::new();
        for entry in entries {
            let control = entry.get_ref();
            for id in &control.depends_on {
                let known = || entries.iter().map(|other| other.get_ref().id.as_str());
                known_word(id, "depends_on names", "a control of the file", known()).map_err(|(message, hint)| {
                    self.wrong(Some(entry.span()), (format!("control {}: {message}", control.id), hint))
                })?;
            }
            waiting.push(entry);
        }
        // Whatever waits for nothing that waits can be done; what is left when nothing can be, waits in a circle.
        loop {
            let names: BTreeSet<&str> = waiting.iter().map(|entry| entry.get_ref().id.as_str()).collect();
            let before = waiting.len();
            waiting.retain(|entry| entry.get_ref().depends_on.iter().any(|id| names.contains(id.as_str())));
            match waiting.first() {
                None => return Ok(()),
                Some(_) if waiting.len() < before => {}
                Some(first) => {
                    let message = format!("controls depend on each other in a circle: {}", circle(first, &waiting));
                    let hint = "take away one `depends_on` of them".to_owned();
                    return Err(self.wrong(Some(first.span()), (message, hint)));
                }
            }
        }
    }
}

/// From a control that waits along others that wait, until one comes again.
fn circle(first: &Spanned<Control>, waiting: &[&Spanned<Control>]) -> String {
    let mut way: Vec<&str> = vec![first.get_ref().id.as_str()];
    while let Some(next) = waiting
        .iter()
        .find(|entry| entry.get_ref().id == way[way.len() - 1])
        .and_then(|entry| entry.get_ref().depends_on.iter().find(|id| waiting.iter().any(|w| w.get_ref().id == **id)))
    {
        let start = way.iter().position(|id| id == next);
        way.push(next);
        if let Some(start) = start {
            return way[start..].join(" → ");
        }
    }
    way.join(" → ")
}

fn check_criterion(criterion: &Criterion) -> Result<(), Wrong> {
    for (key, text) in [
        ("group", &criterion.group),
        ("title", &criterion.title),
        ("about", &criterion.about),
        ("machine", &criterion.machine),
    ] {
        check_text(key, text)?;
    }
    check_list("also", &criterion.also)?;
    check_relations(&criterion.nist, &criterion.iso)
}

fn check_control(control: &Control, catalogue: &Catalogue) -> Result<(), Wrong> {
    for (key, text) in [
        ("title", &control.title),
        ("statement", &control.statement),
        ("owner_role", &control.owner_role),
        ("test_procedure", &control.test_procedure),
    ] {
        check_text(key, text)?;
    }
    if let Some(note) = &control.note {
        check_text("note", note)?;
    }
    for (key, list) in [("criteria", &control.criteria), ("evidence", &control.evidence)] {
        if list.is_empty() {
            return Err((format!("{key} is empty"), "name at least one".to_owned()));
        }
    }
    let lists = [
        ("also", &control.also),
        ("criteria", &control.criteria),
        ("key_for", &control.key_for),
        ("evidence", &control.evidence),
        ("tests", &control.tests),
        ("kinds", &control.kinds),
        ("depends_on", &control.depends_on),
    ];
    lists.into_iter().try_for_each(|(key, list)| check_list(key, list))?;
    for id in &control.criteria {
        catalogue.known_criterion(id).map_err(|unknown| (unknown.message, unknown.hint))?;
    }
    if let Some(id) = control.key_for.iter().find(|id| !control.criteria.contains(id)) {
        let hint = format!("a control can be key for its own criteria alone: {}", control.criteria.join(", "));
        return Err((format!("key_for names `{id}`, which is not among its criteria"), hint));
    }
    for test in &control.tests {
        known_word(test, "tests names", "a test of this program", Test::NAMES.iter().copied())?;
    }
    for kind in &control.kinds {
        let known = evidenced_collectors::KINDS.iter().map(|kind| kind.name);
        known_word(kind, "kinds names", "a kind of this program", known)?;
    }
    check_relations(&control.nist, &control.iso)
}

fn known_word<'a>(word: &str, names: &str, what: &str, known: impl IntoIterator<Item = &'a str>) -> Result<(), Wrong> {
    match closest(word, known) {
        Some((_, known)) if known == word => Ok(()),
        nearest => {
            let hint = nearest.map(|(_, known)| format!("the nearest is `{known}`")).unwrap_or_default();
            Err((format!("{names} `{}`, which is not {what}", shortened(word)), hint))
        }
    }
}

/// As names of collectors and controls in a configuration: they become paths and cells.
fn check_id(id: &str) -> Result<(), Wrong> {
    let fits = !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !id.starts_with('.');
    let hint = "letters, digits, `-`, `_` and `.`, at most 64";
    if fits { Ok(()) } else { Err((format!("`{}` cannot be an id", shortened(id)), hint.to_owned())) }
}

fn check_text(key: &str, text: &str) -> Result<(), Wrong> {
    if text.trim().is_empty() {
        return Err((format!("{key} is empty"), "write what the heading of the built-in file asks for".to_owned()));
    }
    let chars = text.chars().count();
    if chars > TEXT_CHARS_MAX {
        return Err((format!("{key} has {chars} characters, more than {TEXT_CHARS_MAX}"), "be brief".to_owned()));
    }
    if text.chars().any(char::is_control) {
        return Err((
            format!("{key} has a control character or the end of a line in it"),
            "one line of text".to_owned(),
        ));
    }
    Ok(())
}

fn check_list(key: &str, list: &[String]) -> Result<(), Wrong> {
    if list.len() > LIST_MAX {
        return Err((format!("{key} has {} entries, more than {LIST_MAX}", list.len()), "be brief".to_owned()));
    }
    list.iter().try_for_each(|text| check_text(key, text))?;
    match list.iter().enumerate().find(|(at, text)| list[..*at].contains(text)) {
        Some((_, twice)) => Err((format!("{key} names `{}` twice", shortened(twice)), "once is enough".to_owned())),
        None => Ok(()),
    }
}

fn check_relations(nist: &[String], iso: &[String]) -> Result<(), Wrong> {
    check_list("nist", nist)?;
    check_list("iso", iso)?;
    if let Some(id) = nist.iter().find(|id| !is_nist(id)) {
        return Err((
            format!("nist: `{}` is no control of SP 800-53", shortened(id)),
            "like `AC-2` or `IA-2(1)`".into(),
        ));
    }
    if let Some(id) = iso.iter().find(|id| !is_iso(id)) {
        let hint = "`A.5.15` of Annex A, `C.6.1.2` for a clause".to_owned();
        return Err((format!("iso: `{}` is no part of ISO/IEC 27001", shortened(id)), hint));
    }
    Ok(())
}

/// Two letters, a number, and maybe the number of an enhancement.
fn is_nist(id: &str) -> bool {
    let Some((family, rest)) = id.split_once('-') else { return false };
    let (number, enhancement) = match rest.split_once('(') {
        Some((number, rest)) => (number, rest.strip_suffix(')')),
        None => (rest, Some("1")),
    };
    family.len() == 2
        && family.bytes().all(|b| b.is_ascii_uppercase())
        && is_number(number)
        && enhancement.is_some_and(is_number)
}

/// `A.` or `C.` and two to four numbers: a clause may have one alone.
fn is_iso(id: &str) -> bool {
    let numbers = id.strip_prefix("A.").or_else(|| id.strip_prefix("C."));
    numbers.is_some_and(|numbers| numbers.split('.').all(is_number) && numbers.split('.').count() <= 4)
}

fn is_number(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// A word of the file as an error repeats it.
fn shortened(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(64).collect()
}
