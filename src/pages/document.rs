//! A page as parts: sections of sentences, figures, tables and charts, in one language.
//!
//! The contents are determined once, here and in `compose`; HTML, Markdown and CSV are output
//! formats. Texts in it are not escaped: every writer escapes all of them.

use super::{
    charts::Ink,
    numbers::{amount, group, percent},
    words::{Definition, Lang},
};

/// A whole page.
#[derive(Debug, Clone)]
pub struct Document {
    pub lang: Lang,
    /// What kind of page it is.
    pub kind: &'static str,
    pub title: String,
    /// What has to be known before anything is read: that its sale is not over.
    pub unfinished: Option<String>,
    /// What it is about, in names and values.
    pub about: Vec<(&'static str, String)>,
    /// The figures to see first.
    pub tiles: Vec<Tile>,
    pub sections: Vec<Section>,
    pub definitions_title: &'static str,
    pub foot: String,
}

/// One figure, large.
#[derive(Debug, Clone)]
pub struct Tile {
    pub name: &'static str,
    pub value: String,
    pub note: String,
    pub definition: Definition,
}

/// A part with a title.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name in links.
    pub anchor: &'static str,
    pub title: &'static str,
    pub blocks: Vec<Block>,
}

/// What a section is made of.
#[derive(Debug, Clone)]
pub enum Block {
    Subtitle(&'static str),
    Paragraph(String),
    /// Said less loudly.
    Note(String),
    Findings(Vec<(String, String)>),
    Facts(Vec<Tile>),
    Table(Table),
    Chart(Chart),
}

/// A drawing, what its colours mean, and the rows it was drawn from.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Name of its file of rows, without ending.
    pub file: &'static str,
    pub title: String,
    pub svg: String,
    pub legend: Vec<(Ink, &'static str)>,
    /// Title of the table in the page.
    pub behind: String,
    /// As many rows as a page can bear.
    pub table: Table,
    /// All rows, for the file.
    pub rows: Table,
}

/// Rows under columns.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// A last row over all of them, also those that are not shown.
    pub total: Option<Vec<Cell>>,
}

/// What a column holds.
#[derive(Debug, Clone)]
pub struct Column {
    /// For people.
    pub title: &'static str,
    /// For programs: the same in every language.
    pub name: &'static str,
    pub kind: Kind,
    pub definition: Option<Definition>,
}

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    /// A moment, which is not broken into lines.
    Time,
}

/// One value.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// For people.
    pub shown: String,
    /// For programs.
    pub plain: String,
    /// Of a million, where it is a share that is shown as a bar, too.
    pub bar_ppm: Option<i64>,
}

impl Column {
    /// A column of texts.
    pub fn text(title: &'static str, name: &'static str) -> Self {
        Self { title, name, kind: Kind::Text, definition: None }
    }

    /// A column of numbers.
    pub fn number(title: &'static str, name: &'static str) -> Self {
        Self { title, name, kind: Kind::Number, definition: None }
    }

    /// A column of moments.
    pub fn time(title: &'static str, name: &'static str) -> Self {
        Self { title, name, kind: Kind::Time, definition: None }
    }

    /// The same, with what it means.
    #[must_use]
    pub fn defined(self, definition: Definition) -> Self {
        Self { definition: Some(definition), ..self }
    }
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        let plain = text.into();
        Self { shown: plain.clone(), plain, bar_ppm: None }
    }

    /// A text that programs know by another name.
    pub fn named(shown: impl Into<String>, plain: impl Into<String>) -> Self {
        Self { shown: shown.into(), plain: plain.into(), bar_ppm: None }
    }

    /// A count.
    pub fn count(number: i64) -> Self {
        Self::named(group(number), number.to_string())
    }

    /// An amount in minor units.
    pub fn amount(minor: i64, currency: &str) -> Self {
        Self::named(amount(minor, currency), minor.to_string())
    }

    /// A share in parts per million.
    pub fn share(ppm: i64) -> Self {
        Self::named(percent(ppm), ppm.to_string())
    }

    /// The same with a bar as long.
    pub fn bar(ppm: i64) -> Self {
        Self { bar_ppm: Some(ppm.clamp(0, 1_000_000)), ..Self::share(ppm) }
    }
}

impl Table {
    /// No rows yet.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new(), total: None }
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows, the total last.
    pub fn all_rows(&self) -> impl Iterator<Item = &Vec<Cell>> {
        self.rows.iter().chain(&self.total)
    }
}

impl Document {
    /// Its charts, in the order of the page.
    pub fn charts(&self) -> impl Iterator<Item = &Chart> {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        blocks.filter_map(|block| match block {
            Block::Chart(chart) => Some(chart),
            Block::Subtitle(_)
            | Block::Paragraph(_)
            | Block::Note(_)
            | Block::Findings(_)
            | Block::Facts(_)
            | Block::Table(_) => None,
        })
    }
}
