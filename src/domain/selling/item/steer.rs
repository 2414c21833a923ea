//! The rules of an operator's hand on an item.
//!
//! What is done takes effect for every command that is decided after it: nothing that buyers hold or
//! own is ever taken back, so a lower limit leaves held orders alone.

use super::{
    Item, ItemOutcome, ItemPhase, ItemView, Refusal, Steer, SteerAction, bounds,
    decide::{Decided, known},
};
use crate::{
    domain::{Caused, Misdirected, Moment},
    events::{
        Act, ItemAdded, ItemClosed, ItemEvent, ItemPaused, ItemResumed, OfferEvent,
        PurchaseLimitSet, ReserveReleased, ReserveSet, StockAllocated, StockEvent, WarehouseUnits,
    },
    values::{Invalid, UnixMs},
};

/// Judges the command of an operator, or of the item's sale.
pub(super) fn steer(item: &Item, offer: &ItemAdded, steer: Steer, at: Moment) -> Decided {
    let fingerprint = steer.fingerprint();
    let now_shown = || ItemOutcome::Item(Box::new(item.view(offer, at.now)));
    if let Some(first) = item.acts.get(&steer.request_id) {
        if first.fingerprint != fingerprint {
            return item.reused(steer.request_id);
        }
        // The first answer's revision, with the item as it is: an operator wants to see now.
        let mut repeated = item.answer(Vec::new(), now_shown());
        repeated.revision = first.revision;
        repeated.position = known(first.position);
        return repeated;
    }
    if item.orders.find(item.id.order_id(steer.request_id)).is_some()
        || item.orders.receipt(steer.request_id).is_some()
    {
        return item.reused(steer.request_id);
    }
    match in_the_way(item, offer, &steer) {
        Some(InTheWay::Done) => return item.answer(Vec::new(), now_shown()),
        Some(InTheWay::Refusal(refusal)) => return item.refused(refusal),
        Some(InTheWay::Bound(invalid)) => return item.misdirected(Misdirected::Invalid(invalid)),
        None => {}
    }
    let Steer { request_id, operator, reason, action, new_warehouse: _ } = steer;
    let mut after = item.view(offer, at.now);
    show_after(item, &mut after, &action, at.now);
    let caused = Caused {
        event: event(action, Act { request_id, fingerprint, operator, reason }, at.stamp),
        id: item.id.event_id(request_id, 0),
        correlation: offer.sale_id.0,
        causation: request_id.0,
        judged_at: at.judged_at(),
    };
    item.answer(vec![caused], ItemOutcome::Item(Box::new(after)))
}

/// Why nothing happens.
enum InTheWay {
    /// It is so already, and whoever asks for it does not mind.
    Done,
    Refusal(Refusal),
    /// What a sale file may not say, an operator may not add.
    Bound(Invalid),
}

fn in_the_way(item: &Item, offer: &ItemAdded, steer: &Steer) -> Option<InTheWay> {
    let refused = |refusal| Some(InTheWay::Refusal(refusal));
    let bound = |checked: Result<(), Invalid>| checked.err().map(InTheWay::Bound);
    match &steer.action {
        // Closing twice changes nothing, so it is no event; everything else after closing is late.
        SteerAction::Close => item.closed.then_some(InTheWay::Done),
        // A sale tells all of its items, and tells them again after a crash.
        SteerAction::PauseWithSale => (item.closed || item.sale_paused).then_some(InTheWay::Done),
        SteerAction::ResumeWithSale => (item.closed || !item.sale_paused).then_some(InTheWay::Done),
        _ if item.closed => refused(Refusal::Closed),
        SteerAction::Pause if item.paused => refused(Refusal::Paused),
        SteerAction::Resume if !item.paused => refused(Refusal::NotPaused),
        // How many there are changes while operators look, so asking for more is no mistake of theirs.
        SteerAction::ReleaseReserve(released) => {
            let named = bounds::warehouse(&item.stock, &released.warehouse, false);
            match bound(named) {
                None if released.units > item.stock.reserve(&released.warehouse) => {
                    refused(Refusal::NotEnoughReserve)
                }
                named => named,
            }
        }
        SteerAction::Allocate(added) => bound(
            bounds::warehouse(&item.stock, &added.warehouse, steer.new_warehouse)
                .and_then(|()| bounds::worth(&item.stock, offer, added.units)),
        ),
        SteerAction::SetReserve(reserve) => {
            let more = reserve.units - item.stock.reserve(&reserve.warehouse);
            bound(
                bounds::warehouse(&item.stock, &reserve.warehouse, steer.new_warehouse)
                    .and_then(|()| bounds::worth(&item.stock, offer, more)),
            )
        }
        SteerAction::Pause | SteerAction::Resume | SteerAction::SetPurchaseLimit { .. } => None,
    }
}

fn event(action: SteerAction, act: Act, now: UnixMs) -> ItemEvent {
    match action {
        SteerAction::Close => {
            ItemEvent::Offer(OfferEvent::Closed(ItemClosed { act, closed_at_ms: now }))
        }
        SteerAction::Pause => ItemEvent::Offer(OfferEvent::Paused(ItemPaused {
            act,
            by_sale: false,
            paused_at_ms: now,
        })),
        SteerAction::PauseWithSale => ItemEvent::Offer(OfferEvent::Paused(ItemPaused {
            act,
            by_sale: true,
            paused_at_ms: now,
        })),
        SteerAction::Resume => ItemEvent::Offer(OfferEvent::Resumed(ItemResumed {
            act,
            by_sale: false,
            resumed_at_ms: now,
        })),
        SteerAction::ResumeWithSale => ItemEvent::Offer(OfferEvent::Resumed(ItemResumed {
            act,
            by_sale: true,
            resumed_at_ms: now,
        })),
        SteerAction::Allocate(WarehouseUnits { warehouse, units }) => {
            ItemEvent::Stock(StockEvent::Allocated(StockAllocated {
                warehouse,
                units,
                act,
                allocated_at_ms: now,
            }))
        }
        SteerAction::SetReserve(WarehouseUnits { warehouse, units }) => {
            ItemEvent::Stock(StockEvent::ReserveSet(ReserveSet {
                warehouse,
                units,
                act,
                set_at_ms: now,
            }))
        }
        SteerAction::ReleaseReserve(WarehouseUnits { warehouse, units }) => {
            ItemEvent::Stock(StockEvent::ReserveReleased(ReserveReleased {
                warehouse,
                units,
                act,
                released_at_ms: now,
            }))
        }
        SteerAction::SetPurchaseLimit { per_buyer, per_order } => {
            ItemEvent::Offer(OfferEvent::PurchaseLimitSet(PurchaseLimitSet {
                per_buyer,
                per_order,
                act: Some(act),
                set_at_ms: Some(now),
            }))
        }
    }
}

/// The item as the act leaves it.
fn show_after(item: &Item, view: &mut ItemView, action: &SteerAction, now: UnixMs) {
    match action {
        SteerAction::Close => view.phase = ItemPhase::Closed,
        SteerAction::Pause => view.paused_itself = true,
        SteerAction::Resume => view.paused_itself = false,
        SteerAction::PauseWithSale => view.paused_with_sale = true,
        SteerAction::ResumeWithSale => view.paused_with_sale = false,
        SteerAction::Allocate(added) => put_on_offer(view, added),
        SteerAction::SetReserve(reserve) => leave_in_reserve(item, view, reserve),
        SteerAction::ReleaseReserve(released) => {
            put_on_offer(view, released);
            let left = item.stock.reserve(&released.warehouse) - released.units;
            let reserve = WarehouseUnits { warehouse: released.warehouse.clone(), units: left };
            leave_in_reserve(item, view, &reserve);
        }
        SteerAction::SetPurchaseLimit { per_buyer, per_order } => {
            view.limit_per_buyer = *per_buyer;
            view.limit_per_order = *per_order;
        }
    }
    if view.phase != ItemPhase::Closed {
        view.phase = item.phase(now, view.paused_itself || view.paused_with_sale);
    }
}

fn put_on_offer(view: &mut ItemView, added: &WarehouseUnits) {
    view.units.allocated += added.units;
    view.units.available += added.units;
    let mut known = view.available_by_warehouse.iter_mut();
    match known.find(|at| at.warehouse == added.warehouse) {
        Some(known) => known.units += added.units,
        None => view.available_by_warehouse.push(added.clone()),
    }
}

fn leave_in_reserve(item: &Item, view: &mut ItemView, reserve: &WarehouseUnits) {
    view.units.reserve += reserve.units - item.stock.reserve(&reserve.warehouse);
    // The warehouses in the order in which they were first named, a new one last.
    let named = &mut view.available_by_warehouse;
    if named.iter().all(|at| at.warehouse != reserve.warehouse) {
        named.push(WarehouseUnits { warehouse: reserve.warehouse.clone(), units: 0 });
    }
    let units = |warehouse: &str| {
        if warehouse == reserve.warehouse { reserve.units } else { item.stock.reserve(warehouse) }
    };
    let all = named
        .iter()
        .map(|at| WarehouseUnits { warehouse: at.warehouse.clone(), units: units(&at.warehouse) });
    view.reserve_by_warehouse = all.filter(|at| at.units > 0).collect();
}
