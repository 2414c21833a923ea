//! Events to records of the log and back.

use uuid::Uuid;

use super::{
    AlertEvent, CouponEvent, DemandTick, IncidentEvent, ItemEvent, LevelSet, LossAccepted,
    NewEvent, NodeEvent, OrderEvent, OrdersExported, QuotaEvent, Recorded, SaleEvent, ScriptEvent,
    Shown, Stored, TrafficRecorded, read_plain, stored::stored_union,
};

/// Version of the stored form, in the metadata of each event. Raise it when a stored form changes
/// in a way that serde's defaults do not cover, and upcast the older one in [`decode`].
const SCHEMA: &str = "1";

/// Any event of any family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Item(ItemEvent),
    Sale(SaleEvent),
    Coupon(CouponEvent),
    Quota(QuotaEvent),
    Demand(DemandTick),
    Fulfilment(OrdersExported),
    Traffic(TrafficRecorded),
    Alert(AlertEvent),
    Incident(IncidentEvent),
    Script(ScriptEvent),
    Level(LevelSet),
    Log(LossAccepted),
    Node(NodeEvent),
}

stored_union! { Event:
    Item(ItemEvent),
    Sale(SaleEvent),
    Coupon(CouponEvent),
    Quota(QuotaEvent),
    Demand(DemandTick),
    Fulfilment(OrdersExported),
    Traffic(TrafficRecorded),
    Level(LevelSet),
    Log(LossAccepted),
    Alert(AlertEvent),
    Incident(IncidentEvent),
    Script(ScriptEvent),
    Node(NodeEvent),
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

/// An event ready for a store. `correlation` joins the events of one story (an order, a sale);
/// `causation` is the command that caused this one.
pub fn encode(id: Uuid, event: &impl Stored, correlation: Uuid, causation: Uuid) -> NewEvent {
    let metadata = metadata(correlation, causation);
    NewEvent { id, kind: event.kind().into(), data: event.json(), metadata }
}

/// Reads an event of the log.
pub fn decode(recorded: &Recorded) -> Result<Event, DecodeError> {
    decode_shown(&recorded.shown())
}

/// The same, of an event that a store shows.
pub fn decode_shown(shown: &Shown<'_>) -> Result<Event, DecodeError> {
    let Shown { kind, data, .. } = *shown;
    let event = match read_plain(kind, data) {
        Some(order) => Ok(Event::Item(ItemEvent::Order(order))),
        None => Event::read(kind, data).unwrap_or_else(|| {
            Err("this version of doorbuster knows no event of this name".to_owned())
        }),
    };
    event.and_then(possible).map_err(|problem| DecodeError {
        position: shown.position.0,
        stream: shown.stream.to_string(),
        revision: shown.revision,
        kind: kind.to_owned(),
        problem,
    })
}

/// Refuses what no decider writes and no state can hold: a reader stops at it, as at everything else
/// that cannot be read.
fn possible(event: Event) -> Result<Event, String> {
    if let Event::Item(ItemEvent::Order(OrderEvent::Placed(placed))) = &event
        && u32::try_from(placed.units).is_err()
    {
        return Err(format!("an order cannot have {} units", placed.units));
    }
    Ok(event)
}

/// The metadata of an event, serialized by hand because it is written for every order.
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
