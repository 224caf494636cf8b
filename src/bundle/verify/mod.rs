//! Checks a bundle: from the archive's outline to what follows from the evidence. Reads nothing but the
//! archive, writes nothing, holds one document at a time. Shares with the writer the format and no more.

mod container;
mod derived;
mod documents;
mod envelope;
mod log;
mod look;
mod manifest;
mod merkle;
mod records;
mod reperform;
mod report;
mod runs;
mod signers;
mod source;
mod sshsig;

pub use look::Bundle;
pub use report::{About, Check, Finding, KeySource, Reperformed, VerifyReport};

use super::BundleError;
use super::format::{Contents, Facts};
use container::Archive;
use envelope::Anchors;
use merkle::Key;
use report::Checking;
use std::path::Path;

/// How to check.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The log's key, `name+id+base64`, as it was told before the period. Without it the bundle's own
    /// copy is used, which shows that the bundle is consistent and not where it comes from.
    pub vkey: Option<String>,
    /// The text of an `allowed_signers` file of OpenSSH, as it was told before the period. Without it the
    /// bundle's signature is checked with the key that the bundle's own log names.
    pub allowed_signers: Option<String>,
    /// Root certificates of the time-stamp authority, PEM. Without them a time-stamp is read, and whose it
    /// is stays open.
    pub tsa_roots: Option<Vec<u8>>,
    /// Make every collection and verdict again from the recorded exchanges.
    pub reperform: bool,
}

/// Checks the bundle at `zip`. A bundle with something wrong is an `Ok` whose report says so.
///
/// Errors: `Io` when the file cannot be read, `Request` when a key, signers or certificates given are none.
pub fn verify(zip: &Path, options: &VerifyOptions) -> Result<VerifyReport, BundleError> {
    let given = options.vkey.as_deref().map(log::given_key).transpose()?;
    let anchors = Anchors::parse(options.allowed_signers.as_deref(), options.tsa_roots.as_deref())?;
    let mut report = VerifyReport {
        checks: Vec::new(),
        complete: false,
        key_source: log::key_source(given.as_ref()),
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
    report.complete = contents(&archive, given.as_ref(), &anchors, options, &mut report).is_some();
    Ok(report)
}

/// Makes every check that the ones before leave possible; `None` when one could not be made.
fn contents(
    archive: &Archive,
    given: Option<&Key>,
    anchors: &Anchors,
    options: &VerifyOptions,
    report: &mut VerifyReport,
) -> Option<()> {
    let (check, digests) = manifest::check(archive);
    report.checks.push(check);
    let (check, facts) = bag(archive);
    report.checks.push(check);
    let facts = facts?;
    report.about = Some(About::of(&facts));
    let (check, closing) = log::signature(archive, &facts, given);
    report.checks.push(check);
    let (check, contents) = records::read(archive, &facts);
    report.checks.push(check);
    if let (Some(contents), Some(closing)) = (&contents, &closing) {
        report.checks.push(log::inclusion(archive, contents, closing));
        report.checks.push(log::range(archive, contents, closing));
    }
    let contents = contents?;
    report.checks.push(envelope::check(archive, &contents, anchors));
    report.checks.push(records::commitments(archive, &contents, &digests));
    report.checks.push(runs::sequences(archive, &contents));
    report.checks.push(runs::references(archive, &contents));
    report.checks.push(documents::check(archive, &contents));
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
