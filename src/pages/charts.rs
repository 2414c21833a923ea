//! The charts: areas over time, lines over time, bars. The only place that knows the library that
//! draws them.
//!
//! A chart is drawn from rows that its table shows, too. Legends and titles are the page's, not the
//! drawing's: so they can be translated, wrapped and read aloud.

mod canvas;

use plotters::{
    coord::{
        Shift,
        combinators::{BindKeyPoints, WithKeyPoints},
        types::RangedCoordi64,
    },
    prelude::{
        AreaSeries, Cartesian2d, ChartBuilder, ChartContext, Color, DrawingArea,
        DrawingAreaErrorKind, IntoDrawingArea, IntoFont, IntoTextStyle, LineSeries, PathElement,
        Rectangle, Text,
    },
    style::{
        RGBColor,
        text_anchor::{HPos, Pos, VPos},
    },
};

pub use canvas::Ink;
use canvas::{Canvas, SCALE};

use super::numbers::{Clock, group, millis, short};

const WIDTH: u32 = 960;
const LETTER: u32 = 12 * SCALE;

/// One series over time.
#[derive(Debug, Clone)]
pub struct Series {
    pub ink: Ink,
    /// Its value in each bin; where there is none the line has a gap.
    pub values: Vec<Option<i64>>,
}

/// Something that happened at a moment, with the number it has in the timeline.
#[derive(Debug, Clone)]
pub struct Mark {
    pub second: i64,
    pub number: usize,
}

/// Several series over the same bins.
#[derive(Debug, Clone)]
pub struct OverTime<'a> {
    /// Its description, for screen readers.
    pub describes: &'a str,
    /// Where each bin starts, in seconds since the Unix epoch.
    pub seconds: &'a [i64],
    /// Length of a bin in seconds.
    pub width: i64,
    pub series: &'a [Series],
    pub marks: &'a [Mark],
    pub clock: Clock,
    pub measure: Measure,
}

/// What values are, and so how the axis beside them reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Count,
    /// Microseconds, read as milliseconds.
    Micros,
}

impl Measure {
    fn label(self, value: i64) -> String {
        match self {
            Self::Count => group(value),
            Self::Micros => millis(value),
        }
    }
}

/// Natural size of a drawing in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub width: u32,
    pub height: u32,
    /// Rules and numbers beside them, about.
    pub rules: usize,
    /// Whether there is a light area under each line.
    pub filled: bool,
}

impl Frame {
    /// As wide as a page.
    pub const PAGE: Self = Self { width: WIDTH, height: 300, rules: 6, filled: true };
}

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    pub name: String,
    pub value: i64,
    /// What stands at its end.
    pub shown: String,
}

type Wrong<'a> = DrawingAreaErrorKind<<Canvas<'a> as plotters::prelude::DrawingBackend>::ErrorType>;
type Times = WithKeyPoints<RangedCoordi64>;
type Plane<'a, 'b> = ChartContext<'a, Canvas<'b>, Cartesian2d<Times, RangedCoordi64>>;

/// Series on top of each other, the first at the bottom: what they add up to is the outline.
pub fn stacked(chart: &OverTime<'_>) -> String {
    let sums: Vec<i64> = (0..chart.seconds.len())
        .map(|bin| chart.series.iter().filter_map(|series| series.values[bin]).sum())
        .collect();
    draw(chart, Frame::PAGE, sums.iter().copied().max().unwrap_or(0), |plane| {
        let mut tops = sums.clone();
        for series in chart.series.iter().rev() {
            let points = outline(chart.seconds.iter().copied().zip(tops.iter().copied()), chart);
            plane.draw_series(AreaSeries::new(points, 0, series.ink.color()))?;
            for (top, value) in tops.iter_mut().zip(&series.values) {
                *top -= value.unwrap_or(0);
            }
        }
        Ok(())
    })
}

/// Series beside each other, each as a line over a light area.
pub fn lines(chart: &OverTime<'_>) -> String {
    draw_lines(chart, Frame::PAGE, |points| points)
}

/// The same in a frame of its own and in fewer bytes: for what is sent every second.
pub fn lines_within(chart: &OverTime<'_>, frame: Frame) -> String {
    draw_lines(chart, frame, |mut points| {
        // What stands between two equals says nothing.
        let ends: Vec<bool> = (0..points.len())
            .map(|at| {
                let level = points[at].1;
                let same = |other: Option<usize>| {
                    other.and_then(|other| points.get(other)).is_some_and(|(_, y)| *y == level)
                };
                !(same(at.checked_sub(1)) && same(at.checked_add(1)))
            })
            .collect();
        let mut end = ends.iter();
        points.retain(|_| end.next().copied().unwrap_or(true));
        points
    })
}

fn draw_lines(
    chart: &OverTime<'_>,
    frame: Frame,
    kept: impl Fn(Vec<(i64, i64)>) -> Vec<(i64, i64)>,
) -> String {
    let values = chart.series.iter().flat_map(|series| series.values.iter().copied().flatten());
    draw(chart, frame, values.max().unwrap_or(0), |plane| {
        for series in chart.series {
            let color = series.ink.color();
            for run in runs(chart, &series.values) {
                let points = kept(outline(run.into_iter(), chart));
                if frame.filled {
                    plane.draw_series(AreaSeries::new(points.clone(), 0, color.mix(0.15)))?;
                }
                plane.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
            }
        }
        Ok(())
    })
}

/// Bars from left to right, one below the other, each with its value.
pub fn bars(describes: &str, bars: &[Bar], ink: Ink) -> String {
    let mut svg = String::new();
    let rows = i64::try_from(bars.len()).unwrap_or(1).max(1);
    let height = u32::try_from(rows).unwrap_or(1) * 30 + 8;
    let area = Canvas::new(&mut svg, WIDTH, height, describes).into_drawing_area();
    // The canvas cannot fail: it writes to memory.
    let _ = draw_bars(&area, bars, rows, ink);
    drop(area);
    svg
}

fn draw_bars<'a>(
    area: &DrawingArea<Canvas<'a>, Shift>,
    bars: &[Bar],
    rows: i64,
    ink: Ink,
) -> Result<(), Wrong<'a>> {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let mut plane = ChartBuilder::on(area)
        .margin_left(230 * SCALE)
        .margin_right(150 * SCALE)
        .build_cartesian_2d(0..most, 0..rows * 10)?;
    for (row, bar) in bars.iter().enumerate() {
        let bottom = (rows - i64::try_from(row).unwrap_or(0) - 1) * 10;
        let (low, high) = (bottom + 2, bottom + 8);
        plane.draw_series([Rectangle::new([(0, low), (bar.value, high)], ink.color().filled())])?;
        let middle = bottom + 5;
        let name = short(&bar.name, 30);
        plane.draw_series([
            Text::new(format!("{name}\u{2002}"), (0, middle), words(HPos::Right, VPos::Center)),
            Text::new(
                format!("\u{2002}{}", bar.shown),
                (bar.value, middle),
                words(HPos::Left, VPos::Center),
            ),
        ])?;
    }
    Ok(())
}

/// Bins that have values, each with its start, cut where there is none.
fn runs(chart: &OverTime<'_>, values: &[Option<i64>]) -> Vec<Vec<(i64, i64)>> {
    let bins = chart.seconds.iter().copied().zip(values.iter().copied());
    let bins: Vec<Option<(i64, i64)>> =
        bins.map(|(start, value)| value.map(|value| (start, value))).collect();
    let runs = bins.split(Option::is_none).filter(|run| !run.is_empty());
    runs.map(|run| run.iter().copied().flatten().collect()).collect()
}

/// Each bin as a step: its value holds from its start to its end.
fn outline(bins: impl Iterator<Item = (i64, i64)>, chart: &OverTime<'_>) -> Vec<(i64, i64)> {
    bins.flat_map(|(start, value)| [(start, value), (start + chart.width, value)]).collect()
}

fn draw<'c>(
    chart: &OverTime<'_>,
    frame: Frame,
    most: i64,
    series: impl for<'a> FnOnce(&mut Plane<'_, 'a>) -> Result<(), Wrong<'a>>,
) -> String {
    let mut svg = String::new();
    let area =
        Canvas::new(&mut svg, frame.width, frame.height, chart.describes).into_drawing_area();
    // The canvas cannot fail: it writes to memory.
    let _ = draw_plane(&area, chart, (frame, most), series);
    drop(area);
    svg
}

fn draw_plane<'a>(
    area: &DrawingArea<Canvas<'a>, Shift>,
    chart: &OverTime<'_>,
    (frame, most): (Frame, i64),
    series: impl FnOnce(&mut Plane<'_, 'a>) -> Result<(), Wrong<'a>>,
) -> Result<(), Wrong<'a>> {
    let from = chart.seconds.first().copied().unwrap_or(0);
    let until = chart.seconds.last().map_or(1, |last| last + chart.width);
    let ticks = chart.clock.ticks(from, until, i64::from(frame.width / 100));
    let top = most.max(1) + most / 20;
    let mut plane = ChartBuilder::on(area)
        .margin_top(18 * SCALE)
        .margin_right(40 * SCALE)
        .margin_bottom(4 * SCALE)
        .x_label_area_size(26 * SCALE)
        .y_label_area_size(72 * SCALE)
        .build_cartesian_2d((from..until).with_key_points(ticks.seconds), 0..top)?;
    plane
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(RGBColor(0, 0, 0).mix(0.0))
        .bold_line_style(Ink::Grid.color())
        .axis_style(Ink::Axis.color())
        .label_style(words(HPos::Center, VPos::Center))
        .set_all_tick_mark_size(4 * SCALE)
        .x_label_formatter(&|second| chart.clock.label(*second, ticks.step))
        .y_labels(frame.rules)
        .y_label_formatter(&|value| chart.measure.label(*value))
        .draw()?;
    series(&mut plane)?;
    for mark in chart.marks.iter().filter(|mark| (from..until).contains(&mark.second)) {
        let ends = vec![(mark.second, 0), (mark.second, top)];
        let number = mark.number.to_string();
        plane.draw_series([PathElement::new(ends, Ink::Mark.color())])?;
        let style = ("sans-serif", LETTER).into_font().color(&Ink::Mark.color());
        let style = style.pos(Pos::new(HPos::Center, VPos::Bottom));
        plane.draw_series([Text::new(number, (mark.second, top), style)])?;
    }
    Ok(())
}

fn words(horizontal: HPos, vertical: VPos) -> plotters::style::TextStyle<'static> {
    let font = ("sans-serif", LETTER).into_font().color(&Ink::Text.color());
    font.into_text_style(&(WIDTH * SCALE, Frame::PAGE.height * SCALE))
        .pos(Pos::new(horizontal, vertical))
}
