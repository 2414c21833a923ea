//! When a sale and its items are on sale, and how that may be changed.
//!
//! Everything within a sale moves with its opening: items with a window of their own, time prices and the
//! moments of offers. What closes with the sale does so at its new closing, and nothing closes after it.
//! Coupons were promised to their holders and stay where they are.

use serde::{Deserialize, Serialize};

use super::{plan::ends_after_start, steer::SteerSale};
use crate::{
    events::{Act, SaleCreated, SaleRescheduled},
    values::{Fingerprint, Invalid, UnixMs},
};

/// Gives a sale another window.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RescheduleSale {
    pub steer: SteerSale,
    /// As it is where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opens_at: Option<UnixMs>,
    /// Where absent, the sale stays as long as it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closes_at: Option<UnixMs>,
}

/// From when until when something is on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
}

/// How a sale was rescheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub sale: Window,
    /// Of the items, in their order.
    pub items: Vec<Window>,
    /// By how much the opening was moved in all since the sale was planned.
    pub moved_ms: i64,
    /// Of the newest event about it.
    pub revision: u64,
    pub act: Act,
    pub at: UnixMs,
}

impl RescheduleSale {
    /// What it leaves in its event.
    pub(super) fn act(&self) -> Act {
        let SteerSale { request_id, operator, reason } = self.steer.clone();
        let moment =
            |at: Option<UnixMs>| at.map_or_else(Vec::new, |at| at.0.to_be_bytes().to_vec());
        let fingerprint = Fingerprint::of([
            b"reschedule".as_slice(),
            operator.as_bytes(),
            reason.as_bytes(),
            &moment(self.opens_at),
            &moment(self.closes_at),
        ]);
        Act { request_id, fingerprint, operator, reason }
    }

    /// The window that it asks for.
    ///
    /// # Errors
    /// Names `open_time` or `close_time` with both moments where the sale cannot have that window.
    pub(super) fn window(
        &self,
        plan: &SaleCreated,
        (before, items): (Window, &[Window]),
        now: UnixMs,
    ) -> Result<Window, Invalid> {
        let opens_at = self.opens_at.unwrap_or(before.opens_at).checked("open_time")?;
        if opens_at != before.opens_at {
            let first = items.iter().map(|item| item.opens_at).fold(before.opens_at, UnixMs::min);
            if first <= now {
                let problem = format!(
                    "is {opens_at}, and the sale opened at {first}: an opening that has passed does \
                     not move"
                );
                return Err(Invalid::new("open_time", problem));
            }
            if opens_at <= now {
                let problem = format!("is {opens_at}, and it is {now} already");
                return Err(Invalid::new("open_time", problem));
            }
        }
        let moved_ms = opens_at.since(before.opens_at);
        let closes_at = self.closes_at.unwrap_or_else(|| before.closes_at.plus(moved_ms));
        let closes_at = closes_at.checked("close_time")?;
        ends_after_start("close_time", opens_at, closes_at)?;
        if closes_at != before.closes_at && closes_at <= now {
            let problem = format!(
                "is {closes_at}, and it is {now} already: close the sale to end it at once"
            );
            return Err(Invalid::new("close_time", problem));
        }
        let window = Window { opens_at, closes_at };
        items_fit(plan, (before, items), window)?;
        coupons_fit(plan, window)?;
        Ok(window)
    }
}

/// No item is left without a window.
fn items_fit(
    plan: &SaleCreated,
    (before, items): (Window, &[Window]),
    to: Window,
) -> Result<(), Invalid> {
    for (plan, item) in plan.items.iter().zip(moved(before, items, to)) {
        if item.opens_at >= item.closes_at {
            let problem = format!(
                "is {}, and {} opens at {}, which leaves that item no window",
                to.closes_at, plan.sku, item.opens_at
            );
            return Err(Invalid::new("close_time", problem));
        }
    }
    Ok(())
}

/// Every batch of coupons can be used at some moment of the window, as when the sale was created.
fn coupons_fit(plan: &SaleCreated, window: Window) -> Result<(), Invalid> {
    for terms in plan.coupons.iter().map(|coupon| &coupon.terms) {
        let span = || format!("{} until {}", terms.from_ms, terms.until_ms);
        if terms.until_ms <= window.opens_at {
            let (opens_at, name) = (window.opens_at, &terms.name);
            let problem = format!("is {opens_at}, and coupon {name:?} can be used from {}", span());
            return Err(Invalid::new("open_time", problem));
        }
        if terms.from_ms >= window.closes_at {
            let (closes_at, name) = (window.closes_at, &terms.name);
            let problem =
                format!("is {closes_at}, and coupon {name:?} can be used from {}", span());
            return Err(Invalid::new("close_time", problem));
        }
    }
    Ok(())
}

/// The windows of items after their sale was moved from one window to another.
fn moved(from: Window, items: &[Window], to: Window) -> Vec<Window> {
    let moved_ms = to.opens_at.since(from.opens_at);
    let item = |item: &Window| {
        let with_sale = item.closes_at == from.closes_at;
        let closes_at = if with_sale { to.closes_at } else { item.closes_at.plus(moved_ms) };
        Window {
            opens_at: item.opens_at.plus(moved_ms).max(to.opens_at),
            closes_at: closes_at.min(to.closes_at),
        }
    };
    items.iter().map(item).collect()
}

/// The windows of a sale and of its items as they were planned.
pub(super) fn planned(plan: &SaleCreated) -> (Window, Vec<Window>) {
    let window = |opens_at, closes_at| Window { opens_at, closes_at };
    let items = plan.items.iter().map(|item| window(item.opens_at_ms, item.closes_at_ms));
    (window(plan.opens_at_ms, plan.closes_at_ms), items.collect())
}

impl Schedule {
    /// After that event of a sale with this plan.
    pub(super) fn after(
        before: Option<&Self>,
        plan: &SaleCreated,
        event: &SaleRescheduled,
        revision: u64,
    ) -> Self {
        let (from, items, moved_ms) = match before {
            Some(Self { sale, items, moved_ms, .. }) => (*sale, items.clone(), *moved_ms),
            None => {
                let (sale, items) = planned(plan);
                (sale, items, 0)
            }
        };
        let sale = Window { opens_at: event.opens_at_ms, closes_at: event.closes_at_ms };
        Self {
            sale,
            items: moved(from, &items, sale),
            moved_ms: moved_ms.saturating_add(sale.opens_at.since(from.opens_at)),
            revision,
            act: event.act.clone(),
            at: event.rescheduled_at_ms,
        }
    }
}
