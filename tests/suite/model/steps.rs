//! What can happen to the item under test, and how often.

use std::sync::LazyLock;

use doorbuster::{
    domain::item::{ItemCommand, SteerAction},
    values::OrderId,
};
use proptest::prelude::*;

use crate::spec::live::{self, cancel, pay, place_from, steer, units};

/// Requests in the pool: few, so that they meet.
pub const REQUESTS: u8 = 16;
pub const WAREHOUSES: [&str; 2] = ["north", "south"];

/// The order that each request of the pool makes.
static ORDERS: LazyLock<Vec<OrderId>> =
    LazyLock::new(|| (0..REQUESTS).map(|request| live::order_id(&name(request))).collect());

/// What request, buyer or payment is called.
pub fn name(number: u8) -> String {
    format!("r{number}")
}

pub fn order_id(request: u8) -> OrderId {
    ORDERS[usize::from(request)]
}

/// The request that made this order.
pub fn request_of(order: OrderId) -> Option<u8> {
    (0..REQUESTS).find(|&request| order_id(request) == order)
}

/// One thing that happens. Requests, orders and references are numbers out of small pools.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Place {
        request: u8,
        buyer: u8,
        units: i64,
        channel: bool,
    },
    Pay {
        request: u8,
        order: u8,
        reference: u8,
        off_by: i64,
    },
    Cancel {
        request: u8,
        order: u8,
        buyer: u8,
    },
    Pause {
        request: u8,
    },
    Resume {
        request: u8,
    },
    Close {
        request: u8,
    },
    Allocate {
        request: u8,
        warehouse: bool,
        units: i64,
    },
    Withdraw {
        request: u8,
        warehouse: bool,
        units: i64,
    },
    /// From this warehouse to the other one.
    Move {
        request: u8,
        from: bool,
        units: i64,
    },
    Reserve {
        request: u8,
        warehouse: bool,
        units: i64,
    },
    Release {
        request: u8,
        warehouse: bool,
        units: i64,
    },
    Limit {
        request: u8,
        per_buyer: Option<i64>,
        per_order: Option<i64>,
    },
    SalePause {
        request: u8,
    },
    SaleResume {
        request: u8,
    },
    Due {
        max: usize,
    },
    Pass {
        ms: i64,
    },
    Restart,
    /// One of the latest commands comes once more, `back` commands ago.
    Again {
        back: usize,
    },
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let request = || 0..REQUESTS;
    let order = request;
    let buyer = || 0..4_u8;
    let limit = || prop_oneof![1 => Just(None), 4 => (1..=4_i64).prop_map(Some)];
    let step = prop_oneof![
        96 => (request(), buyer(), 1..=3_i64, prop::bool::weighted(0.1))
            .prop_map(|(request, buyer, units, channel)| Step::Place { request, buyer, units, channel }),
        64 => (request(), order(), 0..3_u8, prop_oneof![9 => Just(0_i64), 1 => -1..=1_i64])
            .prop_map(|(request, order, reference, off_by)| Step::Pay { request, order, reference, off_by }),
        32 => (request(), order(), buyer())
            .prop_map(|(request, order, buyer)| Step::Cancel { request, order, buyer }),
        8 => request().prop_map(|request| Step::Pause { request }),
        16 => request().prop_map(|request| Step::Resume { request }),
        // Nothing is sold after it, so it is rare.
        1 => request().prop_map(|request| Step::Close { request }),
        8 => (request(), any::<bool>(), 1..=2_i64)
            .prop_map(|(request, warehouse, units)| Step::Allocate { request, warehouse, units }),
        8 => (request(), any::<bool>(), 1..=2_i64)
            .prop_map(|(request, warehouse, units)| Step::Withdraw { request, warehouse, units }),
        12 => (request(), any::<bool>(), 1..=2_i64)
            .prop_map(|(request, from, units)| Step::Move { request, from, units }),
        8 => (request(), any::<bool>(), 0..=3_i64)
            .prop_map(|(request, warehouse, units)| Step::Reserve { request, warehouse, units }),
        8 => (request(), any::<bool>(), 1..=2_i64)
            .prop_map(|(request, warehouse, units)| Step::Release { request, warehouse, units }),
        4 => (request(), limit(), limit())
            .prop_map(|(request, per_buyer, per_order)| Step::Limit { request, per_buyer, per_order }),
        4 => request().prop_map(|request| Step::SalePause { request }),
        12 => request().prop_map(|request| Step::SaleResume { request }),
        24 => (0..4_usize).prop_map(|max| Step::Due { max }),
        48 => prop_oneof![6 => 1..40_i64, 1 => -80..0_i64, 1 => 100..300_i64]
            .prop_map(|ms| Step::Pass { ms }),
        48 => (0..20_usize).prop_map(|back| Step::Again { back }),
        8 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..90)
}

impl Step {
    pub fn request(&self) -> Option<u8> {
        match *self {
            Self::Place { request, .. }
            | Self::Pay { request, .. }
            | Self::Cancel { request, .. }
            | Self::Pause { request }
            | Self::Resume { request }
            | Self::Close { request }
            | Self::SalePause { request }
            | Self::SaleResume { request }
            | Self::Withdraw { request, .. }
            | Self::Move { request, .. }
            | Self::Reserve { request, .. }
            | Self::Release { request, .. }
            | Self::Limit { request, .. }
            | Self::Allocate { request, .. } => Some(request),
            Self::Due { .. } | Self::Pass { .. } | Self::Restart | Self::Again { .. } => None,
        }
    }

    /// The real command; `total` is what the order named in a payment costs.
    pub fn command(&self, total: i64) -> ItemCommand {
        match *self {
            Self::Place { request, buyer, units, channel } => {
                let channel = if channel { "app" } else { "" };
                place_from(&name(request), &name(buyer), units, channel)
            }
            Self::Pay { request, order, reference, off_by } => {
                pay(&name(request), &name(order), total + off_by, &name(reference))
            }
            Self::Cancel { request, order, buyer } => {
                cancel(&name(request), &name(order), &name(buyer))
            }
            Self::Pause { request } => steer(&name(request), SteerAction::Pause),
            Self::Resume { request } => steer(&name(request), SteerAction::Resume),
            Self::Close { request } => steer(&name(request), SteerAction::Close),
            Self::Allocate { request, warehouse, units: count } => {
                let warehouse = WAREHOUSES[usize::from(warehouse)];
                steer(&name(request), SteerAction::Allocate(units(warehouse, count).into()))
            }
            Self::Withdraw { request, warehouse, units: count } => {
                let warehouse = WAREHOUSES[usize::from(warehouse)];
                steer(&name(request), SteerAction::Withdraw(units(warehouse, count).into()))
            }
            Self::Move { request, from, units } => {
                let [from, to] = [from, !from].map(|at| WAREHOUSES[usize::from(at)].to_owned());
                steer(&name(request), SteerAction::Move { from, to, units })
            }
            Self::Reserve { request, warehouse, units: count } => {
                let warehouse = WAREHOUSES[usize::from(warehouse)];
                steer(&name(request), SteerAction::SetReserve(units(warehouse, count)))
            }
            Self::Release { request, warehouse, units: count } => {
                let warehouse = WAREHOUSES[usize::from(warehouse)];
                steer(&name(request), SteerAction::ReleaseReserve(units(warehouse, count)))
            }
            Self::Limit { request, per_buyer, per_order } => {
                steer(&name(request), SteerAction::SetPurchaseLimit { per_buyer, per_order })
            }
            Self::SalePause { request } => steer(&name(request), SteerAction::PauseWithSale),
            Self::SaleResume { request } => steer(&name(request), SteerAction::ResumeWithSale),
            Self::Due { .. } | Self::Pass { .. } | Self::Restart | Self::Again { .. } => {
                unreachable!("not a command")
            }
        }
    }
}
