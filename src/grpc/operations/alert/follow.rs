//! The stream of alerts to a client: every raised or cleared alert, once, in the order of the log.
//! It reads one page ahead and waits for a slow client.

use std::collections::VecDeque;

use futures_util::{Stream, stream::try_unfold};
use tonic::Status;

use super::line::alert;
use crate::{
    actors::Permit,
    events::Position,
    grpc::{ReadSide, proto, status::CallError},
    projections::operations,
    reports::AlertChanged,
    values::SaleId,
};

/// Changes read at once.
const PAGE: usize = 256;

/// A follower.
pub(super) struct Follower {
    reads: ReadSide,
    sale: Option<SaleId>,
    /// Everything up to here was told, or is on the page.
    known: Position,
    page: VecDeque<AlertChanged>,
    _place: Permit,
}

impl Follower {
    /// Follows after a position, or from now on.
    pub(super) async fn start(
        reads: ReadSide,
        sale: Option<SaleId>,
        after: Option<Position>,
        place: Permit,
    ) -> Result<Self, CallError> {
        let known = match after {
            Some(after) => after,
            None => {
                let asked =
                    reads.ask(operations::NAME, 0, |reports| reports.position(operations::NAME));
                asked.await?
            }
        };
        Ok(Self { reads, sale, known, page: VecDeque::new(), _place: place })
    }

    /// What happens, until the client goes or the server stops.
    pub(super) fn stream(self) -> impl Stream<Item = Result<proto::FollowAlertsResponse, Status>> {
        try_unfold(self, |mut follower| async move {
            let next = follower.next().await?;
            Ok(next.map(|change| (told(change), follower)))
        })
    }

    async fn next(&mut self) -> Result<Option<AlertChanged>, CallError> {
        loop {
            if let Some(change) = self.page.pop_front() {
                return Ok(Some(change));
            }
            if !self.reads.goes_on_after(operations::NAME, self.known).await? {
                return Ok(None);
            }
            let (sale, after) = (self.sale, self.known);
            let (changes, reached) = self
                .reads
                .ask(operations::NAME, 0, move |reports| reports.alert_changes(sale, after, PAGE))
                .await?;
            let full = changes.len() == PAGE;
            let last = changes.last().map(|change| change.position);
            // A page that is not full tells everything up to where the read model is.
            self.known = if full { last.unwrap_or(reached) } else { reached.max(self.known) };
            self.page = changes.into();
        }
    }
}

fn told(change: AlertChanged) -> proto::FollowAlertsResponse {
    let what = match change.alert.cleared {
        Some(_) => proto::AlertChange::Cleared,
        None => proto::AlertChange::Raised,
    };
    proto::FollowAlertsResponse {
        position: change.position.0,
        change: what.into(),
        alert: Some(alert(change.alert)),
    }
}
