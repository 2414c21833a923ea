//! Exports of paid orders: which there are, and what is in one of them.
//!
//! Payments and refunds of a sale have numbers, so that the lines between two of them are the same
//! whenever and in whichever copy of the log they are asked for.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::orders::references_at;
use crate::{
    domain::fulfilment::{Contents, ExportView},
    events::{OrderReferences, Position, WarehouseUnits},
    projections::{
        fulfilment,
        orders::{self, json_at},
    },
    reports::{Page, Paging, ReportError, Reports, id_at, paging::Sizes},
    values::{Invalid, ItemId, OrderId, SaleId, UnixMs},
};

/// Payments and refunds in one export.
pub const EXPORTED_MAX: i64 = 10_000;

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// The exports of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportsQuery {
    pub sale_id: SaleId,
    /// Exports in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// A paid order to be shipped, or units of one in an earlier export that came back since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportLine {
    /// Of the payment or the refund, among those of the sale.
    pub number: i64,
    pub order_id: OrderId,
    pub item_id: ItemId,
    pub sku: String,
    pub buyer: String,
    pub units_paid: i64,
    /// Of an order those that came back by the end of the export, of a refund its own.
    pub units_refunded: i64,
    /// 0 for a refund.
    pub units_to_ship: i64,
    /// Of an order where the units to ship lie, of a refund where they lay.
    pub warehouses: Vec<WarehouseUnits>,
    pub total_minor: i64,
    pub refunded_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    pub paid_at: UnixMs,
    pub payment_reference: String,
    /// Only of a refund.
    pub returned: Option<Returned>,
    /// What the shop calls the order.
    pub references: OrderReferences,
}

/// Units that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    pub at: UnixMs,
    pub restocked: bool,
}

const LINE: &str = "p.key, p.order_id, i.item_id, i.sku, i.currency, p.units, p.total_minor,
    p.payment_reference, p.paid_at_ms";

impl Reports {
    /// Where an export ends that begins after that number, and what the read model had applied.
    pub fn export_end(&self, sale: SaleId, after: i64) -> Result<(i64, Position), ReportError> {
        self.ask(fulfilment::NAME, fulfilment::VERSION, |rows, checkpoint| {
            let (_, counted) = sale_of(rows, sale)?;
            Ok((counted.min(after.saturating_add(EXPORTED_MAX)), checkpoint.position))
        })
    }

    /// What an export with these ends holds: the orders by their payments, then the refunds of orders
    /// in earlier exports. The read model of orders must have applied as much as that of exports.
    pub fn export_lines(
        &self,
        sale: SaleId,
        (after, upto): (i64, i64),
    ) -> Result<Vec<ExportLine>, ReportError> {
        let lines = self.ask(fulfilment::NAME, fulfilment::VERSION, |rows, _| {
            let (sale, _) = sale_of(rows, sale)?;
            let mut lines = paid(rows, sale, (after, upto))?;
            lines.extend(returned(rows, sale, (after, upto))?);
            Ok(lines)
        })?;
        self.ask(orders::NAME, orders::VERSION, |rows, _| {
            let mut placed = rows.prepare(
                "SELECT buyer, shop_order_id, labels FROM orders WHERE key = ? AND order_id = ?",
            )?;
            let whole = lines.into_iter().map(|(key, line)| {
                let order = line.order_id.0;
                let found = placed.query_row(params![key, order.as_bytes().as_slice()], |row| {
                    Ok((row.get(0)?, references_at(row, 1)?))
                });
                match found.optional()? {
                    Some((buyer, references)) => Ok(ExportLine { buyer, references, ..line }),
                    None => Err(ReportError::NotReady(orders::NAME)),
                }
            });
            whole.collect()
        })
    }

    /// Exports of a sale, the first one first.
    pub fn exports(&self, query: &ExportsQuery) -> Result<Page<ExportView>, ReportError> {
        let question = [b"exports".as_slice(), query.sale_id.0.as_bytes()];
        let cut = query.paging.cut(SIZES, question)?;
        self.ask(fulfilment::NAME, fulfilment::VERSION, |rows, checkpoint| {
            let (sale, _) = sale_of(rows, query.sale_id)?;
            let [after] = cut.after.unwrap_or([0]);
            let mut found = rows.prepare(
                "SELECT number, begins_after, upto, orders, sha256, operator, reason, exported_at_ms
                 FROM exports WHERE sale = ? AND number > ? ORDER BY number LIMIT ?",
            )?;
            let found = found
                .query_map([sale, after, cut.limit()], |row| Ok(([row.get(0)?], export(row)?)))?;
            Ok(cut.page(found.collect::<Result<_, _>>()?, checkpoint))
        })
    }

    /// One export, and what the read model had applied.
    pub fn export_of(
        &self,
        sale: SaleId,
        number: i64,
    ) -> Result<(ExportView, Position), ReportError> {
        if number < 1 {
            let problem = format!("must be at least 1, not {number}");
            return Err(Invalid::new("number", problem).into());
        }
        self.ask(fulfilment::NAME, fulfilment::VERSION, |rows, checkpoint| {
            let (sale, _) = sale_of(rows, sale)?;
            let found = rows.query_row(
                "SELECT number, begins_after, upto, orders, sha256, operator, reason, exported_at_ms
                 FROM exports WHERE sale = ? AND number = ?",
                [sale, number],
                export,
            );
            let found = found.optional()?.ok_or(ReportError::NotFound("number"))?;
            Ok((found, checkpoint.position))
        })
    }
}

/// The number of a sale, and how many payments and refunds it has.
fn sale_of(rows: &Transaction<'_>, sale: SaleId) -> Result<(i64, i64), ReportError> {
    let found = rows.query_row(
        "SELECT number, counted FROM sales WHERE sale_id = ?",
        [sale.0.as_bytes().as_slice()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    found.optional()?.ok_or(ReportError::NotFound("sale_id"))
}

/// Orders that were paid between two numbers, each with its key, less what came back by the second.
fn paid(
    rows: &Transaction<'_>,
    sale: i64,
    (after, upto): (i64, i64),
) -> rusqlite::Result<Vec<(i64, ExportLine)>> {
    let mut found = rows.prepare(&format!(
        "SELECT {LINE}, p.number, p.warehouses FROM paid AS p CROSS JOIN items AS i
             ON i.number = p.key >> {}
         WHERE p.sale = ? AND p.number > ? AND p.number <= ? ORDER BY p.number",
        orders::REVISION_BITS
    ))?;
    let mut refunds = rows.prepare(
        "SELECT units, amount_minor, warehouses FROM refunds WHERE key = ? AND number <= ?
         ORDER BY number",
    )?;
    let found = found.query_map([sale, after, upto], |row| line(row, None))?;
    let less_refunds = found.map(|found| {
        let (key, mut line) = found?;
        let mut back = refunds.query([key, upto])?;
        while let Some(row) = back.next()? {
            line.units_refunded += row.get::<_, i64>(0)?;
            line.refunded_minor = line.refunded_minor.saturating_add(row.get(1)?);
            for back in warehouses_at(row, 2)? {
                let at = line.warehouses.iter_mut().find(|at| at.warehouse == back.warehouse);
                at.into_iter().for_each(|at| at.units -= back.units);
            }
        }
        line.warehouses.retain(|at| at.units > 0);
        line.units_to_ship = line.units_paid - line.units_refunded;
        Ok((key, line))
    });
    less_refunds.collect()
}

/// Refunds between two numbers of orders that were paid before them.
fn returned(
    rows: &Transaction<'_>,
    sale: i64,
    (after, upto): (i64, i64),
) -> rusqlite::Result<Vec<(i64, ExportLine)>> {
    let mut found = rows.prepare(&format!(
        "SELECT {LINE}, r.number, r.warehouses, r.refunded_at_ms, r.restocked, r.units,
             r.amount_minor
         FROM refunds AS r CROSS JOIN paid AS p ON p.key = r.key CROSS JOIN items AS i
             ON i.number = p.key >> {}
         WHERE r.sale = ? AND r.number > ? AND r.number <= ? AND p.number <= ? ORDER BY r.number",
        orders::REVISION_BITS
    ))?;
    let found = found.query_map([sale, after, upto, after], |row| {
        let returned = Returned { at: UnixMs(row.get(11)?), restocked: row.get(12)? };
        let (key, line) = line(row, Some(returned))?;
        let (units_refunded, refunded_minor) = (row.get(13)?, row.get(14)?);
        Ok((key, ExportLine { units_refunded, refunded_minor, ..line }))
    })?;
    found.collect()
}

/// What both kinds of lines have, without the buyer and what the shop calls the order.
fn line(row: &Row<'_>, returned: Option<Returned>) -> rusqlite::Result<(i64, ExportLine)> {
    let line = ExportLine {
        number: row.get(9)?,
        order_id: OrderId(id_at(row, 1)?),
        item_id: ItemId(id_at(row, 2)?),
        sku: row.get(3)?,
        buyer: String::new(),
        units_paid: row.get(5)?,
        units_refunded: 0,
        units_to_ship: 0,
        warehouses: warehouses_at(row, 10)?,
        total_minor: row.get(6)?,
        refunded_minor: 0,
        currency: row.get(4)?,
        paid_at: UnixMs(row.get(8)?),
        payment_reference: row.get(7)?,
        returned,
        references: OrderReferences::default(),
    };
    Ok((row.get(0)?, line))
}

fn warehouses_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<WarehouseUnits>> {
    json_at(column, &row.get::<_, String>(column)?)
}

fn export(row: &Row<'_>) -> rusqlite::Result<ExportView> {
    Ok(ExportView {
        number: row.get(0)?,
        contents: Contents {
            after: row.get(1)?,
            upto: row.get(2)?,
            orders: row.get(3)?,
            sha256: row.get(4)?,
        },
        operator: row.get(5)?,
        reason: row.get(6)?,
        exported_at: UnixMs(row.get(7)?),
    })
}
