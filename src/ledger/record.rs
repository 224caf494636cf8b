//! The leaves of the log: what each kind of record says. The format only; nothing is stored here.
//!
//! A record is one small JSON object: UTF-8, keys sorted, no spaces, no newline, no floats, at most
//! `RECORD_BYTES_MAX`. Its bytes are hashed as they are and never written anew.

mod alert;
mod cause;
mod counts;
mod json;
mod kind;
mod occasion;
mod run;

pub use alert::{About, DeliveryOutcome};
pub use cause::{Compensation, Effect};
pub use counts::{Counts, Of};
pub use json::{canonical_json, millis, millis_option, read_record};
pub use occasion::Occasion;
pub use run::{End, Status, Trigger};

use crate::config::Severity;
use crate::notify::message::Event;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest record: what a C2SP tlog-tiles entry may be.
pub const RECORD_BYTES_MAX: usize = 65_535;

/// Version of the format, `Record::v`.
pub const RECORD_VERSION: u32 = 1;

/// One record as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the format.
    pub v: u32,
    /// When it was written, by the daemon's clock: claimed, not proven.
    #[serde(with = "millis")]
    pub at: DateTime<Utc>,
    /// Commitment to the files that belong to the record, hex; absent when it has none.
    /// `commit::commitment` says how it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

/// What a record says, by `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// The first record of a log.
    Epoch {
        /// Name of the log, as in its checkpoints.
        origin: String,
        /// Whose it is.
        organization: String,
        /// A sample with a simulated clock: no evidence of anything.
        sample: bool,
        /// 128 random bits, hex, so that no two logs start alike.
        nonce: String,
        /// The log that this one goes on from, after a restored backup or a lost key; `None`: it is the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continues: Option<Continues>,
    },
    /// A signing key begins, or ends. Written under the keys in force before it; from the next
    /// checkpoint on it holds.
    Key {
        /// What it signs.
        role: KeyRole,
        /// The public key: `name+id+base64` of a log key, an OpenSSH public key line of a bundle key.
        key: String,
        /// Whether it begins or ends.
        change: KeyChange,
    },
    /// How far each collector's sequence has come: its next `seq`. The last record under every
    /// checkpoint that leaves the house, so that what a bundle withholds can be counted between two.
    Summary {
        /// Collector to the `seq` that its next run or miss will have; collectors without any are not there.
        collectors: BTreeMap<String, u64>,
        /// What the log holds before this record.
        counts: Counts,
    },
    /// Somebody else holds a checkpoint. Files: `note` (the checkpoint as they were given it) and
    /// `receipt` (what they gave back, bytes as received).
    Anchor {
        /// Name of the anchor in the configuration.
        anchor: String,
        /// Of what sort it is.
        way: AnchorWay,
        /// Size of the log under the checkpoint.
        size: u64,
        /// SHA-256 of `note`, hex.
        note_sha256: String,
        /// SHA-256 of `receipt`, hex. Nobody can foretell it: what comes after this record in the log was
        /// sealed after the receipt was made.
        receipt_sha256: String,
        /// The time that the receipt states; `None` where it states none.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "millis_option")]
        time: Option<DateTime<Utc>>,
    },
    /// The files of a record were deleted, with their digests and their salt. Their commitment stays in
    /// the record, and nobody can link it to them any more.
    Erasure {
        /// The record whose files are gone.
        target: u64,
        /// By which rule: `GDPR Art. 17`, a contract's clause.
        basis: String,
        /// The request that it answers: a ticket.
        request: String,
        /// Who approved.
        approved_by: String,
    },
    /// The configuration in force from here on. Files: `config.json`.
    Config {
        /// SHA-256 of `config.json`.
        sha256: String,
        /// Control to the collectors that feed it: moving one elsewhere leaves a trace.
        controls: BTreeMap<String, Vec<String>>,
        /// Who brought it into force, as far as the system could say. Claimed, not proven: a user's name
        /// stands for whoever may act under it, and of a signal nobody knows who sent it.
        by: String,
        /// What is another than in the configuration before it.
        changed: Changed,
    },
    /// A run began. Written before anything is asked of the outside.
    RunOpened {
        /// 128 random bits, hex.
        run: String,
        /// Which collector.
        collector: String,
        /// Position in the collector's own sequence of runs and misses, from 1 without holes.
        seq: u64,
        /// What set it off.
        trigger: Trigger,
        /// The due instant that it answers to; `None` for a manual run, and for one whose slot has a record from
        /// when the clock was ahead.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "millis_option")]
        scheduled_for: Option<DateTime<Utc>>,
        /// What it looks at.
        window: Window,
    },
    /// What a run brought home. Files: `run.json`, `population.json` or `partial.json`, and every
    /// exchange as `exchanges/<number>.json` and `exchanges/<number>.body`.
    Evidence {
        /// `RunOpened::run`.
        run: String,
        /// Which collector.
        collector: String,
        /// `RunOpened::seq`.
        seq: u64,
        /// Whether it is whole.
        status: Status,
        /// Number of items held.
        observed: u64,
        /// Controls that it is for.
        controls: Vec<String>,
        /// What it looked at.
        window: Window,
    },
    /// A run ended.
    RunClosed {
        /// `RunOpened::run`.
        run: String,
        /// Which collector.
        collector: String,
        /// How.
        end: End,
    },
    /// A due run that will not happen.
    Missed {
        /// Which collector.
        collector: String,
        /// See `RunOpened::seq`.
        seq: u64,
        /// When it was due.
        #[serde(with = "millis")]
        scheduled_for: DateTime<Utc>,
        /// Why not.
        reason: String,
    },
    /// One control's outcome. Files: `policy.json`, `judgements.json`, `standing.json`.
    Verdict {
        /// What had the control judged; never a lapse.
        occasion: Occasion,
        /// Which control.
        control: String,
        /// Test and version of its rules, `change_review/2`.
        rules: String,
        /// The instant that it is judged as of.
        #[serde(with = "millis")]
        as_of: DateTime<Utc>,
        /// The outcome.
        outcome: crate::judge::VerdictOutcome,
        /// Items by outcome.
        counts: BTreeMap<crate::judge::Outcome, u64>,
        /// Records of the evidence judged.
        evidence: Vec<u64>,
        /// Records of the waivers and revocations known.
        waivers: Vec<u64>,
    },
    /// A control changed its state. Files: `items.json`.
    Transition {
        /// Which control.
        control: String,
        /// What it was; `None` at the first observation.
        from: Option<crate::drift::State>,
        /// What it is.
        to: crate::drift::State,
        /// As of when the verdict before was; `None` at the first, and where that one is by a clock that was ahead. The
        /// sources were not looked at in between.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "millis_option")]
        before_at: Option<DateTime<Utc>>,
        /// The instant from which on it is `to`, where that is known: time or a waiver brought it about, and no
        /// run. `None`: some instant between `before_at` and `observed_at`.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "millis_option")]
        since: Option<DateTime<Utc>>,
        /// When somebody looked and saw `to`.
        #[serde(with = "millis")]
        observed_at: DateTime<Utc>,
        /// What brought it about.
        occasion: Occasion,
        /// In one sentence.
        why: String,
        /// Number of items that became bad.
        appeared: u64,
        /// Number of items that were bad and are judged otherwise now.
        resolved: u64,
        /// Number of items that were bad and are waived now.
        waived: u64,
        /// Number of items that were bad and are not among those judged any more.
        gone: u64,
    },
    /// An approved, expiring acceptance.
    Waiver {
        /// Which control.
        control: String,
        /// Item or pattern of items (`*` and `?`).
        item: String,
        /// Why.
        reason: String,
        /// Who approved.
        approver: String,
        /// The account on this machine that recorded it; claimed, as it can call itself what it likes.
        recorded_by: String,
        /// From when.
        #[serde(with = "millis")]
        approved_at: DateTime<Utc>,
        /// Until when; at most a year later.
        #[serde(with = "millis")]
        expires: DateTime<Utc>,
    },
    /// A waiver counts no longer, before its end.
    Revocation {
        /// The control of the waiver.
        control: String,
        /// The waiver's record.
        waiver: u64,
        /// Why.
        reason: String,
        /// See `Waiver::recorded_by`.
        recorded_by: String,
        /// From when on it does not count.
        #[serde(with = "millis")]
        revoked_at: DateTime<Utc>,
    },
    /// Why a control drifted, and what was done about it. Whether the drift is over only a later verdict says. A
    /// later record of the same drift stands beside the earlier one.
    Cause {
        /// Which control.
        control: String,
        /// The transition that began the drift.
        drift: u64,
        /// Why it happened.
        cause: String,
        /// How far that reaches.
        effect: Effect,
        /// How it was found out how far it reaches.
        determined: String,
        /// What was done about it.
        correction: String,
        /// Who answers for it.
        owner: String,
        /// Another control that did the work meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compensation: Option<Compensation>,
        /// What management says to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        response: Option<String>,
        /// See `Waiver::recorded_by`.
        recorded_by: String,
        /// When.
        #[serde(with = "millis")]
        recorded_at: DateTime<Utc>,
    },
    /// Somebody signed for what a control came to in a quarter. Files: `statement.json`, which is what they saw.
    SignOff {
        /// Which control.
        control: String,
        /// Which quarter, `2026-Q1`; it had ended.
        quarter: String,
        /// Who signed, as they call themselves.
        by: String,
        /// What they add.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// See `Waiver::recorded_by`.
        recorded_by: String,
        /// When.
        #[serde(with = "millis")]
        signed_at: DateTime<Utc>,
        /// Size of the log that the statement was made from.
        log_size: u64,
        /// Root of the tree over these records, hex: which log that was.
        root: String,
    },
    /// Items were drawn for an auditor. Files: `sample.json` and `population.csv`.
    Sample {
        /// From what this control was judged over.
        control: String,
        /// In this period.
        period: Window,
        /// The auditor's.
        seed: String,
        /// How many items `population.csv` has. Its hash stands in `sample.json` alone: here it would outlive an erasure,
        /// and few items can be guessed from it.
        population_size: u64,
        /// Size of the log that it was read from.
        log_size: u64,
        /// How many were drawn.
        size: u64,
        /// When.
        #[serde(with = "millis")]
        drawn_at: DateTime<Utc>,
    },
    /// A bundle was handed out.
    Export {
        /// The period.
        period: Window,
        /// Size of the log that it is of.
        log_size: u64,
        /// SHA-256 of `tagmanifest-sha256.txt`.
        tagmanifest_sha256: String,
        /// The controls that it is limited to; empty: all of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        controls: Vec<String>,
        /// Who was given it, where that was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recipient: Option<String>,
    },
    /// Somebody is to be told what the records beside it say. Files: `alert.json`, which is the message.
    Alert {
        /// No other alert of this log has it: what is looked at often is told of once.
        key: String,
        /// What set it off.
        event: Event,
        /// What it is about.
        about: About,
        /// How bad it is.
        severity: Severity,
        /// Who answers for it; `None` where nobody is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// The channels that it goes to, by the routes of that time. Until each has a `delivery` it is owed.
        channels: Vec<String>,
    },
    /// What became of alerts on one channel. What has no such record is owed.
    Delivery {
        /// The channel.
        channel: String,
        /// Records of the alerts; several when they went out as one message.
        alerts: Vec<u64>,
        /// What became of them.
        outcome: DeliveryOutcome,
        /// How often it was tried, as far as the process that wrote this knows.
        tries: u64,
        /// Why not; `None` when they were delivered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// Keys of a configuration that are others than before, `collectors.github.schedule`, without what they hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// Keys and tables that were not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Keys and tables that are not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Keys that hold something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Number of further ones, not named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The log that another one goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Continues {
    /// Its name.
    pub origin: String,
    /// Its size under the newest checkpoint known of it.
    pub size: u64,
    /// The root under that checkpoint, hex.
    pub root: String,
    /// Why it does not go on itself.
    pub reason: String,
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Checkpoints of the log.
    Log,
    /// Bundles.
    Bundle,
}

/// What happens to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChange {
    /// It signs from here on.
    Added,
    /// It signs nothing after this.
    Retired,
}

/// How somebody else comes to hold a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorWay {
    /// A time-stamp authority (RFC 3161): proves when, and keeps nothing.
    Rfc3161,
    /// A C2SP witness: proves when, and that the log did not fork.
    Witness,
    /// A branch of a git repository that somebody else keeps.
    Git,
    /// A folder: a mounted share, one from which copies are sent on.
    Folder,
}
