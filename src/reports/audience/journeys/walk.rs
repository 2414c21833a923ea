//! The walk: all touches of a sale, shopper by shopper, each in the order of time.
//!
//! Touches lie in the order of the log, so they are sorted in memory. A sale with more of them than
//! fit is walked in passes, each over a range of shoppers; a range that turns out too large is cut in
//! two. Only a single shopper with more touches than fit cannot be cut: their first ones are taken
//! and the others are counted as left out.

use rusqlite::{Transaction, types::ValueRef};

use super::ground::{Ground, items};
use crate::{
    projections::{
        Checkpoint,
        journeys::{NAME, TouchKind, VERSION},
    },
    reports::{ReportError, Reports},
    values::{SaleId, number_of},
};

/// One touch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touch {
    pub shopper: u32,
    /// Numbers; 0 for none. The category is the one that was said of the touch, else its item's.
    pub item: u32,
    pub category: u32,
    pub channel: u32,
    pub kind: TouchKind,
    pub at_ms: i64,
    /// Of an order and its end.
    pub units: i64,
    pub amount_minor: i64,
    /// Of the end of an order: how long after its beginning.
    pub after_ms: i64,
}

impl Touch {
    /// Whether it is a purchase: a paid order, or one that a recording tells of.
    pub fn is_purchase(&self) -> bool {
        matches!(self.kind, TouchKind::Buy | TouchKind::Paid)
    }

    /// Whether its units and its amount are of a paid order, or come back of one.
    pub fn moves_money(&self) -> bool {
        matches!(self.kind, TouchKind::Paid | TouchKind::Refunded)
    }
}

/// An answer that is counted on a walk, shopper after shopper.
pub(super) trait ShopperCount: Sized {
    type Answer;

    /// Adds one shopper's touches, which are in the order of time.
    fn shopper(&mut self, shopper: u32, touches: &[Touch]);

    /// What was counted, once the walk is over.
    fn answer(self, rows: &Transaction<'_>, walked: &Walked) -> Result<Self::Answer, ReportError>;
}

/// A walk that is over.
#[derive(Debug)]
pub(super) struct Walked {
    pub ground: Ground,
    pub touches_left_out: i64,
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// Walks a sale, or everything, once for what `begin` makes.
    pub(super) fn walked<C: ShopperCount>(
        &self,
        sale_id: Option<SaleId>,
        begin: impl FnOnce(&Transaction<'_>) -> Result<C, ReportError>,
    ) -> Result<C::Answer, ReportError> {
        self.ask(NAME, VERSION, |rows, checkpoint| {
            let ground = Ground::of(rows, sale_id)?;
            let mut counted = begin(rows)?;
            let touches_left_out = walk(rows, &ground, self.held_max(), |shopper, touches| {
                counted.shopper(shopper, touches);
            })?;
            counted.answer(rows, &Walked { ground, touches_left_out, checkpoint })
        })
    }
}

/// Walks a ground and shows each shopper's touches. `held_max` of them are in memory at most.
/// Returns how many were left out.
fn walk(
    rows: &Transaction<'_>,
    ground: &Ground,
    held_max: usize,
    mut show: impl FnMut(u32, &[Touch]),
) -> Result<i64, ReportError> {
    let Some((first, last)) = ground.range else { return Ok(0) };
    let shoppers = rows.query_row("SELECT coalesce(max(number), 0) FROM shoppers", [], |row| {
        row.get::<_, i64>(0)
    })?;
    let reader = Reader { rows, ground, held_max, items: items(rows)?, span: (first, last) };
    // Shoppers with few touches and many lie mixed, so that even ranges are about even.
    let room = number_of(held_max / 4 * 3).max(1);
    let passes = ((last - first + 1) / room + 1).min(shoppers.max(1));
    let bound = |pass: i64| shoppers * pass / passes;
    let mut ranges: Vec<(i64, i64)> =
        (0..passes).rev().map(|pass| (bound(pass) + 1, bound(pass + 1))).collect();
    let mut left_out = 0;
    let mut touches = Vec::new();
    while let Some((from, to)) = ranges.pop() {
        let beyond = reader.read(&mut touches, (from, to))?;
        if beyond > 0 && from < to {
            let middle = from + (to - from) / 2;
            ranges.push((middle + 1, to));
            ranges.push((from, middle));
            continue;
        }
        left_out += beyond;
        touches.sort_by_key(|touch| (touch.shopper, touch.at_ms, touch.kind));
        for of_one in touches.chunk_by(|one, other| one.shopper == other.shopper) {
            if let Some(touch) = of_one.first() {
                show(touch.shopper, of_one);
            }
        }
    }
    Ok(left_out)
}

struct Reader<'a> {
    rows: &'a Transaction<'a>,
    ground: &'a Ground,
    held_max: usize,
    items: Vec<super::ground::ItemFacts>,
    span: (i64, i64),
}

impl Reader<'_> {
    /// Reads the touches of some shoppers, in the order of the log, and says how many more there
    /// are than fit; of more than one shopper it stops at the first.
    fn read(&self, touches: &mut Vec<Touch>, (from, to): (i64, i64)) -> Result<i64, ReportError> {
        touches.clear();
        let mut beyond = 0;
        let mut found = self.rows.prepare_cached(
            "SELECT shopper, item, channel, kind, at_ms, units, amount_minor, after_ms, sale,
             category FROM touches WHERE number BETWEEN ? AND ? AND shopper BETWEEN ? AND ?",
        )?;
        let mut found = found.query([self.span.0, self.span.1, from, to])?;
        while let Some(row) = found.next()? {
            let number = |column: usize| -> rusqlite::Result<i64> {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => number,
                    ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => 0,
                })
            };
            let small = |column| number(column).map(|n| u32::try_from(n).unwrap_or(0));
            let item = small(1)?;
            let facts = self.items.get(item as usize).copied().unwrap_or_default();
            let sale = row.get::<_, Option<i64>>(8)?.or(facts.sale);
            if self.ground.sale.is_some() && sale != self.ground.sale {
                continue;
            }
            let kind = u8::try_from(number(3)?).ok().and_then(TouchKind::from_number);
            let Some(kind) = kind else { continue };
            if touches.len() >= self.held_max {
                beyond += 1;
                if from < to {
                    break;
                }
                continue;
            }
            touches.push(Touch {
                shopper: small(0)?,
                item,
                category: row.get::<_, Option<u32>>(9)?.unwrap_or(facts.category),
                channel: small(2)?,
                kind,
                at_ms: number(4)?,
                units: number(5)?,
                amount_minor: if self.ground.has_revenue { number(6)? } else { 0 },
                after_ms: number(7)?,
            });
        }
        Ok(beyond)
    }
}
