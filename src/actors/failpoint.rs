//! Named places where a node stands still, so that a test can kill it exactly there.
//!
//! `DOORBUSTER_FAILPOINT` names the place when the node starts; without it nothing stands still.

use std::{env, future::pending, sync::LazyLock};

static ARMED: LazyLock<Option<String>> = LazyLock::new(|| env::var("DOORBUSTER_FAILPOINT").ok());

/// Goes on at once, or never where the node was told to stand still at the place of this name.
pub(super) async fn passed(name: &str) {
    if ARMED.as_deref() == Some(name) {
        tracing::warn!(failpoint = name, "stands still, as it was told");
        pending::<()>().await;
    }
}
