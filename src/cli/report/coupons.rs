//! `report coupons`: claims, uses, denials, discounts and budgets by batch of coupons, and what the orders
//! of the sale take of its limit per buyer.

use crate::{
    cli::{
        Common,
        json::{shape, short},
        question::Fresh,
        rows::Column::{self, Money, Number, Text},
        whose::TheSale,
    },
    grpc::proto::{
        CouponFigures, GetCouponFiguresRequest, SaleLimitFigures,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report coupons`.
#[derive(Debug, clap::Args)]
pub struct Coupons {
    #[command(flatten)]
    sale: TheSale,
    #[command(flatten)]
    fresh: Fresh,
}

const COLUMNS: &[Column<CouponFigures>] = &[
    Text("COUPON", |batch| (&batch.coupon).into()),
    Number("COUPONS", |batch| batch.coupons.into()),
    Number("CLAIMED", |batch| batch.claimed_coupons.into()),
    Number("GRANTED", |batch| batch.granted_coupons.into()),
    Number("EARNED", |batch| batch.earned_coupons.into()),
    Number("REVOKED", |batch| batch.revoked_coupons.into()),
    Number("REDEEMED", |batch| batch.redeemed.into()),
    Number("RETURNED", |batch| batch.returned.into()),
    Number("DENIED", |batch| batch.denied.iter().map(|denied| denied.orders).sum::<i64>().into()),
    Text("DENIED FOR", |batch| reasons(batch).into()),
    Money("DISCOUNT", |batch| (&batch.discount).into()),
    Money("BUDGET", |batch| (&batch.budget).into()),
    Money("BUDGET LEFT", |batch| (&batch.budget_left).into()),
    Number("ORDERS PAID", |batch| batch.orders_paid.into()),
    Number("UNITS PAID", |batch| batch.units_paid.into()),
    Money("PAID DISCOUNT", |batch| (&batch.paid_discount).into()),
    Money("PAID", |batch| (&batch.paid).into()),
    Money("REFUNDED", |batch| (&batch.refunded).into()),
];

/// Why orders of a batch got no coupon, and how many did not.
fn reasons(batch: &CouponFigures) -> String {
    let reasons = batch.denied.iter().map(|denied| {
        let reason = short("COUPON_REASON_", denied.reason().as_str_name());
        format!("{reason} {}", denied.orders)
    });
    reasons.collect::<Vec<_>>().join(", ")
}

/// What orders take of the limit over a sale.
fn told(limit: &SaleLimitFigures) -> String {
    let SaleLimitFigures { limit_per_buyer, units, buyers, buyers_at_limit, orders_denied } = limit;
    format!(
        "limit over the sale: {limit_per_buyer} units per buyer; taken: {units} units of {buyers} \
         buyers, {buyers_at_limit} of them at the limit; orders cancelled over it: {orders_denied}"
    )
}

impl Coupons {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetCouponFiguresRequest {
            sale_id: self.sale.id()?.to_string(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let found = self.fresh.server.call(async |channel| {
            ReportServiceClient::new(channel).get_coupon_figures(request.clone()).await
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.coupons)?;
        if found.coupons.is_empty() {
            common.note("the sale has no coupons");
        }
        if let Some(limit) = &found.sale_limit {
            common.note(told(limit));
        }
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
