//! Checks a bundle: from the archive's outline to what follows from the evidence. Reads nothing but the
//! archive, writes nothing, holds one document at a time. Shares with the writer the format and no more.

mod anchors;
mod brought;
mod calendar;
mod commitments;
mod container;
mod cosignature;
mod counted;
mod deliveries;
mod derived;
mod documents;
mod envelope;
mod held;
mod inclusion;
mod keys;
mod log;
mod look;
mod manifest;
mod merkle;
mod parallel;
mod range;
mod records;
mod reperform;
mod report;
mod runs;
mod samples;
mod sign_offs;
mod signers;
mod source;
mod sshsig;
mod walk;
mod windows;

pub use look::Bundle;
pub use report::{About, Check, Finding, KeySource, Reperformed, VerifyReport};

use super::BundleError;
use super::format::{Contents, Facts};
use brought::Brought;
use container::Archive;
use report::Checking;
use std::path::Path;

/// How to check.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The log's keys, `name+id+base64` a line, as they were told; one from before the period is enough, for
    /// it vouches for later ones. Without any the bundle's own copies are used, which shows that the bundle
    /// is consistent and not where it comes from.
    pub vkey: Option<String>,
    /// The text of an `allowed_signers` file of OpenSSH, as it was told before the period. Without it the
    /// bundle's signature is checked with the key that the bundle's own log names.
    pub allowed_signers: Option<String>,
    /// Root certificates of time-stamp authorities, PEM. With them a bundle without a time-stamp is refused;
    /// without them time-stamps are read, and whose they are stays open.
    pub tsa_roots: Option<Vec<u8>>,
    /// Make every collection and verdict again from the recorded exchanges.
    pub reperform: bool,
    /// Public keys of witnesses, `name+id+base64`.
    pub witness_keys: Vec<String>,
    /// Older checkpoints of the log that whoever verifies has kept, bytes as they are.
    pub held: Vec<Vec<u8>>,
}

/// Checks the bundle at `zip`. A bundle with something wrong is an `Ok` whose report says so.
///
/// Errors: `Io` when the file cannot be read, `Request` when a key, signers or certificates given are none.
pub fn verify(zip: &Path, options: &VerifyOptions) -> Result<VerifyReport, BundleError> {
    let brought = Brought::parse(options)?;
    let mut report = VerifyReport {
        checks: Vec::new(),
        complete: false,
        key_source: log::key_source(&brought.keys),
        about: None,
        reperformed: None,
    };
    let mut container = Checking::new("container");
    let archive = match Archive::open(zip) {
        Ok(archive) => archive,
        Err(error @ BundleError::Io { .. }) => return Err(error),
        Err(error) => {
            container.failed(&error);
            report.checks.push(container.done(String::new()));
            return Ok(report);
        }
    };
    report.checks.push(container.done(format!("an archive of {} files in the one form", archive.count)));
    report.complete = contents(&archive, &brought, options, &mut report).is_some();
    Ok(report)
}

/// Makes every check that the ones before leave possible; `None` when one could not be made.
fn contents(archive: &Archive, brought: &Brought, options: &VerifyOptions, report: &mut VerifyReport) -> Option<()> {
    report.checks.push(manifest::check(archive));
    let (check, facts) = bag(archive);
    report.checks.push(check);
    let facts = facts?;
    report.about = Some(About::of(&facts));
    let (check, closing) = log::signature(archive, &facts, &brought.keys);
    report.checks.push(check);
    let (check, contents) = records::read(archive, &facts);
    report.checks.push(check);
    let contents = contents?;
    report.checks.extend(walk::walk(archive, &contents, closing.as_ref(), brought));
    report.checks.push(samples::check(archive, &contents));
    report.checks.push(sign_offs::check(archive, &contents, closing.as_ref()));
    report.checks.push(calendar::check(&contents));
    let (check, plan) = derived::files(archive, &contents);
    report.checks.push(check);
    report.checks.push(derived::check(archive, &contents, plan.as_ref()));
    if options.reperform {
        reperform(archive, &contents, report);
    }
    closing.map(|_| ())
}

/// What the bag says of itself.
fn bag(archive: &Archive) -> (Check, Option<Facts>) {
    let mut checking = Checking::new("bag");
    let facts = archive.text("bag-info.txt").and_then(|text| Facts::parse("bag-info.txt", &text));
    let facts = checking.take(facts);
    if let Some(facts) = &facts {
        let fits = facts.top() == archive.top;
        checking.expect(fits, "bag-info.txt", format!("is not of the folder {}", archive.top));
    }
    (checking.done("bagit.txt and bag-info.txt are in the one form".to_owned()), facts)
}

fn reperform(archive: &Archive, contents: &Contents, report: &mut VerifyReport) {
    let (check, reperformed) = reperform::check(archive, contents);
    report.checks.push(check);
    report.reperformed = Some(reperformed);
}
