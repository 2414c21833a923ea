//! The orders of one item while its log is read, in about 65 bytes each, and 32 more for a certificate.
//! Orders with prices, offers or gifts of their own take about 150 more, those of which a payment failed
//! or units came back about 50, and money that is due about 60.
//!
//! Every order has to be remembered to the end, because the last event of the log may be the one
//! that pays it a second time. Buyers are remembered by a 128-bit keyed hash, not by name.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    ops::Range,
};

use hashbrown::HashTable;
use uuid::Uuid;

use super::{bodies::OrderPart, chain::Hash, stock::Part};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Held,
    Paid,
    Cancelled,
    Expired,
    /// Paid, and all of its units came back.
    Refunded,
}

/// Where an order's units are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// All from the warehouse with that number.
    One(u32),
    /// Number of the split.
    Split(u32),
}

/// One order.
pub(super) struct Order {
    id: [u8; 16],
    pub pay_by_ms: i64,
    pub unit_price_minor: i64,
    pub revision: u64,
    pub units: u32,
    buyer: u32,
    pub from: Origin,
    pub state: State,
}

/// What an order costs where that is not units times price, and its gift.
#[derive(Default)]
pub(super) struct Priced {
    /// The ladder that its parts count on.
    pub ladder: u8,
    /// Empty where all units cost the same.
    pub parts: Box<[OrderPart]>,
    pub discount_minor: i128,
    pub total_minor: i128,
    /// Number of the pool of its gift, and units.
    pub gift: Option<(usize, i64)>,
}

/// What happened to an order beside its payment and its end.
#[derive(Clone, Copy, Default)]
pub(super) struct Story {
    pub failed_payments: u32,
    /// Units that came back after it was paid, and what was given back for them.
    pub refunded_units: i64,
    pub refunded_minor: i128,
}

/// Money that has to go back.
pub(super) struct Due {
    pub row: u32,
    pub amount_minor: i64,
    pub settled: bool,
}

/// An order as it is placed.
pub(super) struct NewOrder<'a> {
    pub id: Uuid,
    pub buyer: &'a str,
    pub units: u32,
    pub pay_by_ms: i64,
    pub unit_price_minor: i64,
    pub revision: u64,
    pub from: Origin,
    pub priced: Option<Priced>,
    /// What stands for the buyer in a certificate, where one is to be made.
    pub buyer_sum: Option<Hash>,
}

struct Buyer {
    key: [u64; 2],
    /// Units held or paid for.
    units: u64,
}

/// All orders of one item. Numbers of orders and buyers have 32 bits: a log with more of them on
/// one item would have to be larger than SQLite lets a file grow.
#[derive(Default)]
pub(super) struct Orders {
    hashers: [RandomState; 2],
    rows: Vec<Order>,
    by_id: HashTable<u32>,
    buyers: Vec<Buyer>,
    by_buyer: HashTable<u32>,
    splits: Vec<Vec<Part>>,
    /// By row number.
    priced: HashMap<u32, Priced>,
    /// By row number.
    stories: HashMap<u32, Story>,
    /// By the id of the event by which they became due.
    dues: HashMap<Uuid, Due>,
    /// One for each row, or none where no certificate is to be made.
    buyer_sums: Vec<Hash>,
}

impl Order {
    pub(super) fn id(&self) -> Uuid {
        Uuid::from_bytes(self.id)
    }
}

impl Orders {
    pub(super) fn find(&self, id: Uuid) -> Option<u32> {
        let hash = self.hashers[0].hash_one(id.as_bytes());
        self.by_id.find(hash, |&row| self.rows[row as usize].id == *id.as_bytes()).copied()
    }

    pub(super) fn row(&self, row: u32) -> &Order {
        &self.rows[row as usize]
    }

    pub(super) fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    /// What an order costs, where that is not units times price.
    pub(super) fn priced(&self, row: u32) -> Option<&Priced> {
        self.priced.get(&row)
    }

    /// What else happened to an order.
    pub(super) fn story(&self, row: u32) -> Story {
        self.stories.get(&row).copied().unwrap_or_default()
    }

    /// What is to be paid for an order.
    pub(super) fn total(&self, row: u32) -> i128 {
        let order = self.row(row);
        self.priced(row).map_or_else(
            || i128::from(order.unit_price_minor) * i128::from(order.units),
            |priced| priced.total_minor,
        )
    }

    /// More is taken off an order, and that is to be paid from now on.
    pub(super) fn reprice(&mut self, row: u32, discount_minor: i128, total_minor: i128) {
        let priced = self.priced.entry(row).or_default();
        priced.discount_minor += discount_minor;
        priced.total_minor = total_minor;
    }

    /// Each order with its row number and what stands for its buyer, in the order in which they were
    /// placed; none where no certificate is to be made.
    pub(super) fn each(&self) -> impl Iterator<Item = (u32, &Order, &Hash)> {
        (0..).zip(&self.rows).zip(&self.buyer_sums).map(|((row, order), buyer)| (row, order, buyer))
    }

    /// Remembers which warehouses an order spans.
    pub(super) fn split(&mut self, parts: Vec<Part>) -> Origin {
        self.splits.push(parts);
        Origin::Split((self.splits.len() - 1) as u32)
    }

    /// Which warehouses an order's units are from, and how many from each.
    pub(super) fn parts(&self, from: Origin, units: u32) -> Vec<Part> {
        match from {
            Origin::One(warehouse) => vec![(warehouse, i64::from(units))],
            Origin::Split(split) => self.splits[split as usize].clone(),
        }
    }

    /// Adds an order. Returns the units its buyer has now.
    pub(super) fn place(&mut self, new: NewOrder<'_>) -> u64 {
        let buyer = self.buyer(new.buyer);
        let row = self.rows.len() as u32;
        if let Some(priced) = new.priced {
            self.priced.insert(row, priced);
        }
        self.rows.push(Order {
            id: *new.id.as_bytes(),
            pay_by_ms: new.pay_by_ms,
            unit_price_minor: new.unit_price_minor,
            revision: new.revision,
            units: new.units,
            buyer,
            from: new.from,
            state: State::Held,
        });
        self.buyer_sums.extend(new.buyer_sum);
        let Self { hashers: [hasher, _], rows, by_id, .. } = self;
        by_id.insert_unique(hasher.hash_one(new.id.as_bytes()), row, |&row| {
            hasher.hash_one(rows[row as usize].id)
        });
        let buyer = &mut self.buyers[buyer as usize];
        buyer.units += u64::from(new.units);
        buyer.units
    }

    fn buyer(&mut self, name: &str) -> u32 {
        let key = [self.hashers[0].hash_one(name), self.hashers[1].hash_one(name)];
        let Self { buyers, by_buyer, .. } = self;
        if let Some(known) = by_buyer.find(key[0], |&buyer| buyers[buyer as usize].key == key) {
            return *known;
        }
        let buyer = buyers.len() as u32;
        buyers.push(Buyer { key, units: 0 });
        by_buyer.insert_unique(key[0], buyer, |&buyer| buyers[buyer as usize].key[0]);
        buyer
    }

    /// Ends a hold. The units of an order that is not paid are the buyer's no longer.
    pub(super) fn settle(&mut self, row: u32, state: State) {
        let order = &mut self.rows[row as usize];
        order.state = state;
        if state != State::Paid {
            let units = u64::from(order.units);
            self.take_from_buyer(row, units);
        }
    }

    fn take_from_buyer(&mut self, row: u32, units: u64) {
        let buyer = &mut self.buyers[self.rows[row as usize].buyer as usize];
        buyer.units = buyer.units.saturating_sub(units);
    }

    /// Gives a hold another deadline.
    pub(super) fn extend(&mut self, row: u32, pay_by_ms: i64) {
        self.rows[row as usize].pay_by_ms = pay_by_ms;
    }

    /// Another payment of an order failed. Returns how many did.
    pub(super) fn payment_failed(&mut self, row: u32) -> u32 {
        let story = self.stories.entry(row).or_default();
        story.failed_payments = story.failed_payments.saturating_add(1);
        story.failed_payments
    }

    /// Holds an order again that had ended. Returns the units its buyer has now.
    pub(super) fn hold_again(&mut self, row: u32, from: Origin) -> u64 {
        let order = &mut self.rows[row as usize];
        (order.state, order.from) = (State::Held, from);
        let buyer = &mut self.buyers[order.buyer as usize];
        buyer.units += u64::from(order.units);
        buyer.units
    }

    /// Units of a paid order came back; with the last of them it is refunded.
    pub(super) fn refund(&mut self, row: u32, units: i64, amount_minor: i128) {
        let story = self.stories.entry(row).or_default();
        story.refunded_units += units;
        story.refunded_minor += amount_minor;
        let back = story.refunded_units;
        let order = &mut self.rows[row as usize];
        if back == i64::from(order.units) {
            order.state = State::Refunded;
        }
        self.take_from_buyer(row, units.unsigned_abs());
    }

    /// Money has to go back.
    pub(super) fn owe(&mut self, due: Uuid, row: u32, amount_minor: i64) {
        self.dues.entry(due).or_insert(Due { row, amount_minor, settled: false });
    }

    /// Money that has to go back, or had to.
    pub(super) fn due(&mut self, due: Uuid) -> Option<&mut Due> {
        self.dues.get_mut(&due)
    }
}

/// What lies in a range of units of a list, where its first unit is number 0.
pub(super) fn cut<T>(list: impl IntoIterator<Item = (T, i64)>, range: Range<i64>) -> Vec<(T, i64)> {
    let mut next = 0_i64;
    let mut within = Vec::new();
    for (what, units) in list {
        let first = next;
        next = next.saturating_add(units);
        let units = next.min(range.end).saturating_sub(first.max(range.start));
        if units > 0 {
            within.push((what, units));
        }
    }
    within
}
