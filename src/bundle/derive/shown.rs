//! Text from outside as people are shown it: what cannot be seen is written out, so that no name hides
//! in another, turns the line around, or breaks a page. The exact text is in the JSON files.

use std::borrow::Cow;

/// The text with every invisible or direction-changing character written as `⟨U+202E⟩`.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) {
        return text.into();
    }
    let mut shown = String::new();
    for c in text.chars() {
        match hidden(c) {
            true => shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
            false => shown.push(c),
        }
    }
    shown.into()
}

/// The beginning of a text that is too long to be shown whole, and the text that says so.
pub(super) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => shown(text),
        Some((end, _)) => format!("{} … (cut)", shown(&text[..end])).into(),
    }
}

/// Controls, line and paragraph separators, marks of direction, characters without width, tags, and what
/// is no character.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out_and_everything_else_is_left_alone() {
        for plain in ["SEC-001", "Zürich, 東京", "שלום", "a\u{301} = \"b\" <c>"] {
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(shown("user\u{202e}nimda"), "user⟨U+202E⟩nimda");
        assert_eq!(shown("a\nb\t\u{0}\u{200b}\u{fffe}"), "a⟨U+000A⟩b⟨U+0009⟩⟨U+0000⟩⟨U+200B⟩⟨U+FFFE⟩");
        assert_eq!(shortened("aäb", 2), "aä … (cut)");
        assert_eq!(shortened("aä", 2), "aä");
    }
}
