//! Coupons of a sale on its live page, and its limit over all items.

use doorbuster::{
    events::CouponReason,
    pages::{Lang, board},
    reports::{CouponFigures, CouponsPaid, Pulse, SaleLimitFigures},
    values::{BatchId, UnixMs},
};
use uuid::Uuid;

use super::{HOSTILE, OPENS, node, pulse};

fn batch(name: &str) -> CouponFigures {
    CouponFigures {
        batch_id: BatchId(Uuid::from_u128(1)),
        name: name.to_owned(),
        currency: "CNY".to_owned(),
        code: None,
        coupons: 10_000,
        claimed: 1_234,
        granted: 34,
        earned: 4,
        revoked: 3,
        redeemed: 1_100,
        returned: 100,
        denied: vec![(CouponReason::Used, 7), (CouponReason::BudgetSpent, 1_005)],
        budget_minor: 2_000_000,
        discount_minor: 500_000,
        paid: CouponsPaid::default(),
        closed: None,
    }
}

fn limit() -> SaleLimitFigures {
    SaleLimitFigures {
        per_buyer: 3,
        units: 1_300,
        buyers: 600,
        buyers_at_limit: 250,
        orders_denied: 41,
    }
}

fn panel(pulse: &Pulse, lang: Lang) -> Option<String> {
    let panels = board::live_panels(pulse, &node(), lang);
    panels.into_iter().find(|(id, _)| *id == "coupons").map(|(_, html)| html)
}

#[test]
fn each_batch_is_told_with_its_budget_and_why_orders_were_denied() {
    let coded = CouponFigures {
        code: Some("SAVE20".to_owned()),
        closed: Some(UnixMs(OPENS * 1_000)),
        ..batch("save20")
    };
    let asked = Pulse { coupons: vec![coded, batch("next50")], ..pulse() };
    let told = panel(&asked, Lang::English).unwrap();
    let row = told.split("<tr>").nth(2).unwrap();
    let cells: Vec<_> = row.split("<td class=\"n\">").skip(1).collect();
    for (cell, says) in cells.iter().zip(["1,234 of 10,000", "1,100", "100", "", "5,000.00 CNY"]) {
        assert!(cell.starts_with(says), "{says}: {cell}");
    }
    for part in [
        "<span class=\"title\">save20</span>",
        "code SAVE20",
        "<span class=\"state closed\">closed</span>",
        "<span class=\"\">1,012</span>",
        "used for another order 7, budget spent 1,005",
        "<span class=\"\">15,000.00 CNY</span><svg class=\"bar\"",
        "M0 0h750v60h-750z",
    ] {
        let part = part.replace(" class=\"\"", "");
        assert!(row.contains(&part), "{part}: {row}");
    }
    let second = told.split("<tr>").nth(3).unwrap();
    assert!(!second.contains("code ") && !second.contains("class=\"state"), "{second}");
    assert!(!told.contains("Limit") && !told.contains("<button"), "{told}");
    let told = panel(&asked, Lang::Chinese).unwrap();
    for part in
        ["已领取", "1,234 / 10,000", "券码 SAVE20", "已停发", "已用于其他订单 7、预算用尽 1,005"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_limit_over_the_sale_is_told_also_without_coupons() {
    let asked = Pulse { limit: Some(limit()), ..pulse() };
    let told = panel(&asked, Lang::English).unwrap();
    let says = "One buyer may have 3 units of all items together. 600 buyers have 1,300 units in held \
                and paid orders, 250 of them as many as they may; 41 orders were cancelled over the limit.";
    assert!(told.contains(says) && !told.contains("<table"), "{told}");
    let told = panel(&asked, Lang::Chinese).unwrap();
    let says = "全场每人限购 3 件。600 位买家的待支付与已支付订单共 1,300 件，其中 250 位已达上限；41 笔订单因超出限购被取消。";
    assert!(told.contains(says), "{told}");
}

#[test]
fn a_sale_without_either_has_no_panel_and_its_place_is_not_seen() {
    let live = |pulse: &Pulse| {
        board::live_page(pulse, Some(&node()), Lang::English, ("/board.js", "/board.css"))
    };
    assert_eq!(panel(&pulse(), Lang::English), None);
    assert!(live(&pulse()).contains("<section class=\"card of-coupons is-absent\""));
    let asked = Pulse { limit: Some(limit()), ..pulse() };
    let page = live(&asked);
    assert!(page.contains("<section class=\"card of-coupons\""), "{page}");
    let absent = page.matches("is-absent").count();
    assert!(page.contains("of-nodes is-absent") && absent == 1, "only the nodes are away, too");
}

#[test]
fn a_code_from_outside_is_only_text() {
    for hostile in HOSTILE {
        let coded = CouponFigures { code: Some(hostile.to_owned()), ..batch(hostile) };
        let told = panel(&Pulse { coupons: vec![coded], ..pulse() }, Lang::English).unwrap();
        for markup in ["<script>", "<img", "onclick='", "\u{202e}"] {
            assert!(!told.contains(markup), "{markup} stands in {told}");
        }
    }
}
