//! A node without a server of ours: it takes the calls of real nodes and answers what a test says, and it
//! calls them and says what a test says.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use doorbuster::{
    clock,
    events::{Category, NodeAnnounced, NodeEvent, SERVICE, StreamName, encode},
    grpc::peers::WIRE,
    store::{EventStore as _, Expected, embedded::EmbeddedStore},
    values::NodeId,
};
use futures_util::stream::{self, BoxStream};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Endpoint, Server},
};
use uuid::Uuid;
use wire::peers::{
    Answers, Challenge, Commands, ExchangeRequest, ExchangeResponse, Hello, Proof, Warm, Welcome,
    answers::Came,
    exchange_request::Said as Say,
    exchange_response::Said,
    peer_service_client::PeerServiceClient,
    peer_service_server::{PeerService, PeerServiceServer},
};

use crate::support::{OPENS_AT, PATIENCE};

/// What [`among`](crate::ownership::pair::among) writes for the word `secret`.
pub fn secret() -> Vec<u8> {
    format!("{:0>40}", "secret").into_bytes()
}

const NONCE: [u8; 32] = [7; 32];

/// Waits for what a test cannot go on without.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("{what} never came"))
}

/// What both sides of a call said, caller first.
#[derive(Clone)]
pub struct Spoken {
    pub nonces: [Vec<u8>; 2],
    pub nodes: [Uuid; 2],
    pub wires: [u32; 2],
}

impl Spoken {
    /// The proof of the side that `word` stands for, as docs/adr/0013 and the code of the handshake have it.
    pub fn mac(&self, secret: &[u8], word: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(format!("doorbuster peer {word:<8}").as_bytes());
        for side in 0..2 {
            mac.update(&self.nonces[side]);
            mac.update(self.nodes[side].as_bytes());
            mac.update(&self.wires[side].to_be_bytes());
        }
        mac.finalize().into_bytes().to_vec()
    }
}

/// The node.
pub struct ByHand {
    pub node_id: NodeId,
    pub address: String,
    commands: mpsc::UnboundedReceiver<Asked>,
    pings: watch::Receiver<u64>,
    is_shut: Arc<AtomicBool>,
}

/// Commands that a real node sent to it.
pub struct Asked {
    pub commands: Commands,
    outbox: Outbox,
}

type Outbox = mpsc::Sender<Result<ExchangeResponse, Status>>;

impl Asked {
    async fn answer(self, came: Came) {
        let said = Said::Answers(Answers { tag: self.commands.tag, came: Some(came) });
        self.outbox.send(Ok(ExchangeResponse { said: Some(said) })).await.unwrap();
    }

    /// Nothing was decided, and who the owner is is not known.
    pub async fn refuse(self) {
        self.answer(Came::NotMine(String::new())).await;
    }

    /// Nothing was decided because of this.
    pub async fn meets(self, fault: &str) {
        let json = serde_json::json!({ "Err": fault }).to_string();
        self.answer(Came::Answers(json.into())).await;
    }

    /// Ends the call on which they came.
    pub async fn hang_up(self) {
        self.outbox.send(Err(Status::unavailable("ended by a test"))).await.unwrap();
    }
}

impl ByHand {
    /// One that knows the secret.
    pub async fn start() -> Self {
        Self::start_as(None, secret()).await
    }

    /// One that says it is another node than was announced, or makes its proofs with another secret.
    pub async fn start_as(says: Option<Uuid>, secret: Vec<u8>) -> Self {
        let node_id = clock::new_node_id();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (to, commands) = mpsc::unbounded_channel();
        let (pinged, pings) = watch::channel(0);
        let is_shut = Arc::new(AtomicBool::new(false));
        let says = says.unwrap_or(node_id.0);
        let service = Service { says, secret, to, pinged, is_shut: Arc::clone(&is_shut) };
        let incoming = stream::unfold(listener, async |listener| {
            let accepted = listener.accept().await.map(|(stream, _)| stream);
            Some((accepted, listener))
        });
        let server = Server::builder().add_service(PeerServiceServer::new(service));
        tokio::spawn(server.serve_with_incoming(incoming));
        Self { node_id, address, commands, pings, is_shut }
    }

    /// Puts it on the roll.
    pub async fn announce(&self, log: &EmbeddedStore) {
        let announced = NodeEvent::Announced(NodeAnnounced {
            node_id: self.node_id,
            address: self.address.clone(),
            version: "by hand".to_owned(),
            wire: WIRE,
            started_at_ms: OPENS_AT,
            announced_at_ms: OPENS_AT,
        });
        let roll = StreamName { category: Category::Node, id: SERVICE };
        let last = log.last_revision(roll).await.unwrap();
        let event = encode(self.node_id.0, &announced, self.node_id.0, self.node_id.0);
        let expected = last.map_or(Expected::NoStream, Expected::Exact);
        log.append(roll, expected, [event].into()).await.unwrap();
    }

    /// The next commands that come to it.
    pub async fn next(&mut self) -> Asked {
        soon("a command", self.commands.recv()).await.unwrap()
    }

    /// Whether no command has come that was not taken.
    pub fn has_nothing(&self) -> bool {
        self.commands.is_empty()
    }

    /// Waits until so many more pings came: the other side was not idle meanwhile.
    pub async fn is_pinged(&self, times: u64) {
        let mut pings = self.pings.clone();
        let until = *pings.borrow() + times;
        soon("a ping", pings.wait_for(|count| *count >= until)).await.unwrap();
    }

    /// Takes no new calls from now on.
    pub fn shut(&self) {
        self.is_shut.store(true, SeqCst);
    }

    /// Calls a real node as one that knows the secret, up to the welcome.
    pub async fn call(&self, address: &str, node: NodeId) -> Calling {
        let (mut calling, said) = Calling::greet(address, self.node_id.0, node.0).await.unwrap();
        calling.prove(said.mac(&secret(), "calls")).await.unwrap();
        calling
    }
}

#[derive(Clone)]
struct Service {
    says: Uuid,
    secret: Vec<u8>,
    to: mpsc::UnboundedSender<Asked>,
    pinged: watch::Sender<u64>,
    is_shut: Arc<AtomicBool>,
}

#[tonic::async_trait]
impl PeerService for Service {
    type ExchangeStream = BoxStream<'static, Result<ExchangeResponse, Status>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        if self.is_shut.load(SeqCst) {
            return Err(Status::unavailable("shut by a test"));
        }
        let (outbox, answers) = mpsc::channel(64);
        tokio::spawn(self.clone().listen(request.into_inner(), outbox));
        let answers = stream::unfold(answers, async |mut answers| {
            answers.recv().await.map(|answer| (answer, answers))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

impl Service {
    async fn listen(self, mut said: Streaming<ExchangeRequest>, outbox: Outbox) {
        while let Ok(Some(ExchangeRequest { said: Some(said) })) = said.message().await {
            let answer = match said {
                Say::Hello(hello) => Said::Challenge(self.challenge(&hello)),
                Say::Proof(_) => Said::Welcome(Welcome {}),
                Say::Warm(Warm { tag, .. }) => Said::Answers(Answers { tag, came: None }),
                Say::Ping(number) => {
                    self.pinged.send_modify(|count| *count += 1);
                    Said::Pong(number)
                }
                Say::Commands(commands) => {
                    // The test may be over.
                    drop(self.to.send(Asked { commands, outbox: outbox.clone() }));
                    continue;
                }
            };
            // The call may have ended.
            drop(outbox.send(Ok(ExchangeResponse { said: Some(answer) })).await);
        }
    }

    fn challenge(&self, hello: &Hello) -> Challenge {
        let said = Spoken {
            nonces: [hello.nonce.to_vec(), NONCE.to_vec()],
            nodes: [hello.node_id.parse().unwrap(), self.says],
            wires: [hello.wire, WIRE],
        };
        let mac = said.mac(&self.secret, "answers").into();
        let nonce = NONCE.to_vec().into();
        Challenge { node_id: self.says.to_string(), wire: WIRE, nonce, mac }
    }
}

/// A call to a real node.
pub struct Calling {
    outbox: mpsc::Sender<ExchangeRequest>,
    answers: Streaming<ExchangeResponse>,
    pub challenge: Challenge,
}

impl Calling {
    /// Says hello as one node to another. Gives what a proof has to be made of.
    pub async fn greet(address: &str, own: Uuid, expected: Uuid) -> Result<(Self, Spoken), Status> {
        let hello = Hello {
            node_id: own.to_string(),
            expected_node_id: expected.to_string(),
            wire: WIRE,
            nonce: NONCE.to_vec().into(),
        };
        let calling = Self::begin(address, hello).await?;
        let challenge = &calling.challenge;
        let said = Spoken {
            nonces: [NONCE.to_vec(), challenge.nonce.to_vec()],
            nodes: [own, challenge.node_id.parse().unwrap()],
            wires: [WIRE, challenge.wire],
        };
        Ok((calling, said))
    }

    /// Says this hello.
    pub async fn begin(address: &str, hello: Hello) -> Result<Self, Status> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut client = PeerServiceClient::new(endpoint.connect().await.unwrap());
        let (outbox, said) = mpsc::channel(64);
        outbox.send(ExchangeRequest { said: Some(Say::Hello(hello)) }).await.unwrap();
        let said =
            stream::unfold(said, async |mut said| said.recv().await.map(|message| (message, said)));
        let answers = soon("an answer", client.exchange(said)).await?.into_inner();
        let mut calling = Self { outbox, answers, challenge: Challenge::default() };
        let Said::Challenge(challenge) = calling.hear().await? else { panic!("no challenge") };
        calling.challenge = challenge;
        Ok(calling)
    }

    /// Says anything.
    pub async fn say(&self, said: Say) {
        // It may have been refused already.
        drop(self.outbox.send(ExchangeRequest { said: Some(said) }).await);
    }

    /// What is said to it next.
    pub async fn hear(&mut self) -> Result<Said, Status> {
        let heard = soon("an answer", self.answers.message()).await?;
        Ok(heard.expect("the call goes on").said.unwrap())
    }

    /// Proves who it is with this.
    pub async fn prove(&mut self, mac: Vec<u8>) -> Result<(), Status> {
        self.say(Say::Proof(Proof { mac: mac.into() })).await;
        match self.hear().await? {
            Said::Welcome(_) => Ok(()),
            other => panic!("{other:?} instead of a welcome"),
        }
    }
}
