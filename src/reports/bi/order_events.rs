//! Events of orders as rows: read from the log, joined with the orders' buyers and the items' names.

use std::{collections::HashMap, fmt::Display};

use rusqlite::{Connection, OptionalExtension as _, Statement};
use serde::Serialize;

use super::error::BiError;
use crate::{
    events::{Category, DecodeError, Event, ItemEvent, OrderEvent, Position, Recorded, decode},
    projections::orders::REVISION_BITS,
    reports::{ReportError, read_models::id_at, sql::SqlValue},
    values::ItemId,
};

/// An item as its events name it.
struct Names {
    number: i64,
    sale_id: SqlValue,
    sale_name: SqlValue,
    sku: SqlValue,
    title: SqlValue,
    currency: SqlValue,
}

/// Gives a row to `take` for each event of an order, as far as the read model of orders has come.
pub(super) fn each_event<E: Display>(
    rows: &Connection,
    until: Position,
    mut page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    mut take: impl FnMut(Vec<SqlValue>) -> Result<(), BiError>,
) -> Result<(), BiError> {
    let items = read_items(rows).map_err(ReportError::from)?;
    let mut order = rows
        .prepare("SELECT buyer, channel FROM orders.orders WHERE key = ?")
        .map_err(ReportError::from)?;
    let mut after = Position::START;
    while after < until {
        let events = page(after).map_err(|error| BiError::Log(error.to_string()))?;
        let Some(last) = events.last() else {
            return Err(BiError::Log(format!(
                "it ends at position {after}, and the read model of orders is at {until}"
            )));
        };
        after = last.position;
        for recorded in events.iter().filter(|recorded| recorded.position <= until) {
            if let Some(event) = order_event(recorded)? {
                let names = items.get(&ItemId(recorded.stream.id)).ok_or_else(|| {
                    BiError::Log(format!("{} is not in the read model", recorded.stream))
                })?;
                take(row(recorded, &event, names, &mut order)?)?;
            }
        }
    }
    Ok(())
}

fn order_event(recorded: &Recorded) -> Result<Option<OrderEvent>, BiError> {
    if recorded.stream.category != Category::Item {
        return Ok(None);
    }
    let event = decode(recorded).map_err(|error: DecodeError| BiError::Log(error.to_string()))?;
    match event {
        Event::Item(ItemEvent::Order(event)) => Ok(Some(event)),
        _ => Ok(None),
    }
}

fn read_items(rows: &Connection) -> rusqlite::Result<HashMap<ItemId, Names>> {
    let mut query = rows.prepare(
        "SELECT i.item_id, i.number, i.sale_id, g.sale_name, g.sku, g.title, i.currency
         FROM orders.items i LEFT JOIN goods g ON g.item_id = i.item_id",
    )?;
    let items = query.query_map([], |row| {
        let cell = |column| row.get_ref(column).map(SqlValue::of);
        let names = Names {
            number: row.get(1)?,
            sale_id: cell(2)?,
            sale_name: cell(3)?,
            sku: cell(4)?,
            title: cell(5)?,
            currency: cell(6)?,
        };
        Ok((ItemId(id_at(row, 0)?), names))
    })?;
    items.collect()
}

/// What not every event has.
#[derive(Default)]
struct Details {
    amount_minor: Option<i64>,
    pay_by_ms: Option<i64>,
    cause: Option<String>,
    reference: Option<String>,
    due_id: Option<String>,
    restocked: Option<bool>,
}

fn row(
    recorded: &Recorded,
    event: &OrderEvent,
    names: &Names,
    order: &mut Statement<'_>,
) -> Result<Vec<SqlValue>, BiError> {
    let step = event.step(recorded.revision);
    let placed = signed(step.placed_revision)?;
    let found = order
        .query_row([names.number << REVISION_BITS | placed], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(ReportError::from)?;
    let (buyer, channel): (String, String) = found.ok_or_else(|| {
        BiError::Log(format!("order {} is not in the read model", event.order_id()))
    })?;
    let details = details(ItemId(recorded.stream.id), event);
    let act = event.act();
    // In the order of the columns of `ORDER_EVENTS`.
    Ok(vec![
        SqlValue::Text(recorded.id.to_string()),
        SqlValue::Integer(signed(recorded.position.0)?),
        SqlValue::Integer(event.at().0),
        SqlValue::Integer(recorded.recorded_at_ms),
        SqlValue::Text(kind_of(event).to_owned()),
        SqlValue::Text(event.order_id().to_string()),
        names.sale_id.clone(),
        names.sale_name.clone(),
        SqlValue::Text(recorded.stream.id.to_string()),
        names.sku.clone(),
        names.title.clone(),
        SqlValue::Text(buyer),
        SqlValue::Text(channel),
        SqlValue::Integer(step.units),
        number(details.amount_minor),
        names.currency.clone(),
        number(details.pay_by_ms),
        text(details.cause),
        text(details.reference),
        text(details.due_id),
        number(details.restocked.map(i64::from)),
        text(act.map(|act| act.operator.clone())),
        text(act.map(|act| act.reason.clone())),
    ])
}

fn details(item: ItemId, event: &OrderEvent) -> Details {
    let none = Details::default();
    match event {
        OrderEvent::Placed(e) => {
            Details { amount_minor: Some(e.total()), pay_by_ms: Some(e.pay_by_ms.0), ..none }
        }
        OrderEvent::Paid(e) => Details {
            amount_minor: Some(e.amount_minor),
            reference: Some(e.payment_reference.clone()),
            ..none
        },
        OrderEvent::CouponApplied(e) => Details { amount_minor: Some(e.total_minor), ..none },
        OrderEvent::CouponDenied(e) => {
            Details { amount_minor: Some(e.total_minor), cause: word(&e.reason), ..none }
        }
        OrderEvent::PaymentFailed(e) => Details {
            cause: Some(e.code.clone()),
            reference: Some(e.payment_reference.clone()),
            ..none
        },
        OrderEvent::HoldExtended(e) => Details { pay_by_ms: Some(e.pay_by_ms.0), ..none },
        OrderEvent::Cancelled(e) => Details { cause: word(&e.cause), ..none },
        OrderEvent::RefundDue(e) => Details {
            amount_minor: Some(e.amount_minor),
            cause: word(&e.cause),
            reference: Some(e.payment_reference.clone()),
            due_id: Some(item.due_id(e.request_id).to_string()),
            ..none
        },
        OrderEvent::Refunded(e) => Details {
            amount_minor: Some(e.amount_minor),
            due_id: Some(item.due_id(e.act.request_id).to_string()),
            restocked: Some(e.restocked),
            ..none
        },
        OrderEvent::RefundSettled(e) => Details {
            amount_minor: Some(e.amount_minor),
            reference: Some(e.reference.clone()),
            due_id: Some(e.due_id.to_string()),
            ..none
        },
        OrderEvent::LimitGranted(_) | OrderEvent::Expired(_) | OrderEvent::Reinstated(_) => none,
    }
}

/// As `order follow --kind` names it.
fn kind_of(event: &OrderEvent) -> &'static str {
    match event {
        OrderEvent::Placed(_) => "placed",
        OrderEvent::LimitGranted(_) => "limit_granted",
        OrderEvent::CouponApplied(_) => "coupon_applied",
        OrderEvent::CouponDenied(_) => "coupon_denied",
        OrderEvent::Paid(_) => "paid",
        OrderEvent::PaymentFailed(_) => "payment_failed",
        OrderEvent::HoldExtended(_) => "hold_extended",
        OrderEvent::Cancelled(_) => "cancelled",
        OrderEvent::Expired(_) => "expired",
        OrderEvent::Reinstated(_) => "reinstated",
        OrderEvent::RefundDue(_) => "refund_due",
        OrderEvent::Refunded(_) => "refunded",
        OrderEvent::RefundSettled(_) => "refund_settled",
    }
}

fn signed(number: u64) -> Result<i64, BiError> {
    i64::try_from(number).map_err(|_| BiError::Log(format!("{number} is beyond its last event")))
}

/// A word of an enumeration as it is stored, in lower case.
fn word(of: &impl Serialize) -> Option<String> {
    let value = serde_json::to_value(of).ok()?;
    value.as_str().map(str::to_lowercase)
}

fn text(text: Option<String>) -> SqlValue {
    text.map_or(SqlValue::Null, SqlValue::Text)
}

fn number(number: Option<i64>) -> SqlValue {
    number.map_or(SqlValue::Null, SqlValue::Integer)
}
