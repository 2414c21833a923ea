//! The values in events: ids, money, times and bounded text.
//!
//! Everything here is checked once, where it enters, and trusted afterwards. No behaviour beyond
//! arithmetic that cannot overflow, nothing that knows a stream, a clock or a wire format.

mod fingerprint;
mod ids;
mod invalid;
mod kinds;
mod moment;
mod money;
mod number;
mod peer_address;
mod shopper;
mod short_text;
mod text;
mod watch;

pub use fingerprint::Fingerprint;
pub use ids::{
    AlertId, BatchId, CouponId, DueId, IncidentId, ItemId, NodeId, OrderId, RequestId,
    SKU_CHARS_MAX, SaleId,
};
pub use invalid::Invalid;
pub use kinds::Kinds;
pub(crate) use kinds::{kinds, place_of};
pub use moment::UnixMs;
pub use money::{AT_LEAST, Currency, UNIT_PRICE_MINOR_MAX, UNITS_MAX};
pub use number::{
    ENDLESS, UNLIMITED, bound_of, capped, count_of, micros, millis, nanos, narrow, number_of,
    short, tiny, wide,
};
pub use peer_address::{PEER_ADDRESS_BYTES_MAX, peer_address};
pub use shopper::{
    AgeBand, BEACON_CHANNEL_CHARS_MAX, GOODS_CHARS_MAX, Gender, PAGE_CHARS_MAX, REGION_CHARS_MAX,
    ShopperAttributes, SpendingTier, VISITOR_CHARS_MAX, shopper_hash,
};
pub use short_text::ShortText;
pub use text::{bounded_prose, bounded_text, known_text, looks};
pub use watch::{AlertSeverity, IncidentSeverity, ServiceLevel};
