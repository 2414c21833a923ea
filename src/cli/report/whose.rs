//! Whose figures a verb asks for: `--sale` or `--item`, exactly one of them.

use crate::cli::order_list::{item_id, sale_id};

/// A sale or an item.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// Of this sale
    #[arg(long)]
    sale: Option<String>,
    /// Of this item
    #[arg(long)]
    item: Option<String>,
}

impl Whose {
    /// `sale_id`, checked; empty where it was not given.
    pub fn sale_id(&self) -> anyhow::Result<String> {
        sale_id(self.sale.as_deref())
    }

    /// `item_id`, checked; empty where it was not given.
    pub fn item_id(&self) -> anyhow::Result<String> {
        item_id(self.item.as_deref())
    }
}
