//! How long commands wait for their decision where several nodes decide.
//!
//! A caller that hears nothing repeats its request, and a load balancer or another node does that for it:
//! the copy may be decided by another node. A refusal is not in the log, so the node that has the first
//! copy would not know that its caller was refused, and an order that it places later would be one that
//! nobody knows of. So a command is decided while its caller certainly waits, or not at all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::Shared;
use crate::values::millis;

/// How long the caller of commands waits.
#[derive(Clone)]
pub(super) struct Patience {
    shared: Arc<Shared>,
    /// The call of another node on which they came.
    call: Option<Arc<Lifeline>>,
}

impl Patience {
    pub(super) fn new(shared: &Arc<Shared>, call: Option<Arc<Lifeline>>) -> Self {
        Self { shared: Arc::clone(shared), call }
    }

    /// Whether the commands came from another node, which has the caller.
    pub(super) fn is_of_node(&self) -> bool {
        self.call.is_some()
    }

    /// When it ends for commands that came at that moment, unless the call ends first.
    pub(super) fn ends_at(&self, since: Instant) -> Instant {
        since + self.shared.decide_within
    }

    /// Whether the caller of commands that came at that moment may have turned to another node.
    pub(super) fn is_over(&self, since: Instant) -> bool {
        Instant::now() >= self.ends_at(since)
            || self.call.as_ref().is_some_and(|call| !call.is_heard())
            || self.shared.freezes.was_frozen_since(since)
    }
}

/// Whether the other side of a call is heard of. A process that was frozen finds its calls silent before
/// it reads what came on them.
#[derive(Debug)]
pub struct Lifeline {
    began: Instant,
    silent_after: Duration,
    /// When it was last heard of, in milliseconds since it began.
    heard_ms: AtomicU64,
    has_ended: AtomicBool,
}

impl Lifeline {
    /// A call on which something comes now. It is over when nothing comes for so long.
    pub fn new(silent_after: Duration) -> Self {
        Self {
            began: Instant::now(),
            silent_after,
            heard_ms: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
        }
    }

    /// Something came. False if it came too late: then the call is over.
    pub fn hears(&self) -> bool {
        let is_heard = self.is_heard();
        if is_heard {
            self.heard_ms.store(self.now_ms(), Ordering::Release);
        }
        is_heard
    }

    /// The call is over.
    pub fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    /// Whether the other side waits for answers on it.
    pub fn is_heard(&self) -> bool {
        let silent_ms = self.now_ms().saturating_sub(self.heard_ms.load(Ordering::Acquire));
        !self.has_ended.load(Ordering::Acquire)
            && Duration::from_millis(silent_ms) <= self.silent_after
    }

    fn now_ms(&self) -> u64 {
        millis(self.began.elapsed()).cast_unsigned()
    }
}
