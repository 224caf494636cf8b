//! The plug for octocrab.
use crate::contract::SecretRef;
use serde::{Deserialize, Serialize};

/// How to sign in to GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GithubCredentials {
    /// A personal or fine-grained access token.
    Token(SecretRef),
    /// A GitHub App installation.
    App {
        /// The App's id.
        app_id: u64,
        /// The installation's id.
        installation_id: u64,
        /// The App's private key, PEM.
        private_key: SecretRef,
    },
}
