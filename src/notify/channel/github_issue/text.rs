//! What stands in an issue and its comments, in GitHub's Markdown.
//!
//! Names, reasons and steps are in code spans, in which nothing becomes a person, a reference or a link, and
//! which can be copied. Other text has its markup escaped, and `@`, `#`, `GH-` and addresses broken by a character
//! without width: an alert must call nobody and link to nothing.

use crate::notify::fit::fit;
use crate::notify::message::Message;
use crate::notify::page::{Page, shown, thread};
use crate::notify::plain::late;
use sha2::{Digest, Sha256};

/// Longest title and text, characters. Documented are 256 and 65,536.
const TITLE_CHARS: usize = 200;
const TEXT_CHARS: usize = 60_000;

/// Knows the issues of a subject.
pub(super) fn subject_mark(message: &Message) -> String {
    format!("<!-- evidenced subject {} -->", thread(message))
}

/// Knows what says an alert. The key is hashed, for it may not end the comment.
pub(super) fn alert_mark(message: &Message) -> String {
    format!("<!-- evidenced alert {} -->", hex::encode(Sha256::digest(&message.key)))
}

pub(super) fn title(message: &Message) -> String {
    broken(&shown(&Page::of(0, message).title, TITLE_CHARS))
}

pub(super) fn issue(record: u64, message: &Message, delayed: Option<&str>) -> String {
    let end = "\n\nLater alerts come as comments; the issue is closed when it is over.";
    format!("{}{end}\n\n{}\n{}\n", body(record, message, delayed), subject_mark(message), alert_mark(message))
}

pub(super) fn comment(record: u64, message: &Message, delayed: Option<&str>) -> String {
    format!("{}\n\n{}\n", body(record, message, delayed), alert_mark(message))
}

fn body(record: u64, message: &Message, delayed: Option<&str>) -> String {
    let make = |pages: &[Page]| pages.iter().map(|page| words(page, delayed)).collect::<String>();
    let fits = |text: &String| text.chars().count() <= TEXT_CHARS;
    fit(&[Page::of(record, message)], &make, &fits).into_iter().map(|(_, text)| text).collect()
}

fn words(page: &Page, delayed: Option<&str>) -> String {
    let mut lines = vec![format!("**{}**", prose(&page.title)), String::new(), prose(&page.headline), String::new()];
    if let Some(delayed) = delayed {
        lines.extend([prose(&late(delayed)), String::new()]);
    }
    lines.extend(page.facts.iter().map(|(name, fact)| format!("- {name}: {}", code(fact))));
    let items = page.items.iter().map(|item| format!("- {} {}", code(&item.name), code(&item.said())));
    let items: Vec<String> = items.chain(page.others().map(|others| format!("- {}", prose(&others)))).collect();
    if !items.is_empty() {
        lines.extend([String::new(), "Items:".to_owned(), String::new()]);
        lines.extend(items);
    }
    let steps = page.next.iter().map(|step| format!("1. {}", code(step)));
    let steps: Vec<String> = steps.chain(page.other_steps().map(|others| format!("1. {}", prose(&others)))).collect();
    if !steps.is_empty() {
        lines.extend([String::new(), "What to do:".to_owned(), String::new()]);
        lines.extend(steps);
    }
    lines.join("\n")
}

/// A code span that no backtick of the text ends.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space at each end is taken off again; an empty text is no span.
    format!("{fence} {} {fence}", if text.is_empty() { "-" } else { text })
}

/// Text that is nothing but text.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    for c in broken(text).chars() {
        if c.is_ascii_punctuation() && c != '@' && c != '#' {
            prose.push('\\');
        }
        prose.push(c);
    }
    prose
}

/// Without people, references and addresses.
fn broken(text: &str) -> String {
    const NOTHING: char = '\u{200b}';
    let mut broken = String::new();
    let mut before = [' '; 2];
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        broken.push(c);
        let gh = c == '-' && before.map(|c| c.to_ascii_lowercase()) == ['g', 'h'];
        let address = c == ':' && rest.peek() == Some(&'/');
        if matches!(c, '@' | '#') || gh || address {
            broken.push(NOTHING);
        }
        before = [before[1], c];
    }
    broken
}

/// Whether a text has the mark: in a line of its own, which nothing that we were told can be.
pub(super) fn has(text: Option<&str>, mark: &str) -> bool {
    text.is_some_and(|text| text.lines().any(|line| line.trim() == mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::page::tests::{longest, message};

    #[test]
    fn the_longest_alert_there_is_goes_into_one_text() {
        for letter in ["`", "@", "*", "\u{202e}", "x"] {
            let text = words(&longest(letter).shortened((0, 0)), Some(&letter.repeat(500)));
            assert!(text.chars().count() <= TEXT_CHARS, "{} of {letter}", text.chars().count());
        }
    }

    #[test]
    fn nothing_of_an_alert_is_markup_or_a_mark() {
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(
            prose("@acme/all see #1, GH-2: <b>*x*</b>"),
            "@\u{200b}acme\\/all see #\u{200b}1\\, GH\\-\u{200b}2\\: \\<b\\>\\*x\\*\\<\\/b\\>"
        );
        assert!(broken("see https://github.com/a/b/issues/1").contains(":\u{200b}//"));
        let mut told = message();
        let mark = subject_mark(&told);
        told.items[0].item = format!("a\n{mark}\n");
        told.headline = format!("\n{mark}\n");
        told.next = vec![format!("\r\n{mark}")];
        let text = comment(1, &told, Some(&format!("\n{mark}\n")));
        assert!(text.contains("evidenced subject") && !has(Some(&text), &mark), "{text}");
        assert!(has(Some(&issue(1, &told, None).replace('\n', "\r\n")), &mark), "GitHub ends lines in its own way");
    }
}
