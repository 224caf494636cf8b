//! Reads GraphQL documents: as much of the language as the collector writes. Resolves nothing.

use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// One query with its fragments.
#[derive(Debug)]
pub(super) struct Document {
    pub selections: Vec<Selection>,
    pub fragments: BTreeMap<String, (String, Vec<Selection>)>,
}

/// One entry of a selection set.
#[derive(Debug)]
pub(super) enum Selection {
    /// `alias: name(arguments) { … }`.
    Field { alias: String, name: String, arguments: BTreeMap<String, Value>, selections: Vec<Selection> },
    /// `... on Type { … }`.
    On(String, Vec<Selection>),
    /// `...name`.
    Spread(String),
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    variables: &'a Map<String, Value>,
}

/// Reads a document, putting the variables' values in.
pub(super) fn read(text: &str, variables: &Map<String, Value>) -> Result<Document, String> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, variables };
    let mut document = Document { selections: Vec::new(), fragments: BTreeMap::new() };
    while reader.peek().is_some() {
        match reader.word()?.as_str() {
            "query" => {
                if reader.take(b'(') {
                    while !reader.take(b')') {
                        reader.at += 1;
                        if reader.at >= reader.text.len() {
                            return Err("variables without an end".to_owned());
                        }
                    }
                }
                document.selections = reader.selections()?;
            }
            "fragment" => {
                let name = reader.word()?;
                reader.keyword("on")?;
                let on = reader.word()?;
                let selections = reader.selections()?;
                document.fragments.insert(name, (on, selections));
            }
            other => return Err(format!("unexpected {other}")),
        }
    }
    Ok(document)
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(|b| b.is_ascii_whitespace() || *b == b',') {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.take(byte) { Ok(()) } else { Err(format!("expected {:?} at {}", char::from(byte), self.at)) }
    }

    fn word(&mut self) -> Result<String, String> {
        self.peek();
        let from = self.at;
        while self.text.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            self.at += 1;
        }
        if from == self.at {
            return Err(format!("expected a name at {from}"));
        }
        Ok(String::from_utf8_lossy(&self.text[from..self.at]).into_owned())
    }

    fn keyword(&mut self, wanted: &str) -> Result<(), String> {
        let word = self.word()?;
        if word == wanted { Ok(()) } else { Err(format!("expected {wanted}, found {word}")) }
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.expect(b'{')?;
        let mut selections = Vec::new();
        while !self.take(b'}') {
            selections.push(self.selection()?);
        }
        Ok(selections)
    }

    fn selection(&mut self) -> Result<Selection, String> {
        if self.take(b'.') {
            self.expect(b'.')?;
            self.expect(b'.')?;
            let word = self.word()?;
            return if word == "on" {
                Ok(Selection::On(self.word()?, self.selections()?))
            } else {
                Ok(Selection::Spread(word))
            };
        }
        let first = self.word()?;
        let (alias, name) = if self.take(b':') { (first, self.word()?) } else { (first.clone(), first) };
        let mut arguments = BTreeMap::new();
        if self.take(b'(') {
            while !self.take(b')') {
                let argument = self.word()?;
                self.expect(b':')?;
                arguments.insert(argument, self.value()?);
            }
        }
        let selections = if self.peek() == Some(b'{') { self.selections()? } else { Vec::new() };
        Ok(Selection::Field { alias, name, arguments, selections })
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some(b'$') => {
                self.at += 1;
                let name = self.word()?;
                self.variables.get(&name).cloned().ok_or_else(|| format!("variable ${name} has no value"))
            }
            Some(b'"') => {
                let from = self.at;
                self.at += 1;
                while self.text.get(self.at).is_some_and(|b| *b != b'"') {
                    self.at += 1 + usize::from(self.text[self.at] == b'\\');
                }
                self.at += 1;
                serde_json::from_slice(self.text.get(from..self.at).unwrap_or_default()).map_err(|e| e.to_string())
            }
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.take(b']') {
                    items.push(self.value()?);
                }
                Ok(Value::Array(items))
            }
            _ => {
                let word = self.word()?;
                Ok(word.parse::<u64>().map_or(Value::String(word), |number| Value::Number(Number::from(number))))
            }
        }
    }
}
