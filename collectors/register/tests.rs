//! The kind, on real directories: see the integration tests for its contract.
