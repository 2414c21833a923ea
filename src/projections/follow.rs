//! Checks that no event of a stream is missed or comes twice, and keeps how far each stream has come.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{ApplyError, ProjectionError, row_cache::RowCache, signed};
use crate::events::{Recorded, StreamName};

/// Revisions that come next, by stream. An event is nearly always of the stream of the event before it, and
/// that one's is at hand.
#[derive(Debug, Default)]
pub(super) struct Streams {
    next: RowCache<StreamName, u64>,
    at_hand: Option<(StreamName, u64)>,
}

impl Streams {
    /// Checks that an event is the next one of its stream.
    pub(super) fn follow(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        model: &'static str,
    ) -> Result<(), ProjectionError> {
        let Recorded { stream, revision, position, .. } = *recorded;
        if let Some((of, next)) = &mut self.at_hand
            && (*of, *next) == (stream, revision)
        {
            *next += 1;
            return Ok(());
        }
        let failed = |error: ApplyError| error.of(model, position);
        self.put_back(rows).map_err(failed)?;
        let expected = *self.row(rows, stream).map_err(failed)?;
        if revision != expected {
            return Err(ProjectionError::Gap {
                model,
                position,
                stream,
                expected,
                found: revision,
            });
        }
        self.at_hand = Some((stream, revision + 1));
        Ok(())
    }

    /// Writes how far the streams have come that have come further.
    pub(super) fn write(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        self.put_back(rows)?;
        let mut write = rows.prepare_cached(
            "INSERT INTO streams (category, id, revision) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET revision = excluded.revision",
        )?;
        self.next.flush(|stream, next| {
            let id = stream.id.as_bytes().as_slice();
            write.execute(params![stream.category.name(), id, signed(*next - 1)?])?;
            Ok(())
        })
    }

    /// Drops everything, also what was not written.
    pub(super) fn forget(&mut self) {
        self.next.forget();
        self.at_hand = None;
    }

    fn put_back(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        if let Some((stream, next)) = self.at_hand.take() {
            *self.row(rows, stream)? = next;
        }
        Ok(())
    }

    /// What comes next in a stream, about to be changed: its first event, where there is no row yet.
    fn row(&mut self, rows: &Transaction<'_>, stream: StreamName) -> Result<&mut u64, ApplyError> {
        self.next.change(stream, || {
            let mut query =
                rows.prepare_cached("SELECT revision FROM streams WHERE category = ? AND id = ?")?;
            let key = params![stream.category.name(), stream.id.as_bytes().as_slice()];
            let last = query.query_row(key, |row| row.get::<_, i64>(0)).optional()?;
            let Some(last) = last else { return Ok(0) };
            let last = u64::try_from(last)
                .map_err(|_| ApplyError::Impossible(format!("{stream} ends at revision {last}")))?;
            Ok(last + 1)
        })
    }
}
