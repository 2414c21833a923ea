//! Carries a plan out: sends the crowd over gRPC and writes every answer into the journal.
//!
//! The number of calls in flight is bounded; a shopper whose turn has not come waits outside, as
//! a task that was not started yet, so that a million shoppers do not cost a million tasks.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinError, JoinSet},
    time::Instant,
};
use tonic::Status;
use uuid::Uuid;

use super::{
    browsing::browsing,
    caller::Caller,
    chaos::SlowPayments,
    deals::COUPON_CODE,
    journal::Journal,
    plan::{CrowdPlan, Purpose, Repeat, Shopper, request_id},
    recording::{RecordedItem, Recording},
    sale::{OnSale, timestamp},
    summary::BeaconTotals,
};
use crate::{
    clock::{Clock, WallClock},
    grpc::proto::{
        Beacon, CouponChoice, Order, PlaceOrderRequest, RecordPaymentRequest, RecordTrafficRequest,
        RecordTrafficResponse,
    },
    values::{micros, millis, shopper_hash, short},
};

/// Calls in flight at most.
pub const IN_FLIGHT_MAX: usize = 512;

/// Patient shoppers give up this long after the last arrival, in times to pay. Unpaid units come
/// back after one; their next buyer may not pay either.
const PATIENCE_IN_TIMES_TO_PAY: u32 = 20;
/// Beacons in one message, and messages in one call.
const BEACONS_PER_MESSAGE: usize = 500;
const MESSAGES_PER_CALL: usize = 16;
const CHANNEL_OF_RECORDED: &str = "recorded";
const CHANNEL_OF_LATE: &str = "app";

/// Why a crowd could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error("a shopper's task failed: {0}")]
    Task(#[from] JoinError),
    #[error("the start signal was dropped")]
    Gate(#[from] AcquireError),
}

/// Everything that shoppers share: the way in, the items, the journal.
pub struct Crowd {
    seed: u64,
    caller: Caller,
    items: Vec<OnSale>,
    journal: Mutex<Journal>,
    gate: Arc<Semaphore>,
    /// Becomes true for an item when every unit of it is paid.
    sold: Vec<watch::Sender<bool>>,
}

impl Crowd {
    /// A crowd in front of a sale that is up. `seed` goes into the request ids.
    pub fn new(
        seed: u64,
        caller: Caller,
        items: Vec<OnSale>,
    ) -> Result<Arc<Self>, hdrhistogram::CreationError> {
        let journal = Mutex::new(Journal::new(items.len())?);
        let sold = items.iter().map(|_| watch::Sender::new(false)).collect();
        let gate = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        Ok(Arc::new(Self { seed, caller, items, journal, gate, sold }))
    }

    /// The journal, also while the crowd is under way.
    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        // The journal is only added to; a panic elsewhere leaves it whole.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls that were sent again because a fault came back.
    pub fn tried_again(&self) -> u64 {
        self.caller.tried_again()
    }

    /// Sends the beacons of all visitors before the opening, which is now. A call that fails after
    /// all attempts loses its beacons but does not end the crowd.
    pub async fn browse(&self, plan: &CrowdPlan) -> BeaconTotals {
        let item_ids: Vec<String> = self.items.iter().map(|item| item.item_id.clone()).collect();
        // Different for each sale, whose items have ids of their own.
        let run = item_ids.first().map_or(0, |id| shopper_hash(id));
        let now = WallClock.now();
        let mut totals = BeaconTotals::default();
        let mut visitor = String::new();
        let mut steps = browsing(plan, &item_ids, run).peekable();
        while steps.peek().is_some() {
            let mut call = Vec::with_capacity(MESSAGES_PER_CALL);
            while call.len() < MESSAGES_PER_CALL && steps.peek().is_some() {
                let beacons = steps.by_ref().take(BEACONS_PER_MESSAGE).map(|step| {
                    if step.beacon.visitor != visitor {
                        step.beacon.visitor.clone_into(&mut visitor);
                        totals.visitors += 1;
                    }
                    let at = now.plus(-i64::from(step.before_ms));
                    Beacon { time: Some(timestamp(at)), ..step.beacon }
                });
                call.push(RecordTrafficRequest { beacons: beacons.collect() });
            }
            totals.sent += call.iter().map(|message| message.beacons.len() as u64).sum::<u64>();
            match self.caller.record(&call).await {
                Ok(answer) => add(&mut totals, &answer),
                Err(status) => tracing::warn!(code = ?status.code(), "beacons were not accepted"),
            }
        }
        totals
    }

    /// Sends a simulated crowd; returns when the last shopper has left.
    pub async fn simulate(self: Arc<Self>, plan: Arc<CrowdPlan>) -> Result<(), DriveError> {
        let start = Instant::now();
        let last = plan.shoppers.last().map_or(0, |shopper| shopper.arrives_ms);
        let patience_ms = last + PATIENCE_IN_TIMES_TO_PAY * plan.time_to_pay_ms;
        let times = Times {
            start,
            until: start + Duration::from_millis(patience_ms.into()),
            slow_payments: plan.slow_payments,
        };
        let mut visits = JoinSet::new();
        for shopper in &plan.shoppers {
            tokio::time::sleep_until(start + ms(shopper.arrives_ms)).await;
            let permit = Arc::clone(&self.gate).acquire_owned().await?;
            visits.spawn(visit(Arc::clone(&self), *shopper, permit, times));
            reap(&mut visits)?;
        }
        finish(visits).await
    }

    /// Plays a recording `speed` times as fast as it was; returns when the last order is paid.
    pub async fn play(
        self: Arc<Self>,
        recording: Arc<Recording>,
        speed: u32,
    ) -> Result<(), DriveError> {
        let start = Instant::now();
        let mut queues = JoinSet::new();
        let mut first = 0;
        for (item, recorded) in recording.items.iter().enumerate() {
            queues.spawn(Arc::clone(&self).play_item(item, first, recorded.clone(), start, speed));
            first += short(recorded.buys.len());
            reap(&mut queues)?;
        }
        finish(queues).await
    }

    /// The purchases of one item, one after the other: their order is the recording's.
    async fn play_item(
        self: Arc<Self>,
        item: usize,
        first: u32,
        recorded: RecordedItem,
        start: Instant,
        speed: u32,
    ) -> Result<(), DriveError> {
        for (number, buy) in (first..).zip(&recorded.buys) {
            let after_ms = buy.after_seconds.saturating_mul(1_000) / u64::from(speed.max(1));
            tokio::time::sleep_until(start + Duration::from_millis(after_ms)).await;
            let permit = self.gate.acquire().await?;
            let wish = Wish {
                item,
                number,
                buyer: format!("user-{}", buy.user),
                units: 1,
                code: None,
                channel: CHANNEL_OF_RECORDED,
            };
            let request = request_id(self.seed, Purpose::Order, number, 0);
            if let Some(order) = self.place(&wish, request, 0).await {
                self.pay(&wish, request, 0, order).await;
            }
            drop(permit);
        }
        Ok(())
    }

    /// Orders with a coupon and pays after the crowd has left, as the `nth` of those who come then; the
    /// order if it is paid. The same request ids as those of the crowd would be, if it were larger.
    pub async fn buy_late(&self, nth: u32, item: usize, units: i64) -> Option<Order> {
        let (number, buyer) = (u32::MAX - nth, format!("late-{nth}"));
        let code = Some(COUPON_CODE);
        let wish = Wish { item, number, buyer, units, code, channel: CHANNEL_OF_LATE };
        let request = request_id(self.seed, Purpose::Order, number, 0);
        let order = self.place(&wish, request, 0).await?;
        self.pay(&wish, request, 0, order.clone()).await.then_some(order)
    }

    async fn place(&self, wish: &Wish, request: Uuid, lane: usize) -> Option<Order> {
        let command = PlaceOrderRequest {
            request_id: request.to_string(),
            item_id: self.items.get(wish.item)?.item_id.clone(),
            buyer: wish.buyer.clone(),
            units: wish.units,
            channel: wish.channel.to_owned(),
            coupon: wish
                .code
                .map(|code| CouponChoice { code: code.to_owned(), ..CouponChoice::default() }),
            ..Default::default()
        };
        let sent = Instant::now();
        let answer = self.caller.place(wish.lane(lane), &command).await;
        let latency_us = micros(sent.elapsed());
        match answer {
            Ok(answer) => self.journal().ordered(wish.item, request, answer, latency_us),
            Err(status) => {
                self.fault(&status, true);
                None
            }
        }
    }

    async fn pay(&self, wish: &Wish, order_request: Uuid, nth: u16, order: Order) -> bool {
        let request = request_id(self.seed, Purpose::Payment, wish.number, nth);
        let command = RecordPaymentRequest {
            request_id: request.to_string(),
            item_id: order.item_id,
            order_id: order.order_id,
            payment_reference: format!("payment-{request}"),
            amount: order.total,
        };
        let answer = match self.caller.pay(wish.lane(0), &command).await {
            Ok(answer) => answer,
            Err(status) => {
                self.fault(&status, false);
                return false;
            }
        };
        let mut journal = self.journal();
        let paid = journal.paid(order_request, answer);
        let units = journal.paid_by_item().get(wish.item).copied().unwrap_or(0);
        drop(journal);
        if let (Some(sold), Some(item)) = (self.sold.get(wish.item), self.items.get(wish.item))
            && units >= item.units
        {
            sold.send_replace(true);
        }
        paid
    }

    fn fault(&self, status: &Status, order: bool) {
        tracing::warn!(code = ?status.code(), message = status.message(), "a call failed");
        self.journal().failed(status.code(), order);
    }
}

/// The orders of a crowd.
struct Wish {
    item: usize,
    number: u32,
    buyer: String,
    units: i64,
    /// Of a batch of coupons.
    code: Option<&'static str>,
    channel: &'static str,
}

impl Wish {
    /// Spreads shoppers over connections; `other` takes another one than the first call took.
    fn lane(&self, other: usize) -> usize {
        usize::try_from(self.number).unwrap_or(0).wrapping_add(other)
    }
}

/// When it all began, when the patient give up, and when payments arrive late.
#[derive(Debug, Clone, Copy)]
struct Times {
    start: Instant,
    until: Instant,
    slow_payments: Option<SlowPayments>,
}

impl Times {
    /// How much later a payment arrives that is sent now.
    fn payment_delay(self, shopper: u32) -> Duration {
        let at_ms = millis(self.start.elapsed()).cast_unsigned();
        ms(self.slow_payments.map_or(0, |slow| slow.delay_ms(at_ms, shopper)))
    }
}

/// One shopper from arrival to leaving. The permit is held only while calls are in flight.
async fn visit(
    crowd: Arc<Crowd>,
    shopper: Shopper,
    permit: OwnedSemaphorePermit,
    times: Times,
) -> Result<(), DriveError> {
    let wish = Wish {
        item: shopper.item,
        number: shopper.number,
        buyer: shopper.buyer(),
        units: 1,
        code: None,
        channel: shopper.channel,
    };
    let mut permit = permit;
    let mut nth = 0;
    loop {
        let won = if nth == 0 {
            first_try(&crowd, &shopper, &wish, &mut nth).await
        } else {
            let request = request_id(crowd.seed, Purpose::Order, wish.number, nth);
            crowd.place(&wish, request, 0).await.map(|order| (request, order))
        };
        drop(permit);
        if let Some((request, order)) = won {
            let Some(pays_after_ms) = shopper.pays_after_ms else { return Ok(()) };
            tokio::time::sleep(ms(pays_after_ms)).await;
            tokio::time::sleep(times.payment_delay(shopper.number)).await;
            let _permit = crowd.gate.acquire().await?;
            if crowd.pay(&wish, request, nth, order).await {
                return Ok(());
            }
        }
        let Some(returns_after_ms) = shopper.returns_after_ms else { return Ok(()) };
        if !worth_returning(&crowd, shopper.item, ms(returns_after_ms), times.until).await {
            return Ok(());
        }
        nth = nth.saturating_add(1);
        permit = Arc::clone(&crowd.gate).acquire_owned().await?;
    }
}

/// The first order with everything that goes wrong around it: double clicks, lost answers, greed.
/// `nth` is left at the request that won, or at the last one.
async fn first_try(
    crowd: &Crowd,
    shopper: &Shopper,
    wish: &Wish,
    nth: &mut u16,
) -> Option<(Uuid, Order)> {
    let request = request_id(crowd.seed, Purpose::Order, wish.number, 0);
    let mut order = match shopper.repeat {
        Repeat::Never => crowd.place(wish, request, 0).await,
        Repeat::AtOnce => {
            let (one, other) =
                tokio::join!(crowd.place(wish, request, 0), crowd.place(wish, request, 1));
            one.or(other)
        }
        Repeat::AfterAnswer => {
            let answered = crowd.place(wish, request, 0).await;
            crowd.place(wish, request, 1).await.or(answered)
        }
    }
    .map(|order| (request, order));
    if shopper.greedy {
        let another = request_id(crowd.seed, Purpose::Order, wish.number, 1);
        let second = crowd.place(wish, another, 0).await;
        // Under a limit of one the second can only win where the first did not.
        if order.is_none() {
            order = second.map(|order| (another, order));
        }
        *nth = 1;
    }
    order
}

/// Waits until the shopper wants to try again; false if all units are paid or patience has ended.
async fn worth_returning(crowd: &Crowd, item: usize, after: Duration, until: Instant) -> bool {
    let Some(sold) = crowd.sold.get(item) else { return false };
    let mut sold = sold.subscribe();
    tokio::select! {
        _ = sold.wait_for(|sold| *sold) => false,
        () = tokio::time::sleep(after) => Instant::now() < until,
    }
}

fn add(totals: &mut BeaconTotals, answer: &RecordTrafficResponse) {
    let count = |beacons: i64| u64::try_from(beacons).unwrap_or(0);
    totals.accepted += count(answer.accepted);
    totals.duplicates += count(answer.duplicates);
    totals.shed += count(answer.shed);
    totals.refused += answer.refused.iter().map(|refused| count(refused.beacons)).sum::<u64>();
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

/// Collects tasks that have ended, so that a failure is noticed early.
fn reap(tasks: &mut JoinSet<Result<(), DriveError>>) -> Result<(), DriveError> {
    while let Some(ended) = tasks.try_join_next() {
        ended??;
    }
    Ok(())
}

async fn finish(mut tasks: JoinSet<Result<(), DriveError>>) -> Result<(), DriveError> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
