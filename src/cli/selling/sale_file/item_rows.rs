//! Items written as rows of CSV: each becomes an `[[items]]` table behind the sale file, so that the same
//! rules judge both, and complaints name the line of the row and its column.

use crate::{
    config::document::{Complaint, meant},
    values::Invalid,
};

/// Columns that are keys of an item and texts.
const TEXTS: &[&str] =
    &["sku", "title", "opens_at", "closes_at", "late_payments", "draw", "returned_units"];

/// Those that are whole numbers.
const NUMBERS: &[&str] = &[
    "unit_price_minor",
    "limit_per_buyer",
    "limit_per_order",
    "time_to_pay_seconds",
    "reinstate_within_seconds",
    "floor_minor",
];

/// Columns for a warehouse, such as `units.hangzhou`.
const BY_WAREHOUSE: &[&str] = &["units", "supplier", "reserve"];

/// The rows of a file, as text of a sale file.
pub(super) struct ItemRows {
    file: String,
    pub(super) text: String,
    /// The line of the file for each line of the text.
    lines: Vec<usize>,
}

impl ItemRows {
    /// Reads CSV with a header.
    ///
    /// # Errors
    /// What is wrong with the header, or all rows that do not fit it.
    pub(super) fn read(file: &str, csv: &str) -> Result<Self, Vec<Complaint>> {
        // Spreadsheets begin a file so.
        let csv = csv.strip_prefix('\u{feff}').unwrap_or(csv);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv.as_bytes());
        let complaint = |line: Option<usize>, field: &str, problem: String| Complaint {
            file: file.to_owned(),
            line,
            invalid: Invalid::new(field, problem),
        };
        let not_csv = |error: csv::Error| {
            let line = error.position().and_then(|at| usize::try_from(at.line()).ok());
            vec![complaint(line, "the file", format!("is not CSV: {error}"))]
        };
        let header = reader.headers().map_err(not_csv)?.clone();
        let problems = header_problems(&header);
        if !problems.is_empty() {
            let told = problems.into_iter().map(|(name, why)| complaint(Some(1), &name, why));
            return Err(told.collect());
        }
        let mut rows = Self { file: file.to_owned(), text: String::new(), lines: Vec::new() };
        let mut all = Vec::new();
        let mut place = Place { csv, byte: 0, line: 1 };
        for row in reader.records() {
            let row = row.map_err(not_csv)?;
            let line = place.of(&row);
            // Spreadsheets end a file with such rows.
            if row.iter().all(str::is_empty) {
                continue;
            }
            if row.len() == header.len() {
                rows.add(&header, &row, line);
            } else {
                let problem = format!("has {} cells, and the header {}", row.len(), header.len());
                all.push(complaint(Some(line), "the row", problem));
            }
        }
        if !all.is_empty() {
            return Err(all);
        }
        if rows.lines.is_empty() {
            return Err(vec![complaint(None, "the file", "has no rows".to_owned())]);
        }
        Ok(rows)
    }

    fn add(&mut self, header: &csv::StringRecord, row: &csv::StringRecord, line: usize) {
        let filled = || header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let cell_of = |key: &str, warehouse: &str| {
            let mut cells = filled().map(|(column, cell)| (column.split_once('.'), cell));
            cells.find(|(column, _)| *column == Some((key, warehouse))).map(|(_, cell)| cell)
        };
        self.push(line, "[[items]]");
        for (column, cell) in filled() {
            let text = match column.split_once('.') {
                None => format!("{column} = {}", value(column, cell)),
                // Without units the rules say that they are missing.
                Some(("supplier", warehouse)) if cell_of("units", warehouse).is_none() => {
                    format!("units.{} = {{ supplier = {} }}", quoted(warehouse), quoted(cell))
                }
                Some(("supplier", _)) => continue,
                Some((key, warehouse)) => {
                    let (name, units) = (quoted(warehouse), value(key, cell));
                    match cell_of("supplier", warehouse).filter(|_| key == "units") {
                        None => format!("{key}.{name} = {units}"),
                        Some(supplier) => {
                            let supplier = quoted(supplier);
                            format!("units.{name} = {{ units = {units}, supplier = {supplier} }}")
                        }
                    }
                }
            };
            self.push(line, &text);
        }
    }

    fn push(&mut self, line: usize, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push(line);
    }

    /// The complaint about a line of the text as one about the row; `before` lines are of the sale file.
    pub(super) fn placed(&self, before: usize, complaint: Complaint) -> Complaint {
        let nth = complaint.line.and_then(|line| line.checked_sub(before + 1));
        let Some(line) = nth.and_then(|nth| self.lines.get(nth)) else { return complaint };
        let Invalid { field, problem } = complaint.invalid;
        let key =
            field.strip_prefix("items[").and_then(|rest| rest.split_once("].")).map(|(_, key)| key);
        let invalid = Invalid::new(key.map_or(field.as_str(), |key| key), problem);
        Complaint { file: self.file.clone(), line: Some(*line), invalid }
    }
}

/// Where a row begins. The reader counts a line break of two characters, and an empty line, with the row
/// that follows.
struct Place<'a> {
    csv: &'a str,
    byte: usize,
    line: usize,
}

impl Place<'_> {
    /// The line of the next row.
    fn of(&mut self, row: &csv::StringRecord) -> usize {
        let byte =
            row.position().map_or(self.byte, |at| usize::try_from(at.byte()).unwrap_or(self.byte));
        let breaks = self.csv.bytes().skip(byte).take_while(|byte| b"\r\n".contains(byte)).count();
        let begins = byte + breaks;
        let passed = self.csv.bytes().skip(self.byte).take(begins.saturating_sub(self.byte));
        self.line += passed.filter(|byte| *byte == b'\n').count();
        self.byte = begins;
        self.line
    }
}

fn header_problems(header: &csv::StringRecord) -> Vec<(String, String)> {
    let mut known = [TEXTS, NUMBERS].concat();
    let of_keys = known.clone();
    known.extend(["units.WAREHOUSE", "supplier.WAREHOUSE", "reserve.WAREHOUSE"]);
    let problem = |(nth, name): (usize, &str)| {
        let is_known = match name.split_once('.') {
            Some((key, warehouse)) => BY_WAREHOUSE.contains(&key) && !warehouse.is_empty(),
            None => of_keys.contains(&name),
        };
        let problem = if header.iter().take(nth).any(|other| other == name) {
            "is the name of two columns".to_owned()
        } else if is_known {
            return None;
        } else if name.is_empty() {
            return Some((format!("column {}", nth + 1), "has no name".to_owned()));
        } else {
            match meant(name, &known) {
                Some(meant) => format!("is not a known column: did you mean {meant}?"),
                None => format!("is not a known column: known are {}", known.join(", ")),
            }
        };
        Some((name.to_owned(), problem))
    };
    header.iter().enumerate().filter_map(problem).collect()
}

/// A cell as it is written in TOML. What must be a number and is none stays a text, which the rules refuse.
fn value(column: &str, cell: &str) -> String {
    match cell.trim().parse::<i64>() {
        Ok(number) if !TEXTS.contains(&column) => number.to_string(),
        Ok(_) | Err(_) => quoted(cell),
    }
}

/// A TOML string: the escapes of JSON are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}
