//! Attribution: the channels of buyers' first and last touches before their orders.
//!
//! A touch counts for an order if it has a channel and happened at most the window before the order.
//! The order's own channel is its last touch where it has one. Both ways credit each order once, so
//! their sums are equal.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::{
    answers::{Attribution, AttributionRow, Credit},
    ground::Channels,
    queries::{ATTRIBUTION_WINDOW_MS, AttributionQuery, SIZES, checked_window},
    walk::{ShopperCount, Touch, Walked},
};
use crate::{
    projections::journeys::TouchKind,
    reports::{ReportError, Reports, paging::Cut},
};

impl Reports {
    /// Which channels sold what.
    pub fn attribution(&self, query: &AttributionQuery) -> Result<Attribution, ReportError> {
        self.walked(query.sale_id, |rows| AttributionCount::begin(rows, query))
    }
}

/// Credits channels, shopper after shopper.
pub(super) struct AttributionCount {
    cut: Cut<1>,
    window_ms: i64,
    channels: Channels,
    total: Credit,
    /// First and last touch, by channel.
    credits: BTreeMap<u32, (Credit, Credit)>,
}

impl AttributionCount {
    pub(super) fn begin(
        rows: &Transaction<'_>,
        query: &AttributionQuery,
    ) -> Result<Self, ReportError> {
        let window_ms = checked_window(query.window_ms, ATTRIBUTION_WINDOW_MS)?;
        let sale = query.sale_id.map(|id| id.0.into_bytes()).unwrap_or_default();
        let question = [b"attribution".as_slice(), &sale, &window_ms.to_be_bytes()];
        let cut = query.paging.cut(SIZES, question)?;
        let channels = Channels::read(rows)?;
        Ok(Self { cut, window_ms, channels, total: Credit::default(), credits: BTreeMap::new() })
    }
}

impl ShopperCount for AttributionCount {
    type Answer = Attribution;

    fn shopper(&mut self, _: u32, touches: &[Touch]) {
        for purchase in purchases(touches, self.window_ms) {
            self.total.add(&purchase);
            let [first, last] = purchase.channels.map(|channel| self.channels.first(channel));
            self.credits.entry(first).or_default().0.add(&purchase);
            self.credits.entry(last).or_default().1.add(&purchase);
        }
    }

    fn answer(self, _: &Transaction<'_>, walked: &Walked) -> Result<Attribution, ReportError> {
        let Self { cut, window_ms, channels, total, credits } = self;
        let after = cut.after.map_or(-1, |[key]| key);
        let rest = credits.into_iter().filter(|(channel, _)| i64::from(*channel) > after);
        let found = rest.map(|(channel, (first_touch, last_touch))| {
            let channel_name = channels.name(channel);
            let row = AttributionRow { channel: channel_name, first_touch, last_touch };
            ([i64::from(channel)], row)
        });
        let page = cut.page(found.collect(), walked.checkpoint);
        Ok(Attribution {
            window_ms,
            currency: walked.ground.currency.clone(),
            total,
            rows: page.rows,
            next_page_token: page.next_page_token,
            touches_left_out: walked.touches_left_out,
            checkpoint: walked.checkpoint,
        })
    }
}

/// A purchase and the channels of the first and the last touch.
struct Purchase {
    /// 0 where units of an order come back, which is a purchase below 0.
    orders: i64,
    channels: [u32; 2],
    units: i64,
    revenue_minor: i64,
}

impl Credit {
    fn add(&mut self, purchase: &Purchase) {
        self.orders += purchase.orders;
        self.units = self.units.saturating_add(purchase.units);
        self.revenue_minor = self.revenue_minor.saturating_add(purchase.revenue_minor);
    }
}

/// The purchases of one shopper, whose touches are in the order of time.
fn purchases(touches: &[Touch], window_ms: i64) -> Vec<Purchase> {
    if !touches.iter().any(Touch::is_purchase) {
        return Vec::new();
    }
    let leads = |touch: &&Touch| touch.channel != 0 && is_lead(touch.kind);
    let leads: Vec<(i64, u32)> =
        touches.iter().filter(leads).map(|touch| (touch.at_ms, touch.channel)).collect();
    let changes = |touch: &&Touch| touch.is_purchase() || touch.kind == TouchKind::Refunded;
    let bought = touches.iter().filter(changes);
    let purchases = bought.map(|touch| {
        let ordered_at = touch.at_ms.saturating_sub(touch.after_ms);
        let from = leads.partition_point(|(at, _)| *at < ordered_at.saturating_sub(window_ms));
        let to = leads.partition_point(|(at, _)| *at <= ordered_at);
        let in_window = leads.get(from..to).unwrap_or_default();
        let own = (touch.channel != 0).then_some(touch.channel);
        let first = in_window.first().map(|(_, channel)| *channel).or(own).unwrap_or(0);
        let last = own.or(in_window.last().map(|(_, channel)| *channel)).unwrap_or(0);
        Purchase {
            orders: i64::from(touch.is_purchase()),
            channels: [first, last],
            units: touch.units,
            revenue_minor: touch.amount_minor,
        }
    });
    purchases.collect()
}

/// Whether a touch can lead to an order: what comes after an order does not.
fn is_lead(kind: TouchKind) -> bool {
    match kind {
        TouchKind::View
        | TouchKind::Favourite
        | TouchKind::Cart
        | TouchKind::Share
        | TouchKind::Buy
        | TouchKind::Attempt(_)
        | TouchKind::Order => true,
        TouchKind::Paid | TouchKind::Cancelled | TouchKind::Expired | TouchKind::Refunded => false,
    }
}
