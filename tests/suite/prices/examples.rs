//! Figures written down by hand.

use doorbuster::{
    domain::price::{DraftOffer, Ladder},
    events::{ReturnedUnits, WhenGone},
    values::{Currency, UnixMs},
};

use super::{amount, gift, guide, offers, parts, percent, prices, quote_at, quote_on};

#[test]
fn units_across_a_step_cost_what_each_of_them_costs() {
    let mut ladder = Ladder::new(1, guide());
    ladder.hold(0, 99).unwrap();
    let quote = quote_on(&ladder, 2, 1_000);
    assert_eq!(parts(&quote), [(1, 990), (1, 1290)]);
    assert_eq!((quote.subtotal_minor, quote.total_minor), (2280, 2280));
    assert_eq!(quote.step_units_left, Some(1));
    assert_eq!(quote.changes_at, Some(UnixMs(2_000)));
    let currency = Currency::parse("currency", "CNY").unwrap();
    assert_eq!(quote.reason(currency), "1 at 9.90 CNY (step 1), 1 at 12.90 CNY (step 2).");
}

#[test]
fn an_order_may_take_all_steps_and_go_on_at_the_base_price() {
    let ladder = Ladder::new(1, guide());
    let quote = quote_on(&ladder, 600, 1_000);
    assert_eq!(parts(&quote), [(100, 990), (400, 1290), (100, 1590)]);
    assert_eq!(quote.total_minor, 99_000 + 516_000 + 159_000);
}

#[test]
fn within_a_time_price_nothing_costs_more_and_lower_steps_stay_lower() {
    let mut ladder = Ladder::new(1, guide());
    ladder.hold(0, 99).unwrap();
    let part_of = |now| parts(&quote_on(&ladder, 2, now));
    assert_eq!(part_of(1_999), [(1, 990), (1, 1290)]);
    assert_eq!(part_of(2_000), [(1, 990), (1, 1100)]);
    assert_eq!(part_of(2_999), [(1, 990), (1, 1100)]);
    assert_eq!(part_of(3_000), [(1, 990), (1, 1290)]);
    let during = quote_on(&ladder, 2, 2_000);
    assert_eq!(during.parts[0].time_price, None, "the step is lower");
    assert_eq!((during.parts[1].step, during.parts[1].time_price), (Some(1), Some(0)));
    assert_eq!(during.changes_at, Some(UnixMs(3_000)));
    assert_eq!(quote_on(&ladder, 2, 3_000).changes_at, None);
}

#[test]
fn returned_units_are_sold_at_their_price_again_or_at_the_next_one() {
    let parts_of = |returned_units| {
        let mut ladder = Ladder::new(1, super::Prices { returned_units, ..guide() });
        ladder.hold(0, 100).unwrap();
        ladder.release(0, 60).unwrap();
        ladder.sell(0, 40).unwrap();
        parts(&quote_on(&ladder, 61, 1_000))
    };
    assert_eq!(parts_of(ReturnedUnits::SamePrice), [(60, 990), (1, 1290)]);
    assert_eq!(parts_of(ReturnedUnits::NextPrice), [(61, 1290)]);
}

#[test]
fn two_left_at_the_sale_price_and_an_order_of_three() {
    // Broadleaf: flash-sale pricing splits the order.
    let ladder = Ladder::new(1, prices(&[(2, 500)], 900));
    assert_eq!(parts(&quote_on(&ladder, 3, 0)), [(2, 500), (1, 900)]);
}

#[test]
fn fifteen_percent_of_a_hundred() {
    // Salesforce B2C, proration: 60 + 50, and 50 + 50.
    let offers = offers(&[percent("fifteen", 15, 10_000)]);
    let quote = quote_at(5_500, 2, &offers);
    assert_eq!((quote.discount_minor(), quote.total_minor), (1_650, 9_350));
    let quote = quote_at(5_000, 2, &offers);
    assert_eq!((quote.discount_minor(), quote.total_minor), (1_500, 8_500));
    assert_eq!(quote_at(4_999, 2, &offers).discount_minor(), 0, "below the threshold");
}

#[test]
fn ten_percent_of_a_price_that_was_reduced_before() {
    // VTEX: 62 - 15, then 10 %.
    let quote = quote_at(4_700, 1, &offers(&[percent("ten", 10, 1)]));
    assert_eq!((quote.discount_minor(), quote.total_minor), (470, 4_230));
}

#[test]
fn three_at_a_hundred_with_ten_percent_off() {
    // sonata#177: 270 are paid, and 180 of them go back with two units.
    let quote = quote_at(10_000, 3, &offers(&[percent("ten", 10, 1)]));
    assert_eq!(quote.total_minor, 27_000);
}

#[test]
fn of_two_offers_that_apply_the_larger_one_counts() {
    // spree#1923: 10 % from 100, 20 % from 200, an order of 400.
    let offers = offers(&[percent("ten", 10, 10_000), percent("twenty", 20, 20_000)]);
    let quote = quote_at(20_000, 2, &offers);
    assert_eq!(&*quote.offer.unwrap().name, "twenty");
    assert_eq!(quote.total_minor, 32_000);
}

#[test]
fn of_equal_discounts_the_first_listed_counts() {
    let offers = offers(&[amount("first", 1_000, 1), percent("second", 10, 1)]);
    assert_eq!(&*quote_at(10_000, 1, &offers).offer.unwrap().name, "first");
}

#[test]
fn an_amount_may_count_once_for_each_multiple_and_at_most_so_often() {
    let each = DraftOffer { each: true, ..amount("each", 2_000, 20_000) };
    let off = |draft: &DraftOffer, minor| {
        quote_at(minor, 1, &offers(std::slice::from_ref(draft))).discount_minor()
    };
    assert_eq!(
        [19_999, 20_000, 39_999, 60_000].map(|minor| off(&each, minor)),
        [0, 2000, 2000, 6000]
    );
    let thrice = DraftOffer { times_max: Some(3), ..each };
    assert_eq!([60_000, 80_000].map(|minor| off(&thrice, minor)), [6_000, 6_000]);
    let once = amount("once", 2_000, 20_000);
    assert_eq!(off(&once, 60_000), 2_000);
}

#[test]
fn percentages_are_rounded_down_and_capped() {
    let off = |minor| quote_at(minor, 1, &offers(&[percent("ten", 10, 1)])).discount_minor();
    assert_eq!([9, 10, 19, 20, 101].map(off), [0, 1, 1, 2, 10]);
    let capped = DraftOffer { at_most_minor: Some(50), ..percent("ten", 10, 1) };
    assert_eq!(quote_at(1_000, 1, &offers(&[capped])).discount_minor(), 50);
}

#[test]
fn an_order_costs_at_least_one_minor_unit() {
    let all = offers(&[percent("all", 100, 1)]);
    assert_eq!(quote_at(5, 1, &all).total_minor, 1);
    let one = quote_at(1, 1, &all);
    assert_eq!((one.offer, one.total_minor), (None, 1));
    assert_eq!(quote_at(5, 1, &offers(&[amount("more", 9_000, 1)])).total_minor, 1);
}

#[test]
fn the_largest_order_is_priced_without_overflow() {
    let quote = quote_at(1_000_000_000_000, 1_000_000, &offers(&[percent("most", 99, 1)]));
    assert_eq!(quote.subtotal_minor, 1_000_000_000_000_000_000);
    assert_eq!(quote.total_minor, 10_000_000_000_000_000);
}

#[test]
fn offers_apply_from_their_first_moment_until_before_their_last() {
    let (from, until) = (Some(UnixMs(1_000)), Some(UnixMs(1_001)));
    let during = offers(&[DraftOffer { from, until, ..amount("now", 10, 1) }]);
    assert_eq!(quote_at(100, 1, &during).total_minor, 90);
    let later = offers(&[DraftOffer { from: until, ..amount("later", 10, 1) }]);
    let quote = quote_at(100, 1, &later);
    assert_eq!((quote.total_minor, quote.changes_at), (100, until));
    let over = offers(&[DraftOffer { until: from, ..amount("over", 10, 1) }]);
    assert_eq!(quote_at(100, 1, &over).total_minor, 100);
}

#[test]
fn of_the_gifts_that_apply_the_last_listed_comes_with_the_order() {
    let offers = offers(&[gift("strap", 3, 2), gift("mug", 3, 3), amount("off", 10, 1)]);
    let gift_of = |units| quote_at(100, units, &offers).gift.map(|gift| gift.sku);
    assert_eq!([1, 2, 3].map(gift_of), [None, Some("STRAP".to_owned()), Some("MUG".to_owned())]);
    assert_eq!(quote_at(100, 3, &offers).discount_minor(), 10, "beside the discount");
}

#[test]
fn a_gift_that_is_used_up_is_gone_and_no_other_is_given_for_it() {
    let mut pools =
        offers(&[gift("mug", 9, 1), DraftOffer { gift_each: Some(2), ..gift("strap", 3, 2) }]);
    let first = quote_at(100, 2, &pools).gift.unwrap();
    assert_eq!((first.offer.as_str(), first.units), ("strap", 2));
    pools.hold(&first).unwrap();
    let second = quote_at(100, 2, &pools);
    assert_eq!(second.gift, None);
    let gone = second.gift_gone.unwrap();
    assert_eq!((gone.offer.as_str(), gone.when_gone), ("strap", WhenGone::Without));
    pools.release(&first).unwrap();
    assert!(quote_at(100, 2, &pools).gift.is_some(), "it came back");
    pools.hold(&first).unwrap();
    pools.give(&first).unwrap();
    pools.set_gift_units("strap", 4);
    let pool = pools.pool_of("strap").unwrap();
    assert_eq!((pool.units, pool.held, pool.given, pool.free()), (4, 0, 2, 2));
    assert!(quote_at(100, 2, &pools).gift.is_some(), "there are more now");
}

#[test]
fn a_pool_keeps_what_is_held_and_given_when_offers_are_replaced() {
    let mut pools = offers(&[gift("strap", 3, 1)]);
    let first = quote_at(100, 1, &pools).gift.unwrap();
    pools.hold(&first).unwrap();
    pools.set(super::checked(&[gift("mug", 1, 1)]));
    pools.give(&first).unwrap();
    assert_eq!(quote_at(100, 1, &pools).gift.unwrap().offer, "mug");
    pools.set(super::checked(&[gift("strap", 5, 1)]));
    let pool = pools.pool_of("strap").unwrap();
    assert_eq!((pool.given, pool.free()), (1, 4));
    assert!(pools.give(&first).is_err(), "none is held");
}
