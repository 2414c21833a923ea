//! How the window of a sale may be changed.

use serde::{Deserialize, Serialize};

use super::{plan::ends_after_start, schedule::Window, steer::SteerSale, view::SaleView};
use crate::{
    events::{Act, SaleCreated},
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
    pub(super) fn window(&self, sale: &SaleView, now: UnixMs) -> Result<Window, Invalid> {
        let before = sale.window();
        let opens_at = self.opens_at.unwrap_or(before.opens_at).checked("open_time")?;
        if opens_at != before.opens_at {
            let first = sale.opens_at();
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
        items_fit(&sale.plan, window)?;
        coupons_fit(&sale.plan, window)?;
        Ok(window)
    }
}

/// No item is left without a window, and no price or offer is moved out of time.
fn items_fit(plan: &SaleCreated, to: Window) -> Result<(), Invalid> {
    let moved_ms = to.moved_ms(plan);
    for item in &plan.items {
        let window = to.of_item(plan, item);
        if window.opens_at >= window.closes_at {
            let problem = format!(
                "is {}, and {} opens at {}, which leaves that item no window",
                to.closes_at, item.sku, window.opens_at
            );
            return Err(Invalid::new("close_time", problem));
        }
        let prices = item.prices.iter().flat_map(|prices| &prices.time_prices);
        let prices = prices.flat_map(|price| [price.from_ms, price.until_ms]);
        let offers = item.offers.iter().flat_map(|offer| [offer.from_ms, offer.until_ms]).flatten();
        let named = prices.map(|at| ("a time price", at)).chain(offers.map(|at| ("an offer", at)));
        for (what, at) in named {
            at.plus(moved_ms).checked("open_time").map_err(|_| {
                let (opens_at, sku) = (to.opens_at, &item.sku);
                let problem = format!(
                    "is {opens_at}, which moves {at} of {what} of {sku} out of the years 1970 to \
                     9999"
                );
                Invalid::new("open_time", problem)
            })?;
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
