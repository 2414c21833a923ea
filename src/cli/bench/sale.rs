//! `doorbuster bench sale`: a large sale, written straight into a log, to measure on.
//!
//! The events are decided by the production deciders; only the network and the waiting are left
//! out: the seconds of the sale are written without pauses. The same size and seed give the same
//! sale. It also has refused attempts, payments, expiring holds, operators' acts, demand ticks, and
//! beacons of visitors.

mod beacons;
mod pen;
mod script;
mod stall;

use std::{path::PathBuf, sync::Arc};

use futures_util::future::try_join_all;
use serde_json::json;
use tokio::time::Instant;

use self::{
    beacons::BeaconBook,
    script::{EARLY_SECONDS, Script, Step},
};
pub(super) use self::{pen::Pen, stall::Stall};
use crate::{
    cli::{
        Common,
        demo::directory,
        output::{facts, progress_bar},
    },
    clock::ManualClock,
    domain::{
        Decider,
        item::{AddItem, ItemCommand, Steer, SteerAction},
        sale::{CreateSale, Draft, DraftItem, Sale, SaleCommand, SteerSale, plan},
    },
    events::{SaleCreated, StreamName},
    store::{SharedStore, embedded::EmbeddedStore},
    values::{RequestId, SaleId, UnixMs, number_of},
};

/// When the sale opens, whenever it is made: 2025-11-11 12:00:00 UTC.
const OPENS_AT: UnixMs = UnixMs(1_762_862_400_000);

const TIME_TO_PAY_MS: i64 = 300_000;
pub(super) const UNIT_PRICE_MINOR: i64 = 9_900;
const LIMIT_PER_BUYER: i64 = 2;
pub(super) const OPERATOR: &str = "bench";
const WAREHOUSES: [(&str, i64); 2] = [("east", 60), ("west", 40)];

/// How large a sale.
#[derive(Debug, Clone, clap::Args)]
#[command(before_help = "\
Examples:
  doorbuster bench sale --data million
  doorbuster bench sale --data small --orders 10000 --items 3 --minutes 10 --json")]
pub struct Args {
    /// Directory of the log, new or empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Approximate number of orders, 10 to 20000000
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u32).range(10..=20_000_000))]
    orders: u32,
    /// Items on sale, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    items: u32,
    /// Minutes between opening and closing, 2 to 1440
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(2..=1_440))]
    minutes: u32,
    /// Omit the beacons of visitors
    #[arg(long)]
    no_traffic: bool,
    /// Seed of the sale
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Writes the sale.
pub fn run(args: &Args, common: &Common) -> anyhow::Result<()> {
    let data = directory::fresh(Some(&args.data), "")?;
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let clock = ManualClock::at(OPENS_AT.plus(-EARLY_SECONDS * 1_000));
    let store: SharedStore = EmbeddedStore::open(&data, Arc::new(clock.clone()))?;
    let written = runtime.block_on(Fair::hold(args, &store, &clock, common));
    store.close();
    let counts = written?;
    let seconds = start.elapsed().as_secs_f64();
    common.show(
        || {
            json!({
                "data_dir": data.display().to_string(),
                "sale_id": counts.sale.to_string(),
                "orders_placed": counts.placed,
                "orders_paid": counts.paid,
                "attempts": counts.attempts,
                "beacons": counts.beacons,
                "log_events": counts.events,
                "elapsed_seconds": seconds,
            })
        },
        || {
            facts(&[
                ("data", data.display().to_string()),
                ("sale", counts.sale.to_string()),
                ("orders placed", counts.placed.to_string()),
                ("orders paid", counts.paid.to_string()),
                ("attempts", counts.attempts.to_string()),
                ("beacons", counts.beacons.to_string()),
                ("events", counts.events.to_string()),
                ("seconds", format!("{seconds:.1}")),
            ])
        },
    )?;
    Ok(())
}

/// What was written.
struct Counts {
    sale: SaleId,
    placed: u64,
    paid: u64,
    attempts: u64,
    beacons: u64,
    events: u64,
}

/// A sale under way: its items, its visitors, and what is to happen next.
struct Fair {
    sale: Sale,
    pen: Pen,
    stalls: Vec<Stall>,
    beacons: BeaconBook,
    script: Script,
    with_traffic: bool,
    counts: Counts,
}

impl Fair {
    async fn hold(
        args: &Args,
        store: &SharedStore,
        clock: &ManualClock,
        common: &Common,
    ) -> anyhow::Result<Counts> {
        let mut second = OPENS_AT.second() - EARLY_SECONDS;
        let mut fair = Self::put_up(args, UnixMs(second * 1_000))?;
        let bar = progress_bar(common);
        bar.set_length(u64::from(args.orders));
        while fair.is_open(second) {
            second += 1;
            fair.live_through(second);
            clock.set(UnixMs(second * 1_000 + 999));
            fair.write(store).await?;
            bar.set_position(fair.counts.placed);
        }
        bar.finish_and_clear();
        Ok(fair.counts)
    }

    fn put_up(args: &Args, now: UnixMs) -> anyhow::Result<Self> {
        let mut script = Script::new(args.orders, args.items, args.minutes, args.seed);
        let request = script.request();
        let planned = plan(request, draft(args, &script), OPERATOR.to_owned())?;
        let sale_id = SaleId::of_request(request);
        let mut fair = Self {
            sale: Sale::initial(sale_id.0),
            pen: Pen::new(StreamName::sale(sale_id)),
            stalls: Vec::new(),
            beacons: BeaconBook::new(sale_id, &planned),
            script,
            with_traffic: !args.no_traffic,
            counts: Counts {
                sale: sale_id,
                placed: 0,
                paid: 0,
                attempts: 0,
                beacons: 0,
                events: 0,
            },
        };
        let create = SaleCommand::Create(Box::new(CreateSale { plan: planned.clone() }));
        fair.pen.decide(&mut fair.sale, create, now);
        fair.stalls = stalls(sale_id, &planned, now);
        Ok(fair)
    }

    /// Whether anything is still to come.
    fn is_open(&self, second: i64) -> bool {
        let last = self.script.last_second();
        OPENS_AT.second() + last >= second || self.stalls.iter().any(Stall::is_waiting)
    }

    /// Everything that happens in one second, in its order.
    fn live_through(&mut self, second: i64) {
        let start = UnixMs(second * 1_000);
        self.stalls.iter_mut().for_each(|stall| stall.end_holds(start));
        let steps = self.script.take(second - OPENS_AT.second());
        let many = number_of(steps.len()).max(1);
        for (nth, step) in (0..).zip(steps) {
            let now = start.plus(nth * 1_000 / many);
            self.live(step, now);
        }
        for stall in &mut self.stalls {
            stall.count_demand(second + 1);
        }
        self.beacons.end_second();
    }

    fn live(&mut self, step: Step, now: UnixMs) {
        match step {
            Step::See(beacon) if self.with_traffic => self.beacons.add(&beacon, now),
            Step::See(_) => {}
            Step::Buy { shopper, item, units } => {
                self.counts.attempts += 1;
                let request = self.script.request();
                if let Some(order) = self.stalls[item].place(request, shopper, units, now) {
                    self.counts.placed += 1;
                    self.script.follow(item, shopper, &order);
                }
            }
            Step::Pay { item, order, amount_minor } => {
                let request = self.script.request();
                self.counts.paid += 1;
                self.stalls[item].pay(request, order, amount_minor, now);
            }
            Step::Cancel { item, order, shopper } => {
                let request = self.script.request();
                self.stalls[item].cancel(request, order, shopper, now);
            }
            Step::Steer { item, action, reason } => {
                let request_id = self.script.request();
                self.stalls[item].steer(steer(request_id, action, reason), now);
            }
            Step::Close => self.close(now),
        }
    }

    fn close(&mut self, now: UnixMs) {
        let request_id = self.script.request();
        let (operator, reason) = (OPERATOR.to_owned(), "the sale is over".to_owned());
        let close = SaleCommand::Close(SteerSale { request_id, operator, reason: reason.clone() });
        self.pen.decide(&mut self.sale, close, now);
        for stall in &mut self.stalls {
            let request_id = of_item(request_id, stall);
            stall.steer(steer(request_id, SteerAction::Close, &reason), now);
        }
    }

    /// Appends what waits in all streams, as one group.
    async fn write(&mut self, store: &SharedStore) -> anyhow::Result<()> {
        let items = try_join_all(self.stalls.iter_mut().map(|stall| stall.write(store)));
        let (own, traffic, items) =
            tokio::try_join!(self.pen.write(store), self.beacons.pen().write(store), items)?;
        self.counts.events += own + traffic + items.iter().sum::<u64>();
        self.counts.beacons = self.beacons.count();
        Ok(())
    }
}

/// The items of a planned sale, put up.
pub(super) fn stalls(sale_id: SaleId, planned: &SaleCreated, now: UnixMs) -> Vec<Stall> {
    let up = planned.items.iter().map(|item| {
        let mut stall = Stall::new(item.item_id, planned.currency);
        let request_id = of_item(planned.act.request_id, &stall);
        stall.add(
            AddItem {
                request_id,
                sale_id,
                currency: planned.currency,
                plan: item.clone(),
                sale_limit_per_buyer: planned.limit_per_buyer,
                operator: OPERATOR.to_owned(),
            },
            now,
        );
        stall
    });
    up.collect()
}

/// The request that a sale's request causes at one of its items, as a node derives it.
pub(super) fn of_item(request: RequestId, stall: &Stall) -> RequestId {
    RequestId(uuid::Uuid::new_v5(&request.0, stall.id().0.as_bytes()))
}

fn steer(request_id: RequestId, action: SteerAction, reason: &str) -> ItemCommand {
    let (operator, reason) = (OPERATOR.to_owned(), reason.to_owned());
    ItemCommand::Steer(Steer { request_id, operator, reason, action, new_warehouse: true })
}

fn draft(args: &Args, script: &Script) -> Draft {
    let closes_at = OPENS_AT.plus(i64::from(args.minutes) * 60_000);
    let items = script.units().iter().enumerate().map(|(item, units)| DraftItem {
        sku: format!("BENCH-{}", item + 1),
        title: format!("Bench item {}", item + 1),
        unit_price_minor: UNIT_PRICE_MINOR * (1 + i64::try_from(item % 7).unwrap_or(0)),
        opens_at: None,
        closes_at: None,
        limit_per_buyer: Some(LIMIT_PER_BUYER),
        limit_per_order: Some(LIMIT_PER_BUYER),
        time_to_pay_ms: Some(TIME_TO_PAY_MS),
        units: WAREHOUSES
            .map(|(warehouse, share)| (warehouse.to_owned(), (units * share / 100).max(1)))
            .to_vec(),
        ..DraftItem::default()
    });
    Draft {
        name: "Bench sale".to_owned(),
        currency_code: "CNY".to_owned(),
        opens_at: Some(OPENS_AT),
        closes_at: Some(closes_at),
        items: items.collect(),
        ..Draft::default()
    }
}
