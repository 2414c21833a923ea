//! The only reader of wall time and of randomness.
//!
//! All code that needs the time or a new id uses a [`Clock`], so that tests can control time. A
//! serving node reads a [`SaleClock`], which a short error of the wall clock does not move.

mod sale;
pub mod steering;

use std::{
    fs::File,
    future::Future,
    io::{self, Read as _},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;
use uuid::Uuid;

pub use sale::SaleClock;
pub use steering::{ClockLook, Distrust};

use crate::values::{NodeId, RequestId, UnixMs, millis};

/// What a clock says at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub now: UnixMs,
    /// By how much the clock was set since it was started: live deadlines move with it.
    pub moved_ms: i64,
}

/// Where moments come from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> UnixMs;

    /// Waits until that time, or until the clock was set: the caller then checks the clock again.
    fn sleep_until(&self, moment: UnixMs) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// The present moment, and by how much the clock was set up to it.
    fn reading(&self) -> Reading {
        Reading { now: self.now(), moved_ms: 0 }
    }

    /// What is known of how right the clock is.
    fn look(&self) -> ClockLook {
        ClockLook::default()
    }

    /// The newest event of the log was recorded at that moment, as a node finds it at its start.
    fn log_ends_at(&self, _recorded: UnixMs) {}
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The clock on the wall.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> UnixMs {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(millis(since))
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
    reading: watch::Sender<Reading>,
    look: Arc<Mutex<ClockLook>>,
}

impl ManualClock {
    /// A clock that stands at a moment.
    pub fn at(moment: UnixMs) -> Self {
        let reading = watch::Sender::new(Reading { now: moment, moved_ms: 0 });
        Self { reading, look: Arc::default() }
    }

    /// Moves the clock, forwards or backwards. Sleepers whose moment has come wake up.
    pub fn set(&self, moment: UnixMs) {
        self.reading.send_modify(|reading| reading.now = moment);
    }

    /// Moves the clock forwards.
    pub fn advance(&self, by: Duration) {
        let ms = millis(by);
        self.reading.send_modify(|reading| reading.now = reading.now.plus(ms));
    }

    /// Sets the clock like an adopted jump. All sleepers check the clock again.
    pub fn step(&self, by_ms: i64) {
        self.reading.send_modify(|reading| {
            reading.now = reading.now.plus(by_ms);
            reading.moved_ms += by_ms;
        });
    }

    /// What the clock says of itself from now on.
    pub fn show(&self, look: ClockLook) {
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = look;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        self.reading.borrow().now
    }

    fn reading(&self) -> Reading {
        *self.reading.borrow()
    }

    fn look(&self) -> ClockLook {
        *self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, moment: UnixMs) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut reading = self.reading.subscribe();
        let moved_ms = reading.borrow().moved_ms;
        Box::pin(async move {
            let over = |reading: &Reading| reading.now >= moment || reading.moved_ms != moved_ms;
            // An error means that the clock is gone: time will never come, so neither do we.
            if reading.wait_for(over).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// A new id for a writer on a shared store.
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

/// A new id for one life of a node.
pub fn new_node_id() -> NodeId {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes random ids")]
    NodeId(Uuid::new_v4())
}

/// 244 random bits in 32 bytes, which are never used twice.
pub fn new_nonce() -> [u8; 32] {
    let mut nonce = [0; 32];
    for half in nonce.chunks_exact_mut(16) {
        #[expect(clippy::disallowed_methods, reason = "this is the one place of randomness")]
        half.copy_from_slice(Uuid::new_v4().as_bytes());
    }
    nonce
}

/// 256 random bits of the system.
///
/// # Errors
/// When the system gives none.
pub fn new_secret() -> io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    Ok(secret)
}
