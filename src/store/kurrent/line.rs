//! The session that appends go through, begun anew after each end.
//!
//! A node is asked whether it leads before anything is sent to it: what is refused before that was
//! certainly not written.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    names::NO_STREAM,
    nodes::{Ended, Node, Nodes},
    session::Session,
};
use crate::store::wire::client::{
    Nothing, StreamIdentifier,
    streams::{ReadReq, read_req, read_req::options},
};

/// How long a node may take to accept a connection and to say that it leads.
const GREETING: Duration = Duration::from_secs(3);

/// First and longest pause between two tries.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// The way of appends to the leader.
pub(super) struct Line {
    current: RwLock<Option<Arc<Session>>>,
    opening: Mutex<Opening>,
    closed: AtomicBool,
}

struct Opening {
    nodes: Nodes,
    pause: Duration,
    not_before: Instant,
    trouble: String,
}

impl Line {
    pub(super) fn new(nodes: Nodes) -> Self {
        let opening = Opening {
            nodes,
            pause: PAUSE_MIN,
            not_before: Instant::now(),
            trouble: "not connected yet".to_owned(),
        };
        Self {
            current: RwLock::new(None),
            opening: Mutex::new(opening),
            closed: AtomicBool::new(false),
        }
    }

    /// The session to use now. One task begins it, the others wait.
    ///
    /// # Errors
    /// Why there is none. Nothing was sent.
    pub(super) async fn session(&self, runtime: &Handle) -> Result<Arc<Session>, String> {
        if self.is_closed() {
            return Err("the store is closed".to_owned());
        }
        if let Some(Ok(session)) = self.known() {
            return Ok(session);
        }
        let mut opening = self.opening.lock().await;
        match self.known() {
            Some(Ok(session)) => return Ok(session),
            Some(Err(ended)) => {
                tracing::debug!(why = %ended.clone().why(), "a session of appends ended");
                opening.nodes.look_elsewhere(&ended);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
            None => {}
        }
        if Instant::now() < opening.not_before {
            return Err(opening.trouble.clone());
        }
        match opening.find_leader().await {
            Ok(node) => {
                let session = Arc::new(Session::begin(node, runtime));
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Some(Arc::clone(&session));
                Ok(session)
            }
            Err(trouble) => {
                tracing::debug!(trouble, "there is no session of appends");
                opening.not_before = Instant::now() + opening.pause;
                opening.pause = (opening.pause * 2).min(PAUSE_MAX);
                opening.trouble.clone_from(&trouble);
                Err(trouble)
            }
        }
    }

    /// Gives no session any more. The one that there is stays: a server loses answers once it is
    /// told that nothing more comes.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The session that there is, or why it ended.
    fn known(&self) -> Option<Result<Arc<Session>, Ended>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let session = current.as_ref()?;
        Some(session.ended().map_or_else(|| Ok(Arc::clone(session)), Err))
    }
}

impl Opening {
    /// A connection to the node that leads. Each node is asked once, and once more the one that
    /// another one names.
    async fn find_leader(&mut self) -> Result<Node, String> {
        let mut why = String::new();
        for _ in 0..=self.nodes.seeds() {
            let ended = match timeout(GREETING, greet(&self.nodes)).await {
                Ok(Ok(node)) => {
                    self.pause = PAUSE_MIN;
                    return Ok(node);
                }
                Ok(Err(ended)) => ended,
                Err(_) => Ended::Failed("it accepts connections but does not answer".to_owned()),
            };
            self.nodes.look_elsewhere(&ended);
            why = ended.why();
        }
        Err(why)
    }
}

/// Connects, and asks something that only a leader answers.
async fn greet(nodes: &Nodes) -> Result<Node, Ended> {
    let node = nodes.connect().await?;
    let mut answer = node.clone().read(question()).await?;
    match answer.message().await {
        Ok(_) => Ok(node),
        Err(status) => Err(Ended::of(&status)),
    }
}

fn question() -> ReadReq {
    let stream_name = NO_STREAM.as_bytes().to_vec();
    let end = options::stream_options::RevisionOption::End(Nothing {});
    let text = options::uuid_option::Content::String(Nothing {});
    ReadReq {
        options: Some(read_req::Options {
            stream_option: Some(options::StreamOption::Stream(options::StreamOptions {
                stream_identifier: Some(StreamIdentifier { stream_name }),
                revision_option: Some(end),
            })),
            read_direction: options::ReadDirection::Backwards.into(),
            resolve_links: false,
            count_option: Some(options::CountOption::Count(1)),
            filter_option: Some(options::FilterOption::NoFilter(Nothing {})),
            uuid_option: Some(options::UuidOption { content: Some(text) }),
            control_option: None,
        }),
    }
}
