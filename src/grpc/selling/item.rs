//! `ItemService`: steering of one item.

mod watch;

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tonic::{Request, Response, Status, async_trait};

use crate::{
    actors::{Answer, Deadline, Directory, StockDesk},
    domain::item::{Item, ItemCommand, ItemOutcome, Steer, SteerAction},
    events::Prices,
    grpc::{
        authenticator::Authenticator,
        convert::{self, levers, prices},
        proto::{self, WriteFields, WriteRequest, WriteResponse},
        status::CallError,
    },
    values::{Invalid, ItemId, RequestId},
};

pub(in crate::grpc) struct ItemApi {
    pub(in crate::grpc) items: Arc<Directory<Item>>,
    pub(in crate::grpc) stock: Arc<StockDesk>,
    pub(in crate::grpc) authenticator: Authenticator,
}

/// The answer to a steering command, before it is put into the message of its RPC.
struct Steered {
    outcome: Result<proto::Item, proto::Refusal>,
    revision: u64,
    position: u64,
}

impl ItemApi {
    async fn ask(
        &self,
        item: ItemId,
        command: ItemCommand,
        deadline: Option<Deadline>,
    ) -> Result<Steered, CallError> {
        let Answer { outcome, revision, position } =
            self.items.ask(item.0, command, deadline).await?;
        let outcome = match outcome {
            ItemOutcome::Item(view) => Ok(convert::item(*view)),
            ItemOutcome::Refused { refusal, available, quote, coupon } => {
                Err(convert::refusal(refusal, available, quote.map(|quote| *quote), coupon))
            }
            ItemOutcome::Misdirected(why) => return Err(why.into()),
            ItemOutcome::Order(_) | ItemOutcome::Quote { .. } => {
                return Err(CallError::internal("an item answered with something else", &"a bug"));
            }
        };
        Ok(Steered { outcome, revision, position: position.0 })
    }

    /// Reads the request of an act, and makes its response.
    async fn steer<T: WriteRequest, R>(
        &self,
        request: Request<T>,
        read: Reader<T>,
    ) -> Result<Response<R>, Status>
    where
        R: WriteResponse<Subject = proto::Item, Refusal = proto::Refusal>,
    {
        let Steered { outcome, revision, position } = self.steered(request, read).await?;
        Ok(Response::new(R::new(outcome, revision, position)))
    }

    async fn steered<T: WriteRequest>(
        &self,
        request: Request<T>,
        read: Reader<T>,
    ) -> Result<Steered, CallError> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, mut message) = request.into_parts();
        let WriteFields { request_id, subject_id, operator, reason } = message.take_fields();
        let Asked { action, new_warehouse } = read(message)?;
        let operator = self.authenticator.operator(&metadata, operator)?;
        let request_id = RequestId::parse("request_id", &request_id)?;
        let item = ItemId::parse("item_id", &subject_id)?;
        convert::steering(&operator, &reason)?;
        let steer = Steer { request_id, operator, reason, action, new_warehouse };
        self.ask(item, ItemCommand::Steer(steer), deadline).await
    }
}

/// What a request asks of an item.
struct Asked {
    action: SteerAction,
    new_warehouse: bool,
}

impl From<SteerAction> for Asked {
    fn from(action: SteerAction) -> Self {
        Self { action, new_warehouse: false }
    }
}

/// A name that may be left out, which is an empty text in a message.
fn named(name: String) -> Option<String> {
    (!name.is_empty()).then_some(name)
}

type Reader<T> = fn(T) -> Result<Asked, Invalid>;

#[async_trait]
impl proto::item_service_server::ItemService for ItemApi {
    type WatchStockStream =
        Pin<Box<dyn Stream<Item = Result<proto::WatchStockResponse, Status>> + Send>>;

    async fn get_item(
        &self,
        request: Request<proto::GetItemRequest>,
    ) -> Result<Response<proto::GetItemResponse>, Status> {
        let item = ItemId::parse("item_id", &request.get_ref().item_id).map_err(CallError::from)?;
        let Steered { outcome, revision, .. } = self.ask(item, ItemCommand::Show, None).await?;
        Ok(Response::new(proto::GetItemResponse { item: outcome.ok(), revision }))
    }

    async fn allocate_stock(
        &self,
        request: Request<proto::AllocateStockRequest>,
    ) -> Result<Response<proto::AllocateStockResponse>, Status> {
        self.steer(request, |r| {
            let action = SteerAction::allocate(r.warehouse, r.units, named(r.supplier))?;
            Ok(Asked { action, new_warehouse: r.new_warehouse })
        })
        .await
    }

    async fn set_reserve(
        &self,
        request: Request<proto::SetReserveRequest>,
    ) -> Result<Response<proto::SetReserveResponse>, Status> {
        self.steer(request, |r| {
            let action = SteerAction::set_reserve(r.warehouse, r.units)?;
            Ok(Asked { action, new_warehouse: r.new_warehouse })
        })
        .await
    }

    async fn move_stock(
        &self,
        request: Request<proto::MoveStockRequest>,
    ) -> Result<Response<proto::MoveStockResponse>, Status> {
        self.steer(request, |r| {
            let fields = ["from_warehouse", "to_warehouse"];
            let (from, to) = (r.from_warehouse, r.to_warehouse);
            let action = SteerAction::move_units(fields, from, to, r.units)?;
            Ok(Asked { action, new_warehouse: r.new_warehouse })
        })
        .await
    }

    async fn withdraw_stock(
        &self,
        request: Request<proto::WithdrawStockRequest>,
    ) -> Result<Response<proto::WithdrawStockResponse>, Status> {
        self.steer(request, |r| {
            Ok(SteerAction::withdraw(r.warehouse, r.units, named(r.supplier))?.into())
        })
        .await
    }

    async fn release_reserve(
        &self,
        request: Request<proto::ReleaseReserveRequest>,
    ) -> Result<Response<proto::ReleaseReserveResponse>, Status> {
        self.steer(request, |r| Ok(SteerAction::release_reserve(r.warehouse, r.units)?.into()))
            .await
    }

    async fn set_purchase_limit(
        &self,
        request: Request<proto::SetPurchaseLimitRequest>,
    ) -> Result<Response<proto::SetPurchaseLimitResponse>, Status> {
        self.steer(request, |r| {
            let fields = ["limit_per_buyer", "limit_per_order"];
            let (per_buyer, per_order) = (r.limit_per_buyer, r.limit_per_order);
            Ok(SteerAction::set_purchase_limit(fields, per_buyer, per_order)?.into())
        })
        .await
    }

    async fn set_prices(
        &self,
        request: Request<proto::SetPricesRequest>,
    ) -> Result<Response<proto::SetPricesResponse>, Status> {
        self.steer(request, |r| {
            let prices = Prices {
                unit_price_minor: r.unit_price_minor,
                floor_minor: r.floor_minor,
                steps: prices::steps(r.steps),
                time_prices: prices::time_prices(r.time_prices)?,
                returned_units: prices::returned_units(r.returned_units)?,
            };
            Ok(SteerAction::set_prices(prices)?.into())
        })
        .await
    }

    async fn set_offers(
        &self,
        request: Request<proto::SetOffersRequest>,
    ) -> Result<Response<proto::SetOffersResponse>, Status> {
        self.steer(request, |r| Ok(SteerAction::set_offers(prices::offers(r.offers)?)?.into()))
            .await
    }

    async fn set_gift_units(
        &self,
        request: Request<proto::SetGiftUnitsRequest>,
    ) -> Result<Response<proto::SetGiftUnitsResponse>, Status> {
        self.steer(request, |r| Ok(SteerAction::set_gift_units(r.offer, r.units)?.into())).await
    }

    async fn set_audience(
        &self,
        request: Request<proto::SetAudienceRequest>,
    ) -> Result<Response<proto::SetAudienceResponse>, Status> {
        self.steer(request, |r| {
            let audience = levers::draft_audience(r.audience.unwrap_or_default());
            Ok(SteerAction::set_audience(audience)?.into())
        })
        .await
    }

    async fn set_reserve_plan(
        &self,
        request: Request<proto::SetReservePlanRequest>,
    ) -> Result<Response<proto::SetReservePlanResponse>, Status> {
        self.steer(request, |r| {
            let steps = levers::reserve_plan("steps", r.steps)?;
            Ok(SteerAction::set_reserve_plan(steps)?.into())
        })
        .await
    }

    async fn pause_item(
        &self,
        request: Request<proto::PauseItemRequest>,
    ) -> Result<Response<proto::PauseItemResponse>, Status> {
        self.steer(request, |_| Ok(SteerAction::Pause.into())).await
    }

    async fn resume_item(
        &self,
        request: Request<proto::ResumeItemRequest>,
    ) -> Result<Response<proto::ResumeItemResponse>, Status> {
        self.steer(request, |_| Ok(SteerAction::Resume.into())).await
    }

    async fn close_item(
        &self,
        request: Request<proto::CloseItemRequest>,
    ) -> Result<Response<proto::CloseItemResponse>, Status> {
        self.steer(request, |_| Ok(SteerAction::Close.into())).await
    }

    async fn watch_stock(
        &self,
        request: Request<proto::WatchStockRequest>,
    ) -> Result<Response<Self::WatchStockStream>, Status> {
        let told = watch::watched(&self.stock, request.get_ref()).await?;
        Ok(Response::new(Box::pin(told)))
    }
}
