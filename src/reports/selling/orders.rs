//! The list of orders: by sale, item, buyer, state and time, in any combination, oldest first.
//!
//! Each question goes one of three ways through the table: along the rows of one item, through the
//! index by buyer, or along the index by time. What the way does not decide is checked row by row,
//! so a rare state in a large sale is a long walk; an index by state would slow every payment down.

use rusqlite::{OptionalExtension, Row, Transaction};

use crate::{
    domain::item::OrderState,
    events::{OrderPrice, OrderReferences, WarehouseUnits},
    projections::orders::{
        self, CANCELLED, EXPIRED, HELD, PAID, PRICE_COLUMNS, REFUNDED, REVISION_BITS, buyer_hash,
        number_of_state,
    },
    reports::{
        Page, Paging, ReportError, Reports,
        filter::Filter,
        id_at,
        paging::{Cut, Sizes},
    },
    values::{ENDLESS, Invalid, ItemId, OrderId, SaleId, UnixMs},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Which orders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListOrdersQuery {
    pub sale_id: Option<SaleId>,
    pub item_id: Option<ItemId>,
    pub buyer: Option<String>,
    pub state: Option<OrderState>,
    /// Placed at or after.
    pub placed_from: Option<UnixMs>,
    /// Placed before.
    pub placed_until: Option<UnixMs>,
    /// Orders in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// An order as the read model knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    pub order_id: OrderId,
    pub item_id: ItemId,
    pub sale_id: SaleId,
    pub buyer: String,
    pub units: i64,
    pub price: OrderPrice,
    /// ISO 4217 code.
    pub currency: String,
    pub state: OrderState,
    pub placed_at: UnixMs,
    /// The hold ends here if it is not paid.
    pub pay_by: UnixMs,
    /// Empty where the buyer did not say.
    pub channel: String,
    /// Which warehouses the units come from.
    pub warehouses: Vec<WarehouseUnits>,
    /// When it was paid, cancelled or expired.
    pub settled_at: Option<UnixMs>,
    /// Empty unless paid.
    pub payment_reference: String,
    /// Failed payments that were recorded.
    pub failed_payments: i32,
    /// When it was brought back by a payment after it had expired.
    pub reinstated_at: Option<UnixMs>,
    /// Units that came back after they were paid, and the money for them.
    pub refunded_units: i64,
    pub refunded_minor: i64,
    /// What the shop calls it.
    pub references: OrderReferences,
}

/// One way through the table.
struct Way {
    from: &'static str,
    order: &'static str,
}

/// All chunks of orders, each joined with its part of an index by chunks.
macro_rules! by_chunks {
    ($index:literal) => {
        concat!(
            "(WITH RECURSIVE chunks (chunk) AS (SELECT 0 UNION ALL SELECT chunk + 1 FROM chunks
              WHERE chunk < (SELECT max(chunk) FROM orders)) SELECT chunk FROM chunks) AS c
              CROSS JOIN orders AS o INDEXED BY ",
            $index,
            " ON o.chunk = c.chunk"
        )
    };
}
pub(super) use by_chunks;

const BY_ITEM: Way = Way { from: "orders AS o NOT INDEXED", order: "o.key" };
const BY_TIME: Way =
    Way { from: "orders AS o INDEXED BY orders_by_time", order: "o.placed_at_ms, o.key" };
/// Each chunk of the index is looked into; a buyer's orders are few enough to be sorted.
const BY_BUYER: Way = Way { from: by_chunks!("orders_by_buyer"), order: "o.placed_at_ms, o.key" };

pub(super) const COLUMNS: &str =
    "o.key, o.placed_at_ms, o.order_id, i.item_id, i.sale_id, o.buyer, o.units,
    o.unit_price_minor, i.currency, o.state, o.pay_by_ms, o.channel, o.warehouse,
    o.split, o.settled_at_ms, o.payment_reference, o.failed_payments, o.reinstated_at_ms,
    o.refunded_units, o.refunded_minor, o.shop_order_id, o.labels";

impl Reports {
    /// Orders, oldest first.
    pub fn list_orders(&self, query: &ListOrdersQuery) -> Result<Page<OrderRecord>, ReportError> {
        if query.placed_from.zip(query.placed_until).is_some_and(|(from, until)| until < from) {
            return Err(Invalid::new("placed_until", "must not be before placed_from").into());
        }
        let cut = query.cut()?;
        self.ask(orders::NAME, orders::VERSION, |rows, checkpoint| {
            let Some((way, filter)) = query.way(rows, &cut)? else {
                return Ok(cut.page(Vec::new(), checkpoint));
            };
            let mut found = rows.prepare(&format!(
                "SELECT {COLUMNS}, {PRICE_COLUMNS} FROM {} CROSS JOIN items AS i ON i.number = o.key >> {REVISION_BITS}
                 WHERE {} ORDER BY {} LIMIT {}",
                way.from,
                filter.condition(),
                way.order,
                cut.limit()
            ))?;
            let found = found.query_map(filter.parameters(), |row| {
                Ok(([row.get(1)?, row.get(0)?], order(row)?))
            })?;
            Ok(cut.page(found.collect::<Result<_, _>>()?, checkpoint))
        })
    }
}

impl ListOrdersQuery {
    fn cut(&self) -> Result<Cut<2>, Invalid> {
        let sale = self.sale_id.map(|id| id.0.into_bytes());
        let item = self.item_id.map(|id| id.0.into_bytes());
        let state = self.state.map_or(0, number_of_state).to_be_bytes();
        let from = self.placed_from.map_or(i64::MIN, |at| at.0).to_be_bytes();
        let until = self.placed_until.map_or(ENDLESS, |at| at.0).to_be_bytes();
        let fields = [
            b"orders".as_slice(),
            sale.as_ref().map_or(&[], |id| id.as_slice()),
            item.as_ref().map_or(&[], |id| id.as_slice()),
            self.buyer.as_deref().unwrap_or_default().as_bytes(),
            // No buyer and a buyer without a name are two questions.
            &[u8::from(self.buyer.is_some())],
            &state,
            &from,
            &until,
        ];
        self.paging.cut(SIZES, fields)
    }

    /// The way to go and what to check on it; `None` if no order can be found.
    fn way(&self, rows: &Transaction<'_>, cut: &Cut<2>) -> rusqlite::Result<Option<(Way, Filter)>> {
        let mut filter = Filter::default();
        let mut from = self.placed_from.map(|at| at.0);
        let mut way = BY_TIME;
        if let Some(item) = self.item_id {
            let Some(number) = item_number(rows, item, self.sale_id)? else { return Ok(None) };
            filter.and("o.key >= ?", number << REVISION_BITS);
            filter.and("o.key <= ?", (number << REVISION_BITS) | ((1 << REVISION_BITS) - 1));
            // An item's rows stand in the order of time, but only the index finds a moment in them.
            if self.placed_from.is_none() && self.placed_until.is_none() {
                way = BY_ITEM;
            }
        } else if let Some(sale) = self.sale_id {
            let sale = sale.0.as_bytes().to_vec();
            let Some((first, last)) = placed_between(rows, &sale)? else { return Ok(None) };
            from = from.max(Some(first));
            filter.and("o.placed_at_ms <= ?", last);
            filter.and("i.sale_id = ?", sale);
        }
        if let Some(buyer) = &self.buyer {
            filter.and("o.buyer_hash = ?", buyer_hash(buyer));
            filter.and("o.buyer = ?", buyer.clone());
            way = BY_BUYER;
        }
        filter.and_given("o.state = ?", self.state.map(number_of_state));
        filter.and_given("o.placed_at_ms < ?", self.placed_until.map(|at| at.0));
        if let Some([placed_at_ms, key]) = cut.after {
            from = from.max(Some(placed_at_ms));
            filter.and_pair("(o.placed_at_ms, o.key) > (?, ?)", placed_at_ms, key);
            if way.from == BY_ITEM.from {
                filter.and("o.key > ?", key);
            }
        }
        filter.and_given("o.placed_at_ms >= ?", from);
        Ok(Some((way, filter)))
    }
}

/// The number of an item, if it is of that sale.
fn item_number(
    rows: &Transaction<'_>,
    item: ItemId,
    sale: Option<SaleId>,
) -> rusqlite::Result<Option<i64>> {
    let mut filter = Filter::default();
    filter.and("item_id = ?", item.0.as_bytes().to_vec());
    filter.and_given("sale_id = ?", sale.map(|sale| sale.0.as_bytes().to_vec()));
    let number = format!("SELECT number FROM items WHERE {}", filter.condition());
    rows.query_row(&number, filter.parameters(), |row| row.get(0)).optional()
}

/// When the first and the last order of a sale were placed.
fn placed_between(rows: &Transaction<'_>, sale: &[u8]) -> rusqlite::Result<Option<(i64, i64)>> {
    let (first, last): (Option<i64>, Option<i64>) = rows.query_row(
        "SELECT min(first_placed_at_ms), max(last_placed_at_ms) FROM items WHERE sale_id = ?",
        [sale],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(first.zip(last))
}

fn state_at(row: &Row<'_>, column: usize) -> rusqlite::Result<OrderState> {
    match row.get(column)? {
        HELD => Ok(OrderState::Held),
        PAID => Ok(OrderState::Paid),
        CANCELLED => Ok(OrderState::Cancelled),
        EXPIRED => Ok(OrderState::Expired),
        REFUNDED => Ok(OrderState::Refunded),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

/// What the shop calls an order: its id there, and in the column behind it the labels.
pub(super) fn references_at(row: &Row<'_>, column: usize) -> rusqlite::Result<OrderReferences> {
    let labels = row.get::<_, Option<String>>(column + 1)?;
    let labels = labels.map(|labels| orders::json_at(column + 1, &labels)).transpose()?;
    let shop_order_id = row.get::<_, Option<String>>(column)?.unwrap_or_default();
    Ok(OrderReferences { shop_order_id, labels: labels.unwrap_or_default() })
}

pub(super) fn order(row: &Row<'_>) -> rusqlite::Result<OrderRecord> {
    let units = row.get(6)?;
    let warehouses = match (row.get(12)?, row.get::<_, Option<String>>(13)?) {
        (Some(warehouse), _) => vec![WarehouseUnits { warehouse, units }],
        (None, Some(split)) => orders::json_at(13, &split)?,
        (None, None) => Vec::new(),
    };
    Ok(OrderRecord {
        order_id: OrderId(id_at(row, 2)?),
        item_id: ItemId(id_at(row, 3)?),
        sale_id: SaleId(id_at(row, 4)?),
        buyer: row.get(5)?,
        units,
        price: orders::price_at(row, 22)?,
        currency: row.get(8)?,
        state: state_at(row, 9)?,
        placed_at: UnixMs(row.get(1)?),
        pay_by: UnixMs(row.get(10)?),
        channel: row.get(11)?,
        warehouses,
        settled_at: row.get::<_, Option<i64>>(14)?.map(UnixMs),
        payment_reference: row.get::<_, Option<String>>(15)?.unwrap_or_default(),
        failed_payments: row.get(16)?,
        reinstated_at: row.get::<_, Option<i64>>(17)?.map(UnixMs),
        refunded_units: row.get(18)?,
        refunded_minor: row.get(19)?,
        references: references_at(row, 20)?,
    })
}
