//! The three main findings of a sale, ranked by weight.
//!
//! Each rule weighs figures of the post-mortem from 0 to 1,000; the three heaviest are shown, ties
//! in the order of the rules. The weights are judgements and are listed in docs/post-mortem.md;
//! rules use nothing but the figures.

use super::{
    numbers::{amount, group, percent, span},
    post_mortem::{PostMortem, Stage},
    sections::coupons::CouponTotal,
    sections::goals::{goal_name, goal_value},
    sections::shoppers::{channel_name, step_name},
    words::{Lang, Sentence, fill},
};
use crate::{
    events::AttemptOutcome,
    reports::{ActLine, DueSum, FunnelFigures, GoalLine, RefundFigures, share_ppm},
    values::{count_of, number_of},
};

/// How many are told.
pub const TOLD: usize = 3;

/// A fact, and how much it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    weight: i64,
    says: String,
    more: String,
}

/// What mattered most, each as a sentence and the figures behind it.
///
/// A sale that is not over is not judged: nothing mattered yet but that the log can be trusted.
pub fn findings(facts: &PostMortem, lang: Lang) -> Vec<(String, String)> {
    if facts.stage != Stage::Over {
        let failed = proof_failed(facts, lang);
        return failed.into_iter().map(|finding| (finding.says, finding.more)).collect();
    }
    let rules = [
        proof_failed(facts, lang),
        no_orders(facts, lang),
        goal_missed(facts, lang),
        sold_out(facts, lang),
        unmet(facts, lang),
        unsold(facts, lang),
        refunds(facts, lang),
        expired(facts, lang),
        paused(facts, lang),
        goals_met(facts, lang),
        channel(facts, lang),
        coupons(facts, lang),
        conversion(facts, lang),
        sold(facts, lang),
        proved(facts, lang),
    ];
    let mut found: Vec<Finding> = rules.into_iter().flatten().collect();
    // A stable order: equals stay in the order of the rules.
    found.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    found.truncate(TOLD);
    found.into_iter().map(|finding| (finding.says, finding.more)).collect()
}

fn finding(
    lang: Lang,
    weight: i64,
    says: Sentence,
    more: Sentence,
    values: &[(&str, &str)],
) -> Option<Finding> {
    Some(Finding {
        weight,
        says: fill(says.text(lang), values),
        more: fill(more.text(lang), values),
    })
}

/// A share as a part of some weight.
fn part(ppm: i64, of: i64) -> i64 {
    ppm.clamp(0, 1_000_000) * of / 1_000_000
}

fn proof_failed(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let problems = facts.proof.as_ref()?.problems_count();
    if problems == 0 && facts.unbalanced_items == 0 {
        return None;
    }
    let n = group(problems.max(facts.unbalanced_items));
    let (says, more) = (Sentence::FoundProofFailed, Sentence::FoundProofFailedMore);
    finding(lang, 1_000, says, more, &[("n", &n)])
}

fn no_orders(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    if facts.total.orders_placed > 0 {
        return None;
    }
    let units = group(facts.stock.allocated);
    let attempts = group(facts.demand_total.demand.attempts);
    let values = [("units", units.as_str()), ("attempts", &attempts)];
    finding(lang, 950, Sentence::FoundNoOrders, Sentence::FoundNoOrdersMore, &values)
}

fn goal_missed(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let missed = facts.goals.goals.iter().filter(|goal| goal.attainment_ppm < 1_000_000);
    let goal =
        missed.filter(|goal| goal.result.is_some()).min_by_key(|goal| goal.attainment_ppm)?;
    let result = goal_value(goal.kind, goal.result?, &facts.sale.currency);
    let target = goal_value(goal.kind, goal.target, &facts.sale.currency);
    let share = percent(goal.attainment_ppm);
    let weight = 500 + part(1_000_000 - goal.attainment_ppm, 400);
    let values = [
        ("goal", goal_name(goal.kind).text(lang)),
        ("result", &result),
        ("target", &target),
        ("share", &share),
    ];
    finding(lang, weight, Sentence::FoundGoalMissed, Sentence::FoundGoalMissedMore, &values)
}

fn sold_out(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let at = facts.total.sold_out_at?;
    if facts.stock.allocated == 0 {
        return None;
    }
    let demand = &facts.demand_total.demand;
    let share = share_ppm(demand.unmet, demand.attempts);
    // Within one second the first time and the last are the same.
    let first = facts.first_empty.filter(|second| *second < at.second());
    let first = first.map(|second| facts.after_opening(second));
    let after = at.since(facts.sale.opens_at).max(0);
    let values = [
        ("first", span(first.unwrap_or(after), lang)),
        ("units", group(facts.stock.allocated)),
        ("after", span(after, lang)),
        ("unmet", group(demand.unmet)),
        ("attempts", group(demand.attempts)),
        ("share", percent(share)),
    ];
    let asked = group(demand.units_unmet);
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let values: Vec<_> = values.into_iter().collect();
    let says = match first {
        Some(_) => Sentence::FoundSoldOutTwice,
        None => Sentence::FoundSoldOut,
    };
    let says = fill(says.text(lang), &values);
    let mut more = values;
    more.retain(|(name, _)| *name != "units");
    more.push(("units", &asked));
    let more = fill(Sentence::FoundSoldOutMore.text(lang), &more);
    Some(Finding { weight: 400 + part(share, 450), says, more })
}

fn unmet(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let demand = &facts.demand_total.demand;
    if demand.unmet == 0 || facts.total.sold_out_at.is_some() {
        return None;
    }
    let share = share_ppm(demand.unmet, demand.attempts);
    let left = facts.stock.available.saturating_add(facts.stock.held);
    let values = [
        ("unmet", group(demand.unmet)),
        ("attempts", group(demand.attempts)),
        ("units", group(demand.units_unmet)),
        ("share", percent(share)),
        ("left", group(left)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let weight = 350 + part(share, 450);
    finding(lang, weight, Sentence::FoundUnmet, Sentence::FoundUnmetMore, &values)
}

fn unsold(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let left = facts.stock.allocated.saturating_sub(facts.stock.sold);
    // Where stock was missing, too, that finding says how much is left.
    let told = facts.total.sold_out_at.is_some() || facts.demand_total.demand.unmet > 0;
    if left == 0 || facts.total.orders_placed == 0 || told {
        return None;
    }
    let share = share_ppm(left, facts.stock.allocated);
    let values = [
        ("left", group(left)),
        ("units", group(facts.stock.allocated)),
        ("share", percent(facts.sell_through_ppm)),
        ("held", group(facts.stock.held)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let weight = 300 + part(share, 450);
    finding(lang, weight, Sentence::FoundUnsold, Sentence::FoundUnsoldMore, &values)
}

fn refunds(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let RefundFigures { due, settled, open, currency, .. } = &facts.refunds;
    if due.dues == 0 {
        return None;
    }
    let money = |sum: &DueSum| amount(sum.amount_minor, currency);
    let late = facts.holds.refunds_due;
    let values = [
        ("due", money(due)),
        ("settled", money(settled)),
        ("open", money(open)),
        ("n", group(open.dues)),
        ("late", group(late)),
        ("back", group(due.dues.saturating_sub(late))),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (weight, says) = match open.dues {
        0 => (230, Sentence::FoundRefundsSettled),
        _ => (480, Sentence::FoundRefunds),
    };
    finding(lang, weight, says, Sentence::FoundRefundsMore, &values)
}

fn expired(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let holds = &facts.holds;
    if holds.holds_expired == 0 {
        return None;
    }
    let values = [
        ("expired", group(holds.holds_expired)),
        ("placed", group(holds.holds_placed)),
        ("share", percent(holds.expired_share_ppm)),
        ("lost", group(holds.unit_seconds_lost)),
        ("resold", group(holds.units_resold)),
        ("released", group(holds.units_released)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let weight = 250 + part(holds.expired_share_ppm, 600);
    finding(lang, weight, Sentence::FoundExpired, Sentence::FoundExpiredMore, &values)
}

fn paused(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let pauses = |act: &&ActLine| matches!(act.kind.as_str(), "ItemPaused" | "SalePaused");
    let pauses = facts.acts.iter().filter(pauses).count();
    if pauses == 0 {
        return None;
    }
    let by_reason = facts.refusals.by_reason.iter();
    let refused = by_reason.filter(|(reason, _)| *reason == AttemptOutcome::Paused);
    let refused: i64 = refused.map(|(_, attempts)| attempts).sum();
    let share = share_ppm(refused, facts.refusals.attempts);
    // Of very many acts only the first are known here: there may have been more pauses.
    let least = if facts.acts_left_out { "≥ " } else { "" };
    let n = format!("{least}{}", group(number_of(pauses)));
    let (attempts, percents) = (group(refused), percent(share));
    let values = [("n", n.as_str()), ("attempts", &attempts), ("share", &percents)];
    let weight = 320 + part(share, 550);
    finding(lang, weight, Sentence::FoundPaused, Sentence::FoundPausedMore, &values)
}

fn goals_met(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let goals = &facts.goals.goals;
    let reached = |goal: &&GoalLine| goal.result.is_some() && goal.attainment_ppm >= 1_000_000;
    if goals.is_empty() || goals.iter().filter(reached).count() < goals.len() {
        return None;
    }
    let closest = goals.iter().min_by_key(|goal| goal.attainment_ppm)?;
    let n = goals.len().to_string();
    let share = percent(closest.attainment_ppm);
    let values =
        [("n", n.as_str()), ("goal", goal_name(closest.kind).text(lang)), ("share", &share)];
    finding(lang, 520, Sentence::FoundGoalsMet, Sentence::FoundGoalsMetMore, &values)
}

fn channel(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let rows = &facts.attribution.rows;
    // With one channel there is nothing to tell.
    if rows.iter().filter(|row| row.last_touch.orders > 0).count() < 2 {
        return None;
    }
    let orders = |row: &&crate::reports::AttributionRow| row.last_touch.orders;
    // Of equals the first: `max_by_key` would take the last.
    let best = rows.iter().rev().max_by_key(orders)?;
    let all = facts.attribution.total.orders;
    let share = share_ppm(best.last_touch.orders, all);
    let values = [
        ("channel", channel_name(&best.channel, lang)),
        ("orders", group(best.last_touch.orders)),
        ("all", group(all)),
        ("share", percent(share)),
        ("amount", amount(best.last_touch.revenue_minor, &facts.sale.currency)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let weight = 220 + part(share, 150);
    finding(lang, weight, Sentence::FoundChannel, Sentence::FoundChannelMore, &values)
}

fn coupons(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let total = CouponTotal::of(&facts.coupons.batches);
    if total.paid_orders == 0 {
        return None;
    }
    let before = facts.total.gross_minor().saturating_add(total.paid_discount_minor);
    let share = share_ppm(total.paid_discount_minor, before);
    let money = |minor| amount(minor, &facts.sale.currency);
    let values = [
        ("amount", money(total.paid_discount_minor)),
        ("orders", group(total.paid_orders)),
        ("share", percent(share)),
        ("used", money(total.discount_minor)),
        ("budget", money(total.budget_minor)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let weight = 240 + part(share, 400);
    finding(lang, weight, Sentence::FoundCoupons, Sentence::FoundCouponsMore, &values)
}

fn conversion(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let FunnelFigures { totals, steps } = facts.funnel.total;
    if totals.uv == 0 || steps[0] == 0 {
        return None;
    }
    let lost = |step: &usize| steps[step - 1] - steps[*step];
    let worst = (1..steps.len()).rev().max_by_key(lost)?;
    let values = [
        // A buyer without a beacon is no visitor, so not a share of them either.
        ("buyers", group(totals.visitors_who_bought)),
        ("visitors", group(totals.uv)),
        ("share", percent(share_ppm(totals.visitors_who_bought, totals.uv))),
        ("from", step_name(FunnelFigures::STEPS[worst - 1], lang).to_owned()),
        ("to", step_name(FunnelFigures::STEPS[worst], lang).to_owned()),
        ("lost", group(lost(&worst))),
        ("before", group(steps[worst - 1])),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    finding(lang, 260, Sentence::FoundConversion, Sentence::FoundConversionMore, &values)
}

fn sold(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let total = &facts.total;
    if total.units_sold == 0 {
        return None;
    }
    let values = [
        ("units", group(total.units_sold)),
        ("amount", amount(total.revenue_minor, &facts.sale.currency)),
        ("paid", group(total.orders_paid)),
        ("placed", group(total.orders_placed)),
        ("share", percent(total.paid_share_ppm())),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    finding(lang, 390, Sentence::FoundSold, Sentence::FoundSoldMore, &values)
}

fn proved(facts: &PostMortem, lang: Lang) -> Option<Finding> {
    let proof = facts.proof.as_ref()?;
    if proof.problems_count() > 0 || facts.unbalanced_items > 0 {
        return None;
    }
    let count = |number: u64| group(count_of(number));
    let (events, items, orders) = (count(proof.events), count(proof.items), count(proof.orders));
    let values = [("events", events.as_str()), ("items", &items), ("orders", &orders)];
    finding(lang, 200, Sentence::FoundProved, Sentence::FoundProvedMore, &values)
}
