//! Documents as a table, each with the file of the bundle that holds its bytes. What they hold is never shown: a
//! bundle keeps it as bytes, under a name of its own.

use super::table::{Table, instant, maybe, word};
use crate::bundle::BundleError;
use crate::bundle::format::Source;
use evidenced_collectors::contract::{Document, Standing};
use evidenced_collectors::door::ExchangeHead;
use std::collections::BTreeMap;
use std::io::Write;
use url::Url;

const COLUMNS: [&str; 11] =
    ["control", "document", "as_of", "added_at", "by", "note", "sha256", "size", "standing", "withdrawn", "bytes"];

/// Writes the documents of one evidence record.
pub(super) fn documents(
    index: u64,
    items: &[Document],
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let read = read_as(index, source)?;
    let mut table = Table::new(out, &COLUMNS)?;
    for item in items {
        // Of one that is gone or altered an earlier record has the bytes.
        let bytes = read.get(&item.file).filter(|_| item.standing == Standing::Kept);
        table.row(&[
            item.control.clone(),
            item.file.clone(),
            item.as_of.to_string(),
            instant(Some(item.added_at)),
            item.by.clone(),
            maybe(item.note.clone()),
            item.sha256.clone(),
            item.size.to_string(),
            word(item.standing),
            maybe(item.withdrawn.clone()),
            maybe(bytes.cloned()),
        ])?;
    }
    table.end()
}

/// Paths in the bundle of the files that were read, by their names.
fn read_as(index: u64, source: &dyn Source) -> Result<BTreeMap<String, String>, BundleError> {
    let mut paths = BTreeMap::new();
    for name in source.file_names(index)? {
        let Some(number) = name.strip_prefix("exchanges/").and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let path = format!("data/evidence/{index:012}/exchanges/{number}");
        let head: ExchangeHead = serde_json::from_slice(&source.file(index, &name)?)
            .map_err(|error| BundleError::malformed(format!("{path}.json"), error))?;
        let file = Url::parse(&head.request.url).ok().and_then(|url| url.to_file_path().ok());
        let file = file.as_deref().and_then(|file| file.file_name()).and_then(|file| file.to_str());
        if let Some(file) = file.filter(|_| head.request.method == "READ" && head.response.is_ok()) {
            paths.insert(file.to_owned(), format!("{path}.body"));
        }
    }
    Ok(paths)
}
