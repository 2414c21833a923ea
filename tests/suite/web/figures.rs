//! The metrics match the events, and none contains a name.

use doorbuster::grpc::proto::{self, place_orders_response::Result as StreamResult};
use tonic::Code;

use super::{ask, log_of, watched_node};
use crate::support::{Node, PATIENCE, item, order, place, refused, request_id};

/// The figures of a node, to be looked up.
pub struct Figures(pub String);

impl Figures {
    pub async fn of(node: &Node) -> Self {
        Self(ask(node.web(), "GET", "/metrics").await.body)
    }

    /// The value of a series that must be there.
    pub fn value(&self, series: &str) -> u64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
        let value = line.unwrap_or_else(|| panic!("no {series} in\n{}", self.0));
        value.strip_suffix(".0").unwrap_or(value).parse().unwrap()
    }

    fn commands(&self, kind: &str, outcome: &str) -> u64 {
        let labels = format!("{{command=\"{kind}\",outcome=\"{outcome}\"}}");
        self.value(&format!("doorbuster_commands_total{labels}"))
    }

    fn calls(&self, method: &str, code: &str) -> u64 {
        let labels = format!("{{method=\"doorbuster.v1.{method}\",code=\"{code}\"}}");
        self.value(&format!("doorbuster_grpc_calls_total{labels}"))
    }

    fn appends(&self, stream: &str, result: &str) -> u64 {
        let labels = format!("{{stream=\"{stream}\",result=\"{result}\"}}");
        self.value(&format!("doorbuster_appends_total{labels}"))
    }
}

/// Asks for the figures until they are as wanted. For what the node does by itself.
pub async fn until_figures(node: &Node, wanted: impl Fn(&Figures) -> bool) -> Figures {
    let asked = async {
        loop {
            let figures = Figures::of(node).await;
            if wanted(&figures) {
                return figures;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the figures change")
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_counted_by_what_was_asked_and_what_came_of_it() {
    let node = watched_node().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let request = place(&items[0], "ann", 1);
    let placed = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
    let held = order(&placed);
    node.place(&items[0], "bob", 1).await.unwrap();
    refused(&node.place(&items[0], "cat", 1).await.unwrap());
    node.pay(&held).await;
    node.item(&items[0]).await;
    let unknown = node.place(&request_id(), "ann", 1).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let reused = proto::PlaceOrderRequest { units: 2, ..request };
    let reused = node.purchases().place_order(reused).await.unwrap_err();
    assert_eq!(reused.code(), Code::AlreadyExists);
    let wrong = node.place(&items[0], "", 1).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);

    let figures = Figures::of(&node).await;
    assert_eq!(figures.calls("SaleService/CreateSale", "OK"), 1);
    assert_eq!(figures.calls("PurchaseService/PlaceOrder", "OK"), 3);
    assert_eq!(figures.calls("PurchaseService/PlaceOrder", "NOT_FOUND"), 1);
    assert_eq!(figures.calls("PurchaseService/PlaceOrder", "ALREADY_EXISTS"), 1);
    assert_eq!(figures.calls("PurchaseService/PlaceOrder", "INVALID_ARGUMENT"), 1);
    assert_eq!(figures.calls("ReportService/ListOrders", "OK"), 0);
    let outcomes = ["done", "refused", "misdirected", "fault"];
    let of = |kind: &str| outcomes.map(|outcome| figures.commands(kind, outcome));
    assert_eq!(of("create_sale"), [1, 0, 0, 0]);
    assert_eq!(of("add_item"), [1, 0, 0, 0]);
    assert_eq!(of("place_order"), [2, 1, 2, 0]);
    assert_eq!(of("record_payment"), [1, 0, 0, 0]);
    assert_eq!(of("show_item"), [1, 0, 0, 0]);
    assert_eq!(of("pause_item"), [0, 0, 0, 0]);
    assert_eq!(figures.value("doorbuster_refusals_total{reason=\"SOLD_OUT\"}"), 1);
    assert_eq!(figures.value("doorbuster_refusals_total{reason=\"PAUSED\"}"), 0);
    assert_eq!(figures.value("doorbuster_misdirected_total{reason=\"NOT_FOUND\"}"), 1);
    assert_eq!(figures.value("doorbuster_misdirected_total{reason=\"REQUEST_ID_REUSED\"}"), 1);
}

/// Every kind of command, whatever it is a command to.
const COMMANDS: [&str; 66] = [
    "add_item",
    "place_order",
    "record_payment",
    "cancel_order",
    "settle_await",
    "record_payment_failure",
    "cancel_order_by_operator",
    "extend_hold",
    "refund_order",
    "settle_refund",
    "allocate_stock",
    "withdraw_stock",
    "set_audience",
    "set_prices",
    "set_offers",
    "set_gift_units",
    "quote_price",
    "set_reserve_plan",
    "move_stock",
    "set_reserve",
    "release_reserve",
    "set_purchase_limit",
    "pause_item",
    "resume_item",
    "close_item",
    "schedule_item",
    "show_item",
    "show_order",
    "create_sale",
    "reschedule_sale",
    "pause_sale",
    "resume_sale",
    "cancel_sale",
    "close_sale",
    "show_sale",
    "create_batch",
    "claim_coupon",
    "grant_coupon",
    "redeem_coupon",
    "return_coupon",
    "close_batch",
    "raise_budget",
    "revoke_coupon",
    "show_batch",
    "list_coupons",
    "take_units",
    "give_units_back",
    "raise_alert",
    "clear_alert",
    "show_alerts",
    "open_incident",
    "assess_incident",
    "record_action",
    "resolve_incident",
    "review_incident",
    "show_incident",
    "publish_script",
    "withdraw_script",
    "show_script",
    "begin_export",
    "record_export",
    "set_level",
    "show_level",
    "announce_node",
    "leave_node",
    "show_nodes",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_command_has_its_figures_from_the_start() {
    let node = watched_node().await;
    let figures = Figures::of(&node).await;
    let outcomes = ["done", "refused", "misdirected", "fault"];
    for (command, outcome) in
        COMMANDS.iter().flat_map(|command| outcomes.map(|outcome| (command, outcome)))
    {
        // Not only zero: what a node asks by itself may be counted already.
        assert!(figures.commands(command, outcome) < 1_000, "{command} {outcome}");
    }
    let series = figures.0.matches("\ndoorbuster_commands_total{").count();
    assert_eq!(
        series,
        COMMANDS.len() * outcomes.len(),
        "a kind of command is missing in this list"
    );
    for reason in ["NOT_FOUND", "REQUEST_ID_REUSED", "INVALID_ARGUMENT"] {
        let series = format!("doorbuster_misdirected_total{{reason=\"{reason}\"}}");
        assert_eq!(figures.value(&series), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_of_the_contract_to_refuse_has_its_figure() {
    let node = watched_node().await;
    let figures = Figures::of(&node).await;
    let reasons = (1..).map_while(|number| proto::RefusalReason::try_from(number).ok());
    let mut known = 0;
    for reason in reasons {
        let name = reason.as_str_name().strip_prefix("REFUSAL_REASON_").unwrap();
        assert_eq!(figures.value(&format!("doorbuster_refusals_total{{reason=\"{name}\"}}")), 0);
        known += 1;
    }
    let coupons = (1..).map_while(|number| proto::CouponReason::try_from(number).ok());
    for reason in coupons {
        let name = reason.as_str_name().replace("COUPON_REASON_", "COUPON_");
        assert_eq!(figures.value(&format!("doorbuster_refusals_total{{reason=\"{name}\"}}")), 0);
        known += 1;
    }
    // Steps of incidents, changes of wordings, exports and announced nodes have reasons of their own.
    let incidents = (1..).map_while(|number| proto::IncidentRefusalReason::try_from(number).ok());
    let scripts = (1..).map_while(|number| proto::ScriptRefusalReason::try_from(number).ok());
    let exports = (1..).map_while(|number| proto::ExportRefusalReason::try_from(number).ok());
    let nodes = ["ADDRESS_TAKEN", "ID_TAKEN"];
    for name in nodes {
        assert_eq!(figures.value(&format!("doorbuster_refusals_total{{reason=\"{name}\"}}")), 0);
    }
    let known = known + incidents.count() + scripts.count() + exports.count() + nodes.len();
    assert_eq!(figures.0.matches("\ndoorbuster_refusals_total{").count(), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_something_made_up_is_no_figure_of_its_own() {
    let node = watched_node().await;
    let mut client = tonic::client::Grpc::new(node.channel());
    for path in ["/doorbuster.v1.PurchaseService/Steal", "/doorbuster.v1.PurchaseService/Haggle"] {
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<proto::GetItemRequest, proto::GetItemResponse>::new();
        let request = tonic::Request::new(proto::GetItemRequest::default());
        let answered = client.unary(request, path.parse().unwrap(), codec).await;
        assert_eq!(answered.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
    let figures = Figures::of(&node).await;
    let series = "doorbuster_grpc_calls_total{method=\"unknown\",code=\"UNIMPLEMENTED\"}";
    assert_eq!(figures.value(series), 2);
    assert!(!figures.0.contains("Steal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_a_stream_count_one_by_one_also_where_there_is_no_room() {
    let mut node = Node::start_with(|config| {
        config.web = Some(([127, 0, 0, 1], 0).into());
        config.waiting_max = 3;
    })
    .await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 10)])]).await;
    let requests = (0..100).map(|tag| {
        let command = Some(place(&items[0], &format!("buyer-{tag}"), 1));
        proto::PlaceOrdersRequest { tag, command }
    });
    let requests: Vec<_> = requests.collect();
    let stream = node.purchases().place_orders(tokio_stream::iter(requests)).await;
    let mut answers = stream.unwrap().into_inner();
    let (mut placed, mut sold_out, mut overloaded) = (0, 0, 0);
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.result.unwrap() {
            StreamResult::Answer(answer) => match answer.outcome.unwrap() {
                proto::place_order_response::Outcome::Order(_) => placed += 1,
                proto::place_order_response::Outcome::Refusal(_) => sold_out += 1,
            },
            StreamResult::Fault(fault) => {
                assert_eq!(fault.reason, "OVERLOADED");
                overloaded += 1;
            }
        }
    }
    assert_eq!(placed + sold_out + overloaded, 100);
    assert!(overloaded > 0, "a chunk of many does not fit");

    let figures = Figures::of(&node).await;
    assert_eq!(figures.commands("place_order", "done"), placed);
    assert_eq!(figures.commands("place_order", "refused"), sold_out);
    assert_eq!(figures.commands("place_order", "fault"), overloaded);
    assert_eq!(figures.value("doorbuster_refusals_total{reason=\"SOLD_OUT\"}"), sold_out);
    assert_eq!(figures.value("doorbuster_faults_total{reason=\"OVERLOADED\"}"), overloaded);
    assert_eq!(figures.value("doorbuster_commands_waiting"), 0);
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_and_their_events_are_counted_and_timed() {
    let node = watched_node().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let held = order(&node.place(&items[0], "ann", 1).await.unwrap());
    let paid = node.pay(&held).await;

    let figures = Figures::of(&node).await;
    assert_eq!((figures.appends("sale", "written"), figures.appends("item", "written")), (1, 3));
    let count = |figure: &str, stream: &str| {
        figures.value(&format!("doorbuster_append_{figure}_count{{stream=\"{stream}\"}}"))
    };
    for figure in ["seconds", "events"] {
        assert_eq!((count(figure, "sale"), count(figure, "item")), (1, 3), "{figure}");
    }
    // Revisions count from 0 and all of the item's events are in these three appends.
    let events = figures.value("doorbuster_append_events_sum{stream=\"item\"}");
    assert_eq!(events, paid.revision + 1);
    assert_eq!(figures.value("doorbuster_log_position"), paid.position);
    assert_eq!(figures.value("doorbuster_items_awake"), 1);
    assert_eq!(figures.value("doorbuster_sales_awake"), 1);

    let caught_up = until_figures(&node, |figures| {
        figures.value("doorbuster_projection_position{projection=\"stock\"}") == paid.position
    });
    let caught_up = caught_up.await;
    assert_eq!(caught_up.value("doorbuster_projection_lag_seconds{projection=\"stock\"}"), 0);
    assert_eq!(caught_up.value("doorbuster_projection_stopped{projection=\"stock\"}"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_counts_as_in_doubt_until_it_knows_what_became_of_its_append() {
    let node = watched_node().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let log = log_of(&node);
    // A constraint that only the commit checks: the store cannot say whether it wrote.
    log.execute_batch(
        "CREATE TABLE parents(id INTEGER PRIMARY KEY);
         CREATE TABLE children(id INTEGER REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER fault AFTER INSERT ON events BEGIN INSERT INTO children VALUES (1); END;",
    )
    .unwrap();
    let request = place(&items[0], "ann", 1);
    let unknown = node.purchases().place_order(request.clone()).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unavailable);
    let figures = Figures::of(&node).await;
    assert_eq!(figures.value("doorbuster_items_in_doubt"), 1);
    assert!(figures.appends("item", "unknown") > 0);
    assert_eq!(figures.commands("place_order", "fault"), 1);
    assert_eq!(figures.value("doorbuster_faults_total{reason=\"STORE_UNAVAILABLE\"}"), 1);

    log.execute_batch("DROP TRIGGER fault").unwrap();
    until_figures(&node, |figures| figures.value("doorbuster_items_in_doubt") == 0).await;
    order(&node.purchases().place_order(request).await.unwrap().into_inner());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_figure_names_a_buyer_an_order_or_an_item() {
    let node = watched_node().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let held = order(&node.place(&items[0], "ann-of-the-secret", 1).await.unwrap());
    node.pay(&held).await;
    let figures = Figures::of(&node).await;
    for said in [&sale, &items[0], &held.order_id, "ann-of-the-secret", "phone", "shanghai"] {
        assert!(!figures.0.contains(said), "{said}");
    }
}
