//! `FollowOrders`: what happens to orders, read from the log and joined with the read model of orders.
//!
//! The log is read only as far as that read model has come, so that each order is there and never behind
//! its event. A slow client is waited for; one page is read ahead. Which events sold an item out is asked
//! of the read model of stock.

mod filter;
mod resume_token;
mod told;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use futures_util::{Stream, stream::try_unfold};
use tokio::time::Instant;
use tonic::Status;

pub(in crate::grpc) use filter::kind_named;

use self::{
    filter::Filter,
    resume_token::ResumeToken,
    told::{sold_out, told},
};
use super::order::OrderApi;
use crate::{
    actors::{Permit, Permits},
    events::{DecodeError, Event, ItemEvent, OrderEvent, Position, Recorded, decode},
    grpc::{ReadSide, proto, status::CallError},
    projections::{Checkpoint, orders, stock},
    reports::{ItemSpan, OrderRecord, PlacedOrder, SoldOutEvent},
    values::{Invalid, ItemId},
};

/// Maximum of followers on this node: each reads and decodes the log for itself.
const FOLLOWERS_MAX: usize = 32;

/// Events read at once.
const PAGE: usize = 1_024;

/// How long a follower hears nothing while the log goes on, at most.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Someone who follows.
pub(in crate::grpc) struct Follower {
    reads: ReadSide,
    filter: Filter,
    /// The last event that was read; everything up to it was told, or is on the page.
    known: Checkpoint,
    page: VecDeque<proto::FollowOrdersResponse>,
    told_at: Instant,
    _place: Option<Permit>,
}

/// An event that is told, or that sold an item out.
struct Found {
    /// The event before it in the log.
    before: Checkpoint,
    recorded: Recorded,
    item: ItemId,
    /// `None` where no order took the last unit.
    event: Option<OrderEvent>,
    /// Whether its own kind was asked for.
    is_told: bool,
    sold_out: Option<SoldOutEvent>,
}

/// By item and revision of the event.
type SoldOuts = HashMap<(ItemId, u64), SoldOutEvent>;

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
        // What is wrong with a request is said also while there are too many followers.
        Filter::read(&request)?;
        let place = self.followers.take(Some(Duration::ZERO)).await;
        let place = place.ok_or_else(CallError::crowded)?;
        let follower = Follower::start(self.reads.clone(), &request, Some(place)).await?;
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
            // A token names an event, so the one at this place is looked for.
            let before = Position(after.saturating_sub(1));
            let found = reads.log().read_all(before, 1).await?;
            let found = found.first().filter(|found| found.position.0 == after);
            let nothing = Checkpoint { position: Position(after), ..Checkpoint::default() };
            Ok(found.map_or(nothing, Checkpoint::after))
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
    /// Follows from where a request says.
    pub(in crate::grpc) async fn start(
        reads: ReadSide,
        request: &proto::FollowOrdersRequest,
        place: Option<Permit>,
    ) -> Result<Self, CallError> {
        let filter = Filter::read(request)?;
        let known = begin(&reads, request).await?;
        let from_now = request.resume_token.is_empty() && request.after_position.is_none();
        // So that also the first event is not missed when the connection breaks before it.
        let page = from_now.then(|| only_token(&known)).into_iter().collect();
        Ok(Self { reads, filter, known, page, told_at: Instant::now(), _place: place })
    }

    /// What happens, until the client goes or the server stops.
    pub(in crate::grpc) fn stream(
        self,
    ) -> impl Stream<Item = Result<proto::FollowOrdersResponse, Status>> {
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
            for name in self.filter.read_models() {
                if !self.reads.goes_on_after(name, self.known.position).await? {
                    return Ok(None);
                }
            }
            self.read_on().await?;
            if self.page.is_empty() && self.told_at.elapsed() >= SILENCE_MAX {
                self.page.push_back(only_token(&self.known));
            }
        }
    }

    /// Reads the next page, as far as the read models have come.
    async fn read_on(&mut self) -> Result<(), CallError> {
        let mut reached = self.orders_come_to().await?;
        if self.filter.has_sold_outs() {
            let asked = self.reads.ask(stock::NAME, 0, |reports| reports.stock_comes_to());
            reached = reached.min(asked.await?.position);
        }
        let mut recorded = self.reads.log().read_all(self.known.position, PAGE).await?;
        let count = recorded.partition_point(|recorded| recorded.position <= reached);
        recorded.truncate(count);
        let Some(last) = recorded.last() else { return Ok(()) };
        let known = Checkpoint::after(last);
        let sold_outs = self.sold_outs(&recorded).await?;
        let (mut found, mut before) = (Vec::new(), self.known);
        for recorded in recorded {
            let here = Checkpoint::after(&recorded);
            found.extend(self.asked_for(recorded, before, &sold_outs)?);
            before = here;
        }
        self.page = self.joined(found).await?;
        self.known = known;
        Ok(())
    }

    async fn orders_come_to(&self) -> Result<Position, CallError> {
        let asked = self.reads.ask(orders::NAME, 0, |reports| reports.orders_come_to());
        Ok(asked.await?.position)
    }

    /// The events of a page that sold an item out, where they were asked for.
    async fn sold_outs(&self, page: &[Recorded]) -> Result<SoldOuts, CallError> {
        let mut spans: HashMap<ItemId, ItemSpan> = HashMap::new();
        if self.filter.has_sold_outs() {
            for Recorded { stream, revision, .. } in page {
                let Some(item) = self.filter.item_of(*stream) else { continue };
                let new = ItemSpan { item, first: *revision, last: *revision };
                spans.entry(item).or_insert(new).last = *revision;
            }
        }
        if spans.is_empty() {
            return Ok(SoldOuts::new());
        }
        let spans: Vec<ItemSpan> = spans.into_values().collect();
        let asked = self.reads.ask(stock::NAME, 0, move |reports| reports.sold_out_events(&spans));
        let found = asked.await?.into_iter();
        Ok(found.map(|sold_out| ((sold_out.item, sold_out.revision), sold_out)).collect())
    }

    /// The event, if something is told of it.
    fn asked_for(
        &self,
        recorded: Recorded,
        before: Checkpoint,
        sold_outs: &SoldOuts,
    ) -> Result<Option<Found>, CallError> {
        let Some(item) = self.filter.item_of(recorded.stream) else { return Ok(None) };
        let unreadable = |why: DecodeError| CallError::log_unreadable(&why.to_string());
        let event = match decode(&recorded).map_err(unreadable)? {
            Event::Item(ItemEvent::Order(event)) => Some(event),
            _ => None,
        };
        let is_told = event.as_ref().is_some_and(|event| self.filter.has_kind(event));
        let sold_out = sold_outs.get(&(item, recorded.revision)).copied();
        let found = Found { before, recorded, item, event, is_told, sold_out };
        Ok((is_told || sold_out.is_some()).then_some(found))
    }

    /// The events, each with its order.
    async fn joined(
        &self,
        found: Vec<Found>,
    ) -> Result<VecDeque<proto::FollowOrdersResponse>, CallError> {
        let mut orders = self.orders(&found).await?.into_iter();
        let mut page = VecDeque::new();
        for found in found {
            let Some(event) = &found.event else {
                page.extend(self.sold_out(&found, None));
                continue;
            };
            let order = orders.next().flatten();
            let Some(order) = order.filter(|order| order.order_id == event.order_id()) else {
                // A read model that was begun anew in between: the client continues when it is back.
                return Err(CallError::not_ready(orders::NAME));
            };
            if found.is_told && self.filter.has_sale(order.sale_id) {
                // Whoever goes on from here has not heard yet that the item is sold out.
                let after = Checkpoint::after(&found.recorded);
                let known = found.sold_out.map_or(after, |_| found.before);
                page.push_back(proto::FollowOrdersResponse {
                    resume_token: ResumeToken::written(&known),
                    event: Some(told(&found.recorded, found.item, event.clone(), order.clone())),
                });
            }
            page.extend(self.sold_out(&found, Some(order)));
        }
        Ok(page)
    }

    /// The orders of the events that have one.
    async fn orders(&self, found: &[Found]) -> Result<Vec<Option<OrderRecord>>, CallError> {
        let placed = |Found { recorded, item, event, .. }: &Found| {
            let revision = event.as_ref()?.step(recorded.revision).placed_revision;
            Some(PlacedOrder { item: *item, revision })
        };
        let placed: Vec<PlacedOrder> = found.iter().filter_map(placed).collect();
        if placed.is_empty() {
            return Ok(Vec::new());
        }
        self.reads.ask(orders::NAME, 0, move |reports| reports.placed_orders(&placed)).await
    }

    /// That this event sold its item out, if it did.
    fn sold_out(
        &self,
        found: &Found,
        order: Option<OrderRecord>,
    ) -> Option<proto::FollowOrdersResponse> {
        let what = found.sold_out.filter(|sold_out| self.filter.has_sale(sold_out.sale))?;
        Some(proto::FollowOrdersResponse {
            resume_token: ResumeToken::written(&Checkpoint::after(&found.recorded)),
            event: Some(sold_out(&found.recorded, &what, order)),
        })
    }
}
