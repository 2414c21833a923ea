//! The state of a read model at one moment, for the metrics of a node.

use std::time::Duration;

/// How far a projection has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectionReading {
    pub name: &'static str,
    pub position: u64,
    pub lag: Duration,
    /// It does not go on for a reason outside and is tried again.
    pub held_up: bool,
    pub stopped: bool,
}
