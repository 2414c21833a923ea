//! A sample of each event of an item, and the optional members that only some of them have.

use doorbuster::{
    events::{
        AmountOff, Audience, AudienceSet, Await, CancelCause, CouponApplied, CouponAsked,
        CouponDenied, CouponNamed, CouponReason, CouponTaken, Draw, Event, Gift, GiftTaken,
        GiftUnitsSet, HoldExtended, IfDenied, ItemAdded, ItemClosed, ItemEvent, ItemPaused,
        ItemResumed, ItemScheduled, Labels, LimitGranted, Offer, OfferApplied, OfferCondition,
        OfferEffect, OfferEvent, OffersSet, OrderCancelled, OrderEvent, OrderExpired, OrderPaid,
        OrderPart, OrderPlaced, OrderRefunded, OrderReinstated, OrderShopper, PaymentFailed,
        PercentOff, PriceStep, Prices, PricesSet, PurchaseLimitSet, RefundCause, RefundDue,
        RefundSettled, Region, ReserveAct, ReservePlanSet, ReserveProposed, ReserveReleased,
        ReserveSet, ReserveStep, ReturnedUnits, SaleLimit, StockAllocated, StockEvent, StockMoved,
        StockWithdrawn, Stored, TimePrice, WarehouseUnits, WhenGone, decode,
    },
    values::{
        AgeBand, BatchId, CouponId, Currency, DueId, Gender, ShopperAttributes, SpendingTier,
        UnixMs,
    },
};

use super::{AT, FINGERPRINT, ORDER, REQUEST, SALE, act, parts, recorded};

fn placed() -> OrderPlaced {
    OrderPlaced {
        order_id: ORDER,
        request_id: REQUEST,
        fingerprint: FINGERPRINT,
        buyer: "buyer-000042".to_owned(),
        units: 3,
        unit_price_minor: 199_900,
        parts: Vec::new().into(),
        offer: None,
        gift: None,
        gift_gone: None,
        total_minor: None,
        warehouses: parts(),
        channel: "app".to_owned(),
        region: String::new(),
        shopper: None,
        awaits: Vec::new(),
        coupon: None,
        sale_limit: None,
        shop_order_id: String::new(),
        labels: Labels::new(),
        placed_at_ms: AT,
        pay_by_ms: AT.plus(900_000),
    }
}

fn prices() -> Prices {
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    Prices {
        unit_price_minor: 1590,
        floor_minor: Some(800),
        steps: vec![step(100, 990), step(400, 1290)],
        time_prices: vec![TimePrice {
            from_ms: AT,
            until_ms: AT.plus(600_000),
            unit_price_minor: 1100,
        }],
        returned_units: ReturnedUnits::NextPrice,
    }
}

fn offers() -> Vec<Offer> {
    let offer = |name: &str, condition, effect| Offer {
        name: name.to_owned(),
        condition,
        effect,
        from_ms: None,
        until_ms: None,
    };
    let amount = AmountOff { amount_minor: 2000, each: true, times_max: Some(3) };
    let percent = PercentOff { ppm: 100_000, at_most_minor: Some(5000) };
    let gift =
        Gift { sku: "STRAP".to_owned(), units: 300, each_units: 1, when_gone: WhenGone::Refuse };
    vec![
        offer("each_200", OfferCondition::FromMinor(20_000), OfferEffect::Amount(amount)),
        offer("ten_percent", OfferCondition::FromUnits(3), OfferEffect::Percent(percent)),
        Offer {
            from_ms: Some(AT),
            until_ms: Some(AT.plus(1)),
            ..offer("strap", OfferCondition::FromUnits(2), OfferEffect::Gift(gift))
        },
    ]
}

fn audience() -> Audience {
    Audience {
        age_bands: vec![AgeBand::From18, AgeBand::From25],
        genders: vec![Gender::Female],
        regions: vec!["华东".to_owned()],
        spending_tiers: vec![SpendingTier::High],
        member_tiers: vec!["gold".to_owned()],
        new_buyers_only: true,
    }
}

fn reserve_plan() -> Vec<ReserveStep> {
    let step = |from: &[&str], act| ReserveStep {
        below_units: 50,
        release_units: 200,
        from: from.iter().map(|&name| name.to_owned()).collect(),
        act,
    };
    vec![step(&["北京"], ReserveAct::Release), step(&[], ReserveAct::Propose)]
}

pub fn samples() -> Vec<ItemEvent> {
    vec![
        ItemEvent::Offer(OfferEvent::Added(ItemAdded {
            sale_id: SALE,
            sku: "PHONE-256".to_owned(),
            title: "Phone, 256 GB".to_owned(),
            currency: Currency::parse("currency", "CNY").unwrap(),
            unit_price_minor: 199_900,
            time_to_pay_ms: 900_000,
            regions: Vec::new(),
            draw: Draw::Listed,
            reinstate_within_ms: None,
            sale_limit_per_buyer: None,
            added_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::Scheduled(ItemScheduled {
            opens_at_ms: AT,
            closes_at_ms: UnixMs::LATEST,
            moved_ms: 0,
            sale_revision: None,
            act: None,
            scheduled_at_ms: None,
        })),
        ItemEvent::Offer(OfferEvent::PurchaseLimitSet(PurchaseLimitSet {
            per_buyer: Some(2),
            per_order: None,
            act: None,
            set_at_ms: None,
        })),
        ItemEvent::Offer(OfferEvent::Paused(ItemPaused {
            act: act(),
            by_sale: false,
            paused_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::Resumed(ItemResumed {
            act: act(),
            by_sale: false,
            resumed_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::Closed(ItemClosed { act: act(), closed_at_ms: AT })),
        ItemEvent::Offer(OfferEvent::PricesSet(PricesSet {
            ladder: 1,
            prices: prices(),
            act: act(),
            set_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::OffersSet(OffersSet {
            offers: offers(),
            act: act(),
            set_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::GiftUnitsSet(GiftUnitsSet {
            offer: "strap".to_owned(),
            units: 400,
            act: act(),
            set_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::AudienceSet(AudienceSet {
            audience: audience(),
            act: act(),
            set_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::ReservePlanSet(ReservePlanSet {
            steps: reserve_plan(),
            act: act(),
            set_at_ms: AT,
        })),
        ItemEvent::Offer(OfferEvent::ReserveProposed(ReserveProposed {
            step: 1,
            warehouses: parts(),
            act: act(),
            proposed_at_ms: AT,
        })),
        ItemEvent::Stock(StockEvent::Allocated(StockAllocated {
            warehouse: "杭州".to_owned(),
            units: 1_000_000_000,
            supplier: None,
            act: act(),
            allocated_at_ms: AT,
        })),
        ItemEvent::Stock(StockEvent::ReserveSet(ReserveSet {
            warehouse: "杭州".to_owned(),
            units: 0,
            act: act(),
            set_at_ms: AT,
        })),
        ItemEvent::Stock(StockEvent::ReserveReleased(ReserveReleased {
            warehouse: "杭州".to_owned(),
            units: 7,
            act: act(),
            released_at_ms: AT,
        })),
        ItemEvent::Stock(StockEvent::Moved(StockMoved {
            from: "杭州".to_owned(),
            to: "shenzhen-2".to_owned(),
            units: 5,
            act: act(),
            moved_at_ms: AT,
        })),
        ItemEvent::Stock(StockEvent::Withdrawn(StockWithdrawn {
            warehouse: "杭州".to_owned(),
            units: 6,
            supplier: Some("acme".to_owned()),
            act: act(),
            withdrawn_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::Placed(placed())),
        ItemEvent::Order(OrderEvent::LimitGranted(LimitGranted {
            order_id: ORDER,
            placed_revision: 17,
            granted_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::CouponApplied(CouponApplied {
            order_id: ORDER,
            placed_revision: 17,
            coupon: CouponTaken {
                batch_id: BatchId(SALE.0),
                coupon_id: CouponId(REQUEST.0),
                discount_minor: 2_000,
            },
            total_minor: 597_700,
            applied_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::CouponDenied(CouponDenied {
            order_id: ORDER,
            placed_revision: 17,
            reason: CouponReason::BudgetSpent,
            offer: Some(OfferApplied { name: "ten_off".into(), discount_minor: 1_000 }),
            total_minor: 598_700,
            denied_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::Paid(OrderPaid {
            order_id: ORDER,
            placed_revision: 17,
            request_id: REQUEST,
            fingerprint: FINGERPRINT,
            payment_reference: "pay-1".to_owned(),
            amount_minor: 599_700,
            units: 3,
            warehouses: parts(),
            paid_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::PaymentFailed(PaymentFailed {
            order_id: ORDER,
            placed_revision: 17,
            request_id: REQUEST,
            fingerprint: FINGERPRINT,
            payment_reference: "pay-0".to_owned(),
            code: "余额不足".to_owned(),
            failed_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::HoldExtended(HoldExtended {
            order_id: ORDER,
            placed_revision: 17,
            pay_by_ms: AT.plus(60_000),
            act: act(),
            extended_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::Cancelled(OrderCancelled {
            order_id: ORDER,
            placed_revision: 17,
            request_id: REQUEST,
            fingerprint: FINGERPRINT,
            units: 3,
            warehouses: parts(),
            cause: CancelCause::Buyer,
            act: None,
            coupon_batch_id: None,
            limited_by: None,
            cancelled_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::Expired(OrderExpired {
            order_id: ORDER,
            placed_revision: 17,
            units: 3,
            warehouses: parts(),
            coupon_batch_id: None,
            limited_by: None,
            expired_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::Reinstated(OrderReinstated {
            order_id: ORDER,
            placed_revision: 17,
            units: 3,
            warehouses: parts(),
            parts: Vec::new(),
            reinstated_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::RefundDue(RefundDue {
            order_id: ORDER,
            placed_revision: 17,
            request_id: REQUEST,
            fingerprint: FINGERPRINT,
            payment_reference: "pay-2".to_owned(),
            amount_minor: 599_700,
            cause: RefundCause::AlreadyPaid,
            due_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::Refunded(OrderRefunded {
            order_id: ORDER,
            placed_revision: 17,
            units: 1,
            units_left: 2,
            amount_minor: 199_900,
            restocked: true,
            warehouses: vec![WarehouseUnits { warehouse: "shenzhen-2".to_owned(), units: 1 }],
            parts: Vec::new(),
            act: act(),
            coupon_batch_id: None,
            limited_by: None,
            refunded_at_ms: AT,
        })),
        ItemEvent::Order(OrderEvent::RefundSettled(RefundSettled {
            due_id: DueId(ORDER.0),
            order_id: ORDER,
            placed_revision: 17,
            reference: "transfer-1".to_owned(),
            amount_minor: 199_900,
            act: act(),
            settled_at_ms: AT,
        })),
    ]
}

/// The order of the sample with everything that an order can have.
fn priced() -> OrderPlaced {
    let part = |step, time_price, units, unit_price_minor| OrderPart {
        step,
        time_price,
        units,
        unit_price_minor,
    };
    let attributes = ShopperAttributes { region: "华东".to_owned(), ..Default::default() };
    OrderPlaced {
        unit_price_minor: 990,
        parts: vec![part(Some(0), None, 1, 990), part(None, Some(2), 2, 1100)].into(),
        offer: Some(OfferApplied { name: "ten_percent".into(), discount_minor: 319 }),
        gift: Some(Box::new(GiftTaken {
            offer: "strap".to_owned(),
            sku: "STRAP".to_owned(),
            units: 1,
        })),
        gift_gone: Some("mug".to_owned()),
        total_minor: Some(2871),
        region: "east".to_owned(),
        shopper: Some(Box::new(OrderShopper {
            attributes,
            new_buyer: Some(false),
            member_tier: "gold".to_owned(),
        })),
        shop_order_id: "2026-000017".to_owned(),
        labels: [("store", "浦东"), ("campaign", "1111")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..placed()
    }
}

#[test]
fn an_order_with_a_price_of_its_own_stores_it_and_a_plain_one_stores_nothing_new() {
    let text = |event: OrderPlaced| String::from_utf8(OrderEvent::Placed(event).json()).unwrap();
    let stored = text(priced());
    let more = "\"parts\":[{\"step\":0,\"units\":1,\"unit_price_minor\":990},\
                {\"time_price\":2,\"units\":2,\"unit_price_minor\":1100}],\
                \"offer\":{\"name\":\"ten_percent\",\"discount_minor\":319},\
                \"gift\":{\"offer\":\"strap\",\"sku\":\"STRAP\",\"units\":1},\
                \"gift_gone\":\"mug\",\"total_minor\":2871,";
    let of_buyer = "\"region\":\"east\",\"shopper\":{\"region\":\"华东\",\
                    \"new_buyer\":false,\"member_tier\":\"gold\"},";
    let of_shop = "\"shop_order_id\":\"2026-000017\",\
                   \"labels\":{\"campaign\":\"1111\",\"store\":\"浦东\"},";
    let plain = [more, of_buyer, of_shop].iter().fold(stored.clone(), |text, more| {
        assert!(text.contains(more), "{text}");
        text.replace(more, "")
    });
    assert_eq!(plain, text(OrderPlaced { unit_price_minor: 990, ..placed() }), "{stored}");
    let read = decode(&recorded("OrderPlaced", stored.as_bytes()));
    assert_eq!(read, Ok(Event::from(ItemEvent::from(OrderEvent::Placed(priced())))));
}

#[test]
fn an_order_is_stored_as_serde_would_write_it() {
    let odd = OrderPlaced {
        buyer: "\"a\\b\u{7f}\u{1}\n\u{1f600}".to_owned(),
        units: i64::MIN,
        offer: Some(OfferApplied { name: "\"".into(), discount_minor: -1 }),
        warehouses: Vec::new(),
        channel: "\t".to_owned(),
        ..placed()
    };
    let waiting = OrderPlaced {
        awaits: vec![Await::SaleLimit, Await::Coupon],
        coupon: Some(Box::new(CouponAsked {
            batch_id: BatchId(SALE.0),
            named: CouponNamed::Code("SAVE10".to_owned()),
            if_denied: IfDenied::Keep,
            skip_offers: true,
            max_total_minor: Some(1),
        })),
        sale_limit: Some(Box::new(SaleLimit { sale_id: SALE, per_buyer: 2 })),
        ..placed()
    };
    // The text of a price is kept for the next order: each part of it changes in turn.
    let priced_but = |change: fn(&mut OrderPlaced)| {
        let mut order = priced();
        change(&mut order);
        order
    };
    let repriced = [
        priced(),
        priced(),
        priced_but(|order| {
            let mut parts = order.parts.to_vec();
            parts[1].units += 1;
            order.parts = parts.into();
        }),
        priced_but(|order| order.offer = None),
        priced_but(|order| order.parts = Vec::new().into()),
        priced_but(|order| order.offer.iter_mut().for_each(|offer| offer.discount_minor += 1)),
        priced_but(|order| order.offer.as_mut().unwrap().name = "ten_percents".into()),
        priced(),
    ];
    for order in [placed(), priced(), odd, waiting].into_iter().chain(repriced) {
        let by_serde = serde_json::to_string(&order).unwrap();
        let stored = String::from_utf8(OrderEvent::Placed(order).json()).unwrap();
        assert_eq!(stored, by_serde);
    }
}

#[test]
fn an_order_says_what_is_to_be_paid_and_what_offers_took_off() {
    let told = |placed: &OrderPlaced| (placed.subtotal(), placed.discount(), placed.total());
    assert_eq!(told(&placed()), (599_700, 0, 599_700));
    assert_eq!(told(&priced()), (3190, 319, 2871));
}

#[test]
fn regions_suppliers_and_the_way_to_draw_are_left_out_where_an_item_has_none() {
    let mut all = samples();
    let ItemEvent::Offer(OfferEvent::Added(added)) = &mut all[0] else { panic!() };
    let plain = String::from_utf8(OfferEvent::Added(added.clone()).json()).unwrap();
    added.draw = Draw::Fullest;
    added.regions = vec![Region { name: "east".to_owned(), warehouses: vec!["杭州".to_owned()] }];
    let event = OfferEvent::Added(added.clone());
    let stored = String::from_utf8(event.json()).unwrap();
    let more = "\"regions\":[{\"name\":\"east\",\"warehouses\":[\"杭州\"]}],\"draw\":\"fullest\",";
    assert_eq!(stored.replace(more, ""), plain);
    let read = decode(&recorded("ItemAdded", stored.as_bytes()));
    assert_eq!(read, Ok(Event::from(ItemEvent::from(event))));

    let allocated = |supplier| {
        StockEvent::Allocated(StockAllocated {
            warehouse: "杭州".to_owned(),
            units: 1,
            supplier,
            act: act(),
            allocated_at_ms: AT,
        })
    };
    let of = |event: StockEvent| String::from_utf8(event.json()).unwrap();
    let stored = of(allocated(Some("acme".to_owned())));
    assert_eq!(stored.replace("\"supplier\":\"acme\",", ""), of(allocated(None)));
}
