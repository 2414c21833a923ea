//! Takes the pulse of a sale from the sums that the read models keep.
//!
//! Every read model is queried once and separately, so they may be at different positions of the
//! log; the pulse contains the earliest of them.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{
    Pulse, PulseItem, PulseProposal, PulseSale, PulseTotals, Units,
    proposals::proposals,
    seconds::{Flow, flow},
};
use crate::{
    events::{Goals, PlannedUnits, Position},
    projections::{catalog, sales, stock, timeline},
    reports::{CouponReport, ReportError, Reports, id_at},
    values::{Currency, ItemId, SaleId, UnixMs},
};

/// A sale is looked at from so long before it opens.
const BEFORE_MS: i64 = 3_600_000;

/// And so long after it ended: what is on hold is paid for or expires.
const AFTER_MS: i64 = 15 * 60_000;

/// What the catalog says of an item.
struct Offered {
    unit_price_minor: i64,
    limit_per_buyer: Option<i64>,
    limit_per_order: Option<i64>,
    paused: bool,
    closed: bool,
}

/// The sale and its items as planned and as steered since.
struct Planned {
    sale: PulseSale,
    items: HashMap<[u8; 16], Offered>,
    position: Position,
}

/// What is not on offer yet.
struct Reserve {
    /// Of items that have any.
    units: HashMap<[u8; 16], i64>,
    proposals: Vec<PulseProposal>,
    position: Position,
}

impl Reports {
    /// Sales that are open, or open within an hour, or ended less than a quarter of an hour ago.
    pub fn pulsing_sales(&self, now: UnixMs) -> Result<BTreeSet<SaleId>, ReportError> {
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT sale_id FROM sales
                 WHERE opens_at_ms <= ? AND min(closes_at_ms, coalesce(closed_at_ms, closes_at_ms))
                     >= ?",
            )?;
            let bounds = params![now.plus(BEFORE_MS).0, now.plus(-AFTER_MS).0];
            let sales = found.query_map(bounds, |row| Ok(SaleId(id_at(row, 0)?)))?;
            Ok(sales.collect::<Result<_, _>>()?)
        })
    }

    /// The current state of the sale. Its lag is 0, because only the keeper of the read models
    /// knows it.
    pub fn pulse(&self, sale_id: SaleId, now: UnixMs) -> Result<Pulse, ReportError> {
        let Planned { sale, items: offered, position: planned_at } = self.planned(sale_id)?;
        let ends_at = sale.closed_at.map_or(sale.closes_at, |at| at.min(sale.closes_at));
        let (flow, pace, flowed_at) =
            self.ask(timeline::NAME, timeline::VERSION, |rows, checkpoint| {
                let flow = flow(rows, sale_id, (sale.opens_at, ends_at), now)?;
                Ok((flow, pace(rows, sale_id, now)?, checkpoint.position))
            })?;
        let (mut items, sold_at) = self.pulse_items(sale_id, &offered, &pace)?;
        let Reserve { units: reserve, proposals, position: stocked_at } = self.reserve(sale_id)?;
        for item in &mut items {
            item.units.reserve = reserve.get(item.item_id.0.as_bytes()).copied().unwrap_or(0);
        }
        let (ladders, priced_at) = self.ladders(sale_id)?;
        for item in &mut items {
            if let Some(ladder) = ladders.get(&item.item_id) {
                (item.unit_price_minor, item.step_left_units) = ladder.next_unit(now);
            }
        }
        let mut totals = PulseTotals::default();
        for item in &items {
            add_units(&mut totals.units, item.units);
            totals.oversold_units += item.units.available.min(0).abs();
        }
        let Flow { total, recent, whole, bin_seconds } = flow;
        totals.attempts = total.attempts;
        totals.orders_placed = total.orders_placed;
        totals.orders_paid = total.orders_paid;
        totals.orders_cancelled = total.orders_cancelled;
        totals.orders_expired = total.orders_expired;
        totals.orders_reinstated = total.orders_reinstated;
        totals.refunds_due = total.refunds_due;
        totals.revenue_minor = total.revenue_minor;
        totals.refused = total.refused;
        let (channels, seen_at) = self.pulse_shoppers(sale_id, &mut totals)?;
        let (dues, owed_at) = self.sale_dues(sale_id)?;
        let CouponReport { batches: coupons, limit, checkpoint: redeemed_to } =
            self.sale_coupons(sale_id)?;
        let (happenings, happened_at) = self.happenings(sale_id, sale.opens_at)?;
        let read = [planned_at, flowed_at, sold_at, stocked_at, priced_at, seen_at];
        let read = read.into_iter().chain([owed_at, redeemed_to.position, happened_at]);
        let position = read.min().unwrap_or_default();
        Ok(Pulse {
            sale,
            at: now,
            position,
            lag_ms: 0,
            totals,
            recent,
            whole,
            bin_seconds,
            items,
            channels,
            dues,
            coupons,
            limit,
            happenings,
            proposals,
        })
    }

    fn planned(&self, sale_id: SaleId) -> Result<Planned, ReportError> {
        self.ask(catalog::NAME, catalog::VERSION, |rows, checkpoint| {
            let id = sale_id.0.as_bytes().as_slice();
            let found = rows
                .query_row(
                    "SELECT sale_id, name, currency, opens_at_ms, closes_at_ms, closed_at_ms,
                         goal_units, goal_revenue_minor, goal_conversion_ppm, goal_new_buyers, curve,
                         paused
                     FROM sales WHERE sale_id = ?",
                    [id],
                    planned_sale,
                )
                .optional()?;
            let sale = found.ok_or(ReportError::NotFound("sale_id"))?;
            let mut items = rows.prepare(
                "SELECT item_id, unit_price_minor, limit_per_buyer, limit_per_order,
                     paused OR paused_with_sale, closed_at_ms IS NOT NULL FROM items WHERE sale_id = ?",
            )?;
            let items = items.query_map([id], |row| {
                let offered = Offered {
                    unit_price_minor: row.get(1)?,
                    limit_per_buyer: row.get(2)?,
                    limit_per_order: row.get(3)?,
                    paused: row.get(4)?,
                    closed: row.get(5)?,
                };
                Ok((row.get(0)?, offered))
            })?;
            let items = items.collect::<Result<_, _>>()?;
            Ok(Planned { sale, items, position: checkpoint.position })
        })
    }

    fn reserve(&self, sale_id: SaleId) -> Result<Reserve, ReportError> {
        self.ask(stock::NAME, stock::VERSION, |rows, checkpoint| {
            let mut found = rows.prepare(
                "SELECT item_id, sum(reserve_units) FROM items
                 JOIN warehouses ON warehouses.item = items.number
                 WHERE sale_id = ? AND reserve_units > 0 GROUP BY items.number",
            )?;
            let items = found.query_map([sale_id.0.as_bytes().as_slice()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            Ok(Reserve {
                units: items.collect::<Result<_, _>>()?,
                proposals: proposals(rows, sale_id)?,
                position: checkpoint.position,
            })
        })
    }

    fn pulse_items(
        &self,
        sale_id: SaleId,
        offered: &HashMap<[u8; 16], Offered>,
        pace: &HashMap<[u8; 16], i64>,
    ) -> Result<(Vec<PulseItem>, Position), ReportError> {
        self.ask(sales::NAME, sales::VERSION, |rows, checkpoint| {
            let mut found = rows.prepare(
                "SELECT item_id, sku, title, allocated_units, available_units, units_sold,
                     orders_placed, orders_paid, orders_expired, revenue_minor
                 FROM items WHERE sale_id = ? ORDER BY number",
            )?;
            let items = found.query_map([sale_id.0.as_bytes().as_slice()], |row| {
                let id: [u8; 16] = row.get(0)?;
                item(row, offered.get(&id), pace.get(&id).copied().unwrap_or(0))
            })?;
            Ok((items.collect::<Result<_, _>>()?, checkpoint.position))
        })
    }
}

fn planned_sale(row: &Row<'_>) -> rusqlite::Result<PulseSale> {
    let currency: String = row.get(2)?;
    let goals = Goals {
        units: row.get(6)?,
        revenue_minor: row.get(7)?,
        conversion_ppm: row.get(8)?,
        new_buyers: row.get(9)?,
    };
    let curve: String = row.get(10)?;
    let curve: Vec<PlannedUnits> =
        serde_json::from_str(&curve).map_err(|error| unreadable(10, error))?;
    Ok(PulseSale {
        sale_id: SaleId(id_at(row, 0)?),
        name: row.get(1)?,
        currency: Currency::parse("currency", &currency)
            .map_err(|invalid| unreadable(2, invalid))?,
        opens_at: UnixMs(row.get(3)?),
        closes_at: UnixMs(row.get(4)?),
        closed_at: row.get::<_, Option<i64>>(5)?.map(UnixMs),
        paused: row.get(11)?,
        goals: (goals != Goals::default()).then_some(goals),
        curve,
    })
}

/// An item. What the catalog does not know yet of it is left open: it will in a moment.
fn item(row: &Row<'_>, offered: Option<&Offered>, pace: i64) -> rusqlite::Result<PulseItem> {
    let [allocated, available, sold]: [i64; 3] = [row.get(3)?, row.get(4)?, row.get(5)?];
    let held = allocated.saturating_sub(available).saturating_sub(sold);
    Ok(PulseItem {
        item_id: ItemId(id_at(row, 0)?),
        sku: row.get(1)?,
        title: row.get(2)?,
        unit_price_minor: offered.map_or(0, |offered| offered.unit_price_minor),
        step_left_units: None,
        limit_per_buyer: offered.and_then(|offered| offered.limit_per_buyer),
        limit_per_order: offered.and_then(|offered| offered.limit_per_order),
        paused: offered.is_some_and(|offered| offered.paused),
        closed: offered.is_some_and(|offered| offered.closed),
        units: Units { allocated, available, held, sold, reserve: 0 },
        orders_placed: row.get(6)?,
        orders_paid: row.get(7)?,
        orders_expired: row.get(8)?,
        revenue_minor: row.get(9)?,
        units_in_ten_seconds: pace,
    })
}

/// Units put into orders within the last ten seconds, of items that have any.
fn pace(
    rows: &Transaction<'_>,
    sale_id: SaleId,
    now: UnixMs,
) -> rusqlite::Result<HashMap<[u8; 16], i64>> {
    let until = now.second();
    let from = until - 9;
    let mut found = rows.prepare(
        "SELECT item_id, (SELECT coalesce(sum(units_placed), 0) FROM seconds
             WHERE item = items.number AND second BETWEEN ?2 AND ?3)
         FROM items WHERE sale_id = ?1 AND last_placed_second >= ?2",
    )?;
    let items = found.query_map(params![sale_id.0.as_bytes().as_slice(), from, until], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    items.collect()
}

fn add_units(sum: &mut Units, more: Units) {
    for (sum, more) in [
        (&mut sum.allocated, more.allocated),
        (&mut sum.available, more.available),
        (&mut sum.held, more.held),
        (&mut sum.sold, more.sold),
        (&mut sum.reserve, more.reserve),
    ] {
        *sum = sum.saturating_add(more);
    }
}

/// A column that holds what no event of ours says.
fn unreadable(
    column: usize,
    why: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(why))
}
