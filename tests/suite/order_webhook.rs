//! Goal: the receiver of order events gets each of them, those of one order in their order, whatever it
//! answers and whichever side is away; what it does not accept is set aside and can be sent again.
//!
//! Method: a real receiver on loopback and a real server; signatures are compared with another
//! implementation.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use doorbuster::{
    app::App,
    config::Config,
    crowd::channel::Channel,
    grpc::{
        order_webhook::is_private,
        proto::{
            self, ListFailedDeliveriesRequest, ListWebhooksRequest, PauseWebhookRequest,
            ResendDeliveriesRequest, ResumeWebhookRequest,
            webhook_service_client::WebhookServiceClient,
        },
    },
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tonic::Code;

use crate::support::{Node, PATIENCE, item, order};

const KEYS: [&[u8]; 2] = [b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"];

/// An accepted delivery: type, order and event.
type Came = (String, String, String);

/// What the receiver answers next; then 204.
#[derive(Default)]
struct Answers {
    next: Mutex<VecDeque<u16>>,
    /// Answers for orders, for as long as they are here.
    of_orders: Mutex<HashMap<String, u16>>,
    /// The same for types of events.
    of_types: Mutex<HashMap<&'static str, u16>>,
}

struct Receiver {
    address: SocketAddr,
    answers: Arc<Answers>,
    came: mpsc::Receiver<Came>,
    /// Requests of any kind.
    asked: Arc<Mutex<Vec<Came>>>,
    /// Events that were accepted, of which repetitions are left out.
    seen: HashSet<String>,
}

#[derive(Clone)]
struct Receives {
    answers: Arc<Answers>,
    asked: Arc<Mutex<Vec<Came>>>,
    came: mpsc::Sender<Came>,
}

async fn take(State(receives): State<Receives>, headers: HeaderMap, body: String) -> Response {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, at) = (text("webhook-id"), text("webhook-timestamp"));
    let signatures = KEYS.map(|key| {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        hmac.update(format!("{id}.{at}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
    });
    assert_eq!(text("webhook-signature"), signatures.join(" "));
    let body: Value = serde_json::from_str(&body).unwrap();
    let data = &body["data"];
    assert_eq!(data["eventId"], id);
    assert_eq!(body["timestamp"], data["eventTime"]);
    let order = data["orderId"].as_str().unwrap_or_default().to_owned();
    let came = (body["type"].as_str().unwrap().to_owned(), order, id);
    receives.asked.lock().unwrap().push(came.clone());
    let of_order = receives.answers.of_orders.lock().unwrap().get(&came.1).copied();
    let of_type = receives.answers.of_types.lock().unwrap().get(came.0.as_str()).copied();
    let next = of_order.or(of_type).or_else(|| receives.answers.next.lock().unwrap().pop_front());
    match next {
        None => {
            receives.came.send(came).await.unwrap();
            StatusCode::NO_CONTENT.into_response()
        }
        // It hangs.
        Some(0) => std::future::pending().await,
        Some(status) => (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, "/elsewhere")])
            .into_response(),
    }
}

impl Receiver {
    async fn start() -> Self {
        let (tell, came) = mpsc::channel(100);
        let (answers, asked) = (Arc::<Answers>::default(), Arc::<Mutex<Vec<Came>>>::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state =
            Receives { answers: Arc::clone(&answers), asked: Arc::clone(&asked), came: tell };
        let router = Router::new()
            .route("/hook", post(take))
            .route("/elsewhere", post(|| async { StatusCode::OK }))
            .with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, answers, came, asked, seen: HashSet::new() }
    }

    fn answers(&self, statuses: &[u16]) {
        self.answers.next.lock().unwrap().extend(statuses);
    }

    /// What was accepted next.
    async fn next(&mut self) -> Came {
        loop {
            let came = timeout(PATIENCE, self.came.recv()).await.expect("something comes").unwrap();
            if self.seen.insert(came.2.clone()) {
                return came;
            }
        }
    }

    /// The same without the event.
    async fn gist(&mut self) -> (String, String) {
        let (kind, order, _) = self.next().await;
        (kind, order)
    }

    async fn until_asked(&self, wanted: impl Fn(&[Came]) -> bool) {
        let asked = async {
            while !wanted(&self.asked.lock().unwrap()) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, asked).await.expect("the receiver is asked");
    }
}

fn secrets(dir: &Path) -> std::path::PathBuf {
    let file = dir.join("secrets");
    let keys = KEYS.map(|key| format!("whsec_{}", STANDARD.encode(key)));
    fs::write(&file, keys.join("\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

/// A node that sends to a receiver, and an item of it.
async fn node(receiver: &Receiver, attempts: u64) -> (Node, String, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (url, file) = (format!("http://{}/hook", receiver.address), secrets(dir.path()));
    let node = Node::start_with(|config| {
        config.order_webhook_url = Some(url);
        config.order_webhook_secret_file = Some(file);
        config.order_webhook_private = true;
        config.webhook_timeout_ms = 2_000;
        config.webhook_attempts = attempts;
    })
    .await;
    // It begins with what happens from now on, which is known once it says where that is.
    let begun = async {
        while !node.data().join("order-webhook.json").exists() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, begun).await.expect("it begins");
    let (_, mut items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    (node, items.remove(0), dir)
}

fn webhooks(node: &Node) -> WebhookServiceClient<Channel> {
    WebhookServiceClient::new(node.channel())
}

async fn shown(node: &Node) -> proto::OrderWebhook {
    let answer = webhooks(node).list_webhooks(ListWebhooksRequest {}).await.unwrap();
    answer.into_inner().webhooks.remove(0)
}

async fn until_shown(node: &Node, wanted: impl Fn(&proto::OrderWebhook) -> bool) {
    let becomes = async { while !wanted(&shown(node).await) {} };
    timeout(PATIENCE, becomes).await.expect("the webhook becomes so");
}

async fn failed(node: &Node) -> Vec<proto::FailedDelivery> {
    let answer = webhooks(node).list_failed_deliveries(ListFailedDeliveriesRequest {}).await;
    answer.unwrap().into_inner().deliveries
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_comes_whatever_the_receiver_answers_and_those_of_an_order_in_its_order() {
    let mut receiver = Receiver::start().await;
    let (mut node, phone, _dir) = node(&receiver, 3).await;
    // It fails, sends elsewhere, and hangs: more often than the attempts, as it accepts nothing at all.
    receiver.answers(&[500, 307, 404, 0]);
    let ann = order(&node.place(&phone, "ann", 1).await.unwrap());
    node.pay(&ann).await;
    let told = |kind: &str, order: &proto::Order| (kind.to_owned(), order.order_id.clone());
    assert_eq!(receiver.gist().await, told("order.placed", &ann));
    assert_eq!(receiver.gist().await, told("order.paid", &ann));
    let bob = order(&node.place(&phone, "bob", 2).await.unwrap());
    assert_eq!(receiver.gist().await, told("order.placed", &bob));
    let sold_out = receiver.next().await;
    assert_eq!(sold_out.0, "item.sold_out");
    // What happens while it is paused comes when it is resumed, also after a restart.
    let paused = webhooks(&node).pause_webhook(PauseWebhookRequest {}).await.unwrap().into_inner();
    assert_eq!(paused.webhook.unwrap().paused, "operator");
    node.pay(&bob).await;
    node.restart().await;
    assert_eq!(shown(&node).await.paused, "operator");
    webhooks(&node).resume_webhook(ResumeWebhookRequest {}).await.unwrap();
    // What was delivered just before a stop is written down at its end.
    assert_eq!(receiver.gist().await, told("order.paid", &bob));
    until_shown(&node, |shown| shown.failed == 0 && shown.last_error.is_empty()).await;
    assert!(failed(&node).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alone_is_not_accepted_is_set_aside_with_its_order_and_sent_again() {
    let mut receiver = Receiver::start().await;
    let (node, phone, _dir) = node(&receiver, 2).await;
    let ann = order(&node.place(&phone, "ann", 1).await.unwrap());
    receiver.next().await;
    receiver.answers.of_orders.lock().unwrap().insert(ann.order_id.clone(), 500);
    node.pay(&ann).await;
    receiver.until_asked(|asked| asked.iter().any(|came| came.0 == "order.paid")).await;
    // Others are accepted meanwhile.
    let bob = order(&node.place(&phone, "bob", 1).await.unwrap());
    assert_eq!(receiver.gist().await, ("order.placed".to_owned(), bob.order_id.clone()));
    until_shown(&node, |shown| shown.failed == 1).await;
    let refund = proto::RefundOrderRequest {
        request_id: crate::support::request_id(),
        item_id: phone.clone(),
        order_id: ann.order_id.clone(),
        units: 1,
        restock: true,
        operator: "olga".to_owned(),
        reason: "sent back".to_owned(),
    };
    let mut orders = proto::order_service_client::OrderServiceClient::new(node.channel());
    orders.refund_order(refund).await.unwrap();
    until_shown(&node, |shown| shown.failed == 2).await;
    let aside = failed(&node).await;
    let kinds: Vec<_> = aside.iter().map(proto::FailedDelivery::kind).collect();
    assert_eq!(kinds, [proto::OrderEventKind::Paid, proto::OrderEventKind::Refunded]);
    assert_eq!(aside[0].error, "it answered 500 Internal Server Error");
    assert!(aside[1].error.contains("before it"), "{}", aside[1].error);
    let asked = receiver.asked.lock().unwrap().len();

    let unknown = ResendDeliveriesRequest { event_ids: vec!["x".to_owned()] };
    let refused = webhooks(&node).resend_deliveries(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    // It fails again, and both stay.
    let second = ResendDeliveriesRequest { event_ids: vec![aside[1].event_id.clone()] };
    let sent = webhooks(&node).resend_deliveries(second).await.unwrap().into_inner();
    assert_eq!(sent.deliveries, 2, "with the one before it");
    receiver.until_asked(|came| came.len() > asked).await;
    receiver.answers.of_orders.lock().unwrap().clear();
    let all = async {
        loop {
            let request = ResendDeliveriesRequest::default();
            webhooks(&node).resend_deliveries(request).await.unwrap();
            if let Ok(next) = receiver.came.try_recv()
                && receiver.seen.insert(next.2.clone())
            {
                return next;
            }
        }
    };
    let first = timeout(PATIENCE, all).await.expect("it is sent again");
    assert_eq!((first.0.as_str(), &first.2), ("order.paid", &aside[0].event_id));
    let second = receiver.next().await;
    assert_eq!((second.0.as_str(), &second.2), ("order.refunded", &aside[1].event_id));
    until_shown(&node, |shown| shown.failed == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_all_events_of_one_type_gets_the_others() {
    let mut receiver = Receiver::start().await;
    let (node, _, _dir) = node(&receiver, 2).await;
    let (_, items) = node.sale(vec![item("lamp", &[("shanghai", 40)])]).await;
    // More than are tried at once.
    let mut orders = Vec::new();
    for number in 0..20 {
        let answer = node.place(&items[0], &format!("buyer-{number}"), 1).await.unwrap();
        orders.push(order(&answer));
        receiver.next().await;
    }
    receiver.answers.of_types.lock().unwrap().insert("order.cancelled", 500);
    for order in &orders {
        let request = proto::CancelOrderRequest {
            request_id: crate::support::request_id(),
            item_id: items[0].clone(),
            order_id: order.order_id.clone(),
            buyer: order.buyer.clone(),
        };
        node.purchases().cancel_order(request).await.unwrap();
    }
    let refused = |asked: &[Came]| asked.iter().filter(|came| came.0 == "order.cancelled").count();
    receiver.until_asked(|asked| refused(asked) >= 20).await;
    let ann = order(&node.place(&items[0], "ann", 1).await.unwrap());
    assert_eq!(receiver.gist().await, ("order.placed".to_owned(), ann.order_id));
    until_shown(&node, |shown| shown.failed == 20).await;

    // What is wrong with the event itself is known without others.
    receiver.answers.of_types.lock().unwrap().insert("order.placed", 422);
    node.place(&items[0], "bob", 1).await.unwrap();
    until_shown(&node, |shown| shown.failed == 21).await;
    // After a pause they are read once more, and are still set aside once.
    let pause = PauseWebhookRequest::default();
    webhooks(&node).pause_webhook(pause).await.unwrap();
    webhooks(&node).resume_webhook(ResumeWebhookRequest {}).await.unwrap();
    receiver.answers.of_types.lock().unwrap().clear();
    let cat = order(&node.place(&items[0], "cat", 1).await.unwrap());
    assert_eq!(receiver.gist().await, ("order.placed".to_owned(), cat.order_id));
    assert_eq!(failed(&node).await.len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_asked_no_more_until_it_is_resumed() {
    let mut receiver = Receiver::start().await;
    let (node, phone, _dir) = node(&receiver, 2).await;
    receiver.answers(&[410]);
    let ann = order(&node.place(&phone, "ann", 1).await.unwrap());
    until_shown(&node, |shown| shown.paused == "gone").await;
    assert_eq!(receiver.asked.lock().unwrap().len(), 1);
    let resumed = webhooks(&node).resume_webhook(ResumeWebhookRequest {}).await.unwrap();
    assert_eq!(resumed.into_inner().webhook.unwrap().paused, "");
    assert_eq!(receiver.gist().await, ("order.placed".to_owned(), ann.order_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_webhook_says_so() {
    let node = Node::start().await;
    let listed = webhooks(&node).list_webhooks(ListWebhooksRequest {}).await.unwrap();
    assert!(listed.into_inner().webhooks.is_empty());
    let refused = webhooks(&node).pause_webhook(PauseWebhookRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[test]
fn private_addresses_are_refused_unless_they_are_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let file = secrets(dir.path());
    let config = |url: &str| Config {
        data: dir.path().join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        http: None,
        web: None,
        board: None,
        order_webhook_url: Some(url.to_owned()),
        order_webhook_secret_file: Some(file.clone()),
        ..Config::default()
    };
    let clock = || Arc::new(doorbuster::clock::ManualClock::at(crate::support::OPENS_AT));
    for url in ["http://127.0.0.1:9/hook", "https://10.1.2.3/hook", "https://[fd00::1]/hook"] {
        let refused = App::start(config(url), clock()).map(|_| ()).unwrap_err();
        assert!(format!("{refused:#}").contains("order_webhook_private"), "{refused:#}");
    }
    let kinds = Config {
        order_webhook_kinds: vec!["paid".to_owned(), "sold".to_owned()],
        ..config("https://shop.example/hook")
    };
    let refused = App::start(kinds, clock()).map(|_| ()).unwrap_err();
    assert!(format!("{refused:#}").contains("\"sold\" is no kind"), "{refused:#}");

    for private in [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::",
        "2001:db8::1",
    ] {
        assert!(is_private(private.parse().unwrap()), "{private}");
    }
    for public in [
        "1.1.1.1",
        "100.63.0.1",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.167.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
    ] {
        assert!(!is_private(public.parse().unwrap()), "{public}");
    }
}
