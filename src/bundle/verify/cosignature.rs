//! Cosignatures of witnesses (c2sp.org/tlog-cosignature, Ed25519), read only, apart from the code that asks
//! for them.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// The type byte.
const COSIGNATURE: u8 = 0x04;

/// A witness's public key, as its operator gave it.
pub(super) struct Witness {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Witness {
    /// Reads `name+id+base64`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("not of the form name+id+base64");
        };
        let bytes = STANDARD.decode(key).map_err(|_| "its third part is not base64")?;
        let public: [u8; 32] = match bytes.split_first() {
            Some((&COSIGNATURE, public)) => public.try_into().map_err(|_| "not an Ed25519 key of 32 bytes")?,
            _ => return Err("not a key for Ed25519 cosignatures, type 0x04"),
        };
        let hash = Sha256::new_with_prefix(name).chain_update(b"\n").chain_update(&bytes).finalize();
        let own = [hash[0], hash[1], hash[2], hash[3]];
        if name.is_empty() || hex::encode(own) != id {
            return Err("its id does not belong to its name and key");
        }
        let key = VerifyingKey::from_bytes(&public).map_err(|_| "not a point of the curve")?;
        if key.is_weak() {
            return Err("a weak key");
        }
        Ok(Self { name: name.to_owned(), id: own, key })
    }

    /// When this witness signed the checkpoint, by the lines that it gave back; `None`: none of them is by it.
    pub(super) fn signed(&self, note: &str, lines: &str) -> Result<Option<DateTime<Utc>>, String> {
        let text = note.split_once("\n\n").map(|(text, _)| format!("{text}\n")).ok_or("the note has no signatures")?;
        let mut found = None;
        for line in lines.split_terminator('\n') {
            let parts = line.strip_prefix("— ").and_then(|rest| rest.split_once(' '));
            let (name, bytes) = parts.ok_or("a line of the receipt is no signature")?;
            let bytes = STANDARD.decode(bytes).map_err(|_| "a signature of the receipt is not base64")?;
            let Some(signature) = bytes.strip_prefix(&self.id).filter(|_| name == self.name) else { continue };
            let time = signature.first_chunk::<8>().map(|time| u64::from_be_bytes(*time));
            let time = time.ok_or("a cosignature is too short")?;
            let signature =
                Signature::from_slice(&signature[8..]).map_err(|_| "a cosignature is not one of Ed25519")?;
            let message = format!("cosignature/v1\ntime {time}\n{text}");
            self.key
                .verify_strict(message.as_bytes(), &signature)
                .map_err(|_| format!("the cosignature by {name} is not right for the note"))?;
            let at = i64::try_from(time).ok().and_then(|time| DateTime::from_timestamp(time, 0));
            if time == 0 || found.is_some() {
                return Err(format!("the cosignature by {name} states no time, or is there twice"));
            }
            found = Some(at.ok_or("a cosignature states a time beyond all times")?);
        }
        Ok(found)
    }
}
