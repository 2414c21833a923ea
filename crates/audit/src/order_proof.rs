//! The proof that one order stands in a certificate: its line, and the hashes beside the way from
//! there to the certificate's root.
//!
//! Read off the certificate's own bytes, whether they lie in a file or are just being made, so that
//! both cases share one implementation. With the published root the proof can be checked without
//! the certificate.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    certificate::{self, Opening, hex},
    chain::Hash,
    merkle::{self, root_of},
};

/// What a proof calls itself.
const FORMAT: &str = "doorbuster order proof";
const VERSION: u32 = 1;

/// Longest line that is read: an item has one part for each of its warehouses.
const LINE_BYTES_MAX: usize = 16 << 20;

/// That an order stands in the certificate with that root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderProof {
    format: &'static str,
    version: u32,
    pub order_id: Uuid,
    /// What it leads to: compare it with the root that was published.
    pub root: String,
    /// Lines of the certificate, as they stand there.
    pub header: String,
    pub item: String,
    pub order: String,
    /// Place among the orders of the item, from 0, and the hashes beside its way to the item's root.
    pub order_index: u64,
    pub order_path: Vec<String>,
    /// Place among the header and the items, from 0, and the hashes beside its way to the root.
    pub item_index: u64,
    pub item_path: Vec<String>,
    /// The hashes beside the way of the header, which says how many lines there are.
    pub header_path: Vec<String>,
    /// The buyer; absent if the log was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    #[error("order {0} is not in the certificate")]
    NotThere(Uuid),
    /// What was read is not a certificate, or not as it was written.
    #[error("line {line} of the certificate {problem}")]
    Wrong { line: u64, problem: &'static str },
}

/// Looks for one order in a certificate whose bytes are written to it.
pub struct OrderSearch {
    order: Uuid,
    line: Vec<u8>,
    lines: u64,
    sum: Sha256,
    header: String,
    /// Hashes of the header and of the items so far.
    top: Vec<Hash>,
    /// The item whose orders are coming, and the hashes of those.
    item: Option<Item>,
    orders: Vec<Hash>,
    found: Option<Found>,
    sealed: Option<Hash>,
    wrong: Option<Unproved>,
}

struct Item {
    line: String,
    root: String,
}

/// The order, and its way as far as it is known.
struct Found {
    order: String,
    order_index: usize,
    item_index: usize,
    item: String,
    order_path: Vec<Hash>,
}

/// What has to be known of a line to find the way.
#[derive(Deserialize)]
struct Head {
    line: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    root: String,
    #[serde(default)]
    order_id: Option<Uuid>,
}

impl OrderSearch {
    /// A search for that order.
    pub fn new(order: Uuid) -> Self {
        Self {
            order,
            line: Vec::new(),
            lines: 0,
            sum: Sha256::new(),
            header: String::new(),
            top: Vec::new(),
            item: None,
            orders: Vec::new(),
            found: None,
            sealed: None,
            wrong: None,
        }
    }

    /// The proof, after the last byte.
    ///
    /// # Errors
    /// When the order is not there, or the bytes are no whole certificate.
    pub fn end(self, opening: Option<Opening>) -> Result<OrderProof, Unproved> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let wrong = |problem| Unproved::Wrong { line: self.lines + 1, problem };
        let root = self.sealed.ok_or_else(|| wrong("is missing: a certificate ends in a seal"))?;
        if !self.line.is_empty() {
            return Err(wrong("stands after the seal"));
        }
        let found = self.found.ok_or(Unproved::NotThere(self.order))?;
        let item_path = merkle::path(&self.top, found.item_index);
        let hexes = |path: &[Hash]| path.iter().map(|hash| hex(hash)).collect();
        Ok(OrderProof {
            format: FORMAT,
            version: VERSION,
            order_id: self.order,
            root: hex(&root),
            header: self.header,
            item: found.item,
            order: found.order,
            order_index: found.order_index as u64,
            order_path: hexes(&found.order_path),
            item_index: found.item_index as u64,
            item_path: hexes(&item_path),
            header_path: hexes(&merkle::path(&self.top, 0)),
            opening,
        })
    }

    /// Takes the line that has just become whole, without its end.
    fn take(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if self.sealed.is_some() {
            return Err("stands after the seal");
        }
        let head: Head = serde_json::from_slice(line).map_err(|_| "is not one of a certificate")?;
        let text = str::from_utf8(line).map_err(|_| "is not text")?;
        match (head.line.as_str(), self.lines) {
            ("header", 0) if head.format == certificate::FORMAT => {
                text.clone_into(&mut self.header);
                self.top.push(merkle::leaf(line));
            }
            (_, 0) => return Err("is not the header of a certificate"),
            ("item", _) => {
                self.end_item()?;
                self.item = Some(Item { line: text.to_owned(), root: head.root });
                self.top.push(merkle::leaf(line));
            }
            ("order", _) => {
                let item = self.item.as_ref().ok_or("is an order without an item")?;
                if head.order_id == Some(self.order) {
                    self.found = Some(Found {
                        order: text.to_owned(),
                        order_index: self.orders.len(),
                        item_index: self.top.len() - 1,
                        item: item.line.clone(),
                        order_path: Vec::new(),
                    });
                }
                self.orders.push(merkle::leaf(line));
            }
            ("seal", _) => return self.seal(line),
            _ => return Err("is not one of a certificate"),
        }
        self.sum.update(line);
        self.sum.update(b"\n");
        Ok(())
    }

    /// All orders of the item are there.
    fn end_item(&mut self) -> Result<(), &'static str> {
        let orders = std::mem::take(&mut self.orders);
        let Some(item) = self.item.take() else { return Ok(()) };
        if hex(&root_of(&orders)) != item.root {
            return Err("follows an item whose orders do not have its root");
        }
        let here = self.top.len() - 1;
        if let Some(found) = self.found.as_mut().filter(|found| found.item_index == here) {
            found.order_path = merkle::path(&orders, found.order_index);
        }
        Ok(())
    }

    fn seal(&mut self, line: &[u8]) -> Result<(), &'static str> {
        self.end_item()?;
        let root = root_of(&self.top);
        let sha256 = self.sum.clone().finalize().into();
        let expected = certificate::seal_line(&root, &sha256);
        if expected.trim_end().as_bytes() != line {
            return Err("does not seal what stands before it: the certificate was changed");
        }
        self.sealed = Some(root);
        Ok(())
    }
}

/// Never fails: what is wrong is said in the end.
impl Write for OrderSearch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.wrong.is_some() {
                break;
            }
            self.line.extend_from_slice(part);
            let whole = self.line.pop_if(|last| *last == b'\n').is_some();
            let mut taken = Ok(());
            if self.line.len() > LINE_BYTES_MAX {
                taken = Err("is too long");
            } else if whole {
                let line = std::mem::take(&mut self.line);
                taken = self.take(&line);
                self.line = line;
                self.line.clear();
            }
            if let Err(problem) = taken {
                self.wrong = Some(Unproved::Wrong { line: self.lines + 1, problem });
            }
            self.lines += u64::from(whole);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for OrderSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderSearch").field("lines", &self.lines).finish_non_exhaustive()
    }
}
