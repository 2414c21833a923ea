//! Stock, demand, refusals, items and holds.

use super::Writing;
use crate::{
    events::AttemptOutcome,
    pages::{
        bins::{Bins, TABLE_BINS},
        charts::{self, Bar, Ink, Measure, OverTime, Series},
        document::{Block, Cell, Chart, Column, Section, Table, Tile},
        numbers::{Clock, group, percent},
        post_mortem::ItemFacts,
        words::{Definition, Sentence, Term, fill},
    },
    reports::{DueSum, SalesFigures, share_ppm},
    values::{UnixMs, number_of},
};

/// A chart over time and how it is drawn.
pub struct Drawn<'a, const N: usize> {
    pub file: &'static str,
    pub title: String,
    pub bins: &'a Bins<N>,
    /// From the first, at the bottom, to the last: the colour, the word, and the column's name.
    pub series: [(Ink, Term, &'static str); N],
    /// So many of the series, from the first, can be added up over time. Distinct visitors cannot, so
    /// where rows are put together they are left out.
    pub adding: usize,
    pub draw: fn(&OverTime<'_>) -> String,
}

/// A chart over time with its rows.
pub fn over_time<const N: usize>(writing: &Writing<'_>, drawn: &Drawn<'_, N>) -> Block {
    let rows = drawn.bins.filled();
    let seconds: Vec<i64> = rows.iter().map(|(second, _)| *second).collect();
    let series: Vec<Series> = drawn
        .series
        .iter()
        .enumerate()
        .map(|(place, (ink, _, _))| Series {
            ink: *ink,
            values: rows.iter().map(|(_, values)| Some(values[place])).collect(),
        })
        .collect();
    let svg = (drawn.draw)(&OverTime {
        describes: &drawn.title,
        seconds: &seconds,
        width: drawn.bins.width(),
        series: &series,
        marks: &writing.marks,
        clock: writing.clock,
        measure: Measure::Count,
    });
    let coarse = drawn.bins.coarser(TABLE_BINS);
    let behind = match coarse.width() == drawn.bins.width() {
        true => writing.word(Term::Behind).to_owned(),
        false => {
            let file = format!("charts/{}.csv", drawn.file);
            fill(writing.word(Term::BehindMore), &[("file", &file)])
        }
    };
    Block::Chart(Chart {
        file: drawn.file,
        title: drawn.title.clone(),
        svg,
        legend: drawn.series.iter().map(|(ink, term, _)| (*ink, writing.word(*term))).collect(),
        behind,
        table: match coarse.width() == drawn.bins.width() {
            true => time_table(writing, drawn, &coarse, N),
            false => time_table(writing, drawn, &coarse, drawn.adding),
        },
        rows: time_table(writing, drawn, drawn.bins, N),
    })
}

fn time_table<const N: usize>(
    writing: &Writing<'_>,
    drawn: &Drawn<'_, N>,
    bins: &Bins<N>,
    series: usize,
) -> Table {
    let mut columns = vec![Column::time(writing.word(Term::Time), "time")];
    let named =
        drawn.series.iter().map(|(_, term, name)| Column::number(writing.word(*term), name));
    columns.extend(named.take(series));
    let mut table = Table::new(columns);
    let rows = bins.filled().into_iter().map(|(second, values)| {
        let at = UnixMs(second.saturating_mul(1_000));
        let mut row = vec![Cell::named(writing.clock.moment(at), Clock::stamp(at))];
        row.extend(values.into_iter().take(series).map(Cell::count));
        row
    });
    table.rows = rows.collect();
    table
}

/// Stock over time.
pub fn stock(writing: &Writing<'_>) -> Section {
    let facts = writing.facts;
    let title = writing.word(Term::StockTitle);
    let mut blocks = Vec::new();
    if facts.stock_curve.is_empty() {
        blocks.push(Block::Note(writing.word(Term::NoOrders).to_owned()));
        return Section { anchor: "stock", title, blocks };
    }
    blocks.push(Block::Paragraph(writing.sentence(Sentence::StockLead, &[])));
    let series = [
        (Ink::First, Term::Sold, "sold_units"),
        (Ink::Second, Term::Held, "held_units"),
        (Ink::Third, Term::Available, "available_units"),
    ];
    let draw = charts::stacked;
    let mut curves = vec![("stock", &facts.stock_curve)];
    if let Some(rush) = &facts.rush
        && !rush.stock_curve.is_empty()
    {
        curves.insert(0, ("stock-rush", &rush.stock_curve));
    }
    for (file, bins) in curves {
        let title = chart_title(writing, title, file == "stock-rush", bins.width());
        blocks.push(over_time(
            writing,
            &Drawn { file, title, bins, series, adding: series.len(), draw },
        ));
    }
    if facts.stock.held > 0 {
        let n = group(facts.stock.held);
        blocks.push(Block::Note(writing.sentence(Sentence::Unfinished, &[("n", &n)])));
    }
    Section { anchor: "stock", title, blocks }
}

/// What a chart over time is called: whose, which part, and how long a step is.
fn chart_title(writing: &Writing<'_>, title: &str, rush: bool, width: i64) -> String {
    let steps = in_steps(writing, width);
    match (rush, writing.facts.rush.is_some()) {
        (true, _) => format!("{title} · {}, {steps}", writing.word(Term::TheRush)),
        (false, true) => format!("{title} · {}, {steps}", writing.word(Term::TheWhole)),
        (false, false) => format!("{title}, {steps}"),
    }
}

/// How long a step of a chart is, in seconds.
pub fn in_steps(writing: &Writing<'_>, width: i64) -> String {
    let step = writing.span(width.saturating_mul(1_000));
    fill(writing.word(Term::InSteps), &[("n", &step)])
}

/// Demand over time.
pub fn demand(writing: &Writing<'_>) -> Section {
    let facts = writing.facts;
    let title = writing.word(Term::DemandTitle);
    let mut blocks = Vec::new();
    if facts.demand.is_empty() {
        blocks.push(Block::Note(writing.word(Term::NoDemand).to_owned()));
        return Section { anchor: "demand", title, blocks };
    }
    blocks.push(Block::Paragraph(writing.sentence(Sentence::DemandLead, &[])));
    let series = [
        (Ink::First, Term::Met, "met"),
        (Ink::Fifth, Term::Repeats, "repeats"),
        (Ink::Fourth, Term::RefusedOtherwise, "refused_otherwise"),
        (Ink::Second, Term::Unmet, "unmet"),
    ];
    let draw = charts::stacked;
    let mut curves = vec![("demand", &facts.demand)];
    if let Some(rush) = &facts.rush {
        curves.insert(0, ("demand-rush", &rush.demand));
    }
    for (file, bins) in curves {
        let title = chart_title(writing, title, file == "demand-rush", bins.width());
        blocks.push(over_time(
            writing,
            &Drawn { file, title, bins, series, adding: series.len(), draw },
        ));
    }
    Section { anchor: "demand", title, blocks }
}

/// Refusals by reason.
pub fn refusals(writing: &Writing<'_>) -> Section {
    let refusals = &writing.facts.refusals;
    let title = writing.word(Term::RefusalsTitle);
    let mut table = Table::new(vec![
        Column::text(writing.word(Term::Reason), "reason").defined(Definition::Refusal),
        Column::number(writing.word(Term::Attempts), "attempts").defined(Definition::Attempts),
        Column::number(writing.word(Term::Share), "share_of_attempts_ppm"),
    ]);
    let mut reasons = refusals.by_reason.clone();
    reasons.sort_by_key(|(_, attempts)| std::cmp::Reverse(*attempts));
    let mut bars = Vec::new();
    for (reason, attempts) in reasons {
        let (term, plain) = reason_name(reason);
        let share = share_ppm(attempts, refusals.attempts);
        let name = writing.word(term).to_owned();
        let shown = format!("{} ({})", group(attempts), percent(share));
        bars.push(Bar { name: name.clone(), value: attempts, shown });
        table.rows.push(vec![Cell::named(name, plain), Cell::count(attempts), Cell::share(share)]);
    }
    if bars.is_empty() {
        let block = Block::Note(writing.word(Term::NoRefusals).to_owned());
        return Section { anchor: "refusals", title, blocks: vec![block] };
    }
    let svg = charts::bars(title, &bars, Ink::Second);
    let block = bar_chart(writing, "refusals", title, svg, table);
    Section { anchor: "refusals", title, blocks: vec![block] }
}

/// A chart of bars with its rows.
pub fn bar_chart(
    writing: &Writing<'_>,
    file: &'static str,
    title: &str,
    svg: String,
    table: Table,
) -> Block {
    let behind = writing.word(Term::Behind).to_owned();
    let (title, rows) = (title.to_owned(), table.clone());
    Block::Chart(Chart { file, title, svg, legend: Vec::new(), behind, table, rows })
}

fn reason_name(reason: AttemptOutcome) -> (Term, &'static str) {
    match reason {
        AttemptOutcome::Placed => (Term::Placed, "placed"),
        AttemptOutcome::Repeated => (Term::Repeats, "repeated"),
        AttemptOutcome::SoldOut => (Term::SoldOut, "sold_out"),
        AttemptOutcome::NotEnoughUnits => (Term::NotEnoughUnits, "not_enough_units"),
        AttemptOutcome::NotOpenYet => (Term::NotOpenYet, "not_open_yet"),
        AttemptOutcome::Closed => (Term::ClosedReason, "closed"),
        AttemptOutcome::Paused => (Term::PausedReason, "paused"),
        AttemptOutcome::OverBuyerLimit => (Term::OverBuyerLimit, "over_buyer_limit"),
        AttemptOutcome::OverOrderLimit => (Term::OverOrderLimit, "over_order_limit"),
        AttemptOutcome::NotEligible => (Term::NotEligible, "not_eligible"),
        AttemptOutcome::GiftGone => (Term::GiftGone, "gift_gone"),
        AttemptOutcome::PriceChanged => (Term::PriceChanged, "price_changed"),
    }
}

/// What each item sold.
pub fn items(writing: &Writing<'_>) -> Section {
    let facts = writing.facts;
    let word = |term: Term| writing.word(term);
    let mut columns = vec![
        Column::text(word(Term::Sku), "sku"),
        Column::text(word(Term::Title), "title"),
        Column::number(word(Term::Allocated), "allocated_units").defined(Definition::Stock),
        Column::number(word(Term::Placed), "orders_placed").defined(Definition::Orders),
        Column::number(word(Term::Paid), "orders_paid"),
        Column::number(word(Term::Expired), "orders_expired"),
        Column::number(word(Term::Sold), "units_sold").defined(Definition::UnitsSold),
        Column::number(word(Term::SellThrough), "sell_through_ppm"),
        Column::number(word(Term::Revenue), "revenue_minor").defined(Definition::Revenue),
        Column::time(word(Term::SoldOutAt), "sold_out_time").defined(Definition::SoldOutTime),
    ];
    if has_refunds(writing) {
        // Beside the revenue, which is net.
        columns.insert(9, Column::number(word(Term::Gross), "gross_minor"));
    }
    let mut table = Table::new(columns);
    let shown = facts.items.iter();
    table.rows = shown
        .map(|ItemFacts { figures, .. }| {
            item_row(writing, Cell::text(&figures.sku), &figures.title, figures)
        })
        .collect();
    if facts.items_count > 1 {
        let all = Cell::named(all_items(writing), "(all)");
        table.total = Some(item_row(writing, all, "", &facts.total));
    }
    let block = match table.is_empty() {
        true => Block::Note(word(Term::NoOrders).to_owned()),
        false => Block::Table(table),
    };
    Section { anchor: "items", title: word(Term::ItemsTitle), blocks: vec![block] }
}

/// Whether money of paid orders went back, so that revenue has a gross beside it.
fn has_refunds(writing: &Writing<'_>) -> bool {
    writing.facts.total.refunded_minor != 0
}

/// What the row over all items is called: it says how many of them are not shown.
pub fn all_items(writing: &Writing<'_>) -> String {
    let shown = number_of(writing.facts.items.len());
    let hidden = writing.facts.items_count - shown;
    let all = writing.word(Term::AllItems);
    if hidden == 0 {
        return all.to_owned();
    }
    format!("{all} ({})", fill(writing.word(Term::RestOfItems), &[("n", &group(hidden))]))
}

fn item_row(writing: &Writing<'_>, sku: Cell, title: &str, figures: &SalesFigures) -> Vec<Cell> {
    let sold_out = figures.sold_out_at.filter(|_| figures.allocated_units > 0);
    let sold_out = match sold_out {
        Some(at) => Cell::named(writing.clock.moment(at), Clock::stamp(at)),
        None => Cell::named(writing.word(Term::Nothing), ""),
    };
    let currency = &writing.facts.sale.currency;
    let mut row = vec![
        sku,
        Cell::text(title),
        Cell::count(figures.allocated_units),
        Cell::count(figures.orders_placed),
        Cell::count(figures.orders_paid),
        Cell::count(figures.orders_expired),
        Cell::count(figures.units_sold),
        Cell::bar(share_ppm(figures.units_sold, figures.allocated_units)),
        Cell::amount(figures.revenue_minor, currency),
        sold_out,
    ];
    if has_refunds(writing) {
        row.insert(9, Cell::amount(figures.gross_minor(), currency));
    }
    row
}

/// What became of holds, and what that cost.
pub fn holds(writing: &Writing<'_>) -> Section {
    let holds = &writing.facts.holds;
    let title = writing.word(Term::HoldsTitle);
    if holds.holds_placed == 0 {
        let block = Block::Note(writing.word(Term::NoOrders).to_owned());
        return Section { anchor: "holds", title, blocks: vec![block] };
    }
    let word = |term: Term| writing.word(term);
    let outcomes = [
        (Term::Paid, "paid", holds.holds_paid),
        (Term::Expired, "expired", holds.holds_expired),
        (Term::Cancelled, "cancelled", holds.holds_cancelled),
        (Term::HoldsOpen, "open", holds.holds_open),
    ];
    let mut table = Table::new(vec![
        Column::text(word(Term::HoldsTitle), "outcome"),
        Column::number(word(Term::OrdersCount), "holds").defined(Definition::Holds),
        Column::number(word(Term::Share), "share_ppm"),
    ]);
    let mut bars = Vec::new();
    for (term, plain, count) in outcomes {
        let share = share_ppm(count, holds.holds_placed);
        let shown = format!("{} ({})", group(count), percent(share));
        bars.push(Bar { name: word(term).to_owned(), value: count, shown });
        let name = Cell::named(word(term), plain);
        table.rows.push(vec![name, Cell::count(count), Cell::share(share)]);
    }
    let svg = charts::bars(title, &bars, Ink::First);
    let chart = bar_chart(writing, "holds", title, svg, table);
    Section { anchor: "holds", title, blocks: vec![Block::Facts(hold_tiles(writing)), chart] }
}

fn hold_tiles(writing: &Writing<'_>) -> Vec<Tile> {
    let holds = &writing.facts.holds;
    let word = |term: Term| writing.word(term);
    let of_placed = format!("{} / {}", group(holds.holds_expired), group(holds.holds_placed));
    let (time_to_pay, slowest) = time_to_pay(writing);
    let tile = |name: Term, value: String, note: String, definition: Definition| Tile {
        name: word(name),
        value,
        note,
        definition,
    };
    vec![
        tile(Term::ExpiredShare, percent(holds.expired_share_ppm), of_placed, Definition::Holds),
        tile(Term::TimeToPay, time_to_pay, slowest, Definition::Holds),
        tile(
            Term::UnitsLost,
            group(holds.unit_seconds_lost),
            format!("{} {}", word(Term::UnitsReleased), group(holds.units_released)),
            Definition::UnitSeconds,
        ),
        tile(
            Term::UnitsResold,
            group(holds.units_resold),
            format!("{} {}", word(Term::HoldsOpen), group(holds.holds_open)),
            Definition::UnitSeconds,
        ),
        // Money that is owed must not depend on what else mattered.
        tile(
            Term::RefundsDue,
            writing.money(writing.facts.refunds.open.amount_minor),
            refunds(writing),
            Definition::RefundsDue,
        ),
    ]
}

/// How many are open, and what of all that was due is settled.
fn refunds(writing: &Writing<'_>) -> String {
    let refunds = &writing.facts.refunds;
    let money = |sum: DueSum| writing.money(sum.amount_minor);
    let (n, due, settled) = (group(refunds.open.dues), money(refunds.due), money(refunds.settled));
    fill(writing.word(Term::DuesNote), &[("n", &*n), ("due", &due), ("settled", &settled)])
}

/// Percentiles of the times to pay; absent without payments, which is not 0 ms.
fn time_to_pay(writing: &Writing<'_>) -> (String, String) {
    let holds = &writing.facts.holds;
    if holds.holds_paid == 0 {
        return (writing.word(Term::Nothing).to_owned(), String::new());
    }
    let slowest = [holds.time_to_pay_p90_ms, holds.time_to_pay_p99_ms, holds.time_to_pay_max_ms];
    let [p90, p99, most] = slowest.map(|ms| writing.span(ms));
    let values = [("p90", p90.as_str()), ("p99", &p99), ("most", &most)];
    (writing.span(holds.time_to_pay_p50_ms), fill(writing.word(Term::HalfPaid), &values))
}
