//! The frame of every HTML page: one file that needs nothing else, runs nothing and prints well. What the
//! pages say is in `overview` and `control_page`.

use super::table::word;
use crate::bundle::BundleError;
use crate::bundle::format::{SAMPLE, time};
use crate::shown::{shortened, shown};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::Write;

const CSS: &str = include_str!("page.css");

/// Most characters of one text from outside that a page shows.
const TEXT_CHARS_MAX: usize = 600;

/// A page being written, part by part.
pub(crate) struct Page<'a>(&'a mut dyn Write);

impl<'a> Page<'a> {
    /// Begins it, with the banner of a sample where it is one.
    pub(crate) fn begin(out: &'a mut dyn Write, title: &str, sample: bool) -> Result<Self, BundleError> {
        // Nothing is loaded and nothing runs; the one style sheet is named by its hash.
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            STANDARD.encode(Sha256::digest(CSS))
        );
        let head = html! {
            (DOCTYPE) "\n"
            (PreEscaped("<html lang=\"en\">\n"))
            head {
                "\n" meta charset="utf-8";
                "\n" meta http-equiv="Content-Security-Policy" content=(policy);
                "\n" meta name="referrer" content="no-referrer";
                "\n" meta name="viewport" content="width=device-width, initial-scale=1";
                "\n" title { (shown(title)) }
                "\n" style { (PreEscaped(CSS)) }
                "\n"
            }
            (PreEscaped("\n<body>\n"))
            @if sample {
                p.sample { (SAMPLE) ". Nothing in here happened; it is evidence of nothing." } "\n"
            }
        };
        let mut page = Self(out);
        page.add(&head)?;
        Ok(page)
    }

    /// Adds a part.
    pub(crate) fn add(&mut self, part: &Markup) -> Result<(), BundleError> {
        self.raw(&part.0)
    }

    fn raw(&mut self, text: &str) -> Result<(), BundleError> {
        self.0.write_all(text.as_bytes()).map_err(BundleError::io("a page cannot be written"))
    }

    /// Adds a table row by row; none at all when there are no rows.
    pub(crate) fn table(
        &mut self,
        columns: &[&str],
        rows: impl IntoIterator<Item = Result<Markup, BundleError>>,
    ) -> Result<u64, BundleError> {
        let mut count = 0;
        for row in rows {
            if count == 0 {
                let head = html! {
                    thead { tr { @for column in columns {
                        @if let Some(number) = column.strip_prefix('#') { th.n { (number) } } @else { th { (column) } }
                    } } }
                };
                self.raw("<table>\n")?;
                self.add(&head)?;
                self.raw("\n<tbody>\n")?;
            }
            self.add(&html! { tr { (row?) } "\n" })?;
            count += 1;
        }
        if count > 0 {
            self.raw("</tbody>\n</table>\n")?;
        }
        Ok(count)
    }

    /// Ends it.
    pub(crate) fn end(mut self) -> Result<(), BundleError> {
        self.raw("</body>\n</html>\n")
    }
}

/// A text from outside: a direction of its own, nothing invisible, and not endless.
pub(crate) fn text(text: &str) -> Markup {
    html! { bdi { (shortened(text, TEXT_CHARS_MAX)) } }
}

/// An instant.
pub(crate) fn moment(at: DateTime<Utc>) -> Markup {
    let text = at.format("%Y-%m-%d %H:%M:%SZ").to_string();
    html! { time datetime=(time(at)) { (text) } }
}

/// A word of ours, coloured as it deserves; the word itself says the same.
pub(crate) fn coloured<T: Serialize>(value: T) -> Markup {
    let word = word(value);
    html! { span class={ "w " (word) } { (word) } }
}

/// A cell with a number.
pub(crate) fn number<T: ToString>(value: T) -> Markup {
    html! { td.n { (value.to_string()) } }
}

/// How many, in words that fit: `1 gap`, `2 gaps`.
pub(crate) fn many(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
