//! The tables: their columns, and the rows of read models that they come from.
//!
//! Tables that grow with orders, seconds or minutes are read along a primary key, so that SQLite
//! neither sorts nor holds them. `goods` is a temporary table with the names of all items.

use super::column::BiColumn;

/// One table.
#[derive(Debug, Clone, Copy)]
pub struct BiTable {
    pub name: &'static str,
    pub columns: &'static [BiColumn],
    /// The read model whose position its rows have.
    pub(super) of: &'static str,
    /// What follows `FROM`; none where rows are made of events.
    pub(super) from: Option<&'static str>,
}

/// Names of items, for all tables to join.
pub(super) const GOODS: &str = "CREATE TEMP TABLE goods (
        item_id BLOB PRIMARY KEY, sale_id, sale_name, opens_at_ms, sku, title, currency
    ) WITHOUT ROWID;
    INSERT INTO goods
    SELECT c.item_id, c.sale_id, s.name, s.opens_at_ms, c.sku, c.title, c.currency
    FROM catalog.items c LEFT JOIN catalog.sales s ON s.sale_id = c.sale_id;";

const fn text(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::text(name, sql)
}
const fn flag(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::flag(name, sql)
}
const fn time(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::time(name, sql)
}
const fn money(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::money(name, sql)
}
const fn orders(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::count(name, "orders", sql)
}
const fn units(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::count(name, "units", sql)
}
const fn attempts(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::count(name, "attempts", sql)
}
const fn beacons(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::count(name, "beacons", sql)
}
const fn seconds(name: &'static str, sql: &'static str) -> BiColumn {
    BiColumn::count(name, "s", sql)
}

/// One row for each order.
pub(super) const ORDERS: BiTable = BiTable {
    name: "orders",
    of: "orders",
    from: Some(
        "orders.orders o LEFT JOIN orders.items i ON i.number = o.key >> 36
         LEFT JOIN goods g ON g.item_id = i.item_id ORDER BY o.key",
    ),
    columns: &[
        text("order_id", "o.order_id"),
        text("sale_id", "i.sale_id"),
        text("sale_name", "g.sale_name"),
        text("item_id", "i.item_id"),
        text("sku", "g.sku"),
        text("title", "g.title"),
        text("buyer", "o.buyer"),
        text("channel", "o.channel"),
        text("state", "order_state(o.state)"),
        flag("is_paid", "o.state IN (2, 5)"),
        time("placed_at", "o.placed_at_ms"),
        seconds("placed_second_of_sale", "o.placed_at_ms / 1000 - g.opens_at_ms / 1000"),
        time("pay_by", "o.pay_by_ms"),
        time("paid_at", "CASE WHEN o.state IN (2, 5) THEN o.settled_at_ms END").or_null(),
        time("cancelled_at", "CASE WHEN o.state = 3 THEN o.settled_at_ms END").or_null(),
        time("expired_at", "CASE WHEN o.state = 4 THEN o.settled_at_ms END").or_null(),
        time("reinstated_at", "o.reinstated_at_ms").or_null(),
        units("units", "o.units"),
        money("unit_price_minor", "o.unit_price_minor"),
        money("discount_minor", "o.discount_minor"),
        money("coupon_discount_minor", "ifnull(json_extract(o.coupon, '$.discount_minor'), 0)"),
        money("total_minor", "o.total_minor"),
        units("refunded_units", "o.refunded_units"),
        money("refunded_minor", "o.refunded_minor"),
        money(
            "revenue_minor",
            "CASE WHEN o.state IN (2, 5) THEN o.total_minor - o.refunded_minor ELSE 0 END",
        ),
        text("currency", "i.currency"),
        text("offer", "o.offer").or_null(),
        text("coupon_batch_id", "json_extract(o.coupon, '$.batch_id')").or_null(),
        text("gift_sku", "json_extract(o.gift, '$.sku')").or_null(),
        units("gift_units", "ifnull(json_extract(o.gift, '$.units'), 0)"),
        text("warehouse", "o.warehouse").or_null(),
        text("split", "o.split").or_null(),
        flag("is_split", "o.split IS NOT NULL"),
        flag("awaits_decision", "o.awaiting > 0 AND o.state = 1"),
        BiColumn::count("failed_payments", "payments", "o.failed_payments"),
        text("payment_reference", "o.payment_reference").or_null(),
        text("shop_order_id", "o.shop_order_id").or_null(),
        text("labels", "o.labels").or_null(),
    ],
};

/// One row for each event of an order.
pub(super) const ORDER_EVENTS: BiTable = BiTable {
    name: "order_events",
    of: "orders",
    from: None,
    columns: &[
        text("event_id", ""),
        BiColumn::count("position", "", ""),
        time("event_at", ""),
        time("recorded_at", ""),
        text("kind", ""),
        text("order_id", ""),
        text("sale_id", ""),
        text("sale_name", ""),
        text("item_id", ""),
        text("sku", ""),
        text("title", ""),
        text("buyer", ""),
        text("channel", ""),
        units("units", ""),
        money("amount_minor", "").or_null(),
        text("currency", ""),
        time("pay_by", "").or_null(),
        text("cause", "").or_null(),
        text("reference", "").or_null(),
        text("due_id", "").or_null(),
        flag("restocked", "").or_null(),
        text("operator", "").or_null(),
        text("reason", "").or_null(),
    ],
};

/// One row for each sum of money that has or had to go back.
pub(super) const REFUNDS: BiTable = BiTable {
    name: "refunds",
    of: "refunds",
    from: Some(
        "refunds.dues d LEFT JOIN refunds.items r ON r.number = d.item
         LEFT JOIN goods g ON g.item_id = r.item_id
         LEFT JOIN orders.items i ON i.item_id = r.item_id
         LEFT JOIN orders.orders o ON o.key = (i.number << 36) + d.placed_revision
         ORDER BY d.number",
    ),
    columns: &[
        text("due_id", "d.due_id"),
        text("order_id", "d.order_id"),
        text("sale_id", "d.sale_id"),
        text("sale_name", "g.sale_name"),
        text("item_id", "r.item_id"),
        text("sku", "g.sku"),
        text("title", "g.title"),
        text("buyer", "o.buyer"),
        text("channel", "o.channel"),
        text("cause", "d.cause"),
        units("units", "d.units"),
        money("amount_minor", "d.amount_minor"),
        text("currency", "r.currency"),
        text("payment_reference", "d.payment_reference").or_null(),
        time("due_at", "d.due_at_ms"),
        flag("is_settled", "d.settled_at_ms IS NOT NULL"),
        time("settled_at", "d.settled_at_ms").or_null(),
        text("settled_reference", "d.settled_reference").or_null(),
        text("settled_by", "d.settled_by").or_null(),
    ],
};

/// One row for each item and second with activity.
pub(super) const ATTEMPTS_BY_SECOND: BiTable = BiTable {
    name: "attempts_by_second",
    of: "timeline",
    from: Some(
        "timeline.seconds t LEFT JOIN timeline.items i ON i.number = t.item
         LEFT JOIN goods g ON g.item_id = i.item_id ORDER BY t.item, t.second",
    ),
    columns: &[
        time("second_at", "t.second * 1000"),
        seconds("second_of_sale", "t.second - g.opens_at_ms / 1000").or_null(),
        text("sale_id", "g.sale_id").or_null(),
        text("sale_name", "g.sale_name").or_null(),
        text("item_id", "i.item_id"),
        text("sku", "g.sku").or_null(),
        text("title", "g.title").or_null(),
        attempts("attempts", "t.attempts"),
        attempts("repeats", "t.repeats"),
        attempts("refused_sold_out", "t.refused_sold_out"),
        attempts("refused_not_enough_units", "t.refused_not_enough_units"),
        attempts("refused_not_open_yet", "t.refused_not_open_yet"),
        attempts("refused_closed", "t.refused_closed"),
        attempts("refused_paused", "t.refused_paused"),
        attempts("refused_over_buyer_limit", "t.refused_over_buyer_limit"),
        attempts("refused_over_order_limit", "t.refused_over_order_limit"),
        attempts("refused_not_eligible", "t.refused_not_eligible"),
        attempts("refused_gift_gone", "t.refused_gift_gone"),
        attempts("refused_price_changed", "t.refused_price_changed"),
        units("units_refused", "t.units_refused"),
        orders("orders_placed", "t.orders_placed"),
        orders("orders_paid", "t.orders_paid"),
        orders("orders_cancelled", "t.orders_cancelled"),
        orders("orders_expired", "t.orders_expired"),
        orders("orders_reinstated", "t.orders_reinstated"),
        units("units_placed", "t.units_placed"),
        units("units_paid", "t.units_paid"),
        units("units_released", "t.units_released"),
        units("units_reinstated", "t.units_reinstated"),
        units("units_allocated", "t.units_allocated"),
        units("units_refunded", "t.units_refunded"),
        money("revenue_minor", "t.revenue_minor"),
        money("refunded_minor", "t.refunded_minor"),
        BiColumn::count("refunds_due", "refunds", "t.refunds_due"),
        text("currency", "g.currency").or_null(),
    ],
};

/// One row for each item.
pub(super) const ITEMS: BiTable = BiTable {
    name: "items",
    of: "sales",
    from: Some(
        "catalog.items c LEFT JOIN goods g ON g.item_id = c.item_id
         LEFT JOIN sales.items f ON f.item_id = c.item_id
         LEFT JOIN (SELECT i.item_id, bounded_sum(w.held_units) AS held,
                    bounded_sum(w.reserve_units) AS reserve
                    FROM stock.items i JOIN stock.warehouses w ON w.item = i.number
                    GROUP BY i.item_id) w ON w.item_id = c.item_id
         ORDER BY c.number",
    ),
    columns: &[
        text("item_id", "c.item_id"),
        text("sale_id", "c.sale_id"),
        text("sale_name", "g.sale_name"),
        text("sku", "c.sku"),
        text("title", "c.title"),
        money("unit_price_minor", "c.unit_price_minor"),
        BiColumn::count("time_to_pay_ms", "ms", "c.time_to_pay_ms"),
        time("opens_at", "c.opens_at_ms").or_null(),
        time("closes_at", "c.closes_at_ms").or_null(),
        time("closed_at", "c.closed_at_ms").or_null(),
        flag("is_paused", "c.paused OR c.paused_with_sale"),
        units("limit_per_buyer", "c.limit_per_buyer").or_null(),
        units("limit_per_order", "c.limit_per_order").or_null(),
        units("allocated_units", "ifnull(f.allocated_units, 0)"),
        units("available_units", "ifnull(f.available_units, 0)"),
        units("held_units", "ifnull(w.held, 0)"),
        units("reserve_units", "ifnull(w.reserve, 0)"),
        time("sold_out_at", "f.sold_out_at_ms").or_null(),
        orders("orders_placed", "ifnull(f.orders_placed, 0)"),
        orders("orders_paid", "ifnull(f.orders_paid, 0)"),
        orders("orders_cancelled", "ifnull(f.orders_cancelled, 0)"),
        orders("orders_expired", "ifnull(f.orders_expired, 0)"),
        orders("orders_refunded", "ifnull(f.orders_refunded, 0)"),
        units("units_placed", "ifnull(f.units_placed, 0)"),
        units("units_sold", "ifnull(f.units_sold, 0)"),
        units("units_refunded", "ifnull(f.units_refunded, 0)"),
        money("revenue_minor", "ifnull(f.revenue_minor, 0)"),
        money("refunded_minor", "ifnull(f.refunded_minor, 0)"),
        money("refunds_due_minor", "ifnull(f.refunds_due_minor, 0)"),
        money("refunds_settled_minor", "ifnull(f.refunds_settled_minor, 0)"),
        text("currency", "c.currency"),
    ],
};

/// One row for each sale.
pub(super) const SALES: BiTable = BiTable {
    name: "sales",
    of: "sales",
    from: Some(
        "catalog.sales s LEFT JOIN (SELECT sale_id,
            bounded_sum(allocated_units) AS allocated_units,
            bounded_sum(available_units) AS available_units,
            bounded_sum(orders_placed) AS orders_placed,
            bounded_sum(orders_paid) AS orders_paid,
            bounded_sum(orders_cancelled) AS orders_cancelled,
            bounded_sum(orders_expired) AS orders_expired,
            bounded_sum(orders_refunded) AS orders_refunded,
            bounded_sum(units_placed) AS units_placed, bounded_sum(units_sold) AS units_sold,
            bounded_sum(units_refunded) AS units_refunded,
            bounded_sum(revenue_minor) AS revenue_minor,
            bounded_sum(refunded_minor) AS refunded_minor,
            bounded_sum(refunds_due_minor) AS refunds_due_minor,
            bounded_sum(refunds_settled_minor) AS refunds_settled_minor
         FROM sales.items GROUP BY sale_id) f ON f.sale_id = s.sale_id ORDER BY s.number",
    ),
    columns: &[
        text("sale_id", "s.sale_id"),
        text("sale_name", "s.name"),
        time("created_at", "s.created_at_ms"),
        time("opens_at", "s.opens_at_ms"),
        time("closes_at", "s.closes_at_ms"),
        time("closed_at", "s.closed_at_ms").or_null(),
        flag("is_paused", "s.paused"),
        BiColumn::count("items", "items", "s.items"),
        units("goal_units", "s.goal_units").or_null(),
        money("goal_revenue_minor", "s.goal_revenue_minor").or_null(),
        BiColumn::count("goal_conversion_ppm", "parts per million", "s.goal_conversion_ppm")
            .or_null(),
        BiColumn::count("goal_new_buyers", "buyers", "s.goal_new_buyers").or_null(),
        units("allocated_units", "ifnull(f.allocated_units, 0)"),
        units("available_units", "ifnull(f.available_units, 0)"),
        orders("orders_placed", "ifnull(f.orders_placed, 0)"),
        orders("orders_paid", "ifnull(f.orders_paid, 0)"),
        orders("orders_cancelled", "ifnull(f.orders_cancelled, 0)"),
        orders("orders_expired", "ifnull(f.orders_expired, 0)"),
        orders("orders_refunded", "ifnull(f.orders_refunded, 0)"),
        units("units_placed", "ifnull(f.units_placed, 0)"),
        units("units_sold", "ifnull(f.units_sold, 0)"),
        units("units_refunded", "ifnull(f.units_refunded, 0)"),
        money("revenue_minor", "ifnull(f.revenue_minor, 0)"),
        money("refunded_minor", "ifnull(f.refunded_minor, 0)"),
        money("refunds_due_minor", "ifnull(f.refunds_due_minor, 0)"),
        money("refunds_settled_minor", "ifnull(f.refunds_settled_minor, 0)"),
        text("currency", "s.currency"),
    ],
};

/// One row for each minute with beacons, by item and channel.
pub(super) const TRAFFIC_BY_MINUTE: BiTable = BiTable {
    name: "traffic_by_minute",
    of: "journeys",
    from: Some(
        "journeys.traffic_minutes t LEFT JOIN journeys.sales s ON s.number = t.sale
         LEFT JOIN journeys.items i ON i.number = t.item
         LEFT JOIN journeys.channels h ON h.number = t.channel
         LEFT JOIN journeys.categories y ON y.number = i.category
         LEFT JOIN goods g ON g.item_id = i.item_id
         LEFT JOIN catalog.sales c ON c.sale_id = s.sale_id
         ORDER BY t.sale, t.item, t.channel, t.minute",
    ),
    columns: &[
        time("minute_at", "t.minute * 60000"),
        text("sale_id", "s.sale_id"),
        text("sale_name", "ifnull(c.name, s.name)").or_null(),
        text("item_id", "i.item_id").or_null(),
        text("sku", "ifnull(g.sku, nullif(i.sku, ''))").or_null(),
        text("title", "g.title").or_null(),
        text("category", "y.name").or_null(),
        text("channel", "h.name").or_null(),
        beacons("views", "t.views"),
        beacons("favourites", "t.favourites"),
        beacons("carts", "t.carts"),
        beacons("shares", "t.shares"),
        beacons("buys", "t.buys"),
    ],
};

/// One row for each incident.
pub(super) const INCIDENTS: BiTable = BiTable {
    name: "incidents",
    of: "operations",
    from: Some(
        "operations.incidents n LEFT JOIN catalog.sales s ON s.sale_id = n.sale_id
         ORDER BY n.position",
    ),
    columns: &[
        text("incident_id", "n.incident_id"),
        text("sale_id", "n.sale_id"),
        text("sale_name", "s.name"),
        flag("is_whole_sale", "json_array_length(n.items) = 0"),
        text("item_ids", "n.items"),
        text(
            "skus",
            "(SELECT json_group_array(g.sku) FROM json_each(n.items) j
              LEFT JOIN goods g ON g.item_id = uuid(j.value))",
        ),
        text("title", "n.title"),
        text(
            "state",
            "CASE WHEN n.reviewed_at_ms IS NOT NULL THEN 'reviewed'
             WHEN n.resolved_at_ms IS NOT NULL THEN 'resolved'
             WHEN n.severity IS NOT NULL THEN 'assessed' ELSE 'detected' END",
        ),
        flag("is_open", "n.resolved_at_ms IS NULL"),
        text("severity", "n.severity").or_null(),
        text("impact", "n.impact").or_null(),
        text("owner", "n.owner").or_null(),
        text("cause", "n.cause").or_null(),
        text("lessons", "n.lessons").or_null(),
        text("detected_by", "iif(n.alert_id IS NULL, 'person', 'alert')"),
        text("alert_id", "n.alert_id").or_null(),
        text("rule", "n.rule").or_null(),
        time("began_at", "n.began_at_ms"),
        time("detected_at", "n.detected_at_ms"),
        time("ended_at", "n.ended_at_ms").or_null(),
        time("resolved_at", "n.resolved_at_ms").or_null(),
        time("reviewed_at", "n.reviewed_at_ms").or_null(),
        BiColumn::count(
            "steps",
            "steps",
            "(SELECT count(*) FROM operations.incident_steps p WHERE p.incident_id = n.incident_id)",
        ),
    ],
};

/// All tables, in the order in which they are written.
pub const BI_TABLES: [BiTable; 8] =
    [ORDERS, ORDER_EVENTS, REFUNDS, ATTEMPTS_BY_SECOND, ITEMS, SALES, TRAFFIC_BY_MINUTE, INCIDENTS];
