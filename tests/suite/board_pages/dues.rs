//! Money that is due back on the board, and the page of an order that was refunded or brought back.

use doorbuster::{
    pages::{
        Lang,
        board::{self, Fate},
    },
    projections::refunds::DueCause,
    reports::{DueRecord, DueSettled, DueSum, OrderRecord, Pulse, SaleDues},
    values::{DueId, ItemId, OrderId, SaleId, UnixMs},
};
use uuid::Uuid;

use super::{HOSTILE, OPENS, node, pulse};

const MINUTE: i64 = 60_000;

fn due(number: u128, buyer: &str, minutes: i64) -> DueRecord {
    DueRecord {
        due_id: DueId(Uuid::from_u128(0xd0e0 + number)),
        item_id: ItemId(Uuid::from_u128(1)),
        sale_id: SaleId(Uuid::from_u128(7)),
        sku: "SKU-00001".to_owned(),
        currency: "CNY".to_owned(),
        order_id: OrderId(Uuid::from_u128(0x0d00 + number)),
        buyer: buyer.to_owned(),
        cause: DueCause::Refunded,
        units: 1,
        amount_minor: 1_250,
        payment_reference: "pay-1".to_owned(),
        due_at: UnixMs((OPENS + 60) * 1_000 - minutes * MINUTE),
        settled: None,
        placed_revision: 3,
    }
}

/// Two are open, the older one for so many minutes; a third is settled.
fn owing(minutes: i64) -> Pulse {
    let sum = |dues| DueSum { dues, amount_minor: dues * 1_250 };
    let oldest = vec![due(1, "ann", minutes), due(2, HOSTILE[0], 1)];
    Pulse { dues: SaleDues { due: sum(3), settled: sum(1), oldest }, ..pulse() }
}

fn panel(pulse: &Pulse, name: &str, lang: Lang) -> String {
    let panels = board::live_panels(pulse, &node(), lang);
    panels.into_iter().find(|(id, _)| *id == name).unwrap().1
}

#[test]
fn the_tile_tells_open_money_and_the_age_of_the_oldest() {
    let tiles = panel(&owing(72), "tiles", Lang::English);
    assert!(tiles.contains("<li data-tile=\"dues\">"), "{tiles}");
    assert!(tiles.contains("<b>25.00 CNY</b>"), "{tiles}");
    assert!(tiles.contains("2 open, the oldest for 1 h 12 min"), "{tiles}");
    let tiles = panel(&owing(24 * 60), "tiles", Lang::Chinese);
    assert!(tiles.contains("<li data-tile=\"dues\" class=\"wrong\">"), "a day is too long");
    assert!(tiles.contains("2 笔未退，最早一笔已 24 小时"), "{tiles}");
    let none = panel(&pulse(), "tiles", Lang::English);
    assert!(!none.contains("data-tile=\"dues\""), "a sale in which nothing was ever due");
    let sum = DueSum { dues: 3, amount_minor: 3_750 };
    let dues = SaleDues { due: sum, settled: sum, oldest: Vec::new() };
    let settled = panel(&Pulse { dues, ..pulse() }, "tiles", Lang::English);
    assert!(settled.contains("<b>0.00 CNY</b>") && settled.contains("all 3 settled"), "{settled}");
}

#[test]
fn the_panel_lists_what_is_open_with_a_way_to_settle_it() {
    for (lang, cause, more) in [
        (Lang::English, "units came back", "Settled so far: 1, 12.50 CNY."),
        (Lang::Chinese, "退货", "已退还 1 笔，共 12.50 CNY。"),
    ] {
        let told = panel(&owing(72), "dues", lang);
        assert_eq!(told.matches(cause).count(), 2, "{told}");
        assert!(told.contains(more), "{told}");
        let id = DueId(Uuid::from_u128(0xd0e1)).to_string();
        let button = format!("data-act=\"settle\" data-key=\"settle{id}\"");
        assert!(told.contains(&button), "{told}");
        assert!(told.contains(&format!("data-due=\"{id}\" data-item=")), "{told}");
        assert!(!told.contains("<script>"), "a buyer's name does nothing");
    }
    let many = Pulse {
        dues: SaleDues { due: DueSum { dues: 40, amount_minor: 50_000 }, ..owing(1).dues },
        ..pulse()
    };
    let told = panel(&many, "dues", Lang::English);
    assert!(told.contains("and 37 more, 487.50 CNY in all"), "{told}");
    assert!(panel(&pulse(), "dues", Lang::English).contains("No money is due back."));
}

fn record(refunded_units: i64) -> OrderRecord {
    OrderRecord {
        order_id: OrderId(Uuid::from_u128(0x0d01)),
        item_id: ItemId(Uuid::from_u128(1)),
        sale_id: SaleId(Uuid::from_u128(7)),
        buyer: "ann".to_owned(),
        units: 3,
        price: doorbuster::events::OrderPrice {
            unit_price_minor: 1_250,
            total_minor: 3_750,
            ..Default::default()
        },
        currency: "CNY".to_owned(),
        state: doorbuster::domain::item::OrderState::Paid,
        placed_at: UnixMs(OPENS * 1_000),
        pay_by: UnixMs((OPENS + 60) * 1_000),
        channel: String::new(),
        warehouses: Vec::new(),
        settled_at: Some(UnixMs((OPENS + 9) * 1_000)),
        payment_reference: "pay-1".to_owned(),
        failed_payments: 2,
        reinstated_at: None,
        refunded_units,
        refunded_minor: 1_250 * refunded_units,
        references: doorbuster::events::OrderReferences::default(),
    }
}

fn page(order: &OrderRecord, dues: &[DueRecord], fate: Fate, lang: Lang) -> String {
    board::order_page(order, dues, fate, lang, ("/board.js", "/board.css"))
}

#[test]
fn the_page_of_an_order_tells_its_money_and_what_came_back() {
    let settled = DueRecord {
        settled: Some(DueSettled {
            at: UnixMs((OPENS + 300) * 1_000),
            reference: "transfer-<1>".to_owned(),
            operator: "finn".to_owned(),
        }),
        ..due(1, "ann", 0)
    };
    let told = page(&record(1), std::slice::from_ref(&settled), Fate::Paid, Lang::English);
    for part in [
        "<span class=\"state\">Partly refunded</span>",
        "37.50 CNY were paid with pay-1.",
        "1 of 3 units came back for 12.50 CNY; 25.00 CNY stay paid.",
        "<b>1 units came back</b>",
        "<b>Money settled</b>",
        "transfer-&lt;1&gt;",
        "Failed payments: 2",
        "data-act=\"refund\"",
        "data-units=\"2\"",
        "id=\"sign\"",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("data-act=\"settle\" "), "it is settled");
    let told = page(&record(3), &[due(1, "ann", 0)], Fate::Refunded, Lang::Chinese);
    assert!(told.contains("<span class=\"state\">已退款</span>"), "{told}");
    assert!(told.contains("data-act=\"settle\""), "what is open can be settled");
    assert!(!told.contains("<button type=\"button\" data-act=\"refund\""), "nothing is left");
}

#[test]
fn the_page_of_an_order_that_a_late_payment_brought_back_says_so() {
    let back = OrderRecord {
        reinstated_at: Some(UnixMs((OPENS + 70) * 1_000)),
        settled_at: Some(UnixMs((OPENS + 70) * 1_000)),
        ..record(0)
    };
    let told = page(&back, &[], Fate::Paid, Lang::English);
    let (placed, back, paid) = (
        told.find("<b>Order placed</b>").unwrap(),
        told.find("<b>Brought back by a late payment</b>").unwrap(),
        told.find("<b>Paid</b>").unwrap(),
    );
    assert!(placed < back && back < paid, "{told}");
    let held = page(&record(0), &[], Fate::Held, Lang::English);
    assert!(!held.contains("id=\"money\""), "nothing was paid and nothing is due");
}
