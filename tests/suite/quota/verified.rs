//! Logs in which the limit over a sale cannot have gone so: one member of one event is changed.

use doorbuster::{
    domain::item::AwaitVerdict,
    events::{NewEvent, StreamName},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{World, order_id, verify};

type Log = Vec<(StreamName, NewEvent)>;

/// Two buyers, an order that is over the limit, one that is refunded in part, one that expires.
fn sound() -> Log {
    let mut world = World::new();
    let mut granted = |item: usize, name: &str, buyer: &str, units: i64| {
        world.place(item, name, buyer, units);
        let order = order_id(item, name);
        world.take(order);
        world.settle(item, order, AwaitVerdict::LimitGranted);
        order
    };
    let a = granted(0, "a", "ann", 2);
    granted(1, "b", "ann", 1);
    granted(1, "c", "bob", 3);
    world.place(0, "d", "ann", 1);
    world.take(order_id(0, "d"));
    world.settle(0, order_id(0, "d"), AwaitVerdict::LimitDenied);
    world.pay(0, a, 20);
    world.refund(0, "r", a, 1);
    world.give_back(a, 1);
    world.pass(100);
    world.give_back(order_id(1, "b"), 0);
    world.log
}

fn find(log: &Log, kind: &str) -> usize {
    log.iter().position(|(_, event)| event.kind == kind).expect("there is one")
}

/// Changes the body of the first event of a kind.
fn spoil(log: &mut Log, kind: &str, change: impl FnOnce(&mut Value)) {
    let at = find(log, kind);
    let event = &mut log[at].1;
    let mut body: Value = serde_json::from_slice(&event.data).unwrap();
    change(&mut body);
    event.data = serde_json::to_vec(&body).unwrap();
}

#[test]
fn a_limit_that_is_kept_is_sound() {
    let proof = verify(&sound());
    assert!(proof.ok(), "{proof}");
}

#[test]
fn what_a_limit_cannot_have_done_is_found() {
    type Case = (&'static str, fn(&mut Log), &'static str);
    let cases: &[Case] = &[
        (
            "an order takes nothing",
            |log| {
                let at = find(log, "QuotaTaken");
                log.remove(at);
            },
            "is granted units that it did not take",
        ),
        (
            "an order that was never placed",
            |log| {
                let id = Uuid::from_u128(9);
                spoil(log, "QuotaTaken", |body| body["order_id"] = json!(id));
            },
            "takes units and was not placed under this limit",
        ),
        (
            "another buyer",
            |log| spoil(log, "QuotaTaken", |body| body["buyer"] = json!("eve")),
            "takes units otherwise than it was placed",
        ),
        (
            "fewer units",
            |log| spoil(log, "QuotaTaken", |body| body["units"] = json!(1)),
            "takes units otherwise than it was placed",
        ),
        (
            "more units than the limit",
            |log| spoil(log, "QuotaTaken", |body| body["units"] = json!(3)),
            "units of a buyer in the sale: expected at most 3, found 4",
        ),
        (
            "another sum",
            |log| spoil(log, "QuotaTaken", |body| body["buyer_units"] = json!(1)),
            "units of the buyer then: expected 2, found 1",
        ),
        (
            "another limit",
            |log| spoil(log, "QuotaTaken", |body| body["limit_per_buyer"] = json!(2)),
            "limit: expected 2 as before, found 3",
        ),
        (
            "taken twice",
            |log| {
                let again = log[find(log, "QuotaTaken")].clone();
                log.push(again);
            },
            "takes its units twice",
        ),
        (
            "given back more than came back",
            |log| spoil(log, "QuotaReturned", |body| body["units_left"] = json!(0)),
            "has 1 units and takes only 0 from now on",
        ),
        (
            "nothing given back",
            |log| spoil(log, "QuotaReturned", |body| body["units_left"] = json!(2)),
            "takes 2 units and gives back all but 2",
        ),
        (
            "given back and never taken",
            |log| {
                let d = order_id(0, "d");
                spoil(log, "QuotaReturned", |body| body["order_id"] = json!(d));
            },
            "gives units back that it did not take",
        ),
        (
            "an order that does not say its limit",
            |log| spoil(log, "OrderPlaced", |body| body["sale_limit"] = Value::Null),
            "the order does not come under the limit of its sale",
        ),
        (
            "an order under another limit",
            |log| spoil(log, "OrderPlaced", |body| body["sale_limit"]["per_buyer"] = json!(4)),
            "the order does not come under the limit of its sale",
        ),
        (
            "an order that does not wait",
            |log| spoil(log, "OrderPlaced", |body| body["awaits"] = json!([])),
            "the order does not come under the limit of its sale",
        ),
        (
            "a cancellation that gives nothing back",
            |log| spoil(log, "OrderCancelled", |body| body["limited_by"] = Value::Null),
            "the order does not say by which sale's limit it was counted",
        ),
        (
            "an expiry that gives nothing back",
            |log| spoil(log, "OrderExpired", |body| body["limited_by"] = Value::Null),
            "the order does not say by which sale's limit it was counted",
        ),
        (
            "a refund that gives nothing back",
            |log| spoil(log, "OrderRefunded", |body| body["limited_by"] = Value::Null),
            "the order does not say by which sale's limit it was counted",
        ),
        (
            "another id",
            |log| {
                let at = find(log, "QuotaTaken");
                log[at].1.id = Uuid::from_u128(9);
            },
            "the event id is not the one that order",
        ),
    ];
    for (name, change, words) in cases {
        let mut log = sound();
        change(&mut log);
        let said = verify(&log).to_string();
        assert!(said.contains(words), "{name}: {words:?} is not in {said}");
    }
}
