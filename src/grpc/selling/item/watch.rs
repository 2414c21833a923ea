//! `WatchStock`: the units left of items, as they change.

use std::{collections::HashSet, sync::Arc};

use futures_util::{Stream, stream::try_unfold};
use tonic::Status;

use crate::{
    actors::{Fault, ItemStock, NotWatched, StockDesk, StockTold, StockWatcher},
    grpc::{convert, proto, status::CallError},
    reports::{ReportError, StockState},
    values::{Invalid, ItemId, SaleId},
};

/// Items that one stream may ask for by their ids.
const ITEMS_MAX: usize = 100;

/// What is watched.
#[derive(Debug)]
enum Asked {
    Sale(SaleId),
    /// Some items of one sale.
    Items(Vec<ItemId>),
}

impl From<NotWatched> for CallError {
    fn from(why: NotWatched) -> Self {
        match why {
            NotWatched::TooMany => Self::crowded(),
            NotWatched::Stopping => Fault::Stopping.into(),
            NotWatched::Unknown(error) => error.into(),
        }
    }
}

/// What happens to the stock, until the client goes; the server that stops says so.
pub(super) async fn watched(
    desk: &Arc<StockDesk>,
    request: &proto::WatchStockRequest,
) -> Result<impl Stream<Item = Result<proto::WatchStockResponse, Status>> + use<>, CallError> {
    let asked = asked(request)?;
    let (watcher, items) = begin(desk, asked).await?;
    Ok(try_unfold((watcher, items), |(mut watcher, items)| async move {
        loop {
            let Some(next) = watcher.next().await else {
                return Err(CallError::from(Fault::Stopping).into());
            };
            let told = told(&next, &items);
            // Of the items that are watched nothing changed, where others did.
            if next.all || !told.items.is_empty() || next.items().next().is_none() {
                return Ok(Some((told, (watcher, items))));
            }
        }
    }))
}

fn asked(request: &proto::WatchStockRequest) -> Result<Asked, Invalid> {
    let proto::WatchStockRequest { sale_id, item_ids } = request;
    if item_ids.is_empty() {
        return SaleId::parse("sale_id", sale_id).map(Asked::Sale);
    }
    if !sale_id.is_empty() {
        return Err(Invalid::new("item_ids", "must not be given with sale_id"));
    }
    if item_ids.len() > ITEMS_MAX {
        let problem = format!("must be at most {ITEMS_MAX}, not {}", item_ids.len());
        return Err(Invalid::new("item_ids", problem));
    }
    let item = |(at, id): (usize, &String)| ItemId::parse(&format!("item_ids[{at}]"), id);
    Ok(Asked::Items(item_ids.iter().enumerate().map(item).collect::<Result<_, _>>()?))
}

/// The watcher of the sale, and the items that are told; all of them if empty.
async fn begin(
    desk: &Arc<StockDesk>,
    asked: Asked,
) -> Result<(StockWatcher, HashSet<ItemId>), CallError> {
    let items = match asked {
        Asked::Sale(sale) => return Ok((desk.watch(sale).await?, HashSet::new())),
        Asked::Items(items) => items,
    };
    let sales = desk.sales_of_items(&items).await?;
    let mut of = None;
    for (at, sale) in sales.into_iter().enumerate() {
        let sale = sale.ok_or(ReportError::NotFound("item_ids"))?;
        if *of.get_or_insert(sale) != sale {
            let problem = "is of another sale than item_ids[0]";
            return Err(Invalid::new(format!("item_ids[{at}]"), problem).into());
        }
    }
    let sale = of.ok_or(ReportError::NotFound("item_ids"))?;
    Ok((desk.watch(sale).await?, items.into_iter().collect()))
}

fn told(told: &StockTold, items: &HashSet<ItemId>) -> proto::WatchStockResponse {
    let is_watched = |item: &&ItemStock| items.is_empty() || items.contains(&item.item_id);
    proto::WatchStockResponse {
        items: told.items().filter(is_watched).map(item_stock).collect(),
        server_time: Some(convert::timestamp(told.round.at)),
        position: told.round.position.0,
    }
}

fn item_stock(item: &ItemStock) -> proto::ItemStock {
    let state = match item.state {
        StockState::NotOpenYet => proto::StockState::NotOpenYet,
        StockState::Open => proto::StockState::Open,
        StockState::SoldOut => proto::StockState::SoldOut,
        StockState::Paused => proto::StockState::Paused,
        StockState::Closed => proto::StockState::Closed,
    };
    proto::ItemStock {
        item_id: item.item_id.to_string(),
        sku: item.sku.clone(),
        state: state.into(),
        available_units: item.available_units,
    }
}
