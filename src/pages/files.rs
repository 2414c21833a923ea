//! The files of a post-mortem: the page, the same in Markdown, and the rows behind every chart.

use super::{
    document::{Document, Table},
    html, markdown,
    post_mortem::PostMortem,
    sections::{Style, document},
};
use crate::reports::spreadsheet_safe;

/// Names of all charts that a page can have: of their files, without ending.
pub const CHART_FILES: [&str; 8] =
    ["stock-rush", "stock", "demand-rush", "demand", "traffic", "funnel", "refusals", "holds"];

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFile {
    /// Below the directory that it is written to.
    pub path: String,
    pub text: String,
}

/// All files of a post-mortem, the page first.
pub fn files(facts: &PostMortem, style: Style) -> Vec<PageFile> {
    let document = document(facts, style);
    let file = |path: &str, text| PageFile { path: path.to_owned(), text };
    let mut files = vec![
        file("post-mortem.html", html::write(&document)),
        file("post-mortem.md", markdown::write(&document)),
    ];
    files.extend(charts(&document));
    files
}

fn charts(document: &Document) -> impl Iterator<Item = PageFile> {
    document.charts().map(|chart| PageFile {
        path: format!("charts/{}.csv", chart.file),
        text: rows(&chart.rows),
    })
}

/// Rows as RFC 4180 has them, with names and values for programs.
fn rows(table: &Table) -> String {
    let mut text = String::new();
    line(&mut text, table.columns.iter().map(|column| column.name));
    for row in table.all_rows() {
        line(&mut text, row.iter().map(|cell| cell.plain.as_str()));
    }
    text
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        let cell = spreadsheet_safe(cell);
        if cell.contains(['"', ',', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell);
        }
    }
    text.push_str("\r\n");
}
