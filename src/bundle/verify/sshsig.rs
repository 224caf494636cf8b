//! SSHSIG signatures (OpenSSH's PROTOCOL.sshsig) by Ed25519 over SHA-512, read only. Written apart from the
//! signer. There is one armored text per signature here: what ssh-keygen writes; any other is refused.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha512};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// Characters of base64 in a line of the armor.
const LINE: usize = 70;
const ALGORITHM: &[u8] = b"ssh-ed25519";

/// A public key of OpenSSH, Ed25519 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PublicKey([u8; 32]);

/// A signature and the key that it says it is by. Nothing has been checked.
#[derive(Debug)]
pub(super) struct SshSig {
    pub(super) key: PublicKey,
    signature: [u8; 64],
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    // All that is ever put here is far shorter than 4 GiB.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

impl PublicKey {
    /// Reads `ssh-ed25519 <base64>`, with a comment or without. `None` for whatever else.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (Some("ssh-ed25519"), Some(encoded)) = (words.next(), words.next()) else { return None };
        let bytes = STANDARD.decode(encoded).ok()?;
        let key: [u8; 32] = bytes.get(bytes.len().checked_sub(32)?..)?.try_into().ok()?;
        let own = Self(key);
        (own.encoded() == bytes).then_some(own)
    }

    /// As it stands in files of OpenSSH.
    pub(super) fn line(self) -> String {
        format!("ssh-ed25519 {}", STANDARD.encode(self.encoded()))
    }

    fn encoded(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        string(&mut bytes, ALGORITHM);
        string(&mut bytes, &self.0);
        bytes
    }
}

impl SshSig {
    /// Reads a signature that was made for `namespace`.
    pub(super) fn parse(text: &str, namespace: &str) -> Result<Self, &'static str> {
        let body = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body = body.ok_or("is no armored SSH signature")?;
        let bytes = STANDARD.decode(body.replace('\n', "")).map_err(|_| "its base64 is wrong")?;
        let key = bytes.get(33..65).and_then(|key| key.try_into().ok());
        let signature = bytes.len().checked_sub(64).and_then(|at| bytes[at..].try_into().ok());
        let (Some(key), Some(signature)) = (key, signature) else { return Err("is cut short") };
        let found = Self { key: PublicKey(key), signature };
        if found.bytes(namespace) != bytes {
            return Err("is not an Ed25519 signature over SHA-512 in the namespace of bundles");
        }
        if found.armored(namespace) != text {
            return Err("is not in the one form in which ssh-keygen writes it");
        }
        Ok(found)
    }

    /// Whether it is by its key over these bytes.
    pub(super) fn verifies(&self, namespace: &str, bytes: &[u8]) -> bool {
        let mut signed = b"SSHSIG".to_vec();
        for part in [namespace.as_bytes(), b"", b"sha512", &Sha512::digest(bytes)] {
            string(&mut signed, part);
        }
        let key = VerifyingKey::from_bytes(&self.key.0).ok().filter(|key| !key.is_weak());
        key.is_some_and(|key| key.verify_strict(&signed, &Signature::from_bytes(&self.signature)).is_ok())
    }

    fn bytes(&self, namespace: &str) -> Vec<u8> {
        let mut signature = Vec::new();
        string(&mut signature, ALGORITHM);
        string(&mut signature, &self.signature);
        let mut bytes = b"SSHSIG\0\0\0\x01".to_vec();
        for part in [&self.key.encoded(), namespace.as_bytes(), b"", b"sha512", &signature] {
            string(&mut bytes, part);
        }
        bytes
    }

    fn armored(&self, namespace: &str) -> String {
        let encoded = STANDARD.encode(self.bytes(namespace));
        let mut text = BEGIN.to_owned();
        for (at, character) in encoded.chars().enumerate() {
            if at > 0 && at % LINE == 0 {
                text.push('\n');
            }
            text.push(character);
        }
        text + "\n" + END
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::bundle_key::BundleKey;

    #[test]
    fn a_signature_reads_back_and_every_changed_or_added_character_is_refused() {
        let key = BundleKey::from_seed(&[3; 32]);
        let text = key.sign("evidenced-bundle", b"bytes").unwrap();
        let good = SshSig::parse(&text, "evidenced-bundle").unwrap();
        assert!(good.verifies("evidenced-bundle", b"bytes") && !good.verifies("evidenced-bundle", b"byte"));
        assert_eq!(good.key.line(), key.public_line().unwrap());
        assert_eq!(PublicKey::parse(&format!("{} me", good.key.line())), Some(good.key));
        let fine = |text: &str| {
            let read = SshSig::parse(text, "evidenced-bundle");
            read.is_ok_and(|read| read.key == good.key && read.verifies("evidenced-bundle", b"bytes"))
        };
        for at in 0..text.len() {
            for other in ['A', 'z', '\n', ' ', '='] {
                let mut changed: Vec<char> = text.chars().collect();
                changed[at] = other;
                let changed: String = changed.into_iter().collect();
                assert!(changed == text || !fine(&changed), "character {at} became {other:?}");
                let mut longer = text.clone();
                longer.insert(at, other);
                assert!(!fine(&longer), "{other:?} was put in at {at}");
            }
            assert!(!fine(&[&text[..at], &text[at + 1..]].concat()), "character {at} was taken out");
        }
        assert!(SshSig::parse(&text, "file").is_err());
        assert!(SshSig::parse(&text.replace('\n', "\r\n"), "evidenced-bundle").is_err());
        assert!(SshSig::parse("", "evidenced-bundle").is_err());
    }
}
