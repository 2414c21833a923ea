//! The seconds of a sale: the last ones one by one, and the whole of it in equal bins.
//!
//! What was available at a moment is what all seconds up to it left. So the sum over all time is
//! taken first, and the bins are walked backwards from it.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{BINS_MAX, PulseSecond, RECENT_SECONDS, Refused};
use crate::{
    events::AttemptOutcome,
    projections::timeline::{COUNTS, Counts, column_of, counts_at},
    reports::timeline::second_of,
    values::{SaleId, UnixMs},
};

/// Lengths of bins in seconds, and of the sums that they are made of.
const BINS: [(i64, i64); 14] = [
    (1, 1),
    (2, 1),
    (5, 1),
    (10, 1),
    (15, 1),
    (60, 60),
    (120, 60),
    (300, 60),
    (600, 60),
    (900, 60),
    (3_600, 3_600),
    (7_200, 3_600),
    (21_600, 3_600),
    (86_400, 3_600),
];

/// What came and went.
pub(super) struct Flow {
    /// Over all time; its second is 0.
    pub total: PulseSecond,
    pub recent: Vec<PulseSecond>,
    pub whole: Vec<PulseSecond>,
    pub bin_seconds: i64,
}

/// One span as it is counted, and by how much it changed what is available.
#[derive(Clone, Copy, Default)]
struct SpanCount {
    shown: PulseSecond,
    change: i64,
}

pub(super) fn flow(
    rows: &Transaction<'_>,
    sale_id: SaleId,
    (opens_at, ends_at): (UnixMs, UnixMs),
    now: UnixMs,
) -> rusqlite::Result<Flow> {
    let number = "SELECT number FROM sales WHERE sale_id = ?";
    let id = sale_id.0.as_bytes().as_slice();
    let number: Option<i64> = rows.query_row(number, [id], |row| row.get(0)).optional()?;
    // A sale without items has no seconds either.
    let sale = number.unwrap_or(0);
    let total = spans(rows, sale, 0, (0, 0))?.pop().unwrap_or_default();
    let newest = "SELECT max(second) FROM sale_spans WHERE sale = ? AND seconds = 1";
    let newest: Option<i64> = rows.query_row(newest, [sale], |row| row.get(0))?;

    let last = now.second();
    let first = last - RECENT_SECONDS as i64 + 1;
    let recent = bins(rows, sale, (1, 1), (first, last), total.change, newest)?;

    // Once it is over, it ends with what happened last in it: holds that were paid for or expired.
    let last = match newest {
        _ if now < ends_at => now.second(),
        Some(newest) => newest.max(ends_at.second()).min(now.second()),
        None => ends_at.second(),
    };
    let first = opens_at.second();
    let (bin, whole) = if last < first {
        (1, Vec::new())
    } else {
        let (bin, unit) = bin_for(last - first);
        (bin, bins(rows, sale, (bin, unit), (first, last), total.change, newest)?)
    };
    Ok(Flow { total: total.shown, recent, whole, bin_seconds: bin })
}

/// The shortest bins of which few enough are needed.
fn bin_for(seconds: i64) -> (i64, i64) {
    // One more than the whole division, as bins begin at whole multiples of their length.
    let fits = |bin: i64| seconds / bin + 2 <= BINS_MAX as i64;
    let found = BINS.into_iter().find(|(bin, _)| fits(*bin));
    found.unwrap_or_else(|| {
        let days = seconds / 86_400 / (BINS_MAX as i64 - 2) + 1;
        (days * 86_400, 3_600)
    })
}

/// Bins without gaps from the one that holds the first second to the one that holds the last.
fn bins(
    rows: &Transaction<'_>,
    sale: i64,
    (bin, unit): (i64, i64),
    (first, last): (i64, i64),
    total_change: i64,
    newest: Option<i64>,
) -> rusqlite::Result<Vec<PulseSecond>> {
    let start = |second: i64| second - second.rem_euclid(bin);
    let (from, to) = (start(first), start(last));
    let count = usize::try_from((to - from) / bin + 1).unwrap_or(0);
    let mut counted = vec![SpanCount::default(); count];
    for (place, counted) in (0_i64..).zip(&mut counted) {
        counted.shown.second = from + place * bin;
    }
    // What came after the last bin is taken back before walking.
    let mut available = total_change;
    let beyond = newest.map_or(to, |newest| newest.max(to)) + bin;
    for span in spans(rows, sale, unit, (from, beyond))? {
        let place = usize::try_from((start(span.shown.second) - from) / bin).ok();
        match place.and_then(|place| counted.get_mut(place)) {
            Some(bin) => bin.add(&span),
            None => available = available.saturating_sub(span.change),
        }
    }
    for bin in counted.iter_mut().rev() {
        bin.shown.available_units = available;
        available = available.saturating_sub(bin.change);
    }
    Ok(counted.into_iter().map(|bin| bin.shown).collect())
}

/// The kept sums of that length between two seconds, both included.
fn spans(
    rows: &Transaction<'_>,
    sale: i64,
    seconds: i64,
    (from, to): (i64, i64),
) -> rusqlite::Result<Vec<SpanCount>> {
    let mut found = rows.prepare(&format!(
        "SELECT second, {} FROM sale_spans
         WHERE sale = ? AND seconds = ? AND second BETWEEN ? AND ? ORDER BY second",
        COUNTS.join(", ")
    ))?;
    let spans = found.query_map(params![sale, seconds, from, to], |row| {
        Ok(counted(row.get(0)?, counts_at(row, 1)?))
    })?;
    spans.collect()
}

fn counted(second: i64, counts: Counts) -> SpanCount {
    let refused = |outcome: AttemptOutcome| column_of(outcome).map_or(0, |column| counts[column]);
    let refused = Refused {
        sold_out: refused(AttemptOutcome::SoldOut),
        not_enough_units: refused(AttemptOutcome::NotEnoughUnits),
        not_open_yet: refused(AttemptOutcome::NotOpenYet),
        closed: refused(AttemptOutcome::Closed),
        paused: refused(AttemptOutcome::Paused),
        over_buyer_limit: refused(AttemptOutcome::OverBuyerLimit),
        over_order_limit: refused(AttemptOutcome::OverOrderLimit),
        not_eligible: refused(AttemptOutcome::NotEligible),
        gift_gone: refused(AttemptOutcome::GiftGone),
        price_changed: refused(AttemptOutcome::PriceChanged),
    };
    let told = second_of(second, counts);
    let change = told.available_units();
    SpanCount {
        shown: PulseSecond {
            second,
            attempts: told.attempts,
            orders_placed: told.orders_placed,
            units_placed: told.units_placed,
            orders_paid: told.orders_paid,
            units_paid: told.units_paid,
            revenue_minor: told.revenue_minor,
            orders_cancelled: told.orders_cancelled,
            orders_expired: told.orders_expired,
            orders_reinstated: told.orders_reinstated,
            refunds_due: told.refunds_due,
            refused,
            available_units: 0,
        },
        change,
    }
}

impl SpanCount {
    fn add(&mut self, more: &Self) {
        self.change = self.change.saturating_add(more.change);
        let (sum, more) = (&mut self.shown, &more.shown);
        for (sum, more) in [
            (&mut sum.attempts, more.attempts),
            (&mut sum.orders_placed, more.orders_placed),
            (&mut sum.units_placed, more.units_placed),
            (&mut sum.orders_paid, more.orders_paid),
            (&mut sum.units_paid, more.units_paid),
            (&mut sum.revenue_minor, more.revenue_minor),
            (&mut sum.orders_cancelled, more.orders_cancelled),
            (&mut sum.orders_expired, more.orders_expired),
            (&mut sum.orders_reinstated, more.orders_reinstated),
            (&mut sum.refunds_due, more.refunds_due),
            (&mut sum.refused.sold_out, more.refused.sold_out),
            (&mut sum.refused.not_enough_units, more.refused.not_enough_units),
            (&mut sum.refused.not_open_yet, more.refused.not_open_yet),
            (&mut sum.refused.closed, more.refused.closed),
            (&mut sum.refused.paused, more.refused.paused),
            (&mut sum.refused.over_buyer_limit, more.refused.over_buyer_limit),
            (&mut sum.refused.over_order_limit, more.refused.over_order_limit),
            (&mut sum.refused.not_eligible, more.refused.not_eligible),
            (&mut sum.refused.gift_gone, more.refused.gift_gone),
            (&mut sum.refused.price_changed, more.refused.price_changed),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
