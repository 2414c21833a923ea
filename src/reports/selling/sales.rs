//! The summary of a sale: what each item sold, and the sum over all of them.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::{
    projections::{Checkpoint, sales},
    reports::{Paging, ReportError, Reports, id_at, paging::Sizes},
    values::{ItemId, SaleId, UnixMs, capped},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Which sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesSummaryQuery {
    pub sale_id: SaleId,
    /// Items in the answer: 1 to 1,000; 0 means 100. The total is always over all items.
    pub paging: Paging,
}

/// What one item sold, or a whole sale.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SalesFigures {
    /// `None` in the total, where sku and title are empty.
    pub item_id: Option<ItemId>,
    pub sku: String,
    pub title: String,
    pub allocated_units: i64,
    pub available_units: i64,
    pub orders_placed: i64,
    pub orders_paid: i64,
    pub orders_cancelled: i64,
    pub orders_expired: i64,
    pub units_placed: i64,
    pub units_sold: i64,
    /// Minor units of the sale's currency; paid orders, without what was refunded.
    pub revenue_minor: i64,
    /// Minor units of payments that came too late or twice.
    pub refunds_due_minor: i64,
    /// Paid orders of which all units came back.
    pub orders_refunded: i64,
    /// Units of paid orders that came back, and the money for them.
    pub units_refunded: i64,
    pub refunded_minor: i64,
    /// What of both sums is on its way back.
    pub refunds_settled_minor: i64,
    /// When the last available unit was taken, most recently; `None` while units are available.
    pub sold_out_at: Option<UnixMs>,
}

impl SalesFigures {
    /// Revenue before anything of it was refunded.
    pub fn gross_minor(&self) -> i64 {
        self.revenue_minor.saturating_add(self.refunded_minor)
    }

    /// Paid orders of a million placed ones, rounded down; 0 when none was placed.
    pub fn paid_share_ppm(&self) -> i64 {
        let share = i128::from(self.orders_paid) * 1_000_000;
        let share = share.checked_div(i128::from(self.orders_placed)).unwrap_or(0);
        capped(share)
    }
}

/// What a sale sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesSummary {
    /// ISO 4217 code of every amount here.
    pub currency: String,
    /// Over all items, whatever the page.
    pub total: SalesFigures,
    /// In the order in which they were added.
    pub items: Vec<SalesFigures>,
    /// Asks for the items after these; empty after the last ones.
    pub next_page_token: String,
    /// What the read model had applied when it answered.
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// What a sale sold.
    pub fn sales_summary(&self, query: &SalesSummaryQuery) -> Result<SalesSummary, ReportError> {
        let sale = query.sale_id.0.as_bytes().as_slice();
        let cut = query.paging.cut(SIZES, [b"summary".as_slice(), sale])?;
        self.ask(sales::NAME, sales::VERSION, |rows, checkpoint| {
            let currency = "SELECT currency FROM sales WHERE sale_id = ?";
            let currency = rows.query_row(currency, [sale], |row| row.get(0)).optional()?;
            let currency = currency.ok_or(ReportError::NotFound("sale_id"))?;
            let total = total(rows, sale)?;
            let [after] = cut.after.unwrap_or([0]);
            let mut found = rows.prepare(&format!(
                "SELECT {COLUMNS} FROM items WHERE sale_id = ? AND number > ?
                 ORDER BY number LIMIT ?"
            ))?;
            let items = found.query_map(params![sale, after, cut.limit()], |row| {
                Ok(([row.get(0)?], figures(row)?))
            })?;
            let page = cut.page(items.collect::<Result<_, _>>()?, checkpoint);
            let (items, next_page_token) = (page.rows, page.next_page_token);
            Ok(SalesSummary { currency, total, items, next_page_token, checkpoint })
        })
    }
}

const COLUMNS: &str = "number, item_id, sku, title, allocated_units, available_units,
    orders_placed, orders_paid, orders_cancelled, orders_expired, units_placed, units_sold,
    revenue_minor, refunds_due_minor, sold_out_at_ms, orders_refunded, units_refunded,
    refunded_minor, refunds_settled_minor";

/// Added up here rather than by SQLite, which gives up where a sum does not fit; ours stays at the
/// largest number.
fn total(rows: &Transaction<'_>, sale: &[u8]) -> rusqlite::Result<SalesFigures> {
    let mut total = SalesFigures::default();
    let mut found = rows.prepare(&format!("SELECT {COLUMNS} FROM items WHERE sale_id = ?"))?;
    for item in found.query_map([sale], figures)? {
        let item = item?;
        for (sum, more) in [
            (&mut total.allocated_units, item.allocated_units),
            (&mut total.available_units, item.available_units),
            (&mut total.orders_placed, item.orders_placed),
            (&mut total.orders_paid, item.orders_paid),
            (&mut total.orders_cancelled, item.orders_cancelled),
            (&mut total.orders_expired, item.orders_expired),
            (&mut total.units_placed, item.units_placed),
            (&mut total.units_sold, item.units_sold),
            (&mut total.revenue_minor, item.revenue_minor),
            (&mut total.refunds_due_minor, item.refunds_due_minor),
            (&mut total.orders_refunded, item.orders_refunded),
            (&mut total.units_refunded, item.units_refunded),
            (&mut total.refunded_minor, item.refunded_minor),
            (&mut total.refunds_settled_minor, item.refunds_settled_minor),
        ] {
            *sum = sum.saturating_add(more);
        }
        total.sold_out_at = total.sold_out_at.max(item.sold_out_at);
    }
    // A sale is sold out when its last item is.
    if total.available_units > 0 {
        total.sold_out_at = None;
    }
    Ok(total)
}

fn figures(row: &Row<'_>) -> rusqlite::Result<SalesFigures> {
    Ok(SalesFigures {
        item_id: Some(ItemId(id_at(row, 1)?)),
        sku: row.get(2)?,
        title: row.get(3)?,
        allocated_units: row.get(4)?,
        available_units: row.get(5)?,
        orders_placed: row.get(6)?,
        orders_paid: row.get(7)?,
        orders_cancelled: row.get(8)?,
        orders_expired: row.get(9)?,
        units_placed: row.get(10)?,
        units_sold: row.get(11)?,
        revenue_minor: row.get(12)?,
        refunds_due_minor: row.get(13)?,
        sold_out_at: row.get::<_, Option<i64>>(14)?.map(UnixMs),
        orders_refunded: row.get(15)?,
        units_refunded: row.get(16)?,
        refunded_minor: row.get(17)?,
        refunds_settled_minor: row.get(18)?,
    })
}
