//! Pauses between tries of a copy.

use std::time::Duration;

/// The first pause before something is tried again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// All pauses for one append or read together. A store that restarts is back by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pauses between tries of the same thing.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    last: Duration,
    rested: Duration,
}

impl Pauses {
    /// Rests before the next try; false when it is time to give up.
    pub(super) async fn rest(&mut self) -> bool {
        let pause = (self.last * 2).max(FIRST_PAUSE).min(PATIENCE.saturating_sub(self.rested));
        if pause.is_zero() {
            return false;
        }
        tokio::time::sleep(pause).await;
        self.last = pause;
        self.rested += pause;
        true
    }
}
