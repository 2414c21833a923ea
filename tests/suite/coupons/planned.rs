//! Goal: the coupons of a sale are what its author meant, or one sentence names the field and both
//! values. Method: one good file, and a table of what is changed in it and what is then said.

use doorbuster::{
    cli::sale_file,
    domain::{
        coupon::{BATCHES_PER_SALE_MAX, DraftCoupon},
        sale::{Draft, plan},
    },
    events::{CouponDiscount, CouponReturns, CouponTerms, PercentOff, SaleCreated},
    values::{RequestId, SaleId, UnixMs},
};
use uuid::Uuid;

const NOW: UnixMs = UnixMs(1_794_326_400_000);
const REQUEST: RequestId = RequestId(Uuid::from_u128(7));

/// The line of the first coupon in this file is 14.
const GOOD: &str = r#"
name = "Night sale"
currency = "CNY"
opens_at = 2026-11-11T00:00:00+08:00
closes_at = 2026-11-12T00:00:00+08:00
[[items]]
sku = "PHONE"
title = "Phone"
unit_price_minor = 199900
time_to_pay_seconds = 900
[items.units]
west = 60

[[coupons]]
name = "save20"
percent = "20%"
at_most_minor = 5000
min_spend_minor = 10000
coupons = 10000
per_buyer = 2
budget_minor = 2000000
items = ["PHONE"]
code = "SAVE20"
with_offers = true
returns = "refund"
from = 2026-11-10T00:00:00+08:00
until = 2026-11-11T20:00:00+08:00

[[coupons]]
name = "ten_off"
amount_minor = 1000
min_spend_minor = 1001
coupons = 1
budget_minor = 1000
"#;

fn draft(text: &str) -> Draft {
    sale_file::parse("sale.toml", text, NOW).unwrap().draft
}

fn planned(draft: Draft) -> SaleCreated {
    plan(REQUEST, draft, "olga".to_owned()).unwrap()
}

#[test]
fn coupons_become_the_terms_of_batches_with_ids_of_their_names() {
    let created = planned(draft(GOOD));
    let sale = SaleId::of_request(REQUEST);
    let [save, ten] = created.coupons.as_slice() else { panic!("{:?}", created.coupons) };
    assert_eq!(save.batch_id, sale.batch_id("save20"));
    let expected = CouponTerms {
        name: "save20".to_owned(),
        discount: CouponDiscount::Percent(PercentOff { ppm: 200_000, at_most_minor: Some(5000) }),
        min_spend_minor: 10_000,
        coupons: 10_000,
        per_buyer: 2,
        budget_minor: 2_000_000,
        items: vec![sale.item_id("PHONE")],
        code: Some("SAVE20".to_owned()),
        with_offers: true,
        returns: CouponReturns::Refund,
        from_ms: UnixMs(1_794_240_000_000),
        until_ms: UnixMs(1_794_398_400_000),
    };
    assert_eq!(save.terms, expected);
    let plain = CouponTerms {
        name: "ten_off".to_owned(),
        discount: CouponDiscount::AmountMinor(1_000),
        min_spend_minor: 1_001,
        coupons: 1,
        per_buyer: 1,
        budget_minor: 1_000,
        items: Vec::new(),
        code: None,
        with_offers: false,
        returns: CouponReturns::Unpaid,
        from_ms: created.opens_at_ms,
        until_ms: created.closes_at_ms,
    };
    assert_eq!(ten.terms, plain);
}

#[test]
fn coupons_that_cannot_be_are_refused_by_line_and_key_with_both_values() {
    let table = [
        (
            "\"save20\"",
            "\"Save 20\"",
            "line 15: coupons[0].name must be 1 to 64 lower-case letters, digits and underscores, not \"Save 20\"",
        ),
        ("\"ten_off\"", "\"save20\"", "line 30: coupons[1].name is \"save20\", as of coupons[0]"),
        ("\"20%\"", "\"0%\"", "line 16: coupons[0].percent must be 1 to 1000000 (100 %), not 0"),
        (
            "\"20%\"",
            "\"100.0001%\"",
            "line 16: coupons[0].percent must be 1 to 1000000 (100 %), not 1000001",
        ),
        (
            "\"20%\"",
            "\"20\"",
            "line 16: coupons[0].percent must be a percentage such as \"12.5%\", with at most four decimals",
        ),
        (
            "percent = \"20%\"\n",
            "",
            "line 14: coupons[0].amount_minor is missing, as is percent_ppm: a coupon needs one of them",
        ),
        (
            "amount_minor = 1000\n",
            "amount_minor = 1000\npercent = \"1%\"\n",
            "line 31: coupons[1].amount_minor is 1000, and percent_ppm is 10000: only one of them is allowed",
        ),
        (
            "amount_minor = 1000\n",
            "amount_minor = 1000\nat_most_minor = 5\n",
            "line 32: coupons[1].at_most_minor is 5, and it is given without percent_ppm",
        ),
        (
            "amount_minor = 1000\n",
            "amount_minor = 0\n",
            "line 31: coupons[1].amount_minor must be 1 to 1000000000000000000, not 0",
        ),
        (
            "at_most_minor = 5000",
            "at_most_minor = 0",
            "line 17: coupons[0].at_most_minor must be 1 to 1000000000000000000, not 0",
        ),
        (
            "min_spend_minor = 1001",
            "min_spend_minor = 1000",
            "line 32: coupons[1].min_spend_minor is 1000: it must be above amount_minor, which is 1000",
        ),
        (
            "min_spend_minor = 1001\n",
            "",
            "line 29: coupons[1].min_spend_minor is 1: it must be above amount_minor, which is 1000",
        ),
        (
            "coupons = 10000",
            "coupons = 1000001",
            "line 19: coupons[0].coupons must be 1 to 1000000, not 1000001",
        ),
        (
            "coupons = 10000",
            "coupons = 0",
            "line 19: coupons[0].coupons must be 1 to 1000000, not 0",
        ),
        ("coupons = 10000\n", "", "line 14: coupons[0].coupons is missing"),
        (
            "per_buyer = 2",
            "per_buyer = 101",
            "line 20: coupons[0].per_buyer must be 1 to 100, not 101",
        ),
        (
            "budget_minor = 2000000",
            "budget_minor = 4999",
            "line 21: coupons[0].budget_minor is 4999, below one discount, which is 5000",
        ),
        (
            "budget_minor = 1000\n",
            "budget_minor = 999\n",
            "line 34: coupons[1].budget_minor is 999, below one discount, which is 1000",
        ),
        (
            "at_most_minor = 5000\nmin_spend_minor = 10000\ncoupons = 10000\nper_buyer = 2\nbudget_minor = 2000000",
            "min_spend_minor = 10000\ncoupons = 10000\nper_buyer = 2\nbudget_minor = 1999",
            "line 20: coupons[0].budget_minor is 1999, below one discount, which is 2000",
        ),
        (
            "[\"PHONE\"]",
            "[\"LAMP\"]",
            "line 22: coupons[0].items[0] is \"LAMP\", and the sale has no such item",
        ),
        (
            "[\"PHONE\"]",
            "[\"PHONE\", \"PHONE\"]",
            "line 22: coupons[0].items[1] is \"PHONE\", which was named before",
        ),
        (
            "amount_minor = 1000\n",
            "amount_minor = 1000\ncode = \"ＳＡＶＥ20\"\n",
            "line 32: coupons[1].code is \"ＳＡＶＥ20\", and that of coupons[0] is \"SAVE20\"",
        ),
        (
            "code = \"SAVE20\"",
            "code = \" SAVE\"",
            "line 23: coupons[0].code must not start or end with white space",
        ),
        (
            "returns = \"refund\"",
            "returns = \"never\"",
            "line 25: coupons[0].returns must be unpaid or refund, not \"never\"",
        ),
        (
            "amount_minor = 1000\n",
            "amount_minor = 1000\ncurrency = \"EUR\"\n",
            "line 32: coupons[1].currency is \"EUR\", and that of the sale is \"CNY\"",
        ),
        (
            "until = 2026-11-11T20:00:00+08:00",
            "until = 2026-11-09T20:00:00+08:00",
            "line 27: coupons[0].until makes it end (2026-11-09T12:00:00.000Z) before it begins (2026-11-09T16:00:00.000Z)",
        ),
        (
            "until = 2026-11-11T20:00:00+08:00",
            "until = 2026-11-11T00:00:00+08:00",
            "line 27: coupons[0].until is 2026-11-10T16:00:00.000Z, and the sale opens at 2026-11-10T16:00:00.000Z",
        ),
        (
            "from = 2026-11-10T00:00:00+08:00\nuntil = 2026-11-11T20:00:00+08:00",
            "from = 2026-11-12T00:00:00+08:00\nuntil = 2026-11-13T00:00:00+08:00",
            "line 26: coupons[0].from is 2026-11-11T16:00:00.000Z, and the sale closes at 2026-11-11T16:00:00.000Z",
        ),
        (
            "per_buyer = 2",
            "per_buyr = 2",
            "line 20: coupons[0].per_buyr is not a known key: did you mean per_buyer?",
        ),
    ];
    for (from, to, message) in table {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from} is not in the file");
        let complaint = sale_file::parse("sale.toml", &text, NOW).unwrap_err();
        assert_eq!(complaint.to_string(), format!("sale.toml, {message}"));
    }
}

#[test]
fn all_problems_of_coupons_are_told_at_once() {
    let bad = GOOD
        .replace("coupons = 10000", "coupons = 0")
        .replace("min_spend_minor = 1001", "min_spend_minor = 7")
        .replace("sku = \"PHONE\"", "sku = \"\"");
    let said = sale_file::parse("sale.toml", &bad, NOW).unwrap_err().to_string();
    let expected = "sale.toml has 3 problems:
  line 7: items[0].sku is missing
  line 19: coupons[0].coupons must be 1 to 1000000, not 0
  line 32: coupons[1].min_spend_minor is 7: it must be above amount_minor, which is 1000";
    assert_eq!(said, expected);
}

#[test]
fn a_sale_has_a_hundred_batches_at_most() {
    let mut draft = draft(GOOD);
    let one = draft.coupons[1].clone();
    let batch = |n: usize| DraftCoupon { name: format!("batch_{n}"), ..one.clone() };
    draft.coupons = (0..=BATCHES_PER_SALE_MAX).map(batch).collect();
    let said = plan(REQUEST, draft.clone(), "olga".to_owned()).unwrap_err().to_string();
    assert_eq!(said, "sale.coupons has 101 batches, more than 100");
    draft.coupons.pop();
    assert_eq!(planned(draft).coupons.len(), 100);
}

#[test]
fn each_field_of_a_coupon_is_part_of_the_request_and_no_coupons_change_nothing() {
    let fingerprint = |draft: &Draft| planned(draft.clone()).act.fingerprint;
    let good = draft(GOOD);
    let mut seen =
        vec![fingerprint(&good), fingerprint(&Draft { coupons: Vec::new(), ..good.clone() })];
    let changes: [fn(&mut DraftCoupon); 15] = [
        |c| c.name.push('x'),
        |c| c.currency_code = "CNY".to_owned(),
        |c| (c.percent_ppm, c.at_most_minor, c.amount_minor) = (None, None, Some(5_000)),
        |c| c.percent_ppm = Some(200_001),
        |c| c.at_most_minor = Some(5_001),
        |c| c.min_spend_minor = Some(10_001),
        |c| c.coupons += 1,
        |c| c.per_buyer = Some(3),
        |c| c.budget_minor += 1,
        |c| c.items.clear(),
        |c| c.code.push('X'),
        |c| c.with_offers = false,
        |c| c.returns = CouponReturns::Unpaid,
        |c| c.from = c.from.map(|at| at.plus(1)),
        |c| c.until = c.until.map(|at| at.plus(1)),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut changed = good.clone();
        change(&mut changed.coupons[0]);
        let one = fingerprint(&changed);
        assert!(!seen.contains(&one), "change {index}");
        seen.push(one);
    }
}
