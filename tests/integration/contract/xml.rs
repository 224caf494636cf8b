//! Answers in XML that say something else: one element is absent, or says what nobody knows. And the credential
//! report inside one, which is a table.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::collections::BTreeMap;
use std::ops::Range;

/// Elements of one list that are tried.
const ELEMENTS_MAX: usize = 8;

/// One element: where it is, and where its content is.
struct Element {
    all: Range<usize>,
    content: Range<usize>,
    leaf: bool,
}

/// Every change of one answer: what was done, and the answer after it. `marker` is the one asked with.
pub(crate) fn changes(clean: &str, marker: Option<&str>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (shape, elements) in elements(clean) {
        let name = shape.rsplit('/').next().unwrap_or_default();
        let put = |at: &Range<usize>, text: &str| format!("{}{text}{}", &clean[..at.start], &clean[at.end..]);
        if ["member", "entry"].contains(&name) {
            let step = elements.len().div_ceil(ELEMENTS_MAX).max(1);
            for element in elements.iter().step_by(step) {
                let which = which(&clean[element.all.clone()]);
                all.push((format!("an element removed: {shape}{which}"), put(&element.all, "")));
            }
            let mut say = |what: &str, changed: String| all.push((format!("{what}: {shape}"), changed));
            let (first, last) = (&elements[0], &elements[elements.len() - 1]);
            say("page: empty", put(&(first.all.start..last.all.end), ""));
            // Entries are a table, in which the second word counts.
            if name == "member" {
                say("an element twice", put(&(first.all.end..first.all.end), &clean[first.all.clone()]));
            }
            if name == "member" && elements.len() > 1 {
                say("an element in the place of another", put(&last.all, &clean[first.all.clone()]));
            }
            continue;
        }
        let mut say = |what: &str, changed: String| all.push((format!("{what}: {shape}"), changed));
        let ends = [&elements[0], &elements[elements.len() - 1]];
        for element in if elements.len() == 1 { &ends[..1] } else { &ends[..] } {
            say("absent", put(&element.all, ""));
            let text = &clean[element.content.clone()];
            if element.leaf && name != "key" && !text.trim().is_empty() {
                say("an unknown word", put(&element.content, odd(name)));
            }
            if name == "IsTruncated" {
                say("page: more, or no more", put(&element.content, if text == "true" { "false" } else { "true" }));
            }
            if let Some(marker) = marker.filter(|_| name == "Marker") {
                say("page: the next one is itself", put(&element.content, marker));
            }
            if name == "Content" {
                let table = String::from_utf8(BASE64.decode(text).unwrap()).unwrap();
                for (what, table) in tables(&table) {
                    say(&what, put(&element.content, &BASE64.encode(table)));
                }
            }
        }
    }
    all
}

/// Which element of a list it is, where that decides whether anybody reads it.
fn which(element: &str) -> String {
    match element.split_once("<key>").and_then(|(_, rest)| rest.split_once("</key>")) {
        Some((key, _)) => format!("/{key}"),
        None if element.contains("<SerialNumber>") && !element.contains("<UserName>") && !element.contains("<Arn>") => {
            "/unassigned".to_owned()
        }
        None => String::new(),
    }
}

/// What stands nowhere in AWS's documentation of the element.
fn odd(name: &str) -> &'static str {
    match name {
        "SerialNumber" => "arn:aws:iam::111122223333:something-new/x",
        "Arn" => "arn:aws:iam::999988887777:something-new",
        _ => "something-new",
    }
}

/// Every change of the credential report.
fn tables(clean: &str) -> Vec<(String, String)> {
    let rows: Vec<Vec<&str>> = clean.lines().map(|line| line.split(',').collect()).collect();
    let text = |rows: &[Vec<&str>]| rows.iter().map(|row| row.join(",")).collect::<Vec<_>>().join("\n");
    let mut all = Vec::new();
    for number in 1..rows.len().min(1 + ELEMENTS_MAX) {
        let mut less = rows.clone();
        let row = less.remove(number);
        all.push((format!("report: without row {}", row[0]), text(&less)));
    }
    for (column, name) in rows[0].iter().enumerate() {
        let mut other = rows.clone();
        other[1][column] = "maybe";
        other[rows.len() - 1][column] = "maybe";
        all.push((format!("report: an unknown word in {name}"), text(&other)));
        let mut other = rows.clone();
        other[0][column] = "something_new";
        all.push((format!("report: without the column {name}"), text(&other)));
    }
    let mut twice = rows.clone();
    twice.push(rows[rows.len() - 1].clone());
    all.push(("report: a row twice".to_owned(), text(&twice)));
    let mut instead = rows.clone();
    instead[rows.len() - 1] = rows[rows.len() - 2].clone();
    all.push(("report: a row in the place of another".to_owned(), text(&instead)));
    all.push(("report: cut".to_owned(), clean[..clean.len() - 20].to_owned()));
    all.push(("report: the header alone".to_owned(), text(&rows[..1])));
    all
}

/// Elements by their path, in the order of the text.
fn elements(text: &str) -> BTreeMap<String, Vec<Element>> {
    let mut all: BTreeMap<String, Vec<Element>> = BTreeMap::new();
    let mut open: Vec<(String, usize, usize, bool)> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|found| at + found) {
        let Some(end) = text[start..].find('>').map(|found| start + found + 1) else { break };
        let tag = &text[start + 1..end - 1];
        at = end;
        if tag.starts_with(['?', '!']) || tag.ends_with('/') {
            continue;
        }
        if tag.starts_with('/') {
            let Some((shape, from, content, leaf)) = open.pop() else { break };
            all.entry(shape).or_default().push(Element { all: from..end, content: content..start, leaf });
        } else {
            let name = tag.split_whitespace().next().unwrap_or_default();
            let parent = open.last_mut().map_or(String::new(), |(shape, _, _, leaf)| {
                *leaf = false;
                shape.clone()
            });
            open.push((format!("{parent}/{name}"), start, end, true));
        }
    }
    all
}
