//! `CouponService`: coupons of a sale, claimed by buyers and steered by operators.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use tonic::{Request, Response, Status, async_trait, metadata::MetadataMap};

use crate::{
    actors::{Answer, Deadline, Directory, Sales},
    domain::{
        coupon::{
            BatchAction, BatchView, ClaimCoupon, CouponBatch, CouponCommand, CouponOutcome,
            GrantCoupon, SteerBatch,
        },
        sale::{SaleOutcome, SaleView},
    },
    events::CouponGrant,
    grpc::{
        authenticator::Authenticator,
        convert::{self, coupons},
        proto::{self, WriteResponse},
        status::CallError,
    },
    values::{BatchId, CouponId, Invalid, RequestId, SaleId},
};

/// Batches asked at once.
const ASKED_AT_ONCE: usize = 16;

pub(in crate::grpc) struct CouponApi {
    pub(in crate::grpc) coupons: Arc<Directory<CouponBatch>>,
    pub(in crate::grpc) sales: Sales,
    pub(in crate::grpc) authenticator: Authenticator,
}

/// What all steering requests have in common.
struct Steering {
    request_id: String,
    batch_id: String,
    operator: String,
    reason: String,
    action: BatchAction,
}

impl CouponApi {
    async fn ask(
        &self,
        batch: BatchId,
        command: CouponCommand,
        deadline: Option<Deadline>,
    ) -> Result<Answer<CouponOutcome>, CallError> {
        Ok(self.coupons.ask(batch.0, command, deadline).await?)
    }

    /// A write whose answer shows a coupon or a batch.
    async fn write<R>(
        &self,
        batch: BatchId,
        command: CouponCommand,
        deadline: Option<Deadline>,
    ) -> Result<Response<R>, CallError>
    where
        R: WriteResponse<Subject: Shown, Refusal = proto::CouponRefusal>,
    {
        let Answer { outcome, revision, position } = self.ask(batch, command, deadline).await?;
        let outcome = match outcome {
            CouponOutcome::Refused(reason) => Err(coupons::refusal(reason)),
            shown => Ok(R::Subject::shown(self, shown).await?),
        };
        Ok(Response::new(R::new(outcome, revision, position.0)))
    }

    /// The batch with the SKUs that it is for, which its sale knows.
    async fn shown(&self, view: BatchView) -> Result<proto::CouponBatch, CallError> {
        if view.terms.items.is_empty() {
            return Ok(coupons::batch(view, Vec::new()));
        }
        let sale = self.sale(view.sale_id).await?;
        let of =
            sale.plan.items.into_iter().filter(|item| view.terms.items.contains(&item.item_id));
        let skus = of.map(|item| item.sku).collect();
        Ok(coupons::batch(view, skus))
    }

    async fn sale(&self, sale: SaleId) -> Result<SaleView, CallError> {
        match self.sales.show(sale).await?.outcome {
            SaleOutcome::Sale(view) => Ok(*view),
            SaleOutcome::Misdirected(why) => Err(why.into()),
            SaleOutcome::Refused(why) => Err(CallError::internal("a question was refused", &why)),
        }
    }

    /// Reads request id, batch, operator and reason, which all acts have.
    fn steering(
        &self,
        metadata: &MetadataMap,
        read: Result<Steering, Invalid>,
    ) -> Result<(BatchId, SteerBatch), CallError> {
        let Steering { request_id, batch_id, operator, reason, action } = read?;
        let operator = self.authenticator.operator(metadata, operator)?;
        let request_id = RequestId::parse("request_id", &request_id)?;
        let batch = BatchId::parse("batch_id", &batch_id)?;
        convert::steering(&operator, &reason)?;
        Ok((batch, SteerBatch { request_id, operator, reason, action }))
    }

    async fn granted(
        &self,
        metadata: &MetadataMap,
        request: proto::GrantCouponRequest,
        deadline: Option<Deadline>,
    ) -> Result<Response<proto::GrantCouponResponse>, CallError> {
        let operator = self.authenticator.operator(metadata, request.operator)?;
        let request_id = RequestId::parse("request_id", &request.request_id)?;
        let batch = BatchId::parse("batch_id", &request.batch_id)?;
        let buyer = coupons::buyer(request.buyer)?;
        let cause = coupons::cause(request.cause)?;
        convert::steering(&operator, &request.reason)?;
        let grant = CouponGrant { cause, operator, reason: request.reason };
        let grant = CouponCommand::Grant(GrantCoupon { request_id, buyer, grant });
        self.write(batch, grant, deadline).await
    }

    /// The coupons of a buyer, by batch in the order of the sale.
    async fn listed(
        &self,
        request: proto::ListCouponsRequest,
    ) -> Result<Vec<proto::Coupon>, CallError> {
        let sale = SaleId::parse("sale_id", &request.sale_id)?;
        let buyer = convert::buyer(request.buyer)?;
        let batches = self.sale(sale).await?.plan.coupons;
        let asked = stream::iter(batches).map(|plan| {
            let command = CouponCommand::ShowBuyer { buyer: buyer.clone() };
            self.ask(plan.batch_id, command, None)
        });
        let answers: Vec<_> = asked.buffered(ASKED_AT_ONCE).try_collect().await?;
        let mut listed = Vec::new();
        for Answer { outcome, .. } in answers {
            match outcome {
                CouponOutcome::Coupons(coupons) => {
                    listed.extend(coupons.into_iter().map(coupons::coupon));
                }
                other => return Err(unexpected(other)),
            }
        }
        Ok(listed)
    }
}

/// What an answer is about, as a batch shows it.
trait Shown: Sized {
    async fn shown(api: &CouponApi, outcome: CouponOutcome) -> Result<Self, CallError>;
}

impl Shown for proto::Coupon {
    async fn shown(_: &CouponApi, outcome: CouponOutcome) -> Result<Self, CallError> {
        match outcome {
            CouponOutcome::Coupon(view) => Ok(coupons::coupon(view)),
            other => Err(unexpected(other)),
        }
    }
}

impl Shown for proto::CouponBatch {
    async fn shown(api: &CouponApi, outcome: CouponOutcome) -> Result<Self, CallError> {
        match outcome {
            CouponOutcome::Batch(view) => api.shown(*view).await,
            other => Err(unexpected(other)),
        }
    }
}

/// What is neither the subject of an answer nor a refusal.
fn unexpected(outcome: CouponOutcome) -> CallError {
    match outcome {
        CouponOutcome::Misdirected(why) => why.into(),
        CouponOutcome::Batch(_)
        | CouponOutcome::Coupon(_)
        | CouponOutcome::Coupons(_)
        | CouponOutcome::Redeemed(_)
        | CouponOutcome::Refused(_) => {
            CallError::internal("a batch answered with something else", &"a bug")
        }
    }
}

#[async_trait]
impl proto::coupon_service_server::CouponService for CouponApi {
    async fn claim_coupon(
        &self,
        request: Request<proto::ClaimCouponRequest>,
    ) -> Result<Response<proto::ClaimCouponResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let request = request.into_inner();
        let read = || {
            let request_id = RequestId::parse("request_id", &request.request_id)?;
            let batch = BatchId::parse("batch_id", &request.batch_id)?;
            let buyer = coupons::buyer(request.buyer)?;
            Ok((batch, ClaimCoupon { request_id, buyer }))
        };
        let (batch, claim) = read().map_err(|invalid: Invalid| CallError::from(invalid))?;
        Ok(self.write(batch, CouponCommand::Claim(claim), deadline).await?)
    }

    async fn grant_coupon(
        &self,
        request: Request<proto::GrantCouponRequest>,
    ) -> Result<Response<proto::GrantCouponResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, request) = request.into_parts();
        Ok(self.granted(&metadata, request, deadline).await?)
    }

    async fn close_batch(
        &self,
        request: Request<proto::CloseBatchRequest>,
    ) -> Result<Response<proto::CloseBatchResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, r) = request.into_parts();
        let steering = Steering {
            request_id: r.request_id,
            batch_id: r.batch_id,
            operator: r.operator,
            reason: r.reason,
            action: BatchAction::Close,
        };
        let (batch, steer) = self.steering(&metadata, Ok(steering))?;
        Ok(self.write(batch, CouponCommand::Steer(steer), deadline).await?)
    }

    async fn raise_budget(
        &self,
        request: Request<proto::RaiseBudgetRequest>,
    ) -> Result<Response<proto::RaiseBudgetResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, r) = request.into_parts();
        let steering = BatchAction::raise_budget(r.budget_minor).map(|action| Steering {
            request_id: r.request_id,
            batch_id: r.batch_id,
            operator: r.operator,
            reason: r.reason,
            action,
        });
        let (batch, steer) = self.steering(&metadata, steering)?;
        Ok(self.write(batch, CouponCommand::Steer(steer), deadline).await?)
    }

    async fn revoke_coupon(
        &self,
        request: Request<proto::RevokeCouponRequest>,
    ) -> Result<Response<proto::RevokeCouponResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, r) = request.into_parts();
        let steering = CouponId::parse("coupon_id", &r.coupon_id).map(|coupon| Steering {
            request_id: r.request_id,
            batch_id: r.batch_id,
            operator: r.operator,
            reason: r.reason,
            action: BatchAction::Revoke(coupon),
        });
        let (batch, steer) = self.steering(&metadata, steering)?;
        Ok(self.write(batch, CouponCommand::Steer(steer), deadline).await?)
    }

    async fn get_batch(
        &self,
        request: Request<proto::GetBatchRequest>,
    ) -> Result<Response<proto::GetBatchResponse>, Status> {
        let batch = BatchId::parse("batch_id", &request.get_ref().batch_id);
        let batch = batch.map_err(CallError::from)?;
        let Answer { outcome, revision, .. } = self.ask(batch, CouponCommand::Show, None).await?;
        let coupon_batch = Some(proto::CouponBatch::shown(self, outcome).await?);
        Ok(Response::new(proto::GetBatchResponse { coupon_batch, revision }))
    }

    async fn list_coupons(
        &self,
        request: Request<proto::ListCouponsRequest>,
    ) -> Result<Response<proto::ListCouponsResponse>, Status> {
        let coupons = self.listed(request.into_inner()).await?;
        Ok(Response::new(proto::ListCouponsResponse { coupons }))
    }
}
