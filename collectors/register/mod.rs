//! Registers: lists that people keep, as CSV files in a directory, which may be a checkout of a repository.
//!
//! Here: the straight line from listing to population. `forms` has the lists and their columns, `table` and
//! `cell` read one file, `memory` and `changes` hold what was read against what earlier runs read, `settings` has the
//! configuration, `locate` finds a row again in what was sealed. A register with one bad row is not taken in
//! at all. Whether what it says is good enough is not decided here; that is the judge's.

mod cell;
mod changes;
mod forms;
mod locate;
mod memory;
mod settings;
mod table;
#[cfg(test)]
mod tests;

use crate::contract::register::Place;
use crate::contract::{
    Asking, CollectError, Collector, Ipe, Items, Kind, Partial, Population, Reading, Remembers, Rights, SettingsError,
    Task, Unread, Whole, carry,
};
use crate::door::{Door, FileEntry};
use crate::sources::files::{self, not_listed, not_read, told};
use forms::List;
use memory::{Memory, Was};
use serde_json::{Map, Value, json};
use settings::Settings;
use std::collections::{BTreeMap, HashSet};
use table::{Fault, Row};

pub(crate) const KIND: Kind = Kind {
    name: "register",
    version: 1,
    about: "Registers that people keep, as CSV: vendors, workforce, risks, incidents, access reviews, assets",
    reading: Reading::Snapshot,
    keeps: true,
    permissions: &[files::READ],
    needs: files::needs,
    build,
    settings_schema: || schemars::schema_for!(Settings),
    locate: locate::locate,
};

/// What the door's records call this source.
const SOURCE: &str = "registers";

/// Most faults named one by one.
const NAMED_MAX: usize = 100;

fn build(settings: &Value) -> Result<Box<dyn Collector>, SettingsError> {
    Ok(Box::new(Registers(Settings::read(settings)?)))
}

struct Registers(Settings);

/// One file that was read.
struct File {
    list: &'static List,
    name: String,
    rows: Vec<Row>,
    /// Lines below the header, counted without reading the rows.
    lines: u64,
    /// What is wrong in it. One fault, and its rows are only remembered.
    faults: Vec<Unread>,
}

#[async_trait::async_trait]
impl Collector for Registers {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let before: Memory = carry::read(task.carry.as_ref())?;
        let directory = &self.0.directory;
        let entries = door.list(SOURCE, directory).await.map_err(|failure| not_listed(directory, failure))?;
        let (mut files, mut unread) = (Vec::new(), Vec::new());
        for (list, name) in self.0.kept() {
            match self.file(door, &entries, list, &name).await {
                Ok(file) => files.push(file),
                Err(faults) => unread.extend(faults),
            }
        }
        let mut ipe = self.ipe(door, &files);
        unread.extend(files.iter_mut().flat_map(|file| std::mem::take(&mut file.faults)));
        let refused = without_strangers(&mut files);
        if unread.is_empty() {
            unread = refused;
        }
        let now = Memory::new(door.as_of(), remembered(&files)).after(&before);
        if !unread.is_empty() {
            // Nothing of a bad register is taken in.
            let nothing = self.0.register.items(&Map::new()).map_err(|error| self.unlike(&error))?;
            return Err(Partial::of(nothing, None, bounded(unread), ipe, Some(self.left(now, before)?)));
        }
        let (contradictions, were) = before.contradicted_by(&now, &self.0, door.as_of());
        unread.extend(self.0.corrections.iter().filter_map(|correction| correction.still_to_come(door.as_of())));
        let items = self.items(&files, were)?;
        let mut whole = vec![Whole::last_page("the directory's listing, in one piece", 1)];
        for file in &files {
            match Whole::total(format!("rows of {}", file.name), file.rows.len() as u64, "its lines", file.lines) {
                Ok((total, reconciliation)) => {
                    whole.push(total);
                    ipe.reconciliations.push(reconciliation);
                }
                Err(difference) => unread.push(difference),
            }
        }
        unread.extend(contradictions);
        if unread.is_empty() {
            Population::new(items, whole, ipe, Some(carry::write(&now)?))
        } else {
            Err(Partial::of(items, None, bounded(unread), ipe, Some(self.left(now, before)?)))
        }
    }

    fn remembers(&self) -> Vec<Remembers> {
        // A file forgets nothing by itself; that rows stay in it is held to what earlier runs read.
        Vec::new()
    }

    async fn rights(&self, _: &Door, _: &Asking<'_>) -> Rights {
        // No file system says more than whether it answers.
        Rights::default()
    }
}

impl Registers {
    /// What a run that was not whole leaves for the next one.
    fn left(&self, now: Memory, before: Memory) -> Result<Value, CollectError> {
        let union = now.with(before, &self.0);
        let most = 2 * self.0.rows_max;
        if let Some((list, rows)) = union.longer_than(most) {
            let why = format!("{rows} rows with those that were read before, more than twice rows_max, {most}");
            return Err(CollectError::Limit { what: format!("list {list}"), why });
        }
        carry::write(&union)
    }

    /// One file with everything that is wrong in it, or why it was not read. One that is too large is not.
    async fn file(
        &self,
        door: &Door,
        entries: &[FileEntry],
        list: &'static List,
        name: &str,
    ) -> Result<File, Vec<Unread>> {
        let one = |why: String, hint: &str| vec![told(name, why, hint)];
        let Some(entry) = entries.iter().find(|entry| entry.name == name) else {
            let near: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            let why = format!("is not in the directory, the file of the list {}", list.name);
            return Err(one(why, &format!("put it there, or name it in `files`; {}", near_text(name, &near))));
        };
        if entry.directory {
            return Err(one("is a directory".to_owned(), "put the file itself there"));
        }
        if entry.size > self.0.bytes_max {
            let why = format!("has {} bytes, more than bytes_max, {}; it was not read", entry.size, self.0.bytes_max);
            return Err(one(why, "is it the right file? else raise bytes_max"));
        }
        let bytes =
            door.read(SOURCE, &self.0.directory.join(name)).await.map_err(|failure| vec![not_read(name, &failure)])?;
        // Truncated in between: what is left may look whole.
        if (bytes.len() as u64) < entry.size || bytes.len() as u64 > self.0.bytes_max {
            let why = format!("{} bytes read, but {} were listed", bytes.len(), entry.size);
            return Err(one(why, "it changed while it was read; the next run reads again"));
        }
        let lines = (bytes.iter().filter(|byte| **byte == b'\n').count() as u64).saturating_sub(1);
        let (rows, faults) = table::read(list, &bytes, self.0.rows_max, door.as_of());
        let faults = faults.into_iter().map(|fault| wrong(name, fault)).collect();
        Ok(File { list, name: name.to_owned(), rows, lines, faults })
    }

    /// The rows as items; those that are gone, or are another now, as they were.
    fn items(&self, files: &[File], were: Vec<Was>) -> Result<Items, CollectError> {
        let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let another: BTreeMap<(&str, &str), &Was> =
            were.iter().map(|was| ((was.list.as_str(), was.key.as_str()), was)).collect();
        for file in files {
            let row = |row: &Row| {
                let now = placed(file, row);
                let was = another.get(&(file.list.name, row.key.as_str()));
                json!(was.map_or_else(|| now.clone(), |was| in_its_place(was, &now)))
            };
            lists.insert(file.list.name.to_owned(), file.rows.iter().map(row).collect());
        }
        for Was { list, mut row, .. } in were.into_iter().filter(|was| was.gone) {
            if let Some(at) = row.get_mut("at").and_then(Value::as_object_mut) {
                at.insert("gone".to_owned(), json!(true));
            }
            lists.entry(list).or_default().push(json!(row));
        }
        let lists = lists.into_iter().map(|(list, rows)| (list, json!(rows))).collect();
        self.0.register.items(&lists).map_err(|error| self.unlike(&error))
    }

    /// What was read does not fit the items: never the file's fault, for its cells were checked; what an
    /// earlier run left may be of another version.
    fn unlike(&self, error: &serde_json::Error) -> CollectError {
        CollectError::Malformed { what: format!("register {}", self.0.register.word()), why: error.to_string() }
    }

    fn ipe(&self, door: &Door, files: &[File]) -> Ipe {
        let mut ipe = door.ipe(SOURCE);
        ipe.source = format!("register {}", self.0.register.word());
        ipe.hosts = vec![self.0.directory.display().to_string()];
        ipe.scope_claimed = self.0.kept().into_iter().map(|(_, name)| name).collect();
        ipe.scope_found = files.iter().filter(|file| file.faults.is_empty()).map(|file| file.name.clone()).collect();
        ipe.filters.extend(self.0.corrections.iter().map(|correction| {
            let settings::Correction { list, key, on, reason } = correction;
            format!("{list} {key} was corrected on {on}: {reason}")
        }));
        ipe.limitations.push(
            "a register is the statement of whoever keeps it: that it names everybody and everything is not shown by it"
                .to_owned(),
        );
        ipe.limitations.push(
            "that somebody approved or decided of what is their own is seen where they are named by one id in all lists"
                .to_owned(),
        );
        ipe
    }
}

/// Cells and place of a row.
fn placed(file: &File, row: &Row) -> Map<String, Value> {
    let at = Place {
        list: file.list.name.to_owned(),
        key: row.key.clone(),
        file: file.name.clone(),
        line: row.line,
        gone: false,
    };
    let mut cells = row.cells.clone();
    cells.insert("at".to_owned(), json!(at));
    cells
}

/// The row as it was, where it stands now.
fn in_its_place(was: &Was, now: &Map<String, Value>) -> Map<String, Value> {
    let mut row = was.row.clone();
    row.extend(now.get("at").map(|at| ("at".to_owned(), at.clone())));
    row
}

/// Takes out the rows that name what does not stand in the list that they refer to, and tells of them: they may be
/// spelt otherwise tomorrow, so that they are not remembered either.
fn without_strangers(files: &mut [File]) -> Vec<Unread> {
    let strangers: Vec<Vec<Fault>> = files.iter().map(|file| strangers(file, files)).collect();
    let mut refused = Vec::new();
    for (file, strangers) in files.iter_mut().zip(strangers) {
        let lines: HashSet<u64> = strangers.iter().map(|fault| fault.line).collect();
        file.rows.retain(|row| !lines.contains(&row.line));
        refused.extend(strangers.into_iter().map(|fault| wrong(&file.name, fault)));
    }
    refused
}

/// Rows, by list and key: a row that was read once may not go.
fn remembered(files: &[File]) -> BTreeMap<String, BTreeMap<String, Map<String, Value>>> {
    let of = |file: &File| file.rows.iter().map(|row| (row.key.clone(), placed(file, row))).collect();
    files.iter().map(|file| (file.list.name.to_owned(), of(file))).collect()
}

/// Rows that name what does not stand in the list that they refer to.
fn strangers(file: &File, files: &[File]) -> Vec<Fault> {
    let mut found = Vec::new();
    for (columns, other) in file.list.refers {
        // Of a list with faults nobody knows whom it names.
        let whole = |other: &&File| other.rows.len() as u64 == other.lines;
        let Some(other) = files.iter().find(|file| file.list.name == *other).filter(whole) else { continue };
        let keys: HashSet<&str> = other.rows.iter().map(|row| row.key.as_str()).collect();
        for row in &file.rows {
            let Some(named) = table::values(columns, &row.cells).filter(|named| !keys.contains(named.as_str())) else {
                continue;
            };
            let why = format!("{} does not stand in {}", table::shown(&named), other.name);
            let hint = "add the row there, or correct the spelling";
            found.push(Fault::new(row.line, Some(&columns.join(", ")), why, hint));
        }
    }
    found
}

fn wrong(file: &str, fault: Fault) -> Unread {
    let line = if fault.line == 0 { String::new() } else { format!(" line {}", fault.line) };
    let column = fault.column.map(|column| format!(", column {column}")).unwrap_or_default();
    told(&format!("{file}{line}{column}"), fault.why, &fault.hint)
}

fn near_text(name: &str, names: &[&str]) -> String {
    if names.is_empty() {
        "the directory is empty".to_owned()
    } else {
        cell::nearest(name, names.iter().copied().take(20))
    }
}

/// The first faults one by one and the rest as a number: garbage must not become a huge record.
fn bounded(mut unread: Vec<Unread>) -> Vec<Unread> {
    if unread.len() > NAMED_MAX {
        let more = unread.len() - NAMED_MAX;
        unread.truncate(NAMED_MAX);
        unread.push(told("the register", format!("{more} more faults like those named"), "mend those first"));
    }
    unread
}
