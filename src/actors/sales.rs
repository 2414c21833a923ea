//! Sales and their items: what a sale plans is carried out at its items.
//!
//! Creating a sale writes one event to the sale's stream and then tells each item and batch of coupons. What a crash between
//! the two leaves undone is done by the process manager [`TellItems`](super::process::TellItems), by the
//! same commands.

use std::sync::Arc;

use super::{
    Answer, Deadline, Directory, Fault,
    process::{batches, commands, tell, tell_batches},
};
use crate::{
    domain::{
        coupon::CouponBatch,
        item::Item,
        sale::{CreateSale, Sale, SaleCommand, SaleOutcome},
    },
    events::SaleCreated,
    values::SaleId,
};

/// The sales of a node.
#[derive(Clone)]
pub struct Sales {
    sales: Arc<Directory<Sale>>,
    items: Arc<Directory<Item>>,
    coupons: Arc<Directory<CouponBatch>>,
}

impl Sales {
    /// Sales, and the items and batches of coupons they are carried out at.
    pub fn new(
        sales: Arc<Directory<Sale>>,
        items: Arc<Directory<Item>>,
        coupons: Arc<Directory<CouponBatch>>,
    ) -> Self {
        Self { sales, items, coupons }
    }

    /// Puts a sale up with all its items and coupons. Returns once every item is on offer.
    pub async fn create(
        &self,
        sale_id: SaleId,
        plan: SaleCreated,
        deadline: Option<Deadline>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let command = SaleCommand::Create(Box::new(CreateSale { plan }));
        let mut answer = self.sales.ask(sale_id.0, command, deadline).await?;
        if let SaleOutcome::Sale(sale) = &answer.outcome {
            // Before the items are on offer: no order names a coupon that is not there.
            let created = tell_batches(&self.coupons, batches(sale)).await.map_err(half_done)?;
            answer.position = answer.position.max(created);
        }
        self.carried_out(answer).await
    }

    /// Steers a sale, and tells its items. Returns once all of them have been told.
    pub async fn steer(
        &self,
        sale_id: SaleId,
        command: SaleCommand,
        deadline: Option<Deadline>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let answer = self.sales.ask(sale_id.0, command, deadline).await?;
        self.carried_out(answer).await
    }

    /// The sale as it stands.
    pub async fn show(&self, sale_id: SaleId) -> Result<Answer<SaleOutcome>, Fault> {
        self.sales.ask(sale_id.0, SaleCommand::Show, None).await
    }

    /// Answers when all items have been told. The position is that of the last item's event, so
    /// that a query with it as `min_position` includes all items.
    async fn carried_out(
        &self,
        mut answer: Answer<SaleOutcome>,
    ) -> Result<Answer<SaleOutcome>, Fault> {
        let SaleOutcome::Sale(sale) = &answer.outcome else { return Ok(answer) };
        let mut told = (**sale).clone();
        loop {
            answer.position =
                answer.position.max(tell(&self.items, commands(&told)).await.map_err(half_done)?);
            if told.pause.is_none() && told.closed.is_none() && told.schedule.is_none() {
                return Ok(answer);
            }
            // Another call may have steered the sale meanwhile, and been answered: then its event is the last
            // one, and what was told here may have come after it.
            match self.show(told.sale_id).await.map_err(half_done)?.outcome {
                SaleOutcome::Sale(now)
                    if (&now.pause, &now.closed, &now.schedule)
                        != (&told.pause, &told.closed, &told.schedule) =>
                {
                    told = *now;
                }
                SaleOutcome::Sale(_) | SaleOutcome::Refused(_) | SaleOutcome::Misdirected(_) => {
                    return Ok(answer);
                }
            }
        }
    }
}

/// The sale is changed, so no answer may say that nothing happened. The items that were not told are told by
/// the process manager, or by the request that is repeated.
fn half_done(fault: Fault) -> Fault {
    match fault {
        Fault::Overloaded | Fault::LostOwnership | Fault::DeadlineExceeded => {
            Fault::StoreUnavailable(format!("not all items of the sale are told: {fault}"))
        }
        Fault::StoreUnavailable(_) | Fault::Unreadable(_) | Fault::Stopping => fault,
    }
}
