//! `FollowOrders`: what happens to orders, read from the log and joined with the read model of orders.
//!
//! The log is read only as far as that read model has come, so that each order is there and never behind
//! its event. A slow client is waited for; one page is read ahead.

mod filter;
mod resume_token;
mod told;

use std::{collections::VecDeque, time::Duration};

use futures_util::{Stream, stream::try_unfold};
use tokio::time::Instant;
use tonic::Status;

use self::{filter::Filter, resume_token::ResumeToken, told::told};
use super::order::OrderApi;
use crate::{
    actors::{Permit, Permits},
    events::{DecodeError, Event, ItemEvent, OrderEvent, Position, Recorded, decode},
    grpc::{ReadSide, proto, status::CallError},
    projections::{Checkpoint, orders},
    reports::{OrderRecord, PlacedOrder},
    values::{Invalid, ItemId},
};

/// Maximum of followers on this node: each reads and decodes the log for itself.
const FOLLOWERS_MAX: usize = 32;

/// Events read at once.
const PAGE: usize = 1_024;

/// How long a follower hears nothing while the log goes on, at most.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Someone who follows.
struct Follower {
    reads: ReadSide,
    filter: Filter,
    /// The last event that was read; everything up to it was told, or is on the page.
    known: Checkpoint,
    page: VecDeque<proto::FollowOrdersResponse>,
    told_at: Instant,
    _place: Permit,
}

/// An event of an order that was asked for.
struct Found {
    recorded: Recorded,
    item: ItemId,
    event: OrderEvent,
}

impl OrderApi {
    /// Places for those who follow.
    pub(in crate::grpc) fn followers() -> Permits {
        Permits::new(FOLLOWERS_MAX)
    }

    pub(super) async fn followed(
        &self,
        request: proto::FollowOrdersRequest,
    ) -> Result<impl Stream<Item = Result<proto::FollowOrdersResponse, Status>> + use<>, CallError>
    {
        let filter = Filter::read(&request)?;
        let place = self.followers.take(Some(Duration::ZERO)).await;
        let place = place.ok_or_else(CallError::crowded)?;
        let known = begin(&self.reads, &request).await?;
        let from_now = request.resume_token.is_empty() && request.after_position.is_none();
        // So that also the first event is not missed when the connection breaks before it.
        let page = from_now.then(|| only_token(&known)).into_iter().collect();
        let follower = Follower {
            reads: self.reads.clone(),
            filter,
            known,
            page,
            told_at: Instant::now(),
            _place: place,
        };
        Ok(follower.stream())
    }
}

/// Where to begin.
async fn begin(
    reads: &ReadSide,
    request: &proto::FollowOrdersRequest,
) -> Result<Checkpoint, CallError> {
    match (request.resume_token.as_str(), request.after_position) {
        ("", None) => reads.ask(orders::NAME, 0, |reports| reports.orders_come_to()).await,
        ("", Some(after)) => {
            let head = reads.log().end().await?;
            if after > head.0 {
                let problem = format!("must not be after the end of the log, which is {head}");
                return Err(Invalid::new("after_position", problem).into());
            }
            Ok(Checkpoint { position: Position(after), ..Checkpoint::default() })
        }
        (_, Some(_)) => {
            let problem = "must not be given with resume_token";
            Err(Invalid::new("after_position", problem).into())
        }
        (token, None) => {
            let known = ResumeToken::read(token)?;
            if let Some(mark) = known.event {
                let found = reads.log().read_stream(mark.stream, mark.revision, 1).await?;
                if !known.is_in_log_with(found.first()) {
                    return Err(CallError::log_changed());
                }
            }
            Ok(known)
        }
    }
}

fn only_token(known: &Checkpoint) -> proto::FollowOrdersResponse {
    proto::FollowOrdersResponse { event: None, resume_token: ResumeToken::written(known) }
}

impl Follower {
    /// What happens, until the client goes or the server stops.
    fn stream(self) -> impl Stream<Item = Result<proto::FollowOrdersResponse, Status>> {
        try_unfold(self, |mut follower| async move {
            let next = follower.next().await?;
            Ok(next.map(|next| (next, follower)))
        })
    }

    async fn next(&mut self) -> Result<Option<proto::FollowOrdersResponse>, CallError> {
        loop {
            if let Some(next) = self.page.pop_front() {
                self.told_at = Instant::now();
                return Ok(Some(next));
            }
            if !self.reads.goes_on_after(orders::NAME, self.known.position).await? {
                return Ok(None);
            }
            self.read_on().await?;
            if self.page.is_empty() && self.told_at.elapsed() >= SILENCE_MAX {
                self.page.push_back(only_token(&self.known));
            }
        }
    }

    /// Reads the next page, as far as the read model has come.
    async fn read_on(&mut self) -> Result<(), CallError> {
        let after = self.known.position;
        let reached = self.reads.ask(orders::NAME, 0, |reports| reports.orders_come_to()).await?;
        let mut recorded = self.reads.log().read_all(after, PAGE).await?;
        let count = recorded.partition_point(|recorded| recorded.position <= reached.position);
        recorded.truncate(count);
        let Some(last) = recorded.last() else { return Ok(()) };
        let known = Checkpoint::after(last);
        let mut found = Vec::new();
        for recorded in recorded {
            found.extend(self.order_event(recorded)?);
        }
        self.page = self.joined(found).await?;
        self.known = known;
        Ok(())
    }

    /// The event, if it is one of an order that was asked for.
    fn order_event(&self, recorded: Recorded) -> Result<Option<Found>, CallError> {
        let Some(item) = self.filter.item_of(recorded.stream) else { return Ok(None) };
        let unreadable = |why: DecodeError| CallError::log_unreadable(&why.to_string());
        match decode(&recorded).map_err(unreadable)? {
            Event::Item(ItemEvent::Order(event)) if self.filter.has_kind(&event) => {
                Ok(Some(Found { recorded, item, event }))
            }
            _ => Ok(None),
        }
    }

    /// The events, each with its order.
    async fn joined(
        &self,
        found: Vec<Found>,
    ) -> Result<VecDeque<proto::FollowOrdersResponse>, CallError> {
        if found.is_empty() {
            return Ok(VecDeque::new());
        }
        let placed = |Found { recorded, item, event }: &Found| PlacedOrder {
            item: *item,
            revision: event.step(recorded.revision).placed_revision,
        };
        let placed: Vec<PlacedOrder> = found.iter().map(placed).collect();
        let asked = self.reads.ask(orders::NAME, 0, move |reports| reports.placed_orders(&placed));
        let orders: Vec<Option<OrderRecord>> = asked.await?;
        let mut page = VecDeque::new();
        for (Found { recorded, item, event }, order) in found.into_iter().zip(orders) {
            let Some(order) = order.filter(|order| order.order_id == event.order_id()) else {
                // A read model that was begun anew in between: the client continues when it is back.
                return Err(CallError::not_ready(orders::NAME));
            };
            if self.filter.has_sale(order.sale_id) {
                page.push_back(proto::FollowOrdersResponse {
                    resume_token: ResumeToken::written(&Checkpoint::after(&recorded)),
                    event: Some(told(&recorded, item, event, order)),
                });
            }
        }
        Ok(page)
    }
}
