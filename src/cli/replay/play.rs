//! Replays a sale in the terminal: the stock over time at a chosen speed, and the totals.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::{
    Common,
    demo::screen::Screen,
    output::facts,
    source::{Data, OpenLog},
};
use crate::{
    clock::{Clock, WallClock},
    crowd::sale::Offer,
    events::{AttemptOutcome, SaleCreated},
    grpc::proto::StockLevel,
    replay::{
        ReplayError,
        pace::{Metronome, Pace},
        playback::{Playback, Totals},
    },
    values::{SaleId, UnixMs},
};

/// The maximum pause between two events.
const PAUSE_MAX_MS: i64 = 2_000;

/// Redraws are no closer than this.
const REDRAW: Duration = Duration::from_millis(100);

/// What of the sale, and how fast.
pub(super) struct Range {
    pub pace: Pace,
    pub from: Option<UnixMs>,
    pub to: Option<UnixMs>,
}

/// Plays a sale of a log.
pub(super) fn run(
    data: &Data,
    sale: Option<SaleId>,
    range: &Range,
    common: &Common,
) -> anyhow::Result<()> {
    let log = data.open()?;
    let sale = super::sale::the_sale(&log, sale)?;
    let past = log.past();
    let failed = |error| log.not_replayed(error);
    let (_, plan) = past.plan(sale).map_err(failed)?;
    let mut playback = Playback::of_sale(&past, sale).map_err(failed)?;
    let mut show = Show::new(&plan, common);
    let at = show.play(&log, &mut playback, range).map_err(failed)?;
    show.draw(&playback, at);
    show.screen.finish();
    let totals = playback.totals();
    common.show(|| totals_json(sale, &plan, at, totals), || totals_text(&plan, at, totals))?;
    Ok(())
}

/// The screen and what is on it.
struct Show {
    screen: Screen,
    drawn_at: UnixMs,
}

impl Show {
    fn new(plan: &SaleCreated, common: &Common) -> Self {
        let offer = |item: &crate::events::ItemPlan| Offer {
            sku: item.sku.clone(),
            title: item.title.clone(),
            units: item.units.iter().map(|at| u64::try_from(at.units).unwrap_or(0)).sum(),
        };
        let offers: Vec<Offer> = plan.items.iter().map(offer).collect();
        let ids: Vec<String> = plan.items.iter().map(|item| item.item_id.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        Self {
            screen: Screen::new(&offers, &ids, common.quiet || common.json),
            drawn_at: UnixMs::default(),
        }
    }

    /// Plays up to the end of the range and says at which moment that is.
    fn play(
        &mut self,
        log: &OpenLog,
        playback: &mut Playback<'_>,
        range: &Range,
    ) -> Result<UnixMs, ReplayError> {
        let mut metronome = Metronome::new(range.pace, Some(PAUSE_MAX_MS));
        let mut reached = range.from.unwrap_or_default();
        while let Some(at) = playback.next_at() {
            if range.to.is_some_and(|to| at > to) {
                return Ok(range.to.unwrap_or(at));
            }
            if range.from.is_none_or(|from| at >= from) {
                let now = WallClock.now();
                if now.since(self.drawn_at) >= i64::try_from(REDRAW.as_millis()).unwrap_or(0) {
                    self.draw(playback, at);
                    self.drawn_at = now;
                }
                if let Some(due) = metronome.due(at, now)
                    && due > now
                {
                    log.block_on(WallClock.sleep_until(due));
                }
            }
            playback.step()?;
            reached = reached.max(at);
        }
        Ok(reached)
    }

    fn draw(&mut self, playback: &Playback<'_>, at: UnixMs) {
        if self.screen.shows_stock() {
            let levels = playback.items().map(|(item, state)| {
                let units = state.units();
                StockLevel {
                    item_id: item.to_string(),
                    available_units: units.available,
                    held_units: units.held,
                    sold_units: units.sold,
                    ..StockLevel::default()
                }
            });
            self.screen.stock(&levels.collect::<Vec<_>>());
        }
        let totals = playback.totals();
        let line = if self.screen.has_bars() {
            // Of the moment only the time of day: the line has to fit beside a bar.
            let time = at.to_string().chars().skip(11).take(8).collect::<String>();
            format!("{time} · {}/{} sold", totals.units.sold, totals.units.allocated)
        } else {
            format!(
                "{at} · {} of {} units sold · {} orders, {} in the last second · {} attempts, {} refused",
                totals.units.sold,
                totals.units.allocated,
                totals.orders.placed,
                totals.orders_last_second,
                totals.attempts,
                totals.refused(),
            )
        };
        self.screen.say(u64::try_from(totals.units.sold).unwrap_or(0), line);
    }
}

fn totals_json(sale: SaleId, plan: &SaleCreated, at: UnixMs, totals: &Totals) -> Value {
    let refusals: Map<String, Value> = totals
        .refusals
        .iter()
        .map(|(outcome, attempts)| (outcome_name(*outcome), json!(attempts)))
        .collect();
    let mut told = json!({
        "sale_id": sale.to_string(),
        "name": plan.name,
        "at": at.to_string(),
        "currency_code": plan.currency.code(),
        "allocated_units": totals.units.allocated,
        "available_units": totals.units.available,
        "held_units": totals.units.held,
        "units_sold": totals.units.sold,
        "orders_placed": totals.orders.placed,
        "orders_held": totals.orders.held,
        "orders_paid": totals.orders.ever_paid(),
        "orders_cancelled": totals.orders.cancelled,
        "orders_expired": totals.orders.expired,
        "revenue_minor": totals.revenue_minor,
        "refunds_due_minor": totals.refunds_due_minor,
        "attempts": totals.attempts,
        "not_placed": refusals,
    });
    // Sales without any have no such field, as in the text.
    if totals.orders.refunded > 0 {
        told["orders_refunded"] = totals.orders.refunded.into();
    }
    told
}

fn totals_text(plan: &SaleCreated, at: UnixMs, totals: &Totals) -> String {
    let amount = |minor| plan.currency.amount(minor);
    let mut rows = vec![
        ("sale", plan.name.clone()),
        ("at", at.to_string()),
        ("units allocated", totals.units.allocated.to_string()),
        ("units available", totals.units.available.to_string()),
        ("units held", totals.units.held.to_string()),
        ("units sold", totals.units.sold.to_string()),
        ("orders placed", totals.orders.placed.to_string()),
        ("orders paid", totals.orders.ever_paid().to_string()),
        ("orders cancelled", totals.orders.cancelled.to_string()),
        ("orders expired", totals.orders.expired.to_string()),
        ("revenue", amount(totals.revenue_minor)),
        ("refunds due", amount(totals.refunds_due_minor)),
        ("attempts", totals.attempts.to_string()),
    ];
    if totals.orders.refunded > 0 {
        rows.push(("orders refunded", totals.orders.refunded.to_string()));
    }
    let refusals: Vec<String> = totals
        .refusals
        .iter()
        .map(|(outcome, attempts)| format!("{} {attempts}", outcome_name(*outcome)))
        .collect();
    if !refusals.is_empty() {
        rows.push(("not placed", refusals.join(", ")));
    }
    facts(&rows)
}

/// Its stored name, for example `SOLD_OUT`.
fn outcome_name(outcome: AttemptOutcome) -> String {
    match serde_json::to_value(outcome) {
        Ok(Value::String(name)) => name,
        Ok(_) | Err(_) => format!("{outcome:?}"),
    }
}
