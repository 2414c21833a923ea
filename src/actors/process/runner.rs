//! Runs a process: follows the log, asks what is due, and keeps the checkpoint.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_rt::ArbiterHandle;
use futures_util::{StreamExt, stream};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    ask::Receivers,
    checkpoint::{self, Passed},
    contract::{Known, Process},
    tried::Tried,
};
use crate::{
    actors::{Fault, Readiness, Tail},
    clock::SharedClock,
    events::{Category, Position},
    projections::Checkpoint,
    reports::Reports,
    values::UnixMs,
};

/// Pause before a log that cannot be read any further is tried again.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(60);

/// How often work that is due by time alone is looked for. A look asks nothing but memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the checkpoint is written. What came after it is read again at the next start.
const NOTE_EVERY: Duration = Duration::from_secs(10);

/// Works asked at once: an item that sleeps is rebuilt from its whole stream.
const AT_ONCE: usize = 4;

/// What a process is run with.
#[derive(Clone)]
pub struct ManagerParts {
    pub tail: Arc<Tail>,
    pub receivers: Receivers,
    pub reports: Reports,
    pub readiness: Readiness,
    pub clock: SharedClock,
    /// The data directory.
    pub data: PathBuf,
}

/// One process, and how far it has come. Each step of a run can be taken by itself.
pub struct Manager<P: Process> {
    parts: ManagerParts,
    path: PathBuf,
    fold: Mutex<Fold<P>>,
    /// Work that was done and that the process does not know of yet.
    done: Mutex<Vec<P::Work>>,
    /// Events that may ask for something were observed.
    observed: Notify,
}

struct Fold<P> {
    process: P,
    position: Position,
    /// When the last event was recorded that was observed.
    recorded_at: Option<UnixMs>,
    /// Where the log ended at the start; `None` before that is known.
    end_at_start: Option<Position>,
    is_caught_up: bool,
    /// The log cannot be read any further: what is known is all that will be.
    stuck: bool,
    passed: Passed,
    noted: Option<Checkpoint>,
}

impl<P: Process> Manager<P> {
    /// A process that has not begun.
    pub fn new(process: P, parts: ManagerParts) -> Self {
        let path = checkpoint::path(&parts.data, P::NAME);
        let fold = Fold {
            process,
            position: Position::START,
            recorded_at: None,
            end_at_start: None,
            is_caught_up: false,
            stuck: false,
            passed: Passed::default(),
            noted: None,
        };
        let (done, observed) = (Mutex::default(), Notify::new());
        Self { parts, path, fold: Mutex::new(fold), done, observed }
    }

    /// Runs a process: the log is followed on `thread`, and what is due is asked by the task.
    pub fn start(process: P, parts: ManagerParts, thread: &ArbiterHandle) -> JoinHandle<()> {
        let manager = Arc::new(Self::new(process, parts));
        let follower = Arc::clone(&manager);
        thread.spawn(async move {
            follower.begin().await;
            loop {
                follower.read().await;
            }
        });
        tokio::spawn(manager.ask_what_is_due())
    }

    /// Goes to the checkpoint, if it is one of this log.
    pub async fn begin(&self) {
        let end = self.parts.tail.found_end().await;
        let kept = self.kept_by_read_model().await;
        let (kept, checkpoint) = match kept {
            Some((process, checkpoint)) => (Some(process), Some(checkpoint)),
            None => (None, checkpoint::read(&self.path)),
        };
        let is_of_this_log = match checkpoint {
            Some(checkpoint) => self.parts.tail.holds(checkpoint).await.unwrap_or(false),
            None => false,
        };
        let mut fold = self.lock();
        fold.end_at_start = Some(end);
        if let Some(checkpoint) = checkpoint.filter(|_| is_of_this_log) {
            if let Some(process) = kept {
                fold.process = process;
            }
            fold.position = checkpoint.position;
            fold.recorded_at = checkpoint.event.map(|_| UnixMs(checkpoint.recorded_at_ms));
            fold.passed.push(checkpoint);
            fold.noted = Some(checkpoint);
        }
        fold.look_whether_caught_up();
    }

    /// The process as a read model keeps it. Other processes follow the log on this thread, so the
    /// read model, which may be locked for long, is read on another one.
    async fn kept_by_read_model(&self) -> Option<(P, Checkpoint)> {
        let reports = self.parts.reports.clone();
        let read = tokio::task::spawn_blocking(move || P::from_read_model(&reports)).await;
        match read {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => {
                tracing::debug!(%error, process = P::NAME, "the whole log is read");
                None
            }
            // The node stops.
            Err(error) => {
                tracing::debug!(%error, process = P::NAME, "the read model was not read");
                None
            }
        }
    }

    /// How far the log was observed.
    pub fn position(&self) -> Position {
        self.lock().position
    }

    /// Observes the next page of the log, as soon as there is one.
    pub async fn read(&self) {
        let position = self.lock().position;
        match self.parts.tail.page_after(position).await {
            Ok(page) => {
                let mut fold = self.lock();
                let mut may_ask = false;
                for (recorded, event) in page.iter() {
                    if recorded.position > position {
                        fold.process.observe(recorded, event);
                        // Orders are the flood: what they ask for is due by time.
                        let category = recorded.stream.category;
                        may_ask |= !matches!(
                            category,
                            Category::Item | Category::Demand | Category::Traffic
                        );
                    }
                }
                if let Some((last, _)) = page.last() {
                    fold.position = last.position;
                    fold.recorded_at = Some(UnixMs(last.recorded_at_ms));
                    fold.passed.push(Checkpoint::after(last));
                }
                fold.stuck = false;
                may_ask &= fold.is_caught_up;
                fold.look_whether_caught_up();
                drop(fold);
                if may_ask {
                    self.observed.notify_one();
                }
            }
            Err(error) => {
                let was_stuck = self.lock().note_stuck();
                if !was_stuck {
                    tracing::error!(%error, process = P::NAME, "acts as far as the log can be read");
                }
                sleep(UNREADABLE_PAUSE).await;
            }
        }
    }

    /// What is to be done now; nothing before the log was read as far as it went at the start.
    pub fn due(&self) -> Vec<P::Work> {
        // The follower may be kept from the processor while it holds the fold, so it is not waited for.
        let Ok(mut fold) = self.fold.try_lock() else { return Vec::new() };
        self.take_done(&mut fold);
        let Some(end_at_start) = fold.end_at_start.filter(|_| fold.is_caught_up) else {
            return Vec::new();
        };
        let now = self.parts.clock.now();
        let is_current = fold.stuck || fold.position >= self.parts.tail.head();
        let until = if is_current { Some(now) } else { fold.recorded_at };
        let items = &self.parts.receivers.items;
        fold.process.due(&Known {
            now,
            until: until.map_or(UnixMs::default(), |until| until.min(now)),
            end_at_start,
            is_shared: items.is_shared(),
            is_owned_here: &|item| items.is_owned_here(item.0),
            is_awake: &|item| items.is_awake(item.0),
        })
    }

    /// Decides a work and asks for it. Where the sale changed meanwhile, decides once more, so that what
    /// the sale says last is also what is asked last.
    ///
    /// # Errors
    /// When an aggregate could not be asked: the work is not done.
    pub async fn ask(&self, work: &P::Work) -> Result<(), Fault> {
        let receivers = &self.parts.receivers;
        let mut decided_by = None;
        loop {
            let sale = match P::sale_of(work) {
                Some(id) => Some(receivers.sale(id).await?),
                None => None,
            };
            if decided_by.as_ref() == Some(&sale) {
                break;
            }
            receivers.ask(P::decide(work, sale.as_ref(), self.parts.clock.now())).await?;
            let is_of_sale = sale.is_some();
            decided_by = Some(sale);
            if !is_of_sale {
                break;
            }
        }
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(work.clone());
        Ok(())
    }

    /// Writes the checkpoint, if it has moved. Blocks on the disk.
    pub fn note(&self) {
        let moved = {
            let Ok(mut fold) = self.fold.try_lock() else { return };
            self.take_done(&mut fold);
            let oldest = fold.process.oldest();
            let reached = fold.passed.before(oldest);
            let moved = reached.filter(|reached| fold.noted != Some(*reached));
            fold.noted = reached.or(fold.noted);
            moved
        };
        if let Some(checkpoint) = moved
            && let Err(error) = checkpoint::write(&self.path, &checkpoint)
        {
            tracing::debug!(%error, process = P::NAME, "the checkpoint cannot be written");
        }
    }

    async fn ask_what_is_due(self: Arc<Self>) {
        // Before the store has answered it is not known where the log ends.
        self.parts.readiness.has_started().await;
        let mut tried = Tried::<P>::default();
        let mut noted_at = Instant::now();
        loop {
            let _ = timeout(LOOK_EVERY, self.observed.notified()).await;
            // A store that takes nothing lets nothing be done, and rebuilding an item costs.
            if self.parts.readiness.takes_nothing_since().is_none() {
                let due = tried.may_be_asked(self.due());
                let asked = stream::iter(due).map(|work| self.tried(work));
                let asked: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
                asked.iter().for_each(|(work, fault)| tried.remember(work, fault.as_ref()));
            }
            if noted_at.elapsed() >= NOTE_EVERY {
                noted_at = Instant::now();
                let manager = Arc::clone(&self);
                let _ = tokio::task::spawn_blocking(move || manager.note()).await;
            }
        }
    }

    async fn tried(&self, work: P::Work) -> (P::Work, Option<Fault>) {
        let fault = self.ask(&work).await.err();
        (work, fault)
    }

    fn take_done(&self, fold: &mut Fold<P>) {
        let done = std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner));
        done.iter().for_each(|work| fold.process.done(work));
    }

    fn lock(&self) -> MutexGuard<'_, Fold<P>> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Process> Fold<P> {
    /// Notes that what the log held at the start was observed, once.
    fn look_whether_caught_up(&mut self) {
        let at_end = self.end_at_start.is_some_and(|end| end <= self.position);
        if at_end && !self.is_caught_up {
            self.is_caught_up = true;
            self.process.caught_up();
        }
    }

    /// Notes that the log cannot be read any further. Gives whether that was known before.
    fn note_stuck(&mut self) -> bool {
        self.end_at_start = self.end_at_start.min(Some(self.position));
        self.look_whether_caught_up();
        std::mem::replace(&mut self.stuck, true)
    }
}
