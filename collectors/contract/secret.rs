//! Where a secret is to be found. A configuration holds references, never the secret itself.

use serde::{Deserialize, Serialize};

/// Names a secret: `{ file = "/etc/evidenced/token" }`, `{ env = "GITHUB_TOKEN" }` or
/// `{ credential = "github-token" }` (systemd's `LoadCredential=`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretRef {
    /// A file that only the service's user can read; a trailing newline is dropped.
    File(std::path::PathBuf),
    /// An environment variable.
    Env(String),
    /// A file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}
