//! Commands that documents and hints name: each is one that the program takes as it stands there.

use clap::{CommandFactory, Parser};
use evidenced::cli::Cli;
use std::path::{Path, PathBuf};

/// Where commands are named for people. Of a folder everything below it that is text.
const PLACES: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "config/evidenced.example.toml",
    "deploy",
    "collectors",
    "src",
];

/// What stands for something else, and something that could stand there.
const STANDS_FOR: [(&str, &str); 6] = [
    ("…", "2026-01-01"),
    ("DATE", "2026-01-01"),
    ("DAY", "2026-01-01"),
    ("Q", "2026-Q1"),
    ("COMMAND", "status"),
    ("N", "1"),
];

fn files() -> Vec<(PathBuf, String)> {
    fn walk(path: &Path, found: &mut Vec<(PathBuf, String)>) {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                walk(&entry.unwrap().path(), found);
            }
        } else if let Ok(text) = std::fs::read_to_string(path) {
            found.push((path.to_owned(), text));
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for place in PLACES {
        assert!(root.join(place).exists(), "{place} is gone");
        walk(&root.join(place), &mut found);
    }
    found
}

/// The commands of a text: spans between backticks, and lines that a shell would be given.
fn named(path: &Path, text: &str) -> Vec<String> {
    // A string of Rust goes on in the next line.
    let mut whole = String::new();
    for line in text.split_inclusive('\n') {
        let line = if whole.is_empty() || whole.ends_with('\n') { line } else { line.trim_start() };
        whole.push_str(line.strip_suffix("\\\n").unwrap_or(line));
    }
    let is_doc = path.extension().is_some_and(|extension| extension == "md");
    let (mut found, mut shell) = (Vec::new(), false);
    for line in whole.lines() {
        if is_doc && line.starts_with("```") {
            shell = line == "```sh";
        } else if shell {
            let line = line.trim_start();
            let command = ["evidenced ", "cargo run -- "].iter().find_map(|program| line.strip_prefix(program));
            found.extend(command.map(str::to_owned));
        } else if let Some((_, command)) = line.split_once("=/usr/bin/evidenced ") {
            found.push(command.to_owned());
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(spans.filter_map(|span| span.strip_prefix("evidenced ")).map(str::to_owned));
        }
    }
    // `evidenced <evidenced@acme.example>` is an address, and `evidenced 0.1.0` a version.
    found.retain(|command| command.starts_with(|c: char| c.is_ascii_lowercase() || c == '-'));
    found
}

/// Its words, as a shell would part them, as far as the command goes.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in command.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if quoted => word.get_or_insert_default().push(c),
            '#' if word.is_none() => break,
            '|' | '>' | '<' | ';' | '&' => break,
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words.iter().map(|word| put_in(word)).filter(|word| !word.is_empty()).collect()
}

/// The word, with something in the place of what stands for something.
fn put_in(word: &str) -> String {
    if word.starts_with('{') && word.ends_with('}') {
        return if word == "{quarter}" { "2026-Q1" } else { "log" }.to_owned();
    }
    let word = word.trim_start_matches('[').trim_end_matches(']');
    STANDS_FOR.iter().find(|(what, _)| *what == word).map_or(word, |(_, with)| *with).to_owned()
}

/// Why the program would not take it. A command alone is its name, and not a use of it.
fn refused(words: &[String]) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    let mut of = &command;
    let mut rest = words;
    while let Some(sub) = rest.first().and_then(|word| of.find_subcommand(word)) {
        (of, rest) = (sub, &rest[1..]);
    }
    if rest.is_empty() {
        return None;
    }
    let given = ["evidenced"].into_iter().chain(words.iter().map(String::as_str));
    let error = Cli::try_parse_from(given).err()?;
    let helps = matches!(error.kind(), clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion);
    (!helps).then(|| error.to_string())
}

#[test]
fn every_command_that_is_named_is_one_that_the_program_takes() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (path, text) in files() {
        for command in named(&path, &text) {
            seen += 1;
            if let Some(why) = refused(&words(&command)) {
                let first = why.lines().next().unwrap_or_default().to_owned();
                wrong.push(format!("{}: `evidenced {command}`: {first}", path.display()));
            }
        }
    }
    assert!(seen > 200, "{seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_that_does_not_exist_or_lacks_something_is_found() {
    let of = |text: &str| {
        let found = named(Path::new("a.rs"), text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        refused(&words(&found[0])).is_some()
    };
    for wrong in [
        "run `evidenced anchor status`",
        "run `evidenced verify --ledger`",
        "say `evidenced cause {name}`",
        "run `evidenced verfy x.zip`",
        "\"see `evidenced anchor \\\n             status`\"",
    ] {
        assert!(of(wrong), "{wrong}");
    }
    for right in [
        "run `evidenced anchor list`",
        "run `evidenced verify --ledger DIR`",
        "see `evidenced cause`, or a",
        "`evidenced explain {id} '{}'`",
        "`evidenced status --calendar [--from … --to …]`",
        "\"see `evidenced anchor \\\n             list`\"",
    ] {
        assert!(!of(right), "{right}");
    }
}
