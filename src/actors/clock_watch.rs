//! Whether the clock of this node can be trusted: from its own jumps, and from the timestamps of a
//! store with a clock of its own.
//!
//! Only timestamps of this node's own appends count. Those of other nodes' events prove nothing
//! about this clock: two nodes that compared them would take each other out of service.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{OwnAppends, Readiness};
use crate::{
    clock::{Reading, SharedClock},
    events::{Position, Recorded},
    store::SharedStore,
    values::UnixMs,
};

/// Pause between two looks at the clock.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Looks between two questions to the store how it stamped the last append.
const ASK_STORE_EVERY: u32 = 5;

/// A store that takes longer than this is asked again later.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A clock further away from the store's is not trusted, in milliseconds. Clocks that are kept by NTP
/// differ by some hundredths of a second.
const OFF_MAX_MS: i64 = 2_000;

/// One append may have been written long before it was known to be: so many in a row cannot.
const OFF_IN_A_ROW: u32 = 2;

/// A verdict without new evidence for this long is dropped: a node without calls appends nothing
/// and would never detect that its clock is right again.
const VERDICT_LASTS: Duration = Duration::from_secs(60);

/// A log whose newest event is older than this is worth a line at the start, in milliseconds.
const OLD_MS: i64 = 3_600_000;

/// What the store's stamps on this node's own appends say of its clock.
#[derive(Debug, Default)]
pub struct StoreVerdict {
    off_in_a_row: u32,
    ahead_ms: i64,
}

impl StoreVerdict {
    /// By the stamp of one more append this clock is so far ahead of the store's.
    pub fn judge(&mut self, ahead_ms: i64) {
        self.ahead_ms = ahead_ms;
        let is_off = ahead_ms.saturating_abs() > OFF_MAX_MS;
        self.off_in_a_row = if is_off { self.off_in_a_row.saturating_add(1) } else { 0 };
    }

    /// Why the clock is not to be trusted, if it is not.
    pub fn distrust(&self) -> Option<String> {
        if self.off_in_a_row < OFF_IN_A_ROW {
            return None;
        }
        let side = if self.ahead_ms < 0 { "behind" } else { "ahead of" };
        let ms = self.ahead_ms.saturating_abs();
        Some(format!(
            "this node's clock is {}.{} s {side} the store's, by the store's stamps on this node's \
             own appends",
            ms / 1000,
            ms % 1000 / 100
        ))
    }
}

/// The observed clocks, and the receiver of the verdict.
pub struct ClockWatch {
    pub clock: SharedClock,
    pub store: SharedStore,
    pub own: Arc<OwnAppends>,
    pub readiness: Readiness,
}

impl ClockWatch {
    /// Watches for as long as this is awaited.
    pub async fn run(self) {
        let mut verdict = StoreVerdict::default();
        let (mut heard, mut looks, mut set_by_ms) = (Instant::now(), 0_u32, 0);
        loop {
            let Reading { moved_ms, .. } = self.clock.reading();
            // What was said of another clock does not hold for this one.
            if std::mem::replace(&mut set_by_ms, moved_ms) != moved_ms
                || heard.elapsed() > VERDICT_LASTS
            {
                verdict = StoreVerdict::default();
            }
            if looks.is_multiple_of(ASK_STORE_EVERY)
                && let Some(ahead_ms) = self.ahead_of_store().await
            {
                verdict.judge(ahead_ms);
                heard = Instant::now();
            }
            looks = looks.wrapping_add(1);
            self.tell(verdict.distrust());
            sleep(LOOK_EVERY).await;
        }
    }

    /// Judges the clock by the end of the log, before anything is decided by it. Where others write
    /// to the log, too, its end says nothing of this clock.
    pub async fn start(&self) {
        if self.store.is_shared() {
            return;
        }
        if let Some(last) = self.recorded(self.store.head()).await {
            let recorded = UnixMs(last.recorded_at_ms);
            self.clock.log_ends_at(recorded);
            let age_ms = self.clock.now().since(recorded);
            if age_ms >= OLD_MS {
                tracing::info!(
                    minutes = age_ms / 60_000,
                    "age of the newest event of the log; a clock that is ahead looks the same"
                );
            }
        }
        self.tell(None);
    }

    /// By the last append of which it was not heard yet.
    async fn ahead_of_store(&self) -> Option<i64> {
        let own = self.own.take()?;
        let recorded = self.recorded(own.position).await?;
        Some(own.ahead_ms(UnixMs(recorded.recorded_at_ms)))
    }

    /// The event at that position.
    async fn recorded(&self, position: Position) -> Option<Recorded> {
        let before = Position(position.0.checked_sub(1)?);
        let read = timeout(ANSWER_WITHIN, self.store.read_all(before, 1)).await;
        read.ok()?.ok()?.into_iter().find(|recorded| recorded.position == position)
    }

    fn tell(&self, by_store: Option<String>) {
        let by_itself = self.clock.look().distrust.map(|distrust| distrust.to_string());
        self.readiness.clock_is_untrusted(by_itself.or(by_store));
    }
}
