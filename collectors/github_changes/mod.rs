//! Stub, being written.
use crate::contract::{Kind, Reading, SettingsError};
pub(crate) const KIND: Kind = Kind {
    name: "github_changes",
    version: 1,
    about: "",
    reading: Reading::Window,
    permissions: &[],
    build: |_| Err(SettingsError { message: "not built".into(), hint: None }),
    settings_schema: || schemars::schema_for!(bool),
};
