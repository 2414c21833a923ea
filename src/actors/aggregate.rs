//! One actor for each item and each sale: the only writer of its stream on this node.
//!
//! It decides a command as soon as it comes, on a state that may run ahead of the log by what is in
//! flight, and answers when everything the answer rests on is in the log. At most one append is in
//! flight; what is decided meanwhile is the next one. It never repairs its state: when an append
//! certainly failed, or somebody else wrote, it stops and is rebuilt from the log on next use.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Running, SpawnHandle,
    WrapFuture,
};
use tokio::sync::oneshot;

use super::{
    Fault, Shared,
    batch::{Batch, Delivery, Drain, Landing},
    demand::DemandWriter,
    directory::Directory,
};
use crate::{
    domain::Decider,
    events::{NewEvent, StreamName, decode},
    store::{AppendError, Appended, Expected, SharedStore},
    values::UnixMs,
};

/// Events read at once while the state is rebuilt.
const LOAD_PAGE_EVENTS: usize = 4096;

/// Events from which an append is worth sending before its predecessor is answered.
const LARGE_APPEND_EVENTS: usize = 256;

/// First and longest pause between two tries to learn what became of an append.
const DOUBT_PAUSE_MIN: Duration = Duration::from_millis(20);
const DOUBT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long an actor that left the directory still answers.
const RETIREMENT: Duration = Duration::from_millis(100);

/// The actor of one stream.
pub(super) struct Aggregate<D: Decider> {
    stream: StreamName,
    shared: Arc<Shared>,
    directory: std::sync::Weak<Directory<D>>,
    state: D,
    /// Where the last append landed; `None` while nothing was ever written.
    landing: Option<Landing>,
    /// Commands not decided yet, because the forming batch is full.
    waiting: VecDeque<Delivery<D>>,
    forming: Batch<D>,
    flying: Option<Flight<D>>,
    demand: DemandWriter,
    /// A pump is scheduled and will see what came since.
    pump_scheduled: bool,
    /// The alarm for the next deadline, and when it rings.
    alarm: Option<(UnixMs, SpawnHandle)>,
    used_at: UnixMs,
    draining: Vec<oneshot::Sender<()>>,
}

struct Flight<D: Decider> {
    batch: Batch<D>,
    /// The same bytes however often they have to be sent.
    events: Arc<[NewEvent]>,
    /// Set once an append's outcome was unknown: how long to pause before the next try.
    doubt: Option<Duration>,
}

impl<D: Decider> Aggregate<D> {
    pub(super) fn new(
        stream: StreamName,
        shared: Arc<Shared>,
        directory: std::sync::Weak<Directory<D>>,
    ) -> Self {
        let used_at = shared.clock.now();
        Self {
            stream,
            state: D::initial(stream.id),
            demand: DemandWriter::new(stream.id, Arc::clone(&shared)),
            shared,
            directory,
            landing: None,
            waiting: VecDeque::new(),
            forming: Batch::starting_at(0),
            flying: None,
            pump_scheduled: false,
            alarm: None,
            used_at,
            draining: Vec::new(),
        }
    }

    /// Decides what can be decided and sends what can be sent.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        self.decide_and_send(ctx);
        if !self.draining.is_empty() {
            self.drain(ctx);
        }
    }

    fn decide_and_send(&mut self, ctx: &mut Context<Self>) {
        if self.in_doubt() {
            return;
        }
        let now = self.shared.clock.now();
        let limits = self.shared.store.limits();
        if self.has_room() {
            let room = limits.events_max - self.forming.events.len();
            for event in self.state.due(now, room) {
                self.forming.apply(&mut self.state, event);
            }
        }
        while self.has_room()
            && let Some(delivery) = self.waiting.pop_front()
        {
            if delivery.deadline.is_some_and(|deadline| deadline < now) {
                delivery.reply.send(Err(Fault::DeadlineExceeded));
                continue;
            }
            self.forming.decide(&mut self.state, delivery, now);
        }
        if self.flying.is_none() {
            let next = Batch::starting_at(self.forming.next_revision());
            let batch = std::mem::replace(&mut self.forming, next);
            if batch.events.is_empty() {
                let attempts = batch.answer(self.landing, None);
                self.count(attempts, ctx);
            } else {
                self.launch(batch, ctx);
            }
        }
        self.set_alarm(ctx);
    }

    /// Pumps once the mailbox is empty: everything that waits there is one batch.
    fn schedule_pump(&mut self, ctx: &mut Context<Self>) {
        if self.pump_scheduled {
            return;
        }
        self.pump_scheduled = true;
        ctx.spawn(std::future::ready(()).into_actor(self).map(|(), actor, ctx| {
            actor.pump_scheduled = false;
            actor.pump(ctx);
            // An id that nobody ever wrote to must not keep an actor alive.
            if actor.landing.is_none() && actor.is_at_rest() {
                actor.retire(ctx);
            }
        }));
    }

    /// Whether another delivery can be decided. One delivery makes few events, so the batch may
    /// pass half of the store's limit but never all of it.
    fn has_room(&self) -> bool {
        let limits = self.shared.store.limits();
        self.forming.events.len() < limits.events_max / 2
            && self.forming.bytes < limits.bytes_enough
    }

    fn launch(&mut self, mut batch: Batch<D>, ctx: &mut Context<Self>) {
        let events: Arc<[NewEvent]> = std::mem::take(&mut batch.events).into();
        self.flying = Some(Flight { batch, events, doubt: None });
        self.send_flight(Duration::ZERO, ctx);
    }

    fn send_flight(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        let Some(flight) = &self.flying else { return };
        let store: SharedStore = Arc::clone(&self.shared.store);
        let stream = self.stream;
        let expected = Expected::before(flight.batch.first_revision);
        let events = Arc::clone(&flight.events);
        let append = async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            store.append(stream, expected, events).await
        };
        ctx.spawn(append.into_actor(self).map(Self::came_down));
    }

    fn came_down(result: Result<Appended, AppendError>, actor: &mut Self, ctx: &mut Context<Self>) {
        match result {
            Ok(appended) => actor.landed(appended, ctx),
            Err(AppendError::Conflict) => {
                tracing::warn!(stream = %actor.stream, "another writer was here; starting over");
                actor.give_up(&Fault::LostOwnership, ctx);
            }
            Err(AppendError::NotWritten(why)) => {
                tracing::warn!(stream = %actor.stream, why, "an append was not written");
                actor.give_up(&Fault::StoreUnavailable(why), ctx);
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
        let before = self.landing.replace(landing);
        // A large append goes out first, so that the store is not idle while this one is answered.
        // A small one gains more by growing: those who are answered now may ask again at once.
        let large = self.forming.events.len() >= LARGE_APPEND_EVENTS;
        if large {
            self.decide_and_send(ctx);
        }
        let attempts = flight.batch.answer(before, Some(landing));
        self.count(attempts, ctx);
        self.schedule_pump(ctx);
    }

    /// The outcome of the append is unknown. Until it is known nothing new is decided, and nobody
    /// is left hanging: a caller may ask again with the same request id.
    fn doubt(&mut self, why: String, ctx: &mut Context<Self>) {
        let Some(flight) = &mut self.flying else { return };
        let pause = match flight.doubt {
            None => DOUBT_PAUSE_MIN,
            Some(pause) => (pause * 2).min(DOUBT_PAUSE_MAX),
        };
        tracing::warn!(stream = %self.stream, why, "an append's outcome is unknown; asking again");
        flight.doubt = Some(pause);
        let fault = Fault::StoreUnavailable(why);
        flight.batch.fail(&fault);
        self.forming.fail(&fault);
        self.refuse_waiting(&fault);
        self.send_flight(pause, ctx);
    }

    fn in_doubt(&self) -> bool {
        self.flying.as_ref().is_some_and(|flight| flight.doubt.is_some())
    }

    fn refuse_waiting(&mut self, fault: &Fault) {
        for delivery in self.waiting.drain(..) {
            delivery.reply.send(Err(fault.clone()));
        }
    }

    /// The state can no longer be trusted. Everybody is told, and the actor stops.
    fn give_up(&mut self, fault: &Fault, ctx: &mut Context<Self>) {
        if let Some(mut flight) = self.flying.take() {
            flight.batch.fail(fault);
        }
        self.forming.fail(fault);
        self.refuse_waiting(fault);
        ctx.stop();
    }

    fn count(&mut self, attempts: Vec<(crate::events::Attempt, UnixMs)>, ctx: &mut Context<Self>) {
        if !attempts.is_empty() && self.demand.count(attempts) {
            self.schedule_tick(ctx);
        }
    }

    /// Writes the running second's demand once the second is over.
    fn schedule_tick(&mut self, ctx: &mut Context<Self>) {
        let sleep = self.shared.clock.sleep_until(self.demand.next_tick_at());
        ctx.spawn(sleep.into_actor(self).map(|(), actor, ctx| {
            let second = actor.shared.clock.now().second();
            if !actor.write_demand(second, ctx) && actor.demand.reschedule() {
                actor.schedule_tick(ctx);
            }
        }));
    }

    /// Writes the demand of the seconds before this one. False when there is nothing to write now.
    fn write_demand(&mut self, second: i64, ctx: &mut Context<Self>) -> bool {
        let Some(write) = self.demand.write(second) else { return false };
        ctx.spawn(write.into_actor(self).map(|written, actor, ctx| {
            let failed = written.is_err();
            let again = actor.demand.wrote(written);
            if actor.draining.is_empty() {
                if again {
                    actor.schedule_tick(ctx);
                }
            } else if failed {
                actor.finish(ctx);
            } else {
                actor.drain(ctx);
            }
        }));
        true
    }

    fn set_alarm(&mut self, ctx: &mut Context<Self>) {
        let Some(due) = self.state.next_due() else { return };
        if let Some((at, handle)) = self.alarm {
            if at <= due {
                return;
            }
            ctx.cancel_future(handle);
        }
        let sleep = self.shared.clock.sleep_until(due);
        let handle = ctx.spawn(sleep.into_actor(self).map(|(), actor, ctx| {
            actor.alarm = None;
            actor.pump(ctx);
        }));
        self.alarm = Some((due, handle));
    }

    /// Puts the actor to sleep when nothing was asked of it for long and nothing is due.
    fn watch_idleness(&mut self, ctx: &mut Context<Self>) {
        let tired_at = self.used_at.plus(self.shared.idle_ms);
        let sleep = self.shared.clock.sleep_until(tired_at);
        ctx.spawn(sleep.into_actor(self).map(|(), actor, ctx| {
            let idle = actor.used_at.plus(actor.shared.idle_ms) <= actor.shared.clock.now();
            if idle && actor.is_at_rest() && actor.state.next_due().is_none() {
                actor.retire(ctx);
            } else {
                if idle {
                    actor.used_at = actor.shared.clock.now();
                }
                actor.watch_idleness(ctx);
            }
        }));
    }

    /// Leaves the directory, and stops a little later: whoever found this actor there just before
    /// still gets an answer. A successor may be awake meanwhile; the revision is the fence.
    fn retire(&mut self, ctx: &mut Context<Self>) {
        self.leave_directory(ctx);
        ctx.run_later(RETIREMENT, |actor, ctx| {
            if actor.is_at_rest() {
                ctx.stop();
            } else {
                actor.retire(ctx);
            }
        });
    }

    fn leave_directory(&self, ctx: &Context<Self>) {
        if let Some(directory) = self.directory.upgrade() {
            directory.forget(self.stream.id, &ctx.address());
        }
    }

    fn is_at_rest(&self) -> bool {
        self.flying.is_none()
            && self.waiting.is_empty()
            && self.forming.events.is_empty()
            && !self.demand.is_pending()
    }

    /// Stops once nothing is in flight and the demand counted so far is written.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        if self.flying.is_some() || !self.waiting.is_empty() || self.demand.is_writing() {
            return;
        }
        // The running second is written as far as it came.
        if !self.write_demand(i64::MAX, ctx) {
            self.finish(ctx);
        }
    }

    fn finish(&mut self, ctx: &mut Context<Self>) {
        for done in self.draining.drain(..) {
            let _ = done.send(());
        }
        ctx.stop();
    }
}

impl<D: Decider> Actor for Aggregate<D> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.shared.waiting_max);
        // Rebuilding is work for the main runtime, not for the thread that other items live on.
        let load =
            self.shared.runtime.spawn(load::<D>(Arc::clone(&self.shared.store), self.stream));
        let loaded = async move {
            load.await.unwrap_or_else(|error| Err(Fault::StoreUnavailable(error.to_string())))
        };
        // `wait` keeps the mailbox closed until the state is there.
        ctx.wait(loaded.into_actor(self).map(|loaded, actor, ctx| match loaded {
            Ok((state, landing)) => {
                actor.state = state;
                actor.landing = landing;
                let next = landing.map_or(0, |landing| landing.last_revision + 1);
                actor.forming = Batch::starting_at(next);
                actor.set_alarm(ctx);
                actor.watch_idleness(ctx);
            }
            Err(fault) => {
                tracing::error!(stream = %actor.stream, %fault, "cannot be rebuilt from the log");
                actor.give_up(&fault, ctx);
            }
        }));
    }

    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        self.leave_directory(ctx);
        Running::Stop
    }
}

impl<D: Decider> Handler<Delivery<D>> for Aggregate<D> {
    type Result = ();

    fn handle(&mut self, delivery: Delivery<D>, ctx: &mut Self::Context) {
        self.used_at = self.shared.clock.now();
        if self.in_doubt() {
            let why = "it has not said yet what became of the last append";
            delivery.reply.send(Err(Fault::StoreUnavailable(why.to_owned())));
            return;
        }
        self.waiting.push_back(delivery);
        self.schedule_pump(ctx);
    }
}

impl<D: Decider> Handler<Drain> for Aggregate<D> {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Self::Context) {
        self.draining.push(drain.done);
        self.drain(ctx);
    }
}

/// Rebuilds a state from its stream.
async fn load<D: Decider>(
    store: SharedStore,
    stream: StreamName,
) -> Result<(D, Option<Landing>), Fault> {
    let mut state = D::initial(stream.id);
    let mut landing: Option<Landing> = None;
    loop {
        let from = landing.map_or(0, |landing: Landing| landing.last_revision + 1);
        let page = store
            .read_stream(stream, from, LOAD_PAGE_EVENTS)
            .await
            .map_err(|error| Fault::StoreUnavailable(error.to_string()))?;
        let Some(last) = page.last() else { return Ok((state, landing)) };
        let (last_revision, last_position) = (last.revision, last.position);
        for recorded in &page {
            let event = decode(recorded).map_err(|error| Fault::Unreadable(error.to_string()))?;
            let Some(event) = D::pick(event) else {
                let what = format!("{} does not belong into {stream}", recorded.kind);
                return Err(Fault::Unreadable(what));
            };
            state.evolve(&event, recorded.revision);
            state.landed(recorded.revision, recorded.position);
        }
        landing = Some(Landing { first_revision: last_revision, last_revision, last_position });
    }
}
