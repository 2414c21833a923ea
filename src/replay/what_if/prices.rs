//! The rules of a what-if run about prices and offers, and what they change about the events that set
//! these.

use super::super::recording::{Fact, Recording};
use crate::{
    domain::price::check_prices,
    events::{Act, ItemAdded, ItemEvent, OfferEvent, PriceStep, Prices, PricesSet, ReturnedUnits},
    values::{Invalid, RequestId, UNIT_PRICE_MINOR_MAX, UnixMs},
};

/// Steps as they are written.
const STEPS: &str = "steps=100:990/400:1290";

/// Any time.
const ALWAYS: (UnixMs, UnixMs) = (UnixMs(i64::MIN), UnixMs::LATEST);

/// What is different about prices and offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceRules {
    /// In place of the planned steps of each item; none where empty.
    pub steps: Option<Vec<PriceStep>>,
    pub without_time_prices: bool,
    pub returned_units: Option<ReturnedUnits>,
    pub without_offers: bool,
}

impl PriceRules {
    /// Reads a rule; `false` where it is none of these. `field` is what rules are called in complaints.
    ///
    /// # Errors
    /// When its value is wrong.
    pub(super) fn read(
        &mut self,
        field: &str,
        name: &str,
        value: Option<&str>,
    ) -> Result<bool, Invalid> {
        let rule = format!("{field} {name}");
        let none = || only("none", value).map_err(|problem| Invalid::new(&rule, problem));
        match name {
            "steps" => self.steps = Some(steps(field, &rule, value.unwrap_or_default())?),
            "time-prices" => self.without_time_prices = none()?,
            "offers" => self.without_offers = none()?,
            "returned-units" => {
                let all = [ReturnedUnits::SamePrice, ReturnedUnits::NextPrice];
                let named = all.into_iter().find(|known| Some(known.name()) == value);
                let problem = || {
                    let given = value.unwrap_or_default();
                    Invalid::new(&rule, format!("must be same_price or next_price, not {given:?}"))
                };
                self.returned_units = Some(named.ok_or_else(problem)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The prices as they are under these rules. `planned` ones get the steps; the prices that an
    /// operator set while the sale ran keep theirs.
    fn prices(&self, prices: &Prices, planned: bool) -> Prices {
        let mut prices = prices.clone();
        if let Some(steps) = self.steps.as_ref().filter(|_| planned) {
            prices.steps.clone_from(steps);
        }
        if self.without_time_prices {
            prices.time_prices.clear();
        }
        prices.returned_units = self.returned_units.unwrap_or(prices.returned_units);
        prices
    }

    /// What an act of an operator comes to; `None` where it does not happen.
    pub(super) fn steered(&self, event: ItemEvent, planned: &Planned) -> Option<ItemEvent> {
        let event = match event {
            ItemEvent::Offer(event) => event,
            other @ (ItemEvent::Stock(_) | ItemEvent::Order(_)) => return Some(other),
        };
        let event = match event {
            OfferEvent::PricesSet(mut set) => {
                let of_plan = Some(set.act.request_id) == planned.request;
                set.prices = self.prices(&set.prices, of_plan);
                // A ladder that the rules put before all others counts, too.
                let before = u8::from(!of_plan && self.adds_ladder(planned));
                set.ladder = set.ladder.saturating_add(before);
                OfferEvent::PricesSet(set)
            }
            OfferEvent::OffersSet(_) | OfferEvent::GiftUnitsSet(_) if self.without_offers => {
                return None;
            }
            OfferEvent::Added(_)
            | OfferEvent::Scheduled(_)
            | OfferEvent::PurchaseLimitSet(_)
            | OfferEvent::Paused(_)
            | OfferEvent::Resumed(_)
            | OfferEvent::Closed(_)
            | OfferEvent::OffersSet(_)
            | OfferEvent::GiftUnitsSet(_)
            | OfferEvent::AudienceSet(_)
            | OfferEvent::ReservePlanSet(_)
            | OfferEvent::ReserveProposed(_) => event,
        };
        Some(ItemEvent::Offer(event))
    }

    /// Whether an item that was planned without a ladder gets one.
    fn adds_ladder(&self, planned: &Planned) -> bool {
        planned.prices.is_none() && self.steps.as_ref().is_some_and(|steps| !steps.is_empty())
    }

    /// The ladder that follows an item which was planned without one.
    pub(super) fn added_ladder(&self, added: &ItemAdded, planned: &Planned) -> Option<ItemEvent> {
        let act = planned.act.clone().filter(|_| self.adds_ladder(planned))?;
        let prices = self.prices(&Planned::base(added), true);
        let set = PricesSet { ladder: 1, prices, act, set_at_ms: added.added_at_ms };
        Some(ItemEvent::Offer(OfferEvent::PricesSet(set)))
    }

    /// Checks the steps against the base price and the floor of an item.
    ///
    /// # Errors
    /// Names the rule, the step and the item.
    pub(super) fn check(&self, recording: &Recording, field: &str) -> Result<(), Invalid> {
        let Some(steps) = &self.steps else { return Ok(()) };
        let planned = Planned::of(recording);
        let prices = planned.prices.unwrap_or_else(|| Planned::base(&recording.offer));
        let (base, sku) = (prices.unit_price_minor, &recording.offer.sku);
        for (index, step) in steps.iter().enumerate() {
            if step.unit_price_minor > base {
                let problem =
                    format!("is {}, above the base price of {sku} ({base})", step.unit_price_minor);
                let field = format!("{field} steps[{index}].unit_price_minor");
                return Err(Invalid::new(field, problem));
            }
        }
        let prices = Prices { steps: steps.clone(), time_prices: Vec::new(), ..prices };
        check_prices(&prices, ALWAYS).map_err(|Invalid { field: step, problem }| {
            Invalid::new(format!("{field} {step}"), format!("{problem} of {sku}"))
        })
    }

    /// What an answer under these rules rests on.
    pub(super) fn assumptions(&self) -> Vec<String> {
        let mut stated: Vec<&str> = Vec::new();
        if self.steps.is_some() {
            stated.push(
                "The steps are those of each item from its start, before its base price. Prices that \
                 an operator set while the sale ran replace them as recorded.",
            );
        }
        if *self != Self::default() {
            stated.push(
                "Nobody buys, leaves or pays otherwise because of a price, an offer or a gift. What \
                 an order was to cost at most is not recorded and stops no order.",
            );
        }
        stated.into_iter().map(str::to_owned).collect()
    }
}

/// What was planned for an item before its first order.
#[derive(Debug, Clone, Default)]
pub(super) struct Planned {
    /// The request that put the item on offer.
    request: Option<RequestId>,
    act: Option<Act>,
    /// Its ladder.
    prices: Option<Prices>,
}

impl Planned {
    /// Reads it from the events. All of the plan come with one request, that of the sale.
    pub(super) fn of(recording: &Recording) -> Self {
        let mut steered = recording.facts.iter().filter_map(Fact::steered);
        let act = steered.clone().find_map(ItemEvent::act).cloned();
        let request = act.as_ref().map(|act| act.request_id);
        let prices = steered.find_map(|event| match event {
            ItemEvent::Offer(OfferEvent::PricesSet(set)) => {
                (Some(set.act.request_id) == request).then(|| set.prices.clone())
            }
            ItemEvent::Offer(_) | ItemEvent::Stock(_) | ItemEvent::Order(_) => None,
        });
        Self { request, act, prices }
    }

    /// One price for all units.
    fn base(added: &ItemAdded) -> Prices {
        Prices {
            unit_price_minor: added.unit_price_minor,
            floor_minor: None,
            steps: Vec::new(),
            time_prices: Vec::new(),
            returned_units: ReturnedUnits::default(),
        }
    }
}

/// Reads the value of a rule that has only one.
pub(super) fn only(known: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        Some(value) if value == known => Ok(true),
        given => Err(format!("must be {known}, not {:?}", given.unwrap_or_default())),
    }
}

/// Reads `100:990/400:1290`, or `none`.
fn steps(field: &str, rule: &str, text: &str) -> Result<Vec<PriceStep>, Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(rule, format!("needs a value, for example {STEPS}")));
    }
    if text == "none" {
        return Ok(Vec::new());
    }
    let step = |text: &str| {
        let (units, price) = text.split_once(':')?;
        let (units, unit_price_minor) = (number(units)?, number(price)?);
        Some(PriceStep { units, unit_price_minor })
    };
    let read = |text: &str| {
        let problem = format!(
            "must be none or UNITS:MINOR for each step with / between them, for example {STEPS}, and \
             {text:?} is no step"
        );
        step(text).ok_or_else(|| Invalid::new(rule, problem))
    };
    let steps: Vec<PriceStep> = text.split('/').map(read).collect::<Result<_, _>>()?;
    // What needs no item is checked here; the base price and the floor are its own.
    let prices = Prices {
        unit_price_minor: UNIT_PRICE_MINOR_MAX,
        floor_minor: None,
        steps,
        time_prices: Vec::new(),
        returned_units: ReturnedUnits::default(),
    };
    check_prices(&prices, ALWAYS)
        .map_err(|invalid| Invalid::new(format!("{field} {}", invalid.field), invalid.problem))?;
    Ok(prices.steps)
}

fn number(text: &str) -> Option<i64> {
    // No sign: "+5" is no number of units.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
