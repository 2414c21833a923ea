//! Queries of services on the read models: wait for a position, query on a blocking thread, return
//! the freshness.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{as_of, proto, status::CallError};
use crate::{
    actors::{
        Freshness, NotReady, Past, Permit, Permits, ProjectionHandle, Readiness, State, Tail,
    },
    clock::SharedClock,
    events::Position,
    projections::{Checkpoint, journeys},
    reports::{ReportError, Reports},
    store::{LogSource, ReadError},
    values::{Invalid, UnixMs},
};

/// Questions answered at once; the others wait for their turn.
const QUESTIONS_MAX: usize = 8;

/// Questions about shoppers answered at once. One of a million shoppers holds some 170 MiB.
const WALKS_MAX: usize = 2;

/// The `min_position` that means: where the log ends when the question arrives.
pub const AT_HEAD: u64 = u64::MAX;

/// How long read models that another process keeps are waited for, and how often they are looked at.
const OTHERS_WAIT_MAX: Duration = Duration::from_secs(5);
const OTHERS_LOOK: Duration = Duration::from_millis(50);

/// The read models of this node, to be asked.
#[derive(Clone)]
pub struct ReadSide(Arc<Inner>);

struct Inner {
    reports: Reports,
    /// What keeps the read models up to date, if anything does.
    keeping: Option<Keeping>,
    /// No server uses the directory of read models at rest.
    alone: bool,
    past: Arc<Past>,
    log: LogSource,
    clock: SharedClock,
    questions: Permits,
    walks: Permits,
}

/// What a running node knows of its read models.
pub struct Keeping {
    pub projections: Vec<ProjectionHandle>,
    pub tail: Arc<Tail>,
    pub freshness: Arc<Freshness>,
    pub readiness: Readiness,
    /// How long a question waits for its position.
    pub wait_max: Duration,
}

impl ReadSide {
    /// Read models that are kept up with that log.
    pub fn new(reports: Reports, log: LogSource, keeping: Keeping, clock: SharedClock) -> Self {
        Self::over(reports, log, Some(keeping), clock, true)
    }

    /// The read models of a data directory as they are: this process does not change them.
    /// `alone` when no server uses the directory either.
    pub fn at_rest(data: &Path, log: LogSource, clock: SharedClock, alone: bool) -> Self {
        Self::over(Reports::open(data), log, None, clock, alone)
    }

    fn over(
        reports: Reports,
        log: LogSource,
        keeping: Option<Keeping>,
        clock: SharedClock,
        alone: bool,
    ) -> Self {
        let past = Past::new(reports.data(), log.clone(), alone);
        Self(Arc::new(Inner {
            reports,
            keeping,
            alone,
            past,
            log,
            clock,
            questions: Permits::new(QUESTIONS_MAX),
            walks: Permits::new(WALKS_MAX),
        }))
    }

    /// Read models of earlier moments, for other callers.
    pub fn past(&self) -> Arc<Past> {
        Arc::clone(&self.0.past)
    }

    /// The log that the read models are made from.
    pub(super) fn log(&self) -> &LogSource {
        &self.0.log
    }

    /// Asks the read model of that name once it has applied `min_position`.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        name: &'static str,
        min_position: u64,
        question: impl FnOnce(&Reports) -> Result<T, ReportError> + Send + 'static,
    ) -> Result<T, CallError> {
        let wanted = self.wanted(min_position).await?;
        self.reach(name, wanted).await?;
        let place = self.place(name).await?;
        answer(self.0.reports.clone(), Some(place), question).await
    }

    /// Ends the queries in flight: the server is stopping and their answers cannot be delivered.
    pub fn stop(&self) {
        self.0.reports.stop();
    }

    /// A place for a question to that read model. Walks along shoppers hold much memory, so there
    /// are few of them at once.
    async fn place(&self, name: &str) -> Result<Permit, CallError> {
        let permits = if name == journeys::NAME { &self.0.walks } else { &self.0.questions };
        let wait_max = self.0.keeping.as_ref().map(|keeping| keeping.wait_max);
        permits.take(wait_max).await.ok_or_else(CallError::crowded)
    }

    /// Asks the read model of that name as it was at a moment of the log, or where none is given
    /// like [`ReadSide::ask`].
    pub(super) async fn ask_as_of<T: Send + 'static>(
        &self,
        name: &'static str,
        min_position: u64,
        as_of: Option<proto::AsOf>,
        question: impl FnOnce(&Reports) -> Result<T, ReportError> + Send + 'static,
    ) -> Result<T, CallError> {
        let Some(as_of) = as_of else { return self.ask(name, min_position, question).await };
        let Inner { log, clock, past, keeping, .. } = &*self.0;
        let position = as_of::position(log, as_of, clock.now()).await?;
        // A moment that has passed is not waited for, so the end of the log does not matter to it.
        if min_position != AT_HEAD && position.0 < min_position {
            let problem = format!("is position {position}, before min_position {min_position}");
            return Err(Invalid::new("as_of", problem).into());
        }
        // Without a server no other process would finish it.
        let wait_max = keeping.as_ref().map(|keeping| keeping.wait_max);
        let directory = past.at(position, wait_max).await?;
        let place = self.place(name).await?;
        let past = Arc::clone(past);
        let reports = self.0.reports.of_the_past(&directory);
        let reports = reports.telling_of_damage(move |_| past.is_damaged(position));
        answer(reports, Some(place), question).await
    }

    /// Waits for read models that are asked beside another one, where the present is asked for.
    pub(super) async fn reach_also(
        &self,
        names: &[&'static str],
        min_position: u64,
        as_of: &Option<proto::AsOf>,
    ) -> Result<(), CallError> {
        if as_of.is_none() {
            let wanted = self.wanted(min_position).await?;
            for name in names {
                self.reach(name, wanted).await?;
            }
        }
        Ok(())
    }

    /// The position that a question waits for.
    pub(super) async fn wanted(&self, min_position: u64) -> Result<Position, CallError> {
        if min_position != AT_HEAD {
            return Ok(Position(min_position));
        }
        let wait_max = match &self.0.keeping {
            Some(keeping) => keeping.wait_max,
            // They were brought up to the end of the log when it was opened.
            None if self.0.alone => return Ok(Position::START),
            None => OTHERS_WAIT_MAX,
        };
        match timeout(wait_max, self.0.log.end()).await {
            Ok(Ok(end)) => Ok(end),
            Ok(Err(ReadError::Damaged(why))) => Err(CallError::log_unreadable(&why)),
            Ok(Err(ReadError::Unavailable(why))) => Err(CallError::head_unknown(&why)),
            Err(_) => Err(CallError::head_unknown("the store did not answer in time")),
        }
    }

    /// Waits until a read model has applied all that is in the log now, as long as a question may
    /// wait; gives that end of the log. Whether it got there shows in its checkpoint.
    pub(super) async fn catch_up(&self, name: &'static str) -> Position {
        let head = match &self.0.keeping {
            Some(keeping) => keeping.tail.head(),
            None => self.0.log.head_now(),
        };
        if let Err(behind) = self.reach(name, head).await {
            tracing::debug!(?behind, name, "a query is answered from the current read models");
        }
        head
    }

    async fn reach(&self, name: &'static str, wanted: Position) -> Result<(), CallError> {
        let Some(Keeping { tail, wait_max, .. }) = &self.0.keeping else {
            return self.has_reached(name, wanted).await;
        };
        let Some(ProjectionHandle { mut progress, .. }) = self.projection(name) else {
            return Err(CallError::internal("there is no such read model", &name));
        };
        let is_there = {
            let progress = progress.borrow();
            progress.position >= wanted && progress.is_built()
        };
        if !is_there {
            tail.hurry();
        }
        // What is being built would answer with a part of what it knew before.
        let arrived = progress.wait_for(|progress| {
            progress.position >= wanted && progress.is_built() || progress.stopped.is_some()
        });
        if let Ok(Err(_)) = timeout(*wait_max, arrived).await {
            return Err(CallError::stopped(name, "its actor ended"));
        }
        let progress = progress.borrow();
        if let Some(why) = &progress.stopped {
            return Err(CallError::stopped(name, why));
        }
        match progress.built_at {
            Some(end) if !progress.is_built() => {
                Err(CallError::being_built(name, end.0, progress.position.0))
            }
            Some(_) | None if progress.position >= wanted => Ok(()),
            Some(_) | None => Err(CallError::behind(wanted.0, progress.position.0)),
        }
    }

    /// Read models at rest are where they are, unless a server goes on with them: then it is waited
    /// for as long as the server itself would.
    async fn has_reached(&self, name: &'static str, wanted: Position) -> Result<(), CallError> {
        if wanted == Position::START {
            return Ok(());
        }
        let looks_end = Instant::now() + OTHERS_WAIT_MAX;
        loop {
            let asked = answer(self.0.reports.clone(), None, move |reports| reports.position(name));
            let position = asked.await?;
            if position >= wanted {
                return Ok(());
            }
            if self.0.alone || Instant::now() >= looks_end {
                return Err(CallError::behind(wanted.0, position.0));
            }
            sleep(OTHERS_LOOK).await;
        }
    }

    /// Waits until a read model has applied something after that position. `false` when it never
    /// will, because it is not maintained or the server stops.
    pub(super) async fn goes_on_after(
        &self,
        name: &'static str,
        position: Position,
    ) -> Result<bool, CallError> {
        let (Some(ProjectionHandle { mut progress, .. }), Some(keeping)) =
            (self.projection(name), &self.0.keeping)
        else {
            return Ok(false);
        };
        let mut states = keeping.readiness.subscribe();
        let further = progress
            .wait_for(|progress| progress.position > position || progress.stopped.is_some());
        let reached = tokio::select! {
            reached = further => reached,
            _ = states.wait_for(|state| *state == State::NotReady(NotReady::Draining)) => {
                return Ok(false);
            }
        };
        let Ok(reached) = reached else { return Ok(false) };
        match &reached.stopped {
            Some(why) => Err(CallError::stopped(name, why)),
            None => Ok(true),
        }
    }

    /// The present moment.
    pub(super) fn now(&self) -> UnixMs {
        self.0.clock.now()
    }

    /// How fresh an answer of that read model is.
    pub(super) fn freshness(&self, name: &'static str, checkpoint: Checkpoint) -> proto::Freshness {
        let (head, lag_ms) = match &self.0.keeping {
            Some(keeping) => (keeping.tail.head(), self.lag_ms(keeping, name, checkpoint)),
            None => self.lag_at_rest(checkpoint),
        };
        proto::Freshness {
            position: checkpoint.position.0,
            head_position: head.0.max(checkpoint.position.0),
            lag_ms,
        }
    }

    fn lag_ms(&self, keeping: &Keeping, name: &str, checkpoint: Checkpoint) -> i64 {
        let Some(handle) = self.projection(name) else { return 0 };
        if checkpoint.past {
            return 0;
        }
        let lag = keeping.freshness.lag_after_ms(checkpoint.position, &handle.progress.borrow());
        if lag > 0 {
            return lag;
        }
        // Writes of other nodes since the store's last answer are unknown.
        let away = keeping.readiness.store_away_since();
        away.map_or(0, |since| self.0.clock.now().since(since).max(1))
    }

    /// Where the log ends and how old the oldest event is that is missing, by its file: a server may
    /// be writing.
    fn lag_at_rest(&self, checkpoint: Checkpoint) -> (Position, i64) {
        let head = self.0.log.head_now();
        if checkpoint.past || checkpoint.position >= head {
            return (head, 0);
        }
        let next = self.0.log.recorded_after_now(checkpoint.position);
        let oldest = next.map_or(checkpoint.recorded_at_ms, |next| next.0);
        (head, self.0.clock.now().0.saturating_sub(oldest).max(1))
    }

    fn projection(&self, name: &str) -> Option<ProjectionHandle> {
        let projections = &self.0.keeping.as_ref()?.projections;
        projections.iter().find(|projection| projection.name == name).cloned()
    }
}

/// Asks from a thread that may block.
async fn answer<T: Send + 'static>(
    reports: Reports,
    place: Option<Permit>,
    question: impl FnOnce(&Reports) -> Result<T, ReportError> + Send + 'static,
) -> Result<T, CallError> {
    let asked = tokio::task::spawn_blocking(move || {
        // Also when the caller has gone.
        let _place = place;
        question(&reports)
    });
    match asked.await {
        Ok(answer) => Ok(answer?),
        Err(error) => Err(CallError::internal("the question was not answered", &error)),
    }
}
