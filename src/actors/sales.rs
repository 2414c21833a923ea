//! Sales and their items: what a sale plans is carried out at its items.
//!
//! Creating a sale writes one event to the sale's stream and then tells each item. A crash between
//! the two leaves nothing half done for long: everything told to an item can be told again, and on
//! start `finish_and_wake` does so for every sale that is not carried out yet.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{Answer, Directory, Fault};
use crate::{
    domain::{
        item::{AddItem, Item, ItemCommand, ItemOutcome, Steer, SteerAction},
        sale::{CloseSale, CreateSale, Sale, SaleCommand, SaleOutcome, SaleView},
    },
    events::SaleCreated,
    values::{RequestId, SaleId, UnixMs},
};

/// Items told at once.
const ITEMS_AT_ONCE: usize = 64;

/// How often an item is told before another node's writing to it counts as a failure: what it wrote
/// is most likely what it is told here.
const TRIES_MAX: usize = 3;

/// The sales of a node.
#[derive(Clone)]
pub struct Sales {
    sales: Arc<Directory<Sale>>,
    items: Arc<Directory<Item>>,
}

impl Sales {
    /// Sales and the items they are carried out at.
    pub fn new(sales: Arc<Directory<Sale>>, items: Arc<Directory<Item>>) -> Self {
        Self { sales, items }
    }

    /// Puts a sale up with all its items. Returns once every item is on offer.
    pub async fn create(
        &self,
        sale_id: SaleId,
        plan: SaleCreated,
        deadline: Option<UnixMs>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let command = SaleCommand::Create(Box::new(CreateSale { plan }));
        let answer = self.sales.ask(sale_id.0, command, deadline).await?;
        self.carried_out(answer).await
    }

    /// Closes a sale and each of its items for good.
    pub async fn close(
        &self,
        sale_id: SaleId,
        close: CloseSale,
        deadline: Option<UnixMs>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let answer = self.sales.ask(sale_id.0, SaleCommand::Close(close), deadline).await?;
        self.carried_out(answer).await
    }

    /// The sale as it stands.
    pub async fn show(&self, sale_id: SaleId) -> Result<Answer<SaleOutcome>, Fault> {
        self.sales.ask(sale_id.0, SaleCommand::Show, None).await
    }

    /// Tells the items of a sale again what the sale says.
    pub(super) async fn finish(&self, sale_id: SaleId) -> Result<(), Fault> {
        let answer = self.show(sale_id).await?;
        self.carried_out(answer).await.map(drop)
    }

    /// Answers only when the items know. The position is then that of the last item's event, so
    /// that whoever passes it as `min_position` sees all items.
    async fn carried_out(
        &self,
        mut answer: Answer<SaleOutcome>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let SaleOutcome::Sale(sale) = &answer.outcome else { return Ok(answer) };
        let told = stream::iter(commands(sale)).map(|(id, command)| self.tell(id, command));
        let mut told = told.buffer_unordered(ITEMS_AT_ONCE);
        while let Some(item) = told.try_next().await? {
            answer.position = answer.position.max(item.position);
        }
        drop(told);
        Ok(answer)
    }

    async fn tell(&self, id: Uuid, command: ItemCommand) -> Result<Answer<ItemOutcome>, Fault> {
        for _ in 1..TRIES_MAX {
            match self.items.ask(id, command.clone(), None).await {
                Err(Fault::LostOwnership) => {}
                answer => return answer,
            }
        }
        self.items.ask(id, command, None).await
    }
}

/// What the items of a sale are told.
fn commands(sale: &SaleView) -> Vec<(Uuid, ItemCommand)> {
    let closing = sale.closed.as_ref();
    let plans = sale.plan.items.iter();
    plans
        .map(|plan| {
            let id = plan.item_id.0;
            let command = match closing {
                None => ItemCommand::Add(Box::new(AddItem {
                    request_id: of_item(sale.plan.act.request_id, id),
                    sale_id: sale.sale_id,
                    currency: sale.plan.currency,
                    plan: plan.clone(),
                    operator: sale.plan.act.operator.clone(),
                })),
                Some(closed) => ItemCommand::Steer(Steer {
                    request_id: of_item(closed.act.request_id, id),
                    operator: closed.act.operator.clone(),
                    reason: closed.act.reason.clone(),
                    action: SteerAction::Close,
                }),
            };
            (id, command)
        })
        .collect()
}

/// The request that a sale's request causes at one of its items.
fn of_item(request: RequestId, item: Uuid) -> RequestId {
    RequestId(Uuid::new_v5(&request.0, item.as_bytes()))
}
