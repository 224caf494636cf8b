//! `evidenced init`: the only thing that ever makes a ledger.

use super::{Exit, print_json};
use crate::config::Loaded;
use crate::ledger::bundle_key::allowed_signers_line;
use crate::ledger::{Create, Ledger};
use evidenced_collectors::contract::clock::{Clock, SystemClock};

pub(super) fn init(loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let (origin, at) = (loaded.config.origin.clone(), SystemClock.now());
    let organization = loaded.config.organization.clone();
    let create = Create { organization, origin: origin.clone(), sample: false, at };
    let ledger = Ledger::create_with(&loaded.state_dir, create, &loaded.config.keys)?;
    let vkey = ledger.reader()?.key().to_string();
    let bundle_key = ledger.bundle_key()?.public_line()?;
    let allowed_signers = allowed_signers_line(&origin, &bundle_key, at);
    if json {
        print_json(&serde_json::json!({
            "vkey": vkey, "bundle_key": bundle_key, "allowed_signers": allowed_signers, "directory": loaded.state_dir,
        }))?;
        return Ok(Exit::Ok);
    }
    outln!("{vkey}");
    outln!("{bundle_key}");
    outln!("{allowed_signers}");
    eprintln!("The ledger is in {}.", loaded.state_dir.display());
    eprintln!("The lines above are the log's public key (log.vkey), the public key of bundles, and the same as a line");
    eprintln!(
        "of an `allowed_signers` file. Give the first and the last to your auditor now, before the period and by"
    );
    eprintln!("another way than the bundles: whoever has them can tell your log and your bundles from forged ones.");
    Ok(Exit::Ok)
}
