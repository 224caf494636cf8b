//! Where a secret is to be found. A configuration holds references, never the secret itself.

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Names a secret: `{ file = "/etc/evidenced/token" }`, `{ env = "GITHUB_TOKEN" }` or
/// `{ credential = "github-token" }` (systemd's `LoadCredential=`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretRef {
    /// A file that only the service's user can read, or one of root's that a single group can (so a
    /// Kubernetes secret arrives); a trailing newline is dropped.
    File(std::path::PathBuf),
    /// An environment variable.
    Env(String),
    /// A file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

// For people and records: `secret file /etc/evidenced/token`.
impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "secret file {}", path.display()),
            Self::Env(variable) => write!(f, "secret in environment variable {variable}"),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

/// What is to be written instead of a secret.
const FORM: &str = "a place where the secret is: { file = \"…\" }, { env = \"…\" } or { credential = \"…\" }";

// By hand, because the derived errors repeat what was written: which may be the secret itself.
impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Place;
        impl<'de> Visitor<'de> for Place {
            type Value = SecretRef;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(FORM)
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<SecretRef, E> {
                Err(E::custom(format!("a secret is never written into a configuration; expected {FORM}")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let other = || A::Error::custom(format!("expected {FORM}, one of them and nothing else"));
                let place = match map.next_key::<String>()?.as_deref() {
                    Some("file") => SecretRef::File(map.next_value()?),
                    Some("env") => SecretRef::Env(map.next_value()?),
                    Some("credential") => SecretRef::Credential(map.next_value()?),
                    _ => return Err(other()),
                };
                if map.next_key::<String>()?.is_some() {
                    return Err(other());
                }
                Ok(place)
            }
        }
        from.deserialize_any(Place)
    }
}
