//! A sample of each event of a batch of coupons, and the members that only some of them have.

use doorbuster::{
    events::{
        BudgetRaised, CouponBatchClosed, CouponBatchCreated, CouponClaimed, CouponDiscount,
        CouponEvent, CouponGrant, CouponRedeemed, CouponReturned, CouponReturns, CouponRevoked,
        CouponTerms, Event, GrantCause, PercentOff, ReturnCause, Stored, decode,
    },
    values::{BatchId, CouponId, Currency},
};

use super::{AT, FINGERPRINT, ITEM, ORDER, REQUEST, SALE, act, recorded};

fn coupon() -> CouponId {
    SALE.batch_id("save20").coupon_id(REQUEST)
}

fn terms() -> CouponTerms {
    CouponTerms {
        name: "save20".to_owned(),
        discount: CouponDiscount::Percent(PercentOff { ppm: 200_000, at_most_minor: Some(5_000) }),
        min_spend_minor: 10_000,
        coupons: 10_000,
        per_buyer: 1,
        budget_minor: 2_000_000,
        items: vec![ITEM],
        code: Some("SAVE20".to_owned()),
        with_offers: true,
        returns: CouponReturns::Refund,
        from_ms: AT,
        until_ms: AT.plus(3_600_000),
    }
}

fn created(terms: CouponTerms) -> CouponEvent {
    CouponEvent::BatchCreated(CouponBatchCreated {
        sale_id: SALE,
        currency: Currency::parse("currency", "CNY").unwrap(),
        terms,
        act: act(),
        created_at_ms: AT,
    })
}

fn claimed(grant: Option<CouponGrant>, by_code: bool) -> CouponEvent {
    CouponEvent::Claimed(CouponClaimed {
        coupon_id: coupon(),
        request_id: REQUEST,
        fingerprint: FINGERPRINT,
        buyer: "buyer-000042".to_owned(),
        grant,
        by_code,
        claimed_at_ms: AT,
    })
}

pub fn samples() -> Vec<CouponEvent> {
    vec![
        created(terms()),
        claimed(None, false),
        CouponEvent::Redeemed(CouponRedeemed {
            coupon_id: coupon(),
            order_id: ORDER,
            item_id: ITEM,
            base_minor: 20_000,
            discount_minor: 4_000,
            placed_at_ms: AT,
            redeemed_at_ms: AT,
        }),
        CouponEvent::Returned(CouponReturned {
            coupon_id: coupon(),
            order_id: ORDER,
            discount_minor: 4_000,
            cause: ReturnCause::OrderExpired,
            returned_at_ms: AT,
        }),
        CouponEvent::Revoked(CouponRevoked { coupon_id: coupon(), act: act(), revoked_at_ms: AT }),
        CouponEvent::BudgetRaised(BudgetRaised {
            budget_minor: 3_000_000,
            act: act(),
            raised_at_ms: AT,
        }),
        CouponEvent::BatchClosed(CouponBatchClosed { act: act(), closed_at_ms: AT }),
    ]
}

#[test]
fn terms_and_claims_leave_out_what_only_some_have() {
    let text = |event: &CouponEvent| String::from_utf8(event.json()).unwrap();
    let plain = created(CouponTerms {
        items: Vec::new(),
        code: None,
        with_offers: false,
        returns: CouponReturns::Unpaid,
        discount: CouponDiscount::AmountMinor(2_000),
        ..terms()
    });
    for part in ["items", "code", "with_offers", "returns", "percent"] {
        assert!(text(&created(terms())).contains(&format!("\"{part}\":")), "{part}");
        assert!(!text(&plain).contains(part), "{part}: {}", text(&plain));
    }
    assert!(text(&plain).contains("\"discount\":{\"amount_minor\":2000}"));
    let (operator, reason) = ("olga".to_owned(), "第一名".to_owned());
    let grant = CouponGrant { cause: GrantCause::Prize, operator, reason };
    let given = claimed(Some(grant), false);
    let more = "\"grant\":{\"cause\":\"prize\",\"operator\":\"olga\",\"reason\":\"第一名\"},";
    assert_eq!(text(&given).replace(more, ""), text(&claimed(None, false)));
    let by_code = claimed(None, true);
    assert_eq!(text(&by_code).replace("\"by_code\":true,", ""), text(&claimed(None, false)));
    for event in [plain, given, by_code] {
        let read = decode(&recorded(event.kind(), &event.json()));
        assert_eq!(read, Ok(Event::Coupon(event)));
    }
}

#[test]
fn ids_of_coupons_are_the_same_in_every_process_and_version() {
    // Computed outside of this program, as for orders.
    let batch: BatchId = SALE.batch_id("save20");
    assert_eq!(batch.to_string(), "ea4e74d9-051d-5324-bbc9-3dbf554cc07a");
    assert_eq!(batch.coupon_id(REQUEST).to_string(), "e69bb3d8-4df9-5a2e-bb3c-46684bd8ce86");
    assert_eq!(batch.redeemed_id(ORDER).to_string(), "ba748404-d6a7-5ba1-96fc-0a36f8b72c97");
    assert_eq!(batch.returned_id(ORDER).to_string(), "f51ea371-15b2-5e88-aadf-51826fe2fe13");
}
