//! The journal: the answers to every shopper, kept on the clients' side.
//!
//! The server's read models are checked against it, so it must never be filled from them. It keeps
//! orders by request id, to check the promise of one order per request.

use std::collections::{BTreeMap, HashMap, HashSet};

use hdrhistogram::Histogram;
use uuid::Uuid;

use super::figures::count;
use crate::grpc::proto::{
    Order, PlaceOrderResponse, RecordPaymentResponse, RefusalReason, place_order_response,
    record_payment_response,
};

/// Longest latency in microseconds that is told apart; what is longer counts as this.
pub const LATENCY_US_MAX: u64 = 600_000_000;

/// An order as its buyer knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownOrder {
    pub order_id: Uuid,
    /// Place of the item in the sale.
    pub item: usize,
    pub units: u64,
    pub total_minor: u64,
    pub placed_at_ms: i64,
    pub pay_by_ms: i64,
    pub paid: bool,
}

/// Everything that shoppers were answered.
#[derive(Debug)]
pub struct Journal {
    orders: HashMap<Uuid, KnownOrder>,
    order_ids: HashSet<Uuid>,
    paid_by_item: Vec<u64>,
    paid_minor: u64,
    /// PlaceOrder calls, also repeated ones; a call tried again after a fault is still one.
    pub attempts: u64,
    /// Answers that showed an order for a second time.
    pub repeats: u64,
    /// Answers that showed another order for the same request, or the same for another request.
    pub conflicts: u64,
    /// Refused orders by reason, named as in the contract without its prefix.
    pub refused: BTreeMap<String, u64>,
    /// Refused payments by reason.
    pub payments_refused: BTreeMap<String, u64>,
    /// Calls that got no answer in spite of all tries, by status code.
    pub faults: BTreeMap<String, u64>,
    /// Time from sending an order to its answer in microseconds, with all tries.
    pub latency_us: Histogram<u64>,
    /// The last position of the log that an answer named.
    pub position: u64,
}

impl Journal {
    /// An empty journal for that many items.
    pub fn new(items: usize) -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            orders: HashMap::new(),
            order_ids: HashSet::new(),
            paid_by_item: vec![0; items],
            paid_minor: 0,
            attempts: 0,
            repeats: 0,
            conflicts: 0,
            refused: BTreeMap::new(),
            payments_refused: BTreeMap::new(),
            faults: BTreeMap::new(),
            latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?,
            position: 0,
        })
    }

    /// Writes down the answer to an order and returns the order if it was a yes.
    pub fn ordered(
        &mut self,
        item: usize,
        request: Uuid,
        answer: PlaceOrderResponse,
        latency_us: u64,
    ) -> Option<Order> {
        self.attempts += 1;
        self.latency_us.saturating_record(latency_us);
        self.position = self.position.max(answer.position);
        match answer.outcome {
            Some(place_order_response::Outcome::Order(order)) => {
                self.keep(item, request, &order);
                Some(order)
            }
            Some(place_order_response::Outcome::Refusal(refusal)) => {
                *self.refused.entry(reason_name(refusal.reason())).or_default() += 1;
                None
            }
            None => {
                *self.faults.entry("EMPTY_ANSWER".to_owned()).or_default() += 1;
                None
            }
        }
    }

    /// Writes down the answer to the payment of an order; true if the order is paid.
    pub fn paid(&mut self, order_request: Uuid, answer: RecordPaymentResponse) -> bool {
        self.position = self.position.max(answer.position);
        match answer.outcome {
            Some(record_payment_response::Outcome::Order(_)) => {
                if let Some(order) = self.orders.get_mut(&order_request)
                    && !order.paid
                {
                    order.paid = true;
                    self.paid_minor += order.total_minor;
                    if let Some(units) = self.paid_by_item.get_mut(order.item) {
                        *units += order.units;
                    }
                }
                true
            }
            Some(record_payment_response::Outcome::Refusal(refusal)) => {
                *self.payments_refused.entry(reason_name(refusal.reason())).or_default() += 1;
                false
            }
            None => {
                *self.faults.entry("EMPTY_ANSWER".to_owned()).or_default() += 1;
                false
            }
        }
    }

    /// Writes down that units of a paid order came back, and the money for them.
    pub fn taken_back(&mut self, item: usize, units: u64, minor: u64) {
        self.paid_minor = self.paid_minor.saturating_sub(minor);
        if let Some(of_item) = self.paid_by_item.get_mut(item) {
            *of_item = of_item.saturating_sub(units);
        }
    }

    /// Writes down a call that got no answer.
    pub fn failed(&mut self, code: tonic::Code, order: bool) {
        self.attempts += u64::from(order);
        *self.faults.entry(format!("{code:?}")).or_default() += 1;
    }

    /// Calls that got no answer.
    pub fn unanswered(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Orders that buyers know of.
    pub fn orders_placed(&self) -> u64 {
        self.orders.len() as u64
    }

    /// Orders that buyers know of, by request id.
    pub fn orders(&self) -> &HashMap<Uuid, KnownOrder> {
        &self.orders
    }

    /// Units that buyers paid for and kept, by item.
    pub fn paid_by_item(&self) -> &[u64] {
        &self.paid_by_item
    }

    /// What buyers paid for their orders, less what they got back for units that they returned, in
    /// minor units.
    pub fn paid_minor(&self) -> u64 {
        self.paid_minor
    }

    /// When the last unit of the last item was first taken, in milliseconds since the Unix epoch;
    /// absent if some item was never sold out. Worked out from the orders' own times: an unpaid
    /// order holds its units from its place time to its deadline.
    pub fn sold_out_at_ms(&self, units_by_item: &[u64]) -> Option<i64> {
        let mut moves: Vec<Vec<(i64, bool, u64)>> = vec![Vec::new(); units_by_item.len()];
        for order in self.orders.values() {
            let of_item = moves.get_mut(order.item)?;
            // False sorts first: units that come back in a millisecond can be taken in it.
            of_item.push((order.placed_at_ms, true, order.units));
            if !order.paid {
                of_item.push((order.pay_by_ms, false, order.units));
            }
        }
        let mut latest = None;
        for (units, mut moves) in units_by_item.iter().zip(moves) {
            moves.sort_unstable();
            let mut taken = 0;
            let sold_out_at = moves.into_iter().find_map(|(at_ms, takes, moved)| {
                taken = if takes { taken + moved } else { taken - moved };
                (taken >= *units).then_some(at_ms)
            })?;
            latest = latest.max(Some(sold_out_at));
        }
        latest
    }

    fn keep(&mut self, item: usize, request: Uuid, order: &Order) {
        let Ok(order_id) = Uuid::try_parse(&order.order_id) else {
            self.conflicts += 1;
            return;
        };
        if let Some(known) = self.orders.get(&request) {
            self.repeats += 1;
            self.conflicts += u64::from(known.order_id != order_id);
            return;
        }
        self.conflicts += u64::from(!self.order_ids.insert(order_id));
        let known = KnownOrder {
            order_id,
            item,
            units: count(order.units),
            total_minor: order.total.as_ref().map_or(0, |total| count(total.amount_minor)),
            placed_at_ms: unix_ms(order.place_time.as_ref()),
            pay_by_ms: unix_ms(order.pay_by_time.as_ref()),
            paid: false,
        };
        self.orders.insert(request, known);
    }
}

fn reason_name(reason: RefusalReason) -> String {
    let name = reason.as_str_name();
    name.strip_prefix("REFUSAL_REASON_").unwrap_or(name).to_owned()
}

fn unix_ms(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000)
}
