//! A sale as it is shown: its plan, and what operators did with it since.

use serde::{Deserialize, Serialize};

use super::schedule::{Schedule, Window};
use crate::{
    events::{Act, ItemPlan, SaleClosed, SaleCreated},
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
    /// Of its event; 0 from a node of a version before sales could be rescheduled.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub revision: u64,
}

fn is_zero(revision: &u64) -> bool {
    *revision == 0
}

impl SaleView {
    /// When the sale itself is on sale.
    pub fn window(&self) -> Window {
        let schedule = self.schedule.as_ref();
        schedule.map_or_else(|| Window::planned(&self.plan), |schedule| schedule.window)
    }

    /// When an item of its plan is on sale.
    pub fn item_window(&self, item: &ItemPlan) -> Window {
        match &self.schedule {
            Some(schedule) => schedule.window.of_item(&self.plan, item),
            None => Window { opens_at: item.opens_at_ms, closes_at: item.closes_at_ms },
        }
    }

    /// By how much it opens later than planned.
    pub fn moved_ms(&self) -> i64 {
        self.window().moved_ms(&self.plan)
    }

    /// When anything of it is on sale first.
    pub fn opens_at(&self) -> UnixMs {
        let items = self.plan.items.iter().map(|item| self.item_window(item).opens_at);
        items.fold(self.window().opens_at, UnixMs::min)
    }

    /// Whether it was closed before anything of it opened.
    pub fn is_cancelled(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.closed_at_ms < self.opens_at())
    }

    /// When nothing of it is on sale any more.
    pub fn closes_at(&self) -> UnixMs {
        self.schedule.as_ref().map_or_else(|| self.plan.on_sale().1, |to| to.window.closes_at)
    }

    /// The plan as it was rescheduled since.
    pub fn current_plan(self) -> SaleCreated {
        if self.schedule.is_none() {
            return self.plan;
        }
        let (sale, moved_ms) = (self.window(), self.moved_ms());
        let items: Vec<_> = self.plan.items.iter().map(|item| self.item_window(item)).collect();
        let mut plan = self.plan;
        (plan.opens_at_ms, plan.closes_at_ms) = (sale.opens_at, sale.closes_at);
        for (item, window) in plan.items.iter_mut().zip(items) {
            (item.opens_at_ms, item.closes_at_ms) = (window.opens_at, window.closes_at);
            item.offers.iter_mut().for_each(|offer| offer.move_by(moved_ms));
            if let Some(prices) = &mut item.prices {
                prices.move_by(moved_ms);
            }
        }
        plan
    }
}
