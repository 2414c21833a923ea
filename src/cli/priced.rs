//! What prices, offers and quotes of the API look like as rows of facts.

use super::{
    json::{short, time},
    references,
};
use crate::{
    grpc::proto::{CouponReason, ItemPrices, MoneyDue, Order, OrderPart, PriceQuote, StepState},
    values::Currency,
};

/// What an order would cost.
pub fn quote_rows(quote: &PriceQuote) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("units", quote.units.to_string()),
        ("subtotal", money(&quote.currency_code, quote.subtotal_minor)),
        ("discount", money(&quote.currency_code, quote.discount_minor)),
        ("total", money(&quote.currency_code, quote.total_minor)),
        ("why", quote.reason.clone()),
    ];
    rows.extend(quote.step_units_left.map(|units| ("left in step", units.to_string())));
    if quote.change_time.is_some() {
        rows.push(("changes", time(quote.change_time.as_ref())));
    }
    rows
}

/// What an order costs beyond price and total, and what of it goes back; nothing for a plain one.
pub fn order_rows(order: &Order) -> Vec<(&'static str, String)> {
    let currency = order.total.as_ref().map_or("", |total| &total.currency_code);
    let mut rows = references::rows(order);
    if order.parts.len() > 1 {
        let part = |part: &OrderPart| {
            format!("{} at {}", part.units, money(currency, part.unit_price_minor))
        };
        let parts: Vec<_> = order.parts.iter().map(part).collect();
        rows.push(("parts", parts.join(", ")));
    }
    if order.discount_minor != 0 {
        let discount = money(currency, order.discount_minor);
        rows.push(("offer", format!("{} takes {discount} off", order.offer)));
    }
    if order.coupon_discount_minor != 0 {
        let discount = money(currency, order.coupon_discount_minor);
        rows.push(("coupon", format!("{} takes {discount} off", order.coupon_id)));
    }
    if order.coupon_denied() != CouponReason::Unspecified {
        let reason = short("COUPON_REASON_", order.coupon_denied().as_str_name());
        rows.push(("coupon", format!("denied: {reason}")));
    }
    if !order.awaiting.is_empty() {
        let waits = order.awaiting().map(|what| short("ORDER_AWAITS_", what.as_str_name()));
        rows.push(("waits for", waits.collect::<Vec<_>>().join(", ")));
    }
    if let Some(gift) = &order.gift {
        rows.push(("gift", format!("{} {}", gift.units, gift.sku)));
    }
    if order.gift_gone {
        rows.push(("gift", "used up".to_owned()));
    }
    if order.failed_payments > 0 {
        rows.push(("failed payments", order.failed_payments.to_string()));
    }
    if order.refunded_units > 0 {
        let (units, of) = (order.refunded_units, order.units);
        let back = money(currency, order.refunded_minor);
        rows.push(("came back", format!("{units} of {of} units, {back}")));
    }
    rows
}

/// Money of an order that has to go back, or had to; empty where there is none.
pub fn dues_text(order: &Order) -> String {
    let currency = order.total.as_ref().map_or("", |total| &total.currency_code);
    let due = |due: &MoneyDue| {
        let amount = money(currency, due.amount_minor);
        let state = match due.reference.as_str() {
            "" => "open".to_owned(),
            reference => format!("settled by {reference}"),
        };
        format!("  {} {amount}, {state}", due.due_id)
    };
    let dues: Vec<_> = order.dues.iter().map(due).collect();
    if dues.is_empty() { String::new() } else { format!("\n\ndue back:\n{}", dues.join("\n")) }
}

/// The ladder in force.
pub fn prices_rows(prices: &ItemPrices, currency: &str) -> Vec<(&'static str, String)> {
    let step = |state: &StepState| {
        let step = state.step.unwrap_or_default();
        let price = money(currency, step.unit_price_minor);
        format!("{} of {} at {price}", state.free_units, step.units)
    };
    let steps: Vec<_> = prices.steps.iter().map(step).collect();
    vec![
        ("price now", money(currency, prices.price_in_force_minor)),
        ("left in steps", steps.join(", ")),
    ]
}

/// An amount of a currency for people.
pub fn money(currency: &str, minor: i64) -> String {
    match Currency::parse("currency_code", currency) {
        Ok(currency) => currency.amount(minor),
        Err(_) => format!("{minor} {currency}"),
    }
}
