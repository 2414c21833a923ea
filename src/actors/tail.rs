//! The log as read by all projections: each page is read and decoded once, by the first of them.
//!
//! While the store is unreachable, projections wait and then resume. On a shared store this is also
//! how a node notices the writes of other nodes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex, Notify},
    time::{sleep, timeout},
};

use super::level_news;
use crate::{
    admission::CurrentServiceLevel,
    events::{DecodeError, Event, Position, Recorded, StreamName, decode},
    projections::Checkpoint,
    store::{ReadError, SharedStore},
};

/// Events on one page.
const PAGE_EVENTS: usize = 2048;

/// Pages kept for the projections that are behind the fastest.
const PAGES_KEPT: usize = 48;

/// Where few events wait, reading rests this long so that more come together: a transaction for
/// every handful of events would take processor time from selling. A query that waits for a
/// position does not wait for this: see [`Tail::hurry`].
const GATHER: Duration = Duration::from_millis(50);

/// First and longest pause before a store that is away is asked again.
const AWAY_PAUSE_MIN: Duration = Duration::from_millis(100);
const AWAY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Consecutive events of the log, decoded.
#[derive(Debug, Clone)]
pub struct Page {
    events: Arc<Vec<(Recorded, Event)>>,
    /// When the event after the last one was recorded, where one was known when this was read.
    pub next_recorded_at_ms: Option<i64>,
}

impl std::ops::Deref for Page {
    type Target = [(Recorded, Event)];

    fn deref(&self) -> &Self::Target {
        &self.events
    }
}

/// Why the log cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Receivers of the progress of streams.
pub trait StreamObserver: Send + Sync {
    /// An event of that revision was read.
    fn reached(&self, stream: StreamName, revision: u64);
}

/// A shared cursor over the log.
pub struct Tail {
    store: SharedStore,
    listeners: Vec<Arc<dyn StreamObserver>>,
    service: Arc<CurrentServiceLevel>,
    pages: Mutex<VecDeque<(Position, Page)>>,
    hurry: Notify,
    /// The log could not be read when it was last tried.
    away: AtomicBool,
    /// The page read last held few events.
    few: AtomicBool,
}

impl Tail {
    /// Reads that log. The listeners hear of it where other nodes write to it, too; the service
    /// hears of every level.
    pub fn new(
        store: SharedStore,
        listeners: Vec<Arc<dyn StreamObserver>>,
        service: Arc<CurrentServiceLevel>,
    ) -> Self {
        let listeners = if store.is_shared() { listeners } else { Vec::new() };
        Self {
            store,
            listeners,
            service,
            pages: Mutex::new(VecDeque::new()),
            hurry: Notify::new(),
            away: AtomicBool::new(false),
            few: AtomicBool::new(false),
        }
    }

    /// Position of the log's last event.
    pub fn head(&self) -> Position {
        self.store.head()
    }

    /// A query waits for a position: a pause to gather events ends at once.
    pub fn hurry(&self) {
        self.hurry.notify_waiters();
    }

    /// Position of the log's last event; `None` where only a store that is elsewhere can tell.
    pub fn known_end(&self) -> Option<Position> {
        (!self.store.is_shared()).then(|| self.head())
    }

    /// Waits until it is known where the log ends, and tells it.
    pub async fn found_end(&self) -> Position {
        self.store.found_end().await;
        self.head()
    }

    /// Whether this is the log that a read model with this checkpoint was made from. Waits while
    /// the log cannot be read: that a store is away says nothing of what is in it.
    pub async fn holds(&self, checkpoint: Checkpoint) -> Result<bool, TailError> {
        let Some(event) = checkpoint.event else { return Ok(true) };
        let mut pause = AWAY_PAUSE_MIN;
        loop {
            match self.store.read_stream(event.stream, event.revision, 1).await {
                Ok(found) => {
                    self.is_back();
                    return Ok(checkpoint.is_in_log_with(found.first()));
                }
                Err(ReadError::Unavailable(why)) => self.rest(&why, &mut pause).await,
                Err(damaged @ ReadError::Damaged(_)) => return Err(damaged.into()),
            }
        }
    }

    /// A page that holds the events after this position, as soon as there is one. It may begin with
    /// events that are not after it. Waits for a store that is away.
    pub async fn page_after(&self, position: Position) -> Result<Page, TailError> {
        let mut pause = AWAY_PAUSE_MIN;
        loop {
            match self.try_page_after(position).await {
                Err(TailError::Read(ReadError::Unavailable(why))) => {
                    self.rest(&why, &mut pause).await;
                }
                page => return page,
            }
        }
    }

    /// Rests before a store that is away is asked again. Says only once that it is away.
    async fn rest(&self, why: &str, pause: &mut Duration) {
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(why, "the log cannot be read; the read models wait for it");
        }
        sleep(*pause).await;
        *pause = (*pause * 2).min(AWAY_PAUSE_MAX);
    }

    fn is_back(&self) {
        if self.away.swap(false, Ordering::Relaxed) {
            tracing::info!("the log is read again");
        }
    }

    async fn try_page_after(&self, position: Position) -> Result<Page, TailError> {
        self.store.wait_after(position).await?;
        if self.few_wait(position) {
            let _ = timeout(GATHER, self.hurry.notified()).await;
        }
        let mut pages = self.pages.lock().await;
        let known = pages.iter().find(|(after, page)| {
            *after <= position && page.last().is_some_and(|(last, _)| last.position > position)
        });
        if let Some((_, page)) = known {
            return Ok(page.clone());
        }
        let head = self.head();
        // One more than a page holds tells how old what comes after it is.
        let recorded = self.store.read_all(position, PAGE_EVENTS + 1).await?;
        self.few.store(recorded.len() < PAGE_EVENTS / 4, Ordering::Relaxed);
        self.is_back();
        let page = decoded(recorded, head)?;
        if !page.is_empty() {
            if pages.len() == PAGES_KEPT {
                pages.pop_front();
            }
            pages.push_back((position, page.clone()));
        }
        drop(pages);
        self.tell(&page);
        Ok(page)
    }

    /// Whether few events seem to wait. Positions of a log that others write to, too, may have gaps
    /// of any size between them; there the page read last has to tell.
    fn few_wait(&self, position: Position) -> bool {
        if self.store.is_shared() {
            return self.few.load(Ordering::Relaxed);
        }
        self.head().0.saturating_sub(position.0) < PAGE_EVENTS as u64 / 4
    }

    /// Tells the listeners how far the streams on a page have come.
    fn tell(&self, page: &Page) {
        for (recorded, event) in page.iter() {
            level_news::tell(&self.service, recorded.revision, event);
        }
        if self.listeners.is_empty() {
            return;
        }
        let mut last: HashMap<StreamName, u64> = HashMap::new();
        for (recorded, _) in page.iter() {
            last.insert(recorded.stream, recorded.revision);
        }
        for (stream, revision) in last {
            for listener in &self.listeners {
                listener.reached(stream, revision);
            }
        }
    }
}

/// A page of what was read, as far as this version knows the events; `head` is where the log ended
/// before it was read.
fn decoded(mut recorded: Vec<Recorded>, head: Position) -> Result<Page, DecodeError> {
    let mut next_recorded_at_ms = None;
    if recorded.len() > PAGE_EVENTS {
        next_recorded_at_ms = recorded.pop().map(|next| next.recorded_at_ms);
    } else if let Some(last) = recorded.last().filter(|last| last.position < head) {
        // The store ended the page early: what comes next is no older.
        next_recorded_at_ms = Some(last.recorded_at_ms);
    }
    let mut events = Vec::with_capacity(recorded.len());
    for recorded in recorded {
        match decode(&recorded) {
            Ok(event) => events.push((recorded, event)),
            // What comes before the event that cannot be read is still good.
            Err(error) if events.is_empty() => return Err(error),
            Err(_) => {
                next_recorded_at_ms = Some(recorded.recorded_at_ms);
                break;
            }
        }
    }
    Ok(Page { events: Arc::new(events), next_recorded_at_ms })
}
