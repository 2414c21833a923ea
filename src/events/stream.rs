//! Stream names: a category, a dash, a UUID.

use std::fmt;

use uuid::Uuid;

use crate::values::{ItemId, SaleId};

/// What kind of thing a stream is about: the part of its name before the first dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Sale,
    Item,
    Demand,
    /// Beacons of a sale, under its id, or of a recording.
    Traffic,
    /// What `doorbuster conformance` writes to see how a store behaves. No node reads it.
    Probe,
}

impl Category {
    /// All that nodes write and read.
    pub const ALL: [Self; 4] = [Self::Sale, Self::Item, Self::Demand, Self::Traffic];

    /// As it stands in stream names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Item => "item",
            Self::Demand => "demand",
            Self::Traffic => "traffic",
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

    /// The stream of the demand for an item.
    pub fn demand(id: ItemId) -> Self {
        Self { category: Category::Demand, id: id.0 }
    }

    /// The stream of the traffic of a sale.
    pub fn traffic(id: SaleId) -> Self {
        Self { category: Category::Traffic, id: id.0 }
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
            Category::Sale | Category::Traffic | Category::Probe => None,
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.category.name(), self.id)
    }
}
