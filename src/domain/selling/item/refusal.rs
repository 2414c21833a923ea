//! The refusals of an item. A refusal names the fact in the way and records nothing, except that a
//! payment without an order to pay is recorded as due for refund.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    events::AttemptOutcome,
    values::{Kinds, kinds},
};

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Refusal {
    SoldOut,
    NotEnoughUnits,
    NotOpenYet,
    Closed,
    Paused,
    OverBuyerLimit,
    OverOrderLimit,
    OrderExpired,
    OrderCancelled,
    AlreadyPaid,
    WrongAmount,
    NotPaused,
    NotEnoughReserve,
    /// The buyer is not in the audience.
    NotEligible,
    GiftGone,
    /// It would cost more than it may.
    PriceChanged,
    /// Fewer units are available in the warehouse than are to be taken from it.
    NotEnoughFree,
    /// Only paid units come back.
    NotPaid,
    OrderRefunded,
    /// The money went back with another reference.
    AlreadySettled,
    /// Its coupon, or its buyer's limit over the sale, is not decided yet.
    AwaitingCoupon,
    CouponRefused,
    OverSaleLimit,
}

// The names are those of the contract.
kinds! { Refusal {
    Self::SoldOut => "SOLD_OUT",
    Self::NotEnoughUnits => "NOT_ENOUGH_UNITS",
    Self::NotOpenYet => "NOT_OPEN_YET",
    Self::Closed => "CLOSED",
    Self::Paused => "PAUSED",
    Self::OverBuyerLimit => "OVER_BUYER_LIMIT",
    Self::OverOrderLimit => "OVER_ORDER_LIMIT",
    Self::OrderExpired => "ORDER_EXPIRED",
    Self::OrderCancelled => "ORDER_CANCELLED",
    Self::AlreadyPaid => "ALREADY_PAID",
    Self::WrongAmount => "WRONG_AMOUNT",
    Self::NotPaused => "NOT_PAUSED",
    Self::NotEnoughReserve => "NOT_ENOUGH_RESERVE",
    Self::NotEligible => "NOT_ELIGIBLE",
    Self::GiftGone => "GIFT_GONE",
    Self::PriceChanged => "PRICE_CHANGED",
    Self::NotEnoughFree => "NOT_ENOUGH_FREE",
    Self::NotPaid => "NOT_PAID",
    Self::OrderRefunded => "ORDER_REFUNDED",
    Self::AlreadySettled => "ALREADY_SETTLED",
    Self::AwaitingCoupon => "AWAITING_COUPON",
    Self::CouponRefused => "COUPON_REFUSED",
    Self::OverSaleLimit => "OVER_SALE_LIMIT",
} }

const _: () = assert!(Refusal::ALL.len() == <Refusal as Kinds>::NAMES.len());

impl Refusal {
    /// All of them, in the order of the contract.
    pub const ALL: &[Self] = &[
        Self::SoldOut,
        Self::NotEnoughUnits,
        Self::NotOpenYet,
        Self::Closed,
        Self::Paused,
        Self::OverBuyerLimit,
        Self::OverOrderLimit,
        Self::OrderExpired,
        Self::OrderCancelled,
        Self::AlreadyPaid,
        Self::WrongAmount,
        Self::NotPaused,
        Self::NotEnoughReserve,
        Self::NotEligible,
        Self::GiftGone,
        Self::PriceChanged,
        Self::NotEnoughFree,
        Self::NotPaid,
        Self::OrderRefunded,
        Self::AlreadySettled,
        Self::AwaitingCoupon,
        Self::CouponRefused,
        Self::OverSaleLimit,
    ];

    /// Its name in lower case, as wordings are named by it.
    pub fn word(self) -> String {
        self.kind_name().to_lowercase()
    }

    /// How a refused attempt to buy is counted; `None` for refusals that no attempt can get.
    pub fn as_attempt(self) -> Option<AttemptOutcome> {
        match self {
            Self::SoldOut => Some(AttemptOutcome::SoldOut),
            Self::NotEnoughUnits => Some(AttemptOutcome::NotEnoughUnits),
            Self::NotOpenYet => Some(AttemptOutcome::NotOpenYet),
            Self::Closed => Some(AttemptOutcome::Closed),
            Self::Paused => Some(AttemptOutcome::Paused),
            Self::OverBuyerLimit => Some(AttemptOutcome::OverBuyerLimit),
            Self::OverOrderLimit => Some(AttemptOutcome::OverOrderLimit),
            Self::NotEligible => Some(AttemptOutcome::NotEligible),
            Self::GiftGone => Some(AttemptOutcome::GiftGone),
            Self::PriceChanged => Some(AttemptOutcome::PriceChanged),
            Self::OrderExpired
            | Self::OrderCancelled
            | Self::AlreadyPaid
            | Self::WrongAmount
            | Self::NotPaused
            | Self::NotEnoughReserve
            | Self::NotEnoughFree
            | Self::NotPaid
            | Self::OrderRefunded
            | Self::AlreadySettled
            | Self::AwaitingCoupon
            | Self::CouponRefused
            | Self::OverSaleLimit => None,
        }
    }

    /// Whether it is about an order and what became of it. Such an answer tells no units: asked again
    /// it must be the same, and they move.
    pub fn is_of_order(self) -> bool {
        match self {
            Self::OrderExpired
            | Self::OrderCancelled
            | Self::AlreadyPaid
            | Self::WrongAmount
            | Self::NotPaid
            | Self::OrderRefunded
            | Self::AlreadySettled
            | Self::AwaitingCoupon
            | Self::CouponRefused
            | Self::OverSaleLimit => true,
            Self::SoldOut
            | Self::NotEnoughUnits
            | Self::NotOpenYet
            | Self::Closed
            | Self::Paused
            | Self::OverBuyerLimit
            | Self::OverOrderLimit
            | Self::NotPaused
            | Self::NotEnoughReserve
            | Self::NotEligible
            | Self::GiftGone
            | Self::PriceChanged
            | Self::NotEnoughFree => false,
        }
    }

    /// One sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::SoldOut => "No unit is available.",
            Self::NotEnoughUnits => "Fewer units are available than this order asks for.",
            Self::NotOpenYet => "The item is not open yet.",
            Self::Closed => "The item is closed.",
            Self::Paused => "The item is paused.",
            Self::OverBuyerLimit => "The buyer would have more units than one buyer may have.",
            Self::OverOrderLimit => "The order asks for more units than one order may have.",
            Self::OrderExpired => "The hold ended before it was paid.",
            Self::OrderCancelled => "The order was cancelled.",
            Self::AlreadyPaid => "The order is paid already.",
            Self::WrongAmount => "Amount or currency differ from the order's total.",
            Self::NotPaused => "The item itself is not paused.",
            Self::NotEnoughReserve => "Fewer units lie in reserve in that warehouse.",
            Self::NotEligible => "The item is not on sale for this buyer.",
            Self::GiftGone => "The gift that comes with the order is used up.",
            Self::PriceChanged => "The order would cost more than it may.",
            Self::NotEnoughFree => "Fewer units are available in that warehouse.",
            Self::NotPaid => "The order is not paid.",
            Self::OrderRefunded => "All units of the order came back already.",
            Self::AlreadySettled => "The refund was settled with another reference.",
            Self::AwaitingCoupon => "The coupon or the limit of the order is not decided yet.",
            Self::CouponRefused => "The coupon of the order was refused.",
            Self::OverSaleLimit => "The buyer would have more units than one may have in the sale.",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}
