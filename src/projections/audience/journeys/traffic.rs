//! Sums and visitors of traffic: by sale, item, channel and minute.
//!
//! A set of visitors is a bitmap over the numbers of shoppers, cut into parts of 65,536 of them. A
//! part is at most 8 KiB, is read, changed and written as a whole, and only when it changes. The sum
//! of a set is stored beside it, so that its size is known without reading the set.

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, Transaction, params};

use super::kind::TouchKind;
use crate::{events::TrafficAction, projections::ApplyError};

/// Shoppers in one part of a set, as a power of two.
pub const PART_BITS: u32 = 16;

/// Numbers of sets remembered between pages at most.
const REMEMBERED_MAX: usize = 131_072;

/// What a set of visitors is of. The numbers are stored: add, never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// All of the sale.
    Sale = 0,
    /// One item of it.
    Item = 1,
    /// One channel of it.
    Channel = 2,
    /// One minute of it.
    Minute = 3,
    /// Not visitors but shoppers with an attempt in it.
    Tried = 4,
    /// Not visitors but shoppers with a paid order in it.
    Paid = 5,
}

impl Scope {
    /// The set beyond visitors that a shopper belongs to by such a touch.
    pub(super) fn of_touch(kind: TouchKind) -> Option<Self> {
        match kind {
            TouchKind::Attempt(_) | TouchKind::Order => Some(Self::Tried),
            TouchKind::Paid | TouchKind::Buy => Some(Self::Paid),
            TouchKind::View
            | TouchKind::Favourite
            | TouchKind::Cart
            | TouchKind::Share
            | TouchKind::Cancelled
            | TouchKind::Expired
            | TouchKind::Refunded => None,
        }
    }
}

/// A touch that changes sums or sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub sale: i64,
    pub shopper: i64,
    /// What it was if a beacon said it.
    pub visit: Option<Visit>,
    /// The set beyond visitors that its shopper belongs to from now on.
    pub scope: Option<Scope>,
}

/// A beacon of a known shopper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub item: Option<i64>,
    pub channel: Option<i64>,
    pub at_ms: i64,
    pub action: TrafficAction,
}

/// Sums and visitors.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    sets: HashMap<(i64, Scope, i64), i64>,
}

impl Traffic {
    /// Keeps memory bounded between pages.
    pub fn forget_some(&mut self) {
        if self.sets.len() > REMEMBERED_MAX {
            self.sets.clear();
        }
    }

    /// Counts visits and shoppers. Sets get their numbers in the order of the log.
    pub fn write(&mut self, rows: &Transaction<'_>, seen: &[Seen]) -> Result<(), ApplyError> {
        if seen.is_empty() {
            return Ok(());
        }
        let mut sums: BTreeMap<[i64; 4], [i64; TrafficAction::ALL.len()]> = BTreeMap::new();
        let mut members = Vec::with_capacity(seen.len() * 2);
        for Seen { sale, shopper, visit, scope } in seen {
            if let Some(visit) = visit {
                let (item, channel) = (visit.item.unwrap_or(0), visit.channel.unwrap_or(0));
                let minute = visit.at_ms.div_euclid(60_000);
                let counts = sums.entry([*sale, item, channel, minute]).or_default();
                counts[usize::from(visit.action as u8)] += 1;
                for (scope, of) in [
                    (Scope::Sale, 0),
                    (Scope::Item, item),
                    (Scope::Channel, channel),
                    (Scope::Minute, minute),
                ] {
                    members.push((self.set(rows, (*sale, scope, of))?, *shopper));
                }
            }
            if let Some(scope) = scope {
                members.push((self.set(rows, (*sale, *scope, 0))?, *shopper));
            }
        }
        write_sums(rows, &sums)?;
        members.sort_unstable();
        members.dedup();
        write_members(rows, &members)
    }

    fn set(&mut self, rows: &Transaction<'_>, key: (i64, Scope, i64)) -> Result<i64, ApplyError> {
        if let Some(number) = self.sets.get(&key) {
            return Ok(*number);
        }
        let (sale, scope, of) = key;
        let of_row = params![sale, scope as u8, of];
        let found = rows
            .prepare_cached("SELECT number FROM uv WHERE sale = ? AND scope = ? AND of = ?")?
            .query_row(of_row, |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let insert = "INSERT INTO uv (sale, scope, of, visitors) VALUES (?, ?, ?, 0)";
                rows.prepare_cached(insert)?.execute(of_row)?;
                rows.last_insert_rowid()
            }
        };
        self.sets.insert(key, number);
        Ok(number)
    }
}

fn write_sums(
    rows: &Transaction<'_>,
    sums: &BTreeMap<[i64; 4], [i64; TrafficAction::ALL.len()]>,
) -> Result<(), ApplyError> {
    let mut add = rows.prepare_cached(
        "INSERT INTO traffic_minutes
         (sale, item, channel, minute, views, favourites, carts, shares, buys)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET views = views + excluded.views,
         favourites = favourites + excluded.favourites, carts = carts + excluded.carts,
         shares = shares + excluded.shares, buys = buys + excluded.buys",
    )?;
    let mut totals: BTreeMap<i64, [i64; TrafficAction::ALL.len()]> = BTreeMap::new();
    for ([sale, item, channel, minute], [views, favourites, carts, shares, buys]) in sums {
        add.execute([sale, item, channel, minute, views, favourites, carts, shares, buys])?;
        let total = totals.entry(*sale).or_default();
        for (sum, more) in total.iter_mut().zip([views, favourites, carts, shares, buys]) {
            *sum += more;
        }
    }
    let mut add = rows.prepare_cached(
        "INSERT INTO traffic_sums (sale, views, favourites, carts, shares, buys)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET views = views + excluded.views,
         favourites = favourites + excluded.favourites, carts = carts + excluded.carts,
         shares = shares + excluded.shares, buys = buys + excluded.buys",
    )?;
    for (sale, [views, favourites, carts, shares, buys]) in totals {
        add.execute([sale, views, favourites, carts, shares, buys])?;
    }
    Ok(())
}

/// Adds shoppers to sets. They come sorted, so each part is read and written once.
fn write_members(rows: &Transaction<'_>, members: &[(i64, i64)]) -> Result<(), ApplyError> {
    let mut read = rows.prepare_cached("SELECT shoppers FROM uv_parts WHERE part = ?")?;
    let mut write =
        rows.prepare_cached("INSERT OR REPLACE INTO uv_parts (part, shoppers) VALUES (?, ?)")?;
    let mut count =
        rows.prepare_cached("UPDATE uv SET visitors = visitors + ? WHERE number = ?")?;
    let part_of = |(set, shopper): &(i64, i64)| (set << PART_BITS) | (shopper >> PART_BITS);
    let mut bytes = Vec::new();
    for group in members.chunk_by(|one, other| part_of(one) == part_of(other)) {
        let Some(first) = group.first() else { continue };
        let part = part_of(first);
        let known = read.query_row([part], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let mut shoppers = match known {
            Some(known) => RoaringBitmap::deserialize_from(known.as_slice())
                .map_err(|error| unreadable(part, &error))?,
            None => RoaringBitmap::new(),
        };
        let before = shoppers.len();
        shoppers.extend(group.iter().map(|(_, shopper)| low(*shopper)));
        let more = shoppers.len() - before;
        if more > 0 {
            bytes.clear();
            shoppers.serialize_into(&mut bytes).map_err(|error| unreadable(part, &error))?;
            write.execute(params![part, bytes])?;
            count.execute(params![crate::projections::signed(more)?, first.0])?;
        }
    }
    Ok(())
}

/// A shopper's place in its part.
fn low(shopper: i64) -> u32 {
    u32::try_from(shopper & ((1 << PART_BITS) - 1)).unwrap_or_default()
}

fn unreadable(part: i64, error: &std::io::Error) -> ApplyError {
    ApplyError::Impossible(format!("part {part} of the visitors cannot be read: {error}"))
}
