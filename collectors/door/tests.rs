//! Tests of the door against servers on the loopback.
