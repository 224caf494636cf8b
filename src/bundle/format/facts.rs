//! What a bundle says of itself: `bag-info.txt` and the name of its folder.

use super::{BundleError, time};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use std::ops::Range;

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
    /// Records of the period, all of them disclosed.
    pub(crate) range: Range<u64>,
    /// Not evidence of anything.
    pub(crate) sample: bool,
}

impl Facts {
    /// The name of the one folder: organisation, first and last day of the period.
    pub(crate) fn top(&self) -> String {
        let last = (self.period.end - TimeDelta::milliseconds(1)).date_naive();
        format!("evidenced_{}_{}_{last}", slug(&self.organization), self.period.start.date_naive())
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
            text.parse::<DateTime<Utc>>().map_err(|_| malformed("a time is not written as RFC 3339 in UTC"))
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
        let (a, b) = range.split_once(' ').ok_or_else(|| malformed("Evidenced-Log-Range needs two numbers"))?;
        let facts = Self {
            organization,
            period,
            origin,
            log_size,
            range: number(a)?..number(b)?,
            sample: lines.next().is_some(),
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

    fn facts(sample: bool) -> Facts {
        Facts {
            organization: "Acme, Widgets & Söhne GmbH".to_owned(),
            period: Window {
                start: "2026-01-01T00:00:00Z".parse().unwrap(),
                end: "2026-04-01T00:00:00Z".parse().unwrap(),
            },
            origin: "evidence.acme.example/soc2".to_owned(),
            log_size: 40,
            range: 3..31,
            sample,
        }
    }

    #[test]
    fn the_folder_carries_the_organisation_and_the_days_of_the_period() {
        assert_eq!(facts(false).top(), "evidenced_acme-widgets-s-hne-gmbh_2026-01-01_2026-03-31");
    }

    #[test]
    fn bag_info_reads_back_and_every_changed_byte_is_noticed() {
        for sample in [false, true] {
            let facts = facts(sample);
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
