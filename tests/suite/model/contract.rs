//! The contract as a model: lists, counting anew at each step, no cleverness. Written from the
//! comments in the proto files, not from the decider.

use std::collections::HashMap;

use doorbuster::domain::item::{ItemPhase, OrderState, Refusal};

use super::steps::Step;

pub const OPENS: i64 = 100;
pub const CLOSES: i64 = 900;
pub const TIME_TO_PAY: i64 = 60;
pub const PRICE: i64 = 10;
pub const PER_BUYER: i64 = 3;
pub const PER_ORDER: i64 = 2;

/// What a command must come to, as far as the contract says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Order { request: u8, state: OrderState },
    Item(ItemPhase),
    Refused(Refusal),
    NoOrder,
    Reused,
}

#[derive(Debug, Clone)]
pub struct ModelOrder {
    pub request: u8,
    pub buyer: u8,
    pub units: i64,
    /// Units by warehouse.
    drawn: [i64; 2],
    pub pay_by: i64,
    pub state: OrderState,
    payments: Vec<(u8, Said, u64)>,
}

/// The model: lists, and no cleverness.
#[derive(Debug, Clone)]
pub struct Model {
    /// By warehouse, as the next.
    pub allocated: [i64; 2],
    pub reserve: [i64; 2],
    per_buyer: Option<i64>,
    per_order: Option<i64>,
    paused: bool,
    sale_paused: bool,
    closed: bool,
    pub orders: Vec<ModelOrder>,
    /// Requests that left something in the log: what they were, their answer, its revision.
    taken: HashMap<u8, (Step, Said, u64)>,
    /// Events in the log.
    pub events: u64,
}

impl Model {
    pub fn new(stock: [i64; 2], events: u64) -> Self {
        Self {
            allocated: stock,
            reserve: [0; 2],
            per_buyer: Some(PER_BUYER),
            per_order: Some(PER_ORDER),
            paused: false,
            sale_paused: false,
            closed: false,
            orders: Vec::new(),
            taken: HashMap::new(),
            events,
        }
    }

    pub fn units_in(&self, states: &[OrderState]) -> i64 {
        self.orders.iter().filter(|o| states.contains(&o.state)).map(|o| o.units).sum()
    }

    pub fn available(&self) -> i64 {
        self.allocated() - self.units_in(&[OrderState::Held, OrderState::Paid])
    }

    pub fn allocated(&self) -> i64 {
        self.allocated.iter().sum()
    }

    /// Units of a warehouse that no buyer has.
    pub fn free(&self, warehouse: usize) -> i64 {
        let mine = [OrderState::Held, OrderState::Paid];
        let taken = self.orders.iter().filter(|o| mine.contains(&o.state));
        self.allocated[warehouse] - taken.map(|o| o.drawn[warehouse]).sum::<i64>()
    }

    /// All from the first warehouse that has them, else from both in their order.
    fn drawn(&self, units: i64) -> [i64; 2] {
        let free = [0, 1].map(|at| self.free(at));
        match free {
            [north, _] if north >= units => [units, 0],
            [_, south] if south >= units => [0, units],
            [north, _] => [north, units - north],
        }
    }

    /// Answers a step at a moment: what is said, and the revision it names if it is on record.
    pub fn answer(&mut self, step: &Step, now: i64) -> (Said, Option<u64>) {
        let Some(request) = step.request() else { unreachable!("only commands are answered") };
        if let Some((first, said, revision)) = self.taken.get(&request) {
            if first != step {
                return (Said::Reused, None);
            }
            // Steering shows the item as it is now; everything else is told what it was told.
            let said = match said {
                Said::Item(_) => Said::Item(self.phase(now)),
                other => other.clone(),
            };
            return (said, Some(*revision));
        }
        self.decide(step, request, now)
    }

    fn decide(&mut self, step: &Step, request: u8, now: i64) -> (Said, Option<u64>) {
        let said = match *step {
            Step::Place { buyer, units, .. } => match self.obstacle(buyer, units, now) {
                Some(refusal) => return (Said::Refused(refusal), None),
                None => {
                    let (state, pay_by) = (OrderState::Held, now + TIME_TO_PAY);
                    let payments = Vec::new();
                    let drawn = self.drawn(units);
                    self.orders.push(ModelOrder {
                        request,
                        buyer,
                        units,
                        drawn,
                        pay_by,
                        state,
                        payments,
                    });
                    Said::Order { request, state }
                }
            },
            Step::Pay { order, reference, off_by, .. } => {
                return self.pay(step, order, reference, off_by, now);
            }
            Step::Cancel { order, buyer, .. } => {
                let found = self.orders.iter().position(|o| o.request == order && o.buyer == buyer);
                let Some(index) = found else { return (Said::NoOrder, None) };
                let expired = self.expire_if_over(index, now);
                if expired {
                    return (Said::Refused(Refusal::OrderExpired), Some(self.events - 1));
                }
                match self.orders[index].state {
                    OrderState::Held => self.orders[index].state = OrderState::Cancelled,
                    OrderState::Paid | OrderState::Refunded => {
                        return (Said::Refused(Refusal::AlreadyPaid), None);
                    }
                    OrderState::Cancelled => return (Said::Refused(Refusal::OrderCancelled), None),
                    OrderState::Expired => return (Said::Refused(Refusal::OrderExpired), None),
                }
                Said::Order { request: order, state: OrderState::Cancelled }
            }
            Step::Close { .. } if self.closed => return (Said::Item(ItemPhase::Closed), None),
            // What its sale says never fails: it changes the item, or nothing.
            Step::SalePause { .. } if self.closed || self.sale_paused => {
                return (Said::Item(self.phase(now)), None);
            }
            Step::SaleResume { .. } if self.closed || !self.sale_paused => {
                return (Said::Item(self.phase(now)), None);
            }
            Step::SalePause { .. } => self.steered(|model| model.sale_paused = true, now),
            Step::SaleResume { .. } => self.steered(|model| model.sale_paused = false, now),
            Step::Pause { .. }
            | Step::Resume { .. }
            | Step::Allocate { .. }
            | Step::Withdraw { .. }
            | Step::Move { .. }
            | Step::Reserve { .. }
            | Step::Release { .. }
            | Step::Limit { .. }
                if self.closed =>
            {
                return (Said::Refused(Refusal::Closed), None);
            }
            Step::Pause { .. } if self.paused => return (Said::Refused(Refusal::Paused), None),
            Step::Resume { .. } if !self.paused => {
                return (Said::Refused(Refusal::NotPaused), None);
            }
            Step::Pause { .. } => self.steered(|model| model.paused = true, now),
            Step::Resume { .. } => self.steered(|model| model.paused = false, now),
            Step::Close { .. } => self.steered(|model| model.closed = true, now),
            Step::Release { warehouse, units, .. }
                if units > self.reserve[usize::from(warehouse)] =>
            {
                return (Said::Refused(Refusal::NotEnoughReserve), None);
            }
            Step::Withdraw { warehouse: from, units, .. } | Step::Move { from, units, .. }
                if units > self.free(usize::from(from)) =>
            {
                return (Said::Refused(Refusal::NotEnoughFree), None);
            }
            Step::Withdraw { warehouse, units, .. } => {
                self.steered(|model| model.allocated[usize::from(warehouse)] -= units, now)
            }
            Step::Move { from, units, .. } => self.steered(
                |model| {
                    model.allocated[usize::from(from)] -= units;
                    model.allocated[usize::from(!from)] += units;
                },
                now,
            ),
            Step::Reserve { warehouse, units, .. } => {
                self.steered(|model| model.reserve[usize::from(warehouse)] = units, now)
            }
            Step::Release { warehouse, units, .. } => self.steered(
                |model| {
                    model.reserve[usize::from(warehouse)] -= units;
                    model.allocated[usize::from(warehouse)] += units;
                },
                now,
            ),
            Step::Limit { per_buyer, per_order, .. } => self
                .steered(|model| (model.per_buyer, model.per_order) = (per_buyer, per_order), now),
            Step::Allocate { warehouse, units, .. } => {
                self.steered(|model| model.allocated[usize::from(warehouse)] += units, now)
            }
            Step::Due { .. } | Step::Pass { .. } | Step::Restart | Step::Again { .. } => {
                unreachable!("not a command")
            }
        };
        (said.clone(), Some(self.take(step, said)))
    }

    fn steered(&mut self, change: impl Fn(&mut Self), now: i64) -> Said {
        change(self);
        Said::Item(self.phase(now))
    }

    fn pay(
        &mut self,
        step: &Step,
        order: u8,
        reference: u8,
        off_by: i64,
        now: i64,
    ) -> (Said, Option<u64>) {
        let found = self.orders.iter().position(|o| o.request == order);
        let Some(index) = found else { return (Said::NoOrder, None) };
        if off_by != 0 {
            return (Said::Refused(Refusal::WrongAmount), None);
        }
        let known = self.orders[index].payments.iter().find(|known| known.0 == reference);
        if let Some((_, said, revision)) = known {
            return (said.clone(), Some(*revision));
        }
        self.expire_if_over(index, now);
        let said = match self.orders[index].state {
            OrderState::Held => {
                self.orders[index].state = OrderState::Paid;
                Said::Order { request: order, state: OrderState::Paid }
            }
            OrderState::Paid | OrderState::Refunded => Said::Refused(Refusal::AlreadyPaid),
            OrderState::Cancelled => Said::Refused(Refusal::OrderCancelled),
            OrderState::Expired => Said::Refused(Refusal::OrderExpired),
        };
        let revision = self.take(step, said.clone());
        self.orders[index].payments.push((reference, said.clone(), revision));
        (said, Some(revision))
    }

    fn obstacle(&self, buyer: u8, units: i64, now: i64) -> Option<Refusal> {
        let mine = [OrderState::Held, OrderState::Paid];
        let own = self.orders.iter().filter(|o| o.buyer == buyer && mine.contains(&o.state));
        let own: i64 = own.map(|o| o.units).sum();
        let facts = [
            (self.closed || now >= CLOSES, Refusal::Closed),
            (now < OPENS, Refusal::NotOpenYet),
            (self.paused || self.sale_paused, Refusal::Paused),
            (self.per_order.is_some_and(|most| units > most), Refusal::OverOrderLimit),
            (self.per_buyer.is_some_and(|most| own + units > most), Refusal::OverBuyerLimit),
            (self.available() == 0, Refusal::SoldOut),
            (self.available() < units, Refusal::NotEnoughUnits),
        ];
        facts.into_iter().find(|(holds, _)| *holds).map(|(_, refusal)| refusal)
    }

    /// A hold is over at its deadline, whichever command observes it.
    fn expire_if_over(&mut self, index: usize, now: i64) -> bool {
        let order = &mut self.orders[index];
        let over = order.state == OrderState::Held && now >= order.pay_by;
        if over {
            order.state = OrderState::Expired;
            self.events += 1;
        }
        over
    }

    /// Requests of the orders that time ends now, earliest deadline first.
    pub fn due(&mut self, now: i64, max: usize) -> Vec<u8> {
        let mut due: Vec<usize> = (0..self.orders.len()).collect();
        due.sort_by_key(|&index| (self.orders[index].pay_by, index));
        let over = |&index: &usize| {
            self.orders[index].state == OrderState::Held && now >= self.orders[index].pay_by
        };
        due.retain(over);
        due.truncate(max);
        due.iter().for_each(|&index| assert!(self.expire_if_over(index, now)));
        due.iter().map(|&index| self.orders[index].request).collect()
    }

    /// Puts the answer on record.
    fn take(&mut self, step: &Step, said: Said) -> u64 {
        let revision = self.events;
        self.events += 1;
        let request = step.request().unwrap();
        self.taken.insert(request, (step.clone(), said, revision));
        revision
    }

    pub fn phase(&self, now: i64) -> ItemPhase {
        match () {
            () if self.closed || now >= CLOSES => ItemPhase::Closed,
            () if self.paused || self.sale_paused => ItemPhase::Paused,
            () if now < OPENS => ItemPhase::NotOpenYet,
            () => ItemPhase::Open,
        }
    }
}
