//! The directory that an actor is listed in, as the actor sees it.

use std::sync::Arc;

use uuid::Uuid;

use super::{batch::Delivery, inbox::Inbox};
use crate::domain::Decider;

/// Where an actor is found by its id, and where its successor is.
pub(super) trait OwnDirectory<D: Decider>: Send + Sync {
    /// Gives the actor that has this id now what came to one that had it before. Neither has
    /// decided anything of it.
    fn pass_on(&self, id: Uuid, delivery: Delivery<D>);

    /// Removes an actor from the directory, but not a successor that took its place meanwhile.
    fn forget(&self, id: Uuid, inbox: &Arc<Inbox<D>>);
}
