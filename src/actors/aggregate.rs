//! One actor for each item and each sale: the only writer of its stream on this node.
//!
//! It decides a command on arrival, on a state that may be ahead of the log by the batch in flight,
//! and answers when everything that the answer depends on is in the log. At most one batch is in
//! flight; events decided meanwhile form the next one. It never repairs its state: when an append
//! certainly failed, it stops and is rebuilt from the log on next use. When another node wrote, it
//! goes back to the state behind the last event that is in the log and reads on from there.

mod actor;
mod behind;
mod catching_up;
mod flight;
mod load;

use std::{sync::Arc, time::Duration};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Running, WrapFuture,
};

pub(super) use self::actor::Aggregate;
use self::actor::Standing;
use super::{
    Fault,
    batch::{Drain, Look, Reached, Warm},
};
use crate::{clock::Reading, domain::Decider, values::UnixMs};

/// How long an actor that left the directory still answers.
const RETIREMENT: Duration = Duration::from_millis(100);

impl<D: Decider> Aggregate<D> {
    /// Decides what can be decided and sends what can be sent.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        self.decide_and_send(ctx);
        self.listen(ctx);
        if !self.draining.is_empty() {
            self.drain(ctx);
        } else if self.landing.is_none() && self.is_serving() && self.is_at_rest() {
            // A stream that was never written must not keep an actor alive.
            self.retire(ctx);
        }
    }

    /// Takes in what came; where nothing is decided now, it is answered.
    fn take_in(&mut self) {
        self.inbox.take(&mut self.waiting);
        if self.waiting.is_empty() {
            return;
        }
        self.used_at = self.shared.clock.now();
        match &self.standing {
            Standing::Serving if self.in_doubt() => {
                let why = "it has not said yet what became of the last append";
                self.refuse_waiting(&Fault::StoreUnavailable(why.to_owned()));
            }
            Standing::Serving | Standing::CatchingUp => {}
            Standing::Lost(fault) => {
                let fault = fault.clone();
                self.refuse_waiting(&fault);
            }
        }
    }

    /// Waits for what comes next.
    fn listen(&mut self, ctx: &mut Context<Self>) {
        let flying = self.flying.is_some() && !self.in_doubt();
        // What waits for the state to be read is no sign of a crowd.
        let waiting = self.waiting.front().filter(|_| self.is_serving()).map(|first| first.since);
        if !self.inbox.listen(flying, self.forming.oldest.or(waiting)) {
            self.schedule_pump(ctx);
        }
    }

    fn decide_and_send(&mut self, ctx: &mut Context<Self>) {
        self.take_in();
        match self.standing {
            Standing::Serving if self.in_doubt() => return,
            Standing::Serving => {}
            Standing::CatchingUp | Standing::Lost(_) => return,
        }
        if self.is_outdated() || self.is_heir {
            if !self.waiting.is_empty() || (self.is_heir && self.is_owned_here()) {
                self.is_heir = false;
                self.catch_up(self.reached, ctx);
            }
            return;
        }
        let now = self.look_at_clock(ctx);
        let limits = self.shared.store.limits();
        // What ends by time is decided where the stream is owned, and before what is asked.
        if self.has_room() && (!self.waiting.is_empty() || self.is_owned_here()) {
            let room = limits.events_max - self.forming.events.len();
            for event in self.state.due(now, room) {
                self.forming.apply(&mut self.state, event);
            }
        }
        while self.has_room()
            && let Some(delivery) = self.waiting.pop_front()
        {
            if let Some(fault) = delivery.too_late() {
                delivery.reply.send(Err(fault));
                continue;
            }
            self.forming.decide(&mut self.state, delivery, now);
        }
        if self.flying.is_none() {
            let next = self.forming.following();
            let batch = std::mem::replace(&mut self.forming, next);
            self.submit(batch, ctx);
        }
        self.set_alarm(ctx);
    }

    /// The present moment. Where the clock was set meanwhile, everything that ends at a moment and was
    /// under way before is moved along.
    fn look_at_clock(&mut self, ctx: &mut Context<Self>) -> UnixMs {
        let Reading { now, moved_ms } = self.shared.reading();
        if !self.is_serving() {
            // What is being read knows of it, or there is nothing to move.
            return now;
        }
        let by_ms = moved_ms.saturating_sub(std::mem::replace(&mut self.moved_ms, moved_ms));
        if by_ms != 0 {
            self.state.clock_moved(by_ms);
            // What is decided and not landed is moved here, and would not be there.
            let rests = self.flying.is_none() && self.forming.events.is_empty();
            self.landed = self.landed.take().filter(|_| rests);
            if let Some(landed) = &mut self.landed {
                landed.clock_moved(by_ms);
            }
            self.used_at = self.used_at.plus(by_ms);
            if let Some((_, handle)) = self.alarm.take() {
                ctx.cancel_future(handle);
            }
        }
        now
    }

    /// Pumps after what this thread has to do first: what comes until then is in the same batch.
    fn schedule_pump(&mut self, ctx: &mut Context<Self>) {
        if self.pump_scheduled {
            return;
        }
        self.pump_scheduled = true;
        ctx.spawn(std::future::ready(()).into_actor(self).map(|(), actor, ctx| {
            actor.pump_scheduled = false;
            actor.pump(ctx);
        }));
    }

    /// Whether another delivery can be decided. One delivery makes few events, so the batch may
    /// pass half of the store's limit but never all of it.
    fn has_room(&self) -> bool {
        let limits = self.shared.store.limits();
        self.forming.events.len() < limits.events_max / 2
            && self.forming.bytes < limits.bytes_enough
    }

    fn refuse_waiting(&mut self, fault: &Fault) {
        for delivery in self.waiting.drain(..) {
            delivery.reply.send(Err(fault.clone()));
        }
    }

    /// Gives waiting commands to the actor that has this id now.
    fn pass_waiting_on(&mut self) {
        let directory = self.directory.upgrade();
        for delivery in self.waiting.drain(..) {
            match &directory {
                Some(directory) => directory.pass_on(self.stream.id, delivery),
                None => delivery.reply.send(Err(Fault::Stopping)),
            }
        }
    }

    /// The state can no longer be trusted: it is dropped and all waiting commands are answered. The
    /// actor stops a little later, so that what was sent to it meanwhile is answered as well.
    fn give_up(&mut self, fault: Fault, ctx: &mut Context<Self>) {
        if let Some(mut flight) = self.flying.take() {
            flight.fail(&fault);
        }
        self.forming.fail(&fault);
        self.forming = self.forming.following();
        self.refuse_waiting(&fault);
        self.state = D::initial(self.stream.id);
        self.landed = None;
        self.standing = Standing::Lost(fault);
        self.leave_directory();
        self.take_in();
        self.listen(ctx);
        ctx.run_later(RETIREMENT, |_, ctx| ctx.stop());
    }

    fn set_alarm(&mut self, ctx: &mut Context<Self>) {
        let Some(due) = self.state.next_due().filter(|_| self.is_owned_here()) else { return };
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
            let now = actor.look_at_clock(ctx);
            actor.set_alarm(ctx);
            let idle = actor.used_at.plus(actor.shared.idle_ms) <= now;
            let due =
                actor.state.next_due().is_some() && !actor.is_outdated() && actor.is_owned_here();
            if idle && actor.is_at_rest() && !due {
                actor.retire(ctx);
            } else {
                if idle {
                    actor.used_at = now;
                }
                actor.watch_idleness(ctx);
            }
        }));
    }

    /// Leaves the directory, and stops a little later, so that callers that looked this actor up
    /// just before still get an answer. A successor may run meanwhile; the revision is the fence.
    fn retire(&mut self, ctx: &mut Context<Self>) {
        self.rests();
        self.leave_directory();
        ctx.run_later(RETIREMENT, |actor, ctx| {
            if actor.is_at_rest() {
                ctx.stop();
            } else {
                actor.retire(ctx);
            }
        });
    }

    fn leave_directory(&self) {
        if let Some(directory) = self.directory.upgrade() {
            directory.forget(self.stream.id, &self.inbox);
        }
    }

    fn is_serving(&self) -> bool {
        matches!(self.standing, Standing::Serving)
    }

    fn is_at_rest(&self) -> bool {
        self.flying.is_none()
            && self.waiting.is_empty()
            && self.forming.events.is_empty()
            && self.forming.is_unasked()
            && self.inbox.is_empty()
    }

    /// Says once nothing is in flight, and stops if it is to.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        if !self.is_at_rest() {
            return;
        }
        for done in self.draining.drain(..) {
            let _ = done.send(());
        }
        if self.stops {
            self.rests();
            ctx.stop();
        }
    }
}

impl<D: Decider> Actor for Aggregate<D> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.shared.waiting_max);
        // Rebuilding is work for the main runtime, not for the thread that other items live on.
        let (moves, moved_ms) = self.shared.moves.all(&self.shared.clock, &self.shared.store);
        self.moved_ms = moved_ms;
        let load = self.shared.runtime.spawn(load::load::<D>(
            Arc::clone(&self.shared),
            self.stream,
            moves,
        ));
        let loaded = async move {
            load.await.unwrap_or_else(|error| Err(Fault::StoreUnavailable(error.to_string())))
        };
        // `wait` keeps the mailbox closed until the state is there.
        ctx.wait(loaded.into_actor(self).map(|loaded, actor, ctx| match loaded {
            Ok((state, landing)) => {
                actor.state = state;
                actor.landing = landing;
                let next = landing.map_or(0, |landing| landing.last_revision + 1);
                actor.forming = actor.forming.starting_over_at(next);
                actor.set_alarm(ctx);
                actor.watch_idleness(ctx);
                actor.look_behind(ctx);
            }
            Err(fault) => {
                let stream = actor.stream;
                match fault {
                    Fault::Unreadable(_) => {
                        tracing::error!(%stream, %fault, "cannot be rebuilt from the log");
                    }
                    _ => tracing::debug!(%stream, %fault, "cannot be rebuilt from the log now"),
                }
                actor.give_up(fault, ctx);
            }
        }));
    }

    fn stopping(&mut self, _ctx: &mut Self::Context) -> Running {
        self.leave_directory();
        // Sent between the last look and now.
        self.waiting.append(&mut self.inbox.close());
        match &self.standing {
            Standing::Lost(fault) => {
                let fault = fault.clone();
                self.refuse_waiting(&fault);
            }
            Standing::Serving | Standing::CatchingUp => self.pass_waiting_on(),
        }
        Running::Stop
    }
}

impl<D: Decider> Handler<Look> for Aggregate<D> {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.pump(ctx);
    }
}

impl<D: Decider> Handler<Reached> for Aggregate<D> {
    type Result = ();

    /// Another node wrote to the stream. What is in flight will be told by the store; a state at
    /// rest is brought up to date with the next command.
    fn handle(&mut self, reached: Reached, ctx: &mut Self::Context) {
        let known = self.landing.map(|landing| landing.last_revision);
        if known < Some(reached.revision) && self.is_at_rest() && self.is_serving() {
            self.reached = Some(reached.revision);
            // Who is active knows what ends when; here that is asked of the log with the next command.
            if let Some((_, handle)) = self.alarm.take() {
                ctx.cancel_future(handle);
            }
        }
        // A wake-up may have found the mailbox full.
        if !self.inbox.is_empty() {
            self.pump(ctx);
        }
    }
}

impl<D: Decider> Handler<Drain> for Aggregate<D> {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Self::Context) {
        self.draining.push(drain.done);
        self.stops |= drain.stop;
        self.pump(ctx);
    }
}

impl<D: Decider> Handler<Warm> for Aggregate<D> {
    type Result = ();

    fn handle(&mut self, warm: Warm, ctx: &mut Self::Context) {
        self.warming.extend(warm.done);
        self.keep_up(ctx);
        // A wake-up may have found the mailbox full.
        if !self.inbox.is_empty() {
            self.pump(ctx);
        }
    }
}
