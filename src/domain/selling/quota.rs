//! The limit over a whole sale: how many units each buyer has in held and paid orders of all its items.
//!
//! An order takes its units once, as it was placed, and gives them back as they come back to its item.
//! Both commands can be sent any number of times and late. Every order that ever took is remembered, in
//! 24 bytes beside its place in the index, so that a late repetition takes nothing anew.

use std::hash::{BuildHasher, RandomState};

use serde::{Deserialize, Serialize};

use uuid::Uuid;

use super::{item::index::Index, names::Names};
use crate::{
    domain::{
        AnswerFrom, Caused, Decided, Decider, Decision, Impossible, Misdirected, Moment, Verdict,
    },
    events::{Category, Position, QuotaEvent, QuotaReturned, QuotaTaken, SaleLimit},
    values::{ItemId, OrderId, SaleId, UnixMs, kinds, short},
};

/// Everything that can be asked of the limit over a sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaCommand {
    Take(Box<TakeUnits>),
    GiveBack(GiveBack),
}

kinds! { QuotaCommand {
    Self::Take(_) => "take_units",
    Self::GiveBack(_) => "give_units_back",
} }

/// Takes the units of an order, as the order stands in its `OrderPlaced`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeUnits {
    pub order_id: OrderId,
    pub item_id: ItemId,
    pub buyer: String,
    pub units: i64,
    /// Of the sale; it never changes.
    pub limit_per_buyer: i64,
}

/// The order has only so many units left. Less than before is given back; anything else changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiveBack {
    pub order_id: OrderId,
    pub units_left: i64,
}

/// Why an order does not get its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaRefusal {
    /// Its buyer would have more than one buyer may have in the sale.
    OverSaleLimit,
}

kinds! { QuotaRefusal {
    Self::OverSaleLimit => "OVER_SALE_LIMIT",
} }

/// What the limit over a sale answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaOutcome {
    /// The order took its units, now or before, and takes so many of them still.
    Taken {
        units_left: i64,
    },
    /// Nothing is taken by an order that never took.
    NotTaken,
    Refused(QuotaRefusal),
    Misdirected(Misdirected),
}

/// What the orders of a sale take of the limits of their buyers.
#[derive(Debug)]
pub struct Quota {
    id: SaleId,
    /// `None` before the first order took.
    limit_per_buyer: Option<i64>,
    orders: Orders,
    buyers: Names,
    /// By number of the buyer.
    units: Vec<u32>,
    /// The latest stamp in the stream: stamps never run backwards. Rules do not look at it.
    last_at: UnixMs,
    next_revision: u64,
}

/// Orders that took, by id.
#[derive(Debug, Default)]
struct Orders {
    hasher: RandomState,
    rows: Vec<Row>,
    by_id: Index,
}

#[derive(Debug)]
struct Row {
    order_id: OrderId,
    buyer: u32,
    units_left: u32,
}

const _: () = assert!(size_of::<Row>() == 24);

impl Decider for Quota {
    type Command = QuotaCommand;
    type Event = QuotaEvent;
    type Outcome = QuotaOutcome;
    type Refusal = QuotaRefusal;
    type Shown = OrderId;

    const CATEGORY: Category = Category::Quota;

    fn initial(id: Uuid) -> Self {
        Self {
            id: SaleId(id),
            limit_per_buyer: None,
            orders: Orders::default(),
            buyers: Names::default(),
            units: Vec::new(),
            last_at: UnixMs::default(),
            next_revision: 0,
        }
    }

    fn decide(&self, command: QuotaCommand, now: UnixMs) -> Decided<Self> {
        let at = Moment::after(self.last_at, now);
        match command {
            QuotaCommand::Take(take) => self.take(*take, at),
            QuotaCommand::GiveBack(back) => self.give_back(back, at),
        }
        .judged(at)
    }

    fn verdict(outcome: &QuotaOutcome) -> Verdict<'_, QuotaRefusal> {
        match outcome {
            QuotaOutcome::Taken { .. } | QuotaOutcome::NotTaken => Verdict::Done,
            QuotaOutcome::Refused(refusal) => Verdict::Refused(refusal),
            QuotaOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, order_id: OrderId, _: UnixMs) -> QuotaOutcome {
        match self.orders.find(order_id) {
            Some(order) => {
                QuotaOutcome::Taken { units_left: self.orders.row(order).units_left.into() }
            }
            None => QuotaOutcome::NotTaken,
        }
    }

    fn try_evolve(&mut self, event: &QuotaEvent, revision: u64) -> Result<(), Impossible> {
        match event {
            QuotaEvent::Taken(taken) => self.apply_taken(taken)?,
            QuotaEvent::Returned(returned) => self.apply_returned(returned)?,
        }
        self.last_at = self.last_at.max(event.at());
        self.next_revision = revision + 1;
        Ok(())
    }

    fn landed(&mut self, _: u64, _: Position) {
        // A repetition is answered by the state as it stands, not by where its first answer stands.
    }
}

impl Quota {
    fn take(&self, take: TakeUnits, at: Moment) -> Decided<Self> {
        let TakeUnits { order_id, item_id, buyer, units, limit_per_buyer } = take;
        if self.orders.find(order_id).is_some() {
            return self.decided(None, AnswerFrom::State(order_id));
        }
        let limit_per_buyer = self.limit_per_buyer.unwrap_or(limit_per_buyer);
        let buyer_units = self.units_of(&buyer) + units;
        if buyer_units > limit_per_buyer {
            let refused = QuotaOutcome::Refused(QuotaRefusal::OverSaleLimit);
            return self.decided(None, AnswerFrom::Decision(refused));
        }
        let taken = QuotaTaken {
            order_id,
            item_id,
            buyer,
            units,
            buyer_units,
            limit_per_buyer,
            taken_at_ms: at.stamp,
        };
        self.happens(self.id.taken_id(order_id), QuotaEvent::Taken(taken))
    }

    fn give_back(&self, back: GiveBack, at: Moment) -> Decided<Self> {
        let GiveBack { order_id, units_left } = back;
        let takes_more = self.orders.find(order_id).is_some_and(|order| {
            i64::from(self.orders.row(order).units_left) > units_left && units_left >= 0
        });
        if !takes_more {
            return self.decided(None, AnswerFrom::State(order_id));
        }
        let returned = QuotaReturned { order_id, units_left, returned_at_ms: at.stamp };
        self.happens(self.id.given_back_id(order_id, units_left), QuotaEvent::Returned(returned))
    }

    fn happens(&self, id: Uuid, event: QuotaEvent) -> Decided<Self> {
        let order_id = event.order_id();
        let (correlation, causation) = (order_id.0, order_id.0);
        let caused = Caused { event, id, correlation, causation, judged_at: None };
        self.decided(Some(caused), AnswerFrom::State(order_id))
    }

    fn decided(
        &self,
        event: Option<Caused<QuotaEvent>>,
        outcome: AnswerFrom<QuotaOutcome, OrderId>,
    ) -> Decided<Self> {
        let events = Vec::from_iter(event);
        let revision = (self.next_revision + events.len() as u64).saturating_sub(1);
        Decision { events, outcome, revision, position: None, attempt: None }
    }

    fn units_of(&self, buyer: &str) -> i64 {
        self.buyers.find(buyer).map_or(0, |buyer| self.units[buyer as usize].into())
    }

    fn apply_taken(&mut self, taken: &QuotaTaken) -> Result<(), Impossible> {
        let impossible = |why| Err(Impossible::Order(taken.order_id, why));
        let limit = *self.limit_per_buyer.get_or_insert(taken.limit_per_buyer);
        if limit != taken.limit_per_buyer {
            return impossible("comes under another limit than those before it");
        }
        if self.orders.find(taken.order_id).is_some() {
            return impossible("takes its units twice");
        }
        let after = self.units_of(&taken.buyer).saturating_add(taken.units);
        if taken.units < 1 || after > limit || after != taken.buyer_units {
            return impossible("takes units that its buyer may not have");
        }
        let (Ok(units), Ok(after)) = (u32::try_from(taken.units), u32::try_from(after)) else {
            return impossible("takes more units than there can be");
        };
        let buyer = self.buyers.number(&taken.buyer);
        if buyer as usize == self.units.len() {
            self.units.push(0);
        }
        self.units[buyer as usize] = after;
        self.orders.push(Row { order_id: taken.order_id, buyer, units_left: units });
        Ok(())
    }

    fn apply_returned(&mut self, returned: &QuotaReturned) -> Result<(), Impossible> {
        let impossible = |why| Impossible::Order(returned.order_id, why);
        let order = self.orders.find(returned.order_id);
        let order = order.ok_or_else(|| impossible("gives back and never took"))?;
        let row = &mut self.orders.rows[order as usize];
        let left = u32::try_from(returned.units_left).ok().filter(|left| *left < row.units_left);
        let left = left.ok_or_else(|| impossible("gives back, and takes no fewer units then"))?;
        self.units[row.buyer as usize] -= row.units_left - left;
        row.units_left = left;
        Ok(())
    }
}

impl Orders {
    fn find(&self, order: OrderId) -> Option<u32> {
        self.by_id.find(self.hasher.hash_one(order.0), |row| self.row(row).order_id == order)
    }

    fn row(&self, row: u32) -> &Row {
        &self.rows[row as usize]
    }

    /// Adds an order that is not there.
    fn push(&mut self, row: Row) {
        let number = short(self.rows.len());
        let hash = self.hasher.hash_one(row.order_id.0);
        self.rows.push(row);
        let Self { hasher, rows, by_id } = self;
        by_id.insert(hash, number, |row| hasher.hash_one(rows[row as usize].order_id.0));
    }
}

impl TakeUnits {
    /// What an order that awaits that limit asks.
    pub fn of(
        (order_id, item_id): (OrderId, ItemId),
        buyer: String,
        units: i64,
        limit: &SaleLimit,
    ) -> QuotaCommand {
        let limit_per_buyer = limit.per_buyer;
        QuotaCommand::Take(Box::new(Self { order_id, item_id, buyer, units, limit_per_buyer }))
    }
}
