//! Endless reads: the existing events, the notice that the reader has caught up, then new events.
//!
//! There is no buffer of events: a page is read when the last one is sent, so a slow reader costs
//! nothing but its own delay. It starts after the place it is given, which is excluded.

use std::sync::Arc;

use futures_util::{Stream, stream};
use tonic::Status;
use uuid::Uuid;

use super::{
    convert::{self, say},
    faults::{Ending, Fault},
    line::Line,
    node::Node,
    proto::streams::{
        ReadResp,
        read_resp::{CaughtUp, Checkpoint, Content, SubscriptionConfirmation},
    },
    read::{Messages, PAGE_EVENTS, unreadable},
    request::{AllFrom, OfAll, OfStream},
    status,
};
use crate::{
    events::Position,
    store::embedded::raw::{Direction, RawFrom, RawRecorded, RawStream},
};

/// What every subscription has.
pub(super) struct Following {
    pub(super) node: Arc<Node>,
    pub(super) line: Line,
    pub(super) fault: Option<Fault>,
    pub(super) id: Uuid,
    phase: Phase,
    /// Events sent.
    sent: u64,
}

/// How far a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    CatchingUp,
    Live,
    /// Nothing more is said, but the call goes on.
    Silent,
    Ended,
}

impl Following {
    pub(super) fn new(node: Arc<Node>, line: Line, fault: Option<Fault>, id: Uuid) -> Self {
        Self { node, line, fault, id, phase: Phase::New, sent: 0 }
    }

    fn confirmation(&self) -> ReadResp {
        let subscription_id = self.id.to_string();
        say(Content::Confirmation(SubscriptionConfirmation { subscription_id }))
    }

    /// Adds events, with what a scripted fault makes of them.
    fn events(&mut self, messages: &mut Messages, event: RawRecorded, ids: convert::UuidForm) {
        if self.has_ended() {
            return;
        }
        let message = convert::recorded(event, ids);
        self.sent += 1;
        if let Some(Fault::Twice { event }) = self.fault
            && event == self.sent
        {
            messages.push(Ok(message.clone()));
        }
        if let Some(Fault::End { after_events, ending }) = self.fault
            && self.sent > after_events
        {
            self.end(messages, ending);
            return;
        }
        messages.push(Ok(message));
    }

    fn end(&mut self, messages: &mut Messages, ending: Ending) {
        self.phase = Phase::Ended;
        match ending {
            Ending::Done => {}
            Ending::Error => messages.push(Err(Status::unavailable("the subscription is dropped"))),
            Ending::Cut => {
                self.line.cut_after_answer();
                self.phase = Phase::Silent;
            }
        }
    }

    /// Whether more came since a position than a live subscription may be behind. The next page is
    /// asked for when the last one is taken, so what its reader does not take adds up here.
    fn is_too_far_behind(&self, position: Position) -> bool {
        self.node.head().0.saturating_sub(position.0) > self.node.live_behind_max
    }

    fn has_ended(&self) -> bool {
        match self.phase {
            Phase::New | Phase::CatchingUp | Phase::Live => false,
            Phase::Silent | Phase::Ended => true,
        }
    }

    /// Waits for the node to end: the connection is cut before.
    async fn stay_silent(&mut self) -> Messages {
        // An error is the same as a stop.
        _ = self.node.stopping.clone().wait_for(|stopping| *stopping).await;
        self.fail(status::stopping())
    }

    fn fail(&mut self, error: Status) -> Messages {
        self.phase = Phase::Ended;
        vec![Err(error)]
    }
}

/// A subscription to the whole log.
struct All {
    following: Following,
    ask: OfAll,
    after: Position,
    /// The place of the last checkpoint, or where the subscription began.
    checked: Position,
    /// It began with nothing to catch up with, so it owes no checkpoint for that.
    from_end: bool,
}

/// Follows the whole log.
pub(super) fn to_all(following: Following, ask: OfAll) -> impl Stream<Item = Messages> {
    let head = following.node.head();
    let after = match ask.from {
        AllFrom::Start => Position::START,
        AllFrom::End => head,
        AllFrom::At(position) => position,
    };
    let all = All { following, after, checked: after, from_end: ask.from == AllFrom::End, ask };
    stream::unfold(all, |mut all| async move {
        let messages = all.next().await?;
        Some((messages, all))
    })
}

impl All {
    async fn next(&mut self) -> Option<Messages> {
        match self.following.phase {
            Phase::New => {
                self.following.phase = Phase::CatchingUp;
                return Some(vec![Ok(self.following.confirmation())]);
            }
            Phase::CatchingUp => {}
            Phase::Live => {
                if !self.following.node.wait_after(self.after).await {
                    return Some(self.following.fail(status::stopping()));
                }
                if self.following.is_too_far_behind(self.after) {
                    return Some(self.following.fail(status::too_slow()));
                }
            }
            Phase::Silent => return Some(self.following.stay_silent().await),
            Phase::Ended => return None,
        }
        let wanted = self.ask.filter.as_ref().map(|filter| Arc::clone(&filter.wanted));
        let node = &self.following.node;
        let page = match node.read_all(self.after, Direction::Forwards, wanted, PAGE_EVENTS).await {
            Ok(page) => page,
            Err(error) => return Some(self.following.fail(unreadable(&error))),
        };
        let mut messages = Messages::with_capacity(page.events.len() + 1);
        for event in page.events {
            self.checkpoints(&mut messages, Position(event.position.0 - 1));
            self.following.events(&mut messages, event, self.ask.ids);
        }
        match page.last {
            Some(last) => {
                self.after = last;
                self.checkpoints(&mut messages, last);
            }
            None if self.following.phase == Phase::CatchingUp => {
                if self.ask.filter.is_some() && !self.from_end && self.after > self.checked {
                    self.checkpoint(&mut messages, self.after);
                }
                messages.push(Ok(say(Content::CaughtUp(self.caught_up()))));
                self.following.phase = Phase::Live;
            }
            None => {}
        }
        Some(messages)
    }

    /// The newest checkpoint that is due when everything up to this position was looked at.
    fn checkpoints(&mut self, messages: &mut Messages, looked_at: Position) {
        let Some(filter) = &self.ask.filter else { return };
        // Positions have no gaps here, so they count what was looked at.
        let intervals = looked_at.0.saturating_sub(self.checked.0) / filter.interval;
        if intervals > 0 {
            let due = Position(self.checked.0 + intervals * filter.interval);
            self.checkpoint(messages, due);
        }
    }

    fn checkpoint(&mut self, messages: &mut Messages, position: Position) {
        if self.following.has_ended() {
            return;
        }
        self.checked = position;
        messages.push(Ok(say(Content::Checkpoint(Checkpoint {
            commit_position: position.0,
            prepare_position: position.0,
            timestamp: Some(convert::timestamp(self.following.node.clock.now().0)),
        }))));
    }

    fn caught_up(&self) -> CaughtUp {
        CaughtUp {
            timestamp: Some(convert::timestamp(self.following.node.clock.now().0)),
            stream_revision: None,
            position: (self.after > Position::START).then(|| convert::position(self.after)),
        }
    }
}

/// A subscription to one stream.
struct Single {
    following: Following,
    ask: OfStream,
    /// The next revision to send.
    next: u64,
    /// The end of the log when the stream was looked at last.
    seen: Position,
}

/// Follows one stream.
pub(super) fn to_stream(following: Following, ask: OfStream) -> impl Stream<Item = Messages> {
    let next = match ask.from {
        RawFrom::Start | RawFrom::End => 0,
        RawFrom::Revision(revision) => revision.saturating_add(1),
    };
    let single = Single { following, ask, next, seen: Position::START };
    stream::unfold(single, |mut single| async move {
        let messages = single.next().await?;
        Some((messages, single))
    })
}

impl Single {
    async fn next(&mut self) -> Option<Messages> {
        match self.following.phase {
            Phase::New | Phase::CatchingUp => {}
            Phase::Live => {
                if !self.following.node.wait_after(self.seen).await {
                    return Some(self.following.fail(status::stopping()));
                }
                if self.following.is_too_far_behind(self.seen) {
                    return Some(self.following.fail(status::too_slow()));
                }
            }
            Phase::Silent => return Some(self.following.stay_silent().await),
            Phase::Ended => return None,
        }
        let node = Arc::clone(&self.following.node);
        let seen = node.head();
        let from = RawFrom::Revision(self.next);
        let page = node.read_stream(&self.ask.stream, from, Direction::Forwards, PAGE_EVENTS).await;
        let page = match page {
            Ok(page) => page,
            Err(error) => return Some(self.following.fail(unreadable(&error))),
        };
        let mut messages = Messages::with_capacity(page.events.len() + 2);
        let is_new = self.following.phase == Phase::New;
        let last = match page.stream {
            RawStream::Tombstoned => {
                // Who followed it sees its end; who comes later only hears of it.
                for event in page.events.into_iter().filter(|_| !is_new) {
                    self.following.events(&mut messages, event, self.ask.ids);
                }
                self.following.phase = Phase::Ended;
                messages.push(Err(status::stream_deleted(&self.ask.stream)));
                return Some(messages);
            }
            RawStream::Missing => None,
            RawStream::Live { last_revision, .. } => Some(last_revision),
        };
        if is_new {
            messages.push(Ok(self.following.confirmation()));
            self.following.phase = Phase::CatchingUp;
            if self.ask.from == RawFrom::End {
                self.next = last.map_or(0, |last| last + 1);
                self.catch_up(&mut messages, seen, last);
                return Some(messages);
            }
        }
        for event in page.events {
            self.next = event.revision + 1;
            self.following.events(&mut messages, event, self.ask.ids);
        }
        match page.next {
            Some(next) => {
                self.next = next;
                if self.following.phase == Phase::Live {
                    // More is there already: do not wait for yet more.
                    self.following.phase = Phase::CatchingUp;
                }
            }
            None => self.catch_up(&mut messages, seen, last),
        }
        Some(messages)
    }

    /// Everything that was there is sent.
    fn catch_up(&mut self, messages: &mut Messages, seen: Position, last: Option<u64>) {
        self.seen = seen;
        if self.following.phase != Phase::CatchingUp {
            return;
        }
        self.following.phase = Phase::Live;
        messages.push(Ok(say(Content::CaughtUp(CaughtUp {
            timestamp: Some(convert::timestamp(self.following.node.clock.now().0)),
            stream_revision: last.map(u64::cast_signed),
            position: None,
        }))));
    }
}
