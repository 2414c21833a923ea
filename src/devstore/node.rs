//! One node: the shared state of its services, and the path of a write.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::{oneshot, watch};
use tonic::{Request, Status, metadata::MetadataMap};

use super::{
    cluster::{Cluster, Role},
    faults::{Fault, Faults, Rpc},
    line::Line,
    status,
};
use crate::{
    clock::SharedClock,
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
    /// Maximum bytes of one append.
    pub(super) append_bytes_max: usize,
    /// How long a write may take before it is answered as timed out.
    pub(super) write_timeout: Duration,
    /// True once the node ends: endless waits must end as well.
    pub(super) stopping: watch::Receiver<bool>,
}

/// A write on its way through the writer.
pub(super) struct Pending {
    answered: Option<oneshot::Receiver<RawAnswer>>,
    timeout: Duration,
    fault: Option<Fault>,
    line: Line,
}

/// What a client hears of its write.
pub(super) enum Outcome {
    Answer(RawAnswer),
    /// It may or may not happen.
    TimedOut,
    /// Nothing, ever.
    Silence,
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
        &self,
        rpc: Rpc,
        write: RawWrite,
        timeout: Duration,
        line: &Line,
    ) -> Result<Pending, Status> {
        let fault = self.faults.call(rpc);
        match &fault {
            Some(Fault::NotLeader(leader)) => return Err(status::not_leader(*leader)),
            Some(Fault::NotReady) => return Err(status::not_ready()),
            Some(Fault::Cut) => {
                line.cut();
                return Err(status::cut());
            }
            Some(Fault::TimeOutThenCommit(delay)) => {
                self.write_later(write, *delay);
                return Ok(Pending { answered: None, timeout, fault, line: line.clone() });
            }
            None
            | Some(
                Fault::AnswerThenCut
                | Fault::CommitThenCut
                | Fault::CommitThenTimeOut
                | Fault::CommitThenSilence
                | Fault::Gossip(_)
                | Fault::End { .. }
                | Fault::Twice { .. },
            ) => {}
        }
        let answered = match self.store.submit(write).await {
            Ok(answered) => answered,
            Err(refusal) => {
                let (answer, answered) = oneshot::channel();
                // The other end is right here.
                _ = answer.send(Err(refusal));
                answered
            }
        };
        Ok(Pending { answered: Some(answered), timeout, fault, line: line.clone() })
    }

    fn write_later(&self, write: RawWrite, delay: Duration) {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Err(refusal) = store.write(write).await {
                tracing::debug!(%refusal, "a late write was refused");
            }
        });
    }

    fn leads(&self) -> bool {
        self.cluster.member(self.index).is_some_and(|member| member.role == Role::Leader)
    }

    fn leader(&self) -> Option<SocketAddr> {
        self.cluster.leader()
    }
}

impl Pending {
    /// Waits for what the client is to hear.
    pub(super) async fn outcome(self) -> Outcome {
        let Self { answered, timeout, fault, line } = self;
        let Some(answered) = answered else { return Outcome::TimedOut };
        let answer = match tokio::time::timeout(timeout, answered).await {
            Ok(answer) => answer.unwrap_or_else(|_gone| Err(RawRefusal::gone())),
            Err(_) => return Outcome::TimedOut,
        };
        match fault {
            Some(Fault::CommitThenCut) => {
                line.cut();
                Outcome::Silence
            }
            Some(Fault::CommitThenSilence) => Outcome::Silence,
            Some(Fault::CommitThenTimeOut) => Outcome::TimedOut,
            Some(Fault::AnswerThenCut) => {
                line.cut_after_answer();
                Outcome::Answer(answer)
            }
            None
            | Some(
                Fault::TimeOutThenCommit(_)
                | Fault::Cut
                | Fault::NotLeader(_)
                | Fault::NotReady
                | Fault::Gossip(_)
                | Fault::End { .. }
                | Fault::Twice { .. },
            ) => Outcome::Answer(answer),
        }
    }
}
