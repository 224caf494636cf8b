//! The files are those that a bundle of these records has, and what is made of others is made again and
//! compared byte for byte.

use super::container::Archive;
use super::manifest::UNLISTED;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::derive::derive;
use crate::bundle::format::{BAGIT, Contents, MANIFEST, Planned, What, layout};
use crate::bundle::tools;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};

/// Checks which files there are.
pub(super) fn files(archive: &Archive, contents: &Contents) -> (Check, Vec<Planned>) {
    let mut checking = Checking::new("files");
    let planned = checking.take(layout(contents, &BundleSource(archive))).unwrap_or_default();
    let expected: BTreeSet<&str> = planned.iter().map(|planned| planned.path.as_str()).collect();
    if !expected.is_empty() {
        for path in expected.iter().filter(|path| archive.find(path).is_none()) {
            checking.wrong(*path, "is missing");
        }
        for entry in &archive.entries {
            let path = entry.path.as_str();
            let known = path == MANIFEST || UNLISTED.contains(&path) || expected.contains(path);
            let record = path.strip_prefix("data/proofs/").and_then(|name| name.strip_suffix(".tlog-proof"));
            let why = match record {
                Some(record) => format!("is the proof of data/records/{record}.json, which is missing"),
                None => "is no file of a bundle of these records".to_owned(),
            };
            checking.expect(known, &entry.path, why);
        }
    }
    (checking.done(format!("{} files, none missing and none besides", archive.entries.len())), planned)
}

/// Makes every derived file again.
pub(super) fn check(archive: &Archive, contents: &Contents, planned: &[Planned]) -> Check {
    let mut checking = Checking::new("derived files");
    let source = BundleSource(archive);
    let mut count = 0_u64;
    for Planned { path, what } in planned {
        let Some(entry) = archive.find(path).and_then(|at| archive.entries.get(at)) else { continue };
        let mut comparing = Comparing::new(BufReader::new(archive.open_entry(entry)));
        let made = match what {
            What::Derived(what) => derive(what, contents, &source, &mut comparing),
            What::Bagit => comparing.write_all(BAGIT.as_bytes()).map_err(BundleError::io("bagit.txt")),
            What::Tool(at) => comparing.write_all(tools::ALL[*at].text.as_bytes()).map_err(BundleError::io("a tool")),
            _ => continue,
        };
        count += 1;
        match made.and_then(|()| comparing.end().map_err(|e| BundleError::malformed(path, e))) {
            Ok(None) => {}
            Ok(Some(line)) => {
                let why = match what {
                    What::Tool(_) => "is not that of the tool as released: take the tools from the release".to_owned(),
                    _ => "is not what follows from the committed data".to_owned(),
                };
                checking.wrong(path, format!("line {line} {why}"));
            }
            Err(error) => {
                let (file, why) = error.parts();
                checking.wrong(path, format!("cannot be made again: {file}: {why}"));
            }
        }
    }
    checking.done(format!("{count} files are what follows from the committed data"))
}

/// Takes what should be there, and compares it with what is.
struct Comparing<R> {
    found: R,
    line: u64,
    differs: Option<u64>,
}

impl<R: BufRead> Comparing<R> {
    fn new(found: R) -> Self {
        Self { found, line: 1, differs: None }
    }

    /// The first line that differs, if one does.
    fn end(mut self) -> std::io::Result<Option<u64>> {
        let mut rest = [0];
        if self.differs.is_none() && self.found.read(&mut rest)? > 0 {
            self.differs = Some(self.line);
        }
        Ok(self.differs)
    }
}

impl<R: BufRead> Write for Comparing<R> {
    fn write(&mut self, expected: &[u8]) -> std::io::Result<usize> {
        if self.differs.is_some() || expected.is_empty() {
            return Ok(expected.len());
        }
        let found = self.found.fill_buf()?;
        let length = found.len().min(expected.len());
        if length == 0 || found[..length] != expected[..length] {
            let same = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
            self.line += newlines(&expected[..same]);
            self.differs = Some(self.line);
            return Ok(expected.len());
        }
        self.line += newlines(&expected[..length]);
        self.found.consume(length);
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
