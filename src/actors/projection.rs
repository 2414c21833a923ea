//! One actor for each read model: it follows the log and applies it, page by page.
//!
//! Each lives on a thread of its own, because SQLite blocks, and the thread yields to those who
//! sell: under full load read models fall behind, and catch up after it.

use std::{
    path::Path,
    sync::{Arc, Once},
};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use actix_rt::Arbiter;
use tokio::sync::watch;

use super::tail::{Page, Tail, TailError};
use crate::{
    events::Position,
    projections::{ProjectionError, ReadModel},
    threads,
};

/// How far a read model has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Position of the last event applied.
    pub position: Position,
    /// When the oldest event was recorded that is being applied now.
    pub oldest_pending_ms: Option<i64>,
    /// Why it stopped. It stays stopped until the server is started again.
    pub stopped: Option<Arc<str>>,
}

/// What others see of a projection actor.
#[derive(Debug, Clone)]
pub struct ProjectionHandle {
    pub name: &'static str,
    pub progress: watch::Receiver<Progress>,
}

struct ProjectionActor {
    model: ReadModel,
    tail: Arc<Tail>,
    progress: watch::Sender<Progress>,
    /// Says once for all read models that they are of another log.
    another_log: Arc<Once>,
}

/// Starts an actor for each of the read models of a data directory.
///
/// # Errors
/// When a read model's file can neither be opened nor made anew.
pub fn start_projections(
    data: &Path,
    tail: &Arc<Tail>,
) -> Result<(Vec<ProjectionHandle>, Vec<Arbiter>), ProjectionError> {
    let mut handles = Vec::new();
    let mut arbiters = Vec::new();
    let another_log = Arc::new(Once::new());
    for projection in crate::projections::all() {
        let name = projection.name();
        let model = ReadModel::open(data, projection)?;
        let (sender, progress) = watch::channel(Progress {
            // Not the checkpoint's: nobody knows yet whether it is one in this log.
            position: Position::START,
            oldest_pending_ms: None,
            stopped: None,
        });
        let actor = ProjectionActor {
            model,
            tail: Arc::clone(tail),
            progress: sender,
            another_log: Arc::clone(&another_log),
        };
        let arbiter = Arbiter::new();
        ProjectionActor::start_in_arbiter(&arbiter.handle(), |_| actor);
        handles.push(ProjectionHandle { name, progress });
        arbiters.push(arbiter);
    }
    Ok((handles, arbiters))
}

impl Actor for ProjectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        threads::name(&format!("view-{}", self.model.name()));
        threads::idle();
        self.recognise(ctx);
    }
}

impl ProjectionActor {
    /// Goes on where the read model was left, if it was made from this log; else from zero.
    fn recognise(&self, ctx: &mut Context<Self>) {
        let tail = Arc::clone(&self.tail);
        let checkpoint = self.model.checkpoint();
        let asked = async move { tail.holds(checkpoint).await };
        ctx.spawn(asked.into_actor(self).map(|known, actor, ctx| match actor.resume(known) {
            Ok(()) => actor.follow(ctx),
            Err(why) => actor.stop(&why, ctx),
        }));
    }

    fn resume(&mut self, known: Result<bool, TailError>) -> Result<(), String> {
        if !known.map_err(|error| error.to_string())? {
            let position = self.model.checkpoint().position.0;
            self.another_log.call_once(|| {
                tracing::warn!(
                    position,
                    "the read models in this data directory are of another log, or of one that \
                     was longer: they are built anew from this one"
                );
            });
            self.model.start_over().map_err(|error| error.to_string())?;
        }
        let position = self.model.checkpoint().position;
        self.progress.send_modify(|progress| progress.position = position);
        Ok(())
    }

    fn stop(&self, why: &str, ctx: &mut Context<Self>) {
        tracing::error!(projection = self.model.name(), why, "a projection stopped");
        self.progress.send_modify(|progress| progress.stopped = Some(why.into()));
        ctx.stop();
    }

    fn follow(&self, ctx: &mut Context<Self>) {
        let tail = Arc::clone(&self.tail);
        let position = self.model.checkpoint().position;
        let next = async move { tail.page_after(position).await };
        ctx.spawn(next.into_actor(self).map(|page, actor, ctx| match actor.apply(page) {
            Ok(()) => actor.follow(ctx),
            Err(why) => actor.stop(&why, ctx),
        }));
    }

    fn apply(&mut self, page: Result<Page, TailError>) -> Result<(), String> {
        let page = page.map_err(|error| error.to_string())?;
        let before = self.model.checkpoint().position;
        let oldest = page.iter().find(|(recorded, _)| recorded.position > before);
        let oldest = oldest.map(|(recorded, _)| recorded.recorded_at_ms);
        self.progress.send_modify(|progress| progress.oldest_pending_ms = oldest);
        self.model.apply_page(&page).map_err(|error| error.to_string())?;
        let position = self.model.checkpoint().position;
        self.progress.send_modify(|progress| {
            progress.position = position;
            progress.oldest_pending_ms = None;
        });
        Ok(())
    }
}
