//! Orders by what one knows of them: their id, the shop's id, or a label.
//!
//! The shop's ids lie in an index by chunks of orders, as buyers do, and each chunk is looked into. Labels have a
//! table of their own in the order of the answer, so a page costs its rows, however many orders have
//! the label.

use rusqlite::Transaction;

use super::orders::{COLUMNS, by_chunks, order};
use crate::{
    projections::orders::{self, PRICE_COLUMNS, REVISION_BITS},
    reports::{OrderRecord, Page, Paging, ReportError, Reports, filter::Filter, paging::Sizes},
    values::{OrderId, SaleId},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// What is known of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Order(OrderId),
    ShopOrder(String),
    Label { name: String, value: String },
}

/// Which orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindOrderQuery {
    pub wanted: Wanted,
    pub sale_id: Option<SaleId>,
    /// Orders in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// Where orders are looked for, on which conditions, and the column in whose order they are found.
struct Way {
    from: &'static str,
    key: &'static str,
    behind: &'static str,
    filter: Filter,
}

impl Wanted {
    /// The way to them; `None` where there can be none.
    fn way(&self, rows: &Transaction<'_>, sale: Option<SaleId>) -> rusqlite::Result<Option<Way>> {
        let filter = Filter::default();
        let (from, key, behind) = ("orders AS o NOT INDEXED", "o.key", "o.key > ?");
        let mut way = Way { from, key, behind, filter };
        match self {
            Self::Order(id) => {
                let Some(key) = orders::key_of(rows, *id)? else { return Ok(None) };
                way.filter.and("o.key = ?", key);
            }
            Self::ShopOrder(id) => {
                way.from = by_chunks!("orders_by_shop");
                way.filter.and("o.shop_order_id = ?", id.clone());
            }
            Self::Label { name, value } => {
                way.from = "labels AS l CROSS JOIN orders AS o ON o.key = l.key";
                (way.key, way.behind) = ("l.key", "l.key > ?");
                way.filter.and_pair("l.name = ? AND l.value = ?", name.clone(), value.clone());
                if let Some(sale) = sale {
                    // Orders of other sales are passed over, not looked through.
                    let Some((first, last)) = numbers(rows, sale)? else { return Ok(None) };
                    way.filter.and("l.key >= ?", first << REVISION_BITS);
                    way.filter.and("l.key < ?", (last + 1) << REVISION_BITS);
                }
            }
        }
        way.filter.and_given("i.sale_id = ?", sale.map(|sale| sale.0.as_bytes().to_vec()));
        Ok(Some(way))
    }

    fn fields(&self) -> [&[u8]; 3] {
        match self {
            Self::Order(id) => [b"order", id.0.as_bytes(), b""],
            Self::ShopOrder(id) => [b"shop_order", id.as_bytes(), b""],
            Self::Label { name, value } => [b"label", name.as_bytes(), value.as_bytes()],
        }
    }
}

/// The smallest and the largest number of the items of a sale.
fn numbers(rows: &Transaction<'_>, sale: SaleId) -> rusqlite::Result<Option<(i64, i64)>> {
    let numbers = "SELECT min(number), max(number) FROM items WHERE sale_id = ?";
    let (first, last): (Option<i64>, Option<i64>) =
        rows.query_row(numbers, [sale.0.as_bytes().as_slice()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(first.zip(last))
}

impl Reports {
    /// Orders by their items, the oldest one of each item first.
    pub fn find_orders(&self, query: &FindOrderQuery) -> Result<Page<OrderRecord>, ReportError> {
        let FindOrderQuery { wanted, sale_id, paging } = query;
        let sale = sale_id.map(|sale| sale.0.into_bytes());
        let mut fields = vec![b"find".as_slice(), sale.as_ref().map_or(&[], |id| id.as_slice())];
        fields.extend(wanted.fields());
        let cut = paging.cut(SIZES, fields)?;
        self.ask(orders::NAME, orders::VERSION, |rows, checkpoint| {
            let Some(mut way) = wanted.way(rows, *sale_id)? else {
                return Ok(cut.page(Vec::new(), checkpoint));
            };
            way.filter.and_given(way.behind, cut.after.map(|[key]| key));
            let mut found = rows.prepare(&format!(
                "SELECT {COLUMNS}, {PRICE_COLUMNS} FROM {} CROSS JOIN items AS i
                 ON i.number = o.key >> {REVISION_BITS} WHERE {} ORDER BY {} LIMIT {}",
                way.from,
                way.filter.condition(),
                way.key,
                cut.limit()
            ))?;
            let found =
                found.query_map(way.filter.parameters(), |row| Ok(([row.get(0)?], order(row)?)))?;
            Ok(cut.page(found.collect::<Result<_, _>>()?, checkpoint))
        })
    }

    /// The order of that id.
    pub fn order(&self, order_id: OrderId) -> Result<OrderRecord, ReportError> {
        let (wanted, paging) = (Wanted::Order(order_id), Paging::default());
        let found = self.find_orders(&FindOrderQuery { wanted, sale_id: None, paging })?;
        found.rows.into_iter().next().ok_or(ReportError::NotFound("order_id"))
    }
}
