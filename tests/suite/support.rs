//! What the end-to-end tests share: a real server on loopback with a clock that stands still, and
//! the generated clients. Nothing here asserts anything about the product.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

pub use doorbuster::crowd::channel::Channel;
use doorbuster::{
    app::App,
    clock::{ManualClock, new_request_id},
    config::Config,
    crowd::operator::Token,
    grpc::proto::{
        self, coupon_service_client::CouponServiceClient, item_service_client::ItemServiceClient,
        place_order_response, purchase_service_client::PurchaseServiceClient,
        replay_service_client::ReplayServiceClient, report_service_client::ReportServiceClient,
        sale_service_client::SaleServiceClient, traffic_service_client::TrafficServiceClient,
    },
    store::SharedStore,
    values::UnixMs,
};
use tempfile::TempDir;
use tonic::{
    Status,
    transport::{self, Certificate, ClientTlsConfig, Identity},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt;

use crate::known_tokens;

/// 2026-11-11T00:00:00Z: when every sale of these tests opens.
pub const OPENS_AT: UnixMs = UnixMs(1_794_355_200_000);

/// After this long, also on a busy machine, what is waited for will never come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server with its own data and its own clock, which stands at [`OPENS_AT`].
pub struct Node {
    app: Option<App>,
    dir: TempDir,
    pub clock: ManualClock,
    config: Config,
    /// The store it is started on, where that is not its own.
    store: Option<SharedStore>,
    channel: Channel,
}

impl Node {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(change, ManualClock::at(OPENS_AT), None).await
    }

    /// A node with its own read models on a store that others use, too.
    pub async fn start_on(
        store: SharedStore,
        clock: ManualClock,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::start_in(change, clock, Some(store)).await
    }

    /// A node whose store is away when it starts.
    pub async fn start_without(store: SharedStore, clock: ManualClock) -> Self {
        Self::begin_in(|_| {}, clock, Some(store)).await
    }

    async fn start_in(
        change: impl FnOnce(&mut Config),
        clock: ManualClock,
        store: Option<SharedStore>,
    ) -> Self {
        let node = Self::begin_in(change, clock, store).await;
        // On a busy machine it is there a while before its store has answered it.
        node.health_becomes(ServingStatus::Serving).await;
        node
    }

    async fn begin_in(
        change: impl FnOnce(&mut Config),
        clock: ManualClock,
        store: Option<SharedStore>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: dir.path().to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            http: None,
            web: None,
            board: None,
            // Rules are judged by the wall clock, so nothing in a log would stand still.
            alerts: false,
            // A busy machine refuses nothing.
            order_wait_ms: 600_000,
            decide_within_ms: 600_000,
            ..Config::default()
        };
        change(&mut config);
        let app = start_app(&config, &clock, store.as_ref());
        let channel = connect(&app, &config).await;
        Self { app: Some(app), dir, clock, config, store, channel }
    }

    /// The running server, for a test that stops it by itself.
    pub fn take_app(&mut self) -> App {
        self.app.take().expect("it runs")
    }

    /// Stops the server in good order and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.stop();
        let app = start_app(&self.config, &self.clock, self.store.as_ref());
        self.channel = connect(&app, &self.config).await;
        self.app = Some(app);
        self.health_becomes(ServingStatus::Serving).await;
    }

    /// Waits until the node as a whole says that it is so.
    pub async fn health_becomes(&self, wanted: ServingStatus) {
        let request = HealthCheckRequest { service: String::new() };
        let mut told = HealthClient::new(self.channel()).watch(request).await.unwrap().into_inner();
        let becomes = async { while told.message().await.unwrap().unwrap().status() != wanted {} };
        tokio::time::timeout(PATIENCE, becomes).await.expect("its health changes");
    }

    pub fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().unwrap();
        }
    }

    pub fn data(&self) -> &Path {
        self.dir.path()
    }

    /// Where it serves HTTP/JSON; it must have been started with that.
    pub fn http(&self) -> SocketAddr {
        self.app.as_ref().and_then(App::http_address).expect("started with an HTTP address")
    }

    /// Where it answers machines, if it does.
    pub fn web_if_any(&self) -> Option<SocketAddr> {
        self.app.as_ref().and_then(App::web_address)
    }

    /// Where it answers machines; it must have been started with that.
    pub fn web(&self) -> SocketAddr {
        self.web_if_any().expect("started with a web address")
    }

    /// Where it serves the board; it must have been started with that.
    pub fn board(&self) -> SocketAddr {
        self.app.as_ref().and_then(App::board_address).expect("started with a board")
    }

    /// Where pages watch stock; it must have been started with that.
    pub fn stock(&self) -> SocketAddr {
        self.app.as_ref().and_then(App::stock_address).expect("started with a stock address")
    }

    /// Where it serves gRPC.
    pub fn address(&self) -> SocketAddr {
        self.app.as_ref().map(App::address).expect("it runs")
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A connection that sends this token, or none.
    pub async fn channel_of(&self, token: Option<&str>) -> Channel {
        let address = self.app.as_ref().expect("it runs").address();
        let token = token.map(|token| Token::bearer(token).unwrap()).unwrap_or_default();
        Channel::new(plain_channel(address).await, token)
    }

    pub fn purchases(&self) -> PurchaseServiceClient<Channel> {
        PurchaseServiceClient::new(self.channel.clone())
    }

    pub fn coupons(&self) -> CouponServiceClient<Channel> {
        CouponServiceClient::new(self.channel.clone())
    }

    pub fn items(&self) -> ItemServiceClient<Channel> {
        ItemServiceClient::new(self.channel.clone())
    }

    pub fn sales(&self) -> SaleServiceClient<Channel> {
        SaleServiceClient::new(self.channel.clone())
    }

    pub fn reports(&self) -> ReportServiceClient<Channel> {
        ReportServiceClient::new(self.channel.clone())
    }

    pub fn replays(&self) -> ReplayServiceClient<Channel> {
        ReplayServiceClient::new(self.channel.clone())
    }

    pub fn traffic(&self) -> TrafficServiceClient<Channel> {
        TrafficServiceClient::new(self.channel.clone())
    }

    /// Sends beacons in one message.
    pub async fn record(
        &self,
        beacons: Vec<proto::Beacon>,
    ) -> Result<proto::RecordTrafficResponse, Status> {
        let message = proto::RecordTrafficRequest { beacons };
        Ok(self.traffic().record_traffic(tokio_stream::once(message)).await?.into_inner())
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Puts a sale up and gives its id and the ids of its items.
    pub async fn sale(&self, items: Vec<proto::ItemDraft>) -> (String, Vec<String>) {
        let response = self.sales().create_sale(create_sale(items)).await.unwrap().into_inner();
        let sale = response.sale.unwrap();
        (sale.sale_id, sale.items.into_iter().map(|item| item.item_id).collect())
    }

    pub async fn place(
        &self,
        item: &str,
        buyer: &str,
        units: i64,
    ) -> Result<proto::PlaceOrderResponse, Status> {
        let request = place(item, buyer, units);
        Ok(self.purchases().place_order(request).await?.into_inner())
    }

    pub async fn pay(&self, order: &proto::Order) -> proto::RecordPaymentResponse {
        let request = pay(order);
        self.purchases().record_payment(request).await.unwrap().into_inner()
    }

    pub async fn item(&self, item: &str) -> proto::Item {
        let request = proto::GetItemRequest { item_id: item.to_owned() };
        self.items().get_item(request).await.unwrap().into_inner().item.unwrap()
    }

    /// Asks until the item looks as wanted. For what the server does by itself.
    pub async fn item_until(&self, item: &str, wanted: impl Fn(&proto::Item) -> bool) {
        let asked = async {
            while !wanted(&self.item(item).await) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("the item changes");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            let _ = app.stop();
        }
    }
}

fn start_app(config: &Config, clock: &ManualClock, store: Option<&SharedStore>) -> App {
    let clock = Arc::new(clock.clone());
    let started = match store {
        None => App::start(config.clone(), clock),
        Some(store) => App::start_on(config.clone(), clock, Arc::clone(store)),
    };
    started.unwrap()
}

/// A connection of an administrator, where the server asks for tokens. Where it has a certificate, its
/// authority stands beside that, and so does the certificate of a client.
async fn connect(app: &App, config: &Config) -> Channel {
    let token = config.tokens_file.as_ref().map(|_| Token::bearer(known_tokens::ADMIN).unwrap());
    let channel = match &config.tls_certificate {
        None => plain_channel(app.address()).await,
        Some(certificate) => encrypted_channel(app.address(), certificate).await,
    };
    Channel::new(channel, token.unwrap_or_default())
}

async fn encrypted_channel(address: SocketAddr, certificate: &Path) -> transport::Channel {
    let read = |name: &str| std::fs::read(certificate.with_file_name(name)).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read("ca.crt")))
        .identity(Identity::from_pem(read("client.crt"), read("client.key")));
    let url = format!("https://localhost:{}", address.port());
    let endpoint = transport::Channel::from_shared(url).unwrap().tls_config(tls).unwrap();
    endpoint.connect().await.unwrap()
}

async fn plain_channel(address: SocketAddr) -> transport::Channel {
    transport::Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Asks again for as long as `pause` finds in the answer when to.
pub async fn asked_again<T, F>(
    mut ask: impl FnMut() -> F,
    pause: impl Fn(&Status) -> Option<Duration>,
) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let asked = async {
        loop {
            let answer = ask().await;
            match answer.as_ref().err().and_then(&pause) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return answer,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("it is answered in the end")
}

/// Asks about an earlier moment until its read models are built: the server waits for them, but not
/// for ever, and then says when to ask again.
pub async fn once_built<T, F>(ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let built = asked_again(ask, |status| {
        let reason = status.get_details_error_info()?.reason;
        let retry = || status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        (reason == "AS_OF_BUILDING").then(|| retry().expect("it says when"))
    });
    built.await
}

pub fn create_sale(items: Vec<proto::ItemDraft>) -> proto::CreateSaleRequest {
    let close = OPENS_AT.plus(3_600_000);
    proto::CreateSaleRequest {
        request_id: request_id(),
        operator: "olga".to_owned(),
        sale: Some(proto::SaleDraft {
            name: "Double Eleven".to_owned(),
            currency_code: "CNY".to_owned(),
            open_time: Some(timestamp(OPENS_AT)),
            close_time: Some(timestamp(close)),
            items,
            goals: None,
            curve: Vec::new(),
            alerts: Vec::new(),
            ..Default::default()
        }),
    }
}

/// An item without limits whose orders can be paid for a minute.
pub fn item(sku: &str, units: &[(&str, i64)]) -> proto::ItemDraft {
    proto::ItemDraft {
        sku: sku.to_owned(),
        title: format!("The {sku}"),
        unit_price_minor: 199_900,
        time_to_pay: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        units: units
            .iter()
            .map(|(warehouse, units)| proto::WarehouseUnits {
                warehouse: (*warehouse).to_owned(),
                units: *units,
            })
            .collect(),
        ..Default::default()
    }
}

pub fn place(item: &str, buyer: &str, units: i64) -> proto::PlaceOrderRequest {
    proto::PlaceOrderRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        buyer: buyer.to_owned(),
        units,
        channel: String::new(),
        ..Default::default()
    }
}

pub fn pay(order: &proto::Order) -> proto::RecordPaymentRequest {
    proto::RecordPaymentRequest {
        request_id: request_id(),
        item_id: order.item_id.clone(),
        order_id: order.order_id.clone(),
        payment_reference: format!("bank-{}", order.order_id),
        amount: order.total.clone(),
    }
}

/// A view of an item by a visitor.
pub fn beacon(item: &str, visitor: &str) -> proto::Beacon {
    proto::Beacon {
        beacon_id: request_id(),
        item_id: item.to_owned(),
        action: proto::TrafficAction::View.into(),
        visitor: visitor.to_owned(),
        channel: "app".to_owned(),
        ..Default::default()
    }
}

pub fn request_id() -> String {
    new_request_id().to_string()
}

pub fn timestamp(moment: UnixMs) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: moment.second(), nanos: 0 }
}

/// The order of an answer that must be one.
pub fn order(response: &proto::PlaceOrderResponse) -> proto::Order {
    match response.outcome.clone().unwrap() {
        place_order_response::Outcome::Order(order) => order,
        place_order_response::Outcome::Refusal(refusal) => panic!("refused: {refusal:?}"),
    }
}

/// The reason of an answer that must be a refusal.
pub fn refused(response: &proto::PlaceOrderResponse) -> proto::RefusalReason {
    match response.outcome.clone().unwrap() {
        place_order_response::Outcome::Order(order) => panic!("placed: {order:?}"),
        place_order_response::Outcome::Refusal(refusal) => refusal.reason(),
    }
}

/// Promise P5: what the projections made live equals what they make from zero.
pub fn assert_read_models_equal_a_rebuild(data: &Path) {
    let log = doorbuster::store::embedded::LogReader::open(data).unwrap();
    let compared =
        doorbuster::projections::compare(data, |after| log.read_all(after, 500), |_| {}).unwrap();
    for (name, equal) in compared {
        assert!(equal, "the read model {name} differs from its rebuild");
    }
}

/// Says on the terminal what is not tested here. The lines of a test that passes are kept from sight
/// if they are printed in the usual way.
pub fn not_verified(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "NOT VERIFIED: {what}");
}
