//! Coupons as clients and operators meet them: claims that race, acts, lists, restarts.

use std::collections::BTreeSet;

use doorbuster::grpc::proto::{
    self, ClaimCouponRequest, ClaimCouponResponse, CloseBatchRequest, Coupon, CouponBatch,
    CouponDraft, CouponReason, CouponState, GetBatchRequest, GrantCause, GrantCouponRequest,
    ListCouponsRequest, RaiseBudgetRequest, RevokeCouponRequest, WriteResponse,
};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use crate::{
    e2e::{field, reason},
    support::{self, Node, OPENS_AT, item, request_id, timestamp},
};

pub fn draft(name: &str) -> CouponDraft {
    CouponDraft {
        name: name.to_owned(),
        amount_minor: Some(2_000),
        min_spend_minor: Some(10_000),
        coupons: 100,
        budget_minor: 1_000_000,
        ..Default::default()
    }
}

/// A sale of a phone and a lamp with those coupons; its id and the ids of the batches.
pub async fn sale(node: &Node, coupons: Vec<CouponDraft>) -> (String, Vec<String>) {
    let mut request =
        support::create_sale(vec![item("phone", &[("east", 9)]), item("lamp", &[("east", 9)])]);
    request.sale.as_mut().unwrap().coupons = coupons;
    let response = node.sales().create_sale(request).await.unwrap().into_inner();
    let sale = response.sale.unwrap();
    (sale.sale_id, sale.coupons.into_iter().map(|coupons| coupons.batch_id).collect())
}

pub fn claim(batch: &str, buyer: &str) -> ClaimCouponRequest {
    let (batch_id, buyer) = (batch.to_owned(), buyer.to_owned());
    ClaimCouponRequest { request_id: request_id(), batch_id, buyer }
}

pub async fn claimed(
    node: &Node,
    request: ClaimCouponRequest,
) -> Result<ClaimCouponResponse, Status> {
    Ok(node.coupons().claim_coupon(request).await?.into_inner())
}

/// A claim beside others.
fn at_once(node: &Node, request: ClaimCouponRequest) -> JoinHandle<Result<Coupon, CouponReason>> {
    let mut client = node.coupons();
    tokio::spawn(async move { decided(client.claim_coupon(request).await.unwrap().into_inner()) })
}

/// The subject of an answer, or the reason of its refusal.
fn decided<S>(
    answer: impl WriteResponse<Subject = S, Refusal = proto::CouponRefusal>,
) -> Result<S, CouponReason> {
    answer.into_parts().0.unwrap().map_err(|refusal| refusal.reason())
}

pub async fn batch(node: &Node, batch: &str) -> CouponBatch {
    let request = GetBatchRequest { batch_id: batch.to_owned() };
    node.coupons().get_batch(request).await.unwrap().into_inner().coupon_batch.unwrap()
}

pub async fn list(node: &Node, sale: &str, buyer: &str) -> Vec<Coupon> {
    let request = ListCouponsRequest { sale_id: sale.to_owned(), buyer: buyer.to_owned() };
    node.coupons().list_coupons(request).await.unwrap().into_inner().coupons
}

fn grant(batch: &str, buyer: &str) -> GrantCouponRequest {
    GrantCouponRequest {
        request_id: request_id(),
        batch_id: batch.to_owned(),
        buyer: buyer.to_owned(),
        cause: GrantCause::Prize.into(),
        operator: "olga".to_owned(),
        reason: "won the quiz".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_claims_at_once_give_out_exactly_the_hundred_coupons_there_are() {
    let node = Node::start().await;
    let (_, batches) = sale(&node, vec![draft("save20")]).await;
    let claims =
        (0..200).map(|buyer| at_once(&node, claim(&batches[0], &format!("buyer-{buyer}"))));
    let claims: Vec<_> = claims.collect();
    let (mut ids, mut refused) = (BTreeSet::new(), Vec::new());
    for claim in claims {
        match claim.await.unwrap() {
            Ok(coupon) => assert!(ids.insert(coupon.coupon_id), "one coupon for two buyers"),
            Err(reason) => refused.push(reason),
        }
    }
    assert_eq!((ids.len(), refused.len()), (100, 100));
    assert!(refused.iter().all(|reason| *reason == CouponReason::AllClaimed), "{refused:?}");
    let shown = batch(&node, &batches[0]).await;
    assert_eq!((shown.claimed_coupons, shown.bound_coupons), (100, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_asks_at_once_gets_no_more_than_one_buyer_may_have() {
    let node = Node::start().await;
    let (sale_id, batches) = sale(&node, vec![draft("save20")]).await;
    let claims = (0..50).map(|_| at_once(&node, claim(&batches[0], "ann")));
    let claims: Vec<_> = claims.collect();
    let mut got = 0;
    for claim in claims {
        match claim.await.unwrap() {
            Ok(_) => got += 1,
            Err(reason) => assert_eq!(reason, CouponReason::OverBuyerLimit),
        }
    }
    assert_eq!(got, 1);
    assert_eq!(list(&node, &sale_id, "ann").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_claim_gets_its_first_answer_also_after_a_restart() {
    let mut node = Node::start().await;
    let (_, batches) = sale(&node, vec![draft("save20")]).await;
    let request = claim(&batches[0], "ann");
    let first = claimed(&node, request.clone()).await.unwrap();
    assert_eq!(claimed(&node, request.clone()).await.unwrap(), first);
    node.restart().await;
    assert_eq!(claimed(&node, request.clone()).await.unwrap(), first);
    let other = ClaimCouponRequest { buyer: "bob".to_owned(), ..request };
    let reused = claimed(&node, other).await.unwrap_err();
    assert_eq!(reason(&reused), "REQUEST_ID_REUSED");
    assert_eq!(batch(&node, &batches[0]).await.claimed_coupons, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_grant_raise_revoke_and_close() {
    let node = Node::start().await;
    let terms = CouponDraft {
        items: vec!["phone".to_owned()],
        from_time: Some(timestamp(OPENS_AT.plus(60_000))),
        ..draft("save20")
    };
    let (sale_id, batches) = sale(&node, vec![terms, draft("next50")]).await;
    let save = &batches[0];
    let early = claimed(&node, claim(save, "ann")).await.unwrap();
    assert_eq!(decided(early), Err(CouponReason::Expired));
    let given = node.coupons().grant_coupon(grant(save, "ann")).await.unwrap().into_inner();
    let given = decided(given).unwrap();
    assert_eq!((given.state(), given.cause()), (CouponState::Free, GrantCause::Prize));
    node.advance(60);
    let own = decided(claimed(&node, claim(save, "ann")).await.unwrap()).unwrap();
    assert_eq!(
        (own.cause(), own.claim_time),
        (GrantCause::Unspecified, Some(timestamp(OPENS_AT.plus(60_000))))
    );
    let other = decided(claimed(&node, claim(&batches[1], "ann")).await.unwrap()).unwrap();
    let ids: Vec<_> = list(&node, &sale_id, "ann").await.into_iter().map(|c| c.coupon_id).collect();
    assert_eq!(ids, [own.coupon_id.clone(), given.coupon_id, other.coupon_id]);
    assert_eq!(list(&node, &sale_id, "bob").await, []);

    let (operator, why) = ("olga".to_owned(), "a test".to_owned());
    let raise = |budget_minor| RaiseBudgetRequest {
        request_id: request_id(),
        batch_id: save.clone(),
        budget_minor,
        operator: operator.clone(),
        reason: why.clone(),
    };
    let raised = node.coupons().raise_budget(raise(1_500_000)).await.unwrap().into_inner();
    let raised = decided(raised).unwrap();
    assert_eq!((raised.budget_minor, raised.budget_left_minor), (1_500_000, 1_500_000));
    let terms = raised.terms.unwrap();
    assert_eq!((terms.budget_minor, terms.items), (1_000_000, vec!["phone".to_owned()]));
    for budget in [1_500_000, 0] {
        let low = node.coupons().raise_budget(raise(budget)).await.unwrap_err();
        assert_eq!(
            (reason(&low).as_str(), field(&low).as_str()),
            ("INVALID_ARGUMENT", "budget_minor")
        );
    }

    let revoke = |coupon_id: &str| RevokeCouponRequest {
        request_id: request_id(),
        batch_id: save.clone(),
        coupon_id: coupon_id.to_owned(),
        operator: operator.clone(),
        reason: why.clone(),
    };
    let revoked = node.coupons().revoke_coupon(revoke(&own.coupon_id)).await.unwrap();
    assert_eq!(decided(revoked.into_inner()).unwrap().state(), CouponState::Revoked);
    let unknown = node.coupons().revoke_coupon(revoke(&request_id())).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "coupon_id does not exist"));

    let close = CloseBatchRequest {
        request_id: request_id(),
        batch_id: save.clone(),
        operator: operator.clone(),
        reason: why.clone(),
    };
    let closed = node.coupons().close_batch(close).await.unwrap().into_inner();
    assert!(decided(closed).unwrap().closed_time.is_some());
    let late = claimed(&node, claim(save, "bob")).await.unwrap();
    assert_eq!(decided(late), Err(CouponReason::Expired));
    assert_eq!(batch(&node, save).await.claimed_coupons, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_shows_its_coupons_as_they_were_planned_and_bad_ones_are_refused_by_field() {
    let node = Node::start().await;
    let mut wanted = CouponDraft {
        percent_ppm: Some(200_000),
        amount_minor: None,
        at_most_minor: Some(5_000),
        per_buyer: Some(2),
        items: vec!["lamp".to_owned()],
        code: "SAVE20".to_owned(),
        with_offers: true,
        returns: proto::CouponReturns::Refund.into(),
        ..draft("save20")
    };
    let (sale_id, batches) = sale(&node, vec![wanted.clone()]).await;
    let shown = node.sales().get_sale(proto::GetSaleRequest { sale_id }).await.unwrap();
    let shown = shown.into_inner().sale.unwrap().coupons;
    wanted.currency_code = "CNY".to_owned();
    wanted.from_time = Some(timestamp(OPENS_AT));
    wanted.until_time = Some(timestamp(OPENS_AT.plus(3_600_000)));
    let wanted = Some(wanted);
    assert_eq!((&shown[0].batch_id, &shown[0].draft), (&batches[0], &wanted));
    assert_eq!(batch(&node, &batches[0]).await.terms, wanted);

    let mut request = support::create_sale(vec![item("phone", &[("east", 9)])]);
    let low = CouponDraft { budget_minor: 1_999, ..draft("low") };
    request.sale.as_mut().unwrap().coupons = vec![draft("save20"), low];
    let refused = node.sales().create_sale(request).await.unwrap_err();
    assert_eq!(field(&refused), "sale.coupons[1].budget_minor");
    assert!(refused.message().contains("is 1999, below one discount, which is 2000"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_and_what_is_no_buyer_is_told_by_field() {
    let node = Node::start().await;
    let (sale_id, batches) = sale(&node, vec![draft("save20")]).await;
    let missing = request_id();
    let said = claimed(&node, claim(&missing, "ann")).await.unwrap_err();
    assert_eq!((said.code(), said.message()), (Code::NotFound, "batch_id does not exist"));
    let wrong = [
        (claim("x", "ann"), "batch_id"),
        (claim(&batches[0], ""), "buyer"),
        (claim(&batches[0], &"x".repeat(129)), "buyer"),
    ];
    for (request, of) in wrong {
        let said = claimed(&node, request).await.unwrap_err();
        assert_eq!((reason(&said).as_str(), field(&said).as_str()), ("INVALID_ARGUMENT", of));
    }
    let mut without = grant(&batches[0], "ann");
    without.cause = 0;
    let said = node.coupons().grant_coupon(without).await.unwrap_err();
    assert_eq!(field(&said), "cause");
    let request = ListCouponsRequest { sale_id: missing, buyer: "ann".to_owned() };
    let said = node.coupons().list_coupons(request).await.unwrap_err();
    assert_eq!((said.code(), said.message()), (Code::NotFound, "sale_id does not exist"));
    assert_eq!(list(&node, &sale_id, "ann").await, []);
}
