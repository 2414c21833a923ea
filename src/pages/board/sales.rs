//! The list of sales, and pages that explain why there is nothing to show.

use std::fmt::Write as _;

use super::{
    panels::SaleState,
    say::{Say, close_table, element, open_table},
    shell::element_link,
    words::Word,
};
use crate::{
    pages::{
        numbers::{group, percent},
        words::Term,
    },
    reports::{SaleLine, SalesFigures, share_ppm},
    values::UnixMs,
};

/// One sale in the list.
#[derive(Debug, Clone)]
pub struct SaleRow {
    pub line: SaleLine,
    /// Over all items; absent while the read model has not come that far.
    pub total: Option<SalesFigures>,
    /// Set where the sale is looked at once a second anyway.
    pub state: Option<SaleState>,
}

impl SaleRow {
    fn state(&self, now: UnixMs) -> SaleState {
        if self.line.closed || now >= self.line.closes_at {
            return SaleState::Closed;
        }
        let gone = |total: &SalesFigures| total.allocated_units > 0 && total.available_units == 0;
        match self.state {
            Some(state) => state,
            None if now < self.line.opens_at => SaleState::NotOpen,
            None if self.total.as_ref().is_some_and(gone) => SaleState::SoldOut,
            None => SaleState::Open,
        }
    }
}

/// The body of the list.
pub fn body(rows: &[SaleRow], next: &str, now: UnixMs, say: Say) -> String {
    let mut out = String::new();
    element(&mut out, "h1", "", say.word(Word::Sales));
    if rows.is_empty() {
        element(&mut out, "p", "empty", say.word(Word::NoSales));
        element(&mut out, "p", "quiet", say.word(Word::NoSalesMore));
        return out;
    }
    out.push_str("<section class=\"card\">");
    open_table(
        &mut out,
        &[
            ("", say.term(Term::SaleId)),
            ("", say.word(Word::State)),
            ("t", say.term(Term::Window)),
            ("n", say.word(Word::ItemsTitle)),
            ("n", say.term(Term::Sold)),
            ("n", say.term(Term::Allocated)),
            ("n", say.word(Word::SoldShare)),
            ("", ""),
        ],
    );
    for row in rows {
        sale_row(&mut out, row, now, say);
    }
    close_table(&mut out);
    out.push_str("</section>");
    if !next.is_empty() {
        out.push_str("<p class=\"pager\">");
        element_link(&mut out, "", &format!("/?page={next}"), say.word(Word::Older));
        out.push_str("</p>");
    }
    out
}

fn sale_row(out: &mut String, row: &SaleRow, now: UnixMs, say: Say) {
    let (line, state) = (&row.line, row.state(now));
    let (word, class) = state.told();
    let over = state == SaleState::Closed;
    let live = format!("/sales/{}", line.sale_id);
    let after = format!("/sales/{}/after", line.sale_id);
    out.push_str("<tr><td>");
    element_link(out, "", if over { &after } else { &live }, &line.name);
    out.push_str("</td><td>");
    element(out, "span", &format!("state {class}"), say.word(word));
    out.push_str("</td>");
    let window = format!("{} – {}", say.moment(line.opens_at), say.moment(line.closes_at));
    element(out, "td", "t", &window);
    element(out, "td", "n", &group(line.items));
    match &row.total {
        Some(total) => {
            element(out, "td", "n", &group(total.units_sold));
            element(out, "td", "n", &group(total.allocated_units));
            let share = share_ppm(total.units_sold, total.allocated_units);
            element(out, "td", "n", &percent(share));
        }
        None => {
            let _ = write!(
                out,
                "<td class=\"n\">{0}</td><td class=\"n\">{0}</td><td class=\"n\">{0}</td>",
                say.term(Term::Nothing)
            );
        }
    }
    out.push_str("<td class=\"t\">");
    element_link(out, "", &live, say.word(Word::Live));
    out.push_str(" · ");
    element_link(out, "", &after, say.word(Word::After));
    out.push_str("</td></tr>");
}

/// A body that says why there is nothing else.
pub fn problem(why: &str, say: Say) -> String {
    let mut out = String::new();
    element(&mut out, "h1", "", "doorbuster");
    element(&mut out, "p", "empty", why);
    out.push_str("<p>");
    element_link(&mut out, "", "/", say.word(Word::Sales));
    out.push_str("</p>");
    out
}
