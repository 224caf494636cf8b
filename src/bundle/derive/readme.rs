//! `README.txt`: what an auditor reads first.

use super::held::{held, sentence};
use super::limits::{NOT_PROVEN, PROVES, lines};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, SAMPLE, Series, Source, digits, time};
use crate::schedule::Outcome;
use std::collections::BTreeSet;

/// The text, for this bundle.
pub(super) fn readme(contents: &Contents, source: &dyn Source) -> Result<String, BundleError> {
    let facts = &contents.facts;
    let mut text = String::new();
    if facts.sample {
        text.push_str(&format!(
            "*** {SAMPLE} ***\nNothing in here happened. It shows the form of a bundle and is evidence of nothing.\n\n"
        ));
    }
    text.push_str(&format!(
        "SOC 2 EVIDENCE OF {}\nFrom {} until before {} (UTC).\nLog {}, records {} to before {}, under the checkpoint of {} records.\n\n",
        facts.organization,
        time(facts.period.start),
        time(facts.period.end),
        facts.origin,
        facts.range.start,
        facts.range.end,
        facts.log_size
    ));
    text.push_str(&format!(
        "{} controls, {} collectors, {} populations, {} gaps.\n\
         Gaps and deviations are listed first everywhere. The software draws no conclusion for the auditor.\n\n",
        contents.controls.len(),
        contents.series.len(),
        contents.populations.len(),
        contents.gaps.len()
    ));
    text.push_str(&begins(contents, source)?);
    text.push_str(&silent(contents));
    text.push_str(&limited(contents));
    text.push_str(WHERE);
    text.push_str(CHECK);
    text.push_str(&one_item(contents));
    text.push_str(&format!("WHAT THIS PROVES\n{}\n", lines(PROVES)));
    let held = sentence(&held(contents, source)?);
    text.push_str(&format!("WHO HOLDS IT\n{}\n", lines(&[&held])));
    text.push_str(&format!("WHAT IT DOES NOT PROVE\n{}", lines(NOT_PROVEN)));
    Ok(text)
}

/// A period that begins before the log does: as loud, for nothing was due then by any record.
fn begins(contents: &Contents, source: &dyn Source) -> Result<String, BundleError> {
    let begins = source.record(0)?.at;
    Ok(match begins > contents.facts.period.start {
        false => String::new(),
        true => format!(
            "THE LOG BEGINS AT {}: of the time before it nothing was due by any record, collected or counted.\n\n",
            time(begins)
        ),
    })
}

/// Slots that no record accounts for: loud, for everything else may look well.
fn silent(contents: &Contents) -> String {
    let slots = |series: &Series| series.slots.get(&Outcome::Unaccounted).copied().unwrap_or_default();
    match contents.series.values().map(slots).sum::<u64>() {
        0 => String::new(),
        slots => format!(
            "UNACCOUNTED: of {slots} slots that were due, no record says what became of them. No daemon ran that kept one, or\n\
             it did not do what it should. They are the first rows of data/gaps.csv.\n\n"
        ),
    }
}

/// What a selection leaves out, and what was erased.
fn limited(contents: &Contents) -> String {
    let mut text = String::new();
    if let Some(scope) = &contents.scope {
        let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<&str>>().join(", ");
        let range = contents.facts.range.end - contents.facts.range.start;
        text.push_str(&format!(
            "THIS IS A SELECTION: controls {}, with the collectors that fed them in the period: {}.\n\
             Of the {range} records from the first of them to the last, {} belong to others and are withheld: only their hashes\n\
             are here. Every table is about what is disclosed. That nothing of these controls is left out is counted from\n\
             one summary record to another, before and after the period; the records in between are here for that.\n\n",
            list(&scope.controls),
            list(&scope.collectors),
            contents.withheld()
        ));
    }
    if !contents.erased.is_empty() {
        text.push_str(&format!(
            "ERASED: the files of {} records were deleted, when retention had ended or on request; an erasure record says by which rule and by whom.\n\
             Their records and proofs are here. What rests on them cannot be re-performed.\n\n",
            contents.erased.len()
        ));
    }
    text
}

const WHERE: &str = "\
WHAT IS WHERE (all under data/)
  index.html            begin here: what there is, worst first, and a page per control (controls/<control>/index.html)
  index.xlsx            the same for a spreadsheet: controls, judgements, completeness, gaps, waivers, records
  oscal/                assessment-results.json: the same for tools that read OSCAL 1.2.1
  controls.csv          one row per control, worst state first
  controls/<control>/   index.html (deviations first), judgements.csv, timeline.csv, exposure.csv (how long each drift
                        lasted, and each item was bad: at least, as observed, at most), gaps.csv, waivers.csv, causes.csv (why
                        it drifted, and what was done), signoffs.csv, samples.csv, summary.md
  gaps.csv              first the slots that no record accounts for; every run that was missed, failed, incomplete,
                        aborted, interrupted or still open
  calendar.csv          every slot that was due by the schedules in force, and what became of it
  alerts.csv            who was told of what, when, and whether it arrived; alerts/<record>/ has the words
  completeness.csv      per collector: sequence numbers without holes, what was due, and what became of each run
  index.csv             every evidence and verdict, by record number, with its folder and version of rules
  populations/          the items of each evidence record as a table; .partial.csv when not all could be read
  evidence/<record>/    run.json (what was asked), population.json or partial.json, exchanges/ (every request,
                        and the answer's bytes as received, secrets struck out), SHA256SUMS
  verdicts/<record>/    policy.json (what was tested), judgements.json (every item), SHA256SUMS
  signoffs/<record>/    statement.json: what an owner signed for at the end of a quarter, also after the period
  samples/<record>/     sample.json (seed, what was drawn), population.csv (every item that it was drawn from)
  anchors/, exports/, waivers/
                        what others gave for a checkpoint; the time-stamp of a bundle; the file of a waiver
  configs/, transitions/ the configuration in force; the items of each change of state
  records/              the log's records, exact bytes; those marked `supporting` in index.csv lie outside the
                        period, and are here because records of the period refer to them or are next to them
  salts.csv             the salts of the records' commitments
  proofs/               for each record, its inclusion in the signed checkpoint (c2sp.org/tlog-proof@v1)
  log/                  checkpoint (signed), leafhashes.txt (every record from the first of the period to the
                        checkpoint), frontier.txt (the tree before that), log.vkey (a copy, not a trust anchor: the
                        log's keys, oldest first), keys/ (for each record that names or ends a key of the log, the
                        checkpoint that ends with it: by that the keys before it vouch for it)
Beside data/, packed-sha256.txt lists how each file stands packed in the ZIP: for `evidenced verify`, which lets no bit
of the ZIP be another; unpacked files are checked with the two manifests.
The .csv files can be opened in a spreadsheet: where a text would begin like a formula (with = + - @ or an
apostrophe, also after ; tab or the end of a line in it) an apostrophe is put in front. The exact text is in
the .json files. In pages and index.xlsx characters that cannot be seen are written like ⟨U+202E⟩.
A path part of a control's name that is no letter, digit, point or hyphen is written as _ and its hex code.

";

const CHECK: &str = "\
HOW TO CHECK
1. Nothing was changed since the bundle was written (any Linux or macOS, in this folder):
     sha256sum --quiet -c tagmanifest-sha256.txt && sha256sum --quiet -c manifest-sha256.txt
2. All of it: signature of the log, inclusion of every record, no record of the period left out, every file
   bound to its record, every table made again from the evidence:
     evidenced verify <bundle.zip> --vkey <the log's key, as you were given it before the period>
   Without --vkey the copy in data/log/log.vkey is used, which proves consistency and not origin.
3. Every collection and every verdict made again, offline, from the recorded exchanges:
     evidenced verify <bundle.zip> --vkey <key> --reperform
   Without evidenced: verify.sh, verify.py and verify.html beside this file, and AUDITOR.html on how to use them.
   Take them from elsewhere than this bundle (`evidenced tools`, or a release) before you rely on them.
";

fn one_item(contents: &Contents) -> String {
    let start = contents.facts.range.start;
    let shown = contents.populations.range(start..).next().map(|(index, _)| *index);
    let (record, line) = match shown {
        Some(index) => (digits(index), (index - start + 1).to_string()),
        None => ("<record>".to_owned(), format!("<record> - {start} + 1")),
    };
    format!(
        "4. One piece of evidence by hand, with sha256sum and printf:\n\
         \x20    (cd data/evidence/{record} && sha256sum -c SHA256SUMS)\n\
         \x20    salt=$(sed -n 's/^{0},//p' data/salts.csv)\n\
         \x20    sums=$(sha256sum < data/evidence/{record}/SHA256SUMS | cut -c1-64)\n\
         \x20    printf 'evidenced/commit/v1\\n%s\\n%s\\n' \"$salt\" \"$sums\" | sha256sum   # `commit` in data/records/{record}.json\n\
         \x20    (printf '\\000'; cat data/records/{record}.json) | sha256sum              # line {line} of data/log/leafhashes.txt\n\n",
        shown.map_or_else(|| "<record>".to_owned(), |index| index.to_string())
    )
}
