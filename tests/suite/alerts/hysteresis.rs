//! Figures that go up and down, second by second, and what one rule says of them.
//!
//! A line is a figure for each second: `-` is no value. Below it stands what is said in that second:
//! `R` raised, `C` cleared, `.` nothing.

use doorbuster::{
    domain::alert::{Change, Figure, Judge, Readings, Rule, RuleSource, Scope, check},
    events::AlertRule,
    values::{AlertSeverity, UnixMs},
};

/// Fires at 10 and more after 3 seconds; over at less than 5 after 2 seconds.
fn rule() -> Rule {
    let rule = AlertRule {
        name: "many_orders".to_owned(),
        when: "orders_placed >= 10".to_owned(),
        for_ms: 3_000,
        clear_when: Some("orders_placed < 5".to_owned()),
        clear_for_ms: 2_000,
        severity: AlertSeverity::Warning,
        each_item: false,
        opens_incident: false,
        sets_level: None,
        off: false,
    };
    check(&rule, Scope::Sale, RuleSource::Sale).unwrap()
}

fn readings(word: &str) -> Readings {
    match word {
        "-" => Readings::default(),
        number => Readings::default().with(Figure::OrdersPlaced, number.parse().unwrap()),
    }
}

fn said(rule: &Rule, figures: &str) -> String {
    let mut judge = Judge::default();
    let mut second = 0;
    let each = figures.split_whitespace().map(|word| {
        second += 1;
        match judge.look(rule, &readings(word), UnixMs(second * 1000)) {
            None => '.',
            Some(Change::Raise { .. }) => 'R',
            Some(Change::Clear) => 'C',
        }
    });
    each.collect()
}

#[test]
fn a_rule_fires_once_its_condition_has_held_for_long_enough_and_clears_likewise() {
    for (figures, expected) in [
        ("9 10 11 12 13 14", "....R."),
        // A gap starts the time over.
        ("10 10 10 9 10 10 10 10", ".......R"),
        ("10 10 10 10 4 4 4 4", "...R..C."),
        // Between the two thresholds it stays as it is.
        ("10 10 10 10 7 7 7 7 7", "...R....."),
        ("10 10 10 10 4 4 7 4 4 4", "...R.....C"),
        // It can fire again.
        ("10 10 10 10 4 4 4 10 10 10 10", "...R..C...R"),
    ] {
        assert_eq!(said(&rule(), figures), expected, "{figures}");
    }
}

#[test]
fn a_figure_that_flaps_makes_one_alert() {
    let flapping = "10 3 10 3 10 10 10 10 4 10 4 10 4 10 4 10 4 10 4 4 4";
    assert_eq!(said(&rule(), flapping), ".......R............C");
}

#[test]
fn where_nobody_knows_the_figure_nothing_is_raised_and_nothing_cleared() {
    assert_eq!(said(&rule(), "10 10 - 10 10 10 10"), "......R");
    assert_eq!(said(&rule(), "10 10 10 10 - - - - 4 4 4"), "...R......C");
    let mut judge = Judge::default();
    judge.look(&rule(), &Readings::default(), UnixMs(0));
    assert!(judge.is_unknown() && !judge.is_firing());
    judge.look(&rule(), &readings("1"), UnixMs(1));
    assert!(!judge.is_unknown());
}

#[test]
fn an_alert_says_since_when_its_condition_holds() {
    let mut judge = Judge::default();
    for ms in [1_000, 2_000, 3_000] {
        assert_eq!(judge.look(&rule(), &readings("10"), UnixMs(ms)), None);
    }
    let raised = judge.look(&rule(), &readings("10"), UnixMs(4_200));
    assert_eq!(raised, Some(Change::Raise { since: UnixMs(1_000) }));
}

#[test]
fn without_another_condition_a_rule_is_over_when_its_own_does_not_hold() {
    let mut rule = rule();
    rule.clear_when = None;
    rule.for_ms = 0;
    rule.clear_for_ms = 0;
    assert_eq!(said(&rule, "9 10 10 9 10"), ".R.CR");
}

#[test]
fn whoever_starts_with_a_raised_alert_does_not_raise_it_again() {
    let mut judge = Judge::firing();
    assert_eq!(judge.look(&rule(), &readings("10"), UnixMs(0)), None);
    assert_eq!(judge.look(&rule(), &readings("4"), UnixMs(1_000)), None);
    assert_eq!(judge.look(&rule(), &readings("4"), UnixMs(3_000)), Some(Change::Clear));
}
