//! The situations that customer service has words for: a closed set, and the variables that a
//! wording may name in each.

use super::{Variable, wording};
use crate::{
    domain::item::{OrderState, Refusal},
    values::Invalid,
};

/// A language that wordings are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// `en` or `zh`.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Reads a name that came from outside; `field` is named in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|known| known.name() == text);
        known.ok_or_else(|| Invalid::new(field, "must be one of en, zh"))
    }
}

/// What a shopper has to be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// A command was refused.
    Refused(Refusal),
    /// Their order stands there.
    Order(OrderState),
    /// A payment came too late and is due back.
    RefundDue,
    /// Something is wrong with the sale or the item.
    Incident,
}

const STATES: [OrderState; 5] = [
    OrderState::Held,
    OrderState::Paid,
    OrderState::Cancelled,
    OrderState::Expired,
    OrderState::Refunded,
];

impl Situation {
    /// All of them, refusals first.
    pub fn all() -> impl Iterator<Item = Self> {
        let orders = STATES.into_iter().map(Self::Order);
        let refused = Refusal::ALL.iter().copied().map(Self::Refused);
        refused.chain(orders).chain([Self::RefundDue, Self::Incident])
    }

    /// Its name, for example `refusal.sold_out`.
    pub fn name(self) -> String {
        match self {
            Self::Refused(refusal) => format!("refusal.{}", refusal.word()),
            Self::Order(state) => format!("order.{}", state_name(state)),
            Self::RefundDue => "order.refund_due".to_owned(),
            Self::Incident => "incident".to_owned(),
        }
    }

    /// Reads a name that came from outside; `field` is named in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        Self::all().find(|known| known.name() == text).ok_or_else(|| {
            let names: Vec<String> = Self::all().map(Self::name).collect();
            Invalid::new(field, format!("must be one of {}", names.join(", ")))
        })
    }

    /// What a wording may name here.
    pub fn variables(self) -> &'static [Variable] {
        match self {
            Self::Refused(refusal) if !refusal.is_of_order() => wording::OF_ATTEMPTS,
            Self::Refused(_) | Self::Order(_) | Self::RefundDue => wording::OF_ORDERS,
            Self::Incident => wording::OF_INCIDENTS,
        }
    }
}

fn state_name(state: OrderState) -> &'static str {
    match state {
        OrderState::Held => "held",
        OrderState::Paid => "paid",
        OrderState::Cancelled => "cancelled",
        OrderState::Expired => "expired",
        OrderState::Refunded => "refunded",
    }
}
