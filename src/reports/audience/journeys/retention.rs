//! Retention: new, returning and repeat buyers of a sale, and their activity in other sales.
//!
//! Two looks along the touches, at purchases only: the first finds the buyers of the sale, the
//! second what they bought elsewhere. Who visited is known from the sets of visitors.

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringBitmap;
use rusqlite::Transaction;

use super::{
    answers::{Retention, RetentionRow},
    ground::Ground,
    queries::{RetentionQuery, SIZES},
    traffic::{part, visitors_of_sale},
};
use crate::{
    projections::{
        Checkpoint,
        journeys::{NAME, PART_BITS, TouchKind, VERSION},
    },
    reports::{ReportError, Reports, id_at},
    values::{SaleId, count_of, number_of},
};

/// Buyers of a sale, and how many of them never bought before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBuyers {
    /// Distinct shoppers with a purchase in the sale.
    pub buyers: i64,
    /// Those without an earlier purchase in another sale of this log.
    pub new_buyers: i64,
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// New, returning and repeat buyers.
    pub fn retention(&self, query: &RetentionQuery) -> Result<Retention, ReportError> {
        let sale = query.sale_id.0.as_bytes().as_slice();
        let cut = query.paging.cut::<1>(SIZES, [b"retention".as_slice(), sale])?;
        self.ask(NAME, VERSION, |rows, checkpoint| {
            let buyers = Buyers::find(rows, query.sale_id)?;
            let (by_part, after) = (buyers.by_part(), cut.after.map_or(0, |[key]| key));
            let mut others = Vec::new();
            for (number, sale_id, name) in other_sales(rows, buyers.sale, after, cut.limit())? {
                let visited = among_visitors(rows, &by_part, number)?;
                let bought =
                    buyers.elsewhere.get(&number).map_or(0, |bought| count_of(bought.len()));
                others.push(([number], RetentionRow { sale_id, name, visited, bought }));
            }
            let page = cut.page(others, checkpoint);
            Ok(Retention {
                sale_id: query.sale_id,
                buyers: buyers.count(),
                new_buyers: buyers.count() - count_of(buyers.returning.len()),
                returning_buyers: count_of(buyers.returning.len()),
                repeat_buyers: buyers.repeat(),
                rows: page.rows,
                next_page_token: page.next_page_token,
                checkpoint,
            })
        })
    }

    /// How many buyers of a sale are new: what a goal of new buyers is measured by.
    pub fn new_buyers(&self, sale: SaleId) -> Result<NewBuyers, ReportError> {
        self.ask(NAME, VERSION, |rows, checkpoint| {
            let found = Buyers::find(rows, sale)?;
            let buyers = found.count();
            Ok(NewBuyers {
                buyers,
                new_buyers: buyers - count_of(found.returning.len()),
                checkpoint,
            })
        })
    }
}

/// The buyers of one sale.
struct Buyers {
    sale: i64,
    /// When each bought first in it, and how often.
    bought: HashMap<u32, (i64, u32)>,
    /// Buyers with an earlier purchase elsewhere.
    returning: RoaringBitmap,
    /// Buyers in each other sale.
    elsewhere: BTreeMap<i64, RoaringBitmap>,
}

impl Buyers {
    fn find(rows: &Transaction<'_>, id: SaleId) -> Result<Self, ReportError> {
        let ground = Ground::of(rows, Some(id))?;
        let sale = ground.sale.ok_or(ReportError::NotFound("sale_id"))?;
        let mut bought: HashMap<u32, (i64, u32)> = HashMap::new();
        purchases(rows, ground.range, |of, shopper, at_ms| {
            if of == sale {
                let (first, times) = bought.entry(shopper).or_insert((at_ms, 0));
                *first = at_ms.min(*first);
                *times += 1;
            }
        })?;
        let mut returning = RoaringBitmap::new();
        let mut elsewhere: BTreeMap<i64, RoaringBitmap> = BTreeMap::new();
        let everything = Ground::of(rows, None)?.range;
        purchases(rows, everything, |of, shopper, at_ms| {
            if of != sale
                && let Some((first, _)) = bought.get(&shopper)
            {
                elsewhere.entry(of).or_default().insert(shopper);
                if at_ms < *first {
                    returning.insert(shopper);
                }
            }
        })?;
        Ok(Self { sale, bought, returning, elsewhere })
    }

    fn count(&self) -> i64 {
        number_of(self.bought.len())
    }

    fn repeat(&self) -> i64 {
        number_of(self.bought.values().filter(|(_, times)| *times > 1).count())
    }

    /// Cut into parts as sets of visitors are.
    fn by_part(&self) -> BTreeMap<u32, RoaringBitmap> {
        let mut by_part: BTreeMap<u32, RoaringBitmap> = BTreeMap::new();
        for shopper in self.bought.keys() {
            let low = shopper & ((1 << PART_BITS) - 1);
            by_part.entry(shopper >> PART_BITS).or_default().insert(low);
        }
        by_part
    }
}

/// How many of these buyers visited a sale.
fn among_visitors(
    rows: &Transaction<'_>,
    buyers: &BTreeMap<u32, RoaringBitmap>,
    sale: i64,
) -> Result<i64, ReportError> {
    let Some(set) = visitors_of_sale(rows, sale)? else { return Ok(0) };
    let mut visited = 0;
    for (place, buyers) in buyers {
        visited += part(rows, set, i64::from(*place))?.intersection_len(buyers);
    }
    Ok(count_of(visited))
}

/// Shows sale, shopper and moment of each purchase among some touches.
fn purchases(
    rows: &Transaction<'_>,
    range: Option<(i64, i64)>,
    mut show: impl FnMut(i64, u32, i64),
) -> Result<(), ReportError> {
    let Some((first, last)) = range else { return Ok(()) };
    let mut found = rows.prepare_cached(
        "SELECT sale, shopper, at_ms FROM touches
         WHERE number BETWEEN ? AND ? AND kind IN (?, ?) AND sale IS NOT NULL",
    )?;
    let kinds = [TouchKind::Buy, TouchKind::Paid].map(|kind| i64::from(kind.number()));
    let mut found = found.query([first, last, kinds[0], kinds[1]])?;
    while let Some(row) = found.next()? {
        show(row.get(0)?, row.get(1)?, row.get(2)?);
    }
    Ok(())
}

fn other_sales(
    rows: &Transaction<'_>,
    sale: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, SaleId, String)>, ReportError> {
    let mut found = rows.prepare(
        "SELECT number, sale_id, coalesce(name, '') FROM sales
         WHERE number > ? AND number <> ? ORDER BY number LIMIT ?",
    )?;
    let found = found.query_map([after, sale, limit], |row| {
        Ok((row.get(0)?, SaleId(id_at(row, 1)?), row.get(2)?))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
