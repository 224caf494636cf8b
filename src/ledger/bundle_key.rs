//! The key that signs bundles: an OpenSSH key file, and SSHSIG signatures by it. Another key than the log's,
//! so that whoever steals one cannot do what the other does. Nothing is stored or checked here.

use super::note::NoteError;
use chrono::{DateTime, Utc};
use ed25519_dalek::Signer;
use ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey, KeypairData};
use ssh_key::public::Ed25519PublicKey;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, Signature, SshSig};

/// What SSHSIG calls a namespace: no signature made for something else is taken for a bundle's.
pub const BUNDLE_NAMESPACE: &str = "evidenced-bundle";

/// The secret key of bundles. Ed25519 only.
pub struct BundleKey {
    key: ed25519_dalek::SigningKey,
}

/// Only a program that is wrong about its own lengths or names gets here.
fn unmade(_: ssh_key::Error) -> NoteError {
    NoteError::Key { what: "key of bundles", why: "it cannot be put in the form of OpenSSH" }
}

impl BundleKey {
    /// A key from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: ed25519_dalek::SigningKey::from_bytes(seed) }
    }

    /// Reads an OpenSSH private key file, as `to_secret_text` or `ssh-keygen -t ed25519` writes it. Refuses
    /// encrypted keys, other algorithms, and files whose two halves do not belong together.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = |why| NoteError::Key { what: "secret key of bundles", why };
        let key = PrivateKey::from_openssh(text).map_err(|_| bad("it is no OpenSSH private key of Ed25519"))?;
        if key.is_encrypted() {
            return Err(bad("it has a passphrase, and nobody is there to type it"));
        }
        let KeypairData::Ed25519(pair) = key.key_data() else {
            return Err(bad("it is no OpenSSH private key of Ed25519"));
        };
        let own = Self::from_seed(&pair.private.to_bytes());
        let stated = key.public_key().key_data().ed25519().map(|stated| stated.0);
        if pair.public.0 != own.public_bytes() || stated != Some(own.public_bytes()) {
            return Err(bad("its public half does not belong to its secret half"));
        }
        Ok(own)
    }

    /// The key file, without passphrase and comment. A secret.
    pub fn to_secret_text(&self) -> Result<String, NoteError> {
        let private = Ed25519PrivateKey::from_bytes(self.key.as_bytes());
        let pair = KeypairData::Ed25519(Ed25519Keypair { public: self.public(), private });
        let key = PrivateKey::new(pair, "").map_err(unmade)?;
        key.to_openssh(LineEnding::LF).map(|text| text.to_string()).map_err(unmade)
    }

    /// The public half, `ssh-ed25519 <base64>`, without a comment.
    pub fn public_line(&self) -> Result<String, NoteError> {
        PublicKey::from(self.public()).to_openssh().map_err(unmade)
    }

    /// The detached signature that `ssh-keygen -Y sign -n <namespace>` makes, to the byte. The same every time.
    pub fn sign(&self, namespace: &str, bytes: &[u8]) -> Result<String, NoteError> {
        let signed = SshSig::signed_data(namespace, HashAlg::Sha512, bytes).map_err(unmade)?;
        let signature = self.key.sign(&signed).to_bytes();
        let signature = Signature::new(Algorithm::Ed25519, signature).map_err(unmade)?;
        let sealed = SshSig::new(self.public().into(), namespace, HashAlg::Sha512, signature).map_err(unmade)?;
        sealed.to_pem(LineEnding::LF).map_err(unmade)
    }

    fn public(&self) -> Ed25519PublicKey {
        Ed25519PublicKey(self.public_bytes())
    }

    fn public_bytes(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }
}

/// Who signs the bundles of a log, by name: `evidence@<host of its origin>`.
pub fn principal(origin: &str) -> String {
    let host = origin.split('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    format!("evidence@{}", host.chars().map(plain).collect::<String>())
}

/// The line of an `allowed_signers` file for a bundle key that holds from `from` on, as an auditor is given it.
pub fn allowed_signers_line(origin: &str, public_line: &str, from: DateTime<Utc>) -> String {
    let from = from.format("%Y%m%d%H%M%SZ");
    format!("{} namespaces=\"{BUNDLE_NAMESPACE}\",valid-after=\"{from}\" {public_line}", principal(origin))
}

#[cfg(test)]
mod tests;
