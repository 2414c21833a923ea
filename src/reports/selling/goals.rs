//! Goals of a sale against its results.

use rusqlite::OptionalExtension;

use crate::{
    projections::{Checkpoint, catalog},
    reports::{
        NewBuyers, Paging, ReportError, Reports, TrafficGrouping, TrafficQuery, Whose, share_ppm,
    },
    values::{SaleId, UnixMs},
};

/// What a goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoalKind {
    /// Units sold.
    Units,
    /// Revenue of paid orders in minor units.
    Revenue,
    /// Paying buyers / visitors of the sale, in parts per million.
    Conversion,
    /// Paying buyers without an earlier paid order.
    NewBuyers,
}

/// One goal and how far it was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoalLine {
    pub kind: GoalKind,
    pub target: i64,
    /// Absent where it cannot be known: a conversion without visitors.
    pub result: Option<i64>,
    /// result / target in parts per million; may be beyond a million. 0 without a result.
    pub attainment_ppm: i64,
}

/// What was wanted of a sale and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalAttainment {
    /// Empty where the sale has no goals.
    pub goals: Vec<GoalLine>,
    /// Distinct shoppers with a purchase in this sale: the numerator of the conversion.
    pub paying_buyers: i64,
    /// Distinct visitors of this sale: its denominator. Absent where no traffic was recorded.
    pub visitors: Option<i64>,
    /// When the sale ends or ended: by its last window, or earlier by hand.
    pub ends_at: UnixMs,
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// Goals of a sale against its results.
    pub fn goal_attainment(&self, sale_id: SaleId) -> Result<GoalAttainment, ReportError> {
        let sale = sale_id.0.as_bytes().as_slice();
        let (targets, ends_at) = self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let targets = rows
                .query_row(
                    "SELECT goal_units, goal_revenue_minor, goal_conversion_ppm, goal_new_buyers,
                         min(closes_at_ms, coalesce(closed_at_ms, closes_at_ms))
                     FROM sales WHERE sale_id = ?",
                    [sale],
                    |row| {
                        let targets = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
                        Ok((targets, UnixMs(row.get(4)?)))
                    },
                )
                .optional()?;
            targets.ok_or(ReportError::NotFound("sale_id"))
        })?;
        let [units, revenue, conversion, new_buyers]: [Option<i64>; 4] = targets;
        let sold = match self.timeline_sum(Whose::Sale(sale_id), None, None) {
            Ok((sum, _)) => (sum.units_sold(), sum.revenue_minor),
            // Created, and no item added yet.
            Err(ReportError::NotFound(_)) => (0, 0),
            Err(error) => return Err(error),
        };
        let NewBuyers { buyers, new_buyers: new, checkpoint } = self.new_buyers(sale_id)?;
        let visitors = self.visitors_of(sale_id)?;
        let lines = [
            (GoalKind::Units, units, Some(sold.0)),
            (GoalKind::Revenue, revenue, Some(sold.1)),
            (GoalKind::Conversion, conversion, visitors.map(|seen| share_ppm(buyers, seen))),
            (GoalKind::NewBuyers, new_buyers, Some(new)),
        ];
        let goals = lines.into_iter().filter_map(|(kind, target, result)| {
            let target = target?;
            let attainment_ppm = share_ppm(result.unwrap_or(0), target);
            Some(GoalLine { kind, target, result, attainment_ppm })
        });
        let (goals, paying_buyers) = (goals.collect(), buyers);
        Ok(GoalAttainment { goals, paying_buyers, visitors, ends_at, checkpoint })
    }

    fn visitors_of(&self, sale_id: SaleId) -> Result<Option<i64>, ReportError> {
        let traffic = self.traffic(&TrafficQuery {
            sale_id: Some(sale_id),
            by: TrafficGrouping::Channel,
            from: None,
            until: None,
            paging: Paging { page_size: 1, page_token: String::new() },
        })?;
        let visitors = traffic.total.visitors;
        Ok((visitors > 0).then_some(visitors))
    }
}
