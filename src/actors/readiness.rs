//! The readiness of this node, for load balancers and orchestrators.
//!
//! A node that is not ready still accepts calls, with one exception: before the store has answered
//! for the first time, commands are answered UNAVAILABLE at once. Read models that are behind or
//! stopped do not affect readiness, because selling does not need them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::level_news::hear_level;
use crate::{
    admission::CurrentServiceLevel, clock::SharedClock, store::SharedStore, values::UnixMs,
};

/// Pause between two questions to the store whether it is there.
const ASK_STORE_EVERY: Duration = Duration::from_secs(1);

/// First pause between two questions while it has not answered yet; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A store that takes longer than this to answer is away.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// One late answer is no outage; this many in a row are.
const FAILURES_MAX: u32 = 2;

/// How often a node that waits for its store says so, in milliseconds.
const SAY_SO_EVERY_MS: i64 = 10_000;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Ready,
    NotReady(NotReady),
}

/// Why a node is not ready, in the order in which a node with several reasons tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReady {
    /// The server is stopping.
    Draining,
    /// The store has not answered yet since the start.
    Starting,
    /// The node learns which others answer, and reads what they give to it.
    MeetsOthers,
    /// The log holds what no store of ours wrote. It stays so until the server is started again.
    LogDamaged(String),
    /// The clock cannot be trusted: what opens, closes and expires is not known.
    ClockUntrusted(String),
    /// The last commit failed, and so has every try since.
    CommitFailed(String),
    /// The store did not answer when it was last asked.
    StoreUnavailable(String),
}

impl NotReady {
    /// The reason as machines read it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::MeetsOthers => "meets_others",
            Self::LogDamaged(_) => "log_damaged",
            Self::ClockUntrusted(_) => "clock_untrusted",
            Self::CommitFailed(_) => "commit_failed",
            Self::StoreUnavailable(_) => "store_unavailable",
        }
    }

    /// The reason in words, for the server's log: it may name files and machines.
    pub fn why(&self) -> &str {
        match self {
            Self::Draining => "the server is stopping",
            Self::Starting => "the store has not answered yet",
            Self::MeetsOthers => "it reads what other nodes give to it",
            Self::LogDamaged(why)
            | Self::ClockUntrusted(why)
            | Self::CommitFailed(why)
            | Self::StoreUnavailable(why) => why,
        }
    }
}

/// All that is known to be in the way. Each is set and cleared by who knows of it, and none hides
/// another for good.
#[derive(Debug, Default)]
struct InTheWay {
    has_started: bool,
    draining: bool,
    meets_others: bool,
    log_damaged: Option<String>,
    clock_untrusted: Option<String>,
    commit_failed: Option<String>,
    /// Since when, beside it.
    commit_failed_since: Option<UnixMs>,
    store_away: Option<String>,
}

impl InTheWay {
    fn state(&self) -> State {
        let reason = if self.draining {
            Some(NotReady::Draining)
        } else if !self.has_started {
            Some(NotReady::Starting)
        } else if self.meets_others {
            Some(NotReady::MeetsOthers)
        } else if let Some(why) = &self.log_damaged {
            Some(NotReady::LogDamaged(why.clone()))
        } else if let Some(why) = &self.clock_untrusted {
            Some(NotReady::ClockUntrusted(why.clone()))
        } else if let Some(why) = &self.commit_failed {
            Some(NotReady::CommitFailed(why.clone()))
        } else {
            self.store_away.clone().map(NotReady::StoreUnavailable)
        };
        reason.map_or(State::Ready, State::NotReady)
    }
}

/// The readiness of a node: set where something changes, asked from everywhere.
#[derive(Debug, Clone)]
pub struct Readiness {
    state: watch::Sender<State>,
    in_the_way: Arc<Mutex<InTheWay>>,
    /// When the store last answered, milliseconds since the Unix epoch.
    answered_at_ms: Arc<AtomicI64>,
}

impl Readiness {
    /// Of a node that starts at that moment.
    pub fn starting(now: UnixMs) -> Self {
        let in_the_way = InTheWay::default();
        Self {
            state: watch::Sender::new(in_the_way.state()),
            in_the_way: Arc::new(Mutex::new(in_the_way)),
            answered_at_ms: Arc::new(AtomicI64::new(now.0)),
        }
    }

    /// What the node says now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Tells of every change from now on.
    pub fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Whether the store has not answered yet since the start.
    pub fn is_starting(&self) -> bool {
        matches!(*self.state.borrow(), State::NotReady(NotReady::Starting))
    }

    /// Returns once the store has answered for the first time and the other nodes are met, or the server
    /// stops.
    pub async fn has_started(&self) {
        // The sender is ours, so there is no error.
        let started = |state: &State| match state {
            State::NotReady(NotReady::Starting | NotReady::MeetsOthers) => false,
            State::Ready | State::NotReady(_) => true,
        };
        let _ = self.state.subscribe().wait_for(started).await;
    }

    /// Since when the store does not answer; `None` while it does.
    pub fn store_away_since(&self) -> Option<UnixMs> {
        let in_the_way = self.lock();
        let away = !in_the_way.has_started || in_the_way.store_away.is_some();
        (away && !in_the_way.draining).then(|| UnixMs(self.answered_at_ms.load(Ordering::Relaxed)))
    }

    /// Since when nothing can be written, because the store does not answer or its commits fail.
    pub fn takes_nothing_since(&self) -> Option<UnixMs> {
        let failing = self.lock().commit_failed_since;
        let away = self.store_away_since();
        failing.into_iter().chain(away).min()
    }

    /// The node stops, for good.
    pub fn drain(&self) {
        self.change(|in_the_way| in_the_way.draining = true);
    }

    /// Says whether the node meets the others first.
    pub fn meets_others(&self, meets: bool) {
        self.change(|in_the_way| in_the_way.meets_others = meets);
    }

    /// The log holds what no store of ours wrote. For good: what was read before may be wrong, too.
    pub fn log_is_damaged(&self, why: &str) {
        self.change(|in_the_way| {
            in_the_way.log_damaged.get_or_insert_with(|| why.to_owned());
        });
    }

    /// Says why the clock cannot be trusted, or that it can be again.
    pub fn clock_is_untrusted(&self, why: Option<String>) {
        self.change(|in_the_way| in_the_way.clock_untrusted = why);
    }

    /// Says why the last commit failed, or that commits succeed again.
    fn commits_fail(&self, why: Option<String>, now: UnixMs) {
        self.change(|in_the_way| {
            let since = in_the_way.commit_failed_since.unwrap_or(now);
            in_the_way.commit_failed_since = why.is_some().then_some(since);
            in_the_way.commit_failed = why;
        });
    }

    fn store_answered(&self, now: UnixMs) {
        self.answered_at_ms.store(now.0, Ordering::Relaxed);
        self.change(|in_the_way| {
            in_the_way.has_started = true;
            in_the_way.store_away = None;
        });
    }

    fn store_is_away(&self, why: String) {
        self.change(|in_the_way| in_the_way.store_away = Some(why));
    }

    /// Changes the obstacles and publishes the readiness if it differs.
    fn change(&self, change: impl FnOnce(&mut InTheWay)) {
        let mut in_the_way = self.lock();
        change(&mut in_the_way);
        let now = in_the_way.state();
        // Under the lock, so that the last change is told last.
        self.state.send_if_modified(|state| {
            if *state == now {
                return false;
            }
            match &now {
                State::Ready => tracing::info!("ready"),
                // A requested stop needs no warning.
                State::NotReady(NotReady::Draining) => tracing::info!("not ready: it is stopping"),
                State::NotReady(NotReady::MeetsOthers) => {
                    tracing::info!("not ready: it meets others")
                }
                State::NotReady(reason) if reason_of(state) != Some(reason.name()) => {
                    tracing::warn!(reason = reason.name(), why = reason.why(), "not ready");
                }
                State::NotReady(_) => {}
            }
            *state = now;
            true
        });
    }

    fn lock(&self) -> MutexGuard<'_, InTheWay> {
        self.in_the_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reason_of(state: &State) -> Option<&'static str> {
    match state {
        State::Ready => None,
        State::NotReady(reason) => Some(reason.name()),
    }
}

/// Asks the store again and again whether it is there, for as long as this is awaited, and hears
/// from it at which level the service runs. `address` is what the log calls it.
pub async fn watch_store(
    store: SharedStore,
    service: Arc<CurrentServiceLevel>,
    clock: SharedClock,
    readiness: Readiness,
    address: String,
) {
    let mut failures = 0_u32;
    let mut pause = FIRST_PAUSE;
    let mut said_at: Option<UnixMs> = None;
    loop {
        match ask(&store, &service).await {
            Ok(()) => {
                failures = 0;
                pause = ASK_STORE_EVERY;
                readiness.store_answered(clock.now());
            }
            Err(why) if readiness.is_starting() => {
                let now = clock.now();
                if said_at.is_none_or(|said| now.since(said) >= SAY_SO_EVERY_MS) {
                    tracing::warn!("waiting for the store at {address}: {why}");
                    said_at = Some(now);
                }
                pause = (pause * 2).min(ASK_STORE_EVERY);
            }
            Err(why) => {
                failures += 1;
                if failures >= FAILURES_MAX {
                    readiness.store_is_away(why);
                }
            }
        }
        readiness.commits_fail(store.commit_failure(), clock.now());
        sleep(pause).await;
    }
}

async fn ask(store: &SharedStore, service: &CurrentServiceLevel) -> Result<(), String> {
    let asked = async {
        let answered = hear_level(store, service).await;
        // What is fresh and what is not can be said only from then on.
        store.found_end().await;
        answered
    };
    match timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
    }
}
