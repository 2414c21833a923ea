//! Counts second by second, of an item or of all items of a sale.

use rusqlite::types::Value;

use crate::{
    events::AttemptOutcome,
    projections::timeline::{self, COUNTS, column_of, counts_at},
    reports::{Page, Paging, ReportError, Reports, filter::Filter, paging::Sizes},
    values::{ENDLESS, Invalid, ItemId, SaleId, UnixMs},
};

const SIZES: Sizes = Sizes { default: 1_000, max: 10_000 };

/// Whose timeline: exactly one of sale and item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelineQuery {
    pub sale_id: Option<SaleId>,
    pub item_id: Option<ItemId>,
    /// The second that this moment lies in is the first.
    pub from: Option<UnixMs>,
    /// Seconds that start at or after this moment are left out.
    pub until: Option<UnixMs>,
    /// Seconds in the answer: 1 to 10,000; 0 means 1,000.
    pub paging: Paging,
}

/// One second in which something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineSecond {
    /// Seconds since the Unix epoch.
    pub second: i64,
    /// Every attempt to place an order, also repeated and refused ones.
    pub attempts: i64,
    pub orders_placed: i64,
    pub units_placed: i64,
    pub orders_paid: i64,
    pub units_paid: i64,
    pub orders_cancelled: i64,
    pub orders_expired: i64,
    /// Units that came back from cancelled and expired orders.
    pub units_released: i64,
    /// Attempts that repeated an earlier request and got its first answer.
    pub repeats: i64,
    /// Refused attempts by reason; reasons that did not occur are left out.
    pub refusals: Vec<(AttemptOutcome, i64)>,
    /// Units put on offer.
    pub units_allocated: i64,
    /// Units that attempts asked for which were refused with SOLD_OUT or NOT_ENOUGH_UNITS.
    pub units_refused: i64,
    /// Of the orders paid in this second, without what was refunded in it, in minor units.
    pub revenue_minor: i64,
    /// Payments that came too late or twice.
    pub refunds_due: i64,
    /// Units of paid orders that came back.
    pub units_refunded: i64,
    /// The money for them, in minor units.
    pub refunded_minor: i64,
    /// Expired orders that a late payment brought back, and their units.
    pub orders_reinstated: i64,
    pub units_reinstated: i64,
}

/// What all of it so far leaves available, as SQL adds it up. Units that came back of no use are
/// neither allocated any more nor available.
pub(in crate::reports) const AVAILABLE: &str =
    "units_allocated - units_placed + units_released - units_reinstated + units_refunded";

impl TimelineSecond {
    /// By how much it changed what is available: see [`AVAILABLE`].
    pub fn available_units(&self) -> i64 {
        self.units_allocated
            .saturating_sub(self.units_placed)
            .saturating_add(self.units_released)
            .saturating_sub(self.units_reinstated)
            .saturating_add(self.units_refunded)
    }

    /// Units that were sold, without those that came back.
    pub fn units_sold(&self) -> i64 {
        self.units_paid.saturating_sub(self.units_refunded)
    }
}

impl Reports {
    /// The seconds in which something happened, oldest first.
    pub fn timeline(&self, query: &TimelineQuery) -> Result<Page<TimelineSecond>, ReportError> {
        let (whose, id) = match (query.sale_id, query.item_id) {
            (Some(sale), None) => ("item IN (SELECT number FROM items WHERE sale_id = ?)", sale.0),
            (None, Some(item)) => ("item IN (SELECT number FROM items WHERE item_id = ?)", item.0),
            (Some(_), Some(_)) => {
                return Err(Invalid::new("item_id", "must not be given with sale_id").into());
            }
            (None, None) => {
                return Err(Invalid::new("sale_id", "or item_id is missing").into());
            }
        };
        if query.from.zip(query.until).is_some_and(|(from, until)| until < from) {
            return Err(Invalid::new("until_time", "must not be before from_time").into());
        }
        let from = query.from.map(UnixMs::second);
        // The first second that starts at or after the moment.
        let until = query.until.map(|until| until.plus(999).second());
        let question = [
            b"timeline".as_slice(),
            whose.as_bytes(),
            id.as_bytes(),
            &from.unwrap_or(i64::MIN).to_be_bytes(),
            &until.unwrap_or(ENDLESS).to_be_bytes(),
        ];
        let cut = query.paging.cut(SIZES, question)?;
        let mut filter = Filter::default();
        filter.and(whose, Value::Blob(id.as_bytes().to_vec()));
        filter.and_given("second >= ?", from);
        filter.and_given("second < ?", until);
        filter.and_given("second > ?", cut.after.map(|[second]| second));
        self.ask(timeline::NAME, timeline::VERSION, |rows, checkpoint| {
            let sums = sums();
            let mut found = rows.prepare(&format!(
                "SELECT second, {sums} FROM seconds WHERE {}
                 GROUP BY second ORDER BY second LIMIT {}",
                filter.condition(),
                cut.limit()
            ))?;
            let seconds = found.query_map(filter.parameters(), |row| {
                let second: i64 = row.get(0)?;
                Ok(([second], second_of(second, counts_at(row, 1)?)))
            })?;
            Ok(cut.page(seconds.collect::<Result<_, _>>()?, checkpoint))
        })
    }
}

/// The sums of all counts, in their order; 0 over no rows. Money is not bounded by what a sale holds,
/// and SQLite's own sum of it may fail.
pub(in crate::reports) fn sums() -> String {
    COUNTS
        .map(|count| match count {
            "revenue_minor" | "refunded_minor" => format!("bounded_sum({count})"),
            _ => format!("coalesce(sum({count}), 0)"),
        })
        .join(", ")
}

pub(in crate::reports) fn second_of(second: i64, counts: timeline::Counts) -> TimelineSecond {
    let refusals = AttemptOutcome::ALL.into_iter().filter_map(|outcome| match outcome {
        AttemptOutcome::Placed | AttemptOutcome::Repeated => None,
        AttemptOutcome::SoldOut
        | AttemptOutcome::NotEnoughUnits
        | AttemptOutcome::NotOpenYet
        | AttemptOutcome::Closed
        | AttemptOutcome::Paused
        | AttemptOutcome::OverBuyerLimit
        | AttemptOutcome::OverOrderLimit
        | AttemptOutcome::NotEligible
        | AttemptOutcome::GiftGone
        | AttemptOutcome::PriceChanged => {
            let attempts = counts[column_of(outcome)?];
            (attempts > 0).then_some((outcome, attempts))
        }
    });
    let refusals = refusals.collect();
    let [
        attempts,
        orders_placed,
        units_placed,
        orders_paid,
        units_paid,
        orders_cancelled,
        orders_expired,
        units_released,
        repeats,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        units_allocated,
        units_refused,
        revenue_minor,
        refunds_due,
        _,
        _,
        _,
        units_refunded,
        refunded_minor,
        orders_reinstated,
        units_reinstated,
    ] = counts;
    TimelineSecond {
        second,
        attempts,
        orders_placed,
        units_placed,
        orders_paid,
        units_paid,
        orders_cancelled,
        orders_expired,
        units_released,
        repeats,
        refusals,
        units_allocated,
        units_refused,
        revenue_minor,
        refunds_due,
        units_refunded,
        refunded_minor,
        orders_reinstated,
        units_reinstated,
    }
}
