//! Rows of an answer: what a cell holds, and how it stands in a table for people and in CSV for
//! programs. In CSV numbers are numbers, shares are ratios, and money is minor units with its currency
//! in a column of its own; only texts are guarded against being taken for formulas.

use std::io::{self, Write};

use super::json as shapes;
use crate::{grpc::proto::Money, reports::CsvManner};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is none.
    Empty,
    Text(String),
    Number(i64),
    /// In parts per million.
    Share(i64),
    Money(Money),
}

/// What a column holds, and its title for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column<'a> {
    Text(&'a str),
    Number(&'a str),
    Share(&'a str),
    Money(&'a str),
}

/// A share in parts per million.
pub fn share(ppm: i64) -> Cell {
    Cell::Share(ppm)
}

/// An amount; nothing where there is none.
pub fn money(money: Option<&Money>) -> Cell {
    money.cloned().map_or(Cell::Empty, Cell::Money)
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

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl Cell {
    /// For people.
    pub fn shown(self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Share(ppm) => percent(ppm),
            Self::Money(money) => shapes::amount(Some(&money)),
        }
    }

    /// For programs.
    fn plain(&self, manner: CsvManner) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => manner.text(text).into_owned(),
            Self::Number(number) => number.to_string(),
            Self::Share(ppm) => ratio(*ppm),
            Self::Money(money) => money.amount_minor.to_string(),
        }
    }
}

impl<'a> Column<'a> {
    /// Its title for people.
    pub fn title(self) -> &'a str {
        match self {
            Self::Text(title) | Self::Number(title) | Self::Share(title) | Self::Money(title) => {
                title
            }
        }
    }

    /// Whether a table aligns it right.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Text(_))
    }

    /// Its name for programs.
    fn name(self) -> String {
        let name = self.title().to_lowercase().replace(' ', "_");
        if matches!(self, Self::Money(_)) { format!("{name}_minor") } else { name }
    }
}

/// Rows on their way out as CSV, RFC 4180. Where a column is money the last column is the currency of
/// the row: all money of one row is in one.
pub struct CsvRows<W: Write> {
    csv: csv::Writer<W>,
    manner: CsvManner,
    has_money: bool,
}

impl<W: Write> CsvRows<W> {
    /// Begins with the names of the columns.
    ///
    /// # Errors
    /// When they cannot be written, as below.
    pub fn begin(mut to: W, manner: CsvManner, columns: &[Column<'_>]) -> io::Result<Self> {
        to.write_all(manner.mark().as_bytes())?;
        let mut csv = csv::Writer::from_writer(to);
        let has_money = columns.iter().any(|column| matches!(column, Column::Money(_)));
        let currency = has_money.then(|| "currency".to_owned());
        csv.write_record(columns.iter().map(|column| column.name()).chain(currency))?;
        Ok(Self { csv, manner, has_money })
    }

    /// Writes one row.
    pub fn add(&mut self, cells: &[Cell]) -> io::Result<()> {
        let manner = self.manner;
        let currency = self.has_money.then(|| {
            let found = cells.iter().find_map(|cell| match cell {
                Cell::Money(money) => Some(money.currency_code.clone()),
                Cell::Empty | Cell::Text(_) | Cell::Number(_) | Cell::Share(_) => None,
            });
            found.unwrap_or_default()
        });
        Ok(self.csv.write_record(cells.iter().map(|cell| cell.plain(manner)).chain(currency))?)
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
