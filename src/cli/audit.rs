//! What `gaps`, `readiness`, `remediation` and `tracker` share: what they are of, and in which form they are printed.

use super::Usage;
use super::period::{self, Period};
use crate::config::{AuditType, Loaded};
use crate::readiness::{Ask, Facts, gather, planned};
use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::io::{IsTerminal, Write};

#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// For a report on design (type1), or on operation as well (type2). Default: what [scope.period] says, or type1.
    #[arg(long = "type")]
    pub(super) audit_type: Option<AuditType>,
    #[command(flatten)]
    period: Period,
    #[command(flatten)]
    as_of: AsOf,
}

#[derive(Debug, clap::Args)]
pub(super) struct AsOf {
    /// As things were known then: a date (midnight UTC) or an RFC 3339 time. Default: now.
    #[arg(long, value_name = "TIME", value_parser = period::instant)]
    as_of: Option<DateTime<Utc>>,
}

impl Audit {
    /// The facts that it is computed from.
    pub(super) fn facts(&self, loaded: &Loaded) -> anyhow::Result<Facts> {
        let ask = Ask { as_of: self.as_of.as_of, audit: self.audit_type, period: self.period.maybe()? };
        Ok(gather(loaded, ask, SystemClock.now())?)
    }
}

impl AsOf {
    /// The facts of what there is, whatever the report.
    pub(super) fn facts(&self, loaded: &Loaded) -> anyhow::Result<Facts> {
        let ask = Ask { as_of: self.as_of, audit: Some(AuditType::Type1), period: None };
        Ok(gather(loaded, ask, SystemClock.now())?)
    }

    /// What is planned, as `[scope]` has it.
    pub(super) fn planned(&self, loaded: &Loaded) -> anyhow::Result<Facts> {
        Ok(planned(loaded, Ask { as_of: self.as_of, ..Ask::default() }, SystemClock.now())?)
    }
}

/// In which form tables are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Markdown.
    #[default]
    Md,
    /// JSON.
    Json,
    /// A table for programs.
    Csv,
    /// A spreadsheet; into a file or pipe.
    Xlsx,
}

/// The form that is asked for. `--json` asks for one as well, and two that contradict each other are refused.
pub(super) fn form<F: Copy + Default + PartialEq>(asked: Option<F>, json: bool, as_json: F) -> anyhow::Result<F> {
    match (asked, json) {
        (Some(form), true) if form != as_json => {
            bail!(Usage("--json and --format ask for two forms\nhint: leave one of them out".to_owned()))
        }
        (_, true) => Ok(as_json),
        (form, false) => Ok(form.unwrap_or_default()),
    }
}

/// Writes bytes to standard output as they are.
pub(super) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(bytes)?)
}

/// Refuses to write a spreadsheet to a terminal.
pub(super) fn not_a_terminal(command: &str) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() {
        bail!("a spreadsheet is not for a terminal\nhint: evidenced {command} --format xlsx > {command}.xlsx");
    }
    Ok(())
}
