//! `evidenced completions` and `evidenced man`: what shells and `man` know of the commands, from their definitions.

use super::{Cli, Exit};
use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Directory for a page of each command: `evidenced.1`, `evidenced-verify.1`. Made if it is not there.
    dir: PathBuf,
}

pub(super) fn completions(args: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
    super::out(format_args!("{}", String::from_utf8_lossy(&script).trim_end()));
    Exit::Ok
}

pub(super) fn man(args: &Man) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(&args.dir).with_context(|| format!("{} cannot be made", args.dir.display()))?;
    let mut command = Cli::command();
    command.build();
    pages(&command, &args.dir)?;
    Ok(Exit::Ok)
}

fn pages(command: &clap::Command, dir: &Path) -> anyhow::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let file = dir.join(page.get_filename());
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    std::fs::write(&file, bytes).with_context(|| format!("{} cannot be written", file.display()))?;
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).try_for_each(|sub| pages(sub, dir))
}
