//! Metrics of a node's clock.

use std::sync::atomic::Ordering;

use prometheus_client::{metrics::counter::Counter, registry::Registry};

use super::{reading::Reading, register::Seconds};

/// The figures of the clock: read off, like the rest of a [`Reading`].
pub(super) struct ClockFigures {
    off: Seconds,
    jumps: Counter,
    steps: Counter,
}

impl ClockFigures {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let figures =
            Self { off: Seconds::default(), jumps: Counter::default(), steps: Counter::default() };
        registry.register(
            "doorbuster_clock_off_seconds",
            "The wall clock minus the clock that sales go by",
            figures.off.clone(),
        );
        registry.register(
            "doorbuster_clock_jumps",
            "Jumps of the wall clock by a second or more",
            figures.jumps.clone(),
        );
        registry.register(
            "doorbuster_clock_steps",
            "Jumps of the wall clock that held and were taken over",
            figures.steps.clone(),
        );
        figures
    }

    pub(super) fn set(&self, reading: &Reading) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of ages fit exactly")]
        self.off.set(reading.clock_off_ms as f64 / 1000.0);
        // Counted by the clock itself, from the start on as counters are.
        self.jumps.inner().store(reading.clock_jumps, Ordering::Relaxed);
        self.steps.inner().store(reading.clock_steps, Ordering::Relaxed);
    }
}
