//! Units by price, nearly always all at one price: then they are kept without an allocation, because each
//! event of an order and each copy of it has them.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::price::OrderPart;

/// Units of an order by price, in the order of the ladder.
#[derive(Clone, Default)]
pub struct OrderParts(Kept);

#[derive(Clone, Default)]
enum Kept {
    #[default]
    None,
    One([OrderPart; 1]),
    Many(Vec<OrderPart>),
}

impl OrderParts {
    /// Whether the item had no ladder.
    pub fn is_none(&self) -> bool {
        self.is_empty()
    }

    /// Adds what comes next in the ladder.
    pub fn push(&mut self, part: OrderPart) {
        match &mut self.0 {
            Kept::None => self.0 = Kept::One([part]),
            Kept::One([first]) => self.0 = Kept::Many(vec![*first, part]),
            Kept::Many(parts) => parts.push(part),
        }
    }
}

impl Deref for OrderParts {
    type Target = [OrderPart];

    fn deref(&self) -> &[OrderPart] {
        match &self.0 {
            Kept::None => &[],
            Kept::One(part) => part,
            Kept::Many(parts) => parts,
        }
    }
}

impl FromIterator<OrderPart> for OrderParts {
    fn from_iter<I: IntoIterator<Item = OrderPart>>(all: I) -> Self {
        let mut parts = Self::default();
        all.into_iter().for_each(|part| parts.push(part));
        parts
    }
}

impl From<Vec<OrderPart>> for OrderParts {
    fn from(parts: Vec<OrderPart>) -> Self {
        Self::from_iter(parts)
    }
}

impl std::fmt::Debug for OrderParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.deref().fmt(f)
    }
}

impl PartialEq for OrderParts {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for OrderParts {}

impl Serialize for OrderParts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.deref().serialize(to)
    }
}

impl<'de> Deserialize<'de> for OrderParts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::deserialize(from).map(Self::from)
    }
}
