//! What checks a bundle without us: scripts and pages that are in every bundle and in every release, the same
//! bytes in both. Their own sources are beside this file; nothing here runs them.

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name, in the bundle's folder too.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// All of them, by name.
pub const ALL: [Tool; 4] = [
    Tool { name: "AUDITOR.html", text: include_str!("tools/AUDITOR.html") },
    Tool { name: "verify.html", text: include_str!("tools/verify.html") },
    Tool { name: "verify.py", text: include_str!("tools/verify.py") },
    Tool { name: "verify.sh", text: include_str!("tools/verify.sh") },
];

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha256};

    fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        let (_, rest) = text.split_once(from).unwrap();
        rest.split_once(to).unwrap().0
    }

    #[test]
    fn the_page_may_run_its_own_script_and_style_and_reach_nothing() {
        let page = ALL.iter().find(|tool| tool.name == "verify.html").unwrap().text;
        let hash = |part: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(part)));
        let (script, style) = (between(page, "<script>", "</script>"), between(page, "<style>", "</style>"));
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
            hash(script),
            hash(style)
        );
        assert_eq!(
            between(page, "http-equiv=\"Content-Security-Policy\" content=\"", "\""),
            policy,
            "put it in the page"
        );
        for word in ["fetch(", "XMLHttpRequest", "WebSocket", "src=", "href=", "import(", "eval("] {
            assert!(!page.contains(word), "{word} has no place in a page that sends nothing");
        }
    }

    #[test]
    fn the_scripts_have_no_byte_that_an_editor_or_a_mail_changes() {
        for tool in ALL {
            let plain = tool.text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b) || b >= 0x80);
            assert!(plain && tool.text.ends_with('\n') && !tool.text.contains(" \n"), "{}", tool.name);
        }
    }
}
