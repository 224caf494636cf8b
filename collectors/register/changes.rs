//! Cells of a row that decide, held against what the last run read: some stay as they are once they say something,
//! some only go on. Which do is `forms`'s; days that are past, and rows that are gone, are `memory`'s.

use super::cell;
use super::forms::{Column, Form, List};
use super::table::shown;
use crate::contract::Unread;
use crate::sources::files::told;
use serde_json::{Map, Value};

type Cells = Map<String, Value>;

/// What to do about a cell that is not as it was.
pub(super) const PUT_BACK: &str = "put it back as it was; if it was wrong, list the row in `corrections`";

/// What a row took back of what it had said.
pub(super) fn taken_back(list: &List, key: &str, before: &Cells, now: &Cells) -> Vec<Unread> {
    let of = |name: &str| list.columns.iter().find(|column| column.name == name);
    let fixed = list.fixed.iter().filter(|(name, renewed_on)| {
        let mut days = renewed_on.iter().filter_map(|day| of(day));
        let renewed = days.any(|day| place(day, now) > place(day, before));
        said(before, name).is_some_and(|was| Some(was) != said(now, name)) && !renewed
    });
    let onward = list.onward.iter().filter(|name| of(name).is_some_and(|one| place(one, now) < place(one, before)));
    let names = fixed.map(|(name, _)| name).chain(onward);
    let one = |name: &&str| {
        told(
            &format!("{} {key}: {name}", list.name),
            format!("was {} when it was read before, and is {} now", text(before, name), text(now, name)),
            PUT_BACK,
        )
    };
    names.map(one).collect()
}

fn said<'a>(cells: &'a Cells, name: &str) -> Option<&'a Value> {
    cells.get(name).filter(|value| !value.is_null())
}

/// How far on a cell is; an empty one, and `never`, is nowhere. Of a day its beginning counts, so that a day can become
/// an instant in it, and an instant cannot become a day that leaves open what was known.
fn place(column: &Column, cells: &Cells) -> Option<i64> {
    let value = said(cells, column.name)?;
    match column.form {
        Form::Word(words) => {
            words.iter().position(|word| value.as_str() == Some(*word)).and_then(|at| at.try_into().ok())
        }
        Form::Flag => value.as_bool().map(i64::from),
        _ => cell::instant(cells, column.name).map(|at| at.earliest().timestamp_micros()),
    }
}

fn text(cells: &Cells, name: &str) -> String {
    match said(cells, name) {
        None => "empty".to_owned(),
        Some(Value::String(text)) => shown(text),
        Some(Value::Bool(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}
