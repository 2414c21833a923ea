//! The board: what a browser shows of a sale while it runs, of a sale afterwards, and of the log.
//!
//! Fragments of HTML, written from plain figures. Whatever came from outside is escaped here; the
//! browser only puts fragments in their places. Nothing here asks a read model or a clock.

mod drawn;
mod happened;
mod lists;
mod live;
mod panels;
mod say;
mod shell;
mod steering;
mod words;

use super::words::Lang;
use crate::{
    reports::{NodePulse, Pulse},
    values::SaleId,
};

pub use drawn::{Drawing, forecast, planned_units};
pub use lists::{ITEMS_ON_PAGE, ItemsAsked};
pub use panels::SaleState;

use say::Say;
use shell::Shell;

/// The panels of a live page that change, each with the id of its place.
pub fn live_panels(pulse: &Pulse, node: &NodePulse, lang: Lang) -> Vec<(&'static str, String)> {
    let say = Say { lang };
    let mut told = vec![
        ("head", panels::head(pulse, say)),
        ("level", panels::level(node, say)),
        ("alerts", panels::alerts(pulse, node, say)),
        ("tiles", panels::tiles(pulse, say)),
        ("items", lists::items(pulse, &ItemsAsked::default(), say)),
        ("channels", lists::channels(pulse, say)),
        ("happenings", lists::happenings(pulse, say)),
        ("incidents", lists::incidents(pulse, node, say)),
        ("health", panels::health(pulse, node, say)),
    ];
    told.extend(Drawing::ALL.iter().map(|drawing| (drawing.name(), drawing.draw(pulse, say))));
    told
}

/// The items of a sale as they were asked for.
pub fn items(pulse: &Pulse, asked: &ItemsAsked, lang: Lang) -> String {
    lists::items(pulse, asked, Say { lang })
}

/// The rows behind a chart.
pub fn rows(pulse: &Pulse, drawing: Drawing, lang: Lang) -> String {
    drawing.rows(pulse, Say { lang })
}

/// Where the script and the style sheet are.
pub type Assets<'a> = (&'a str, &'a str);

/// The live page.
pub fn live_page(
    pulse: Option<&Pulse>,
    node: Option<&NodePulse>,
    sale: SaleId,
    lang: Lang,
    assets: Assets<'_>,
) -> String {
    let say = Say { lang };
    let panels = match pulse.zip(node) {
        Some((pulse, node)) => live_panels(pulse, node, lang),
        None => Vec::new(),
    };
    let title = pulse.map_or("", |pulse| pulse.sale.name.as_str());
    let shell = Shell {
        title,
        path: &format!("/sales/{sale}"),
        kind: "live",
        facts: &[("sale", sale.to_string())],
        live: true,
        assets,
    };
    shell::page(&shell, &live::body(sale, &panels, say), say)
}
