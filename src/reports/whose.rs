//! Whose figures: of all items of a sale, or of one item.

use rusqlite::{OptionalExtension, Transaction};
use uuid::Uuid;

use super::ReportError;
use crate::values::{Invalid, ItemId, SaleId};

/// A sale or an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Sale(SaleId),
    Item(ItemId),
}

impl Whose {
    /// Exactly one of sale and item.
    ///
    /// # Errors
    /// When both are given or none is.
    pub fn of(sale_id: Option<SaleId>, item_id: Option<ItemId>) -> Result<Self, Invalid> {
        match (sale_id, item_id) {
            (Some(sale), None) => Ok(Self::Sale(sale)),
            (None, Some(item)) => Ok(Self::Item(item)),
            (Some(_), Some(_)) => Err(Invalid::new("item_id", "must not be given with sale_id")),
            (None, None) => Err(Invalid::new("sale_id", "or item_id is missing")),
        }
    }

    /// The condition on rows of `items`, with one parameter: [`Whose::key`].
    pub(super) fn items(self) -> &'static str {
        match self {
            Self::Sale(_) => "sale_id = ?",
            Self::Item(_) => "item_id = ?",
        }
    }

    /// The condition on rows with an item's number, with one parameter: [`Whose::key`].
    pub(super) fn numbers(self) -> &'static str {
        match self {
            Self::Sale(_) => "item IN (SELECT number FROM items WHERE sale_id = ?)",
            Self::Item(_) => "item IN (SELECT number FROM items WHERE item_id = ?)",
        }
    }

    pub(super) fn id(self) -> Uuid {
        match self {
            Self::Sale(SaleId(id)) | Self::Item(ItemId(id)) => id,
        }
    }

    pub(super) fn key(self) -> Vec<u8> {
        self.id().as_bytes().to_vec()
    }

    /// Refuses what no item in a read model is of.
    pub(super) fn must_be_known(self, rows: &Transaction<'_>) -> Result<(), ReportError> {
        let known = format!("SELECT 1 FROM items WHERE {} LIMIT 1", self.items());
        let known = rows.query_row(&known, [self.key()], |_| Ok(())).optional()?;
        known.ok_or(self.unknown())
    }

    /// That no item is of it.
    pub(super) fn unknown(self) -> ReportError {
        ReportError::NotFound(match self {
            Self::Sale(_) => "sale_id",
            Self::Item(_) => "item_id",
        })
    }
}
