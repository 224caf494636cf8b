//! `evidenced init`: the only thing that ever makes a ledger.

use super::Exit;
use crate::config::Loaded;
use crate::ledger::{Create, Ledger};
use evidenced_collectors::contract::clock::{Clock, SystemClock};

pub(super) fn init(loaded: &Loaded) -> anyhow::Result<Exit> {
    let ledger = Ledger::create(
        &loaded.state_dir,
        Create {
            organization: loaded.config.organization.clone(),
            origin: loaded.config.origin.clone(),
            sample: false,
            at: SystemClock.now(),
        },
    )?;
    let key = ledger.reader()?.key().to_string();
    outln!("{key}");
    eprintln!("The ledger is in {}.", loaded.state_dir.display());
    eprintln!("The line above is the log's public key. Give it to your auditor now, by another way than the bundles:");
    eprintln!("whoever has it can tell your log from a forged one.");
    Ok(Exit::Ok)
}
