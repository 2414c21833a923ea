//! `PlaceOrders`: pipelined orders of one caller.
//!
//! Orders are cut into chunks of whatever has arrived: one mailbox message and one waiting future a
//! chunk, instead of one an order. A chunk takes its places in the window of its stream and in that
//! of its connection before it is asked, and holds them until its answers were taken for sending. So
//! a caller that does not read its answers is not read either: nothing is kept for it beyond the
//! windows. A place costs nothing of its own: it is a permit of a semaphore for each chunk, kept
//! longer.

use std::{
    collections::{
        HashMap, VecDeque,
        hash_map::Entry::{Occupied, Vacant},
    },
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    vec,
};

use futures_util::{Stream, StreamExt, stream::FuturesUnordered};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::{
    coupons::{Batches, NotPlaced},
    outcome::outcome,
};
use crate::{
    actors::{Answer, AwaitDesk, Directory, Fault},
    admission::ServicePart,
    connections::Phase,
    domain::item::{Item, ItemCommand, ItemOutcome, PlaceOrder},
    grpc::{
        convert,
        foreign::of_tonic,
        proto::{self, place_orders_response::Result as StreamResult},
        service_level_gate::Gate,
        share::CHUNK_MAX,
        status::CallError,
    },
    values::{ItemId, short},
};

/// Orders of one stream that are not answered, or whose answers were not taken.
const STREAM_WINDOW: usize = 8192;

type StreamAnswer = Result<proto::PlaceOrdersResponse, Status>;

/// What the orders of a stream need.
pub(super) struct Orders {
    pub(super) items: Arc<Directory<Item>>,
    pub(super) awaits: AwaitDesk,
    pub(super) batches: Arc<Batches>,
    pub(super) gate: Gate,
    /// The window of the connection.
    pub(super) connection: Option<Arc<Semaphore>>,
    pub(super) phase: watch::Receiver<Phase>,
}

/// Where the orders of one stream go.
struct Taking {
    items: Arc<Directory<Item>>,
    batches: Arc<Batches>,
    gate: Gate,
    windows: [Option<Arc<Semaphore>>; 2],
    chunks: mpsc::Sender<Sent>,
    given: mpsc::Sender<Given>,
}

/// Orders of one stream for one item that go into the mailbox together.
#[derive(Default)]
struct Chunk {
    tags: Vec<u64>,
    commands: Vec<ItemCommand>,
}

/// Places in the windows, free again when this is dropped.
struct Places {
    _taken: [Option<OwnedSemaphorePermit>; 2],
}

/// The answers of a chunk, once they are there.
type Waiting = Pin<Box<dyn Future<Output = Result<Vec<Answer<ItemOutcome>>, CallError>> + Send>>;

/// A chunk whose answers are under way.
struct Sent {
    item: Uuid,
    tags: Vec<u64>,
    waiting: Waiting,
    places: Places,
}

/// Answers on their way to the caller.
struct Given {
    answers: vec::IntoIter<StreamAnswer>,
    /// None for the last word of a stream.
    _places: Option<Places>,
}

impl Given {
    fn new(answers: Vec<StreamAnswer>, places: Option<Places>) -> Self {
        Self { answers: answers.into_iter(), _places: places }
    }
}

/// What came on a stream.
enum Came {
    Order(u64, ItemId, convert::Asked),
    /// An order that is wrong, and what is.
    Fault(u64, CallError),
    /// The stream is broken, or said something that is no message: it ends here.
    Broken(Status),
}

impl Orders {
    /// Takes the orders of a stream, in the background, and gives their answers.
    pub(super) fn answers(self, orders: Streaming<proto::PlaceOrdersRequest>) -> Answers {
        // Each chunk holds a place in the window, so neither queue is ever full.
        let (given, receiver) = mpsc::channel(STREAM_WINDOW);
        tokio::spawn(self.run(orders.map(read), given));
        Answers { receiver, current: None }
    }

    async fn run(self, orders: impl Stream<Item = Came> + Unpin, given: mpsc::Sender<Given>) {
        let Self { items, awaits, batches, gate, connection, mut phase } = self;
        let (chunks, to_answer) = mpsc::channel(STREAM_WINDOW);
        let answering = tokio::spawn(give_answers(awaits, to_answer, given.clone()));
        // An error means that the sender is gone, which is the same as a stop. If answers are no
        // longer read, no further order is accepted either.
        let taker = given.clone();
        let stopped = Box::pin(async move {
            tokio::select! {
                _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
                () = taker.closed() => {}
            }
        });
        let mut orders = orders.ready_chunks(CHUNK_MAX).take_until(stopped);
        let windows = [Some(Arc::new(Semaphore::new(STREAM_WINDOW))), connection];
        let taking = Taking { items, batches, gate, windows, chunks, given };
        let mut last_word = None;
        while last_word.is_none()
            && let Some(came) = orders.next().await
        {
            match taking.take(came).await {
                Ok(broken) => last_word = broken,
                Err(Gone) => return,
            }
        }
        if orders.take_result().is_some() {
            last_word = Some(CallError::from(Fault::Stopping).into());
        }
        let Taking { given, chunks, .. } = taking;
        drop(chunks);
        // Whatever was asked is answered first. An error is a panic, which ends the program.
        let _ = answering.await;
        if let Some(status) = last_word {
            let _ = given.send(Given::new(vec![Err(status)], None)).await;
        }
    }
}

impl Taking {
    /// Asks what came, and says why the stream ends if it does.
    async fn take(&self, came: Vec<Came>) -> Result<Option<Status>, Gone> {
        let (chunks, at_once, broken) = self.sort(came).await;
        if !at_once.is_empty() {
            let places = self.places(at_once.len()).await?;
            self.given.send(Given::new(at_once, Some(places))).await.map_err(|_| Gone)?;
        }
        for (item, Chunk { tags, commands }) in chunks {
            let places = self.places(tags.len()).await?;
            // Not retried here: overload is answered at once.
            let waiting = match self.gate.ask(ServicePart::Orders, tags.len() as u64) {
                Ok(()) => Ok(self.items.ask_all(item, commands, None)),
                Err(closed) => Err(closed),
            };
            let waiting = async move { Ok(waiting?.map_err(CallError::from)?.await?) };
            let chunk = Sent { item, tags, waiting: Box::pin(waiting), places };
            self.chunks.send(chunk).await.map_err(|_| Gone)?;
        }
        Ok(broken)
    }

    /// Sorts what came by item, keeping the order within each; what is wrong is answered at once.
    async fn sort(
        &self,
        came: Vec<Came>,
    ) -> (Vec<(Uuid, Chunk)>, Vec<StreamAnswer>, Option<Status>) {
        let mut chunks: Vec<(Uuid, Chunk)> = Vec::new();
        let mut at_once = Vec::new();
        for came in came {
            match came {
                Came::Order(tag, item, convert::Asked::Order(place)) => {
                    push(&mut chunks, item.0, tag, place);
                }
                Came::Order(tag, item, convert::Asked::WithCoupon(place, wish)) => {
                    match self.batches.asked_for(item, place, *wish).await {
                        Ok(place) => push(&mut chunks, item.0, tag, place),
                        Err(NotPlaced::Refused(refused)) => {
                            let result = Some(StreamResult::Answer(*refused));
                            at_once.push(Ok(proto::PlaceOrdersResponse { tag, result }));
                        }
                        Err(NotPlaced::Failed(failure)) => {
                            at_once.push(Ok(failed(tag, failure.within("command"))));
                        }
                    }
                }
                Came::Fault(tag, failure) => at_once.push(Ok(failed(tag, failure))),
                Came::Broken(status) => return (chunks, at_once, Some(status)),
            }
        }
        (chunks, at_once, None)
    }

    /// Waits for so many places in the windows.
    async fn places(&self, count: usize) -> Result<Places, Gone> {
        let count = short(count);
        let mut taken = [None, None];
        for (window, taken) in self.windows.iter().zip(&mut taken) {
            if let Some(window) = window {
                let places = Arc::clone(window).acquire_many_owned(count).await;
                *taken = Some(places.map_err(|_closed| Gone)?);
            }
        }
        Ok(Places { _taken: taken })
    }
}

/// The caller has hung up.
struct Gone;

/// Gives answers as they come, those of one item in the order of its chunks: only the first chunk
/// of an item is waited for, so a slow item holds up no other.
async fn give_answers(
    awaits: AwaitDesk,
    mut chunks: mpsc::Receiver<Sent>,
    given: mpsc::Sender<Given>,
) {
    // The later chunks of each item that has one. What is answered leaves nothing here.
    let mut later: HashMap<Uuid, VecDeque<Sent>> = HashMap::new();
    let mut first = FuturesUnordered::new();
    let mut more = true;
    while more || !first.is_empty() {
        tokio::select! {
            biased;
            Some((item, answers)) = first.next() => {
                if given.send(answers).await.is_err() {
                    return;
                }
                match later.get_mut(&item).and_then(VecDeque::pop_front) {
                    Some(next) => first.push(answered(&awaits, next)),
                    None => drop(later.remove(&item)),
                }
            }
            // Nobody waits for these answers any more.
            () = given.closed() => return,
            chunk = chunks.recv(), if more => match chunk {
                None => more = false,
                Some(chunk) => match later.entry(chunk.item) {
                    Occupied(mut lane) => lane.get_mut().push_back(chunk),
                    Vacant(lane) => {
                        lane.insert(VecDeque::new());
                        first.push(answered(&awaits, chunk));
                    }
                }
            },
        }
    }
}

/// Waits for the answers of a chunk.
async fn answered(awaits: &AwaitDesk, Sent { item, tags, waiting, places }: Sent) -> (Uuid, Given) {
    let answers = match waiting.await {
        Ok(found) => {
            let tagged = tags.into_iter().zip(found);
            let item = ItemId(item);
            tagged
                .map(|(tag, answer)| {
                    if let ItemOutcome::Order(order) = &answer.outcome {
                        // No call waits for it, and the process manager settles what is left open.
                        drop(awaits.start(item, order));
                    }
                    Ok(one_answer(item, tag, answer))
                })
                .collect()
        }
        Err(failure) => tags.iter().map(|&tag| Ok(failed(tag, failure.clone()))).collect(),
    };
    (item, Given::new(answers, Some(places)))
}

fn read(message: Result<proto::PlaceOrdersRequest, Status>) -> Came {
    let proto::PlaceOrdersRequest { tag, command } = match message {
        Ok(message) => message,
        Err(status) => return Came::Broken(of_tonic(&status)),
    };
    match convert::place_order(command.unwrap_or_default()) {
        Ok((item, asked)) => Came::Order(tag, item, asked),
        Err(invalid) => Came::Fault(tag, CallError::from(invalid.within("command"))),
    }
}

fn push(chunks: &mut Vec<(Uuid, Chunk)>, item: Uuid, tag: u64, place: PlaceOrder) {
    // A stream nearly always orders one item; a list of few is searched faster than a map.
    let index = chunks.iter().position(|(of, _)| *of == item).unwrap_or_else(|| {
        chunks.push((item, Chunk::default()));
        chunks.len() - 1
    });
    let chunk = &mut chunks[index].1;
    chunk.tags.push(tag);
    chunk.commands.push(ItemCommand::PlaceOrder(place));
}

fn one_answer(item: ItemId, tag: u64, answer: Answer<ItemOutcome>) -> proto::PlaceOrdersResponse {
    match outcome(item, answer) {
        Ok(outcome) => {
            proto::PlaceOrdersResponse { tag, result: Some(StreamResult::Answer(outcome.into())) }
        }
        Err(failure) => failed(tag, failure),
    }
}

fn failed(tag: u64, failure: CallError) -> proto::PlaceOrdersResponse {
    proto::PlaceOrdersResponse { tag, result: Some(StreamResult::Fault(failure.into_proto())) }
}

/// The answers of a stream. The places of a chunk are free again when its last answer was taken.
pub struct Answers {
    receiver: mpsc::Receiver<Given>,
    current: Option<Given>,
}

impl Stream for Answers {
    type Item = StreamAnswer;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<StreamAnswer>> {
        loop {
            if let Some(given) = &mut self.current {
                if let Some(answer) = given.answers.next() {
                    return Poll::Ready(Some(answer));
                }
                self.current = None;
            }
            match ready!(self.receiver.poll_recv(context)) {
                Some(given) => self.current = Some(given),
                None => return Poll::Ready(None),
            }
        }
    }
}
