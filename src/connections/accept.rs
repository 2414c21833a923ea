//! Taking connections, also while the system has no descriptor for one.

use std::{io, time::Duration};

use rustix::io::Errno;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use super::peers::Peers;

/// Pause after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(20);

/// How often that is logged.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Takes the next connection. Where descriptors run out, one of `peers` without a call is cut, and
/// the next connection is taken with what that leaves.
pub async fn accept(listener: &TcpListener, peers: &Peers) -> TcpStream {
    let mut said: Option<Instant> = None;
    loop {
        let error = match listener.accept().await {
            Ok((stream, _peer)) => return stream,
            Err(error) => error,
        };
        if is_of_the_peer(&error) {
            continue;
        }
        if said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
            let open = peers.count();
            tracing::warn!(%error, open, "a connection was not accepted");
            said = Some(Instant::now());
        }
        peers.make_room();
        sleep(PAUSE).await;
    }
}

/// Errors of a connection that ended before it was taken.
fn is_of_the_peer(error: &io::Error) -> bool {
    let gone = [Errno::CONNABORTED, Errno::CONNRESET, Errno::INTR, Errno::PERM];
    Errno::from_io_error(error).is_some_and(|error| gone.contains(&error))
}
