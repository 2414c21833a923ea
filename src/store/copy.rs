//! Copies a log from one store into another: the same streams, revisions, ids, kinds and bytes, in
//! the same order.
//!
//! A copy that was cut short is a shorter copy: the target holds the first events of the source and
//! nothing else of ours. So one walk along both says how far it came, and finds every disagreement
//! before anything is written. Positions and times of recording are the target's own. It must never
//! write to a target that holds anything the source does not, and never guess whether an append
//! was written.

mod pauses;
mod sums;
mod walk;

use std::sync::Arc;

use uuid::Uuid;

use self::{pauses::Pauses, sums::Sums, walk::Walk};
use super::{AppendError, EventStore, Expected, LogSource, ReadError, SharedStore};
use crate::events::{NewEvent, Position, Recorded, StreamName};

/// What a copy is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Comparing what the target already holds.
    Skipping,
    /// Writing what it lacks.
    Writing,
    /// Comparing both sides from the first event to the last.
    Comparing,
}

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    pub stage: Stage,
    /// Events behind it in this stage.
    pub events: u64,
    /// Position of the last of them in the source.
    pub position: Position,
}

/// What came of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Streams of the source.
    pub streams: u64,
    /// Events of the source, up to where it was copied.
    pub events: u64,
    /// Events that were written now.
    pub copied: u64,
    /// Events that the target held before.
    pub already_there: u64,
    /// SHA-256, in hexadecimal, over all events of the source in their order.
    pub digest: String,
    /// Streams in which the two sides differ at the end, because another client wrote to the
    /// target. Empty if both are equal.
    pub differing: Vec<StreamName>,
    /// Whether both sides hold the same events in the same order.
    pub equal: bool,
}

/// Why a copy ended early. What was copied stays, and the next run goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the source: {0}")]
    Source(ReadError),
    #[error("the target: {0}")]
    Target(ReadError),
    /// Both have an event there, and not the same one.
    #[error(
        "the target disagrees: revision {revision} of {stream} is event {in_source} in the source \
         and event {in_target} in the target{}",
        if in_source == in_target { ", with other contents" } else { "" }
    )]
    Disagrees { stream: StreamName, revision: u64, in_source: Uuid, in_target: Uuid },
    /// The target has an event that the source does not have.
    #[error(
        "the target is ahead: revision {revision} of {stream} is event {in_target} there, and the \
         source has no such event"
    )]
    Ahead { stream: StreamName, revision: u64, in_target: Uuid },
    /// The target has an event that the source has, too, but at another place in its order.
    #[error(
        "the target has another order: where revision {revision} of {stream} (event {in_target}) \
         stands there, the source has event {in_source}"
    )]
    OtherOrder { stream: StreamName, revision: u64, in_source: Uuid, in_target: Uuid },
    /// Another client writes to the target meanwhile.
    #[error("another client has written revision {revision} of {stream} to the target meanwhile")]
    Interfered { stream: StreamName, revision: u64 },
    #[error("the target does not take revision {revision} of {stream}: {problem}")]
    NotWritten { stream: StreamName, revision: u64, problem: String },
}

/// Copies what the target lacks and compares both sides in the end. `progress` is told now and
/// then.
///
/// # Errors
/// When the target holds something that the source does not, before anything is written; when
/// either side fails for longer than half a minute.
pub async fn copy(
    source: &LogSource,
    target: &SharedStore,
    progress: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<Copied, CopyError> {
    let copy = LogSource::Store(Arc::clone(target));
    let mut walk = Walk::along(source);
    let already_there = skip(&mut walk, &copy, progress).await?;
    let copied = write(&mut walk, &**target, progress).await?;
    let events = already_there + copied;

    let mut compared = |position, events| {
        progress(CopyProgress { stage: Stage::Comparing, events, position });
    };
    let of_source = Sums::of(source, events, &mut compared);
    // Whatever else is in the target makes a difference, so it is read to its end.
    let mut untold = |_, _| {};
    let of_target = Sums::of(&copy, u64::MAX, &mut untold);
    let (of_source, of_target) = tokio::join!(of_source, of_target);
    let of_source = of_source.map_err(CopyError::Source)?;
    let of_target = of_target.map_err(CopyError::Target)?;
    let differing = of_source.differing(&of_target);
    let digest = of_source.in_order();
    Ok(Copied {
        streams: of_source.streams(),
        events,
        copied,
        already_there,
        equal: differing.is_empty() && digest == of_target.in_order(),
        digest,
        differing,
    })
}

/// Walks along both sides as far as the target goes. Afterwards `source` stands before the first
/// event that is missing there.
async fn skip(
    source: &mut Walk<'_>,
    target: &LogSource,
    progress: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<u64, CopyError> {
    let mut there = Walk::along(target);
    let mut events = 0;
    while let Some(found) = there.next().await.map_err(CopyError::Target)? {
        let expected = source.next().await.map_err(CopyError::Source)?;
        match expected {
            Some(expected) if same(&expected, &found) => events += 1,
            expected => return Err(why(source.log(), expected.as_ref(), &found).await),
        }
        if there.is_at_page_end() {
            let position = source.position();
            progress(CopyProgress { stage: Stage::Skipping, events, position });
        }
    }
    Ok(events)
}

/// Whether two stores hold the same event at the same place of its stream.
fn same(one: &Recorded, other: &Recorded) -> bool {
    (one.stream, one.revision, one.id) == (other.stream, other.revision, other.id)
        && (&one.kind, &one.data, &one.metadata) == (&other.kind, &other.data, &other.metadata)
}

/// What is wrong with an event of the target that is not the one the source has there.
async fn why(source: &LogSource, expected: Option<&Recorded>, found: &Recorded) -> CopyError {
    let Recorded { stream, revision, id: in_target, .. } = *found;
    let counterpart = match source.read_stream(stream, revision, 1).await {
        Ok(events) => events.into_iter().next(),
        Err(error) => return CopyError::Source(error),
    };
    match (counterpart, expected) {
        (Some(counterpart), Some(expected)) if same(&counterpart, found) => {
            CopyError::OtherOrder { stream, revision, in_source: expected.id, in_target }
        }
        (Some(counterpart), _) => {
            CopyError::Disagrees { stream, revision, in_source: counterpart.id, in_target }
        }
        (None, _) => CopyError::Ahead { stream, revision, in_target },
    }
}

/// Writes the rest of the source. What stands together in one stream becomes one append.
async fn write(
    source: &mut Walk<'_>,
    target: &dyn EventStore,
    progress: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<u64, CopyError> {
    let mut copied = 0;
    let mut next = source.next().await.map_err(CopyError::Source)?;
    while let Some(first) = next.take() {
        let mut run = Run::starting_with(first);
        loop {
            next = source.next().await.map_err(CopyError::Source)?;
            match next.take_if(|event| run.takes(event, target)) {
                Some(event) => run.push(event),
                None => break,
            }
        }
        copied += run.events.len() as u64;
        let position = run.position;
        run.append(target).await?;
        progress(CopyProgress { stage: Stage::Writing, events: copied, position });
    }
    Ok(copied)
}

/// Consecutive events of one stream, on their way into the target.
struct Run {
    stream: StreamName,
    first_revision: u64,
    bytes: usize,
    events: Vec<NewEvent>,
    /// Of the last of them in the source.
    position: Position,
}

impl Run {
    fn starting_with(first: Recorded) -> Self {
        let (stream, first_revision, position) = (first.stream, first.revision, first.position);
        let mut run = Self { stream, first_revision, bytes: 0, events: Vec::new(), position };
        run.push(first);
        run
    }

    /// Whether an event goes into the same append.
    fn takes(&self, event: &Recorded, target: &dyn EventStore) -> bool {
        let limits = target.limits();
        event.stream == self.stream
            && self.events.len() < limits.events_max
            && self.bytes < limits.bytes_enough
            && self.bytes + bytes_of(event) <= limits.bytes_max
    }

    fn push(&mut self, event: Recorded) {
        self.bytes += bytes_of(&event);
        self.position = event.position;
        let Recorded { id, kind, data, metadata, .. } = event;
        self.events.push(NewEvent { id, kind: kind.into(), data, metadata });
    }

    /// Appends it. As long as it is not known whether it was written, the identical append is
    /// repeated: the target knows the ids and writes them once.
    async fn append(self, target: &dyn EventStore) -> Result<(), CopyError> {
        let Self { stream, first_revision: revision, events, .. } = self;
        let events: Arc<[NewEvent]> = events.into();
        let mut pauses = Pauses::default();
        loop {
            let expected = Expected::before(revision);
            let problem = match target.append(stream, expected, Arc::clone(&events)).await {
                Ok(_) => return Ok(()),
                Err(AppendError::Conflict(_)) => {
                    return Err(CopyError::Interfered { stream, revision });
                }
                Err(error @ (AppendError::NotWritten(_) | AppendError::Unknown(_))) => {
                    error.to_string()
                }
            };
            if !pauses.rest().await {
                return Err(CopyError::NotWritten { stream, revision, problem });
            }
        }
    }
}

/// What an event counts towards the limits of an append.
fn bytes_of(event: &Recorded) -> usize {
    event.data.len() + event.metadata.len() + 2 * event.kind.len()
}
