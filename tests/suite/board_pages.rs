//! Goal: the board says what a pulse says, in both languages, and nothing that was written into a
//! name can do anything in it.
//!
//! Method: hand-made pulses, written down by the pages as pure functions.

mod coupons;
mod dues;
mod nodes;
mod story;

use std::collections::HashMap;

use doorbuster::{
    events::{Goals, PlannedUnits, Position},
    pages::{
        Lang,
        board::{self, Drawing, ITEMS_ON_PAGE, ItemsAsked, SaleState, Say},
    },
    reports::{
        Happening, LatencySecond, NodePulse, Pulse, PulseChannel, PulseItem, PulseProposal,
        PulseSale, PulseSecond, PulseTotals, Refused, SaleDues, Units, planned_units,
    },
    values::{Currency, ItemId, SaleId, ServiceLevel, UnixMs},
};
use uuid::Uuid;

const OPENS: i64 = 1_800_000_000;
const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "\u{202e}txt.exe",
    "🎧' onclick='x",
];

fn units(allocated: i64, available: i64, sold: i64) -> Units {
    Units { allocated, available, held: allocated - available - sold, sold, reserve: 0 }
}

fn item(number: i64, title: &str, units: Units) -> PulseItem {
    PulseItem {
        item_id: ItemId(Uuid::from_u128(number.unsigned_abs().into())),
        sku: format!("SKU-{number:05}"),
        title: title.to_owned(),
        unit_price_minor: 1_000 + number,
        step_left_units: None,
        limit_per_buyer: Some(1),
        limit_per_order: None,
        paused: false,
        closed: false,
        units,
        orders_placed: 0,
        orders_paid: 0,
        orders_expired: 0,
        revenue_minor: 0,
        units_in_ten_seconds: 0,
    }
}

/// A sale that has been open for a minute and sells two units a second.
fn pulse() -> Pulse {
    let second = |after: i64| PulseSecond {
        second: OPENS + after,
        attempts: 5,
        orders_placed: 2,
        units_placed: 2,
        orders_paid: 1,
        refused: Refused { paused: 3, ..Refused::default() },
        available_units: 1_000 - 2 * (after + 1),
        ..PulseSecond::default()
    };
    Pulse {
        sale: PulseSale {
            sale_id: SaleId(Uuid::from_u128(7)),
            name: "Doorbusters".to_owned(),
            currency: Currency::parse("currency", "CNY").unwrap(),
            opens_at: UnixMs(OPENS * 1_000),
            closes_at: UnixMs((OPENS + 3_600) * 1_000),
            closed_at: None,
            paused: false,
            goals: None,
            curve: Vec::new(),
        },
        at: UnixMs((OPENS + 60) * 1_000),
        position: Position(99),
        lag_ms: 0,
        totals: PulseTotals {
            units: units(1_000, 880, 60),
            attempts: 300,
            participants: 150,
            orders_placed: 120,
            orders_paid: 60,
            revenue_minor: 600_000,
            refused: Refused { paused: 180, ..Refused::default() },
            ..PulseTotals::default()
        },
        recent: (0..60).map(second).collect(),
        whole: (0..60).map(second).collect(),
        bin_seconds: 1,
        items: vec![item(1, "Phone", units(1_000, 880, 60))],
        channels: vec![PulseChannel { channel: "app".to_owned(), attempts: 9, orders_placed: 4 }],
        dues: SaleDues::default(),
        coupons: Vec::new(),
        limit: None,
        happenings: Vec::new(),
        proposals: Vec::new(),
    }
}

/// Half took so long, and 99 of 100 twice as long.
fn took(after: i64, p50_us: Option<i64>) -> LatencySecond {
    LatencySecond { second: OPENS + after, p50_us, p99_us: p50_us.map(|us| 2 * us) }
}

fn node() -> NodePulse {
    NodePulse {
        moved_ms: 0,
        clock_off_ms: 0,
        at: UnixMs((OPENS + 60) * 1_000),
        level: ServiceLevel::Full,
        ready: true,
        store_away_since: None,
        head: Position(99),
        projections: Vec::new(),
        append_p99_us: Some(1_200),
        order_p50_us: Some(800),
        order_p99_us: None,
        latency: vec![
            took(0, Some(800)),
            took(1, Some(1_250)),
            took(2, None),
            took(3, Some(20_000)),
        ],
        commands_waiting: 0,
        mailbox_ppm: 0,
        alerts_firing: 0,
        alerts: Vec::new(),
        oldest_due: None,
        incidents_open: 0,
        incidents: Vec::new(),
        nodes: None,
        owner_changes: HashMap::new(),
    }
}

fn proposal(number: u128, step: u8) -> PulseProposal {
    PulseProposal {
        item_id: ItemId(Uuid::from_u128(number)),
        sku: format!("SKU-{number}"),
        title: "Phone <b>".to_owned(),
        step,
        warehouse: "beijing \"1\"".to_owned(),
        units: 1_200,
        below_units: 50,
        since: UnixMs((OPENS + 12) * 1_000),
    }
}

#[test]
fn what_a_reserve_plan_proposes_has_a_panel_with_the_release_filled_in() {
    let mut asked = pulse();
    for lang in Lang::ALL {
        assert_eq!(panel(&asked, "proposals", lang), "", "nothing is proposed");
    }
    asked.proposals = vec![proposal(1, 0), proposal(1, 4)];
    let (english, chinese) =
        (panel(&asked, "proposals", Lang::English), panel(&asked, "proposals", Lang::Chinese));
    for says in [
        "Proposed by the reserve plan",
        "<b>Phone &lt;b&gt;</b>",
        "SKU-1",
        "release 1,200 in beijing &quot;1&quot;",
        "step 5: fewer than 50 were available",
        "since ",
        "data-act=\"release\"",
        "data-warehouse=\"beijing &quot;1&quot;\"",
        "data-units=\"1200\"",
        "data-reason=\"proposed by step 5 of the reserve plan\"",
    ] {
        assert!(english.contains(says), "{says} is not in {english}");
    }
    for says in ["备货计划建议释放", "第 5 档：可售不足 50 件", "data-units=\"1200\""]
    {
        assert!(chinese.contains(says), "{says} is not in {chinese}");
    }
    let keys = english.split("data-key=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let keys: std::collections::HashSet<_> = keys.collect();
    assert_eq!(keys.len(), 2, "each button has a key of its own");

    asked.proposals = (0..53).map(|step| proposal(1, step)).collect();
    let many = panel(&asked, "proposals", Lang::English);
    assert_eq!((many.matches("data-act").count(), many.contains("and 3 more")), (50, true));
    asked.items[0].closed = true;
    assert_eq!(panel(&asked, "proposals", Lang::English), "", "a closed item releases nothing");
    asked.items[0].closed = false;
    asked.sale.closed_at = Some(asked.at);
    assert_eq!(panel(&asked, "proposals", Lang::English), "", "nor does a closed sale");
}

fn panel(pulse: &Pulse, id: &str, lang: Lang) -> String {
    let panels = board::live_panels(pulse, &node(), lang);
    panels.into_iter().find(|(known, _)| *known == id).unwrap().1
}

#[test]
fn a_live_page_has_a_place_for_every_panel() {
    let pulse = pulse();
    for lang in Lang::ALL {
        let page = board::live_page(&pulse, Some(&node()), lang, ("/board.js", "/board.css"));
        for (id, html) in board::live_panels(&pulse, &node(), lang) {
            assert!(page.contains(&format!("id=\"{id}\"")), "{id} has no place");
            assert!(page.contains(&html), "{id} is not filled");
        }
    }
}

#[test]
fn names_from_outside_never_become_markup() {
    let mut pulse = pulse();
    for (number, name) in (1_i64..).zip(HOSTILE) {
        let mut hostile = item(number, name, units(10, 5, 5));
        hostile.sku = name.to_owned();
        pulse.items.push(hostile);
        pulse.sale.name = format!("{}{name}", pulse.sale.name);
        pulse.channels.push(PulseChannel {
            channel: name.to_owned(),
            attempts: 1,
            orders_placed: 1,
        });
        pulse.happenings.push(Happening {
            at: pulse.at,
            kind: name.to_owned(),
            subject: name.to_owned(),
            operator: name.to_owned(),
            reason: name.to_owned(),
        });
    }
    for lang in Lang::ALL {
        let page = board::live_page(&pulse, Some(&node()), lang, ("/board.js", "/board.css"));
        for markup in ["<script>", "<img", "onclick='", "\u{202e}"] {
            assert!(!page.contains(markup), "{markup} stands in the page");
        }
    }
}

#[test]
fn nothing_is_written_into_the_page_that_its_policy_forbids() {
    let page =
        board::live_page(&pulse(), Some(&node()), Lang::English, ("/board.js", "/board.css"));
    for forbidden in [" style=", "<style", " onclick=", "javascript:", "http://", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden} stands in the page");
    }
}

#[test]
fn a_sale_is_in_one_state() {
    let sold_out = |pulse: &mut Pulse| pulse.totals.units = units(1_000, 0, 900);
    type Case = (&'static str, fn(&mut Pulse), SaleState);
    let cases: [Case; 5] = [
        ("open", |_| {}, SaleState::Open),
        ("paused", |pulse| pulse.sale.paused = true, SaleState::Paused),
        ("not open", |pulse| pulse.at = UnixMs((OPENS - 1) * 1_000), SaleState::NotOpen),
        ("sold out", sold_out, SaleState::SoldOut),
        ("closed", |pulse| pulse.sale.closed_at = Some(pulse.at), SaleState::Closed),
    ];
    for (name, change, expected) in cases {
        let mut pulse = pulse();
        change(&mut pulse);
        assert_eq!(SaleState::of(&pulse), expected, "{name}");
    }
}

#[test]
fn a_sale_is_projected_to_sell_out_at_the_pace_of_its_last_seconds() {
    let say = Say { lang: Lang::English };
    let mut pulse = pulse();
    let told = board::forecast(&pulse, say);
    assert!(told.contains("2.0 units a second") && told.contains("7 min 20 s"), "{told}");
    pulse.sale.closes_at = UnixMs((OPENS + 160) * 1_000);
    let told = board::forecast(&pulse, say);
    assert!(told.contains("680 units are left"), "{told}");
    pulse.totals.units = units(1_000, 0, 900);
    assert_eq!(board::forecast(&pulse, say), "Sold out.");
}

#[test]
fn between_two_points_of_the_plan_lies_as_much_as_between_them() {
    let curve = [(10_000, 100), (20_000, 300)];
    let curve = curve.map(|(after_ms, units)| PlannedUnits { after_ms, units });
    for (after_ms, planned) in
        [(-1, 0), (0, 0), (5_000, 50), (10_000, 100), (15_000, 200), (99_000, 300)]
    {
        let (opens, closes) = (UnixMs(OPENS * 1_000), UnixMs((OPENS + 100) * 1_000));
        let found = planned_units(&curve, None, (opens, closes), opens.plus(after_ms));
        assert_eq!(found.unwrap_or(0), planned, "after {after_ms} ms");
    }
}

#[test]
fn a_tile_with_a_goal_says_how_much_of_it_is_reached() {
    let mut pulse = pulse();
    pulse.sale.goals = Some(Goals { units: Some(240), ..Goals::default() });
    let tiles = panel(&pulse, "tiles", Lang::English);
    assert!(tiles.contains("25.0\u{202f}% of 240"), "{tiles}");
    assert!(!tiles.contains("wrong"));
    pulse.totals.oversold_units = 1;
    assert!(
        panel(&pulse, "tiles", Lang::English).contains("data-tile=\"oversold\" class=\"wrong\"")
    );
}

#[test]
fn ten_thousand_items_are_searched_sorted_and_paged() {
    let mut pulse = pulse();
    pulse.items =
        (0..10_000).map(|n| item(n, &format!("Thing {n}"), units(10_000, n, 0))).collect();
    let rows = |asked: ItemsAsked| {
        let html = board::items(&pulse, &asked, Lang::English);
        let found: Vec<String> = html
            .split("class=\"title\">")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect();
        (found, html)
    };
    let (first, html) = rows(ItemsAsked::default());
    assert_eq!((first.len(), first[0].as_str()), (ITEMS_ON_PAGE, "Thing 0"));
    assert!(html.contains("1–50 of 10,000"));
    let (most, _) = rows(ItemsAsked { sort: "-available".to_owned(), ..ItemsAsked::default() });
    assert_eq!(most[0], "Thing 9999");
    let (last, html) = rows(ItemsAsked { page: usize::MAX, ..ItemsAsked::default() });
    assert_eq!(last.last().unwrap(), "Thing 9999");
    assert!(html.contains("disabled>Next"));
    let (found, _) = rows(ItemsAsked { search: " tHING 777 ".to_owned(), ..ItemsAsked::default() });
    assert_eq!(found[0], "Thing 777");
    let (none, _) = rows(ItemsAsked { search: "no such".to_owned(), ..ItemsAsked::default() });
    assert!(none.is_empty());
}

#[test]
fn every_chart_is_drawn_and_has_rows_behind_it() {
    let mut pulse = pulse();
    pulse.sale.curve = vec![PlannedUnits { after_ms: 3_600_000, units: 1_000 }];
    for lang in Lang::ALL {
        for drawing in Drawing::ALL {
            let drawn = panel(&pulse, drawing.name(), lang);
            assert!(
                drawn.contains("<path class=\"line") || drawn.contains("class=\"bar\""),
                "{drawn}"
            );
            let rows = board::rows(drawing, &pulse, Some(&node()), lang);
            assert!(rows.matches("<tr>").count() > 3, "{rows}");
        }
    }
}

#[test]
fn a_second_without_orders_is_a_gap_in_the_chart_of_latency_and_never_a_zero() {
    let drawn = panel(&pulse(), "latency", Lang::English);
    let lines: Vec<_> = drawn.split("<path class=\"line one\"").skip(1).collect();
    assert_eq!(lines.len(), 2, "the line of the median ends and begins anew: {drawn}");
    let rows = board::rows(Drawing::Latency, &pulse(), Some(&node()), Lang::English);
    assert!(rows.contains("<td class=\"n\">–</td><td class=\"n\">–</td>"), "{rows}");
    assert!(rows.contains("1.2 ms") && !rows.contains("0.0 ms"), "{rows}");
}

#[test]
fn the_chart_of_latency_reads_in_milliseconds_and_says_so() {
    let drawn = panel(&pulse(), "latency", Lang::English);
    for read in [">20</text>", ">40</text>"] {
        assert!(drawn.contains(read), "{drawn}");
    }
    for (lang, title) in [(Lang::English, "take, ms"), (Lang::Chinese, "耗时，毫秒")] {
        let page = board::live_page(&pulse(), Some(&node()), lang, ("/board.js", "/board.css"));
        assert!(page.contains(title), "{title}");
    }
}

#[test]
fn where_nobody_ordered_for_two_minutes_the_chart_of_latency_says_so() {
    let mut quiet = node();
    quiet.latency = (0..120).map(|after| took(after, None)).collect();
    let panels = board::live_panels(&pulse(), &quiet, Lang::English);
    let (_, drawn) = panels.iter().find(|(id, _)| *id == "latency").unwrap();
    assert!(drawn.contains("No attempts on this node") && !drawn.contains("<svg"), "{drawn}");
}

#[test]
fn charts_of_the_last_seconds_begin_where_something_happened_and_show_half_a_minute_at_least() {
    let idle = |after: i64| PulseSecond { second: OPENS + after, ..PulseSecond::default() };
    for (busy, shown) in [(20, 30), (80, 81)] {
        let (mut pulse, mut node) = (pulse(), node());
        let begun = pulse.recent[0];
        let second = |after: i64| match after < 120 - busy {
            true => idle(after),
            false => PulseSecond { second: OPENS + after, ..begun },
        };
        pulse.recent = (0..120).map(second).collect();
        node.latency =
            (0..120).map(|after| took(after, (after >= 120 - busy).then_some(900))).collect();
        let mut cut = pulse.clone();
        let mut cut_node = node.clone();
        cut.recent.drain(..120 - shown);
        cut_node.latency.drain(..120 - shown);
        for drawing in [Drawing::Rate, Drawing::Refusals, Drawing::Latency] {
            let name = drawing.name();
            let drawn = |pulse: &Pulse, node: &NodePulse| {
                let panels = board::live_panels(pulse, node, Lang::English);
                panels.into_iter().find(|(id, _)| *id == name).unwrap().1
            };
            assert_eq!(drawn(&pulse, &node), drawn(&cut, &cut_node), "{name}, {busy} busy seconds");
            let mut less = (cut.clone(), cut_node.clone());
            less.0.recent.remove(0);
            less.1.latency.remove(0);
            assert_ne!(drawn(&cut, &cut_node), drawn(&less.0, &less.1), "{name} shows them all");
        }
        // The rows behind them keep them all.
        let rows = board::rows(Drawing::Rate, &pulse, Some(&node), Lang::English);
        assert_eq!(rows.matches("<tr>").count(), 121);
    }
}

#[test]
fn a_frame_stays_small_however_many_items_a_sale_has() {
    let mut pulse = pulse();
    let dance = |n: i64| PulseSecond {
        second: OPENS + n,
        attempts: (n * 7_919) % 10_007,
        orders_placed: (n * 104_729) % 9_973,
        orders_paid: (n * 1_299_709) % 9_967,
        available_units: 1_000_000 - n * 3_571,
        refused: Refused { sold_out: (n * 31) % 997, paused: (n * 37) % 991, ..Refused::default() },
        ..PulseSecond::default()
    };
    pulse.recent = (0..120).map(dance).collect();
    pulse.whole = (0..240).map(dance).collect();
    pulse.totals.refused = Refused { sold_out: 9, paused: 9, ..Refused::default() };
    pulse.items =
        (0..10_000).map(|n| item(n, &format!("Thing {n}"), units(10_000, n, 0))).collect();
    let mut node = node();
    node.latency = (0..120).map(|n| took(n, Some((n * 7_919) % 1_000_003))).collect();
    let bytes: usize =
        board::live_panels(&pulse, &node, Lang::Chinese).iter().map(|(_, html)| html.len()).sum();
    assert!(bytes < 100_000, "a frame has {bytes} bytes");
}
