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
mod what_if_prices;

use std::{path::Path, sync::Arc};

use doorbuster::{
    replay::Log,
    store::{LogSource, embedded::LogReader},
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
