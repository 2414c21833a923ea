//! The wordings for one shopper: those in force for the shopper's situation, filled with its facts.
//!
//! The facts come from the log, the wording from the read model of what is published. One wording
//! for the latest order, or where there is none for the latest refusal, then one for each incident
//! of the item that is open.

use super::explain::{Explanation, OrderStory};
use crate::{
    domain::{
        item::Refusal,
        script::{Language, Situation, Variable, fill_wording},
    },
    events::AttemptOutcome,
    reports::{OfferLine, ReportError, Reports, Wording},
    values::UnixMs,
};

/// A wording with its variables filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// As it is kept, unfilled.
    pub wording: Wording,
    pub text: String,
    /// What every variable of the situation stands for here.
    pub facts: Vec<(Variable, String)>,
}

/// What to say to a shopper.
///
/// # Errors
/// When the read models cannot be asked, or do not know the item yet.
pub fn speak(
    reports: &Reports,
    told: &Explanation,
    language: Language,
) -> Result<Vec<Spoken>, ReportError> {
    let offer = reports.offer(told.item)?;
    let mut spoken = Vec::new();
    if let Some((situation, facts)) = scene(told, &offer, language) {
        spoken.push(say(reports, situation, language, facts)?);
    }
    for incident in reports.open_incidents_of(offer.sale_id, told.item)? {
        let mut facts = of_item(told, &offer);
        facts.push((Variable::IncidentTitle, incident.title));
        facts.push((Variable::IncidentTime, time(incident.began_at)));
        spoken.push(say(reports, Situation::Incident, language, facts)?);
    }
    Ok(spoken)
}

fn say(
    reports: &Reports,
    situation: Situation,
    language: Language,
    facts: Vec<(Variable, String)>,
) -> Result<Spoken, ReportError> {
    let (wording, _) = reports.script(situation, language)?;
    let text = fill_wording(&wording.text, &facts);
    Ok(Spoken { wording, text, facts })
}

/// Where the shopper stands: their latest order decides, else their latest refusal.
fn scene(
    told: &Explanation,
    offer: &OfferLine,
    language: Language,
) -> Option<(Situation, Vec<(Variable, String)>)> {
    if let Some(order) = told.orders.iter().max_by_key(|order| order.revision) {
        let situation =
            if order.paid_too_late { Situation::RefundDue } else { Situation::Order(order.state) };
        let mut facts = of_item(told, offer);
        facts.extend(of_order(order));
        return Some((situation, facts));
    }
    let mut refused = told.attempts.iter().rev().filter_map(|attempt| {
        let refusal = refusal_of(attempt.outcome)?;
        Some((refusal, attempt))
    });
    let (refusal, attempt) = refused.next()?;
    let limit = |units: Option<i64>| match (units, language) {
        (Some(units), _) => units.to_string(),
        (None, Language::English) => "any number".to_owned(),
        (None, Language::Chinese) => "不限".to_owned(),
    };
    let mut facts = of_item(told, offer);
    facts.extend([
        (Variable::Units, attempt.units.to_string()),
        (Variable::OpenTime, offer.opens_at.map(time).unwrap_or_default()),
        (Variable::CloseTime, offer.closes_at.map(time).unwrap_or_default()),
        (Variable::LimitPerBuyer, limit(offer.limit_per_buyer)),
        (Variable::LimitPerOrder, limit(offer.limit_per_order)),
        (Variable::AttemptTime, time(attempt.at)),
    ]);
    Some((Situation::Refused(refusal), facts))
}

fn of_item(told: &Explanation, offer: &OfferLine) -> Vec<(Variable, String)> {
    vec![
        (Variable::ItemTitle, told.title.clone()),
        (Variable::Sku, told.sku.clone()),
        (Variable::SaleName, offer.sale_name.clone()),
    ]
}

fn of_order(order: &OrderStory) -> [(Variable, String); 6] {
    [
        (Variable::Units, order.units.to_string()),
        (Variable::OrderId, order.order_id.to_string()),
        (Variable::Total, order.currency.amount(order.price.total_minor)),
        (Variable::PlaceTime, time(order.placed_at)),
        (Variable::PayByTime, time(order.pay_by)),
        (Variable::SettleTime, order.settled_at.map(time).unwrap_or_default()),
    ]
}

fn refusal_of(outcome: AttemptOutcome) -> Option<Refusal> {
    match outcome {
        AttemptOutcome::Placed | AttemptOutcome::Repeated => None,
        AttemptOutcome::SoldOut => Some(Refusal::SoldOut),
        AttemptOutcome::NotEnoughUnits => Some(Refusal::NotEnoughUnits),
        AttemptOutcome::NotOpenYet => Some(Refusal::NotOpenYet),
        AttemptOutcome::Closed => Some(Refusal::Closed),
        AttemptOutcome::Paused => Some(Refusal::Paused),
        AttemptOutcome::OverBuyerLimit => Some(Refusal::OverBuyerLimit),
        AttemptOutcome::OverOrderLimit => Some(Refusal::OverOrderLimit),
        AttemptOutcome::NotEligible => Some(Refusal::NotEligible),
        AttemptOutcome::GiftGone => Some(Refusal::GiftGone),
        AttemptOutcome::PriceChanged => Some(Refusal::PriceChanged),
    }
}

/// `2026-11-11 00:00:00 UTC`: to the second, as people say it.
fn time(at: UnixMs) -> String {
    let text = UnixMs(at.second().saturating_mul(1_000)).to_string();
    match text.strip_suffix(".000Z") {
        Some(seconds) => format!("{} UTC", seconds.replace('T', " ")),
        None => text,
    }
}
