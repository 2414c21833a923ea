//! The log as all projections read it: each page is read and decoded once, by whoever is first.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::sync::{Mutex, Notify};

use crate::{
    events::{DecodeError, Event, Position, Recorded, decode},
    store::{ReadError, SharedStore},
};

/// Events on one page.
const PAGE_EVENTS: usize = 2048;

/// Pages kept for the projections that are behind the fastest.
const PAGES_KEPT: usize = 48;

/// Where few events wait, reading rests this long so that more come together: a transaction for
/// every handful of events would take the processor from those who sell. Nobody who waits for a
/// position waits for this: see [`Tail::hurry`].
const GATHER: Duration = Duration::from_millis(50);

/// Events of the log, decoded.
pub type Page = Arc<Vec<(Recorded, Event)>>;

/// Why the log cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// A shared cursor over the log.
pub struct Tail {
    store: SharedStore,
    pages: Mutex<VecDeque<(Position, Page)>>,
    hurry: Notify,
}

impl Tail {
    /// Reads that log.
    pub fn new(store: SharedStore) -> Self {
        Self { store, pages: Mutex::new(VecDeque::new()), hurry: Notify::new() }
    }

    /// Position of the log's last event.
    pub fn head(&self) -> Position {
        self.store.head()
    }

    /// Somebody waits for a position: whoever rests to gather events reads on at once.
    pub fn hurry(&self) {
        self.hurry.notify_waiters();
    }

    /// A page that holds the events after this position, as soon as there is one. It may begin with
    /// events that are not after it.
    pub async fn page_after(&self, position: Position) -> Result<Page, TailError> {
        self.store.wait_after(position).await?;
        if self.head().0.saturating_sub(position.0) < PAGE_EVENTS as u64 / 4 {
            let _ = tokio::time::timeout(GATHER, self.hurry.notified()).await;
        }
        let mut pages = self.pages.lock().await;
        let known = pages.iter().find(|(after, page)| {
            *after <= position && page.last().is_some_and(|(last, _)| last.position > position)
        });
        if let Some((_, page)) = known {
            return Ok(Arc::clone(page));
        }
        let recorded = self.store.read_all(position, PAGE_EVENTS).await?;
        let mut page = Vec::with_capacity(recorded.len());
        for recorded in recorded {
            match decode(&recorded) {
                Ok(event) => page.push((recorded, event)),
                // What comes before the event that cannot be read is still good.
                Err(error) if page.is_empty() => return Err(error.into()),
                Err(_) => break,
            }
        }
        let page = Arc::new(page);
        if !page.is_empty() {
            if pages.len() == PAGES_KEPT {
                pages.pop_front();
            }
            pages.push_back((position, Arc::clone(&page)));
        }
        Ok(page)
    }
}
