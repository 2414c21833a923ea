//! Every setting of a server: its name, its unit, its default, its bounds.

use std::{net::SocketAddr, path::PathBuf};

/// The settings of one server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Directory of the log and the read models. Made if missing.
    pub data: PathBuf,
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Commands that may wait at one item, undecided or not yet on disk; more are answered
    /// RESOURCE_EXHAUSTED.
    pub waiting_max: usize,
    /// An item or sale nobody asked anything of for this long, with no hold to expire, is put to
    /// sleep.
    pub idle_seconds: u64,
    /// How long a question with `min_position` waits for its read model, in milliseconds.
    pub min_position_wait_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("doorbuster-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7420)),
            waiting_max: 16_384,
            idle_seconds: 300,
            min_position_wait_ms: 5_000,
        }
    }
}
