//! Takes the commands of other nodes, on a listener of its own.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, future::ready, stream};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tonic::{Request, Response, Status, Streaming, async_trait, transport::Server};
use wire::peers::{
    Answers, Commands, ExchangeRequest, ExchangeResponse, Leaving, Warm, Welcome,
    answers::Came,
    exchange_request::Said,
    exchange_response::Said as Say,
    peer_service_server::{PeerService, PeerServiceServer},
};

use super::{
    handshake::{Answering, Stranger},
    link::{Around as _, MESSAGE_MAX, SILENT_AFTER, WINDOW_BYTES},
    network::PeerNetwork,
};
use crate::{
    actors::{IncomingCall, OtherNodes as _, Parcel, Passed, TakesParcels},
    events::StreamName,
    values::NodeId,
};

/// A caller may take so long for each step of the handshake.
const STEP_WITHIN: Duration = Duration::from_secs(2);

/// A connection on which nothing comes is asked whether it is alive.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Streams that are read at once because they may be owned here soon.
const WARMED_AT_ONCE: usize = 16;

/// Answers of one caller on their way to the socket.
const OUTBOX: usize = 4_096;

/// The server for other nodes.
pub struct PeerServer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Takes commands of other nodes for these aggregates.
pub fn serve(
    listener: TcpListener,
    network: Arc<PeerNetwork>,
    aggregates: Arc<dyn TakesParcels>,
) -> PeerServer {
    let (stop, stopped) = oneshot::channel();
    let service = PeerServiceServer::new(Peers { network, aggregates })
        .max_decoding_message_size(MESSAGE_MAX)
        .max_encoding_message_size(MESSAGE_MAX);
    let task = tokio::spawn(async move {
        let incoming = stream::unfold(listener, async |listener| {
            let accepted = listener.accept().await.map(|(stream, _)| stream);
            Some((accepted, listener))
        });
        let served = Server::builder()
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .add_service(service)
            .serve_with_incoming(incoming);
        tokio::select! {
            served = served => {
                if let Err(error) = served {
                    tracing::error!(%error, "other nodes are not served any more");
                }
            }
            _ = stopped => {}
        }
    });
    PeerServer { stop, task }
}

impl PeerServer {
    /// Ends all calls.
    pub async fn stop(self) {
        // An error means that it has ended already.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

struct Peers {
    network: Arc<PeerNetwork>,
    aggregates: Arc<dyn TakesParcels>,
}

type Outbox = mpsc::Sender<Result<ExchangeResponse, Status>>;

#[async_trait]
impl PeerService for Peers {
    type ExchangeStream =
        Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send + 'static>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let from = request.remote_addr();
        let (outbox, answers) = mpsc::channel(OUTBOX);
        let call = Call {
            network: Arc::clone(&self.network),
            aggregates: Arc::clone(&self.aggregates),
            said: request.into_inner(),
            outbox,
        };
        tokio::spawn(async move {
            let outbox = call.outbox.clone();
            if let Err(stranger) = call.run().await {
                tracing::warn!(?from, why = %stranger, "a call of another node was refused");
                let _ = outbox.send(Err(Status::unauthenticated(stranger.to_string()))).await;
            }
        });
        let answers = stream::unfold(answers, async |mut answers| {
            answers.recv().await.map(|answer| (answer, answers))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// One call of another node.
struct Call {
    network: Arc<PeerNetwork>,
    aggregates: Arc<dyn TakesParcels>,
    said: Streaming<ExchangeRequest>,
    outbox: Outbox,
}

impl Call {
    async fn run(mut self) -> Result<(), Stranger> {
        let Some(Said::Hello(hello)) = self.next_step().await else {
            return Err(Stranger::Unexpected("no hello"));
        };
        let (answering, challenge) = Answering::begin(self.network.own(), &hello)?;
        self.say(Say::Challenge(challenge)).await;
        let Some(Said::Proof(proof)) = self.next_step().await else {
            return Err(Stranger::Unexpected("no proof"));
        };
        let caller = answering.judge(&proof)?;
        self.say(Say::Welcome(Welcome {})).await;
        tracing::info!(node = %caller, "another node sends commands");
        let received = self.network.called_by(caller);
        let mut incoming = IncomingCall::new(SILENT_AFTER);
        self.take_commands(caller, &received, &mut incoming).await;
        incoming.lifeline.end();
        Ok(())
    }

    async fn take_commands(
        mut self,
        caller: NodeId,
        received: &AtomicU64,
        incoming: &mut IncomingCall,
    ) {
        let mut changes = self.network.changes();
        let mut has_left = false;
        loop {
            if !has_left && self.network.is_leaving() {
                has_left = true;
                self.say(Say::Leaving(Leaving {})).await;
            }
            tokio::select! {
                said = self.said.message() => match said {
                    // What comes after a silence was given up by its caller.
                    _ if !incoming.lifeline.hears() => {
                        let silent = Status::unavailable("nothing came from you for too long");
                        let _ = self.outbox.try_send(Err(silent));
                        return;
                    }
                    Ok(Some(ExchangeRequest { said: Some(said) })) => {
                        if matches!(said, Said::Commands(_)) {
                            received.fetch_add(1, Ordering::Relaxed);
                        }
                        self.hear(caller, said, incoming).await;
                    }
                    Ok(Some(ExchangeRequest { said: None })) => {}
                    // It has gone, and calls again if it wants.
                    Ok(None) | Err(_) => return,
                },
                changed = changes.changed(), if !has_left => if changed.is_err() {
                    return;
                },
            }
        }
    }

    async fn hear(&self, caller: NodeId, said: Said, incoming: &mut IncomingCall) {
        match said {
            Said::Commands(commands) => self.take(commands, incoming),
            Said::Warm(warm) => self.warm(caller, warm),
            Said::Ping(number) => self.say(Say::Pong(number)).await,
            Said::Hello(_) | Said::Proof(_) => {}
        }
    }

    /// Puts commands where they are decided, in the order in which they come.
    fn take(&self, commands: Commands, incoming: &mut IncomingCall) {
        let Commands { tag, stream, commands, remaining_ms, must_decide, turn } = commands;
        let remaining = remaining_ms.map(|ms| Duration::from_millis(ms.into()));
        let passed = match StreamName::parse(&stream) {
            Some(stream) => {
                let parcel = Parcel { stream, commands, remaining, turn, must_decide };
                self.aggregates.take(parcel, incoming)
            }
            None => {
                tracing::error!(stream, "another node asks for what no node has");
                Box::pin(ready(Passed::NotMine(None)))
            }
        };
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            let came = match passed.await {
                Passed::Answers(answers) => Some(Came::Answers(answers)),
                Passed::NotMine(owner) => {
                    Some(Came::NotMine(owner.map(|node| node.to_string()).unwrap_or_default()))
                }
                Passed::NotSent | Passed::Unknown => None,
            };
            // Its node may have gone.
            let answers = Answers { tag, came };
            let _ = outbox.send(Ok(ExchangeResponse { said: Some(Say::Answers(answers)) })).await;
        });
    }

    /// Reads what may be owned here soon, and says when that is done.
    fn warm(&self, caller: NodeId, Warm { tag, streams }: Warm) {
        let (network, outbox) = (Arc::clone(&self.network), self.outbox.clone());
        let aggregates = Arc::clone(&self.aggregates);
        tokio::spawn(async move {
            let named: Vec<_> = streams.iter().filter_map(|name| StreamName::parse(name)).collect();
            let read = stream::iter(named).map(|stream| aggregates.warm(stream));
            read.buffer_unordered(WARMED_AT_ONCE).for_each(ready).await;
            network.was_warmed_by(caller);
            // Its node may have gone.
            let answers = Answers { tag, came: None };
            let _ = outbox.send(Ok(ExchangeResponse { said: Some(Say::Answers(answers)) })).await;
        });
    }

    async fn next_step(&mut self) -> Option<Said> {
        match timeout(STEP_WITHIN, self.said.message()).await {
            Ok(Ok(Some(message))) => message.said,
            Ok(Ok(None) | Err(_)) | Err(_) => None,
        }
    }

    async fn say(&self, said: Say) {
        // Its node may have gone.
        let _ = self.outbox.send(Ok(ExchangeResponse { said: Some(said) })).await;
    }
}
