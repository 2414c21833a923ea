//! Money that is due back: the list by which it is worked off, and its sums.
//!
//! Buyers, and the payments of refunded orders, come from the read model of orders. Where that one is
//! behind they are left open: they are known in a moment.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::{
    events::Position,
    projections::{
        Checkpoint, orders,
        refunds::{self, DueCause},
    },
    reports::{
        ListOrdersQuery, Page, Paging, ReportError, Reports, Whose,
        filter::Filter,
        id_at,
        paging::{Cut, Sizes},
    },
    values::{DueId, Invalid, ItemId, OrderId, SaleId, UnixMs},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Open dues of a sale that the board tells one by one.
pub const DUES_TOLD: i32 = 10;

/// Where the classes of age of an open due begin, in milliseconds: below an hour, from an hour, from
/// a day on.
pub const AGES_FROM_MS: [i64; 3] = [0, 3_600_000, 86_400_000];

/// Which dues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DueState {
    #[default]
    Open,
    Settled,
    All,
}

/// Which money that is due back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RefundsDueQuery {
    pub sale_id: Option<SaleId>,
    pub item_id: Option<ItemId>,
    pub order_id: Option<OrderId>,
    pub buyer: Option<String>,
    pub state: DueState,
    /// Dues in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// Money that is due back, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRecord {
    pub due_id: DueId,
    pub item_id: ItemId,
    pub sale_id: SaleId,
    pub sku: String,
    /// ISO 4217 code.
    pub currency: String,
    pub order_id: OrderId,
    /// Empty while the read model of orders is behind.
    pub buyer: String,
    pub cause: DueCause,
    /// That came back; 0 for a payment that bought nothing.
    pub units: i64,
    pub amount_minor: i64,
    /// Of the payment that goes back, or a part of it; empty while the read model of orders is behind.
    pub payment_reference: String,
    pub due_at: UnixMs,
    pub settled: Option<DueSettled>,
    /// Revision of the event that placed the order.
    pub placed_revision: i64,
}

/// How a due was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSettled {
    pub at: UnixMs,
    /// Of the transfer.
    pub reference: String,
    pub operator: String,
}

/// Whose sums; of everything where neither is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefundReportQuery {
    pub sale_id: Option<SaleId>,
    pub item_id: Option<ItemId>,
    /// By which the age of an open due is told.
    pub now: UnixMs,
}

/// Dues and their money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DueSum {
    pub dues: i64,
    pub amount_minor: i64,
}

/// Money of a sale that is due back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SaleDues {
    /// Ever due.
    pub due: DueSum,
    pub settled: DueSum,
    /// Open ones, the oldest first; at most [`DUES_TOLD`].
    pub oldest: Vec<DueRecord>,
}

/// Sums in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFigures {
    pub currency: String,
    /// `None` over all causes.
    pub cause: Option<DueCause>,
    /// Ever due: settled and open together.
    pub due: DueSum,
    pub settled: DueSum,
    pub open: DueSum,
    /// Of the open ones, by [`AGES_FROM_MS`].
    pub open_by_age: [DueSum; AGES_FROM_MS.len()],
    /// Since when the oldest open one is due.
    pub oldest_open: Option<UnixMs>,
}

/// Sums over money that is due back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReport {
    /// One for each currency.
    pub totals: Vec<RefundFigures>,
    /// By currency, then by cause; those that did not occur are left out.
    pub causes: Vec<RefundFigures>,
    pub checkpoint: Checkpoint,
}

impl DueRecord {
    /// For how long it was due: until it was settled, or until that moment.
    pub fn age_ms(&self, now: UnixMs) -> i64 {
        let until = self.settled.as_ref().map_or(now, |settled| settled.at);
        until.since(self.due_at).max(0)
    }
}

impl SaleDues {
    /// What is not settled.
    pub fn open(&self) -> DueSum {
        DueSum {
            dues: self.due.dues - self.settled.dues,
            amount_minor: self.due.amount_minor.saturating_sub(self.settled.amount_minor),
        }
    }

    /// For how long the oldest open one is due, in milliseconds; `None` without one.
    pub fn age_ms(&self, now: UnixMs) -> Option<i64> {
        self.oldest.first().map(|due| due.age_ms(now))
    }
}

impl DueSum {
    fn add(&mut self, more: Self) {
        self.dues = self.dues.saturating_add(more.dues);
        self.amount_minor = self.amount_minor.saturating_add(more.amount_minor);
    }
}

impl Reports {
    /// Money that is due back, the oldest first.
    pub fn refunds_due(&self, query: &RefundsDueQuery) -> Result<Page<DueRecord>, ReportError> {
        let cut = query.cut()?;
        let buyer = query.buyer.as_deref();
        let orders = buyer.map(|buyer| self.orders_of(buyer)).transpose()?;
        let mut page = self.ask(refunds::NAME, refunds::VERSION, |rows, checkpoint| {
            must_be_known(rows, query.sale_id, query.item_id)?;
            Ok(cut.page(dues(rows, query, &cut, orders.as_ref())?, checkpoint))
        })?;
        self.add_orders(&mut page.rows)?;
        Ok(page)
    }

    /// The item whose order the due is of.
    pub fn item_of_due(&self, due: DueId) -> Result<ItemId, ReportError> {
        self.ask(refunds::NAME, refunds::VERSION, |rows, _| {
            let item = "SELECT item_id FROM dues AS d CROSS JOIN items AS i ON i.number = d.item
                        WHERE due_id = ?";
            let item = rows.query_row(item, [due.0.as_bytes().as_slice()], |row| id_at(row, 0));
            item.optional()?.map(ItemId).ok_or(ReportError::NotFound("due_id"))
        })
    }

    /// Sums by cause and age.
    pub fn refund_report(&self, query: &RefundReportQuery) -> Result<RefundReport, ReportError> {
        let filter = of(query.sale_id, query.item_id);
        self.ask(refunds::NAME, refunds::VERSION, |rows, checkpoint| {
            must_be_known(rows, query.sale_id, query.item_id)?;
            let now = checkpoint.moment(query.now);
            let [_, hour, day] = AGES_FROM_MS.map(|from| now.plus(-from).0);
            let mut found = rows.prepare(&format!(
                "SELECT i.currency, d.cause, d.settled_at_ms IS NOT NULL,
                     (d.due_at_ms <= {hour}) + (d.due_at_ms <= {day}),
                     count(*), bounded_sum(d.amount_minor), min(d.due_at_ms)
                 FROM dues AS d CROSS JOIN items AS i ON i.number = d.item
                 WHERE {} GROUP BY 1, 2, 3, 4 ORDER BY 1",
                filter.condition()
            ))?;
            let groups = found.query_map(filter.parameters(), group)?;
            let mut report = RefundReport { totals: Vec::new(), causes: Vec::new(), checkpoint };
            for group in groups {
                report.add(&group?);
            }
            report.causes.sort_by(|one, other| {
                let place =
                    |of: &RefundFigures| DueCause::ALL.iter().position(|c| Some(*c) == of.cause);
                (&one.currency, place(one)).cmp(&(&other.currency, place(other)))
            });
            Ok(report)
        })
    }

    /// Money of a sale that is due back, for the board. Nothing of a sale that has no item yet.
    pub fn sale_dues(&self, sale_id: SaleId) -> Result<(SaleDues, Position), ReportError> {
        let paging = Paging { page_size: DUES_TOLD, ..Paging::default() };
        let query = RefundsDueQuery { sale_id: Some(sale_id), paging, ..Default::default() };
        let cut = query.cut()?;
        let (mut told, position) =
            self.ask(refunds::NAME, refunds::VERSION, |rows, checkpoint| {
                let sums = rows.query_row(
                    "SELECT bounded_sum(dues), bounded_sum(due_minor), bounded_sum(settled_dues),
                     bounded_sum(settled_minor) FROM items WHERE sale_id = ?",
                    [sale_id.0.as_bytes().as_slice()],
                    |row| {
                        let sum = |first: usize| -> rusqlite::Result<DueSum> {
                            Ok(DueSum { dues: row.get(first)?, amount_minor: row.get(first + 1)? })
                        };
                        Ok([sum(0)?, sum(2)?])
                    },
                )?;
                let [due, settled] = sums;
                let oldest = cut.page(dues(rows, &query, &cut, None)?, checkpoint).rows;
                Ok((SaleDues { due, settled, oldest }, checkpoint.position))
            })?;
        if !told.oldest.is_empty() {
            self.add_orders(&mut told.oldest)?;
        }
        Ok((told, position))
    }

    /// Since when the oldest open due of all sales is due.
    pub fn oldest_due(&self) -> Result<Option<UnixMs>, ReportError> {
        self.ask(refunds::NAME, refunds::VERSION, |rows, _| {
            let oldest = "SELECT min(due_at_ms) FROM dues WHERE settled_at_ms IS NULL";
            Ok(rows.query_row(oldest, [], |row| row.get::<_, Option<i64>>(0))?.map(UnixMs))
        })
    }

    /// The orders of a buyer.
    fn orders_of(&self, buyer: &str) -> Result<HashSet<OrderId>, ReportError> {
        let mut query = ListOrdersQuery {
            buyer: Some(buyer.to_owned()),
            paging: Paging { page_size: 1_000, ..Paging::default() },
            ..ListOrdersQuery::default()
        };
        let mut orders = HashSet::new();
        loop {
            let page = self.list_orders(&query)?;
            orders.extend(page.rows.into_iter().map(|order| order.order_id));
            if page.next_page_token.is_empty() {
                return Ok(orders);
            }
            query.paging.page_token = page.next_page_token;
        }
    }

    /// Fills in buyers, and the payments of orders whose units came back.
    fn add_orders(&self, dues: &mut [DueRecord]) -> Result<(), ReportError> {
        self.ask(orders::NAME, orders::VERSION, |rows, _| {
            let mut order = rows.prepare(&format!(
                "SELECT o.buyer, o.payment_reference FROM items AS i
                 JOIN orders AS o ON o.key = i.number << {} | ? WHERE i.item_id = ?",
                orders::REVISION_BITS
            ))?;
            for due in dues {
                let item = due.item_id.0.as_bytes().as_slice();
                let found = order
                    .query_row(params![due.placed_revision, item], |row| {
                        Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))
                    })
                    .optional()?;
                let Some((buyer, payment_reference)) = found else { continue };
                due.buyer = buyer;
                if due.cause == DueCause::Refunded {
                    due.payment_reference = payment_reference.unwrap_or_default();
                }
            }
            Ok(())
        })
    }
}

impl RefundsDueQuery {
    fn cut(&self) -> Result<Cut<2>, Invalid> {
        let sale = self.sale_id.map(|id| id.0.into_bytes());
        let item = self.item_id.map(|id| id.0.into_bytes());
        let order = self.order_id.map(|id| id.0.into_bytes());
        let fields = [
            b"refunds due".as_slice(),
            sale.as_ref().map_or(&[], |id| id.as_slice()),
            item.as_ref().map_or(&[], |id| id.as_slice()),
            order.as_ref().map_or(&[], |id| id.as_slice()),
            self.buyer.as_deref().unwrap_or_default().as_bytes(),
            // No buyer and a buyer without a name are two questions.
            &[u8::from(self.buyer.is_some()), self.state as u8],
        ];
        self.paging.cut(SIZES, fields)
    }
}

fn must_be_known(
    rows: &Transaction<'_>,
    sale: Option<SaleId>,
    item: Option<ItemId>,
) -> Result<(), ReportError> {
    let whose = sale.map(Whose::Sale).into_iter().chain(item.map(Whose::Item));
    whose.into_iter().try_for_each(|whose| whose.must_be_known(rows))
}

/// The conditions on dues `d` of items `i`.
fn of(sale: Option<SaleId>, item: Option<ItemId>) -> Filter {
    let mut filter = Filter::default();
    filter.and_given("d.sale_id = ?", sale.map(|sale| sale.0.as_bytes().to_vec()));
    filter.and_given("i.item_id = ?", item.map(|item| item.0.as_bytes().to_vec()));
    filter
}

type Placed<T> = ([i64; 2], T);

/// A page of dues and one more, with where they stand. Those of a buyer are picked out one by one.
fn dues(
    rows: &Transaction<'_>,
    query: &RefundsDueQuery,
    cut: &Cut<2>,
    orders: Option<&HashSet<OrderId>>,
) -> rusqlite::Result<Vec<Placed<DueRecord>>> {
    let mut filter = of(query.sale_id, query.item_id);
    let order = query.order_id.map(|order| order.0.as_bytes().to_vec());
    filter.and_given("d.order_id = ?", order);
    if let Some([due_at_ms, number]) = cut.after {
        filter.and_pair("(d.due_at_ms, d.number) > (?, ?)", due_at_ms, number);
    }
    let state = match query.state {
        DueState::Open => "d.settled_at_ms IS NULL",
        DueState::Settled => "d.settled_at_ms IS NOT NULL",
        DueState::All => "true",
    };
    let mut found = rows.prepare(&format!(
        "SELECT d.number, d.due_at_ms, d.due_id, i.item_id, d.sale_id, i.sku, i.currency, d.order_id,
             d.cause, d.units, d.amount_minor, d.payment_reference, d.settled_at_ms,
             d.settled_reference, d.settled_by, d.placed_revision
         FROM dues AS d CROSS JOIN items AS i ON i.number = d.item
         WHERE {state} AND {} ORDER BY d.due_at_ms, d.number",
        filter.condition()
    ))?;
    let dues =
        found.query_map(filter.parameters(), |row| Ok(([row.get(1)?, row.get(0)?], due(row)?)))?;
    let wanted = |due: &rusqlite::Result<Placed<DueRecord>>| match (due, orders) {
        (Ok((_, due)), Some(orders)) => orders.contains(&due.order_id),
        (Ok(_) | Err(_), _) => true,
    };
    let page: rusqlite::Result<Vec<_>> = dues.filter(wanted).take(cut.rows()).collect();
    page
}

fn due(row: &Row<'_>) -> rusqlite::Result<DueRecord> {
    let settled = row.get::<_, Option<i64>>(12)?.map(|at| {
        let (reference, operator) = (row.get(13)?, row.get(14)?);
        Ok::<_, rusqlite::Error>(DueSettled { at: UnixMs(at), reference, operator })
    });
    Ok(DueRecord {
        due_id: DueId(id_at(row, 2)?),
        item_id: ItemId(id_at(row, 3)?),
        sale_id: SaleId(id_at(row, 4)?),
        sku: row.get(5)?,
        currency: row.get(6)?,
        order_id: OrderId(id_at(row, 7)?),
        buyer: String::new(),
        cause: cause_at(row, 8)?,
        units: row.get(9)?,
        amount_minor: row.get(10)?,
        payment_reference: row.get::<_, Option<String>>(11)?.unwrap_or_default(),
        due_at: UnixMs(row.get(1)?),
        settled: settled.transpose()?,
        placed_revision: row.get(15)?,
    })
}

fn cause_at(row: &Row<'_>, column: usize) -> rusqlite::Result<DueCause> {
    let name: String = row.get(column)?;
    DueCause::named(&name).ok_or_else(|| {
        let why = format!("{name} is not a cause").into();
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why)
    })
}

/// Dues of one currency, cause, state and age.
struct Group {
    currency: String,
    cause: DueCause,
    settled: bool,
    age: usize,
    sum: DueSum,
    oldest: UnixMs,
}

fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    Ok(Group {
        currency: row.get(0)?,
        cause: cause_at(row, 1)?,
        settled: row.get(2)?,
        age: usize::from(row.get::<_, u8>(3)?),
        sum: DueSum { dues: row.get(4)?, amount_minor: row.get(5)? },
        oldest: UnixMs(row.get(6)?),
    })
}

impl RefundReport {
    fn add(&mut self, group: &Group) {
        figures(&mut self.totals, &group.currency, None).add(group);
        figures(&mut self.causes, &group.currency, Some(group.cause)).add(group);
    }
}

/// The sums of that currency and cause, new ones where there are none yet.
fn figures<'a>(
    of: &'a mut Vec<RefundFigures>,
    currency: &str,
    cause: Option<DueCause>,
) -> &'a mut RefundFigures {
    let known = of.iter().position(|sums| sums.currency == currency && sums.cause == cause);
    let place = known.unwrap_or(of.len());
    if known.is_none() {
        of.push(RefundFigures::new(currency, cause));
    }
    &mut of[place]
}

impl RefundFigures {
    /// Nothing was due.
    pub fn new(currency: &str, cause: Option<DueCause>) -> Self {
        Self {
            currency: currency.to_owned(),
            cause,
            due: DueSum::default(),
            settled: DueSum::default(),
            open: DueSum::default(),
            open_by_age: Default::default(),
            oldest_open: None,
        }
    }

    fn add(&mut self, group: &Group) {
        self.due.add(group.sum);
        if group.settled {
            self.settled.add(group.sum);
            return;
        }
        self.open.add(group.sum);
        if let Some(sum) = self.open_by_age.get_mut(group.age) {
            sum.add(group.sum);
        }
        let older = self.oldest_open.is_none_or(|oldest| group.oldest < oldest);
        if older {
            self.oldest_open = Some(group.oldest);
        }
    }
}
