//! A CODEOWNERS file: which line owns a path, by GitHub's rules. Pure.
//!
//! Patterns are those of gitignore, without `!`, `[ ]` and `\#`; the last line that fits wins, and one
//! without owners leaves the path without. Unlike gitignore, `docs/*` takes what is in `docs` and not what is
//! below its folders. GitHub skips a line that it does not understand; here the whole file is then not known,
//! for a line that we alone misread must not take an owner away.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Lines with patterns in one file.
const RULES_MAX: usize = 20_000;

/// A file, understood.
pub(super) struct CodeOwners {
    globs: GlobSet,
    /// The rule of each glob.
    rule_of: Vec<usize>,
    rules: Vec<Vec<Owner>>,
}

/// Whoever owns something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// `@login`.
    User(String),
    /// `@organisation/team`.
    Team { organisation: String, slug: String },
    /// An e-mail address, which names no account. The line that has it.
    Address(usize),
}

impl CodeOwners {
    /// Reads a file. Says which line is not understood, and why.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut globs, mut rule_of, mut rules) = (GlobSetBuilder::new(), Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |why: String| format!("line {number}: {why}");
            let words = words(line).map_err(wrong)?;
            let Some((pattern, owners)) = words.split_first() else { continue };
            if rules.len() == RULES_MAX {
                return Err(format!("more than {RULES_MAX} lines"));
            }
            for glob in patterns(pattern).map_err(wrong)? {
                let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
                globs.add(glob.map_err(|error| wrong(error.to_string()))?);
                rule_of.push(rules.len());
            }
            let owners: Result<Vec<Owner>, String> = owners.iter().map(|word| owner(word, number)).collect();
            rules.push(owners.map_err(wrong)?);
        }
        Ok(Self { globs: globs.build().map_err(|error| error.to_string())?, rule_of, rules })
    }

    /// The owners of a path; none where no line fits or the last that does names none.
    pub(super) fn of(&self, path: &str) -> &[Owner] {
        let last = self.globs.matches(path).into_iter().map(|glob| self.rule_of[glob]).max();
        last.map_or(&[], |rule| &self.rules[rule])
    }
}

/// A line's words up to a comment; `\ ` is a space within a word.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let word = words.last_mut().ok_or("no word")?;
        match letter {
            '#' if word.is_empty() => break,
            '\\' => match letters.next() {
                Some(' ') => word.push(' '),
                _ => return Err("a backslash that escapes no space".to_owned()),
            },
            ' ' | '\t' if word.is_empty() => {}
            ' ' | '\t' => words.push(String::new()),
            letter if letter.is_control() || letter == '\u{feff}' => return Err("a control character".to_owned()),
            letter => word.push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// The globs that take what the pattern takes: the path itself, and what is below it if it is a folder.
fn patterns(pattern: &str) -> Result<Vec<String>, String> {
    if pattern.starts_with('!') || pattern.contains(['[', ']']) {
        return Err("! and [ ] mean nothing in CODEOWNERS".to_owned());
    }
    let folder = pattern.ends_with('/');
    let inner = pattern.strip_suffix('/').unwrap_or(pattern);
    let anchored = inner.contains('/');
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    if inner.is_empty() || inner.starts_with('/') || inner.contains("//") {
        return Err("a pattern with nothing between two slashes".to_owned());
    }
    // Braces mean themselves here, and alternatives to the matcher.
    let inner = inner.replace('{', "\\{").replace('}', "\\}");
    let whole = if anchored { inner.clone() } else { format!("**/{inner}") };
    let below = format!("{whole}/**");
    Ok(match (folder, anchored && (inner == "*" || inner.ends_with("/*"))) {
        (true, _) => vec![below],
        (false, true) => vec![whole],
        (false, false) => vec![whole, below],
    })
}

fn owner(word: &str, line: usize) -> Result<Owner, String> {
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let parts = word.strip_prefix('@').map(|name| name.split_once('/').map_or((name, None), |(a, b)| (a, Some(b))));
    match parts {
        Some((login, None)) if plain(login) => Ok(Owner::User(login.to_owned())),
        Some((organisation, Some(slug))) if plain(organisation) && plain(slug) => {
            Ok(Owner::Team { organisation: organisation.to_owned(), slug: slug.to_owned() })
        }
        None if word.contains('@') && !word.ends_with('@') => Ok(Owner::Address(line)),
        _ => Err("an owner that is neither @login, @organisation/team nor an address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(text: &str, path: &str) -> Vec<String> {
        let file = CodeOwners::parse(text).unwrap();
        let name = |owner: &Owner| match owner {
            Owner::User(login) => login.clone(),
            Owner::Team { organisation, slug } => format!("{organisation}/{slug}"),
            Owner::Address(line) => format!("address in line {line}"),
        };
        file.of(path).iter().map(name).collect()
    }

    /// Patterns, and paths that each must and must not take: GitHub's documented examples, and the corners.
    #[test]
    fn patterns_take_what_github_says_they_take() {
        let cases: [(&str, &[&str], &[&str]); 14] = [
            ("*", &["a", "src/a.rs", ".github/CODEOWNERS"], &[]),
            ("*.js", &["a.js", "src/deep/a.js"], &["a.jsx", "js/a.ts"]),
            ("/build/logs/", &["build/logs/a", "build/logs/x/y"], &["build/logs", "src/build/logs/a"]),
            ("docs/*", &["docs/getting-started.md"], &["docs/build-app/troubleshooting.md", "x/docs/a"]),
            ("apps/", &["apps/a", "x/apps/y/z"], &["apps", "myapps/a"]),
            ("/docs/", &["docs/a/b"], &["x/docs/a"]),
            ("/scripts", &["scripts", "scripts/a/b"], &["x/scripts"]),
            ("**/logs", &["build/logs/a", "logs/b", "scripts/logs"], &["catalogs/a"]),
            ("/apps/github", &["apps/github/a", "apps/github"], &["apps/githubber"]),
            ("/*", &["README.md"], &["src/a"]),
            ("a/**/z", &["a/z", "a/b/c/z", "a/b/z/below"], &["a/zz"]),
            ("file?.txt", &["file1.txt", "x/file2.txt"], &["file.txt", "file10.txt"]),
            ("with\\ space/{a}", &["with space/{a}"], &["with space/a", "with/a"]),
            ("Docs/", &["Docs/a"], &["docs/a"]),
        ];
        for (pattern, takes, leaves) in cases {
            let text = format!("{pattern} @octocat");
            for path in takes {
                assert_eq!(owners(&text, path), ["octocat"], "{pattern} takes {path}");
            }
            for path in leaves {
                assert!(owners(&text, path).is_empty(), "{pattern} leaves {path}");
            }
        }
    }

    #[test]
    fn the_last_line_that_fits_wins_and_one_without_owners_takes_them_away() {
        let text = "# all\n* @global @acme/core # both\n\n/apps/ @octocat a@people.example\n/apps/github\n";
        assert_eq!(owners(text, "README.md"), ["global", "acme/core"]);
        assert_eq!(owners(text, "apps/x"), ["octocat", "address in line 4"]);
        assert!(owners(text, "apps/github/x").is_empty());
        assert!(owners("", "a").is_empty());
        assert_eq!(owners("* @first\r\n* @second\r\n", "a"), ["second"]);
    }

    #[test]
    fn a_line_that_github_would_skip_makes_the_file_not_known() {
        for line in ["!a @x", "[ab].c @x", "\\#a @x", "a x", "a @", "a @x/", "a @x/y/z", "/ @x", "//a @x", "a\\b @x"] {
            let text = format!("* @global\n{line}\n");
            let why = CodeOwners::parse(&text).err().unwrap_or_else(|| panic!("{line}"));
            assert!(why.starts_with("line 2: "), "{why}");
        }
    }
}
