//! The connection to a cluster, recreated after each failure.
//!
//! The official client does not come back from a failed connect, keeps a dead leader and has no
//! timeouts of its own, so it is not trusted to recover: a failed call reports the failure here,
//! and the next call gets a new client. Each client has a runtime of its own, because the tasks
//! that it leaks would otherwise accumulate over a long outage. A new one is created only when a
//! node accepts connections, with a growing pause between attempts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eventstore_client::Client;
use tokio::{
    net::TcpStream,
    runtime::{Builder, Handle, Runtime},
    sync::Mutex,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{nodelay, settings::Settings};

/// How long a node may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// First and longest pause between two tries.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A connection that lasted this long was a good one: the next failure is a new story.
const GOOD: Duration = Duration::from_secs(5);

/// How often to look for connections that are new.
const LOOK_AROUND: Duration = Duration::from_secs(2);

/// Events in a stream say their place in the whole log only from this version on.
const VERSION_MIN: (usize, usize) = (22, 10);

/// A way to the cluster.
pub(super) struct Link {
    pub(super) settings: Settings,
    state: Mutex<State>,
    closed: AtomicBool,
}

struct State {
    current: Option<Arc<Generation>>,
    next: u64,
    pause: Duration,
    not_before: Instant,
    /// No attempt since the last connection failed: the next call waits and tries.
    untried: bool,
    trouble: String,
}

/// One client, valid until a failure is reported.
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) client: Client,
    pub(super) version: String,
    since: Instant,
    /// Where its tasks run, so that they end with it.
    _runtime: OwnRuntime,
}

impl Link {
    pub(super) fn new(settings: Settings) -> Self {
        let state = State {
            current: None,
            next: 1,
            pause: PAUSE_MIN,
            not_before: Instant::now(),
            untried: true,
            trouble: "not connected yet".to_owned(),
        };
        Self { settings, state: Mutex::new(state), closed: AtomicBool::new(false) }
    }

    /// The client to use now.
    ///
    /// # Errors
    /// Why there is none. Nothing was sent.
    pub(super) async fn generation(&self) -> Result<Arc<Generation>, String> {
        if self.closed.load(Ordering::Acquire) {
            return Err("the store is closed".to_owned());
        }
        let mut state = self.state.lock().await;
        if let Some(current) = &state.current {
            return Ok(Arc::clone(current));
        }
        if state.untried {
            sleep_until(state.not_before).await;
        } else if Instant::now() < state.not_before {
            return Err(state.trouble.clone());
        }
        state.untried = false;
        match self.connect(state.next).await {
            Ok(generation) => {
                let generation = Arc::new(generation);
                state.next += 1;
                state.current = Some(Arc::clone(&generation));
                Ok(generation)
            }
            Err(trouble) => {
                state.not_before = Instant::now() + state.pause;
                state.pause = (state.pause * 2).min(PAUSE_MAX);
                state.trouble.clone_from(&trouble);
                tracing::debug!(store = %self.settings.shown, trouble, "it cannot be reached");
                Err(trouble)
            }
        }
    }

    /// This client failed: it is not handed out any more.
    pub(super) async fn failed(&self, number: u64, why: &str) {
        let mut state = self.state.lock().await;
        let Some(current) = state.current.take_if(|current| current.number == number) else {
            return;
        };
        tracing::debug!(store = %self.settings.shown, why, "the connection failed; connecting anew");
        if current.since.elapsed() >= GOOD {
            state.pause = PAUSE_MIN;
            state.not_before = Instant::now();
        } else {
            state.not_before = Instant::now() + state.pause;
            state.pause = (state.pause * 2).min(PAUSE_MAX);
        }
        state.untried = true;
        why.clone_into(&mut state.trouble);
    }

    /// Gives no client any more. What is under way with the current one may still end well.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    async fn connect(&self, number: u64) -> Result<Generation, String> {
        self.knock().await?;
        let runtime = OwnRuntime::new()?;
        // The client starts tasks wherever it is used, so it is used over there from the start.
        let (handle, settings) = (runtime.handle(), self.settings.client.clone());
        let greeting = runtime.handle().spawn(async move {
            let client =
                Client::with_runtime_handle(handle, settings).map_err(|error| error.to_string())?;
            let info = client.server_info().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((client, info))
        });
        let (client, info) = match timeout(self.settings.greeting_timeout(), greeting).await {
            Ok(greeted) => {
                greeted.map_err(|error| error.to_string())?.map_err(|why| self.explained(why))?
            }
            Err(_) => return Err("it accepts connections but does not answer".to_owned()),
        };
        let version = info.version();
        if version < VERSION_MIN {
            let (major, minor) = VERSION_MIN;
            return Err(format!(
                "the server is of version {version}; {major}.{minor} or later is needed"
            ));
        }
        let version = version.to_string();
        runtime.handle().spawn(hurry_pieces());
        Ok(Generation { number, client, version, since: Instant::now(), _runtime: runtime })
    }

    /// The client says of every failed handshake only that it did not connect.
    fn explained(&self, why: String) -> String {
        if !why.contains("client error (Connect)") {
            return why;
        }
        let problem = match self.settings.client.is_secure_mode_enabled() {
            true => {
                "there is no TLS with it: its certificate is not trusted (tlsCaFile names the \
                 authority's), or it speaks without (tls=false)"
            }
            false => "it does not speak the protocol",
        };
        format!("it accepts connections, but {problem}")
    }

    /// Whether any of the nodes accepts connections.
    async fn knock(&self) -> Result<(), String> {
        let mut why = "the connection string names no host".to_owned();
        for (host, port) in self.settings.seeds() {
            let host = host.trim_matches(['[', ']']);
            match timeout(CONNECT, TcpStream::connect((host, port))).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => why = format!("{host}:{port}: {error}"),
                Err(_) => why = format!("{host}:{port} does not answer"),
            }
        }
        Err(why)
    }
}

/// Sees to it that no connection waits with small pieces: also one that the client makes later.
async fn hurry_pieces() {
    loop {
        if let Err(error) = nodelay::everywhere() {
            tracing::info!(%error, "Nagle's algorithm stays on towards the store: reads take longer");
            return;
        }
        sleep(LOOK_AROUND).await;
    }
}

/// A runtime that may be dropped anywhere, also while connecting: its tasks end by themselves, and
/// the drop does not wait for them.
struct OwnRuntime(Option<Runtime>, Handle);

impl OwnRuntime {
    fn new() -> Result<Self, String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-client")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    fn handle(&self) -> Handle {
        self.1.clone()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
