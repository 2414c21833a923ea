//! The files of a post-mortem: the page, the same in Markdown, and the rows behind every chart.

use std::borrow::Cow;

use super::{
    document::{Document, Kind, Table},
    html, markdown,
    post_mortem::PostMortem,
    sections::{Style, document},
};
use crate::reports::CsvManner;

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
pub fn files(facts: &PostMortem, style: Style, csv: CsvManner) -> Vec<PageFile> {
    let document = document(facts, style);
    let file = |path: &str, text| PageFile { path: path.to_owned(), text };
    let mut files = vec![
        file("post-mortem.html", html::write(&document)),
        file("post-mortem.md", markdown::write(&document)),
    ];
    files.extend(charts(&document, csv));
    files
}

fn charts(document: &Document, csv: CsvManner) -> impl Iterator<Item = PageFile> {
    document.charts().map(move |chart| PageFile {
        path: format!("charts/{}.csv", chart.file),
        text: rows(&chart.rows, csv),
    })
}

/// Rows as RFC 4180 has them, with names and values for programs.
fn rows(table: &Table, csv: CsvManner) -> String {
    let mut text = csv.mark().to_owned();
    line(&mut text, table.columns.iter().map(|column| column.name.into()));
    for row in table.all_rows() {
        let cells = row.iter().zip(&table.columns).map(|(cell, column)| match column.kind {
            Kind::Text => csv.text(&cell.plain),
            Kind::Number | Kind::Time => cell.plain.as_str().into(),
        });
        line(&mut text, cells);
    }
    text
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = Cow<'a, str>>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
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
