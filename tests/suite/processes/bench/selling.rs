//! What a test asks of the items, batches and limit of the sale of a bench.

use doorbuster::{
    clock::new_request_id,
    domain::{
        coupon::{CouponCommand, CouponOutcome, CouponView, RedeemCoupon},
        item::{
            AwaitVerdict, ItemCommand, ItemOutcome, OrderView, PlaceMore, PlaceOrder, SettleAwait,
        },
        quota::{QuotaCommand, QuotaOutcome},
    },
    events::{CouponAsked, CouponNamed, IfDenied},
    values::{ItemId, OrderId},
};

use super::{Bench, sale};

impl Bench {
    /// The item of that SKU.
    pub fn item(&self, sku: &str) -> ItemId {
        sale().item_id(sku)
    }

    /// Ann places an order of 3 units that asks for a coupon by the code of the batch; gives its id.
    pub async fn place_with(&self, sku: &str, batch: &str, if_denied: IfDenied) -> OrderId {
        let item = sale().item_id(sku);
        let place = PlaceOrder::new(item, new_request_id(), "ann".to_owned(), 3, String::new());
        let coupon = Some(CouponAsked {
            batch_id: sale().batch_id(batch),
            named: CouponNamed::Code(batch.to_uppercase()),
            if_denied,
            skip_offers: true,
            max_total_minor: None,
        });
        let place = place.with(PlaceMore { coupon, ..PlaceMore::default() });
        let order = place.order_id;
        self.ask(item, ItemCommand::PlaceOrder(place)).await.unwrap();
        order
    }

    /// The batch decides about an order, and its item is not told.
    pub async fn redeem(&self, sku: &str, batch: &str, order_id: OrderId) -> CouponOutcome {
        let redeem = CouponCommand::Redeem(Box::new(RedeemCoupon {
            order_id,
            sale_id: sale(),
            item_id: sale().item_id(sku),
            buyer: "ann".to_owned(),
            base_minor: 3,
            coupon: CouponNamed::Code(batch.to_uppercase()),
            placed_at: self.now(),
        }));
        let coupons = self.receivers().coupons;
        coupons.ask(sale().batch_id(batch).0, redeem, None).await.unwrap().outcome
    }

    /// The item is told of what a batch decided.
    pub async fn settle(&self, sku: &str, order_id: OrderId, verdict: AwaitVerdict) {
        let settle = ItemCommand::SettleAwait(SettleAwait { order_id, verdict });
        self.ask(sale().item_id(sku), settle).await.unwrap();
    }

    /// An order as it stands.
    pub async fn order(&self, sku: &str, order_id: OrderId) -> OrderView {
        let items = self.receivers().items;
        let show = ItemCommand::ShowOrder { order_id, buyer: None };
        let shown = items.ask(sale().item_id(sku).0, show, None).await.unwrap().outcome;
        let ItemOutcome::Order(order) = shown else { panic!("{shown:?}") };
        order
    }

    /// Ann's only coupon of a batch; `None` where she has none.
    pub async fn coupon(&self, batch: &str) -> Option<CouponView> {
        let coupons = self.receivers().coupons;
        let show = CouponCommand::ShowBuyer { buyer: "ann".to_owned() };
        let shown = coupons.ask(sale().batch_id(batch).0, show, None).await.unwrap().outcome;
        let CouponOutcome::Coupons(mut coupons) = shown else { panic!("{shown:?}") };
        assert!(coupons.len() < 2, "{coupons:?}");
        coupons.pop()
    }

    /// Asks an item of the sale and gives its answer.
    pub async fn answer(&self, sku: &str, command: ItemCommand) -> ItemOutcome {
        let item = sale().item_id(sku);
        self.receivers().items.ask(item.0, command, None).await.unwrap().outcome
    }

    /// The coupons that a buyer has of a batch of the sale.
    pub async fn coupons(&self, batch: &str, buyer: &str) -> Vec<CouponView> {
        let show = CouponCommand::ShowBuyer { buyer: buyer.to_owned() };
        let coupons = self.receivers().coupons;
        match coupons.ask(sale().batch_id(batch).0, show, None).await.unwrap().outcome {
            CouponOutcome::Coupons(coupons) => coupons,
            other => panic!("{other:?}"),
        }
    }

    /// Asks a batch of the sale.
    pub async fn ask_batch(&self, batch: &str, command: CouponCommand) -> CouponOutcome {
        let coupons = self.receivers().coupons;
        coupons.ask(sale().batch_id(batch).0, command, None).await.unwrap().outcome
    }

    /// The limit over the sale is asked.
    pub async fn ask_quota(&self, command: QuotaCommand) -> QuotaOutcome {
        self.receivers().quotas.ask(sale().0, command, None).await.unwrap().outcome
    }
}
