//! Messages of the API as JSON and as text.
//!
//! JSON has the field names of the contract, times in RFC 3339, enums by their names without prefix
//! and whole numbers as numbers. An absent field is absent.

use prost_types::Timestamp;
use serde_json::{Map, Value, json};

use super::failure::reason_name;
use crate::{
    grpc::proto::{
        Freshness, Item, ItemDraft, ItemPhase, Money, Order, OrderRecord, OrderState, Refusal,
        Sale, SaleGoals, SaleLine, SalesFigures, StockLevel, TimelineSecond, WarehouseUnits,
    },
    values::{Currency, UnixMs},
};

/// A moment in RFC 3339; empty where there is none.
pub fn time(moment: Option<&Timestamp>) -> String {
    moment.map_or_else(String::new, |at| unix_ms(at).to_string())
}

/// A moment of an answer.
pub fn unix_ms(at: &Timestamp) -> UnixMs {
    UnixMs(at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000))
}

/// A moment for a request.
pub fn timestamp(moment: UnixMs) -> Timestamp {
    let nanos = i32::try_from(moment.0.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    Timestamp { seconds: moment.second(), nanos }
}

/// Money for people; empty where there is none.
pub fn amount(money: Option<&Money>) -> String {
    let Some(Money { currency_code, amount_minor }) = money else { return String::new() };
    match Currency::parse("currency_code", currency_code) {
        Ok(currency) => currency.amount(*amount_minor),
        Err(_) => format!("{amount_minor} {currency_code}"),
    }
}

/// For example `HELD`.
pub fn state_name(state: OrderState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix("ORDER_STATE_").unwrap_or(name)
}

/// For example `NOT_OPEN_YET`.
pub fn phase_name(phase: ItemPhase) -> &'static str {
    let name = phase.as_str_name();
    name.strip_prefix("ITEM_PHASE_").unwrap_or(name)
}

/// A business "no".
pub fn refusal(refusal: &Refusal) -> Value {
    json!({
        "reason": reason_name(refusal.reason()),
        "message": refusal.message,
        "available_units": refusal.available_units,
    })
}

/// How fresh an answer is.
pub fn freshness(freshness: Option<&Freshness>) -> Value {
    freshness.map_or(Value::Null, |fresh| {
        json!({
            "position": fresh.position,
            "head_position": fresh.head_position,
            "lag_ms": fresh.lag_ms,
        })
    })
}

/// An order.
pub fn order(order: &Order) -> Value {
    with(
        json!({
            "order_id": order.order_id,
            "item_id": order.item_id,
            "buyer": order.buyer,
            "units": order.units,
            "state": state_name(order.state()),
        }),
        [
            ("unit_price", money(order.unit_price.as_ref())),
            ("total", money(order.total.as_ref())),
            ("place_time", moment(order.place_time.as_ref())),
            ("pay_by_time", moment(order.pay_by_time.as_ref())),
        ],
    )
}

/// An order as the read model keeps it.
pub fn order_record(record: &OrderRecord) -> Value {
    with(
        record.order.as_ref().map_or_else(|| json!({}), order),
        [
            ("sale_id", Some(json!(record.sale_id))),
            ("channel", Some(json!(record.channel))),
            ("warehouses", Some(warehouse_units(&record.warehouses))),
            ("settle_time", moment(record.settle_time.as_ref())),
            ("payment_reference", Some(json!(record.payment_reference))),
        ],
    )
}

/// An item.
pub fn item(item: &Item) -> Value {
    with(
        json!({
            "item_id": item.item_id,
            "sale_id": item.sale_id,
            "sku": item.sku,
            "title": item.title,
            "phase": phase_name(item.phase()),
            "allocated_units": item.allocated_units,
            "available_units": item.available_units,
            "held_units": item.held_units,
            "sold_units": item.sold_units,
            "available_by_warehouse": warehouse_units(&item.available_by_warehouse),
            "reserve_units": item.reserve_units,
            "reserve_by_warehouse": warehouse_units(&item.reserve_by_warehouse),
            "paused_itself": item.paused_itself,
            "paused_with_sale": item.paused_with_sale,
        }),
        [
            ("unit_price", money(item.unit_price.as_ref())),
            ("open_time", moment(item.open_time.as_ref())),
            ("close_time", moment(item.close_time.as_ref())),
            ("limit_per_buyer", item.limit_per_buyer.map(Value::from)),
            ("limit_per_order", item.limit_per_order.map(Value::from)),
            ("time_to_pay_seconds", item.time_to_pay.map(|span| Value::from(span.seconds))),
        ],
    )
}

/// A sale with its items.
pub fn sale(sale: &Sale) -> Value {
    let items = sale.items.iter().map(|item| {
        let draft = item.draft.as_ref().map_or_else(|| json!({}), item_draft);
        with(draft, [("item_id", Some(json!(item.item_id)))])
    });
    with(
        json!({
            "sale_id": sale.sale_id,
            "name": sale.name,
            "currency_code": sale.currency_code,
            "items": items.collect::<Vec<_>>(),
        }),
        [
            ("open_time", moment(sale.open_time.as_ref())),
            ("close_time", moment(sale.close_time.as_ref())),
            ("create_time", moment(sale.create_time.as_ref())),
            ("closed_time", moment(sale.closed_time.as_ref())),
            ("pause_time", moment(sale.pause_time.as_ref())),
            ("goals", sale.goals.as_ref().map(goals)),
        ],
    )
}

/// What is wanted of a sale; goals that are not set are absent.
fn goals(goals: &SaleGoals) -> Value {
    with(
        json!({}),
        [
            ("units", goals.units.map(Value::from)),
            ("revenue_minor", goals.revenue_minor.map(Value::from)),
            ("conversion_ppm", goals.conversion_ppm.map(Value::from)),
            ("new_buyers", goals.new_buyers.map(Value::from)),
        ],
    )
}

/// A line of the list of sales.
pub fn sale_line(line: &SaleLine) -> Value {
    with(
        json!({
            "sale_id": line.sale_id,
            "name": line.name,
            "currency_code": line.currency_code,
            "items": line.items,
            "closed": line.closed,
        }),
        [
            ("open_time", moment(line.open_time.as_ref())),
            ("close_time", moment(line.close_time.as_ref())),
        ],
    )
}

/// Stock of an item.
pub fn stock_level(level: &StockLevel) -> Value {
    let warehouses = level.warehouses.iter().map(|at| {
        json!({
            "warehouse": at.warehouse,
            "allocated_units": at.allocated_units,
            "available_units": at.available_units,
            "held_units": at.held_units,
            "sold_units": at.sold_units,
            "reserve_units": at.reserve_units,
        })
    });
    json!({
        "item_id": level.item_id,
        "sale_id": level.sale_id,
        "sku": level.sku,
        "title": level.title,
        "allocated_units": level.allocated_units,
        "available_units": level.available_units,
        "held_units": level.held_units,
        "sold_units": level.sold_units,
        "reserve_units": level.reserve_units,
        "warehouses": warehouses.collect::<Vec<_>>(),
    })
}

/// What an item or a sale sold.
pub fn sales_figures(figures: &SalesFigures) -> Value {
    with(
        json!({
            "item_id": figures.item_id,
            "sku": figures.sku,
            "title": figures.title,
            "allocated_units": figures.allocated_units,
            "orders_placed": figures.orders_placed,
            "orders_paid": figures.orders_paid,
            "orders_cancelled": figures.orders_cancelled,
            "orders_expired": figures.orders_expired,
            "units_placed": figures.units_placed,
            "units_sold": figures.units_sold,
            "paid_share_ppm": figures.paid_share_ppm,
        }),
        [
            ("revenue", money(figures.revenue.as_ref())),
            ("refunds_due", money(figures.refunds_due.as_ref())),
            ("sold_out_time", moment(figures.sold_out_time.as_ref())),
        ],
    )
}

/// One second.
pub fn timeline_second(second: &TimelineSecond) -> Value {
    let refusals = second.refusals.iter();
    let refusals: Map<String, Value> = refusals
        .map(|count| (reason_name(count.reason()).to_owned(), json!(count.attempts)))
        .collect();
    json!({
        "second": time(second.second.as_ref()),
        "attempts": second.attempts,
        "orders_placed": second.orders_placed,
        "units_placed": second.units_placed,
        "orders_paid": second.orders_paid,
        "units_paid": second.units_paid,
        "orders_cancelled": second.orders_cancelled,
        "orders_expired": second.orders_expired,
        "units_released": second.units_released,
        "repeats": second.repeats,
        "refusals": refusals,
        "units_allocated": second.units_allocated,
        "units_refused": second.units_refused,
        "refunds_due": second.refunds_due,
    })
}

fn item_draft(draft: &ItemDraft) -> Value {
    with(
        json!({
            "sku": draft.sku,
            "title": draft.title,
            "unit_price_minor": draft.unit_price_minor,
            "units": warehouse_units(&draft.units),
            "reserve": warehouse_units(&draft.reserve),
        }),
        [
            ("open_time", moment(draft.open_time.as_ref())),
            ("close_time", moment(draft.close_time.as_ref())),
            ("limit_per_buyer", draft.limit_per_buyer.map(Value::from)),
            ("limit_per_order", draft.limit_per_order.map(Value::from)),
            ("time_to_pay_seconds", draft.time_to_pay.map(|span| Value::from(span.seconds))),
        ],
    )
}

fn warehouse_units(units: &[WarehouseUnits]) -> Value {
    units.iter().map(|at| json!({ "warehouse": at.warehouse, "units": at.units })).collect()
}

/// Money; nothing where there is none.
pub fn money(money: Option<&Money>) -> Option<Value> {
    let Money { currency_code, amount_minor } = money?;
    Some(json!({ "currency_code": currency_code, "amount_minor": amount_minor }))
}

fn moment(at: Option<&Timestamp>) -> Option<Value> {
    at.map(|at| Value::from(time(Some(at))))
}

/// The object with those of the fields that are there.
pub fn with<const N: usize>(mut object: Value, fields: [(&str, Option<Value>); N]) -> Value {
    for (name, value) in fields {
        if let Some(value) = value {
            object[name] = value;
        }
    }
    object
}
