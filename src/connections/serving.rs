//! Connections of any protocol on a listener: bounded in number and in how long they may be silent,
//! idle or unread, and a stop ends all of them in time.
//!
//! Calls that are open are not cut: a connection ends because it does not begin in time, because it
//! has had no call for long, because its peer is gone, or because it takes nothing of what it is
//! sent.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, interval},
};

use super::{
    accept::accept,
    peers::{Peer, Peers, Seat},
    phase::Phase,
};

/// A connection that takes nothing of what it is sent for this long is closed.
const STALL_LASTS: Duration = Duration::from_secs(60);

/// A connection that was told to go is closed after this long without a call, and looked at this
/// often until then.
const LEAVING_LASTS: Duration = Duration::from_secs(1);
const LEAVING_LOOKS: Duration = Duration::from_millis(250);

/// How often a refused connection is logged.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What one connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once, where the protocol allows several.
    pub calls_max: u32,
    /// How long it may take to send its preface or its first head.
    pub start_lasts: Duration,
    /// How long it may be there without a call.
    pub idle_lasts: Duration,
}

impl Limits {
    /// How often a connection is looked at.
    fn look_every(&self) -> Duration {
        (self.start_lasts.min(self.idle_lasts) / 4).max(Duration::from_millis(20))
    }
}

/// A connection as its protocol serves it.
pub(super) trait Conversation: Future<Output = hyper::Result<()>> {
    /// Takes no more calls and ends with the last one.
    fn leave(self: Pin<&mut Self>);
}

/// Serves until the phase is not [`Phase::Serving`] any more, and returns when the last connection
/// is closed. `begin` speaks the protocol on a connection.
pub(super) async fn serve<C: Conversation + Send + 'static>(
    listener: TcpListener,
    peers: Arc<Peers>,
    limits: Limits,
    mut phase: watch::Receiver<Phase>,
    begin: impl Fn(TcpStream, &Arc<Peer>) -> C,
) {
    // Each connection holds a sender: when none is left, all are closed.
    let (open, mut closed) = mpsc::channel::<()>(1);
    let mut refused: Option<Instant> = None;
    loop {
        let stream = tokio::select! {
            biased;
            // An error means that the sender is gone, which is the same as a stop.
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => break,
            stream = accept(&listener, &peers) => stream,
        };
        let Some(seat) = peers.admit() else {
            if refused.is_none_or(|refused| refused.elapsed() >= SAID_EVERY) {
                tracing::warn!(open = peers.count(), "connections are refused: all have calls");
                refused = Some(Instant::now());
            }
            continue;
        };
        // Without it every small answer waits for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let connection = begin(stream, seat.peer());
        let (phase, open) = (phase.clone(), open.clone());
        tokio::spawn(async move {
            converse(connection, seat, limits, phase).await;
            drop(open);
        });
    }
    drop((listener, open));
    closed.recv().await;
}

/// One connection, until it ends or has to.
async fn converse<C: Conversation>(
    connection: C,
    seat: Seat,
    limits: Limits,
    mut phase: watch::Receiver<Phase>,
) {
    let mut connection = std::pin::pin!(connection);
    let mut looks = looks_every(limits.look_every());
    let mut told_to_go: Option<Instant> = None;
    let mut known = Phase::Serving;
    let peer = Arc::clone(seat.peer());
    loop {
        tokio::select! {
            // The connection last: one that always has something to read must not hide the others.
            biased;
            () = peer.cut() => return,
            told = phase.wait_for(|phase| *phase > known) => {
                // An error means that the sender is gone.
                known = told.map_or(Phase::Over, |phase| *phase);
                if known == Phase::Over || peer.unknown_for().is_some() {
                    return;
                }
                told_to_go.get_or_insert_with(Instant::now);
                looks = looks_every(LEAVING_LOOKS);
                connection.as_mut().leave();
            }
            _ = looks.tick() => {
                if peer.unknown_for().is_some_and(|age| age >= limits.start_lasts)
                    || peer.stalled_for().is_some_and(|age| age >= STALL_LASTS)
                {
                    return;
                }
                let Some(idle) = peer.idle_for() else { continue };
                match told_to_go {
                    // One that had a call since then closes when its last answer was sent.
                    Some(told) if told.elapsed() >= LEAVING_LASTS && idle >= told.elapsed() => return,
                    Some(_) => {}
                    None if idle >= limits.idle_lasts => {
                        told_to_go = Some(Instant::now());
                        looks = looks_every(LEAVING_LOOKS);
                        connection.as_mut().leave();
                    }
                    None => {}
                }
            }
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
        }
    }
}

fn looks_every(pause: Duration) -> Interval {
    let mut looks = interval(pause);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}
