//! `bench --history`: an item that already has orders, beside an empty one on the same server.
//!
//! The orders are decided by the production deciders and written into the log before the server starts
//! on it, so the first order also measures how long the item takes to be ready.

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    arguments::Args,
    figures::{CaseFigures, case_table},
    load::Target,
    pair,
    sale::{OPERATOR, Pen, Stall, UNIT_PRICE_MINOR, of_item, stalls},
    server::{CATCH_UP_MAX, HotItem, OwnServer, TIME_TO_PAY_MS, UNITS},
};
use crate::{
    cli::{Common, output::progress_bar},
    clock::{Clock, ManualClock, WallClock, new_request_id},
    crowd::{plan::uuid_of, summary::rounded},
    domain::{
        Decider,
        sale::{CreateSale, Draft, DraftItem, Sale, SaleCommand, plan},
    },
    events::StreamName,
    store::{SharedStore, embedded::EmbeddedStore},
    values::{ItemId, RequestId, SaleId, UnixMs},
};

/// How long ago the sale has opened: its orders are spread over this time.
const AGE_MS: i64 = 3_600_000;
/// Orders that are appended at once.
const GROUP: u32 = 1_000;
/// Of 20 orders so many are paid; the others hold their units.
const PAID_OF_20: u32 = 17;
/// Orders whose events the read models certainly apply in a second.
const READ_A_SECOND: u32 = 5_000;

/// The item that was written.
pub(super) struct Written {
    item: ItemId,
    sale: SaleId,
    orders: u32,
}

/// Everything that was measured.
pub(super) struct HistoryFigures {
    orders: u32,
    first_order_ms: f64,
    /// In the place of the echo stands the empty item.
    cases: Vec<CaseFigures>,
}

/// Writes a sale with one open item and its orders into a new log.
pub(super) fn write(data: &Path, orders: u32, common: &Common) -> anyhow::Result<Written> {
    let opened_at = WallClock.now().plus(-AGE_MS);
    let clock = ManualClock::at(opened_at);
    let store: SharedStore = EmbeddedStore::open(data, Arc::new(clock.clone()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let written = runtime.block_on(write_orders(&store, &clock, (opened_at, orders), common));
    store.close();
    written
}

async fn write_orders(
    store: &SharedStore,
    clock: &ManualClock,
    (opened_at, orders): (UnixMs, u32),
    common: &Common,
) -> anyhow::Result<Written> {
    let request = new_request_id();
    let planned = plan(request, draft(opened_at), OPERATOR.to_owned())?;
    let sale_id = SaleId::of_request(request);
    let (mut sale, mut pen) = (Sale::initial(sale_id.0), Pen::new(StreamName::sale(sale_id)));
    let create = SaleCommand::Create(Box::new(CreateSale { plan: planned.clone() }));
    pen.decide(&mut sale, create, opened_at);
    pen.write(store).await?;
    let mut stalls = stalls(sale_id, &planned, opened_at);
    let Some(stall) = stalls.first_mut() else { anyhow::bail!("the sale has no item") };
    let run = of_item(request, stall).0.as_u64_pair().0;
    let bar = progress_bar(common);
    bar.set_length(orders.into());
    for group in 0..orders.div_ceil(GROUP) {
        let first = group * GROUP;
        let now = opened_at.plus(AGE_MS * i64::from(first) / i64::from(orders));
        for number in first..orders.min(first + GROUP) {
            place(stall, run, number, now)?;
        }
        stall.count_demand(now.second() + 1);
        clock.set(now);
        stall.write(store).await?;
        bar.set_position(first.into());
    }
    bar.finish_and_clear();
    Ok(Written { item: stall.id(), sale: sale_id, orders })
}

fn place(stall: &mut Stall, run: u64, number: u32, now: UnixMs) -> anyhow::Result<()> {
    let request = |part: u64| RequestId(uuid_of(run, u64::from(number) * 2 + part));
    let Some(placed) = stall.place(request(0), number, 1, now) else {
        anyhow::bail!("order {number} of the history was refused");
    };
    if number % 20 < PAID_OF_20 {
        stall.pay(request(1), placed.order, placed.amount_minor, now);
    }
    Ok(())
}

fn draft(opened_at: UnixMs) -> Draft {
    let item = DraftItem {
        sku: "HOT-1".to_owned(),
        title: "Hot item with a history".to_owned(),
        unit_price_minor: UNIT_PRICE_MINOR,
        time_to_pay_ms: Some(TIME_TO_PAY_MS),
        units: vec![("main".to_owned(), crate::values::count_of(UNITS))],
        ..DraftItem::default()
    };
    Draft {
        name: "Bench of a history".to_owned(),
        currency_code: "CNY".to_owned(),
        opens_at: Some(opened_at),
        closes_at: Some(opened_at.plus(TIME_TO_PAY_MS)),
        items: vec![item],
        ..Draft::default()
    }
}

/// Places the first order, waits for the read models, and measures both items in turns.
pub(super) async fn measure(
    arguments: &Args,
    own: &OwnServer,
    written: &Written,
    common: &Common,
) -> anyhow::Result<HistoryFigures> {
    let ids = (written.item.to_string(), written.sale.to_string());
    let mut long = HotItem::already_up(own, ids).await?;
    let first_order_ms = first_order(&long.target).await?;
    common.note(format_args!("first order after {first_order_ms} ms; read models catch up"));
    let reading = Duration::from_secs((written.orders / READ_A_SECOND).into());
    long.catch_up_within(CATCH_UP_MAX + reading).await?;
    long.lag = Default::default();
    let mut empty = own.put_up(arguments).await?;
    let sides = [(&mut empty, "the empty item"), (&mut long, "the item with a history")];
    let cases = pair::measure(arguments, sides, common).await?;
    Ok(HistoryFigures { orders: written.orders, first_order_ms, cases })
}

/// Milliseconds from sending an order, over a connection that is there, to its answer.
async fn first_order(target: &Target) -> anyhow::Result<f64> {
    let clients = target.clients(1).await?;
    let start = Instant::now();
    target.place_one(&clients[0]).await?;
    Ok(rounded(start.elapsed().as_secs_f64() * 1_000.0))
}

/// The figures for people.
pub(super) fn table(figures: &HistoryFigures) -> String {
    format!(
        "orders of an item that has {} orders already; its first one after the start of the server \
         took {} ms\n{}",
        figures.orders,
        figures.first_order_ms,
        case_table("empty", "long", &figures.cases)
    )
}

/// The figures for programs. The names are an interface: scripts read them.
pub(super) fn json(figures: &HistoryFigures) -> Value {
    json!({
        "history_orders": figures.orders,
        "first_order_ms": figures.first_order_ms,
        "cases": pair::json_cases("empty", &figures.cases),
    })
}
