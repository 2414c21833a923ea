//! The load: orders over one item, as fast as answers come back (closed loop) or at a fixed rate
//! (open loop).
//!
//! It shares the machine with what it measures, so it must be cheap: one thread, request ids from a
//! counter, one histogram. A closed loop hides how long callers would have queued; that is what the
//! open loop is for, where latency counts from the moment a call was meant to be sent.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::{Response, Status};

use super::processor::{ByThread, by_thread};
use crate::{
    crowd::{
        caller::connect,
        channel::Channel,
        figures::passing,
        operator::Token,
        plan::{scatter, uuid_of},
    },
    grpc::{
        proto::{
            PlaceOrderRequest, PlaceOrderResponse, place_order_response,
            purchase_service_client::PurchaseServiceClient,
        },
        routed,
    },
    values::{micros, narrow},
};

/// How long a server may take to be ready for the first order, and the pause between two tries.
const READY_WITHIN: Duration = Duration::from_secs(120);
const NOT_READY_PAUSE: Duration = Duration::from_millis(1);
/// Connections of the cases with many calls in flight.
pub const CONNECTIONS: usize = 8;
/// Longest latency in microseconds that is told apart.
pub(super) const LATENCY_US_MAX: u64 = 60_000_000;
/// Calls of an open loop that may be unanswered; further ones wait, and their wait counts.
const OPEN_IN_FLIGHT_MAX: usize = 10_000;
/// Not counted: connections and caches get warm.
const WARM_UP: Duration = Duration::from_millis(200);
/// How long answers that are still under way may take after the end.
const DRAIN: Duration = Duration::from_secs(30);

/// What an order is answered with.
pub type PlacedAnswer = Result<Response<PlaceOrderResponse>, Status>;

/// The server under load and its hot items.
#[derive(Debug)]
pub struct Target {
    pub url: String,
    token: Token,
    /// At least one.
    items: Vec<String>,
    run: u64,
    commands: AtomicU64,
    /// Its process, where this one has started it.
    process: Option<u32>,
}

impl Target {
    /// `run` makes the request ids of this run different from those of all others.
    pub fn new(url: &str, item_id: String, run: u64) -> Self {
        let commands = AtomicU64::new(1);
        let (url, items) = (url.to_owned(), vec![item_id]);
        let token = Token::default();
        Self { url, token, items, run: scatter(run), commands, process: None }
    }

    /// Orders also go to these items.
    pub fn and(mut self, others: impl Iterator<Item = String>) -> Self {
        self.items.extend(others);
        self
    }

    /// The same server, which asks for that token.
    pub fn with_token(mut self, token: &Token) -> Self {
        self.token = token.clone();
        self
    }

    /// The same server, which runs in this process.
    pub fn in_process(mut self, process: Option<u32>) -> Self {
        self.process = process;
        self
    }

    /// Orders sent so far, and the processor time that the server took.
    pub fn spent(&self) -> (u64, ByThread) {
        let sent = self.commands.load(Ordering::Relaxed);
        (sent, self.process.map(by_thread).unwrap_or_default())
    }

    /// The next order: one unit of the items in turns, for a new buyer.
    pub fn command(&self) -> PlaceOrderRequest {
        let number = self.next_number();
        self.numbered(number, self.item(number))
    }

    /// The next order of a stream, which stays with one item: answers for one item come in order.
    pub fn command_of_stream(&self, stream: u64) -> PlaceOrderRequest {
        self.numbered(self.next_number(), self.item(stream))
    }

    /// The items in turns.
    pub fn item(&self, turn: u64) -> &str {
        &self.items[narrow(turn % self.items.len() as u64)]
    }

    fn next_number(&self) -> u64 {
        self.commands.fetch_add(1, Ordering::Relaxed)
    }

    fn numbered(&self, number: u64, item_id: &str) -> PlaceOrderRequest {
        PlaceOrderRequest {
            request_id: uuid_of(self.run, number).to_string(),
            item_id: item_id.to_owned(),
            buyer: format!("buyer-{number}"),
            units: 1,
            channel: String::new(),
            ..Default::default()
        }
    }

    /// Places one order, again while a server that has just started is not ready. A refusal is an error.
    pub async fn place_one(&self, client: &PurchaseServiceClient<Channel>) -> anyhow::Result<()> {
        let (command, until) = (self.command(), Instant::now() + READY_WITHIN);
        let answer = loop {
            match client.clone().place_order(routed(command.clone())).await {
                Err(status) if passing(&status) && Instant::now() < until => {
                    sleep(NOT_READY_PAUSE).await;
                }
                answer => break answer?.into_inner(),
            }
        };
        match answer.outcome {
            Some(place_order_response::Outcome::Order(_)) => Ok(()),
            other => anyhow::bail!("the order was answered with {other:?}"),
        }
    }

    /// Opens connections to it.
    pub async fn clients(
        &self,
        connections: usize,
    ) -> Result<Vec<PurchaseServiceClient<Channel>>, tonic::transport::Error> {
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            clients.push(PurchaseServiceClient::new(connect(&self.url, &self.token).await?));
        }
        Ok(clients)
    }
}

/// What one measurement gave.
#[derive(Debug)]
pub struct Measured {
    /// Orders answered yes in the measured time, by second.
    pub per_second: f64,
    /// Microseconds from sending a command to its answer.
    pub latency_us: Histogram<u64>,
    /// Answers that were no order: refusals and faults.
    pub failures: u64,
    /// The last of them, for people.
    pub failure: Option<String>,
    /// The longest time in which no order was answered.
    pub silence: Duration,
}

/// What was counted so far, between the warm-up and the end.
#[derive(Debug)]
pub struct Counting {
    /// Counting starts here.
    pub from: Instant,
    /// No command is sent and no answer is counted after this.
    pub until: Instant,
    counted: Mutex<LoadCounts>,
}

#[derive(Debug)]
struct LoadCounts {
    orders: u64,
    latency_us: Histogram<u64>,
    failures: u64,
    failure: Option<String>,
    last: Instant,
    silence: Duration,
}

impl Counting {
    /// Counts for `duration` after a warm-up that starts now.
    pub fn new(duration: Duration) -> Result<Arc<Self>, hdrhistogram::CreationError> {
        Self::after(WARM_UP, duration)
    }

    /// The same after a warm-up that takes so long.
    pub fn after(
        warm_up: Duration,
        duration: Duration,
    ) -> Result<Arc<Self>, hdrhistogram::CreationError> {
        let from = Instant::now() + warm_up;
        let counted = Mutex::new(LoadCounts {
            orders: 0,
            latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?,
            failures: 0,
            failure: None,
            last: from,
            silence: Duration::ZERO,
        });
        Ok(Arc::new(Self { from, until: from + duration, counted }))
    }

    /// Counts an answer that came at `now` to a command of `sent`.
    pub fn answered(&self, sent: Instant, now: Instant, answer: &PlaceOrderResponse) {
        if !matches!(answer.outcome, Some(place_order_response::Outcome::Order(_))) {
            return self.failed(|| format!("{:?}", answer.outcome));
        }
        if now < self.from || now > self.until {
            return;
        }
        let latency_us = micros(now - sent);
        let mut counted = self.counted();
        counted.orders += 1;
        counted.silence = counted.silence.max(now - counted.last);
        counted.last = now;
        counted.latency_us.saturating_record(latency_us);
    }

    /// Counts an answer that was no order, whenever it came.
    pub fn failed(&self, why: impl FnOnce() -> String) {
        let mut counted = self.counted();
        counted.failures += 1;
        counted.failure = Some(why());
    }

    /// The result, once everything has stopped.
    pub fn measured(&self) -> Measured {
        let counted = self.counted();
        let seconds = (self.until - self.from).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let per_second = counted.orders as f64 / seconds;
        Measured {
            per_second,
            latency_us: counted.latency_us.clone(),
            failures: counted.failures,
            failure: counted.failure.clone(),
            silence: counted.silence.max(self.until - counted.last),
        }
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, LoadCounts> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unary calls, always `in_flight` of them at once.
pub async fn unary(
    target: &Arc<Target>,
    in_flight: usize,
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Measured> {
    unary_over(target, in_flight, connections, Counting::new(duration)?).await
}

/// The same, counted by what is given.
pub async fn unary_over(
    target: &Arc<Target>,
    in_flight: usize,
    connections: usize,
    counting: Arc<Counting>,
) -> anyhow::Result<Measured> {
    let clients = target.clients(connections).await?;
    let mut callers = JoinSet::new();
    for (_, client) in (0..in_flight).zip(clients.iter().cycle()) {
        let (mut client, target, counting) =
            (client.clone(), Arc::clone(target), Arc::clone(&counting));
        callers.spawn(async move {
            let mut sent = Instant::now();
            while sent < counting.until {
                let answered = client.place_order(routed(target.command())).await;
                let now = Instant::now();
                match answered {
                    Ok(answer) => counting.answered(sent, now, answer.get_ref()),
                    Err(status) => counting.failed(|| status.to_string()),
                }
                sent = now;
            }
        });
    }
    finish(callers).await?;
    Ok(counting.measured())
}

/// Calls at a fixed rate.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    per_second: u32,
    /// The first call is due here.
    start: Instant,
    /// The measured time starts here.
    from: Instant,
    /// It ends here, and no call is due later.
    until: Instant,
}

/// A call of a schedule that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub due: Instant,
    pub sent: Instant,
    pub answered: Instant,
    /// It was due in the measured time.
    pub due_in_time: bool,
    /// It was sent in the measured time.
    pub sent_in_time: bool,
    /// It was answered in the measured time.
    pub answered_in_time: bool,
}

impl Schedule {
    /// For `duration` after a warm-up that starts now.
    pub fn from_now(per_second: u32, warm_up: Duration, duration: Duration) -> Self {
        let start = Instant::now();
        let from = start + warm_up;
        Self { per_second, start, from, until: from + duration }
    }

    /// When the n-th call is due; none after the end.
    fn due(&self, nth: u64) -> Option<Instant> {
        let after = Duration::from_nanos(nth * 1_000_000_000 / u64::from(self.per_second.max(1)));
        Some(self.start + after).filter(|due| *due <= self.until)
    }
}

/// Unary calls at `rate` a second; latency counts from the moment that a call was due.
pub async fn open_loop(
    target: &Arc<Target>,
    rate: u32,
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Measured> {
    let counting = Counting::new(duration)?;
    let schedule = Schedule::from_now(rate, WARM_UP, duration);
    let counted = Arc::clone(&counting);
    let keep = move |call: Call, answer: PlacedAnswer| match answer {
        Ok(answer) => counted.answered(call.due, call.answered, answer.get_ref()),
        Err(status) => counted.failed(|| status.to_string()),
    };
    at_rate(target, &schedule, (connections, OPEN_IN_FLIGHT_MAX), keep).await?;
    Ok(counting.measured())
}

/// Unary calls that are sent when they are due whether or not others were answered; `keep` gets each
/// answer.
pub async fn at_rate(
    target: &Arc<Target>,
    schedule: &Schedule,
    (connections, in_flight_max): (usize, usize),
    keep: impl Fn(Call, PlacedAnswer) + Clone + Send + 'static,
) -> anyhow::Result<()> {
    let clients = target.clients(connections).await?;
    let mut callers = JoinSet::new();
    for (nth, client) in (0_u64..).zip(clients.iter().cycle()) {
        let Some(due) = schedule.due(nth) else { break };
        // Behind time, this does not wait: the due calls go out in a burst, as they would have.
        tokio::time::sleep_until(due).await;
        while callers.len() >= in_flight_max {
            callers.join_next().await.transpose()?;
        }
        while let Some(ended) = callers.try_join_next() {
            ended?;
        }
        let (mut client, target, keep) = (client.clone(), Arc::clone(target), keep.clone());
        let (due_in_time, Schedule { from, until, .. }) = (due >= schedule.from, *schedule);
        callers.spawn(async move {
            let sent = Instant::now();
            let answer = client.place_order(routed(target.command())).await;
            let answered = Instant::now();
            let [sent_in_time, answered_in_time] =
                [sent, answered].map(|moment| (from..=until).contains(&moment));
            let call = Call { due, sent, answered, due_in_time, sent_in_time, answered_in_time };
            keep(call, answer);
        });
    }
    finish(callers).await
}

/// Waits until all have ended. What a server does not answer in time is cut off with its caller.
pub async fn finish(mut callers: JoinSet<()>) -> anyhow::Result<()> {
    let ended = async {
        while let Some(ended) = callers.join_next().await {
            ended?;
        }
        Ok(())
    };
    tokio::time::timeout(DRAIN, ended).await?
}
