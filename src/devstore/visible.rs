//! What can be read of the log: what is indexed, which may end before what is written.

use std::{sync::Arc, time::Duration};

use crate::{
    events::Position,
    store::{
        ReadError,
        embedded::raw::{
            Direction, RawEvent, RawFrom, RawPage, RawRecorded, RawStream, RawStreamPage, Wanted,
        },
    },
};

use super::node::{EVERYTHING, Node};

/// Events looked at in one go for the last one that can be read.
const LOOK_EVENTS: usize = 64;

impl Node {
    /// The last position that can be read.
    pub(super) fn head(&self) -> Position {
        self.bound().unwrap_or_else(|| self.store.raw_head())
    }

    /// Where what can be read ends, where that is not the end of the log: before what is not indexed yet,
    /// and on a node that does not lead before what it does not have yet.
    fn bound(&self) -> Option<Position> {
        let replicated = *self.replicated.borrow();
        match &self.commits {
            None if replicated == EVERYTHING => None,
            None => Some(replicated.min(self.store.raw_head())),
            Some(commits) => Some(replicated.min(commits.indexed())),
        }
    }

    /// The last position that a node which has everything can read.
    pub(super) fn committed(&self) -> Position {
        match &self.commits {
            None => self.store.raw_head(),
            Some(commits) => commits.indexed(),
        }
    }

    /// Waits until something after a position can be read; false when the node ends.
    pub(super) async fn wait_after(&self, position: Position) -> bool {
        let (mut stopping, mut replicated) = (self.stopping.clone(), self.replicated.subscribe());
        let waited = async {
            // The sender lives as long as this does.
            self.is_committed_after(position).await
                && replicated.wait_for(|replicated| *replicated > position).await.is_ok()
        };
        tokio::select! {
            waited = waited => waited,
            _ = stopping.wait_for(|stopping| *stopping) => false,
        }
    }

    /// Waits until something after a position is committed; false when the log ends.
    async fn is_committed_after(&self, position: Position) -> bool {
        match &self.commits {
            None => self.store.wait_raw_after(position).await.is_ok(),
            Some(commits) => {
                commits.wait_after(position).await;
                true
            }
        }
    }

    /// Lets a node that does not lead have what is committed that much later, until the node ends.
    pub(super) async fn replicate(self: Arc<Self>, lag: Duration) {
        let mut seen = Position::START;
        while self.is_committed_after(seen).await {
            seen = self.committed();
            tokio::time::sleep(lag).await;
            self.replicated.send_if_modified(|replicated| {
                let is_later = *replicated < seen;
                *replicated = seen.max(*replicated);
                is_later
            });
        }
    }

    /// Reads the whole log as [`read_raw`] does.
    ///
    /// [`read_raw`]: crate::store::embedded::EmbeddedStore::read_raw
    pub(super) async fn read_all(
        &self,
        from: Position,
        direction: Direction,
        wanted: Option<Wanted>,
        max: usize,
    ) -> Result<RawPage, ReadError> {
        let Some(head) = self.bound() else {
            return self.store.read_raw(from, direction, wanted, max).await;
        };
        let from = match direction {
            Direction::Forwards => from,
            Direction::Backwards => from.min(Position(head.0 + 1)),
        };
        let mut page = self.store.read_raw(from, direction, wanted, max).await?;
        page.events.retain(|event| event.position <= head);
        if direction == Direction::Forwards {
            page.last = page.last.map(|last| last.min(head)).filter(|last| *last > from);
        }
        Ok(page)
    }

    /// Reads a stream as [`read_raw_stream`] does.
    ///
    /// [`read_raw_stream`]: crate::store::embedded::EmbeddedStore::read_raw_stream
    pub(super) async fn read_stream(
        &self,
        stream: &str,
        from: RawFrom,
        direction: Direction,
        max: usize,
    ) -> Result<RawStreamPage, ReadError> {
        let mut page = self.read_indexed(stream, from, direction, max).await?;
        let shown = self.cluster.shown_in(stream);
        if let RawStream::Live { last_revision, .. } = &mut page.stream
            && page.next.is_none()
            && direction == Direction::Forwards
        {
            for RawEvent { id, kind, json, data, metadata } in shown {
                *last_revision += 1;
                let (revision, stream) = (*last_revision, Arc::from(stream));
                let (position, recorded_at_ms) = (self.head(), self.clock.now().0);
                page.events.push(RawRecorded {
                    position,
                    stream,
                    revision,
                    id,
                    kind,
                    json,
                    data,
                    metadata,
                    recorded_at_ms,
                });
            }
        }
        Ok(page)
    }

    async fn read_indexed(
        &self,
        stream: &str,
        from: RawFrom,
        direction: Direction,
        max: usize,
    ) -> Result<RawStreamPage, ReadError> {
        let now_ms = self.clock.now().0;
        let read =
            |from, direction, max| self.store.read_raw_stream(stream, from, direction, max, now_ms);
        let Some(head) = self.bound() else { return read(from, direction, max).await };
        let mut end = RawFrom::End;
        let (first_revision, last) = loop {
            let page = read(end, Direction::Backwards, LOOK_EVENTS).await?;
            let RawStream::Live { first_revision, .. } = page.stream else { return Ok(page) };
            if let Some(last) = page.events.iter().find(|event| event.position <= head) {
                break (first_revision, last.revision);
            }
            match page.next {
                Some(next) => end = RawFrom::Revision(next),
                None => {
                    let (stream, events) = (RawStream::Missing, Vec::new());
                    return Ok(RawStreamPage { stream, events, next: None });
                }
            }
        };
        let from = match (direction, from) {
            (Direction::Backwards, RawFrom::End) => RawFrom::Revision(last),
            (Direction::Backwards, RawFrom::Revision(at)) => RawFrom::Revision(at.min(last)),
            (_, from) => from,
        };
        let mut page = read(from, direction, max).await?;
        page.events.retain(|event| event.revision <= last);
        page.next = page.next.filter(|next| *next <= last);
        page.stream = RawStream::Live { first_revision, last_revision: last };
        Ok(page)
    }
}
