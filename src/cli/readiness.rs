//! `evidenced readiness`: the score of a scope, with what keeps it down.

use super::audit::{Audit, form, print};
use super::{Exit, print_json};
use crate::config::Loaded;
use crate::readiness::packs::Rating;
use crate::readiness::{Readiness, page, readiness as compute, remediation};
use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    audit: Audit,
    /// As what. `--json` is `--format json`. Default: md.
    #[arg(long)]
    format: Option<Form>,
    /// Exit 3 when the rating is this one or a worse one. Default: exit 0 whatever it is.
    #[arg(long, value_name = "RATING")]
    fail_on: Option<Rating>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Markdown.
    #[default]
    Md,
    /// JSON.
    Json,
    /// A table for programs: the controls that count.
    Csv,
    /// A page with gaps and plan, which needs nothing else and prints well.
    Html,
}

pub(super) fn readiness(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let form = form(args.format, json, Form::Json)?;
    let facts = args.audit.facts(loaded)?;
    let readiness = compute(&facts);
    match form {
        Form::Json => print_json(&readiness)?,
        Form::Md => print(readiness.markdown(&facts).as_bytes())?,
        Form::Csv => print(&readiness.grid().csv()?)?,
        Form::Html => {
            let mut bytes = Vec::new();
            page(&facts, &readiness, &remediation(&facts, &loaded.catalogue)?, &mut bytes)?;
            print(&bytes)?;
        }
    }
    Ok(exit(&readiness, args.fail_on))
}

fn exit(readiness: &Readiness, fail_on: Option<Rating>) -> Exit {
    match readiness.exact() {
        None => Exit::Refused,
        Some(exact) if fail_on.is_some_and(|limit| Rating::of(exact) >= limit) => Exit::NotEffective,
        Some(_) => Exit::Ok,
    }
}
