//! The other nodes of the service, as the directories of this one use them.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use super::{Fault, batch::Answers, patience::Lifeline};
use crate::{
    domain::Decider,
    events::StreamName,
    ownership::{Route, SeenNodes, TurnedAway, Views},
    values::{NodeId, UnixMs},
};

/// Where other nodes are reached.
pub trait OtherNodes: Send + Sync + 'static {
    /// The id under which this node announces itself.
    fn node_id(&self) -> NodeId;

    /// Where the commands to an aggregate go, by this node's view.
    fn route(&self, stream: StreamName) -> Route;

    /// Grows with each change of the view.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Sends commands to a node: before this returns they have their place behind those before them.
    fn pass(&self, to: NodeId, parcel: Parcel) -> PassedFuture;
}

/// What a node sees of the others, for operators.
pub trait SeesNodes: Send + Sync + 'static {
    /// All nodes. No items are counted yet.
    fn seen(&self, now: UnixMs) -> SeenNodes;

    /// Who owned what within the last minute.
    fn views(&self) -> Views;
}

/// What becomes of commands that were sent to another node.
pub type PassedFuture = Pin<Box<dyn Future<Output = Passed> + Send>>;

/// Commands for one aggregate on their way to another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub stream: StreamName,
    /// JSON array of commands.
    pub commands: Bytes,
    /// How long their caller waits; a moment would mean another one by another clock.
    pub remaining: Option<Duration>,
    /// The turn of the sender's lane; 0 where it tells none.
    pub turn: u64,
    /// The receiver decides, whoever it thinks the owner is.
    pub must_decide: bool,
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// JSON of the answers, or of the fault that all of them met.
    Answers(Bytes),
    /// Nothing was decided: another node owns the aggregate.
    NotMine(Option<NodeId>),
    /// There was no way, and nothing was decided.
    NotSent,
    /// They were sent, and no answer came.
    Unknown,
}

/// A call on which another node sends commands.
#[derive(Debug)]
pub struct IncomingCall {
    pub lifeline: Arc<Lifeline>,
    pub(super) turned_away: TurnedAway,
}

impl IncomingCall {
    /// A call on which something comes now. It is over when nothing comes for so long.
    pub fn new(silent_after: Duration) -> Self {
        let lifeline = Arc::new(Lifeline::new(silent_after));
        Self { lifeline, turned_away: TurnedAway::default() }
    }
}

/// Takes commands that another node sent.
pub trait TakesParcels: Send + Sync {
    /// Before this returns the commands have their place in the inbox of their aggregate. They are decided
    /// as long as the call on which they came is heard of.
    fn take(&self, parcel: Parcel, call: &mut IncomingCall) -> PassedFuture;

    /// Reads what another node decides until now, so that its commands find it known here.
    fn warm(&self, stream: StreamName) -> WarmFuture;

    /// What is awake on this node and owned by it.
    fn in_use(&self) -> Vec<StreamName>;
}

/// Done when a stream is read.
pub type WarmFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Commands that were read.
type Commands<D> = Result<Vec<<D as Decider>::Command>, Fault>;

/// How commands and answers of one kind of aggregate are written down for other nodes.
pub(super) struct Letters<D: Decider> {
    pub(super) commands: fn(&[D::Command]) -> Result<Bytes, Fault>,
    pub(super) read_commands: fn(&[u8]) -> Commands<D>,
    pub(super) answers: fn(&Answers<D::Outcome>) -> Bytes,
    pub(super) read_answers: fn(&[u8]) -> Answers<D::Outcome>,
}

impl<D> Letters<D>
where
    D: Decider<Command: Serialize + DeserializeOwned, Outcome: Serialize + DeserializeOwned>,
{
    /// As JSON, so that a later version may add to it.
    pub(super) fn json() -> Self {
        Self {
            commands: |commands| write(&commands),
            read_commands: |bytes| read(bytes, "commands"),
            answers: |answers| {
                // What cannot be written was decided all the same: the caller asks again.
                let unwritten =
                    |fault: Fault| write(&Answers::<D::Outcome>::Err(fault)).unwrap_or_default();
                write(answers).unwrap_or_else(unwritten)
            },
            read_answers: |bytes| read(bytes, "answers").and_then(|answers| answers),
        }
    }
}

fn write(what: &impl Serialize) -> Result<Bytes, Fault> {
    let json = serde_json::to_vec(what);
    json.map(Bytes::from).map_err(|error| unreadable("what is sent", &error))
}

fn read<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(what, &error))
}

/// Nodes that understand each other in their handshake understand each other's commands, so this is a
/// mistake of ours.
fn unreadable(what: &str, error: &serde_json::Error) -> Fault {
    tracing::error!(%error, what, "of another node cannot be read");
    Fault::StoreUnavailable(format!("{what} of another node cannot be read"))
}
