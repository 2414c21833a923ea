//! How the events of orders change the item.

use super::{
    Item, OrderState,
    orders::{Awaited, ReceiptKind},
};
use crate::{
    domain::Impossible,
    events::{
        Act, Await, CancelCause, HoldExtended, OrderCancelled, OrderEvent, OrderPaid, OrderPlaced,
        RefundDue, RefundSettled, WarehouseUnits,
    },
};

impl Item {
    /// Applies an event of an order at its revision.
    pub(super) fn evolve_order(
        &mut self,
        event: &OrderEvent,
        revision: u64,
    ) -> Result<(), Impossible> {
        let step = event.step(revision);
        let impossible = |why| Impossible::Order(step.order_id, why);
        if let OrderEvent::Placed(placed) = event {
            return self.place(placed, revision);
        }
        let row = self.orders.find_placed(step.order_id, step.placed_revision);
        let row = row.ok_or_else(|| impossible("was never placed"))?;
        if let Some(state) = step.change.from()
            && self.orders.row(row).state != state
        {
            return Err(impossible(match state {
                OrderState::Expired => "has not expired",
                OrderState::Paid => "is not paid, or came back whole",
                OrderState::Held | OrderState::Cancelled | OrderState::Refunded => {
                    "is not held any more"
                }
            }));
        }
        match event {
            OrderEvent::Placed(_) => {}
            OrderEvent::LimitGranted(_) => {
                self.close_await(row, Await::SaleLimit)?;
            }
            OrderEvent::CouponApplied(e) => {
                self.close_await(row, Await::Coupon)?.take(e.coupon);
                self.orders.reprice(row, e.total_minor);
            }
            OrderEvent::CouponDenied(e) => {
                self.close_await(row, Await::Coupon)?.denied = Some(e.reason);
                self.orders.reprice_with(row, e.offer.clone(), e.total_minor);
            }
            OrderEvent::Paid(e) => self.paid(row, e, revision)?,
            OrderEvent::Cancelled(e) => self.cancelled(row, e, revision)?,
            // No request expires an order.
            OrderEvent::Expired(e) => self.settle(row, OrderState::Expired, &e.warehouses)?,
            OrderEvent::RefundDue(e) => self.due_back(row, e, revision),
            OrderEvent::PaymentFailed(e) => {
                self.orders.payment_failed(row);
                let request = (e.request_id, e.fingerprint);
                self.orders.keep(request, row, revision, ReceiptKind::AsItStands, None);
            }
            OrderEvent::HoldExtended(e) => self.extended(row, e, revision)?,
            OrderEvent::Reinstated(e) => self.reinstate(row, e)?,
            OrderEvent::Refunded(e) => {
                self.refund(row, e)?;
                self.orders.owe(self.id.due_id(e.act.request_id), row, e.amount_minor);
                self.keep_act(&e.act, row, revision);
            }
            OrderEvent::RefundSettled(e) => self.paid_back(row, e, revision)?,
        }
        Ok(())
    }

    fn place(&mut self, placed: &OrderPlaced, revision: u64) -> Result<(), Impossible> {
        let impossible = |why| Err(Impossible::Order(placed.order_id, why));
        let drawn: i64 = placed.warehouses.iter().map(|at| at.units).sum();
        if drawn != placed.units {
            return impossible("has other units than were drawn for it");
        }
        let ladder = self.hold_terms(placed)?;
        let warehouse = |name: &str| self.stock.index(name);
        let row = self.orders.next_row();
        if !self.orders.place(placed, revision, ladder, warehouse) {
            return impossible("was placed before");
        }
        // Only an order that may come back draws from its region again.
        let offer = self.offer.as_ref().filter(|offer| offer.reinstate_within_ms.is_some());
        let mut regions = offer.iter().flat_map(|offer| &offer.regions);
        if let Some(region) = regions.position(|known| known.name == placed.region) {
            self.orders.prefer(row, region);
        }
        Ok(())
    }

    fn paid(&mut self, row: u32, e: &OrderPaid, revision: u64) -> Result<(), Impossible> {
        self.settle(row, OrderState::Paid, &e.warehouses)?;
        let request = (e.request_id, e.fingerprint);
        let reference = Some(&*e.payment_reference);
        self.orders.keep(request, row, revision, ReceiptKind::Paid, reference);
        Ok(())
    }

    fn cancelled(&mut self, row: u32, e: &OrderCancelled, revision: u64) -> Result<(), Impossible> {
        self.settle(row, OrderState::Cancelled, &e.warehouses)?;
        if let Some(awaited) = self.orders.awaited_mut(row) {
            awaited.cancelled = Some(e.cause);
        }
        let kind = match e.cause {
            CancelCause::Buyer => ReceiptKind::Cancelled,
            CancelCause::Operator
            | CancelCause::OverSaleLimit
            | CancelCause::Coupon
            | CancelCause::Price => ReceiptKind::AsItStands,
        };
        self.orders.keep((e.request_id, e.fingerprint), row, revision, kind, None);
        Ok(())
    }

    fn due_back(&mut self, row: u32, e: &RefundDue, revision: u64) {
        let reference = Some(&*e.payment_reference);
        let request = (e.request_id, e.fingerprint);
        self.orders.keep(request, row, revision, ReceiptKind::RefundDue(e.cause), reference);
        self.orders.owe(self.id.due_id(e.request_id), row, e.amount_minor);
    }

    fn extended(&mut self, row: u32, e: &HoldExtended, revision: u64) -> Result<(), Impossible> {
        if self.orders.row(row).state != OrderState::Held {
            return Err(Impossible::Order(e.order_id, "is not held"));
        }
        self.orders.extend(row, e.pay_by_ms);
        self.keep_act(&e.act, row, revision);
        Ok(())
    }

    fn paid_back(&mut self, row: u32, e: &RefundSettled, revision: u64) -> Result<(), Impossible> {
        let due = self.orders.due_back(e.due_id);
        if !due.is_some_and(|due| due.order == row && due.reference().is_none()) {
            return Err(Impossible::Order(e.order_id, "has no such money to go back"));
        }
        let receipt = self.keep_act(&e.act, row, revision);
        self.orders.pay_back(e.due_id, &e.reference, receipt);
        Ok(())
    }

    /// What the order waits for first is decided.
    fn close_await(&mut self, row: u32, what: Await) -> Result<&mut Awaited, Impossible> {
        let order_id = self.orders.row(row).order_id;
        let impossible = || Impossible::Order(order_id, "does not wait for it");
        let awaited = self.orders.awaited_mut(row).ok_or_else(impossible)?;
        if awaited.close(what) { Ok(awaited) } else { Err(impossible()) }
    }

    /// Ends a hold.
    fn settle(
        &mut self,
        row: u32,
        state: OrderState,
        units: &[WarehouseUnits],
    ) -> Result<(), Impossible> {
        if !self.orders.has_units(row, units, |name| self.stock.index(name)) {
            let why = "has other units than when it was placed";
            return Err(Impossible::Order(self.orders.row(row).order_id, why));
        }
        self.settle_terms(row, state)?;
        self.orders.settle(row, state);
        Ok(())
    }

    fn keep_act(&mut self, act: &Act, row: u32, revision: u64) -> u32 {
        let request = (act.request_id, act.fingerprint);
        self.orders.keep(request, row, revision, ReceiptKind::AsItStands, None)
    }
}
