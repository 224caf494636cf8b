//! How others may repeat a secret: every spelling of it, as one pattern. What is done with what it finds is `strike`'s,
//! and that of whoever asks others without the door.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::bytes::Regex;

/// A pattern of a secret as it is; as an address, a form, JSON or HTML escape it; in hex; and in either base64, padded
/// or not, also after something else, as with a user's name before it: there the letters that depend on what stands
/// beside it are left. Fails if it is too long for a pattern, at some ten thousand bytes.
///
/// Give it no secret of a few bytes: its spellings stand in many texts by accident.
pub fn spellings(secret: &str) -> Result<Regex, regex::Error> {
    // Which letters are escaped differs from writer to writer, so each may be.
    let escaped: String = secret.chars().map(letter).collect();
    let hex = format!("(?i:{})", hex::encode(secret));
    let [whole, second, third] = [0, 1, 2].map(|before| base64_after(before, secret));
    Regex::new(&format!("{escaped}|{hex}|{whole}|{second}|{third}"))
}

/// A pattern of one letter, in whichever way it may be escaped.
fn letter(c: char) -> String {
    if c.is_ascii_alphanumeric() {
        return c.to_string();
    }
    let (plain, number) = (c.to_string(), u32::from(c));
    let percent: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let json: String = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!(r"\\u{unit:04x}")).collect();
    let mut ways = vec![
        regex::escape(&plain),
        format!("(?i:{percent})"),
        format!("(?i:{json})"),
        format!("&#0*{number};"),
        format!("(?i:&#x0*{number:x};)"),
    ];
    let short: &[&str] = match c {
        ' ' => &[r"\+"],
        '"' => &[r#"\\""#, "&quot;"],
        '\\' => &[r"\\\\"],
        '/' => &[r"\\/", "&sol;"],
        '\n' => &[r"\\n"],
        '\r' => &[r"\\r"],
        '\t' => &[r"\\t"],
        '&' => &["&amp;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        '\'' => &[r"\\'", "&apos;"],
        '+' => &["&plus;"],
        '=' => &["&equals;"],
        _ => &[],
    };
    ways.extend(short.iter().map(|way| (*way).to_owned()));
    format!("(?:{})", ways.join("|"))
}

/// In base64, with so many bytes before it: the letters that it decides alone, and the one after them as it is where
/// nothing follows.
fn base64_after(before: usize, secret: &str) -> String {
    let text = STANDARD_NO_PAD.encode([vec![0; before], secret.as_bytes().to_vec()].concat());
    let shared_with_what_is_before = (before * 8).div_ceil(6);
    let mut letters: Vec<String> = text.chars().skip(shared_with_what_is_before).map(base64_letter).collect();
    let last = if (before + secret.len()).is_multiple_of(3) { None } else { letters.pop() };
    let last = last.map(|last| format!("(?:{last}{}{{0,2}})?", letter('='))).unwrap_or_default();
    letters.concat() + &last
}

/// A letter of either alphabet.
fn base64_letter(c: char) -> String {
    match c {
        '+' => format!("(?:{}|-)", letter('+')),
        '/' => format!("(?:{}|_)", letter('/')),
        other => letter(other),
    }
}
