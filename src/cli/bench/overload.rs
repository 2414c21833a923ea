//! `bench --overload`: orders at a multiple of what the server can take.
//!
//! Two situations, each on a server of its own. `processor`: nothing limits the server but the
//! processor, which the load shares. `disk`: each commit takes 200 ms longer and few orders may wait,
//! so the server could take more than its disk can.
//!
//! Each round first measures the peak, with as many callers as keep the server busy, then sends orders
//! at multiples of it when they are due, whether or not others were answered. Afterwards the item must
//! hold exactly the orders that were acknowledged.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use comfy_table::{CellAlignment, Table, presets};
use hdrhistogram::{AdditionError, CreationError, Histogram};
use serde::Serialize;
use serde_json::{Value, json};
use tonic::Code;

use super::{
    arguments::Args,
    figures::median,
    load::{Call, Counting, LATENCY_US_MAX, PlacedAnswer, Schedule, Target, at_rate, unary_over},
    processor::resident_bytes,
    server::OwnServer,
};
use crate::{
    cli::Common,
    crowd::{
        caller::connect,
        channel::Channel,
        operator::Token,
        summary::{ms, rounded},
    },
    grpc::{
        proto::{
            GetItemRequest, item_service_client::ItemServiceClient, place_order_response::Outcome,
        },
        routed,
    },
    store::embedded::SYNC_DELAY_US,
    values::micros,
};

/// Orders sent, by those the server can take.
const TIMES: [u32; 3] = [1, 2, 5];
/// Enough that no connection holds calls back which the server would refuse.
const CONNECTIONS: usize = 64;
/// Calls that may be unanswered; further ones wait, and are late.
const IN_FLIGHT_MAX: usize = 60_000;
/// How often the server's memory is looked at.
const MEMORY_EVERY: Duration = Duration::from_millis(50);

/// A server, and how it is brought to its limit.
struct Situation {
    name: &'static str,
    /// Settings of the server.
    variables: &'static [(&'static str, &'static str)],
    /// Callers that keep the server busy without being refused.
    callers: usize,
    /// Longer than an order takes.
    warm_up: Duration,
    /// Measured time by that of `--seconds`: many commits.
    longer: u32,
}

const SITUATIONS: [Situation; 2] = [
    Situation {
        name: "processor",
        variables: &[],
        callers: 512,
        warm_up: Duration::from_secs(1),
        longer: 1,
    },
    Situation {
        name: "disk",
        // What limits it is the number of orders.
        variables: &[
            (SYNC_DELAY_US, "200000"),
            ("DOORBUSTER_WAITING_MAX", "1024"),
            ("DOORBUSTER_ORDER_WAIT_MS", "10000"),
        ],
        callers: 1_000,
        warm_up: Duration::from_secs(2),
        longer: 5,
    },
];

/// Orders at one multiple of the peak: medians over the rounds, latencies of all rounds together, from
/// sending to the answer. The names are an interface: scripts read them.
#[derive(Debug, Serialize)]
pub(super) struct OverloadFigures {
    situation: &'static str,
    times: u32,
    peak_per_second: f64,
    sent_per_second: f64,
    orders_per_second: f64,
    refused_per_second: f64,
    /// Orders by the peak of the same round.
    goodput: f64,
    goodput_min: f64,
    goodput_max: f64,
    order_p50_ms: f64,
    order_p99_ms: f64,
    refusal_p50_ms: f64,
    refusal_p99_ms: f64,
    /// How much later than due calls were sent: the load could not keep up.
    late_p99_ms: f64,
    /// How much more memory than before the load the server took at most, MiB. It keeps what it sells.
    more_memory_mib: f64,
}

/// What came of the calls of one measurement.
struct Seen {
    /// Sent in the measured time.
    sent: u64,
    /// Answered in the measured time.
    orders: u64,
    refused: u64,
    /// All orders acknowledged, also of the warm-up.
    acknowledged: i64,
    /// The last answer that was neither.
    fault: Option<String>,
    latencies: Latencies,
}

/// Microseconds, of the calls that were due in the measured time.
struct Latencies {
    order: Histogram<u64>,
    refusal: Histogram<u64>,
    late: Histogram<u64>,
}

/// Places in the figures of a round: four rates by second, and orders by peak.
const PEAK: usize = 0;
const SENT: usize = 1;
const ORDERS: usize = 2;
const REFUSED: usize = 3;
const GOODPUT: usize = 4;

/// The rounds of one multiple.
struct Rounds {
    times: u32,
    figures: Vec<[f64; 5]>,
    latencies: Latencies,
    more_memory_bytes: u64,
}

/// Measures both situations, each on a server that is started and stopped.
pub(super) async fn measure(args: &Args, common: &Common) -> anyhow::Result<Vec<OverloadFigures>> {
    let mut all = Vec::new();
    for situation in &SITUATIONS {
        all.extend(on(situation, args, common).await?);
    }
    Ok(all)
}

async fn on(
    situation: &Situation,
    args: &Args,
    common: &Common,
) -> anyhow::Result<Vec<OverloadFigures>> {
    let name = situation.name;
    let data = args.data.as_deref().map(|data| data.join(name));
    let own = OwnServer::start(data.as_deref(), situation.variables, common)?;
    let mut hot = own.put_up(args).await?;
    let mut items = ItemServiceClient::new(connect(own.server.url(), &Token::default()).await?);
    let duration = situation.longer * Duration::from_secs(args.seconds.into());
    let mut all = TIMES.into_iter().map(Rounds::new).collect::<Result<Vec<_>, _>>()?;
    for round in 0..args.rounds {
        common.note(format_args!("{name} round {} of {}", round + 1, args.rounds));
        let counting = Counting::after(situation.warm_up, duration)?;
        let peak = unary_over(&hot.target, situation.callers, CONNECTIONS, counting).await?;
        ensure!(peak.failures == 0, "{name}: without overload: {:?}", peak.failure);
        hot.catch_up().await?;
        for rounds in &mut all {
            let before = held(&mut items, &hot.target).await?;
            let rate = peak.per_second * f64::from(rounds.times);
            let load = overload(&hot.target, rate, situation.warm_up, duration);
            let (seen, more_memory_bytes) = with_memory(own.server.process(), load).await?;
            let held = held(&mut items, &hot.target).await? - before;
            let acknowledged = seen.acknowledged;
            ensure!(seen.fault.is_none(), "{name}: neither order nor refusal: {:?}", seen.fault);
            ensure!(
                held == acknowledged,
                "{name}: {acknowledged} orders were acknowledged, {held} are held"
            );
            rounds.keep(&seen, peak.per_second, duration, more_memory_bytes)?;
            hot.catch_up().await?;
        }
    }
    Ok(all.iter().map(|rounds| rounds.figures(name)).collect())
}

/// Units that buyers hold.
async fn held(items: &mut ItemServiceClient<Channel>, target: &Target) -> anyhow::Result<i64> {
    let asked = GetItemRequest { item_id: target.item(0).to_owned() };
    let item = items.get_item(routed(asked)).await?.into_inner().item;
    Ok(item.context("the answer has no item")?.held_units)
}

/// Sends so many orders a second, whatever becomes of those before.
async fn overload(
    target: &Arc<Target>,
    rate: f64,
    warm_up: Duration,
    duration: Duration,
) -> anyhow::Result<Seen> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
    let rate = rate.round().max(1.0) as u32;
    let seen = Arc::new(Mutex::new(Seen::new()?));
    let schedule = Schedule::from_now(rate, warm_up, duration);
    let keeping = Arc::clone(&seen);
    let keep = move |call: Call, answer: PlacedAnswer| {
        let mut seen = keeping.lock().unwrap_or_else(PoisonError::into_inner);
        seen.answered(&call, answer);
    };
    at_rate(target, &schedule, (CONNECTIONS, IN_FLIGHT_MAX), keep).await?;
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::replace(&mut *seen, Seen::new()?))
}

/// Runs a load, and looks meanwhile how much more memory the server takes at most.
async fn with_memory<T>(
    process: u32,
    load: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, u64)> {
    let resident = || resident_bytes(process).unwrap_or(0);
    let (before, mut most) = (resident(), 0);
    let mut load = std::pin::pin!(load);
    loop {
        most = resident().max(most);
        if let Ok(done) = tokio::time::timeout(MEMORY_EVERY, &mut load).await {
            return Ok((done?, most.saturating_sub(before)));
        }
    }
}

impl Latencies {
    fn new() -> Result<Self, CreationError> {
        let none = || Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        Ok(Self { order: none()?, refusal: none()?, late: none()? })
    }
}

impl Seen {
    fn new() -> Result<Self, CreationError> {
        let latencies = Latencies::new()?;
        Ok(Self { sent: 0, orders: 0, refused: 0, acknowledged: 0, fault: None, latencies })
    }

    fn answered(&mut self, call: &Call, answer: PlacedAnswer) {
        let latency = micros(call.answered - call.sent);
        let order = match answer.map(|answer| answer.into_inner().outcome) {
            Ok(Some(Outcome::Order(_))) => true,
            Err(status) if status.code() == Code::ResourceExhausted => false,
            other => {
                self.fault = Some(format!("{other:?}"));
                return;
            }
        };
        self.acknowledged += i64::from(order);
        let (count, latencies) = match order {
            true => (&mut self.orders, &mut self.latencies.order),
            false => (&mut self.refused, &mut self.latencies.refusal),
        };
        *count += u64::from(call.answered_in_time);
        self.sent += u64::from(call.sent_in_time);
        if call.due_in_time {
            latencies.saturating_record(latency);
            self.latencies.late.saturating_record(micros(call.sent - call.due));
        }
    }
}

impl Rounds {
    fn new(times: u32) -> Result<Self, CreationError> {
        let latencies = Latencies::new()?;
        Ok(Self { times, figures: Vec::new(), latencies, more_memory_bytes: 0 })
    }

    fn keep(
        &mut self,
        seen: &Seen,
        peak: f64,
        duration: Duration,
        more_memory_bytes: u64,
    ) -> Result<(), AdditionError> {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = |count: u64| count as f64 / duration.as_secs_f64();
        let orders = rate(seen.orders);
        self.figures.push([peak, rate(seen.sent), orders, rate(seen.refused), orders / peak]);
        self.latencies.order.add(&seen.latencies.order)?;
        self.latencies.refusal.add(&seen.latencies.refusal)?;
        self.latencies.late.add(&seen.latencies.late)?;
        self.more_memory_bytes = self.more_memory_bytes.max(more_memory_bytes);
        Ok(())
    }

    fn figures(&self, situation: &'static str) -> OverloadFigures {
        let of = |nth: usize| self.figures.iter().map(move |round| round[nth]);
        let middle = |nth| rounded(median(of(nth).collect()));
        let at = |latencies: &Histogram<u64>, quantile| ms(latencies.value_at_quantile(quantile));
        let Latencies { order, refusal, late } = &self.latencies;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let more_memory_mib = rounded(self.more_memory_bytes as f64 / f64::from(1 << 20));
        OverloadFigures {
            situation,
            times: self.times,
            peak_per_second: middle(PEAK),
            sent_per_second: middle(SENT),
            orders_per_second: middle(ORDERS),
            refused_per_second: middle(REFUSED),
            goodput: middle(GOODPUT),
            goodput_min: rounded(of(GOODPUT).fold(f64::INFINITY, f64::min)),
            goodput_max: rounded(of(GOODPUT).fold(0.0, f64::max)),
            order_p50_ms: at(order, 0.50),
            order_p99_ms: at(order, 0.99),
            refusal_p50_ms: at(refusal, 0.50),
            refusal_p99_ms: at(refusal, 0.99),
            late_p99_ms: at(late, 0.99),
            more_memory_mib,
        }
    }
}

/// The figures for people.
pub(super) fn table(all: &[OverloadFigures]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "situation",
        "times",
        "peak/s",
        "sent/s",
        "orders/s",
        "refused/s",
        "goodput",
        "min",
        "max",
        "order p50",
        "p99 ms",
        "refusal p50",
        "p99 ms",
        "late p99",
        "MiB more",
    ]);
    for figures in all {
        let mut row = vec![figures.situation.to_owned(), figures.times.to_string()];
        row.extend(
            [
                figures.peak_per_second,
                figures.sent_per_second,
                figures.orders_per_second,
                figures.refused_per_second,
            ]
            .map(|rate| format!("{rate:.0}")),
        );
        row.extend(
            [
                figures.goodput,
                figures.goodput_min,
                figures.goodput_max,
                figures.order_p50_ms,
                figures.order_p99_ms,
                figures.refusal_p50_ms,
                figures.refusal_p99_ms,
                figures.late_p99_ms,
            ]
            .map(|figure| format!("{figure:.2}")),
        );
        row.push(format!("{:.0}", figures.more_memory_mib));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!(
        "orders sent at multiples of the peak, each acknowledged one held\n{}",
        table.trim_fmt()
    )
}

/// The figures for programs.
pub(super) fn json(all: &[OverloadFigures]) -> Value {
    json!({ "overload": all })
}
