//! `README.txt`: what an auditor reads first.

use crate::bundle::format::{Contents, SAMPLE, digits, time};

/// The text, for this bundle.
pub(super) fn readme(contents: &Contents) -> String {
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
    text.push_str(WHERE);
    text.push_str(CHECK);
    text.push_str(&one_item(contents));
    text.push_str(LIMITS);
    text
}

const WHERE: &str = "\
WHAT IS WHERE (all under data/)
  controls.csv          one row per control, worst state first
  controls/<control>/   summary.md (deviations first; rules and parameters), judgements.csv, timeline.csv, gaps.csv, waivers.csv
  gaps.csv              every run that was missed, failed, incomplete, aborted, interrupted or still open
  completeness.csv      per collector: sequence numbers without holes, and what became of each run
  index.csv             every evidence and verdict, by record number, with its folder and version of rules
  populations/          the items of each evidence record as a table; .partial.csv when not all could be read
  evidence/<record>/    run.json (what was asked), population.json or partial.json, exchanges/ (every request,
                        and the answer's bytes as received, secrets struck out), SHA256SUMS
  verdicts/<record>/    policy.json (what was tested), judgements.json (every item), SHA256SUMS
  configs/, transitions/ the configuration in force; the items of each change of state
  records/              the log's records, exact bytes; those marked `supporting` in index.csv lie outside the
                        period, and are here because records of the period refer to them or are next to them
  salts.csv             the salts of the records' commitments
  proofs/               for each record, its inclusion in the signed checkpoint (c2sp.org/tlog-proof@v1)
  log/                  checkpoint (signed), leafhashes.txt (every record from the first of the period to the
                        checkpoint), frontier.txt (the tree before that), log.vkey (a copy, not a trust anchor)
Beside data/, packed-sha256.txt lists how each file stands packed in the ZIP: for `evidenced verify`, which lets no bit
of the ZIP be another; unpacked files are checked with the two manifests.
The .csv files are made for spreadsheets: a cell that begins with = + - @, tab or carriage return has an
apostrophe put in front. The exact text is in the .json files.
A path part of a control's name that is no letter, digit, point or hyphen is written as _ and its hex code.

";

const CHECK: &str = "\
HOW TO CHECK
1. Nothing was changed since the bundle was written (any Linux or macOS, in this folder):
     sha256sum --quiet -c tagmanifest-sha256.txt && sha256sum --quiet -c manifest-sha256.txt
2. All of it: signature of the log, inclusion of every record, no record of the period left out, every file
   bound to its record, every table made again from the evidence:
     evidenced verify <bundle.zip> --key <the log's key, as you were given it before the period>
   Without --key the copy in data/log/log.vkey is used, which proves consistency and not origin.
3. Every collection and every verdict made again, offline, from the recorded exchanges:
     evidenced verify <bundle.zip> --key <key> --reperform
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

const LIMITS: &str = "\
WHAT THIS PROVES
  That every file here is the one that was committed to when its record was written; that the records are in
  one log, in this order, and that none of the period's records was left out of the bundle; that the tables
  follow from the evidence; and, re-performed, that the populations and verdicts do.

WHAT IT DOES NOT PROVE
  That the sources told the truth, or that the machine which collected was not tampered with.
  When a record was written: its time is the daemon's clock, claimed and not proven.
  That there is no second log. Held by someone else: nobody but the operator holds a checkpoint of this log.
  Whoever has the log's key could have written the whole of it anew before this bundle was made. If you were
  given an earlier checkpoint, compare it.
  That what is not configured to be collected is in order. See data/configs.
  That the configuration and the state shown for the time before the first record of the period are the last
  ones before it: they were in the log before it, but what lies between is not disclosed.
";
