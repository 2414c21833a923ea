//! A document as one HTML file: no network access, no script, for light and dark mode, phones and
//! paper.

use std::fmt::Write as _;

use super::{
    charts::Ink,
    document::{Block, Cell, Chart, Column, Document, Kind, Section, Table, Tile},
    escape::html as safe,
    words::{Definition, Lang},
};

const STYLE: &str = include_str!("style.css");

/// The style sheet exactly as in the page, for the hash in the content security policy.
pub fn style() -> String {
    format!("\n{STYLE}")
}

/// The whole page.
pub fn write(document: &Document) -> String {
    let mut out = String::new();
    let (lang, title) = (document.lang.tag(), safe(&document.title));
    let kind = safe(document.kind);
    // Whatever stood in a text: nothing is loaded and nothing runs.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title} · {kind}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    let _ = write!(out, "<header>\n<p class=\"kind\">{kind}</p>\n<h1>{title}</h1>\n");
    if let Some(unfinished) = &document.unfinished {
        let _ = writeln!(out, "<p class=\"unfinished\" role=\"note\">{}</p>", safe(unfinished));
    }
    out.push_str("<dl>\n");
    for (name, value) in &document.about {
        let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", safe(name), safe(value));
    }
    out.push_str("</dl>\n</header>\n<main>\n");
    tiles(&mut out, &document.tiles, document.lang);
    contents(&mut out, document);
    for section in &document.sections {
        write_section(&mut out, section, document.lang);
    }
    definitions(&mut out, document);
    let _ = write!(out, "</main>\n<footer><p>{}</p></footer>\n", safe(&document.foot));
    out.push_str("</body>\n</html>\n");
    out
}

fn contents(out: &mut String, document: &Document) {
    let _ = writeln!(out, "<nav aria-label=\"{}\"><ol>", safe(document.kind));
    for section in &document.sections {
        let (anchor, title) = (section.anchor, safe(section.title));
        let _ = writeln!(out, "<li><a href=\"#{anchor}\">{title}</a></li>");
    }
    let title = safe(document.definitions_title);
    let _ = writeln!(out, "<li><a href=\"#definitions\">{title}</a></li>\n</ol></nav>");
}

fn write_section(out: &mut String, section: &Section, lang: Lang) {
    let (anchor, title) = (section.anchor, safe(section.title));
    let _ = writeln!(out, "<section id=\"{anchor}\">\n<h2>{title}</h2>");
    for block in &section.blocks {
        write_block(out, block, lang);
    }
    out.push_str("</section>\n");
}

fn write_block(out: &mut String, block: &Block, lang: Lang) {
    match block {
        Block::Subtitle(title) => _ = writeln!(out, "<h3>{}</h3>", safe(title)),
        Block::Paragraph(text) => _ = writeln!(out, "<p>{}</p>", safe(text)),
        Block::Note(text) => _ = writeln!(out, "<p class=\"note\">{}</p>", safe(text)),
        Block::Findings(findings) => {
            out.push_str("<ol class=\"findings\">\n");
            for (says, more) in findings {
                let (says, more) = (safe(says), safe(more));
                let _ = writeln!(out, "<li><strong>{says}</strong><span>{more}</span></li>");
            }
            out.push_str("</ol>\n");
        }
        Block::Facts(facts) => tiles(out, facts, lang),
        Block::Table(rows) => table(out, rows, lang),
        Block::Chart(drawn) => chart(out, drawn, lang),
    }
}

fn tiles(out: &mut String, tiles: &[Tile], lang: Lang) {
    // In rows that are full: of three or of four.
    let class = if tiles.len().is_multiple_of(3) { "tiles thirds" } else { "tiles" };
    let _ = writeln!(out, "<ul class=\"{class}\">");
    for tile in tiles {
        let name = defined(tile.name, tile.definition, lang);
        let (value, note) = (safe(&tile.value), safe(&tile.note));
        let _ = write!(out, "<li><span class=\"name\">{name}</span><b>{value}</b>");
        let _ = writeln!(out, "<span class=\"more\">{note}</span></li>");
    }
    out.push_str("</ul>\n");
}

/// A figure's name with its definition: as a hint, and as a link to the end of the page.
fn defined(name: &str, definition: Definition, lang: Lang) -> String {
    let (anchor, number) = (definition.anchor(), definition.number());
    let hint = safe(definition.text(lang));
    format!("{} <a class=\"def\" href=\"#{anchor}\" title=\"{hint}\">{number}</a>", safe(name))
}

fn table(out: &mut String, table: &Table, lang: Lang) {
    out.push_str("<div class=\"wide\"><table>\n<thead><tr>");
    for column in &table.columns {
        let class = class_of(column);
        let title = match column.definition {
            Some(definition) => defined(column.title, definition, lang),
            None => safe(column.title),
        };
        let _ = write!(out, "<th scope=\"col\"{class}>{title}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        cells(out, table, row);
    }
    out.push_str("</tbody>\n");
    if let Some(total) = &table.total {
        out.push_str("<tfoot>\n");
        cells(out, table, total);
        out.push_str("</tfoot>\n");
    }
    out.push_str("</table></div>\n");
}

fn class_of(column: &Column) -> &'static str {
    match column.kind {
        Kind::Text => "",
        Kind::Number => " class=\"n\"",
        Kind::Time => " class=\"t\"",
    }
}

fn cells(out: &mut String, table: &Table, row: &[Cell]) {
    out.push_str("<tr>");
    for (column, cell) in table.columns.iter().zip(row) {
        let class = class_of(column);
        let _ = write!(out, "<td{class}>{}", safe(&cell.shown));
        if let Some(ppm) = cell.bar_ppm {
            let _ = write!(
                out,
                "<svg class=\"bar\" viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\" \
                 aria-hidden=\"true\"><path class=\"fill grid\" d=\"M0 0h1000v60h-1000z\"/>\
                 <path class=\"fill one\" d=\"M0 0h{0}v60h-{0}z\"/></svg>",
                ppm / 1_000
            );
        }
        out.push_str("</td>");
    }
    out.push_str("</tr>\n");
}

fn chart(out: &mut String, chart: &Chart, lang: Lang) {
    let _ = writeln!(out, "<figure>\n<figcaption>{}", safe(&chart.title));
    if !chart.legend.is_empty() {
        out.push_str("<span class=\"legend\">");
        for (ink, name) in &chart.legend {
            let _ = write!(out, "<span>{}{}</span>", swatch(*ink), safe(name));
        }
        out.push_str("</span>");
    }
    let svg = &chart.svg;
    let _ = write!(out, "</figcaption>\n<div class=\"wide\">{svg}</div>\n<details>");
    let _ = writeln!(out, "<summary>{}</summary>", safe(&chart.behind));
    table(out, &chart.table, lang);
    out.push_str("</details>\n</figure>\n");
}

fn swatch(ink: Ink) -> String {
    let class = ink.class();
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 10 10\" aria-hidden=\"true\">\
         <path class=\"fill {class}\" d=\"M0 0h10v10h-10z\"/></svg>"
    )
}

fn definitions(out: &mut String, document: &Document) {
    let title = safe(document.definitions_title);
    let _ = writeln!(out, "<section id=\"definitions\">\n<h2>{title}</h2>\n<ol class=\"defs\">");
    for definition in Definition::ALL {
        let (figure, meaning) = definition.parts(document.lang);
        let (figure, meaning) = (safe(figure), safe(meaning));
        let anchor = definition.anchor();
        let _ = writeln!(out, "<li id=\"{anchor}\"><b>{figure}:</b> {meaning}</li>");
    }
    out.push_str("</ol>\n</section>\n");
}
