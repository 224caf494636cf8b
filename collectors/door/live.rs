//! Network and files.
