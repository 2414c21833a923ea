//! Conversion between protobuf and the domain. Input is validated here, once; output is complete.

use std::{str::FromStr, sync::LazyLock};

use tonic::Extensions;

pub(in crate::grpc) mod coupons;
pub(in crate::grpc) mod levers;
pub(in crate::grpc) mod prices;
mod references;
mod times;

pub(in crate::grpc) use self::references::{references, shown_references};
pub(in crate::grpc) use self::times::{duration, moment, span_ms, timestamp};

use super::proto;
use crate::{
    actors::Deadline,
    domain::item::{
        CancelOrder, DueView, ItemCommand, ItemPhase, ItemView, OrderState, OrderView,
        PaymentFailure, PlaceMore, PlaceOrder, QuoteView, RecordPayment, Refusal, SupplierUnits,
    },
    domain::limits::REFERENCE_CHARS_MAX,
    events::{CouponReason, OrderPrice, OrderShopper, WarehouseUnits},
    values::{
        Currency, Invalid, ItemId, Kinds as _, OrderId, REGION_CHARS_MAX, RequestId,
        ShopperAttributes, UNITS_MAX, bounded_prose, bounded_text, known_text,
    },
};

/// Longest channel name, in characters.
const CHANNEL_CHARS_MAX: usize = 32;

/// Longest operator, and longest reason, in characters.
const OPERATOR_CHARS_MAX: usize = 64;
const REASON_CHARS_MAX: usize = 500;

// ---- in ----

/// An order as it was asked for.
pub(super) enum Asked {
    Order(PlaceOrder),
    /// One with a coupon, whose batch is not looked up yet.
    WithCoupon(PlaceOrder, Box<coupons::Wish>),
}

pub(super) fn place_order(request: proto::PlaceOrderRequest) -> Result<(ItemId, Asked), Invalid> {
    let request_id = RequestId::parse("request_id", &request.request_id)?;
    let item = ItemId::parse("item_id", &request.item_id)?;
    bounded_text("buyer", &request.buyer, REFERENCE_CHARS_MAX)?;
    if !(1..=UNITS_MAX).contains(&request.units) {
        return Err(Invalid::new("units", format!("must be 1 to {UNITS_MAX}")));
    }
    if !request.channel.is_empty() {
        bounded_text("channel", &request.channel, CHANNEL_CHARS_MAX)?;
    }
    let order = PlaceOrder::new(item, request_id, request.buyer, request.units, request.channel);
    let references = references(request.shop_order_id, request.labels)?;
    let (most, region) = (request.max_total_minor, request.region);
    let wish = (request.coupon, request.if_denied);
    let is_plain = most.is_none() && region.is_empty() && request.shopper.is_none();
    if is_plain && references.is_empty() && wish == (None, 0) {
        return Ok((item, Asked::Order(order)));
    }
    if let Some(most) = most.filter(|&most| most < 1) {
        return Err(Invalid::new("max_total_minor", format!("must be at least 1, not {most}")));
    }
    let more = PlaceMore { references, ..place_more(most, region, request.shopper)? };
    Ok((
        item,
        match coupons::wish(wish)? {
            None => Asked::Order(order.with(more)),
            Some(wish) => Asked::WithCoupon(order, Box::new(coupons::Wish { more, ..wish })),
        },
    ))
}

fn place_more(
    max_total_minor: Option<i64>,
    region: String,
    shopper: Option<proto::Shopper>,
) -> Result<PlaceMore, Invalid> {
    if !region.is_empty() {
        bounded_text("region", &region, REGION_CHARS_MAX)?;
    }
    let shopper = shopper.map(self::shopper).transpose();
    let shopper = shopper.map_err(|invalid| invalid.within("shopper"))?;
    let shopper = shopper.filter(|shopper| *shopper != OrderShopper::default());
    Ok(PlaceMore { max_total_minor, region, shopper, ..PlaceMore::default() })
}

pub(super) fn quote_price(
    request: proto::QuotePriceRequest,
) -> Result<(ItemId, ItemCommand), Invalid> {
    let item = ItemId::parse("item_id", &request.item_id)?;
    if !(1..=UNITS_MAX).contains(&request.units) {
        return Err(Invalid::new(
            "units",
            format!("must be 1 to {UNITS_MAX}, not {}", request.units),
        ));
    }
    let more = Some(Box::new(place_more(None, request.region, request.shopper)?));
    Ok((item, ItemCommand::Quote { units: request.units, more }))
}

fn shopper(shopper: proto::Shopper) -> Result<OrderShopper, Invalid> {
    let proto::Shopper { age_band, gender, region, spending_tier, new_buyer, member_tier } =
        shopper;
    for (field, text) in [("region", &region), ("member_tier", &member_tier)] {
        if !text.is_empty() {
            bounded_text(field, text, REGION_CHARS_MAX)?;
        }
    }
    let attributes = ShopperAttributes {
        age_band: known(&age_band)?,
        gender: known(&gender)?,
        region,
        spending_tier: known(&spending_tier)?,
    };
    Ok(OrderShopper { attributes, new_buyer, member_tier })
}

/// A value of a closed set; `None` where it is unknown.
fn known<T: FromStr<Err = Invalid>>(text: &str) -> Result<Option<T>, Invalid> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

pub(super) fn record_payment(
    request: proto::RecordPaymentRequest,
) -> Result<(ItemId, RecordPayment), Invalid> {
    let request_id = RequestId::parse("request_id", &request.request_id)?;
    let item = ItemId::parse("item_id", &request.item_id)?;
    let order_id = OrderId::parse("order_id", &request.order_id)?;
    bounded_text("payment_reference", &request.payment_reference, REFERENCE_CHARS_MAX)?;
    let amount = request.amount.ok_or_else(|| Invalid::new("amount", "is missing"))?;
    let currency = Currency::parse("amount.currency_code", &amount.currency_code)?;
    if amount.amount_minor < 1 {
        return Err(Invalid::new("amount.amount_minor", "must be at least 1"));
    }
    let payment = RecordPayment {
        request_id,
        order_id,
        payment_reference: request.payment_reference,
        amount_minor: amount.amount_minor,
        currency,
    };
    Ok((item, payment))
}

pub(super) fn cancel_order(
    request: proto::CancelOrderRequest,
) -> Result<(ItemId, CancelOrder), Invalid> {
    let request_id = RequestId::parse("request_id", &request.request_id)?;
    let item = ItemId::parse("item_id", &request.item_id)?;
    let order_id = OrderId::parse("order_id", &request.order_id)?;
    let buyer = buyer(request.buyer)?;
    Ok((item, CancelOrder { request_id, order_id, buyer }))
}

pub(super) fn payment_failure(
    request: proto::RecordPaymentFailureRequest,
) -> Result<(ItemId, PaymentFailure), Invalid> {
    let request_id = RequestId::parse("request_id", &request.request_id)?;
    let item = ItemId::parse("item_id", &request.item_id)?;
    let order_id = OrderId::parse("order_id", &request.order_id)?;
    let proto::RecordPaymentFailureRequest { payment_reference, code, .. } = request;
    Ok((item, PaymentFailure::new(request_id, order_id, payment_reference, code)?))
}

/// The buyer of an order that is looked for.
pub(super) fn buyer(buyer: String) -> Result<String, Invalid> {
    known_text("buyer", &buyer, REFERENCE_CHARS_MAX)?;
    Ok(buyer)
}

/// Operator and reason of a steering call.
pub(super) fn steering(operator: &str, reason: &str) -> Result<(), Invalid> {
    bounded_text("operator", operator, OPERATOR_CHARS_MAX)?;
    bounded_prose("reason", reason, REASON_CHARS_MAX)
}

/// When the caller stops waiting, if the call says so. gRPC's `grpc-timeout`: up to 8 digits and a
/// unit. Source: "gRPC over HTTP2", Requests.
/// The deadline of a call, if its caller set one.
pub(super) fn deadline(extensions: &Extensions) -> Option<Deadline> {
    extensions.get::<Deadline>().cloned()
}

// ---- out ----

pub(super) fn money(currency: Currency, amount_minor: i64) -> proto::Money {
    proto::Money { currency_code: currency.code().to_owned(), amount_minor }
}

pub(super) fn order(item: ItemId, mut order: OrderView) -> proto::Order {
    let mut shown = proto::Order {
        order_id: order.order_id.to_string(),
        item_id: item.to_string(),
        buyer: std::mem::take(&mut order.buyer),
        units: order.units,
        unit_price: Some(money(order.currency, order.unit_price_minor)),
        total: Some(money(order.currency, order.total_minor)),
        state: order_state(order.state).into(),
        place_time: Some(timestamp(order.placed_at)),
        pay_by_time: Some(timestamp(order.pay_by)),
        refunded_units: order.refunded_units,
        refunded_minor: order.refunded_minor,
        failed_payments: order.failed_payments.into(),
        dues: std::mem::take(&mut order.dues).into_iter().map(money_due).collect(),
        ..Default::default()
    };
    prices::terms(&mut shown, order);
    shown
}

fn money_due(due: DueView) -> proto::MoneyDue {
    proto::MoneyDue {
        due_id: due.due_id.to_string(),
        amount_minor: due.amount_minor,
        reference: due.reference.unwrap_or_default(),
    }
}

/// An order of which only the price is filled in.
pub(super) fn priced(currency_code: &str, price: OrderPrice) -> proto::Order {
    let amount =
        |amount_minor| proto::Money { currency_code: currency_code.to_owned(), amount_minor };
    let (discount_minor, coupon_discount_minor) = (price.discount_minor(), price.coupon_minor());
    proto::Order {
        coupon_id: price.coupon.map(|taken| taken.coupon_id.to_string()).unwrap_or_default(),
        coupon_discount_minor,
        unit_price: Some(amount(price.unit_price_minor)),
        total: Some(amount(price.total_minor)),
        parts: price.parts.into_iter().map(prices::part).collect(),
        offer: price.offer.map(|offer| offer.name.to_string()).unwrap_or_default(),
        discount_minor,
        gift: price.gift.map(prices::gift),
        gift_gone: price.gift_gone.is_some(),
        ..Default::default()
    }
}

/// What an order costs and why, as it was decided; `None` where each unit costs the price of the item.
pub(super) fn price_of_order(
    units: i64,
    currency: Currency,
    price: OrderPrice,
) -> Option<proto::PriceQuote> {
    if price.is_plain() {
        return None;
    }
    let (reason, discount_minor) = (price.reason(units, currency), price.discount_minor());
    Some(proto::PriceQuote {
        units,
        currency_code: currency.code().to_owned(),
        subtotal_minor: price.total_minor + discount_minor + price.coupon_minor(),
        parts: price.parts.into_iter().map(prices::part).collect(),
        offer: price.offer.map(|offer| offer.name.to_string()).unwrap_or_default(),
        discount_minor,
        total_minor: price.total_minor,
        gift: price.gift.map(prices::gift),
        gift_gone: price.gift_gone.is_some(),
        step_units_left: None,
        change_time: None,
        reason,
    })
}

pub(super) fn order_state(state: OrderState) -> proto::OrderState {
    match state {
        OrderState::Held => proto::OrderState::Held,
        OrderState::Paid => proto::OrderState::Paid,
        OrderState::Cancelled => proto::OrderState::Cancelled,
        OrderState::Expired => proto::OrderState::Expired,
        OrderState::Refunded => proto::OrderState::Refunded,
    }
}

/// The reasons of the contract, by the kind of a refusal: they have the same names.
static REASONS: LazyLock<Vec<proto::RefusalReason>> = LazyLock::new(|| {
    let reason = |name: &&str| {
        let reason = proto::RefusalReason::from_str_name(&format!("REFUSAL_REASON_{name}"));
        reason.unwrap_or_default()
    };
    Refusal::NAMES.iter().map(reason).collect()
});

pub(super) fn refusal(
    refusal: Refusal,
    available_units: Option<i64>,
    quote: Option<QuoteView>,
    coupon: Option<CouponReason>,
) -> proto::Refusal {
    let free = available_units.filter(|_| refusal == Refusal::NotEnoughFree);
    let message = match (free, coupon) {
        (Some(free), _) => format!("{} It has {free}.", refusal.sentence()),
        (None, Some(why)) => format!("{} {}", refusal.sentence(), why.sentence()),
        (None, None) => refusal.sentence().to_owned(),
    };
    let reason = REASONS[refusal.kind()].into();
    let quote = quote.map(prices::quote);
    let coupon_reason = coupon.map(coupons::reason).unwrap_or_default().into();
    proto::Refusal { reason, message, available_units, quote, coupon_reason }
}

pub(super) fn warehouse_units(units: WarehouseUnits) -> proto::WarehouseUnits {
    proto::WarehouseUnits { warehouse: units.warehouse, units: units.units }
}

fn supplier_units(of: SupplierUnits) -> proto::SupplierUnits {
    proto::SupplierUnits {
        supplier: of.supplier,
        allocated_units: of.allocated,
        withdrawn_units: of.withdrawn,
    }
}

pub(super) fn item(view: ItemView) -> proto::Item {
    let phase = match view.phase {
        ItemPhase::NotOpenYet => proto::ItemPhase::NotOpenYet,
        ItemPhase::Open => proto::ItemPhase::Open,
        ItemPhase::Paused => proto::ItemPhase::Paused,
        ItemPhase::Closed => proto::ItemPhase::Closed,
    };
    let next = view.next_unit.as_ref();
    proto::Item {
        regions: view.regions.into_iter().map(levers::region).collect(),
        draw: levers::draw_order(view.draw).into(),
        prices: view.ladder.as_ref().map(|ladder| prices::ladder(ladder, next)),
        offers: view.offers.as_ref().map(prices::offers_in_force).unwrap_or_default(),
        item_id: view.item_id.to_string(),
        sale_id: view.sale_id.to_string(),
        sku: view.sku,
        title: view.title,
        unit_price: Some(money(view.currency, view.unit_price_minor)),
        open_time: Some(timestamp(view.opens_at)),
        close_time: Some(timestamp(view.closes_at)),
        limit_per_buyer: view.limit_per_buyer,
        limit_per_order: view.limit_per_order,
        time_to_pay: Some(duration(view.time_to_pay_ms)),
        phase: phase.into(),
        allocated_units: view.units.allocated,
        available_units: view.units.available,
        held_units: view.units.held,
        sold_units: view.units.sold,
        available_by_warehouse: view
            .available_by_warehouse
            .into_iter()
            .map(warehouse_units)
            .collect(),
        reserve_units: view.units.reserve,
        reserve_by_warehouse: view.reserve_by_warehouse.into_iter().map(warehouse_units).collect(),
        suppliers: view.suppliers.into_iter().map(supplier_units).collect(),
        audience: view.audience.map(levers::audience),
        reserve_plan: view.reserve_plan.into_iter().map(levers::reserve_step).collect(),
        reserve_proposals: view.reserve_proposals.into_iter().map(levers::proposal).collect(),
        paused_itself: view.paused_itself,
        paused_with_sale: view.paused_with_sale,
    }
}
