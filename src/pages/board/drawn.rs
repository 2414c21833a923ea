//! The charts of a live page, and the rows behind each of them.
//!
//! A chart goes to every page once a second, so it is small; its rows are loaded on demand.

use std::fmt::Write as _;

use super::{
    panels::bar,
    say::{Say, close_table, element, open_table, row},
    words::Word,
};
use crate::{
    pages::{
        charts::{Frame, Ink, Measure, OverTime, Series, lines_within},
        escape,
        numbers::{Clock, group, percent},
        words::Term,
    },
    reports::{LatencySecond, Pulse, PulseSecond, Refused, planned_units, share_ppm},
    values::{UnixMs, capped},
};

/// Charts with rows behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    Stock,
    Rate,
    Latency,
    Funnel,
    Refusals,
}

impl Drawing {
    /// All of them, in their order on the page.
    pub const ALL: [Self; 5] =
        [Self::Stock, Self::Rate, Self::Latency, Self::Funnel, Self::Refusals];

    /// Its name in addresses, and the id of its place.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Rate => "rate",
            Self::Latency => "latency",
            Self::Refusals => "refusals",
            Self::Funnel => "funnel",
        }
    }

    /// What it shows.
    pub fn title(self) -> Word {
        match self {
            Self::Stock => Word::Stock,
            Self::Rate => Word::RateTitle,
            Self::Latency => Word::LatencyTitle,
            Self::Refusals => Word::RefusalsTitle,
            Self::Funnel => Word::FunnelTitle,
        }
    }

    /// The drawing. Latency is the node's, whichever sale is shown.
    pub fn draw(self, pulse: &Pulse, latency: &[LatencySecond], say: Say) -> String {
        match self {
            Self::Stock => stock(pulse, say),
            Self::Rate => rate(pulse, say),
            Self::Latency => latencies(latency, say),
            Self::Refusals => refusals(pulse, say),
            Self::Funnel => funnel(pulse, say),
        }
    }

    /// The rows that it was drawn from.
    pub fn rows(self, pulse: &Pulse, latency: &[LatencySecond], say: Say) -> String {
        match self {
            Self::Stock => stock_rows(pulse, say),
            Self::Rate => rate_rows(pulse, say),
            Self::Latency => latency_rows(latency, say),
            Self::Refusals => refusal_rows(pulse, say),
            Self::Funnel => funnel_rows(pulse, say),
        }
    }
}

const WIDE: Frame = Frame { width: 640, height: 220, rules: 5, filled: true };
const HALF: Frame = Frame { width: 480, height: 200, rules: 5, filled: false };
const LOW: Frame = Frame { width: 480, height: 160, rules: 5, filled: false };
const SMALL: Frame = Frame { width: 300, height: 110, rules: 3, filled: false };

/// Seconds that a pace is taken from.
const PACE_SECONDS: usize = 30;

fn nothing(say: Say) -> String {
    let mut out = String::new();
    element(&mut out, "p", "quiet empty", say.word(Word::NothingYet));
    out
}

fn legend(out: &mut String, of: &[(Ink, &str)]) {
    out.push_str("<p class=\"legend\">");
    for (ink, name) in of {
        let _ = write!(
            out,
            "<span><svg class=\"swatch\" viewBox=\"0 0 10 10\" aria-hidden=\"true\">\
             <path class=\"fill {}\" d=\"M0 0h10v10h-10z\"/></svg>{}</span>",
            ink.class(),
            escape::html(name)
        );
    }
    out.push_str("</p>");
}

fn stock(pulse: &Pulse, say: Say) -> String {
    if pulse.whole.is_empty() {
        return nothing(say);
    }
    let seconds: Vec<i64> = pulse.whole.iter().map(|bin| bin.second).collect();
    let left = pulse.whole.iter().map(|bin| Some(bin.available_units.max(0))).collect();
    let mut series = vec![Series { ink: Ink::First, values: left }];
    let mut inks = vec![(Ink::First, say.term(Term::Available))];
    if !pulse.sale.curve.is_empty() {
        let planned = seconds.iter().map(|second| planned_left(pulse, second + pulse.bin_seconds));
        series.push(Series { ink: Ink::Second, values: planned.map(Some).collect() });
        inks.push((Ink::Second, say.word(Word::Planned)));
    }
    let mut out = String::new();
    legend(&mut out, &inks);
    out.push_str(&lines_within(
        &OverTime {
            width: pulse.bin_seconds,
            ..over_time(say.word(Word::Stock), &seconds, &series)
        },
        WIDE,
    ));
    element(&mut out, "p", "forecast", &forecast(pulse, say));
    out
}

/// Units that are left at a second if everything goes as planned, of what is allocated now.
fn planned_left(pulse: &Pulse, second: i64) -> i64 {
    let sale = &pulse.sale;
    let (window, at) = ((sale.opens_at, sale.closes_at), UnixMs(second.saturating_mul(1_000)));
    let planned = planned_units(&sale.curve, None, window, at).unwrap_or(0);
    pulse.totals.units.allocated.saturating_sub(planned).max(0)
}

/// When it sells out if it goes on as within the last seconds, in words.
pub fn forecast(pulse: &Pulse, say: Say) -> String {
    let left = pulse.totals.units.available;
    if pulse.at < pulse.sale.opens_at || pulse.totals.units.allocated <= 0 {
        return String::new();
    }
    if left <= 0 {
        return say.word(Word::Gone).to_owned();
    }
    if pulse.sale.closed_at.is_some() || pulse.at >= pulse.sale.closes_at {
        return String::new();
    }
    // What was put on offer before the opening is no pace.
    let opening = pulse.sale.opens_at.second();
    let open = pulse.recent.iter().rev().take_while(|second| second.second >= opening);
    let last: Vec<&PulseSecond> = open.take(PACE_SECONDS + 1).collect();
    let Some((newest, oldest)) = last.first().zip(last.last()) else { return String::new() };
    let seconds = newest.second - oldest.second;
    let taken = oldest.available_units - newest.available_units;
    if seconds <= 0 {
        return String::new();
    }
    // If more units came back or were added than taken, there is no pace.
    let tenths = taken.max(0).saturating_mul(10) / seconds;
    let pace = format!("{}.{}", group(tenths / 10), tenths % 10);
    if taken <= 0 {
        return say.filled(Word::NotAtThisPace, &[("pace", &pace)]);
    }
    let needs = i128::from(left) * i128::from(seconds) * 1_000 / i128::from(taken);
    let needs = capped(needs);
    let at = pulse.at.plus(needs);
    if at > pulse.sale.closes_at {
        let open_seconds = pulse.sale.closes_at.since(pulse.at) / 1_000;
        let more = i128::from(taken) * i128::from(open_seconds) / i128::from(seconds);
        let unsold = left.saturating_sub(i64::try_from(more).unwrap_or(0)).max(0);
        let values = [("pace", pace.as_str()), ("left", &*group(unsold))];
        return say.filled(Word::AfterTheEnd, &values);
    }
    let (span, moment) = (say.span(needs / 1_000 * 1_000), say.time(at));
    say.filled(Word::GoneAt, &[("pace", &pace), ("span", &span), ("moment", &moment)])
}

/// Fewest seconds that a chart of the last ones shows.
const SHOWN_MIN: usize = 30;

/// The last seconds from the first in which something happened, so that what has just begun is not
/// a stroke at the edge of two empty minutes.
fn since_begun<T>(told: &[T], is_idle: impl Fn(&T) -> bool) -> &[T] {
    let idle = told.iter().take_while(|&second| is_idle(second)).count();
    let least = told.len().saturating_sub(SHOWN_MIN);
    told.get(idle.saturating_sub(1).min(least)..).unwrap_or_default()
}

/// The seconds of a sale that its charts of the last ones show: the same in all of them.
fn last_seconds(pulse: &Pulse) -> &[PulseSecond] {
    since_begun(&pulse.recent, |second| {
        [second.attempts, second.orders_placed, second.orders_paid] == [0, 0, 0]
    })
}

/// A value of each of the last seconds.
type OfSecond<'a> = &'a dyn Fn(&PulseSecond) -> i64;

fn recent(pulse: &Pulse, describes: &str, of: &[(Ink, OfSecond<'_>)], frame: Frame) -> String {
    let told = last_seconds(pulse);
    let seconds: Vec<i64> = told.iter().map(|second| second.second).collect();
    let series: Vec<Series> = of
        .iter()
        .map(|(ink, value)| {
            let values = told.iter().map(|second| Some(value(second))).collect();
            Series { ink: *ink, values }
        })
        .collect();
    lines_within(&over_time(describes, &seconds, &series), frame)
}

/// Counts of each second.
fn over_time<'a>(describes: &'a str, seconds: &'a [i64], series: &'a [Series]) -> OverTime<'a> {
    let (marks, clock, measure) = ([].as_slice(), Clock::UTC, Measure::Count);
    OverTime { describes, seconds, width: 1, series, marks, clock, measure }
}

fn rate(pulse: &Pulse, say: Say) -> String {
    if pulse.recent.is_empty() {
        return nothing(say);
    }
    let mut out = String::new();
    let inks = [
        (Ink::Fourth, say.word(Word::Attempts)),
        (Ink::First, say.word(Word::Orders)),
        (Ink::Fifth, say.word(Word::OrdersPaid)),
    ];
    legend(&mut out, &inks);
    let of: [(Ink, OfSecond<'_>); 3] = [
        (Ink::Fourth, &|second| second.attempts),
        (Ink::First, &|second| second.orders_placed),
        (Ink::Fifth, &|second| second.orders_paid),
    ];
    out.push_str(&recent(pulse, say.word(Word::RateTitle), &of, HALF));
    out
}

/// What a latency is called, and which it is.
type Quantile = (Ink, Word, fn(&LatencySecond) -> Option<i64>);

const QUANTILES: [Quantile; 2] = [
    (Ink::Fourth, Word::Slowest, |second| second.p99_us),
    (Ink::First, Word::Median, |second| second.p50_us),
];

/// Order latency. Without orders the line has a gap, because no orders are not orders of 0 ms.
fn latencies(told: &[LatencySecond], say: Say) -> String {
    let mut out = String::new();
    if told.iter().all(|second| second.p99_us.is_none()) {
        element(&mut out, "p", "quiet empty", say.word(Word::NoLatency));
        return out;
    }
    legend(&mut out, &QUANTILES.map(|(ink, word, _)| (ink, say.word(word))));
    let told = since_begun(told, |second| second.p99_us.is_none());
    let seconds: Vec<i64> = told.iter().map(|second| second.second).collect();
    let series =
        QUANTILES.map(|(ink, _, of)| Series { ink, values: told.iter().map(of).collect() });
    let chart = over_time(say.word(Word::LatencyTitle), &seconds, &series);
    out.push_str(&lines_within(&OverTime { measure: Measure::Micros, ..chart }, LOW));
    element(&mut out, "p", "forecast quiet", say.word(Word::LatencyWindow));
    out
}

/// What a reason is called, and how often it stood in the way.
pub type Reason = (Term, fn(&Refused) -> i64);

/// Each reason.
pub const REASONS: [Reason; 10] = [
    (Term::SoldOut, |refused| refused.sold_out),
    (Term::NotEnoughUnits, |refused| refused.not_enough_units),
    (Term::NotOpenYet, |refused| refused.not_open_yet),
    (Term::ClosedReason, |refused| refused.closed),
    (Term::PausedReason, |refused| refused.paused),
    (Term::OverBuyerLimit, |refused| refused.over_buyer_limit),
    (Term::OverOrderLimit, |refused| refused.over_order_limit),
    (Term::NotEligible, |refused| refused.not_eligible),
    (Term::GiftGone, |refused| refused.gift_gone),
    (Term::PriceChanged, |refused| refused.price_changed),
];

fn refusals(pulse: &Pulse, say: Say) -> String {
    let mut out = String::from("<div class=\"multiples\">");
    let mut told = false;
    for (term, of) in REASONS {
        let all = of(&pulse.totals.refused);
        if all == 0 || pulse.recent.is_empty() {
            continue;
        }
        told = true;
        out.push_str("<div><h3>");
        out.push_str(&escape::html(say.term(term)));
        let in_all = say.filled(Word::InAll, &[("n", &group(all))]);
        element(&mut out, "span", "quiet", &in_all);
        out.push_str("</h3>");
        let of: [(Ink, OfSecond<'_>); 1] = [(Ink::Second, &|second| of(&second.refused))];
        out.push_str(&recent(pulse, say.term(term), &of, SMALL));
        out.push_str("</div>");
    }
    out.push_str("</div>");
    if told { out } else { nothing(say) }
}

/// Steps from view to payment. Visitors and participants are shoppers; orders are orders.
fn steps(pulse: &Pulse) -> [(Word, i64); 4] {
    let totals = &pulse.totals;
    [
        (Word::Viewed, totals.visitors),
        (Word::Tried, totals.participants),
        (Word::Ordered, totals.orders_placed),
        (Word::PaidFor, totals.orders_paid),
    ]
}

fn funnel(pulse: &Pulse, say: Say) -> String {
    let steps = steps(pulse);
    let most = steps.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if most == 0 {
        return nothing(say);
    }
    let mut out = String::from("<ul class=\"funnel\">");
    for (word, count) in steps {
        out.push_str("<li>");
        element(&mut out, "span", "name", say.word(word));
        element(&mut out, "b", "", &group(count));
        bar(&mut out, share_ppm(count, most));
        out.push_str("</li>");
    }
    out.push_str("</ul>");
    out
}

fn time_of(second: i64, say: Say) -> String {
    say.time(UnixMs(second.saturating_mul(1_000)))
}

fn stock_rows(pulse: &Pulse, say: Say) -> String {
    let mut out = String::new();
    let planned = !pulse.sale.curve.is_empty();
    let mut columns = vec![("t", say.term(Term::Time)), ("n", say.term(Term::Available))];
    if planned {
        columns.push(("n", say.word(Word::Planned)));
    }
    open_table(&mut out, &columns);
    for bin in pulse.whole.iter().rev() {
        let end = bin.second + pulse.bin_seconds;
        let (time, left) = (time_of(end, say), group(bin.available_units));
        let plan = group(planned_left(pulse, end));
        let mut cells = vec![("t", time.as_str()), ("n", left.as_str())];
        if planned {
            cells.push(("n", plan.as_str()));
        }
        row(&mut out, &cells);
    }
    close_table(&mut out);
    out
}

fn rate_rows(pulse: &Pulse, say: Say) -> String {
    let mut out = String::new();
    let columns = [
        ("t", say.term(Term::Time)),
        ("n", say.term(Term::Attempts)),
        ("n", say.term(Term::Placed)),
        ("n", say.term(Term::Paid)),
        ("n", say.term(Term::Cancelled)),
        ("n", say.term(Term::Expired)),
    ];
    open_table(&mut out, &columns);
    for second in pulse.recent.iter().rev() {
        let counts = [
            second.attempts,
            second.orders_placed,
            second.orders_paid,
            second.orders_cancelled,
            second.orders_expired,
        ];
        let counts = counts.map(group);
        let time = time_of(second.second, say);
        let mut cells = vec![("t", time.as_str())];
        cells.extend(counts.iter().map(|count| ("n", count.as_str())));
        row(&mut out, &cells);
    }
    close_table(&mut out);
    out
}

fn latency_rows(told: &[LatencySecond], say: Say) -> String {
    let mut out = String::new();
    let mut columns = vec![("t", say.term(Term::Time))];
    columns.extend(QUANTILES.map(|(_, word, _)| ("n", say.word(word))));
    open_table(&mut out, &columns);
    for second in told.iter().rev() {
        let time = time_of(second.second, say);
        let took = QUANTILES.map(|(_, _, of)| say.micros(of(second)));
        let mut cells = vec![("t", time.as_str())];
        cells.extend(took.iter().map(|took| ("n", took.as_str())));
        row(&mut out, &cells);
    }
    close_table(&mut out);
    out
}

fn refusal_rows(pulse: &Pulse, say: Say) -> String {
    let mut out = String::new();
    let told: Vec<_> = REASONS.iter().filter(|(_, of)| of(&pulse.totals.refused) > 0).collect();
    let mut columns = vec![("t", say.term(Term::Time))];
    columns.extend(told.iter().map(|(term, _)| ("n", say.term(*term))));
    open_table(&mut out, &columns);
    for second in pulse.recent.iter().rev() {
        let time = time_of(second.second, say);
        let counts: Vec<String> = told.iter().map(|(_, of)| group(of(&second.refused))).collect();
        let mut cells = vec![("t", time.as_str())];
        cells.extend(counts.iter().map(|count| ("n", count.as_str())));
        row(&mut out, &cells);
    }
    close_table(&mut out);
    out
}

fn funnel_rows(pulse: &Pulse, say: Say) -> String {
    let mut out = String::new();
    let columns = [
        ("", say.term(Term::Step)),
        ("n", say.term(Term::OrdersCount)),
        ("n", say.term(Term::OfPrevious)),
    ];
    open_table(&mut out, &columns);
    let mut before = None;
    for (word, count) in steps(pulse) {
        let share =
            before.filter(|count| *count > 0).map(|before| percent(share_ppm(count, before)));
        let share = share.unwrap_or_else(|| say.term(Term::Nothing).to_owned());
        row(&mut out, &[("", say.word(word)), ("n", &group(count)), ("n", &share)]);
        before = Some(count);
    }
    close_table(&mut out);
    out
}
