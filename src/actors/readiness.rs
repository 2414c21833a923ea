//! Whether this node should be sent calls: what a load balancer and an orchestrator ask.
//!
//! Not being ready refuses nothing, with one exception: before the store has answered for the first
//! time there is nothing a node could say, so commands are told at once that the store is away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::levels::hear_level;
use crate::{admission::Service, clock::SharedClock, store::SharedStore, values::UnixMs};

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

/// Why a node is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReady {
    /// The store has not answered yet since the start.
    Starting,
    /// The store did not answer when it was last asked.
    StoreUnavailable(String),
    /// The server is stopping.
    Draining,
}

/// The readiness of a node: set where something changes, asked from everywhere.
#[derive(Debug, Clone)]
pub struct Readiness {
    state: watch::Sender<State>,
    /// When the store last answered, milliseconds since the Unix epoch.
    answered_at_ms: Arc<AtomicI64>,
}

impl Readiness {
    /// Of a node that starts at that moment.
    pub fn starting(now: UnixMs) -> Self {
        let state = watch::Sender::new(State::NotReady(NotReady::Starting));
        Self { state, answered_at_ms: Arc::new(AtomicI64::new(now.0)) }
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

    /// Since when nobody knows what is in the store; `None` while it answers.
    pub fn store_away_since(&self) -> Option<UnixMs> {
        match *self.state.borrow() {
            State::NotReady(NotReady::Starting | NotReady::StoreUnavailable(_)) => {
                Some(UnixMs(self.answered_at_ms.load(Ordering::Relaxed)))
            }
            State::Ready | State::NotReady(NotReady::Draining) => None,
        }
    }

    /// The node stops, for good.
    pub fn drain(&self) {
        self.state.send_replace(State::NotReady(NotReady::Draining));
    }

    fn store_answered(&self, now: UnixMs) {
        self.answered_at_ms.store(now.0, Ordering::Relaxed);
        self.state.send_if_modified(|state| match state {
            State::Ready | State::NotReady(NotReady::Draining) => false,
            State::NotReady(NotReady::Starting | NotReady::StoreUnavailable(_)) => {
                tracing::info!("ready: the store answers");
                *state = State::Ready;
                true
            }
        });
    }

    fn store_is_away(&self, why: String) {
        self.state.send_if_modified(|state| match state {
            // Until it answers once, there is nothing that could have become unavailable.
            State::NotReady(NotReady::Starting | NotReady::Draining) => false,
            State::Ready => {
                tracing::warn!(why, "not ready: the store does not answer");
                *state = State::NotReady(NotReady::StoreUnavailable(why));
                true
            }
            State::NotReady(NotReady::StoreUnavailable(before)) => {
                let changed = *before != why;
                *before = why;
                changed
            }
        });
    }
}

/// Asks the store again and again whether it is there, for as long as this is awaited, and hears
/// from it at which level the service runs. `address` is what the log calls it.
pub async fn watch_store(
    store: SharedStore,
    service: Arc<Service>,
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
        sleep(pause).await;
    }
}

async fn ask(store: &SharedStore, service: &Service) -> Result<(), String> {
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
