//! What a bundle says of itself: `bag-info.txt` and the name of its folder.

use super::{BundleError, path_part, time};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{Window, four_digits};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ops::Range;

/// Before the controls that a bundle is limited to, with a space between each two.
const CONTROLS: &str = "Evidenced-Controls: ";

/// The line of a sample that nobody can overlook.
pub(crate) const SAMPLE: &str = "SAMPLE WITH A SIMULATED CLOCK";

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whose evidence it is.
    pub(crate) organization: String,
    /// The auditor's observation period.
    pub(crate) period: Window,
    /// Name of the log.
    pub(crate) origin: String,
    /// Size of the log at the closing checkpoint.
    pub(crate) log_size: u64,
    /// Records of the period: all of them disclosed, or those of the controls.
    pub(crate) range: Range<u64>,
    /// The controls that the bundle is limited to; empty: it is whole.
    pub(crate) controls: BTreeSet<String>,
    /// Not evidence of anything.
    pub(crate) sample: bool,
}

impl Facts {
    /// The name of the one folder: organisation, first and last day of the period, and the control that it is
    /// limited to, or how many and a hash of their list.
    pub(crate) fn top(&self) -> String {
        let last = (self.period.end - TimeDelta::milliseconds(1)).date_naive();
        let whole = format!("evidenced_{}_{}_{last}", slug(&self.organization), self.period.start.date_naive());
        match self.controls.len() {
            0 => whole,
            1 => format!("{whole}_{}", path_part(&self.listed())),
            many => {
                let hash = hex::encode(Sha256::digest(self.listed()));
                format!("{whole}_{many}-controls-{}", hash.get(..8).unwrap_or_default())
            }
        }
    }

    /// Whether records of the range may be withheld.
    pub(crate) fn selective(&self) -> bool {
        !self.controls.is_empty()
    }

    fn listed(&self) -> String {
        self.controls.iter().map(String::as_str).collect::<Vec<&str>>().join(" ")
    }

    /// `bag-info.txt`.
    pub(crate) fn bag_info(&self) -> String {
        let mut text = format!(
            "Source-Organization: {}\nExternal-Description: SOC 2 evidence, collected and sealed by evidenced\n\
             Evidenced-Format: 1\nEvidenced-Period-Start: {}\nEvidenced-Period-End: {}\n\
             Evidenced-Log-Origin: {}\nEvidenced-Log-Size: {}\nEvidenced-Log-Range: {} {}\n",
            self.organization,
            time(self.period.start),
            time(self.period.end),
            self.origin,
            self.log_size,
            self.range.start,
            self.range.end
        );
        if self.selective() {
            text.push_str(&format!("{CONTROLS}{}\n", self.listed()));
        }
        if self.sample {
            text.push_str(&format!("Evidenced-Sample: {SAMPLE}\n"));
        }
        text
    }

    /// Reads `bag-info.txt`, which has one form only.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, BundleError> {
        let malformed = |why: &str| BundleError::malformed(file, why);
        let mut lines = text.lines();
        let mut value = |label: &str| {
            let line = lines.next().unwrap_or_default();
            let found = line.strip_prefix(label).and_then(|rest| rest.strip_prefix(": "));
            found.map(str::to_owned).ok_or_else(|| BundleError::malformed(file, format!("{label} is missing")))
        };
        let instant = |text: String| {
            let at = text.parse::<DateTime<Utc>>().ok().filter(four_digits);
            at.ok_or_else(|| malformed("a time is not written as RFC 3339 in UTC"))
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| malformed("a number cannot be read"));
        let organization = value("Source-Organization")?;
        value("External-Description")?;
        value("Evidenced-Format")?;
        let period =
            Window { start: instant(value("Evidenced-Period-Start")?)?, end: instant(value("Evidenced-Period-End")?)? };
        let origin = value("Evidenced-Log-Origin")?;
        let log_size = number(&value("Evidenced-Log-Size")?)?;
        let range = value("Evidenced-Log-Range")?;
        let mut rest = lines.peekable();
        let controls = rest.next_if(|line| line.starts_with(CONTROLS));
        let controls = controls.and_then(|line| line.strip_prefix(CONTROLS)).unwrap_or_default();
        let (a, b) = range.split_once(' ').ok_or_else(|| malformed("Evidenced-Log-Range needs two numbers"))?;
        let facts = Self {
            organization,
            period,
            origin,
            log_size,
            range: number(a)?..number(b)?,
            controls: controls.split(' ').filter(|control| !control.is_empty()).map(str::to_owned).collect(),
            sample: rest.next().is_some(),
        };
        if facts.range.start > facts.range.end || facts.range.end > facts.log_size || period.start >= period.end {
            return Err(malformed("period or range of records is impossible"));
        }
        if facts.bag_info() != text {
            return Err(malformed("not in the one form that the format has"));
        }
        Ok(facts)
    }
}

/// A name for folders: lower case letters, digits and single hyphens, at most forty.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(40);
    match slug.trim_end_matches('-') {
        "" => "organization".to_owned(),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(sample: bool, controls: &[&str]) -> Facts {
        Facts {
            organization: "Acme, Widgets & Söhne GmbH".to_owned(),
            period: Window {
                start: "2026-01-01T00:00:00Z".parse().unwrap(),
                end: "2026-04-01T00:00:00Z".parse().unwrap(),
            },
            origin: "evidence.acme.example/soc2".to_owned(),
            log_size: 40,
            range: 3..31,
            controls: controls.iter().map(|control| (*control).to_owned()).collect(),
            sample,
        }
    }

    #[test]
    fn the_folder_carries_the_organisation_and_the_days_of_the_period() {
        let whole = "evidenced_acme-widgets-s-hne-gmbh_2026-01-01_2026-03-31";
        assert_eq!(facts(false, &[]).top(), whole);
        assert_eq!(facts(false, &["SEC_1"]).top(), format!("{whole}_SEC_5f1"));
        let two = facts(false, &["A", "B"]).top();
        assert!(two.starts_with(&format!("{whole}_2-controls-")) && two != facts(false, &["A", "C"]).top(), "{two}");
    }

    #[test]
    fn bag_info_reads_back_and_every_changed_byte_is_noticed() {
        for (sample, controls) in [(false, &[][..]), (true, &[]), (false, &["A", "B.2"]), (true, &["A"])] {
            let facts = facts(sample, controls);
            let text = facts.bag_info();
            assert_eq!(Facts::parse("bag-info.txt", &text).unwrap(), facts);
            for at in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1;
                if let Ok(changed) = String::from_utf8(bytes) {
                    assert_ne!(Facts::parse("bag-info.txt", &changed).ok(), Some(facts.clone()), "byte {at}");
                }
            }
        }
    }
}
