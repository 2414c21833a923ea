//! The figures of a measurement: medians and spreads over rounds, as JSON and as text.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::bail;
use comfy_table::{CellAlignment, Table, presets};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    arguments::Case,
    beacons::{self, BeaconFigures},
    load::{Measured, Target},
    processor::ByThread,
    server::HotItem,
};
use crate::crowd::summary::{ms, rounded};

/// Everything that a run measured. The names are an interface: scripts read them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchFigures {
    pub cases: Vec<CaseFigures>,
    /// Only with `--rate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_loop: Option<OpenLoopFigures>,
    /// Only with the case `traffic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beacons: Option<BeaconFigures>,
}

/// One case: medians over its rounds. Latencies are over all rounds together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseFigures {
    pub case: &'static str,
    pub echo_per_second: f64,
    pub orders_per_second: f64,
    /// Orders by echoes: the median of the rounds' own ratios.
    pub ratio: f64,
    pub ratio_min: f64,
    pub ratio_max: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub echo_p50_ms: f64,
    pub echo_p99_ms: f64,
    /// Microseconds of processor time an order by thread of the server, over all rounds; empty for a
    /// server that this program has not started.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub processor_us: BTreeMap<String, f64>,
    /// The same of what it is measured against.
    #[serde(rename = "echo_processor_us", skip_serializing_if = "BTreeMap::is_empty")]
    pub baseline_processor_us: BTreeMap<String, f64>,
}

/// Calls at a fixed rate; latencies count from the moment a call was meant to be sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenLoopFigures {
    pub rate_per_second: u32,
    pub orders_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub echo_per_second: f64,
    pub echo_p50_ms: f64,
    pub echo_p99_ms: f64,
    pub echo_max_ms: f64,
}

/// The rounds of one case on one server.
#[derive(Debug, Default)]
pub struct Rounds {
    per_second: Vec<f64>,
    latency_us: Option<Histogram<u64>>,
    sent: u64,
    processor_ns: ByThread,
}

impl Rounds {
    /// Measures a case. What the server does for it until its read models have caught up counts as
    /// processor time of the case.
    pub(super) async fn measure(
        &mut self,
        (case, target, server): (Case, &Arc<Target>, &str),
        hot: Option<&mut HotItem>,
        outstanding: usize,
        duration: Duration,
    ) -> anyhow::Result<()> {
        let (sent_before, before) = target.spent();
        let measured = case.measure(target, outstanding, duration).await?;
        self.keep(measured, case.name(), server)?;
        if let Some(hot) = hot {
            hot.catch_up().await?;
        }
        let (sent, after) = target.spent();
        self.sent += sent - sent_before;
        for (thread, ns) in after {
            let since = ns.saturating_sub(before.get(&thread).copied().unwrap_or(0));
            *self.processor_ns.entry(thread).or_default() += since;
        }
        Ok(())
    }

    /// Adds a measurement; failures are told and not counted.
    pub(super) fn keep(
        &mut self,
        measured: Measured,
        case: &str,
        server: &str,
    ) -> anyhow::Result<()> {
        if measured.failures > 0 {
            eprintln!(
                "{case}: {} answers of {server} were no orders and are not counted, the last: {}",
                measured.failures,
                measured.failure.as_deref().unwrap_or_default()
            );
        }
        if measured.per_second == 0.0 {
            bail!("{case}: {server} answered no call");
        }
        self.add(measured)?;
        Ok(())
    }

    fn add(&mut self, measured: Measured) -> Result<(), hdrhistogram::AdditionError> {
        self.per_second.push(measured.per_second);
        match &mut self.latency_us {
            Some(all) => all.add(&measured.latency_us)?,
            None => self.latency_us = Some(measured.latency_us),
        }
        Ok(())
    }

    fn at(&self, quantile: f64) -> f64 {
        self.latency_us.as_ref().map_or(0.0, |all| ms(all.value_at_quantile(quantile)))
    }

    fn max(&self) -> f64 {
        self.latency_us.as_ref().map_or(0.0, |all| ms(all.max()))
    }

    /// Microseconds of processor time an order.
    fn processor_us(&self) -> BTreeMap<String, f64> {
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let us = |ns: u64| rounded(ns as f64 / 1e3 / self.sent.max(1) as f64);
        self.processor_ns.iter().map(|(thread, ns)| (thread.clone(), us(*ns))).collect()
    }

    fn per_second(&self) -> f64 {
        rounded(median(self.per_second.clone()))
    }
}

impl CaseFigures {
    /// Of the rounds of both servers; the n-th of each belong together.
    pub fn of(case: &'static str, echo: &Rounds, orders: &Rounds) -> Self {
        let pairs = orders.per_second.iter().zip(&echo.per_second);
        let ratios: Vec<f64> = pairs.map(|(orders, echo)| orders / echo.max(1.0)).collect();
        Self {
            case,
            echo_per_second: echo.per_second(),
            orders_per_second: orders.per_second(),
            ratio: rounded(median(ratios.clone())),
            ratio_min: rounded(ratios.iter().copied().reduce(f64::min).unwrap_or(0.0)),
            ratio_max: rounded(ratios.iter().copied().reduce(f64::max).unwrap_or(0.0)),
            p50_ms: orders.at(0.50),
            p99_ms: orders.at(0.99),
            echo_p50_ms: echo.at(0.50),
            echo_p99_ms: echo.at(0.99),
            processor_us: orders.processor_us(),
            baseline_processor_us: echo.processor_us(),
        }
    }
}

impl OpenLoopFigures {
    /// Of one run at that rate on each server.
    pub fn of(rate_per_second: u32, echo: &Rounds, orders: &Rounds) -> Self {
        Self {
            rate_per_second,
            orders_per_second: orders.per_second(),
            p50_ms: orders.at(0.50),
            p99_ms: orders.at(0.99),
            max_ms: orders.max(),
            echo_per_second: echo.per_second(),
            echo_p50_ms: echo.at(0.50),
            echo_p99_ms: echo.at(0.99),
            echo_max_ms: echo.max(),
        }
    }
}

/// Cases for people: what was measured, beside what it was measured against.
pub fn case_table(baseline: &str, measured: &str, cases: &[CaseFigures]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "case".to_owned(),
        format!("{baseline}/s"),
        format!("{measured}/s"),
        "ratio".to_owned(),
        "min".to_owned(),
        "max".to_owned(),
        "p50 ms".to_owned(),
        "p99 ms".to_owned(),
        format!("{baseline} p50"),
        format!("{baseline} p99"),
    ]);
    for case in cases {
        table.add_row([
            case.case.to_owned(),
            format!("{:.0}", case.echo_per_second),
            format!("{:.0}", case.orders_per_second),
            format!("{:.2}", case.ratio),
            format!("{:.2}", case.ratio_min),
            format!("{:.2}", case.ratio_max),
            format!("{:.2}", case.p50_ms),
            format!("{:.2}", case.p99_ms),
            format!("{:.2}", case.echo_p50_ms),
            format!("{:.2}", case.echo_p99_ms),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if cases.is_empty() {
        return String::new();
    }
    table.trim_fmt() + &processor_table(baseline, measured, cases)
}

/// Microseconds of processor time an order by thread; nothing for servers that were started by others.
fn processor_table(baseline: &str, measured: &str, cases: &[CaseFigures]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["processor µs an order", "thread", baseline, measured]);
    for case in cases {
        let [before, after] = [&case.baseline_processor_us, &case.processor_us];
        let mut threads: Vec<&String> = before.keys().chain(after.keys()).collect();
        threads.sort_unstable();
        threads.dedup();
        let row = |name: &str, figures: [f64; 2]| {
            let [before, after] = figures.map(|us| format!("{us:.2}"));
            [case.case.to_owned(), name.to_owned(), before, after]
        };
        for thread in threads {
            let of = |times: &BTreeMap<String, f64>| times.get(thread).copied().unwrap_or(0.0);
            let figures = [of(before), of(after)];
            if figures.iter().any(|us| *us >= 0.005) {
                table.add_row(row(thread, figures));
            }
        }
        table.add_row(row("all", [before.values().sum(), after.values().sum()]));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let none = cases.iter().all(|case| case.processor_us.is_empty());
    if none { String::new() } else { format!("\n\n{}", table.trim_fmt()) }
}

/// The figures for people.
pub fn table(figures: &BenchFigures) -> String {
    let mut text = case_table("echo", "orders", &figures.cases);
    if let Some(measured) = &figures.beacons {
        text.push_str(if text.is_empty() { "" } else { "\n\n" });
        text.push_str(&beacons::lines(measured));
    }
    if let Some(open) = &figures.open_loop {
        text.push_str(&format!(
            "\n\nopen loop at {}/s, latency from the intended time of sending:\n  orders \
             {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms\n  echo   {:.0}/s, p50 {:.2} ms, \
             p99 {:.2} ms, max {:.2} ms",
            open.rate_per_second,
            open.orders_per_second,
            open.p50_ms,
            open.p99_ms,
            open.max_ms,
            open.echo_per_second,
            open.echo_p50_ms,
            open.echo_p99_ms,
            open.echo_max_ms,
        ));
    }
    text
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
pub(super) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.get(middle) {
        None => 0.0,
        Some(upper) if figures.len() % 2 == 1 => *upper,
        Some(upper) => (figures[middle - 1] + upper) / 2.0,
    }
}
