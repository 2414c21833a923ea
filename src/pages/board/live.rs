//! The live page of one sale: places for the panels, filled with what is known already.

use std::fmt::Write as _;

use super::{drawn::Drawing, say::Say, shell::element_link, words::Word};
use crate::{pages::escape, values::SaleId};

/// The body of a live page.
pub fn body(sale: SaleId, panels: &[(&'static str, String)], say: Say) -> String {
    let filled = |id: &str| {
        panels.iter().find(|(known, _)| *known == id).map_or("", |(_, html)| html.as_str())
    };
    let mut out = String::new();
    let _ = write!(
        out,
        "<div class=\"top\"><div id=\"head\">{}</div><p class=\"ways\">",
        filled("head")
    );
    element_link(&mut out, "", &format!("/sales/{sale}/after"), say.word(Word::After));
    element_link(&mut out, "", &format!("/sales/{sale}/post-mortem"), say.word(Word::FullReport));
    out.push_str("</p></div>\n");
    let _ = write!(
        out,
        "<div id=\"level\" role=\"status\">{}</div><div id=\"alerts\">{}</div><div id=\"tiles\">{}</div>\n<div id=\"proposals\" role=\"status\">{}</div><div class=\"grid\">",
        filled("level"),
        filled("alerts"),
        filled("tiles"),
        filled("proposals")
    );
    for drawing in Drawing::ALL {
        let (id, title) = (drawing.name(), escape::html(say.word(drawing.title())));
        let _ = writeln!(
            out,
            "<section class=\"card of-{id}\" aria-labelledby=\"t-{id}\"><h2 id=\"t-{id}\">{title}</h2>\
             <div id=\"{id}\" class=\"drawing\">{}</div><details data-rows=\"{id}\"><summary>{}</summary>\
             <div class=\"behind\" tabindex=\"0\" id=\"rows-{id}\"></div></details></section>",
            filled(id),
            escape::html(say.word(Word::Rows))
        );
    }
    for (id, title) in [
        ("items", Word::ItemsTitle),
        ("coupons", Word::CouponsTitle),
        ("happenings", Word::HappeningsTitle),
        ("incidents", Word::IncidentsTitle),
        ("dues", Word::DuesTitle),
        ("channels", Word::ChannelsTitle),
        ("health", Word::HealthTitle),
        ("nodes", Word::NodesTitle),
    ] {
        let title = escape::html(say.word(title));
        // Sales without coupons and nodes without others have no such panel; the browser's script shows it
        // once a frame has it.
        let absent =
            ["coupons", "nodes"].contains(&id) && panels.iter().all(|(known, _)| *known != id);
        let absent = if absent { " is-absent" } else { "" };
        let _ = write!(
            out,
            "<section class=\"card of-{id}{absent}\" aria-labelledby=\"t-{id}\"><h2 id=\"t-{id}\">{title}</h2>"
        );
        if id == "items" {
            let search = escape::html(say.word(Word::Search));
            let _ = write!(
                out,
                "<input id=\"search\" type=\"search\" maxlength=\"100\" autocomplete=\"off\" \
                 placeholder=\"{search}\" aria-label=\"{search}\">"
            );
        }
        let _ = writeln!(out, "<div id=\"{id}\">{}</div></section>", filled(id));
    }
    out.push_str("</div>");
    out
}
