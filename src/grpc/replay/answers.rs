//! The results of replays as messages. The command line prints the same messages, from a server or
//! from the log.

use crate::{
    domain::item::ItemPhase,
    events::{AttemptOutcome, Counts, Position, WarehouseCounts, Warehouses},
    grpc::{convert, proto},
    projections::{
        Verdict,
        marks::{ItemState, OfferState, OrderCounts},
    },
    replay::{
        Placement,
        explain::{AttemptStory, Explanation, OrderStory},
        speak::Spoken,
        state::{SaleStateAt, StateAt},
        what_if::{Compared, Figures, Rung, WhatIf},
    },
    values::{Currency, SaleId, UnixMs},
};

/// An answer from the log itself is as fresh as the log.
pub fn freshness(head: Position) -> proto::Freshness {
    proto::Freshness { position: head.0, head_position: head.0, lag_ms: 0 }
}

/// A state of one item.
pub fn item_state(found: StateAt) -> proto::ItemState {
    let StateAt { item, state, phase } = found;
    let units = state.units();
    let ItemState { offer, orders, warehouses, .. } = state;
    let currency = offer.as_ref().map(|offer| offer.currency);
    let money = |minor| currency.map(|currency| convert::money(currency, minor));
    let phase = match phase {
        ItemPhase::NotOpenYet => proto::ItemPhase::NotOpenYet,
        ItemPhase::Open => proto::ItemPhase::Open,
        ItemPhase::Paused => proto::ItemPhase::Paused,
        ItemPhase::Closed => proto::ItemPhase::Closed,
    };
    let mut shown = proto::Item {
        item_id: item.to_string(),
        open_time: Some(convert::timestamp(state.opens_at)),
        close_time: Some(convert::timestamp(state.closes_at)),
        limit_per_buyer: state.limit_per_buyer,
        limit_per_order: state.limit_per_order,
        phase: phase.into(),
        allocated_units: units.allocated,
        available_units: units.available,
        held_units: units.held,
        sold_units: units.sold,
        available_by_warehouse: by_warehouse(&warehouses, |counts| counts.available).collect(),
        reserve_units: units.reserve,
        reserve_by_warehouse: by_warehouse(&warehouses, |counts| counts.reserve)
            .filter(|at| at.units > 0)
            .collect(),
        paused_itself: state.paused,
        paused_with_sale: state.sale_paused,
        ..proto::Item::default()
    };
    if let Some(OfferState { sale_id, sku, title, currency, unit_price_minor, time_to_pay_ms }) =
        offer
    {
        shown.sale_id = sale_id.to_string();
        shown.sku = sku;
        shown.title = title;
        shown.unit_price = Some(convert::money(currency, unit_price_minor));
        shown.time_to_pay = Some(convert::duration(time_to_pay_ms));
    }
    proto::ItemState {
        item: Some(shown),
        revision: state.revision,
        position: state.position.0,
        last_event_time: Some(convert::timestamp(state.at)),
        warehouses: warehouses.0.into_iter().map(warehouse).collect(),
        orders: Some(order_counts(orders)),
        revenue: money(state.revenue_minor),
        refunds_due: money(state.refunds_due_minor),
        refunded: money(state.refunded_minor).filter(is_some),
        refunds_settled: money(state.refunds_settled_minor).filter(is_some),
    }
}

fn by_warehouse(
    warehouses: &Warehouses,
    units: fn(&Counts) -> i64,
) -> impl Iterator<Item = proto::WarehouseUnits> {
    let all = warehouses.0.iter();
    all.map(move |at| proto::WarehouseUnits {
        warehouse: at.warehouse.clone(),
        units: units(&at.counts),
    })
}

fn warehouse(at: WarehouseCounts) -> proto::WarehouseStock {
    let WarehouseCounts { warehouse, counts } = at;
    proto::WarehouseStock {
        warehouse,
        allocated_units: counts.allocated,
        available_units: counts.available,
        held_units: counts.held,
        sold_units: counts.sold,
        reserve_units: counts.reserve,
    }
}

/// Amounts that few items have are left out of the answers of the others.
fn is_some(money: &proto::Money) -> bool {
    money.amount_minor != 0
}

fn order_counts(counts: OrderCounts) -> proto::OrderCounts {
    let OrderCounts { placed, held, paid, cancelled, expired, refunded } = counts;
    proto::OrderCounts { placed, held, paid, cancelled, expired, refunded }
}

/// A state of a sale.
pub fn sale_state(
    sale: SaleId,
    found: SaleStateAt,
    freshness: proto::Freshness,
) -> proto::GetStateAtResponse {
    let SaleStateAt {
        orders,
        units,
        revenue_minor,
        refunds_due_minor,
        refunded_minor,
        refunds_settled_minor,
        items,
        next_page_token,
    } = found;
    let offers = items.iter().filter_map(|item| item.state.offer.as_ref());
    let currency = offers.map(|offer| offer.currency).next();
    let money = |minor| currency.map(|currency| convert::money(currency, minor));
    let total = proto::SaleState {
        sale_id: sale.to_string(),
        allocated_units: units.allocated,
        available_units: units.available,
        held_units: units.held,
        sold_units: units.sold,
        reserve_units: units.reserve,
        orders: Some(order_counts(orders)),
        revenue: money(revenue_minor),
        refunds_due: money(refunds_due_minor),
        refunded: money(refunded_minor).filter(is_some),
        refunds_settled: money(refunds_settled_minor).filter(is_some),
    };
    proto::GetStateAtResponse {
        sale: Some(total),
        items: items.into_iter().map(item_state).collect(),
        next_page_token,
        freshness: Some(freshness),
    }
}

/// A comparison of read models with their rebuild.
pub fn comparison(verdicts: Vec<Verdict>, head: Position) -> proto::CompareReplayResponse {
    let equal = verdicts.iter().all(|verdict| verdict.equal);
    let each = verdicts.into_iter().map(|verdict| proto::ReplayComparison {
        read_model: verdict.read_model,
        equal: verdict.equal,
        difference: verdict.difference.map(|found| proto::ReplayDifference {
            table: found.table,
            key: found.key,
            in_use: found.in_use.unwrap_or_default(),
            rebuilt: found.rebuilt.unwrap_or_default(),
        }),
    });
    let read_models = each.collect();
    proto::CompareReplayResponse { equal, read_models, freshness: Some(freshness(head)) }
}

/// What another rule would have changed.
pub fn what_if(found: WhatIf, head: Position) -> proto::RunWhatIfResponse {
    proto::RunWhatIfResponse {
        total: Some(compared(found.total)),
        items: found.items.into_iter().map(compared).collect(),
        baseline_matches: found.baseline_matches,
        baseline_differences: found.baseline_differences,
        assumptions: found.assumptions,
        seed: found.rules.seed,
        freshness: Some(freshness(head)),
    }
}

fn compared(compared: Compared) -> proto::WhatIfComparison {
    proto::WhatIfComparison {
        item_id: compared.item.map(|item| item.to_string()).unwrap_or_default(),
        sku: compared.sku,
        title: compared.title,
        recorded: Some(figures(compared.recorded, compared.currency)),
        played: Some(figures(compared.played, compared.currency)),
        shoppers_gained: compared.shoppers_gained,
        shoppers_lost: compared.shoppers_lost,
        shoppers_kept: compared.shoppers_kept,
    }
}

fn figures(figures: Figures, currency: Currency) -> proto::WhatIfFigures {
    let refusals = figures.refusals.into_iter().map(|(outcome, attempts)| proto::OutcomeCount {
        reason: reason(outcome).into(),
        attempts,
    });
    let goods = figures.goods.as_ref();
    let price = |(&(rung, minor), &units_sold): (&(Rung, i64), &i64)| proto::WhatIfPrice {
        step: rung.step_number(),
        unit_price: Some(convert::money(currency, minor)),
        units_sold,
    };
    proto::WhatIfFigures {
        discount: goods.map(|goods| convert::money(currency, goods.discount_minor)),
        gift_units_given: goods.map(|goods| goods.gift_units),
        prices: goods.map_or_else(Vec::new, |goods| goods.sold.iter().map(price).collect()),
        allocated_units: figures.allocated_units,
        attempts: figures.attempts,
        orders_placed: figures.orders_placed,
        units_placed: figures.units_placed,
        orders_paid: figures.orders_paid,
        units_sold: figures.units_sold,
        revenue: Some(convert::money(currency, figures.revenue_minor)),
        winners: figures.winners,
        orders_cancelled: figures.orders_cancelled,
        orders_expired: figures.orders_expired,
        orders_held: figures.orders_held,
        orders_refunded: figures.orders_refunded,
        units_refunded: figures.units_refunded,
        refunded: (figures.refunded_minor > 0)
            .then(|| convert::money(currency, figures.refunded_minor)),
        orders_reinstated: figures.orders_reinstated,
        payments_due_back: figures.payments_due_back,
        refusals: refusals.collect(),
        first_sold_out_time: moment(figures.sold_out_at),
    }
}

fn reason(outcome: AttemptOutcome) -> proto::RefusalReason {
    match outcome {
        AttemptOutcome::Placed | AttemptOutcome::Repeated => proto::RefusalReason::Unspecified,
        AttemptOutcome::SoldOut => proto::RefusalReason::SoldOut,
        AttemptOutcome::NotEnoughUnits => proto::RefusalReason::NotEnoughUnits,
        AttemptOutcome::NotOpenYet => proto::RefusalReason::NotOpenYet,
        AttemptOutcome::Closed => proto::RefusalReason::Closed,
        AttemptOutcome::Paused => proto::RefusalReason::Paused,
        AttemptOutcome::OverBuyerLimit => proto::RefusalReason::OverBuyerLimit,
        AttemptOutcome::OverOrderLimit => proto::RefusalReason::OverOrderLimit,
        AttemptOutcome::NotEligible => proto::RefusalReason::NotEligible,
        AttemptOutcome::GiftGone => proto::RefusalReason::GiftGone,
        AttemptOutcome::PriceChanged => proto::RefusalReason::PriceChanged,
    }
}

/// For example `PLACED` or `SOLD_OUT`.
pub fn outcome_name(outcome: AttemptOutcome) -> &'static str {
    match reason(outcome) {
        proto::RefusalReason::Unspecified if outcome == AttemptOutcome::Placed => "PLACED",
        proto::RefusalReason::Unspecified => "REPEATED",
        refused => refused.as_str_name().trim_start_matches("REFUSAL_REASON_"),
    }
}

/// A shopper's story.
pub fn explanation(
    found: Explanation,
    scripts: Vec<Spoken>,
    head: Position,
) -> proto::ExplainPurchaseResponse {
    let sentences = found.sentences();
    proto::ExplainPurchaseResponse {
        item_id: found.item.to_string(),
        sku: found.sku,
        title: found.title,
        attempts: found.attempts.into_iter().map(attempt).collect(),
        attempts_total: found.attempts_in_total,
        orders: found.orders.into_iter().map(order).collect(),
        first_sold_out_time: moment(found.first_sold_out_at),
        last_sold_out_time: moment(found.last_sold_out_at),
        attempts_of_all: found.attempts_of_all,
        orders_without_attempt: found.orders_without_attempt,
        sentences,
        freshness: Some(freshness(head)),
        scripts: scripts.into_iter().map(spoken).collect(),
    }
}

/// What to say, with what it rests on.
pub fn spoken(spoken: Spoken) -> proto::SpokenScript {
    let Spoken { wording, text, facts } = spoken;
    proto::SpokenScript {
        situation: wording.situation.name(),
        language: wording.language.name().to_owned(),
        version: wording.version,
        builtin: wording.builtin,
        text,
        facts: facts.into_iter().map(|(known, value)| (known.name().to_owned(), value)).collect(),
    }
}

fn attempt(story: AttemptStory) -> proto::AttemptStory {
    let placement = match story.placement {
        Placement::Certain => proto::AttemptPlacement::Certain,
        Placement::ByDecision => proto::AttemptPlacement::ByDecision,
        Placement::ByTime => proto::AttemptPlacement::ByTime,
    };
    let (order_id, order_revision) = story.order.unzip();
    proto::AttemptStory {
        attempt_time: moment(Some(story.at)),
        units: story.units,
        outcome: outcome_name(story.outcome).to_owned(),
        order_id: order_id.map(|id| id.to_string()).unwrap_or_default(),
        order_revision,
        after_revision: story.after_revision,
        before_revision: story.before_revision,
        placement: placement.into(),
        available_units: story.available,
        held_units: story.held,
        attempts_before: story.attempts_before,
        attempts_before_in_second: story.attempts_before_in_second,
    }
}

fn order(story: OrderStory) -> proto::OrderStory {
    let (shop_order_id, labels) = convert::shown_references(story.references.unwrap_or_default());
    proto::OrderStory {
        order_id: story.order_id.to_string(),
        units: story.units,
        state: convert::order_state(story.state).into(),
        place_time: moment(Some(story.placed_at)),
        pay_by_time: moment(Some(story.pay_by)),
        settle_time: moment(story.settled_at),
        paid_too_late: story.paid_too_late,
        revision: story.revision,
        position: story.position.0,
        price: convert::price_of_order(story.units, story.currency, story.price),
        shop_order_id,
        labels,
    }
}

fn moment(at: Option<UnixMs>) -> Option<prost_types::Timestamp> {
    at.map(convert::timestamp)
}
