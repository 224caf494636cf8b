//! Export and verify: they share the format and nothing else.
