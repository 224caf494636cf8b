//! `evidenced sample`: draws items for an auditor from what a control was judged over, and puts the draw on record.

use super::period::Period;
use super::table::table;
use super::{Exit, Usage, print_json};
use crate::config::Loaded;
use crate::run::Runner;
use crate::samples::{self, Asked, Size, Table};
use anyhow::bail;

/// Longest seed, bytes.
const SEED_BYTES_MAX: usize = 200;

/// What a sample is; below the options of `sample --help`.
const HELP: &str = "\
Drawn without replacement from every item that the control's verdicts of the period are about. The population is \
frozen, and named by its hash; with the seed, which the auditor gives, anybody draws the same items again: AUDITOR.html \
in a bundle has the lines of Python for that. A draw is on record and stays as it is; another seed is another record.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The control, `SEC-001`.
    #[arg(long)]
    control: String,
    #[command(flatten)]
    period: Period,
    /// How many items; of a smaller population all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), required_unless_present = "table")]
    size: Option<u64>,
    /// A table that says how many: `seed001`, `fam450`, `ten-percent`, or a file like those in config/samples.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "size")]
    table: Option<String>,
    /// The auditor's seed: any text.
    #[arg(long, value_name = "TEXT")]
    seed: String,
}

pub(super) async fn sample(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    super::configured(&loaded, &args.control)?;
    super::said("the seed", &args.seed, SEED_BYTES_MAX)?;
    if args.seed.chars().any(char::is_control) {
        let text = "the seed has control characters\nhint: give text that can be read out and typed again";
        bail!(Usage(text.to_owned()));
    }
    let size = match (&args.table, args.size) {
        (Some(table), _) => Size::Table(Table::find(table)?),
        (None, Some(size)) => Size::Items(size),
        (None, None) => bail!(Usage("how many is not said\nhint: give --size or --table".to_owned())),
    };
    let (control, period, seed) = (args.control.clone(), args.period.given()?, args.seed.clone());
    let asked = Asked { control, period, seed, size };
    let (loaded, ledger) = super::appending(loaded).await?;
    let reader = ledger.reader()?;
    let clock = super::clock(&reader)?;
    let draft = samples::draft(&reader, &asked, clock.now())?;
    let sample = &draft.sample.clone();
    let sealed = Runner::new(loaded, ledger, clock).append(vec![draft.record()?]).await?;
    let index = sealed.first().map_or(0, |sealed| sealed.index);
    if json {
        print_json(&serde_json::json!({ "index": index, "sample": sample }))?;
    } else {
        outln!("recorded at index {index}: {} of {} items of {}", sample.size, sample.population.size, sample.control);
        outln!("population {}, seed {}", sample.population.sha256, sample.seed);
        let mut rows = table(&["row", "item", "outcome", "verdict", "evidence"]);
        for drawn in &sample.items {
            let evidence: Vec<String> = drawn.evidence.iter().map(u64::to_string).collect();
            let outcome = drawn.outcome.word().to_owned();
            rows.add_row([
                drawn.row.to_string(),
                drawn.item.clone(),
                outcome,
                drawn.verdict.to_string(),
                evidence.join(", "),
            ]);
        }
        outln!("{rows}");
    }
    for unread in &sample.population.unread {
        eprintln!("not read when the population was judged, so that items may be missing: {unread}");
    }
    Ok(Exit::Ok)
}
