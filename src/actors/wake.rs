//! What a node sees to by itself: sales that a crash left half told, and items with unpaid orders,
//! whose units have to come back although nobody asks.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::{Directory, Fault, Holds, Sales};
use crate::{
    domain::item::{Item, ItemCommand},
    values::{ItemId, SaleId},
};

/// Items woken at once: each is rebuilt from its whole stream.
const AT_ONCE: usize = 4;

/// Where nobody else writes, an item is woken this long before its next hold ends, so that it ends
/// in time. Rebuilding an item of a million orders takes less.
const AHEAD_MS: i64 = 5_000;

/// Where others write, a hold whose deadline passed less than this ago may be ending right now at
/// another node. Clocks of nodes differ by less, too.
const GRACE_MS: i64 = 3_000;

/// An item that was woken is left alone for so long: its events have to come back to this node.
const WOKEN: Duration = Duration::from_secs(4);

/// First and longest pause before an item that could not be woken is tried again, and the longest
/// one for an item whose stream cannot be read.
const FAILED_MIN: Duration = Duration::from_secs(1);
const FAILED_MAX: Duration = Duration::from_secs(4);
const UNREADABLE_MAX: Duration = Duration::from_secs(300);

/// First and longest pause before sales are told to their items again.
const UNTOLD_PAUSE_MIN: Duration = Duration::from_secs(1);
const UNTOLD_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Tells sales to their items, each as often as it takes. Returns when all are told.
pub async fn finish_sales(sales: &Sales, mut unfinished: Vec<SaleId>) {
    let mut pause = UNTOLD_PAUSE_MIN;
    loop {
        let mut left = Vec::new();
        for sale in unfinished {
            match sales.finish(sale).await {
                Ok(()) => {}
                Err(Fault::LostOwnership) => tracing::debug!(%sale, "another node carries it out"),
                Err(fault @ Fault::Unreadable(_)) => {
                    tracing::error!(%sale, %fault, "a sale could not be carried out at its items");
                }
                Err(Fault::Stopping) => return,
                Err(
                    fault @ (Fault::Overloaded
                    | Fault::StoreUnavailable(_)
                    | Fault::DeadlineExceeded),
                ) => {
                    tracing::warn!(%sale, %fault, "a sale is not carried out yet; trying again");
                    left.push(sale);
                }
            }
        }
        if left.is_empty() {
            return;
        }
        unfinished = left;
        sleep(pause).await;
        pause = (pause * 2).min(UNTOLD_PAUSE_MAX);
    }
}

/// Wakes sleeping items whose holds end.
#[derive(Default)]
pub struct Waker {
    /// Items that were woken or could not be: when they may be tried again.
    tried: Mutex<HashMap<ItemId, Tried>>,
}

#[derive(Clone, Copy)]
struct Tried {
    again_at: Instant,
    /// Zero where it was woken.
    pause: Duration,
}

impl Waker {
    /// One look: wakes those that nobody serves and that have a hold to end. Other nodes may do the
    /// same at this moment; the first to write wins and the others have nothing left to do.
    pub async fn look(&self, items: &Directory<Item>, holds: &Holds) {
        let now = Instant::now();
        let due = if items.is_shared() {
            holds.overdue_by(GRACE_MS)
        } else {
            holds.ending_within(AHEAD_MS)
        };
        let mut due: HashSet<ItemId> = due.into_iter().collect();
        if !items.is_shared() {
            // One that is awake has its own alarm.
            due.retain(|item| !items.is_awake(item.0));
        }
        {
            let mut tried = self.lock();
            due.retain(|item| tried.get(item).is_none_or(|tried| tried.again_at <= now));
            tried.retain(|item, tried| tried.again_at > now || due.contains(item));
        }
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |item| async move {
                // An item that is awake looks at its deadlines before anything else.
                let answer = items.ask(item.0, ItemCommand::Show, None).await;
                self.remember(item, answer.err());
            })
            .await;
    }

    fn remember(&self, item: ItemId, fault: Option<Fault>) {
        let mut tried = self.lock();
        let before = tried.get(&item).map_or(Duration::ZERO, |tried| tried.pause);
        let pause = match &fault {
            None | Some(Fault::LostOwnership) => Duration::ZERO,
            Some(Fault::Unreadable(_)) => (before * 2).clamp(FAILED_MIN, UNREADABLE_MAX),
            Some(_) => (before * 2).clamp(FAILED_MIN, FAILED_MAX),
        };
        match &fault {
            None => tracing::debug!(%item, "an item was woken to end a hold"),
            Some(Fault::LostOwnership) => tracing::debug!(%item, "another node serves it"),
            Some(fault) if before.is_zero() => {
                tracing::error!(%item, %fault, "an item with unpaid orders is not awake");
            }
            Some(fault) => tracing::debug!(%item, %fault, "an item is still not awake"),
        }
        let again_at = Instant::now() + if pause.is_zero() { WOKEN } else { pause };
        tried.insert(item, Tried { again_at, pause });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ItemId, Tried>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
