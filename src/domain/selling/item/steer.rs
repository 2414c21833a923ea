//! The rules of steering an item.
//!
//! An act applies to every command decided after it and takes nothing away from existing orders: a
//! lower limit leaves held orders alone.

use super::{
    Item, ItemOutcome, ItemSchedule, ItemShown, Refusal, Steer, SteerAction, SuppliedUnits, bounds,
};
use crate::{
    domain::{Caused, Decided, Misdirected, Moment},
    events::{
        Act, AudienceSet, GiftUnitsSet, ItemAdded, ItemClosed, ItemEvent, ItemPaused, ItemResumed,
        ItemScheduled, OfferEvent, OffersSet, PricesSet, PurchaseLimitSet, ReservePlanSet,
        ReserveReleased, ReserveSet, StockAllocated, StockEvent, StockMoved, StockWithdrawn,
        WarehouseUnits,
    },
    values::{Invalid, UnixMs},
};

/// Judges the command of an operator, or of the item's sale.
pub(super) fn steer(item: &Item, offer: &ItemAdded, steer: Steer, at: Moment) -> Decided<Item> {
    let fingerprint = steer.fingerprint();
    if let Some(first) = item.acts.get(&steer.request_id) {
        if first.fingerprint != fingerprint {
            return item.reused(steer.request_id);
        }
        // The first answer's revision, with the item as it is: an operator wants to see now.
        let mut repeated = item.shown(Vec::new(), ItemShown::Item);
        repeated.revision = first.revision;
        repeated.position = first.position;
        return repeated;
    }
    if item.orders.find(item.id.order_id(steer.request_id)).is_some()
        || item.orders.receipt(steer.request_id).is_some()
    {
        return item.reused(steer.request_id);
    }
    match in_the_way(item, offer, &steer) {
        Some(InTheWay::Done) => return item.shown(Vec::new(), ItemShown::Item),
        Some(InTheWay::Refusal(refusal)) => return item.refused(refusal),
        Some(InTheWay::Free(free)) => {
            let (refusal, available) = (Refusal::NotEnoughFree, Some(free));
            return item.told(ItemOutcome::Refused {
                refusal,
                available,
                quote: None,
                coupon: None,
            });
        }
        Some(InTheWay::Bound(invalid)) => return item.misdirected(Misdirected::Invalid(invalid)),
        None => {}
    }
    let Steer { request_id, operator, reason, action, new_warehouse: _ } = steer;
    let caused = Caused {
        event: event(item, action, Act { request_id, fingerprint, operator, reason }, at.stamp),
        id: item.id.event_id(request_id, 0),
        correlation: offer.sale_id.0,
        causation: request_id.0,
        judged_at: at.judged_at(),
    };
    item.shown(vec![caused], ItemShown::Item)
}

/// Why nothing happens.
enum InTheWay {
    /// The state is already as requested, which is no error for this caller.
    Done,
    Refusal(Refusal),
    /// Only so many units are available in the warehouse that is to give some.
    Free(i64),
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
        SteerAction::Schedule(schedule) => {
            let known = schedule.sale_revision <= item.schedule.sale_revision;
            (item.closed || known).then_some(InTheWay::Done)
        }
        SteerAction::PauseWithSale => (item.closed || item.sale_paused).then_some(InTheWay::Done),
        SteerAction::ResumeWithSale => (item.closed || !item.sale_paused).then_some(InTheWay::Done),
        _ if item.closed => refused(Refusal::Closed),
        SteerAction::Pause if item.paused => refused(Refusal::Paused),
        SteerAction::Resume if !item.paused => refused(Refusal::NotPaused),
        // How many there are changes while operators look, so asking for more is no mistake of theirs.
        SteerAction::ReleaseReserve(released) => {
            let named = bounds::warehouse(&item.stock, "warehouse", &released.warehouse, false);
            match bound(named) {
                None if released.units > item.stock.reserve(&released.warehouse) => {
                    refused(Refusal::NotEnoughReserve)
                }
                named => named,
            }
        }
        SteerAction::Allocate(added) => bound(
            bounds::warehouse(&item.stock, "warehouse", &added.at.warehouse, steer.new_warehouse)
                .and_then(|()| bounds::worth(&item.stock, item.base_price(offer), added.at.units))
                .and_then(|()| item.suppliers.may_deliver(added.supplier.as_deref())),
        ),
        SteerAction::Withdraw(gone) => {
            let named = bounds::warehouse(&item.stock, "warehouse", &gone.at.warehouse, false)
                .and_then(|()| item.suppliers.may_take_back(gone));
            bound(named).or_else(|| free(item, &gone.at.warehouse, gone.at.units))
        }
        SteerAction::Move { from, to, units } => {
            let named =
                bounds::warehouse(&item.stock, "from_warehouse", from, false).and_then(|()| {
                    bounds::warehouse(&item.stock, "to_warehouse", to, steer.new_warehouse)
                });
            bound(named).or_else(|| free(item, from, *units))
        }
        SteerAction::SetReserve(reserve) => {
            let more = reserve.units - item.stock.reserve(&reserve.warehouse);
            bound(
                bounds::warehouse(
                    &item.stock,
                    "warehouse",
                    &reserve.warehouse,
                    steer.new_warehouse,
                )
                .and_then(|()| bounds::worth(&item.stock, item.base_price(offer), more)),
            )
        }
        SteerAction::SetPrices(prices) => bound(bounds::prices(item, prices)),
        SteerAction::SetOffers(offers) => bound(bounds::offers(item, offers)),
        SteerAction::SetGiftUnits { offer, units } => {
            bound(bounds::gift_units(item, offer, *units))
        }
        SteerAction::SetReservePlan(steps) => bound(bounds::reserve_plan(&item.stock, steps)),
        SteerAction::Pause
        | SteerAction::Resume
        | SteerAction::SetAudience(_)
        | SteerAction::SetPurchaseLimit { .. } => None,
    }
}

/// Units that buyers hold or own stay where they are.
fn free(item: &Item, warehouse: &str, units: i64) -> Option<InTheWay> {
    let free = item.stock.at(warehouse).available;
    (units > free).then_some(InTheWay::Free(free))
}

fn event(item: &Item, action: SteerAction, act: Act, now: UnixMs) -> ItemEvent {
    match action {
        SteerAction::Close => offer(OfferEvent::Closed(ItemClosed { act, closed_at_ms: now })),
        SteerAction::Schedule(schedule) => {
            let ItemSchedule { opens_at, closes_at, moved_ms, sale_revision } = schedule;
            offer(OfferEvent::Scheduled(ItemScheduled {
                opens_at_ms: opens_at,
                closes_at_ms: closes_at,
                // Only what it was not told before.
                moved_ms: moved_ms.saturating_sub(item.schedule.moved_ms),
                sale_revision: Some(sale_revision),
                act: Some(act),
                scheduled_at_ms: Some(now),
            }))
        }
        SteerAction::Pause => paused(act, false, now),
        SteerAction::PauseWithSale => paused(act, true, now),
        SteerAction::Resume => resumed(act, false, now),
        SteerAction::ResumeWithSale => resumed(act, true, now),
        SteerAction::Allocate(SuppliedUnits { at, supplier }) => {
            let WarehouseUnits { warehouse, units } = at;
            let allocated =
                StockAllocated { warehouse, units, supplier, act, allocated_at_ms: now };
            stock(StockEvent::Allocated(allocated))
        }
        SteerAction::Withdraw(SuppliedUnits { at, supplier }) => {
            let WarehouseUnits { warehouse, units } = at;
            let withdrawn =
                StockWithdrawn { warehouse, units, supplier, act, withdrawn_at_ms: now };
            stock(StockEvent::Withdrawn(withdrawn))
        }
        SteerAction::Move { from, to, units } => {
            stock(StockEvent::Moved(StockMoved { from, to, units, act, moved_at_ms: now }))
        }
        SteerAction::SetReserve(WarehouseUnits { warehouse, units }) => {
            stock(StockEvent::ReserveSet(ReserveSet { warehouse, units, act, set_at_ms: now }))
        }
        SteerAction::ReleaseReserve(WarehouseUnits { warehouse, units }) => {
            let released = ReserveReleased { warehouse, units, act, released_at_ms: now };
            stock(StockEvent::ReserveReleased(released))
        }
        SteerAction::SetPrices(prices) => {
            let (ladder, prices) = (item.next_ladder(), *prices);
            offer(OfferEvent::PricesSet(PricesSet { ladder, prices, act, set_at_ms: now }))
        }
        SteerAction::SetOffers(offers) => {
            offer(OfferEvent::OffersSet(OffersSet { offers, act, set_at_ms: now }))
        }
        SteerAction::SetAudience(audience) => {
            let audience = *audience;
            offer(OfferEvent::AudienceSet(AudienceSet { audience, act, set_at_ms: now }))
        }
        SteerAction::SetReservePlan(steps) => {
            offer(OfferEvent::ReservePlanSet(ReservePlanSet { steps, act, set_at_ms: now }))
        }
        SteerAction::SetGiftUnits { offer: name, units } => {
            let set = GiftUnitsSet { offer: name, units, act, set_at_ms: now };
            offer(OfferEvent::GiftUnitsSet(set))
        }
        SteerAction::SetPurchaseLimit { per_buyer, per_order } => {
            let (act, set_at_ms) = (Some(act), Some(now));
            let limits = PurchaseLimitSet { per_buyer, per_order, act, set_at_ms };
            offer(OfferEvent::PurchaseLimitSet(limits))
        }
    }
}

fn offer(event: OfferEvent) -> ItemEvent {
    ItemEvent::Offer(event)
}

fn stock(event: StockEvent) -> ItemEvent {
    ItemEvent::Stock(event)
}

fn paused(act: Act, by_sale: bool, now: UnixMs) -> ItemEvent {
    offer(OfferEvent::Paused(ItemPaused { act, by_sale, paused_at_ms: now }))
}

fn resumed(act: Act, by_sale: bool, now: UnixMs) -> ItemEvent {
    offer(OfferEvent::Resumed(ItemResumed { act, by_sale, resumed_at_ms: now }))
}
