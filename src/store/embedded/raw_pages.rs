//! Pages for clients of EventStoreDB: every stream, forwards and backwards, with what a stream's
//! metadata hides left out.

use rusqlite::params;

use super::{
    key::StreamKey,
    raw::{Direction, RawFrom, RawPage, RawRecorded, RawStream, RawStreamPage, TOMBSTONE, Wanted},
    rows::{COLUMNS, Checked, Page, Query, ReadSession, limit},
    settings::Settings,
};
use crate::values::bound_of;
use crate::{events::Position, store::ReadError};

/// Events looked at in one go, so that a filter that matches little does not hold a connection.
const CONSIDERED_MAX: usize = 2_048;

/// What is wanted of one stream.
pub(super) struct StreamWish {
    pub(super) stream: String,
    pub(super) from: RawFrom,
    pub(super) direction: Direction,
    pub(super) max: usize,
    pub(super) now_ms: i64,
}

/// A stream as it is now: its number, and what of it is shown.
struct Shown {
    number: i64,
    first_revision: u64,
    last_revision: u64,
    oldest_ms: Option<i64>,
}

impl ReadSession {
    /// Reads a page of a stream.
    pub(super) fn raw_stream(&mut self, wish: &StreamWish) -> Result<RawStreamPage, ReadError> {
        let empty = |stream| RawStreamPage { stream, events: Vec::new(), next: None };
        let key = StreamKey::of(&wish.stream);
        // The end of a stream also ends its metadata.
        for stream in key.described().iter().chain([&key]) {
            let last = self.last_event(stream)?;
            if let Some(tombstone) = last.filter(|event| event.kind == TOMBSTONE) {
                let stream = RawStream::Tombstoned;
                return Ok(RawStreamPage { stream, events: vec![tombstone], next: None });
            }
        }
        let settings = self.settings(&key)?;
        let Some((number, last_revision)) = self.find_stream(&wish.stream)? else {
            return Ok(empty(RawStream::Missing));
        };
        if settings.is_deleted() {
            return Ok(empty(RawStream::Missing));
        }
        let shown = Shown {
            number,
            first_revision: settings.first_revision(last_revision),
            last_revision,
            oldest_ms: settings.oldest_ms(wish.now_ms),
        };
        let page = self.page_of_stream(&shown, wish)?;
        let Shown { first_revision, last_revision, .. } = shown;
        let next = match wish.direction {
            _ if page.rows == 0 => None,
            Direction::Forwards => {
                Some(page.last_revision + 1).filter(|next| *next <= last_revision)
            }
            Direction::Backwards => {
                page.last_revision.checked_sub(1).filter(|next| *next >= first_revision)
            }
        };
        let stream = RawStream::Live { first_revision, last_revision };
        Ok(RawStreamPage { stream, events: page.kept, next })
    }

    fn page_of_stream(
        &mut self,
        shown: &Shown,
        wish: &StreamWish,
    ) -> Result<Page<RawRecorded>, ReadError> {
        let &Shown { number, first_revision, last_revision, oldest_ms } = shown;
        let (from, to, order) = match wish.direction {
            Direction::Forwards => {
                let from = match wish.from {
                    RawFrom::Start => 0,
                    RawFrom::Revision(revision) => revision,
                    RawFrom::End => last_revision,
                };
                (from.max(first_revision), last_revision, "ASC")
            }
            Direction::Backwards => {
                let to = match wish.from {
                    RawFrom::Start => 0,
                    RawFrom::Revision(revision) => revision,
                    RawFrom::End => last_revision,
                };
                (first_revision, to.min(last_revision), "DESC")
            }
        };
        let sql = format!(
            "SELECT {COLUMNS} WHERE stream = ?1 AND revision BETWEEN ?2 AND ?3
             ORDER BY revision {order} LIMIT ?4"
        );
        let query = Query { sql: &sql, direction: wish.direction, max: wish.max };
        let rows_max = limit(wish.max.min(CONSIDERED_MAX));
        self.read_page(&query, params![number, bound_of(from), bound_of(to), rows_max], |event| {
            let shown = oldest_ms.is_none_or(|oldest| event.recorded_at_ms >= oldest);
            shown.then(|| recorded(event))
        })
    }

    /// Looks at events of the whole log from a position on, exclusive in both directions.
    pub(super) fn raw_all(
        &mut self,
        from: Position,
        direction: Direction,
        wanted: Option<&Wanted>,
        max: usize,
        head: Position,
    ) -> Result<RawPage, ReadError> {
        // Without a filter nothing is looked at in vain.
        let rows_max = if wanted.is_some() { CONSIDERED_MAX } else { max.min(CONSIDERED_MAX) };
        let keep = |event: &Checked<'_>| {
            let wanted = wanted.is_none_or(|wanted| wanted(&event.name.text, event.kind));
            wanted.then(|| recorded(event))
        };
        let page = match direction {
            Direction::Forwards => self.page_after(from, rows_max, max, head, keep)?,
            Direction::Backwards => {
                let before = bound_of(from.0);
                let sql =
                    format!("SELECT {COLUMNS} WHERE position < ?1 ORDER BY position DESC LIMIT ?2");
                let query = Query { sql: &sql, direction, max };
                self.read_page(&query, params![before, limit(rows_max)], keep)?
            }
        };
        let last = (page.rows > 0).then_some(Position(page.last_position));
        Ok(RawPage { events: page.kept, considered: page.rows, last })
    }

    fn settings(&mut self, key: &StreamKey) -> Result<Settings, ReadError> {
        if key.described().is_some() {
            return Ok(Settings::of_metastream());
        }
        let metadata = self.last_event(&key.metastream())?;
        Ok(metadata.map(|event| Settings::read(&event.data)).unwrap_or_default())
    }

    fn last_event(&mut self, key: &StreamKey) -> Result<Option<RawRecorded>, ReadError> {
        let Some((number, last)) = self.find_stream(&key.to_string())? else { return Ok(None) };
        let sql = format!("SELECT {COLUMNS} WHERE stream = ?1 AND revision = ?2");
        let query = Query { sql: &sql, direction: Direction::Forwards, max: 1 };
        let place = params![number, last.cast_signed()];
        let page = self.read_page(&query, place, |event| Some(recorded(event)))?;
        Ok(page.kept.into_iter().next())
    }
}

fn recorded(event: &Checked<'_>) -> RawRecorded {
    RawRecorded {
        position: Position(event.position),
        stream: event.name.text.clone(),
        revision: event.revision,
        id: event.id,
        kind: event.kind.to_owned(),
        json: !event.binary,
        data: event.data.to_vec(),
        metadata: event.metadata.to_vec(),
        recorded_at_ms: event.recorded_at_ms,
    }
}
