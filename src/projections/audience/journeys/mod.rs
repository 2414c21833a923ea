//! Shoppers on their way: every touch in one table, in the order of the log, and who visited.
//!
//! A touch is a beacon, an attempt, an order or its end. Touches are only ever appended, without any
//! index, because an appended row costs a microsecond and an index many; queries scan those of one
//! sale. Visitors are kept as exact sets, in parts of at most 8 KiB, so that
//! memory is bounded and only what changed is written.
//!
//! What a page brings is gathered and resolved together: shoppers are looked up in the order of
//! their hashes, visits are sorted by set. Numbers are given in the order of the log, so that how the
//! log was cut leaves no trace. Names of people are never kept, only hashes of them.

mod kind;
mod names;
mod shoppers;
mod touches;
mod traffic;

use std::collections::BTreeMap;

use rusqlite::Transaction;

use self::{
    names::Names,
    shoppers::{Attributes, Who, name_of},
    touches::{Draft, Touches},
    traffic::Traffic,
};
use crate::{
    events::{
        DemandTick, OfferEvent, OrderEvent, OrderPlaced, OrderStep, Recorded, SaleEvent,
        TrafficRecorded, unpack,
    },
    projections::{ApplyError, Here, Projection, orders},
    values::{ItemId, SaleId},
};

pub use kind::TouchKind;
pub use names::{DIRECT, NONE, OTHER};
pub use shoppers::UNKNOWN;
pub use traffic::{PART_BITS, Scope};

/// Name of the projection and of its file.
pub const NAME: &str = "journeys";
/// Version of its rows.
pub const VERSION: i64 = 3;

/// Touches gathered before they are written, at most.
const GATHERED_MAX: usize = 65_536;

/// Its tables: `docs/read-models.md` says what each column means.
const SCHEMA: &str = "CREATE TABLE sales (
        number INTEGER PRIMARY KEY,
        sale_id BLOB NOT NULL UNIQUE,
        name TEXT,
        currency TEXT,
        channels INTEGER NOT NULL DEFAULT 0,
        first_touch INTEGER,
        last_touch INTEGER
    );
    CREATE TABLE items (
        number INTEGER PRIMARY KEY,
        item_id BLOB NOT NULL UNIQUE,
        sale INTEGER,
        sku TEXT NOT NULL DEFAULT '',
        category INTEGER,
        early_touch INTEGER
    );
    CREATE TABLE channels (
        number INTEGER PRIMARY KEY,
        sale INTEGER NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (sale, name)
    );
    CREATE TABLE regions (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE categories (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE shoppers (
        number INTEGER PRIMARY KEY,
        hash INTEGER NOT NULL,
        rest INTEGER,
        age_band TEXT,
        gender TEXT,
        region INTEGER,
        spending_tier TEXT
    );
    CREATE INDEX shoppers_by_hash ON shoppers (hash);
    CREATE TABLE touches (
        number INTEGER PRIMARY KEY,
        sale INTEGER,
        item INTEGER,
        shopper INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        channel INTEGER,
        units INTEGER,
        amount_minor INTEGER,
        after_ms INTEGER,
        category INTEGER
    );
    CREATE TABLE orders (
        key INTEGER PRIMARY KEY,
        shopper INTEGER NOT NULL,
        channel INTEGER,
        placed_at_ms INTEGER NOT NULL
    );
    CREATE TABLE traffic_minutes (
        sale INTEGER NOT NULL,
        item INTEGER NOT NULL,
        channel INTEGER NOT NULL,
        minute INTEGER NOT NULL,
        views INTEGER NOT NULL,
        favourites INTEGER NOT NULL,
        carts INTEGER NOT NULL,
        shares INTEGER NOT NULL,
        buys INTEGER NOT NULL,
        PRIMARY KEY (sale, item, channel, minute)
    ) WITHOUT ROWID;
    CREATE TABLE traffic_sums (
        sale INTEGER PRIMARY KEY,
        views INTEGER NOT NULL,
        favourites INTEGER NOT NULL,
        carts INTEGER NOT NULL,
        shares INTEGER NOT NULL,
        buys INTEGER NOT NULL
    );
    CREATE TABLE channel_sums (
        sale INTEGER NOT NULL,
        channel INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        orders_placed INTEGER NOT NULL,
        PRIMARY KEY (sale, channel)
    ) WITHOUT ROWID;
    CREATE TABLE uv (
        number INTEGER PRIMARY KEY,
        sale INTEGER NOT NULL,
        scope INTEGER NOT NULL,
        of INTEGER NOT NULL,
        visitors INTEGER NOT NULL,
        UNIQUE (sale, scope, of)
    );
    CREATE TABLE uv_parts (part INTEGER PRIMARY KEY, shoppers BLOB NOT NULL);";

/// Shoppers and their touches.
#[derive(Debug, Default)]
pub struct Journeys {
    names: Names,
    touches: Touches,
    traffic: Traffic,
    /// Touches that are not written yet, in the order of the log.
    gathered: Vec<Draft>,
    /// Attempts and orders by sale and channel that are not written yet.
    channels: ChannelSums,
}

/// Attempts and orders by numbers of sale and channel; 0 where no channel is named.
type ChannelSums = BTreeMap<(i64, i64), [i64; 2]>;

impl Projection for Journeys {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        SCHEMA
    }

    fn on_sale(&mut self, here: &Here<'_>, event: &SaleEvent) -> Result<(), ApplyError> {
        let SaleEvent::Created(created) = event else { return Ok(()) };
        let sale = self.names.sale(here.rows, SaleId(here.recorded.stream.id))?;
        self.names.name_sale(here.rows, sale, &created.name, Some(created.currency.code()))
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        let OfferEvent::Added(added) = event else { return Ok(()) };
        // Touches of an item whose sale was not known are found by what is noted of them when they
        // are written.
        self.write(here.rows)?;
        let sale = self.names.sale(here.rows, added.sale_id)?;
        self.names.add_item(here.rows, here.item()?, sale, &added.sku)
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let (id, step) = (here.item()?, event.step(here.recorded.revision));
        match event {
            OrderEvent::Placed(placed) => self.place(here.rows, id, here.recorded.revision, placed),
            OrderEvent::Paid(paid) => {
                self.settle(here.rows, id, &step, (TouchKind::Paid, Some(paid.amount_minor)))
            }
            OrderEvent::Cancelled(_) => {
                self.settle(here.rows, id, &step, (TouchKind::Cancelled, None))
            }
            OrderEvent::Expired(_) => self.settle(here.rows, id, &step, (TouchKind::Expired, None)),
            OrderEvent::Refunded(_) => {
                let back = OrderStep { units: -step.units, ..step };
                self.settle(here.rows, id, &back, (TouchKind::Refunded, Some(step.revenue_minor)))
            }
            // The payment that follows is the touch. A payment that bought nothing is none: the
            // shopper's way ended before.
            OrderEvent::Reinstated(_)
            | OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::RefundDue(_)
            | OrderEvent::RefundSettled(_) => Ok(()),
        }
    }

    fn on_demand(&mut self, here: &Here<'_>, event: &DemandTick) -> Result<(), ApplyError> {
        self.apply_tick(here.rows, here.item()?, event)
    }

    fn on_traffic(&mut self, here: &Here<'_>, event: &TrafficRecorded) -> Result<(), ApplyError> {
        self.apply_traffic(here.rows, here.recorded, event)
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        self.write(rows)?;
        self.names.forget_some();
        self.touches.forget_some();
        self.traffic.forget_some();
        Ok(())
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Journeys {
    fn write(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let drafts = std::mem::take(&mut self.gathered);
        let seen = self.touches.write(rows, &mut self.names, &drafts)?;
        self.traffic.write(rows, &seen)?;
        write_channels(rows, &mut self.channels)?;
        // The room is kept for the next page.
        self.gathered = drafts;
        self.gathered.clear();
        Ok(())
    }

    /// Writes what is gathered where it is much.
    fn gathered(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        if self.gathered.len() >= GATHERED_MAX { self.write(rows) } else { Ok(()) }
    }

    fn place(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        revision: u64,
        placed: &OrderPlaced,
    ) -> Result<(), ApplyError> {
        let (item, sale) = self.names.item(rows, id)?;
        let channel = match sale {
            Some(sale) => self.names.order_channel(rows, sale, &placed.channel)?,
            None => return Err(crate::projections::never_added(id)),
        };
        if let Some(sale) = sale {
            let [_, orders] = self.channels.entry((sale, channel.unwrap_or(0))).or_default();
            *orders += 1;
        }
        self.gathered.push(Draft {
            who: Who::Named(name_of(&placed.buyer)),
            attributes: Attributes::default(),
            sale,
            item: Some(item),
            at_ms: placed.placed_at_ms.0,
            kind: TouchKind::Order,
            channel,
            units: Some(placed.units),
            amount_minor: Some(placed.total()),
            category: None,
            order: Some(orders::key(item, revision)?),
        });
        self.gathered(rows)
    }

    fn settle(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        (kind, amount_minor): (TouchKind, Option<i64>),
    ) -> Result<(), ApplyError> {
        let (item, sale) = self.names.item(rows, id)?;
        self.gathered.push(Draft {
            who: Who::OfOrder,
            attributes: Attributes::default(),
            sale,
            item: Some(item),
            at_ms: step.at.0,
            kind,
            channel: None,
            units: Some(step.units),
            amount_minor,
            category: None,
            order: Some(orders::key(item, step.placed_revision)?),
        });
        self.gathered(rows)
    }

    fn apply_tick(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        tick: &DemandTick,
    ) -> Result<(), ApplyError> {
        let (item, sale) = self.names.item(rows, id)?;
        if let Some(sale) = sale {
            self.count_channels(rows, sale, tick)?;
        }
        let second_ms = tick.second.saturating_mul(1000);
        for attempt in unpack(&tick.packed).map_err(ApplyError::Impossible)? {
            self.gathered.push(Draft {
                who: Who::Hashed(attempt.buyer_hash),
                attributes: Attributes::default(),
                sale,
                item: Some(item),
                at_ms: second_ms.saturating_add(i64::from(attempt.arrival_ms)),
                kind: TouchKind::Attempt(attempt.outcome),
                channel: None,
                units: Some(i64::from(attempt.units)),
                amount_minor: None,
                category: None,
                order: None,
            });
        }
        self.gathered(rows)
    }

    /// Attempts of a tick by channel. Those of an item whose sale is not known yet are not counted.
    fn count_channels(
        &mut self,
        rows: &Transaction<'_>,
        sale: i64,
        tick: &DemandTick,
    ) -> Result<(), ApplyError> {
        let mut direct = i64::from(tick.attempts);
        for (name, demand) in &tick.channels {
            let channel = self.names.order_channel(rows, sale, name)?;
            let attempts = i64::from(demand.attempts);
            direct -= attempts;
            self.channels.entry((sale, channel.unwrap_or(0))).or_default()[0] += attempts;
        }
        self.channels.entry((sale, 0)).or_default()[0] += direct.max(0);
        Ok(())
    }

    fn apply_traffic(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        batch: &TrafficRecorded,
    ) -> Result<(), ApplyError> {
        let sale_id = batch.sale_id.unwrap_or(SaleId(recorded.stream.id));
        let sale = self.names.sale(rows, sale_id)?;
        if let (Some(recording), None) = (&batch.recording, batch.sale_id) {
            self.names.name_sale(rows, sale, recording, None)?;
        }
        let visitors: Vec<_> = batch.visitors.iter().map(|visitor| name_of(visitor)).collect();
        let mut items = Vec::with_capacity(batch.items.len());
        for item in &batch.items {
            items.push(self.names.visited_item(rows, item, sale)?);
        }
        let mut channels = Vec::with_capacity(batch.channels.len());
        for channel in &batch.channels {
            channels.push(self.names.channel(rows, sale, channel)?);
        }
        let mut shoppers = Vec::with_capacity(batch.shoppers.len());
        for shopper in &batch.shoppers {
            shoppers.push(self.names.attributes(rows, shopper)?);
        }
        for beacon in batch.unpack_beacons().map_err(ApplyError::Impossible)? {
            let Some(visitor) = row(&visitors, beacon.visitor) else {
                return Err(ApplyError::Impossible("a beacon has no visitor".to_owned()));
            };
            let item = row(&items, beacon.item);
            self.gathered.push(Draft {
                who: Who::Named(visitor),
                attributes: row(&shoppers, beacon.shopper).unwrap_or_default(),
                sale: Some(sale),
                item: item.map(|(item, _)| item),
                at_ms: batch.from_ms.plus(i64::from(beacon.after_ms)).0,
                kind: TouchKind::of_action(beacon.action),
                channel: row(&channels, beacon.channel).flatten(),
                units: None,
                amount_minor: None,
                category: item.and_then(|(_, category)| category),
                order: None,
            });
        }
        self.gathered(rows)
    }
}

fn write_channels(rows: &Transaction<'_>, sums: &mut ChannelSums) -> Result<(), ApplyError> {
    let mut add = rows.prepare_cached(
        "INSERT INTO channel_sums (sale, channel, attempts, orders_placed) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts,
         orders_placed = orders_placed + excluded.orders_placed",
    )?;
    for ((sale, channel), [attempts, orders]) in std::mem::take(sums) {
        add.execute([sale, channel, attempts, orders])?;
    }
    Ok(())
}

/// A row of a table that is counted from 1.
fn row<T: Copy>(table: &[T], number: u16) -> Option<T> {
    table.get(usize::from(number).checked_sub(1)?).copied()
}
