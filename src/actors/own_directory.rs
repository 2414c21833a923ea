//! The directory that an actor is listed in, as the actor and the lanes to other nodes see it.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    Deadline, Fault, Shared,
    batch::{Answers, Delivery},
    inbox::Inbox,
    patience::Lifeline,
};
use crate::domain::Decider;

/// Where an actor is found by its id, and where its successor is.
pub(super) trait OwnDirectory<D: Decider>: Send + Sync {
    /// Gives the actor that has this id now what came to one that had it before. Neither has
    /// decided anything of it.
    fn pass_on(&self, id: Uuid, delivery: Delivery<D>);

    /// Removes an actor from the directory, but not a successor that took its place meanwhile.
    fn forget(&self, id: Uuid, inbox: &Arc<Inbox<D>>);

    /// What all actors of the node share.
    fn shared(&self) -> &Arc<Shared>;

    /// Sends commands to the actor of this node, whoever owns them. `call` is that of the node from which
    /// they came.
    fn send_here(
        &self,
        id: Uuid,
        commands: Vec<D::Command>,
        deadline: Option<Deadline>,
        call: Option<Arc<Lifeline>>,
    ) -> Result<oneshot::Receiver<Answers<D::Outcome>>, Fault>;

    /// Whether this node is to look after what happens to that actor by time alone.
    fn is_owned_here(&self, id: Uuid) -> bool;

    /// Lets the actor of that id, if it is awake, finish what is in flight. One whose store does not
    /// answer is left to itself after a while: the revision is the fence.
    fn rest(&self, id: Uuid) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
