//! Search by words over criteria and controls, with a score that can be explained: every point says which word
//! was found in which key.
//!
//! A word counts once, where it weighs most: 8 in an id, 4 in a title or another name, 2 in the description, 1 in
//! everything else; half of it if what stands there only begins with the word. What has more of the words comes
//! first, then what has more points, then what stands first in the catalogue.

use super::{Catalogue, Control, Criterion, Unknown};
use serde::Serialize;

/// Longest query, characters.
pub const QUERY_CHARS_MAX: usize = 200;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found<'a> {
    /// A criterion.
    Criterion(&'a Criterion),
    /// A control.
    Control(&'a Control),
}

/// One thing found, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit<'a> {
    /// All points together.
    pub score: u32,
    /// Where they come from, one entry for each word that was found.
    pub points: Vec<Points<'a>>,
    /// The criterion or control.
    #[serde(flatten)]
    pub found: Found<'a>,
}

/// What one word of the query brought.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Points<'a> {
    /// As it was asked for.
    pub word: String,
    /// The key that it stands in.
    pub key: &'static str,
    /// The word that stands there.
    pub stands: &'a str,
    /// How many.
    pub points: u32,
}

/// A key, its weight and its text.
type Field<'a> = (&'static str, u32, &'a str);

impl Catalogue {
    /// Everything that has at least one of the words, best first.
    pub fn search(&self, query: &str) -> Result<Vec<Hit<'_>>, Unknown> {
        let asked = words(query).map(str::to_lowercase).fold(Vec::new(), |mut asked: Vec<String>, word| {
            if !asked.contains(&word) {
                asked.push(word);
            }
            asked
        });
        if asked.is_empty() || query.chars().count() > QUERY_CHARS_MAX {
            return Err(Unknown {
                message: "there is nothing to search for".to_owned(),
                hint: format!("give one or more words, at most {QUERY_CHARS_MAX} characters"),
            });
        }
        let criteria = self.criteria.iter().map(|c| (Found::Criterion(c), criterion_fields(c)));
        let controls = self.controls.iter().map(|c| (Found::Control(c), control_fields(c)));
        let mut hits: Vec<Hit<'_>> = Vec::new();
        for (found, fields) in criteria.chain(controls) {
            let points: Vec<Points<'_>> = asked.iter().filter_map(|word| best(word, &fields)).collect();
            if !points.is_empty() {
                hits.push(Hit { score: points.iter().map(|p| p.points).sum(), points, found });
            }
        }
        // The sort is stable: what is equal stays in the order of the catalogue.
        hits.sort_by_key(|hit| std::cmp::Reverse((hit.points.len(), hit.score)));
        Ok(hits)
    }
}

/// Weights are doubled, so that half of one is whole.
fn criterion_fields(criterion: &Criterion) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = vec![("id", 16, &criterion.id), ("title", 8, &criterion.title)];
    fields.extend(criterion.also.iter().map(|text| ("also", 8, text.as_str())));
    fields.extend([("about", 4, criterion.about.as_str()), ("group", 4, &criterion.group)]);
    fields.push(("machine", 2, &criterion.machine));
    fields.extend(criterion.nist.iter().map(|text| ("nist", 2, text.as_str())));
    fields.extend(criterion.iso.iter().map(|text| ("iso", 2, text.as_str())));
    fields
}

fn control_fields(control: &Control) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = vec![("id", 16, &control.id), ("title", 8, &control.title)];
    fields.extend(control.also.iter().map(|text| ("also", 8, text.as_str())));
    fields.push(("statement", 4, &control.statement));
    fields.extend(control.evidence.iter().map(|text| ("evidence", 2, text.as_str())));
    fields.extend([("test_procedure", 2, control.test_procedure.as_str()), ("owner_role", 2, &control.owner_role)]);
    fields.extend(control.criteria.iter().map(|text| ("criteria", 2, text.as_str())));
    fields.extend(control.tests.iter().map(|text| ("tests", 2, text.as_str())));
    fields.extend(control.kinds.iter().map(|text| ("kinds", 2, text.as_str())));
    fields.extend(control.nist.iter().map(|text| ("nist", 2, text.as_str())));
    fields.extend(control.iso.iter().map(|text| ("iso", 2, text.as_str())));
    fields
}

/// Where a word weighs most; of equals the first.
fn best<'a>(word: &str, fields: &[Field<'a>]) -> Option<Points<'a>> {
    let mut best: Option<Points<'a>> = None;
    for (key, weight, text) in fields {
        for stands in words(text) {
            let lower = stands.to_lowercase();
            let points = match lower.strip_prefix(word) {
                Some("") => *weight,
                // A letter or two begin too many words.
                Some(_) if word.chars().count() > 2 => weight / 2,
                _ => continue,
            };
            if best.as_ref().is_none_or(|best| best.points < points) {
                best = Some(Points { word: word.to_owned(), key, stands, points });
            }
        }
    }
    best
}

/// Letters and digits that belong together; ids such as `CC6.1`, `SEC-001`, `IA-2(1)` and `aws_iam` stay whole.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| !c.is_alphanumeric() && !"._-()".contains(c);
    text.split(ends).map(|word| word.trim_matches(['.', '-', '_', '('])).filter(|word| !word.is_empty())
}
