//! What a process asks of an aggregate, and how it is asked.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    actors::{AwaitDesk, Directory, Fault, ServiceLevelDesk},
    domain::{
        Misdirected,
        coupon::{CouponBatch, CouponCommand, CouponOutcome},
        incident::{Incident, IncidentCommand, IncidentStep},
        item::{Item, ItemCommand},
        quota::Quota,
        sale::{Sale, SaleCommand, SaleOutcome, SaleView},
        service_level::SetServiceLevel,
    },
    events::Position,
    values::{BatchId, IncidentId, ItemId, OrderId, SaleId},
};

/// Aggregates asked at once.
const ASKED_AT_ONCE: usize = 64;

/// Commands for one aggregate, sent one after the other.
#[derive(Debug, Clone)]
pub enum Ask {
    Item(ItemId, Vec<ItemCommand>),
    Coupon(BatchId, CouponCommand),
    /// Whatever is open of an order.
    LookAfter(ItemId, OrderId),
    Level(SetServiceLevel),
    Incident(IncidentId, Box<IncidentStep>),
}

/// The aggregates that a process may ask.
#[derive(Clone)]
pub struct Receivers {
    pub sales: Arc<Directory<Sale>>,
    pub items: Arc<Directory<Item>>,
    pub coupons: Arc<Directory<CouponBatch>>,
    pub awaits: AwaitDesk,
    pub quotas: Arc<Directory<Quota>>,
    pub incidents: Arc<Directory<Incident>>,
    pub levels: ServiceLevelDesk,
}

impl Receivers {
    /// A sale as it stands.
    pub(super) async fn sale(&self, id: SaleId) -> Result<SaleView, Fault> {
        match self.sales.ask(id.0, SaleCommand::Show, None).await?.outcome {
            SaleOutcome::Sale(view) => Ok(*view),
            SaleOutcome::Misdirected(why) => Err(Fault::Unreadable(why.to_string())),
            SaleOutcome::Refused(why) => Err(Fault::Unreadable(why.sentence().into())),
        }
    }

    /// Asks all, until one cannot be asked. A refusal is an answer.
    pub(super) async fn ask(&self, asks: Vec<Ask>) -> Result<(), Fault> {
        let asked = stream::iter(asks).map(|ask| self.ask_one(ask));
        let mut asked = asked.buffer_unordered(ASKED_AT_ONCE);
        while let Some(()) = asked.try_next().await? {}
        Ok(())
    }

    async fn ask_one(&self, ask: Ask) -> Result<(), Fault> {
        match ask {
            Ask::Item(id, commands) => tell_one(&self.items, id, commands).await.map(drop),
            Ask::Coupon(id, command) => {
                match self.coupons.ask(id.0, command, None).await?.outcome {
                    // The sale planned the batch, and tells it soon.
                    CouponOutcome::Misdirected(why)
                        if why == Misdirected::not_found("batch_id") =>
                    {
                        Err(Fault::StoreUnavailable(why.to_string()))
                    }
                    _ => Ok(()),
                }
            }
            Ask::LookAfter(item, order) => self.awaits.look_after(item, order).await,
            Ask::Level(set) => self.levels.set(set, None).await.map(drop),
            Ask::Incident(id, step) => {
                self.incidents.ask(id.0, IncidentCommand::Take(step), None).await.map(drop)
            }
        }
    }
}

/// Sends commands to items; gives the position of the last answer.
pub(in crate::actors) async fn tell(
    items: &Directory<Item>,
    commands: Vec<(ItemId, Vec<ItemCommand>)>,
) -> Result<Position, Fault> {
    let told = stream::iter(commands).map(|(id, commands)| tell_one(items, id, commands));
    let mut told = told.buffer_unordered(ASKED_AT_ONCE);
    let mut last = Position::START;
    while let Some(position) = told.try_next().await? {
        last = last.max(position);
    }
    Ok(last)
}

/// Sends one command to each batch of coupons; gives the position of the last answer.
pub(in crate::actors) async fn tell_batches(
    coupons: &Directory<CouponBatch>,
    commands: Vec<(BatchId, CouponCommand)>,
) -> Result<Position, Fault> {
    let told = stream::iter(commands).map(|(id, command)| coupons.ask(id.0, command, None));
    let mut told = told.buffer_unordered(ASKED_AT_ONCE);
    let mut last = Position::START;
    while let Some(answer) = told.try_next().await? {
        last = last.max(answer.position);
    }
    Ok(last)
}

async fn tell_one(
    items: &Directory<Item>,
    id: ItemId,
    commands: Vec<ItemCommand>,
) -> Result<Position, Fault> {
    let mut last = Position::START;
    for command in commands {
        last = last.max(items.ask(id.0, command, None).await?.position);
    }
    Ok(last)
}
