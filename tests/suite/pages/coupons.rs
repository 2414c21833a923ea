//! What a post-mortem says of coupons and of a limit over the sale: figures of the report, by hand.

use doorbuster::{
    events::CouponReason,
    pages::{Lang, PostMortem, Style, files, findings},
    reports::{CouponFigures, CouponsPaid, CsvManner, SaleLimitFigures},
    values::{BatchId, UnixMs},
};
use uuid::Uuid;

use super::{
    ENGLISH, post_mortem_of,
    sale::{OPENS_AT, lamps},
    text,
};

fn batch(name: &str, budget_minor: i64, paid: CouponsPaid) -> CouponFigures {
    CouponFigures {
        batch_id: BatchId(Uuid::from_u128(1)),
        name: name.to_owned(),
        currency: "EUR".to_owned(),
        code: None,
        coupons: 100,
        claimed: 40,
        granted: 6,
        earned: 5,
        revoked: 0,
        redeemed: 30,
        returned: 4,
        denied: vec![(CouponReason::Used, 2)],
        budget_minor,
        discount_minor: 200,
        paid,
        closed: None,
    }
}

/// A lamp for 5.00 was paid; what coupons took off is written in by hand.
fn facts() -> PostMortem {
    let (mut log, lamp) = lamps(1);
    let order = log.place(lamp, "ann", "app", &[("north", 1)], OPENS_AT + 1_000);
    log.pay(&order, "paid", OPENS_AT + 5_000);
    let mut facts = post_mortem_of(&log, 1_000, None);
    assert_eq!(facts.total.gross_minor(), 500);
    let paid = |orders, units, discount_minor| CouponsPaid {
        orders,
        units,
        discount_minor,
        ..CouponsPaid::default()
    };
    let mut other = batch("next50", 100, paid(2, 5, 100));
    other.denied = vec![(CouponReason::Used, 1), (CouponReason::AllClaimed, 9)];
    other.discount_minor = 0;
    facts.coupons.batches = vec![batch("save20", 800, paid(20, 30, 400)), other];
    facts
}

fn limit() -> SaleLimitFigures {
    SaleLimitFigures { per_buyer: 3, units: 12, buyers: 6, buyers_at_limit: 2, orders_denied: 1 }
}

fn pages(facts: &PostMortem, lang: Lang) -> [String; 2] {
    let files = files(facts, Style { lang, ..ENGLISH }, CsvManner::default());
    ["post-mortem.html", "post-mortem.md"].map(|name| text(&files, name).to_owned())
}

#[test]
fn a_sale_without_coupons_and_limit_has_no_section_of_them() {
    let mut facts = facts();
    facts.coupons.batches.clear();
    for lang in Lang::ALL {
        for page in pages(&facts, lang) {
            for says in ["oupon", "优惠券", "Limit over", "全场限购"] {
                assert!(!page.contains(says), "{says}");
            }
        }
    }
}

#[test]
fn coupons_are_told_by_batch_and_in_all() {
    let facts = facts();
    let [html, markdown] = pages(&facts, Lang::English);
    assert!(html.contains("id=\"coupons\""), "the section has a place");
    for says in [
        "## Coupons",
        "22 paid orders with 35 units had a coupon, and the coupons took 5.00 EUR off. 80 of 200 \
         coupons were claimed or granted, 10 of them earned by what buyers paid; 60 times one was bound \
         to an order, and 8 times it came back.",
        "| save20 | 40 | 5 | 30 | 4 | 2 | 20 | 30 | 4.00 EUR | 8.00 EUR | 25.0\u{202f}% |",
        "| next50 | 40 | 5 | 30 | 4 | 10 | 2 | 5 | 1.00 EUR | 1.00 EUR | 0.0\u{202f}% |",
        "| **All** | **80** | **10** | **60** | **8** | **12** | **22** | **35** | **5.00 EUR** | **9.00 EUR** | **22.2\u{202f}%** |",
        "12 orders did not get their coupon: used for another order 3, all claimed 9.",
    ] {
        assert!(markdown.contains(says), "{says}: {markdown}");
    }
    assert!(!markdown.contains("One buyer may have"), "the sale has no limit");
    let [_, chinese] = pages(&facts, Lang::Chinese);
    for says in [
        "## 优惠券",
        "22 笔已支付订单（35 件）使用了优惠券，共优惠 5.00 EUR。",
        "12 笔订单未能使用优惠券：已用于其他订单 3、已领完 9。",
    ] {
        assert!(chinese.contains(says), "{says}: {chinese}");
    }
}

#[test]
fn a_limit_over_the_sale_is_told_with_coupons_and_without() {
    let mut facts = facts();
    facts.coupons.limit = Some(limit());
    let says = "One buyer may have 3 units of all items together. 6 buyers have 12 units in held and \
                paid orders, 2 of them as many as they may; 1 orders were cancelled over the limit.";
    let [_, both] = pages(&facts, Lang::English);
    assert!(both.contains("## Coupons") && both.contains(says), "{both}");
    facts.coupons.batches.clear();
    let [_, alone] = pages(&facts, Lang::English);
    assert!(alone.contains("## Limit over the sale") && alone.contains(says), "{alone}");
    assert!(!alone.contains("Coupons"), "{alone}");
    let [_, alone] = pages(&facts, Lang::Chinese);
    assert!(alone.contains("## 全场限购") && alone.contains("全场每人限购 3 件"), "{alone}");
}

#[test]
fn what_coupons_took_off_is_a_finding_by_its_share() {
    let mut facts = facts();
    facts.asked_at = UnixMs::LATEST;
    let told = |facts: &PostMortem, lang| findings(facts, lang);
    // 5.00 of 5.00 + 5.00: 240 + 200 is more than 390 for what was sold.
    let found = told(&facts, Lang::English);
    let at = |says: &str| found.iter().position(|(said, _)| said.starts_with(says));
    let coupons = at("Coupons took 5.00 EUR off 22 paid orders.").expect("it is told");
    assert!(Some(coupons) < at("1 units were sold"), "{found:?}");
    let more = "That is 50.0\u{202f}% of what these and all other paid orders would have brought without \
                coupons; 2.00 EUR of 9.00 EUR budget are used.";
    assert_eq!(found[coupons].1, more);
    let chinese = told(&facts, Lang::Chinese);
    let says = "优惠券为 22 笔已支付订单优惠 5.00 EUR。";
    assert!(chinese.iter().any(|(said, _)| said == says), "{chinese:?}");
    for batch in &mut facts.coupons.batches {
        batch.paid = CouponsPaid::default();
    }
    let none = told(&facts, Lang::English);
    assert!(none.iter().all(|(said, _)| !said.contains("oupon")), "nobody paid with one: {none:?}");
}
