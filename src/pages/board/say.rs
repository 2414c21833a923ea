//! Text of the board: words of one language, times, amounts.

use std::fmt::Write as _;

use super::{steering::Deed, words::Word};
use crate::{
    pages::{
        escape,
        numbers::{self, Clock},
        words::{Lang, Term, fill},
    },
    values::{AlertSeverity, IncidentSeverity, UnixMs},
};

/// One language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Say {
    pub lang: Lang,
}

impl Say {
    pub fn word(self, word: Word) -> &'static str {
        word.text(self.lang)
    }

    pub fn term(self, term: Term) -> &'static str {
        term.text(self.lang)
    }

    pub fn deed(self, deed: Deed) -> &'static str {
        deed.text(self.lang)
    }

    /// A text with its gaps filled; not escaped yet.
    pub fn filled(self, word: Word, values: &[(&str, &str)]) -> String {
        fill(word.text(self.lang), values)
    }

    /// A whole span of time.
    pub fn span(self, ms: i64) -> String {
        numbers::span(ms.max(0), self.lang)
    }

    /// Date and time to the second.
    pub fn moment(self, at: UnixMs) -> String {
        Clock::UTC.moment(at)
    }

    /// Time of day to the second.
    pub fn time(self, at: UnixMs) -> String {
        Clock::UTC.label(at.second(), 1)
    }

    /// Microseconds as people read them; a dash where nothing is known.
    pub fn micros(self, us: Option<i64>) -> String {
        match us {
            None => self.term(Term::Nothing).to_owned(),
            Some(us) if us < 10_000 => {
                let tenths = us.max(0) / 100;
                let n = format!("{}.{}", tenths / 10, tenths % 10);
                fill(self.term(Term::Milliseconds), &[("n", &n)])
            }
            Some(us) => self.span(us / 1_000),
        }
    }

    pub fn alert_severity(self, severity: AlertSeverity) -> &'static str {
        self.word(match severity {
            AlertSeverity::Info => Word::Notice,
            AlertSeverity::Warning => Word::Warning,
            AlertSeverity::Critical => Word::Critical,
        })
    }

    pub fn incident_severity(self, severity: Option<IncidentSeverity>) -> &'static str {
        self.word(match severity {
            None => Word::NotAssessed,
            Some(IncidentSeverity::Minor) => Word::Minor,
            Some(IncidentSeverity::Major) => Word::Major,
            Some(IncidentSeverity::Critical) => Word::Critical,
        })
    }
}

/// Appends an element with one class around a text from anywhere.
pub fn element(out: &mut String, name: &str, class: &str, text: &str) {
    let text = escape::html(text);
    let _ = match class {
        "" => write!(out, "<{name}>{text}</{name}>"),
        class => write!(out, "<{name} class=\"{class}\">{text}</{name}>"),
    };
}

/// A table without a row yet: columns with the class of their cells (`n` for numbers).
pub fn open_table(out: &mut String, columns: &[(&str, &str)]) {
    out.push_str("<div class=\"wide\"><table><thead><tr>");
    for (class, title) in columns {
        let title = escape::html(title);
        let _ = match *class {
            "" => write!(out, "<th scope=\"col\">{title}</th>"),
            class => write!(out, "<th scope=\"col\" class=\"{class}\">{title}</th>"),
        };
    }
    out.push_str("</tr></thead><tbody>");
}

pub fn close_table(out: &mut String) {
    out.push_str("</tbody></table></div>");
}

/// A row of cells with their classes.
pub fn row(out: &mut String, cells: &[(&str, &str)]) {
    out.push_str("<tr>");
    for (class, text) in cells {
        element(out, "td", class, text);
    }
    out.push_str("</tr>");
}
