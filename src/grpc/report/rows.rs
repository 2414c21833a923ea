//! Rows of the read models in protobuf.

use crate::{
    events::AttemptOutcome,
    grpc::{convert, proto},
    reports::{OrderRecord, SaleLine, SalesFigures, StockLevel, TimelineSecond, WarehouseStock},
};

pub(in crate::grpc) fn money(currency_code: &str, amount_minor: i64) -> proto::Money {
    proto::Money { currency_code: currency_code.to_owned(), amount_minor }
}

pub(super) fn sale_line(line: SaleLine) -> proto::SaleLine {
    proto::SaleLine {
        sale_id: line.sale_id.to_string(),
        name: line.name,
        currency_code: line.currency,
        open_time: Some(convert::timestamp(line.opens_at)),
        close_time: Some(convert::timestamp(line.closes_at)),
        items: line.items,
        closed: line.closed,
    }
}

pub(super) fn stock_level(level: StockLevel) -> proto::StockLevel {
    proto::StockLevel {
        item_id: level.item_id.to_string(),
        sale_id: level.sale_id.to_string(),
        sku: level.sku,
        title: level.title,
        allocated_units: level.allocated_units,
        available_units: level.available_units,
        held_units: level.held_units,
        sold_units: level.sold_units,
        reserve_units: level.reserve_units,
        warehouses: level.warehouses.into_iter().map(warehouse_stock).collect(),
    }
}

fn warehouse_stock(stock: WarehouseStock) -> proto::WarehouseStock {
    proto::WarehouseStock {
        warehouse: stock.warehouse,
        allocated_units: stock.allocated_units,
        available_units: stock.available_units,
        held_units: stock.held_units,
        sold_units: stock.sold_units,
        reserve_units: stock.reserve_units,
    }
}

pub(in crate::grpc) fn order_record(record: OrderRecord) -> proto::OrderRecord {
    let (shop_order_id, labels) = convert::shown_references(record.references);
    let order = proto::Order {
        order_id: record.order_id.to_string(),
        item_id: record.item_id.to_string(),
        units: record.units,
        state: convert::order_state(record.state).into(),
        place_time: Some(convert::timestamp(record.placed_at)),
        pay_by_time: Some(convert::timestamp(record.pay_by)),
        buyer: record.buyer,
        refunded_units: record.refunded_units,
        refunded_minor: record.refunded_minor,
        failed_payments: record.failed_payments,
        shop_order_id,
        labels,
        ..convert::priced(&record.currency, record.price)
    };
    proto::OrderRecord {
        order: Some(order),
        sale_id: record.sale_id.to_string(),
        channel: record.channel,
        warehouses: record.warehouses.into_iter().map(convert::warehouse_units).collect(),
        settle_time: record.settled_at.map(convert::timestamp),
        payment_reference: record.payment_reference,
        reinstate_time: record.reinstated_at.map(convert::timestamp),
    }
}

pub(super) fn figures(currency: &str, figures: SalesFigures) -> proto::SalesFigures {
    let some = |minor: i64| (minor != 0).then(|| money(currency, minor));
    proto::SalesFigures {
        paid_share_ppm: figures.paid_share_ppm(),
        item_id: figures.item_id.map(|id| id.to_string()).unwrap_or_default(),
        sku: figures.sku,
        title: figures.title,
        allocated_units: figures.allocated_units,
        orders_placed: figures.orders_placed,
        orders_paid: figures.orders_paid,
        orders_cancelled: figures.orders_cancelled,
        orders_expired: figures.orders_expired,
        units_placed: figures.units_placed,
        units_sold: figures.units_sold,
        revenue: Some(money(currency, figures.revenue_minor)),
        refunds_due: Some(money(currency, figures.refunds_due_minor)),
        orders_refunded: figures.orders_refunded,
        units_refunded: figures.units_refunded,
        refunded: some(figures.refunded_minor),
        refunds_settled: some(figures.refunds_settled_minor),
        sold_out_time: figures.sold_out_at.map(convert::timestamp),
    }
}

pub(super) fn second(second: TimelineSecond) -> proto::TimelineSecond {
    let refusals = second.refusals.into_iter().filter_map(|(outcome, attempts)| {
        let reason = reason(outcome)?;
        Some(proto::RefusalCount { reason: reason.into(), attempts })
    });
    proto::TimelineSecond {
        second: Some(prost_types::Timestamp { seconds: second.second, nanos: 0 }),
        attempts: second.attempts,
        orders_placed: second.orders_placed,
        units_placed: second.units_placed,
        orders_paid: second.orders_paid,
        units_paid: second.units_paid,
        orders_cancelled: second.orders_cancelled,
        orders_expired: second.orders_expired,
        units_released: second.units_released,
        repeats: second.repeats,
        refusals: refusals.collect(),
        units_allocated: second.units_allocated,
        units_refused: second.units_refused,
        refunds_due: second.refunds_due,
        units_refunded: second.units_refunded,
        orders_reinstated: second.orders_reinstated,
        units_reinstated: second.units_reinstated,
    }
}

pub(super) fn reason(outcome: AttemptOutcome) -> Option<proto::RefusalReason> {
    match outcome {
        AttemptOutcome::Placed | AttemptOutcome::Repeated => None,
        AttemptOutcome::SoldOut => Some(proto::RefusalReason::SoldOut),
        AttemptOutcome::NotEnoughUnits => Some(proto::RefusalReason::NotEnoughUnits),
        AttemptOutcome::NotOpenYet => Some(proto::RefusalReason::NotOpenYet),
        AttemptOutcome::Closed => Some(proto::RefusalReason::Closed),
        AttemptOutcome::Paused => Some(proto::RefusalReason::Paused),
        AttemptOutcome::OverBuyerLimit => Some(proto::RefusalReason::OverBuyerLimit),
        AttemptOutcome::OverOrderLimit => Some(proto::RefusalReason::OverOrderLimit),
        AttemptOutcome::NotEligible => Some(proto::RefusalReason::NotEligible),
        AttemptOutcome::GiftGone => Some(proto::RefusalReason::GiftGone),
        AttemptOutcome::PriceChanged => Some(proto::RefusalReason::PriceChanged),
    }
}
