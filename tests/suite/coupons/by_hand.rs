//! `report coupons` of a small sale against figures that were counted by hand, and the board and the
//! post-mortem against the report.

use doorbuster::{
    grpc::proto::{
        self, CouponDraft, CouponReason, CouponReturns, GetCouponFiguresRequest, GrantCause,
        GrantCouponRequest, IfCouponDenied, Money, RefusalReason, RevokeCouponRequest,
        order_service_client::OrderServiceClient,
    },
    pages::PostMortem,
    reports::{CouponFiguresQuery, Reports},
    values::SaleId,
};
use tokio::time::timeout;

use super::{
    served::{claim, claimed, draft, list},
    used::{by_code, by_id, coded, keep, placed, total, with},
};
use crate::support::{
    Node, OPENS_AT, PATIENCE, assert_read_models_equal_a_rebuild, create_sale, item, order, pay,
    place, refused, request_id,
};

/// Of the only item.
const PRICE: i64 = 199_900;

struct Told {
    node: Node,
    sale: proto::Sale,
    phone: String,
}

impl Told {
    /// One buyer may have 3 units. `save` has a code, takes 20.00 off, and there are 4 of it and money for
    /// 3; `gift` takes 5.00 off and is free again after a refund; who pays 3,000.00 earns a `next`, which
    /// takes 10.00 off.
    async fn start() -> Self {
        let node = Node::start().await;
        let mut request = create_sale(vec![item("phone", &[("east", 20)])]);
        let drafted = request.sale.as_mut().unwrap();
        drafted.limit_per_buyer = Some(3);
        drafted.coupons = vec![
            CouponDraft { coupons: 4, budget_minor: 6_000, ..coded("save") },
            CouponDraft {
                amount_minor: Some(500),
                coupons: 3,
                budget_minor: 10_000,
                returns: CouponReturns::Refund.into(),
                ..draft("gift")
            },
            CouponDraft {
                amount_minor: Some(1_000),
                coupons: 5,
                budget_minor: 5_000,
                ..draft("next")
            },
        ];
        drafted.rewards =
            vec![proto::CouponReward { spend_minor: 300_000, coupon: "next".to_owned() }];
        let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
        let phone = sale.items[0].item_id.clone();
        Self { node, sale, phone }
    }

    fn batch(&self, number: usize) -> &str {
        &self.sale.coupons[number].batch_id
    }

    /// An order with a coupon, which it gets.
    async fn buys(
        &self,
        coupon: Option<proto::CouponChoice>,
        buyer: &str,
        units: i64,
        total_minor: i64,
    ) -> proto::Order {
        let request = with(coupon, place(&self.phone, buyer, units));
        let order = order(&placed(&self.node, &request).await);
        assert_eq!((total(&order), order.awaiting.len()), (total_minor, 0), "{order:?}");
        order
    }

    async fn pays(&self, order: &proto::Order) {
        self.node.advance(1);
        self.node.purchases().record_payment(pay(order)).await.unwrap();
    }

    /// An order that is cancelled for its coupon.
    async fn is_denied(&self, code: &str, buyer: &str, why: CouponReason) {
        let request = with(by_code(code), place(&self.phone, buyer, 1));
        let answer = placed(&self.node, &request).await;
        assert_eq!(refused(&answer), RefusalReason::CouponRefused);
        assert!(format!("{answer:?}").contains(&format!("coupon_reason: {why:?}")), "{answer:?}");
    }

    async fn grant(&self, batch: &str, buyer: &str, cause: GrantCause) -> String {
        let request = GrantCouponRequest {
            request_id: request_id(),
            batch_id: batch.to_owned(),
            buyer: buyer.to_owned(),
            cause: cause.into(),
            operator: "olga".to_owned(),
            reason: "a test".to_owned(),
        };
        let answer = self.node.coupons().grant_coupon(request).await.unwrap().into_inner();
        match answer.outcome {
            Some(proto::grant_coupon_response::Outcome::Coupon(coupon)) => coupon.coupon_id,
            other => panic!("{other:?}"),
        }
    }

    async fn report(&self) -> proto::GetCouponFiguresResponse {
        let (sale_id, min_position) = (self.sale.sale_id.clone(), u64::MAX);
        let request = GetCouponFiguresRequest { sale_id, min_position, ..Default::default() };
        self.node.reports().get_coupon_figures(request).await.unwrap().into_inner()
    }

    /// What the comments count.
    async fn happens(&self) {
        // save: claimed 1, redeemed 1, 20.00 of 60.00; paid 1 order, 1 unit, 1,979.00.
        let ann = self.buys(by_code("SAVE"), "ann", 1, PRICE - 2_000).await;
        self.pays(&ann).await;
        // save: claimed 2, redeemed 2, 40.00; paid 2 orders, 3 units, 1,979.00 + 3,978.00 = 5,957.00.
        let bob = self.buys(by_code("SAVE"), "bob", 2, 2 * PRICE - 2_000).await;
        self.pays(&bob).await;
        // save: claimed 3, redeemed 3, 60.00; then returned 1, 40.00.
        let cat = self.buys(by_code("SAVE"), "cat", 1, PRICE - 2_000).await;
        let cancel = proto::CancelOrderRequest {
            request_id: request_id(),
            item_id: self.phone.clone(),
            order_id: cat.order_id,
            buyer: "cat".to_owned(),
        };
        self.node.purchases().cancel_order(cancel).await.unwrap();
        // save: claimed 4 of 4, redeemed 4, 60.00 of 60.00. Dan does not pay.
        self.buys(by_code("SAVE"), "dan", 1, PRICE - 2_000).await;
        // save: denied ALL_CLAIMED 1; eve's order stands without it.
        let eve = keep(with(by_code("SAVE"), place(&self.phone, "eve", 1)));
        assert_eq!(eve.if_denied(), IfCouponDenied::Keep);
        let eve = order(&placed(&self.node, &eve).await);
        assert_eq!((eve.coupon_denied(), total(&eve)), (CouponReason::AllClaimed, PRICE));
        // save: denied USED 1, as ann's coupon is; BUDGET_SPENT 1, as cat's coupon is free again.
        self.is_denied("SAVE", "ann", CouponReason::Used).await;
        self.is_denied("SAVE", "cat", CouponReason::BudgetSpent).await;

        // gift: claimed 1; granted 2, so claimed 3; revoked 1.
        let gift = claimed(&self.node, claim(self.batch(1), "ivy")).await.unwrap();
        let Some(proto::claim_coupon_response::Outcome::Coupon(ivys)) = gift.outcome else {
            panic!("{gift:?}")
        };
        let fays = self.grant(self.batch(1), "fay", GrantCause::Goodwill).await;
        let guss = self.grant(self.batch(1), "gus", GrantCause::Prize).await;
        let revoke = RevokeCouponRequest {
            request_id: request_id(),
            batch_id: self.batch(1).to_owned(),
            coupon_id: guss,
            operator: "olga".to_owned(),
            reason: "a test".to_owned(),
        };
        self.node.coupons().revoke_coupon(revoke).await.unwrap();
        // gift: redeemed 1, 5.00; paid 1 order, 1 unit, 1,994.00; refunded 1,994.00, returned 1, 0.00.
        let second = self.buys(by_id("gift", &ivys.coupon_id), "ivy", 1, PRICE - 500).await;
        self.pays(&second).await;
        let refund = proto::RefundOrderRequest {
            request_id: request_id(),
            item_id: self.phone.clone(),
            order_id: second.order_id,
            units: 1,
            restock: true,
            operator: "olga".to_owned(),
            reason: "it broke".to_owned(),
        };
        OrderServiceClient::new(self.node.channel()).refund_order(refund).await.unwrap();
        // gift: redeemed 2, 5.00 of 100.00; paid 2 orders, 2 units, 3,988.00.
        let fay = self.buys(by_id("gift", &fays), "fay", 1, PRICE - 500).await;
        self.pays(&fay).await;

        // next: earned 1 by bob's 3,978.00, so granted 1 and claimed 1; nobody else paid 3,000.00. Then
        // redeemed 1, 10.00 of 50.00. Bob does not pay.
        let bobs = timeout(PATIENCE, async {
            loop {
                let coupons = list(&self.node, &self.sale.sale_id, "bob").await;
                let earned = coupons.into_iter().find(|of| of.batch_id == self.batch(2));
                match earned {
                    Some(coupon) => return coupon.coupon_id,
                    None => self.node.advance(1),
                }
                tokio::task::yield_now().await;
            }
        });
        let bobs = bobs.await.expect("bob earned a coupon");
        self.buys(by_id("next", &bobs), "bob", 1, PRICE - 1_000).await;

        // The limit: ann has 1 unit (the denied one never was hers), bob 3 of 3, dan, eve and fay 1 each; cat's
        // and ivy's came back: 7 units of 5 buyers. Hal's 4 units are above 3.
        let hal = placed(&self.node, &place(&self.phone, "hal", 4)).await;
        assert_eq!(refused(&hal), RefusalReason::OverSaleLimit);
    }
}

fn money(amount_minor: i64) -> Option<Money> {
    Some(Money { currency_code: "CNY".to_owned(), amount_minor })
}

fn denied(why: &[(CouponReason, i64)]) -> Vec<proto::CouponsDenied> {
    let of = |(reason, orders): &(CouponReason, i64)| proto::CouponsDenied {
        reason: (*reason).into(),
        orders: *orders,
    };
    why.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_what_a_person_counts_and_the_pages_say_the_same() {
    let mut told = Told::start().await;
    told.happens().await;
    let save = proto::CouponFigures {
        batch_id: told.batch(0).to_owned(),
        coupon: "save".to_owned(),
        code: "SAVE".to_owned(),
        coupons: 4,
        claimed_coupons: 4,
        granted_coupons: 0,
        earned_coupons: 0,
        revoked_coupons: 0,
        redeemed: 4,
        returned: 1,
        denied: denied(&[
            (CouponReason::Used, 1),
            (CouponReason::BudgetSpent, 1),
            (CouponReason::AllClaimed, 1),
        ]),
        budget: money(6_000),
        discount: money(6_000),
        budget_left: money(0),
        orders_paid: 2,
        units_paid: 3,
        paid_discount: money(4_000),
        paid: money(595_700),
        refunded: money(0),
        closed_time: None,
    };
    let gift = proto::CouponFigures {
        batch_id: told.batch(1).to_owned(),
        coupon: "gift".to_owned(),
        code: String::new(),
        coupons: 3,
        claimed_coupons: 3,
        granted_coupons: 2,
        earned_coupons: 0,
        revoked_coupons: 1,
        redeemed: 2,
        returned: 1,
        denied: Vec::new(),
        budget: money(10_000),
        discount: money(500),
        budget_left: money(9_500),
        orders_paid: 2,
        units_paid: 2,
        paid_discount: money(1_000),
        paid: money(398_800),
        refunded: money(199_400),
        closed_time: None,
    };
    let next = proto::CouponFigures {
        batch_id: told.batch(2).to_owned(),
        coupon: "next".to_owned(),
        code: String::new(),
        coupons: 5,
        claimed_coupons: 1,
        granted_coupons: 1,
        earned_coupons: 1,
        revoked_coupons: 0,
        redeemed: 1,
        returned: 0,
        denied: Vec::new(),
        budget: money(5_000),
        discount: money(1_000),
        budget_left: money(4_000),
        orders_paid: 0,
        units_paid: 0,
        paid_discount: money(0),
        paid: money(0),
        refunded: money(0),
        closed_time: None,
    };
    let limit = proto::SaleLimitFigures {
        limit_per_buyer: 3,
        units: 7,
        buyers: 5,
        buyers_at_limit: 1,
        orders_denied: 1,
    };
    // Coupons and units that come back are on their way for a moment.
    let found = timeout(PATIENCE, async {
        loop {
            let found = told.report().await;
            let back: i64 = found.coupons.iter().map(|batch| batch.returned).sum();
            if back == 2 && found.sale_limit.is_some_and(|limit| limit.units == 7) {
                return found;
            }
            told.node.advance(1);
            tokio::task::yield_now().await;
        }
    });
    let found = found.await.expect("what comes back is given back");
    assert_eq!(found.coupons, [save, gift, next]);
    assert_eq!(found.sale_limit, Some(limit));

    told.node.stop();
    assert_read_models_equal_a_rebuild(told.node.data());
    let reports = Reports::open(told.node.data());
    let sale_id = SaleId::parse("sale", &told.sale.sale_id).unwrap();
    let report = reports.coupon_figures(&CouponFiguresQuery { sale_id }).unwrap();
    assert_eq!((report.batches.len(), report.limit.is_some()), (3, true));
    let pulse = reports.pulse(sale_id, OPENS_AT.plus(60_000)).unwrap();
    assert_eq!((&pulse.coupons, pulse.limit), (&report.batches, report.limit), "the board");
    let facts = PostMortem::of(&reports, sale_id, None, OPENS_AT.plus(60_000)).unwrap();
    assert_eq!(facts.coupons, report, "the post-mortem");
}
