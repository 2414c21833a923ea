//! The rules of a what-if run in their text form: `limit=2`, `units=+200`.

use super::prices::{PriceRules, only};
use crate::{
    domain::sale::{ALLOCATED_UNITS_MAX, TIME_TO_PAY_MS_MAX, TIME_TO_PAY_MS_MIN},
    values::{Invalid, UNITS_MAX},
};

/// The supported rules, for the error about an unknown one.
pub const KNOWN: &str = "limit=N or limit=none (units per buyer), units=+N, units=-N or units=N \
    (planned units of each item), time-to-pay=5m (also ms, s, h, d), draw (winners are drawn \
    instead of first come), seed=N (of the draw and of new orders' fates), steps=100:990/400:1290 \
    or steps=none (planned steps of each item), time-prices=none, returned-units=next_price or \
    returned-units=same_price, offers=none, reserve-plan=off, late-payments=reinstate or \
    late-payments=refund";

/// How long after its deadline a payment brings an order back, where its item does not say.
const REINSTATE_WITHIN_MS: i64 = 600_000;

/// The seed where none is given.
const SEED: u64 = 1;

/// What is different from how it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Units that one buyer may have; the inner `None` is no limit.
    pub limit: Option<Option<i64>>,
    pub units: Option<Units>,
    pub time_to_pay_ms: Option<i64>,
    /// Winners are drawn among all participants, instead of first come, first served.
    pub draw: bool,
    pub seed: u64,
    pub prices: PriceRules,
    /// The reserve plan neither releases nor proposes anything.
    pub without_reserve_plan: bool,
    pub late_payments: Option<LatePayments>,
}

/// What a payment does that arrives after the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatePayments {
    /// It brings its order back, within the time that the item says or else 10 minutes.
    Reinstate,
    /// It is due back.
    Refund,
}

impl LatePayments {
    /// How long after the deadline payments bring orders back of an item that had `recorded`.
    pub fn reinstate_within_ms(self, recorded: Option<i64>) -> Option<i64> {
        match self {
            Self::Reinstate => recorded.or(Some(REINSTATE_WITHIN_MS)),
            Self::Refund => None,
        }
    }
}

/// Another number of units than planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// So many more, or fewer.
    Change(i64),
    Total(i64),
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            limit: None,
            units: None,
            time_to_pay_ms: None,
            draw: false,
            seed: SEED,
            prices: PriceRules::default(),
            without_reserve_plan: false,
            late_payments: None,
        }
    }
}

impl Rules {
    /// Reads rules, each as one text. Several may also stand in one, separated by commas.
    ///
    /// # Errors
    /// When one is not known, comes twice or has a wrong value: `field` and its name are in the
    /// complaint.
    pub fn parse<'a>(
        field: &str,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Invalid> {
        let mut rules = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for text in texts.into_iter().flat_map(|text| text.split(',')) {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (text.trim(), None),
            };
            let wrong = |problem: String| Invalid::new(format!("{field} {name}"), problem);
            if seen.contains(&name) {
                return Err(wrong("is given twice".to_owned()));
            }
            seen.push(name);
            if rules.prices.read(field, name, value)? {
                continue;
            }
            if name == "reserve-plan" {
                rules.without_reserve_plan = only("off", value).map_err(wrong)?;
                continue;
            }
            if name == "late-payments" {
                rules.late_payments = Some(late_payments(value).map_err(wrong)?);
                continue;
            }
            let value = |example: &str| {
                let value = value.filter(|value| !value.is_empty());
                value.ok_or_else(|| wrong(format!("needs a value, for example {example}")))
            };
            match name {
                "limit" => rules.limit = Some(limit(value("limit=2")?).map_err(wrong)?),
                "units" => rules.units = Some(units(value("units=+200")?).map_err(wrong)?),
                "time-to-pay" => {
                    let span = time_to_pay(value("time-to-pay=5m")?).map_err(wrong)?;
                    rules.time_to_pay_ms = Some(span);
                }
                "seed" => {
                    let seed = value("seed=1")?.parse();
                    rules.seed =
                        seed.map_err(|_| wrong(format!("must be a number up to {}", u64::MAX)))?;
                }
                "draw" if text.contains('=') => {
                    return Err(wrong("takes no value".to_owned()));
                }
                "draw" => rules.draw = true,
                _ => {
                    let problem = format!("{name:?} is not known; known are {KNOWN}");
                    return Err(Invalid::new(field, problem));
                }
            }
        }
        Ok(rules)
    }
}

fn late_payments(value: Option<&str>) -> Result<LatePayments, String> {
    match value {
        Some("reinstate") => Ok(LatePayments::Reinstate),
        Some("refund") => Ok(LatePayments::Refund),
        given => Err(format!("must be reinstate or refund, not {:?}", given.unwrap_or_default())),
    }
}

fn limit(text: &str) -> Result<Option<i64>, String> {
    if text == "none" {
        return Ok(None);
    }
    let limit = text.parse().ok().filter(|limit| (1..=UNITS_MAX).contains(limit));
    limit.map(Some).ok_or_else(|| format!("must be none or 1 to {UNITS_MAX}, not {text:?}"))
}

fn units(text: &str) -> Result<Units, String> {
    let wrong =
        || format!("must be +N, -N or N with N from 1 to {ALLOCATED_UNITS_MAX}, not {text:?}");
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (Some(1), digits),
        Some(("-", digits)) => (Some(-1), digits),
        Some(_) | None => (None, text),
    };
    // "+-5" must not be read as a number with a sign of its own.
    let number = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number: i64 = number.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    if !(1..=ALLOCATED_UNITS_MAX).contains(&number) {
        return Err(wrong());
    }
    Ok(sign.map_or(Units::Total(number), |sign| Units::Change(sign * number)))
}

fn time_to_pay(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!(
            "must be a span from {} s to {} days, for example 90s, 5m or 1h, not {text:?}",
            TIME_TO_PAY_MS_MIN / 1_000,
            TIME_TO_PAY_MS_MAX / (24 * 3_600_000)
        )
    };
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, unit) = text.split_at(digits);
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        _ => return Err(wrong()),
    };
    let span = number.checked_mul(unit_ms);
    span.filter(|span| (TIME_TO_PAY_MS_MIN..=TIME_TO_PAY_MS_MAX).contains(span)).ok_or_else(wrong)
}
