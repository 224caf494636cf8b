//! The files are those that a bundle of these records has, and what is made of others is made again and
//! compared byte for byte.

use super::container::{Archive, Entry};
use super::parallel::in_order;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::derive::derive;
use crate::bundle::format::{BAGIT, Contents, MANIFEST, Plan, Planned, What, closing, layout, population};
use crate::bundle::tools;
use crate::ledger::record::Status;
use std::io::{BufRead, BufReader, Cursor, Write};

/// Files of up to this many bytes are read whole.
const SMALL_BYTES: u64 = 65_536;
/// Tables that a thread makes at a time.
const STRETCH: usize = 64;

/// Checks which files there are.
pub(super) fn files(archive: &Archive, contents: &Contents) -> (Check, Option<Plan>) {
    let mut checking = Checking::new("files");
    let plan = checking.take(layout(contents, &BundleSource::of(archive)));
    if let Some(plan) = &plan {
        let compared = both(archive, contents, plan, &mut checking);
        checking.take(compared);
    }
    (checking.done(format!("{} files, none missing and none besides", archive.count)), plan)
}

/// Walks through what there is and what there should be, side by side.
fn both(archive: &Archive, contents: &Contents, plan: &Plan, checking: &mut Checking) -> Result<(), BundleError> {
    let unplanned = |entry: &Result<Entry, BundleError>| !matches!(entry, Ok(entry) if entry.path == MANIFEST || closing(&entry.path));
    let mut entries = archive.entries().filter(unplanned).peekable();
    let besides = |entry: Entry, checking: &mut Checking| {
        let record = entry.path.strip_prefix("data/proofs/").and_then(|name| name.strip_suffix(".tlog-proof"));
        let why = match record {
            Some(record) => format!("is the proof of data/records/{record}.json, which is missing"),
            None => "is no file of a bundle of these records".to_owned(),
        };
        checking.wrong(entry.path.clone(), why);
    };
    plan.each(contents, &BundleSource::of(archive), |planned| {
        while let Some(entry) = entries.next_if(|entry| !matches!(entry, Ok(entry) if entry.path >= planned.path)) {
            besides(entry?, checking);
        }
        if entries.next_if(|entry| matches!(entry, Ok(entry) if entry.path == planned.path)).is_none() {
            checking.wrong(planned.path, "is missing");
        }
        Ok(())
    })?;
    entries.try_for_each(|entry| {
        besides(entry?, checking);
        Ok(())
    })
}

/// Makes every derived file again.
pub(super) fn check(archive: &Archive, contents: &Contents, plan: Option<&Plan>) -> Check {
    let (mut checking, mut count) = (Checking::new("derived files"), 0);
    let mut take = |again: Again| {
        checking.append(again.checking);
        count += again.count;
    };
    let Some(plan) = plan else { return checking.done(String::new()) };
    let files: Vec<Planned> = plan.derived().collect();
    in_order(0..files.len(), |at| Again::of(archive, contents, files.get(at).cloned()), &mut take);
    let populations: Vec<(&u64, &Status)> = contents.populations.iter().collect();
    let stretches: Vec<&[(&u64, &Status)]> = populations.chunks(STRETCH).collect();
    let tables = |at: usize| stretches[at].iter().copied().map(population);
    in_order(0..stretches.len(), |at| Again::of(archive, contents, tables(at)), &mut take);
    checking.done(format!("{count} files are what follows from the committed data"))
}

/// Some files made again.
struct Again {
    count: u64,
    checking: Checking,
}

impl Again {
    fn of(archive: &Archive, contents: &Contents, files: impl IntoIterator<Item = Planned>) -> Self {
        let mut again = Self { count: 0, checking: Checking::new("derived files") };
        let source = BundleSource::of(archive);
        files.into_iter().for_each(|file| again.file(archive, contents, &source, file));
        again
    }

    fn file(
        &mut self,
        archive: &Archive,
        contents: &Contents,
        source: &BundleSource<'_>,
        Planned { path, what }: Planned,
    ) {
        // That a file is missing has been said.
        let Some(Some(entry)) = self.checking.take(archive.find(&path)) else { return };
        let small = (entry.size <= SMALL_BYTES).then(|| archive.read_entry(&entry).ok()).flatten();
        let found: Box<dyn BufRead> = match small {
            Some(content) => Box::new(Cursor::new(content)),
            // Also what cannot be read: the comparison says how.
            None => Box::new(BufReader::new(archive.open_entry(&entry))),
        };
        let mut comparing = Comparing::new(found);
        let made = match &what {
            What::Derived(what) => derive(what, contents, source, &mut comparing),
            What::Bagit => comparing.write_all(BAGIT.as_bytes()).map_err(BundleError::io("bagit.txt")),
            What::Tool(at) => comparing.write_all(tools::ALL[*at].text.as_bytes()).map_err(BundleError::io("a tool")),
            _ => return,
        };
        self.count += 1;
        match made.and_then(|()| comparing.end().map_err(|e| BundleError::malformed(&path, e))) {
            Ok(None) => {}
            Ok(Some(line)) => {
                let why = match what {
                    What::Tool(_) => "is not that of the tool as released: take the tools from the release",
                    _ => "is not what follows from the committed data",
                };
                self.checking.wrong(path, format!("line {line} {why}"));
            }
            Err(error) => {
                let (file, why) = error.parts();
                self.checking.wrong(path, format!("cannot be made again: {file}: {why}"));
            }
        }
    }
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
