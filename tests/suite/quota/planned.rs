//! Goal: the limit over a sale and its rewards are what its author meant, or one sentence names the field
//! and both values. Method: one good file, and a table of what is changed in it and what is then said.

use doorbuster::{
    cli::sale_file,
    domain::sale::{Draft, plan},
    events::{Reward, SaleCreated},
    values::{RequestId, SaleId, UnixMs},
};
use uuid::Uuid;

const NOW: UnixMs = UnixMs(1_794_326_400_000);
const REQUEST: RequestId = RequestId(Uuid::from_u128(7));

const GOOD: &str = r#"
name = "Night sale"
currency = "CNY"
opens_at = 2026-11-11T00:00:00+08:00
closes_at = 2026-11-12T00:00:00+08:00
limit_per_buyer = 3
[[items]]
sku = "PHONE"
title = "Phone"
unit_price_minor = 199900
time_to_pay_seconds = 900
limit_per_buyer = 2
[items.units]
west = 60

[[coupons]]
name = "next50"
amount_minor = 5000
min_spend_minor = 5001
coupons = 100
budget_minor = 500000

[[rewards]]
spend_minor = 30000
coupon = "next50"
"#;

fn draft(text: &str) -> Draft {
    sale_file::parse("sale.toml", text, NOW).unwrap().draft
}

fn planned(draft: Draft) -> SaleCreated {
    plan(REQUEST, draft, "olga".to_owned()).unwrap()
}

#[test]
fn a_limit_and_rewards_are_planned_with_the_sale() {
    let created = planned(draft(GOOD));
    assert_eq!(created.limit_per_buyer, Some(3));
    let batch_id = SaleId::of_request(REQUEST).batch_id("next50");
    assert_eq!(created.rewards, [Reward { spend_minor: 30_000, batch_id }]);
}

#[test]
fn a_sale_without_them_keeps_its_fingerprint_and_its_bytes() {
    let plain = Draft { limit_per_buyer: None, rewards: Vec::new(), ..draft(GOOD) };
    let stored = serde_json::to_string(&planned(plain.clone())).unwrap();
    assert!(!stored.contains("rewards"), "{stored}");
    let fingerprint = |draft: Draft| planned(draft).act.fingerprint;
    assert_ne!(
        fingerprint(plain.clone()),
        fingerprint(Draft { limit_per_buyer: Some(3), ..plain.clone() })
    );
    assert_ne!(fingerprint(draft(GOOD)), fingerprint(Draft { limit_per_buyer: Some(3), ..plain }));
}

#[test]
fn what_cannot_be_is_refused_by_line_and_key_with_both_values() {
    let reward = "\n[[rewards]]\nspend_minor = 40000\ncoupon = \"next50\"\n";
    let table = [
        ("= 3", "= 0", "line 6: limit_per_buyer must be at least 1, not 0"),
        ("= 3", "= -2", "line 6: limit_per_buyer must be at least 1, not -2"),
        (
            "= 3",
            "= 1000000001",
            "line 6: limit_per_buyer must be at most 1000000000, not 1000000001",
        ),
        (
            "= 3",
            "= 1",
            "line 6: limit_per_buyer is 1, below limit_per_buyer of items[0], which is 2",
        ),
        ("= 3", "= \"three\"", "line 6: limit_per_buyer"),
        ("= 30000", "= 0", "line 24: rewards[0].spend_minor must be at least 1, not 0"),
        ("spend_minor = 30000\n", "", "line 23: rewards[0].spend_minor is missing"),
        (
            "coupon = \"next50\"\n",
            "coupon = \"next5\"\n",
            "line 25: rewards[0].coupon is \"next5\", and the coupons of the sale are \"next50\"",
        ),
        ("coupon = \"next50\"\n", "", "line 23: rewards[0].coupon is missing"),
        ("spend_minor = 30000", "spend_minor = 30000\nspent = 1", "rewards[0].spent"),
    ];
    for (from, to, said) in table {
        assert!(GOOD.contains(from), "{from}");
        let wrong = sale_file::parse("sale.toml", &GOOD.replacen(from, to, 1), NOW);
        let text = wrong.expect_err(said).to_string();
        assert!(text.contains(said), "{text}, not {said}");
    }
    let twice = sale_file::parse("sale.toml", &format!("{GOOD}{reward}"), NOW);
    let text = twice.expect_err("twice").to_string();
    let said = "rewards[1].coupon is \"next50\", as of rewards[0]";
    assert!(text.contains(said), "{text}");
    let none = Draft { coupons: Vec::new(), ..draft(GOOD) };
    let wrong = plan(REQUEST, none, "olga".to_owned()).expect_err("no coupons");
    let said = "sale.rewards[0].coupon is \"next50\", and the sale has no coupons";
    assert_eq!(wrong.to_string(), said);
}
