//! Injected faults for tests: failures between a client and a cluster.
//!
//! A fault is scripted for the next call of an RPC, for its n-th one, or for all of them. Without a
//! script nothing here costs more than counting.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::member::Member;

/// What is called. Each append of a batch session counts as a call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rpc {
    Append,
    BatchAppend,
    Delete,
    Tombstone,
    /// A read with a count.
    Read,
    /// A read without end.
    Subscribe,
    Gossip,
    ServerFeatures,
}

/// How many there are.
const RPCS: usize = 8;

/// What goes wrong. Faults about commits do to other calls what comes closest: they cut them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is handed in and the connection is cut at once.
    HandInThenCut,
    /// It is done and answered, then the connection is cut.
    AnswerThenCut,
    /// It is done, and the connection is cut instead of an answer.
    CommitThenCut,
    /// It is done, but the answer is that it timed out.
    CommitThenTimeOut,
    /// It is done, but the answer is that it was not handled, for a reason that no client knows.
    CommitThenNotHandled,
    /// It is done, but never answered.
    CommitThenSilence,
    /// The answer is that it timed out; it is done that much later.
    TimeOutThenCommit(Duration),
    /// It waits in the queue of the node for so long until it is handed in. If its session ends before, it
    /// is dropped; a time-out withdraws nothing. Appends behind it overtake it.
    Queue(Duration),
    /// The connection is cut and nothing is done.
    Cut,
    /// The connection is cut and nothing is done, but reads of the stream show it until
    /// [`Devstore::take_back`](super::Devstore::take_back), as of a leader that is deposed.
    ShowThenTakeBack,
    /// The answer is that the stream is elsewhere. Nothing was compared, and nothing is done.
    WrongVersion,
    /// Refused because another node is the leader: at that address, or at an unknown one.
    NotLeader(Option<SocketAddr>),
    /// It is not looked at because the node is not ready.
    NotReady,
    /// It is not looked at because the node is too busy.
    TooBusy,
    /// Gossip says this.
    Gossip(Vec<Member>),
    /// A subscription ends after that many events.
    End { after_events: u64, ending: Ending },
    /// A subscription sends its event of that number, counted from one, twice.
    Twice { event: u64 },
}

/// How a subscription ends that should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With an error.
    Error,
    /// As if everything had been said.
    Done,
    /// With its connection.
    Cut,
}

/// The faults of one server.
#[derive(Debug, Default)]
pub struct Faults {
    calls: [AtomicU64; RPCS],
    /// Whether there is anything in `scripts`.
    scripted: AtomicBool,
    scripts: Mutex<Scripts>,
}

#[derive(Debug, Default)]
struct Scripts {
    next: VecDeque<(Rpc, Fault)>,
    at: Vec<(Rpc, u64, Fault)>,
    always: Vec<(Rpc, Fault)>,
}

impl Faults {
    /// The next call fails like this; more of them queue up.
    pub fn next(&self, rpc: Rpc, fault: Fault) {
        self.scripts().next.push_back((rpc, fault));
        self.scripted.store(true, Ordering::Release);
    }

    /// The call of that number fails like this. Calls are counted from one, since the start.
    pub fn at(&self, rpc: Rpc, call: u64, fault: Fault) {
        self.scripts().at.push((rpc, call, fault));
        self.scripted.store(true, Ordering::Release);
    }

    /// Every call fails like this until the faults are cleared, unless it has its own fault.
    pub fn always(&self, rpc: Rpc, fault: Fault) {
        self.scripts().always.push((rpc, fault));
        self.scripted.store(true, Ordering::Release);
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        *self.scripts() = Scripts::default();
        self.scripted.store(false, Ordering::Release);
    }

    /// Calls so far.
    pub fn calls(&self, rpc: Rpc) -> u64 {
        self.calls[rpc as usize].load(Ordering::Relaxed)
    }

    /// Counts a call and says what is to go wrong with it.
    pub(super) fn call(&self, rpc: Rpc) -> Option<Fault> {
        let call = self.calls[rpc as usize].fetch_add(1, Ordering::Relaxed) + 1;
        if !self.scripted.load(Ordering::Acquire) {
            return None;
        }
        let mut scripts = self.scripts();
        if let Some(index) = scripts.at.iter().position(|(of, at, _)| (*of, *at) == (rpc, call)) {
            return Some(scripts.at.swap_remove(index).2);
        }
        if let Some(index) = scripts.next.iter().position(|(of, _)| *of == rpc) {
            return scripts.next.remove(index).map(|(_, fault)| fault);
        }
        let always = scripts.always.iter().rev().find(|(of, _)| *of == rpc);
        always.map(|(_, fault)| fault.clone())
    }

    fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
