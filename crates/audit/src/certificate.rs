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
    orders::Order,
    stock::{Stock, Totals},
};

/// What a certificate calls itself.
pub(super) const FORMAT: &str = "doorbuster certificate";
const VERSION: u32 = 1;

/// What it says of the log, each shown by the lines below it or by the verification it was made in.
const CLAIMS: [&str; 4] = [
    "for every item and warehouse: allocated = available + held + sold, and none is below zero",
    "after no event of the log did held + sold exceed allocated",
    "every order ever placed is listed once, in the state that the log ends with",
    "units held and units sold are those of the orders listed as held and as paid",
];

/// A log that was judged, and what it says, to be certified if it is sound.
pub struct Judged {
    /// The verdict.
    pub proof: Proof,
    /// Whether the walk remembered what a certificate needs.
    pub(super) kept: bool,
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
    claims: [&'a str; 4],
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
    orders: OrderCounts,
    root: String,
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
        kept: bool,
        position: u64,
        last_event_at_ms: i64,
        mut items: Vec<JudgedItem>,
    ) -> Self {
        // Not in the order of the log: where streams of several items begin differs between copies.
        items.sort_by_key(|item| (item.book.sale(), item.book.id()));
        Self { proof, kept, position, last_event_at_ms, items }
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
            item.each_order(&mut line, |order| {
                tree.add(merkle::leaf(order));
                Ok(())
            })?;
            item.line(&mut line, &tree.root())?;
            document.tree.add(merkle::leaf(&line));
            document.write(&line)?;
            item.each_order(&mut line, |order| document.write(order))?;
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
            version: VERSION,
            chain: if chained { "sha-256" } else { "none" },
            position: self.position,
            events,
            streams,
            last_event_at_ms: self.last_event_at_ms,
            items,
            orders,
            claims: CLAIMS,
        }
    }
}

impl JudgedItem {
    /// Shows the line of each order, in the order in which they were placed.
    fn each_order(
        &self,
        line: &mut Vec<u8>,
        mut see: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Shelf { stock, orders, .. } = self.book.shelf();
        for (_, order, buyer) in orders.each() {
            write_json(line, &order_line(order, buyer, stock, orders))?;
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

    fn line(&self, line: &mut Vec<u8>, root: &Hash) -> io::Result<()> {
        let ItemTotals { item_id, sale_id, sku, title, closed, units, orders } = self.totals();
        let Shelf { stock, .. } = self.book.shelf();
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
            orders,
            root: hex(root),
        };
        write_json(line, &item)
    }
}

fn order_line<'a>(
    order: &Order,
    buyer: &Hash,
    stock: &'a Stock,
    orders: &super::orders::Orders,
) -> OrderLine<'a> {
    let parts = orders.parts(order.from, order.units);
    OrderLine {
        order_id: order.id(),
        units: order.units,
        warehouses: parts.iter().map(|(number, units)| (stock.name(*number), *units)).collect(),
        state: order.state.verb(),
        revision: order.revision,
        buyer: hex(buyer),
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
        }
    }

    fn of(&mut self, state: super::orders::State) -> &mut u64 {
        use super::orders::State;
        match state {
            State::Held => &mut self.held,
            State::Paid => &mut self.paid,
            State::Cancelled => &mut self.cancelled,
            State::Expired => &mut self.expired,
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
