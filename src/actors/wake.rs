//! After a start: carries out sales that a crash left half told, and wakes the items whose unpaid
//! orders have a deadline, so that their units come back although nobody asks.

use futures_util::{StreamExt, stream};

use super::{Directory, Sales};
use crate::{
    domain::item::{Item, ItemCommand},
    values::{ItemId, SaleId},
};

/// Items woken at once: each is rebuilt from its whole stream.
const AT_ONCE: usize = 4;

/// Does both, in the background of a server that already answers. Failures are logged: whoever
/// asks the item or the sale later has the same done.
pub async fn finish_and_wake(
    sales: &Sales,
    unfinished: Vec<SaleId>,
    items: &Directory<Item>,
    holding: Vec<ItemId>,
) {
    for sale in unfinished {
        if let Err(fault) = sales.finish(sale).await {
            tracing::error!(%sale, %fault, "a sale could not be carried out at its items");
        }
    }
    stream::iter(holding)
        .for_each_concurrent(AT_ONCE, |item| async move {
            if let Err(fault) = items.ask(item.0, ItemCommand::Show, None).await {
                tracing::error!(%item, %fault, "an item with unpaid orders could not be woken");
            }
        })
        .await;
}
