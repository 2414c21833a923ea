//! One actor for each read model: it follows the log and applies it, page by page.
//!
//! Each lives on a thread of its own, because SQLite blocks, and the thread yields to those who
//! sell: under full load read models fall behind, and catch up after it. What fails for a reason
//! outside (a full disk, a lock, a permission) is tried again for as long as it takes; a file whose
//! content is wrong is built anew. Only a log that contradicts itself stops a read model.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex, Once, PoisonError},
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, WrapFuture};
use actix_rt::Arbiter;
use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, OnceCell, watch},
    time::sleep,
};

use super::tail::{Page, Tail, TailError};
use crate::{
    events::Position,
    projections::{Cause, ProjectionError, ReadModel, all, clear_leftovers},
    threads,
};

/// First and longest pause before what failed for a reason outside is tried again.
const OUTSIDE_PAUSE_MIN: Duration = Duration::from_millis(100);
const OUTSIDE_PAUSE_MAX: Duration = Duration::from_secs(5);

/// First and longest pause before a file whose content is wrong is built anew: where it is the disk
/// that makes it wrong, building on would wear it out and leave no time for anything else.
const ANEW_PAUSE_MIN: Duration = Duration::from_millis(100);
const ANEW_PAUSE_MAX: Duration = Duration::from_secs(300);

/// A file that was right for so long is built anew without a longer pause than the first.
const RIGHT_FOR: Duration = Duration::from_secs(3_600);

/// How often it is looked whether the file is still the one that others find under its name.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How far a read model has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Position of the last event applied.
    pub position: Position,
    /// When the oldest event was recorded that is not applied, where that is known.
    pub oldest_pending_ms: Option<i64>,
    /// The end of the log when the file was opened or restarted. Before it, no query is answered
    /// from the file; `None` while it is unknown.
    pub built_at: Option<Position>,
    /// Why it does not go on at the moment. It is tried again.
    pub held_up: Option<Arc<str>>,
    /// Why it stopped. It stays stopped until the server is started again.
    pub stopped: Option<Arc<str>>,
}

impl Progress {
    /// Of a read model that was not opened yet, of a log that ends there as far as is known.
    fn unopened(built_at: Option<Position>) -> Self {
        Self {
            // Not the checkpoint's: it is not known yet whether that is in this log.
            position: Position::START,
            oldest_pending_ms: None,
            built_at,
            held_up: None,
            stopped: None,
        }
    }

    /// Whether it has come as far as the log went when it was opened or begun anew.
    pub fn is_built(&self) -> bool {
        self.built_at.is_none_or(|end| self.position >= end)
    }
}

/// What others see of a projection actor.
#[derive(Debug, Clone)]
pub struct ProjectionHandle {
    pub name: &'static str,
    pub progress: watch::Receiver<Progress>,
    damaged: Arc<Notify>,
}

impl ProjectionHandle {
    /// Says that a question found the file's content to be wrong: it is built anew.
    pub fn file_is_damaged(&self) {
        self.damaged.notify_one();
    }
}

/// The directory that the read models of a node are in.
struct Views {
    data: PathBuf,
    /// What an earlier crash left behind was cleared away.
    cleared: Mutex<bool>,
    /// Says once for all read models that they are of another log.
    another_log: Once,
    /// Where the log ended when that was first known.
    first_end: OnceCell<Position>,
}

impl Views {
    /// Where the log ended when that was first known.
    async fn first_end(&self, tail: &Tail) -> Position {
        *self.first_end.get_or_init(|| tail.found_end()).await
    }

    /// Opens one of them, or makes an empty one.
    fn open(&self, name: &'static str) -> Result<ReadModel, ProjectionError> {
        {
            let mut cleared = self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
            if !*cleared {
                clear_leftovers(&self.data)?;
                *cleared = true;
            }
        }
        let found = all().into_iter().find(|projection| projection.name() == name);
        #[expect(clippy::expect_used, reason = "the names are those of all projections")]
        let projection = found.expect("a projection of that name");
        ReadModel::open_again(&self.data, projection)
    }
}

/// The actor of one read model.
struct ProjectionActor {
    keeper: Option<Keeper>,
}

/// Keeps one read model up to date.
struct Keeper {
    name: &'static str,
    views: Arc<Views>,
    tail: Arc<Tail>,
    progress: watch::Sender<Progress>,
    damaged: Arc<Notify>,
    /// The file as opened at the start, if possible: it is not known yet whether it belongs to this
    /// log.
    opened_at_start: Option<ReadModel>,
    /// `None` until it is opened, and after every trouble.
    model: Option<ReadModel>,
    /// The file could not be dropped, which comes before anything else.
    to_drop: bool,
    /// Its rows are all from events that were applied since the start.
    from_zero: bool,
    outside_pause: Duration,
    anew_pause: Duration,
    begun_anew: Option<Instant>,
}

/// Why a read model does not go on.
enum Trouble {
    /// To be tried again.
    Outside(String),
    /// Another file stands in the place of the one that is open, or none.
    Moved,
    /// To be built anew.
    File(String),
    /// The events contradict what is in the file, or each other.
    Contradiction(String),
    /// The log cannot be read any further by this version.
    Log(String),
}

impl From<ProjectionError> for Trouble {
    fn from(error: ProjectionError) -> Self {
        let why = error.to_string();
        match error.cause() {
            Cause::Outside => Self::Outside(why),
            Cause::File => Self::File(why),
            Cause::Log => Self::Contradiction(why),
        }
    }
}

/// Starts an actor for each of the read models of a data directory. One that cannot be opened is
/// tried again: selling does not wait for it.
pub fn start_projections(data: &Path, tail: &Arc<Tail>) -> (Vec<ProjectionHandle>, Vec<Arbiter>) {
    let mut handles = Vec::new();
    let mut arbiters = Vec::new();
    let views = Arc::new(Views {
        data: data.to_owned(),
        cleared: Mutex::new(false),
        another_log: Once::new(),
        first_end: OnceCell::new(),
    });
    // The read models' own threads may be late: they have the lowest priority.
    let (first, log) = (Arc::clone(&views), Arc::clone(tail));
    tokio::spawn(async move { first.first_end(&log).await });
    for projection in all() {
        let name = projection.name();
        let (sender, progress) = watch::channel(Progress::unopened(tail.known_end()));
        let damaged = Arc::new(Notify::new());
        // Before the first query, so that a new node can answer it.
        let opened = views.open(name).inspect_err(|error| {
            tracing::debug!(projection = name, %error, "a read model could not be opened at once");
        });
        let keeper = Keeper {
            name,
            views: Arc::clone(&views),
            tail: Arc::clone(tail),
            progress: sender,
            damaged: Arc::clone(&damaged),
            opened_at_start: opened.ok(),
            model: None,
            to_drop: false,
            from_zero: false,
            outside_pause: OUTSIDE_PAUSE_MIN,
            anew_pause: ANEW_PAUSE_MIN,
            begun_anew: None,
        };
        let arbiter = Arbiter::new();
        ProjectionActor::start_in_arbiter(&arbiter.handle(), |_| ProjectionActor {
            keeper: Some(keeper),
        });
        handles.push(ProjectionHandle { name, progress, damaged });
        arbiters.push(arbiter);
    }
    (handles, arbiters)
}

impl Actor for ProjectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(keeper) = self.keeper.take() {
            threads::name(&format!("view-{}", keeper.name));
            threads::idle();
            ctx.spawn(keeper.keep().into_actor(self));
        }
    }
}

impl Keeper {
    /// Goes on until the log contradicts itself.
    async fn keep(mut self) {
        loop {
            let Err(trouble) = self.follow().await;
            match trouble {
                Trouble::Outside(why) => self.wait_out(&why).await,
                Trouble::Moved => {
                    // Nothing is answered from what is there before it is known to be right.
                    self.knows_nothing();
                    self.wait_out("its file was removed or replaced by another").await;
                }
                Trouble::File(why) => self.begin_anew(&why).await,
                // Rows changed by another program can make a sound log look wrong.
                Trouble::Contradiction(why) if !self.from_zero => self.begin_anew(&why).await,
                Trouble::Contradiction(why) | Trouble::Log(why) => return self.stop(&why),
            }
        }
    }

    /// Opens the file where necessary and applies page after page.
    async fn follow(&mut self) -> Result<Infallible, Trouble> {
        if self.model.is_none() {
            let model = self.opened().await?;
            let position = model.checkpoint().position;
            self.from_zero = position == Position::START;
            self.model = Some(model);
            if position >= self.tail.head() {
                self.progress.send_modify(|progress| progress.held_up = None);
            }
        }
        loop {
            let page = self.next_page().await?;
            self.apply(&page)?;
        }
    }

    /// Goes on where the read model was left, if it was made from this log; else from zero.
    async fn opened(&mut self) -> Result<ReadModel, Trouble> {
        if self.to_drop {
            ReadModel::drop_file(&self.views.data, self.name)?;
            self.to_drop = false;
        }
        let mut model = match self.opened_at_start.take() {
            Some(model) => model,
            None => self.views.open(self.name)?,
        };
        let end = self.views.first_end(&self.tail).await;
        let checkpoint = model.checkpoint();
        let known = self.tail.holds(checkpoint).await;
        if !known.map_err(|error| Trouble::Log(error.to_string()))? {
            let position = checkpoint.position.0;
            self.views.another_log.call_once(|| {
                tracing::warn!(
                    position,
                    "the read models in this data directory are of another log, or of one that \
                     was longer: they are built anew from this one"
                );
            });
            model.start_over()?;
        }
        let position = model.checkpoint().position;
        self.progress.send_modify(|progress| {
            if progress.position != position {
                progress.oldest_pending_ms = None;
            }
            if position < progress.position {
                // An older file stands in its place.
                progress.built_at = Some(self.tail.head());
            }
            progress.position = position;
            progress.built_at.get_or_insert(end);
        });
        Ok(model)
    }

    /// The events to come. Looks meanwhile whether the file is still the one that others find.
    async fn next_page(&self) -> Result<Page, Trouble> {
        let model = self.open_model()?;
        let mut page = pin!(self.tail.page_after(model.checkpoint().position));
        loop {
            tokio::select! {
                page = &mut page => {
                    self.is_in_place()?;
                    return page.map_err(|error: TailError| Trouble::Log(error.to_string()));
                }
                () = self.damaged.notified() => {
                    return Err(Trouble::File("a question found it to be damaged".to_owned()));
                }
                () = sleep(LOOK_EVERY) => self.is_in_place()?,
            }
        }
    }

    fn is_in_place(&self) -> Result<(), Trouble> {
        if self.open_model()?.is_in_place() {
            return Ok(());
        }
        Err(Trouble::Moved)
    }

    fn open_model(&self) -> Result<&ReadModel, Trouble> {
        self.model.as_ref().ok_or_else(|| Trouble::Outside("it is not open".to_owned()))
    }

    fn apply(&mut self, page: &Page) -> Result<(), Trouble> {
        let Some(model) = &mut self.model else { return Ok(()) };
        let before = model.checkpoint().position;
        let oldest = page.iter().find(|(recorded, _)| recorded.position > before);
        let oldest = oldest.map(|(recorded, _)| recorded.recorded_at_ms);
        self.progress.send_modify(|progress| progress.oldest_pending_ms = oldest);
        model.apply_page(page)?;
        let position = model.checkpoint().position;
        self.outside_pause = OUTSIDE_PAUSE_MIN;
        let mut was_held_up = false;
        self.progress.send_modify(|progress| {
            progress.position = position;
            progress.oldest_pending_ms = page.next_recorded_at_ms;
            was_held_up = progress.held_up.take().is_some();
        });
        if was_held_up {
            tracing::info!(projection = self.name, "a read model has recovered");
        }
        Ok(())
    }

    /// Rests before it is tried again. The file is opened anew then: what SQLite remembers of it
    /// may be wrong after a failure.
    async fn wait_out(&mut self, why: &str) {
        self.held_up(why);
        self.model = None;
        sleep(self.outside_pause).await;
        self.outside_pause = (self.outside_pause * 2).min(OUTSIDE_PAUSE_MAX);
    }

    /// Rests, and drops the file, so that it is built from the beginning of the log.
    async fn begin_anew(&mut self, why: &str) {
        self.held_up(why);
        self.knows_nothing();
        if self.begun_anew.is_some_and(|begun| begun.elapsed() > RIGHT_FOR) {
            self.anew_pause = ANEW_PAUSE_MIN;
        }
        sleep(self.anew_pause).await;
        self.anew_pause = (self.anew_pause * 2).min(ANEW_PAUSE_MAX);
        self.begun_anew = Some(Instant::now());
        let dropped = match self.model.take() {
            Some(mut model) => model.start_over(),
            None => self.views.open(self.name).and_then(|mut model| model.start_over()),
        };
        if let Err(error) = dropped {
            self.to_drop = true;
            tracing::debug!(projection = self.name, %error, "a read model could not be dropped");
        }
        // Another finder of the same damage has reported it already.
        let _ = self.damaged.notified().now_or_never();
    }

    /// It is at the beginning of the log until it has come to its end.
    fn knows_nothing(&self) {
        self.progress.send_modify(|progress| {
            progress.position = Position::START;
            progress.built_at = Some(self.tail.head());
        });
    }

    /// Says what is in the way, once.
    fn held_up(&self, why: &str) {
        let mut is_new = false;
        self.progress.send_modify(|progress| {
            is_new = progress.held_up.as_deref() != Some(why);
            progress.held_up = Some(why.into());
        });
        if is_new {
            tracing::warn!(projection = self.name, why, "a read model failed; retrying");
        }
    }

    fn stop(&self, why: &str) {
        tracing::error!(projection = self.name, why, "a projection stopped");
        self.progress.send_modify(|progress| progress.stopped = Some(why.into()));
    }
}
