//! How services ask the read models: wait until they have come far enough, ask from a thread that
//! may block, say how fresh the answer is.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{as_of, proto, status::Failure};
use crate::{
    actors::{NotReady, Past, Place, Places, ProjectionHandle, Readiness, State, Tail},
    clock::SharedClock,
    events::Position,
    projections::{Checkpoint, catalog, journeys, stock},
    reports::{ReportError, Reports},
    store::{LogSource, ReadError},
    values::{Invalid, ItemId, SaleId, UnixMs},
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
    /// Who keeps the read models up to date, if anybody does.
    keeping: Option<Keeping>,
    /// No server uses the directory of read models at rest.
    alone: bool,
    past: Arc<Past>,
    log: LogSource,
    clock: SharedClock,
    questions: Places,
    walks: Places,
}

/// What a running node knows of its read models.
struct Keeping {
    projections: Vec<ProjectionHandle>,
    tail: Arc<Tail>,
    readiness: Readiness,
    /// How long a question waits for its position.
    wait_max: Duration,
}

impl ReadSide {
    /// The read models of a data directory, which those projections keep up with that log.
    pub fn new(
        data: &Path,
        log: LogSource,
        (projections, tail): (Vec<ProjectionHandle>, Arc<Tail>),
        readiness: Readiness,
        clock: SharedClock,
        wait_max: Duration,
    ) -> Self {
        let keeping = Some(Keeping { projections, tail, readiness, wait_max });
        Self::over(data, log, keeping, clock, true)
    }

    /// The read models of a data directory as they are: nobody of this program changes them.
    /// `alone` when no server uses the directory either.
    pub fn at_rest(data: &Path, log: LogSource, clock: SharedClock, alone: bool) -> Self {
        Self::over(data, log, None, clock, alone)
    }

    fn over(
        data: &Path,
        log: LogSource,
        keeping: Option<Keeping>,
        clock: SharedClock,
        alone: bool,
    ) -> Self {
        let past = Past::new(data, log.clone(), alone);
        Self(Arc::new(Inner {
            reports: Reports::open(data),
            keeping,
            alone,
            past,
            log,
            clock,
            questions: Places::new(QUESTIONS_MAX),
            walks: Places::new(WALKS_MAX),
        }))
    }

    /// Read models of earlier moments, for whoever else shows them.
    pub fn past(&self) -> Arc<Past> {
        Arc::clone(&self.0.past)
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
        let wanted = self.wanted(min_position).await?;
        self.reach(name, wanted).await?;
        let place = self.place(name).await?;
        answer(self.0.reports.clone(), Some(place), question).await
    }

    /// Ends the questions that are under way: the server is stopping and nobody hears the answers.
    pub fn stop(&self) {
        self.0.reports.stop();
    }

    /// A place for a question to that read model. Walks along shoppers hold much memory, so there
    /// are few of them at once.
    async fn place(&self, name: &str) -> Result<Place, Failure> {
        let places = if name == journeys::NAME { &self.0.walks } else { &self.0.questions };
        let wait_max = self.0.keeping.as_ref().map(|keeping| keeping.wait_max);
        places.take(wait_max).await.ok_or_else(Failure::crowded)
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
        let Some(as_of) = as_of else { return self.ask(name, min_position, question).await };
        let Inner { log, clock, past, keeping, .. } = &*self.0;
        let position = as_of::position(log, as_of, clock.now()).await?;
        // A moment that has passed is not waited for, so the end of the log does not matter to it.
        if min_position != AT_HEAD && position.0 < min_position {
            let problem = format!("is position {position}, before min_position {min_position}");
            return Err(Invalid::new("as_of", problem).into());
        }
        // Nobody but us would finish it where no server runs.
        let wait_max = keeping.as_ref().map(|keeping| keeping.wait_max);
        let directory = past.at(position, wait_max).await?;
        let place = self.place(name).await?;
        answer(self.0.reports.elsewhere(&directory), Some(place), question).await
    }

    /// Waits for read models that are asked beside another one, where the present is asked for.
    pub(super) async fn reach_also(
        &self,
        names: &[&'static str],
        min_position: u64,
        as_of: &Option<proto::AsOf>,
    ) -> Result<(), Failure> {
        if as_of.is_none() {
            let wanted = self.wanted(min_position).await?;
            for name in names {
                self.reach(name, wanted).await?;
            }
        }
        Ok(())
    }

    /// The position that a question waits for.
    pub(super) async fn wanted(&self, min_position: u64) -> Result<Position, Failure> {
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
            Ok(Err(ReadError::Damaged(why))) => Err(Failure::log_unreadable(&why)),
            Ok(Err(ReadError::Unavailable(why))) => Err(Failure::head_unknown(&why)),
            Err(_) => Err(Failure::head_unknown("the store did not answer in time")),
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
            tracing::debug!(?behind, name, "a question is answered by what is known so far");
        }
        head
    }

    async fn reach(&self, name: &'static str, wanted: Position) -> Result<(), Failure> {
        let Some(Keeping { tail, wait_max, .. }) = &self.0.keeping else {
            return self.has_reached(name, wanted).await;
        };
        let Some(ProjectionHandle { mut progress, .. }) = self.projection(name) else {
            return Err(Failure::internal("there is no such read model", &name));
        };
        if progress.borrow().position < wanted {
            tail.hurry();
        }
        let arrived =
            progress.wait_for(|progress| progress.position >= wanted || progress.stopped.is_some());
        let arrived = timeout(*wait_max, arrived).await;
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

    /// Read models at rest are where they are, unless a server goes on with them: then it is waited
    /// for as long as the server itself would.
    async fn has_reached(&self, name: &'static str, wanted: Position) -> Result<(), Failure> {
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
                return Err(Failure::behind(wanted.0, position.0));
            }
            sleep(OTHERS_LOOK).await;
        }
    }

    /// Waits until a read model has applied something after that position. `false` when it never
    /// will, because nobody keeps it or the server stops.
    pub(super) async fn goes_on_after(
        &self,
        name: &'static str,
        position: Position,
    ) -> Result<bool, Failure> {
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
            Some(why) => Err(Failure::stopped(name, why)),
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
            None => self.lag_at_rest(name, checkpoint),
        };
        proto::Freshness {
            position: checkpoint.position.0,
            head_position: head.0.max(checkpoint.position.0),
            lag_ms,
        }
    }

    fn lag_ms(&self, keeping: &Keeping, name: &str, checkpoint: Checkpoint) -> i64 {
        let now = self.0.clock.now().0;
        if checkpoint.position >= keeping.tail.head() {
            // Nobody knows what others wrote since the store last answered.
            let away = keeping.readiness.store_away_since();
            return away.map_or(0, |since| now.saturating_sub(since.0).max(1));
        }
        let Some(handle) = self.projection(name) else { return 0 };
        let progress = handle.progress.borrow();
        if progress.position > checkpoint.position {
            // The answer is of an earlier moment, as was asked: nothing of that is missing.
            return 0;
        }
        // What was not even read yet came a moment ago.
        progress.oldest_pending_ms.map_or(0, |oldest| now.saturating_sub(oldest)).max(1)
    }

    /// Where the log ends and how old what is missing may be, by its file: a server may be writing.
    fn lag_at_rest(&self, name: &'static str, checkpoint: Checkpoint) -> (Position, i64) {
        let head = self.0.log.head_now();
        // An answer of an earlier moment, as was asked: nothing of that is missing.
        let now_at = self.0.reports.position(name).unwrap_or_default();
        if checkpoint.position >= head || now_at > checkpoint.position {
            return (head, 0);
        }
        (head, self.0.clock.now().0.saturating_sub(checkpoint.recorded_at_ms).max(1))
    }

    fn projection(&self, name: &str) -> Option<ProjectionHandle> {
        let projections = &self.0.keeping.as_ref()?.projections;
        projections.iter().find(|projection| projection.name == name).cloned()
    }
}

/// Asks from a thread that may block.
async fn answer<T: Send + 'static>(
    reports: Reports,
    place: Option<Place>,
    question: impl FnOnce(&Reports) -> Result<T, ReportError> + Send + 'static,
) -> Result<T, Failure> {
    let asked = tokio::task::spawn_blocking(move || {
        // Also when whoever asked has gone.
        let _place = place;
        question(&reports)
    });
    match asked.await {
        Ok(answer) => Ok(answer?),
        Err(error) => Err(Failure::internal("the question was not answered", &error)),
    }
}
