//! Prices and offers that are refused: the error names the field and both values.

use doorbuster::{
    domain::price::{DraftOffer, check_offers, check_prices},
    events::{Prices, WhenGone},
    values::UnixMs,
};

use super::{WINDOW, amount, gift, guide, percent, prices, time_price};

fn wrong(prices: &Prices) -> String {
    check_prices(prices, WINDOW).unwrap_err().to_string()
}

fn wrong_offers(drafts: &[DraftOffer]) -> String {
    check_offers(drafts.to_vec(), WINDOW).unwrap_err().to_string()
}

#[test]
fn prices_that_contradict_each_other_are_refused() {
    assert_eq!(check_prices(&guide(), WINDOW), Ok(()));
    let fall = wrong(&prices(&[(5, 900), (5, 899)], 1000));
    assert_eq!(
        fall,
        "steps[1].unit_price_minor is 899, below the 900 of the step before it: prices must not \
         fall along the ladder"
    );
    let base = wrong(&prices(&[(5, 900)], 899));
    assert!(base.starts_with("unit_price_minor is 899, below the 900 of the last step"), "{base}");
    assert_eq!(wrong(&prices(&[(0, 900)], 1000)), "steps[0].units must be at least 1, not 0");
    let many = wrong(&prices(&[(1, 1); 21], 1));
    assert_eq!(many, "steps has 21 steps, more than 20");
    let units = wrong(&prices(&[(1_000_000_000, 1), (1, 1)], 1));
    assert!(
        units.starts_with("steps[1].units is 1, which makes the steps hold 1000000001"),
        "{units}"
    );
    let below = wrong(&Prices { floor_minor: Some(991), ..guide() });
    assert_eq!(below, "steps[0].unit_price_minor is 990, below floor_minor (991)");
    let high = wrong(&prices(&[], 1_000_000_000_001));
    assert_eq!(high, "unit_price_minor must be 1 to 1000000000000, not 1000000000001");
}

#[test]
fn time_prices_that_overlap_or_lie_outside_of_the_window_are_refused() {
    let of = |time_prices: &[(i64, i64, i64)]| Prices {
        time_prices: time_prices.iter().map(|&(a, b, c)| time_price(a, b, c)).collect(),
        ..guide()
    };
    assert_eq!(check_prices(&of(&[(0, 10, 900), (10, 20, 900)]), WINDOW), Ok(()));
    let overlap = wrong(&of(&[(10, 20, 900), (0, 11, 900)]));
    assert!(overlap.starts_with("time_prices[1].from_time is 1970"), "{overlap}");
    assert!(overlap.contains("overlaps"), "{overlap}");
    let ends = wrong(&of(&[(20, 20, 900)]));
    assert!(ends.starts_with("time_prices[0].until_time makes it end"), "{ends}");
    let late = wrong(&of(&[(0, 100_001, 900)]));
    assert!(late.contains("until_time") && late.contains("after the item closes"), "{late}");
    let early = wrong(&of(&[(-1, 10, 900)]));
    assert!(early.contains("from_time") && early.contains("before the item opens"), "{early}");
    let low = wrong(&of(&[(0, 10, 799)]));
    assert_eq!(low, "time_prices[0].unit_price_minor is 799, below floor_minor (800)");
}

#[test]
fn offers_that_contradict_themselves_are_refused() {
    let ten = || percent("ten", 10, 1);
    let table = [
        (DraftOffer { name: "Ten".to_owned(), ..ten() }, "name", "\"Ten\""),
        (DraftOffer { from_units: Some(2), ..ten() }, "from_minor", "from_units is 2"),
        (DraftOffer { from_minor: None, ..ten() }, "from_units", "is missing"),
        (DraftOffer { percent_ppm: Some(0), ..ten() }, "percent_ppm", "not 0"),
        (DraftOffer { percent_ppm: Some(1_000_001), ..ten() }, "percent_ppm", "not 1000001"),
        (DraftOffer { percent_ppm: None, ..ten() }, "amount_minor", "is missing"),
        (DraftOffer { each: true, ..ten() }, "each", "percent_ppm is 100000"),
        (DraftOffer { amount_minor: Some(5), ..ten() }, "amount_minor", "percent_ppm is 100000"),
        (DraftOffer { times_max: Some(3), ..amount("off", 1, 1) }, "times_max", "is 3"),
        (DraftOffer { at_most_minor: Some(3), ..amount("off", 1, 1) }, "at_most_minor", "is 3"),
        (DraftOffer { gift_each: Some(3), ..amount("off", 1, 1) }, "gift_each", "is 3"),
        (
            DraftOffer { when_gone: Some(WhenGone::Refuse), ..amount("off", 1, 1) },
            "when_gone",
            "\"refuse\"",
        ),
        (
            DraftOffer {
                each: true,
                times_max: Some(1_000_000),
                ..amount("off", 1_000_000_000_001, 1)
            },
            "times_max",
            "1000000000001000000",
        ),
        (DraftOffer { gift_units: None, ..gift("mug", 1, 1) }, "gift_units", "is missing"),
        (DraftOffer { gift_each: Some(2), ..gift("mug", 1, 1) }, "gift_each", "gift_units (1)"),
        (DraftOffer { each: true, ..gift("mug", 1, 1) }, "each", "amount_minor"),
        (DraftOffer { until: Some(UnixMs(100_001)), ..ten() }, "until_time", "closes"),
        (
            DraftOffer { from: Some(UnixMs(5)), until: Some(UnixMs(5)), ..ten() },
            "until_time",
            "end",
        ),
    ];
    for (draft, field, says) in table {
        let told = wrong_offers(&[amount("before", 1, 1), draft]);
        assert!(told.starts_with(&format!("offers[1].{field} ")), "{field}: {told}");
        assert!(told.contains(says), "{says}: {told}");
    }
}

#[test]
fn an_offer_or_a_gift_that_is_named_twice_is_refused() {
    let twice = wrong_offers(&[amount("off", 1, 1), percent("off", 10, 1)]);
    assert_eq!(twice, "offers[1].name is \"off\", as of offers[0]");
    let same = DraftOffer { gift_sku: "MUG".to_owned(), ..gift("cup", 1, 1) };
    let twice = wrong_offers(&[gift("mug", 1, 1), same]);
    assert_eq!(twice, "offers[1].gift_sku is \"MUG\", the gift of offers[0] already");
    let many: Vec<_> = (0..11).map(|index| amount(&format!("off_{index}"), 1, 1)).collect();
    assert_eq!(wrong_offers(&many), "offers has 11 offers, more than 10");
}
