//! Metrics of the board: followers of sales, and refused or disconnected clients.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::{gauge, labels::Label, labels::LeftBoard, series};

/// The figures of the board.
pub struct BoardFigures {
    clients: Gauge,
    dropped: Vec<Counter>,
}

/// A page that follows a sale. It counts as such until this is dropped.
pub struct Following(Gauge);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl BoardFigures {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            clients: gauge(registry, "doorbuster_board_clients", "Pages that follow a sale"),
            dropped: series::<LeftBoard>(
                registry,
                "reason",
                "doorbuster_board_clients_dropped",
                "Clients of the board that were turned away or let go, by why",
            ),
        }
    }

    /// Counts a page as one that follows until the answer is dropped.
    pub fn follows(&self) -> Following {
        self.clients.inc();
        Following(self.clients.clone())
    }

    /// A client was turned away or let go.
    pub fn dropped(&self, why: LeftBoard) {
        self.dropped[why.place()].inc();
    }
}
