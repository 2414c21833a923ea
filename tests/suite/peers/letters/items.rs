//! Samples of what an item is asked and answers: each with all of its fields, and with as few as there
//! can be. No literal has `..`, so a new field is asked for here.

use std::{collections::BTreeMap, sync::Arc};

use doorbuster::{
    domain::{
        item::{
            AddItem, AwaitVerdict, CancelOrder, DueView, Item, ItemCommand, ItemOutcome, ItemPhase,
            ItemSchedule, ItemView, OrderAct, OrderAction, OrderState, OrderView, PaymentFailure,
            PlaceMore, PlaceOrder, QuoteView, RecordPayment, Refusal, SettleAwait, Steer,
            SteerAction, SuppliedUnits, SupplierUnits, Terms,
        },
        price::{GiftGone, Ladder, Offers, Quote},
    },
    events::{
        Audience, Await, Counts, CouponAsked, CouponNamed, CouponReason, CouponTaken, Draw, Gift,
        GiftTaken, IfDenied, ItemPlan, Offer, OfferApplied, OfferCondition, OfferEffect, OrderPart,
        OrderReferences, OrderShopper, PriceStep, Prices, Proposal, Region, ReserveAct,
        ReserveStep, ReturnedUnits, SaleLimit, TimePrice, WarehouseSupplier, WarehouseUnits,
        WhenGone,
    },
    values::{AgeBand, DueId, Gender, ShopperAttributes, SpendingTier},
};

use super::{
    AT, BATCH, COUPON, FINGERPRINT, ITEM, Letter, ORDER, REQUEST, SALE, currency, misdirections,
    text,
};

fn at(warehouse: &str) -> WarehouseUnits {
    WarehouseUnits { warehouse: warehouse.to_owned(), units: 7 }
}

pub(super) fn asked() -> CouponAsked {
    CouponAsked {
        batch_id: BATCH,
        named: CouponNamed::Code(text()),
        if_denied: IfDenied::Keep,
        skip_offers: true,
        max_total_minor: Some(1_000_000_000_000),
    }
}

fn references() -> OrderReferences {
    let labels = BTreeMap::from([("team".to_owned(), text())]);
    OrderReferences { shop_order_id: "SHOP-1".to_owned(), labels }
}

fn more() -> PlaceMore {
    PlaceMore {
        max_total_minor: Some(1),
        region: "华东".to_owned(),
        shopper: Some(OrderShopper {
            attributes: ShopperAttributes {
                age_band: Some(AgeBand::From25),
                gender: Some(Gender::Other),
                region: "zhejiang".to_owned(),
                spending_tier: Some(SpendingTier::Top),
            },
            new_buyer: Some(false),
            member_tier: "gold".to_owned(),
        }),
        coupon: Some(asked()),
        references: references(),
    }
}

fn prices() -> Prices {
    Prices {
        unit_price_minor: 100,
        floor_minor: Some(50),
        steps: vec![PriceStep { units: 3, unit_price_minor: 80 }],
        time_prices: vec![TimePrice { from_ms: AT, until_ms: AT.plus(9), unit_price_minor: 60 }],
        returned_units: ReturnedUnits::NextPrice,
    }
}

fn offers() -> Vec<Offer> {
    let gift =
        Gift { sku: "CASE".to_owned(), units: 10, each_units: 1, when_gone: WhenGone::Refuse };
    vec![Offer {
        name: "case".to_owned(),
        condition: OfferCondition::FromUnits(2),
        effect: OfferEffect::Gift(gift),
        from_ms: Some(AT),
        until_ms: Some(AT.plus(1)),
    }]
}

fn audience() -> Audience {
    Audience {
        age_bands: vec![AgeBand::From18],
        genders: vec![Gender::Female],
        regions: vec!["华东".to_owned()],
        spending_tiers: vec![SpendingTier::High],
        member_tiers: vec!["gold".to_owned()],
        new_buyers_only: true,
    }
}

fn region() -> Region {
    Region { name: "east".to_owned(), warehouses: vec!["杭州".to_owned()] }
}

fn reserve_step() -> ReserveStep {
    ReserveStep {
        below_units: 5,
        release_units: 10,
        from: vec!["杭州".to_owned()],
        act: ReserveAct::Propose,
    }
}

pub(super) fn plan() -> ItemPlan {
    ItemPlan {
        item_id: ITEM,
        sku: "PHONE-256".to_owned(),
        title: text(),
        unit_price_minor: 199_900,
        opens_at_ms: AT,
        closes_at_ms: AT.plus(3_600_000),
        limit_per_buyer: Some(2),
        limit_per_order: Some(1),
        time_to_pay_ms: 900_000,
        units: vec![at("杭州")],
        reserve: vec![at("杭州")],
        prices: Some(prices()),
        offers: offers(),
        audience: Some(audience()),
        regions: vec![region()],
        draw: Draw::Fullest,
        reinstate_within_ms: Some(1),
        reserve_plan: vec![reserve_step()],
        suppliers: vec![WarehouseSupplier {
            warehouse: "杭州".to_owned(),
            supplier: "acme".to_owned(),
        }],
    }
}

fn order_acts() -> impl Iterator<Item = ItemCommand> {
    let actions = [
        OrderAction::Cancel(ORDER),
        OrderAction::ExtendHold { order_id: ORDER, until: AT },
        OrderAction::Refund { order_id: ORDER, units: 2, restock: true },
        OrderAction::Refund { order_id: ORDER, units: 2, restock: false },
        OrderAction::SettleRefund { due_id: DueId(ORDER.0), reference: text() },
    ];
    actions.into_iter().map(|action| {
        let (operator, reason) = ("olga".to_owned(), text());
        ItemCommand::OrderAct(OrderAct { request_id: REQUEST, operator, reason, action })
    })
}

fn steers() -> impl Iterator<Item = ItemCommand> {
    let supplied = |supplier: Option<&str>| SuppliedUnits {
        at: at("杭州"),
        supplier: supplier.map(str::to_owned),
    };
    let (from, to) = ("north".to_owned(), "south".to_owned());
    let actions = [
        SteerAction::Allocate(supplied(Some("acme"))),
        SteerAction::Withdraw(supplied(None)),
        SteerAction::Move { from, to, units: 3 },
        SteerAction::SetReserve(at("杭州")),
        SteerAction::ReleaseReserve(at("杭州")),
        SteerAction::SetPurchaseLimit { per_buyer: Some(2), per_order: Some(1) },
        SteerAction::SetPurchaseLimit { per_buyer: None, per_order: None },
        SteerAction::SetPrices(Box::new(prices())),
        SteerAction::SetOffers(offers()),
        SteerAction::SetOffers(Vec::new()),
        SteerAction::SetGiftUnits { offer: "case".to_owned(), units: 5 },
        SteerAction::SetAudience(Box::new(audience())),
        SteerAction::SetReservePlan(vec![reserve_step()]),
        SteerAction::Pause,
        SteerAction::Resume,
        SteerAction::PauseWithSale,
        SteerAction::ResumeWithSale,
        SteerAction::Close,
        SteerAction::Schedule(ItemSchedule {
            opens_at: AT,
            closes_at: AT.plus(1),
            moved_ms: -1,
            sale_revision: 1,
        }),
    ];
    actions.into_iter().enumerate().map(|(index, action)| {
        let (operator, reason) = ("olga".to_owned(), text());
        let new_warehouse = index == 0;
        ItemCommand::Steer(Steer { request_id: REQUEST, operator, reason, action, new_warehouse })
    })
}

fn awaits() -> impl Iterator<Item = ItemCommand> {
    let verdicts = [
        AwaitVerdict::LimitGranted,
        AwaitVerdict::LimitDenied,
        AwaitVerdict::CouponGranted { coupon_id: COUPON, discount_minor: 5 },
        AwaitVerdict::CouponDenied(CouponReason::BudgetSpent),
    ];
    let settle = |verdict| ItemCommand::SettleAwait(SettleAwait { order_id: ORDER, verdict });
    verdicts.into_iter().map(settle)
}

pub(super) fn commands() -> Vec<ItemCommand> {
    let place = |channel: &str, more: Option<Box<PlaceMore>>| {
        ItemCommand::PlaceOrder(PlaceOrder {
            request_id: REQUEST,
            order_id: ORDER,
            fingerprint: FINGERPRINT,
            buyer: "安娜".to_owned(),
            units: 1,
            channel: channel.to_owned(),
            more,
        })
    };
    let add = |sale_limit_per_buyer| {
        ItemCommand::Add(Box::new(AddItem {
            request_id: REQUEST,
            sale_id: SALE,
            currency: currency(),
            plan: plan(),
            sale_limit_per_buyer,
            operator: "olga".to_owned(),
        }))
    };
    let mut commands = vec![
        add(None),
        add(Some(3)),
        place("", None),
        place("app", Some(Box::new(more()))),
        place("app", Some(Box::default())),
        ItemCommand::RecordPayment(RecordPayment {
            request_id: REQUEST,
            order_id: ORDER,
            payment_reference: text(),
            amount_minor: i64::MAX,
            currency: currency(),
        }),
        ItemCommand::CancelOrder(CancelOrder {
            request_id: REQUEST,
            order_id: ORDER,
            buyer: "ann".to_owned(),
        }),
        ItemCommand::PaymentFailed(PaymentFailure {
            request_id: REQUEST,
            order_id: ORDER,
            payment_reference: text(),
            code: "card_declined".to_owned(),
        }),
        ItemCommand::Quote { units: 2, more: None },
        ItemCommand::Quote { units: 2, more: Some(Box::new(more())) },
        ItemCommand::Show,
        ItemCommand::ShowOrder { order_id: ORDER, buyer: None },
        ItemCommand::ShowOrder { order_id: ORDER, buyer: Some("ann".to_owned()) },
    ];
    commands.extend(order_acts().chain(steers()).chain(awaits()));
    commands
}

fn part() -> OrderPart {
    OrderPart { step: Some(0), time_price: Some(0), units: 1, unit_price_minor: 60 }
}

fn gift() -> GiftTaken {
    GiftTaken { offer: "case".to_owned(), sku: "CASE".to_owned(), units: 1 }
}

fn order() -> OrderView {
    OrderView {
        order_id: ORDER,
        sale_id: SALE,
        buyer: text(),
        units: 1,
        unit_price_minor: 60,
        total_minor: 50,
        terms: Some(Arc::new(Terms {
            parts: vec![part()].into(),
            offer: Some(OfferApplied { name: "less".into(), discount_minor: 5 }),
            gift: Some(gift()),
            gift_gone: Some("case".to_owned()),
        })),
        awaiting: Box::new([Await::SaleLimit, Await::Coupon]),
        coupon: Some(Box::new(CouponTaken {
            batch_id: BATCH,
            coupon_id: COUPON,
            discount_minor: 5,
        })),
        asked: Some(Box::new(asked())),
        coupon_denied: Some(CouponReason::Expired),
        refused: Some(Refusal::OverSaleLimit),
        sale_limit: Some(Box::new(SaleLimit { sale_id: SALE, per_buyer: 2 })),
        currency: currency(),
        state: OrderState::Refunded,
        placed_at: AT,
        pay_by: AT.plus(900_000),
        refunded_units: 1,
        refunded_minor: 50,
        failed_payments: u8::MAX,
        dues: vec![
            DueView { due_id: DueId(ORDER.0), amount_minor: 50, reference: Some(text()) },
            DueView { due_id: DueId(ORDER.0), amount_minor: 50, reference: None },
        ],
        references: Some(Box::new(references())),
    }
}

fn plain_order(state: OrderState) -> OrderView {
    OrderView {
        terms: None,
        awaiting: Box::default(),
        coupon: None,
        asked: None,
        coupon_denied: None,
        refused: None,
        sale_limit: None,
        state,
        refunded_units: 0,
        refunded_minor: 0,
        failed_payments: 0,
        dues: Vec::new(),
        references: None,
        ..order()
    }
}

fn quote() -> Box<QuoteView> {
    let gone = GiftGone { offer: "case".to_owned(), when_gone: WhenGone::Without };
    let quote = Quote {
        units: 1,
        parts: vec![part()].into(),
        subtotal_minor: 60,
        offer: Some(OfferApplied { name: "less".into(), discount_minor: 5 }),
        total_minor: 55,
        gift: Some(gift()),
        gift_gone: Some(gone),
        step_units_left: Some(3),
        changes_at: Some(AT),
    };
    Box::new(QuoteView { quote, currency: currency() })
}

fn plain_quote() -> Box<QuoteView> {
    let mut view = quote();
    let quote = &mut view.quote;
    (quote.offer, quote.gift, quote.gift_gone) = (None, None, None);
    (quote.step_units_left, quote.changes_at) = (None, None);
    view
}

fn item() -> ItemView {
    let mut in_force = Offers::default();
    in_force.set(offers());
    ItemView {
        item_id: ITEM,
        sale_id: SALE,
        sku: "PHONE-256".to_owned(),
        title: text(),
        unit_price_minor: 100,
        ladder: Some(Ladder::new(1, prices())),
        offers: Some(in_force),
        next_unit: Some(quote().quote),
        currency: currency(),
        opens_at: AT,
        closes_at: AT.plus(1),
        limit_per_buyer: Some(2),
        limit_per_order: Some(1),
        time_to_pay_ms: 900_000,
        phase: ItemPhase::NotOpenYet,
        units: Counts { allocated: 6, available: 3, held: 2, sold: 1, reserve: 9 },
        available_by_warehouse: vec![at("杭州")],
        reserve_by_warehouse: vec![at("杭州")],
        suppliers: vec![SupplierUnits { supplier: "acme".to_owned(), allocated: 6, withdrawn: 1 }],
        audience: Some(audience()),
        regions: vec![region()],
        draw: Draw::Fullest,
        reserve_plan: vec![reserve_step()],
        reserve_proposals: vec![Proposal {
            step: 0,
            warehouse: "杭州".to_owned(),
            units: 5,
            below_units: 5,
            proposed_at_ms: AT,
        }],
        paused_itself: true,
        paused_with_sale: true,
    }
}

fn plain_item(phase: ItemPhase) -> ItemView {
    ItemView {
        ladder: None,
        offers: None,
        next_unit: None,
        limit_per_buyer: None,
        limit_per_order: None,
        phase,
        available_by_warehouse: Vec::new(),
        reserve_by_warehouse: Vec::new(),
        suppliers: Vec::new(),
        audience: None,
        regions: Vec::new(),
        draw: Draw::Listed,
        reserve_plan: Vec::new(),
        reserve_proposals: Vec::new(),
        paused_itself: false,
        paused_with_sale: false,
        ..item()
    }
}

fn name_of(outcome: &ItemOutcome) -> &'static str {
    match outcome {
        ItemOutcome::Order(_) => "item_order",
        ItemOutcome::Item(_) => "item",
        ItemOutcome::Refused { .. } => "item_refused",
        ItemOutcome::Quote { .. } => "item_quote",
        ItemOutcome::Misdirected(_) => "item_misdirected",
    }
}

pub(super) fn answers() -> Vec<Letter> {
    let states = [
        OrderState::Held,
        OrderState::Paid,
        OrderState::Cancelled,
        OrderState::Expired,
        OrderState::Refunded,
    ];
    let phases = [ItemPhase::NotOpenYet, ItemPhase::Open, ItemPhase::Paused, ItemPhase::Closed];
    let refused = |&refusal: &Refusal| ItemOutcome::Refused {
        refusal,
        available: None,
        quote: None,
        coupon: None,
    };
    let mut outcomes = vec![
        ItemOutcome::Order(order()),
        ItemOutcome::Item(Box::new(item())),
        ItemOutcome::Refused {
            refusal: Refusal::SoldOut,
            available: Some(0),
            quote: Some(quote()),
            coupon: Some(CouponReason::Used),
        },
        ItemOutcome::Quote {
            quote: quote(),
            available: 3,
            refusal: Some(Refusal::NotOpenYet),
            warehouses: vec![at("杭州")],
        },
        ItemOutcome::Quote {
            quote: plain_quote(),
            available: 3,
            refusal: None,
            warehouses: Vec::new(),
        },
    ];
    outcomes.extend(states.into_iter().map(plain_order).map(ItemOutcome::Order));
    outcomes.extend(phases.into_iter().map(plain_item).map(Box::new).map(ItemOutcome::Item));
    outcomes.extend(Refusal::ALL.iter().map(refused));
    outcomes.extend(misdirections().map(ItemOutcome::Misdirected));
    let names = ["item_order", "item", "item_refused", "item_quote", "item_misdirected"];
    super::answers::<Item>(name_of, &names, outcomes)
}
