//! From pulses to the figures that rules name.

use crate::{
    domain::alert::{Figure, Readings},
    events::SaleCreated,
    ownership::SeenNodes,
    reports::{NodePulse, Pulse, PulseItem, PulseSecond, planned_units},
    values::{UnixMs, number_of},
};

/// The figures of the service as a whole, as this node sees it.
pub(super) fn of_service(node: &NodePulse, now: UnixMs) -> Readings {
    let mut readings = Readings::default();
    let lag = node.projections.iter().map(|projection| projection.lag_ms).max();
    readings.set(Figure::ProjectionLagMs, lag.unwrap_or(0));
    if let Some(micros) = node.append_p99_us {
        readings.set(Figure::AppendP99Ms, micros / 1000);
    }
    readings.set(Figure::CommandsWaiting, node.commands_waiting);
    readings.set(Figure::MailboxPpm, node.mailbox_ppm);
    let away = node.store_away_since.map_or(0, |since| now.since(since).max(0) / 1000);
    readings.set(Figure::StoreAwaySeconds, away);
    readings.set(Figure::ClockOffMs, node.clock_off_ms);
    let oldest = node.oldest_due.map_or(0, |since| now.since(since).max(0) / 1000);
    readings.set(Figure::RefundDueAgeSeconds, oldest);
    let suspected = node.nodes.as_ref().map_or(0, SeenNodes::suspected);
    readings.set(Figure::NodesSuspected, number_of(suspected));
    readings
}

/// The figures of a sale as a whole, beside those of the service.
pub(super) fn of_sale(service: &Readings, pulse: &Pulse, plan: &SaleCreated) -> Readings {
    let mut readings = service.clone();
    let (sale, totals) = (&pulse.sale, &pulse.totals);
    let to_pay = plan.items.iter().map(|item| item.time_to_pay_ms).min();
    if let Some(ms) = to_pay {
        readings.set(Figure::TimeToPaySeconds, ms / 1000);
    }
    let planned =
        planned_units(&sale.curve, sale.goals.as_ref(), (sale.opens_at, sale.closes_at), pulse.at);
    let goals = sale.goals.unwrap_or_default();
    let conversion = totals.paying_buyers.saturating_mul(1_000_000).checked_div(totals.visitors);
    for (figure, value) in [
        (Figure::PlannedUnits, planned),
        (Figure::GoalUnits, goals.units),
        (Figure::GoalRevenueMinor, goals.revenue_minor),
        (Figure::GoalConversionPpm, goals.conversion_ppm),
        (Figure::ConversionPpm, conversion),
    ] {
        if let Some(value) = value {
            readings.set(figure, value);
        }
    }
    for (figure, value) in [
        (Figure::AllocatedUnits, totals.units.allocated),
        (Figure::AvailableUnits, totals.units.available),
        (Figure::HeldUnits, totals.units.held),
        (Figure::SoldUnits, totals.units.sold),
        (Figure::ReserveUnits, totals.units.reserve),
        (Figure::UnitsInOrders, totals.units.held + totals.units.sold),
        (Figure::OrdersPlaced, totals.orders_placed),
        (Figure::OrdersPaid, totals.orders_paid),
        (Figure::OrdersExpired, totals.orders_expired),
        (Figure::OrdersCancelled, totals.orders_cancelled),
        (Figure::HeldOrders, totals.orders_held()),
        (Figure::RefundsDue, totals.refunds_due),
        (Figure::RevenueMinor, totals.revenue_minor),
        (Figure::Paused, sale.paused.into()),
        (Figure::SecondsSinceOpen, pulse.at.second() - sale.opens_at.second()),
        (Figure::SecondsToClose, sale.closes_at.second() - pulse.at.second()),
        (Figure::Attempts, totals.attempts),
        (Figure::Participants, totals.participants),
        (Figure::PayingBuyers, totals.paying_buyers),
        (Figure::Visitors, totals.visitors),
        (Figure::PageViews, totals.page_views),
        (Figure::OversoldUnits, totals.oversold_units),
        (Figure::RefundDueAgeSeconds, pulse.dues.age_ms(pulse.at).unwrap_or(0) / 1000),
    ] {
        readings.set(figure, value);
    }
    recent(&mut readings, pulse);
    readings
}

/// What happened within the last seconds. Seconds are told up to the last that something is known
/// of; what is older than the window does not count, however long ago that was.
fn recent(readings: &mut Readings, pulse: &Pulse) {
    let within = |seconds: i64, count: fn(&PulseSecond) -> i64| -> i64 {
        let from = pulse.at.second() - seconds;
        pulse.recent.iter().filter(|second| second.second > from).map(count).sum()
    };
    for (figure, count) in [
        (Figure::Units10s, (|at| at.units_placed) as fn(&PulseSecond) -> i64),
        (Figure::Attempts10s, |at| at.attempts),
        (Figure::OrdersPlaced10s, |at| at.orders_placed),
        (Figure::OrdersPaid10s, |at| at.orders_paid),
        (Figure::OrdersExpired10s, |at| at.orders_expired),
        (Figure::RefundsDue10s, |at| at.refunds_due),
        (Figure::Refused10s, |at| at.refused.total()),
        (Figure::RefusedSoldOut10s, |at| at.refused.sold_out),
        (Figure::RefusedNotEnoughUnits10s, |at| at.refused.not_enough_units),
        (Figure::RefusedNotOpenYet10s, |at| at.refused.not_open_yet),
        (Figure::RefusedClosed10s, |at| at.refused.closed),
        (Figure::RefusedPaused10s, |at| at.refused.paused),
        (Figure::RefusedOverLimits10s, |at| {
            at.refused.over_buyer_limit + at.refused.over_order_limit
        }),
    ] {
        readings.set(figure, within(10, count));
    }
    for (figure, count) in [
        (Figure::Attempts60s, (|at| at.attempts) as fn(&PulseSecond) -> i64),
        (Figure::OrdersPlaced60s, |at| at.orders_placed),
        (Figure::OrdersPaid60s, |at| at.orders_paid),
        (Figure::OrdersExpired60s, |at| at.orders_expired),
        (Figure::RefundsDue60s, |at| at.refunds_due),
        (Figure::Refused60s, |at| at.refused.total()),
    ] {
        readings.set(figure, within(60, count));
    }
}

/// Makes the figures of a sale those of one of its items: what only sales have is never asked.
pub(super) fn of_item(
    readings: &mut Readings,
    item: &PulseItem,
    time_to_pay_ms: Option<i64>,
    node: &NodePulse,
) {
    if let Some(ms) = time_to_pay_ms {
        readings.set(Figure::TimeToPaySeconds, ms / 1000);
    }
    for (figure, value) in [
        (Figure::AllocatedUnits, item.units.allocated),
        (Figure::AvailableUnits, item.units.available),
        (Figure::HeldUnits, item.units.held),
        (Figure::SoldUnits, item.units.sold),
        (Figure::ReserveUnits, item.units.reserve),
        (Figure::UnitsInOrders, item.units.held + item.units.sold),
        (Figure::OrdersPlaced, item.orders_placed),
        (Figure::OrdersPaid, item.orders_paid),
        (Figure::OrdersExpired, item.orders_expired),
        (Figure::RevenueMinor, item.revenue_minor),
        (Figure::Paused, item.paused.into()),
        (Figure::Units10s, item.units_in_ten_seconds),
        (Figure::ItemClosed, item.closed.into()),
        (Figure::OwnerChanges60s, node.owner_changes.get(&item.item_id).copied().unwrap_or(0)),
    ] {
        readings.set(figure, value);
    }
}
