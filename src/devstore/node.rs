//! One node: the shared state of its services, and the path of a write.

use std::{
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep_until, timeout_at},
};
use tonic::{Request, Status, metadata::MetadataMap};

use super::{
    cluster::{Cluster, Role},
    commits::{Commits, Committed, Label},
    faults::{Fault, Faults, Rpc},
    line::Line,
    status::{self, NotHandled},
};
use crate::{
    clock::SharedClock,
    events::Position,
    store::embedded::{
        EmbeddedStore,
        raw::{RawAnswer, RawRefusal, RawWrite},
    },
};

/// What the services of one node stand on.
pub(super) struct Node {
    pub(super) index: usize,
    pub(super) store: Arc<EmbeddedStore>,
    pub(super) clock: SharedClock,
    pub(super) cluster: Arc<Cluster>,
    pub(super) faults: Arc<Faults>,
    /// Writes that take time to be committed, if they do.
    pub(super) commits: Option<Arc<Commits>>,
    /// Maximum bytes of one append.
    pub(super) append_bytes_max: usize,
    /// Events that a live subscription may be behind.
    pub(super) live_behind_max: u64,
    /// How long a write may take before it is answered as timed out.
    pub(super) write_timeout: Duration,
    /// True once the node ends: endless waits must end as well.
    pub(super) stopping: watch::Receiver<bool>,
    /// Where what this node can read ends, while it does not lead.
    pub(super) replicated: watch::Sender<Position>,
}

/// The end of what can be read by a node that has everything.
pub(super) const EVERYTHING: Position = Position(u64::MAX);

/// A write on its way through the writer.
pub(super) struct Pending {
    way: Way,
    timeout: Duration,
    fault: Option<Fault>,
    line: Line,
}

/// Where the answer to a write comes from.
enum Way {
    /// From the log, where it is written.
    Log(oneshot::Receiver<RawAnswer>),
    /// From its commit, some time later.
    Commit(oneshot::Receiver<Committed>),
    /// From nowhere: it is not handed in yet.
    Nowhere,
    /// From a fault: the stream is elsewhere.
    WrongVersion,
    /// From the node, which does not hand it in.
    NotHandled(NotHandled),
}

/// What a client hears of its write.
pub(super) enum Outcome {
    Answer(RawAnswer),
    NotHandled(NotHandled),
    /// It may or may not happen.
    TimedOut,
    /// Nothing, ever.
    Silence,
}

/// Where a write comes from.
pub(super) struct Caller {
    pub(super) line: Line,
    /// Gone once the session has ended; a single call has none, and is not dropped.
    pub(super) session: Option<Weak<()>>,
}

impl Line {
    /// The connection a call came by.
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_default()
    }
}

impl Node {
    /// Refuses calls for the leader if this node is not the one.
    pub(super) fn check_leader(&self, headers: &MetadataMap) -> Result<(), Status> {
        let required = headers.get("requires-leader").is_some_and(|value| value == "true");
        if required && !self.leads() { Err(status::not_leader(self.leader())) } else { Ok(()) }
    }

    /// Hands a write in, in the order in which this returns. With a scripted fault it may do
    /// something else.
    pub(super) async fn begin(
        self: &Arc<Self>,
        rpc: Rpc,
        write: RawWrite,
        timeout: Duration,
        Caller { line, session }: &Caller,
    ) -> Result<Pending, Status> {
        let fault = self.faults.call(rpc);
        let pending = |way| Pending { way, timeout, fault: fault.clone(), line: line.clone() };
        match &fault {
            Some(Fault::NotLeader(None)) => {
                return Ok(pending(Way::NotHandled(NotHandled::NoLeader)));
            }
            Some(Fault::NotLeader(leader)) => return Err(status::not_leader(*leader)),
            Some(Fault::NotReady) => return Ok(pending(Way::NotHandled(NotHandled::NotReady))),
            Some(Fault::TooBusy) => return Ok(pending(Way::NotHandled(NotHandled::TooBusy))),
            Some(Fault::Cut) => {
                line.cut();
                return Err(status::cut());
            }
            Some(Fault::ShowThenTakeBack) => {
                self.cluster.show(write);
                line.cut();
                return Err(status::cut());
            }
            Some(Fault::WrongVersion) => return Ok(pending(Way::WrongVersion)),
            Some(Fault::Queue(delay)) => {
                return Ok(pending(Way::Commit(self.queue(write, *delay, session))));
            }
            Some(Fault::TimeOutThenCommit(delay)) => {
                self.write_later(write, *delay);
                return Ok(pending(Way::Nowhere));
            }
            None
            | Some(
                Fault::HandInThenCut
                | Fault::AnswerThenCut
                | Fault::CommitThenCut
                | Fault::CommitThenTimeOut
                | Fault::CommitThenNotHandled
                | Fault::CommitThenSilence
                | Fault::Gossip(_)
                | Fault::End { .. }
                | Fault::Twice { .. },
            ) => {}
        }
        let way = self.hand_in(write).await;
        if fault == Some(Fault::HandInThenCut) {
            line.cut();
        }
        Ok(pending(way))
    }

    async fn hand_in(&self, write: RawWrite) -> Way {
        let commits = self.commits.as_ref().map(|commits| (commits, Label::of(&write)));
        let answered = match self.store.submit(write).await {
            Ok(answered) => answered,
            Err(refusal) => {
                let (answer, answered) = oneshot::channel();
                // The other end is right here.
                _ = answer.send(Err(refusal));
                answered
            }
        };
        match commits {
            None => Way::Log(answered),
            Some((commits, label)) => Way::Commit(commits.commit(label, answered).await),
        }
    }

    /// Hands a write in later, unless its session ends before.
    fn queue(
        self: &Arc<Self>,
        write: RawWrite,
        delay: Duration,
        session: &Option<Weak<()>>,
    ) -> oneshot::Receiver<Committed> {
        let (node, session) = (Arc::clone(self), session.clone());
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if session.is_some_and(|session| session.strong_count() == 0) {
                return;
            }
            let committed = match node.hand_in(write).await {
                Way::Log(answered) => answered.await.ok().map(Committed::Answer),
                Way::Commit(committed) => committed.await.ok(),
                Way::Nowhere | Way::WrongVersion | Way::NotHandled(_) => None,
            };
            // Who asked may be gone.
            drop(committed.map(|committed| tell.send(committed)));
        });
        told
    }

    fn write_later(self: &Arc<Self>, write: RawWrite, delay: Duration) {
        let node = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            drop(node.hand_in(write).await);
        });
    }

    fn leads(&self) -> bool {
        self.cluster.member(self.index).is_some_and(|member| member.role == Role::Leader)
    }

    pub(super) fn leader(&self) -> Option<SocketAddr> {
        self.cluster.leader()
    }
}

impl Pending {
    /// Waits for what the client is to hear.
    pub(super) async fn outcome(self) -> Outcome {
        let Self { way, timeout, fault, line } = self;
        let until = Instant::now() + timeout;
        let gone = || Committed::Answer(Err(RawRefusal::gone()));
        let answered = async {
            match way {
                Way::Log(answered) => answered.await.map_or_else(|_| gone(), Committed::Answer),
                Way::Commit(committed) => committed.await.unwrap_or_else(|_| gone()),
                Way::Nowhere => Committed::TimedOut,
                Way::WrongVersion => {
                    Committed::Answer(Err(RawRefusal::WrongVersion { current: None }))
                }
                Way::NotHandled(why) => Committed::NotHandled(why),
            }
        };
        let answer = match timeout_at(until, answered).await {
            Ok(Committed::Answer(answer)) => answer,
            Ok(Committed::NotHandled(why)) => return Outcome::NotHandled(why),
            Ok(Committed::Dropped) => {
                sleep_until(until).await;
                return Outcome::TimedOut;
            }
            Ok(Committed::TimedOut) | Err(_) => return Outcome::TimedOut,
        };
        match fault {
            Some(Fault::CommitThenCut) => {
                line.cut();
                Outcome::Silence
            }
            Some(Fault::CommitThenSilence) => Outcome::Silence,
            Some(Fault::CommitThenTimeOut) => Outcome::TimedOut,
            Some(Fault::CommitThenNotHandled) => Outcome::NotHandled(NotHandled::Unheard),
            Some(Fault::AnswerThenCut) => {
                line.cut_after_answer();
                Outcome::Answer(answer)
            }
            None
            | Some(
                Fault::HandInThenCut
                | Fault::ShowThenTakeBack
                | Fault::WrongVersion
                | Fault::TimeOutThenCommit(_)
                | Fault::Queue(_)
                | Fault::Cut
                | Fault::NotLeader(_)
                | Fault::NotReady
                | Fault::TooBusy
                | Fault::Gossip(_)
                | Fault::End { .. }
                | Fault::Twice { .. },
            ) => Outcome::Answer(answer),
        }
    }
}
