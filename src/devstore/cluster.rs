//! The nodes in front of one log, and the cluster information that they serve.
//!
//! Every node serves the same log; only the leader differs. A client of a real cluster sees no
//! more, as long as its replication works.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use super::member::{Member, Role};

/// All nodes.
#[derive(Debug)]
pub(super) struct Cluster(Mutex<Vec<Member>>);

impl Cluster {
    pub(super) fn of(members: Vec<Member>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(members)))
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

    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
