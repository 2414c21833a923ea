//! Goal: whoever created a sale from a file reads back all that the file says, and orders with what it
//! asks for. Method: a file with every key, the real binary and a real server.

use serde_json::{Value, json};

use super::{Open, doorbuster, text};

const SOME_ID: &str = "0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77";

const EVERYTHING: &str = r#"
name = "Everything"
currency = "CNY"
opens_at = "now"
closes_at = "+1d"

[goals]
units = 10
revenue_minor = 100000
conversion = "3.5%"
new_buyers = 4

[audience]
member_tiers = ["gold"]

[[regions]]
name = "east"
warehouses = ["shanghai", "hangzhou"]

[[curve]]
after_seconds = 60
units = 5

[[alerts]]
name = "nearly_gone"
when = "available_units < 5"
for = "5s"
each_item = true

[[alerts]]
name = "off_plan"
off = true

[[items]]
sku = "PHONE"
title = "Phone"
unit_price_minor = 1590
floor_minor = 800
returned_units = "next_price"
limit_per_buyer = 9
time_to_pay_seconds = 900
late_payments = "reinstate"
reinstate_within_seconds = 300
draw = "fullest"
[items.units]
beijing = 4
hangzhou = { units = 3, supplier = "acme" }
shanghai = 2
[items.reserve]
beijing = 6
[items.audience]
age_bands = ["18-24", "25-34"]
new_buyers_only = true
[[items.steps]]
units = 3
unit_price_minor = 990
[[items.time_prices]]
from = "+1h"
until = "+2h"
unit_price_minor = 1100
[[items.offers]]
name = "ten_percent"
from_units = 3
percent = "12.5%"
at_most_minor = 5000
[[items.offers]]
name = "strap"
from_units = 2
gift_sku = "STRAP"
gift_units = 3
when_gone = "refuse"
[[items.reserve_plan]]
below_units = 7
release_units = 2
from = ["beijing"]
act = "propose"

[[items]]
sku = "LAMP"
title = "Lamp"
unit_price_minor = 100
time_to_pay_seconds = 900
[items.units]
beijing = 1
"#;

fn everything(server: &Open) -> (tempfile::TempDir, Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sale.toml");
    std::fs::write(&file, EVERYTHING).unwrap();
    let created = server.answer(&["sale", "create", "-f", file.to_str().unwrap()]);
    (directory, created["sale"].clone())
}

#[test]
fn a_sale_shows_everything_that_its_file_says() {
    let server = Open::start(|_| {});
    let (_directory, created) = everything(&server);
    let id = created["sale_id"].as_str().unwrap();
    let sale = server.answer(&["sale", "show", id])["sale"].clone();
    assert_eq!(sale, created, "what was answered first");
    assert_eq!(
        sale["regions"],
        json!([{ "name": "east", "warehouses": ["shanghai", "hangzhou"] }])
    );
    assert_eq!(sale["goals"]["conversion_ppm"], 35_000);
    assert_eq!(sale["curve"], json!([{ "after_seconds": 60, "units": 5 }]));
    assert_eq!(
        (&sale["alerts"][0]["for_ms"], &sale["alerts"][1]["off"]),
        (&json!(5000), &json!(true))
    );

    let phone = &sale["items"][0];
    assert_eq!(
        (&phone["draw"], &phone["reinstate_within_seconds"]),
        (&json!("FULLEST"), &json!(300))
    );
    assert_eq!(
        (&phone["floor_minor"], &phone["returned_units"]),
        (&json!(800), &json!("NEXT_PRICE"))
    );
    assert_eq!(phone["suppliers"], json!([{ "warehouse": "hangzhou", "supplier": "acme" }]));
    assert_eq!(phone["reserve"], json!([{ "warehouse": "beijing", "units": 6 }]));
    assert_eq!(phone["audience"]["age_bands"], json!(["18-24", "25-34"]));
    assert_eq!(phone["audience"]["new_buyers_only"], true);
    let step = json!({
        "below_units": 7, "release_units": 2, "from": ["beijing"], "action": "PROPOSE",
    });
    assert_eq!(phone["reserve_plan"], json!([step]));
    assert_eq!(phone["steps"], json!([{ "units": 3, "unit_price_minor": 990 }]));
    assert_eq!(phone["time_prices"][0]["unit_price_minor"], 1100);
    let names: Vec<_> = (0..2).map(|at| phone["offers"][at]["name"].clone()).collect();
    assert_eq!(names, ["ten_percent", "strap"]);
    let lamp = &sale["items"][1];
    assert_eq!(lamp["audience"]["member_tiers"], json!(["gold"]), "that of the sale");
    assert!(lamp["draw"].is_null() && lamp["reserve_plan"].is_null(), "{lamp}");

    let shown = server.said(&["sale", "show", id]);
    for line in [
        "planned:",
        "goals        10 units, 1000.00 CNY, 3.5% conversion, 4 new buyers",
        "curve        5 after 60 s",
        "alert rules  nearly_gone, off_plan (off)",
        "region       east: shanghai, hangzhou",
        "terms of PHONE:",
        "limits          9 per buyer",
        "in reserve      beijing 6",
        "suppliers       hangzhou from acme",
        "steps           3 at 9.90 CNY",
        "floor           8.00 CNY",
        "returned units  sold at the next price",
        "offer           ten_percent: from 3 units 12.5% off, at most 50.00 CNY",
        "offer           strap: from 2 units 1 STRAP as a gift, 3 in all, orders are refused when they are gone",
        "late payments   up to 300 s late bring the order back",
        "audience        age band 18-24 or 25-34; new buyers only",
        "drawn from      the fullest warehouse first",
        "reserve plan    step 1, below 7 available: propose to release 2 in beijing",
        "audience  member tier gold",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in:\n{shown}");
    }
    server.app.stop().unwrap();
}

#[test]
fn an_order_names_its_region_and_its_shopper() {
    let server = Open::start(|_| {});
    let (_directory, sale) = everything(&server);
    let phone = sale["items"][0]["item_id"].as_str().unwrap();
    let at = |verb: &'static str, units: &'static str| {
        ["order", verb, "--item", phone, "--units", units]
    };
    let young = ["--shopper", "age_band=18-24", "--shopper", "new_buyer=true"];

    let stranger = server.answer(&at("quote", "1"));
    assert_eq!(stranger["refusal"]["reason"], "NOT_ELIGIBLE", "{stranger}");
    assert_eq!(stranger["quote"]["total_minor"], 990, "told all the same");
    assert_eq!(stranger["warehouses"], json!([{ "warehouse": "beijing", "units": 1 }]));
    let quote = [&at("quote", "1")[..], &young, &["--region", "east"]].concat();
    let known = server.answer(&quote);
    assert!(known["refusal"].is_null(), "{known}");
    assert_eq!(known["warehouses"], json!([{ "warehouse": "shanghai", "units": 1 }]));
    let said = server.said(&at("quote", "1"));
    assert!(said.contains("would be refused  NOT_ELIGIBLE: "), "{said}");

    let place = [&at("place", "3")[..], &["--buyer", "ann"]].concat();
    assert_eq!(server.run(&place).status.code(), Some(3), "who she is was not said");
    let place = [&place[..], &young, &["--region", "east"]].concat();
    let dear = server.run(&[&place[..], &["--max-total-minor", "2000"]].concat());
    let said = text(&dear.stderr);
    assert!(
        said.contains("PRICE_CHANGED") && said.contains("It would cost 25.99 CNY: 3 at 9.90"),
        "{said}"
    );
    assert_eq!(server.answer(&place)["order"]["state"], "HELD");
    let item = server.answer(&["item", "show", phone])["item"].clone();
    let left: Vec<_> =
        (0..3).map(|at| item["available_by_warehouse"][at]["units"].clone()).collect();
    assert_eq!(left, [4, 0, 2], "three units lie together in hangzhou only");
    assert_eq!((&item["draw"], &item["regions"]), (&json!("FULLEST"), &sale["regions"]));
    let asked = &item["reserve_proposals"][0];
    assert_eq!((&asked["units"], &asked["below_units"]), (&json!(2), &json!(7)));
    assert!(asked["propose_time"].is_string(), "{asked}");
    let shown = server.said(&["item", "show", phone]);
    let line = "release 2 in beijing (step 1: fewer than 7 were available), since 20";
    assert!(shown.contains(line), "{shown}");
    server.app.stop().unwrap();
}

#[test]
fn what_cannot_be_said_of_a_shopper_is_refused_by_its_key() {
    let place = ["order", "place", "--item", SOME_ID, "--buyer", "ann", "--units", "1"];
    for (shopper, says) in [
        ("gold", "must be KEY=VALUE; the keys are age_band, gender, region, spending_tier,"),
        (
            "tier=gold",
            "key must be one of age_band, gender, region, spending_tier, new_buyer, member_tier, not \"tier\"",
        ),
        (
            "age_band=19",
            "age_band must be one of under-18, 18-24, 25-34, 35-44, 45-54, 55-64, 65-plus, not \"19\"",
        ),
        ("gender=", "gender must be one of female, male, other, not \"\""),
        ("spending_tier=rich", "spending_tier must be one of low, middle, high, top, not \"rich\""),
        ("new_buyer=yes", "new_buyer must be true or false, not \"yes\""),
        ("member_tier=", "member_tier is missing"),
    ] {
        for verb in [&place[..], &["order", "quote", "--item", SOME_ID, "--units", "1"]] {
            let output = doorbuster(&[verb, &["--shopper", shopper]].concat());
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(says), "{shopper}: {said}");
        }
    }
    let twice = ["--shopper", "gender=male", "--shopper", "gender=other"];
    let output = doorbuster(&[&place[..], &twice].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--shopper gender is given twice, as \"male\" and as \"other\""),
        "{said}"
    );
}
