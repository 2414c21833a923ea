//! What became of the coupons of a sale, and of its limit per buyer over all items.

use super::rows::money;
use crate::{
    events::CouponReason,
    grpc::{ReadSide, convert, proto, status::CallError},
    projections::coupons,
    reports::{CouponFigures, CouponFiguresQuery, SaleLimitFigures},
    values::SaleId,
};

impl ReadSide {
    pub(in crate::grpc) async fn coupon_figures(
        &self,
        request: proto::GetCouponFiguresRequest,
    ) -> Result<proto::GetCouponFiguresResponse, CallError> {
        let sale_id = SaleId::parse("sale_id", &request.sale_id)?;
        let query = CouponFiguresQuery { sale_id };
        let report = self
            .ask_as_of(coupons::NAME, request.min_position, request.as_of, move |reports| {
                reports.coupon_figures(&query)
            })
            .await?;
        Ok(proto::GetCouponFiguresResponse {
            coupons: report.batches.iter().map(figures).collect(),
            freshness: Some(self.freshness(coupons::NAME, report.checkpoint)),
            sale_limit: report.limit.map(limit),
        })
    }
}

fn figures(batch: &CouponFigures) -> proto::CouponFigures {
    let money = |minor| Some(money(&batch.currency, minor));
    proto::CouponFigures {
        batch_id: batch.batch_id.to_string(),
        coupon: batch.name.clone(),
        coupons: batch.coupons,
        claimed_coupons: batch.claimed,
        granted_coupons: batch.granted,
        revoked_coupons: batch.revoked,
        redeemed: batch.redeemed,
        returned: batch.returned,
        budget: money(batch.budget_minor),
        discount: money(batch.discount_minor),
        budget_left: money(batch.budget_left_minor()),
        orders_paid: batch.paid.orders,
        paid_discount: money(batch.paid.discount_minor),
        paid: money(batch.paid.paid_minor),
        refunded: money(batch.paid.refunded_minor),
        closed_time: batch.closed.map(convert::timestamp),
        code: batch.code.clone().unwrap_or_default(),
        earned_coupons: batch.earned,
        denied: batch.denied.iter().map(|denied| self::denied(*denied)).collect(),
        units_paid: batch.paid.units,
    }
}

fn denied((reason, orders): (CouponReason, i64)) -> proto::CouponsDenied {
    proto::CouponsDenied { reason: convert::coupons::reason(reason).into(), orders }
}

fn limit(limit: SaleLimitFigures) -> proto::SaleLimitFigures {
    proto::SaleLimitFigures {
        limit_per_buyer: limit.per_buyer,
        units: limit.units,
        buyers: limit.buyers,
        buyers_at_limit: limit.buyers_at_limit,
        orders_denied: limit.orders_denied,
    }
}
