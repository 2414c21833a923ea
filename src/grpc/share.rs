//! What all calls of one connection may hold together.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Calls at once on one connection that follow something: alerts, or a replay.
const FOLLOWING_MAX: usize = 16;

/// Orders in one chunk of a stream at most: half of what an append to a cluster holds, so that a
/// chunk always finds room in the batch that is forming.
pub(super) const CHUNK_MAX: usize = 250;

/// Bytes of messages that are larger than a command and not complete yet.
pub(super) const LARGE_BYTES_MAX: usize = 16 << 20;

/// What one connection may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Orders of all its `PlaceOrders` streams that are not answered, or whose answers it did not
    /// take yet.
    pub orders_max: usize,
    /// Reports and other questions that are being answered, or whose answers it did not take yet.
    pub reports_max: usize,
}

/// The places of one connection.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) orders: Arc<Semaphore>,
    pub(super) reports: Arc<Semaphore>,
    pub(super) following: Arc<Semaphore>,
    pub(super) large: Arc<Semaphore>,
}

impl Share {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            orders: places(limits.orders_max.max(CHUNK_MAX)),
            reports: places(limits.reports_max),
            following: places(FOLLOWING_MAX),
            large: places(LARGE_BYTES_MAX),
        })
    }
}
