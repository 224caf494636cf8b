//! `evidenced tools`: what checks a bundle without this program, to be handed on by another way than bundles.

use super::{Exit, print_json};
use crate::bundle::tools::ALL;
use anyhow::Context;
use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write them in. Nothing in it is overwritten.
    dir: PathBuf,
}

pub(super) fn tools(args: &Args, json: bool) -> anyhow::Result<Exit> {
    let mut written = Vec::new();
    std::fs::create_dir_all(&args.dir).with_context(|| format!("{} cannot be made", args.dir.display()))?;
    for tool in ALL {
        let path = args.dir.join(tool.name);
        let cannot = || format!("{} cannot be written\nhint: name a folder that does not have it yet", path.display());
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).with_context(cannot)?;
        file.write_all(tool.text.as_bytes()).with_context(cannot)?;
        let sha256 = hex::encode(Sha256::digest(tool.text));
        if !json {
            outln!("{sha256}  {}", path.display());
        }
        written.push(serde_json::json!({ "path": path, "sha256": sha256 }));
    }
    if json {
        print_json(&written)?;
    }
    Ok(Exit::Ok)
}
