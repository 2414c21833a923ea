//! Events to a state.
//!
//! A short stream is read page by page. Of a long one several pages are read and decoded at a time, each
//! on a thread that may block, while the events before them are applied.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, stream};

use super::mark::Mark;
use crate::{
    domain::{Decider, Impossible},
    events::{Position, Recorded, Shown, Stored as _, StreamName, decode_shown},
    store::{LogSource, ReadError},
};

/// Events read at once.
const PAGE_EVENTS: usize = 4096;

/// Events that are read and decoded as one piece of work, where several are done at a time.
const PIECE_EVENTS: u64 = 2048;

/// Pieces that are read ahead of the one that is applied. Each takes some 4 MB.
const PIECES_AHEAD: usize = 4;

/// One time that the clock was set in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMove {
    /// The last event of the log before it.
    pub after: Position,
    pub by_ms: i64,
}

/// A state and the event that it stands behind; none before the first one.
#[derive(Debug)]
pub struct Folded<D> {
    pub state: D,
    pub last: Option<Mark>,
}

/// Why there is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// This version cannot read an event, or it contradicts those before it.
    #[error("{0}")]
    Unreadable(String),
}

/// Events of one stream, decoded.
struct Piece<E> {
    events: Vec<(E, u64, Position)>,
    /// The revision behind the last of them.
    end: u64,
    /// The last of them, once it is there.
    last: Option<Mark>,
}

impl<E> Piece<E> {
    /// Nothing yet of the events before that revision.
    fn up_to(end: u64) -> Self {
        Self { events: Vec::new(), end, last: None }
    }

    fn take<D: Decider<Event = E>>(&mut self, shown: &Shown<'_>) -> Result<(), FoldError> {
        let event =
            decode_shown(shown).map_err(|error| FoldError::Unreadable(error.to_string()))?;
        let Some(event) = D::pick(event) else {
            let what = format!("{} does not belong into {}", shown.kind, shown.stream);
            return Err(FoldError::Unreadable(what));
        };
        if self.events.is_empty() {
            let left = usize::try_from(self.end - shown.revision).unwrap_or(PAGE_EVENTS);
            self.events.reserve_exact(left.min(PAGE_EVENTS));
        }
        self.events.push((event, shown.revision, shown.position));
        // A state stands only behind the last one.
        if shown.revision + 1 == self.end {
            self.last = Some(Mark::of_shown(shown));
        }
        Ok(())
    }

    fn append(&mut self, mut next: Self) {
        if self.events.is_empty() {
            self.events = next.events;
        } else {
            self.events.append(&mut next.events);
        }
        self.last = next.last;
    }
}

/// A fold under way.
struct Fold<'l, D> {
    log: &'l LogSource,
    stream: StreamName,
    so_far: Option<Folded<D>>,
    /// Those not applied yet, oldest first.
    moves: Arc<[ClockMove]>,
    moved: usize,
}

impl<D: Decider> Folded<D> {
    /// What a stream comes to before its first event.
    pub fn nothing(stream: StreamName) -> Self {
        Self { state: D::initial(stream.id), last: None }
    }

    /// How many events it holds.
    pub fn events(&self) -> u64 {
        self.last.map_or(0, |last| last.revision + 1)
    }
}

/// The state that the events of a stream come to, from one that holds the first of them; up to the
/// revision `until`, or all there are. What was under way when the clock was set is moved along with
/// it; no move is before the last event of the state that is begun with.
///
/// # Errors
/// When the log cannot be read, or an event of it.
pub async fn fold<D: Decider>(
    log: &LogSource,
    stream: StreamName,
    from: Folded<D>,
    moves: Vec<ClockMove>,
    until: Option<u64>,
) -> Result<Folded<D>, FoldError> {
    let mut fold = Fold { log, stream, so_far: Some(from), moves: moves.into(), moved: 0 };
    loop {
        let from = fold.next_revision();
        let left = until.map_or(PAGE_EVENTS as u64, |until| (until + 1).saturating_sub(from));
        let max = PAGE_EVENTS.min(usize::try_from(left).unwrap_or(PAGE_EVENTS));
        let page = if max == 0 { Vec::new() } else { log.read_stream(stream, from, max).await? };
        if page.is_empty() {
            return fold.finish();
        }
        let full = page.len() == PAGE_EVENTS;
        fold.apply(on_a_thread(move || decoded::<D>(&page)).await?).await?;
        if full {
            let last = log.last_revision(stream).await?;
            let last = last.map(|last| last.min(until.unwrap_or(last)));
            // What is made at the end of a bulk takes time for all events, not only for these.
            let behind = last.map_or(0, |last| last + 1).saturating_sub(fold.next_revision());
            let in_bulk = behind >= fold.next_revision();
            if in_bulk {
                fold.change(|state| {
                    state.bulk_begins();
                    Ok(())
                })
                .await?;
            }
            fold.in_pieces(last).await?;
            if in_bulk {
                fold.change(D::bulk_ends).await?;
            }
        }
    }
}

impl<D: Decider> Fold<'_, D> {
    /// Changes the state, on a thread that may block.
    async fn change(
        &mut self,
        change: fn(&mut D) -> Result<(), Impossible>,
    ) -> Result<(), FoldError> {
        let Some(mut so_far) = self.so_far.take() else { return Ok(()) };
        let stream = self.stream;
        let changed = on_a_thread(move || {
            change(&mut so_far.state).map_err(|why| {
                FoldError::Unreadable(format!("the events of {stream} are impossible: {why}"))
            })?;
            Ok(so_far)
        });
        self.so_far = Some(changed.await?);
        Ok(())
    }

    fn next_revision(&self) -> u64 {
        self.so_far.as_ref().map_or(0, Folded::events)
    }

    /// Applies the events up to a revision, several pieces at a time.
    async fn in_pieces(&mut self, last: Option<u64>) -> Result<(), FoldError> {
        let (log, stream) = (self.log, self.stream);
        let end = last.map_or(0, |last| last + 1);
        let starts = (self.next_revision()..end).step_by(PIECE_EVENTS as usize);
        let pieces = starts.map(|from| {
            let (log, to) = (log.clone(), end.min(from + PIECE_EVENTS));
            // Spawned, so that it goes on while another one is applied.
            let work = tokio::spawn(async move { piece::<D>(&log, stream, from, to).await });
            async { work.await.unwrap_or_else(|error| Err(stopped(&error))) }
        });
        let mut pieces = stream::iter(pieces).buffered(PIECES_AHEAD);
        while let Some(piece) = pieces.next().await {
            self.apply(piece?).await?;
        }
        Ok(())
    }

    async fn apply(&mut self, piece: Piece<D::Event>) -> Result<(), FoldError> {
        let Some(mut so_far) = self.so_far.take() else { return Ok(()) };
        let (stream, moves, mut moved) = (self.stream, Arc::clone(&self.moves), self.moved);
        let applied = on_a_thread(move || {
            for (event, revision, position) in &piece.events {
                while let Some(next) = moves.get(moved).filter(|next| next.after < *position) {
                    so_far.state.clock_moved(next.by_ms);
                    moved += 1;
                }
                so_far.state.try_evolve(event, *revision).map_err(|why| {
                    let what = format!("{} at revision {revision} of {stream}", event.kind());
                    FoldError::Unreadable(format!("{what} is impossible: {why}"))
                })?;
                so_far.state.landed(*revision, *position);
            }
            so_far.last = piece.last.or(so_far.last);
            Ok((so_far, moved))
        });
        let (so_far, moved) = applied.await?;
        (self.so_far, self.moved) = (Some(so_far), moved);
        Ok(())
    }

    fn finish(mut self) -> Result<Folded<D>, FoldError> {
        let Some(mut folded) = self.so_far.take() else {
            return Err(FoldError::Unreadable("the fold has ended".to_owned()));
        };
        for each in self.moves.iter().skip(self.moved) {
            folded.state.clock_moved(each.by_ms);
        }
        Ok(folded)
    }
}

/// Reads and decodes the events from one revision up to another, exclusive, as far as there are any.
async fn piece<D: Decider>(
    log: &LogSource,
    stream: StreamName,
    from: u64,
    to: u64,
) -> Result<Piece<D::Event>, FoldError> {
    let mut all = Piece::up_to(to);
    let mut from = from;
    while from < to {
        let max = usize::try_from(to - from).unwrap_or(PAGE_EVENTS);
        let page = Arc::new(Mutex::new(Ok(Piece::up_to(to))));
        let shown = {
            let page = Arc::clone(&page);
            // Decoded where it is read: nothing is copied but what the event holds.
            Arc::new(move |event: &Shown<'_>| {
                let mut page = page.lock().unwrap_or_else(PoisonError::into_inner);
                if event.revision == from {
                    *page = Ok(Piece::up_to(to));
                }
                if let Ok(piece) = &mut *page
                    && let Err(why) = piece.take::<D>(event)
                {
                    *page = Err(why);
                }
            })
        };
        let count = log.show_stream(stream, from, max, shown).await?;
        if count == 0 {
            break;
        }
        from += count as u64;
        let page = {
            let mut page = page.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *page, Ok(Piece::up_to(to)))?
        };
        all.append(page);
    }
    Ok(all)
}

fn decoded<D: Decider>(page: &[Recorded]) -> Result<Piece<D::Event>, FoldError> {
    let mut piece = Piece::up_to(page.last().map_or(0, |last| last.revision + 1));
    for recorded in page {
        piece.take::<D>(&recorded.shown())?;
    }
    Ok(piece)
}

/// Work that blocks or takes long.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FoldError> + Send + 'static,
) -> Result<T, FoldError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(stopped(&error)))
}

/// The runtime ends, or a panic was reported.
fn stopped(error: &tokio::task::JoinError) -> FoldError {
    FoldError::Read(ReadError::Unavailable(error.to_string()))
}
