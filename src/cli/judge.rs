//! `evidenced judge`: today's rules over worked cases of a file.

use super::table::table;
use super::{Exit, print_json};
use crate::judge::cases::{self, CASES_BYTES_MAX, Case, CasesError};
use crate::judge::{Judgement, Outcome};
use anyhow::Context;
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file of cases; `-` is standard input. Needs neither configuration nor ledger. Exits 1 when a case
    /// is not judged as it expects, 2 when the file is not of the form.
    #[arg(required_unless_present = "schema", conflicts_with = "schema")]
    file: Option<PathBuf>,
    /// Print the JSON schema of a file of cases.
    #[arg(long)]
    schema: bool,
}

/// One case as `--json` prints it.
#[derive(Serialize)]
struct Row {
    name: String,
    outcome: Outcome,
    reason: String,
}

pub(super) fn judge(args: &Args, json: bool) -> anyhow::Result<Exit> {
    match &args.file {
        Some(file) => judge_cases(file, json),
        None => {
            print_json(&cases::schema())?;
            Ok(Exit::Ok)
        }
    }
}

fn judge_cases(file: &Path, json: bool) -> anyhow::Result<Exit> {
    let judged = judged(file).with_context(|| format!("{} cannot be judged", file.display()))?;
    if json {
        let row = |(case, judgement): &Judged| Row {
            name: case.name.clone(),
            outcome: judgement.outcome,
            reason: judgement.reason.clone(),
        };
        print_json(&judged.iter().map(row).collect::<Vec<_>>())?;
    } else {
        show(&judged);
    }
    let mut exit = Exit::Ok;
    for (case, judgement) in judged.iter().filter(|(case, judgement)| !case.is_met_by(judgement)) {
        let expected = case.expect.as_ref().map(|e| format!("{} {}", e.outcome.word(), e.reason)).unwrap_or_default();
        eprintln!(
            "evidenced: case {:?}: expected {expected}, got {} {}: {}",
            case.name,
            judgement.outcome.word(),
            judgement.reason,
            judgement.seen
        );
        exit = Exit::Failed;
    }
    Ok(exit)
}

type Judged = (Case, Judgement);

/// Every case of the file with its judgement: all of them or an error.
fn judged(file: &Path) -> Result<Vec<Judged>, CasesError> {
    let cases = cases::parse(&read(file).map_err(CasesError::Read)?)?;
    let judged = |case: Case| case.judge().map(|judgement| (case, judgement));
    cases.into_iter().map(judged).collect()
}

/// The whole file, or one byte more than it may have.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let from: Box<dyn Read> =
        if file == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(file)?) };
    let mut bytes = Vec::new();
    from.take(CASES_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn show(judged: &[Judged]) {
    let mut rows = table(&["case", "outcome", "reason", "rules", "seen"]);
    for (case, judgement) in judged {
        rows.add_row([
            case.name.as_str(),
            judgement.outcome.word(),
            &judgement.reason,
            case.test.rules(),
            &judgement.seen,
        ]);
    }
    outln!("{rows}");
}
