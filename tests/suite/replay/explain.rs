//! Goal: a shopper's story says what was decided, where in the log, and what was left. Method: the
//! sale of ten shoppers, whose every attempt has a known place.

use doorbuster::{
    domain::item::OrderState,
    events::AttemptOutcome,
    replay::{
        Placement,
        explain::{Explanation, explain},
    },
    values::ItemId,
};

use super::{
    look,
    ten::{Ten, at},
};

async fn story(ten: &Ten, buyer: &'static str) -> Explanation {
    let item = ItemId::parse("item", &ten.item).unwrap();
    look(ten.node.data(), move |log| explain(log, item, buyer).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_seventh_came_after_six_others_and_found_none_left() {
    let ten = Ten::told().await;
    let found = story(&ten, "s7").await;
    assert_eq!((found.attempts_in_total, found.attempts_of_all), (1, 12));
    let attempt = found.attempts[0];
    assert_eq!((attempt.at, attempt.units), (at(7), 1));
    assert_eq!(attempt.outcome, AttemptOutcome::SoldOut);
    // Revisions 0 to 3 put the item on offer, 4 to 6 are the three orders, 7 is the payment.
    assert_eq!((attempt.after_revision, attempt.before_revision), (Some(6), Some(7)));
    assert_eq!(attempt.placement, Placement::Certain);
    assert_eq!((attempt.available, attempt.held), (0, 3));
    assert_eq!((attempt.attempts_before, attempt.attempts_before_in_second), (6, 6));
    assert_eq!((attempt.order, found.orders.len()), (None, 0));
    assert_eq!((found.first_sold_out_at, found.last_sold_out_at), (Some(at(3)), Some(at(110))));
    let told = found.sentences().join("\n");
    assert!(told.contains("after 6 other attempts") && told.contains("no unit was"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_three_times_is_told_of_each() {
    let ten = Ten::told().await;
    let found = story(&ten, "s4").await;
    let outcomes: Vec<_> = found.attempts.iter().map(|attempt| attempt.outcome).collect();
    let expected =
        [AttemptOutcome::SoldOut, AttemptOutcome::Placed, AttemptOutcome::OverBuyerLimit];
    assert_eq!(outcomes, expected);
    let placed = found.attempts[1];
    assert_eq!(placed.order.map(|(_, revision)| revision), Some(9));
    assert_eq!((placed.available, placed.held, placed.attempts_before), (1, 1, 10));
    assert_eq!(placed.attempts_before_in_second, 0);
    assert_eq!(found.orders.len(), 1);
    let order = &found.orders[0];
    assert_eq!((order.state, order.settled_at), (OrderState::Paid, Some(at(120))));
    assert_eq!((order.revision, order.units), (9, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ended_and_a_payment_that_came_too_late_are_told() {
    let ten = Ten::told().await;
    let found = story(&ten, "s3").await;
    let order = &found.orders[0];
    assert_eq!((order.state, order.paid_too_late), (OrderState::Expired, true));
    assert_eq!(order.settled_at, Some(at(603)));
    let found = story(&ten, "s2").await;
    assert_eq!(found.orders[0].state, OrderState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_came_is_told_so() {
    let ten = Ten::told().await;
    let found = story(&ten, "nobody").await;
    assert!(found.attempts.is_empty() && found.orders.is_empty());
    let told = found.sentences().join("\n");
    assert!(told.starts_with("No attempt") && told.contains("crash"), "{told}");
}
