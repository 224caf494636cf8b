//! `evidenced cause`: why a control drifted and what was done about it, on record; and which drifts lack that.

use super::table::table;
use super::{Exit, Usage, print_json};
use crate::causes::{self, Owed, Standing};
use crate::config::Loaded;
use crate::ledger::Reader;
use crate::ledger::record::{Body, Compensation, Effect};
use crate::run::Runner;
use anyhow::bail;

/// Longest name, bytes.
const NAME_BYTES_MAX: usize = 200;
/// Longest text, bytes.
const TEXT_BYTES_MAX: usize = 4_000;

/// What a cause is; below the options of `cause --help`.
const HELP: &str = "\
A cause ends nothing: a drift is over when a later verdict passes, or when what deviates is accepted with `evidenced \
waive`. Without a cause on record a drift counts as not handled once the time to close it has passed: 7 days for a \
critical control, 30, 60 and 90 for the others. A cause cannot be changed; another one stands beside it.

The texts go into every bundle and cannot be erased: name no persons that need not be named.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The control that drifted, `SEC-001`. Without it: every drift, and whether its cause is on record.
    #[arg(
        requires = "drift",
        requires = "cause",
        requires = "effect",
        requires = "determined",
        requires = "correction"
    )]
    control: Option<String>,
    /// The drift, by the record that began it; `evidenced cause` shows them.
    #[arg(long, value_name = "RECORD", requires = "control")]
    drift: Option<u64>,
    /// Why it happened.
    #[arg(long, value_name = "TEXT", requires = "control")]
    cause: Option<String>,
    /// How far that reaches.
    #[arg(long, requires = "control")]
    effect: Option<Effect>,
    /// How it was found out how far it reaches.
    #[arg(long, value_name = "TEXT", requires = "control")]
    determined: Option<String>,
    /// What was done about it.
    #[arg(long, value_name = "TEXT", requires = "control")]
    correction: Option<String>,
    /// Who answers for that. Default: the control's owner.
    #[arg(long, value_name = "NAME", requires = "control")]
    owner: Option<String>,
    /// Another control that did the work meanwhile.
    #[arg(long, value_name = "CONTROL", requires = "approver")]
    compensated_by: Option<String>,
    /// Who approved that it did: not the owner.
    #[arg(long, value_name = "NAME", requires = "compensated_by")]
    approver: Option<String>,
    /// What management says to it.
    #[arg(long, value_name = "TEXT", requires = "control")]
    response: Option<String>,
}

pub(super) async fn cause(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    match (&args.control, args.drift, args.effect) {
        (Some(control), Some(drift), Some(effect)) => record(loaded, (control, drift, effect), args, json).await,
        _ => list(&loaded, json),
    }
}

async fn record(
    loaded: Loaded,
    (control, drift, effect): (&str, u64, Effect),
    args: &Args,
    json: bool,
) -> anyhow::Result<Exit> {
    super::configured(&loaded, control)?;
    let owner = args.owner.as_ref().unwrap_or(&loaded.config.controls[control].owner).clone();
    super::said("the owner", &owner, NAME_BYTES_MAX)?;
    let text = |what: &str, text: &Option<String>| -> anyhow::Result<String> {
        let text = text.clone().unwrap_or_default();
        super::said(what, &text, TEXT_BYTES_MAX)?;
        Ok(text)
    };
    let response = args.response.as_ref().map(|_| text("the response", &args.response)).transpose()?;
    let compensation = compensation(&loaded, control, &owner, args)?;
    let (loaded, ledger) = super::appending(loaded).await?;
    let reader = ledger.reader()?;
    let clock = super::clock(&reader)?;
    known(&causes::owed(&reader, &loaded, clock.now())?, control, drift)?;
    let body = Body::Cause {
        control: control.to_owned(),
        drift,
        cause: text("the cause", &args.cause)?,
        effect,
        determined: text("how that was determined", &args.determined)?,
        correction: text("the correction", &args.correction)?,
        owner,
        compensation,
        response,
        recorded_by: crate::who::me(),
        recorded_at: clock.now(),
    };
    let sealed = Runner::new(loaded, ledger, clock).append(vec![(body.clone(), Vec::new())]).await?;
    let index = sealed.first().map_or(0, |sealed| sealed.index);
    if json {
        print_json(&serde_json::json!({ "index": index, "record": body }))?;
    } else {
        outln!("recorded at index {index}: why {control} drifted at record {drift}");
    }
    Ok(Exit::Ok)
}

/// What another control did meanwhile, if somebody else than the owner says so.
fn compensation(loaded: &Loaded, control: &str, owner: &str, args: &Args) -> anyhow::Result<Option<Compensation>> {
    let (Some(other), Some(approver)) = (&args.compensated_by, &args.approver) else { return Ok(None) };
    super::configured(loaded, other)?;
    super::said("the approver", approver, NAME_BYTES_MAX)?;
    if other == control {
        let hint = "name another control, or leave --compensated-by out";
        bail!(Usage(format!("{control} cannot make up for itself\nhint: {hint}")));
    }
    let is_owner = |name: &str| name.trim().to_lowercase() == approver.trim().to_lowercase();
    if is_owner(owner) || is_owner(&loaded.config.controls[control].owner) {
        bail!(Usage(format!("{approver} owns {control}, and cannot approve this\nhint: somebody else must")));
    }
    Ok(Some(Compensation { control: other.clone(), approver: approver.clone() }))
}

/// Refuses a record that began no drift of the control.
fn known(owed: &[Owed], control: &str, drift: u64) -> anyhow::Result<()> {
    let of_it: Vec<&Owed> = owed.iter().filter(|owed| owed.control == control).collect();
    if of_it.iter().any(|owed| owed.drift == drift) {
        return Ok(());
    }
    let began: Vec<String> = of_it.iter().map(|owed| owed.drift.to_string()).collect();
    let hint = if began.is_empty() { "it never drifted".to_owned() } else { format!("one of {}", began.join(", ")) };
    bail!("no drift of {control} began with record {drift}\nhint: {hint}; `evidenced cause` shows them");
}

fn list(loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let owed = causes::owed(&reader, loaded, super::now(&reader)?)?;
    let late = owed.iter().any(|owed| owed.standing == Standing::Late);
    if json {
        print_json(&owed)?;
    } else if owed.is_empty() {
        outln!("No control has drifted.");
    } else {
        show(&owed);
        if late {
            eprintln!(
                "Late: the time to close the drift has passed. `evidenced cause --help` says how to record a cause."
            );
        }
    }
    Ok(if late { Exit::NotEffective } else { Exit::Ok })
}

fn show(owed: &[Owed]) {
    let mut rows = table(&["control", "drift", "worst", "from", "until", "ended", "cause", "by"]);
    for owed in owed {
        let standing = match owed.standing {
            Standing::Late => format!("LATE since {}", owed.late_from.date_naive()),
            Standing::Due => format!("due before {}", owed.late_from.date_naive()),
            Standing::Recorded => owed.causes.iter().map(|cause| cause.cause.as_str()).collect::<Vec<_>>().join("\n"),
        };
        let by: Vec<&str> = owed.causes.iter().map(|cause| cause.recorded_by.as_str()).collect();
        rows.add_row([
            owed.control.clone(),
            owed.drift.to_string(),
            owed.worst.word().to_owned(),
            super::minute(owed.from),
            owed.until.map_or_else(|| "open".to_owned(), super::minute),
            owed.ended.map(|ended| ended.word().to_owned()).unwrap_or_default(),
            standing,
            by.join("\n"),
        ]);
    }
    outln!("{rows}");
}
