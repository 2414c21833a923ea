//! What orders cost, and what operators change of it while the item is on sale.

use doorbuster::{
    domain::{
        Decider, Misdirected,
        item::{ItemCommand, ItemOutcome, OrderView, PlaceMore, Refusal, SteerAction},
        price::{DraftOffer, Quote, check_offers},
    },
    events::{
        AttemptOutcome, Audience, ItemEvent, ItemPlan, Offer, OrderEvent, OrderPlaced,
        OrderShopper, PriceStep, Prices, Region, ReturnedUnits, TimePrice, WhenGone,
    },
    values::{Gender, ShopperAttributes, UnixMs},
};

use super::live::{Live, cancel, pay, place, plan, request, steer, units};

/// Two units at 5, three at 8, then 10.
fn ladder() -> Prices {
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    Prices {
        unit_price_minor: 10,
        floor_minor: None,
        steps: vec![step(2, 5), step(3, 8)],
        time_prices: Vec::new(),
        returned_units: ReturnedUnits::SamePrice,
    }
}

fn with_ladder(prices: Prices) -> Live {
    Live::offered(ItemPlan { prices: Some(prices), units: vec![units("north", 40)], ..plan() })
}

fn gift(units: i64, when_gone: WhenGone) -> DraftOffer {
    DraftOffer {
        name: "strap".to_owned(),
        from_units: Some(2),
        gift_sku: "STRAP".to_owned(),
        gift_units: Some(units),
        when_gone: Some(when_gone),
        ..DraftOffer::default()
    }
}

fn off(name: &str, amount_minor: i64, from_minor: i64) -> DraftOffer {
    DraftOffer {
        name: name.to_owned(),
        amount_minor: Some(amount_minor),
        from_minor: Some(from_minor),
        ..DraftOffer::default()
    }
}

fn checked(drafts: &[DraftOffer]) -> Vec<Offer> {
    check_offers(drafts.to_vec(), (UnixMs(0), UnixMs(10_000))).unwrap()
}

fn with_offers(drafts: &[DraftOffer]) -> Live {
    let offers = checked(drafts);
    Live::offered(ItemPlan { offers, units: vec![units("north", 40)], ..plan() })
}

/// An order that costs at most so much.
fn place_within(name: &str, buyer: &str, units: i64, most: i64) -> ItemCommand {
    let ItemCommand::PlaceOrder(place) = place(name, buyer, units) else { unreachable!() };
    let more = PlaceMore { max_total_minor: Some(most), ..PlaceMore::default() };
    ItemCommand::PlaceOrder(place.with(more))
}

fn order(outcome: ItemOutcome) -> OrderView {
    match outcome {
        ItemOutcome::Order(order) => order,
        other => panic!("no order: {other:?}"),
    }
}

fn refused(outcome: ItemOutcome) -> (Refusal, Option<Quote>) {
    match outcome {
        ItemOutcome::Refused { refusal, quote, .. } => (refusal, quote.map(|shown| shown.quote)),
        other => panic!("not refused: {other:?}"),
    }
}

fn invalid(outcome: ItemOutcome) -> String {
    match outcome {
        ItemOutcome::Misdirected(Misdirected::Invalid(invalid)) => invalid.to_string(),
        other => panic!("not invalid: {other:?}"),
    }
}

fn last_placed(live: &Live) -> OrderPlaced {
    let placed = live.log.iter().rev().find_map(|(event, _)| match event {
        ItemEvent::Order(OrderEvent::Placed(placed)) => Some(placed.clone()),
        _ => None,
    });
    placed.unwrap()
}

fn total(live: &mut Live, name: &str, units: i64, at: i64) -> i64 {
    order(live.run(place(name, name, units), at).outcome).total_minor
}

#[test]
fn an_order_across_a_step_pays_each_unit_at_its_price_and_says_so() {
    let mut live = with_ladder(ladder());
    let first = order(live.run(place("r1", "ann", 1), 0).outcome);
    assert_eq!((first.unit_price_minor, first.total_minor, first.parts().len()), (5, 5, 1));
    let second = order(live.run(place("r2", "bob", 5), 0).outcome);
    let parts: Vec<_> =
        second.parts().iter().map(|p| (p.step, p.units, p.unit_price_minor)).collect();
    assert_eq!(parts, [(Some(0), 1, 5), (Some(1), 3, 8), (None, 1, 10)]);
    assert_eq!((second.unit_price_minor, second.total_minor), (5, 39));
    let placed = last_placed(&live);
    assert_eq!(
        (placed.total(), placed.total_minor, &*placed.parts),
        (39, Some(39), second.parts())
    );
    let (wrong, _) = refused(live.run(pay("p1", "r2", 25, "ref"), 1).outcome);
    assert_eq!(wrong, Refusal::WrongAmount, "units times the price of the first part");
    let paid = order(live.run(pay("p2", "r2", 39, "ref"), 1).outcome);
    assert_eq!(paid.total_minor, 39);
}

#[test]
fn a_plain_item_stores_nothing_new() {
    let mut live = Live::offered(plan());
    live.run(place("r1", "ann", 2), 0);
    let placed = last_placed(&live);
    assert_eq!((placed.total_minor, placed.total()), (None, 20));
    assert!(placed.parts.is_empty() && placed.offer.is_none() && placed.gift.is_none());
    let within = order(live.run(place_within("r2", "bob", 2, 20), 0).outcome);
    assert_eq!((within.total_minor, within.parts().len()), (20, 0));
    assert_eq!(last_placed(&live).total_minor, None);
}

#[test]
fn units_of_an_order_that_expires_or_is_cancelled_go_back_to_their_step() {
    let mut live = with_ladder(ladder());
    assert_eq!(total(&mut live, "r1", 2, 0), 10);
    assert_eq!(total(&mut live, "r2", 1, 0), 8);
    live.run(cancel("c1", "r1", "r1"), 1);
    assert_eq!(total(&mut live, "r3", 1, 2), 5, "a unit of the first step is free again");
    live.run(pay("p1", "r3", 5, "ref"), 3);
    assert_eq!(live.due(100, 10).len(), 1, "r2 expires");
    assert_eq!(total(&mut live, "r4", 3, 101), 5 + 8 + 8);
}

#[test]
fn with_next_price_a_unit_of_a_step_is_sold_at_its_price_once() {
    let mut live = with_ladder(Prices { returned_units: ReturnedUnits::NextPrice, ..ladder() });
    assert_eq!(total(&mut live, "r1", 2, 0), 10);
    live.run(cancel("c1", "r1", "r1"), 1);
    assert_eq!(total(&mut live, "r2", 1, 2), 8);
}

#[test]
fn a_time_price_is_in_force_by_the_moment_of_the_decision() {
    let price = TimePrice { from_ms: UnixMs(50), until_ms: UnixMs(60), unit_price_minor: 7 };
    let mut live = with_ladder(Prices { time_prices: vec![price], ..ladder() });
    assert_eq!(total(&mut live, "r1", 3, 50), 5 + 5 + 7);
    assert_eq!(last_placed(&live).parts[1].time_price, Some(0));
    assert_eq!(total(&mut live, "r2", 1, 59), 7);
    let one = order(live.run(super::live::show_order("r2", "r2"), 59).outcome);
    assert_eq!((one.parts()[0].step, one.parts()[0].time_price), (Some(1), Some(0)));
    assert_eq!(total(&mut live, "r3", 1, 60), 8);
}

#[test]
fn an_order_that_would_cost_more_than_it_may_is_refused_with_the_price_in_force() {
    let mut live = with_ladder(ladder());
    live.run(place("r1", "ann", 2), 0);
    let decided = live.run(place_within("r2", "bob", 2, 10), 0);
    assert_eq!(decided.attempt.as_ref().unwrap().outcome, AttemptOutcome::PriceChanged);
    let (refusal, quote) = refused(decided.outcome);
    let quote = quote.unwrap();
    assert_eq!(
        (refusal, quote.total_minor, quote.step_units_left),
        (Refusal::PriceChanged, 16, Some(3))
    );
    let placed = order(live.run(place_within("r2", "bob", 2, 16), 0).outcome);
    assert_eq!(placed.total_minor, 16, "a refusal is not stored");
    let again = live.run(place_within("r2", "bob", 2, 17), 0).outcome;
    let reused = Misdirected::RequestIdReused(request("r2"));
    assert_eq!(again, ItemOutcome::Misdirected(reused), "the bound is a field of the request");
}

#[test]
fn what_only_some_orders_say_is_part_of_the_request_by_name() {
    let ItemCommand::PlaceOrder(plain) = place("r1", "ann", 1) else { unreachable!() };
    let with = |more: PlaceMore| plain.clone().with(more).fingerprint;
    assert_eq!(with(PlaceMore::default()), plain.fingerprint);
    let bound = |most| PlaceMore { max_total_minor: Some(most), ..PlaceMore::default() };
    let region = |name: &str| PlaceMore { region: name.to_owned(), ..PlaceMore::default() };
    let all = [bound(1), bound(2), region("x"), region("y")].map(with);
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one) && *one != plain.fingerprint, "{index}");
    }
}

#[test]
fn the_largest_offer_reduces_an_order_and_its_payment_is_the_total() {
    let mut live = with_offers(&[off("one", 1, 10), off("five", 5, 30)]);
    assert_eq!(total(&mut live, "r1", 1, 0), 9);
    let order_of_three = order(live.run(place("r2", "bob", 3), 0).outcome);
    let offer = order_of_three.offer().unwrap();
    assert_eq!((&*offer.name, offer.discount_minor), ("five", 5));
    assert_eq!((order_of_three.unit_price_minor, order_of_three.total_minor), (10, 25));
    assert_eq!(last_placed(&live).subtotal(), 30);
    let (wrong, _) = refused(live.run(pay("p1", "r2", 30, "ref"), 1).outcome);
    assert_eq!(wrong, Refusal::WrongAmount);
    assert_eq!(order(live.run(pay("p2", "r2", 25, "ref"), 1).outcome).total_minor, 25);
}

#[test]
fn a_gift_is_held_given_and_freed_with_its_order() {
    let mut live = with_offers(&[gift(2, WhenGone::Without)]);
    let one = order(live.run(place("r1", "ann", 2), 0).outcome);
    assert_eq!(one.gift().unwrap().sku, "STRAP");
    assert_eq!(order(live.run(place("r2", "bob", 1), 0).outcome).gift(), None);
    assert!(order(live.run(place("r3", "cat", 2), 0).outcome).gift().is_some());
    let without = order(live.run(place("r4", "dan", 2), 0).outcome);
    assert_eq!((without.gift(), without.gift_gone(), without.total_minor), (None, true, 20));
    assert_eq!(last_placed(&live).gift_gone.as_deref(), Some("strap"));
    live.run(pay("p1", "r1", 20, "ref"), 1);
    live.run(cancel("c1", "r3", "cat"), 1);
    assert!(order(live.run(place("r5", "eve", 2), 2).outcome).gift().is_some(), "that of r3");
    assert!(order(live.run(place("r6", "fay", 2), 2).outcome).gift_gone(), "r1 keeps its own");
}

#[test]
fn an_offer_may_refuse_orders_without_its_gift() {
    let mut live = with_offers(&[gift(1, WhenGone::Refuse)]);
    live.run(place("r1", "ann", 2), 0);
    let decided = live.run(place("r2", "bob", 2), 0);
    assert_eq!(decided.attempt.as_ref().unwrap().outcome, AttemptOutcome::GiftGone);
    assert_eq!(refused(decided.outcome), (Refusal::GiftGone, None));
    let (first, _) = refused(live.run(place_within("r3", "cat", 2, 1), 0).outcome);
    assert_eq!(first, Refusal::GiftGone, "before the price");
    assert_eq!(total(&mut live, "r4", 1, 0), 10, "one unit has no gift");
}

#[test]
fn what_stands_in_the_way_of_an_order_is_told_before_its_price() {
    let mut live = with_ladder(ladder());
    live.run(place("r1", "ann", 39), 0);
    let (refusal, _) = refused(live.run(place_within("r2", "bob", 2, 1), 0).outcome);
    assert_eq!(refusal, Refusal::NotEnoughUnits);
}

#[test]
fn a_quote_says_what_an_order_would_cost_and_changes_nothing() {
    let mut live = with_ladder(ladder());
    live.run(place("r1", "ann", 1), 0);
    let events = live.log.len();
    let ItemOutcome::Quote { quote, available, .. } =
        live.run(ItemCommand::Quote { units: 2, more: None }, 0).outcome
    else {
        panic!("no quote")
    };
    let quote = quote.quote;
    assert_eq!((quote.total_minor, quote.step_units_left, available), (13, Some(1), 39));
    assert_eq!(live.log.len(), events);
    assert_eq!(total(&mut live, "r2", 2, 0), quote.total_minor);
}

#[test]
fn a_quote_says_what_would_be_in_the_way_of_any_buyer() {
    let mut planned = plan();
    planned.units = vec![units("north", 3), units("south", 2)];
    planned.limit_per_order = Some(5);
    planned.limit_per_buyer = Some(1);
    planned.audience = Some(Audience { genders: vec![Gender::Other], ..Audience::default() });
    planned.regions =
        vec![Region { name: "coast".to_owned(), warehouses: vec!["south".to_owned()] }];
    let mut live = Live::offered(planned);
    let other = ShopperAttributes { gender: Some(Gender::Other), ..Default::default() };
    let other = OrderShopper { attributes: other, ..OrderShopper::default() };
    let mut ask = |units, shopper: Option<&OrderShopper>, region: &str| {
        let (region, shopper) = (region.to_owned(), shopper.cloned());
        let more = Some(Box::new(PlaceMore { region, shopper, ..PlaceMore::default() }));
        let outcome = live.run(ItemCommand::Quote { units, more }, 0).outcome;
        let ItemOutcome::Quote { refusal, warehouses, .. } = outcome else { panic!("no quote") };
        let from = warehouses.into_iter().map(|at| (at.warehouse, at.units)).collect::<Vec<_>>();
        (refusal, from)
    };
    let from = |warehouse: &str, units| vec![(warehouse.to_owned(), units)];
    assert_eq!(ask(2, None, ""), (Some(Refusal::NotEligible), from("north", 2)));
    assert_eq!(ask(2, Some(&other), ""), (None, from("north", 2)), "no buyer, no limit of a buyer");
    assert_eq!(ask(2, Some(&other), "coast"), (None, from("south", 2)));
    assert_eq!(ask(6, Some(&other), ""), (Some(Refusal::OverOrderLimit), Vec::new()));
}

#[test]
fn a_quote_of_an_order_without_its_gift_says_that_it_would_be_refused() {
    let mut live = with_offers(&[gift(1, WhenGone::Refuse)]);
    let mut ask = || {
        let outcome = live.run(ItemCommand::Quote { units: 2, more: None }, 0).outcome;
        let ItemOutcome::Quote { refusal, .. } = outcome else { panic!("no quote") };
        let placed = live.run(place("r1", "ann", 2), 0);
        assert!(matches!(placed.outcome, ItemOutcome::Order(_)), "{:?}", placed.outcome);
        refusal
    };
    assert_eq!([ask(), ask()], [None, Some(Refusal::GiftGone)]);
}

fn set_prices(prices: Prices) -> SteerAction {
    SteerAction::set_prices(prices).unwrap()
}

#[test]
fn new_prices_begin_with_empty_steps_and_earlier_orders_keep_theirs() {
    let mut live = with_ladder(ladder());
    assert_eq!(total(&mut live, "r1", 2, 0), 10);
    live.run(steer("a1", set_prices(Prices { unit_price_minor: 9, ..ladder() })), 1);
    assert_eq!(total(&mut live, "r2", 1, 2), 5, "the first step is new");
    live.run(cancel("c1", "r1", "r1"), 3);
    assert_eq!(total(&mut live, "r3", 2, 4), 5 + 8, "r1 gave nothing back to it");
    let shown = live.run(ItemCommand::Show, 5).outcome;
    let ItemOutcome::Item(view) = shown else { panic!() };
    let ladder = view.ladder.unwrap();
    assert_eq!((ladder.number(), view.unit_price_minor), (2, 9));
    assert_eq!(ladder.steps()[0].held, 2);
    assert_eq!(view.next_unit.unwrap().total_minor, 8);
    live.run(pay("p1", "r2", 5, "ref"), 6);
    assert_eq!(live.rebuilt().show(doorbuster::domain::item::ItemShown::Item, UnixMs(6)), {
        let ItemOutcome::Item(view) = live.run(ItemCommand::Show, 6).outcome else { panic!() };
        ItemOutcome::Item(view)
    });
}

#[test]
fn an_item_may_get_its_first_ladder_while_it_is_on_sale() {
    let mut live = Live::offered(plan());
    assert_eq!(total(&mut live, "r1", 1, 0), 10);
    live.run(steer("a1", set_prices(ladder())), 1);
    assert_eq!(total(&mut live, "r2", 3, 2), 18);
    live.run(pay("p1", "r1", 10, "ref"), 3);
    live.run(cancel("c1", "r2", "r2"), 3);
    assert_eq!(total(&mut live, "r3", 1, 4), 5);
}

#[test]
fn new_offers_leave_existing_orders_alone_and_a_gift_keeps_what_is_taken() {
    let mut live = with_offers(&[gift(2, WhenGone::Without), off("one", 1, 10)]);
    let before = order(live.run(place("r1", "ann", 2), 0).outcome);
    assert_eq!((before.total_minor, before.gift().is_some()), (19, true));
    let set = |drafts: &[DraftOffer]| SteerAction::SetOffers(checked(drafts));
    live.run(steer("a1", set(&[])), 1);
    let none = order(live.run(place("r2", "bob", 2), 1).outcome);
    assert_eq!((none.total_minor, none.gift(), none.gift_gone()), (20, None, false));
    assert_eq!(order(live.run(pay("p1", "r1", 19, "ref"), 1).outcome).total_minor, 19);
    live.run(place("r3", "cat", 2), 1);
    let few = live.run(steer("a2", set(&[gift(2, WhenGone::Without)])), 2).outcome;
    assert!(matches!(few, ItemOutcome::Item(_)), "{few:?}");
    assert!(order(live.run(place("r4", "dan", 2), 3).outcome).gift().is_some());
    assert!(order(live.run(place("r5", "eve", 2), 3).outcome).gift_gone(), "one was given");
    let fewer = invalid(live.run(steer("a3", set(&[gift(1, WhenGone::Without)])), 4).outcome);
    assert_eq!(fewer, "offers[0].gift_units is 1, and 2 units are held or given");
}

#[test]
fn the_pool_of_a_gift_can_be_changed_but_not_below_what_is_taken() {
    let mut live = with_offers(&[gift(1, WhenGone::Without)]);
    live.run(place("r1", "ann", 2), 0);
    let set = |offer: &str, units| SteerAction::SetGiftUnits { offer: offer.to_owned(), units };
    live.run(steer("a1", set("strap", 2)), 1);
    assert!(order(live.run(place("r2", "bob", 2), 2).outcome).gift().is_some());
    let few = invalid(live.run(steer("a2", set("strap", 1)), 3).outcome);
    assert_eq!(few, "units is 1, and 2 units are held or given");
    let none = invalid(live.run(steer("a3", set("mug", 5)), 3).outcome);
    assert_eq!(none, "offer is \"mug\", and no offer of that name has a gift");
}

#[test]
fn prices_and_offers_outside_of_the_window_or_worth_too_much_are_refused() {
    let mut live = with_ladder(ladder());
    let late = TimePrice { from_ms: UnixMs(0), until_ms: UnixMs(10_001), unit_price_minor: 7 };
    let action = set_prices(Prices { time_prices: vec![late], ..ladder() });
    let told = invalid(live.run(steer("a1", action), 1).outcome);
    assert!(told.starts_with("time_prices[0].until_time is"), "{told}");
    let late = DraftOffer { until: Some(UnixMs(10_001)), ..off("late", 1, 1) };
    let always = (UnixMs(i64::MIN), UnixMs::LATEST);
    let action = SteerAction::SetOffers(check_offers(vec![late], always).unwrap());
    let told = invalid(live.run(steer("a2", action), 1).outcome);
    assert!(told.starts_with("offers[0].until_time is"), "{told}");
    let mut rich = Live::offered(ItemPlan { units: vec![units("north", 900_000_000)], ..plan() });
    let high = Prices { unit_price_minor: 1_000_000_000_000, ..ladder() };
    rich.run(steer("a1", SteerAction::Allocate(units("north", 900_000_000).into())), 0);
    let told = invalid(rich.run(steer("a2", set_prices(high)), 1).outcome);
    assert!(told.starts_with("unit_price_minor is 1000000000000"), "{told}");
}

#[test]
fn a_repeated_act_on_prices_is_one_act_and_another_under_its_request_is_refused() {
    let mut live = with_ladder(ladder());
    let first = live.run(steer("a1", set_prices(ladder())), 1);
    let events = live.log.len();
    let again = live.run(steer("a1", set_prices(ladder())), 2);
    assert_eq!((again.revision, live.log.len()), (first.revision, events));
    let other = set_prices(Prices { unit_price_minor: 11, ..ladder() });
    let reused = Misdirected::RequestIdReused(request("a1"));
    assert_eq!(live.run(steer("a1", other), 3).outcome, ItemOutcome::Misdirected(reused));
    live.run(steer("a2", SteerAction::Close), 4);
    let (late, _) = refused(live.run(steer("a3", set_prices(ladder())), 5).outcome);
    assert_eq!(late, Refusal::Closed);
}

/// More orders with different terms than numbers for terms: each keeps its own.
#[test]
fn every_order_keeps_its_terms_however_many_there_are() {
    const ORDERS: i64 = 66_000;
    let units = vec![units("north", ORDERS)];
    let live = Live::offered(ItemPlan { prices: Some(ladder()), units, ..plan() });
    let mut item = live.rebuilt();
    let mut revision = live.log.len() as u64;
    let mut placed = Vec::new();
    for bought in 6..=ORDERS {
        let name = format!("order {bought}");
        let end = cancel(&format!("cancel {bought}"), &name, "anna");
        for command in [place(&name, "anna", bought), end] {
            for caused in item.decide(command, UnixMs(0)).events {
                item.evolve(&caused.event, revision);
                revision += 1;
                if let ItemEvent::Order(OrderEvent::Placed(event)) = caused.event {
                    placed.push(event);
                }
            }
        }
    }
    assert_eq!(placed.len(), usize::try_from(ORDERS - 5).unwrap());
    for event in placed {
        let price = item.order_price(event.order_id).unwrap();
        assert_eq!(price.parts, *event.parts, "{} units", event.units);
        assert_eq!(price.parts[2].units, event.units - 5);
    }
}
