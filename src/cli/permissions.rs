//! `evidenced permissions`: what to grant, for pasting where it is granted.

use super::{Exit, print_json};
use crate::config::{ConfigError, Loaded};
use crate::permissions::{Wanted, manifest, of_all_kinds, of_configured, policy};
use evidenced_collectors::contract::System;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who grants them.
    #[arg(value_enum)]
    of: Of,
    /// For every kind with every setting, and not for what is configured. Needs no configuration.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Of {
    /// A policy of IAM.
    Aws,
    /// The manifest of a GitHub App.
    Github,
}

pub(super) fn permissions(load: impl FnOnce() -> Result<Loaded, ConfigError>, args: &Args) -> anyhow::Result<Exit> {
    let system = match args.of {
        Of::Aws => System::Aws,
        Of::Github => System::Github,
    };
    let wanted: Wanted = if args.all { of_all_kinds(system) } else { of_configured(&load()?, system) };
    let printed = match args.of {
        Of::Aws => policy(&wanted).map(|policy| print_json(&policy)),
        Of::Github => manifest(&wanted).map(|manifest| print_json(&manifest)),
    };
    printed.unwrap_or_else(|| {
        anyhow::bail!("no collector that is configured asks it\nhint: --all prints what every kind needs")
    })?;
    Ok(Exit::Ok)
}
