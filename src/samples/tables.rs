//! How many items to draw from a population of a given size, as files say: three are built in, and anybody can bring
//! their own. Nobody prescribes such numbers; firms use tables of their own.

use crate::toml_file::{self, ConfigError};
use serde::Deserialize;
use std::path::Path;

/// The built-in tables, by their names.
const BUILT_IN: [(&str, &str); 3] = [
    ("seed001", include_str!("../../config/samples/seed001.toml")),
    ("fam450", include_str!("../../config/samples/fam450.toml")),
    ("ten-percent", include_str!("../../config/samples/ten-percent.toml")),
];

/// Most rows of a table.
const ROWS_MAX: usize = 1_000;

/// A table of sizes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name, which stands in the sample.
    pub name: String,
    /// What it is, in one line.
    pub title: String,
    /// Rows by size of the population, the smallest first; the last is for all that is larger.
    row: Vec<Row>,
}

/// One row: either `size`, or `percent` with bounds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// The largest population that it is for; absent in the last row.
    up_to: Option<u64>,
    /// So many items.
    size: Option<u64>,
    /// So many of a hundred, rounded up.
    percent: Option<u64>,
    /// At least so many.
    least: Option<u64>,
    /// At most so many.
    most: Option<u64>,
}

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No such file, or not of the form.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// Not a name of ours.
    #[error(
        "there is no table `{0}`\nhint: seed001, fam450 and ten-percent are built in; a file of your own ends in .toml"
    )]
    Unknown(String),
}

impl Table {
    /// The built-in table of that name, or the one in a file whose name ends in `.toml`.
    pub fn find(name: &str) -> Result<Self, TableError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Ok(Self::parse(Path::new(name), text)?);
        }
        let path = Path::new(name);
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Err(TableError::Unknown(name.to_owned()));
        }
        let text = toml_file::read(path, "name a built-in table, or a file that is there")?;
        Ok(Self::parse(path, &text)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: Self = toml::from_str(text).map_err(|error| toml_file::form_error(path, text, &error))?;
        let wrong =
            |message: String, hint: &str| ConfigError { path: path.to_owned(), message, hint: Some(hint.to_owned()) };
        if table.name.trim().is_empty() || table.name.len() > 100 || table.name.chars().any(char::is_control) {
            return Err(wrong(
                "name: is empty, too long, or has control characters".to_owned(),
                "give it a short name",
            ));
        }
        if table.row.is_empty() || table.row.len() > ROWS_MAX {
            return Err(wrong(format!("has {} rows", table.row.len()), "give 1 to 1000 rows"));
        }
        let mut before = 0;
        for (number, row) in (1..).zip(&table.row) {
            let last = number == table.row.len();
            match row.up_to {
                Some(up_to) if up_to > before && !last => before = up_to,
                None if last => {}
                _ => {
                    let hint = "populations grow from row to row, and the last row has no up_to";
                    return Err(wrong(format!("row {number}: up_to is not where it should be"), hint));
                }
            }
            if !row.makes_sense() {
                let hint = "write `size` from 1, or `percent` from 1 to 100 with `least` and `most` as you like";
                return Err(wrong(format!("row {number}: says no size"), hint));
            }
        }
        Ok(table)
    }

    /// How many to draw from so many; never more than there are.
    pub fn size(&self, population: u64) -> u64 {
        let row = self.row.iter().find(|row| row.up_to.is_none_or(|up_to| population <= up_to));
        row.map_or(population, |row| row.of(population)).min(population)
    }
}

impl Row {
    fn makes_sense(&self) -> bool {
        let bounds = self.least.unwrap_or(1) >= 1 && self.least.unwrap_or(1) <= self.most.unwrap_or(u64::MAX);
        match (self.size, self.percent) {
            (Some(size), None) => size >= 1 && self.least.is_none() && self.most.is_none(),
            (None, Some(percent)) => (1..=100).contains(&percent) && bounds,
            _ => false,
        }
    }

    fn of(&self, population: u64) -> u64 {
        let percent = self.percent.unwrap_or(100);
        let share = population.saturating_mul(percent).div_ceil(100);
        self.size.unwrap_or(share.min(self.most.unwrap_or(u64::MAX)).max(self.least.unwrap_or(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tables_give_the_published_numbers() {
        for (name, expected) in [
            ("seed001", &[(1, 1), (4, 4), (12, 5), (13, 13), (52, 15), (365, 40), (366, 60), (30, 15)][..]),
            ("fam450", &[(20, 20), (52, 28), (53, 37), (100, 37), (250, 40), (500, 43), (1000, 44), (9999, 45)]),
            ("ten-percent", &[(2, 2), (10, 3), (31, 4), (250, 25), (301, 30), (9999, 30)]),
        ] {
            let table = Table::find(name).unwrap();
            for (population, size) in expected {
                assert_eq!(table.size(*population), *size, "{name} of {population}");
            }
        }
    }

    #[test]
    fn a_table_that_makes_no_sense_is_refused_with_the_row() {
        let head = "name = 'x'\ntitle = 'x'\n";
        for (rows, words) in [
            ("", "row"),
            ("row = []", "has 0 rows"),
            ("[[row]]\nup_to = 5\nsize = 1", "row 1: up_to"),
            ("[[row]]\nup_to = 5\nsize = 1\n[[row]]\nup_to = 4\nsize = 1\n[[row]]\nsize = 2", "row 2: up_to"),
            ("[[row]]\nsize = 0", "row 1: says no size"),
            ("[[row]]\nsize = 5\npercent = 5", "row 1: says no size"),
            ("[[row]]\npercent = 5\nleast = 5\nmost = 4", "row 1: says no size"),
            ("[[row]]\nsizes = 5", "did you mean"),
        ] {
            let error = Table::parse(Path::new("x.toml"), &format!("{head}{rows}")).unwrap_err().to_string();
            assert!(error.contains(words), "{rows}: {error}");
        }
        assert!(matches!(Table::find("none"), Err(TableError::Unknown(_))));
        assert!(matches!(Table::find("/nowhere/none.toml"), Err(TableError::File(_))));
    }
}
