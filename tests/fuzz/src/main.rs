//! One program for libFuzzer over all entries; `EVIDENCED_ENTRY` says which. What an entry does is in `entries.rs`, which
//! the tests run too.

#![no_main]

mod entries;

use std::sync::LazyLock;

static ENTRY: LazyLock<entries::Entry> = LazyLock::new(|| {
    let name = std::env::var("EVIDENCED_ENTRY").unwrap_or_default();
    let found = entries::ENTRIES.iter().find(|(known, _)| *known == name);
    let names = entries::ENTRIES.map(|(known, _)| known).join(", ");
    found.unwrap_or_else(|| panic!("EVIDENCED_ENTRY is `{name}`\nhint: one of {names}")).1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    ENTRY(bytes);
});
