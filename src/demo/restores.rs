//! Restore logs of the sample company, in the JSON Lines form that real drills may write as well.
//! Every line says that it is a sample. Nothing is restored, and no real log is touched.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use std::io::{self, Write};
use std::path::Path;

/// The file that a history is written to, in the collector's directory.
const FILE: &str = "sample-restores.jsonl";

/// Every restore test that will ever be, given up front. What of it has happened depends on the time.
#[derive(Debug, Clone)]
pub struct RestoreHistory(Vec<SampleTest>);

/// One restore test of the sample company.
#[derive(Debug, Clone)]
pub struct SampleTest {
    /// The store that is restored.
    pub store: String,
    /// When the restore begins.
    pub started: DateTime<Utc>,
    /// How it goes.
    pub ending: SampleEnding,
}

/// How a sample test goes. Each is written when it has ended, and reviewed a day later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleEnding {
    /// Restored in 40 minutes, checked in 20.
    Good,
    /// As good, but after nine hours.
    Slow,
    /// Restored, and the rows do not add up. The ticket is closed four days later.
    Damaged,
    /// Restored, and never looked at.
    Unchecked,
}

impl RestoreHistory {
    /// These tests, in any order.
    pub fn new(mut tests: Vec<SampleTest>) -> Self {
        tests.sort_by(|a, b| (a.started, &a.store).cmp(&(b.started, &b.store)));
        Self(tests)
    }

    /// Puts what has happened by `now` into `directory`, replacing what this wrote there before, and
    /// returns how many tests that is. The file appears whole or not at all.
    pub fn write_until(&self, directory: &Path, now: DateTime<Utc>) -> io::Result<usize> {
        let lines: Vec<_> = self.0.iter().filter_map(|test| test.line(now)).collect();
        // Beside the directory, because everything inside is taken for a log.
        let mut file = tempfile::NamedTempFile::new_in(directory.parent().unwrap_or(directory))?;
        for line in &lines {
            writeln!(file, "{line}")?;
        }
        file.persist(directory.join(FILE)).map_err(|error| error.error)?;
        Ok(lines.len())
    }
}

impl SampleTest {
    /// The test as it is written at `now`; nothing before it has ended.
    fn line(&self, now: DateTime<Utc>) -> Option<serde_json::Value> {
        let restored = self.started
            + match self.ending {
                SampleEnding::Slow => Duration::hours(9),
                _ => Duration::minutes(40),
            };
        let validated = restored + Duration::minutes(20);
        if now < validated {
            return None;
        }
        let reviewed = validated + Duration::days(1);
        let closed = validated + Duration::days(4);
        let checked = self.ending != SampleEnding::Unchecked;
        let (rows, validation) = match self.ending {
            SampleEnding::Damaged => (118_204, "FAILED"),
            _ => (120_417, "SUCCESSFUL"),
        };
        let checks = serde_json::json!([
            { "name": "row count", "expected": ">= 120000", "actual": rows, "ok": rows >= 120_000 },
            { "name": "schema version", "expected": 84, "actual": 84, "ok": true },
        ]);
        let ticket = match self.ending {
            SampleEnding::Damaged | SampleEnding::Slow => Some(format!("OPS-{}", self.started.format("%y%j"))),
            _ => None,
        };
        Some(serde_json::json!({
            "test_id": format!("sample-{}-{}", self.store, self.started.format("%Y%m%d")),
            "store": self.store,
            "backup_id": format!("sample-backup-{}", self.started.format("%Y%m%d")),
            "recovery_point": text(self.started - Duration::hours(1)),
            "started": text(self.started),
            "restored": text(restored),
            "validated": checked.then(|| text(validated)),
            "status": "COMPLETED",
            "validation": checked.then_some(validation),
            "checks": if checked { checks } else { serde_json::json!([]) },
            "env_source": "production",
            "env_target": "sample data: nothing was restored",
            "performer": "sam",
            "reviewer": (now >= reviewed).then_some("lena"),
            "reviewed_at": (now >= reviewed).then(|| text(reviewed)),
            "ticket_closed": ticket.is_some() && now >= closed,
            "ticket": ticket,
            "tool": "sample",
        }))
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
