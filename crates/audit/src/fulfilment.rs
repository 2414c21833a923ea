//! Exports of paid orders. Payments and refunds of a sale are counted in the order of the log, and each
//! export begins where the one before ended: so every paid order is in at most one.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{auditor::Event, bodies::OrdersExported, chain};

/// Payments and refunds of each sale in the order of the log; true where it is a payment.
#[derive(Default)]
pub(super) struct Payments(HashMap<Uuid, Vec<bool>>);

impl Payments {
    /// An event of an item of that sale.
    pub(super) fn count(&mut self, sale: Uuid, kind: &str) {
        if matches!(kind, "OrderPaid" | "OrderRefunded") {
            self.0.entry(sale).or_default().push(kind == "OrderPaid");
        }
    }

    fn of(&self, sale: Uuid) -> &[bool] {
        self.0.get(&sale).map_or(&[], Vec::as_slice)
    }
}

/// What is remembered of the exports of one sale.
pub(super) struct FulfilmentBook {
    sale: Uuid,
    upto: i64,
    requests: HashSet<Uuid>,
    last_at_ms: i64,
}

impl FulfilmentBook {
    pub(super) fn new(sale: Uuid) -> Self {
        Self { sale, upto: 0, requests: HashSet::new(), last_at_ms: 0 }
    }

    /// Applies an event; `say` is told what is wrong with it.
    pub(super) fn apply(
        &mut self,
        event: &Event<'_>,
        payments: &Payments,
        say: &mut dyn FnMut(String),
    ) -> Result<(), serde_json::Error> {
        if event.kind != "OrdersExported" {
            say(format!("no event of exports is called {:?}", event.kind));
            return Ok(());
        }
        let exported: OrdersExported<'_> = serde_json::from_slice(event.data)?;
        let request = exported.act.request_id.0;
        if !event.has_id(chain::sale_event_id(self.sale, request)) {
            say(format!("the event id is not the one that request {request} makes"));
        }
        event.check_story(self.sale, request, say);
        if !self.requests.insert(request) {
            say(format!("request id {request} is used twice"));
        }
        self.last_at_ms = event.check_time(exported.exported_at_ms, self.last_at_ms, false, say);
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if exported.sha256.len() != 64 || !exported.sha256.bytes().all(is_hex) {
            say(format!("the digest of the export is {:?}", exported.sha256));
        }
        self.check_ends(&exported, payments.of(self.sale), say);
        self.upto = exported.upto;
        Ok(())
    }

    fn check_ends(
        &self,
        exported: &OrdersExported<'_>,
        payments: &[bool],
        say: &mut dyn FnMut(String),
    ) {
        let OrdersExported { after, upto, orders, .. } = *exported;
        if after != self.upto {
            let ended = self.upto;
            say(format!("the export begins after {after}, but the one before ended at {ended}"));
        }
        if upto <= after {
            say(format!("the export ends at {upto} and begins after {after}: it is empty"));
        }
        let place = |number: i64| usize::try_from(number).ok();
        let within = place(after).zip(place(upto)).and_then(|(from, to)| payments.get(from..to));
        let Some(within) = within else {
            let counted = payments.len();
            say(format!(
                "the export goes from {after} to {upto}, but the sale has {counted} payments and \
                 refunds so far"
            ));
            return;
        };
        let paid = within.iter().filter(|is_payment| **is_payment).count();
        if place(orders) != Some(paid) {
            say(format!("the export has {orders} orders, but {paid} were paid in between"));
        }
    }
}
