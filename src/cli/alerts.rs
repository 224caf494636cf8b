//! `evidenced alerts`: what somebody was told, what has not arrived, and trying a channel.

use super::table::table;
use super::{Exit, Usage, minute, print_json, word};
use crate::config::Loaded;
use crate::ledger::Reader;
use crate::ledger::record::DeliveryOutcome;
use crate::notify::deliver::Outbox;
use crate::notify::list::{Listed, Told, alerts as list};
use crate::notify::message::Letter;
use crate::notify::raise::Raise;
use crate::notify::vitals::vitals;
use crate::notify::{Channel, PASSING};
use crate::outside::Outside;
use crate::run::Runner;
use anyhow::bail;
use clap::Subcommand;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// Only those that have not arrived on some channel.
    #[arg(long)]
    owed: bool,
    /// Only those that are not tried any more on some channel.
    #[arg(long)]
    dead: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Send what is owed and may go out now; the daemon does so by itself. Exits 1 when a channel refused.
    Deliver,
    /// Send a test message to a channel. Exits 1 when it is refused.
    Test {
        /// Name of the channel, as in the configuration.
        channel: String,
    },
}

pub(super) async fn alerts(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    match &args.what {
        None => show(&loaded, args, json),
        Some(What::Deliver) => deliver(loaded, json).await,
        Some(What::Test { channel }) => test(&loaded, channel, json).await,
    }
}

fn show(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let now = super::now(&reader)?;
    let wanted =
        |alert: &Listed| (!args.owed && !args.dead) || (args.owed && alert.is_owed()) || (args.dead && alert.is_dead());
    let listed: Vec<Listed> = list(&reader, loaded, now)?.into_iter().filter(wanted).collect();
    if json {
        print_json(&listed)?;
        return Ok(Exit::Ok);
    }
    let mut rows = table(&["record", "at", "event", "subject", "severity", "what", "told"]);
    for alert in &listed {
        let told: Vec<String> = alert.channels.iter().map(|(channel, told)| line(channel, told)).collect();
        let told = if told.is_empty() { "no channel".to_owned() } else { told.join("\n") };
        rows.add_row([
            alert.record.to_string(),
            minute(alert.at),
            word(&alert.event)?,
            alert.subject.clone(),
            word(&alert.severity)?,
            alert.headline.clone().unwrap_or_else(|| "erased".to_owned()),
            told,
        ]);
    }
    outln!("{rows}");
    for (channel, trying) in vitals(&loaded.state_dir).channels {
        outln!("{channel}: {trying}");
    }
    Ok(Exit::Ok)
}

fn line(channel: &str, told: &Told) -> String {
    match told {
        Told::Owed { held_until: Some(until), held_for } => {
            format!("{channel}: owed, waits until {} for {}", minute(*until), held_for.as_deref().unwrap_or("a while"))
        }
        Told::Owed { held_until: None, .. } => format!("{channel}: owed"),
        Told::Settled { at, outcome, why, .. } => {
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let how = match outcome {
                DeliveryOutcome::Delivered => "delivered",
                DeliveryOutcome::Dead => "DEAD",
                DeliveryOutcome::Erased => "erased",
            };
            format!("{channel}: {how} {}{why}", minute(*at))
        }
    }
}

async fn deliver(loaded: Loaded, json: bool) -> anyhow::Result<Exit> {
    let (loaded, ledger) = super::appending(loaded).await?;
    super::refuse_sample(&ledger)?;
    let outbox = Arc::new(Outbox::of(&Runner::new(loaded, ledger, Arc::new(SystemClock)), &Arc::new(Outside::new())));
    let passed = outbox.deliver().await?;
    if json {
        print_json(&passed)?;
    } else {
        outln!("{} delivered, {} dead, {} erased", passed.delivered, passed.dead, passed.erased);
    }
    for (channel, why) in &passed.refused {
        eprintln!(
            "evidenced: {channel} did not take an alert: {why}\nhint: it is still owed, and the daemon tries again"
        );
    }
    Ok(if passed.refused.is_empty() { Exit::Ok } else { Exit::Failed })
}

async fn test(loaded: &Loaded, name: &str, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = loaded.config.channels.get(name) else {
        let known: Vec<_> = loaded.config.channels.keys().cloned().collect();
        let hint = match known.is_empty() {
            true => "none is; add [channels.<name>], see config/evidenced.example.toml".to_owned(),
            false => format!("configured: {}", known.join(", ")),
        };
        bail!(Usage(format!("channel `{name}` is not configured\nhint: {hint}")));
    };
    let (reader, now) = (Reader::open(&loaded.state_dir)?, SystemClock.now());
    let message = Raise::new(&reader, loaded)?.rules().test(name, now);
    let record = reader.size()?;
    drop(reader);
    // The number that a next record would have: a channel that shows it shows one that there is not.
    let letter = Letter { alerts: vec![(record, message)], delayed: None };
    let sent = Channel::of(config, &loaded.base, &Arc::new(Outside::new())).send(&letter, now).await;
    if json {
        let why = sent.as_ref().err().map(|refusal| refusal.why.clone());
        print_json(&serde_json::json!({ "channel": name, "taken": sent.is_ok(), "why": why }))?;
    } else if sent.is_ok() {
        outln!("{name} took a test message");
    }
    if let Err(refusal) = &sent {
        let hint =
            if refusal.hint == PASSING { "a test is not tried again by itself; give it again" } else { &refusal.hint };
        eprintln!("evidenced: {name} did not take the test message: {}\nhint: {hint}", refusal.why);
    }
    Ok(if sent.is_ok() { Exit::Ok } else { Exit::Failed })
}
