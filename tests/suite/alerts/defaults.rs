//! Every rule that comes with doorbuster, by a line each: figures with which it fires, and figures
//! with which it is over. What a line does not name is as in a sale that goes well.

use std::collections::HashSet;

use doorbuster::{
    domain::alert::{Change, Figure, Judge, Readings, Rule, defaults, of_sale, of_service},
    values::UnixMs,
};

const TABLE: &str = "
low_stock              | available_units=9 | available_units=15
low_stock              | available_units=0 | available_units=15
sold_out               | available_units=0 | available_units=2
off_plan               | planned_units=100 units_in_orders=69 | planned_units=100 units_in_orders=80
off_plan               | planned_units=100 units_in_orders=69 | planned_units=100 units_in_orders=69 available_units=0
conversion_drop        | attempts_10s=100 orders_placed_10s=24 | attempts_10s=100 orders_placed_10s=30
conversion_drop        | attempts_10s=100 orders_placed_10s=24 | attempts_10s=19 orders_placed_10s=0
refusals_paused        | refused_paused_10s=21 | refused_paused_10s=4
refusals_over_limits   | refused_over_limits_10s=50 | refused_over_limits_10s=9
refusals_not_open_yet  | refused_not_open_yet_10s=50 | refused_not_open_yet_10s=0
refusals_closed        | refused_closed_10s=50 | seconds_to_close=0 refused_closed_10s=50
refusals_not_enough_units | refused_not_enough_units_10s=50 | refused_not_enough_units_10s=5
payments_late          | held_orders=100 orders_paid_10s=1 | held_orders=100 orders_paid_10s=2
payments_late          | held_orders=100 orders_paid_10s=1 | held_orders=9 orders_paid_10s=0
payment_failures       | refunds_due_60s=5 | refunds_due_60s=0
hold_expiry            | orders_expired_60s=40 | orders_expired_60s=4
oversold               | oversold_units=1 | oversold_units=0
projection_lag         | projection_lag_ms=5001 | projection_lag_ms=1999
append_latency         | append_p99_ms=251 | append_p99_ms=99
mailbox_saturation     | mailbox_ppm=800001 | mailbox_ppm=499999
store_unavailable      | store_away_seconds=3 | store_away_seconds=0
clock_jump             | clock_off_ms=1000 | clock_off_ms=999
refunds_overdue        | dues_age_seconds=86401 | dues_age_seconds=82799
owner_changes          | owner_changes_60s=4 | owner_changes_60s=1
node_suspected         | nodes_suspected=1 | nodes_suspected=0
";

/// A sale that goes well: half sold, a hundred attempts in ten seconds, of which half are orders.
const WELL: &str = "allocated_units=100 available_units=50 units_in_orders=50 planned_units=50
    attempts=1000 orders_placed=500 attempts_10s=100 orders_placed_10s=50 orders_paid_10s=45
    refused_paused_10s=0 refused_over_limits_10s=0 refused_not_open_yet_10s=0 refused_closed_10s=0
    refused_not_enough_units_10s=0 seconds_since_open=60 seconds_to_close=600 held_orders=50
    time_to_pay_seconds=900 refunds_due_60s=0 orders_paid_60s=100 orders_expired_60s=0
    oversold_units=0 projection_lag_ms=20 append_p99_ms=3 mailbox_ppm=1000 store_away_seconds=0
    commands_waiting=10 clock_off_ms=40 dues_age_seconds=3600 owner_changes_60s=3 nodes_suspected=0";

fn readings(line: &str) -> Readings {
    let mut readings = Readings::default();
    for word in WELL.split_whitespace().chain(line.split_whitespace()) {
        let (name, value) = word.split_once('=').unwrap();
        let figure = Figure::named(name).unwrap_or_else(|| panic!("no figure {name}"));
        readings.set(figure, value.parse().unwrap());
    }
    readings
}

fn rules() -> Vec<Rule> {
    let (sale, complaints) = defaults(Some(&[]));
    assert!(complaints.is_empty(), "{complaints:?}");
    let (service, complaints) = defaults(None);
    assert!(complaints.is_empty(), "{complaints:?}");
    sale.into_iter().chain(service).collect()
}

/// The same figures for so long, asked once a second: what was said, and after how many seconds.
fn hold(judge: &mut Judge, rule: &Rule, readings: &Readings, from: i64) -> Option<(Change, i64)> {
    (0..=120).find_map(|second| {
        let change = judge.look(rule, readings, UnixMs((from + second) * 1000))?;
        Some((change, second))
    })
}

#[test]
fn each_fires_and_clears_by_its_figures_and_no_sooner() {
    let rules = rules();
    let mut seen = HashSet::new();
    for line in TABLE.trim().lines() {
        let [name, fires, clears] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let rule = rules.iter().find(|rule| rule.name == name).expect(name);
        let mut judge = Judge::default();
        let raised = hold(&mut judge, rule, &readings(fires), 1_000);
        assert!(matches!(raised, Some((Change::Raise { .. }, _))), "{line}: {raised:?}");
        assert_eq!(raised.map(|(_, after)| after * 1000), Some(rule.for_ms), "{line}");
        let cleared = hold(&mut judge, rule, &readings(clears), 2_000);
        assert_eq!(cleared, Some((Change::Clear, rule.clear_for_ms / 1000)), "{line}");
        seen.insert(name.to_owned());
    }
    let all: HashSet<String> = rules.into_iter().map(|rule| rule.name).collect();
    assert_eq!(seen, all);
}

#[test]
fn none_fires_while_a_sale_goes_well() {
    for rule in rules() {
        let said = hold(&mut Judge::default(), &rule, &readings(""), 0);
        assert_eq!(said, None, "{}", rule.name);
    }
}

#[test]
fn each_has_its_row_in_the_guide() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md"));
    let page = page.unwrap();
    for rule in of_sale().into_iter().chain(of_service()) {
        let row = format!(
            "| `{}` | {} | `{}` | {} s |",
            rule.name,
            rule.severity,
            rule.when,
            rule.for_ms / 1000
        );
        assert!(page.contains(&row), "docs/alerts.md lacks: {row}");
    }
}
