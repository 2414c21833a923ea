//! Kinds of touches, as numbers in the read model. Their order is the order in which touches of one
//! moment are taken: a chain of them in one moment is a chain.

use crate::events::{AttemptOutcome, TrafficAction};

/// What a shopper did, or what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TouchKind {
    View,
    Favourite,
    Cart,
    Share,
    /// A purchase that a recording tells of.
    Buy,
    Attempt(AttemptOutcome),
    Order,
    Paid,
    Cancelled,
    Expired,
    /// Units of a paid order came back; its units and its amount are below 0.
    Refunded,
}

/// Attempts have the numbers from here on, in the order of their outcomes.
const FIRST_ATTEMPT: u8 = 10;

impl TouchKind {
    /// What a beacon says.
    pub fn of_action(action: TrafficAction) -> Self {
        match action {
            TrafficAction::View => Self::View,
            TrafficAction::Favourite => Self::Favourite,
            TrafficAction::Cart => Self::Cart,
            TrafficAction::Share => Self::Share,
            TrafficAction::Buy => Self::Buy,
        }
    }

    /// The action, if a beacon said it.
    pub fn action(self) -> Option<TrafficAction> {
        match self {
            Self::View => Some(TrafficAction::View),
            Self::Favourite => Some(TrafficAction::Favourite),
            Self::Cart => Some(TrafficAction::Cart),
            Self::Share => Some(TrafficAction::Share),
            Self::Buy => Some(TrafficAction::Buy),
            Self::Attempt(_)
            | Self::Order
            | Self::Paid
            | Self::Cancelled
            | Self::Expired
            | Self::Refunded => None,
        }
    }

    /// Its number in the read model.
    pub fn number(self) -> u8 {
        match self {
            Self::View => 0,
            Self::Favourite => 1,
            Self::Cart => 2,
            Self::Share => 3,
            Self::Buy => 4,
            Self::Attempt(outcome) => FIRST_ATTEMPT + outcome as u8,
            Self::Order => 30,
            Self::Paid => 31,
            Self::Cancelled => 32,
            Self::Expired => 33,
            Self::Refunded => 34,
        }
    }

    /// The kind with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::View),
            1 => Some(Self::Favourite),
            2 => Some(Self::Cart),
            3 => Some(Self::Share),
            4 => Some(Self::Buy),
            30 => Some(Self::Order),
            31 => Some(Self::Paid),
            32 => Some(Self::Cancelled),
            33 => Some(Self::Expired),
            34 => Some(Self::Refunded),
            other => {
                let outcome = AttemptOutcome::from_number(other.checked_sub(FIRST_ATTEMPT)?)?;
                Some(Self::Attempt(outcome))
            }
        }
    }
}
