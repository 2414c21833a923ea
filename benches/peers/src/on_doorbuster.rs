//! doorbuster itself over gRPC, one order in a call or many on a stream; and the bare echo of the same
//! messages, which decides and stores nothing.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::{Context, anyhow, bail, ensure};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use prost_types::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;
use wire::doorbuster::v1::{
    CreateSaleRequest, GetItemRequest, GetStockLevelsRequest, ItemDraft, PlaceOrderRequest,
    PlaceOrderResponse, PlaceOrdersRequest, PlaceOrdersResponse, SaleDraft, WarehouseUnits,
    item_service_client::ItemServiceClient, place_order_response, place_orders_response,
    purchase_service_client::PurchaseServiceClient, report_service_client::ReportServiceClient,
    sale_service_client::SaleServiceClient,
};

use crate::shop::{Answer, Caller, Item, Shop, Sold, Wish};

/// Connections at most, as `doorbuster bench` has them.
const CONNECTIONS_MAX: usize = 8;
/// Streams at most, each on a connection of its own.
const STREAMS_MAX: usize = 4;
const CATCH_UP_MAX: Duration = Duration::from_secs(120);
const DAYS_30: i64 = 30 * 24 * 3_600;

/// How orders are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    Unary,
    Streamed,
}

/// A server that this measurement has started.
pub struct DoorbusterShop {
    url: String,
    calls: Calls,
}

impl DoorbusterShop {
    pub fn new(url: &str, calls: Calls) -> Self {
        Self { url: url.to_owned(), calls }
    }
}

#[async_trait]
impl Shop for DoorbusterShop {
    async fn put_up(&self, units: i64) -> anyhow::Result<Box<dyn Item>> {
        let channel = connect(&self.url).await?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let now = i64::try_from(now)?;
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let item = ItemDraft {
            sku: "HOT-1".to_owned(),
            title: "Hot item".to_owned(),
            unit_price_minor: 9_900,
            limit_per_buyer: Some(1),
            time_to_pay: Some(prost_types::Duration { seconds: DAYS_30, nanos: 0 }),
            units: vec![WarehouseUnits { warehouse: "main".to_owned(), units }],
            ..Default::default()
        };
        let sale = SaleDraft {
            name: "Beside its peers".to_owned(),
            currency_code: "CNY".to_owned(),
            open_time: at(now),
            close_time: at(now + DAYS_30),
            items: vec![item],
            ..Default::default()
        };
        let request = CreateSaleRequest {
            request_id: Uuid::new_v4().to_string(),
            sale: Some(sale),
            operator: "peers".to_owned(),
        };
        let created = SaleServiceClient::new(channel.clone()).create_sale(request).await?;
        let mut sale = created.into_inner().sale.context("there is no sale")?;
        let item = sale.items.pop().context("the sale has no item")?;
        Ok(Box::new(DoorbusterItem {
            url: self.url.clone(),
            calls: self.calls,
            item_id: item.item_id,
            sale_id: sale.sale_id,
            channel,
        }))
    }

    /// Orders are always synced before they are answered; the log is verified after the measurement.
    async fn durable(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The echo: it has no books.
pub struct EchoShop(pub DoorbusterShop);

#[async_trait]
impl Shop for EchoShop {
    async fn put_up(&self, _units: i64) -> anyhow::Result<Box<dyn Item>> {
        let channel = connect(&self.0.url).await?;
        let item_id = Uuid::new_v4().to_string();
        let (url, calls) = (self.0.url.clone(), self.0.calls);
        Ok(Box::new(DoorbusterItem { url, calls, item_id, sale_id: String::new(), channel }))
    }

    async fn durable(&self) -> anyhow::Result<()> {
        bail!("an echo stores nothing")
    }
}

struct DoorbusterItem {
    url: String,
    calls: Calls,
    item_id: String,
    /// Empty at the echo.
    sale_id: String,
    channel: Channel,
}

#[async_trait]
impl Item for DoorbusterItem {
    async fn callers(&self, count: usize) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let mut callers: Vec<Box<dyn Caller>> = Vec::new();
        match self.calls {
            Calls::Unary => {
                let connections = if count < 64 { 1 } else { CONNECTIONS_MAX };
                let mut clients = Vec::new();
                for _ in 0..connections {
                    clients.push(PurchaseServiceClient::new(connect(&self.url).await?));
                }
                for client in clients.iter().cycle().take(count) {
                    let (client, item_id) = (client.clone(), self.item_id.clone());
                    callers.push(Box::new(Unary { client, item_id }));
                }
            }
            Calls::Streamed => {
                let mut streams = Vec::new();
                for _ in 0..count.min(STREAMS_MAX) {
                    streams.push(Arc::new(OrderStream::open(&self.url).await?));
                }
                for stream in streams.iter().cycle().take(count) {
                    let (stream, item_id) = (Arc::clone(stream), self.item_id.clone());
                    callers.push(Box::new(Streamed { stream, item_id }));
                }
            }
        }
        Ok(callers)
    }

    async fn sold(&self) -> anyhow::Result<Sold> {
        let request = GetItemRequest { item_id: self.item_id.clone() };
        let item = ItemServiceClient::new(self.channel.clone()).get_item(request).await?;
        let item = item.into_inner().item.context("there is no item")?;
        Ok(Sold { left: item.available_units, orders: item.held_units + item.sold_units })
    }

    /// Waits until the read models have come to the end of the log.
    async fn settle(&self) -> anyhow::Result<()> {
        if self.sale_id.is_empty() {
            return Ok(());
        }
        let mut reports = ReportServiceClient::new(self.channel.clone());
        let start = tokio::time::Instant::now();
        loop {
            let request =
                GetStockLevelsRequest { sale_id: self.sale_id.clone(), ..Default::default() };
            let levels = reports.get_stock_levels(request).await?.into_inner();
            let fresh = levels.freshness.unwrap_or_default();
            if fresh.position >= fresh.head_position {
                return Ok(());
            }
            ensure!(
                start.elapsed() < CATCH_UP_MAX,
                "the read models did not catch up within 120 s"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

struct Unary {
    client: PurchaseServiceClient<Channel>,
    item_id: String,
}

#[async_trait]
impl Caller for Unary {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let placed = self.client.place_order(command(&self.item_id, wish)).await?;
            answers.push(answer(placed.get_ref())?);
        }
        Ok(answers)
    }
}

/// A burst whose answers are not complete.
struct Burst {
    first_tag: u64,
    count: usize,
    answers: Vec<Answer>,
    done: oneshot::Sender<anyhow::Result<Vec<Answer>>>,
}

type Bursts = Arc<Mutex<VecDeque<Burst>>>;

/// A `PlaceOrders` stream on a connection of its own. Answers for one item come in the order of the
/// commands, so the oldest burst is always the one that is answered.
struct OrderStream {
    /// Holds at most one burst of each caller.
    sender: mpsc::UnboundedSender<Vec<PlaceOrdersRequest>>,
    bursts: Bursts,
    next_tag: AtomicU64,
}

impl OrderStream {
    async fn open(url: &str) -> anyhow::Result<Self> {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Vec<PlaceOrdersRequest>>();
        let bursts = Bursts::default();
        let commands = stream::poll_fn(move |context| receiver.poll_recv(context));
        let commands = commands.flat_map(stream::iter);
        let mut client = PurchaseServiceClient::new(connect(url).await?);
        let reading = Arc::clone(&bursts);
        tokio::spawn(async move {
            let ended = match client.place_orders(commands).await {
                Ok(answers) => read(answers.into_inner(), &reading).await,
                Err(status) => Err(status.into()),
            };
            if let Err(error) = ended {
                for burst in reading.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                    // The caller may be gone.
                    let _ = burst.done.send(Err(anyhow!("{error:#}")));
                }
            }
        });
        Ok(Self { sender, bursts, next_tag: AtomicU64::new(0) })
    }
}

async fn read(mut answers: Streaming<PlaceOrdersResponse>, bursts: &Bursts) -> anyhow::Result<()> {
    while let Some(message) = answers.message().await? {
        let answer = match &message.result {
            Some(place_orders_response::Result::Answer(placed)) => answer(placed)?,
            Some(place_orders_response::Result::Fault(fault)) => bail!("{}", fault.message),
            None => bail!("an empty answer"),
        };
        let mut bursts = bursts.lock().unwrap_or_else(PoisonError::into_inner);
        let burst = bursts.front_mut().context("an answer to no command")?;
        let expected = burst.first_tag + burst.answers.len() as u64;
        ensure!(message.tag == expected, "tag {} instead of {expected}", message.tag);
        burst.answers.push(answer);
        if burst.answers.len() == burst.count
            && let Some(burst) = bursts.pop_front()
        {
            // The caller may be gone.
            let _ = burst.done.send(Ok(burst.answers));
        }
    }
    Ok(())
}

struct Streamed {
    stream: Arc<OrderStream>,
    item_id: String,
}

#[async_trait]
impl Caller for Streamed {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        let (done, answered) = oneshot::channel();
        let count = wishes.len();
        {
            // The bursts are sent in the order in which they wait for answers.
            let mut bursts = self.stream.bursts.lock().unwrap_or_else(PoisonError::into_inner);
            let first_tag = self.stream.next_tag.fetch_add(count as u64, Ordering::Relaxed);
            bursts.push_back(Burst { first_tag, count, answers: Vec::with_capacity(count), done });
            let tagged = (first_tag..).zip(wishes).map(|(tag, wish)| PlaceOrdersRequest {
                tag,
                command: Some(command(&self.item_id, wish)),
            });
            let sent = self.stream.sender.send(tagged.collect());
            sent.ok().context("the stream has ended")?;
        }
        answered.await.context("the stream has ended")?
    }
}

fn command(item_id: &str, wish: &Wish) -> PlaceOrderRequest {
    PlaceOrderRequest {
        request_id: wish.request.to_string(),
        item_id: item_id.to_owned(),
        buyer: wish.buyer.clone(),
        units: 1,
        ..Default::default()
    }
}

fn answer(placed: &PlaceOrderResponse) -> anyhow::Result<Answer> {
    match &placed.outcome {
        Some(place_order_response::Outcome::Order(order)) => {
            let order_id = Uuid::try_parse(&order.order_id).context("the id of an order")?;
            Ok(Answer::Ordered(order_id.as_u128()))
        }
        Some(place_order_response::Outcome::Refusal(_)) => Ok(Answer::Refused),
        None => bail!("an empty answer"),
    }
}

async fn connect(url: &str) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(url.to_owned())?.tcp_nodelay(true);
    endpoint.connect().await.with_context(|| format!("no server answers at {url}"))
}
