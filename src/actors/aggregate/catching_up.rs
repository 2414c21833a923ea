//! Reading on where another node wrote first.

use std::{collections::VecDeque, sync::Arc};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{
    super::Fault,
    actor::{Aggregate, Standing},
    load::{self, CaughtUp},
};
use crate::domain::Decider;

impl<D: Decider> Aggregate<D> {
    /// Whether the log has events that the state does not have.
    pub(super) fn is_outdated(&self) -> bool {
        self.reached > self.landing.map(|landing| landing.last_revision)
    }

    /// Whether this node is to end by itself what ends at a moment.
    pub(super) fn is_owned_here(&self) -> bool {
        !self.shared.store.is_shared()
            || self.directory.upgrade().is_none_or(|dir| dir.is_owned_here(self.stream.id))
    }

    /// Reads what another node wrote before anything is asked here.
    pub(super) fn keep_up(&mut self, ctx: &mut Context<Self>) {
        let is_asked = !self.warming.is_empty();
        if self.is_serving() && self.is_at_rest() && (is_asked || self.is_outdated()) {
            // An heir is asked again and again; one that was an heir once goes to sleep.
            if is_asked {
                self.used_at = self.shared.clock.now();
            }
            self.is_heir = !self.is_owned_here();
            self.catch_up(self.reached, ctx);
        } else if self.is_serving() {
            // Its own appends tell it of those of others.
            self.tell_warm();
        }
    }

    pub(super) fn tell_warm(&mut self) {
        for done in self.warming.drain(..) {
            let _ = done.send(());
        }
    }

    /// Reads what is in the log behind the last event known to be there, at least up to a revision
    /// where one is known. What was decided and is not in the log is void and is decided anew on what was
    /// read, before the commands that wait.
    pub(super) fn catch_up(&mut self, until: Option<u64>, ctx: &mut Context<Self>) {
        self.look_at_clock(ctx);
        let initial = || D::initial(self.stream.id);
        let undecided = self.forming.events.is_empty()
            && self.flying.as_ref().is_none_or(|flight| flight.events.is_empty());
        let (state, landed) = (std::mem::replace(&mut self.state, initial()), self.landed.take());
        let known = if undecided { Some(state) } else { landed };
        let mut void = self.flying.take().map_or_else(VecDeque::new, |mut f| f.batch.take_back());
        void.append(&mut self.forming.take_back());
        void.append(&mut self.waiting);
        self.waiting = void;
        if let Some((_, handle)) = self.alarm.take() {
            ctx.cancel_future(handle);
        }
        self.standing = Standing::CatchingUp;
        let (moves, moved_ms) = self.shared.moves.all(&self.shared.clock, &self.shared.store);
        self.moved_ms = moved_ms;
        let known = known.map(|state| (state, self.landing));
        let reading = self.shared.runtime.spawn(load::catch_up::<D>(
            Arc::clone(&self.shared),
            self.stream,
            known,
            until,
            moves,
            // An heir decides nothing on it before it reads on.
            !self.is_heir,
        ));
        let read = async move {
            let gone = |error| Err(Fault::StoreUnavailable(format!("{error}")));
            reading.await.unwrap_or_else(gone)
        };
        ctx.spawn(read.into_actor(self).map(|read, actor, ctx| actor.caught_up(read, ctx)));
    }

    fn caught_up(&mut self, read: Result<CaughtUp<D>, Fault>, ctx: &mut Context<Self>) {
        let CaughtUp { state, copy, landing } = match read {
            Ok(read) => read,
            Err(fault) => {
                tracing::debug!(stream = %self.stream, %fault, "the log cannot be read on");
                return self.give_up(fault, ctx);
            }
        };
        (self.state, self.landed) = (state, copy);
        (self.landing, self.reached) = (landing, None);
        let next = landing.map_or(0, |landing| landing.last_revision + 1);
        self.forming = self.forming.starting_over_at(next);
        self.standing = Standing::Serving;
        self.tell_warm();
        self.look_behind(ctx);
        self.set_alarm(ctx);
        self.schedule_pump(ctx);
    }
}
