//! How tables look, in one place.

use comfy_table::{ContentArrangement, Table, presets};

/// A borderless table as wide as the terminal at most.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    table
}
