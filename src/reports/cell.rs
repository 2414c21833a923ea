//! Cells of CSV: the only place that says how text is guarded against being taken for a formula.

use std::borrow::Cow;

/// What a spreadsheet may take for the beginning of a formula, also in the full width of Chinese
/// keyboards: some programs read both alike.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// How CSV is written. Numbers of ours are never touched by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CsvManner {
    /// Texts are left as they are, for programs that know no formulas.
    pub raw: bool,
    /// A byte order mark comes first: some spreadsheets take a file without it for another encoding.
    pub bom: bool,
}

impl CsvManner {
    /// A text that no spreadsheet takes for a formula: what starts like one gets an apostrophe in
    /// front. What can only be a number, such as -5, stays as it is.
    pub fn text(self, text: &str) -> Cow<'_, str> {
        if !self.raw && text.starts_with(FORMULA_STARTS) && !is_number(text) {
            Cow::Owned(format!("'{text}"))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// What comes before the first row.
    pub fn mark(self) -> &'static str {
        if self.bom { "\u{feff}" } else { "" }
    }
}

/// Whether a spreadsheet can only take it for a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|side| !side.is_empty() && side.bytes().all(|b| b.is_ascii_digit()))
}
