//! Every way in which a secret may be repeated is found, and what only looks like one is left.

use crate::door::spellings;
use crate::door::strike::Secrets;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use secrecy::SecretString;

/// The text with `#` in the place of what was found.
fn left(secret: &str, text: &str) -> String {
    let kept = spellings(secret).unwrap().replace_all(text.as_bytes(), b"#".as_slice()).into_owned();
    String::from_utf8(kept).unwrap()
}

#[test]
fn a_secret_is_found_as_addresses_forms_json_html_and_hex_spell_it() {
    let secret = "canary/7f+Zq \"9\\<&'=\nü";
    let spelled = [
        secret,
        "canary%2F7f%2BZq%20%229%5C%3C%26%27%3D%0A%C3%BC",
        "canary%2f7f%2bZq+%229%5c%3c%26%27%3d%0a%c3%bc",
        "canary/7f+Zq%20%229%5C%3C&'=%0A%C3%BC",
        r#"canary/7f+Zq \"9\\<&'=\nü"#,
        r#"canary\/7f+Zq \"9\\\u003c\u0026\u0027=\n\u00fc"#,
        r#"canary\u002F7f\u002BZq\u0020\u00229\u005C\u003C\u0026\u0027\u003D\u000A\u00FC"#,
        "canary/7f+Zq &quot;9\\&lt;&amp;&#39;=\nü",
        "canary&#x2F;7f&#x2B;Zq&#x20;&#x22;9&#x5C;&#x3C;&#x26;&#x27;&#x3D;&#xA;&#xFC;",
        "canary&#x2f;7f&#x2b;Zq &#x22;9&#x5c;&#x3c;&#x26;&#x27;&#x3d;&#x0a;&#xfc;",
        "canary&#47;7f&#43;Zq&#32;&#34;9&#92;&#60;&#38;&#039;&#61;&#10;&#252;",
        "canary&sol;7f&plus;Zq &quot;9\\&lt;&amp;&apos;&equals;\nü",
        &hex::encode(secret),
        &hex::encode_upper(secret),
    ];
    for text in spelled {
        assert_eq!(left(secret, &format!("<{text}>")), "<#>", "{text}");
    }
}

#[test]
fn in_base64_all_is_found_but_the_letters_that_others_decide_too() {
    let mut alphabets = String::new();
    for secret in ["canary???>>>~~~7f", "canary???>>>~~~7f3", "canary???>>>~~~7f3a"] {
        for before in ["", "u", "u:", "us:", "oauth2:", "\0user\0"] {
            for after in ["", "~", "~~", "~~~"] {
                for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
                    let text = engine.encode(format!("{before}{secret}{after}"));
                    let begin = (before.len() * 8).div_ceil(6);
                    let end = match after {
                        "" => text.len(),
                        _ => (before.len() + secret.len()) * 8 / 6,
                    };
                    let expected = format!("<{}#{}>", &text[..begin], &text[end..]);
                    assert_eq!(left(secret, &format!("<{text}>")), expected, "{before}{secret}{after} as {text}");
                    alphabets.push_str(&text[begin..end]);
                }
            }
        }
    }
    assert!(['+', '/', '-', '_', '='].iter().all(|c| alphabets.contains(*c)), "both alphabets were there");
    let text = STANDARD.encode("u:canary???>>>~~~7f");
    for escaped in [text.replace('/', "\\/"), text.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D")] {
        assert_eq!(left("canary???>>>~~~7f", &escaped), format!("{}#", &text[..3]), "{escaped}");
    }
}

#[test]
fn what_a_short_secret_looks_like_is_left() {
    // Of its base64 at any alignment at least seven letters are wanted, of its hex all twelve.
    for text in ["abc12 ABC123 abc 123", "YWJjMTI YWJjMT", "WJjMTI FiYzEy", "61626331323", "abc%3123"] {
        assert_eq!(left("abc123", text), text);
    }
    assert_eq!(left("abc123", "abc123 YWJjMTIz 616263313233"), "# # #");
}

#[test]
fn a_secret_that_begins_another_does_not_win_over_it() {
    let secrets = Secrets::default();
    for secret in ["canary-one", "canary-one-and-more", "canary-one"] {
        secrets.add(&SecretString::from(secret)).unwrap();
    }
    let body = Bytes::from_static(b"canary-one-and-more canary-one Y2FuYXJ5LW9uZS1hbmQtbW9yZQ==");
    let mark = "[struck out: secret]";
    let (kept, struck) = secrets.strike_body(body, &[]);
    assert_eq!(kept, format!("{mark} {mark} {mark}"));
    assert_eq!(struck, [("secret".to_owned(), 3)]);
}
