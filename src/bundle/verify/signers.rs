//! An `allowed_signers` file of OpenSSH: who may sign what, and when. Read more strictly than ssh-keygen
//! does: what it would pass over, or read by the clock of this machine, is an error here.

use super::sshsig::PublicKey;
use crate::bundle::BundleError;
use chrono::{DateTime, NaiveDateTime, Utc};

/// Key types that a line may have. Only Ed25519 signs bundles; the others are passed over.
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The file's lines.
#[derive(Debug)]
pub(super) struct AllowedSigners(Vec<Line>);

#[derive(Debug, Default)]
struct Line {
    number: usize,
    principals: String,
    namespaces: Option<String>,
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    key: Option<PublicKey>,
}

impl AllowedSigners {
    /// Reads the file.
    pub(super) fn parse(text: &str) -> Result<Self, BundleError> {
        let mut lines = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = parse_line(line).map_err(|why| BundleError::Request {
                what: format!("line {} of the allowed signers cannot be used: {why}", at + 1),
                hint:
                    "write `principal namespaces=\"evidenced-bundle\",valid-after=\"20260101Z\" ssh-ed25519 <key>`, as \
                       `evidenced init` prints it"
                        .to_owned(),
            })?;
            lines.push(Line { number: at + 1, ..parsed });
        }
        if lines.is_empty() {
            return Err(BundleError::Request {
                what: "the file of allowed signers has no line".to_owned(),
                hint: "give the file with the line that `evidenced init` printed".to_owned(),
            });
        }
        Ok(Self(lines))
    }

    /// The number of a line that lets `principal` sign by `key` at that time; or why none does.
    pub(super) fn allow(
        &self,
        principal: &str,
        namespace: &str,
        key: PublicKey,
        at: DateTime<Utc>,
    ) -> Result<usize, String> {
        let mut why = format!("no line names {principal} with the key {}", key.line());
        for line in self.0.iter().filter(|line| line.key == Some(key) && matches_list(principal, &line.principals)) {
            let refused = match line {
                Line { namespaces: Some(list), .. } if !matches_list(namespace, list) => {
                    "is not for bundles".to_owned()
                }
                Line { after: Some(after), .. } if at < *after => format!("holds from {after} on"),
                Line { before: Some(before), .. } if at > *before => format!("holds until {before}"),
                _ => return Ok(line.number),
            };
            why = format!("line {} {refused}", line.number);
        }
        Err(why)
    }
}

fn parse_line(line: &str) -> Result<Line, String> {
    let (principals, rest) = word(line)?;
    if principals.is_empty() {
        return Err("it names nobody".to_owned());
    }
    let mut parsed = Line { principals, ..Line::default() };
    let is_key = |rest: &str| TYPES.iter().any(|kind| rest.split([' ', '\t']).next() == Some(kind));
    let mut rest = rest;
    if !is_key(rest) {
        let end = options_end(rest);
        options(&rest[..end], &mut parsed)?;
        rest = rest[end..].trim_start_matches([' ', '\t']);
    }
    if !is_key(rest) {
        return Err("it has no key of a kind that is known".to_owned());
    }
    if rest.starts_with("ssh-ed25519") {
        let key = rest.split([' ', '\t']).filter(|word| !word.is_empty()).take(2).collect::<Vec<_>>().join(" ");
        parsed.key = Some(PublicKey::parse(&key).ok_or("its key is not base64 of an Ed25519 key")?);
    }
    Ok(parsed)
}

/// The first word, without its quotes, and what follows it.
fn word(line: &str) -> Result<(String, &str), String> {
    let (word, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("a quotation mark is not closed")?,
        None => line.split_at(line.find([' ', '\t']).ok_or("it ends after one word")?),
    };
    Ok((word.to_owned(), rest.trim_start_matches([' ', '\t'])))
}

/// Where the options end: at the first space outside of quotation marks.
fn options_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn options(text: &str, line: &mut Line) -> Result<(), String> {
    let mut rest = text;
    while !rest.is_empty() {
        let name = rest.split(['=', ',']).next().unwrap_or_default().to_ascii_lowercase();
        if name == "cert-authority" {
            return Err("certificates are not supported: name the key itself instead of a cert-authority".to_owned());
        }
        let after = rest.get(name.len()..).and_then(|rest| rest.strip_prefix("=\""));
        let (value, after) = after
            .and_then(|rest| rest.split_once('"'))
            .ok_or_else(|| format!("`{name}` is no option with a value in quotation marks"))?;
        let twice = match name.as_str() {
            "namespaces" => line.namespaces.replace(value.to_owned()).is_some(),
            "valid-after" => line.after.replace(time(value)?).is_some(),
            "valid-before" => line.before.replace(time(value)?).is_some(),
            _ => return Err(format!("the option `{name}` is not known")),
        };
        if twice {
            return Err(format!("the option `{name}` is there twice"));
        }
        rest = match after.strip_prefix(',') {
            Some("") => return Err("it has a comma without an option after it".to_owned()),
            Some(next) => next,
            None if after.is_empty() => after,
            None => return Err(format!("after `{name}` there is no comma")),
        };
    }
    Ok(())
}

/// `YYYYMMDD[HHMM[SS]]Z`. Without the `Z` it would be by the time zone of whatever machine reads it.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let malformed = || format!("{text:?} is not a time like 20260101Z or 20260131235959Z, with the Z for UTC");
    let digits = text.strip_suffix('Z').ok_or_else(malformed)?;
    let whole = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(malformed()),
    };
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed());
    }
    NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%S").map(|time| time.and_utc()).map_err(|_| malformed())
}

/// Whether a comma-separated list of patterns has the name: none that is negated matches, and another does.
fn matches_list(name: &str, list: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(name.as_bytes(), negated.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(name.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

/// `*` stands for any characters, `?` for one.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut next, mut back) = (0, 0, None);
    while at < name.len() {
        match pattern.get(next) {
            Some(b'*') => {
                back = Some((at, next));
                next += 1;
            }
            Some(c) if *c == b'?' || *c == name[at] => (at, next) = (at + 1, next + 1),
            _ => match back {
                Some((from, star)) => {
                    (at, next) = (from + 1, star + 1);
                    back = Some((at, star));
                }
                None => return false,
            },
        }
    }
    pattern[next..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn allows(line: &str, who: &str, at: &str) -> Result<usize, String> {
        let signers = AllowedSigners::parse(line).map_err(|error| error.to_string())?;
        signers.allow(who, "evidenced-bundle", PublicKey::parse(KEY).unwrap(), at.parse().unwrap())
    }

    #[test]
    fn lines_say_who_may_sign_what_and_when() {
        let window = "namespaces=\"file,evidenced-*\",valid-after=\"20260101Z\",valid-before=\"20260201120000Z\"";
        let line = format!("# ours\n\n\"evidence@a.example,x\" {window} {KEY} a comment\n");
        assert_eq!(allows(&line, "evidence@a.example", "2026-01-01T00:00:00Z"), Ok(3));
        assert_eq!(allows(&line, "x", "2026-02-01T12:00:00Z"), Ok(3));
        for (who, at, why) in [
            ("y", "2026-01-01T00:00:00Z", "no line names y"),
            ("x", "2025-12-31T23:59:59Z", "holds from"),
            ("x", "2026-02-01T12:00:01Z", "holds until"),
        ] {
            assert!(allows(&line, who, at).is_err_and(|error| error.contains(why)), "{who} {at}");
        }
        let other = format!("* namespaces=\"file\" {KEY}");
        assert!(allows(&other, "x", "2026-01-01T00:00:00Z").is_err_and(|error| error.contains("not for bundles")));
        assert_eq!(allows(&format!("*@a.?xample,!b* {KEY}"), "evidence@a.example", "2026-01-01T00:00:00Z"), Ok(1));
        assert!(allows(&format!("*,!ev* {KEY}"), "evidence@a.example", "2026-01-01T00:00:00Z").is_err());
    }

    #[test]
    fn what_ssh_keygen_would_pass_over_is_refused() {
        for (line, why) in [
            (String::new(), "no line"),
            ("x".to_owned(), "one word"),
            (format!("x cert-authority {KEY}"), "cert-authority"),
            (format!("x namespaces=\"a\",cert-authority {KEY}"), "cert-authority"),
            (format!("x valid-after=\"20260101\" {KEY}"), "with the Z"),
            (format!("x valid-after=\"20261301Z\" {KEY}"), "with the Z"),
            (format!("x namespaces=evidenced-bundle {KEY}"), "quotation marks"),
            (format!("x no-touch=\"1\" {KEY}"), "not known"),
            (format!("x namespaces=\"a\",namespaces=\"b\" {KEY}"), "twice"),
            ("x ssh-ed25519 AAAA".to_owned(), "its key"),
            ("x ssh-dss AAAA".to_owned(), "quotation marks"),
        ] {
            let error = AllowedSigners::parse(&line).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("hint:"), "{line}: {error}");
        }
    }
}
