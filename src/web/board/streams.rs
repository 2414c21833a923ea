//! The pages that follow sales: how many may, and the newest frame of each sale and language.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::values::SaleId;

/// All followers of a sale.
pub(super) struct Streams {
    pub(super) places: Arc<Semaphore>,
    /// What is followed just now.
    pub(super) channels: Mutex<HashMap<(SaleId, &'static str), watch::Sender<Frame>>>,
}

/// The channel of all followers of one sale in one language.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The newest that is known.
    pub(super) bytes: Bytes,
    /// Whether it was known before: clients that have it need not get it again.
    pub(super) again: bool,
}

impl Streams {
    pub(super) fn new(clients_max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(clients_max.min(Semaphore::MAX_PERMITS))),
            channels: Mutex::default(),
        }
    }

    pub(super) fn lock(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<(SaleId, &'static str), watch::Sender<Frame>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
