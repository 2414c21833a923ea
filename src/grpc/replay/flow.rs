//! The paced stream of an item's events to a client. It reads one page ahead, waits for a slow
//! client, and ends with the client.

use std::collections::VecDeque;

use futures_util::{Stream, stream::try_unfold};
use tonic::Status;

use super::super::{convert, proto, status::CallError};
use crate::{
    clock::SharedClock,
    events::{Family, ItemEvent, Recorded, StreamName, decode},
    replay::{pace::Metronome, state::Moment},
    store::SharedStore,
    values::{ItemId, UNLIMITED, UnixMs},
};

/// Events read at once.
const PAGE_EVENTS: usize = 256;

/// Which events, and how fast.
pub(super) struct Flow {
    pub store: SharedStore,
    pub clock: SharedClock,
    pub item: ItemId,
    pub from: Option<Moment>,
    pub to: Option<Moment>,
    /// Events that are in the log now: later ones are not waited for.
    pub last_revision: u64,
    pub metronome: Metronome,
    pub next_revision: u64,
    /// When the last event happened that said so.
    pub at: UnixMs,
    pub page: VecDeque<Recorded>,
}

impl Flow {
    /// The events as a stream that ends with the range.
    pub fn stream(self) -> impl Stream<Item = Result<proto::ReplayItemResponse, Status>> {
        try_unfold(self, |mut flow| async move {
            let next = flow.next().await?;
            Ok(next.map(|event| (event, flow)))
        })
    }

    async fn next(&mut self) -> Result<Option<proto::ReplayItemResponse>, CallError> {
        loop {
            let Some(recorded) = self.read().await? else { return Ok(None) };
            let event = decode(&recorded)
                .map_err(|error| CallError::internal("an event cannot be read", &error))?;
            let Some(event) = ItemEvent::pick(event) else {
                let what = format!("{} in {}", recorded.kind, recorded.stream);
                return Err(CallError::internal("an event is out of place", &what));
            };
            self.at = event.at().map_or(self.at, |at| at.max(self.at));
            if self.to.is_some_and(|to| is_after(&recorded, self.at, to)) {
                return Ok(None);
            }
            if self.from.is_some_and(|from| is_before(&recorded, self.at, from)) {
                continue;
            }
            if let Some(due) = self.metronome.due(self.at, self.clock.now()) {
                self.clock.sleep_until(due).await;
            }
            return Ok(Some(proto::ReplayItemResponse {
                revision: recorded.revision,
                position: recorded.position.0,
                kind: recorded.kind,
                body_json: String::from_utf8_lossy(&recorded.data).into_owned(),
                event_time: Some(convert::timestamp(self.at)),
            }));
        }
    }

    async fn read(&mut self) -> Result<Option<Recorded>, CallError> {
        if self.page.is_empty() && self.next_revision <= self.last_revision {
            let stream = StreamName::item(self.item);
            let read = self.store.read_stream(stream, self.next_revision, PAGE_EVENTS).await;
            self.page = read.map_err(CallError::from)?.into();
            self.next_revision = self.page.back().map_or(UNLIMITED, |last| last.revision + 1);
        }
        let next = self.page.pop_front();
        Ok(next.filter(|recorded| recorded.revision <= self.last_revision))
    }
}

fn is_after(recorded: &Recorded, at: UnixMs, point: Moment) -> bool {
    match point {
        Moment::Revision(revision) => recorded.revision > revision,
        Moment::Position(position) => recorded.position > position,
        Moment::Time(time) => at > time,
        Moment::End => false,
    }
}

fn is_before(recorded: &Recorded, at: UnixMs, point: Moment) -> bool {
    match point {
        Moment::Revision(revision) => recorded.revision < revision,
        Moment::Position(position) => recorded.position < position,
        Moment::Time(time) => at < time,
        Moment::End => true,
    }
}
