//! Goal: each sentence of a page is true of its sale, also of sales at the edge of what it is made for.
//!
//! Method: the post-mortem of a small sale, or one figure of it changed by hand, and what is then said.

use doorbuster::{
    events::{AttemptOutcome, Event, ItemEvent, OrderEvent, Stored, StreamName},
    pages::{Clock, Lang, PostMortem, ProofFacts, Style, files, findings},
    reports::{CsvManner, SoldOut},
    values::UnixMs,
};

use super::{
    ENGLISH, post_mortem_of,
    sale::{
        OPENS_AT, demand, empty_sale, faithful_visitor, full_sale, lamps, pause, sale_id, wide_sale,
    },
    text,
};
use crate::{events::samples, fold::log::Log};

/// What is said of a sale's stock in the things that mattered.
fn said(facts: &PostMortem) -> Vec<String> {
    findings(facts, Lang::English).into_iter().map(|(says, _)| says).collect()
}

/// The page in Markdown.
fn markdown(facts: &PostMortem) -> String {
    text(&files(facts, ENGLISH, CsvManner::default()), "post-mortem.md").to_owned()
}

/// Two lamps that go at 3.4 and 3.6 seconds; the first buyer does not pay.
fn two_lamps() -> Log {
    let (mut log, lamp) = lamps(2);
    let unpaid = log.place(lamp, "ann", "app", &[("north", 1)], OPENS_AT + 3_400);
    let paid = log.place(lamp, "bob", "app", &[("north", 1)], OPENS_AT + 3_600);
    demand(&mut log, lamp, 3, &[("ann", AttemptOutcome::Placed), ("bob", AttemptOutcome::Placed)]);
    log.pay(&paid, "paid", OPENS_AT + 5_000);
    log.expire(&unpaid, OPENS_AT + 63_400);
    log
}

#[test]
fn a_sale_that_sold_out_once_did_not_sell_out_twice() {
    let (mut log, lamp) = lamps(1);
    log.place(lamp, "ann", "app", &[("north", 1)], OPENS_AT + 3_600);
    let mut facts = post_mortem_of(&log, 1_000, None);
    for (opens_at, after) in [(0, "3.6 s"), (250, "3.3 s"), (999, "2.6 s")] {
        facts.sale.opens_at = UnixMs(OPENS_AT + opens_at);
        let gone = format!("All 1 units were gone {after} after the opening.");
        assert!(said(&facts).contains(&gone), "{:?}", said(&facts));
    }
}

#[test]
fn a_sale_that_sold_out_twice_says_when_for_the_first_time() {
    let mut log = two_lamps();
    log.place(sale_id().item_id("lamp"), "cat", "app", &[("north", 1)], OPENS_AT + 70_200);
    let mut facts = post_mortem_of(&log, 1_000, None);
    facts.sale.opens_at = UnixMs(OPENS_AT + 250);
    let gone = "Everything was gone for the first time within 3.7 s of the opening, and for good \
                after 1 min 9 s, with 2 units allocated by then.";
    assert!(said(&facts).contains(&gone.to_owned()), "{:?}", said(&facts));
}

#[test]
fn a_sale_that_sold_out_and_got_units_back_was_sold_out() {
    let page = markdown(&post_mortem_of(&two_lamps(), 1_000, None));
    let tile = page.lines().find(|line| line.starts_with("- Sold out")).unwrap();
    assert!(tile.ends_with("**4 s** (2026-11-11 00:00:03; units came back)"), "{tile}");
    let page = markdown(&post_mortem_of(&lamps(2).0, 1_000, None));
    let tile = page.lines().find(|line| line.starts_with("- Sold out")).unwrap();
    assert!(tile.ends_with("**not sold out**"), "{tile}");
}

#[test]
fn buyers_who_are_no_visitors_are_not_visitors_who_bought() {
    let mut log = faithful_visitor(1);
    let lamp = sale_id().item_id("lamp");
    log.add_item(sale_id(), lamp, "lamp");
    log.allocate(lamp, "north", 100);
    for buyer in 1..=5 {
        let at = OPENS_AT + buyer * 1_000;
        let order = log.place(lamp, &format!("buyer-{buyer}"), "", &[("north", 1)], at);
        log.pay(&order, "paid", at + 500);
    }
    let facts = post_mortem_of(&log, 1_000, None);
    let bought = "1 of 1 visitors bought: 100.0\u{202f}%.".to_owned();
    assert!(said(&facts).contains(&bought), "{:?}", said(&facts));
}

#[test]
fn money_due_back_is_on_the_page_whatever_else_mattered() {
    let (mut log, lamp) = lamps(2);
    let late = log.place(lamp, "ann", "app", &[("north", 1)], OPENS_AT + 3_000);
    log.expire(&late, OPENS_AT + 63_000);
    log.refund(&late, OPENS_AT + 64_000);
    let page = markdown(&post_mortem_of(&log, 1_000, None));
    let tile = page.lines().find(|line| line.starts_with("- Refunds due")).unwrap();
    let note = "(open: 1; due in all 5.00 EUR, settled 0.00 EUR)";
    assert!(tile.ends_with(&format!("**5.00 EUR** {note}")), "{tile}");
}

#[test]
fn revenue_is_net_of_what_came_back_with_the_gross_beside_it() {
    let (mut log, lamp) = lamps(4);
    let kept = log.place(lamp, "ann", "app", &[("north", 1)], OPENS_AT + 3_000);
    let back = log.place(lamp, "bob", "app", &[("north", 2)], OPENS_AT + 3_000);
    log.pay(&kept, "kept", OPENS_AT + 4_000);
    log.pay(&back, "back", OPENS_AT + 4_000);
    let plain = markdown(&post_mortem_of(&log, 1_000, None));
    assert!(plain.contains("**15.00 EUR** (Sold 3)"), "nothing came back yet: {plain}");
    for kind in ["OrderRefunded", "RefundSettled"] {
        let event = order_events(kind);
        log.push(StreamName::item(lamp), ItemEvent::Order(back.event(event)));
    }
    let facts = post_mortem_of(&log, 1_000, None);
    let page = markdown(&facts);
    let tile = page.lines().find(|line| line.starts_with("- Revenue")).unwrap();
    assert!(tile.ends_with("**5.00 EUR** (Sold 1; gross 15.00 EUR, refunded 10.00 EUR)"), "{tile}");
    let tile = page.lines().find(|line| line.starts_with("- Refunds due")).unwrap();
    let note = "(open: 0; due in all 10.00 EUR, settled 10.00 EUR)";
    assert!(tile.ends_with(&format!("**0.00 EUR** {note}")), "{tile}");
    assert!(page.contains("| 5.00 EUR | 15.00 EUR |"), "the item has both, too: {page}");
}

/// The sample of an event of an order.
fn order_events(kind: &str) -> OrderEvent {
    let found = samples().into_iter().find_map(|event| match event {
        Event::Item(ItemEvent::Order(event)) if event.kind() == kind => Some(event),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no sample of {kind}"))
}

#[test]
fn where_nobody_paid_there_is_no_time_to_pay() {
    let (mut log, lamp) = lamps(2);
    log.place(lamp, "ann", "app", &[("north", 1)], OPENS_AT + 3_000);
    let page = markdown(&post_mortem_of(&log, 1_000, None));
    let tile = page.lines().find(|line| line.starts_with("- Time to pay")).unwrap();
    assert!(tile.ends_with("**–**"), "{tile}");
}

#[test]
fn a_chart_has_as_many_steps_as_is_promised_at_most() {
    let facts = post_mortem_of(&faithful_visitor(481), 1_000, None);
    assert!(facts.minutes.filled().len() <= 480);
    let facts = post_mortem_of(&faithful_visitor(25), 1_000, None);
    assert!(facts.minutes.coarser(24).filled().len() <= 24);
}

#[test]
fn what_is_said_above_the_traffic_is_true_of_a_long_sale_too() {
    let page = markdown(&post_mortem_of(&faithful_visitor(40), 1_000, None));
    assert!(page.contains("Page views and distinct visitors in each step;"));
    let page = markdown(&post_mortem_of(&faithful_visitor(600), 1_000, None));
    assert!(page.contains("Page views in each step."), "no visitors are drawn");
    assert!(!page.contains("distinct visitors in each step"));
}

#[test]
fn a_chinese_page_counts_items_and_problems_in_their_own_words_and_names_values() {
    let chinese = |facts: &PostMortem| {
        let files =
            files(facts, Style { lang: Lang::Chinese, clock: Clock::UTC }, CsvManner::default());
        text(&files, "post-mortem.md").to_owned()
    };
    let problems = vec!["one".to_owned()];
    let proof = Some(ProofFacts { problems, more_problems: 7, ..ProofFacts::default() });
    let page = chinese(&post_mortem_of(&wide_sale(53), 1_000, proof));
    assert!(page.contains("合计 (另有 3 种商品未列出)"));
    assert!(page.contains("| 另有 7 个 |"));
    let page = chinese(&post_mortem_of(&full_sale(), 1_000, None));
    for said in ["| 性别 | 女 |", "| 男 |", "| 年龄段 | 18-24岁 |", "最长："] {
        assert!(page.contains(said), "it does not say: {said}");
    }
}

#[test]
fn figures_that_are_cut_say_so() {
    let cut = [
        "Of the items that sold out, only 20 are told here.",
        "Of each attribute, the 8 values with most shoppers are shown.",
        "Only the 20 channels with most orders are shown; the last row is over all.",
        "The paths of 3 shoppers are not told apart here",
        "Only the first 0 other sales are shown.",
    ];
    let mut facts = post_mortem_of(&full_sale(), 1_000, None);
    let page = markdown(&facts);
    assert!(cut.iter().all(|said| !page.contains(said)), "nothing is cut");
    let sold_out = |number: u128| SoldOut {
        item_id: sale_id().item_id(&format!("lamp-{number}")),
        sku: format!("lamp-{number}"),
        from: UnixMs(OPENS_AT),
        until: None,
    };
    facts.sold_outs = (0..21).map(sold_out).collect();
    let value = facts.portrait.rows[0].clone();
    facts.portrait.rows.extend(std::iter::repeat_n(value, 9));
    let channel = facts.attribution.rows[1].clone();
    facts.attribution.rows = vec![channel; 21];
    facts.paths.shoppers_left_out = 3;
    facts.retention.next_page_token = "more".to_owned();
    let page = markdown(&facts);
    for said in cut {
        assert!(page.contains(said), "it does not say: {said}");
    }
}

#[test]
fn pauses_of_a_sale_with_very_many_acts_are_at_least_those_that_are_known() {
    let (mut log, lamp) = lamps(2);
    pause(&mut log, lamp, "price", OPENS_AT + 1_000);
    demand(&mut log, lamp, 2, &[("ann", AttemptOutcome::Paused)]);
    let mut facts = post_mortem_of(&log, 1_000, None);
    assert!(markdown(&facts).contains("pauses: 1."));
    facts.acts_left_out = true;
    assert!(markdown(&facts).contains("pauses: ≥ 1."));
}

#[test]
fn a_timeline_tells_plans_from_acts() {
    let facts = post_mortem_of(&empty_sale(), 1_000, None);
    let page = markdown(&facts);
    assert!(page.contains("No operator acted after the sale was put up."));
    assert!(page.contains("| Planned opening |") && page.contains("| Planned end |"));
    assert!(page.contains("## What mattered\n"), "there are not three things");
    let mut log = empty_sale();
    let lamp = sale_id().item_id("lamp");
    log.add_item(sale_id(), lamp, "lamp");
    pause(&mut log, lamp, "price", OPENS_AT);
    assert!(!markdown(&post_mortem_of(&log, 1_000, None)).contains("No operator acted"));
    let page = markdown(&post_mortem_of(&full_sale(), 1_000, None));
    assert!(page.contains("## The three things that mattered\n"));
}

#[test]
fn markdown_has_no_link_that_nobody_asked_for() {
    let mut facts = post_mortem_of(&empty_sale(), 1_000, None);
    for (name, written) in [
        ("HTTPS://evil.example", "HTTPS&#58;//evil.example"),
        ("ftp://evil.example", "ftp&#58;//evil.example"),
        ("www.evil.example", "www&#46;evil.example"),
        ("WWW.evil.example", "WWW&#46;evil.example"),
        ("a@b.example", "a&#64;&#8288;b.example"),
        ("at 10:30, w.w.", "at 10:30, w.w."),
    ] {
        facts.sale.name = name.to_owned();
        assert!(markdown(&facts).starts_with(&format!("# Post-mortem · {written}\n")), "{name}");
    }
}

#[test]
fn formulas_in_full_width_are_none_in_a_spreadsheet() {
    let (safe, raw) = (CsvManner::default(), CsvManner { raw: true, bom: false });
    for formula in ["＝1+1", "＋1", "－1", "＠sum", "=1+1", "+8613800000000", "\t=1", "\n=1"] {
        assert_eq!(safe.text(formula), format!("'{formula}"));
        assert_eq!(raw.text(formula), formula);
    }
    for plain in ["-1.5", "浙江＝", "lamp"] {
        assert_eq!(safe.text(plain), plain);
    }
}
