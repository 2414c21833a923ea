//! The board: what a browser shows of a sale while it runs, of a sale afterwards, and of the log.
//!
//! Fragments of HTML, written from plain figures. Whatever came from outside is escaped here; the
//! browser only puts fragments in their places. Nothing here asks a read model or a clock.

mod after;
mod coupons;
mod drawn;
mod dues;
mod journal;
mod lists;
mod live;
mod nodes;
mod order;
mod panels;
mod price;
mod proposals;
mod sales;
mod say;
mod shell;
mod steering;
mod story;
mod words;

use super::{PostMortem, Style, html, numbers::Clock, sections, words::Lang};
use crate::{
    events::{Recorded, StreamName},
    replay::{explain::Explanation, state::SaleStateAt},
    reports::{DueRecord, NodePulse, OrderRecord, Pulse, TimelineSecond},
    values::{SaleId, UnixMs},
};

pub use after::{Track, TrackMark};
pub use drawn::{Drawing, forecast};
pub use journal::{EVENTS_ON_PAGE, Newest};
pub use lists::{ITEMS_ON_PAGE, ItemsAsked};
pub use order::Fate;
pub use panels::SaleState;
pub use sales::SaleRow;
pub use say::Say;

use shell::{Shell, Steers};
use steering::Deed;
use words::Word;

/// The panels of a live page that change, each with the id of its place.
pub fn live_panels(pulse: &Pulse, node: &NodePulse, lang: Lang) -> Vec<(&'static str, String)> {
    let say = Say { lang };
    let mut told = vec![
        ("head", panels::head(pulse, say)),
        ("level", panels::level(node, say)),
        ("alerts", panels::alerts(pulse, node, say)),
        ("tiles", panels::tiles(pulse, say)),
        ("proposals", proposals::proposals(pulse, say)),
        ("items", lists::items(pulse, &ItemsAsked::default(), say)),
        ("channels", lists::channels(pulse, say)),
        ("happenings", lists::happenings(pulse, say)),
        ("incidents", lists::incidents(pulse, node, say)),
        ("dues", dues::panel(pulse, say)),
        ("health", panels::health(pulse, node, say)),
    ];
    told.extend(coupons::panel(pulse, say).map(|panel| ("coupons", panel)));
    told.extend(nodes::panel(node, say).map(|panel| ("nodes", panel)));
    told.extend(
        Drawing::ALL
            .iter()
            .map(|drawing| (drawing.name(), drawing.draw(pulse, &node.latency, say))),
    );
    told
}

/// The items of a sale as they were asked for.
pub fn items(pulse: &Pulse, asked: &ItemsAsked, lang: Lang) -> String {
    lists::items(pulse, asked, Say { lang })
}

/// The rows behind a chart; without a node before its first round, when it knows of no latency.
pub fn rows(drawing: Drawing, pulse: &Pulse, node: Option<&NodePulse>, lang: Lang) -> String {
    drawing.rows(pulse, node.map_or(&[][..], |node| &node.latency), Say { lang })
}

/// Where the script and the style sheet are.
pub type Assets<'a> = (&'a str, &'a str);

/// The list of sales.
pub fn sales_page(
    rows: &[SaleRow],
    next: &str,
    now: UnixMs,
    lang: Lang,
    assets: Assets<'_>,
) -> String {
    let say = Say { lang };
    let title = say.word(Word::Sales);
    let shell =
        Shell { title, path: "/", kind: "list", facts: &[], steers: Steers::Nothing, assets };
    shell::page(&shell, &sales::body(rows, next, now, say), say)
}

/// The live page; without a node before its first round, and then without figures.
pub fn live_page(
    pulse: &Pulse,
    node: Option<&NodePulse>,
    lang: Lang,
    assets: Assets<'_>,
) -> String {
    let say = Say { lang };
    let sale = pulse.sale.sale_id;
    let panels = node.map_or_else(Vec::new, |node| live_panels(pulse, node, lang));
    let shell = Shell {
        title: &pulse.sale.name,
        path: &format!("/sales/{sale}"),
        kind: "live",
        facts: &[("sale", sale.to_string())],
        steers: Steers::Sale,
        assets,
    };
    shell::page(&shell, &live::body(sale, &panels, say), say)
}

/// The page of a sale afterwards; without a track before it opened.
pub fn after_page(pulse: &Pulse, track: Option<&Track>, lang: Lang, assets: Assets<'_>) -> String {
    let say = Say { lang };
    let sale = pulse.sale.sale_id;
    let shell = Shell {
        title: &pulse.sale.name,
        path: &format!("/sales/{sale}/after"),
        kind: "after",
        facts: &[("sale", sale.to_string())],
        steers: Steers::Nothing,
        assets,
    };
    shell::page(&shell, &after::body(pulse, track, say), say)
}

/// The sale as of one second; no state before anything was on offer.
pub fn then(
    state: Option<&SaleStateAt>,
    demand: Option<&TimelineSecond>,
    at: (UnixMs, &Pulse),
    lang: Lang,
) -> String {
    after::then(state, demand, at, Say { lang })
}

/// The figures of a sale that is over.
pub fn figures(facts: &PostMortem, lang: Lang) -> String {
    after::figures(facts, Say { lang })
}

/// The whole post-mortem as one page.
pub fn post_mortem_page(facts: &PostMortem, lang: Lang) -> String {
    html::write(&sections::document(facts, Style { lang, clock: Clock::UTC }))
}

/// What stands in its place while it is being written; the script goes there once it is.
pub fn being_written_page(sale: SaleId, lang: Lang, assets: Assets<'_>) -> String {
    let say = Say { lang };
    let path = format!("/sales/{sale}/post-mortem");
    let title = say.word(Word::FullReport);
    let shell =
        Shell { title, path: &path, kind: "waiting", facts: &[], steers: Steers::Nothing, assets };
    shell::page(&shell, &after::being_written(&path, say), say)
}

/// The only style sheet that such a page has, exactly as it stands there.
pub fn post_mortem_style() -> String {
    html::style()
}

/// The newest events of the log.
pub fn log_page(page: &Newest, lang: Lang, assets: Assets<'_>) -> String {
    let say = Say { lang };
    let path = match page.category {
        None => "/log".to_owned(),
        Some(category) => format!("/log?category={}", category.name()),
    };
    let title = say.word(Word::Log);
    let shell =
        Shell { title, path: &path, kind: "log", facts: &[], steers: Steers::Nothing, assets };
    shell::page(&shell, &journal::newest(page, say), say)
}

/// Events of one stream.
pub fn stream_page(
    name: StreamName,
    from: u64,
    found: &[Recorded],
    lang: Lang,
    assets: Assets<'_>,
) -> String {
    let say = Say { lang };
    let (title, path) = (name.to_string(), format!("/log/{name}?from={from}"));
    let shell = Shell {
        title: &title,
        path: &path,
        kind: "log",
        facts: &[],
        steers: Steers::Nothing,
        assets,
    };
    shell::page(&shell, &journal::stream(name, from, found, say), say)
}

/// One order, with its money that is due back or was.
pub fn order_page(
    order: &OrderRecord,
    dues: &[DueRecord],
    fate: Fate,
    lang: Lang,
    assets: Assets<'_>,
) -> String {
    let say = Say { lang };
    let (title, path) = (order.order_id.to_string(), format!("/orders/{}", order.order_id));
    let steers = Steers::Orders;
    let shell = Shell { title: &title, path: &path, kind: "order", facts: &[], steers, assets };
    shell::page(&shell, &order::order(order, dues, fate, say), say)
}

/// What the log tells of an order's buyer, in sentences, with what became of each of its orders.
pub fn story(told: &Explanation, fates: &[Fate], lang: Lang) -> String {
    journal::story(&story::sentences(told, fates, lang), Say { lang })
}

/// A page that says why there is nothing else.
/// A page to sign in on, and why it is shown where more than a token is missing.
pub fn door_page(why: &str, lang: Lang, assets: Assets<'_>) -> String {
    let say = Say { lang };
    let title = say.deed(Deed::SignIn);
    let shell =
        Shell { title, path: "/", kind: "door", facts: &[], steers: Steers::Orders, assets };
    shell::page(&shell, &sales::problem(if why.is_empty() { title } else { why }, say), say)
}

pub fn problem_page(why: &str, lang: Lang, assets: Assets<'_>) -> String {
    let say = Say { lang };
    let shell =
        Shell { title: why, path: "/", kind: "list", facts: &[], steers: Steers::Nothing, assets };
    shell::page(&shell, &sales::problem(why, say), say)
}
