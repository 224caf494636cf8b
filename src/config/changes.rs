//! What is another in one configuration than in another, key by key. Pure.

use super::Config;
use crate::ledger::record::Changed;
use serde::Serialize;
use serde_json::Value;

/// Most keys that a record names; the rest is counted.
const NAMED_MAX: usize = 50;
/// Longest name of a key in a record, characters.
const NAME_MAX: usize = 200;

/// One key that is another than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where it is, as TOML would write it: `collectors.github.schedule`.
    pub key: String,
    /// What it was; `None`: it was not there.
    pub before: Option<Value>,
    /// What it is; `None`: it is not there.
    pub after: Option<Value>,
}

/// Every key that differs, in order. A table that was not there before, or is not any more, is one change; a
/// list is compared as a whole. `before` is `config.json` of a record; null: there was no configuration.
pub fn changes(before: &Value, after: &Config) -> Result<Vec<Change>, serde_json::Error> {
    let empty = Value::Object(serde_json::Map::new());
    let mut found = Vec::new();
    compare("", if before.is_null() { &empty } else { before }, &serde_json::to_value(after)?, &mut found);
    Ok(found)
}

fn compare(at: &str, before: &Value, after: &Value, found: &mut Vec<Change>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            found.push(Change { key: at.to_owned(), before: Some(before.clone()), after: Some(after.clone()) });
        }
        return;
    };
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let path = join(at, key);
        match (old.get(key), new.get(key)) {
            (Some(before), Some(after)) => compare(&path, before, after, found),
            (before, after) => found.push(Change { key: path, before: before.cloned(), after: after.cloned() }),
        }
    }
}

/// `a.b`, a part in quotes where TOML wants it so.
fn join(at: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if at.is_empty() { key } else { format!("{at}.{key}") }
}

/// The same for a record: the keys without what they are or were, the first of them by name.
pub fn changed(changes: &[Change]) -> Changed {
    let mut changed = Changed { more: changes.len().saturating_sub(NAMED_MAX) as u64, ..Changed::default() };
    for change in changes.iter().take(NAMED_MAX) {
        let list = match (&change.before, &change.after) {
            (None, _) => &mut changed.added,
            (_, None) => &mut changed.removed,
            _ => &mut changed.changed,
        };
        list.push(change.key.chars().take(NAME_MAX).collect());
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use std::path::Path;

    fn config(more: &str) -> Config {
        let text = format!("organization = 'A'\norigin = 'a.example/x'\nstate_dir = 's'\n{more}");
        parse(Path::new("evidenced.toml"), &text).unwrap_or_else(|error| panic!("{error}")).config
    }

    fn collector(name: &str, schedule: &str, store: &str) -> String {
        format!(
            "[collectors.'{name}']\nkind = 'backup_restores'\nschedule = '{schedule}'\n\
             settings = {{ directory = '/d', stores = [{{ name = '{store}' }}] }}\n"
        )
    }

    fn between(before: &Config, after: &Config) -> Changed {
        changed(&changes(&serde_json::to_value(before).unwrap(), after).unwrap())
    }

    #[test]
    fn keys_are_named_where_they_differ_and_nothing_of_what_they_hold() {
        let before = config(&(collector("r", "0 5 * * *", "secret-store") + &collector("old", "0 5 * * *", "x")));
        let after = config(
            &("stop_timeout = '9s'\n".to_owned()
                + &collector("r", "0 6 * * *", "other-store")
                + &collector("new.1", "0 5 * * *", "x")),
        );
        let changed = between(&before, &after);
        assert_eq!(changed.added, ["collectors.\"new.1\""]);
        assert_eq!(changed.removed, ["collectors.old"]);
        assert_eq!(changed.changed, ["collectors.r.schedule", "collectors.r.settings.stores", "stop_timeout"]);
        let text = serde_json::to_string(&changed).unwrap();
        assert!(!text.contains("store\"") && !text.contains("0 6"), "{text}");
        assert_eq!(between(&after, &after), Changed::default());
    }

    #[test]
    fn the_first_configuration_adds_everything() {
        let first = changed(&changes(&Value::Null, &config("")).unwrap());
        assert!(first.added.contains(&"origin".to_owned()) && first.changed.is_empty() && first.removed.is_empty());
    }

    #[test]
    fn what_a_record_names_is_bounded_and_the_rest_is_counted() {
        let many: String = (0..80).map(|n| collector(&format!("c{n:02}"), "0 5 * * *", "x")).collect();
        let changed = between(&config(""), &config(&many));
        assert_eq!((changed.added.len(), changed.more), (50, 30));
    }
}
