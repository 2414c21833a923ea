//! Sales and their items: what a sale plans is carried out at its items.
//!
//! Creating a sale writes one event to the sale's stream and then tells each item. A crash between
//! the two leaves nothing half done for long: everything told to an item can be told again, and on
//! start `finish_and_wake` does so for every sale that is not carried out yet.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{Answer, Deadline, Directory, Fault};
use crate::{
    domain::{
        item::{AddItem, Item, ItemCommand, ItemOutcome, Steer, SteerAction},
        sale::{CreateSale, Pause, Sale, SaleCommand, SaleOutcome, SaleView, SteerSale},
    },
    events::{Act, ItemPlan, Position, SaleCreated},
    values::{RequestId, SaleId},
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
        deadline: Option<Deadline>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let command = SaleCommand::Create(Box::new(CreateSale { plan }));
        let answer = self.sales.ask(sale_id.0, command, deadline).await?;
        self.carried_out(answer).await
    }

    /// Closes a sale and each of its items for good.
    pub async fn close(
        &self,
        sale_id: SaleId,
        close: SteerSale,
        deadline: Option<Deadline>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let answer = self.sales.ask(sale_id.0, SaleCommand::Close(close), deadline).await?;
        self.carried_out(answer).await
    }

    /// Refuses new orders for all of its items until it is resumed.
    pub async fn pause(
        &self,
        sale_id: SaleId,
        pause: SteerSale,
        deadline: Option<Deadline>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let answer = self.sales.ask(sale_id.0, SaleCommand::Pause(pause), deadline).await?;
        self.carried_out(answer).await
    }

    /// Takes new orders again, but for items that were paused themselves.
    pub async fn resume(
        &self,
        sale_id: SaleId,
        resume: SteerSale,
        deadline: Option<Deadline>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let answer = self.sales.ask(sale_id.0, SaleCommand::Resume(resume), deadline).await?;
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
        let mut told = (**sale).clone();
        loop {
            answer.position = answer.position.max(self.tell_items(&told).await?);
            if told.pause.is_none() && told.closed.is_none() {
                return Ok(answer);
            }
            // Somebody else may have resumed what was being paused here, or the other way round, and
            // been told so: then what they said comes last.
            match self.show(told.sale_id).await?.outcome {
                SaleOutcome::Sale(now)
                    if (&now.pause, &now.closed) != (&told.pause, &told.closed) =>
                {
                    told = *now;
                }
                SaleOutcome::Sale(_) | SaleOutcome::Refused(_) | SaleOutcome::Misdirected(_) => {
                    return Ok(answer);
                }
            }
        }
    }

    /// Tells the items what the sale says, and gives the position of the last of their answers.
    async fn tell_items(&self, sale: &SaleView) -> Result<Position, Fault> {
        let plans = sale.plan.items.iter();
        let all: Vec<_> = plans.map(|plan| (plan.item_id.0, commands(sale, plan))).collect();
        let told = stream::iter(all).map(|(id, commands)| self.tell_all(id, commands));
        let mut told = told.buffer_unordered(ITEMS_AT_ONCE);
        let mut last = Position::START;
        while let Some(position) = told.try_next().await? {
            last = last.max(position);
        }
        Ok(last)
    }

    async fn tell_all(&self, id: Uuid, commands: Vec<ItemCommand>) -> Result<Position, Fault> {
        let mut last = Position::START;
        for command in commands {
            last = last.max(self.tell(id, command).await?.position);
        }
        Ok(last)
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

/// What an item of a sale is told, in this order.
fn commands(sale: &SaleView, plan: &ItemPlan) -> Vec<ItemCommand> {
    let steer = |act: &Act, action| {
        ItemCommand::Steer(Steer {
            request_id: of_item(act.request_id, plan.item_id.0),
            operator: act.operator.clone(),
            reason: act.reason.clone(),
            action,
            new_warehouse: false,
        })
    };
    if let Some(closed) = &sale.closed {
        return vec![steer(&closed.act, SteerAction::Close)];
    }
    let add = ItemCommand::Add(Box::new(AddItem {
        request_id: of_item(sale.plan.act.request_id, plan.item_id.0),
        sale_id: sale.sale_id,
        currency: sale.plan.currency,
        plan: plan.clone(),
        operator: sale.plan.act.operator.clone(),
    }));
    // The item may not be there yet, where a crash came before the end of the creation.
    match &sale.pause {
        None => vec![add],
        Some(Pause { on: true, act, .. }) => vec![add, steer(act, SteerAction::PauseWithSale)],
        Some(Pause { on: false, act, .. }) => vec![add, steer(act, SteerAction::ResumeWithSale)],
    }
}

/// The request that a sale's request causes at one of its items.
fn of_item(request: RequestId, item: Uuid) -> RequestId {
    RequestId(Uuid::new_v5(&request.0, item.as_bytes()))
}
