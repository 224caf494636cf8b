//! Registers of the sample company, as files that people would keep: rows come and go with the days.

use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Every row that will ever be, given up front. What of it stands in the files depends on the time.
#[derive(Debug, Clone, Default)]
pub struct RegisterHistory(Vec<File>);

/// One file of a register.
#[derive(Debug, Clone)]
struct File {
    name: &'static str,
    header: &'static str,
    rows: Vec<Row>,
}

/// One row, from an instant on and until another.
#[derive(Debug, Clone)]
struct Row {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    text: &'static str,
}

impl RegisterHistory {
    /// A file, with the rows that stand in it all the time.
    pub fn file(mut self, name: &'static str, header: &'static str, rows: &[&'static str]) -> Self {
        let always =
            |text: &&'static str| Row { from: DateTime::<Utc>::MIN_UTC, until: DateTime::<Utc>::MAX_UTC, text };
        self.0.push(File { name, header, rows: rows.iter().map(always).collect() });
        self
    }

    /// A row of the file named last, which stands there from an instant on.
    pub fn from(mut self, from: DateTime<Utc>, text: &'static str) -> Self {
        let row = Row { from, until: DateTime::<Utc>::MAX_UTC, text };
        self.0.last_mut().into_iter().for_each(|file| file.rows.push(row.clone()));
        self
    }

    /// The row named last becomes another at an instant.
    pub fn then(mut self, at: DateTime<Utc>, text: &'static str) -> Self {
        self.0.last_mut().and_then(|file| file.rows.last_mut()).into_iter().for_each(|row| row.until = at);
        self.from(at, text)
    }

    /// Puts what the files say at `now` into `directory`; a file that says so already is left alone. Each appears
    /// whole or not at all.
    pub fn write_until(&self, directory: &Path, now: DateTime<Utc>) -> io::Result<()> {
        for (name, text) in self.at(now) {
            let path = directory.join(name);
            if std::fs::read(&path).is_ok_and(|held| held == text.as_bytes()) {
                continue;
            }
            let mut file = tempfile::NamedTempFile::new_in(directory.parent().unwrap_or(directory))?;
            file.write_all(text.as_bytes())?;
            file.persist(path).map_err(|error| error.error)?;
        }
        Ok(())
    }

    fn at(&self, now: DateTime<Utc>) -> BTreeMap<&'static str, String> {
        let text = |file: &File| {
            let rows = file.rows.iter().filter(|row| row.from <= now && now < row.until).map(|row| row.text);
            std::iter::once(file.header).chain(rows).map(|line| format!("{line}\n")).collect()
        };
        self.0.iter().map(|file| (file.name, text(file))).collect()
    }
}
