//! What a demonstration came to, before it is told.

use std::{sync::Arc, time::Duration};

use super::noticed::Noticed;
use crate::{
    crowd::{driver::Crowd, earned::Earned, figures::Totals, sale::PutUp, summary::BeaconTotals},
    grpc::proto::StockLevel,
    values::UnixMs,
};

/// What came of the crowd: their own journal, the server's figures, the times.
pub(super) struct Played {
    pub(super) crowd: Arc<Crowd>,
    pub(super) sales: PutUp,
    pub(super) beacons: BeaconTotals,
    pub(super) totals: Totals,
    pub(super) earned: Earned,
    pub(super) levels: Vec<StockLevel>,
    pub(super) opened_at: UnixMs,
    /// When the last unit of the last item was first taken, as the crowd knows it.
    pub(super) sold_out_at_ms: Option<i64>,
    pub(super) elapsed: Duration,
    /// Acts of operators on the sale while it ran.
    pub(super) steered: usize,
    /// What was noticed of what was broken on purpose.
    pub(super) noticed: Option<Noticed>,
    /// The address of the sale's page.
    pub(super) board: String,
}
