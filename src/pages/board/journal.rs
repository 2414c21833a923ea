//! The log pages: newest events, one stream.

use std::fmt::Write as _;

use super::{
    lists::event_name,
    say::{Say, close_table, element, open_table},
    shell::element_link,
    words::Word,
};
use crate::{
    events::{Category, Recorded, StreamName},
    pages::{escape, numbers::short, words::Term},
    values::UnixMs,
};

/// Events of the log on one page.
pub const EVENTS_ON_PAGE: usize = 100;

/// Letters of an event's content that are shown.
const CONTENT_CHARS_MAX: usize = 600;

/// Newest events.
#[derive(Debug, Clone, Default)]
pub struct Newest {
    /// Newest first.
    pub events: Vec<Recorded>,
    /// Only of this kind of stream.
    pub category: Option<Category>,
    /// How far back was looked: what comes next is before it. `None` at the beginning of the log.
    pub before: Option<u64>,
}

/// The body of the log page.
pub fn newest(page: &Newest, say: Say) -> String {
    let mut out = String::new();
    element(&mut out, "h1", "", say.word(Word::NewestEvents));
    find(&mut out, say);
    out.push_str("<p class=\"filters\">");
    filter(&mut out, None, page.category, say);
    for category in Category::ALL {
        filter(&mut out, Some(category), page.category, say);
    }
    out.push_str("</p>");
    events(&mut out, &page.events, true, say);
    out.push_str("<p class=\"pager\">");
    if let Some(before) = page.before {
        let of = page.category.map_or(String::new(), |of| format!("&category={}", of.name()));
        element_link(&mut out, "", &format!("/log?before={before}{of}"), say.word(Word::Older));
        let told = say.filled(Word::SearchedBack, &[("n", &before.to_string())]);
        element(&mut out, "span", "quiet", &told);
    }
    element_link(&mut out, "", "/log", say.word(Word::First));
    out.push_str("</p>");
    out
}

fn find(out: &mut String, say: Say) {
    let (name, find) =
        (escape::html(say.word(Word::FindOrder)), escape::html(say.word(Word::Find)));
    let _ = write!(
        out,
        "<form id=\"find\"><input name=\"order\" type=\"search\" maxlength=\"64\" \
         placeholder=\"{name}\" aria-label=\"{name}\"><button type=\"submit\">{find}</button></form>"
    );
}

fn filter(out: &mut String, category: Option<Category>, chosen: Option<Category>, say: Say) {
    let (to, name) = match category {
        None => ("/log".to_owned(), say.word(Word::AllStreams)),
        Some(category) => (format!("/log?category={}", category.name()), category.name()),
    };
    let current = if category == chosen { " aria-current=\"true\"" } else { "" };
    let _ = write!(out, "<a href=\"{to}\"{current}>{}</a>", escape::html(name));
}

/// Events of one stream.
pub fn stream(name: StreamName, from: u64, found: &[Recorded], say: Say) -> String {
    let mut out = String::new();
    element(&mut out, "h1", "", &name.to_string());
    let told = say.filled(Word::EventsOf, &[("n", &from.to_string())]);
    element(&mut out, "p", "quiet", &told);
    events(&mut out, found, false, say);
    out.push_str("<p class=\"pager\">");
    let on_page = u64::try_from(EVENTS_ON_PAGE).unwrap_or(0);
    if from > 0 {
        let to = format!("/log/{name}?from={}", from.saturating_sub(on_page));
        element_link(&mut out, "", &to, say.word(Word::Before));
    }
    if let Some(last) = found.last().filter(|_| found.len() >= EVENTS_ON_PAGE) {
        let to = format!("/log/{name}?from={}", last.revision + 1);
        element_link(&mut out, "", &to, say.word(Word::Next));
    }
    element_link(&mut out, "", "/log", say.word(Word::Log));
    out.push_str("</p>");
    out
}

fn events(out: &mut String, found: &[Recorded], with_stream: bool, say: Say) {
    if found.is_empty() {
        element(out, "p", "empty quiet", say.word(Word::NoEvents));
        return;
    }
    out.push_str("<section class=\"card log\">");
    let mut columns = vec![
        ("n", say.word(Word::Position)),
        ("t", say.term(Term::Time)),
        ("", say.word(Word::Event)),
        ("", say.word(Word::Content)),
    ];
    let place = if with_stream { say.word(Word::Stream) } else { say.term(Term::Revision) };
    columns.insert(2, ("", place));
    open_table(out, &columns);
    for recorded in found {
        out.push_str("<tr>");
        element(out, "td", "n", &recorded.position.to_string());
        element(out, "td", "t", &say.moment(UnixMs(recorded.recorded_at_ms)));
        out.push_str("<td>");
        if with_stream {
            let name = recorded.stream.to_string();
            let at = recorded.revision.saturating_sub(5);
            let told = format!("{} #{}", short(&name, 16), recorded.revision);
            element_link(out, "", &format!("/log/{name}?from={at}"), &told);
        } else {
            element(out, "span", "", &recorded.revision.to_string());
        }
        out.push_str("</td><td>");
        element(out, "b", "", &event_name(&recorded.kind, say));
        if let Some(order) = order_of(recorded) {
            out.push(' ');
            element_link(out, "", &format!("/orders/{order}"), say.word(Word::Order));
        }
        out.push_str("</td>");
        // Shown as text and never interpreted.
        let content = String::from_utf8_lossy(&recorded.data);
        element(out, "td", "content", &short(&content, CONTENT_CHARS_MAX));
        out.push_str("</tr>");
    }
    close_table(out);
    out.push_str("</section>");
}

/// The order that an event is about, if it says so.
fn order_of(recorded: &Recorded) -> Option<uuid::Uuid> {
    let content: serde_json::Value = serde_json::from_slice(&recorded.data).ok()?;
    content.get("order_id")?.as_str()?.parse().ok()
}

/// A story in sentences.
pub fn story(sentences: &[String], say: Say) -> String {
    let mut out = String::new();
    for sentence in sentences {
        element(&mut out, "p", "", sentence);
    }
    if sentences.is_empty() {
        element(&mut out, "p", "quiet", say.word(Word::NothingYet));
    }
    out
}
