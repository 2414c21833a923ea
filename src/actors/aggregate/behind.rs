//! What lies behind the newest snapshot of a stream: the actor only says how far it has come.

use std::time::Duration;

use actix::{AsyncContext, Context};

use super::actor::Aggregate;
use crate::domain::Decider;

/// A stream that got no event for so long is at rest, though holds may still end.
const AT_REST_AFTER: Duration = Duration::from_secs(10);

impl<D: Decider> Aggregate<D> {
    /// The stream has come further.
    pub(super) fn look_behind(&mut self, ctx: &mut Context<Self>) {
        let (Some(snapshots), Some(landing)) = (&self.shared.snapshots, self.landing) else {
            return;
        };
        let events = landing.last_revision + 1;
        if events < self.look_behind_at {
            return;
        }
        let look = snapshots.look::<D>(self.stream, events, false);
        self.look_behind_at = look.again_at;
        if look.await_rest && !self.rest_is_awaited {
            self.rest_is_awaited = true;
            self.await_rest(events, ctx);
        }
    }

    /// Nothing more is written for now.
    pub(super) fn rests(&self) {
        if let (Some(snapshots), Some(landing)) = (&self.shared.snapshots, self.landing) {
            snapshots.look::<D>(self.stream, landing.last_revision + 1, true);
        }
    }

    /// Looks again when the stream may have come to rest.
    fn await_rest(&mut self, events: u64, ctx: &mut Context<Self>) {
        ctx.run_later(AT_REST_AFTER, move |actor, ctx| {
            let Some(landing) = actor.landing else { return };
            let now = landing.last_revision + 1;
            if now == events {
                actor.rest_is_awaited = false;
                actor.rests();
                // What comes next begins it anew.
                actor.look_behind_at = 0;
            } else {
                actor.await_rest(now, ctx);
            }
        });
    }
}
