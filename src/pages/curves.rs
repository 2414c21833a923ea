//! Figures over time for a post-mortem: demand, stock and traffic, second by second into bins.
//!
//! Each is one walk over an answer's pages. A second is kept only until it is in a bin, beside sixteen
//! bytes of it to find the rush with.

use super::{
    bins::{Bins, Keep},
    paged::{each, of_sale},
};
use crate::{
    reports::{
        Demand, Page, ReportError, Reports, SoldOut, StockCurveQuery, StockPoint, TimelineQuery,
        TrafficFigures, TrafficGrouping, TrafficQuery, Whose,
    },
    values::{SaleId, UnixMs},
};

/// Demand by second, on its way into bins.
pub struct Asked {
    pub bins: Bins<4>,
    pub rushed: Bins<4>,
    pub first: Option<i64>,
    pub peak: Option<(i64, i64)>,
    /// From and until, in seconds.
    pub rush: Option<(i64, i64)>,
}

pub fn demand(reports: &Reports, sale_id: SaleId) -> Result<Asked, ReportError> {
    let mut asked = Asked {
        bins: Bins::new(Keep::Sum),
        rushed: Bins::new(Keep::Sum),
        first: None,
        peak: None,
        rush: None,
    };
    // Attempts up to each second that had any: 16 bytes a second of a sale.
    let mut sums: Vec<(i64, i64)> = Vec::new();
    let query = of_sale(sale_id);
    let page = |from: Option<i64>, until: Option<i64>, paging| {
        let (from, until) = (from.map(in_ms), until.map(in_ms));
        let query = TimelineQuery { from, until, paging, ..query.clone() };
        absent_page(reports.demand(&query))
    };
    each(
        10_000,
        |paging| page(None, None, paging),
        |(second, demand): (i64, Demand)| {
            if demand.attempts == 0 && demand.met == 0 {
                return;
            }
            asked.first = asked.first.or(Some(second));
            asked.bins.add(second, parts(&demand));
            if asked.peak.is_none_or(|(_, most)| demand.attempts > most) {
                asked.peak = Some((second, demand.attempts));
            }
            let before = sums.last().map_or(0, |(_, sum)| *sum);
            sums.push((second, before + demand.attempts));
        },
    )?;
    asked.rush = rush(&sums);
    if let Some((from, until)) = asked.rush {
        each(
            10_000,
            |paging| page(Some(from), Some(until), paging),
            |(second, demand)| {
                asked.rushed.add(second, parts(&demand));
            },
        )?;
    }
    Ok(asked)
}

fn parts(demand: &Demand) -> [i64; 4] {
    [demand.met, demand.repeats, demand.refused_otherwise, demand.unmet]
}

fn in_ms(second: i64) -> UnixMs {
    UnixMs(second.saturating_mul(1_000))
}

fn absent_page<T>(answer: Result<Page<T>, ReportError>) -> Result<Page<T>, ReportError> {
    match answer {
        Err(ReportError::NotFound(_)) => Ok(Page {
            rows: Vec::new(),
            next_page_token: String::new(),
            checkpoint: Default::default(),
        }),
        answered => answered,
    }
}

/// From the first second with an attempt, twice as long as nine of ten attempts took, if that is
/// less than half of the whole.
fn rush(sums: &[(i64, i64)]) -> Option<(i64, i64)> {
    let (first, _) = *sums.first()?;
    let (last, attempts) = *sums.last()?;
    let most = attempts - attempts / 10;
    let (end, _) = *sums.iter().find(|(_, sum)| *sum >= most)?;
    let until = first + 2 * (end - first + 1).max(5);
    ((until - first) * 2 < last - first).then_some((first, until))
}

/// A stock curve on its way into bins.
pub struct Curve {
    pub bins: Bins<3>,
    pub rushed: Bins<3>,
    pub sell_through_ppm: i64,
    pub first_empty: Option<i64>,
    pub sold_outs: Vec<SoldOut>,
}

pub fn stock_curve(
    reports: &Reports,
    whose: Whose,
    from: i64,
    rush: Option<(i64, i64)>,
) -> Result<Curve, ReportError> {
    let (mut sell_through_ppm, mut sold_outs) = (0, Vec::new());
    let page = |paging| {
        let answer = match reports.stock_curve(&StockCurveQuery { whose, paging }) {
            Err(ReportError::NotFound(_)) => return absent_page(Err(ReportError::NotFound(""))),
            answered => answered?,
        };
        sell_through_ppm = answer.sell_through_ppm;
        sold_outs = answer.sold_outs;
        let (rows, checkpoint) = (answer.points, answer.checkpoint);
        Ok(Page { rows, next_page_token: answer.next_page_token, checkpoint })
    };
    let (mut bins, mut rushed) = (Bins::new(Keep::Last), Bins::new(Keep::Last));
    let (mut early, mut before, mut first_empty) = (None, None, None);
    each(10_000, page, |point: StockPoint| {
        let units = [point.sold_units, point.held_units, point.available_units];
        // Units are often allocated days before: then the curve starts with what there was.
        if point.second < from {
            early = Some(units);
        } else {
            if let Some(units) = early.take() {
                bins.add(from, units);
            }
            bins.add(point.second, units);
        }
        if point.available_units == 0 && point.allocated_units > 0 && first_empty.is_none() {
            first_empty = Some(point.second);
        }
        match rush {
            Some((from, _)) if point.second < from => before = Some(units),
            Some((from, until)) if point.second < until => {
                // What there was before the rush stands at its beginning.
                if let Some(units) = before.take() {
                    rushed.add(from, units);
                }
                rushed.add(point.second, units);
            }
            Some(_) | None => {}
        }
    })?;
    if let Some(units) = early {
        bins.add(from, units);
    }
    Ok(Curve { bins, rushed, sell_through_ppm, first_empty, sold_outs })
}

pub fn traffic(
    reports: &Reports,
    sale_id: SaleId,
) -> Result<(TrafficFigures, Bins<2>), ReportError> {
    let mut minutes = Bins::new(Keep::Sum).of_at_least(60);
    let mut total = TrafficFigures::default();
    let page = |paging| {
        let traffic = reports.traffic(&TrafficQuery {
            sale_id: Some(sale_id),
            by: TrafficGrouping::Minute,
            from: None,
            until: None,
            paging,
        })?;
        total = traffic.total;
        let (rows, checkpoint) = (traffic.rows, traffic.checkpoint);
        Ok(Page { rows, next_page_token: traffic.next_page_token, checkpoint })
    };
    each(10_000, page, |row| {
        if let Some(minute) = row.minute {
            minutes.add(minute.second(), [row.figures.views, row.figures.visitors]);
        }
    })?;
    Ok((total, minutes))
}
