//! `[anchors.<name>]`: who else shall hold the log's checkpoints.

use super::Span;
use crate::ledger::note::WitnessKey;
use crate::ledger::record::AnchorWay;
use crate::outside::Address;
use evidenced_collectors::contract::SecretRef;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// One anchor, by its `way`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum AnchorConfig {
    /// A time-stamp authority dates checkpoints. It keeps nothing and notices no second log.
    Rfc3161(Rfc3161),
    /// A witness (c2sp.org/tlog-witness) signs checkpoints, and only such as continue what it signed before.
    Witness(Witness),
    /// A branch of a git repository that somebody else keeps.
    Git(GitBranch),
    /// A folder that somebody else keeps: a mounted share, a folder from which copies are sent on.
    Folder(Folder),
}

/// `way = "rfc3161"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rfc3161 {
    /// Where it is asked: https, or http to this machine.
    pub url: String,
    /// How often a checkpoint is handed over. Default `1d`.
    #[serde(default = "daily")]
    pub every: Span,
    /// Certificates in PEM that its own must lead to; relative to this file. Without it a token is checked for
    /// data, nonce and time, and its chain is left to whoever verifies.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// The value of the `Authorization` header, if it wants one.
    #[serde(default)]
    pub authorization: Option<SecretRef>,
}

/// `way = "witness"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Its submission prefix, without `/add-checkpoint`: https, or http to this machine.
    pub url: String,
    /// Its public key as its operator gave it: `name+id+base64`, type 0x04.
    pub key: String,
    /// How often a checkpoint is handed over. Default `1d`.
    #[serde(default = "daily")]
    pub every: Span,
    /// The value of the `Authorization` header, if it wants one.
    #[serde(default)]
    pub authorization: Option<SecretRef>,
}

/// `way = "git"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitBranch {
    /// An https or ssh address, or a path relative to this file.
    pub repository: String,
    /// The branch, of its own. Default `evidenced`.
    #[serde(default = "branch")]
    pub branch: String,
    /// How often a checkpoint is handed over. Default `1d`.
    #[serde(default = "daily")]
    pub every: Span,
    /// A token for https. For ssh the service's own keys are used.
    #[serde(default)]
    pub token: Option<SecretRef>,
}

/// `way = "folder"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder; relative to this file. It must be there: a share that is not mounted must not look like one. So
    /// must what was written there last: another folder wants another name.
    pub path: PathBuf,
    /// How often a checkpoint is handed over. Default `1d`.
    #[serde(default = "daily")]
    pub every: Span,
}

impl AnchorConfig {
    /// How often.
    pub fn every(&self) -> Span {
        match self {
            Self::Rfc3161(anchor) => anchor.every,
            Self::Witness(anchor) => anchor.every,
            Self::Git(anchor) => anchor.every,
            Self::Folder(anchor) => anchor.every,
        }
    }

    /// Of what sort it is.
    pub fn way(&self) -> AnchorWay {
        match self {
            Self::Rfc3161(_) => AnchorWay::Rfc3161,
            Self::Witness(_) => AnchorWay::Witness,
            Self::Git(_) => AnchorWay::Git,
            Self::Folder(_) => AnchorWay::Folder,
        }
    }

    /// What is wrong with it, and what to write instead.
    pub(super) fn check(&self) -> Result<(), (String, Option<String>)> {
        let wrong = |what: String, hint: &str| Err((what, Some(hint.to_owned())));
        let url = match self {
            Self::Rfc3161(Rfc3161 { url, .. }) | Self::Witness(Witness { url, .. }) => Some(url),
            Self::Git(_) | Self::Folder(_) => None,
        };
        if let Some(Err(why)) = url.map(|url| Address::shown(url)) {
            return wrong(format!("url: {why}"), "https://tsa.example.com/");
        }
        match self {
            Self::Witness(witness) => match WitnessKey::parse(&witness.key) {
                Ok(_) => Ok(()),
                Err(error) => wrong(format!("key: {error}"), "the line name+id+base64 that its operator gave you"),
            },
            Self::Git(git) => git.check(),
            Self::Rfc3161(_) | Self::Folder(_) => Ok(()),
        }
    }
}

impl GitBranch {
    fn check(&self) -> Result<(), (String, Option<String>)> {
        let wrong = |what: &str, hint: &str| Err((what.to_owned(), Some(hint.to_owned())));
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-/".contains(&c);
        let odd = self.branch.is_empty() || self.branch.contains("..") || self.branch.starts_with(['-', '/', '.']);
        if odd || self.branch.ends_with('/') || !self.branch.bytes().all(plain) {
            return wrong("branch: cannot name one", "letters, digits, `-`, `_`, `.` and `/`");
        }
        // git would take what begins with a hyphen for an option, and `ext::` for a program.
        let form = "an https or ssh address without a password, or a path";
        if self.repository.is_empty() || self.repository.starts_with('-') || self.repository.contains("::") {
            return wrong("repository: cannot name one", form);
        }
        match Url::parse(&self.repository) {
            Ok(url) if url.password().is_some() => {
                wrong("repository: it carries a password, which `token` is for", form)
            }
            Ok(url) if self.repository.contains("://") && !matches!(url.scheme(), "https" | "ssh" | "file") => {
                wrong("repository: it is neither https nor ssh", form)
            }
            _ => Ok(()),
        }
    }
}

fn daily() -> Span {
    Span::seconds(24 * 3_600)
}

fn branch() -> String {
    "evidenced".to_owned()
}
