//! The connections of one listener: their number, their state, and which one is replaced.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use crate::values::millis;
use futures_util::task::AtomicWaker;

/// No moment: milliseconds are counted from 1.
const NEVER: u64 = 0;

/// The connections of one listener.
#[derive(Debug)]
pub struct Peers {
    max: usize,
    /// Moments are milliseconds since then.
    began: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// In the order in which they came.
    peers: BTreeMap<u64, Arc<Peer>>,
    next: u64,
}

/// One connection, shared by its server and the code that selects one for replacement.
#[derive(Debug)]
pub struct Peer {
    began: Instant,
    opened_ms: u64,
    /// It has sent a whole preface or head.
    known: AtomicBool,
    /// Calls under way, or whatever else must not be cut.
    calls: AtomicUsize,
    /// When its last call ended.
    idle_since_ms: AtomicU64,
    /// Since when nothing of what it is sent was taken.
    stalled_since_ms: AtomicU64,
    cut: AtomicBool,
    waker: AtomicWaker,
}

/// The place of one connection, free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    peers: Arc<Peers>,
    number: u64,
    peer: Arc<Peer>,
}

/// One call of a connection, under way until this is dropped.
#[derive(Debug)]
pub struct CallGuard(Arc<Peer>);

impl Peers {
    /// Room for so many.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max: max.max(1), began: Instant::now(), open: Mutex::default() })
    }

    /// A place for a new connection, if need be that of another one; none when each of the others
    /// has a call under way.
    pub fn admit(self: &Arc<Self>) -> Option<Seat> {
        let mut open = self.lock();
        if open.peers.len() >= self.max && !cut_one(&mut open) {
            return None;
        }
        let opened_ms = since(self.began);
        let peer = Arc::new(Peer {
            began: self.began,
            opened_ms,
            known: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            idle_since_ms: AtomicU64::new(opened_ms),
            stalled_since_ms: AtomicU64::new(NEVER),
            cut: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let number = open.next;
        open.next += 1;
        open.peers.insert(number, Arc::clone(&peer));
        Some(Seat { peers: Arc::clone(self), number, peer })
    }

    /// Cuts a connection without a call, if there is one: descriptors are needed.
    pub fn make_room(&self) {
        cut_one(&mut self.lock());
    }

    /// Connections that are open.
    pub fn count(&self) -> usize {
        self.lock().peers.len()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts the oldest connection that has not asked anything yet, or where each has, the one that was
/// idle for longest.
fn cut_one(open: &mut Open) -> bool {
    let unknown = || open.peers.iter().find(|(_, peer)| !peer.known.load(Ordering::Relaxed));
    let idle = || {
        let idle = open.peers.iter().filter(|(_, peer)| peer.calls.load(Ordering::Acquire) == 0);
        idle.min_by_key(|(_, peer)| peer.idle_since_ms.load(Ordering::Relaxed))
    };
    let Some(number) = unknown().or_else(idle).map(|(number, _)| *number) else { return false };
    if let Some(peer) = open.peers.remove(&number) {
        peer.cut.store(true, Ordering::Release);
        peer.waker.wake();
    }
    true
}

/// Milliseconds since that moment, from 1.
fn since(began: Instant) -> u64 {
    millis(began.elapsed()).cast_unsigned() + 1
}

impl Seat {
    /// The connection that has this place.
    pub fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.peers.lock().peers.remove(&self.number);
    }
}

impl Peer {
    /// It has sent a whole preface or head.
    pub fn introduced(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// It is idle from now on.
    pub fn asked(&self) {
        self.idle_since_ms.store(since(self.began), Ordering::Relaxed);
    }

    /// A call begins.
    pub fn call(self: &Arc<Self>) -> CallGuard {
        self.calls.fetch_add(1, Ordering::AcqRel);
        CallGuard(Arc::clone(self))
    }

    /// Notes whether what it is sent is taken.
    pub fn took(&self, taken: bool) {
        let stalled = self.stalled_since_ms.load(Ordering::Relaxed) != NEVER;
        if taken == stalled {
            let since_ms = if taken { NEVER } else { since(self.began) };
            self.stalled_since_ms.store(since_ms, Ordering::Relaxed);
        }
    }

    /// How long it has been there without a whole preface or head.
    pub fn unknown_for(&self) -> Option<Duration> {
        if self.known.load(Ordering::Relaxed) { None } else { Some(self.elapsed(self.opened_ms)) }
    }

    /// How long it has had no call.
    pub fn idle_for(&self) -> Option<Duration> {
        if self.calls.load(Ordering::Acquire) > 0 {
            return None;
        }
        Some(self.elapsed(self.idle_since_ms.load(Ordering::Relaxed)))
    }

    /// How long nothing of what it is sent was taken.
    pub fn stalled_for(&self) -> Option<Duration> {
        match self.stalled_since_ms.load(Ordering::Relaxed) {
            NEVER => None,
            since_ms => Some(self.elapsed(since_ms)),
        }
    }

    /// Whether its place was given to another one. If not, the task is woken when that happens.
    pub fn poll_cut(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if self.cut.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Returns once its place was given to another one.
    pub async fn cut(&self) {
        poll_fn(|context| self.poll_cut(context)).await;
    }

    fn elapsed(&self, since_ms: u64) -> Duration {
        Duration::from_millis(since(self.began).saturating_sub(since_ms))
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let Self(peer) = self;
        // Before the count, so that a reader of zero calls sees the end of the last one. Set by
        // every call, because two that end at once would each take the other for the last.
        peer.idle_since_ms.store(since(peer.began), Ordering::Relaxed);
        peer.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
