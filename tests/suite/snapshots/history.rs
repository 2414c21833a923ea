//! Histories of one item with everything that can happen to it.

use doorbuster::{
    domain::item::{AwaitVerdict, ItemCommand, OrderAction, PlaceMore, SettleAwait, SteerAction},
    events::{
        AmountOff, CouponAsked, CouponNamed, CouponReason, Gift, IfDenied, ItemEvent, ItemPlan,
        Offer, OfferCondition, OfferEffect, OrderReferences, PriceStep, Prices, Region, ReserveAct,
        ReserveStep, ReturnedUnits, WarehouseUnits, WhenGone,
    },
    values::{BatchId, CouponId, UnixMs},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::spec::live::{
    Live, act_on, cancel, due_id, order_id, pay, payment_failed, place, plan, steer, units,
};

/// One thing that happens: what, and three small numbers.
pub type Step = (u8, u8, u8, u8);

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..24_u8, 0..12_u8, 0..6_u8, 0..6_u8), 1..most)
}

/// The events of each step, in their sequence; the first are those of the item's beginning.
pub fn history(steps: &[Step]) -> Vec<Vec<ItemEvent>> {
    let mut live = Live::offered(item());
    let mut cuts = vec![live.log.len()];
    let mut now = 0;
    for (number, step) in steps.iter().enumerate() {
        play(&mut live, &mut now, number, *step);
        cuts.push(live.log.len());
    }
    let events: Vec<ItemEvent> = live.log.iter().map(|(event, _)| event.clone()).collect();
    let mut from = 0;
    let ends = cuts.into_iter();
    ends.map(|end| events[std::mem::replace(&mut from, end)..end].to_vec()).collect()
}

fn item() -> ItemPlan {
    let region = |name: &str, warehouse: &str| Region {
        name: name.to_owned(),
        warehouses: vec![warehouse.to_owned()],
    };
    ItemPlan {
        units: vec![units("north", 30), units("south", 30)],
        reserve: vec![units("north", 20)],
        prices: Some(prices(2)),
        offers: offers(3),
        regions: vec![region("上海", "south"), region("北京", "north")],
        reinstate_within_ms: Some(500),
        reserve_plan: vec![ReserveStep {
            below_units: 12,
            release_units: 5,
            from: Vec::new(),
            act: ReserveAct::Propose,
        }],
        ..plan()
    }
}

fn prices(units: i64) -> Prices {
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    Prices {
        unit_price_minor: 10,
        floor_minor: None,
        steps: vec![step(units, 5), step(units * 3, 8)],
        time_prices: Vec::new(),
        returned_units: if units % 2 == 0 {
            ReturnedUnits::SamePrice
        } else {
            ReturnedUnits::NextPrice
        },
    }
}

fn offers(units: i64) -> Vec<Offer> {
    let offer = |name: &str, effect| Offer {
        name: name.to_owned(),
        condition: OfferCondition::FromUnits(2),
        effect,
        from_ms: None,
        until_ms: None,
    };
    let off = AmountOff { amount_minor: 3, each: false, times_max: None };
    let gift = Gift { sku: "STRAP".to_owned(), units, each_units: 1, when_gone: WhenGone::Without };
    vec![offer("off", OfferEffect::Amount(off)), offer("strap", OfferEffect::Gift(gift))]
}

fn play(live: &mut Live, now: &mut i64, number: usize, (what, a, b, c): Step) {
    let (request, order) = (format!("x{number}"), format!("o{a}"));
    let units = i64::from(b) + 1;
    let warehouse = if c % 2 == 0 { "north" } else { "south" };
    let at = WarehouseUnits { warehouse: warehouse.to_owned(), units };
    let command = match what {
        // Half of all steps place orders, under a request that may have been used before.
        0..=9 => ordered(&order, &format!("顾客{b}"), i64::from(c) % 3 + 1, what),
        10..=12 => paid(live, &request, &order, c),
        13 => cancel(&request, &order, &format!("顾客{b}")),
        14 => payment_failed(&request, &order, "ref", "DECLINED"),
        15 => {
            let until = UnixMs(*now + 100 + i64::from(c) * 40);
            act_on(&request, OrderAction::ExtendHold { order_id: order_id(&order), until })
        }
        16 => {
            let refund = OrderAction::refund(order_id(&order), units.min(2), c % 2 == 0);
            act_on(&request, refund.unwrap())
        }
        17 => {
            let of = due_id(&format!("x{}", number.saturating_sub(usize::from(b) + 1)));
            act_on(&request, OrderAction::settle(of, format!("t{number}")).unwrap())
        }
        18 => settled(&order, b, c),
        19 => {
            *now += i64::from(a) * 20;
            live.due(*now, usize::from(b) + 1);
            return;
        }
        20 => steer(&request, steered(a, &at)),
        21 => steer(&request, SteerAction::SetPrices(Box::new(prices(i64::from(a % 4) + 1)))),
        22 => steer(&request, SteerAction::SetOffers(offers(i64::from(a) + 1))),
        _ => act_on(&request, OrderAction::Cancel(order_id(&order))),
    };
    live.run(command, *now);
    *now += 1;
}

fn steered(which: u8, at: &WarehouseUnits) -> SteerAction {
    let (warehouse, units) = (at.warehouse.clone(), at.units);
    match which {
        0 => SteerAction::allocate(warehouse, units, Some("s1".to_owned())).unwrap(),
        1 => SteerAction::withdraw(warehouse, units, None).unwrap(),
        2 => SteerAction::set_reserve(warehouse, units).unwrap(),
        3 => SteerAction::release_reserve(warehouse, units).unwrap(),
        4 => SteerAction::Pause,
        5 | 6 => SteerAction::Resume,
        7 => SteerAction::PauseWithSale,
        8 => SteerAction::ResumeWithSale,
        9 => SteerAction::SetGiftUnits { offer: "strap".to_owned(), units },
        10 => SteerAction::SetPurchaseLimit { per_buyer: Some(units * 5), per_order: Some(3) },
        _ => SteerAction::SetReservePlan(Vec::new()),
    }
}

fn ordered(name: &str, buyer: &str, units: i64, how: u8) -> ItemCommand {
    let ItemCommand::PlaceOrder(order) = place(name, buyer, units) else { unreachable!() };
    let mut more = PlaceMore::default();
    match how {
        0..=3 => return ItemCommand::PlaceOrder(order),
        4 | 5 => more.region = "上海".to_owned(),
        6 => {
            let labels = [("store".to_owned(), "浦东".to_owned())];
            more.references =
                OrderReferences { shop_order_id: format!("S-{name}"), labels: labels.into() };
        }
        _ => {
            let id = BatchId(Uuid::from_u128(0xba7c));
            more.coupon = Some(CouponAsked {
                batch_id: id,
                named: match how {
                    7 => CouponNamed::Id(CouponId(Uuid::from_u128(7))),
                    _ => CouponNamed::Code("SAVE20".to_owned()),
                },
                if_denied: if how == 9 { IfDenied::Keep } else { IfDenied::Cancel },
                skip_offers: how == 8,
                max_total_minor: None,
            });
        }
    }
    ItemCommand::PlaceOrder(order.with(more))
}

/// Pays what the order costs, with a reference of its own or one that was used before.
fn paid(live: &Live, request: &str, order: &str, which: u8) -> ItemCommand {
    let price = live.item.order_price(order_id(order));
    let total = price.map_or(10, |price| price.total_minor);
    pay(request, order, total, &format!("ref {which}"))
}

fn settled(order: &str, how: u8, number: u8) -> ItemCommand {
    let verdict = match how {
        0 | 1 => AwaitVerdict::CouponGranted {
            coupon_id: CouponId(Uuid::from_u128(u128::from(number) + 1)),
            discount_minor: 1,
        },
        2 => AwaitVerdict::CouponDenied(CouponReason::Unknown),
        _ => AwaitVerdict::CouponDenied(CouponReason::Used),
    };
    ItemCommand::SettleAwait(SettleAwait { order_id: order_id(order), verdict })
}
