//! Units and revenue by price, and orders with each offer, of items that have any.
//!
//! The projection of orders adds them up, so an answer reads one row for each item. The names of the
//! items come from the catalog.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction};

use crate::{
    events::{OrderPart, Position},
    projections::{
        Checkpoint, catalog,
        goods::{Goods, LadderSold, OfferSold, PriceSold, StepSold},
        orders,
    },
    reports::{Paging, ReportError, Reports, Whose, id_at},
    values::{ItemId, SaleId, UnixMs, bound_of},
};

/// Lines of an answer without a page size, and at most.
const LINES: (i64, i64) = (1_000, 10_000);

/// Whose prices, or whose offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodsQuery {
    pub whose: Whose,
    /// Lines in the answer: 1 to 10,000; 0 means 1,000.
    pub paging: Paging,
}

/// Units at one price of one ladder of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceFigures {
    pub item_id: ItemId,
    pub sku: String,
    pub currency: String,
    pub sold: PriceSold,
    /// Of the step, at whatever price: all of its units, and those that the next orders get.
    pub step_units: Option<i64>,
    pub step_left_units: Option<i64>,
    /// When no unit of the step was free for the first time.
    pub step_filled_at: Option<UnixMs>,
}

/// Orders of an item with one offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferFigures {
    pub item_id: ItemId,
    pub sku: String,
    pub currency: String,
    pub offer: OfferSold,
    /// What a paid order of the item brought on average, rounded down; absent without one.
    pub average_with_minor: Option<i64>,
    pub average_without_minor: Option<i64>,
}

/// Over all items of the question, whatever the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GoodsTotal {
    pub units_placed: i64,
    pub units_paid: i64,
    /// What they cost before offers.
    pub amount_minor: i64,
    /// What offers took off: the difference of the two beside it.
    pub discount_minor: i64,
    pub revenue_minor: i64,
}

/// A page of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodsPage<T> {
    /// By item in the order in which they were added.
    pub lines: Vec<T>,
    pub total: GoodsTotal,
    /// ISO 4217 code.
    pub currency: String,
    pub next_page_token: String,
    pub checkpoint: Checkpoint,
}

/// An item that has a ladder or offers.
struct Sold {
    item_id: ItemId,
    currency: String,
    goods: Goods,
}

impl Reports {
    /// Units by step and time price; every step of every ladder has a line.
    pub fn price_figures(
        &self,
        query: &GoodsQuery,
    ) -> Result<GoodsPage<PriceFigures>, ReportError> {
        self.goods_page(query, b"prices", |sold, sku, lines| {
            for price in prices_of(&sold.goods) {
                let mut ladders = sold.goods.ladders.iter();
                let ladder = ladders.find(|ladder| ladder.ladder == price.ladder);
                let step = ladder.zip(price.step.map(usize::from));
                lines.push(PriceFigures {
                    item_id: sold.item_id,
                    sku: sku.to_owned(),
                    currency: sold.currency.clone(),
                    step_units: step.and_then(|(ladder, step)| {
                        ladder.prices.steps.get(step).map(|step| step.units)
                    }),
                    step_left_units: step.map(|(ladder, step)| ladder.free(step)),
                    step_filled_at: step.and_then(|(ladder, step)| {
                        ladder.steps.get(step).and_then(|step| step.filled_at_ms)
                    }),
                    sold: price,
                });
            }
        })
    }

    /// Orders and discounts by offer, also of offers that were replaced.
    pub fn offer_figures(
        &self,
        query: &GoodsQuery,
    ) -> Result<GoodsPage<OfferFigures>, ReportError> {
        self.goods_page(query, b"offers", |sold, sku, lines| {
            let goods = &sold.goods;
            let average = |revenue: i64, orders: i64| (orders > 0).then(|| revenue / orders);
            for offer in &goods.offers {
                lines.push(OfferFigures {
                    item_id: sold.item_id,
                    sku: sku.to_owned(),
                    currency: sold.currency.clone(),
                    average_with_minor: average(offer.revenue_minor, offer.orders_paid),
                    average_without_minor: average(
                        goods.revenue_minor - offer.revenue_minor,
                        goods.orders_paid - offer.orders_paid,
                    ),
                    offer: offer.clone(),
                });
            }
        })
    }

    /// The ladders in force, by item of a sale; items without one are left out.
    pub fn ladders(
        &self,
        sale_id: SaleId,
    ) -> Result<(BTreeMap<ItemId, LadderSold>, Position), ReportError> {
        let (sold, _, checkpoint) = self.sold(Whose::Sale(sale_id))?;
        let ladders = sold.into_iter().filter_map(|mut sold| {
            let ladder = sold.goods.ladders.pop()?;
            Some((sold.item_id, ladder))
        });
        Ok((ladders.collect(), checkpoint.position))
    }

    /// The ladders that were in force just before a moment, of the items of a sale that are `asked` for;
    /// items without one are left out. Units that orders had of their steps count as held, also paid
    /// ones.
    pub fn ladders_before(
        &self,
        sale_id: SaleId,
        moment: UnixMs,
        asked: impl Fn(ItemId) -> bool,
    ) -> Result<BTreeMap<ItemId, LadderSold>, ReportError> {
        self.ask(orders::NAME, orders::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT number, item_id, goods FROM items WHERE sale_id = ? AND goods IS NOT NULL",
            )?;
            let found = found.query_map([sale_id.0.as_bytes().as_slice()], |row| {
                let goods: Goods = orders::json_at(2, &row.get::<_, String>(2)?)?;
                Ok((row.get::<_, i64>(0)?, ItemId(id_at(row, 1)?), goods.ladders))
            })?;
            let mut ladders = BTreeMap::new();
            for item in found {
                let (number, item_id, mut known) = item?;
                known.retain(|ladder| ladder.set_at_ms < moment);
                if let Some(ladder) = known.pop().filter(|_| asked(item_id)) {
                    ladders.insert(item_id, ladder_before(rows, number, ladder, moment)?);
                }
            }
            Ok(ladders)
        })
    }

    fn goods_page<T>(
        &self,
        query: &GoodsQuery,
        name: &[u8],
        add: impl Fn(&Sold, &str, &mut Vec<T>),
    ) -> Result<GoodsPage<T>, ReportError> {
        let whose = query.whose;
        let (sold, currency, checkpoint) = self.sold(whose)?;
        let currency = currency.ok_or(whose.unknown())?;
        let names = self.names(whose)?;
        let (mut lines, mut total) = (Vec::new(), GoodsTotal::default());
        for item in &sold {
            add(item, names.get(&item.item_id).map_or("", String::as_str), &mut lines);
            total.add(&item.goods);
        }
        let question = [name, whose.numbers().as_bytes(), &whose.key()];
        let (page, next_page_token) = query.paging.of_list(LINES, question, lines.len())?;
        let lines = lines.drain(page).collect();
        Ok(GoodsPage { lines, total, currency, next_page_token, checkpoint })
    }

    /// Items that have any, in the order in which they were added; the currency, where an item is known
    /// at all.
    fn sold(&self, whose: Whose) -> Result<(Vec<Sold>, Option<String>, Checkpoint), ReportError> {
        self.ask(orders::NAME, orders::VERSION, |rows, checkpoint| {
            let key = whose.key();
            let currency = format!("SELECT currency FROM items WHERE {} LIMIT 1", whose.items());
            let currency =
                rows.query_row(&currency, [key.as_slice()], |row| row.get(0)).optional()?;
            let mut found = rows.prepare(&format!(
                "SELECT item_id, currency, goods FROM items
                 WHERE {} AND goods IS NOT NULL ORDER BY number",
                whose.items()
            ))?;
            let found = found.query_map([key.as_slice()], |row| {
                Ok(Sold {
                    item_id: ItemId(id_at(row, 0)?),
                    currency: row.get(1)?,
                    goods: orders::json_at(2, &row.get::<_, String>(2)?)?,
                })
            })?;
            Ok((found.collect::<Result<_, _>>()?, currency, checkpoint))
        })
    }

    fn names(&self, whose: Whose) -> Result<BTreeMap<ItemId, String>, ReportError> {
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let items = format!("SELECT item_id, sku FROM items WHERE {}", whose.items());
            let mut found = rows.prepare(&items)?;
            let key = whose.key();
            let found = found
                .query_map([key.as_slice()], |row| Ok((ItemId(id_at(row, 0)?), row.get(1)?)))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
    }
}

impl GoodsTotal {
    fn add(&mut self, goods: &Goods) {
        for sold in &goods.sold {
            self.units_placed = self.units_placed.saturating_add(sold.units_placed);
            self.units_paid = self.units_paid.saturating_add(sold.units_paid);
            self.amount_minor = self.amount_minor.saturating_add(sold.amount_minor);
        }
        self.revenue_minor = self.revenue_minor.saturating_add(goods.revenue_minor);
        self.discount_minor = self.amount_minor.saturating_sub(self.revenue_minor);
    }
}

/// What was sold at each price, and a line for each step without any.
fn prices_of(goods: &Goods) -> Vec<PriceSold> {
    let mut prices = goods.sold.clone();
    for LadderSold { ladder, prices: set, .. } in &goods.ladders {
        for (step, at) in (0_u8..).zip(&set.steps) {
            let of_step = |sold: &PriceSold| (sold.ladder, sold.step) == (*ladder, Some(step));
            if !prices.iter().any(of_step) {
                prices.push(PriceSold {
                    ladder: *ladder,
                    step: Some(step),
                    unit_price_minor: at.unit_price_minor,
                    ..PriceSold::default()
                });
            }
        }
    }
    // Units after the last step come last.
    prices.sort_by_key(|sold| {
        (sold.ladder, sold.step.is_none(), sold.step, sold.time_price, sold.unit_price_minor)
    });
    prices
}

/// A ladder of the item with that number, with what its orders had of its steps just before a moment.
fn ladder_before(
    rows: &Transaction<'_>,
    number: i64,
    mut ladder: LadderSold,
    moment: UnixMs,
) -> rusqlite::Result<LadderSold> {
    ladder.steps.fill(StepSold::default());
    // Orders of an item are placed in the order of their keys.
    let mut placed = rows.prepare_cached(
        "SELECT placed_at_ms, pay_by_ms, settled_at_ms, state, parts FROM orders
         WHERE key > ? AND key <= ? AND parts IS NOT NULL ORDER BY key",
    )?;
    let first = number << orders::REVISION_BITS;
    let after = first | bound_of(ladder.revision);
    let mut placed = placed.query([after, first | ((1 << orders::REVISION_BITS) - 1)])?;
    while let Some(order) = placed.next()? {
        if order.get::<_, i64>(0)? >= moment.0 {
            break;
        }
        let (pay_by, settled_at): (i64, Option<i64>) = (order.get(1)?, order.get(2)?);
        let settled = settled_at.is_some_and(|at| at < moment.0);
        let paid = settled && [orders::PAID, orders::REFUNDED].contains(&order.get(3)?);
        // An order that is paid after its deadline had expired before.
        let came_back = !paid && (settled || pay_by < moment.0);
        let parts: Vec<OrderPart> = orders::json_at(4, &order.get::<_, String>(4)?)?;
        for part in &parts {
            if let Some(step) = ladder.step_of(part) {
                step.taken += part.units;
                step.held += if came_back { 0 } else { part.units };
            }
        }
    }
    Ok(ladder)
}
