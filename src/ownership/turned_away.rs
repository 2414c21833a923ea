//! What a node turned away on the call of another one, so that nothing behind it is decided before it.
//!
//! Between two commands of a call the receiver may come to see itself as the owner. What it turned away is
//! still on its way back then, and is sent again under a later turn of its lane.

use std::collections::HashMap;

use uuid::Uuid;

use super::Route;
use crate::values::NodeId;

/// For each aggregate the last turn of which something was turned away, and to which owner. An entry goes
/// when a later turn is accepted, or with the call.
#[derive(Debug, Default)]
pub struct TurnedAway {
    turns: HashMap<Uuid, (u64, Option<NodeId>)>,
}

impl TurnedAway {
    /// Decides whether commands are taken in where the receiver sees this route. `None`: they are.
    /// Otherwise the owner to be named. A turn of 0 is that of a node that tells none.
    pub fn judge(
        &mut self,
        aggregate: Uuid,
        turn: u64,
        must_decide: bool,
        route: Route,
    ) -> Option<Option<NodeId>> {
        if let Some((last, owner)) = self.turns.get(&aggregate)
            && turn <= *last
            && turn > 0
        {
            return Some(*owner);
        }
        let owner = match route {
            Route::Node(owner) if !must_decide => Some(owner),
            Route::Node(_) | Route::Here => {
                self.turns.remove(&aggregate);
                return None;
            }
        };
        self.turns.insert(aggregate, (turn, owner));
        Some(owner)
    }
}
