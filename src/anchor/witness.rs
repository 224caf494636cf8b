//! A witness after c2sp.org/tlog-witness: it signs a checkpoint only if it continues what it signed before,
//! so it sees a fork and a rollback that nobody else would.

use super::error::{AnchorError, Fault};
use super::http;
use super::{Point, Receipt};
use crate::config::Witness;
use crate::ledger::note::{Note, WitnessKey};
use crate::ledger::{Ledger, Reader};
use crate::outside::{Address, Answer, Outside};
use crate::timestamp::CLOCKS_APART;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};

/// Longest answer: some signature lines.
const ANSWER_BYTES_MAX: usize = 64 << 10;

const HINT: &str = "compare its `key` with the one that its operator gave you";

/// What the witness made of a checkpoint.
enum Said {
    /// It signed: the lines.
    Signed(Vec<u8>),
    /// It knows that many records.
    Knows(u64),
}

/// Has the checkpoint cosigned. `known` is the size that it cosigned last, as far as we know.
pub(super) async fn hand_over(
    (config, outside, fault): (&Witness, &Outside, Fault<'_>),
    ledger: &Ledger,
    point: &Point,
    mut known: u64,
    now: DateTime<Utc>,
) -> Result<Receipt, AnchorError> {
    // It may have signed what we did not come to record; a second disagreement is none of that.
    for _ in 0..2 {
        match submit((config, outside, fault), ledger, point, known).await? {
            Said::Signed(lines) => return receipt(config, fault, point, lines, now),
            Said::Knows(size) if size > point.size => {
                let ours = ledger.reader()?.size()?;
                if size > ours {
                    return Err(fault.ahead(size, ours));
                }
                return Err(fault.unreachable(format!("it has been given the checkpoint of {size} records meanwhile")));
            }
            Said::Knows(size) => known = size,
        }
    }
    Err(fault.unreachable("it says one size and then another"))
}

/// Whether what the witness knows is a beginning of this ledger. `recorded` are the sizes that it has
/// cosigned as recorded. Returns the size that it knows.
///
/// Asked as if it knew nothing: if it does know something it answers with the size. The very first checkpoint
/// tells nothing of what happened since, so it is asked with that, unless its key may have been retired.
pub(super) async fn compare(
    (config, outside, fault): (&Witness, &Outside, Fault<'_>),
    ledger: &Ledger,
    recorded: &[u64],
) -> Result<u64, AnchorError> {
    let (first, newest) = {
        let reader = ledger.reader()?;
        let newest = Point::newest(&reader)?;
        let known_by_first = recorded.is_empty() && reader.signers()?.terms().len() == 1;
        (if known_by_first { oldest(&reader)? } else { newest.clone() }, newest)
    };
    let Said::Knows(size) = submit((config, outside, fault), ledger, &first, 0).await? else { return Ok(first.size) };
    if size > newest.size {
        return Err(fault.ahead(size, newest.size));
    }
    if recorded.contains(&size) || size == 0 {
        return Ok(size);
    }
    // It holds what is not on record here: only a proof of consistency shows that it is ours.
    match submit((config, outside, fault), ledger, &newest, size).await? {
        Said::Signed(_) => Ok(newest.size),
        Said::Knows(size) if size > newest.size => Err(fault.ahead(size, newest.size)),
        Said::Knows(size) => Err(fault.unreachable(format!("it has gone on to {size} records meanwhile"))),
    }
}

async fn submit(
    (config, outside, fault): (&Witness, &Outside, Fault<'_>),
    ledger: &Ledger,
    point: &Point,
    old: u64,
) -> Result<Said, AnchorError> {
    let mut body = format!("old {old}\n");
    if old > 0 {
        for hash in ledger.reader()?.consistency_proof(old, point.size)? {
            body.push_str(&STANDARD.encode(hash));
            body.push('\n');
        }
    }
    body.push('\n');
    let mut body = body.into_bytes();
    body.extend_from_slice(&point.note);
    let address = Address::shown(&config.url).map_err(|why| fault.unreachable(why))?;
    let (address, question) = (address.at(&["add-checkpoint"], &[]), ("text/plain; charset=utf-8", body));
    let authorization = config.authorization.as_ref();
    let answer = http::post(outside, fault, &address, question, authorization, ANSWER_BYTES_MAX).await?;
    match answer.status {
        200 => Ok(Said::Signed(answer.body)),
        409 => size(&answer).map(Said::Knows).ok_or_else(|| fault.unreachable(answer.said())),
        422 => Err(fault.forked(format!(
            "it has seen records of this log that do not begin the {} of this ledger ({})",
            point.size,
            answer.said()
        ))),
        403 | 404 => {
            let hint = "give its operator the origin and the key in `log.vkey`; a key that was rotated must be added";
            Err(fault.wrong(format!("it does not know this log or its key ({})", answer.said()), hint))
        }
        _ => Err(fault.unreachable(answer.said())),
    }
}

/// A decimal number and a newline, in the one way to write it.
fn size(answer: &Answer) -> Option<u64> {
    let text = std::str::from_utf8(&answer.body).ok()?.strip_suffix('\n')?;
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

/// Checks that its key has signed the checkpoint, now.
fn receipt(
    config: &Witness,
    fault: Fault<'_>,
    point: &Point,
    lines: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<Receipt, AnchorError> {
    let time = cosigned(&config.key, &point.note, &lines).map_err(|why| fault.wrong(why, HINT))?;
    if (time - now).abs() > CLOCKS_APART {
        let why = format!("it says {}, but it is {} here", time.to_rfc3339(), now.to_rfc3339());
        return Err(fault.wrong(why, "one of the two clocks is wrong: see which"));
    }
    Ok(Receipt { bytes: lines, media_type: "text/plain; charset=utf-8", time: Some(time) })
}

/// When the witness with this key signed the checkpoint, from the lines that it gave back.
fn cosigned(key: &str, note: &[u8], lines: &[u8]) -> Result<DateTime<Utc>, String> {
    let key = WitnessKey::parse(key).map_err(|error| error.to_string())?;
    let whole = [note, lines].concat();
    let note = Note::parse(&whole).map_err(|error| error.to_string())?;
    let seconds = key.cosigned(&note).map_err(|error| error.to_string())?;
    let seconds = seconds.ok_or_else(|| format!("no line of its answer is by {}", key.name()))?;
    let time = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.filter(|_| seconds > 0).ok_or_else(|| "its signature states no time".to_owned())
}

/// The oldest checkpoint there is.
fn oldest(reader: &Reader) -> Result<Point, AnchorError> {
    match reader.checkpoint_at_or_after(1)? {
        Some((size, note)) => Ok(Point { size, note }),
        None => Point::newest(reader),
    }
}
