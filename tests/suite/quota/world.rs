//! Two items of one sale with a limit over both, the limit, and the log of all three.

use audit::{Proof, ShownEvent, Verifier};
use doorbuster::{
    domain::{
        Decider, Decision,
        item::{
            AddItem, AwaitVerdict, CancelOrder, Item, ItemCommand, ItemOutcome, OrderAct,
            OrderAction, PlaceOrder, RecordPayment, SettleAwait,
        },
        quota::{GiveBack, Quota, QuotaCommand, QuotaOutcome, TakeUnits},
    },
    events::{
        ItemEvent, ItemPlan, NewEvent, OrderEvent, OrderPlaced, Position, QuotaEvent, StreamName,
    },
    values::{ItemId, OrderId, SaleId, UnixMs},
};

use crate::spec::live::{cny, plan, request, sale_id, units};

pub const LIMIT: i64 = 3;
pub const SKUS: [&str; 2] = ["phone", "lamp"];

pub fn item_id(item: usize) -> ItemId {
    sale_id().item_id(SKUS[item])
}

pub fn order_id(item: usize, name: &str) -> OrderId {
    item_id(item).order_id(request(name))
}

pub struct World {
    pub items: [Item; 2],
    pub quota: Quota,
    pub quota_log: Vec<QuotaEvent>,
    pub item_logs: [Vec<ItemEvent>; 2],
    pub log: Vec<(StreamName, NewEvent)>,
    pub now: i64,
}

impl World {
    /// Both items are on offer, with many units.
    pub fn new() -> Self {
        let mut world = Self {
            items: [0, 1].map(|item| Item::initial(item_id(item).0)),
            quota: Quota::initial(sale_id().0),
            quota_log: Vec::new(),
            item_logs: [Vec::new(), Vec::new()],
            log: Vec::new(),
            now: 0,
        };
        for item in [0, 1] {
            let plan = ItemPlan {
                item_id: item_id(item),
                sku: SKUS[item].to_owned(),
                units: vec![units("north", 1_000)],
                reinstate_within_ms: Some(50_000),
                ..plan()
            };
            let add = AddItem {
                request_id: request(SKUS[item]),
                sale_id: sale_id(),
                currency: cny(),
                plan,
                sale_limit_per_buyer: Some(LIMIT),
                operator: "olga".to_owned(),
            };
            world.ask(item, ItemCommand::Add(Box::new(add)));
        }
        // The clock may be set back, and never before 1970.
        world.now = 1_000;
        world
    }

    pub fn ask(&mut self, item: usize, command: ItemCommand) -> ItemOutcome {
        let now = UnixMs(self.now);
        let Decision { events, outcome, .. } = self.items[item].decide(command, now);
        self.record(item, events);
        self.items[item].answer(outcome, now)
    }

    /// Lets holds end.
    pub fn pass(&mut self, ms: i64) {
        self.now += ms;
        for item in [0, 1] {
            let due = self.items[item].due(UnixMs(self.now), 1_000);
            self.record(item, due);
        }
    }

    fn record(&mut self, item: usize, events: Vec<doorbuster::domain::Caused<ItemEvent>>) {
        for caused in events {
            let revision = self.item_logs[item].len() as u64;
            self.log.push((StreamName::item(item_id(item)), caused.encode()));
            self.items[item].evolve(&caused.event, revision);
            self.items[item].landed(revision, Position(self.log.len() as u64));
            self.item_logs[item].push(caused.event);
        }
    }

    pub fn ask_quota(&mut self, command: QuotaCommand) -> QuotaOutcome {
        let now = UnixMs(self.now);
        let Decision { events, outcome, .. } = self.quota.decide(command, now);
        for caused in events {
            let revision = self.quota_log.len() as u64;
            self.log.push((StreamName::quota(sale_id()), caused.encode()));
            self.quota.evolve(&caused.event, revision);
            self.quota_log.push(caused.event);
        }
        self.quota.answer(outcome, now)
    }

    /// The limit as it comes back after a restart.
    pub fn rebuild(&mut self) {
        self.quota = Quota::initial(sale_id().0);
        for (event, revision) in self.quota_log.iter().zip(0..) {
            self.quota.evolve(event, revision);
        }
    }

    pub fn place(&mut self, item: usize, name: &str, buyer: &str, units: i64) -> ItemOutcome {
        let (buyer, channel) = (buyer.to_owned(), String::new());
        let place = PlaceOrder::new(item_id(item), request(name), buyer, units, channel);
        self.ask(item, ItemCommand::PlaceOrder(place))
    }

    fn placed(&self, order: OrderId) -> (ItemId, &OrderPlaced) {
        let all = self.item_logs.iter().zip([0, 1].map(item_id));
        let mut all = all.flat_map(|(log, item)| log.iter().map(move |event| (item, event)));
        let placed = all.find_map(|(item, event)| match event {
            ItemEvent::Order(OrderEvent::Placed(placed)) if placed.order_id == order => {
                Some((item, placed))
            }
            _ => None,
        });
        placed.expect("it was placed")
    }

    /// Takes the units of an order as its event tells of it.
    pub fn take(&mut self, order: OrderId) -> QuotaOutcome {
        let (item, placed) = self.placed(order);
        let limit = placed.sale_limit.as_deref().expect("it comes under the limit");
        let command = TakeUnits::of((order, item), placed.buyer.clone(), placed.units, limit);
        self.ask_quota(command)
    }

    pub fn give_back(&mut self, order_id: OrderId, units_left: i64) -> QuotaOutcome {
        self.ask_quota(QuotaCommand::GiveBack(GiveBack { order_id, units_left }))
    }

    pub fn settle(&mut self, item: usize, order_id: OrderId, verdict: AwaitVerdict) -> ItemOutcome {
        self.ask(item, ItemCommand::SettleAwait(SettleAwait { order_id, verdict }))
    }

    pub fn cancel(&mut self, item: usize, order_id: OrderId, buyer: &str) -> ItemOutcome {
        let request_id = request(&format!("cancel {order_id}"));
        let buyer = buyer.to_owned();
        self.ask(item, ItemCommand::CancelOrder(CancelOrder { request_id, order_id, buyer }))
    }

    pub fn pay(&mut self, item: usize, order_id: OrderId, amount_minor: i64) -> ItemOutcome {
        let request_id = request(&format!("pay {order_id} {}", self.now));
        let payment_reference = format!("p-{order_id}");
        self.ask(
            item,
            ItemCommand::RecordPayment(RecordPayment {
                request_id,
                order_id,
                payment_reference,
                amount_minor,
                currency: cny(),
            }),
        )
    }

    pub fn refund(&mut self, item: usize, name: &str, order: OrderId, units: i64) -> ItemOutcome {
        let action = OrderAction::refund(order, units, true).unwrap();
        let (operator, reason) = ("olga".to_owned(), "a test".to_owned());
        self.ask(
            item,
            ItemCommand::OrderAct(OrderAct { request_id: request(name), operator, reason, action }),
        )
    }

    /// What the ends and refunds of an order say it has left, as a process reads them in the log.
    pub fn told_left(&self, order: OrderId) -> Vec<i64> {
        let all = self.item_logs.iter().flatten();
        let left = |event: &ItemEvent| match event {
            ItemEvent::Order(OrderEvent::Cancelled(e)) => Some((e.order_id, e.limited_by, 0)),
            ItemEvent::Order(OrderEvent::Expired(e)) => Some((e.order_id, e.limited_by, 0)),
            ItemEvent::Order(OrderEvent::Refunded(e)) => {
                Some((e.order_id, e.limited_by, e.units_left))
            }
            _ => None,
        };
        let told = all.filter_map(left).filter(|(of, ..)| *of == order);
        told.map(|(_, by, left)| {
            assert_eq!(by, Some(sale_id()), "the limit that counted the order");
            left
        })
        .collect()
    }

    pub fn verify(&self) -> Proof {
        verify(&self.log)
    }
}

/// The verdict on all streams together.
pub fn verify(log: &[(StreamName, NewEvent)]) -> Proof {
    let mut verifier = Verifier::default();
    let mut next = std::collections::HashMap::<StreamName, u64>::new();
    for ((stream, event), position) in log.iter().zip(1..) {
        let revision = next.entry(*stream).or_default();
        verifier.see(&ShownEvent {
            position,
            stream: &stream.to_string(),
            revision: *revision,
            id: event.id.as_bytes(),
            kind: &event.kind,
            data: &event.data,
            metadata: &event.metadata,
            recorded_at_ms: 0,
        });
        *revision += 1;
    }
    verifier.end()
}

pub fn sale() -> SaleId {
    sale_id()
}
