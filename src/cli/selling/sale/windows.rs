//! The windows of a sale as they were understood: in local time with its offset, how long they are,
//! and how long it is until they open. A wrong year or offset is seen before it is sold by.

use chrono::{DateTime, Local, SecondsFormat};
use serde_json::{Value, json};

use crate::{
    cli::output::facts,
    domain::sale::Draft,
    grpc::proto::Sale,
    pages::{Lang, spoken_span},
    values::UnixMs,
};

/// From when until when something is on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub opens: UnixMs,
    pub closes: UnixMs,
}

/// The windows of a sale and of those of its items that have one of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    pub sale: Window,
    /// SKU and window.
    pub items: Vec<(String, Window)>,
}

impl Window {
    /// Whether it is over at that moment.
    pub fn is_over(self, now: UnixMs) -> bool {
        now >= self.closes
    }

    /// Its length, and what is left until it opens or closes.
    pub fn told(self, now: UnixMs) -> String {
        let span = |ms: i64| spoken_span(ms / 1_000 * 1_000, Lang::English);
        let length = span(self.closes.since(self.opens));
        let place = if self.is_over(now) {
            format!("over since {}", span(now.since(self.closes)))
        } else if now < self.opens {
            format!("opens in {}", span(self.opens.since(now)))
        } else {
            format!("open, closes in {}", span(self.closes.since(now)))
        };
        format!("{length} long, {place}")
    }
}

impl Windows {
    /// Of a sale file that was found good.
    pub fn of_draft(draft: &Draft) -> Self {
        let moment = |at: Option<UnixMs>| at.unwrap_or_default();
        let sale = Window { opens: moment(draft.opens_at), closes: moment(draft.closes_at) };
        let items = draft.items.iter().map(|item| {
            let opens = item.opens_at.unwrap_or(sale.opens);
            (item.sku.clone(), Window { opens, closes: item.closes_at.unwrap_or(sale.closes) })
        });
        Self::of(sale, items)
    }

    /// Of a sale as the server has it.
    pub fn of_sale(shown: &Sale) -> Self {
        let moment = |at: Option<&prost_types::Timestamp>| at.map(crate::cli::json::unix_ms);
        let sale = Window {
            opens: moment(shown.open_time.as_ref()).unwrap_or_default(),
            closes: moment(shown.close_time.as_ref()).unwrap_or_default(),
        };
        let drafts = shown.items.iter().filter_map(|item| item.draft.as_ref());
        let items = drafts.map(|draft| {
            let opens = moment(draft.open_time.as_ref()).unwrap_or(sale.opens);
            let closes = moment(draft.close_time.as_ref()).unwrap_or(sale.closes);
            (draft.sku.clone(), Window { opens, closes })
        });
        Self::of(sale, items)
    }

    fn of(sale: Window, items: impl Iterator<Item = (String, Window)>) -> Self {
        Self { sale, items: items.filter(|(_, window)| *window != sale).collect() }
    }

    /// When nothing of it is on sale any more.
    pub fn closes(&self) -> UnixMs {
        self.items.iter().map(|(_, window)| window.closes).fold(self.sale.closes, UnixMs::max)
    }

    /// Lines of facts for the sale's own window.
    pub fn facts(&self, now: UnixMs) -> [(&'static str, String); 3] {
        [
            ("opens", local(self.sale.opens)),
            ("closes", local(self.sale.closes)),
            ("window", self.sale.told(now)),
        ]
    }

    /// The windows that items have of their own, a paragraph; empty where there are none.
    pub fn of_items(&self, now: UnixMs) -> String {
        if self.items.is_empty() {
            return String::new();
        }
        let rows: Vec<_> = self
            .items
            .iter()
            .map(|(sku, window)| {
                let said = format!(
                    "{} to {}, {}",
                    local(window.opens),
                    local(window.closes),
                    window.told(now)
                );
                (sku.as_str(), said)
            })
            .collect();
        format!("\n\nwindows of their own:\n{}", facts(&rows))
    }

    /// For programs.
    pub fn json(&self, now: UnixMs) -> Value {
        let window = |window: &Window| {
            json!({
                "open_time": window.opens.to_string(),
                "close_time": window.closes.to_string(),
                "length_ms": window.closes.since(window.opens),
                "opens_in_ms": window.opens.since(now).max(0),
                "over": window.is_over(now),
            })
        };
        let items = self.items.iter().map(|(sku, of)| json!({ "sku": sku, "window": window(of) }));
        json!({ "sale": window(&self.sale), "items": items.collect::<Value>() })
    }
}

/// A moment on the clock of this machine, with its offset from UTC.
fn local(at: UnixMs) -> String {
    match DateTime::from_timestamp_millis(at.0) {
        Some(moment) => moment.with_timezone(&Local).to_rfc3339_opts(SecondsFormat::Secs, false),
        None => at.to_string(),
    }
}
