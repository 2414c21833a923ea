//! Goal: an operator's command does what it says, once, and is on record. Method: tables, and one
//! look at the record.

use doorbuster::{
    domain::{
        Misdirected,
        item::{ItemCommand, ItemOutcome, ItemSchedule, Steer, SteerAction},
        sale::WORTH_MINOR_MAX,
    },
    events::{ItemEvent, ItemPlan, OfferEvent, Prices, Stored, TimePrice},
    values::UnixMs,
};

use super::{
    live::{self, Decided, Live, cny, plan, request, sale_id, steer, units},
    table::check,
};

#[test]
fn adding_an_item_twice_is_harmless() {
    check(
        "offer stock=north:2
         place r1 ann 1  -> held ann 1
         add             -> item_open again
         = available 1 held 1 sold 0",
    );
}

#[test]
fn an_added_item_is_what_was_planned() {
    let mut live = Live::unknown();
    let added = live.run(live::add(plan()), 3);
    let kinds: Vec<_> = added.events.iter().map(|caused| caused.event.kind()).collect();
    assert_eq!(kinds, ["ItemAdded", "ItemScheduled", "PurchaseLimitSet", "StockAllocated"]);
    let shown = live.run(ItemCommand::Show, 3);
    assert_eq!(added.outcome, shown.outcome, "the answer shows the item as it is afterwards");
    let ItemOutcome::Item(view) = shown.outcome else { panic!("{shown:?}") };
    assert_eq!((view.sku, view.title), (plan().sku, plan().title));
    assert_eq!((view.unit_price_minor, view.currency, view.time_to_pay_ms), (10, cny(), 100));
    assert_eq!((view.sale_id, view.units.allocated), (sale_id(), 10));
}

#[test]
fn pausing_and_resuming_go_in_turns() {
    check(
        "offer
         resume s1  -> refused not_paused
         pause s2   -> item_paused + ItemPaused
         pause s3   -> refused paused
         resume s4  -> item_open + ItemResumed
         resume s5  -> refused not_paused
         pause s3   -> item_paused + ItemPaused",
    );
}

#[test]
fn a_repeated_command_is_not_carried_out_again() {
    check(
        "offer stock=north:1
         allocate s1 north 4  -> item_open + StockAllocated
         allocate s1 north 4  -> item_open again
         = available 5 held 0 sold 0
         pause s2             -> item_paused + ItemPaused
         resume s3            -> item_open + ItemResumed
         pause s2             -> item_open again
         place r1 ann 1       -> held ann 1
         close s4             -> item_closed + ItemClosed
         close s4             -> item_closed again
         allocate s1 north 4  -> item_closed again",
    );
}

#[test]
fn closing_is_final() {
    check(
        "offer
         place r1 ann 1       -> held ann 1
         place r2 bob 1       -> held bob 1
         place r3 cat 1       -> held cat 1
         close s1             -> item_closed + ItemClosed
         close s2             -> item_closed
         pause s3             -> refused closed
         resume s4            -> refused closed
         allocate s5 north 1  -> refused closed
         place r4 dan 1       -> refused closed
         add                  -> item_closed again
         pay p1 r1 10 ref     -> paid ann 1
         cancel c1 r2 bob     -> cancelled bob 1
         @100 due             -> cat
         place r5 dan 1       -> refused closed
         = available 9 held 0 sold 1",
    );
}

#[test]
fn a_paused_item_can_be_closed_and_takes_units() {
    check(
        "offer stock=north:1
         pause s1             -> item_paused + ItemPaused
         allocate s2 south 2  -> item_paused + StockAllocated
         = south available 2 held 0 sold 0
         close s3             -> item_closed + ItemClosed
         resume s4            -> refused closed",
    );
}

/// The window of an item, and what a unit costs at that moment.
fn window(live: &mut Live, at: i64) -> (i64, i64, i64) {
    let quote = ItemCommand::Quote { units: 1, more: None };
    let ItemOutcome::Quote { quote, .. } = live.run(quote, at).outcome else { panic!() };
    let ItemOutcome::Item(view) = live.run(ItemCommand::Show, at).outcome else { panic!() };
    (view.opens_at.0, view.closes_at.0, quote.quote.total_minor)
}

#[test]
fn an_item_takes_the_newest_window_of_its_sale_and_its_prices_move_along() {
    let time_price = TimePrice { from_ms: UnixMs(50), until_ms: UnixMs(60), unit_price_minor: 7 };
    let prices = Prices {
        unit_price_minor: 10,
        floor_minor: None,
        steps: Vec::new(),
        time_prices: vec![time_price],
        returned_units: Default::default(),
    };
    let mut live = Live::offered(ItemPlan { prices: Some(prices), ..plan() });
    let to = |name: &str, opens: i64, sale_revision| {
        let schedule = ItemSchedule {
            opens_at: UnixMs(opens),
            closes_at: UnixMs(10_000),
            moved_ms: opens,
            sale_revision,
        };
        steer(name, SteerAction::Schedule(schedule))
    };
    assert_eq!(live.run(to("w2", 200, 2), 1).events.len(), 1);
    assert_eq!(window(&mut live, 255), (200, 10_000, 7));
    // What the sale said before comes late, and what was told already comes again.
    assert!(live.run(to("w1", 100, 1), 1).events.is_empty());
    assert!(live.run(to("w2", 200, 2), 1).events.is_empty());
    assert_eq!(window(&mut live, 255), (200, 10_000, 7));
    // Back to where it was planned.
    assert_eq!(live.run(to("w3", 0, 3), 1).events.len(), 1);
    assert_eq!(window(&mut live, 55), (0, 10_000, 7));
    assert_eq!(window(&mut live, 255), (0, 10_000, 10));
    live.run(steer("c1", SteerAction::Close), 1);
    assert!(live.run(to("w4", 300, 4), 1).events.is_empty(), "a closed item stays as it is");
}

#[test]
fn allocated_units_are_on_offer_at_once() {
    let mut live = check(
        "offer stock=north:1
         place r1 ann 2       -> refused not_enough_units
         allocate s1 south 1  -> item_open + StockAllocated
         place r1 ann 2       -> held ann 2
         allocate s2 north 1  -> item_open + StockAllocated
         = north available 1 held 1 sold 0
         = south available 0 held 1 sold 0",
    );
    let answer = live.run(steer("s3", SteerAction::Allocate(units("south", 5).into())), 9).outcome;
    let shown = live.run(ItemCommand::Show, 9).outcome;
    assert_eq!(answer, shown, "the answer shows the item as it is afterwards");
}

#[test]
fn an_item_can_be_steered_before_and_after_its_window() {
    check(
        "offer open=100 close=200
         @0   allocate s1 north 1  -> item_not_open_yet + StockAllocated
              pause s2             -> item_paused + ItemPaused
              resume s3            -> item_not_open_yet + ItemResumed
         @200 allocate s4 north 1  -> item_closed + StockAllocated
              pause s5             -> item_closed + ItemPaused
              close s6             -> item_closed + ItemClosed",
    );
}

#[test]
fn who_steered_and_why_is_on_record() {
    let mut live = Live::offered(plan());
    live.run(steer("s1", SteerAction::Pause), 42);
    let Some((ItemEvent::Offer(OfferEvent::Paused(paused)), _)) = live.log.last() else {
        panic!("no pause")
    };
    assert_eq!(paused.paused_at_ms.0, 42);
    assert_eq!(paused.act.request_id, request("s1"));
    assert_eq!((paused.act.operator.as_str(), paused.act.reason.as_str()), ("olga", "a test"));
}

#[test]
fn a_reserve_is_not_on_offer_before_it_is_released() {
    check(
        "offer stock=north:1 reserve=north:2,south:3
         = available 1 held 0 sold 0 reserve 5
         place r1 ann 2        -> refused not_enough_units
         release s1 south 3    -> item_open + ReserveReleased
         = south available 3 held 0 sold 0
         = available 4 held 0 sold 0 reserve 2
         place r1 ann 2        -> held ann 2
         release s2 south 1    -> refused not_enough_reserve
         release s3 north 3    -> refused not_enough_reserve
         release s4 north 2    -> item_open + ReserveReleased
         release s4 north 2    -> item_open again
         = available 4 held 2 sold 0
         release s5 west 1     -> wrong warehouse",
    );
}

#[test]
fn setting_a_reserve_says_how_much_there_is() {
    check(
        "offer stock=north:1
         reserve s1 south 4    -> item_open + ReserveSet
         reserve s2 south 2    -> item_open + ReserveSet
         = available 1 held 0 sold 0 reserve 2
         reserve s1 south 4    -> item_open again
         release s3 south 3    -> refused not_enough_reserve
         reserve s4 south 0    -> item_open + ReserveSet
         = available 1 held 0 sold 0
         place r1 ann 1        -> held ann 1
         place r2 bob 1        -> refused sold_out
         reserve r1 south 1    -> reused
         reserve s4 south 1    -> reused
         release s4 south 0    -> reused
         close s5              -> item_closed + ItemClosed
         reserve s6 south 1    -> refused closed
         release s7 south 1    -> refused closed
         limit s8 1 1          -> refused closed",
    );
}

#[test]
fn a_planned_reserve_is_on_record_with_the_plan() {
    let mut live = Live::unknown();
    let mut plan = plan();
    plan.reserve = vec![units("north", 3)];
    let added = live.run(live::add(plan), 3);
    let kinds: Vec<_> = added.events.iter().map(|caused| caused.event.kind()).collect();
    let head = ["ItemAdded", "ItemScheduled", "PurchaseLimitSet", "StockAllocated", "ReserveSet"];
    assert_eq!(kinds, head);
}

#[test]
fn a_limit_counts_for_orders_that_come_after_it() {
    check(
        "offer stock=north:9 per_buyer=2
         place r1 ann 2        -> held ann 2
         limit s1 1 none       -> item_open + PurchaseLimitSet
         pay p1 r1 20 ref      -> paid ann 2
         place r2 ann 1        -> refused over_buyer_limit
         place r3 bob 2        -> refused over_buyer_limit
         place r4 bob 1        -> held bob 1
         limit s2 none 3       -> item_open + PurchaseLimitSet
         place r3 bob 3        -> held bob 3
         place r5 cat 4        -> refused over_order_limit
         limit s3 none none    -> item_open + PurchaseLimitSet
         limit s2 none 3       -> item_open again
         limit s2 3 none       -> reused
         place r6 cat 3        -> held cat 3",
    );
}

#[test]
fn an_item_takes_orders_while_neither_it_nor_its_sale_is_paused() {
    check(
        "offer stock=north:9
         pause s1              -> item_paused + ItemPaused
         sale_pause a1         -> item_paused + ItemPaused
         sale_pause a2         -> item_paused
         sale_resume a3        -> item_paused + ItemResumed
         place r1 ann 1        -> refused paused
         sale_resume a4        -> item_paused
         resume s2             -> item_open + ItemResumed
         sale_pause a5         -> item_paused + ItemPaused
         resume s3             -> refused not_paused
         place r1 ann 1        -> refused paused
         pause s4              -> item_paused + ItemPaused
         resume s5             -> item_paused + ItemResumed
         sale_resume a6        -> item_open + ItemResumed
         sale_pause a5         -> item_open again
         place r1 ann 1        -> held ann 1
         close s6              -> item_closed + ItemClosed
         sale_pause a7         -> item_closed
         sale_resume a8        -> item_closed",
    );
}

#[test]
fn each_act_is_answered_with_the_item_as_it_is_afterwards() {
    let (north, west) = (units("north", 4), units("west", 4));
    let actions = [
        SteerAction::SetReserve(north.clone()),
        SteerAction::ReleaseReserve(units("north", 1)),
        SteerAction::SetReserve(west),
        SteerAction::ReleaseReserve(units("west", 4)),
        SteerAction::SetPurchaseLimit { per_buyer: Some(1), per_order: None },
        SteerAction::PauseWithSale,
        SteerAction::Pause,
        SteerAction::ResumeWithSale,
        SteerAction::Resume,
        SteerAction::Allocate(north.into()),
        SteerAction::Close,
    ];
    let mut live = Live::offered(plan());
    for (number, action) in actions.into_iter().enumerate() {
        let said = format!("{action:?}");
        let answer = live.run(steer(&format!("s{number}"), action), 9);
        assert_eq!(answer.events.len(), 1, "{said}");
        assert_eq!(answer.outcome, live.run(ItemCommand::Show, 9).outcome, "{said}");
    }
}

/// The same act without the word that its warehouse is a new one.
fn known_place(name: &str, action: SteerAction) -> ItemCommand {
    match steer(name, action) {
        ItemCommand::Steer(steer) => ItemCommand::Steer(Steer { new_warehouse: false, ..steer }),
        _ => unreachable!("steering is steering"),
    }
}

fn wrong(decided: &Decided) -> String {
    assert!(decided.events.is_empty(), "nothing is recorded");
    match &decided.outcome {
        ItemOutcome::Misdirected(Misdirected::Invalid(wrong)) => wrong.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_act_names_a_warehouse_of_the_item_or_says_that_it_is_new() {
    let mut live = Live::offered(ItemPlan { units: vec![units("north", 1)], ..plan() });
    let says = "warehouse is \"nort\", and the item has no such warehouse: it has \"north\". A new one is \
                named with new_warehouse";
    let misspelt = || units("nort", 7);
    for (nth, action) in [
        SteerAction::Allocate(misspelt().into()),
        SteerAction::SetReserve(misspelt()),
        SteerAction::SetReserve(units("nort", 0)),
        SteerAction::ReleaseReserve(misspelt()),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(wrong(&live.run(known_place(&format!("s{nth}"), action), 1)), says);
    }
    let released = live.run(steer("r1", SteerAction::ReleaseReserve(misspelt())), 1);
    assert_eq!(wrong(&released), says, "nothing lies in a new warehouse");

    let added = live.run(steer("a1", SteerAction::Allocate(units("south", 7).into())), 2);
    assert_eq!(added.events.len(), 1);
    let known = live.run(known_place("a2", SteerAction::Allocate(units("south", 1).into())), 3);
    assert_eq!(known.events.len(), 1, "now it is one of the item's");
    let again = live.run(known_place("a1", SteerAction::Allocate(units("south", 7).into())), 4);
    let reused = ItemOutcome::Misdirected(Misdirected::RequestIdReused(request("a1")));
    assert_eq!(again.outcome, reused, "with another word it is another request");
    let alike = live.run(steer("a3", SteerAction::Allocate(units("ｓｏｕｔｈ", 1).into())), 5);
    assert!(wrong(&alike).contains("looks like \"south\""));
    let unseen = live.run(steer("a4", SteerAction::Allocate(units("south\u{200b}x", 1).into())), 5);
    assert!(wrong(&unseen).contains("U+200B ZERO WIDTH SPACE"));
}

#[test]
fn steering_keeps_the_bounds_of_creation() {
    let worth = WORTH_MINOR_MAX / 1_000_000_000;
    let stock = vec![units("north", worth - 10)];
    let mut live =
        Live::offered(ItemPlan { unit_price_minor: 1_000_000_000, units: stock, ..plan() });
    let more = |units_more: i64| SteerAction::Allocate(units("north", units_more).into());
    assert_eq!(
        wrong(&live.run(steer("a1", more(11)), 1)),
        "units makes all units of the item together worth 1000000001000000000 minor units, more than \
         1000000000000000000"
    );
    let kept = |kept: i64| SteerAction::SetReserve(units("north", kept));
    assert!(wrong(&live.run(steer("k1", kept(11)), 1)).starts_with("units makes all units"));
    assert_eq!(live.run(steer("k2", kept(10)), 1).events.len(), 1, "all that there may be");
    assert!(wrong(&live.run(steer("a2", more(1)), 1)).starts_with("units makes all units"));
    assert_eq!(live.run(steer("k3", kept(9)), 1).events.len(), 1, "less is never refused");
    assert_eq!(live.run(steer("a3", more(1)), 1).events.len(), 1);

    let stock = (0..99).map(|nth| units(&format!("w{nth}"), 1)).collect();
    let mut live = Live::offered(ItemPlan { units: stock, ..plan() });
    let new = |name: &str| steer(name, SteerAction::Allocate(units(name, 1).into()));
    assert_eq!(live.run(new("the-hundredth"), 1).events.len(), 1);
    assert_eq!(
        wrong(&live.run(new("one-more"), 1)),
        "warehouse is \"one-more\", and the item has 100 warehouses already: at most 100"
    );
}
