//! What is not counted as it happens but read off when metrics are asked for.

use super::{ProjectionReading, TlsReading};
use crate::{ownership::SeenNodes, values::ServiceLevel};

/// What a node looks like at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub ready: bool,
    /// Whether the store answers when it is asked.
    pub store_reachable: bool,
    pub items_awake: usize,
    /// Those among them whose owner is this node, and how often the owner of one of them changed within the
    /// last minute, at most.
    pub items_owned: usize,
    pub owner_changes_max: usize,
    pub sales_awake: usize,
    /// Commands that wait at items and sales, undecided or not yet in the log.
    pub commands_waiting: usize,
    /// Beacons that are not yet in the log.
    pub beacons_waiting: usize,
    /// How much of the service runs.
    pub level: ServiceLevel,
    /// Position of the log's last event.
    pub log_position: u64,
    /// The wall clock minus the clock that sales go by.
    pub clock_off_ms: i64,
    /// Jumps of the wall clock noticed, and taken over, since the start.
    pub clock_jumps: u64,
    pub clock_steps: u64,
    pub projections: Vec<ProjectionReading>,
    /// `None` where the node is not among others.
    pub nodes: Option<SeenNodes>,
    /// `None` where no connection is encrypted.
    pub tls: Option<TlsReading>,
}
