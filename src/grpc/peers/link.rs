//! The call to one other node: begun anew after each end, with growing pauses.

use std::{
    collections::HashMap,
    error::Error,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{OptionFuture, ready},
    stream,
};
use tokio::{
    sync::{
        Notify,
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tonic::{Streaming, transport::Endpoint};
use wire::peers::{
    Answers, Commands, ExchangeRequest, ExchangeResponse, Proof, Warm, answers::Came,
    exchange_request::Said as Say, exchange_response::Said, peer_service_client::PeerServiceClient,
};

use super::handshake::{Calling, Identity, Stranger};
use crate::{
    actors::{Parcel, Passed, PassedFuture, WarmFuture},
    events::StreamName,
    ownership::Standing,
    values::{NodeId, millis},
};

/// The largest message between nodes, in bytes: the commands of one call, or their answers.
pub(super) const MESSAGE_MAX: usize = 16 << 20;

/// Bytes that may be on their way and not read.
pub(super) const WINDOW_BYTES: u32 = 16 << 20;

/// How often the other side is asked whether it is there.
const PING_EVERY: Duration = Duration::from_millis(200);

/// A node from which nothing came for so long is suspected, and what came from it and is not decided is
/// left to those to whom it turned.
pub(super) const SILENT_AFTER: Duration = Duration::from_millis(1_000);

/// Connection and handshake may take so long.
const GREETING: Duration = Duration::from_millis(1_000);

/// A node that answers pings and leaves commands unanswered for so long is suspected, too.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// How long a node may take to read what it is to own. Until then it stays where it is.
pub const WARM_WITHIN: Duration = Duration::from_secs(10);

/// First and longest pause before a node is called again.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Messages on their way to the socket. The commands of an aggregate are bounded where they come in.
const OUTBOX: usize = 4_096;

/// What a link knows of its node, and tells it.
pub(super) trait Around: Send + Sync + 'static {
    fn own(&self) -> &Identity;

    /// The other node was heard of in the way that counts.
    fn heard(&self, node: NodeId, standing: Standing);

    /// What this node owns only until that one answers.
    fn waits_for(&self, node: NodeId) -> Vec<StreamName>;

    /// Whether another node is to be suspected for being silent. Without its own store a node cannot do
    /// better than the one that it would suspect.
    fn may_suspect(&self) -> bool;
}

/// The way to one other node.
pub(super) struct Link {
    node: NodeId,
    address: String,
    open: Mutex<Option<Open>>,
    next_tag: AtomicU64,
    forwarded: AtomicU64,
    suspected: AtomicU64,
    /// The first call was answered, or was not.
    was_tried: AtomicBool,
    /// It said that it is being stopped, and has not been met since.
    has_left: AtomicBool,
    /// Why it is not called just now.
    why: Mutex<Option<String>>,
    /// The other node called this one, so it can be called.
    again: Notify,
    /// Nobody needs it any more.
    ends: Notify,
}

/// A call on which the handshake is done.
struct Open {
    outbox: mpsc::Sender<ExchangeRequest>,
    waiting: HashMap<u64, (Instant, oneshot::Sender<Passed>)>,
}

/// Why a call ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error("it does not answer")]
    Silent,
    #[error("it left commands unanswered")]
    Stuck,
    #[error("it ended the call: {0}")]
    HungUp(String),
    #[error("it ended the call after this node did not run")]
    Frozen,
    #[error("it is not needed any more")]
    NotNeeded,
}

impl Link {
    pub(super) fn new(node: NodeId, address: String) -> Self {
        Self {
            node,
            address,
            open: Mutex::new(None),
            next_tag: AtomicU64::new(0),
            forwarded: AtomicU64::new(0),
            suspected: AtomicU64::new(0),
            was_tried: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
            why: Mutex::default(),
            again: Notify::new(),
            ends: Notify::new(),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Commands that were sent, and how often the node was suspected.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.forwarded.load(Ordering::Relaxed), self.suspected.load(Ordering::Relaxed))
    }

    /// Why the last call ended, while there is none.
    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, why: Option<String>) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Whether it is known if the node answers.
    pub(super) fn was_tried(&self) -> bool {
        self.was_tried.load(Ordering::Relaxed)
    }

    /// Calls the node at once, if this link is waiting to do so.
    pub(super) fn call_again(&self) {
        self.again.notify_one();
    }

    /// Ends it for good.
    pub(super) fn end(&self) {
        self.ends.notify_one();
    }

    /// Sends commands behind those before them.
    pub(super) fn pass(&self, parcel: Parcel) -> PassedFuture {
        let Parcel { stream, commands, remaining, turn, must_decide } = parcel;
        let asked = self.ask(|tag| {
            Say::Commands(Commands {
                tag,
                stream: stream.to_string(),
                commands,
                remaining_ms: remaining.and_then(|left| u32::try_from(millis(left)).ok()),
                must_decide,
                turn,
            })
        });
        let Some(answered) = asked else { return Box::pin(ready(Passed::NotSent)) };
        self.forwarded.fetch_add(1, Ordering::Relaxed);
        // The call ended, or nobody waits for it any more.
        Box::pin(async move { answered.await.unwrap_or(Passed::Unknown) })
    }

    /// Has the node read streams that it may own soon; done when it has, or cannot. `None` if it cannot
    /// be told now.
    pub(super) fn warm(&self, streams: &[StreamName]) -> Option<WarmFuture> {
        let streams = streams.iter().map(ToString::to_string).collect();
        let answered = self.ask(|tag| Say::Warm(Warm { tag, streams }))?;
        Some(Box::pin(async move {
            let _ = timeout(WARM_WITHIN, answered).await;
        }))
    }

    /// Says something that is answered under its tag; `None` if it cannot be said.
    fn ask(&self, what: impl FnOnce(u64) -> Say) -> Option<oneshot::Receiver<Passed>> {
        let mut open = self.lock();
        let call = open.as_mut()?;
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        match call.outbox.try_send(say(what(tag))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => return None,
        }
        let (answer, answered) = oneshot::channel();
        call.waiting.insert(tag, (Instant::now(), answer));
        Some(answered)
    }

    /// Calls the node until it is not needed any more.
    pub(super) async fn run(self: Arc<Self>, around: Weak<dyn Around>) {
        let mut pause = PAUSE_MIN;
        let mut ends = pin!(self.ends.notified());
        loop {
            let Some(up) = around.upgrade() else { return };
            let called = Instant::now();
            let ended = tokio::select! {
                () = &mut ends => Ended::NotNeeded,
                ended = self.call(&up) => ended,
            };
            let was_open = self.lock().take().is_some();
            if matches!(ended, Ended::NotNeeded) {
                return;
            }
            let has_left = self.has_left.load(Ordering::Relaxed);
            self.note(Some(ended.to_string()));
            if matches!(ended, Ended::Frozen) {
                // It answers as it did before; only a call that fails says more.
                continue;
            }
            if was_open && !has_left {
                self.suspected.fetch_add(1, Ordering::Relaxed);
                let (node, address) = (self.node, &self.address);
                tracing::warn!(%node, address, why = %ended, "another node is suspected");
            } else {
                let (node, address) = (self.node, &self.address);
                tracing::debug!(%node, address, why = %ended, "another node was not reached");
            }
            // One that said so is not missed.
            if !has_left {
                up.heard(self.node, Standing::Suspected);
            }
            self.was_tried.store(true, Ordering::Relaxed);
            drop(up);
            if called.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
            }
            tokio::select! {
                () = &mut ends => return,
                () = self.again.notified() => pause = PAUSE_MIN,
                () = sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
    }

    /// One call, to its end.
    async fn call(&self, network: &Arc<dyn Around>) -> Ended {
        let (outbox, said) = mpsc::channel(OUTBOX);
        let greeted = timeout(GREETING, self.greet(network.as_ref(), &outbox, said)).await;
        let mut answers = match greeted {
            Ok(Ok(answers)) => answers,
            Ok(Err(ended)) => return ended,
            Err(_late) => return Ended::Silent,
        };
        *self.lock() = Some(Open { outbox: outbox.clone(), waiting: HashMap::new() });
        self.has_left.store(false, Ordering::Relaxed);
        self.note(None);
        // What it is to own it reads first: a command that came earlier would wait for that.
        let mut warm = OptionFuture::from(self.warm(&network.waits_for(self.node))).fuse();
        let (mut heard_at, mut looked_at) = (Instant::now(), Instant::now());
        let mut frozen_until = None;
        let mut ticks = interval(PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut warm => {
                    self.was_tried.store(true, Ordering::Relaxed);
                    // It may have said that it leaves while it read.
                    if !self.has_left.load(Ordering::Relaxed) {
                        network.heard(self.node, Standing::Answers);
                        let (node, address) = (self.node, &self.address);
                        tracing::info!(%node, address, "commands go to another node");
                    }
                }
                said = answers.message() => match said {
                    Ok(Some(ExchangeResponse { said: Some(said) })) => {
                        heard_at = Instant::now();
                        self.hear(said, network.as_ref());
                    }
                    Ok(Some(ExchangeResponse { said: None })) => {}
                    Ok(None) | Err(_)
                        if looked_at.elapsed() > SILENT_AFTER / 2
                            || frozen_until.is_some_and(|until| Instant::now() < until) =>
                    {
                        return Ended::Frozen;
                    }
                    Ok(None) => return Ended::HungUp("without a reason".to_owned()),
                    Err(status) => return Ended::HungUp(status.message().to_owned()),
                },
                _ = ticks.tick() => {
                    let now = Instant::now();
                    // This process itself did not run: what came meanwhile is still to be read.
                    let was_frozen = now.duration_since(looked_at) > SILENT_AFTER / 2;
                    if was_frozen || !network.may_suspect() {
                        heard_at = now;
                    }
                    if was_frozen {
                        frozen_until = Some(now + SILENT_AFTER);
                    }
                    looked_at = now;
                    if now.duration_since(heard_at) > SILENT_AFTER {
                        return Ended::Silent;
                    }
                    if self.is_stuck(now) {
                        return Ended::Stuck;
                    }
                    // A full outbox is being written, and its other end is heard of all the same.
                    drop(outbox.try_send(say(Say::Ping(0))));
                }
            }
        }
    }

    async fn greet(
        &self,
        network: &dyn Around,
        outbox: &mpsc::Sender<ExchangeRequest>,
        said: mpsc::Receiver<ExchangeRequest>,
    ) -> Result<Streaming<ExchangeResponse>, Ended> {
        let unreachable = |error: tonic::transport::Error| Ended::Unreachable(last_cause(&error));
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        let channel = endpoint
            .map_err(unreachable)?
            .connect_timeout(GREETING)
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .connect()
            .await
            .map_err(unreachable)?;
        let mut client = PeerServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX);
        let (calling, hello) = Calling::begin(network.own(), self.node);
        let hung_up = |why: &str| Ended::HungUp(why.to_owned());
        let gone = |_| Ended::HungUp("during the handshake".to_owned());
        outbox.send(say(Say::Hello(hello))).await.map_err(gone)?;
        let answers = client.exchange(stream::unfold(said, next_said)).await;
        let mut answers = answers.map_err(|status| hung_up(status.message()))?.into_inner();
        let mut next = async || match answers.message().await {
            Ok(message) => Ok(message.and_then(|message| message.said)),
            Err(status) => Err(hung_up(status.message())),
        };
        let Some(Said::Challenge(challenge)) = next().await? else {
            return Err(Stranger::Unexpected("no challenge").into());
        };
        let proof = match calling.prove(&challenge) {
            Ok(proof) => proof,
            Err(stranger) => {
                // Without a proof the other side says why, and its operators see the same reason. What
                // it answers is of no use here.
                if stranger == Stranger::WrongSecret {
                    outbox.send(say(Say::Proof(Proof::default()))).await.map_err(gone)?;
                    let _ = next().await;
                }
                return Err(stranger.into());
            }
        };
        outbox.send(say(Say::Proof(proof))).await.map_err(gone)?;
        let Some(Said::Welcome(_)) = next().await? else {
            return Err(Stranger::Unexpected("no welcome").into());
        };
        Ok(answers)
    }

    fn hear(&self, said: Said, network: &dyn Around) {
        match said {
            Said::Answers(Answers { tag, came }) => {
                let passed = match came {
                    Some(Came::Answers(answers)) => Passed::Answers(answers),
                    Some(Came::NotMine(owner)) => {
                        let owner = NodeId::parse("not_mine", &owner).ok();
                        Passed::NotMine(owner)
                    }
                    // It knows an outcome that this node does not; the request ids will tell.
                    None => Passed::Unknown,
                };
                let waiting = self.lock().as_mut().and_then(|open| open.waiting.remove(&tag));
                if let Some((_, answer)) = waiting {
                    // Its caller may have gone.
                    let _ = answer.send(passed);
                }
            }
            Said::Leaving(_) => {
                self.has_left.store(true, Ordering::Relaxed);
                network.heard(self.node, Standing::Leaves);
            }
            Said::Pong(_) | Said::Challenge(_) | Said::Welcome(_) => {}
        }
    }

    fn is_stuck(&self, now: Instant) -> bool {
        let open = self.lock();
        let waiting = open.iter().flat_map(|open| open.waiting.values());
        // Nobody waits any more for a long reading.
        let waiting = waiting.filter(|(_, answer)| !answer.is_closed());
        waiting.map(|(since, _)| now.duration_since(*since)).any(|age| age > ANSWERS_WITHIN)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next_said(
    mut said: mpsc::Receiver<ExchangeRequest>,
) -> Option<(ExchangeRequest, mpsc::Receiver<ExchangeRequest>)> {
    said.recv().await.map(|message| (message, said))
}

/// What is behind an error: the outer ones only say that there was one.
fn last_cause(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), last_cause)
}

fn say(said: Say) -> ExchangeRequest {
    ExchangeRequest { said: Some(said) }
}
