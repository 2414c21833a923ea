//! All data of a post-mortem, queried from the read models.
//!
//! Only answers of reports and sums of them: every figure here is available in a report. Parts that
//! a sale does not have (goals, traffic, orders) are absent. Nothing is kept per order, and per
//! second only until it is in a bin, so memory does not grow with the sale.

use std::collections::HashMap;

use super::{
    bins::Bins,
    curves::{demand, stock_curve, traffic},
    paged::{each, of_sale},
};
use crate::{
    reports::{
        ActLine, ActsQuery, AlertLine, AlertsQuery, Attribution, CouponReport, DemandTotal, Funnel,
        GoalAttainment, HoldFigures, HoldsQuery, Impact, ImpactUntil, IncidentRecord,
        IncidentsQuery, ListSalesQuery, Paging, Paths, Portrait, RefundFigures, RefundReportQuery,
        Refusals, RefusalsQuery, ReportError, Reports, Retention, RetentionQuery, SaleLine,
        SalesFigures, SalesSummaryQuery, ServiceLevelLine, ServiceLevelsQuery, Shoppers, SoldOut,
        StockLevelsQuery, TrafficFigures, Whose,
    },
    values::{ItemId, SaleId, UnixMs, count_of, wide},
};

/// Items that are shown one by one.
pub const ITEMS_SHOWN: usize = 50;
/// Acts of operators that are shown.
pub const ACTS_SHOWN: usize = 200;
/// Incidents that are shown; alerts and levels in the timeline.
pub const INCIDENTS_SHOWN: usize = 50;
/// Rows of channels, paths and other sales that are shown.
pub const ROWS_SHOWN: i32 = 20;

/// How far a sale has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    NotOpenYet,
    Running,
    /// Its last window is over, or it was closed by hand.
    Over,
}

impl Stage {
    /// Of a sale at that moment.
    pub fn of(sale: &SaleLine, now: UnixMs) -> Self {
        if sale.closed || now >= sale.closes_at {
            Self::Over
        } else if now < sale.opens_at {
            Self::NotOpenYet
        } else {
            Self::Running
        }
    }
}

/// A sale, afterwards; of one that is not over, its figures so far.
#[derive(Debug, Clone)]
pub struct PostMortem {
    pub sale: SaleLine,
    /// How far it had come when it was asked about. Nothing is judged before it is over.
    pub stage: Stage,
    /// When that was.
    pub asked_at: UnixMs,
    /// Position of the log that the figures are of.
    pub position: u64,
    /// Over all items.
    pub total: SalesFigures,
    /// Units of all items.
    pub stock: Units,
    /// Those with most revenue, then most units sold, then in the order in which they were added.
    pub items: Vec<ItemFacts>,
    /// Of the sale.
    pub items_count: i64,
    /// Items whose units do not add up, shown or not.
    pub unbalanced_items: i64,
    /// Available, held and sold units.
    pub stock_curve: Bins<3>,
    pub sell_through_ppm: i64,
    /// The first second at whose end no unit of any item was available.
    pub first_empty: Option<i64>,
    /// Times without stock, item by item.
    pub sold_outs: Vec<SoldOut>,
    /// Attempts that were met, repeated, refused otherwise, unmet.
    pub demand: Bins<4>,
    pub demand_total: DemandTotal,
    /// The second with most attempts.
    pub peak: Option<(i64, i64)>,
    /// The part with most of the attempts, if that is a small part of the time.
    pub rush: Option<Rush>,
    pub refusals: Refusals,
    pub holds: HoldFigures,
    /// Money due back: ever due, settled, open.
    pub refunds: RefundFigures,
    /// Batches of coupons, and the limit per buyer over all items.
    pub coupons: CouponReport,
    pub goals: GoalAttainment,
    pub acts: Vec<ActLine>,
    pub acts_left_out: bool,
    /// Oldest first.
    pub incidents: Vec<IncidentFacts>,
    pub incidents_left_out: bool,
    /// Alerts of the sale, oldest first.
    pub alerts: Vec<AlertLine>,
    /// Changes of the service's level while the sale was there, oldest first.
    pub levels: Vec<ServiceLevelLine>,
    pub traffic: TrafficFigures,
    /// Page views and visitors. Visitors of several minutes do not add up: see `visitors_by_minute`.
    pub minutes: Bins<2>,
    pub funnel: Funnel,
    pub attribution: Attribution,
    pub portrait: Portrait,
    pub paths: Paths,
    pub retention: Retention,
    /// What the verifier said, if it was asked.
    pub proof: Option<ProofFacts>,
}

/// Units of an item or of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    pub allocated: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
}

impl Units {
    /// Whether they add up.
    pub fn balanced(self) -> bool {
        let Self { allocated, available, held, sold } = self;
        available >= 0 && available.saturating_add(held).saturating_add(sold) == allocated
    }

    fn add(&mut self, more: Self) {
        self.allocated = self.allocated.saturating_add(more.allocated);
        self.available = self.available.saturating_add(more.available);
        self.held = self.held.saturating_add(more.held);
        self.sold = self.sold.saturating_add(more.sold);
    }
}

/// One incident and what it cost.
#[derive(Debug, Clone)]
pub struct IncidentFacts {
    pub record: IncidentRecord,
    pub impact: Impact,
}

/// One item.
#[derive(Debug, Clone)]
pub struct ItemFacts {
    pub figures: SalesFigures,
    pub units: Units,
}

/// Most of the attempts, in a small part of the time.
#[derive(Debug, Clone)]
pub struct Rush {
    pub demand: Bins<4>,
    pub stock_curve: Bins<3>,
}

/// What the verifier said of the whole log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofFacts {
    pub events: u64,
    pub items: u64,
    pub orders: u64,
    /// Whether the store keeps hash chains, and how many were recomputed.
    pub chained: bool,
    pub chains: u64,
    /// Problems, at most a hundred of them.
    pub problems: Vec<String>,
    pub more_problems: u64,
}

impl ProofFacts {
    /// How many problems there are.
    pub fn problems_count(&self) -> i64 {
        count_of(wide(self.problems.len()) + self.more_problems)
    }
}

impl PostMortem {
    /// Asks everything about a sale; `now` says whether it is over.
    pub fn of(
        reports: &Reports,
        sale_id: SaleId,
        proof: Option<ProofFacts>,
        now: UnixMs,
    ) -> Result<Self, ReportError> {
        let sale = sale_line(reports, sale_id)?;
        let whose = Whose::Sale(sale_id);
        let sums = Sums::of(reports, sale_id)?;
        let asked = demand(reports, sale_id)?;
        let opening = sale.opens_at.second();
        let from = asked.first.map_or(opening, |first| first.min(opening));
        let curve = stock_curve(reports, whose, from, asked.rush)?;
        let (traffic, minutes) = traffic(reports, sale_id)?;
        let (acts, acts_left_out) = acts(reports, whose)?;
        let (incidents, incidents_left_out) = incidents(reports, sale_id)?;
        let (alerts, levels) = around(reports, &sale)?;
        let Shoppers { funnel, attribution, portrait, paths } =
            reports.shoppers(sale_id, ROWS_SHOWN)?;
        let rush = asked
            .rush
            .is_some()
            .then_some(Rush { demand: asked.rushed, stock_curve: curve.rushed });
        Ok(Self {
            position: sums.position,
            total: sums.total,
            stock: sums.units,
            items: sums.items,
            items_count: sums.items_count,
            unbalanced_items: sums.unbalanced,
            stock_curve: curve.bins,
            sell_through_ppm: curve.sell_through_ppm,
            first_empty: curve.first_empty,
            sold_outs: curve.sold_outs,
            demand: asked.bins,
            demand_total: absent(reports.demand_total(&of_sale(sale_id)))?,
            peak: asked.peak,
            rush,
            refusals: refusals(reports, whose)?,
            holds: holds(reports, whose)?,
            refunds: refunds(reports, &sale, now)?,
            coupons: reports.sale_coupons(sale_id)?,
            goals: reports.goal_attainment(sale_id)?,
            acts,
            acts_left_out,
            incidents,
            incidents_left_out,
            alerts,
            levels,
            traffic,
            minutes,
            funnel,
            attribution,
            portrait,
            paths,
            retention: reports.retention(&RetentionQuery { sale_id, paging: rows(ROWS_SHOWN) })?,
            proof,
            stage: Stage::of(&sale, now),
            asked_at: now,
            sale,
        })
    }

    /// How long after the opening a second was over, in ms; 0 if that was before it.
    pub fn after_opening(&self, second: i64) -> i64 {
        let over = second.saturating_add(1).saturating_mul(1_000);
        over.saturating_sub(self.sale.opens_at.0).max(0)
    }

    /// Whether each bin of `minutes` is one minute, so that its visitors are distinct.
    pub fn visitors_by_minute(&self) -> bool {
        self.minutes.width() == 60
    }
}

/// The first rows of an answer.
fn rows(page_size: i32) -> Paging {
    Paging { page_size, page_token: String::new() }
}

fn refusals(reports: &Reports, whose: Whose) -> Result<Refusals, ReportError> {
    let query = RefusalsQuery { whose, paging: rows(1) };
    absent(reports.refusals(&query).map(|found| found.total))
}

fn holds(reports: &Reports, whose: Whose) -> Result<HoldFigures, ReportError> {
    let query = HoldsQuery { whose, paging: rows(1) };
    absent(reports.holds(&query).map(|found| found.total))
}

fn refunds(reports: &Reports, sale: &SaleLine, now: UnixMs) -> Result<RefundFigures, ReportError> {
    let query = RefundReportQuery { sale_id: Some(sale.sale_id), item_id: None, now };
    let totals = absent(reports.refund_report(&query).map(|report| report.totals))?;
    let total = totals.into_iter().next();
    Ok(total.unwrap_or_else(|| RefundFigures::new(&sale.currency, None)))
}

/// The answer about a sale that has no items yet is that there is nothing.
fn absent<T: Default>(answer: Result<T, ReportError>) -> Result<T, ReportError> {
    match answer {
        Err(ReportError::NotFound(_)) => Ok(T::default()),
        answered => answered,
    }
}

fn sale_line(reports: &Reports, sale_id: SaleId) -> Result<SaleLine, ReportError> {
    let mut found = None;
    let page = |paging| reports.list_sales(&ListSalesQuery { paging });
    each(1_000, page, |line| {
        if line.sale_id == sale_id {
            found = Some(line);
        }
    })?;
    found.ok_or(ReportError::NotFound("sale_id"))
}

/// What a sale sold, item by item and in all.
struct Sums {
    total: SalesFigures,
    units: Units,
    items: Vec<ItemFacts>,
    items_count: i64,
    unbalanced: i64,
    position: u64,
}

impl Sums {
    fn of(reports: &Reports, sale_id: SaleId) -> Result<Self, ReportError> {
        let mut levels: HashMap<ItemId, Units> = HashMap::new();
        let page = |paging| {
            let sale_id = Some(sale_id);
            reports.stock_levels(&StockLevelsQuery { sale_id, item_id: None, paging })
        };
        each(1_000, page, |level| {
            let units = Units {
                allocated: level.allocated_units,
                available: level.available_units,
                held: level.held_units,
                sold: level.sold_units,
            };
            levels.insert(level.item_id, units);
        })?;
        let mut sums = Self {
            total: SalesFigures::default(),
            units: Units::default(),
            items: Vec::new(),
            items_count: 0,
            unbalanced: 0,
            position: 0,
        };
        let mut token = String::new();
        loop {
            let paging = Paging { page_size: 1_000, page_token: token };
            let summary = reports.sales_summary(&SalesSummaryQuery { sale_id, paging })?;
            sums.position = summary.checkpoint.position.0;
            sums.total = summary.total;
            for figures in summary.items {
                let units = figures.item_id.and_then(|id| levels.get(&id)).copied();
                sums.add(ItemFacts { figures, units: units.unwrap_or_default() });
            }
            token = summary.next_page_token;
            if token.is_empty() {
                return Ok(sums);
            }
        }
    }

    fn add(&mut self, item: ItemFacts) {
        self.items_count += 1;
        self.unbalanced += i64::from(!item.units.balanced());
        self.units.add(item.units);
        self.items.push(item);
        // A stable order: equals stay in the order in which they were added.
        self.items.sort_by_key(|item| {
            std::cmp::Reverse((item.figures.revenue_minor, item.figures.units_sold))
        });
        self.items.truncate(ITEMS_SHOWN);
    }
}

fn acts(reports: &Reports, whose: Whose) -> Result<(Vec<ActLine>, bool), ReportError> {
    let paging = Paging { page_size: i32::try_from(ACTS_SHOWN).unwrap_or(0), ..Paging::default() };
    let page = reports.acts(&ActsQuery { whose, planned: false, paging })?;
    let mut rows = page.rows;
    // Items act side by side: their order in the log is not always that of time.
    rows.sort_by_key(|act| act.at);
    Ok((rows, !page.next_page_token.is_empty()))
}

/// The first incidents of a sale. A page knows of no clock: those that are open cost until the last
/// event that is known.
fn incidents(
    reports: &Reports,
    sale_id: SaleId,
) -> Result<(Vec<IncidentFacts>, bool), ReportError> {
    let mut ids = Vec::new();
    let page =
        |paging| reports.incidents(&IncidentsQuery { sale_id: Some(sale_id), open: false, paging });
    each(1_000, page, |line| ids.push(line.incident_id))?;
    ids.reverse();
    let left_out = ids.len() > INCIDENTS_SHOWN;
    ids.truncate(INCIDENTS_SHOWN);
    let mut incidents = Vec::with_capacity(ids.len());
    for id in ids {
        let record = reports.incident(id)?;
        let (impact, _) = reports.impact(&record.incident, ImpactUntil::LastEvent)?;
        incidents.push(IncidentFacts { record, impact });
    }
    Ok((incidents, left_out))
}

/// Alerts of the sale, and changes of the level from its opening to its planned end; of each the
/// last ones.
fn around(
    reports: &Reports,
    sale: &SaleLine,
) -> Result<(Vec<AlertLine>, Vec<ServiceLevelLine>), ReportError> {
    let most = || rows(i32::try_from(INCIDENTS_SHOWN).unwrap_or(0));
    let query = AlertsQuery { sale_id: Some(sale.sale_id), firing_only: false, paging: most() };
    let mut alerts = reports.alerts(&query)?.rows;
    alerts.reverse();
    let mut levels = reports.levels(&ServiceLevelsQuery { paging: most() })?.rows;
    levels.retain(|level| level.from >= sale.opens_at && level.from <= sale.closes_at);
    levels.reverse();
    Ok((alerts, levels))
}
