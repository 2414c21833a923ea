//! The nodes in front of one log, and the cluster information that they serve.
//!
//! Every node serves the same log; only the leader differs. A client of a real cluster sees no
//! more, as long as its replication works.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use super::member::{Member, Role};
use crate::store::embedded::raw::{RawChange, RawEvent, RawWrite};

/// All nodes.
#[derive(Debug)]
pub(super) struct Cluster {
    members: Mutex<Vec<Member>>,
    /// Appends that reads show although the log does not have them.
    shown: Mutex<Vec<RawWrite>>,
}

impl Cluster {
    pub(super) fn of(members: Vec<Member>) -> Arc<Self> {
        Arc::new(Self { members: Mutex::new(members), shown: Mutex::default() })
    }

    pub(super) fn members(&self) -> Vec<Member> {
        self.lock().clone()
    }

    pub(super) fn member(&self, index: usize) -> Option<Member> {
        self.lock().get(index).copied()
    }

    /// Where the leader is, if one is alive.
    pub(super) fn leader(&self) -> Option<SocketAddr> {
        let members = self.lock();
        let leader = members.iter().find(|member| member.alive && member.role == Role::Leader);
        leader.map(|leader| leader.address)
    }

    pub(super) fn change(&self, index: usize, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.lock().get_mut(index) {
            change(member);
        }
    }

    /// Shows an append to readers until it is taken back.
    pub(super) fn show(&self, write: RawWrite) {
        self.shown().push(write);
    }

    /// Takes back what was shown.
    pub(super) fn take_back(&self) {
        self.shown().clear();
    }

    /// The events of a stream that are only shown.
    pub(super) fn shown_in(&self, stream: &str) -> Vec<RawEvent> {
        let shown = self.shown();
        let of = shown.iter().filter(|write| write.stream == stream);
        of.flat_map(|write| match &write.change {
            RawChange::Append(events) => events.clone(),
            RawChange::Delete | RawChange::Tombstone => Vec::new(),
        })
        .collect()
    }

    fn shown(&self) -> MutexGuard<'_, Vec<RawWrite>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
