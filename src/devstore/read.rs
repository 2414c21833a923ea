//! Reads with a count: a stream or the whole log, forwards or backwards, one page after the other.

use futures_util::{Stream, StreamExt as _, stream};
use tonic::Status;

use super::{
    convert::{self, UuidForm, say},
    node::Node,
    proto::streams::{
        ReadResp,
        read_resp::{Content, StreamNotFound},
    },
    request::{AllFrom, OfAll, OfStream},
    status,
};
use crate::{
    events::Position,
    store::{
        ReadError,
        embedded::raw::{Direction, RawFrom, RawStream},
    },
    values::narrow,
};
use std::sync::Arc;

/// Events read in one go.
pub(super) const PAGE_EVENTS: usize = 512;

/// How many events of a stream the real server looks at before it says where the stream begins.
const FIRST_LOOK_EVENTS: u64 = 32;

/// What a page of a read becomes: messages, and perhaps an error that ends it.
pub(super) type Messages = Vec<Result<ReadResp, Status>>;

/// Joins pages into one stream of messages. The next page is read when the last one is sent.
pub(super) fn flatten(
    pages: impl Stream<Item = Messages>,
) -> impl Stream<Item = Result<ReadResp, Status>> {
    pages.flat_map(stream::iter)
}

/// Why a read failed, as gRPC has it.
pub(super) fn unreadable(error: &ReadError) -> Status {
    match error {
        ReadError::Unavailable(_) => Status::unavailable(error.to_string()),
        ReadError::Damaged(_) => Status::data_loss(error.to_string()),
    }
}

/// A stream, at most `count` events of it.
pub(super) fn stream_pages(
    node: Arc<Node>,
    ask: OfStream,
    count: u64,
) -> impl Stream<Item = Messages> {
    let from = Some((ask.from, count, true));
    stream::unfold(from, move |at| {
        let (node, ask) = (Arc::clone(&node), ask.clone());
        async move {
            let (from, left, first) = at?;
            let max = narrow(left).min(PAGE_EVENTS);
            let page = match node.read_stream(&ask.stream, from, ask.direction, max).await {
                Ok(page) => page,
                Err(error) => return Some((vec![Err(unreadable(&error))], None)),
            };
            let (first_revision, last_revision) = match page.stream {
                RawStream::Tombstoned => {
                    return Some((vec![Err(status::stream_deleted(&ask.stream))], None));
                }
                RawStream::Missing => return Some((vec![Ok(not_found(&ask.stream))], None)),
                RawStream::Live { first_revision, last_revision } => {
                    (first_revision, last_revision)
                }
            };
            let mut messages = Messages::with_capacity(page.events.len() + 2);
            if first && ask.tells_ends {
                let skipped = skipped_to(from, ask.direction, left, first_revision, last_revision);
                messages.extend(skipped.map(|at| Ok(say(Content::FirstStreamPosition(at)))));
            }
            let left = left.saturating_sub(page.events.len() as u64);
            messages
                .extend(page.events.into_iter().map(|event| Ok(convert::recorded(event, ask.ids))));
            let next = page.next.filter(|_| left > 0);
            if next.is_none() && ask.tells_ends {
                messages.push(Ok(say(Content::LastStreamPosition(last_revision))));
            }
            let next = next.map(|revision| (RawFrom::Revision(revision), left, false));
            Some((messages, next))
        }
    })
}

/// Where a stream goes on, if nothing of it is where the reading starts.
fn skipped_to(
    from: RawFrom,
    direction: Direction,
    count: u64,
    first_revision: u64,
    last_revision: u64,
) -> Option<u64> {
    let from = match (direction, from) {
        (Direction::Backwards, _) | (Direction::Forwards, RawFrom::End) => return None,
        (Direction::Forwards, RawFrom::Start) => 0,
        (Direction::Forwards, RawFrom::Revision(revision)) => revision,
    };
    if from > last_revision + 1 {
        return Some(last_revision + 1);
    }
    let looked_at = from.saturating_add(count.min(FIRST_LOOK_EVENTS));
    (looked_at <= first_revision).then_some(first_revision)
}

/// The whole log, at most `count` events of it.
pub(super) fn all_pages(node: Arc<Node>, ask: OfAll, count: u64) -> impl Stream<Item = Messages> {
    // Where to read on, exclusive in both directions.
    let from = match (ask.direction, ask.from) {
        (Direction::Forwards, AllFrom::Start) => Position::START,
        (Direction::Forwards, AllFrom::End) => node.head(),
        (Direction::Forwards, AllFrom::At(position)) => Position(position.0.saturating_sub(1)),
        (Direction::Backwards, AllFrom::Start) => Position::START,
        (Direction::Backwards, AllFrom::End) => Position(u64::MAX),
        (Direction::Backwards, AllFrom::At(position)) => position,
    };
    stream::unfold(Some((from, count)), move |at| {
        let (node, ask) = (Arc::clone(&node), ask.clone());
        async move {
            let (from, left) = at.filter(|(_, left)| *left > 0)?;
            let max = narrow(left).min(PAGE_EVENTS);
            let wanted = ask.filter.as_ref().map(|filter| Arc::clone(&filter.wanted));
            let page = match node.read_all(from, ask.direction, wanted, max).await {
                Ok(page) => page,
                Err(error) => return Some((vec![Err(unreadable(&error))], None)),
            };
            let next = page.last?;
            let left = left.saturating_sub(page.events.len() as u64);
            Some((events(page.events, ask.ids), Some((next, left))))
        }
    })
}

fn events(events: Vec<crate::store::embedded::raw::RawRecorded>, ids: UuidForm) -> Messages {
    events.into_iter().map(|event| Ok(convert::recorded(event, ids))).collect()
}

fn not_found(stream: &str) -> ReadResp {
    let stream_identifier = Some(convert::stream_identifier(stream));
    say(Content::StreamNotFound(StreamNotFound { stream_identifier }))
}
