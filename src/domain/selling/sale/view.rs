//! A sale as it is shown: its plan, and what operators did with it since.

use serde::{Deserialize, Serialize};

use super::schedule::{Schedule, Window, planned};
use crate::{
    events::{Act, SaleClosed, SaleCreated},
    values::{SaleId, UnixMs},
};

/// A sale as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleView {
    pub sale_id: SaleId,
    /// As it was created.
    pub plan: SaleCreated,
    /// How it was rescheduled since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
    /// How and when it was closed by hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed: Option<SaleClosed>,
    /// The newest pause or resumption of the whole sale.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pause: Option<Pause>,
}

/// That a sale was paused or resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// It is paused; else it was resumed.
    pub on: bool,
    pub act: Act,
    pub at: UnixMs,
}

impl SaleView {
    /// When the sale itself is on sale.
    pub fn window(&self) -> Window {
        self.schedule.as_ref().map_or_else(|| planned(&self.plan).0, |schedule| schedule.sale)
    }

    /// The windows of the items, in their order.
    pub(super) fn item_windows(&self) -> Vec<Window> {
        let schedule = self.schedule.as_ref();
        schedule.map_or_else(|| planned(&self.plan).1, |schedule| schedule.items.clone())
    }

    /// When nothing of it is on sale any more.
    pub fn closes_at(&self) -> UnixMs {
        self.schedule.as_ref().map_or_else(|| self.plan.on_sale().1, |to| to.sale.closes_at)
    }

    /// The plan as it was rescheduled since.
    pub fn current_plan(self) -> SaleCreated {
        let Self { mut plan, schedule: Some(schedule), .. } = self else { return self.plan };
        plan.opens_at_ms = schedule.sale.opens_at;
        plan.closes_at_ms = schedule.sale.closes_at;
        for (item, window) in plan.items.iter_mut().zip(&schedule.items) {
            item.opens_at_ms = window.opens_at;
            item.closes_at_ms = window.closes_at;
            item.offers.iter_mut().for_each(|offer| offer.move_by(schedule.moved_ms));
            if let Some(prices) = &mut item.prices {
                prices.move_by(schedule.moved_ms);
            }
        }
        plan
    }
}
