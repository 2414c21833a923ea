//! The table of touches: shopper, action and time, one row each, appended in the order of the log.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rusqlite::{OptionalExtension, Transaction};

use super::{
    kind::TouchKind,
    names::Names,
    shoppers::{Attributes, Shoppers, Who},
    traffic::{Scope, Seen, Visit},
};
use crate::projections::{ApplyError, number_rows::NumberRows};

/// Orders remembered between pages at most: most are paid soon.
const REMEMBERED_MAX: usize = 131_072;

/// A touch whose shopper is not looked up yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub who: Who,
    pub attributes: Attributes,
    pub sale: Option<i64>,
    pub item: Option<i64>,
    pub at_ms: i64,
    pub kind: TouchKind,
    pub channel: Option<i64>,
    pub units: Option<i64>,
    pub amount_minor: Option<i64>,
    /// Where it is said to be of another category than its item's first.
    pub category: Option<i64>,
    /// Key of the order that this is about.
    pub order: Option<i64>,
}

/// Writes touches.
#[derive(Debug, Default)]
pub(super) struct Touches {
    shoppers: Shoppers,
    orders: HashMap<i64, Placed>,
    /// Those that are not written yet, by key.
    placed: Vec<(i64, Placed)>,
    /// How many there are; not known before the first one is written.
    count: Option<i64>,
}

/// What the end of an order has to know of its beginning.
#[derive(Debug, Clone, Copy)]
struct Placed {
    shopper: i64,
    channel: Option<i64>,
    at_ms: i64,
}

impl Touches {
    /// Keeps memory bounded between pages.
    pub fn forget_some(&mut self) {
        self.shoppers.forget_some();
        if self.orders.len() > REMEMBERED_MAX {
            self.orders.clear();
        }
    }

    /// Writes touches in order and returns visits, participants and buyers.
    pub fn write(
        &mut self,
        rows: &Transaction<'_>,
        names: &mut Names,
        drafts: &[Draft],
    ) -> Result<Vec<Seen>, ApplyError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        self.shoppers.load(rows, drafts.iter().map(|draft| draft.who))?;
        let mut number = match self.count {
            Some(count) => count,
            None => rows
                .query_row("SELECT coalesce(max(number), 0) FROM touches", [], |row| row.get(0))?,
        };
        let mut ranges: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        let mut seen = Vec::new();
        let mut insert = NumberRows::of(
            rows,
            "INSERT INTO touches (number, sale, item, shopper, at_ms, kind, channel, units,
             amount_minor, after_ms, category) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        for draft in drafts {
            number += 1;
            let (shopper, channel, after_ms) = self.whose(rows, draft)?;
            insert.execute([
                Some(number),
                draft.sale,
                draft.item,
                Some(shopper),
                Some(draft.at_ms),
                Some(draft.kind.number().into()),
                channel,
                draft.units,
                draft.amount_minor,
                after_ms,
                draft.category,
            ])?;
            match (draft.sale, draft.item) {
                (Some(sale), _) => ranges.entry(sale).or_insert((number, number)).1 = number,
                (None, Some(item)) => names.note_early(rows, item, number)?,
                (None, None) => {}
            }
            let Some(sale) = draft.sale else { continue };
            let visit = draft.kind.action().map(|action| {
                let (item, at_ms) = (draft.item, draft.at_ms);
                Visit { item, channel, at_ms, action }
            });
            let scope = Scope::of_touch(draft.kind);
            if visit.is_some() || scope.is_some() {
                seen.push(Seen { sale, shopper, visit, scope });
            }
        }
        for (sale, range) in ranges {
            names.extend_sale(rows, sale, range)?;
        }
        self.write_orders(rows)?;
        self.count = Some(number);
        self.shoppers.write(rows)?;
        Ok(seen)
    }

    /// Shopper and channel of a touch, and how long after its order it came.
    fn whose(
        &mut self,
        rows: &Transaction<'_>,
        draft: &Draft,
    ) -> Result<(i64, Option<i64>, Option<i64>), ApplyError> {
        match (draft.who, draft.order) {
            (Who::OfOrder, Some(key)) => {
                let placed = self.find_placed(rows, key)?;
                let after_ms = draft.at_ms.saturating_sub(placed.at_ms);
                Ok((placed.shopper, placed.channel, Some(after_ms)))
            }
            (who, Some(key)) => {
                let shopper = self.shoppers.resolve(who, draft.attributes)?;
                let placed = Placed { shopper, channel: draft.channel, at_ms: draft.at_ms };
                self.orders.insert(key, placed);
                self.placed.push((key, placed));
                Ok((shopper, draft.channel, None))
            }
            (who, None) => {
                let shopper = self.shoppers.resolve(who, draft.attributes)?;
                Ok((shopper, draft.channel, None))
            }
        }
    }

    fn write_orders(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut insert = NumberRows::of(
            rows,
            "INSERT INTO orders (key, shopper, channel, placed_at_ms) VALUES (?, ?, ?, ?)",
        )?;
        for (key, Placed { shopper, channel, at_ms }) in self.placed.drain(..) {
            insert.execute([Some(key), Some(shopper), channel, Some(at_ms)])?;
        }
        Ok(())
    }

    fn find_placed(&mut self, rows: &Transaction<'_>, key: i64) -> Result<Placed, ApplyError> {
        if let Some(placed) = self.orders.get(&key) {
            return Ok(*placed);
        }
        let placed = rows
            .prepare_cached("SELECT shopper, channel, placed_at_ms FROM orders WHERE key = ?")?
            .query_row([key], |row| {
                Ok(Placed { shopper: row.get(0)?, channel: row.get(1)?, at_ms: row.get(2)? })
            })
            .optional()?;
        placed
            .ok_or_else(|| ApplyError::Impossible("an order ended that was not placed".to_owned()))
    }
}
