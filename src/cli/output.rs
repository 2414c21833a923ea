//! Output: answers go to stdout, everything else to stderr.
//!
//! Writing never panics. When the reader of stdout has gone, the error travels up to `main`, which
//! ends quietly.

use std::{
    borrow::Borrow,
    fmt::Display,
    io::{self, Write},
};

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::{
    Common, paint,
    rows::{Column, CsvRows},
};
use crate::{events::Position, grpc::proto::Freshness};

/// Writes one line of answer to stdout.
pub fn answer(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

impl Common {
    /// Says something beside the answer, on stderr, unless `--quiet`.
    pub fn note(&self, line: impl Display) {
        if !self.quiet {
            // The verb does not fail because stderr is closed.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Prints to stderr, also with `--quiet`, that the answer is incomplete.
    pub fn warn(&self, line: impl Display) {
        let _ = writeln!(io::stderr(), "warning: {line}");
    }

    /// The answer: as one JSON document with `--json`, else as text.
    pub fn show(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        if self.json {
            return answer(json());
        }
        if self.csv.is_some() {
            return Err(io::Error::other("this has no CSV: ask for it with --json"));
        }
        let text = text();
        if text.is_empty() { Ok(()) } else { answer(text.trim_end()) }
    }

    /// The answer as rows: as one JSON document with `--json`, as CSV with `--csv`, else as a table.
    pub fn show_rows<R>(
        &self,
        json: impl FnOnce() -> Value,
        columns: &[Column<R>],
        rows: impl IntoIterator<Item: Borrow<R>>,
    ) -> io::Result<()> {
        let Some(manner) = self.csv else {
            return self.show(json, || table_of(columns, rows));
        };
        let mut csv = CsvRows::begin(io::stdout().lock(), manner, columns)?;
        rows.into_iter().try_for_each(|row| csv.add(row))?;
        csv.end()
    }

    /// Says how fresh a read model's answer is.
    pub fn note_freshness(&self, freshness: Option<&Freshness>) {
        let Some(Freshness { position, head_position, lag_ms }) = freshness else { return };
        if position >= head_position && *lag_ms > 0 {
            self.note(format_args!(
                "as of position {position}; the store has not answered for {lag_ms} ms, so \
                 there may be more"
            ));
        } else if position >= head_position {
            self.note(format_args!("up to date at position {position}"));
        } else if *lag_ms == 0 {
            self.note(format_args!("as of position {position}; the log is at {head_position}"));
        } else {
            self.note(format_args!(
                "as of position {position}; the log is at {head_position}, {lag_ms} ms ahead"
            ));
        }
    }
}

/// A table of rows.
pub fn table_of<R>(columns: &[Column<R>], rows: impl IntoIterator<Item: Borrow<R>>) -> String {
    let cells = |row: &R| columns.iter().map(|column| column.shown(row)).collect();
    let rows = rows.into_iter().map(|row| cells(row.borrow())).collect();
    let titles: Vec<_> = columns.iter().map(Column::title).collect();
    any_table(&titles, &columns.iter().map(Column::is_number).collect::<Vec<_>>(), rows)
}

/// A table of plain columns: easy to read, easy to cut. Those that `numbers` says are aligned right.
pub fn any_table(header: &[impl ToString], numbers: &[bool], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().map(ToString::to_string));
    table.add_rows(rows);
    for (index, number) in numbers.iter().enumerate() {
        if *number && let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.trim_fmt();
    match text.split_once('\n') {
        Some((header, rows)) => format!("{}\n{rows}", paint::heading(header)),
        None => paint::heading(&text),
    }
}

/// Names and values below each other.
pub fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let named = |name: &str| paint::heading(&format!("{name:width$}"));
    let lines = rows.iter().map(|(name, value)| format!("{}  {value}", named(name)));
    lines.collect::<Vec<_>>().join("\n")
}

/// How far a walk along a log has come, on stderr. Positions may have gaps, so they fill the bar and
/// the events are counted beside it.
#[derive(Debug)]
pub struct LogBar(ProgressBar);

impl LogBar {
    /// A bar that is full at that position.
    pub fn new(common: &Common, head: Position) -> Self {
        let bar = progress_bar(common);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {msg}") {
            bar.set_style(style);
        }
        bar.set_length(head.0);
        Self(bar)
    }

    /// Shows how far it is. The bar grows with a log that grows meanwhile.
    pub fn reached(&self, position: Position, events: u64) {
        self.reached_by("", position, events);
    }

    /// The same, with the name of the step.
    pub fn reached_by(&self, doing: &str, position: Position, events: u64) {
        if self.0.length().is_none_or(|length| length < position.0) {
            self.0.set_length(position.0);
        }
        self.0.set_position(position.0);
        self.0.set_message(format!("{doing}{events} events"));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A bar on stderr. It draws nothing where stderr is not a terminal.
pub fn progress_bar(common: &Common) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if common.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} events") {
        bar.set_style(style);
    }
    bar
}
