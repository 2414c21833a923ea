//! What a node sees to by itself: sales that a crash left half told, and items with unpaid orders,
//! whose units have to come back although nobody asks.

use futures_util::{StreamExt, stream};

use super::{Directory, Fault, Sales};
use crate::{
    domain::item::{Item, ItemCommand},
    values::{ItemId, SaleId},
};

/// Items woken at once: each is rebuilt from its whole stream.
const AT_ONCE: usize = 4;

/// After a start: carries out the sales that are not, and wakes the items of which units are on
/// hold. Both in the background of a server that already answers. Failures are logged: whoever asks
/// the item or the sale later has the same done.
pub async fn finish_and_wake(
    sales: &Sales,
    unfinished: Vec<SaleId>,
    items: &Directory<Item>,
    holding: Vec<ItemId>,
) {
    for sale in unfinished {
        match sales.finish(sale).await {
            Ok(()) => {}
            Err(Fault::LostOwnership) => tracing::debug!(%sale, "another node carries it out"),
            Err(fault) => {
                tracing::error!(%sale, %fault, "a sale could not be carried out at its items");
            }
        }
    }
    wake(items, holding).await;
}

/// Wakes items whose holds nobody ended in time: the node that would have is gone. Other nodes may
/// do the same at this moment; the first to write wins and the others have nothing left to do.
pub async fn wake_abandoned(items: &Directory<Item>, abandoned: Vec<ItemId>) {
    if !abandoned.is_empty() {
        tracing::info!(items = abandoned.len(), "ending holds that nobody ended in time");
    }
    wake(items, abandoned).await;
}

/// An item that is awake looks at its deadlines before anything else.
async fn wake(items: &Directory<Item>, holding: Vec<ItemId>) {
    stream::iter(holding)
        .for_each_concurrent(AT_ONCE, |item| async move {
            match items.ask(item.0, ItemCommand::Show, None).await {
                Ok(_) => {}
                Err(Fault::LostOwnership) => tracing::debug!(%item, "another node serves it"),
                Err(fault) => {
                    tracing::error!(%item, %fault, "an item with unpaid orders is not awake");
                }
            }
        })
        .await;
}
