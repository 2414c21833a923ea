//! The coupon of an order, as arguments.

use crate::{
    cli::{failure::Failure, server::Server},
    crowd::channel::Channel,
    grpc::proto::{
        CouponChoice, GetItemRequest, IfCouponDenied, ListCouponsRequest,
        coupon_service_client::CouponServiceClient, item_service_client::ItemServiceClient,
    },
    values::{CouponId, Invalid},
};

/// A coupon that an order is to have.
#[derive(Debug, clap::Args)]
pub struct WithCoupon {
    /// A coupon that the buyer has
    #[arg(long, value_name = "COUPON", group = "which_coupon")]
    coupon: Option<String>,
    /// The shared code of a batch of coupons
    #[arg(long, value_name = "CODE", group = "which_coupon")]
    code: Option<String>,
    /// Id or name of the coupon's batch; looked up if omitted
    #[arg(long, value_name = "BATCH", requires = "which_coupon")]
    batch: Option<String>,
    /// What becomes of the order if the coupon is denied: cancel (default), or keep it without
    #[arg(long, value_name = "WHAT", value_parser = ["cancel", "keep"], requires = "which_coupon")]
    if_denied: Option<String>,
}

impl WithCoupon {
    /// What becomes of the order without its coupon.
    pub fn if_denied(&self) -> i32 {
        match self.if_denied.as_deref() {
            Some("keep") => IfCouponDenied::Keep.into(),
            Some(_) => IfCouponDenied::Cancel.into(),
            None => IfCouponDenied::Unspecified.into(),
        }
    }

    /// The coupon; asks the server for the batch of one that is named alone.
    pub fn choice(
        &self,
        server: &Server,
        item_id: &str,
        buyer: &str,
    ) -> anyhow::Result<Option<CouponChoice>> {
        let batch = self.batch.clone().unwrap_or_default();
        let Some(coupon) = &self.coupon else {
            let code = self.code.clone();
            return Ok(code.map(|code| CouponChoice { batch, code, ..CouponChoice::default() }));
        };
        let coupon_id = CouponId::parse("--coupon", coupon)?.to_string();
        let batch =
            if batch.is_empty() { batch_of(server, item_id, buyer, &coupon_id)? } else { batch };
        Ok(Some(CouponChoice { batch, coupon_id, ..CouponChoice::default() }))
    }
}

fn batch_of(server: &Server, item: &str, buyer: &str, coupon: &str) -> anyhow::Result<String> {
    let get = GetItemRequest { item_id: item.to_owned() };
    let found = server.call(async |channel: Channel| {
        ItemServiceClient::new(channel).get_item(get.clone()).await
    })?;
    let sale_id = found.item.unwrap_or_default().sale_id;
    let list = ListCouponsRequest { sale_id, buyer: buyer.to_owned() };
    let listed = server.call(async |channel: Channel| {
        CouponServiceClient::new(channel).list_coupons(list.clone()).await
    })?;
    let of = listed.coupons.into_iter().find(|of| of.coupon_id == coupon);
    let of = of.ok_or_else(|| {
        let problem = format!("is {coupon}, and buyer {buyer:?} has no such coupon of the sale");
        Failure::from(Invalid::new("--coupon", problem))
    })?;
    Ok(of.batch_id)
}
