//! Stream names: a category, a dash, a UUID.

use std::fmt;

use uuid::Uuid;

use crate::values::{BatchId, IncidentId, ItemId, SaleId};

/// The id of streams that there is one of for the whole service: what they are about has no id of
/// its own. UUIDv5 of the URL namespace and `doorbuster:service`.
pub const SERVICE: Uuid = Uuid::from_u128(0x2247887c_52f15f68_a2fbcd4d_b1f239f8);

/// What kind of thing a stream is about: the part of its name before the first dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Sale,
    Item,
    /// A batch of coupons of a sale.
    Coupon,
    /// What the orders of each buyer take of the limit over a whole sale.
    Quota,
    Demand,
    /// The exports of a sale's paid orders.
    Fulfilment,
    /// Beacons of a sale, under its id, or of a recording.
    Traffic,
    /// Alerts of a sale, under its id, or of the service as a whole.
    Alert,
    /// One incident.
    Incident,
    /// The wordings of customer service for one situation in one language.
    Script,
    /// How much of the service runs: one stream for all nodes.
    Level,
    /// What happened to the log itself: one stream.
    Log,
    /// The nodes that share the store: one stream for all of them, because a stream for each could
    /// only be found by reading the whole log.
    Node,
    /// What `doorbuster conformance` writes to see how a store behaves. No node reads it.
    Probe,
}

impl Category {
    /// All that nodes write and read.
    pub const ALL: [Self; 13] = [
        Self::Sale,
        Self::Item,
        Self::Coupon,
        Self::Quota,
        Self::Demand,
        Self::Fulfilment,
        Self::Traffic,
        Self::Alert,
        Self::Incident,
        Self::Script,
        Self::Level,
        Self::Log,
        Self::Node,
    ];

    /// As it stands in stream names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Item => "item",
            Self::Coupon => "coupon",
            Self::Quota => "quota",
            Self::Demand => "demand",
            Self::Fulfilment => "fulfilment",
            Self::Traffic => "traffic",
            Self::Alert => "alert",
            Self::Incident => "incident",
            Self::Script => "script",
            Self::Level => "level",
            Self::Log => "log",
            Self::Node => "node",
            Self::Probe => "probe",
        }
    }
}

/// The name of a stream. Small and copied freely; its text form is `item-<uuid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName {
    pub category: Category,
    pub id: Uuid,
}

impl StreamName {
    /// The stream of a sale.
    pub fn sale(id: SaleId) -> Self {
        Self { category: Category::Sale, id: id.0 }
    }

    /// The stream of an item and of its orders.
    pub fn item(id: ItemId) -> Self {
        Self { category: Category::Item, id: id.0 }
    }

    /// The stream of a batch of coupons.
    pub fn coupon(id: BatchId) -> Self {
        Self { category: Category::Coupon, id: id.0 }
    }

    /// The stream of what buyers take of the limit over a whole sale.
    pub fn quota(id: SaleId) -> Self {
        Self { category: Category::Quota, id: id.0 }
    }

    /// The stream of the demand for an item.
    pub fn demand(id: ItemId) -> Self {
        Self { category: Category::Demand, id: id.0 }
    }

    /// The stream of the exports of a sale.
    pub fn fulfilment(id: SaleId) -> Self {
        Self { category: Category::Fulfilment, id: id.0 }
    }

    /// The stream of the traffic of a sale.
    pub fn traffic(id: SaleId) -> Self {
        Self { category: Category::Traffic, id: id.0 }
    }

    /// The stream of the alerts of a sale; of the service as a whole where there is none.
    pub fn alerts(sale: Option<SaleId>) -> Self {
        Self { category: Category::Alert, id: sale.map_or(SERVICE, |sale| sale.0) }
    }

    /// The stream of an incident.
    pub fn incident(id: IncidentId) -> Self {
        Self { category: Category::Incident, id: id.0 }
    }

    /// The stream of the wordings for a situation in a language.
    pub fn script(situation: &str, language: &str) -> Self {
        let name = format!("{situation}/{language}");
        Self { category: Category::Script, id: Uuid::new_v5(&SERVICE, name.as_bytes()) }
    }

    /// The stream that says how much of the service runs.
    pub fn level() -> Self {
        Self { category: Category::Level, id: SERVICE }
    }

    /// The stream of what happened to the log itself.
    pub fn log() -> Self {
        Self { category: Category::Log, id: SERVICE }
    }

    /// The stream of the nodes that share the store.
    pub fn nodes() -> Self {
        Self { category: Category::Node, id: SERVICE }
    }

    /// Reads a stream name; `None` if it is not one that nodes write and read.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_of(text, &Category::ALL)
    }

    /// Reads the name of a stream that `doorbuster conformance` writes.
    pub fn parse_probe(text: &str) -> Option<Self> {
        Self::parse_of(text, &[Category::Probe])
    }

    fn parse_of(text: &str, categories: &[Category]) -> Option<Self> {
        let (category, id) = text.split_once('-')?;
        let category = categories.iter().copied().find(|known| known.name() == category)?;
        let id = Uuid::try_parse(id).ok().filter(|_| id.len() == 36)?;
        Some(Self { category, id })
    }

    /// The item this stream is about, if it is about one.
    pub fn item_id(self) -> Option<ItemId> {
        match self.category {
            Category::Item | Category::Demand => Some(ItemId(self.id)),
            Category::Sale
            | Category::Fulfilment
            | Category::Coupon
            | Category::Quota
            | Category::Traffic
            | Category::Alert
            | Category::Incident
            | Category::Script
            | Category::Level
            | Category::Log
            | Category::Node
            | Category::Probe => None,
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.category.name(), self.id)
    }
}
