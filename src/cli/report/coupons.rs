//! `report coupons`: claims, uses, discounts and budgets by batch of coupons.

use crate::{
    cli::{
        Common,
        json::shape,
        question::Fresh,
        rows::Column::{self, Money, Number, Text},
        whose::TheSale,
    },
    grpc::proto::{
        CouponFigures, GetCouponFiguresRequest, report_service_client::ReportServiceClient,
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
    Number("REVOKED", |batch| batch.revoked_coupons.into()),
    Number("REDEEMED", |batch| batch.redeemed.into()),
    Number("RETURNED", |batch| batch.returned.into()),
    Money("DISCOUNT", |batch| (&batch.discount).into()),
    Money("BUDGET", |batch| (&batch.budget).into()),
    Money("BUDGET LEFT", |batch| (&batch.budget_left).into()),
    Number("ORDERS PAID", |batch| batch.orders_paid.into()),
    Money("PAID DISCOUNT", |batch| (&batch.paid_discount).into()),
    Money("PAID", |batch| (&batch.paid).into()),
    Money("REFUNDED", |batch| (&batch.refunded).into()),
];

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
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
