//! Goal: a certificate says which units and how much money of each order went back, where an order that
//! came back is from, and why all of it adds up.
//!
//! Method: the certificate of the hand-made log of `life` is compared with the one kept in
//! tests/golden/certificates and with figures worked out on paper. The kept one is also what
//! tests/python/certificate.py gives to the shipped checker.

use std::{env, fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

use super::{
    broken_life::nth,
    certificate::{certificate, leads, parsed, prove},
    life::{self, extend, fail, give_back, kill, settle},
    story::{self, OPENS, Story, TIME_TO_PAY, order},
};

/// A moment after all of the log of plain items.
const LATER: i64 = OPENS + 20_001;

fn golden() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/certificates/refunded.certificate"
    ))
}

#[test]
fn a_certificate_with_refunds_has_the_bytes_that_were_kept() {
    let document = certificate(&life::sound());
    if env::var_os("UPDATE_GOLDEN").is_some() && !golden().exists() {
        fs::write(golden(), &document).unwrap();
    }
    let kept = fs::read(golden()).unwrap();
    assert!(document == kept, "{}", String::from_utf8(document).unwrap());
}

#[test]
fn orders_say_what_went_back_and_items_what_they_earned() {
    let all = parsed(&certificate(&life::sound()));
    assert_eq!(all[0]["version"], json!(2));
    let expected = [
        (10, json!([["east", 3]]), "paid", 1235, json!([["east", 2]]), 823),
        (11, json!([["west", 2]]), "cancelled", 1000, json!([]), 0),
        // It came back from another warehouse than it was placed from.
        (12, json!([["east", 2]]), "refunded", 1000, json!([["east", 2]]), 1000),
        (13, json!([["east", 1], ["west", 1]]), "paid", 1200, json!([["west", 1]]), 600),
        (14, json!([["east", 3]]), "expired", 1425, json!([]), 0),
        (
            15,
            json!([["east", 1], ["west", 3]]),
            "refunded",
            2280,
            json!([["east", 1], ["west", 3]]),
            2280,
        ),
        (16, json!([["east", 1]]), "cancelled", 600, json!([]), 0),
        (17, json!([["east", 1]]), "held", 500, json!([]), 0),
    ];
    for (request, warehouses, state, total, refunded, refunded_minor) in expected {
        let line = all.iter().find(|line| line["order_id"] == json!(order(request))).unwrap();
        let names = ["warehouses", "state", "total_minor", "refunded", "refunded_minor"];
        let told = names.map(|name| line[name].clone());
        let due = [warehouses, json!(state), json!(total), refunded, json!(refunded_minor)];
        assert_eq!(told, due, "{request}");
    }
    let item = all.iter().find(|line| line["line"] == "item").unwrap();
    assert_eq!(item["paid_minor"], json!(1235 + 1000 + 1200 + 2280));
    assert_eq!(item["refunded_minor"], json!(823 + 1000 + 600 + 2280));
    let counts = json!({"held": 1, "paid": 2, "cancelled": 2, "expired": 1, "refunded": 2});
    assert_eq!(item["orders"], counts);
    // One unit was written off.
    let warehouses = json!([
        {"warehouse": "east", "allocated": 6, "available": 3, "held": 1, "sold": 2},
        {"warehouse": "west", "allocated": 3, "available": 3, "held": 0, "sold": 0}]);
    assert_eq!(item["warehouses"], warehouses);
}

#[test]
fn a_refunded_order_is_proved_from_the_certificate_and_from_the_log() {
    let document = certificate(&life::sound());
    let root = parsed(&document).pop().unwrap()["root"].as_str().unwrap().to_owned();
    for (request, state, refunded) in [(10, "paid", 823), (12, "refunded", 1000)] {
        let mut proof = prove(order(request), &document).unwrap();
        assert!(leads(&proof, &root));
        let line: Value = serde_json::from_str(&proof.order).unwrap();
        assert_eq!((&line["state"], &line["refunded_minor"]), (&json!(state), &json!(refunded)));
        let told = format!("\"refunded_minor\":{refunded}");
        proof.order = proof.order.replace(&told, "\"refunded_minor\":1");
        assert!(!leads(&proof, &root));
    }
    let dir = tempfile::tempdir().unwrap();
    life::sound().write(dir.path());
    let id = order(12).to_string();
    let run = Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .args(["order", "proof", &id, "--data", dir.path().to_str().unwrap()])
        .output()
        .unwrap();
    let proof: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&proof["root"], &proof["opening"]["buyer"]), (&json!(root), &json!("cyd")));
    let line: Value = serde_json::from_str(proof["order"].as_str().unwrap()).unwrap();
    assert_eq!((&line["state"], &line["refunded"]), (&json!("refunded"), &json!([["east", 2]])));
}

/// An order of 3 units at 500 without any parts, of which one came back.
fn refunded_plainly(story: &mut Story) {
    story.place(80, "dan", &[("east", 1), ("west", 2)], LATER);
    story.events.last_mut().unwrap().data["region"] = json!("");
    story.pay(80, 81, LATER);
    give_back(story, (80, 82, LATER), (1, 2, 500), &[("west", 1)], &[], true);
}

/// The log of plain items while its sale is on, and what is added to it.
fn changed(change: fn(&mut Story)) -> Vec<Value> {
    let mut story = story::sound();
    let closed = story.index("SaleClosed");
    story.events.truncate(closed);
    for limits in story.events.iter_mut().filter(|event| event.kind == "PurchaseLimitSet") {
        for name in ["per_buyer", "per_order"] {
            limits.data.as_object_mut().unwrap().remove(name);
        }
    }
    change(&mut story);
    parsed(&certificate(&story))
}

#[test]
fn each_event_of_an_orders_life_makes_a_certificate_of_version_2() {
    assert_eq!(changed(|_| {})[0]["version"], json!(1));
    // A payment that buys nothing is part of a plain log, until it is settled.
    assert_eq!(changed(|s| s.refund(10, 80, "already_paid", LATER))[0]["version"], json!(1));
    type Change = fn(&mut Story);
    let not_plain: [(&str, Change); 7] = [
        ("a failed payment", |s| {
            s.place(80, "dan", &[("east", 1)], LATER);
            fail(s, 80, 81, LATER);
        }),
        ("another deadline", |s| {
            s.place(80, "dan", &[("east", 1)], LATER);
            extend(s, 80, 81, LATER + TIME_TO_PAY + 1, LATER);
        }),
        ("a hold that an operator gave up", |s| {
            s.place(80, "dan", &[("east", 1)], LATER);
            kill(s, 80, 81, LATER);
        }),
        ("a refund", refunded_plainly),
        ("a settlement", |s| settle(s, (14, 15), 80, 1000, LATER)),
        ("an item that brings orders back", |s| {
            nth(s, "ItemAdded", 1).data["reinstate_within_ms"] = json!(1);
            s.first("SaleCreated").data["items"][1]["reinstate_within_ms"] = json!(1);
        }),
        ("an item that is planned to and not put up yet", |s| {
            let mut third = s.first("SaleCreated").data["items"][0].clone();
            third["item_id"] = json!(story::item("C"));
            third["sku"] = json!("C");
            third["reinstate_within_ms"] = json!(1);
            s.first("SaleCreated").data["items"].as_array_mut().unwrap().push(third);
        }),
    ];
    for (what, change) in not_plain {
        assert_eq!(changed(change)[0]["version"], json!(2), "{what}");
    }
}

#[test]
fn a_refund_of_an_order_without_parts_says_what_its_units_cost() {
    let all = changed(refunded_plainly);
    let line = all.iter().find(|line| line["order_id"] == json!(order(80))).unwrap();
    let told = ["parts", "total_minor", "refunded", "refunded_minor"].map(|name| &line[name]);
    assert_eq!(told, [&json!([[3, 500]]), &json!(1500), &json!([["west", 1]]), &json!(500)]);
}
