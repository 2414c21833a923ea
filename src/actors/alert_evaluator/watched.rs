//! One book of alerts as the alert_evaluator watches it: a sale, or the service as a whole. Pure: pulses go
//! in, commands to the book come out.

use std::collections::HashMap;

use super::readings;
use crate::{
    domain::alert::{
        AlertCommand, Change, ClearAlert, Judge, RaiseAlert, Readings, Rule, defaults,
    },
    events::{AlertRaised, ClearedBecause, SaleCreated},
    metrics::{Label, Severity},
    projections::{catalog, sales, stock, timeline},
    reports::{NodePulse, Pulse, PulseItem},
    values::{AlertSeverity, ItemId, UnixMs},
};

/// Read models that the figures of sales and items are from, but for those of shoppers: these only
/// ever grow, so that a late one makes no rule fire by itself.
const FIGURES_FROM: [&str; 4] = [catalog::NAME, sales::NAME, stock::NAME, timeline::NAME];

/// Figures that are older are not judged by. The shortest window of a figure is five times as long.
const BEHIND_MS: i64 = 2_000;

/// What is watched, and what was found so far.
pub(super) struct Watched {
    /// `None` where it is the service as a whole.
    plan: Option<SaleCreated>,
    times_to_pay: HashMap<ItemId, i64>,
    rules: Vec<Rule>,
    judges: HashMap<(usize, Option<ItemId>), Judge>,
}

impl Watched {
    /// Goes on from what the book says is raised.
    pub(super) fn new(plan: Option<SaleCreated>, open: &[AlertRaised]) -> Self {
        let (rules, complaints) = defaults(plan.as_ref().map(|plan| plan.alerts.as_slice()));
        for complaint in complaints {
            tracing::warn!(complaint, "a rule of a sale cannot be read; it is not in force");
        }
        let items = plan.iter().flat_map(|plan| &plan.items);
        let times_to_pay = items.map(|item| (item.item_id, item.time_to_pay_ms)).collect();
        let mut watched = Self { plan, times_to_pay, rules, judges: HashMap::new() };
        watched.are_raised(open);
        watched
    }

    /// The book says that these are raised.
    pub(super) fn are_raised(&mut self, open: &[AlertRaised]) {
        for alert in open {
            let place = self.rules.iter().position(|rule| rule.name == alert.rule);
            let judge = place.map(|place| self.judges.entry((place, alert.item_id)).or_default());
            if let Some(judge) = judge.filter(|judge| !judge.is_firing()) {
                *judge = Judge::firing();
            }
        }
    }

    /// Whether nothing more can come of the sale: it has ended, and no order holds units.
    pub(super) fn is_over(&self, pulse: &Pulse) -> bool {
        let ended = pulse.sale.closed_at.is_some() || pulse.at >= pulse.sale.closes_at;
        ended && pulse.totals.units.held == 0
    }

    /// Judges the service as a whole.
    pub(super) fn look_at_service(&mut self, node: &NodePulse, now: UnixMs) -> Vec<AlertCommand> {
        let readings = readings::of_service(node, now);
        self.look(&readings, None, now, false).collect()
    }

    /// Whether the figures of a sale are out of date. A second that is not counted yet looks like
    /// one without activity, so such figures cannot be evaluated.
    pub(super) fn is_behind(node: &NodePulse, pulse: &Pulse) -> bool {
        let age = node.at.since(pulse.at).max(0).saturating_add(node.lag_of(&FIGURES_FROM));
        age > BEHIND_MS
    }

    /// Judges a sale and each of its items.
    pub(super) fn look_at_sale(&mut self, node: &NodePulse, pulse: &Pulse) -> Vec<AlertCommand> {
        let Some(plan) = &self.plan else { return Vec::new() };
        let now = pulse.at;
        let service = readings::of_service(node, now);
        let mut readings = readings::of_sale(&service, pulse, plan);
        let mut commands: Vec<AlertCommand> = self.look(&readings, None, now, false).collect();
        // Without units it is only half put up: the read models have come to between its events.
        for item in pulse.items.iter().filter(|item| item.units.allocated > 0) {
            let time_to_pay = self.times_to_pay.get(&item.item_id).copied();
            readings::of_item(&mut readings, item, time_to_pay, node);
            commands.extend(self.look(&readings, Some(item), now, true));
        }
        commands
    }

    /// The conditions are unknown: raised alerts stay raised, and durations restart.
    pub(super) fn look_away(&mut self) {
        self.judges.retain(|_, judge| judge.is_firing());
        self.judges.values_mut().for_each(|judge| *judge = Judge::firing());
    }

    /// Clears what is raised: the sale is over.
    pub(super) fn end(&mut self) -> Vec<AlertCommand> {
        let firing = self.judges.drain().filter(|(_, judge)| judge.is_firing());
        let names = firing.filter_map(|((rule, item), _)| Some((self.rules.get(rule)?, item)));
        names.map(|(rule, item)| cleared(&rule.name, item, ClearedBecause::SaleOver)).collect()
    }

    /// Raised alerts by severity.
    pub(super) fn count_firing(&self, counts: &mut [usize; Severity::ALL.len()]) {
        for ((rule, _), _) in self.judges.iter().filter(|(_, judge)| judge.is_firing()) {
            if let Some(rule) = self.rules.get(*rule) {
                counts[severity(rule.severity).place()] += 1;
            }
        }
    }

    fn look<'a>(
        &'a mut self,
        readings: &'a Readings,
        item: Option<&'a PulseItem>,
        now: UnixMs,
        of_items: bool,
    ) -> impl Iterator<Item = AlertCommand> + 'a {
        let Self { rules, judges, .. } = self;
        let item_id = item.map(|item| item.item_id);
        let rules =
            rules.iter().enumerate().filter(move |(_, rule)| rule.is_of_items() == of_items);
        rules.filter_map(move |(place, rule)| {
            let key = (place, item_id);
            // Most rules have nothing to say of most items, and then nothing is kept.
            let mut judge = judges.get(&key).copied().unwrap_or_default();
            let change = judge.look(rule, readings, now);
            if judge == Judge::default() {
                judges.remove(&key);
            } else {
                judges.insert(key, judge);
            }
            Some(match change? {
                Change::Raise { since } => AlertCommand::Raise(Box::new(RaiseAlert {
                    rule: rule.name.clone(),
                    severity: rule.severity,
                    item_id,
                    sku: item.map(|item| item.sku.clone()).unwrap_or_default(),
                    when: rule.when_text.clone(),
                    signals: rule.when.signals(readings),
                    since,
                })),
                Change::Clear => {
                    let condition = rule.clear_when.as_ref().unwrap_or(&rule.when);
                    AlertCommand::Clear(Box::new(ClearAlert {
                        rule: rule.name.clone(),
                        item_id,
                        because: ClearedBecause::Recovered,
                        signals: condition.signals(readings),
                    }))
                }
            })
        })
    }
}

/// Clears one alert without a look at figures.
pub(super) fn cleared(
    rule: &str,
    item_id: Option<ItemId>,
    because: ClearedBecause,
) -> AlertCommand {
    let rule = rule.to_owned();
    AlertCommand::Clear(Box::new(ClearAlert { rule, item_id, because, signals: Vec::new() }))
}

fn severity(severity: AlertSeverity) -> Severity {
    match severity {
        AlertSeverity::Info => Severity::Info,
        AlertSeverity::Warning => Severity::Warning,
        AlertSeverity::Critical => Severity::Critical,
    }
}
