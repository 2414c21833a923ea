//! What-ifs over an item of a sale with a limit over all its items.

use doorbuster::{
    events::AttemptOutcome::{NotEnoughUnits, OverBuyerLimit, SoldOut},
    grpc::proto::{PlaceOrderRequest, RefusalReason},
    replay::what_if::Figures,
};

use super::served::limited;
use crate::{
    replay::what_if,
    support::{Node, order, pay, place, refused},
};

const PRICE: i64 = 199_900;

/// Sends an order and says whether it got its units; if it did it is paid a second later.
async fn buys(node: &Node, request: PlaceOrderRequest) -> Result<(), RefusalReason> {
    node.advance(1);
    let answer = node.purchases().place_order(request).await.unwrap().into_inner();
    if format!("{answer:?}").contains("Refusal") {
        return Err(refused(&answer));
    }
    node.advance(1);
    node.purchases().record_payment(pay(&order(&answer))).await.unwrap();
    Ok(())
}

/// Units sold, revenue, orders paid and cancelled.
fn sold(figures: &Figures) -> (i64, i64, i64, i64) {
    let Figures { units_sold, revenue_minor, orders_paid, orders_cancelled, .. } = *figures;
    (units_sold, revenue_minor, orders_paid, orders_cancelled)
}

/// Four phones, many lamps, at most 3 units of both for each buyer. Ann has 2 lamps, so her 2 phones are
/// above the limit; bob gets 3 phones, cat asks for 2 of the one that is left, ann gets it, dan finds none.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_refuses_whom_it_refused_and_no_new_winner() {
    let mut node = Node::start().await;
    let items = limited(&node, 4).await;
    let [phone, lamp] = [&items[0], &items[1]];
    assert_eq!(buys(&node, place(lamp, "ann", 2)).await, Ok(()));
    assert_eq!(buys(&node, place(phone, "ann", 2)).await, Err(RefusalReason::OverSaleLimit));
    assert_eq!(buys(&node, place(phone, "bob", 3)).await, Ok(()));
    assert_eq!(buys(&node, place(phone, "cat", 2)).await, Err(RefusalReason::NotEnoughUnits));
    assert_eq!(buys(&node, place(phone, "ann", 1)).await, Ok(()));
    assert_eq!(buys(&node, place(phone, "dan", 1)).await, Err(RefusalReason::SoldOut));
    node.advance(2);
    node.stop();

    let under = async |rules: &[&str]| what_if(node.data(), phone, rules).await;
    let baseline = under(&[]).await;
    assert_eq!(baseline.baseline_differences, Vec::<String>::new());
    for figures in [&baseline.total.recorded, &baseline.total.played] {
        assert_eq!(
            sold(figures),
            (4, 4 * PRICE, 2, 1),
            "bob and ann paid, ann's first is cancelled"
        );
        assert_eq!((figures.orders_placed, figures.units_placed), (3, 6));
        assert_eq!(figures.refusals, [(NotEnoughUnits, 1), (SoldOut, 1)].into());
    }
    assert!(
        baseline.assumptions.iter().any(|stated| stated.contains("refuses whom it refused")),
        "{:?}",
        baseline.assumptions
    );

    // With three more, cat gets 2 and dan 1. They pay, as everybody who could did; ann's 2 are refused
    // by the limit as before.
    let more = under(&["units=+3"]).await;
    assert_eq!(sold(&more.total.played), (7, 7 * PRICE, 4, 1));
    assert_eq!(more.total.played.refusals, [].into());

    // One phone for each buyer: ann's 2, bob's 3 and cat's 2 are refused before the limit over the sale is
    // asked, so nothing is cancelled; ann gets 1, and dan as well.
    let one = under(&["limit=1"]).await;
    assert_eq!(sold(&one.total.played), (2, 2 * PRICE, 2, 0));
    assert_eq!(one.total.played.refusals, [(OverBuyerLimit, 3)].into());
    for played in [baseline, more, one] {
        assert_eq!(played.baseline_differences, Vec::<String>::new());
    }
}
