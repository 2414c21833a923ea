//! Prices and offers of a sale file: what they become, and what is refused by line and key.

use doorbuster::{
    cli::sale_file,
    domain::sale::plan,
    events::{OfferCondition, OfferEffect, PriceStep, ReturnedUnits, WhenGone},
    values::RequestId,
};

use super::{GOOD, NOW};

/// The example of the guide, in the window of the good file.
const PRICES: &str = r#"
floor_minor = 800
returned_units = "next_price"
[[items.steps]]
units = 100
unit_price_minor = 990
[[items.steps]]
units = 400
unit_price_minor = 1290
[[items.time_prices]]
from = "2026-11-11T20:00:00+08:00"
until = "2026-11-11T20:10:00+08:00"
unit_price_minor = 1100
[[items.offers]]
name = "ten_percent"
from_units = 3
percent = "10.0001%"
at_most_minor = 5000
[[items.offers]]
name = "strap"
from_minor = 20000
gift_sku = "STRAP"
gift_units = 300
when_gone = "refuse"
"#;

/// The good file with these lines before the units of its item.
fn with(lines: &str) -> String {
    let (item, units) = GOOD.split_once("[items.units]").unwrap();
    let (keys, tables) = lines.split_once("[[").unwrap_or((lines, ""));
    let tables = if tables.is_empty() { String::new() } else { format!("[[{tables}") };
    format!("{item}{keys}[items.units]{units}\n{tables}")
}

#[test]
fn prices_and_offers_become_the_plan_of_the_item() {
    let file = sale_file::parse("sale.toml", &with(PRICES), NOW).unwrap();
    let request = RequestId(uuid::Uuid::nil());
    let planned = plan(request, file.draft, "olga".to_owned()).unwrap();
    let item = &planned.items[0];
    let prices = item.prices.as_ref().unwrap();
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    assert_eq!(prices.steps, [step(100, 990), step(400, 1290)]);
    assert_eq!((prices.unit_price_minor, prices.floor_minor), (199_900, Some(800)));
    assert_eq!(prices.returned_units, ReturnedUnits::NextPrice);
    let span = prices.time_prices[0].until_ms.since(prices.time_prices[0].from_ms);
    assert_eq!((span, prices.time_prices[0].unit_price_minor), (600_000, 1100));
    let [percent, gift] = item.offers.as_slice() else { panic!("{:?}", item.offers) };
    assert_eq!(percent.condition, OfferCondition::FromUnits(3));
    let OfferEffect::Percent(off) = percent.effect else { panic!("{percent:?}") };
    assert_eq!((off.ppm, off.at_most_minor), (100_001, Some(5000)));
    let OfferEffect::Gift(strap) = &gift.effect else { panic!("{gift:?}") };
    assert_eq!((strap.units, strap.each_units, strap.when_gone), (300, 1, WhenGone::Refuse));
}

#[test]
fn each_key_of_prices_and_offers_is_part_of_the_request() {
    let fingerprint = |text: &str| {
        let draft = sale_file::parse("sale.toml", text, NOW).unwrap().draft;
        plan(RequestId(uuid::Uuid::nil()), draft, "olga".to_owned()).unwrap().act.fingerprint
    };
    let mut seen = vec![fingerprint(GOOD), fingerprint(&with(PRICES))];
    for (from, to) in [
        ("floor_minor = 800", "floor_minor = 801"),
        ("\"next_price\"", "\"same_price\""),
        ("units = 100", "units = 101"),
        ("990", "991"),
        ("20:10", "20:11"),
        ("1100", "1101"),
        ("ten_percent", "ten"),
        ("from_units = 3", "from_units = 4"),
        ("10.0001%", "10%"),
        ("5000", "5001"),
        ("STRAP", "STRAPS"),
        ("gift_units = 300", "gift_units = 301"),
        ("\"refuse\"", "\"without\""),
        ("gift_units", "gift_each = 2\ngift_units"),
    ] {
        let told = fingerprint(&with(&PRICES.replace(from, to)));
        assert!(!seen.contains(&told), "{from} to {to}");
        seen.push(told);
    }
}

#[test]
fn wrong_prices_and_offers_are_named_as_in_the_file() {
    for (from, to, said) in [
        ("1290", "989", "items[0].steps[1].unit_price_minor is 989, below the 990"),
        ("units = 400", "units = 0", "items[0].steps[1].units must be at least 1, not 0"),
        ("floor_minor = 800", "floor_minor = 991", "unit_price_minor is 990, below floor_minor"),
        ("20:10", "19:59", "items[0].time_prices[0].until makes it end"),
        ("2026-11-11T20:10", "2026-11-13T20:10", "items[0].time_prices[0].until is 2026-11-13"),
        ("\"next_price\"", "\"cheap\"", "returned_units must be same_price or next_price"),
        ("10.0001%", "100.1%", "items[0].offers[0].percent must be 1 to 1000000 (100 %)"),
        ("10.0001%", "0%", "items[0].offers[0].percent must be 1 to 1000000 (100 %), not 0"),
        ("\"strap\"", "\"ten_percent\"", "items[0].offers[1].name is \"ten_percent\", as of"),
        ("gift_units = 300", "gift_units = 0", "items[0].offers[1].gift_units must be 1 to"),
        ("from_minor = 20000", "", "items[0].offers[1].from_units is missing"),
        ("at_most_minor", "at_most", "items[0].offers[0].at_most is not a known key"),
    ] {
        let text = with(&PRICES.replacen(from, to, 1));
        let told = sale_file::parse("sale.toml", &text, NOW).unwrap_err().to_string();
        assert!(told.contains(said), "{said}: {told}");
        assert!(told.starts_with("sale.toml, line "), "{told}");
    }
}

#[test]
fn offers_of_a_running_item_are_read_from_a_file_of_their_own() {
    let text = "[[offers]]\nname = \"off\"\nfrom_units = 1\namount_minor = 5\n";
    let offers = sale_file::parse_offers("offers.toml", text, NOW).unwrap();
    assert_eq!((offers[0].name.as_str(), offers[0].amount_minor), ("off", Some(5)));
    let wrong = text.replace("amount_minor", "amont_minor");
    let told = sale_file::parse_offers("offers.toml", &wrong, NOW).unwrap_err().to_string();
    assert!(told.contains("line 4") && told.contains("amont_minor"), "{told}");
}
