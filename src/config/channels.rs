//! `[channels.<name>]`: how somebody is told.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One channel, by its `way`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum ChannelConfig {
    /// A file that grows by one line of JSON for each message.
    File(FileChannel),
}

/// `way = "file"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileChannel {
    /// The file, relative to the configuration; made when it is not there.
    pub path: PathBuf,
}
