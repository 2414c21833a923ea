//! Samples of what batches of coupons, limits over a sale and sales are asked and answer.

use doorbuster::{
    domain::{
        coupon::{
            BatchAction, BatchView, ClaimCoupon, CouponBatch, CouponCommand, CouponOutcome,
            CouponReason, CouponState, CouponView, CreateBatch, GrantCoupon, RedeemCoupon,
            Redemption, ReturnCoupon, SteerBatch,
        },
        item::Refusal,
        quota::{GiveBack, Quota, QuotaCommand, QuotaOutcome, QuotaRefusal, TakeUnits},
        sale::{
            CreateSale, Pause, RescheduleSale, Sale, SaleCommand, SaleOutcome, SaleView, Schedule,
            SteerSale, Window,
        },
    },
    events::{
        AlertRule, CouponBatchClosed, CouponDiscount, CouponGrant, CouponNamed, CouponPlan,
        CouponReturns, CouponTerms, Goals, GrantCause, PercentOff, PlannedUnits, ReturnCause,
        Reward, SaleClosed, SaleCreated,
    },
    values::{AlertSeverity, ServiceLevel},
};

use super::{
    AT, BATCH, COUPON, ITEM, Letter, ORDER, REQUEST, SALE, act, currency, items, misdirections,
    text,
};

fn terms() -> CouponTerms {
    CouponTerms {
        name: "half".to_owned(),
        discount: CouponDiscount::Percent(PercentOff { ppm: 500_000, at_most_minor: Some(9) }),
        min_spend_minor: 1,
        coupons: 10,
        per_buyer: 2,
        budget_minor: 100,
        items: vec![ITEM],
        code: Some(text()),
        with_offers: true,
        returns: CouponReturns::Refund,
        from_ms: AT,
        until_ms: AT.plus(1),
    }
}

pub(super) fn coupon_commands() -> Vec<CouponCommand> {
    let grant = |cause| {
        let grant = CouponGrant { cause, operator: "olga".to_owned(), reason: text() };
        CouponCommand::Grant(GrantCoupon { request_id: REQUEST, buyer: "ann".to_owned(), grant })
    };
    let redeem = |coupon| {
        CouponCommand::Redeem(Box::new(RedeemCoupon {
            order_id: ORDER,
            sale_id: SALE,
            item_id: ITEM,
            buyer: "ann".to_owned(),
            base_minor: 100,
            coupon,
            placed_at: AT,
        }))
    };
    let give_back = |cause| CouponCommand::Return(ReturnCoupon { order_id: ORDER, cause });
    let steer = |action| {
        let (operator, reason) = ("olga".to_owned(), text());
        CouponCommand::Steer(SteerBatch { request_id: REQUEST, operator, reason, action })
    };
    let mut commands = vec![
        CouponCommand::Create(Box::new(CreateBatch {
            request_id: REQUEST,
            sale_id: SALE,
            currency: currency(),
            terms: terms(),
            operator: "olga".to_owned(),
        })),
        CouponCommand::Claim(ClaimCoupon { request_id: REQUEST, buyer: text() }),
        redeem(CouponNamed::Id(COUPON)),
        redeem(CouponNamed::Code(text())),
        steer(BatchAction::Close),
        steer(BatchAction::RaiseBudget(200)),
        steer(BatchAction::Revoke(COUPON)),
        CouponCommand::Show,
        CouponCommand::ShowBuyer { buyer: "ann".to_owned() },
    ];
    commands.extend(GrantCause::ALL.map(grant));
    let causes = [
        ReturnCause::OrderExpired,
        ReturnCause::OrderCancelled,
        ReturnCause::OrderRefunded,
        ReturnCause::NotApplied,
    ];
    commands.extend(causes.map(give_back));
    commands
}

fn coupon_outcomes() -> Vec<CouponOutcome> {
    let batch = |closed| BatchView {
        batch_id: BATCH,
        sale_id: SALE,
        currency: currency(),
        terms: terms(),
        budget_minor: 100,
        discount_minor: 9,
        claimed: 2,
        bound: 1,
        created_at: AT,
        closed,
    };
    let coupon = |state, cause| CouponView {
        coupon_id: COUPON,
        batch_id: BATCH,
        buyer: "ann".to_owned(),
        state,
        claimed_at: AT,
        cause,
    };
    let bound = CouponState::Bound { order_id: ORDER, discount_minor: 9 };
    let closed = CouponBatchClosed { act: act(), closed_at_ms: AT };
    let mut outcomes = vec![
        CouponOutcome::Batch(Box::new(batch(None))),
        CouponOutcome::Batch(Box::new(batch(Some(closed)))),
        CouponOutcome::Coupon(coupon(CouponState::Free, None)),
        CouponOutcome::Coupons(vec![
            coupon(bound, Some(GrantCause::Quiz)),
            coupon(CouponState::Revoked, None),
        ]),
        CouponOutcome::Coupons(Vec::new()),
        CouponOutcome::Redeemed(Redemption { coupon_id: COUPON, discount_minor: 9 }),
    ];
    outcomes.extend(CouponReason::ALL.iter().copied().map(CouponOutcome::Refused));
    outcomes.extend(misdirections().map(CouponOutcome::Misdirected));
    outcomes
}

pub(super) fn quota_commands() -> Vec<QuotaCommand> {
    vec![
        QuotaCommand::Take(Box::new(TakeUnits {
            order_id: ORDER,
            item_id: ITEM,
            buyer: text(),
            units: 1,
            limit_per_buyer: 2,
        })),
        QuotaCommand::GiveBack(GiveBack { order_id: ORDER, units_left: 0 }),
    ]
}

fn quota_outcomes() -> Vec<QuotaOutcome> {
    let mut outcomes = vec![
        QuotaOutcome::Taken { units_left: 1 },
        QuotaOutcome::NotTaken,
        QuotaOutcome::Refused(QuotaRefusal::OverSaleLimit),
    ];
    outcomes.extend(misdirections().map(QuotaOutcome::Misdirected));
    outcomes
}

fn sale() -> SaleCreated {
    SaleCreated {
        name: text(),
        currency: currency(),
        opens_at_ms: AT,
        closes_at_ms: AT.plus(3_600_000),
        items: vec![items::plan()],
        goals: Some(Goals { units: Some(1), revenue_minor: Some(2), ..Goals::default() }),
        curve: vec![PlannedUnits { after_ms: 1, units: 2 }],
        alerts: vec![AlertRule {
            name: "low".to_owned(),
            when: "available_units < 5".to_owned(),
            for_ms: 1,
            clear_when: Some("available_units > 5".to_owned()),
            clear_for_ms: 2,
            severity: AlertSeverity::Warning,
            each_item: true,
            opens_incident: true,
            sets_level: Some(ServiceLevel::NoTraffic),
            off: false,
        }],
        coupons: vec![CouponPlan { batch_id: BATCH, terms: terms() }],
        limit_per_buyer: Some(3),
        rewards: vec![Reward { spend_minor: 5, batch_id: BATCH }],
        act: act(),
        created_at_ms: AT,
    }
}

pub(super) fn sale_commands() -> Vec<SaleCommand> {
    let steer = || {
        let (operator, reason) = ("olga".to_owned(), text());
        SteerSale { request_id: REQUEST, operator, reason }
    };
    vec![
        SaleCommand::Create(Box::new(CreateSale { plan: sale() })),
        SaleCommand::Pause(steer()),
        SaleCommand::Resume(steer()),
        SaleCommand::Close(steer()),
        SaleCommand::Cancel(steer()),
        SaleCommand::Reschedule(RescheduleSale {
            steer: steer(),
            opens_at: Some(AT),
            closes_at: Some(AT.plus(1)),
        }),
        SaleCommand::Show,
    ]
}

fn sale_outcomes() -> Vec<SaleOutcome> {
    let view = |schedule, closed, pause| {
        let view = SaleView { sale_id: SALE, plan: sale(), schedule, closed, pause };
        SaleOutcome::Sale(Box::new(view))
    };
    let window = Window { opens_at: AT, closes_at: AT.plus(1) };
    let schedule = Schedule { window, revision: 1, act: act(), at: AT };
    let pause = |on, revision| Some(Pause { on, act: act(), at: AT, revision });
    let closed = SaleClosed { act: act(), closed_at_ms: AT };
    let mut outcomes = vec![
        view(None, None, None),
        view(None, Some(closed), pause(true, 0)),
        view(Some(schedule), None, pause(false, 2)),
        SaleOutcome::Refused(Refusal::NotPaused),
    ];
    outcomes.extend(misdirections().map(SaleOutcome::Misdirected));
    outcomes
}

pub(super) fn answers() -> Vec<Letter> {
    let coupon_name = |outcome: &CouponOutcome| match outcome {
        CouponOutcome::Batch(_) => "batch",
        CouponOutcome::Coupon(_) => "coupon",
        CouponOutcome::Coupons(_) => "coupons",
        CouponOutcome::Redeemed(_) => "coupon_redeemed",
        CouponOutcome::Refused(_) => "coupon_refused",
        CouponOutcome::Misdirected(_) => "coupon_misdirected",
    };
    let quota_name = |outcome: &QuotaOutcome| match outcome {
        QuotaOutcome::Taken { .. } => "quota_taken",
        QuotaOutcome::NotTaken => "quota_not_taken",
        QuotaOutcome::Refused(_) => "quota_refused",
        QuotaOutcome::Misdirected(_) => "quota_misdirected",
    };
    let sale_name = |outcome: &SaleOutcome| match outcome {
        SaleOutcome::Sale(_) => "sale",
        SaleOutcome::Refused(_) => "sale_refused",
        SaleOutcome::Misdirected(_) => "sale_misdirected",
    };
    let coupon_names =
        ["batch", "coupon", "coupons", "coupon_redeemed", "coupon_refused", "coupon_misdirected"];
    let quota_names = ["quota_taken", "quota_not_taken", "quota_refused", "quota_misdirected"];
    let sale_names = ["sale", "sale_refused", "sale_misdirected"];
    let mut letters = super::answers::<CouponBatch>(coupon_name, &coupon_names, coupon_outcomes());
    letters.extend(super::answers::<Quota>(quota_name, &quota_names, quota_outcomes()));
    letters.extend(super::answers::<Sale>(sale_name, &sale_names, sale_outcomes()));
    letters
}
