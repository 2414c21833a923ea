//! The comparison of two sales or periods: figure by figure, with the difference.

use rusqlite::OptionalExtension;

use crate::{
    projections::{Checkpoint, sales},
    reports::{Demand, ReportError, Reports, TimelineSecond, Whose, share_ppm},
    values::{Invalid, SaleId, UnixMs},
};

/// A sale between two moments; the whole of it where they are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub sale_id: SaleId,
    /// The second that this moment lies in is the first.
    pub from: Option<UnixMs>,
    /// Seconds that start at or after this moment are left out.
    pub until: Option<UnixMs>,
}

/// One figure of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Its name, for example `orders_paid`; the unit is in the name.
    pub figure: &'static str,
    pub value: i64,
    pub baseline: i64,
    /// value - baseline.
    pub difference: i64,
    /// difference / baseline in parts per million; absent where the baseline is 0.
    pub change_ppm: Option<i64>,
}

/// Two periods side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub figures: Vec<Compared>,
    /// Money is compared only where both are sold in the same currency.
    pub currency: Option<String>,
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// Compares a period with a baseline.
    pub fn compare(&self, period: Period, baseline: Period) -> Result<Comparison, ReportError> {
        let (value, checkpoint) = self.period_sum("sale_id", period)?;
        let (base, _) = self.period_sum("baseline_sale_id", baseline)?;
        let other = self.currency(baseline.sale_id)?;
        let currency = self.currency(period.sale_id)?.filter(|code| other.as_ref() == Some(code));
        let figures = figures(&value).into_iter().zip(figures(&base));
        // Orders of a part of a sale are paid in another part: only whole sales have these shares.
        let whole = [period, baseline].iter().all(|p| p.from.is_none() && p.until.is_none());
        let figures = figures.filter(|((name, _), _)| {
            (currency.is_some() || *name != REVENUE) && (whole || !SHARES.contains(name))
        });
        let figures = figures.map(|((figure, value), (_, baseline))| {
            let difference = value.saturating_sub(baseline);
            let change_ppm = (baseline != 0).then(|| share_ppm(difference, baseline));
            Compared { figure, value, baseline, difference, change_ppm }
        });
        Ok(Comparison { figures: figures.collect(), currency, checkpoint })
    }

    fn period_sum(
        &self,
        field: &'static str,
        period: Period,
    ) -> Result<(TimelineSecond, Checkpoint), ReportError> {
        if period.from.zip(period.until).is_some_and(|(from, until)| until < from) {
            return Err(Invalid::new(field, "has a period that ends before it starts").into());
        }
        let sum = self.timeline_sum(Whose::Sale(period.sale_id), period.from, period.until);
        sum.map_err(|error| match error {
            ReportError::NotFound(_) => ReportError::NotFound(field),
            other => other,
        })
    }

    fn currency(&self, sale_id: SaleId) -> Result<Option<String>, ReportError> {
        self.ask(sales::NAME, sales::VERSION, |rows, _| {
            let currency = "SELECT currency FROM sales WHERE sale_id = ?";
            let id = sale_id.0.as_bytes().as_slice();
            Ok(rows.query_row(currency, [id], |row| row.get(0)).optional()?)
        })
    }
}

const REVENUE: &str = "revenue_minor";
const SHARES: [&str; 2] = ["paid_share_ppm", "expired_share_ppm"];

fn figures(sum: &TimelineSecond) -> Vec<(&'static str, i64)> {
    let demand = Demand::from(sum);
    vec![
        ("attempts", demand.attempts),
        ("attempts_unmet", demand.unmet),
        ("units_unmet", demand.units_unmet),
        ("attempts_refused_otherwise", demand.refused_otherwise),
        ("units_allocated", sum.units_allocated),
        ("orders_placed", sum.orders_placed),
        ("units_placed", sum.units_placed),
        ("orders_paid", sum.orders_paid),
        ("units_sold", sum.units_sold()),
        (REVENUE, sum.revenue_minor),
        ("orders_cancelled", sum.orders_cancelled),
        ("orders_expired", sum.orders_expired),
        ("refunds_due", sum.refunds_due),
        ("paid_share_ppm", share_ppm(sum.orders_paid, sum.orders_placed)),
        ("expired_share_ppm", share_ppm(sum.orders_expired, sum.orders_placed)),
    ]
}
