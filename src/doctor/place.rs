//! The machine and the state directory: ledger, file system, disk, keys, schedules.

use super::{AS_DAEMON, Finding, Level};
use crate::bundle::word;
use crate::config::Loaded;
use crate::disk::Disk;
use crate::ledger::{LedgerError, Reader, key_states};
use crate::status::{Status, status};
use crate::who;
use chrono::{DateTime, TimeDelta, Utc};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// From that age on a key should be replaced.
const KEY_AGE_MAX: TimeDelta = TimeDelta::days(365);

/// What was found, and what the records say; `None`: they cannot be read.
pub(super) fn look(loaded: &Loaded, now: DateTime<Utc>) -> (Vec<Finding>, Option<Status>) {
    let dir = existing(&loaded.state_dir);
    let mut findings = vec![file_system(dir), space(loaded, dir)];
    let reader = match Reader::open(&loaded.state_dir) {
        Ok(reader) => reader,
        Err(error) => {
            findings.push(Finding::error("ledger", &error));
            return (findings, None);
        }
    };
    findings.push(match reader.size() {
        Ok(records) => Finding::ok("ledger", format!("{records} records; `verify --ledger` checks each")),
        Err(error) => Finding::error("ledger", &error),
    });
    findings.extend(keys(loaded, &reader, now).unwrap_or_else(|error| vec![Finding::error("keys", &error)]));
    match status(&reader, loaded, now) {
        Ok(status) => {
            findings.extend(on_record(&status));
            (findings, Some(status))
        }
        Err(error) => {
            findings.push(Finding::error("ledger", &error));
            (findings, None)
        }
    }
}

/// Whether this is another user than the daemon is: the one whose the state directory is. Then what may be read here
/// and now says nothing of what the daemon may.
pub(super) fn stranger(loaded: &Loaded) -> Option<Finding> {
    let owner = std::fs::metadata(&loaded.state_dir).ok()?.uid();
    let us = match who::uid() {
        Ok(us) if us == owner => return None,
        Ok(us) => who::user(us),
        Err(_) => "a user that is not known".to_owned(),
    };
    let found = format!(
        "doctor runs as {us}, and the ledger is of {}: what may be read here says nothing of the daemon",
        who::user(owner)
    );
    Some(Finding::bad(Level::Warn, "user", found, AS_DAEMON))
}

/// The state directory, or what it will be made in.
fn existing(dir: &Path) -> &Path {
    dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("."))
}

/// Types of `statfs(2)` whose locks or syncs a database cannot rely on.
const NETWORK: [(i64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB 2"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6573_5546, "FUSE"),
    (0x0bd0_0bd0, "Lustre"),
];
/// Types that hold nothing over a restart.
const PASSING: [(i64, &str); 2] = [(0x0102_1994, "tmpfs"), (0x794c_7630, "an overlay")];

fn file_system(dir: &Path) -> Finding {
    let about = "file system";
    let found = match rustix::fs::statfs(dir) {
        Ok(found) => found,
        Err(error) => return Finding::error(about, &error),
    };
    // The type is signed or not, and 32 bits wide or 64, by platform.
    #[allow(clippy::unnecessary_cast, reason = "needed on some platforms")]
    let kind = (found.f_type as i64) & 0xffff_ffff;
    let named = |list: &[(i64, &'static str)]| list.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name);
    match (named(&NETWORK), named(&PASSING)) {
        (Some(name), _) => Finding::bad(
            Level::Fail,
            about,
            format!("{} is on {name}, whose locks and syncs a ledger cannot rely on", dir.display()),
            "put state_dir on a local disk",
        ),
        (None, Some(name)) => Finding::bad(
            Level::Warn,
            about,
            format!("{} is on {name}: what is there is gone with the machine or the container", dir.display()),
            "put state_dir on a disk or a volume",
        ),
        (None, None) => Finding::ok(about, format!("{} is on a local file system", dir.display())),
    }
}

fn space(loaded: &Loaded, dir: &Path) -> Finding {
    let (about, fix) = ("disk", "make room, or move the state directory");
    match Disk::Real.space(dir, &loaded.config) {
        Err(error) => Finding::error(about, &error),
        Ok(space) if space.stops() => Finding::bad(Level::Fail, about, format!("nothing is collected: {space}"), fix),
        Ok(space) if space.is_low() => {
            let found = format!("{} MiB are free, and disk_free_min_mib is {}", space.free_mib, space.low_mib);
            Finding::bad(Level::Fail, about, found, fix)
        }
        Ok(space) => Finding::ok(about, format!("{} MiB are free", space.free_mib)),
    }
}

fn keys(loaded: &Loaded, reader: &Reader, now: DateTime<Utc>) -> Result<Vec<Finding>, LedgerError> {
    let (states, errors) = key_states(&loaded.state_dir, &loaded.config.keys)?;
    let mut findings: Vec<Finding> = errors.iter().map(|error| Finding::error("keys", error)).collect();
    for state in states.iter().filter(|state| state.retired.is_none()) {
        let about = format!("{} key", word(state.role));
        if !state.at_hand && errors.is_empty() {
            let fix = "bring it back from where it is kept; without it nothing can be appended or signed";
            findings.push(Finding::bad(Level::Fail, &about, "its secret half is not at hand", fix));
            continue;
        }
        let age = now - reader.record(state.added.unwrap_or(0))?.at;
        findings.push(if age > KEY_AGE_MAX {
            let found = format!("it has signed for {} days", age.num_days());
            Finding::bad(Level::Warn, &about, found, "`evidenced key rotate`, and later `key retire`")
        } else {
            Finding::ok(&about, format!("at hand, and {} days old", age.num_days()))
        });
    }
    Ok(findings)
}

/// What the records say of how the daemon does.
fn on_record(status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    for collector in &status.collectors {
        if collector.unaccounted > 0 {
            let found = format!("{} due runs have no record", collector.unaccounted);
            let fix = "is the daemon running? `evidenced health`; its log says why it does not come to them";
            findings.push(Finding::bad(Level::Fail, format!("collector {}", collector.name), found, fix));
        }
    }
    if status.anchors.is_empty() {
        let found = "nobody but you holds a checkpoint: an operator with the log's key could write the log anew";
        findings.push(Finding::bad(Level::Warn, "anchors", found, "configure one that keeps checkpoints: [anchors]"));
    }
    if !status.configuration.differs.is_empty() {
        let found = format!("the file is not what is in force: {}", status.configuration.differs.join(", "));
        findings.push(Finding::bad(Level::Warn, "configuration", found, "`evidenced config apply`"));
    }
    if let Some(refused) = &status.configuration.refused {
        let found = format!("the daemon refused the newest file: {}", refused.why.replace('\n', " "));
        findings.push(Finding::bad(Level::Fail, "configuration", found, "`evidenced config check`"));
    }
    findings
}
