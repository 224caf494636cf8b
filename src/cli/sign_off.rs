//! `evidenced sign-off`: an owner signs for what a control came to in a quarter; and who has signed what.

use super::table::table;
use super::{Exit, Usage, print_json};
use crate::config::Loaded;
use crate::ledger::Reader;
use crate::readiness::named;
use crate::run::Runner;
use crate::sign_offs::{self, GRACE_DAYS, Owed, Signing, Standing, Statement};
use crate::unit::{Every, Unit};
use anyhow::bail;
use chrono::{DateTime, Utc};

/// Longest name of who signs, bytes.
const NAME_BYTES_MAX: usize = 200;
/// Longest note, bytes.
const NOTE_BYTES_MAX: usize = 4_000;

/// What a sign-off is; below the options of `sign-off --help`.
const HELP: &str = "\
Signed is a statement: the control as it is configured, its verdicts of the quarter and its state, with the size and \
the root of the log that this was made from. A quarter can be signed once it has ended, as nobody can vouch for days \
that have not come; 14 days after its end it is late. Signing again, after more was sealed, adds to the first.

Who signs is taken at their word: the record keeps the account beside the name.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The control to sign for, `SEC-001`. Without it: who has signed what, what is due and what is late.
    #[arg(long, requires = "quarter", requires = "by")]
    control: Option<String>,
    /// The quarter, `2026-Q1`; it must have ended.
    #[arg(long, value_name = "QUARTER", value_parser = quarter, requires = "control")]
    quarter: Option<Unit>,
    /// Who signs: the owner's name.
    #[arg(long, value_name = "NAME", requires = "control")]
    by: Option<String>,
    /// What they add, if anything.
    #[arg(long, value_name = "TEXT", requires = "control")]
    note: Option<String>,
}

fn quarter(text: &str) -> Result<Unit, String> {
    let unit = Unit::parse(text).filter(|unit| unit.every() == Every::Quarter);
    unit.ok_or_else(|| "write a quarter like 2026-Q1".to_owned())
}

pub(super) async fn sign_off(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    match (&args.control, args.quarter, &args.by) {
        (Some(control), Some(quarter), Some(by)) => sign(loaded, (control, quarter, by), args, json).await,
        _ => list(&loaded, json),
    }
}

async fn sign(
    loaded: Loaded,
    (control, quarter, by): (&str, Unit, &str),
    args: &Args,
    json: bool,
) -> anyhow::Result<Exit> {
    super::configured(&loaded, control)?;
    super::said("the name of who signs", by, NAME_BYTES_MAX)?;
    if !named(by) {
        bail!(Usage(format!("`{by}` is nobody's name\nhint: name who answers for {control}")));
    }
    if let Some(note) = &args.note {
        super::said("the note", note, NOTE_BYTES_MAX)?;
    }
    let (loaded, ledger) = super::appending(loaded).await?;
    let reader = ledger.reader()?;
    let clock = super::clock(&reader)?;
    let now = clock.now();
    signable(&reader, control, quarter, now)?;
    let (note, account) = (args.note.as_deref(), crate::who::me());
    let signing = Signing { control, quarter, by, note, recorded_by: &account, at: now };
    let (body, statement) = sign_offs::draft(&reader, &loaded, &signing)?;
    let record = (body.clone(), sign_offs::files(&statement)?);
    let sealed = Runner::new(loaded, ledger, clock).append(vec![record]).await?;
    let index = sealed.first().map_or(0, |sealed| sealed.index);
    if json {
        print_json(&serde_json::json!({ "index": index, "record": body, "statement": statement }))?;
    } else {
        outln!("recorded at index {index}: {by} signed for {control} in {quarter}");
        outln!("{}", statement.text);
        outln!("{}", results(&statement));
    }
    Ok(Exit::Ok)
}

/// Refuses what cannot be known yet, or never was.
fn signable(reader: &Reader, control: &str, quarter: Unit, now: DateTime<Utc>) -> anyhow::Result<()> {
    let end = quarter.window().end;
    if now < end {
        bail!(
            "{quarter} has not ended: what its remaining days bring cannot be signed for\n\
             hint: sign on {} or after; `evidenced status` shows what is so far",
            end.date_naive()
        );
    }
    match sign_offs::configured_since(reader)?.get(control) {
        Some(since) if *since < end => Ok(()),
        Some(since) => bail!(
            "{control} is configured since {}, after {quarter}\n\
             hint: `evidenced sign-off` shows the quarters that are due",
            since.date_naive()
        ),
        None => bail!(
            "no configuration on record has {control}\nhint: the daemon, or `evidenced collect now`, puts it on record"
        ),
    }
}

fn results(statement: &Statement) -> String {
    let results = &statement.results;
    let state = |state: Option<crate::drift::State>| state.map_or("none on record", crate::drift::State::word);
    format!(
        "verdicts of the quarter: {} pass, {} deviation, {} indeterminate; state now: {}",
        results.pass,
        results.deviation,
        results.indeterminate,
        state(statement.state)
    )
}

fn list(loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let owed = sign_offs::owed(&reader, loaded, super::now(&reader)?)?;
    let late = owed.iter().any(|owed| owed.standing == Standing::Late);
    if json {
        print_json(&owed)?;
    } else if owed.is_empty() {
        outln!("No quarter of a configured control has ended.");
    } else {
        show(&owed);
        if late {
            eprintln!(
                "Late: more than {GRACE_DAYS} days after the quarter's end. `evidenced sign-off --control ID --quarter Q --by NAME` signs."
            );
        }
    }
    Ok(if late { Exit::NotEffective } else { Exit::Ok })
}

fn show(owed: &[Owed]) {
    let mut rows = table(&["quarter", "control", "owner", "sign-off", "by", "when", "record"]);
    for owed in owed {
        let standing = match owed.standing {
            Standing::Late => format!("LATE since {}", owed.late_from.date_naive()),
            Standing::Due => format!("due before {}", owed.late_from.date_naive()),
            Standing::Signed => "signed".to_owned(),
        };
        let each =
            |cell: fn(&sign_offs::SignOff) -> String| owed.signed.iter().map(cell).collect::<Vec<String>>().join("\n");
        rows.add_row([
            owed.quarter.clone(),
            owed.control.clone(),
            owed.owner.clone(),
            standing,
            each(|signed| signed.by.clone()),
            each(|signed| super::minute(signed.at)),
            each(|signed| signed.record.to_string()),
        ]);
    }
    outln!("{rows}");
}
