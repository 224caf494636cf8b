//! The judges against a second opinion, `tests/judge/oracle.py`, whose head says how independent it is:
//! random cases, judged by the program as its users run it and by the oracle.
//!
//! `EVIDENCED_SEED` and `EVIDENCED_CASES` choose other and more cases, 20,000 at most.

use crate::support::{component, program};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

const SEED: u64 = 20_260_302;
const CASES: u64 = 6000;

/// One answer of the program or the oracle.
#[derive(Deserialize, Debug)]
struct Answer {
    name: String,
    outcome: String,
    reason: String,
    /// Of an undecided case: what the readings of the text give.
    #[serde(default)]
    readings: Vec<(String, String)>,
    /// Some reading is no pass, waiver or exclusion.
    #[serde(default)]
    never_green: bool,
}

impl Answer {
    fn pair(&self) -> (String, String) {
        (self.outcome.clone(), self.reason.clone())
    }

    fn undecided(&self) -> bool {
        self.outcome == "undecided"
    }

    /// What is wrong with the program's answer; `None` if nothing is.
    fn against(&self, program: &Self) -> Option<&'static str> {
        let got = program.pair();
        if !self.undecided() {
            return (got != self.pair()).then_some("the text decides otherwise");
        }
        let green = matches!(got.0.as_str(), "pass" | "waived" | "excluded");
        if self.never_green && green {
            return Some("passes what one reading of the text does not");
        }
        // Saying that it cannot be told is always allowed in doubt.
        (got.0 != "indeterminate" && !self.readings.contains(&got)).then_some("is no reading of the text")
    }
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn python(script: &str) -> Command {
    let mut python = Command::new(program("python3"));
    python.arg("-B").arg(component(script));
    python
}

fn answers(command: &mut Command) -> Vec<Answer> {
    serde_json::from_slice(&output(command)).unwrap()
}

fn second_opinion(file: &Path) -> Vec<Answer> {
    answers(python("tests/judge/oracle.py").arg(file))
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// A file's cases as they stand there, by name.
fn by_name(file: &Value) -> BTreeMap<String, String> {
    let lists = ["change", "mfa", "restore"].into_iter().flat_map(|list| file[list].as_array().unwrap());
    lists.map(|case| (case["name"].as_str().unwrap().to_owned(), case.to_string())).collect()
}

#[test]
fn the_second_opinion_agrees_with_the_whole_truth_table() {
    let table = component("tests/truth-table.json");
    let file: Value = serde_json::from_slice(&fs::read(&table).unwrap()).unwrap();
    let lists = ["change", "mfa", "restore"].into_iter().flat_map(|list| file[list].as_array().unwrap());
    let expected: Vec<_> = lists
        .map(|case| ["outcome", "reason"].map(|key| case["expect"][key].as_str().unwrap().to_owned()))
        .map(|[outcome, reason]| (outcome, reason))
        .collect();
    let answers: Vec<_> = second_opinion(&table).iter().map(Answer::pair).collect();
    assert_eq!(answers.len(), 58);
    assert_eq!(answers, expected);
}

#[test]
fn the_program_and_the_second_opinion_judge_thousands_of_random_cases_alike() {
    let (seed, count) = (setting("EVIDENCED_SEED", SEED), setting("EVIDENCED_CASES", CASES));
    println!("seed {seed}, {count} cases");
    let made = output(
        python("tests/judge/generate.py").args(["--seed", &seed.to_string()]).args(["--count", &count.to_string()]),
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &made).unwrap();
    let program =
        answers(Command::new(env!("CARGO_BIN_EXE_evidenced")).env_clear().arg("judge").arg(file.path()).arg("--json"));
    let opinions = second_opinion(file.path());
    assert_eq!((program.len(), opinions.len()), (usize::try_from(count).unwrap(), program.len()));

    let cases = by_name(&serde_json::from_slice(&made).unwrap());
    // Of each sort of difference, the shortest case.
    let mut differences: BTreeMap<String, &str> = BTreeMap::new();
    for (opinion, judged) in opinions.iter().zip(&program) {
        assert_eq!(opinion.name, judged.name);
        let Some(wrong) = opinion.against(judged) else { continue };
        let (case, readings) = (cases[&opinion.name].as_str(), &opinion.readings);
        let sort = format!("{wrong}: {:?} {readings:?}, the program: {:?}", opinion.pair(), judged.pair());
        let shortest = differences.entry(sort).or_insert(case);
        if case.len() < shortest.len() {
            *shortest = case;
        }
    }
    let undecided = opinions.iter().filter(|opinion| opinion.undecided()).count();
    println!("{undecided} undecided, {} sorts of difference", differences.len());
    assert!(differences.is_empty(), "seed {seed}: {differences:#?}");

    // That nothing differs says something only of what came up.
    assert!(undecided * 5 < opinions.len(), "{undecided} undecided");
    let seen: BTreeSet<_> = opinions.iter().filter(|one| !one.undecided()).map(Answer::pair).collect();
    let table: Value = serde_json::from_slice(&fs::read(component("tests/truth-table.json")).unwrap()).unwrap();
    for case in ["change", "mfa", "restore"].into_iter().flat_map(|list| table[list].as_array().unwrap()) {
        let text = |key: &str| case["expect"][key].as_str().unwrap().to_owned();
        assert!(seen.contains(&(text("outcome"), text("reason"))), "seed {seed} has no case of {}", case["expect"]);
    }
    assert!(seen.len() >= 55, "{} answers: {seen:?}", seen.len());
}
