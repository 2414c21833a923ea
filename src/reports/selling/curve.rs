//! The stock curve: units allocated, available, held and sold at the end of each second, and how
//! fast they went.
//!
//! Everything is a running sum over the timeline's rows, so a page of it is exact wherever it
//! starts.

use rusqlite::{Row, Transaction, params};

use crate::{
    projections::{Checkpoint, timeline},
    reports::{
        Paging, ReportError, Reports, Whose, id_at,
        paging::{Cut, Sizes},
        share_ppm,
        timeline::AVAILABLE,
    },
    values::{ItemId, UnixMs},
};

const SIZES: Sizes = Sizes { default: 1_000, max: 10_000 };

/// Shares of the allocated units whose moments are shown.
const SHARES_PPM: [i64; 3] = [500_000, 900_000, 1_000_000];

/// Times without stock in an answer at most. The first and the last of each item come before others,
/// then the oldest.
const SOLD_OUTS_MAX: i64 = 1_000;

/// Which curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCurveQuery {
    pub whose: Whose,
    /// Points in the answer: 1 to 10,000; 0 means 1,000.
    pub paging: Paging,
}

/// Stock at the end of one second. allocated = available + held + sold, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StockPoint {
    /// Seconds since the Unix epoch.
    pub second: i64,
    pub allocated_units: i64,
    pub available_units: i64,
    pub held_units: i64,
    pub sold_units: i64,
}

/// A time in which an item had no unit available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldOut {
    pub item_id: ItemId,
    pub sku: String,
    /// When the last available unit was taken.
    pub from: UnixMs,
    /// When a unit was available again; absent where none is.
    pub until: Option<UnixMs>,
}

/// By the end of which second a share of all units ever allocated was gone; absent if it never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub share_ppm: i64,
    /// Held or sold.
    pub taken_second: Option<i64>,
    /// Sold: paid for.
    pub sold_second: Option<i64>,
}

/// A stock curve, or a page of it. What is not a point is always about the whole curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCurve {
    /// Seconds in which something happened, oldest first.
    pub points: Vec<StockPoint>,
    pub next_page_token: String,
    /// Where it ends.
    pub last: StockPoint,
    /// sold / allocated at the end, in parts per million.
    pub sell_through_ppm: i64,
    pub reached: Vec<Reached>,
    /// Oldest first; at most 1,000 of them: the first and the last of each item, then others.
    pub sold_outs: Vec<SoldOut>,
    /// How many there were.
    pub sold_outs_count: i64,
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// The stock of a sale or an item, second by second.
    pub fn stock_curve(&self, query: &StockCurveQuery) -> Result<StockCurve, ReportError> {
        let whose = query.whose;
        let question = [b"curve".as_slice(), whose.numbers().as_bytes(), &whose.key()];
        let cut: Cut<1> = query.paging.cut(SIZES, question)?;
        self.ask(timeline::NAME, timeline::VERSION, |rows, checkpoint| {
            whose.must_be_known(rows)?;
            let points = points(rows, whose)?;
            let last = points.last().copied().unwrap_or_default();
            let reached = SHARES_PPM.map(|share_ppm| reached(&points, last, share_ppm)).to_vec();
            let [after] = cut.after.unwrap_or([i64::MIN]);
            let start = points.partition_point(|point| point.second <= after);
            let size = cut.rows();
            let wanted = points[start..].iter().take(size);
            let page = cut.page(wanted.map(|point| ([point.second], *point)).collect(), checkpoint);
            Ok(StockCurve {
                points: page.rows,
                next_page_token: page.next_page_token,
                last,
                sell_through_ppm: share_ppm(last.sold_units, last.allocated_units),
                reached,
                sold_outs: sold_outs(rows, whose)?,
                sold_outs_count: sold_outs_count(rows, whose)?,
                checkpoint,
            })
        })
    }
}

fn points(rows: &Transaction<'_>, whose: Whose) -> rusqlite::Result<Vec<StockPoint>> {
    let mut found = rows.prepare(&format!(
        "SELECT second, sum(units_allocated), sum({AVAILABLE}), sum(units_paid - units_refunded)
         FROM seconds WHERE {} GROUP BY second
         HAVING max(units_allocated <> 0 OR units_placed OR units_paid OR units_released
             OR units_reinstated OR units_refunded) ORDER BY second",
        whose.numbers()
    ))?;
    let mut points = Vec::new();
    let mut stock = StockPoint::default();
    let mut found = found.query([whose.key()])?;
    while let Some(row) = found.next()? {
        let [allocated, available, sold]: [i64; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        stock.second = row.get(0)?;
        stock.allocated_units += allocated;
        stock.available_units += available;
        stock.sold_units += sold;
        stock.held_units += allocated - available - sold;
        points.push(stock);
    }
    Ok(points)
}

fn reached(points: &[StockPoint], last: StockPoint, share_ppm: i64) -> Reached {
    // Of all units ever allocated, so that units added late count from the start.
    let whole = i128::from(last.allocated_units) * i128::from(share_ppm);
    let first = |units: fn(&StockPoint) -> i64| {
        let found = points.iter().find(|point| {
            last.allocated_units > 0 && i128::from(units(point)) * 1_000_000 >= whole
        });
        found.map(|point| point.second)
    };
    Reached {
        share_ppm,
        taken_second: first(|point| point.held_units + point.sold_units),
        sold_second: first(|point| point.sold_units),
    }
}

fn sold_outs(rows: &Transaction<'_>, whose: Whose) -> rusqlite::Result<Vec<SoldOut>> {
    let mut found = rows.prepare(&format!(
        "SELECT item_id, coalesce(sku, ''), from_ms, until_ms FROM (
            SELECT *, number = min(number) OVER of_item OR number = max(number) OVER of_item AS edge
            FROM sold_outs WHERE {} WINDOW of_item AS (PARTITION BY item)
            ORDER BY edge DESC, from_ms, item, number LIMIT ?
         ) AS told JOIN items ON items.number = told.item
         ORDER BY from_ms, told.item, told.number",
        whose.numbers()
    ))?;
    let found = found.query_map(params![whose.key(), SOLD_OUTS_MAX], |row: &Row<'_>| {
        Ok(SoldOut {
            item_id: ItemId(id_at(row, 0)?),
            sku: row.get(1)?,
            from: UnixMs(row.get(2)?),
            until: row.get::<_, Option<i64>>(3)?.map(UnixMs),
        })
    })?;
    found.collect()
}

fn sold_outs_count(rows: &Transaction<'_>, whose: Whose) -> rusqlite::Result<i64> {
    let count = format!("SELECT count(*) FROM sold_outs WHERE {}", whose.numbers());
    rows.query_row(&count, [whose.key()], |row| row.get(0))
}
