//! `evidenced remediation`: what to do about each gap, by whom, in which order, by when.

use super::audit::{Audit, form, not_a_terminal, print};
use super::{Exit, print_json};
use crate::catalogue::Severity;
use crate::config::Loaded;
use crate::readiness::remediation as plan;
use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    audit: Audit,
    /// As what. `--json` is `--format json`. Default: md.
    #[arg(long)]
    format: Option<Form>,
    /// Exit 3 when a gap has this priority or a higher one. Default: exit 0 whatever there is.
    #[arg(long, value_name = "PRIORITY")]
    fail_on: Option<Severity>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Markdown.
    #[default]
    Md,
    /// JSON.
    Json,
    /// A table for programs.
    Csv,
    /// A spreadsheet; into a file or pipe.
    Xlsx,
    /// A calendar of tasks, for programs that keep such.
    Ics,
}

pub(super) fn remediation(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let form = form(args.format, json, Form::Json)?;
    let facts = args.audit.facts(loaded)?;
    let plan = plan(&facts, &loaded.catalogue)?;
    match form {
        Form::Json => print_json(&plan)?,
        Form::Md => print(plan.markdown(&facts).as_bytes())?,
        Form::Csv => print(&plan.grid().csv()?)?,
        Form::Xlsx => {
            not_a_terminal("remediation")?;
            print(&plan.grid().workbook(facts.as_of, "evidenced remediation --format csv")?)?;
        }
        Form::Ics => print(plan.ics().as_bytes())?,
    }
    let bad = args.fail_on.is_some_and(|limit| plan.gaps.iter().any(|task| task.priority >= limit));
    Ok(match plan.head.integrity {
        Some(_) => Exit::Refused,
        None if bad => Exit::NotEffective,
        None => Exit::Ok,
    })
}
