//! The log in an EventStoreDB cluster, today named KurrentDB.
//!
//! Several nodes may share it: the exact expected revision of every append is the fence between
//! them. The client's measured flaws are met here and nowhere else: `link` makes it anew and
//! `reading` reads pages with it. Appends (`appends`, `line`, `session`) and the subscription
//! (`follower`) are calls of our own. Nothing above the port knows any of this.

mod appends;
mod follower;
mod line;
mod link;
mod names;
mod nodelay;
mod nodes;
mod reading;
mod session;
mod settings;
mod subscription;

use std::{sync::Arc, time::Duration};

use serde::de::IgnoredAny;
use tokio::{runtime::Handle, sync::watch, time::sleep};

use self::{
    appends::Appends, follower::Follower, line::Line, link::Link, nodes::Nodes, reading::Reading,
    settings::Settings,
};
use super::{
    AppendError, AppendLimits, Appended, ClusterAddress, EventStore, Expected, ReadError,
    StoreFuture,
};
use crate::events::{Category, NewEvent, Position, Recorded, StreamName};

/// Servers up to 25.0 take 1 MiB in one append. A batch stops growing at a quarter of that; only
/// what is decided together with its last command can make it larger.
const LIMITS: AppendLimits =
    AppendLimits { events_max: 500, bytes_max: 1_000_000, bytes_enough: 256 << 10 };

/// A single event may have this much: what those servers take, less what the envelope needs.
const EVENT_BYTES_MAX: usize = 1_000_000 + 4_096;

/// What the subscription may be behind an append of this node before it is not waited for.
const FOLLOWER_PATIENCE: Duration = Duration::from_millis(100);

/// A store on a cluster.
pub struct KurrentStore {
    link: Arc<Link>,
    appends: Appends,
    reading: Arc<Reading>,
    follower: Follower,
    /// The last position that an append of this node was given.
    written: watch::Sender<Position>,
}

impl KurrentStore {
    /// A store at this address. It connects by itself, now or when the cluster can be reached.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn open(address: &ClusterAddress) -> Result<Arc<Self>, String> {
        Self::open_on(address, &Category::ALL)
    }

    /// The same, but its log is only what `doorbuster conformance` writes.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn open_to_probe(address: &ClusterAddress) -> Result<Arc<Self>, String> {
        Self::open_on(address, &[Category::Probe])
    }

    fn open_on(address: &ClusterAddress, of: &[Category]) -> Result<Arc<Self>, String> {
        let prefixes: Vec<String> =
            of.iter().map(|category| format!("{}-", category.name())).collect();
        let settings = Settings::read(address)?;
        let (to_append, to_follow) = (Nodes::new(&settings)?, Nodes::new(&settings)?);
        let link = Arc::new(Link::new(settings));
        let reading = Arc::new(Reading::new(Arc::clone(&link), &prefixes));
        let written = watch::Sender::new(Position::START);
        let follower =
            Follower::start(to_follow, Arc::clone(&reading), written.subscribe(), prefixes);
        let appends = Appends::new(Line::new(to_append), Arc::clone(&reading), Handle::current());
        Ok(Arc::new(Self { appends, link, reading, follower, written }))
    }

    /// What the server says its version is.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub async fn server_version(&self) -> Result<String, ReadError> {
        let generation = self.link.generation().await.map_err(ReadError::Unavailable)?;
        Ok(generation.version.clone())
    }

    async fn write(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> Result<Appended, AppendError> {
        check(&events).map_err(AppendError::NotWritten)?;
        let written = self.appends.append(stream, expected, events).await?;
        let last_revision = written.last_revision;
        let last_position = match written.last_position {
            Some(position) => position,
            // It stands in the log, but the store did not say where.
            None => {
                let found = self.reading.stream(stream, last_revision, 1).await;
                let found = found.map_err(|error| AppendError::Unknown(error.to_string()))?;
                // If it was hidden since, the head is a position behind it.
                found.first().map_or_else(|| self.head(), |event| event.position)
            }
        };
        self.written.send_if_modified(|known| {
            let later = last_position > *known;
            *known = last_position.max(*known);
            later
        });
        Ok(Appended { last_revision, last_position })
    }
}

impl EventStore for KurrentStore {
    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move { self.write(stream, expected, events).await })
    }

    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.reading.stream(stream, from_revision, max))
    }

    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            // No position of a server is larger; it would not know what is meant.
            if max == 0 || i64::try_from(after.0).is_err() {
                return Ok(Vec::new());
            }
            match self.follower.page_after(after, max) {
                Some(page) if !page.is_empty() => Ok(page),
                Some(_) | None => self.reading.all(after, max).await,
            }
        })
    }

    fn last_revision(&self, stream: StreamName) -> StoreFuture<'_, Result<Option<u64>, ReadError>> {
        Box::pin(async move { Ok(self.reading.last(stream).await?.map(|last| last.revision)) })
    }

    fn end(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.reading.end().await?.max(self.head())) })
    }

    fn found_end(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.follower.found_end())
    }

    fn head(&self) -> Position {
        self.follower.seen().max(*self.written.borrow())
    }

    fn wait_after(&self, position: Position) -> StoreFuture<'_, Result<(), ReadError>> {
        let mut written = self.written.subscribe();
        Box::pin(async move {
            let here = async {
                // The sender lives as long as the store.
                let _ = written.wait_for(|written| *written > position).await;
                sleep(FOLLOWER_PATIENCE).await;
            };
            tokio::select! {
                seen = self.follower.wait_after(position) => seen,
                () = here => Ok(()),
            }
        })
    }

    fn limits(&self) -> AppendLimits {
        LIMITS
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn close(&self) {
        self.follower.stop();
        self.appends.close();
        self.link.close();
    }
}

/// What is wrong with an append, if anything is.
fn check(events: &[NewEvent]) -> Result<(), String> {
    let AppendLimits { events_max, bytes_max, .. } = LIMITS;
    let bytes = |event: &NewEvent| event.data.len() + event.metadata.len() + 2 * event.kind.len();
    let total: usize = events.iter().map(bytes).sum();
    // The body is sent as it is and marked as JSON, so it has to be that.
    for event in events {
        let json = serde_json::from_slice::<IgnoredAny>(&event.data);
        json.map_err(|problem| {
            format!("the body of event {} ({}) is not JSON: {problem}", event.id, event.kind)
        })?;
    }
    match events {
        [] => Err("an append must have at least one event".to_owned()),
        [_] if total <= EVENT_BYTES_MAX => Ok(()),
        [_] => Err(format!("an event of {total} bytes; {EVENT_BYTES_MAX} is the most")),
        _ if events.len() > events_max => {
            Err(format!("{} events in one append; {events_max} is the most", events.len()))
        }
        _ if total > bytes_max => {
            Err(format!("{total} bytes in one append; {bytes_max} is the most"))
        }
        _ => Ok(()),
    }
}
