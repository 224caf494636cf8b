//! What a `summary` record says, from the tables. Whether it is right is `check`'s question.

use super::record::Counts;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// The number that the next run or miss of each collector will get.
pub(super) fn next_seqs(db: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    by_name(db, "SELECT collector, max(seq) + 1 FROM entry_key WHERE seq IS NOT NULL GROUP BY collector")
}

/// How many records there are.
pub(super) fn counts(db: &Connection) -> rusqlite::Result<Counts> {
    let newest = "SELECT idx FROM entry_key WHERE kind = 'config' ORDER BY idx DESC LIMIT 1";
    let config: Option<i64> = db.query_row(newest, [], |row| row.get(0)).optional()?;
    let collectors = "SELECT collector, count(*) FROM entry_key WHERE collector IS NOT NULL GROUP BY collector";
    let controls = "SELECT control, count(*) FROM entry_key WHERE control IS NOT NULL GROUP BY control";
    let kinds = "SELECT kind, count(*) FROM entry_key WHERE collector IS NULL AND control IS NULL GROUP BY kind";
    Ok(Counts {
        collectors: by_name(db, collectors)?,
        controls: by_name(db, controls)?,
        kinds: by_name(db, kinds)?,
        config: config.map(i64::unsigned_abs),
    })
}

fn by_name(db: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut found = db.prepare(sql)?;
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    rows.collect()
}
