//! What a shop calls its orders: part of the request, of the order and of every answer.

use doorbuster::{
    domain::{
        Misdirected,
        item::{ItemCommand, ItemOutcome, OrderView, PlaceMore},
        references::checked,
    },
    events::{ItemEvent, OrderEvent, OrderReferences},
};

use super::live::{Live, order_id, pay, place, plan, request, show_order};

fn given(id: &str, labels: &[(&str, &str)]) -> OrderReferences {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    checked(id.to_owned(), labels.collect()).unwrap()
}

fn place_as(name: &str, references: OrderReferences) -> ItemCommand {
    let ItemCommand::PlaceOrder(place) = place(name, "ann", 1) else { unreachable!() };
    ItemCommand::PlaceOrder(place.with(PlaceMore { references, ..PlaceMore::default() }))
}

fn order(outcome: ItemOutcome) -> OrderView {
    match outcome {
        ItemOutcome::Order(order) => order,
        other => panic!("no order: {other:?}"),
    }
}

#[test]
fn every_answer_about_an_order_has_what_its_shop_calls_it() {
    let mut live = Live::offered(plan());
    let references = given("S-17", &[("store", "浦东"), ("campaign", "1111")]);
    let shown = Some(Box::new(references.clone()));
    assert_eq!(order(live.run(place_as("r1", references), 0).outcome).references, shown);
    assert_eq!(order(live.run(pay("p1", "r1", 10, "ref"), 1).outcome).references, shown);
    assert_eq!(order(live.run(show_order("r1", "ann"), 2).outcome).references, shown);
    assert_eq!(order(live.run(place("r2", "ann", 1), 3).outcome).references, None);
    let (ItemEvent::Order(OrderEvent::Placed(placed)), _) = &live.log[live.log.len() - 3] else {
        panic!("{:?}", live.log)
    };
    assert_eq!((placed.order_id, placed.references()), (order_id("r1"), shown.map(|s| *s)));
}

#[test]
fn the_same_labels_in_any_sequence_are_the_same_request_and_others_are_not() {
    let mut live = Live::offered(plan());
    let first = given("S-17", &[("a", "1"), ("b", "2")]);
    let placed = order(live.run(place_as("r1", first), 0).outcome);
    let again = live.run(place_as("r1", given("S-17", &[("b", "2"), ("a", "1")])), 1);
    assert_eq!((order(again.outcome), again.events.len()), (placed, 0));
    let others = [
        OrderReferences::default(),
        given("S-18", &[("a", "1"), ("b", "2")]),
        given("", &[("a", "1"), ("b", "2")]),
        given("S-17", &[("a", "1")]),
        given("S-17", &[("a", "1"), ("b", "3")]),
        given("S-17", &[("a", "1"), ("c", "2")]),
        given("S-17", &[("a", "2"), ("b", "1")]),
    ];
    for other in others {
        let told = live.run(place_as("r1", other.clone()), 2).outcome;
        let reused = ItemOutcome::Misdirected(Misdirected::RequestIdReused(request("r1")));
        assert_eq!(told, reused, "{other:?}");
    }
}

#[test]
fn a_label_never_makes_the_fingerprint_of_another_field() {
    let of = |references: OrderReferences| {
        let ItemCommand::PlaceOrder(place) = place_as("r1", references) else { unreachable!() };
        place.fingerprint
    };
    let region = |name: &str| {
        let ItemCommand::PlaceOrder(plain) = place("r1", "ann", 1) else { unreachable!() };
        plain.with(PlaceMore { region: name.to_owned(), ..PlaceMore::default() }).fingerprint
    };
    assert_ne!(of(given("", &[("region", "x")])), region("x"));
    assert_ne!(of(given("x", &[])), of(given("", &[("shop_order_id", "x")])));
}

#[test]
fn references_beyond_their_bounds_are_refused_by_name() {
    let wrong = |id: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        checked(id.to_owned(), labels.collect()).expect_err("out of bounds").to_string()
    };
    let long = "x".repeat(65);
    let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map(|name| (name, "v"));
    for (found, said) in [
        (wrong(&long, &[]), "shop_order_id must have at most 64 characters"),
        (wrong("a\nb", &[]), "shop_order_id must not contain control characters"),
        (wrong(" a", &[]), "shop_order_id must not start or end with white space"),
        (wrong("", &many), "labels must have at most 10 labels, not 11"),
        (wrong("", &[("a", "1"), ("", "2")]), "labels[1].name is missing"),
        (wrong("", &[("a", "")]), "labels[0].value is missing"),
        (wrong("", &[(&long, "1")]), "labels[0].name must have at most 64 characters"),
        (wrong("", &[("a", &long)]), "labels[0].value must have at most 64 characters"),
        (wrong("", &[("a\u{200b}", "1")]), "labels[0].name must not contain invisible characters"),
        (wrong("", &[("a", "\u{7}")]), "labels[0].value must not contain control characters"),
        (
            wrong("", &[("b", "1"), ("a", "1"), ("a", "2")]),
            "labels[2].name looks like labels[1].name: a label has one value",
        ),
        (wrong("", &[("a", "1"), ("ａ", "1")]), "labels[1].name looks like labels[0].name"),
    ] {
        assert!(found.starts_with(said), "{found:?} instead of {said:?}");
    }
    let longest = "汉".repeat(64);
    let ten: Vec<_> = many[..10].iter().map(|(name, _)| (*name, longest.as_str())).collect();
    assert_eq!(given(&longest, &ten).labels.len(), 10);
}
