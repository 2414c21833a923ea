//! The no-oversell certificate: the units and orders of each item in a sound log, as a document
//! that can be checked without the log and without this program. docs/certificate.md describes it.
//!
//! It is made only from a verified, sound log. The same log gives the same bytes. It must never
//! name a buyer: buyers are represented by a hash that can be opened only with the request id of
//! the order.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Proof,
    chain::Hash,
    item::{ItemBook, Shelf},
    merkle::{self, Tree},
    orders::{Order, Orders, State, cut},
    stock::{Stock, Totals},
};

/// What a certificate calls itself.
pub(super) const FORMAT: &str = "doorbuster certificate";
/// Of a log in which every item is plain, and of any other one.
const VERSION_PLAIN: u32 = 1;
const VERSION_PRICED: u32 = 2;

/// What it says of the log, each shown by the lines below it or by the verification it was made in.
const CLAIMS: [&str; 4] = [
    "for every item and warehouse: allocated = available + held + sold, and none is below zero",
    "after no event of the log did held + sold exceed allocated",
    "every order ever placed is listed once, in the state that the log ends with",
    "units held and units sold are those of the orders listed as held and as paid",
];

/// The same in version 2.
const CLAIMS_PRICED: [&str; 6] = [
    CLAIMS[0],
    CLAIMS[1],
    CLAIMS[2],
    "units held are those of the orders listed as held, units sold those of the orders paid for, \
     less the units given back",
    "every order costs what its parts cost together, less its discount, and at least 1",
    "every price and every discount is the one that the rules in force gave the order when it was \
     placed",
];

/// A log that was judged, and what it says, to be certified if it is sound.
pub struct Judged {
    /// The verdict.
    pub proof: Proof,
    /// Whether the walk remembered what a certificate needs.
    pub(super) kept: bool,
    /// Whether every item is a plain one.
    pub(super) plain: bool,
    pub(super) position: u64,
    pub(super) last_event_at_ms: i64,
    pub(super) items: Vec<JudgedItem>,
}

/// One item and where its stream ends.
pub(super) struct JudgedItem {
    pub book: Box<ItemBook>,
    pub revision: u64,
    /// The last link of its chain, where the store keeps one.
    pub head: Option<Hash>,
}

/// What seals a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The one figure to publish: it fixes every line, in 32 bytes.
    pub root: [u8; 32],
    /// Of all bytes before the seal.
    pub sha256: [u8; 32],
    /// Bytes of the whole document.
    pub bytes: u64,
}

/// The buyer and the request of an order, which open its `buyer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opening {
    pub request_id: Uuid,
    pub buyer: String,
}

#[derive(Serialize)]
#[serde(tag = "line", rename = "header")]
struct HeaderLine<'a> {
    format: &'a str,
    version: u32,
    /// `sha-256` or `none`.
    chain: &'a str,
    position: u64,
    events: u64,
    streams: u64,
    last_event_at_ms: i64,
    items: u64,
    orders: u64,
    claims: &'a [&'a str],
}

#[derive(Serialize)]
#[serde(tag = "line", rename = "item")]
struct ItemLine<'a> {
    item_id: Uuid,
    sale_id: Uuid,
    sku: &'a str,
    title: &'a str,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    closed: bool,
    #[serde(flatten)]
    units: Units,
    warehouses: Vec<WarehouseUnits<'a>>,
    orders: StateCounts,
    #[serde(flatten)]
    money: Option<ItemMoney>,
    root: String,
}

/// Orders by state, as they are written down.
#[derive(Serialize)]
struct StateCounts {
    #[serde(flatten)]
    orders: OrderCounts,
    /// Only in version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<u64>,
}

/// What version 2 adds to an item, in minor units.
#[derive(Serialize)]
struct ItemMoney {
    /// Totals of the orders that were paid for.
    paid_minor: i128,
    /// What was given back of that.
    refunded_minor: i128,
}

/// Units, as the log says where they are: allocated = available + held + sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Units {
    pub allocated: i128,
    pub available: i128,
    pub held: i128,
    pub sold: i128,
}

/// What the log says of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemTotals<'a> {
    pub item_id: Uuid,
    pub sale_id: Uuid,
    pub sku: &'a str,
    pub title: &'a str,
    pub closed: bool,
    pub units: Units,
    pub orders: OrderCounts,
}

#[derive(Serialize)]
struct WarehouseUnits<'a> {
    warehouse: &'a str,
    #[serde(flatten)]
    units: Units,
}

/// Orders by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OrderCounts {
    pub held: u64,
    pub paid: u64,
    pub cancelled: u64,
    pub expired: u64,
    /// Paid, and all of their units came back. Only version 2 has the count, as its last one.
    #[serde(skip)]
    pub refunded: u64,
}

#[derive(Serialize)]
#[serde(tag = "line", rename = "order")]
struct OrderLine<'a> {
    order_id: Uuid,
    units: u32,
    warehouses: Vec<(&'a str, i64)>,
    state: &'a str,
    revision: u64,
    buyer: String,
    #[serde(flatten)]
    money: Option<OrderMoney<'a>>,
}

/// What version 2 adds to an order, in minor units.
#[derive(Serialize)]
struct OrderMoney<'a> {
    /// Units and what each of them costs, in the order of the ladder.
    parts: Vec<(i64, i64)>,
    discount_minor: i128,
    total_minor: i128,
    /// Warehouses and units that were given back.
    refunded: Vec<(&'a str, i64)>,
    refunded_minor: i128,
}

/// What stands for a buyer. The request's id is random and known to shop and buyer only.
pub(super) fn buyer_sum(request: Uuid, buyer: &str) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"doorbuster buyer 1\n");
    hash.update(request.as_bytes());
    hash.update(buyer.as_bytes());
    hash.finalize().into()
}

impl Judged {
    pub(super) fn new(
        proof: Proof,
        (kept, plain): (bool, bool),
        position: u64,
        last_event_at_ms: i64,
        mut items: Vec<JudgedItem>,
    ) -> Self {
        // Not in the order of the log: where streams of several items begin differs between copies.
        items.sort_by_key(|item| (item.book.sale(), item.book.id()));
        Self { proof, kept, plain, position, last_event_at_ms, items }
    }

    /// Writes the certificate. `None`, with nothing written, if the log is not sound or was judged
    /// without remembering what a certificate needs.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn certify(&self, to: &mut dyn Write) -> io::Result<Option<Seal>> {
        if !self.proof.ok() || !self.kept {
            return Ok(None);
        }
        let mut document = Document { to, sum: Sha256::new(), bytes: 0, tree: Tree::default() };
        let mut line = Vec::with_capacity(512);
        write_json(&mut line, &self.header())?;
        document.tree.add(merkle::leaf(&line));
        document.write(&line)?;
        for item in &self.items {
            // The root stands before the orders, so they are gone through twice.
            let mut tree = Tree::default();
            item.each_order(self.plain, &mut line, |order| {
                tree.add(merkle::leaf(order));
                Ok(())
            })?;
            item.line(self.plain, &mut line, &tree.root())?;
            document.tree.add(merkle::leaf(&line));
            document.write(&line)?;
            item.each_order(self.plain, &mut line, |order| document.write(order))?;
        }
        document.seal().map(Some)
    }

    /// The root of the certificate, without writing it down; `None` if the log is not sound.
    ///
    /// # Errors
    /// None that a log can cause.
    pub fn root(&self) -> io::Result<Option<String>> {
        let seal = self.certify(&mut io::sink())?;
        Ok(seal.map(|seal| hex(&seal.root)))
    }

    /// Position of the last event; 0 where there is none.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What the log says of each item.
    pub fn items(&self) -> impl Iterator<Item = ItemTotals<'_>> {
        self.items.iter().map(JudgedItem::totals)
    }

    /// What opens the buyer of the order that was asked for, if the log has it.
    pub fn opening(&self) -> Option<&Opening> {
        self.items.iter().find_map(|item| item.book.opening())
    }

    fn header(&self) -> HeaderLine<'_> {
        let Proof { chained, events, streams, items, orders, .. } = self.proof;
        HeaderLine {
            format: FORMAT,
            version: if self.plain { VERSION_PLAIN } else { VERSION_PRICED },
            chain: if chained { "sha-256" } else { "none" },
            position: self.position,
            events,
            streams,
            last_event_at_ms: self.last_event_at_ms,
            items,
            orders,
            claims: if self.plain { &CLAIMS } else { &CLAIMS_PRICED },
        }
    }
}

impl JudgedItem {
    /// Shows the line of each order, in the order in which they were placed.
    fn each_order(
        &self,
        plain: bool,
        line: &mut Vec<u8>,
        mut see: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Shelf { stock, orders, .. } = self.book.shelf();
        for (row, order, buyer) in orders.each() {
            let money = (!plain).then(|| order_money(row, orders, stock));
            write_json(line, &order_line((order, buyer), money, stock, orders))?;
            see(line)?;
        }
        Ok(())
    }

    fn totals(&self) -> ItemTotals<'_> {
        let Shelf { sale, sku, title, closed, stock, orders } = self.book.shelf();
        let mut counts = OrderCounts::default();
        for (_, order, _) in orders.each() {
            *counts.of(order.state) += 1;
        }
        ItemTotals {
            item_id: self.book.id(),
            sale_id: sale,
            sku,
            title,
            closed,
            units: Units::from(stock.totals()),
            orders: counts,
        }
    }

    fn line(&self, plain: bool, line: &mut Vec<u8>, root: &Hash) -> io::Result<()> {
        let ItemTotals { item_id, sale_id, sku, title, closed, units, orders } = self.totals();
        let Shelf { stock, orders: listed, .. } = self.book.shelf();
        let warehouses = stock
            .each()
            .map(|(warehouse, totals)| WarehouseUnits { warehouse, units: Units::from(totals) });
        let item = ItemLine {
            item_id,
            sale_id,
            sku,
            title,
            revision: self.revision,
            head: self.head.as_ref().map(|head| hex(head)),
            closed,
            units,
            warehouses: warehouses.collect(),
            orders: StateCounts { orders, refunded: (!plain).then_some(orders.refunded) },
            money: (!plain).then(|| item_money(listed)),
            root: hex(root),
        };
        write_json(line, &item)
    }
}

fn item_money(orders: &Orders) -> ItemMoney {
    let mut money = ItemMoney { paid_minor: 0, refunded_minor: 0 };
    for (row, order, _) in orders.each() {
        if matches!(order.state, State::Paid | State::Refunded) {
            money.paid_minor += orders.total(row);
        }
        money.refunded_minor += orders.story(row).refunded_minor;
    }
    money
}

fn order_money<'a>(row: u32, orders: &Orders, stock: &'a Stock) -> OrderMoney<'a> {
    let order = orders.row(row);
    let priced = orders.priced(row);
    let parts = priced.map(|priced| priced.parts.iter().map(|p| (p.units, p.unit_price_minor)));
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let all = i64::from(order.units);
    let story = orders.story(row);
    let refunded = cut(orders.parts(order.from, order.units), all - story.refunded_units..all);
    OrderMoney {
        parts: if parts.is_empty() { vec![(all, order.unit_price_minor)] } else { parts },
        discount_minor: priced.map_or(0, |priced| priced.discount_minor),
        total_minor: orders.total(row),
        refunded: refunded.iter().map(|(number, units)| (stock.name(*number), *units)).collect(),
        refunded_minor: story.refunded_minor,
    }
}

fn order_line<'a>(
    (order, buyer): (&Order, &Hash),
    money: Option<OrderMoney<'a>>,
    stock: &'a Stock,
    orders: &Orders,
) -> OrderLine<'a> {
    let parts = orders.parts(order.from, order.units);
    OrderLine {
        order_id: order.id(),
        units: order.units,
        warehouses: parts.iter().map(|(number, units)| (stock.name(*number), *units)).collect(),
        state: order.state.verb(),
        revision: order.revision,
        buyer: hex(buyer),
        money,
    }
}

impl Units {
    /// Units of both together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            allocated: self.allocated + other.allocated,
            available: self.available + other.available,
            held: self.held + other.held,
            sold: self.sold + other.sold,
        }
    }
}

impl OrderCounts {
    /// Orders of both together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            held: self.held + other.held,
            paid: self.paid + other.paid,
            cancelled: self.cancelled + other.cancelled,
            expired: self.expired + other.expired,
            refunded: self.refunded + other.refunded,
        }
    }

    fn of(&mut self, state: State) -> &mut u64 {
        match state {
            State::Held => &mut self.held,
            State::Paid => &mut self.paid,
            State::Cancelled => &mut self.cancelled,
            State::Expired => &mut self.expired,
            State::Refunded => &mut self.refunded,
        }
    }
}

impl From<Totals> for Units {
    fn from(Totals { allocated, held, sold }: Totals) -> Self {
        Self { allocated, available: allocated - held - sold, held, sold }
    }
}

/// A certificate that is being written.
struct Document<'a> {
    to: &'a mut dyn Write,
    sum: Sha256,
    bytes: u64,
    tree: Tree,
}

impl Document<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        for part in [line, b"\n"] {
            self.to.write_all(part)?;
            self.sum.update(part);
            self.bytes += part.len() as u64;
        }
        Ok(())
    }

    fn seal(self) -> io::Result<Seal> {
        let (root, sha256) = (self.tree.root(), self.sum.finalize().into());
        let line = seal_line(&root, &sha256);
        self.to.write_all(line.as_bytes())?;
        self.to.flush()?;
        Ok(Seal { root, sha256, bytes: self.bytes + line.len() as u64 })
    }
}

/// The last line, with its end.
pub(super) fn seal_line(root: &Hash, sha256: &Hash) -> String {
    let (root, sha256) = (hex(root), hex(sha256));
    format!("{{\"line\":\"seal\",\"root\":\"{root}\",\"sha256\":\"{sha256}\"}}\n")
}

/// The line for a value, in the place of the one before.
fn write_json(line: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    line.clear();
    serde_json::to_writer(line, value).map_err(io::Error::from)
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
