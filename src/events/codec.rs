//! Facts to JSON and back. The tables of stored names are here, once.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    AlertEvent, DemandTick, IncidentEvent, ItemEvent, LevelSet, LossAccepted, NewEvent, Recorded,
    SaleEvent, ScriptEvent, TrafficRecorded,
};

/// Version of the stored form, in the metadata of each event. Raise it when a stored form changes
/// in a way that serde's defaults do not cover, and upcast the older one in [`decode`].
const SCHEMA: &str = "1";

/// Any event of any family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Item(ItemEvent),
    Sale(SaleEvent),
    Demand(DemandTick),
    Traffic(TrafficRecorded),
    Alert(AlertEvent),
    Incident(IncidentEvent),
    Script(ScriptEvent),
    Level(LevelSet),
    Log(LossAccepted),
}

/// An event in the log that this version of doorbuster cannot read. Readers stop at it; skipping
/// it would make every figure after it wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {position} ({kind} in {stream}, revision {revision}) cannot be read: {problem}")]
pub struct DecodeError {
    pub position: u64,
    pub stream: String,
    pub revision: u64,
    pub kind: String,
    pub problem: String,
}

/// What can stand in the log.
pub trait Stored {
    /// The name it is stored under.
    fn kind(&self) -> &'static str;

    /// Its stored form.
    fn json(&self) -> Vec<u8>;
}

/// From one table of stored names both directions of a family.
macro_rules! stored_names {
    ($family:ident: $($variant:ident => $name:literal),+ $(,)?) => {
        impl $family {
            /// Every name of this family that can stand in the log.
            pub const KINDS: &'static [&'static str] = &[$($name),+];

            fn from_json(kind: &str, data: &[u8]) -> Option<Result<Self, String>> {
                match kind {
                    $($name => Some(from_json(data).map(Self::$variant)),)+
                    _ => None,
                }
            }
        }

        impl Stored for $family {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn json(&self) -> Vec<u8> {
                match self { $(Self::$variant(body) => to_json(body),)+ }
            }
        }
    };
}

stored_names! { ItemEvent:
    Added => "ItemAdded",
    Scheduled => "ItemScheduled",
    PurchaseLimitSet => "PurchaseLimitSet",
    StockAllocated => "StockAllocated",
    ReserveSet => "ReserveSet",
    ReserveReleased => "ReserveReleased",
    Paused => "ItemPaused",
    Resumed => "ItemResumed",
    Closed => "ItemClosed",
    OrderPlaced => "OrderPlaced",
    OrderPaid => "OrderPaid",
    OrderCancelled => "OrderCancelled",
    OrderExpired => "OrderExpired",
    RefundDue => "RefundDue",
}

stored_names! { SaleEvent:
    Created => "SaleCreated",
    Paused => "SalePaused",
    Resumed => "SaleResumed",
    Closed => "SaleClosed",
}

stored_names! { AlertEvent:
    Raised => "AlertRaised",
    Cleared => "AlertCleared",
}

stored_names! { IncidentEvent:
    Detected => "IncidentDetected",
    Assessed => "IncidentAssessed",
    ActionTaken => "IncidentActionTaken",
    Resolved => "IncidentResolved",
    Reviewed => "IncidentReviewed",
}

stored_names! { ScriptEvent:
    Published => "ScriptPublished",
    Withdrawn => "ScriptWithdrawn",
}

impl DemandTick {
    /// The name ticks are stored under.
    pub const KIND: &'static str = "DemandTick";
}

impl TrafficRecorded {
    /// The name batches of beacons are stored under.
    pub const KIND: &'static str = "TrafficRecorded";
}

impl LevelSet {
    /// The name changes of the level are stored under.
    pub const KIND: &'static str = "LevelSet";
}

impl LossAccepted {
    /// The name accepted losses are stored under.
    pub const KIND: &'static str = "LossAccepted";
}

/// A family of one event, which is its own body.
macro_rules! stored_alone {
    ($family:ident) => {
        impl Stored for $family {
            fn kind(&self) -> &'static str {
                Self::KIND
            }

            fn json(&self) -> Vec<u8> {
                to_json(self)
            }
        }
    };
}

stored_alone!(DemandTick);
stored_alone!(TrafficRecorded);
stored_alone!(LevelSet);
stored_alone!(LossAccepted);

impl Stored for Event {
    fn kind(&self) -> &'static str {
        match self {
            Self::Item(event) => event.kind(),
            Self::Sale(event) => event.kind(),
            Self::Demand(tick) => tick.kind(),
            Self::Traffic(traffic) => traffic.kind(),
            Self::Alert(event) => event.kind(),
            Self::Incident(event) => event.kind(),
            Self::Script(event) => event.kind(),
            Self::Level(set) => set.kind(),
            Self::Log(accepted) => accepted.kind(),
        }
    }

    fn json(&self) -> Vec<u8> {
        match self {
            Self::Item(event) => event.json(),
            Self::Sale(event) => event.json(),
            Self::Demand(tick) => tick.json(),
            Self::Traffic(traffic) => traffic.json(),
            Self::Alert(event) => event.json(),
            Self::Incident(event) => event.json(),
            Self::Script(event) => event.json(),
            Self::Level(set) => set.json(),
            Self::Log(accepted) => accepted.json(),
        }
    }
}

impl From<ItemEvent> for Event {
    fn from(event: ItemEvent) -> Self {
        Self::Item(event)
    }
}

impl From<SaleEvent> for Event {
    fn from(event: SaleEvent) -> Self {
        Self::Sale(event)
    }
}

impl From<DemandTick> for Event {
    fn from(tick: DemandTick) -> Self {
        Self::Demand(tick)
    }
}

impl From<TrafficRecorded> for Event {
    fn from(traffic: TrafficRecorded) -> Self {
        Self::Traffic(traffic)
    }
}

impl From<AlertEvent> for Event {
    fn from(event: AlertEvent) -> Self {
        Self::Alert(event)
    }
}

impl From<IncidentEvent> for Event {
    fn from(event: IncidentEvent) -> Self {
        Self::Incident(event)
    }
}

impl From<ScriptEvent> for Event {
    fn from(event: ScriptEvent) -> Self {
        Self::Script(event)
    }
}

impl From<LevelSet> for Event {
    fn from(set: LevelSet) -> Self {
        Self::Level(set)
    }
}

impl From<LossAccepted> for Event {
    fn from(accepted: LossAccepted) -> Self {
        Self::Log(accepted)
    }
}

/// An event ready for a store. `correlation` joins the events of one story (an order, a sale);
/// `causation` is the command that caused this one.
pub fn encode(id: Uuid, event: &impl Stored, correlation: Uuid, causation: Uuid) -> NewEvent {
    let metadata = metadata(correlation, causation);
    NewEvent { id, kind: event.kind().into(), data: event.json(), metadata }
}

/// Reads an event of the log.
pub fn decode(recorded: &Recorded) -> Result<Event, DecodeError> {
    let Recorded { kind, data, .. } = recorded;
    let event = if kind == DemandTick::KIND {
        from_json(data).map(Event::Demand)
    } else if kind == TrafficRecorded::KIND {
        from_json(data).map(Event::Traffic)
    } else if kind == LevelSet::KIND {
        from_json(data).map(Event::Level)
    } else if kind == LossAccepted::KIND {
        from_json(data).map(Event::Log)
    } else if let Some(event) = ItemEvent::from_json(kind, data) {
        event.map(Event::Item)
    } else if let Some(event) = SaleEvent::from_json(kind, data) {
        event.map(Event::Sale)
    } else if let Some(event) = AlertEvent::from_json(kind, data) {
        event.map(Event::Alert)
    } else if let Some(event) = IncidentEvent::from_json(kind, data) {
        event.map(Event::Incident)
    } else if let Some(event) = ScriptEvent::from_json(kind, data) {
        event.map(Event::Script)
    } else {
        Err("this version of doorbuster knows no event of this name".to_owned())
    };
    event.map_err(|problem| DecodeError {
        position: recorded.position.0,
        stream: recorded.stream.to_string(),
        revision: recorded.revision,
        kind: kind.clone(),
        problem,
    })
}

/// The metadata of an event, written by hand because it is written for every order.
pub fn metadata(correlation: Uuid, causation: Uuid) -> Vec<u8> {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let mut json = Vec::with_capacity(144);
    json.extend_from_slice(br#"{"$correlationId":""#);
    json.extend_from_slice(correlation.hyphenated().encode_lower(&mut text).as_bytes());
    json.extend_from_slice(br#"","$causationId":""#);
    json.extend_from_slice(causation.hyphenated().encode_lower(&mut text).as_bytes());
    json.extend_from_slice(br#"","schema":"#);
    json.extend_from_slice(SCHEMA.as_bytes());
    json.push(b'}');
    json
}

fn to_json(body: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(512);
    // The bodies are plain structs with string keys: there is nothing serde_json could refuse.
    #[expect(clippy::expect_used, reason = "see above; losing an event silently would be worse")]
    serde_json::to_writer(&mut json, body).expect("an event body is always JSON");
    json
}

fn from_json<T: DeserializeOwned>(data: &[u8]) -> Result<T, String> {
    // serde would read a struct from an array as well, and one of defaults from an empty array.
    if !data.trim_ascii_start().starts_with(b"{") {
        return Err("the body is not a JSON object".to_owned());
    }
    serde_json::from_slice(data).map_err(|error| error.to_string())
}
