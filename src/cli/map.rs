//! `evidenced map`: from one id to all that is related to it.

use super::table::table;
use super::{Exit, Known, print_json};
use crate::bundle::{list, word};
use crate::catalogue::{Control, Criterion, Framework, Related};
use serde::Serialize;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Args {
    /// A criterion, `CC6.1`, or a control, `SEC-001`.
    #[arg(group = "what")]
    id: Option<String>,
    /// A control of NIST SP 800-53, revision 5: `AC-2`.
    #[arg(long, value_name = "ID", group = "what")]
    nist: Option<String>,
    /// A control or clause of ISO/IEC 27001:2022: `A.5.15`, `C.6.1.2`.
    #[arg(long, value_name = "ID", group = "what")]
    iso: Option<String>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Mapped<'a> {
    #[serde(flatten)]
    related: &'a Related<'a>,
    /// Controls of the configuration that name one of the criteria, or are one of the controls.
    configured: Vec<&'a String>,
}

pub(super) fn map(known: &Known, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let catalogue = &known.catalogue;
    let related = match (&args.id, &args.nist, &args.iso) {
        (Some(id), ..) => catalogue.related(id)?,
        (_, Some(id), _) => catalogue.related_to(Framework::Nist, id)?,
        (_, _, Some(id)) => catalogue.related_to(Framework::Iso, id)?,
        (None, None, None) => anyhow::bail!("there is nothing to look up"),
    };
    let configured = known.config.iter().flat_map(|config| &config.controls);
    let concerned = configured.filter(|(id, control)| {
        related.criteria.iter().any(|criterion| control.criteria.contains(&criterion.id))
            || related.controls.iter().any(|control| control.id == **id)
    });
    let mapped = Mapped { configured: concerned.map(|(id, _)| id).collect(), related: &related };
    if json {
        print_json(&mapped)?;
    } else {
        show(&mapped);
    }
    Ok(Exit::Ok)
}

fn show(mapped: &Mapped<'_>) {
    match (mapped.related.criteria.as_slice(), mapped.related.controls.as_slice()) {
        ([criterion], controls) => {
            show_criterion(criterion);
            show_controls("\nControls of the catalogue:\n", controls);
        }
        (criteria, [control]) => {
            show_control(control);
            show_criteria("\nCriteria:\n", criteria);
        }
        (criteria, controls) => {
            show_criteria("Criteria:\n", criteria);
            show_controls("\nControls of the catalogue:\n", controls);
        }
    }
    let configured = match mapped.configured.as_slice() {
        [] => "none".to_owned(),
        ids => list(ids),
    };
    outln!("\nConfigured here: {configured}");
}

fn show_criterion(criterion: &Criterion) {
    outln!("{}  {}\n{}\n", criterion.id, criterion.title, criterion.about);
    outln!("category    {}: {}", word(criterion.category), criterion.group);
    outln!("priority    {}", word(criterion.priority));
    outln!("automation  {}: {}", word(criterion.automation), criterion.machine);
    outln!("NIST        {}", list(&criterion.nist));
    outln!("ISO         {}", list(&criterion.iso));
}

fn show_control(control: &Control) {
    outln!("{}  {}\n{}\n", control.id, control.title, control.statement);
    outln!("type        {}, {}", word(control.control_type), word(control.frequency));
    outln!("owner       {}", control.owner_role);
    outln!("severity    {}", word(control.severity));
    outln!("evidence    {}: {}", word(control.evidence_type), list(&control.evidence));
    outln!("test        {}", control.test_procedure);
    for (name, ids) in [
        ("key for     ", &control.key_for),
        ("tests       ", &control.tests),
        ("kinds       ", &control.kinds),
        ("depends on  ", &control.depends_on),
        ("NIST        ", &control.nist),
        ("ISO         ", &control.iso),
    ] {
        if !ids.is_empty() {
            outln!("{name}{}", list(ids));
        }
    }
    if let Some(note) = &control.note {
        outln!("note        {note}");
    }
}

fn show_criteria(heading: &str, criteria: &[&Criterion]) {
    let mut rows = table(&["criterion", "category", "priority", "title"]);
    for criterion in criteria {
        rows.add_row([
            criterion.id.clone(),
            word(criterion.category),
            word(criterion.priority),
            criterion.title.clone(),
        ]);
    }
    outln!("{heading}{rows}");
}

fn show_controls(heading: &str, controls: &[&Control]) {
    let mut rows = table(&["control", "type", "owner", "title"]);
    for control in controls {
        rows.add_row([&control.id, &word(control.control_type), &control.owner_role, &control.title]);
    }
    outln!("{heading}{rows}");
}
