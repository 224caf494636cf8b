//! `evidenced gaps`: what is missing for a report; or a skill pack's gap analysis, from its own file.

use super::audit::{Audit, Format, form, not_a_terminal, print};
use super::table::table;
use super::tracker::{controls, show_notes};
use super::{Exit, print_json};
use crate::bundle::{list, word};
use crate::catalogue::{Catalogue, Severity};
use crate::config::{AuditType, ConfigError, Loaded};
use crate::readiness;
use crate::readiness::packs::{self, Coverage, Gaps};
use crate::shown::shown;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file of the `soc2-compliance` skill pack, `{"controls": [...]}` or an array; `-` is standard input. Its
    /// typed words are judged by the pack's own rules; no evidence is looked at.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["as_of", "from", "to", "period", "format"])]
    seed_compat: Option<PathBuf>,
    #[command(flatten)]
    audit: Audit,
    /// As what. `--json` is `--format json`. Default: md.
    #[arg(long)]
    format: Option<Format>,
    /// Exit 3 when there is a gap of this severity or a worse one. Default: exit 0 whatever there is.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
}

pub(super) fn gaps(
    load: impl FnOnce() -> Result<Loaded, ConfigError>,
    args: &Args,
    json: bool,
) -> anyhow::Result<Exit> {
    match &args.seed_compat {
        Some(file) => of_pack(file, args, json),
        None => of_evidence(&load()?, args, json),
    }
}

fn of_evidence(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let form = form(args.format, json, Format::Json)?;
    let facts = args.audit.facts(loaded)?;
    let gaps = readiness::gaps(&facts);
    match form {
        Format::Json => print_json(&gaps)?,
        Format::Md => print(gaps.markdown(&facts).as_bytes())?,
        Format::Csv => print(&gaps.grid().csv()?)?,
        Format::Xlsx => {
            not_a_terminal("gaps")?;
            print(&gaps.grid().workbook(facts.as_of, "evidenced gaps --format csv")?)?;
        }
    }
    let bad = args.fail_on.is_some_and(|limit| gaps.worst() >= Some(limit));
    Ok(match gaps.head.integrity {
        Some(_) => Exit::Refused,
        None if bad => Exit::NotEffective,
        None => Exit::Ok,
    })
}

fn of_pack(file: &Path, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let audit_type = args.audit.audit_type.unwrap_or(AuditType::Type1);
    let gaps = packs::gaps(&controls(file)?, audit_type, &Catalogue::built_in()?, SystemClock.now());
    if json {
        print_json(&gaps)?;
    } else {
        show(&gaps);
    }
    let bad = args.fail_on.is_some_and(|limit| gaps.worst() >= Some(limit));
    Ok(if bad { Exit::NotEffective } else { Exit::Ok })
}

fn show(gaps: &Gaps) {
    let (meta, categories) = (&gaps.report_metadata, gaps.report_metadata.categories_assessed.iter());
    let said = &gaps.coverage_summary;
    outln!("criteria_coverage {:.1} % ({})", said.coverage_percentage, said.readiness_assessment);
    outln!(
        "by the rules of the soc2-compliance skill pack, {}, {} controls, {}, as of {}\n",
        word(meta.audit_type),
        meta.total_controls_assessed,
        list(categories.map(word)),
        meta.report_date
    );
    let mut rows = table(&["", "criteria", "covered", "in part", "missing", "critical", "coverage"]);
    for (name, coverage) in [("the pack", said), ("mended", &gaps.mended)] {
        let Coverage { total_criteria, covered, partially_covered, missing, critical_gaps, .. } = coverage;
        let counts = [total_criteria, covered, partially_covered, missing, critical_gaps].map(u32::to_string);
        let percent = format!("{:.1} %", coverage.coverage_percentage);
        rows.add_row(std::iter::once(name.to_owned()).chain(counts).chain([percent]));
    }
    outln!("{rows}\n");
    for entry in gaps.gaps.iter().chain(&gaps.partial_implementations) {
        let severity = entry.severity.map(word).unwrap_or_default();
        let (kind, controls) = (entry.gap_type.unwrap_or_default(), list(&entry.controls));
        let controls = if controls.is_empty() { controls } else { format!(" ({controls})") };
        outln!("{severity} {kind} {} {}{}", entry.tsc_criteria, entry.description, shown(&controls));
    }
    if let Some(operating) = &gaps.type2_operating_gaps {
        let (controls, issues) = (operating.controls_with_issues, operating.total_issues);
        outln!("\nOperation: {controls} controls with {issues} issues");
        for detail in &operating.details {
            for failed in &detail.issues {
                let severity = word(failed.severity);
                outln!("{severity} {} {}: {}", shown(&detail.control_id), failed.check, failed.detail);
            }
        }
    }
    show_notes(&gaps.notes);
}
