//! Goals of a sale against what came of it.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Transaction};

use super::{ReportError, Reports, Whose, share_ppm};
use crate::{
    projections::{
        Checkpoint, catalog,
        orders::{self, PAID, REVISION_BITS},
    },
    values::SaleId,
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
    /// Paying buyers who had never paid for anything before.
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
    /// Distinct buyers with a paid order in this sale: the numerator of the conversion.
    pub paying_buyers: i64,
    /// Distinct visitors, as they were given: its denominator.
    pub visitors: Option<i64>,
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// Goals of a sale against its results. Its distinct visitors come from whoever counts them.
    pub fn goal_attainment(
        &self,
        sale_id: SaleId,
        visitors: Option<i64>,
    ) -> Result<GoalAttainment, ReportError> {
        let sale = sale_id.0.as_bytes().as_slice();
        let targets = self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let targets = rows
                .query_row(
                    "SELECT goal_units, goal_revenue_minor, goal_conversion_ppm, goal_new_buyers
                     FROM sales WHERE sale_id = ?",
                    [sale],
                    |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]),
                )
                .optional()?;
            targets.ok_or(ReportError::NotFound("sale_id"))
        })?;
        let [units, revenue, conversion, new_buyers]: [Option<i64>; 4] = targets;
        let sold = match self.timeline_sum(Whose::Sale(sale_id), None, None) {
            Ok((sum, _)) => (sum.units_paid, sum.revenue_minor),
            // Created, and no item added yet.
            Err(ReportError::NotFound(_)) => (0, 0),
            Err(error) => return Err(error),
        };
        let (buyers, checkpoint) =
            self.ask(orders::NAME, orders::VERSION, |rows, checkpoint| {
                Ok((Buyers::of(rows, sale)?, checkpoint))
            })?;
        let seen = visitors.filter(|visitors| *visitors > 0);
        let lines = [
            (GoalKind::Units, units, Some(sold.0)),
            (GoalKind::Revenue, revenue, Some(sold.1)),
            (GoalKind::Conversion, conversion, seen.map(|seen| share_ppm(buyers.paying, seen))),
            (GoalKind::NewBuyers, new_buyers, Some(buyers.new)),
        ];
        let goals = lines.into_iter().filter_map(|(kind, target, result)| {
            let target = target?;
            let attainment_ppm = share_ppm(result.unwrap_or(0), target);
            Some(GoalLine { kind, target, result, attainment_ppm })
        });
        let paying_buyers = buyers.paying;
        Ok(GoalAttainment { goals: goals.collect(), paying_buyers, visitors, checkpoint })
    }
}

/// Who paid in a sale.
struct Buyers {
    paying: i64,
    /// Of those, who had not paid in any other sale before.
    new: i64,
}

impl Buyers {
    fn of(rows: &Transaction<'_>, sale: &[u8]) -> rusqlite::Result<Self> {
        let mut first_paid: HashMap<String, i64> = HashMap::new();
        let mut inside = rows.prepare(&format!(
            "SELECT o.buyer, o.settled_at_ms FROM items AS i CROSS JOIN orders AS o
             ON o.key >= i.number << {REVISION_BITS} AND o.key < (i.number + 1) << {REVISION_BITS}
             WHERE i.sale_id = ? AND o.state = {PAID}"
        ))?;
        let mut inside = inside.query([sale])?;
        while let Some(row) = inside.next()? {
            let paid_at: i64 = row.get(1)?;
            let first = first_paid.entry(row.get(0)?).or_insert(paid_at);
            *first = paid_at.min(*first);
        }
        let mut known: HashSet<String> = HashSet::new();
        let mut outside = rows.prepare(&format!(
            "SELECT o.buyer, o.settled_at_ms FROM items AS i CROSS JOIN orders AS o
             ON o.key >= i.number << {REVISION_BITS} AND o.key < (i.number + 1) << {REVISION_BITS}
             WHERE i.sale_id <> ? AND o.state = {PAID}"
        ))?;
        let mut outside = outside.query([sale])?;
        while let Some(row) = outside.next()? {
            let (buyer, paid_at) = (row.get_ref(0)?.as_str()?, row.get::<_, i64>(1)?);
            let earlier = first_paid.get(buyer).is_some_and(|first| paid_at < *first);
            if earlier && !known.contains(buyer) {
                known.insert(buyer.to_owned());
            }
        }
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Self { paying: count(first_paid.len()), new: count(first_paid.len() - known.len()) })
    }
}
