//! What a read model looks like at one moment, for whoever asks a node for its figures.

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
