//! Logs whose chain is right but whose orders cannot have cost that, by the prices and offers before
//! them, or whose prices and offers cannot have been set.

use serde_json::json;

use super::{
    Rewrite, goods,
    goods::steer,
    story::{CLOSES, Draft, OPENS, Story, order},
};

/// A moment after all of the log.
pub const LATER: i64 = OPENS + 13_000;

/// The event that placed the order of a request.
pub fn placed(s: &mut Story, request: u128) -> &mut Draft {
    s.events.iter_mut().find(|event| event.id == order(request)).expect("it was placed")
}

/// The last event of that kind.
pub fn last<'a>(s: &'a mut Story, kind: &str) -> &'a mut Draft {
    s.events.iter_mut().rev().find(|event| event.kind == kind).expect("there is one")
}

pub fn prices_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "a part at another price",
            |s| placed(s, 11).data["parts"][0]["unit_price_minor"] = json!(980),
            "parts: expected 3 x 990 of step 0 + 2 x 1290 of step 1, found 3 x 980 of step 0 + ",
        ),
        (
            "more units of a step than are free",
            |s| {
                placed(s, 11).data["parts"] =
                    json!([{"step": 0, "units": 5, "unit_price_minor": 990}]);
            },
            "parts: expected 3 x 990 of step 0 + 2 x 1290 of step 1, found 5 x 990 of step 0",
        ),
        (
            "no parts although there is a ladder",
            |s| {
                placed(s, 14).data.as_object_mut().unwrap().remove("parts");
            },
            "parts: expected 2 x 990 of step 0, found no parts",
        ),
        (
            "units that came back are not sold at their price again",
            |s| {
                placed(s, 14).data["parts"] =
                    json!([{"step": 1, "time_price": 0, "units": 2, "unit_price_minor": 1100}]);
            },
            "parts: expected 2 x 990 of step 0, found 2 x 1100 of step 1 at time price 0",
        ),
        (
            "the ladder although a time price is lower",
            |s| {
                placed(s, 15).data["parts"][1] =
                    json!({"step": 1, "units": 3, "unit_price_minor": 1290});
            },
            "expected 1 x 990 of step 0 + 3 x 1100 of step 1 at time price 0, found 1 x 990 of step \
             0 + 3 x 1290 of step 1",
        ),
        (
            "a time price that is over",
            |s| {
                placed(s, 16).data["parts"][0] =
                    json!({"step": 1, "time_price": 0, "units": 2, "unit_price_minor": 1100});
            },
            "parts: expected 2 x 1290 of step 1, found 2 x 1100 of step 1 at time price 0",
        ),
        (
            "the earlier ladder after a new one",
            |s| {
                placed(s, 17).data["parts"][0] =
                    json!({"step": 1, "units": 1, "unit_price_minor": 1290});
            },
            "parts: expected 1 x 1000 of step 0, found 1 x 1290 of step 1",
        ),
        (
            "a unit that came back to a step that keeps none",
            |s| {
                placed(s, 18).data["parts"] =
                    json!([{"step": 0, "units": 2, "unit_price_minor": 1000}]);
            },
            "expected 1 x 1000 of step 0 + 1 x 1500 after the steps, found 2 x 1000 of step 0",
        ),
        (
            "another price of the first part",
            |s| placed(s, 11).data["unit_price_minor"] = json!(1290),
            "the order's unit price is 1290, but the item's is 990",
        ),
        (
            "another total",
            |s| placed(s, 11).data["total_minor"] = json!(5049),
            "total: expected 5550 - 500 = 5050, found 5049",
        ),
        (
            "a total of nothing",
            |s| placed(s, 11).data["total_minor"] = json!(0),
            "total: expected at least 1, found 0",
        ),
        (
            "no total although there is a discount",
            |s| {
                placed(s, 19).data.as_object_mut().unwrap().remove("total_minor");
            },
            "total: expected 9000 - 500 = 8500, found 9000",
        ),
        (
            "a payment of units times price instead of the total",
            |s| last(s, "OrderPaid").data["amount_minor"] = json!(4290),
            "is 4290, but its total is 3861",
        ),
        (
            "a ladder left out",
            |s| last(s, "PricesSet").data["ladder"] = json!(3),
            "ladder number: expected 2, found 3",
        ),
        (
            "prices that fall",
            |s| last(s, "PricesSet").data["prices"]["unit_price_minor"] = json!(999),
            "prices: expected at least 1000 for the next step, found 999",
        ),
        (
            "a price below the floor",
            |s| last(s, "PricesSet").data["prices"]["floor_minor"] = json!(1001),
            "prices: expected no price below the floor of 1001, found 1000",
        ),
        (
            "a price of nothing",
            |s| last(s, "PricesSet").data["prices"]["steps"][0]["unit_price_minor"] = json!(0),
            "prices: expected prices of 1 to 1000000000000, found 0",
        ),
        (
            "a step without units",
            |s| last(s, "PricesSet").data["prices"]["steps"][0]["units"] = json!(0),
            "prices: expected steps of 1 to 1000000000 units, found 0 in all",
        ),
        (
            "too many steps",
            |s| {
                let step = json!({"units": 1, "unit_price_minor": 1000});
                last(s, "PricesSet").data["prices"]["steps"] = json!(vec![step; 21]);
            },
            "prices: expected at most 20 steps, found 21",
        ),
        (
            "a time price outside of the window",
            |s| {
                let time =
                    json!({"from_ms": OPENS, "until_ms": CLOSES + 1, "unit_price_minor": 900});
                last(s, "PricesSet").data["prices"]["time_prices"] = json!([time]);
            },
            "prices: expected a time price between 1000000 and 2000000, found 1000000 until 2000001",
        ),
        (
            "time prices that overlap",
            |s| {
                let time =
                    json!({"from_ms": OPENS, "until_ms": OPENS + 9, "unit_price_minor": 900});
                last(s, "PricesSet").data["prices"]["time_prices"] = json!([time, time]);
            },
            "prices: expected time prices that do not overlap, found 1000000 twice",
        ),
    ]
}

pub fn offers_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "another discount",
            |s| placed(s, 15).data["offer"]["discount_minor"] = json!(430),
            "offer: expected 429 off by \"ten_percent\", found 430 off by \"ten_percent\"",
        ),
        (
            "a smaller offer",
            |s| placed(s, 15).data["offer"] = json!({"name": "two_off", "discount_minor": 400}),
            "offer: expected 429 off by \"ten_percent\", found 400 off by \"two_off\"",
        ),
        (
            "no offer",
            |s| {
                placed(s, 16).data.as_object_mut().unwrap().remove("offer");
            },
            "offer: expected 200 off by \"two_off\", found none",
        ),
        (
            "an offer before its time",
            |s| placed(s, 10).data["offer"] = json!({"name": "late", "discount_minor": 800}),
            "offer: expected none, found 800 off by \"late\"",
        ),
        (
            "a percentage rounded up",
            |s| {
                let mut offers = goods::offers();
                offers[1]["effect"]["percent"]["ppm"] = json!(100_001);
                s.first("SaleCreated").data["items"][0]["offers"] = offers.clone();
                s.first("OffersSet").data["offers"] = offers;
                placed(s, 15).data["offer"]["discount_minor"] = json!(430);
                placed(s, 15).data["total_minor"] = json!(3860);
            },
            "offer: expected 429 off by \"ten_percent\", found 430 off",
        ),
        (
            "no gift",
            |s| {
                placed(s, 11).data.as_object_mut().unwrap().remove("gift");
            },
            "gift: expected 1 of \"STRAP\" by \"strap\", found none",
        ),
        (
            "a gift of more units",
            |s| placed(s, 11).data["gift"]["units"] = json!(2),
            "gift: expected 1 of \"STRAP\" by \"strap\", found 2 of \"STRAP\" by \"strap\"",
        ),
        (
            "a gift from a pool that is used up",
            |s| {
                let strap = json!({"offer": "strap", "sku": "STRAP", "units": 1});
                placed(s, 16).data["gift"] = strap;
            },
            "gift: expected none, found 1 of \"STRAP\"",
        ),
        (
            "a gift that is gone and not said to be",
            |s| {
                placed(s, 16).data.as_object_mut().unwrap().remove("gift_gone");
            },
            "gift that is gone: expected strap, found none",
        ),
        (
            "a gift said to be gone that is not",
            |s| placed(s, 11).data["gift_gone"] = json!("strap"),
            "gift that is gone: expected none, found strap",
        ),
        (
            "an order that had to be refused",
            |s| {
                for kind in ["SaleCreated", "OffersSet"] {
                    let data = &mut s.first(kind).data;
                    let within = if kind == "SaleCreated" { &mut data["items"][0] } else { data };
                    within["offers"][3]["effect"]["gift"]["when_gone"] = json!("refuse");
                }
            },
            "gift: expected a refusal, found an order with 0 free units in offer \"strap\"",
        ),
        (
            "a pool below what was given",
            |s| last(s, "GiftUnitsSet").data["units"] = json!(1),
            "gift pool: expected at least the 2 units held and given, found 1 in offer \"strap\"",
        ),
        (
            "a pool of an offer without a gift",
            |s| last(s, "GiftUnitsSet").data["offer"] = json!("two_off"),
            "gift pool: expected an offer with a gift, found two_off",
        ),
        (
            "an offer listed twice",
            |s| {
                let offer = goods::offers()[0].clone();
                steer(s, "OffersSet", 90, json!({"offers": [offer, offer], "set_at_ms": LATER}));
            },
            "offers: expected each name once, found \"two_off\" twice",
        ),
        (
            "more than all of it off",
            |s| {
                let mut offer = goods::offers()[1].clone();
                offer["effect"]["percent"]["ppm"] = json!(1_000_001);
                steer(s, "OffersSet", 90, json!({"offers": [offer], "set_at_ms": LATER}));
            },
            "offers: expected ppm of 1 to 1000000 for \"ten_percent\", found 1000001",
        ),
        (
            "an offer without a condition",
            |s| {
                let mut offer = goods::offers()[1].clone();
                offer["condition"]["from_units"] = json!(0);
                steer(s, "OffersSet", 90, json!({"offers": [offer], "set_at_ms": LATER}));
            },
            "offers: expected a condition of at least 1 for \"ten_percent\", found 0",
        ),
    ]
}
