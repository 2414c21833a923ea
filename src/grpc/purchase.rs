//! `PurchaseService`: the hot path.
//!
//! A stream of orders is cut into chunks of whatever has arrived: one mailbox message and one
//! waiting future a chunk, instead of one an order. A bounded number of orders is under way in one
//! stream; when they are, the stream is not read, and gRPC's flow control slows the sender.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tonic::{Request, Response, Status, Streaming, async_trait};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    convert,
    level::Gate,
    proto::{self, place_order_response, place_orders_response::Result as StreamResult},
    status::Failure,
};
use crate::{
    actors::{Answer, Directory},
    admission::Part,
    clock::SharedClock,
    domain::item::{Item, ItemCommand, ItemOutcome, PlaceOrder},
    trace::step_span,
    values::{ItemId, OrderId, RequestId, UnixMs},
};

/// Orders in one chunk at most: half of what an append to a cluster holds, so that a chunk always
/// finds room in the batch that is forming.
const CHUNK_MAX: usize = 250;

/// Orders under way in one stream at most.
const STREAM_WINDOW: usize = 8192;

pub(super) struct PurchaseApi {
    pub(super) items: Arc<Directory<Item>>,
    pub(super) clock: SharedClock,
    pub(super) gate: Gate,
}

/// An order or a refusal, with its place.
struct Outcome {
    outcome: Result<proto::Order, proto::Refusal>,
    revision: u64,
    position: u64,
}

impl PurchaseApi {
    async fn ask(
        &self,
        item: ItemId,
        command: ItemCommand,
        deadline: Option<UnixMs>,
    ) -> Result<Outcome, Failure> {
        let asked = self.items.ask(item.0, command, deadline);
        let answer = asked.instrument(step_span("item")).await?;
        outcome(item, answer)
    }

    async fn show(
        &self,
        item: ItemId,
        order_id: OrderId,
        buyer: String,
    ) -> Result<(proto::Order, u64), Failure> {
        let command = ItemCommand::ShowOrder { order_id, buyer };
        let Outcome { outcome, revision, .. } = self.ask(item, command, None).await?;
        match outcome {
            Ok(order) => Ok((order, revision)),
            Err(refusal) => Err(Failure::internal("a question was refused", &refusal.message)),
        }
    }
}

fn outcome(item: ItemId, answer: Answer<ItemOutcome>) -> Result<Outcome, Failure> {
    let Answer { outcome, revision, position } = answer;
    let outcome = match outcome {
        ItemOutcome::Order(order) => Ok(convert::order(item, order)),
        ItemOutcome::Refused { refusal, available } => Err(convert::refusal(refusal, available)),
        ItemOutcome::Misdirected(why) => return Err(why.into()),
        ItemOutcome::Item(_) => {
            return Err(Failure::internal("an order was answered with an item", &"a bug"));
        }
    };
    Ok(Outcome { outcome, revision, position: position.0 })
}

impl From<Outcome> for proto::PlaceOrderResponse {
    fn from(Outcome { outcome, revision, position }: Outcome) -> Self {
        let outcome = match outcome {
            Ok(order) => place_order_response::Outcome::Order(order),
            Err(refusal) => place_order_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<proto::PlaceOrdersResponse, Status>> + Send>>;

#[async_trait]
impl proto::purchase_service_server::PurchaseService for PurchaseApi {
    async fn place_order(
        &self,
        request: Request<proto::PlaceOrderRequest>,
    ) -> Result<Response<proto::PlaceOrderResponse>, Status> {
        let deadline = convert::deadline(request.metadata(), self.clock.now());
        let (item, place) = convert::place_order(request.into_inner()).map_err(Failure::from)?;
        let outcome = self.ask(item, ItemCommand::PlaceOrder(place), deadline).await?;
        Ok(Response::new(outcome.into()))
    }

    type PlaceOrdersStream = Answers;

    async fn place_orders(
        &self,
        request: Request<Streaming<proto::PlaceOrdersRequest>>,
    ) -> Result<Response<Answers>, Status> {
        // A place for every chunk the window can hold, so that answering never waits.
        let (answers, receiver) = mpsc::channel(STREAM_WINDOW);
        let orders = request.into_inner().ready_chunks(CHUNK_MAX);
        let items = Arc::clone(&self.items);
        tokio::spawn(take_orders(items, self.gate.clone(), orders, answers));
        let chunks = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk: Vec<_>| (chunk, receiver))
        });
        Ok(Response::new(Box::pin(chunks.flat_map(stream::iter))))
    }

    async fn get_outcome(
        &self,
        request: Request<proto::GetOutcomeRequest>,
    ) -> Result<Response<proto::GetOutcomeResponse>, Status> {
        let request = request.into_inner();
        let request_id =
            RequestId::parse("request_id", &request.request_id).map_err(Failure::from)?;
        let item = ItemId::parse("item_id", &request.item_id).map_err(Failure::from)?;
        let buyer = convert::buyer(request.buyer).map_err(Failure::from)?;
        let (order, revision) = self.show(item, item.order_id(request_id), buyer).await?;
        Ok(Response::new(proto::GetOutcomeResponse { order: Some(order), revision }))
    }

    async fn record_payment(
        &self,
        request: Request<proto::RecordPaymentRequest>,
    ) -> Result<Response<proto::RecordPaymentResponse>, Status> {
        let deadline = convert::deadline(request.metadata(), self.clock.now());
        let (item, payment) =
            convert::record_payment(request.into_inner()).map_err(Failure::from)?;
        let Outcome { outcome, revision, position } =
            self.ask(item, ItemCommand::RecordPayment(payment), deadline).await?;
        let outcome = Some(match outcome {
            Ok(order) => proto::record_payment_response::Outcome::Order(order),
            Err(refusal) => proto::record_payment_response::Outcome::Refusal(refusal),
        });
        Ok(Response::new(proto::RecordPaymentResponse { outcome, revision, position }))
    }

    async fn cancel_order(
        &self,
        request: Request<proto::CancelOrderRequest>,
    ) -> Result<Response<proto::CancelOrderResponse>, Status> {
        let deadline = convert::deadline(request.metadata(), self.clock.now());
        let (item, cancel) = convert::cancel_order(request.into_inner()).map_err(Failure::from)?;
        let Outcome { outcome, revision, position } =
            self.ask(item, ItemCommand::CancelOrder(cancel), deadline).await?;
        let outcome = Some(match outcome {
            Ok(order) => proto::cancel_order_response::Outcome::Order(order),
            Err(refusal) => proto::cancel_order_response::Outcome::Refusal(refusal),
        });
        Ok(Response::new(proto::CancelOrderResponse { outcome, revision, position }))
    }

    async fn get_order(
        &self,
        request: Request<proto::GetOrderRequest>,
    ) -> Result<Response<proto::GetOrderResponse>, Status> {
        let request = request.into_inner();
        let item = ItemId::parse("item_id", &request.item_id).map_err(Failure::from)?;
        let order_id = OrderId::parse("order_id", &request.order_id).map_err(Failure::from)?;
        let buyer = convert::buyer(request.buyer).map_err(Failure::from)?;
        let (order, revision) = self.show(item, order_id, buyer).await?;
        Ok(Response::new(proto::GetOrderResponse { order: Some(order), revision }))
    }
}

type StreamAnswer = Result<proto::PlaceOrdersResponse, Status>;

/// Orders of one stream for one item that go into the mailbox together.
#[derive(Default)]
struct Chunk {
    tags: Vec<u64>,
    commands: Vec<ItemCommand>,
}

/// The answers of a chunk, once they are there.
type Waiting = Pin<Box<dyn Future<Output = Result<Vec<Answer<ItemOutcome>>, Failure>> + Send>>;

/// A chunk whose answers are under way.
struct Sent {
    tags: Vec<u64>,
    waiting: Waiting,
    /// The chunk's part of the stream's window.
    permit: OwnedSemaphorePermit,
}

async fn take_orders<S>(
    items: Arc<Directory<Item>>,
    gate: Gate,
    mut orders: S,
    answers: mpsc::Sender<Vec<StreamAnswer>>,
) where
    S: Stream<Item = Vec<Result<proto::PlaceOrdersRequest, Status>>> + Unpin,
{
    let window = Arc::new(Semaphore::new(STREAM_WINDOW));
    // One lane an item: answers of an item keep their order, and a slow item holds up no other.
    let mut lanes: HashMap<Uuid, mpsc::Sender<Sent>> = HashMap::new();
    while let Some(arrived) = orders.next().await {
        let (chunks, faults) = sort(arrived);
        let ended = faults.iter().any(Result::is_err);
        if !faults.is_empty() && answers.send(faults).await.is_err() {
            return;
        }
        for (item, Chunk { tags, commands }) in chunks {
            let count = u32::try_from(tags.len()).unwrap_or(u32::MAX);
            let Ok(permit) = Arc::clone(&window).acquire_many_owned(count).await else { return };
            // Not tried again here: whoever overruns an item is told so at once.
            let waiting = match gate.ask(Part::Orders, tags.len() as u64) {
                Ok(()) => Ok(items.ask_all(item, commands, None)),
                Err(closed) => Err(closed),
            };
            let waiting = async move { Ok(waiting?.map_err(Failure::from)?.await?) };
            let sent = Sent { tags, waiting: Box::pin(waiting), permit };
            let lane = lanes.entry(item).or_insert_with(|| {
                let (lane, sent) = mpsc::channel(STREAM_WINDOW);
                tokio::spawn(give_answers(ItemId(item), sent, answers.clone()));
                lane
            });
            // An error means that the caller has hung up.
            if lane.send(sent).await.is_err() {
                return;
            }
        }
        if ended {
            return;
        }
    }
}

/// Gives the answers of one item in the order of its chunks.
async fn give_answers(
    item: ItemId,
    mut lane: mpsc::Receiver<Sent>,
    answers: mpsc::Sender<Vec<StreamAnswer>>,
) {
    while let Some(Sent { tags, waiting, permit }) = lane.recv().await {
        let answered = match waiting.await {
            Ok(found) => {
                let tagged = tags.into_iter().zip(found);
                tagged.map(|(tag, answer)| Ok(answered(item, tag, answer))).collect()
            }
            Err(failure) => all_failed(&tags, &failure),
        };
        if answers.send(answered).await.is_err() {
            return;
        }
        drop(permit);
    }
}

/// Sorts what arrived by item, keeping the order within each; what is wrong is answered at once.
fn sort(
    arrived: Vec<Result<proto::PlaceOrdersRequest, Status>>,
) -> (Vec<(Uuid, Chunk)>, Vec<StreamAnswer>) {
    let mut chunks: Vec<(Uuid, Chunk)> = Vec::new();
    let mut faults = Vec::new();
    for message in arrived {
        let proto::PlaceOrdersRequest { tag, command } = match message {
            Ok(message) => message,
            // The stream is broken or said something that is no message: it ends here.
            Err(status) => {
                faults.push(Err(status));
                break;
            }
        };
        let command = command.unwrap_or_default();
        match convert::place_order(command) {
            Err(invalid) => {
                faults.push(Ok(failed(tag, Failure::from(invalid.within("command")))));
            }
            Ok((item, place)) => push(&mut chunks, item.0, tag, place),
        }
    }
    (chunks, faults)
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

fn answered(item: ItemId, tag: u64, answer: Answer<ItemOutcome>) -> proto::PlaceOrdersResponse {
    match outcome(item, answer) {
        Ok(outcome) => {
            proto::PlaceOrdersResponse { tag, result: Some(StreamResult::Answer(outcome.into())) }
        }
        Err(failure) => failed(tag, failure),
    }
}

fn failed(tag: u64, failure: Failure) -> proto::PlaceOrdersResponse {
    proto::PlaceOrdersResponse { tag, result: Some(StreamResult::Fault(failure.into_proto())) }
}

fn all_failed(tags: &[u64], failure: &Failure) -> Vec<StreamAnswer> {
    tags.iter().map(|&tag| Ok(failed(tag, failure.clone()))).collect()
}
