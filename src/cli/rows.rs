//! Rows of an answer: each column is declared once, by its title and how it is read from the row, and
//! stands in a table for people and in CSV for programs. In CSV numbers are numbers, shares are ratios,
//! and money is minor units with its currency in a column of its own; only texts are guarded against
//! being taken for formulas.

use std::{
    borrow::Borrow,
    io::{self, Write},
};

use prost_types::Timestamp;

use super::json as shapes;
use crate::{grpc::proto::Money, reports::CsvManner};

/// The row that adds up the others.
pub const ALL: &str = "(all)";

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is none.
    Empty,
    Text(String),
    Number(i64),
    Money(Money),
}

/// What a column holds, its title for people, and its cell of a row.
#[derive(Debug, Clone, Copy)]
pub enum Column<R> {
    Text(&'static str, fn(&R) -> Cell),
    Number(&'static str, fn(&R) -> Cell),
    /// A number in parts per million.
    Share(&'static str, fn(&R) -> Cell),
    Money(&'static str, fn(&R) -> Cell),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }
}

impl From<&Option<Timestamp>> for Cell {
    fn from(moment: &Option<Timestamp>) -> Self {
        Self::Text(shapes::time(moment.as_ref()))
    }
}

impl From<&Option<Money>> for Cell {
    fn from(money: &Option<Money>) -> Self {
        money.clone().map_or(Self::Empty, Self::Money)
    }
}

impl<R> Column<R> {
    /// Its title for people.
    pub fn title(&self) -> &'static str {
        self.parts().0
    }

    /// Whether a table aligns it right.
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(..))
    }

    /// Its name for programs.
    fn name(&self) -> String {
        let name = self.title().to_lowercase().replace(' ', "_");
        if matches!(self, Self::Money(..)) { format!("{name}_minor") } else { name }
    }

    fn cell(&self, row: &R) -> Cell {
        self.parts().1(row)
    }

    fn parts(&self) -> (&'static str, fn(&R) -> Cell) {
        match self {
            Self::Text(title, cell)
            | Self::Number(title, cell)
            | Self::Share(title, cell)
            | Self::Money(title, cell) => (title, *cell),
        }
    }

    /// A cell for people.
    pub fn shown(&self, row: &R) -> String {
        match self.cell(row) {
            Cell::Empty => String::new(),
            Cell::Text(text) => text,
            Cell::Number(ppm) if matches!(self, Self::Share(..)) => percent(ppm),
            Cell::Number(number) => number.to_string(),
            Cell::Money(money) => shapes::amount(Some(&money)),
        }
    }

    /// A cell for programs.
    fn plain(&self, cell: &Cell, manner: CsvManner) -> String {
        match cell {
            Cell::Empty => String::new(),
            Cell::Text(text) => manner.text(text).into_owned(),
            Cell::Number(ppm) if matches!(self, Self::Share(..)) => ratio(*ppm),
            Cell::Number(number) => number.to_string(),
            Cell::Money(money) => money.amount_minor.to_string(),
        }
    }
}

/// Rows on their way out as CSV, RFC 4180. Where a column is money the last column is the currency of
/// the row: all money of one row is in one.
pub struct CsvRows<'a, W: Write, R> {
    csv: csv::Writer<W>,
    manner: CsvManner,
    columns: &'a [Column<R>],
    has_money: bool,
}

impl<'a, W: Write, R> CsvRows<'a, W, R> {
    /// Begins with the names of the columns.
    ///
    /// # Errors
    /// When they cannot be written, as below.
    pub fn begin(mut to: W, manner: CsvManner, columns: &'a [Column<R>]) -> io::Result<Self> {
        to.write_all(manner.mark().as_bytes())?;
        let mut csv = csv::Writer::from_writer(to);
        let has_money = columns.iter().any(|column| matches!(column, Column::Money(..)));
        let currency = has_money.then(|| "currency".to_owned());
        csv.write_record(columns.iter().map(Column::name).chain(currency))?;
        Ok(Self { csv, manner, columns, has_money })
    }

    /// Writes one row.
    pub fn add(&mut self, row: impl Borrow<R>) -> io::Result<()> {
        let cells: Vec<_> = self.columns.iter().map(|column| column.cell(row.borrow())).collect();
        let currency = self.has_money.then(|| {
            let found = cells.iter().find_map(|cell| match cell {
                Cell::Money(money) => Some(money.currency_code.clone()),
                Cell::Empty | Cell::Text(_) | Cell::Number(_) => None,
            });
            found.unwrap_or_default()
        });
        let columns = self.columns.iter().zip(&cells);
        let plain = columns.map(|(column, cell)| column.plain(cell, self.manner));
        Ok(self.csv.write_record(plain.chain(currency))?)
    }

    /// Writes out what is left.
    pub fn end(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// Parts per million as a decimal number: 0.5 is a half.
fn ratio(ppm: i64) -> String {
    let sign = if ppm < 0 { "-" } else { "" };
    let ppm = ppm.unsigned_abs();
    let decimals = format!("{sign}{}.{:06}", ppm / 1_000_000, ppm % 1_000_000);
    decimals.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Parts per million as a percentage with one decimal.
pub fn percent(ppm: i64) -> String {
    let sign = if ppm < 0 { "-" } else { "" };
    let ppm = ppm.unsigned_abs();
    format!("{sign}{}.{} %", ppm / 10_000, ppm / 1_000 % 10)
}
