//! `doorbuster crowd`: sends shoppers to running servers, and counts their answers.
//!
//! It is the crowd of the demonstration without its server: it creates a sale of its own at the
//! given address and orders from it. It is a client like any other, through whatever proxy is in
//! front of the servers, and must never read a store: `verify` does that.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context;
use serde::Serialize;
use tokio::time::Instant;
use tonic::{Code as Status, Status as Fault};

use super::{
    Common,
    demo::{lines::Lines, screen::Screen, script::Script, so_far::SoFar, watch},
    failure::{Code, Failure},
    output::answer,
    server::Server,
    signals::{Interruption, is_interruption},
};
use crate::{
    clock::{Clock, WallClock, new_request_id},
    crowd::{
        caller::{Caller, connect},
        driver::Crowd,
        figures::{Figures, Totals, oversold_units},
        operator::Operator,
        plan::{CrowdPlan, CrowdSize, uuid_of},
        sale::{PutUp, put_up},
        summary::{BeaconTotals, LatencyMs, rounded},
    },
    grpc::proto::StockLevel,
    values::UnixMs,
};

/// The operator that creates the crowd's sale without a token.
const OPERATOR: &str = "crowd";
const CONNECTIONS: usize = 4;
/// Asking again for figures, while nodes come back or catch up.
const POLL: Duration = Duration::from_millis(100);
const FIGURES_WITHIN: Duration = Duration::from_secs(60);

/// Arguments of `crowd`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Units on offer, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    units: u32,
    /// Items they are spread over, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 2)]
    items: u32,
    /// Number of shoppers, at least one for each unit, at most 1000000
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    shoppers: u32,
    /// Makes the same crowd again
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Seconds that an unpaid order holds its units, 1 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    time_to_pay_seconds: u32,
}

/// What the shoppers were answered, and what the servers say they sold. The names are an interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Outcome {
    sale_ids: Vec<String>,
    items: u64,
    units: u64,
    units_sold: u64,
    shoppers: u64,
    /// Orders that shoppers sent, also repeated and refused ones.
    attempts: u64,
    /// Calls that were sent again because a fault came back.
    tried_again: u64,
    /// Calls that got no answer in spite of all tries.
    unanswered: u64,
    /// The outcomes of the beacons of visitors before the opening.
    beacons: BeaconTotals,
    /// Answers that repeated an order.
    repeats: u64,
    orders_known: u64,
    orders_placed: u64,
    orders_paid: u64,
    orders_expired: u64,
    refused: BTreeMap<String, u64>,
    oversold_units: u64,
    duplicate_orders: u64,
    sold_out_seconds: Option<f64>,
    elapsed_seconds: f64,
    orders_per_second: f64,
    latency_ms: LatencyMs,
}

/// Runs `crowd`. With `--json` stdout gets exactly one object.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let plan = CrowdPlan::new(CrowdSize {
        arrive_seconds: None,
        units: args.units,
        items: args.items,
        shoppers: args.shoppers,
        seed: args.seed,
        time_to_pay_seconds: args.time_to_pay_seconds,
    })?;
    let script = Script::Simulated { plan: Arc::new(plan), troubles: None };
    let operator = args.server.token.operator(OPERATOR)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (interruption, so_far) = (Interruption::catch()?, SoFar::default());
    let buying = buy(&script, &args.server, operator, &so_far, common);
    let outcome = runtime.block_on(interruption.unless(buying));
    if outcome.as_ref().is_err_and(is_interruption) {
        so_far.show(None, common)?;
    }
    let outcome = outcome?;
    if common.json {
        answer(serde_json::to_string(&outcome)?)?;
    } else {
        answer(account(&outcome))?;
    }
    let broken = broken_promises(&outcome);
    if !broken.is_empty() {
        return Err(Failure::new(Code::Integrity, broken.join("\n")).into());
    }
    Ok(())
}

/// Puts the sale up, sends the crowd, waits until nothing is held any more.
async fn buy(
    script: &Script,
    server: &Server,
    operator: Operator,
    so_far: &SoFar,
    common: &Common,
) -> anyhow::Result<Outcome> {
    // This says best what is wrong with an address; the connections of a crowd wait longer.
    server.connect().await?;
    let channel = connect(&server.url, &operator.token).await?;
    let offers = script.offers();
    // A sale with a new id, whatever the seed.
    let run = new_request_id().0.as_u64_pair().0;
    let token = operator.token.clone();
    let terms = script.terms(WallClock.now(), operator);
    let request_id = |nth| uuid_of(run, u64::from(nth)).to_string();
    let sales = put_up(channel.clone(), &offers, &terms, request_id)
        .await
        .context("the sale cannot be put up")?;
    common.note(format_args!("sale {}", sales.sale_ids.join(", ")));
    common.note(format_args!("{} shoppers come to {}", script.shoppers(), server.url));

    let caller = Caller::connect(&server.url, &token, CONNECTIONS).await?;
    let crowd = Crowd::new(script.seed(), caller, sales.items.clone())?;
    so_far.begin(&crowd, sales.items.iter().map(|item| item.units));
    let ids: Vec<&str> = sales.items.iter().map(|item| item.item_id.as_str()).collect();
    let mut screen = Screen::new(&offers, &ids, common.quiet);
    let mut figures = Figures::new(channel);
    let beacons = script.browse(&crowd).await;
    let (opened_at, start) = (WallClock.now(), Instant::now());
    let shopping = async { Ok(script.play(Arc::clone(&crowd)).await?) };
    watch(shopping, &mut screen, &crowd, &mut figures.clone(), &sales, start).await?;

    let position = crowd.journal().position;
    let at_most = Duration::from_millis(script.settles_within_ms().into());
    let levels = figures.settled(&sales, position, at_most).await.context("the stock levels")?;
    let elapsed = start.elapsed();
    let totals = totals(&mut figures, &sales, position).await.context("the sales summary")?;
    screen.finish();
    let answered = outcome(script, &sales, &crowd, &levels, totals, (opened_at, elapsed));
    Ok(Outcome { beacons, ..answered })
}

/// The totals, asked for until some node has come as far as the shoppers have seen.
async fn totals(figures: &mut Figures, sales: &PutUp, position: u64) -> Result<Totals, Fault> {
    let until = Instant::now() + FIGURES_WITHIN;
    loop {
        match figures.totals(sales, position).await {
            Err(fault) if fault.code() == Status::Unavailable && Instant::now() < until => {
                tokio::time::sleep(POLL).await;
            }
            answered => return answered,
        }
    }
}

fn outcome(
    script: &Script,
    sales: &PutUp,
    crowd: &Crowd,
    levels: &[StockLevel],
    totals: Totals,
    (opened_at, elapsed): (UnixMs, Duration),
) -> Outcome {
    let journal = crowd.journal();
    let units_by_item: Vec<u64> = sales.items.iter().map(|item| item.units).collect();
    let known = journal.orders_placed();
    // An order that no buyer was told of came of a request that already had one, unless its answer
    // was lost for good.
    let unknown = totals.orders_placed.saturating_sub(known).saturating_sub(journal.unanswered());
    let elapsed_seconds = elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let orders_per_second = totals.orders_placed as f64 / elapsed_seconds.max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the crowd was let in")]
    let seconds_in = |at_ms: i64| (at_ms - opened_at.0).max(0) as f64 / 1_000.0;
    Outcome {
        sale_ids: sales.sale_ids.clone(),
        items: sales.items.len() as u64,
        units: units_by_item.iter().sum(),
        units_sold: totals.units_sold,
        shoppers: script.shoppers(),
        attempts: journal.attempts,
        tried_again: crowd.tried_again(),
        unanswered: journal.unanswered(),
        beacons: BeaconTotals::default(),
        repeats: journal.repeats,
        orders_known: known,
        orders_placed: totals.orders_placed,
        orders_paid: totals.orders_paid,
        orders_expired: totals.orders_expired,
        refused: journal.refused.clone(),
        oversold_units: oversold_units(levels, sales, journal.paid_by_item()),
        duplicate_orders: journal.conflicts + unknown,
        sold_out_seconds: journal.sold_out_at_ms(&units_by_item).map(seconds_in),
        elapsed_seconds: rounded(elapsed_seconds),
        orders_per_second: rounded(orders_per_second),
        latency_ms: LatencyMs::of(&journal.latency_us),
    }
}

fn broken_promises(outcome: &Outcome) -> Vec<String> {
    let Outcome { units, units_sold, unanswered, orders_known, orders_placed, .. } = outcome;
    let mut broken = Vec::new();
    if outcome.oversold_units > 0 {
        let units = outcome.oversold_units;
        broken.push(format!("{units} units were oversold"));
    }
    if outcome.duplicate_orders > 0 {
        let orders = outcome.duplicate_orders;
        broken.push(format!("{orders} duplicate orders for one request"));
    }
    if units_sold != units {
        broken.push(format!("{units_sold} of {units} units were sold"));
    }
    if *unanswered > 0 {
        broken.push(format!("{unanswered} calls got no answer, after all tries"));
    } else if orders_placed != orders_known {
        broken.push(format!("servers show {orders_placed} orders, buyers know of {orders_known}"));
    }
    broken
}

fn account(outcome: &Outcome) -> String {
    let mut lines = Lines::default();
    let mut line = |name: &str, value: String| lines.entry(name, value);
    line("on offer", format!("{} units over {} items", outcome.units, outcome.items));
    line("crowd", format!("{} shoppers sent {} orders", outcome.shoppers, outcome.attempts));
    line(
        "looked",
        format!("{} visitors sent {} beacons", outcome.beacons.visitors, outcome.beacons.sent),
    );
    line(
        "sold",
        format!(
            "{} units: {} orders placed, {} paid, {} expired",
            outcome.units_sold, outcome.orders_placed, outcome.orders_paid, outcome.orders_expired
        ),
    );
    for (reason, count) in &outcome.refused {
        line("refused", format!("{count} {reason}"));
    }
    line("repeated", format!("{} requests got their first answer again", outcome.repeats));
    line("tried again", format!("{} calls met a fault and were sent again", outcome.tried_again));
    let LatencyMs { p50, p99, max } = outcome.latency_ms;
    line("latency", format!("p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms, with all tries"));
    line(
        "took",
        format!(
            "{:.1} s, {:.0} orders placed a second",
            outcome.elapsed_seconds, outcome.orders_per_second
        ),
    );
    line("unanswered", format!("{} calls", outcome.unanswered));
    line("oversold", format!("{} units", outcome.oversold_units));
    line("duplicates", format!("{} orders", outcome.duplicate_orders));
    lines.into_text()
}
