//! Which sale or item a verb is about. Every verb takes the id of a sale both ways, `SALE` and
//! `--sale SALE`, so that users need not know which verb takes which.

use super::failure::Failure;
use crate::values::{Invalid, ItemId, SaleId};

/// One sale, which must be named.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct TheSale {
    /// The sale
    #[arg(value_name = "SALE", id = "the_sale")]
    positional: Option<String>,
    /// The same as SALE
    #[arg(long = "sale", value_name = "SALE", id = "the_sale_named")]
    named: Option<String>,
}

/// One sale, or none in particular.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(multiple = false)]
pub struct AnySale {
    /// Of this sale only
    #[arg(value_name = "SALE", id = "any_sale")]
    positional: Option<String>,
    /// The same as SALE
    #[arg(long = "sale", value_name = "SALE", id = "any_sale_named")]
    named: Option<String>,
}

/// Exactly one of a sale and an item.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// Of this sale
    #[arg(value_name = "SALE", id = "whose_sale")]
    positional: Option<String>,
    /// The same as SALE
    #[arg(long = "sale", value_name = "SALE", id = "whose_sale_named")]
    named: Option<String>,
    /// Of this item
    #[arg(long, value_name = "ITEM", id = "whose_item")]
    item: Option<String>,
}

/// A sale, an item, both or neither.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Filter {
    #[command(flatten)]
    sale: AnySale,
    /// Of this item only
    #[arg(long, value_name = "ITEM")]
    item: Option<String>,
}

impl TheSale {
    /// The sale, checked.
    pub fn id(&self) -> Result<SaleId, Failure> {
        let sale = sale(self.positional.as_deref(), self.named.as_deref())?;
        Ok(sale.ok_or_else(|| Invalid::new("SALE", "is missing"))?)
    }
}

impl AnySale {
    /// The sale, checked, where one is named.
    pub fn id(&self) -> Result<Option<SaleId>, Failure> {
        sale(self.positional.as_deref(), self.named.as_deref())
    }

    /// The same as requests say it: empty where none is named.
    pub fn sale_id(&self) -> Result<String, Failure> {
        Ok(text(self.id()?))
    }
}

impl Whose {
    /// The sale as requests say it; empty where an item is named.
    pub fn sale_id(&self) -> Result<String, Failure> {
        Ok(text(sale(self.positional.as_deref(), self.named.as_deref())?))
    }

    /// The item as requests say it; empty where a sale is named.
    pub fn item_id(&self) -> Result<String, Failure> {
        item_id(self.item.as_deref())
    }
}

impl Filter {
    /// The sale as requests say it; empty where none is named.
    pub fn sale_id(&self) -> Result<String, Failure> {
        self.sale.sale_id()
    }

    /// The item as requests say it; empty where none is named.
    pub fn item_id(&self) -> Result<String, Failure> {
        item_id(self.item.as_deref())
    }
}

fn sale(positional: Option<&str>, named: Option<&str>) -> Result<Option<SaleId>, Failure> {
    let positional = positional.map(|text| SaleId::parse("SALE", text));
    let named = named.map(|text| SaleId::parse("--sale", text));
    Ok(positional.or(named).transpose()?)
}

/// An item as requests say it; empty where none is named.
pub fn item_id(named: Option<&str>) -> Result<String, Failure> {
    let item = named.map(|text| ItemId::parse("--item", text)).transpose()?;
    Ok(item.map(|item| item.to_string()).unwrap_or_default())
}

fn text(sale: Option<SaleId>) -> String {
    sale.map(|sale| sale.to_string()).unwrap_or_default()
}
