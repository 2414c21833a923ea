//! One item on sale: its decider, its stream and its demand ticks.

use uuid::Uuid;

use super::{
    pen::Pen,
    script::{Placed, buyer, channel},
};
use crate::{
    domain::{
        Decider,
        demand::DemandCounter,
        item::{AddItem, CancelOrder, Item, ItemCommand, ItemOutcome, PlaceOrder, RecordPayment},
    },
    events::{StreamName, encode},
    store::SharedStore,
    values::{Currency, ItemId, OrderId, RequestId, UnixMs},
};

/// Holds that end at once.
const ENDS_MAX: usize = 1_000;

/// Ticks of one second: very many attempts make more than one.
const TICKS_MAX: usize = 1_000;

pub struct Stall {
    id: ItemId,
    currency: Currency,
    item: Item,
    pen: Pen,
    demand: DemandCounter,
    demand_pen: Pen,
}

impl Stall {
    pub fn new(id: ItemId, currency: Currency) -> Self {
        Self {
            id,
            currency,
            item: Item::initial(id.0),
            pen: Pen::new(StreamName::item(id)),
            demand: DemandCounter::default(),
            demand_pen: Pen::new(StreamName::demand(id)),
        }
    }

    pub fn id(&self) -> ItemId {
        self.id
    }

    /// Whether holds are still to end.
    pub fn is_waiting(&self) -> bool {
        self.item.next_due().is_some()
    }

    pub fn add(&mut self, add: AddItem, now: UnixMs) {
        self.pen.decide(&mut self.item, ItemCommand::Add(Box::new(add)), now);
    }

    pub fn steer(&mut self, command: ItemCommand, now: UnixMs) {
        self.pen.decide(&mut self.item, command, now);
    }

    /// An attempt to buy. Gives the order that came of it, if one did.
    pub fn place(
        &mut self,
        request: RequestId,
        shopper: u32,
        units: i64,
        now: UnixMs,
    ) -> Option<Placed> {
        let channel = channel(shopper).to_owned();
        let place = PlaceOrder::new(self.id, request, buyer(shopper), units, channel);
        let (outcome, attempt) =
            self.pen.decide(&mut self.item, ItemCommand::PlaceOrder(place), now);
        if let Some(attempt) = attempt {
            self.demand.count(attempt, now);
        }
        match outcome {
            ItemOutcome::Order(order) => {
                Some(Placed { order: order.order_id, amount_minor: order.total_minor })
            }
            ItemOutcome::Item(_)
            | ItemOutcome::Quote { .. }
            | ItemOutcome::Refused { .. }
            | ItemOutcome::Misdirected(_) => None,
        }
    }

    pub fn pay(&mut self, request_id: RequestId, order: OrderId, amount_minor: i64, now: UnixMs) {
        let payment = RecordPayment {
            request_id,
            order_id: order,
            payment_reference: format!("pay-{order}"),
            amount_minor,
            currency: self.currency,
        };
        self.pen.decide(&mut self.item, ItemCommand::RecordPayment(payment), now);
    }

    pub fn cancel(&mut self, request_id: RequestId, order: OrderId, shopper: u32, now: UnixMs) {
        let cancel = CancelOrder { request_id, order_id: order, buyer: buyer(shopper) };
        self.pen.decide(&mut self.item, ItemCommand::CancelOrder(cancel), now);
    }

    /// Holds whose deadline has passed end.
    pub fn end_holds(&mut self, now: UnixMs) {
        loop {
            let due = self.item.due(now, ENDS_MAX);
            if due.is_empty() {
                return;
            }
            self.pen.take_down(&mut self.item, due);
        }
    }

    /// Takes the attempts of all seconds before that one down.
    pub fn count_demand(&mut self, second: i64) {
        for tick in self.demand.take_before(second, TICKS_MAX) {
            // As a node derives it.
            let mut name = [0; 16];
            name[..8].copy_from_slice(&self.demand_pen.revision().to_be_bytes());
            name[8..].copy_from_slice(&tick.second.to_be_bytes());
            let id = Uuid::new_v5(&self.id.0, &name);
            self.demand_pen.add(encode(id, &tick, self.id.0, self.id.0));
        }
    }

    /// Appends what waits in both streams. Gives the number of events.
    pub async fn write(&mut self, store: &SharedStore) -> anyhow::Result<u64> {
        let (orders, ticks) = tokio::join!(self.pen.write(store), self.demand_pen.write(store));
        let (orders, ticks) = (orders?, ticks?);
        if orders > 0 {
            self.item.landed(self.pen.revision() - 1, self.pen.position);
        }
        Ok(orders + ticks)
    }
}
