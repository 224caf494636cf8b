//! `evidenced key`: which keys sign, a new one, the end of an old one. Every change is a record of the log.

use super::table::table;
use super::{Exit, print_json};
use crate::config::Loaded;
use crate::ledger::record::KeyRole;
use crate::ledger::{KeyChanged, key_states, make_key};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(super) enum What {
    /// Show every key there is or was: what it signs, by which records it began and ended, and whether its
    /// secret half is at hand.
    List {
        /// Only keys of this role.
        #[arg(long)]
        role: Option<Role>,
    },
    /// Make a key in a new file, for a place that evidenced cannot write (environment, credential). Add it
    /// there beside the one that signs, then `key rotate`.
    New {
        /// What it shall sign.
        #[arg(long, default_value = "log")]
        role: Role,
        /// The file, which must not be there yet; made with mode 0600.
        file: PathBuf,
    },
    /// Begin a new key. It signs beside the old one, which vouches for it, until that is retired.
    Rotate {
        /// What it signs: checkpoints of the log, or bundles.
        #[arg(long, default_value = "log")]
        role: Role,
    },
    /// End the older of two keys and remove its secret half. From then on only the new one signs.
    Retire {
        /// What it signs.
        #[arg(long, default_value = "log")]
        role: Role,
    },
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Role {
    /// Checkpoints of the log.
    Log,
    /// Bundles.
    Bundle,
}

impl From<Role> for KeyRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Log => Self::Log,
            Role::Bundle => Self::Bundle,
        }
    }
}

pub(super) async fn key(loaded: Loaded, what: &What, json: bool) -> anyhow::Result<Exit> {
    match what {
        What::List { role } => return list(&loaded, role.map(KeyRole::from), json),
        What::New { role, file } => return new(&loaded, (*role).into(), file, json),
        What::Rotate { .. } | What::Retire { .. } => {}
    }
    let (_, ledger) = super::appending(loaded).await?;
    let now = || {
        let reader = ledger.reader()?;
        if super::is_sample(&reader)? { super::sample_now(&reader) } else { Ok(SystemClock.now()) }
    };
    match what {
        What::Rotate { role } => rotated(&ledger.rotate_key((*role).into(), now()?).await?, json)?,
        What::Retire { role } => retired(&ledger.retire_key((*role).into(), now()?).await?, json)?,
        What::List { .. } | What::New { .. } => {}
    }
    Ok(Exit::Ok)
}

fn word(role: KeyRole) -> &'static str {
    match role {
        KeyRole::Log => "log",
        KeyRole::Bundle => "bundle",
    }
}

fn new(loaded: &Loaded, role: KeyRole, file: &std::path::Path, json: bool) -> anyhow::Result<Exit> {
    let public = make_key(role, &loaded.config.origin, file)?;
    if json {
        print_json(&serde_json::json!({ "role": role, "key": public, "file": file }))?;
    } else {
        outln!("{public}");
        eprintln!(
            "The secret half is in {}. Nothing is recorded yet: append it to what the place of the",
            file.display()
        );
        eprintln!("{} key holds, remove the file, and run `evidenced key rotate --role {}`.", word(role), word(role));
    }
    Ok(Exit::Ok)
}

/// Works without any secret key, to show which is missing; then it fails.
fn list(loaded: &Loaded, role: Option<KeyRole>, json: bool) -> anyhow::Result<Exit> {
    let (mut keys, errors) = key_states(&loaded.state_dir, &loaded.config.keys)?;
    keys.retain(|key| role.is_none_or(|role| key.role == role));
    errors.iter().for_each(|error| eprintln!("evidenced: {error}"));
    let missing = keys.iter().any(|key| key.retired.is_none() && !key.at_hand);
    let exit = if errors.is_empty() && !missing { Exit::Ok } else { Exit::Failed };
    if json {
        print_json(&keys)?;
        return Ok(exit);
    }
    let mut rows = table(&["role", "public key", "began with", "ended with", "secret half"]);
    for key in keys {
        let began = key.added.map_or("the beginning".to_owned(), |index| format!("record {index}"));
        let ended = key.retired.map_or("signs".to_owned(), |index| format!("record {index}"));
        let secret = match (key.at_hand, key.retired) {
            (true, None) => "at hand",
            (true, Some(_)) => "still at hand: `evidenced key retire` removes it",
            (false, None) => "MISSING",
            (false, Some(_)) => "gone",
        };
        rows.add_row([word(key.role), &key.key, &began, &ended, secret]);
    }
    outln!("{rows}");
    Ok(exit)
}

fn rotated(changed: &KeyChanged, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(changed);
    }
    let role = word(changed.role);
    outln!("{}", changed.key.as_deref().unwrap_or_default());
    eprintln!("Record {} names the new {role} key. From the next checkpoint on", changed.record.unwrap_or_default());
    match changed.role {
        KeyRole::Log => eprintln!("both it and the old one sign; auditors who have the old one need nothing new."),
        KeyRole::Bundle => {
            eprintln!("it signs bundles; give the line above to your auditor, by another way than them.")
        }
    }
    eprintln!("Its secret half is in {}, beside the old one. When it has been backed up:", changed.place);
    eprintln!("`evidenced key retire --role {role}` ends the old one.");
    Ok(())
}

fn retired(changed: &KeyChanged, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(changed);
    }
    let role = word(changed.role);
    if let (Some(key), Some(record)) = (&changed.key, changed.record) {
        outln!("{key}");
        eprintln!("Record {record} ends this {role} key. From the next checkpoint on only the newer one signs.");
    }
    if !changed.removed.is_empty() {
        eprintln!("Its secret half was removed from {}.", changed.place);
        eprintln!("Remove it from backups as well: whoever has it can forge what was signed while it held.");
    }
    if !changed.left.is_empty() {
        eprintln!("Its secret half is still in {}, which cannot be written from here:", changed.place);
        eprintln!("remove it where that comes from, and from backups.");
    }
    Ok(())
}
