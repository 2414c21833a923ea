//! What is known of a crowd that was interrupted: figures of the shoppers' journal alone. Nothing
//! was verified, and the server was not queried; so these are not the outcome.

use std::{cell::OnceCell, path::Path, sync::Arc};

use serde_json::json;
use tokio::time::Instant;

use super::lines::Lines;
use crate::{
    cli::{Common, output::answer},
    crowd::{
        driver::Crowd,
        summary::{LatencyMs, rounded},
    },
};

/// A crowd that has been let in.
pub struct Begun {
    crowd: Arc<Crowd>,
    units: u64,
    items: usize,
    start: Instant,
}

/// Where the player leaves it for an interruption.
#[derive(Default)]
pub struct SoFar(OnceCell<Begun>);

impl SoFar {
    /// Stores the first figures.
    pub fn begin(&self, crowd: &Arc<Crowd>, units_by_item: impl Iterator<Item = u64>) {
        let (mut units, mut items) = (0, 0);
        for of_item in units_by_item {
            units += of_item;
            items += 1;
        }
        // A crowd is let in once.
        let _ = self.0.set(Begun { crowd: Arc::clone(crowd), units, items, start: Instant::now() });
    }

    /// Prints what is known, if a crowd was let in at all.
    pub fn show(&self, data: Option<&Path>, common: &Common) -> anyhow::Result<()> {
        let Some(Begun { crowd, units, items, start }) = self.0.get() else { return Ok(()) };
        let journal = crowd.journal();
        let units_paid: u64 = journal.paid_by_item().iter().sum();
        let elapsed_seconds = rounded(start.elapsed().as_secs_f64());
        let latency = LatencyMs::of(&journal.latency_us);
        if common.json {
            let figures = json!({
                "interrupted": true,
                "units": units,
                "attempts": journal.attempts,
                "orders_placed": journal.orders_placed(),
                "units_paid": units_paid,
                "refused": journal.refused,
                "elapsed_seconds": elapsed_seconds,
                "latency_ms": latency,
                "data_dir": data,
            });
            return Ok(answer(figures)?);
        }
        let mut lines = Lines::default();
        lines.entry("on offer", format!("{units} units over {items} items"));
        lines.entry("crowd", format!("sent {} orders so far", journal.attempts));
        let placed = journal.orders_placed();
        lines.entry("sold", format!("{placed} orders placed, {units_paid} units paid so far"));
        for (nth, (reason, count)) in journal.refused.iter().enumerate() {
            lines.entry(if nth == 0 { "refused" } else { "" }, format!("{count} {reason}"));
        }
        let LatencyMs { p50, p99, max } = latency;
        lines.entry("latency", format!("p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms"));
        lines.entry("took", format!("{elapsed_seconds:.1} s until it was interrupted"));
        lines.entry("verify", "nothing was verified: the sale was not over");
        if let Some(data) = data {
            lines.entry("data", data.display().to_string());
        }
        Ok(answer(lines.into_text().trim_end())?)
    }
}
