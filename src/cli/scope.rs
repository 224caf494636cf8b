//! `evidenced scope`: what the examination is of, and what to be warned of; or a `[scope]` to begin with, from a few
//! questions.

use super::audit::AsOf;
use super::{Exit, print_json, print_toml};
use crate::bundle::{list, word};
use crate::catalogue::Category;
use crate::config::{AuditType, ConfigError, Loaded};
use crate::readiness::Facts;
use crate::shown::shown;
use anyhow::{Context, bail};
use chrono::{Months, NaiveDate};
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{BufRead, Write};

/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: u64 = 1_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    as_of: AsOf,
    /// Ask a few questions, and print a [scope] to paste into the configuration. Any of the answers makes one, too.
    #[arg(long)]
    ask: bool,
    #[command(flatten)]
    answers: Answers,
}

/// What a scope follows from.
#[derive(Debug, Default, clap::Args)]
struct Answers {
    /// What you sell, one or more: saas, data, infrastructure, api.
    #[arg(long, value_delimiter = ',', conflicts_with = "as_of")]
    sells: Vec<Sells>,
    /// You handle personal data of your customers' people.
    #[arg(long, conflicts_with = "as_of")]
    personal_data: bool,
    /// You promise that the service can be reached.
    #[arg(long, conflicts_with = "as_of")]
    sla: bool,
    /// You hold what your customers call confidential.
    #[arg(long, conflicts_with = "as_of")]
    confidential: bool,
    /// Customers rely on your results being whole, right and in time.
    #[arg(long, conflicts_with = "as_of")]
    results: bool,
    /// For which report.
    #[arg(long = "type", conflicts_with = "as_of")]
    audit_type: Option<AuditType>,
    /// First day of the period.
    #[arg(long, conflicts_with = "as_of")]
    start: Option<NaiveDate>,
    /// Its length in months. Default: 6.
    #[arg(long, requires = "start", value_parser = clap::value_parser!(u32).range(1..=24))]
    months: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sells {
    /// Software as a service.
    Saas,
    /// Processing of data.
    Data,
    /// Infrastructure.
    Infrastructure,
    /// An API.
    Api,
}

pub(super) fn scope(
    load: impl FnOnce() -> Result<Loaded, ConfigError>,
    args: &Args,
    json: bool,
) -> anyhow::Result<Exit> {
    if args.ask {
        print_toml(&ask(&mut std::io::stdin().lock())?.table()?, json)?;
        return Ok(Exit::Ok);
    }
    if args.answers.given() {
        print_toml(&args.answers.table()?, json)?;
        return Ok(Exit::Ok);
    }
    let loaded = load()?;
    let facts = args.as_of.planned(&loaded)?;
    if json {
        print_json(&Shown::of(&loaded, &facts))?;
    } else {
        show(&loaded, &facts);
    }
    Ok(Exit::Ok)
}

/// The scope with what follows from it.
#[derive(Serialize)]
struct Shown<'a> {
    categories: &'a BTreeSet<Category>,
    criteria: usize,
    controls: usize,
    scope: Option<&'a crate::config::ScopeConfig>,
    warnings: &'a [String],
}

impl<'a> Shown<'a> {
    fn of(loaded: &'a Loaded, facts: &'a Facts) -> Self {
        Self {
            categories: &facts.categories,
            criteria: facts.applicable().count(),
            controls: facts.counted().count(),
            scope: loaded.config.scope.as_ref(),
            warnings: &facts.warnings,
        }
    }
}

fn show(loaded: &Loaded, facts: &Facts) {
    outln!("categories: {}", list(facts.categories.iter().map(word)));
    let applicable = facts.applicable().count();
    outln!("criteria that apply: {applicable}; controls that count: {}", facts.counted().count());
    if let Some(scope) = &loaded.config.scope {
        if let Some(period) = scope.period {
            outln!("period: {} until before {}, {}", period.start, period.end, word(period.audit));
        }
        outln!("boundary: {}", shown(&scope.boundary));
        for subservice in &scope.subservice {
            let (name, services) = (shown(&subservice.name), list(&subservice.services));
            outln!("{name}: {}; {}; carries {}", word(subservice.method), shown(&services), list(&subservice.carries));
            for entry in &subservice.user_controls {
                outln!("  expects: {} ({})", shown(&entry.text), list(&entry.controls));
            }
        }
        for entry in &scope.user_controls {
            outln!("expected of customers: {} ({})", shown(&entry.text), list(&entry.controls));
        }
        for entry in scope.not_applicable.iter().filter(|entry| !facts.applies(&entry.what)) {
            let (reason, approver) = (shown(&entry.reason), shown(&entry.approver));
            outln!("not applicable: {}: {reason}; approved by {approver} on {}", entry.what, entry.on);
        }
    }
    for warning in &facts.warnings {
        outln!("warning: {}", shown(warning));
    }
}

/// Asks on stderr, so that stdout is the table alone.
fn ask(from: &mut dyn BufRead) -> anyhow::Result<Answers> {
    let yes = |answer: &str| match answer {
        "y" | "yes" => Ok(true),
        "" | "n" | "no" => Ok(false),
        _ => Err("answer y or n".to_owned()),
    };
    let sells = |answer: &str| {
        let one =
            |word: &str| Sells::from_str(word.trim(), true).map_err(|_| "answer with some of the four".to_owned());
        answer.split(',').map(one).collect::<Result<Vec<_>, _>>()
    };
    let report = |answer: &str| match answer {
        "1" => Ok(AuditType::Type1),
        "" | "2" => Ok(AuditType::Type2),
        _ => Err("answer 1 or 2".to_owned()),
    };
    let day = |answer: &str| answer.parse::<NaiveDate>().map_err(|_| "write a day like 2026-01-31".to_owned());
    let months = |answer: &str| match answer {
        "" => Ok(6),
        other => other.parse().ok().filter(|m| (1..=24).contains(m)).ok_or("a number from 1 to 24".to_owned()),
    };
    Ok(Answers {
        sells: question(from, "What do you sell? (saas, data, infrastructure, api; several with commas)", sells)?,
        personal_data: question(from, "Do you handle personal data of your customers' people? [y/N]", yes)?,
        sla: question(from, "Do you promise that the service can be reached? [y/N]", yes)?,
        confidential: question(from, "Do you hold what customers call confidential? [y/N]", yes)?,
        results: question(from, "Do customers rely on your results being whole, right and in time? [y/N]", yes)?,
        audit_type: Some(question(from, "Which report, type 1 (design) or 2 (operation)? [2]", report)?),
        start: Some(question(from, "First day of the period?", day)?),
        months: Some(question(from, "How many months? [6]", months)?),
    })
}

fn question<T>(
    from: &mut dyn BufRead,
    text: &str,
    understand: impl Fn(&str) -> Result<T, String>,
) -> anyhow::Result<T> {
    loop {
        eprint!("{text} ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        let read = std::io::Read::take(&mut *from, ANSWER_BYTES_MAX).read_line(&mut answer)?;
        if read == 0 {
            bail!(
                "there is no answer to: {text}\nhint: answer on standard input, or with flags; see `evidenced scope --help`"
            );
        }
        match understand(answer.trim().to_lowercase().as_str()) {
            Ok(understood) => return Ok(understood),
            Err(why) => eprintln!("{why}"),
        }
    }
}

impl Answers {
    fn given(&self) -> bool {
        let flags = self.personal_data || self.sla || self.confidential || self.results;
        flags || !self.sells.is_empty() || self.audit_type.is_some() || self.start.is_some()
    }

    /// The decision tree.
    fn categories(&self) -> BTreeSet<Category> {
        let sells = |what| self.sells.contains(&what);
        let mut categories = BTreeSet::from([Category::Security]);
        if sells(Sells::Saas) || sells(Sells::Infrastructure) || self.sla {
            categories.insert(Category::Availability);
        }
        if sells(Sells::Data) || self.results {
            categories.insert(Category::ProcessingIntegrity);
        }
        if sells(Sells::Data) || self.confidential {
            categories.insert(Category::Confidentiality);
        }
        if self.personal_data {
            categories.insert(Category::Privacy);
        }
        categories
    }

    /// A `[scope]` to paste.
    fn table(&self) -> anyhow::Result<String> {
        let categories = list(self.categories().iter().map(|category| format!("\"{}\"", word(category))));
        let mut table = format!("[scope]\ncategories = [{}]\n", categories.replace("; ", ", "));
        table.push_str("boundary = \"\"            # the system in a few sentences, and where it ends\n");
        if let Some(start) = self.start {
            let end =
                start.checked_add_months(Months::new(self.months.unwrap_or(6))).context("the period has no end")?;
            let audit = word(self.audit_type.unwrap_or(AuditType::Type2));
            table.push_str(&format!("period = {{ start = {start}, end = {end}, type = \"{audit}\" }}\n"));
        }
        table.push_str(
            "\n# Whose services are part of yours, and what they carry:\n# [[scope.subservice]]\n# name = \"Amazon Web Services\"\n\
             # services = [\"EC2\", \"RDS\"]\n# method = \"carve_out\"\n# carries = [\"CC6.4\"]\n\
             # reports = [{ start = 2025-10-01, end = 2026-10-01 }]\n\
             # user_controls = [{ text = \"use a second factor\", controls = [\"SEC-004\"] }]",
        );
        Ok(table)
    }
}
