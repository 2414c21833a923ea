//! The only reader of wall time and of randomness.
//!
//! Everything that needs a moment or a fresh id asks a [`Clock`], so that tests can hold time still
//! and move it.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;
use uuid::Uuid;

use crate::values::{RequestId, UnixMs};

/// Where moments come from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> UnixMs;

    /// Waits until that moment has come.
    fn sleep_until(&self, moment: UnixMs) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// A clock shared by everybody.
pub type SharedClock = Arc<dyn Clock>;

/// The clock on the wall.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> UnixMs {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, moment: UnixMs) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let ms = moment.since(self.now()).max(0);
        // At most an hour at a time, so that a clock set forward is noticed.
        let nap = Duration::from_millis(u64::try_from(ms).unwrap_or(0).min(3_600_000));
        let clock = *self;
        Box::pin(async move {
            tokio::time::sleep(nap).await;
            while clock.now() < moment {
                let left = u64::try_from(moment.since(clock.now())).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(left.clamp(1, 3_600_000))).await;
            }
        })
    }
}

/// A clock that moves only when it is told to. For tests and for replaying recorded time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: watch::Sender<UnixMs>,
}

impl ManualClock {
    /// A clock that stands at a moment.
    pub fn at(moment: UnixMs) -> Self {
        Self { now: watch::Sender::new(moment) }
    }

    /// Moves the clock, forwards or backwards. Sleepers whose moment has come wake up.
    pub fn set(&self, moment: UnixMs) {
        self.now.send_replace(moment);
    }

    /// Moves the clock forwards.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.now.send_modify(|now| *now = now.plus(ms));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        *self.now.borrow()
    }

    fn sleep_until(&self, moment: UnixMs) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // An error means that the clock is gone: time will never come, so neither do we.
            if now.wait_for(|now| *now >= moment).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// A fresh id for somebody who writes to a store that others write to, too.
pub fn new_writer_id() -> Uuid {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes random ids")]
    let id = Uuid::new_v4();
    id
}

/// A fresh id for a trace whose caller brought none.
pub fn new_trace_id() -> u128 {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes random ids")]
    let id = Uuid::new_v4();
    id.as_u128()
}

/// A fresh request id, for clients.
pub fn new_request_id() -> RequestId {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes random ids")]
    let id = Uuid::new_v4();
    RequestId(id)
}
