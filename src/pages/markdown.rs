//! A document as Markdown, as GitHub reads it: for chats, reviews and wikis.
//!
//! Charts are their rows here; the drawings are in the page.

use std::fmt::Write as _;

use super::{
    document::{Block, Cell, Column, Document, Kind, Table, Tile},
    escape::markdown as safe,
    words::Definition,
};

/// The whole document.
pub fn write(document: &Document) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {} · {}\n", safe(document.kind), safe(&document.title));
    if let Some(unfinished) = &document.unfinished {
        let _ = writeln!(out, "> **{}**\n", safe(unfinished));
    }
    for (name, value) in &document.about {
        let _ = writeln!(out, "- **{}**: {}", safe(name), safe(value));
    }
    out.push('\n');
    tiles(&mut out, &document.tiles);
    for section in &document.sections {
        let _ = writeln!(out, "## {}\n", safe(section.title));
        for block in &section.blocks {
            write_block(&mut out, block);
        }
    }
    let _ = writeln!(out, "## {}\n", safe(document.definitions_title));
    for definition in Definition::ALL {
        let (figure, meaning) = definition.parts(document.lang);
        let number = definition.number();
        let _ = writeln!(out, "{number}. **{}** – {}", safe(figure), safe(meaning));
    }
    let _ = writeln!(out, "\n---\n\n{}", safe(&document.foot));
    out
}

fn write_block(out: &mut String, block: &Block) {
    match block {
        Block::Subtitle(title) => _ = writeln!(out, "### {}\n", safe(title)),
        Block::Paragraph(text) => _ = writeln!(out, "{}\n", safe(text)),
        Block::Note(text) => _ = writeln!(out, "> {}\n", safe(text)),
        Block::Findings(findings) => {
            for (place, (says, more)) in findings.iter().enumerate() {
                let _ = writeln!(out, "{}. **{}** {}", place + 1, safe(says), safe(more));
            }
            out.push('\n');
        }
        Block::Facts(facts) => tiles(out, facts),
        Block::Table(rows) => table(out, rows),
        Block::Chart(chart) => {
            let _ = writeln!(out, "**{}** ({})\n", safe(&chart.title), safe(&chart.behind));
            table(out, &chart.table);
        }
    }
}

fn tiles(out: &mut String, tiles: &[Tile]) {
    for tile in tiles {
        let number = tile.definition.number();
        let _ = write!(out, "- {} \\[{number}\\]: **{}**", safe(tile.name), safe(&tile.value));
        if !tile.note.is_empty() {
            let _ = write!(out, " ({})", safe(&tile.note));
        }
        out.push('\n');
    }
    out.push('\n');
}

fn table(out: &mut String, table: &Table) {
    let titles = table.columns.iter().map(|column| match column.definition {
        Some(definition) => format!("{} \\[{}\\]", safe(column.title), definition.number()),
        None => safe(column.title),
    });
    line(out, titles);
    line(
        out,
        table.columns.iter().map(|Column { kind, .. }| {
            if *kind == Kind::Number { "---:" } else { "---" }.to_owned()
        }),
    );
    for row in &table.rows {
        line(out, row.iter().map(|Cell { shown, .. }| safe(shown)));
    }
    if let Some(total) = &table.total {
        line(
            out,
            total.iter().map(|Cell { shown, .. }| match shown.is_empty() {
                true => String::new(),
                false => format!("**{}**", safe(shown)),
            }),
        );
    }
    out.push('\n');
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    for cell in cells {
        let _ = write!(out, "| {cell} ");
    }
    out.push_str("|\n");
}
