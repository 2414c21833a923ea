//! How services ask the read models: wait until they have come far enough, ask from a thread that
//! may block, say how fresh the answer is.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{proto, status::Failure};
use crate::{
    actors::{ProjectionHandle, Readiness, Tail},
    clock::SharedClock,
    events::Position,
    projections::{Checkpoint, catalog, stock},
    reports::{ReportError, Reports},
    values::{Invalid, ItemId, SaleId, UnixMs},
};

/// The read models of this node, to be asked.
#[derive(Clone)]
pub struct ReadSide(Arc<Inner>);

struct Inner {
    reports: Reports,
    projections: Vec<ProjectionHandle>,
    tail: Arc<Tail>,
    readiness: Readiness,
    clock: SharedClock,
    /// How long a question waits for its position.
    wait_max: Duration,
}

impl ReadSide {
    /// The read models of a data directory, which those projections keep up with that log.
    pub fn new(
        data: &Path,
        projections: Vec<ProjectionHandle>,
        tail: Arc<Tail>,
        readiness: Readiness,
        clock: SharedClock,
        wait_max: Duration,
    ) -> Self {
        let reports = Reports::open(data);
        Self(Arc::new(Inner { reports, projections, tail, readiness, clock, wait_max }))
    }

    /// Sales that are not carried out at their items and items with units on hold, once the read
    /// models know the log up to there. Waits as long as that takes.
    ///
    /// # Errors
    /// What is wrong with the read models, in words.
    pub async fn unfinished(&self, head: Position) -> Result<(Vec<SaleId>, Vec<ItemId>), String> {
        for name in [catalog::NAME, stock::NAME] {
            let mut progress = self.projection(name).ok_or("a projection is missing")?.progress;
            let there = progress
                .wait_for(|progress| progress.position >= head || progress.stopped.is_some())
                .await
                .map_err(|_| format!("the projection {name} ended"))?;
            if let Some(why) = &there.stopped {
                return Err(format!("the projection {name} stopped: {why}"));
            }
        }
        let reports = self.0.reports.clone();
        let asked = tokio::task::spawn_blocking(move || {
            Ok::<_, ReportError>((reports.unfinished_sales()?, reports.holding_items()?))
        });
        let found = asked.await.map_err(|error| error.to_string())?;
        found.map_err(|error| error.to_string())
    }

    /// Items whose holds should have ended before that moment, as far as this node knows the log.
    ///
    /// # Errors
    /// What is wrong with the read model, in words.
    pub async fn abandoned(&self, before: UnixMs) -> Result<Vec<ItemId>, String> {
        let stock = self.projection(stock::NAME).ok_or("a projection is missing")?;
        if let Some(why) = &stock.progress.borrow().stopped {
            return Err(format!("the projection {} stopped: {why}", stock.name));
        }
        let reports = self.0.reports.clone();
        let asked = tokio::task::spawn_blocking(move || reports.abandoned_items(before));
        let found = asked.await.map_err(|error| error.to_string())?;
        found.map_err(|error| error.to_string())
    }

    /// Asks the read model of that name once it has applied `min_position`.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        name: &'static str,
        min_position: u64,
        question: impl FnOnce(&Reports) -> Result<T, ReportError> + Send + 'static,
    ) -> Result<T, Failure> {
        self.reach(name, Position(min_position)).await?;
        let reports = self.0.reports.clone();
        let asked = tokio::task::spawn_blocking(move || question(&reports));
        match asked.await {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(Failure::internal("the question was not answered", &error)),
        }
    }

    /// Asks the read model of that name as it was at a moment of the log, or where none is given
    /// like [`ReadSide::ask`].
    pub(super) async fn ask_as_of<T: Send + 'static>(
        &self,
        name: &'static str,
        min_position: u64,
        as_of: Option<proto::AsOf>,
        question: impl FnOnce(&Reports) -> Result<T, ReportError> + Send + 'static,
    ) -> Result<T, Failure> {
        if as_of.is_some() {
            return Err(Invalid::new("as_of", "is not answered yet").into());
        }
        self.ask(name, min_position, question).await
    }

    async fn reach(&self, name: &'static str, wanted: Position) -> Result<(), Failure> {
        let Some(ProjectionHandle { mut progress, .. }) = self.projection(name) else {
            return Err(Failure::internal("there is no such read model", &name));
        };
        if progress.borrow().position < wanted {
            self.0.tail.hurry();
        }
        let arrived =
            progress.wait_for(|progress| progress.position >= wanted || progress.stopped.is_some());
        let arrived = timeout(self.0.wait_max, arrived).await;
        let stopped = match arrived {
            Ok(Ok(progress)) => progress.stopped.clone(),
            Ok(Err(_)) => Some("its actor ended".into()),
            Err(_) => None,
        };
        if let Some(why) = stopped {
            return Err(Failure::stopped(name, &why));
        }
        let position = self.projection(name).map(|p| p.progress.borrow().position);
        match position {
            Some(position) if position >= wanted => Ok(()),
            Some(position) => Err(Failure::behind(wanted.0, position.0)),
            None => Ok(()),
        }
    }

    /// How fresh an answer of that read model is.
    pub(super) fn freshness(&self, name: &str, checkpoint: Checkpoint) -> proto::Freshness {
        let head = self.0.tail.head();
        let now = self.0.clock.now().0;
        let lag_ms = if checkpoint.position >= head {
            // Nobody knows what others wrote since the store last answered.
            let away = self.0.readiness.store_away_since();
            away.map_or(0, |since| now.saturating_sub(since.0).max(1))
        } else {
            let oldest = self.projection(name).and_then(|p| p.progress.borrow().oldest_pending_ms);
            // What was not even read yet came a moment ago.
            oldest.map_or(0, |oldest| now.saturating_sub(oldest)).max(1)
        };
        proto::Freshness {
            position: checkpoint.position.0,
            head_position: head.0.max(checkpoint.position.0),
            lag_ms,
        }
    }

    fn projection(&self, name: &str) -> Option<ProjectionHandle> {
        self.0.projections.iter().find(|projection| projection.name == name).cloned()
    }
}
