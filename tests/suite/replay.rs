//! Goal: what is said of the past is what was, and what is said of other rules can be checked by
//! hand.
//!
//! Method: real servers make the log with a clock that stands still; replays are asked over gRPC or
//! of the log itself, and compared with what was seen while it happened.

mod explain;
mod service;
mod states;
mod ten;
mod what_if;
mod what_if_life;
mod what_if_prices;
mod what_if_random;
mod what_if_stock;

use std::{path::Path, sync::Arc};

use doorbuster::{
    replay::{
        Log,
        what_if::{Rules, WhatIf, run},
    },
    store::{LogSource, embedded::LogReader},
    values::ItemId,
};

/// Runs a look back on a thread that may block.
pub async fn look<T: Send + 'static>(
    data: &Path,
    look: impl FnOnce(&Log) -> T + Send + 'static,
) -> T {
    let reader = LogReader::open(data).unwrap();
    let log = Log::new(LogSource::File(Arc::new(reader)), tokio::runtime::Handle::current());
    tokio::task::spawn_blocking(move || look(&log)).await.unwrap()
}

/// Plays an item under these rules.
pub async fn what_if(data: &Path, item: &str, rules: &[&str]) -> WhatIf {
    let rules = Rules::parse("rules", rules.iter().copied()).unwrap();
    let item = ItemId::parse("item", item).unwrap();
    look(data, move |log| run(log, &[item], rules, "rules").unwrap()).await
}
