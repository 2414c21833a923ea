//! The facts: what happened, in the past tense, stored for ever.
//!
//! One family a file. An event carries everything a reader needs to fold it without looking
//! anything else up. Nothing here decides, reads a clock or does I/O. Stored names are pinned
//! beside the variants; changing one is a migration, not a rename.

mod audience;
mod codec;
mod envelope;
mod operations;
mod selling;
mod stream;

use audience::traffic;
use operations::{alert, incident, level, log, script};
use selling::{demand, item, sale};

pub use alert::{AlertCleared, AlertEvent, AlertRaised, ClearedBecause, Signal};
pub use codec::{DecodeError, Event, Stored, decode, encode, metadata};
pub use demand::{
    ATTEMPTS_PER_TICK_MAX, Attempt, AttemptOutcome, CHANNELS_PER_TICK_MAX, ChannelDemand,
    DemandTick, OTHER_CHANNEL, PackedAttempt, pack, unpack,
};
pub use envelope::{NewEvent, Position, Recorded};
pub use incident::{
    DetectedBy, IncidentActionTaken, IncidentAssessed, IncidentDetected, IncidentEvent,
    IncidentResolved, IncidentReviewed,
};
pub use item::{
    Act, ItemAdded, ItemClosed, ItemEvent, ItemPaused, ItemResumed, ItemScheduled, OrderCancelled,
    OrderExpired, OrderPaid, OrderPlaced, PurchaseLimitSet, RefundCause, RefundDue,
    ReserveReleased, ReserveSet, StockAllocated, WarehouseUnits,
};
pub use level::LevelSet;
pub use log::{GivenUp, LossAccepted};
pub use sale::{
    AlertRule, Goals, ItemPlan, PlannedUnits, SaleClosed, SaleCreated, SaleEvent, SalePaused,
    SaleResumed,
};
pub use script::{ScriptEvent, ScriptPublished, ScriptWithdrawn};
pub use stream::{Category, SERVICE, StreamName};
pub use traffic::{
    BEACONS_PER_EVENT_MAX, PackedBeacon, TrafficAction, TrafficItem, TrafficRecorded, pack_beacons,
};
