//! The batch in flight to the store, and its outcome.
//!
//! A batch with events is appended; the exact revision it expects is the fence against other
//! writers. A batch without events rests on the state in memory alone. Where other nodes may write,
//! that state can be out of date, so such a batch asks the store, after it was decided, whether the
//! stream still ends where it thinks; while it asks, newcomers form the next batch, so that a storm
//! of refusals costs one read per round trip. On a store with a single writer it is answered at
//! once.

use std::{sync::Arc, time::Duration};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{
    super::{
        Fault,
        batch::{Batch, Landing},
    },
    actor::{Aggregate, Flight},
};
use crate::{
    domain::Decider,
    events::{Attempt, NewEvent},
    store::{AppendError, Appended, Expected, ReadError},
    values::UnixMs,
};

/// Events from which an append is worth sending before its predecessor is answered.
const LARGE_APPEND_EVENTS: usize = 256;

/// First and longest pause between two tries to learn what became of an append.
const DOUBT_PAUSE_MIN: Duration = Duration::from_millis(20);
const DOUBT_PAUSE_MAX: Duration = Duration::from_secs(1);

impl<D: Decider> Aggregate<D> {
    /// Sends a batch its way. Nothing else is in flight.
    pub(super) fn submit(&mut self, batch: Batch<D>, ctx: &mut Context<Self>) {
        if !batch.events.is_empty() {
            self.launch(batch, ctx);
        } else if batch.is_unasked() || !self.shared.store.is_shared() {
            let attempts = batch.answer(&self.shared.runtime, self.landing, None);
            self.count(attempts);
        } else {
            self.confirm(batch, ctx);
        }
    }

    fn launch(&mut self, mut batch: Batch<D>, ctx: &mut Context<Self>) {
        let is_stale = self.shared.store.is_shared()
            && batch.oldest.is_some_and(|oldest| self.shared.freezes.was_frozen_since(oldest));
        let events: Arc<[NewEvent]> = std::mem::take(&mut batch.events).into();
        self.flying = Some(Flight { batch, events, doubt: None, shown_in_doubt: None });
        if is_stale {
            // Its callers may have been refused by another node while this process did not run, and a
            // refusal is not in the log: the revision would not fence it.
            tracing::debug!(stream = %self.stream, "decided before a freeze; deciding anew");
            return self.catch_up(None, ctx);
        }
        self.send_flight(Duration::ZERO, ctx);
    }

    fn send_flight(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        let Some(flight) = &self.flying else { return };
        let store = Arc::clone(&self.shared.store);
        let stream = self.stream;
        let expected = Expected::before(flight.batch.first_revision);
        let events = Arc::clone(&flight.events);
        let append = async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            store.append(stream, expected, events).await
        };
        ctx.spawn(append.into_actor(self).map(Self::on_append_result));
    }

    fn on_append_result(
        result: Result<Appended, AppendError>,
        actor: &mut Self,
        ctx: &mut Context<Self>,
    ) {
        match result {
            Ok(appended) => actor.landed(appended, ctx),
            Err(AppendError::Conflict(last)) => actor.on_conflict(last, ctx),
            // The store speaks of this try. One before it may still be written, and only the same
            // append at the same place can tell.
            Err(AppendError::NotWritten(why)) if actor.in_doubt() => actor.doubt(why, ctx),
            Err(AppendError::NotWritten(why)) => {
                tracing::warn!(stream = %actor.stream, why, "an append was not written");
                actor.give_up(Fault::StoreUnavailable(why), ctx);
            }
            Err(AppendError::Unknown(why)) => actor.doubt(why, ctx),
        }
    }

    fn landed(&mut self, appended: Appended, ctx: &mut Context<Self>) {
        let Some(flight) = self.flying.take() else { return };
        let landing = Landing {
            first_revision: flight.batch.first_revision,
            last_revision: appended.last_revision,
            last_position: appended.last_position,
        };
        self.state.landed(appended.last_revision, appended.last_position);
        if let Some(landed) = &mut self.landed {
            for (revision, fact) in (flight.batch.first_revision..).zip(&flight.batch.facts) {
                landed.evolve(fact, revision);
            }
            landed.landed(appended.last_revision, appended.last_position);
        }
        let before = self.landing.replace(landing);
        // A large append goes out first, so that the store is not idle while this one is answered.
        // A small one gains more by growing: answered clients may order again at once.
        let large = self.forming.events.len() >= LARGE_APPEND_EVENTS;
        if large {
            self.decide_and_send(ctx);
        }
        let attempts = flight.batch.answer(&self.shared.runtime, before, Some(landing));
        self.count(attempts);
        self.look_behind(ctx);
        self.schedule_pump(ctx);
    }

    /// Asks whether the stream ends where the decisions of the batch think it does. They were made
    /// before the question, so an answer that agrees makes them true at the moment of the answer.
    fn confirm(&mut self, batch: Batch<D>, ctx: &mut Context<Self>) {
        self.flying =
            Some(Flight { batch, events: Arc::new([]), doubt: None, shown_in_doubt: None });
        let store = Arc::clone(&self.shared.store);
        let stream = self.stream;
        let ask = async move { store.last_revision(stream).await };
        ctx.spawn(ask.into_actor(self).map(Self::confirmed));
    }

    fn confirmed(found: Result<Option<u64>, ReadError>, actor: &mut Self, ctx: &mut Context<Self>) {
        let Some(flight) = &mut actor.flying else { return };
        let believed = flight.batch.first_revision.checked_sub(1);
        match found {
            Ok(found) if found > believed => return actor.on_conflict(found, ctx),
            Ok(found) if found == believed => {
                if let Some(Flight { batch, .. }) = actor.flying.take() {
                    let attempts = batch.answer(&actor.shared.runtime, actor.landing, None);
                    actor.count(attempts);
                }
            }
            // Appended events cannot disappear: the answer came from a node that lags behind.
            Ok(_) => flight.fail(&Fault::StoreUnavailable("it answers from the past".to_owned())),
            Err(error) => flight.fail(&error.into()),
        }
        actor.flying = None;
        actor.schedule_pump(ctx);
    }

    /// Another writer appended to the stream, which ends at that revision where the store said it,
    /// and certainly nothing in flight was written. What was decided since is void, the store would
    /// take it: it compares numbers, and as many events may have come as were expected.
    fn on_conflict(&mut self, last: Option<u64>, ctx: &mut Context<Self>) {
        if !self.shared.store.is_shared() {
            tracing::warn!(stream = %self.stream, "another writer appended first; the state is rebuilt");
            return self.give_up(Fault::LostOwnership, ctx);
        }
        tracing::debug!(stream = %self.stream, ?last, "another node was here; reading on");
        self.catch_up(last, ctx);
    }

    /// The outcome of the append is unknown. Until it is known nothing new is decided, and waiting
    /// callers get a fault: they can repeat the call with the same request id.
    fn doubt(&mut self, why: String, ctx: &mut Context<Self>) {
        let Some(flight) = &mut self.flying else { return };
        let stream = self.stream;
        let pause = match flight.doubt {
            None => {
                tracing::warn!(%stream, why, "the outcome of an append is unknown; retrying");
                DOUBT_PAUSE_MIN
            }
            Some(pause) => {
                tracing::debug!(%stream, why, "the outcome of an append is still unknown");
                (pause * 2).min(DOUBT_PAUSE_MAX)
            }
        };
        flight.doubt = Some(pause);
        flight.shown_in_doubt.get_or_insert_with(|| self.shared.metrics.in_doubt());
        let fault = Fault::StoreUnavailable(why);
        flight.fail(&fault);
        self.forming.fail(&fault);
        self.refuse_waiting(&fault);
        self.send_flight(pause, ctx);
        // What comes meanwhile is answered at once.
        self.take_in();
        self.listen(ctx);
    }

    pub(super) fn in_doubt(&self) -> bool {
        self.flying.as_ref().is_some_and(|flight| flight.doubt.is_some())
    }

    fn count(&self, attempts: Vec<(Attempt, UnixMs)>) {
        self.shared.demand.count(self.stream.id, attempts);
    }
}
