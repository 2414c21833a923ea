//! Goal: what a sale would have earned with other prices is what the same crowd pays in a real sale
//! with these prices.
//!
//! Method: a crowd buys, pays, cancels and lets holds expire in several items at once, each with other
//! prices; then each item is run under the prices of another one.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use doorbuster::{
    grpc::proto::{self, place_order_response::Outcome},
    replay::what_if::{Figures, Goods, Rules, Rung, WhatIf, run},
    values::ItemId,
};

use super::{look, ten::cancel, what_if};
use crate::support::{self, Node, OPENS_AT, request_id, timestamp};

const LADDER: &str = "steps=100:990/400:1290";

fn plain(sku: &str) -> proto::ItemDraft {
    proto::ItemDraft {
        unit_price_minor: 1_590,
        ..support::item(sku, &[("north", 450), ("south", 150)])
    }
}

fn laddered(sku: &str) -> proto::ItemDraft {
    let steps = [(100, 990), (400, 1_290)];
    let step = |(units, unit_price_minor)| proto::PriceStep { units, unit_price_minor };
    proto::ItemDraft { steps: steps.map(step).to_vec(), ..plain(sku) }
}

/// With everything that makes an order cost something else.
fn rich(sku: &str) -> proto::ItemDraft {
    let gift = proto::OfferDraft {
        name: "strap".to_owned(),
        from_units: Some(2),
        gift_sku: "STRAP".to_owned(),
        gift_units: Some(20),
        when_gone: proto::WhenGone::Refuse.into(),
        until_time: Some(timestamp(OPENS_AT.plus(30_000))),
        ..Default::default()
    };
    let percent = proto::OfferDraft {
        name: "tenth".to_owned(),
        from_units: Some(3),
        percent_ppm: Some(100_000),
        ..Default::default()
    };
    let time_price = proto::TimePrice {
        from_time: Some(timestamp(OPENS_AT.plus(10_000))),
        until_time: Some(timestamp(OPENS_AT.plus(20_000))),
        unit_price_minor: 1_100,
    };
    proto::ItemDraft {
        offers: vec![gift, percent],
        time_prices: vec![time_price],
        returned_units: proto::ReturnedUnits::NextPrice.into(),
        ..laddered(sku)
    }
}

/// An attempt and the order that it became.
type Held = (u64, Option<proto::Order>);

/// What became of a crowd's orders.
struct Sold {
    node: Node,
    items: Vec<String>,
    /// What buyers paid, by item.
    paid_minor: Vec<i64>,
}

/// The same crowd in each item: 240 attempts at 1 to 5 units, then 60 more once the holds that were
/// left unpaid have ended.
async fn crowd(drafts: Vec<proto::ItemDraft>) -> Sold {
    let node = Node::start().await;
    let (_, items) = node.sale(drafts).await;
    let paid_minor = vec![0; items.len()];
    let mut sold = Sold { node, items, paid_minor };
    for attempts in [0..240, 240..300] {
        let mut held = vec![VecDeque::new(); sold.items.len()];
        for attempt in attempts {
            for (item, held) in held.iter_mut().enumerate() {
                sold.attempt(item, attempt, held).await;
            }
            sold.node.clock.advance(Duration::from_millis(150));
        }
        sold.node.advance(61);
        for item in &sold.items {
            sold.node.item_until(item, |item| item.held_units == 0).await;
        }
    }
    sold.node.stop();
    sold
}

impl Sold {
    /// One attempt, and the end of the order that was placed nine attempts before: of every five one is
    /// cancelled, and one is left unpaid.
    async fn attempt(&mut self, item: usize, attempt: u64, held: &mut VecDeque<Held>) {
        let lot = attempt.wrapping_mul(0x9e37_79b9).wrapping_add(12_345) / 7;
        let (buyer, units) = (format!("b{}", lot % 190), i64::try_from(lot % 5 + 1).unwrap());
        let placed = self.node.place(&self.items[item], &buyer, units).await.unwrap();
        let order = match placed.outcome {
            Some(Outcome::Order(order)) => Some(order),
            _ => None,
        };
        held.push_back((attempt, order));
        let ended = if held.len() > 9 { held.pop_front() } else { None };
        let Some((placed, Some(order))) = ended else { return };
        match placed % 5 {
            0 => cancel(&self.node, &order).await,
            1 => {}
            _ => {
                self.node.pay(&order).await;
                self.paid_minor[item] += order.total.unwrap().amount_minor;
            }
        }
    }

    async fn what_if(&self, item: usize, rules: &[&str]) -> WhatIf {
        let found = what_if(self.node.data(), &self.items[item], rules).await;
        assert_eq!(found.baseline_differences, Vec::<String>::new());
        found
    }

    async fn refused(&self, item: usize, rule: &str) -> String {
        let rules = Rules::parse("rules", [rule]).unwrap();
        let item = ItemId::parse("item", &self.items[item]).unwrap();
        let found = look(self.node.data(), move |log| run(log, &[item], rules, "rules"));
        found.await.unwrap_err().to_string()
    }
}

fn goods(figures: &Figures) -> &Goods {
    figures.goods.as_ref().expect("orders had other prices")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ladder_earns_in_a_what_if_what_it_earns_in_a_sale() {
    let sold = crowd(vec![plain("flat"), laddered("steps")]).await;
    let (flat, steps) = (sold.what_if(0, &[LADDER]).await, sold.what_if(1, &["steps=none"]).await);
    assert_eq!(flat.total.recorded.revenue_minor, sold.paid_minor[0]);
    assert_eq!(flat.total.played.revenue_minor, sold.paid_minor[1], "what the crowd really paid");
    assert!(sold.paid_minor[1] < sold.paid_minor[0]);
    assert_eq!(flat.total.played, steps.total.recorded);
    assert_eq!(flat.total.recorded, steps.total.played);
    let sold = goods(&flat.total.played).sold.iter();
    let by_price: Vec<((Rung, i64), i64)> = sold.map(|(at, units)| (*at, *units)).collect();
    let [(first, units), (second, more), (rest, _)] = by_price[..] else {
        panic!("three prices: {by_price:?}")
    };
    assert_eq!([first, second], [(Rung::Step(0), 990), (Rung::Step(1), 1_290)]);
    assert_eq!(rest, (Rung::Base, 1_590));
    assert!((1..=100).contains(&units) && (1..=400).contains(&more), "{by_price:?}");
    let earned: i64 = by_price.iter().map(|((_, price), units)| price * units).sum();
    assert_eq!(earned, flat.total.played.revenue_minor);
    assert!(flat.assumptions.iter().any(|stated| stated.contains("because of a price")));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_prices_offers_and_gifts_are_replayed_and_taken_away() {
    let sold = crowd(vec![rich("rich"), laddered("steps"), plain("flat")]).await;
    let found = sold.what_if(0, &[]).await;
    assert_eq!(found.total.recorded, found.total.played);
    assert_eq!(found.total.recorded.revenue_minor, sold.paid_minor[0]);
    let all = goods(&found.total.recorded);
    assert!(all.discount_minor > 0 && (1..=20).contains(&all.gift_units), "{all:?}");
    assert!(all.sold.contains_key(&(Rung::Step(1), 1_100)), "a time price: {all:?}");
    let subtotal: i64 = all.sold.iter().map(|((_, price), units)| price * units).sum();
    assert_eq!(subtotal - all.discount_minor, sold.paid_minor[0]);

    let rules = ["offers=none", "time-prices=none", "returned-units=same_price"];
    let stripped = sold.what_if(0, &rules).await;
    let ladder = sold.what_if(1, &[]).await;
    // Attempts that were refused without a gift buy now, so only the crowd's attempts are the same.
    assert_eq!(stripped.total.played.attempts, ladder.total.recorded.attempts);
    let played = goods(&stripped.total.played);
    assert_eq!((played.discount_minor, played.gift_units), (0, 0));
    assert!(played.sold.keys().all(|(_, price)| [990, 1_290, 1_590].contains(price)));
    let without_time = sold.what_if(0, &["time-prices=none"]).await;
    assert!(!goods(&without_time.total.played).sold.contains_key(&(Rung::Step(1), 1_100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_next_price_units_that_come_back_leave_their_step() {
    let sold = crowd(vec![laddered("steps")]).await;
    let found = sold.what_if(0, &["returned-units=next_price"]).await;
    let first = (Rung::Step(0), 990);
    let units = |figures: &Figures| goods(figures).sold.get(&first).copied().unwrap_or(0);
    assert!(units(&found.total.played) < units(&found.total.recorded), "{:?}", found.total);
    assert!(found.total.played.revenue_minor > found.total.recorded.revenue_minor);
}

const CANCELLED: [(i64, &str); 3] = [(4, "bob"), (8, "dan"), (9, "zoe")];

const PLACED: [(i64, &str, i64); 8] = [
    (1, "ann", 1),
    (2, "zoe", 1),
    (3, "bob", 2),
    (5, "cat", 1),
    (7, "dan", 3),
    (10, "eve", 3),
    (12, "fay", 1),
    (14, "gus", 1),
];

fn step(units: i64, unit_price_minor: i64) -> proto::PriceStep {
    proto::PriceStep { units, unit_price_minor }
}

fn time_price(second: i64, unit_price_minor: i64) -> proto::TimePrice {
    proto::TimePrice {
        from_time: Some(timestamp(OPENS_AT.plus(second * 1_000))),
        until_time: Some(timestamp(OPENS_AT.plus(second * 1_000 + 1_000))),
        unit_price_minor,
    }
}

/// Two items, planned with a ladder and without, whose prices an operator replaces after six seconds.
async fn repriced() -> Sold {
    let node = Node::start().await;
    let flat =
        |sku| proto::ItemDraft { unit_price_minor: 1_000, ..support::item(sku, &[("north", 20)]) };
    let steps = proto::ItemDraft {
        steps: vec![step(3, 600)],
        time_prices: vec![time_price(5, 550), time_price(12, 500)],
        ..flat("steps")
    };
    let (_, items) = node.sale(vec![steps, flat("flat")]).await;
    let mut sold = Sold { node, paid_minor: vec![0; items.len()], items };
    let mut held: Vec<HashMap<&str, proto::Order>> = vec![HashMap::new(); sold.items.len()];
    for second in 1..=14 {
        sold.node.advance(1);
        for (item, held) in sold.items.iter().zip(&mut held) {
            for (_, buyer) in CANCELLED.iter().filter(|(at, _)| *at == second) {
                cancel(&sold.node, &held.remove(buyer).unwrap()).await;
            }
            for (_, buyer, units) in PLACED.iter().filter(|(at, _, _)| *at == second) {
                let placed = sold.node.place(item, buyer, *units).await.unwrap();
                held.insert(*buyer, support::order(&placed));
            }
            if second == 6 {
                let prices = proto::SetPricesRequest {
                    request_id: request_id(),
                    item_id: item.clone(),
                    unit_price_minor: 900,
                    steps: vec![step(2, 700), step(2, 800)],
                    time_prices: vec![time_price(14, 650)],
                    operator: "olga".to_owned(),
                    reason: "it sells too slowly".to_owned(),
                    ..Default::default()
                };
                sold.node.items().set_prices(prices).await.unwrap();
            }
        }
    }
    for (held, paid_minor) in held.iter().zip(&mut sold.paid_minor) {
        for order in held.values() {
            sold.node.pay(order).await;
            *paid_minor += order.total.as_ref().unwrap().amount_minor;
        }
    }
    sold.node.stop();
    sold
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_change_planned_prices_and_what_an_operator_set_stays() {
    use Rung::{Base, Step};
    let sold = repriced().await;
    let check = async |item: usize, rule: &str, revenue: i64, prices: &[(Rung, i64, i64)]| {
        let rules: Vec<&str> = Some(rule).filter(|rule| !rule.is_empty()).into_iter().collect();
        let found = sold.what_if(item, &rules).await;
        assert_eq!(found.total.recorded.revenue_minor, sold.paid_minor[item]);
        let played = found.total.played;
        assert_eq!((played.orders_placed, played.orders_paid, played.units_sold), (8, 5, 7));
        let by_price = goods(&played).sold.iter();
        let by_price: Vec<_> =
            by_price.map(|((rung, price), units)| (*rung, *price, *units)).collect();
        assert_eq!((by_price.as_slice(), played.revenue_minor), (prices, revenue), "{item} {rule}");
    };
    // Ann and cat buy on the first ladder, cat at its time price; then dan's units come back to the
    // second one, zoe's to the first, and eve has dan's. Gus buys after the last step, at a time price.
    let second = [(Step(0), 700, 2), (Step(1), 800, 2), (Base, 650, 1)];
    let all = |first: &[(Rung, i64, i64)], second: &[(Rung, i64, i64)]| {
        let mut all = [first, second].concat();
        all.sort_unstable();
        all
    };
    let recorded = all(&[(Step(0), 550, 1), (Step(0), 600, 1)], &second);
    check(0, "", 600 + 550 + 2_200 + 800 + 650, &recorded).await;
    let without_time = [(Step(0), 600, 2), (Step(0), 700, 2), (Step(1), 800, 2), (Base, 900, 1)];
    check(0, "time-prices=none", 600 + 600 + 2_200 + 800 + 900, &without_time).await;
    // Bob's and dan's units are not sold at the prices of their steps again: cat's is after the last
    // step, and eve finds one unit of the second step.
    let next =
        [(Step(0), 600, 1), (Step(1), 800, 1), (Base, 550, 1), (Base, 650, 1), (Base, 900, 3)];
    check(0, "returned-units=next_price", 600 + 550 + 2_600 + 900 + 650, &next).await;
    let other = all(&[(Step(0), 400, 1), (Base, 550, 1)], &second);
    check(0, "steps=1:400/1:500", 400 + 550 + 2_200 + 800 + 650, &other).await;
    let none = all(&[(Base, 550, 1), (Base, 1_000, 1)], &second);
    check(0, "steps=none", 1_000 + 550 + 2_200 + 800 + 650, &none).await;

    let flat = all(&[(Base, 1_000, 2)], &second);
    check(1, "", 2_000 + 2_200 + 800 + 650, &flat).await;
    // The ladder of the operator is the second one now, so zoe's unit does not come back to it.
    let added = all(&[(Step(0), 400, 1), (Base, 1_000, 1)], &second);
    check(1, "steps=1:400/1:500", 400 + 1_000 + 2_200 + 800 + 650, &added).await;
    let next = [(Step(1), 800, 1), (Base, 650, 1), (Base, 900, 3), (Base, 1_000, 2)];
    check(1, "returned-units=next_price", 2_000 + 2_600 + 900 + 650, &next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_above_the_base_price_or_below_the_floor_are_refused() {
    let floor = proto::ItemDraft { floor_minor: Some(800), ..laddered("floor") };
    let sold = crowd(vec![plain("flat"), floor]).await;
    let above = sold.refused(0, "steps=100:990/400:1700").await;
    let problem = "rules steps[1].unit_price_minor is 1700, above the base price of flat (1590)";
    assert_eq!(above, problem);
    let below = sold.refused(1, "steps=100:700").await;
    let problem = "rules steps[0].unit_price_minor is 700, below floor_minor (800) of floor";
    assert_eq!(below, problem);
}

#[test]
fn rules_about_prices_that_make_no_sense_are_refused_by_name() {
    let cases = [
        ("steps", "rules steps needs a value, for example steps=100:990/400:1290"),
        ("steps=", "rules steps needs a value"),
        ("steps=100", "rules steps must be none or UNITS:MINOR for each step"),
        ("steps=100:990/", "\"\" is no step"),
        ("steps=100:990/4x:1290", "\"4x:1290\" is no step"),
        ("steps=+5:990", "\"+5:990\" is no step"),
        ("steps=0:990", "rules steps[0].units must be at least 1, not 0"),
        ("steps=100:0", "rules steps[0].unit_price_minor must be 1 to"),
        ("steps=100:1290/400:990", "rules steps[1].unit_price_minor is 990, below the 1290"),
        ("steps=600000000:1/600000000:2", "rules steps[1].units is 600000000"),
        ("steps=1:1,steps=none", "rules steps is given twice"),
        ("time-prices=some", "rules time-prices must be none, not \"some\""),
        ("time-prices", "rules time-prices must be none, not \"\""),
        ("reserve-plan=on", "rules reserve-plan must be off, not \"on\""),
        ("reserve-plan", "rules reserve-plan must be off, not \"\""),
        ("reserve-plan=off,reserve-plan=off", "rules reserve-plan is given twice"),
        ("offers=all", "rules offers must be none, not \"all\""),
        (
            "returned-units=keep",
            "rules returned-units must be same_price or next_price, not \"keep\"",
        ),
        ("time_prices=none", "rules \"time_prices\" is not known; known are limit=N"),
    ];
    for (rule, problem) in cases {
        let error = Rules::parse("rules", [rule]).unwrap_err().to_string();
        assert!(error.contains(problem), "{rule:?}: {error}");
    }
}
