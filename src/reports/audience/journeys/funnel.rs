//! The funnel: shoppers by step, in order and within a window.
//!
//! A shopper is counted at a step if there is a chain of touches through it and all steps before it,
//! none earlier than the one before, the last at most the window after the first. Of all chains that
//! reach a step the one that began last leaves most of the window, so it is the only one to remember.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::{
    answers::{Funnel, FunnelFigures, FunnelGroup, FunnelGrouping, PortraitAttribute},
    ground::{Channels, category_name, item_name},
    queries::{FUNNEL_WINDOW_MS, FunnelQuery, SIZES, checked_window},
    segments::Segments,
    walk::{ShopperCount, Touch, Walked},
};
use crate::{
    projections::journeys::TouchKind,
    reports::{ReportError, Reports, paging::Cut},
    values::ItemId,
};

impl Reports {
    /// How many shoppers came how far.
    pub fn funnel(&self, query: &FunnelQuery) -> Result<Funnel, ReportError> {
        self.walked(query.sale_id, |rows| FunnelCount::begin(rows, query))
    }
}

impl FunnelQuery {
    fn cut(&self, window_ms: i64) -> Result<Cut<1>, ReportError> {
        let sale = self.sale_id.map(|id| id.0.into_bytes()).unwrap_or_default();
        let window = window_ms.to_be_bytes();
        let by = self.by.name().as_bytes();
        Ok(self.paging.cut(SIZES, [b"funnel".as_slice(), &sale, &window, by])?)
    }
}

/// Counts shopper after shopper.
pub(super) struct FunnelCount {
    cut: Cut<1>,
    by: FunnelGrouping,
    window_ms: i64,
    channels: Channels,
    segments: Option<Segments>,
    total: FunnelFigures,
    groups: BTreeMap<u32, FunnelFigures>,
}

impl FunnelCount {
    pub(super) fn begin(rows: &Transaction<'_>, query: &FunnelQuery) -> Result<Self, ReportError> {
        let window_ms = checked_window(query.window_ms, FUNNEL_WINDOW_MS)?;
        let cut = query.cut(window_ms)?;
        let by = query.by;
        let segments = match attribute(by) {
            Some(_) => Some(Segments::read(rows)?),
            None => None,
        };
        let channels = Channels::read(rows)?;
        let total = FunnelFigures::default();
        Ok(Self { cut, by, window_ms, channels, segments, total, groups: BTreeMap::new() })
    }
}

impl ShopperCount for FunnelCount {
    type Answer = Funnel;

    fn shopper(&mut self, shopper: u32, touches: &[Touch]) {
        count(&mut self.total, touches.iter(), self.window_ms);
        let key = match self.by {
            FunnelGrouping::None => return,
            FunnelGrouping::Item => return self.split(touches, |touch| touch.item),
            FunnelGrouping::Category => return self.split(touches, |touch| touch.category),
            FunnelGrouping::Channel => {
                let first = touches.iter().find(|touch| touch.channel != 0);
                first.map_or(0, |touch| self.channels.first(touch.channel))
            }
            FunnelGrouping::AgeBand
            | FunnelGrouping::Gender
            | FunnelGrouping::Region
            | FunnelGrouping::SpendingTier => self.segment(shopper),
        };
        count(self.groups.entry(key).or_default(), touches.iter(), self.window_ms);
    }

    fn answer(self, rows: &Transaction<'_>, walked: &Walked) -> Result<Funnel, ReportError> {
        let page = self.cut.page(self.page(rows)?, walked.checkpoint);
        Ok(Funnel {
            window_ms: self.window_ms,
            by: self.by,
            currency: walked.ground.currency.clone(),
            total: self.total,
            groups: page.rows,
            next_page_token: page.next_page_token,
            touches_left_out: walked.touches_left_out,
            checkpoint: walked.checkpoint,
        })
    }
}

impl FunnelCount {
    fn segment(&self, shopper: u32) -> u32 {
        let code = self.segments.as_ref().zip(attribute(self.by));
        code.map_or(0, |(segments, attribute)| u32::from(segments.code(shopper, attribute)))
    }

    /// Counts the touches of each key as if there were no others.
    fn split(&mut self, touches: &[Touch], key: impl Fn(&Touch) -> u32) {
        if let [touch, rest @ ..] = touches
            && rest.iter().all(|other| key(other) == key(touch))
        {
            let figures = self.groups.entry(key(touch)).or_default();
            return count(figures, touches.iter(), self.window_ms);
        }
        let mut sorted: Vec<&Touch> = touches.iter().collect();
        sorted.sort_by_key(|touch| key(touch));
        for group in sorted.chunk_by(|one, other| key(one) == key(other)) {
            let Some(first) = group.first() else { continue };
            let figures = self.groups.entry(key(first)).or_default();
            count(figures, group.iter().copied(), self.window_ms);
        }
    }

    /// The groups of one page, and one more if there is one.
    fn page(&self, rows: &Transaction<'_>) -> Result<Vec<([i64; 1], FunnelGroup)>, ReportError> {
        let cut = &self.cut;
        let after = cut.after.map_or(-1, |[key]| key);
        let rest = self.groups.iter().filter(|(key, _)| i64::from(**key) > after);
        let limit = cut.rows();
        let groups = rest.take(limit).map(|(key, figures)| {
            let (name, item_id) = self.name(rows, *key)?;
            Ok(([i64::from(*key)], FunnelGroup { name, item_id, figures: *figures }))
        });
        groups.collect()
    }

    fn name(
        &self,
        rows: &Transaction<'_>,
        key: u32,
    ) -> Result<(String, Option<ItemId>), ReportError> {
        Ok(match self.by {
            FunnelGrouping::None => (String::new(), None),
            FunnelGrouping::Item => item_name(rows, key)?,
            FunnelGrouping::Category => (category_name(rows, key)?, None),
            FunnelGrouping::Channel => (self.channels.name(key), None),
            FunnelGrouping::AgeBand
            | FunnelGrouping::Gender
            | FunnelGrouping::Region
            | FunnelGrouping::SpendingTier => {
                // A code that no attribute has has no name.
                let named = u16::try_from(key).ok().and_then(|code| {
                    let (segments, attribute) = self.segments.as_ref().zip(attribute(self.by))?;
                    Some(segments.name(attribute, code))
                });
                (named.unwrap_or_default(), None)
            }
        })
    }
}

fn attribute(by: FunnelGrouping) -> Option<PortraitAttribute> {
    match by {
        FunnelGrouping::AgeBand => Some(PortraitAttribute::AgeBand),
        FunnelGrouping::Gender => Some(PortraitAttribute::Gender),
        FunnelGrouping::Region => Some(PortraitAttribute::Region),
        FunnelGrouping::SpendingTier => Some(PortraitAttribute::SpendingTier),
        FunnelGrouping::None
        | FunnelGrouping::Item
        | FunnelGrouping::Channel
        | FunnelGrouping::Category => None,
    }
}

/// The steps that a touch can be, first and last; favourites and shares are none.
///
/// An order is an attempt that succeeded, so it stands for one whose tick was lost. A recording
/// tells of purchases only: each is attempt, order and payment at once.
fn steps_of(kind: TouchKind) -> Option<(usize, usize)> {
    match kind {
        TouchKind::View => Some((0, 0)),
        TouchKind::Cart => Some((1, 1)),
        TouchKind::Attempt(_) => Some((2, 2)),
        TouchKind::Order => Some((2, 3)),
        TouchKind::Paid => Some((4, 4)),
        TouchKind::Buy => Some((2, 4)),
        TouchKind::Favourite
        | TouchKind::Share
        | TouchKind::Cancelled
        | TouchKind::Expired
        | TouchKind::Refunded => None,
    }
}

/// Adds one shopper's touches, which are in the order of time.
fn count<'a>(
    figures: &mut FunnelFigures,
    touches: impl Iterator<Item = &'a Touch>,
    window_ms: i64,
) {
    let totals = &mut figures.totals;
    // When the chain began that began last of those that reach a step.
    let mut began: [Option<i64>; 5] = [None; 5];
    let (mut visited, mut bought, mut attempted) = (false, false, false);
    for touch in touches {
        match touch.kind {
            TouchKind::View => totals.pv += 1,
            TouchKind::Favourite => totals.fav += 1,
            TouchKind::Cart => totals.cart += 1,
            TouchKind::Share => totals.share += 1,
            TouchKind::Buy => totals.buy += 1,
            TouchKind::Attempt(_) => totals.attempts += 1,
            TouchKind::Order => totals.orders += 1,
            TouchKind::Paid => {
                totals.buy += 1;
                totals.paid_orders += 1;
            }
            TouchKind::Cancelled | TouchKind::Expired | TouchKind::Refunded => {}
        }
        if touch.moves_money() {
            totals.units_paid = totals.units_paid.saturating_add(touch.units);
            totals.revenue_minor = totals.revenue_minor.saturating_add(touch.amount_minor);
        }
        visited |= touch.kind.action().is_some();
        bought |= touch.is_purchase();
        attempted |= matches!(touch.kind, TouchKind::Attempt(_));
        let Some((first, last)) = steps_of(touch.kind) else { continue };
        for step in first..=last {
            let begins = match step.checked_sub(1) {
                None => Some(touch.at_ms),
                Some(before) => {
                    began[before].filter(|at| touch.at_ms.saturating_sub(*at) <= window_ms)
                }
            };
            began[step] = began[step].max(begins);
        }
    }
    totals.uv += i64::from(visited);
    totals.buyers += i64::from(bought);
    totals.visitors_who_bought += i64::from(visited && bought);
    totals.attempters += i64::from(attempted);
    for (shoppers, began) in figures.steps.iter_mut().zip(began) {
        *shoppers += i64::from(began.is_some());
    }
}
