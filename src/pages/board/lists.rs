//! The lists of a live page: items, channels, recent events, incidents.

use std::fmt::Write as _;

use super::{
    panels::{bar, button},
    say::{Say, close_table, element, open_table, row},
    steering::Deed,
    words::Word,
};
use crate::{
    pages::{
        escape,
        numbers::{amount, group, percent},
        words::{Term, event_name as stored_name},
    },
    reports::{NodePulse, Pulse, PulseItem, share_ppm},
    values::{UnixMs, number_of},
};

/// Items on one page.
pub const ITEMS_ON_PAGE: usize = 50;

/// An item of which at most so many of a million units are available is low.
const LOW_PPM: i64 = 100_000;

/// Letters of a search that are looked at.
const SEARCH_CHARS_MAX: usize = 100;

/// Which items are wanted, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemsAsked {
    /// Name of a column, with `-` before it where the largest come first; anything else is the order
    /// of the plan.
    pub sort: String,
    /// Part of a SKU or a title.
    pub search: String,
    /// From 0 on; one beyond the last is the last.
    pub page: usize,
}

/// A column of items.
struct Column {
    name: &'static str,
    class: &'static str,
    key: fn(&PulseItem) -> i64,
}

const COLUMNS: [Column; 7] = [
    Column { name: "price", class: "n", key: |item| item.unit_price_minor },
    Column { name: "available", class: "n", key: |item| item.units.available },
    Column { name: "held", class: "n", key: |item| item.units.held },
    Column { name: "sold", class: "n", key: |item| item.units.sold },
    Column { name: "reserve", class: "n", key: |item| item.units.reserve },
    Column {
        name: "share",
        class: "n",
        key: |item| share_ppm(item.units.sold, item.units.allocated),
    },
    Column { name: "pace", class: "n", key: |item| item.units_in_ten_seconds },
];

fn title_of(name: &str, say: Say) -> &'static str {
    match name {
        "price" => say.word(Word::Price),
        "available" => say.term(Term::Available),
        "held" => say.term(Term::Held),
        "sold" => say.term(Term::Sold),
        "reserve" => say.word(Word::Reserve),
        "share" => say.word(Word::SoldShare),
        _ => say.word(Word::Pace),
    }
}

/// A page of the items, as they were asked for.
pub fn items(pulse: &Pulse, asked: &ItemsAsked, say: Say) -> String {
    let search: String = asked.search.trim().chars().take(SEARCH_CHARS_MAX).collect();
    let search = search.to_lowercase();
    let mut found: Vec<&PulseItem> = pulse
        .items
        .iter()
        .filter(|item| {
            search.is_empty()
                || item.sku.to_lowercase().contains(&search)
                || item.title.to_lowercase().contains(&search)
        })
        .collect();
    let (downwards, name) = match asked.sort.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, asked.sort.as_str()),
    };
    if let Some(column) = COLUMNS.iter().find(|column| column.name == name) {
        found.sort_by_key(|item| (column.key)(item));
    } else if name == "item" {
        found.sort_by(|one, other| one.title.cmp(&other.title));
    }
    if downwards {
        found.reverse();
    }
    let last = found.len().saturating_sub(1) / ITEMS_ON_PAGE;
    let page = asked.page.min(last);
    let from = page * ITEMS_ON_PAGE;
    let shown = found.iter().skip(from).take(ITEMS_ON_PAGE);
    let mut out = String::new();
    items_head(&mut out, name, downwards, say);
    let mut rows = 0;
    for item in shown {
        item_row(&mut out, pulse, item, say);
        rows += 1;
    }
    close_table(&mut out);
    if rows == 0 {
        element(&mut out, "p", "quiet empty", say.word(Word::NoItems));
    }
    if last > 0 {
        pager(&mut out, (page, last), (from, rows, found.len()), say);
    }
    out
}

fn items_head(out: &mut String, sorted: &str, downwards: bool, say: Say) {
    out.push_str("<div class=\"wide\"><table class=\"items\"><thead><tr>");
    let mut column = |name: &str, class: &str, title: &str| {
        let (order, next) = match (name == sorted, downwards) {
            (true, true) => (" aria-sort=\"descending\"", name.to_owned()),
            (true, false) => (" aria-sort=\"ascending\"", format!("-{name}")),
            (false, _) => ("", if name == "item" { name.to_owned() } else { format!("-{name}") }),
        };
        let title = escape::html(title);
        let _ = write!(
            out,
            "<th scope=\"col\" class=\"{class}\"{order}><button type=\"button\" \
             data-sort=\"{next}\" data-key=\"sort-{name}\">{title}</button></th>"
        );
    };
    column("item", "", say.term(Term::Item));
    for Column { name, class, .. } in &COLUMNS {
        column(name, class, title_of(name, say));
    }
    let steer = escape::html(say.word(Word::Steer));
    let _ = write!(out, "<th scope=\"col\" class=\"act\">{steer}</th></tr></thead><tbody>");
}

fn item_row(out: &mut String, pulse: &Pulse, item: &PulseItem, say: Say) {
    let units = item.units;
    let id = item.item_id.to_string();
    let _ = write!(out, "<tr data-item=\"{id}\"><td class=\"what\">");
    element(out, "span", "title", &item.title);
    element(out, "span", "quiet sku", &item.sku);
    if let Some(limit) = item.limit_per_buyer {
        element(out, "span", "quiet", &say.filled(Word::Limit, &[("n", &group(limit))]));
    }
    let mark = if item.closed {
        Some(("closed", Word::Closed))
    } else if item.paused || pulse.sale.paused {
        Some(("paused", Word::Paused))
    } else if units.allocated > 0 && units.available <= 0 {
        Some(("sold-out", Word::SoldOut))
    } else if units.allocated > 0 && share_ppm(units.available, units.allocated) <= LOW_PPM {
        Some(("low", Word::Low))
    } else {
        None
    };
    if let Some((class, word)) = mark {
        element(out, "span", &format!("state {class}"), say.word(word));
    }
    out.push_str("</td>");
    out.push_str("<td class=\"n\">");
    element(out, "span", "", &amount(item.unit_price_minor, pulse.sale.currency.code()));
    if let Some(left) = item.step_left_units {
        element(out, "span", "quiet left", &say.filled(Word::LeftOfStep, &[("n", &group(left))]));
    }
    out.push_str("</td>");
    for count in [units.available, units.held, units.sold, units.reserve] {
        element(out, "td", "n", &group(count));
    }
    let share = share_ppm(units.sold, units.allocated);
    let _ = write!(out, "<td class=\"n\">{}", escape::html(&percent(share)));
    bar(out, share);
    out.push_str("</td>");
    element(out, "td", "n", &group(item.units_in_ten_seconds));
    out.push_str("<td class=\"act\">");
    if !item.closed {
        let turn = match item.paused {
            true => ("resume-item", Deed::ResumeItem),
            false => ("pause-item", Deed::PauseItem),
        };
        let number = |limit: Option<i64>| limit.map_or(String::new(), |limit| limit.to_string());
        let (per_buyer, per_order) = (number(item.limit_per_buyer), number(item.limit_per_order));
        let id = ("item", id.as_str());
        button(out, turn.0, say.deed(turn.1), &item.title, &[id]);
        if units.reserve > 0 {
            let fields = [id, ("units", &*units.reserve.to_string())];
            button(out, "release", say.deed(Deed::Release), &item.title, &fields);
        }
        button(out, "allocate", say.deed(Deed::Allocate), &item.title, &[id]);
        let fields = [id, ("buyer", per_buyer.as_str()), ("order", per_order.as_str())];
        button(out, "limit", say.deed(Deed::SetLimit), &item.title, &fields);
    }
    out.push_str("</td></tr>");
}

fn pager(
    out: &mut String,
    (page, last): (usize, usize),
    (from, rows, all): (usize, usize, usize),
    say: Say,
) {
    let count = |number: usize| group(number_of(number));
    out.push_str("<p class=\"pager\">");
    let mut turn = |to: Option<usize>, key: &str, word: Word| {
        let name = escape::html(say.word(word));
        let (to, off) = match to {
            Some(to) => (to, ""),
            None => (page, " disabled"),
        };
        let _ = write!(
            out,
            "<button type=\"button\" data-page=\"{to}\" data-key=\"page-{key}\"{off}>{name}</button>"
        );
    };
    turn(page.checked_sub(1), "before", Word::Before);
    turn((page < last).then_some(page + 1), "next", Word::Next);
    let (first, end, all) = (count(from + 1), count(from + rows), count(all));
    let told = say.filled(Word::PageOf, &[("from", &first), ("until", &end), ("all", &all)]);
    element(out, "span", "quiet", &told);
    out.push_str("</p>");
}

/// Channels by what was ordered through them.
pub fn channels(pulse: &Pulse, say: Say) -> String {
    let mut out = String::new();
    if pulse.channels.is_empty() {
        element(&mut out, "p", "quiet empty", say.word(Word::NoChannels));
        return out;
    }
    let columns = [
        ("", say.term(Term::Channel)),
        ("n", say.term(Term::Attempts)),
        ("n", say.term(Term::OrdersCount)),
    ];
    open_table(&mut out, &columns);
    for channel in &pulse.channels {
        let name = match channel.channel.as_str() {
            "" => say.term(Term::NoneGiven),
            name => name,
        };
        let (attempts, orders) = (group(channel.attempts), group(channel.orders_placed));
        row(&mut out, &[("", name), ("n", &attempts), ("n", &orders)]);
    }
    close_table(&mut out);
    out
}

/// What happened last, newest first.
pub fn happenings(pulse: &Pulse, say: Say) -> String {
    let mut out = String::new();
    if pulse.happenings.is_empty() {
        element(&mut out, "p", "quiet empty", say.word(Word::NoHappenings));
        return out;
    }
    out.push_str("<ol class=\"happenings\">");
    for happening in &pulse.happenings {
        out.push_str("<li>");
        moment(&mut out, happening.at, say);
        out.push_str("<span>");
        element(&mut out, "b", "", &event_name(&happening.kind, say));
        for (class, text) in [
            ("", &happening.subject),
            ("quiet", &happening.operator),
            ("quiet reason", &happening.reason),
        ] {
            if !text.is_empty() {
                out.push(' ');
                element(&mut out, "span", class, text);
            }
        }
        out.push_str("</span></li>");
    }
    out.push_str("</ol>");
    out
}

fn moment(out: &mut String, at: UnixMs, say: Say) {
    let _ = write!(
        out,
        "<time datetime=\"{}\" title=\"{}\">{}</time>",
        escape::html(&at.to_string()),
        escape::html(&say.moment(at)),
        escape::html(&say.time(at))
    );
}

/// Incidents of this sale that are not resolved.
pub fn incidents(pulse: &Pulse, node: &NodePulse, say: Say) -> String {
    let mut out = String::new();
    let ours = node.incidents.iter().filter(|one| one.sale_id == pulse.sale.sale_id);
    for incident in ours {
        let severity = incident.severity.map_or("", |severity| severity.name());
        let _ = write!(out, "<li class=\"{severity}\">");
        element(&mut out, "b", "", &incident.title);
        element(&mut out, "span", "state", say.incident_severity(incident.severity));
        let owner = incident.owner.as_deref().unwrap_or(say.word(Word::NoOwner));
        element(&mut out, "span", "quiet", owner);
        let since = say.filled(Word::Since, &[("moment", &say.time(incident.began_at))]);
        element(&mut out, "span", "quiet", &since);
        out.push_str("<span class=\"act\">");
        let id = incident.incident_id.to_string();
        let fields = [("incident", id.as_str()), ("revision", &*incident.revision.to_string())];
        button(
            &mut out,
            "incident-assess",
            say.deed(Deed::AssessIncident),
            &incident.title,
            &fields,
        );
        button(&mut out, "incident-act", say.deed(Deed::ActIncident), &incident.title, &fields);
        let resolve = say.deed(Deed::ResolveIncident);
        button(&mut out, "incident-resolve", resolve, &incident.title, &fields);
        out.push_str("</span></li>");
    }
    match out.as_str() {
        "" => element(&mut out, "p", "quiet empty", say.word(Word::NoIncidents)),
        told => out = format!("<ul class=\"incidents\">{told}</ul>"),
    }
    out
}

/// What an event is called; one that has no name here keeps the one it is stored under.
pub fn event_name(kind: &str, say: Say) -> String {
    match kind {
        "ItemSoldOut" | "SoldOut" => say.term(Term::ItemSoldOut),
        kind => stored_name(kind, say.lang).unwrap_or(kind),
    }
    .to_owned()
}
