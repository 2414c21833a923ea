//! Verbs on recorded traffic.

pub mod traffic;
