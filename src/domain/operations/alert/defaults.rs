//! The rules that come with doorbuster. Thresholds and their reasons are in `docs/alerts.md`.

use super::{
    figure::Scope,
    rule::{Rule, RuleSource, check},
};
use crate::{events::AlertRule, values::AlertSeverity};

/// What a rule of ours says; the rest is absent.
struct Given {
    name: &'static str,
    severity: AlertSeverity,
    each_item: bool,
    when: &'static str,
    for_seconds: i64,
    clear_when: &'static str,
    clear_for_seconds: i64,
}

use AlertSeverity::{Critical, Info, Warning};

#[rustfmt::skip]
const OF_SALE: [Given; 14] = [
    Given { name: "low_stock", severity: Warning, each_item: true,
        when: "available_units < 0.1 * allocated_units", for_seconds: 0,
        clear_when: "available_units >= 0.15 * allocated_units", clear_for_seconds: 10 },
    Given { name: "sold_out", severity: Info, each_item: true,
        when: "available_units == 0", for_seconds: 0,
        clear_when: "available_units > 0.01 * allocated_units", clear_for_seconds: 30 },
    Given { name: "off_plan", severity: Warning, each_item: false,
        when: "planned_units >= 10 and available_units > 0 and units_in_orders < 0.7 * planned_units", for_seconds: 30,
        clear_when: "available_units == 0 or units_in_orders >= 0.8 * planned_units", clear_for_seconds: 30 },
    Given { name: "conversion_drop", severity: Warning, each_item: false,
        when: "attempts_10s >= 100 and available_units > 0 and orders_placed_10s / attempts_10s < 0.5 * orders_placed / attempts", for_seconds: 15,
        clear_when: "available_units == 0 or attempts_10s < 20 or orders_placed_10s / attempts_10s >= 0.6 * orders_placed / attempts", clear_for_seconds: 15 },
    Given { name: "refusals_paused", severity: Warning, each_item: false,
        when: "refused_paused_10s >= 20 and refused_paused_10s > 0.2 * attempts_10s", for_seconds: 3,
        clear_when: "refused_paused_10s < 5 or refused_paused_10s < 0.05 * attempts_10s", clear_for_seconds: 10 },
    Given { name: "refusals_over_limits", severity: Warning, each_item: false,
        when: "refused_over_limits_10s >= 50 and refused_over_limits_10s > 0.2 * attempts_10s", for_seconds: 10,
        clear_when: "refused_over_limits_10s < 20 or refused_over_limits_10s < 0.1 * attempts_10s", clear_for_seconds: 10 },
    Given { name: "refusals_not_open_yet", severity: Warning, each_item: false,
        when: "seconds_since_open > 5 and refused_not_open_yet_10s >= 50 and refused_not_open_yet_10s > 0.2 * attempts_10s", for_seconds: 10,
        clear_when: "refused_not_open_yet_10s < 20 or refused_not_open_yet_10s < 0.1 * attempts_10s", clear_for_seconds: 10 },
    Given { name: "refusals_closed", severity: Warning, each_item: false,
        when: "seconds_to_close > 0 and refused_closed_10s >= 50 and refused_closed_10s > 0.2 * attempts_10s", for_seconds: 10,
        clear_when: "seconds_to_close <= 0 or refused_closed_10s < 20 or refused_closed_10s < 0.1 * attempts_10s", clear_for_seconds: 10 },
    Given { name: "refusals_not_enough_units", severity: Info, each_item: false,
        when: "refused_not_enough_units_10s >= 50 and refused_not_enough_units_10s > 0.2 * attempts_10s", for_seconds: 10,
        clear_when: "refused_not_enough_units_10s < 20 or refused_not_enough_units_10s < 0.1 * attempts_10s", clear_for_seconds: 10 },
    Given { name: "payments_late", severity: Warning, each_item: false,
        when: "held_orders >= 20 and orders_paid_10s * time_to_pay_seconds < 10 * held_orders", for_seconds: 30,
        clear_when: "held_orders < 10 or orders_paid_10s * time_to_pay_seconds >= 15 * held_orders", clear_for_seconds: 15 },
    Given { name: "payment_failures", severity: Critical, each_item: false,
        when: "refunds_due_60s >= 5 and refunds_due_60s > 0.02 * orders_paid_60s", for_seconds: 0,
        clear_when: "refunds_due_60s == 0 or refunds_due_60s < 0.01 * orders_paid_60s", clear_for_seconds: 30 },
    Given { name: "hold_expiry", severity: Warning, each_item: false,
        when: "orders_expired_60s >= 20 and orders_expired_60s > 0.25 * (orders_expired_60s + orders_paid_60s)", for_seconds: 10,
        clear_when: "orders_expired_60s < 5 or orders_expired_60s < 0.15 * (orders_expired_60s + orders_paid_60s)", clear_for_seconds: 30 },
    Given { name: "oversold", severity: Critical, each_item: false,
        when: "oversold_units > 0", for_seconds: 0,
        clear_when: "oversold_units == 0", clear_for_seconds: 60 },
    Given { name: "owner_changes", severity: Warning, each_item: true,
        when: "owner_changes_60s > 3", for_seconds: 0,
        clear_when: "owner_changes_60s <= 1", clear_for_seconds: 10 },
];

#[rustfmt::skip]
const OF_SERVICE: [Given; 7] = [
    Given { name: "projection_lag", severity: Warning, each_item: false,
        when: "projection_lag_ms > 5000", for_seconds: 5,
        clear_when: "projection_lag_ms < 2000", clear_for_seconds: 10 },
    Given { name: "append_latency", severity: Warning, each_item: false,
        when: "append_p99_ms > 250", for_seconds: 5,
        clear_when: "append_p99_ms < 100", clear_for_seconds: 10 },
    Given { name: "mailbox_saturation", severity: Critical, each_item: false,
        when: "mailbox_ppm > 800000", for_seconds: 2,
        clear_when: "mailbox_ppm < 500000", clear_for_seconds: 10 },
    Given { name: "store_unavailable", severity: Critical, each_item: false,
        when: "store_away_seconds >= 3", for_seconds: 0,
        clear_when: "store_away_seconds == 0", clear_for_seconds: 5 },
    Given { name: "clock_jump", severity: Critical, each_item: false,
        when: "clock_off_ms >= 1000", for_seconds: 0,
        clear_when: "clock_off_ms < 1000", clear_for_seconds: 5 },
    Given { name: "refunds_overdue", severity: Warning, each_item: false,
        when: "dues_age_seconds > 86400", for_seconds: 0,
        clear_when: "dues_age_seconds < 82800", clear_for_seconds: 60 },
    Given { name: "node_suspected", severity: Warning, each_item: false,
        when: "nodes_suspected > 0", for_seconds: 1,
        clear_when: "nodes_suspected == 0", clear_for_seconds: 10 },
];

/// The rules that every sale has, unless its own replace them.
pub fn of_sale() -> Vec<AlertRule> {
    OF_SALE.iter().map(Given::written).collect()
}

/// The rules of the service as a whole.
pub fn of_service() -> Vec<AlertRule> {
    OF_SERVICE.iter().map(Given::written).collect()
}

/// The rules in force for a sale with those rules of its own, in the order in which they are shown;
/// those of the service as a whole where there is no sale.
///
/// Rules that were good when the sale was created are taken as they are; one that no longer can be
/// read is left out, and its complaint handed back.
pub fn defaults(own: Option<&[AlertRule]>) -> (Vec<Rule>, Vec<String>) {
    let (written, own, usual) = match own {
        Some(own) => (of_sale(), own, Scope::Sale),
        None => (of_service(), &[][..], Scope::Service),
    };
    let replaced = |name: &str| own.iter().any(|rule| rule.name == name);
    let ours = written.iter().filter(|rule| !replaced(&rule.name));
    let ours = ours.map(|rule| (rule, RuleSource::Default));
    let theirs = own.iter().filter(|rule| !rule.off).map(|rule| (rule, RuleSource::Sale));
    let (mut rules, mut complaints) = (Vec::new(), Vec::new());
    for (rule, source) in ours.chain(theirs) {
        let scope = if rule.each_item { Scope::Item } else { usual };
        match check(rule, scope, source) {
            Ok(rule) => rules.push(rule),
            Err(invalid) => complaints.push(format!("rule {}: {invalid}", rule.name)),
        }
    }
    (rules, complaints)
}

impl Given {
    fn written(&self) -> AlertRule {
        AlertRule {
            name: self.name.to_owned(),
            when: self.when.to_owned(),
            for_ms: self.for_seconds * 1000,
            clear_when: Some(self.clear_when.to_owned()),
            clear_for_ms: self.clear_for_seconds * 1000,
            severity: self.severity,
            each_item: self.each_item,
            opens_incident: false,
            sets_level: None,
            off: false,
        }
    }
}
