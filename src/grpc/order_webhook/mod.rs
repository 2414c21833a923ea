//! The webhook that order events are sent to: what `FollowOrders` tells, as signed requests.
//!
//! It follows the log from where it was left, so that an outage of any length loses nothing and takes no
//! memory: a bounded number of events is read ahead of the oldest one that is not delivered. Events of one
//! order are delivered one after the other, those of different orders several at once. A delivery is tried
//! until it is accepted. One that fails again and again while others are accepted is set aside, with all
//! that follow of its order, until an operator has them sent again.

mod aside;
mod letter;
mod receiver;
mod saved;
mod window;

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, OptionFuture},
    pin_mut,
    stream::FuturesUnordered,
};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify, Semaphore, mpsc},
    time::{MissedTickBehavior, interval, sleep},
};
use tonic::{Code, Status};

pub use receiver::is_private;
pub use saved::BadSaved;

use self::{
    letter::{Letter, Writer},
    receiver::{Receiver, Refused},
    saved::{Failed, Paused, Saved},
    window::Window,
};
use super::{
    ReadSide,
    proto::{self, FollowOrdersRequest, FollowOrdersResponse},
    selling::follow::{Follower, kind_named},
    status::CallError,
};
use crate::{
    clock::{SharedClock, new_request_id},
    metrics::{DeliveryResult, Metrics},
    values::{UnixMs, number_of},
};

/// First and longest pause before the next attempt; each is twice the one before, less up to a half.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What is retried here is not the receiver.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Attempts under way at once. A delivery that pauses before its next attempt is none.
const AT_ONCE: usize = 16;

/// Messages of the stream that wait to be taken.
const READ_AHEAD: usize = 16;

/// How often it is written down how far it has come, at most. What was delivered since is repeated after a
/// crash.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// What the settings say.
pub struct OrderWebhookSettings {
    pub url: String,
    pub secret_file: PathBuf,
    /// Names of kinds in lower case; all if empty.
    pub kinds: Vec<String>,
    /// Whether the receiver may be on a private address.
    pub may_be_private: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Failed attempts after which a delivery is set aside, while others are accepted.
    pub attempts: u64,
    /// The data directory.
    pub data: PathBuf,
}

/// The webhook of a node.
pub struct OrderWebhook {
    receiver: Receiver,
    writer: Writer,
    kinds: Vec<i32>,
    attempts: u64,
    data: PathBuf,
    saved: Mutex<Saved>,
    /// `saved` was changed by an operator.
    changed: Notify,
    accepted: AtomicU64,
    attempts_at_once: Semaphore,
    /// Held while it is written down how far it has come.
    saving: AsyncMutex<()>,
    failing: Mutex<Failing>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

/// How attempts went last.
#[derive(Default)]
struct Failing {
    since: Option<UnixMs>,
    why: String,
}

/// What became of a delivery.
enum Outcome {
    Accepted,
    SetAside(String),
    Gone,
}

/// Why nothing more is sent for now.
enum Ended {
    Stops,
    IsPaused,
}

type Sending = FuturesUnordered<BoxFuture<'static, (u64, Arc<Letter>, Outcome)>>;

impl OrderWebhook {
    /// # Errors
    /// When a setting or the file with how far it has come is refused.
    pub fn new(
        settings: OrderWebhookSettings,
        clock: SharedClock,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let OrderWebhookSettings {
            url,
            secret_file,
            kinds,
            may_be_private,
            timeout,
            attempts,
            data,
        } = settings;
        let kind = |name: &String| {
            let kind = kind_named(name);
            kind.map(i32::from).ok_or_else(|| anyhow::anyhow!("{name:?} is no kind of event"))
        };
        Ok(Self {
            receiver: Receiver::new(
                &url,
                secret_file,
                timeout,
                may_be_private,
                Arc::clone(&clock),
            )?,
            writer: Writer::new()?,
            kinds: kinds.iter().map(kind).collect::<Result<_, _>>()?,
            attempts: attempts.max(1),
            saved: Mutex::new(Saved::read(&data)?.unwrap_or_default()),
            data,
            changed: Notify::new(),
            accepted: AtomicU64::new(0),
            attempts_at_once: Semaphore::new(AT_ONCE),
            saving: AsyncMutex::default(),
            failing: Mutex::default(),
            clock,
            metrics,
        })
    }

    /// Sends until the server stops.
    pub async fn run(self: Arc<Self>, reads: ReadSide) {
        loop {
            while self.lock().paused.is_some() {
                self.changed.notified().await;
            }
            match self.send_on(&reads).await {
                Ok(Ended::Stops) => {
                    self.save().await;
                    return;
                }
                Ok(Ended::IsPaused) => {}
                Err(status) if status.code() == Code::FailedPrecondition => {
                    self.pause(Paused::LogChanged)
                }
                Err(status) => {
                    tracing::warn!(why = status.message(), "the order webhook cannot read on");
                    sleep(AGAIN_AFTER).await;
                }
            }
            self.save().await;
        }
    }

    /// Delivers what the log says, until it is paused.
    async fn send_on(self: &Arc<Self>, reads: &ReadSide) -> Result<Ended, Status> {
        let mut told = self.follow(reads).await?;
        let (mut window, mut sending) = (Window::default(), Sending::new());
        let mut again: OptionFuture<BoxFuture<'static, ()>> = None.into();
        let mut is_again = false;
        let mut save_tick = interval(SAVE_EVERY);
        save_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.dispatch(&mut window, &mut sending);
            if let Some((token, position)) = window.settle()
                && self.comes_to(token, position)
            {
                // From here on a crash repeats deliveries and leaves none out.
                self.save().await;
            }
            if !is_again && self.lock().failed.iter().any(|failed| failed.again) {
                let (webhook, reads) = (Arc::clone(self), reads.clone());
                let sent: BoxFuture<'static, ()> =
                    Box::pin(async move { webhook.send_again(&reads).await });
                (again, is_again) = (Some(sent).into(), true);
            }
            tokio::select! {
                next = told.recv(), if window.has_room() => match next {
                    None => return Ok(Ended::Stops),
                    Some(next) => self.take(next?, &mut window)?,
                },
                Some((number, letter, outcome)) = sending.next() => match outcome {
                    Outcome::Accepted => window.done(number),
                    Outcome::SetAside(why) => {
                        self.set_aside(&letter, why);
                        window.done(number);
                    }
                    Outcome::Gone => self.pause(Paused::Gone),
                },
                Some(()) = &mut again, if is_again => is_again = false,
                () = self.changed.notified() => {}
                _ = save_tick.tick() => self.save().await,
            }
            if self.lock().paused.is_some() {
                return Ok(Ended::IsPaused);
            }
        }
    }

    /// Everything before that token is delivered or set aside. Whether it is the first one.
    fn comes_to(&self, token: String, position: Option<u64>) -> bool {
        let mut saved = self.lock();
        saved.position = position.unwrap_or(saved.position);
        std::mem::replace(&mut saved.token, token).is_empty()
    }

    /// The messages of the stream from where it was left; where it never ran, from now on.
    async fn follow(
        &self,
        reads: &ReadSide,
    ) -> Result<mpsc::Receiver<Result<FollowOrdersResponse, Status>>, Status> {
        let resume_token = self.lock().token.clone();
        let kinds = self.kinds.clone();
        let request = FollowOrdersRequest { resume_token, kinds, ..Default::default() };
        let stream = Follower::start(reads.clone(), &request, None).await?.stream();
        let (tell, told) = mpsc::channel(READ_AHEAD);
        tokio::spawn(async move {
            pin_mut!(stream);
            while let Some(next) = stream.next().await {
                // It is paused, or cannot go on.
                if next.is_err() | tell.send(next).await.is_err() {
                    return;
                }
            }
        });
        Ok(told)
    }

    fn take(&self, next: FollowOrdersResponse, window: &mut Window) -> Result<(), Status> {
        let letter = next.event.map(|event| self.writer.letter(event)).transpose();
        let letter =
            letter.map_err(|why| CallError::internal("an event could not be written", &why))?;
        window.push(next.resume_token, letter);
        Ok(())
    }

    /// Begins the deliveries of all orders in the window of which none is under way.
    fn dispatch(self: &Arc<Self>, window: &mut Window, sending: &mut Sending) {
        while let Some((number, letter)) = window.take() {
            if self.is_aside(letter.key()) {
                self.set_aside(&letter, "waits for the event of its order before it".to_owned());
                window.done(number);
                continue;
            }
            let webhook = Arc::clone(self);
            sending.push(Box::pin(async move {
                let outcome = webhook.deliver(&letter).await;
                (number, letter, outcome)
            }));
        }
    }

    /// Tries until it is accepted. A receiver that accepts nothing at all is away, which is not the fault
    /// of the event.
    async fn deliver(&self, letter: &Letter) -> Outcome {
        let accepted_before = self.accepted.load(Ordering::Relaxed);
        let (mut pause, mut attempt) = (PAUSE_MIN, 0);
        loop {
            attempt += 1;
            // Only what is being tried counts: others are tried while this one pauses.
            let permit = self.attempts_at_once.acquire().await;
            let tried = self.try_once(letter).await;
            drop(permit);
            let is_of_event = matches!(tried, Err(Refused::Event(_)));
            let why = match tried {
                Ok(()) => return Outcome::Accepted,
                Err(Refused::Gone) => return Outcome::Gone,
                Err(Refused::Event(why) | Refused::Other(why)) => why,
            };
            let others = self.accepted.load(Ordering::Relaxed) > accepted_before;
            if attempt >= self.attempts && (others || is_of_event) {
                self.metrics.delivery(DeliveryResult::GivenUp);
                return Outcome::SetAside(why);
            }
            self.metrics.delivery(DeliveryResult::Retried);
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn try_once(&self, letter: &Letter) -> Result<(), Refused> {
        let sent = self.receiver.send(letter).await;
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match &sent {
            Ok(()) => {
                self.accepted.fetch_add(1, Ordering::Relaxed);
                self.metrics.delivery(DeliveryResult::Delivered);
                *failing = Failing::default();
            }
            Err(Refused::Gone) => failing.why = "it answered 410 Gone".to_owned(),
            Err(Refused::Event(why) | Refused::Other(why)) => {
                if failing.since.is_none() {
                    failing.since = Some(self.clock.now());
                    tracing::warn!(why, "the order webhook is not accepted; it is tried again");
                }
                failing.why.clone_from(why);
            }
        }
        sent
    }

    fn pause(&self, why: Paused) {
        tracing::error!(why = why.word(), "the order webhook is paused");
        self.lock().paused = Some((why, self.clock.now().0));
    }

    /// Writes down how far it has come.
    async fn save(&self) {
        let _saving = self.saving.lock().await;
        let (saved, data) = (self.lock().clone(), self.data.clone());
        let written = tokio::task::spawn_blocking(move || saved.write(&data)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "how far the order webhook has come cannot be saved");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Saved> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What operators ask of it.
impl OrderWebhook {
    pub(super) fn shown(&self) -> proto::OrderWebhook {
        let saved = self.lock();
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        proto::OrderWebhook {
            origin: self.receiver.url.origin().ascii_serialization(),
            kinds: self.kinds.clone(),
            position: saved.position,
            paused: saved.paused.map(|(why, _)| why.word().to_owned()).unwrap_or_default(),
            pause_time: saved.paused.map(|(_, at)| super::convert::timestamp(UnixMs(at))),
            failing_since_time: failing.since.map(super::convert::timestamp),
            last_error: failing.why.clone(),
            failed: number_of(saved.failed.len()),
            delivered: self.accepted.load(Ordering::Relaxed),
        }
    }

    pub(super) fn failed(&self) -> Vec<proto::FailedDelivery> {
        let shown = |failed: &Failed| proto::FailedDelivery {
            event_id: failed.event_id.clone(),
            position: failed.position,
            kind: failed.kind,
            item_id: failed.item_id.clone(),
            order_id: failed.order_id.clone(),
            error: failed.why.clone(),
            fail_time: Some(super::convert::timestamp(UnixMs(failed.at_ms))),
        };
        self.lock().failed.iter().map(shown).collect()
    }

    /// Has deliveries sent again, with those of their orders before them; all if none is named. How many
    /// are, or the place of one that is not set aside.
    pub(super) async fn resend(&self, event_ids: &[String]) -> Result<i64, usize> {
        let count = {
            let mut saved = self.lock();
            let mut keys = HashSet::new();
            for (place, id) in event_ids.iter().enumerate() {
                let failed = saved.failed.iter().find(|failed| failed.event_id == *id);
                keys.insert(failed.ok_or(place)?.key().to_owned());
            }
            let mut count = 0;
            for failed in &mut saved.failed {
                if keys.is_empty() || keys.contains(failed.key()) {
                    failed.again = true;
                    count += 1;
                }
            }
            count
        };
        self.save().await;
        self.changed.notify_one();
        Ok(count)
    }

    pub(super) async fn set_paused(&self, paused: bool) -> proto::OrderWebhook {
        {
            let mut saved = self.lock();
            if !paused {
                if let Some((Paused::LogChanged, _)) = saved.paused {
                    // Nothing tells what was missed: it begins with what happens from now on.
                    saved.token = String::new();
                }
                saved.paused = None;
            } else if saved.paused.is_none() {
                saved.paused = Some((Paused::Operator, self.clock.now().0));
            }
        }
        self.save().await;
        self.changed.notify_one();
        self.shown()
    }
}

/// A pause less up to a half of it, so that many deliveries do not come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    let [.., random] = *new_request_id().0.as_bytes();
    pause / 2 + pause / 2 * u32::from(random) / 255
}
