//! One actor for the beacons of a sale: detects repeats, packs new beacons, appends them, and
//! answers when they are in the log.
//!
//! At most one append is in flight; beacons that arrive meanwhile form the next one. Beacons
//! counted as new are never dropped: an append with an unknown outcome is repeated unchanged, and
//! if another node wrote first the same beacons are appended at the new end of the stream.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::{sync::oneshot, time::sleep};
use uuid::Uuid;

use super::super::batch::Ticket;
use crate::{
    clock::{self, SharedClock},
    domain::{
        beacon::Beacon,
        seen::{Arrival, FUTURE_MS_MAX, PAST_MS_MAX, SeenBeacons},
        traffic::TrafficBatch,
    },
    events::{Event, NewEvent, StreamName, TrafficRecorded, decode, encode},
    store::{AppendError, Appended, Expected, ReadError, SharedStore},
    values::{SaleId, UnixMs, narrow},
};

/// Messages that wait for the actor. A desk sends each by an address of its own, which has a place
/// beyond these, so that none is turned away: what bounds them is `traffic_waiting_max`.
const MAILBOX: usize = 1_024;

/// Events in one append at most.
const EVENTS_PER_APPEND: usize = 8;

/// A few beacons wait this long for company: an event for each would be hard on all who read the
/// log.
const GATHER: Duration = Duration::from_millis(20);

/// From this many beacons on they are company enough.
const FEW: usize = 256;

/// Events read at once when ids are remembered after a restart.
const PAGE_EVENTS: u64 = 256;

/// While a beacon has waited longer than this for the store, no others are taken: much later its id
/// would be forgotten, and the same beacon could be packed beside it.
const LANDS_WITHIN_MS: i64 = 60_000;

/// First and longest pause before a store that failed is asked again.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Pause before a stream that cannot be read is tried again: it is not likely to mend.
const DAMAGED_PAUSE: Duration = Duration::from_secs(30);

/// What the writers share.
pub(super) struct TrafficShared {
    pub(super) store: SharedStore,
    pub(super) clock: SharedClock,
    /// One memory for all sales, so that one bound holds for the node.
    pub(super) seen: Mutex<SeenBeacons>,
}

/// Beacons of one sale, with their places in the message that brought them.
pub(super) struct Delivery {
    pub(super) beacons: Vec<(usize, Beacon)>,
    pub(super) reply: oneshot::Sender<Taken>,
    /// Held until they are in the log.
    pub(super) ticket: Arc<Ticket>,
}

impl Message for Delivery {
    type Result = ();
}

/// Write everything that was taken.
pub(super) struct Drain {
    pub(super) done: oneshot::Sender<()>,
}

impl Message for Drain {
    type Result = ();
}

/// What became of the beacons of a delivery.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) shed: u64,
    pub(super) out_of_range: Vec<usize>,
}

/// A call that waits until that many events of this actor are written.
struct Asker {
    events: u64,
    since: UnixMs,
    taken: Taken,
    reply: oneshot::Sender<Taken>,
    ticket: Arc<Ticket>,
}

/// Events on their way to the store.
struct Flight {
    traffic: Vec<TrafficRecorded>,
    /// The same bytes however often they are sent, and their place; made anew where another node
    /// has taken it.
    events: Arc<[NewEvent]>,
    pause: Duration,
}

/// The actor of one sale's traffic.
pub(super) struct TrafficWriter {
    stream: StreamName,
    shared: Arc<TrafficShared>,
    writer: Option<Uuid>,
    forming: TrafficBatch,
    full: VecDeque<TrafficRecorded>,
    /// Events that left `forming` so far, and those of them that are in the log.
    formed: u64,
    landed: u64,
    askers: VecDeque<Asker>,
    flight: Option<Flight>,
    next_revision: u64,
    /// What came before the ids of earlier beacons were read from the log; `None` afterwards.
    early: Option<Vec<Delivery>>,
    /// The stream could not be read: what comes is shed, so that it holds no place of other sales.
    damaged: bool,
    gathering: bool,
    draining: Vec<oneshot::Sender<()>>,
}

impl TrafficWriter {
    pub(super) fn new(sale: SaleId, shared: Arc<TrafficShared>) -> Self {
        let writer = shared.store.is_shared().then(clock::new_writer_id);
        Self {
            stream: StreamName::traffic(sale),
            shared,
            writer,
            forming: TrafficBatch::live(),
            full: VecDeque::new(),
            formed: 0,
            landed: 0,
            askers: VecDeque::new(),
            flight: None,
            next_revision: 0,
            early: Some(Vec::new()),
            damaged: false,
            gathering: false,
            draining: Vec::new(),
        }
    }

    /// Reads the ids of the last minutes, however often the store has to be asked.
    fn load(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        let (shared, stream) = (Arc::clone(&self.shared), self.stream);
        let load = async move {
            sleep(pause).await;
            load(&shared, stream).await
        };
        ctx.spawn(load.into_actor(self).map(move |loaded, actor: &mut Self, ctx| match loaded {
            Ok(next_revision) => {
                actor.next_revision = next_revision;
                actor.damaged = false;
                for delivery in actor.early.take().into_iter().flatten() {
                    actor.take(delivery);
                }
                actor.pump(ctx);
            }
            Err(ReadError::Unavailable(error)) => {
                let stream = actor.stream;
                tracing::warn!(%stream, %error, "beacons wait: their stream cannot be read");
                actor.load(next_pause(pause), ctx);
            }
            Err(ReadError::Damaged(error)) => {
                let stream = actor.stream;
                tracing::error!(%stream, %error, "beacons are shed: their stream is damaged");
                actor.damaged = true;
                actor.shed_early();
                actor.load(DAMAGED_PAUSE, ctx);
            }
        }));
    }

    /// Sheds the beacons that wait for the stream to be read. None of them was acknowledged.
    fn shed_early(&mut self) {
        self.early.iter_mut().flat_map(|early| early.drain(..)).for_each(shed);
    }

    fn take(&mut self, delivery: Delivery) {
        let now = self.shared.clock.now();
        if self.askers.front().is_some_and(|oldest| now.since(oldest.since) > LANDS_WITHIN_MS) {
            return shed(delivery);
        }
        let Delivery { beacons, reply, ticket } = delivery;
        let mut taken = Taken::default();
        for (place, beacon) in beacons {
            let arrival = self.shared.seen().arrives(beacon.id, beacon.at, now);
            match arrival {
                Arrival::First => {
                    taken.accepted += 1;
                    self.pack(beacon);
                }
                Arrival::Again => taken.duplicates += 1,
                Arrival::OutOfRange => taken.out_of_range.push(place),
                Arrival::Full => taken.shed += 1,
            }
        }
        // Also a repeat waits: the beacon it repeats may not be in the log yet.
        let events = self.formed + u64::from(!self.forming.is_empty());
        self.askers.push_back(Asker { events, since: now, taken, reply, ticket });
        self.answer();
    }

    fn pack(&mut self, beacon: Beacon) {
        if let Some(beacon) = self.forming.add(beacon) {
            self.form();
            // An empty batch has a place for every beacon.
            let _ = self.forming.add(beacon);
        }
    }

    fn form(&mut self) {
        if let Some(event) = self.forming.take() {
            self.formed += 1;
            self.full.push_back(event);
        }
    }

    /// Sends what waits, unless something is under way or little is there.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        if self.early.is_some() || self.flight.is_some() {
            return;
        }
        let few = self.full.is_empty() && (1..FEW).contains(&self.forming.len());
        if few && self.draining.is_empty() {
            if !mem::replace(&mut self.gathering, true) {
                ctx.run_later(GATHER, |actor, ctx| {
                    actor.gathering = false;
                    actor.form();
                    actor.pump(ctx);
                });
            }
            return;
        }
        self.form();
        if self.full.is_empty() {
            for done in self.draining.drain(..) {
                // The caller may have gone.
                let _ = done.send(());
            }
            return;
        }
        let enough = self.shared.store.limits().bytes_enough;
        let (mut traffic, mut events, mut bytes) = (Vec::new(), Vec::new(), 0);
        while events.len() < EVENTS_PER_APPEND && bytes < enough {
            let Some(event) = self.full.pop_front() else { break };
            let made = self.event(self.next_revision + events.len() as u64, &event);
            bytes += made.data.len();
            events.push(made);
            traffic.push(event);
        }
        self.flight = Some(Flight { traffic, events: events.into(), pause: PAUSE_MIN });
        self.send(Duration::ZERO, ctx);
    }

    fn event(&self, revision: u64, event: &TrafficRecorded) -> NewEvent {
        let stream = self.stream.id;
        let id = Uuid::new_v5(&stream, &revision.to_be_bytes());
        let event = encode(id, event, stream, stream);
        match self.writer {
            Some(writer) => event.by(writer),
            None => event,
        }
    }

    fn send(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        let Some(flight) = &self.flight else { return };
        let (shared, stream) = (Arc::clone(&self.shared), self.stream);
        let expected = Expected::before(self.next_revision);
        let events = Arc::clone(&flight.events);
        let append = async move {
            sleep(pause).await;
            shared.store.append(stream, expected, events).await
        };
        ctx.spawn(append.into_actor(self).map(Self::on_append_result));
    }

    fn on_append_result(
        result: Result<Appended, AppendError>,
        actor: &mut Self,
        ctx: &mut Context<Self>,
    ) {
        match result {
            Ok(appended) => {
                let Some(flight) = actor.flight.take() else { return };
                actor.next_revision = appended.last_revision + 1;
                actor.landed += flight.traffic.len() as u64;
                actor.answer();
                actor.pump(ctx);
            }
            Err(AppendError::Conflict(_)) => actor.go_behind(Duration::ZERO, ctx),
            // The same again, until it is known: what was counted as new must not be lost.
            Err(error @ (AppendError::NotWritten(_) | AppendError::Unknown(_))) => {
                let Some(flight) = &mut actor.flight else { return };
                let pause = flight.pause;
                if pause == PAUSE_MIN {
                    let stream = actor.stream;
                    tracing::warn!(%stream, %error, "beacons were not written; retrying");
                }
                flight.pause = next_pause(pause);
                actor.send(pause, ctx);
            }
        }
    }

    /// Another node wrote to the stream: the same beacons come after what it wrote.
    fn go_behind(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        let (shared, stream) = (Arc::clone(&self.shared), self.stream);
        let last = async move {
            sleep(pause).await;
            shared.store.last_revision(stream).await
        };
        ctx.spawn(last.into_actor(self).map(move |last, actor: &mut Self, ctx| {
            let Ok(last) = last else { return actor.go_behind(next_pause(pause), ctx) };
            actor.next_revision = last.map_or(0, |last| last + 1);
            let Some(mut flight) = actor.flight.take() else { return };
            let places = actor.next_revision..;
            let events =
                places.zip(&flight.traffic).map(|(place, event)| actor.event(place, event));
            flight.events = events.collect();
            actor.flight = Some(flight);
            actor.send(Duration::ZERO, ctx);
        }));
    }

    fn answer(&mut self) {
        while self.askers.front().is_some_and(|asker| asker.events <= self.landed) {
            let Some(Asker { taken, reply, ticket, .. }) = self.askers.pop_front() else { return };
            // The receiver of the answer finds the space free.
            drop(ticket);
            // The caller may have gone; the beacons are in the log nevertheless.
            let _ = reply.send(taken);
        }
    }
}

impl Actor for TrafficWriter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.load(Duration::ZERO, ctx);
    }
}

impl Handler<Delivery> for TrafficWriter {
    type Result = ();

    fn handle(&mut self, delivery: Delivery, ctx: &mut Context<Self>) {
        match &mut self.early {
            Some(_) if self.damaged => shed(delivery),
            Some(early) => early.push(delivery),
            None => {
                self.take(delivery);
                self.pump(ctx);
            }
        }
    }
}

impl Handler<Drain> for TrafficWriter {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) {
        if self.early.is_some() {
            // Nothing was taken, and a stream that cannot be read may never be.
            self.shed_early();
            // Who waited may have gone.
            let _ = drain.done.send(());
            return;
        }
        self.draining.push(drain.done);
        self.pump(ctx);
    }
}

impl TrafficShared {
    fn seen(&self) -> std::sync::MutexGuard<'_, SeenBeacons> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves beacons out that nothing was said of yet.
fn shed(delivery: Delivery) {
    let Delivery { beacons, reply, ticket } = delivery;
    let shed = beacons.len() as u64;
    // The receiver of the answer finds the space free.
    drop(ticket);
    // The caller may have gone.
    let _ = reply.send(Taken { shed, ..Taken::default() });
}

fn next_pause(pause: Duration) -> Duration {
    (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX)
}

/// Remembers the beacons of the last minutes, page by page from the end of the stream, and gives
/// the revision of the next event.
async fn load(shared: &TrafficShared, stream: StreamName) -> Result<u64, ReadError> {
    let next = shared.store.last_revision(stream).await?.map_or(0, |last| last + 1);
    // One that was ahead of the clock when it arrived may still come when it is ten minutes old.
    let window = shared.clock.now().plus(-PAST_MS_MAX - FUTURE_MS_MAX);
    let mut end = next;
    while end > 0 {
        let since = window.max(shared.seen().known_from().plus(-FUTURE_MS_MAX));
        let start = end.saturating_sub(PAGE_EVENTS);
        let mut from = start;
        let mut earliest = UnixMs(i64::MAX);
        while from < end {
            let page = shared.store.read_stream(stream, from, page_events(end - from)).await?;
            let Some(last) = page.last() else { break };
            from = last.revision + 1;
            for recorded in &page {
                let arrived = UnixMs(recorded.recorded_at_ms);
                earliest = earliest.min(arrived);
                if arrived < since {
                    continue;
                }
                let event = decode(recorded).map_err(|error| damaged(&error))?;
                let Event::Traffic(traffic) = event else {
                    return Err(damaged(&"an event of another kind"));
                };
                let beacons = traffic.unpack_beacons().map_err(|problem| damaged(&problem))?;
                let mut seen = shared.seen();
                for beacon in beacons {
                    let at = traffic.from_ms.plus(beacon.after_ms.into());
                    if !beacon.id.is_nil() {
                        seen.remember(beacon.id, at, arrived);
                    }
                }
            }
        }
        if earliest < since {
            break;
        }
        end = start;
    }
    Ok(next)
}

fn page_events(left: u64) -> usize {
    narrow(left)
}

fn damaged(problem: &dyn std::fmt::Display) -> ReadError {
    ReadError::Damaged(problem.to_string())
}
