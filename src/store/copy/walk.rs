//! A walk over a log, event by event, that waits while a store is unreachable for a short time.

use std::vec;

use super::pauses::Pauses;
use crate::{
    events::{Position, Recorded},
    store::{LogSource, ReadError},
};

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;

/// A walk that has come somewhere.
pub(super) struct Walk<'a> {
    log: &'a LogSource,
    page: vec::IntoIter<Recorded>,
    read: Position,
    position: Position,
}

impl<'a> Walk<'a> {
    /// Before the first event.
    pub(super) fn along(log: &'a LogSource) -> Self {
        Self { log, page: Vec::new().into_iter(), read: Position::START, position: Position::START }
    }

    /// The log it walks along.
    pub(super) fn log(&self) -> &'a LogSource {
        self.log
    }

    /// Position of the last event it gave.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Whether the next step reads on.
    pub(super) fn is_at_page_end(&self) -> bool {
        self.page.as_slice().is_empty()
    }

    /// The next event; `None` at the end of the log.
    pub(super) async fn next(&mut self) -> Result<Option<Recorded>, ReadError> {
        if self.is_at_page_end() {
            let page = self.read_page().await?;
            self.read = page.last().map_or(self.read, |event| event.position);
            self.page = page.into_iter();
        }
        let next = self.page.next();
        if let Some(next) = &next {
            self.position = next.position;
        }
        Ok(next)
    }

    async fn read_page(&self) -> Result<Vec<Recorded>, ReadError> {
        let mut pauses = Pauses::default();
        loop {
            let read = self.log.read_all(self.read, PAGE_EVENTS).await;
            match read {
                Err(ReadError::Unavailable(_)) if pauses.rest().await => {}
                Ok(_) | Err(ReadError::Unavailable(_) | ReadError::Damaged(_)) => return read,
            }
        }
    }
}
