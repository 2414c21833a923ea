//! A real server: what fires is raised, told to followers, listed, known after a restart, cleared.

use std::{sync::Arc, time::Duration};

use doorbuster::{
    clock::{Clock, ManualClock},
    events::Position,
    grpc::proto::{
        self, AlertChange, ClearedBecause, FollowAlertsResponse,
        alert_service_client::AlertServiceClient, order_service_client::OrderServiceClient,
    },
    store::{EventStore, embedded::EmbeddedStore},
};
use tokio::time::timeout;
use tonic::{Code, Streaming};

use crate::{
    nodes::store::NodeStore,
    support::{
        Channel, Node, OPENS_AT, PATIENCE, create_sale, item, order, place, request_id, timestamp,
    },
    web::figures::until_figures,
};

fn alerts(node: &Node) -> AlertServiceClient<Channel> {
    AlertServiceClient::new(node.channel())
}

async fn follow(node: &Node, after: u64) -> Streaming<FollowAlertsResponse> {
    let request =
        proto::FollowAlertsRequest { sale_id: String::new(), after_position: Some(after) };
    alerts(node).follow_alerts(request).await.unwrap().into_inner()
}

/// The next that is told: what happened to which rule, and where it stands in the log.
async fn next(told: &mut Streaming<FollowAlertsResponse>) -> (AlertChange, String, u64) {
    let next = timeout(PATIENCE, told.message()).await.expect("something is told");
    let next = next.unwrap().expect("it goes on");
    (next.change(), next.alert.clone().unwrap().rule, next.position)
}

async fn firing(node: &Node, min_position: u64) -> Vec<proto::Alert> {
    let request =
        proto::ListAlertsRequest { firing_only: true, min_position, ..Default::default() };
    alerts(node).list_alerts(request).await.unwrap().into_inner().alerts
}

/// A sale whose own rules fire with the first order, and what comes with doorbuster is off.
fn sale() -> proto::CreateSaleRequest {
    let mut request = create_sale(vec![item("phone", &[("north", 10)])]);
    let rule = |name: &str, when: &str| proto::AlertRule {
        name: name.to_owned(),
        when: when.to_owned(),
        each_item: true,
        ..Default::default()
    };
    let off = |name: &str| proto::AlertRule { name: name.to_owned(), off: true, ..rule("", "") };
    let alerts = vec![
        rule("nearly_gone", "available_units < 5"),
        proto::AlertRule {
            opens_incident: true,
            sets_level: "no_traffic".to_owned(),
            ..rule("gone", "available_units == 0")
        },
        off("low_stock"),
        off("sold_out"),
    ];
    request.sale.as_mut().unwrap().alerts = alerts;
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_raised_once_told_in_order_kept_over_a_restart_and_cleared() {
    let mut node = Node::start_with(|config| config.alerts = true).await;
    let created = node.sales().create_sale(sale()).await.unwrap().into_inner().sale.unwrap();
    let phone = created.items[0].item_id.clone();
    let mut told = follow(&node, 0).await;
    node.purchases().place_order(place(&phone, "ann", 6)).await.unwrap();
    assert_eq!(next(&mut told).await.1, "nearly_gone");
    node.purchases().place_order(place(&phone, "bob", 4)).await.unwrap();
    let (change, rule, position) = next(&mut told).await;
    assert_eq!((change, rule.as_str()), (AlertChange::Raised, "gone"));

    let listed = firing(&node, position).await;
    let rules: Vec<&str> = listed.iter().map(|alert| alert.rule.as_str()).collect();
    assert_eq!(rules, ["gone", "nearly_gone"]);
    assert_eq!((listed[0].sku.as_str(), &listed[0].item_id), ("phone", &phone));
    assert_eq!(listed[0].signals[0].name, "available_units");

    // Who starts again knows what is raised, and says nothing twice. The units come back.
    node.restart().await;
    let mut told = follow(&node, position).await;
    node.clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        let (change, _, _) = next(&mut told).await;
        assert_eq!(change, AlertChange::Cleared);
    }

    // From the beginning on everything is told once, in the order of the log.
    let mut all = follow(&node, 0).await;
    let mut positions = Vec::new();
    for expected in ["nearly_gone", "gone"] {
        let (change, rule, position) = next(&mut all).await;
        assert_eq!((change, rule.as_str()), (AlertChange::Raised, expected));
        positions.push(position);
    }
    for _ in 0..2 {
        let (change, _, position) = next(&mut all).await;
        assert_eq!(change, AlertChange::Cleared);
        positions.push(position);
    }
    assert!(positions.is_sorted());
    assert!(firing(&node, positions[3]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alerts_of_a_sale_that_is_over_are_cleared() {
    let node = Node::start_with(|config| config.alerts = true).await;
    let created = node.sales().create_sale(sale()).await.unwrap().into_inner().sale.unwrap();
    let phone = created.items[0].item_id.clone();
    let mut told = follow(&node, 0).await;
    let placed = node.purchases().place_order(place(&phone, "ann", 10)).await.unwrap();
    let order = crate::support::order(&placed.into_inner());
    for _ in 0..2 {
        assert_eq!(next(&mut told).await.0, AlertChange::Raised);
    }
    node.pay(&order).await;
    node.clock.advance(Duration::from_secs(3_601));
    for _ in 0..2 {
        let next = timeout(PATIENCE, told.message()).await.unwrap().unwrap().unwrap();
        let alert = next.alert.as_ref().unwrap();
        assert_eq!(alert.cleared_because(), ClearedBecause::SaleOver, "{next:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_in_force_are_told_and_conditions_are_read() {
    let node = Node::start_with(|config| config.alerts = true).await;
    let created = node.sales().create_sale(sale()).await.unwrap().into_inner().sale.unwrap();
    assert_eq!(created.alerts.len(), 4);
    let rules = |sale_id: &str| {
        let request = proto::ListAlertRulesRequest { sale_id: sale_id.to_owned() };
        let mut client = alerts(&node);
        async move { client.list_alert_rules(request).await }
    };
    let names = |answer: proto::ListAlertRulesResponse| -> Vec<(String, bool)> {
        let name = |rule: proto::EffectiveAlertRule| {
            let is_own = rule.source() == proto::AlertRuleSource::Sale;
            (rule.rule.unwrap().name, is_own)
        };
        answer.rules.into_iter().map(name).collect()
    };
    let of_sale = names(rules(&created.sale_id).await.unwrap().into_inner());
    assert!(of_sale.contains(&("nearly_gone".to_owned(), true)), "{of_sale:?}");
    assert!(of_sale.contains(&("off_plan".to_owned(), false)), "{of_sale:?}");
    assert!(of_sale.iter().all(|(name, _)| name != "low_stock"), "{of_sale:?}");
    let of_service = names(rules("").await.unwrap().into_inner());
    assert!(of_service.contains(&("store_unavailable".to_owned(), false)), "{of_service:?}");
    let nobody = rules("0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77").await.unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);

    let check = |when: &str| {
        let request = proto::CheckAlertRuleRequest { when: when.to_owned(), each_item: false };
        let mut client = alerts(&node);
        async move { client.check_alert_rule(request).await.unwrap().into_inner() }
    };
    let good = check("attempts > 5").await;
    assert!(good.ok && good.figures[0].name == "attempts", "{good:?}");
    let bad = check("attempts / 0 > 5").await;
    assert!(!bad.ok && bad.problem.contains("divides by zero"), "{bad:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_opens_an_incident_and_lowers_the_level() {
    let node = Node::start_with(|config| config.alerts = true).await;
    let created = node.sales().create_sale(sale()).await.unwrap().into_inner().sale.unwrap();
    node.purchases().place_order(place(&created.items[0].item_id, "ann", 10)).await.unwrap();
    let log = doorbuster::store::embedded::LogReader::open(node.data()).unwrap();
    let found = timeout(PATIENCE, async {
        let mut told = follow(&node, 0).await;
        // What comes after the alert comes within the next rounds.
        loop {
            let events = log.read_all(Position::START, 1_000).unwrap();
            let kinds: Vec<String> = events.into_iter().map(|event| event.kind).collect();
            if kinds.iter().any(|kind| kind == "LevelSet")
                && kinds.iter().any(|kind| kind == "IncidentDetected")
            {
                break kinds;
            }
            let _ = timeout(Duration::from_millis(200), told.message()).await;
        }
    });
    let kinds = found.await.expect("both come of the alert");
    assert_eq!(kinds.iter().filter(|kind| *kind == "IncidentDetected").count(), 1);
}

/// Moves the clock on until the node counts that many critical alerts.
async fn until_firing(node: &Node, alerts: u64) {
    until_figures(node, |figures| {
        node.advance(1);
        figures.value("doorbuster_alerts_firing{severity=\"critical\"}") == alerts
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_a_store_that_is_away_is_counted_meanwhile_and_written_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store = NodeStore::new(&log, false);
    let node = Node::start_on(store.clone(), clock, |config| {
        config.alerts = true;
        config.web = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let mut told = follow(&node, 0).await;
    let gone_at = node.clock.now();
    store.set_away(true);
    until_firing(&node, 1).await;
    assert_eq!(log.head(), Position::START, "nothing can be written");

    store.set_away(false);
    let rule = "store_unavailable".to_owned();
    let raised = next(&mut told).await;
    assert_eq!((raised.0, &raised.1), (AlertChange::Raised, &rule));
    until_firing(&node, 0).await;
    let cleared = next(&mut told).await;
    assert_eq!((cleared.0, &cleared.1), (AlertChange::Cleared, &rule));
    let request = proto::ListAlertsRequest::default();
    let listed = alerts(&node).list_alerts(request).await.unwrap().into_inner().alerts;
    let alert = listed.iter().find(|alert| alert.rule == "store_unavailable").unwrap();
    let since = alert.since_time.unwrap();
    assert!(since.seconds >= timestamp(gone_at).seconds, "{since:?} is before it was gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_nobody_sends_back_for_a_day_raises_an_alert_until_it_is_settled() {
    let node = Node::start_with(|config| config.alerts = true).await;
    let mut request = create_sale(vec![item("phone", &[("north", 10)])]);
    let off =
        |name: &str| proto::AlertRule { name: name.to_owned(), off: true, ..Default::default() };
    request.sale.as_mut().unwrap().alerts = vec![off("off_plan"), off("sold_out")];
    let created = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    let phone = created.items[0].item_id.clone();
    let placed = order(&node.place(&phone, "ann", 1).await.unwrap());
    node.pay(&placed).await;
    let mut orders = OrderServiceClient::new(node.channel());
    let refund = proto::RefundOrderRequest {
        request_id: request_id(),
        item_id: phone.clone(),
        order_id: placed.order_id,
        units: 1,
        restock: true,
        operator: "olga".to_owned(),
        reason: "sent back".to_owned(),
    };
    let refunded = orders.refund_order(refund).await.unwrap().into_inner();
    let Some(proto::refund_order_response::Outcome::Order(shown)) = refunded.outcome else {
        panic!("refused")
    };
    // The sale is over by then: the rule is one of the service.
    node.clock.advance(Duration::from_secs(86_402));
    let mut told = follow(&node, refunded.position).await;
    let overdue = |change: AlertChange, rule: &str| {
        rule == "refunds_overdue" && change == AlertChange::Raised
    };
    loop {
        let (change, rule, _) = next(&mut told).await;
        if overdue(change, &rule) {
            break;
        }
    }
    let settle = proto::SettleRefundRequest {
        request_id: request_id(),
        item_id: phone,
        due_id: shown.dues[0].due_id.clone(),
        reference: "transfer-1".to_owned(),
        operator: "olga".to_owned(),
        reason: "daily run".to_owned(),
    };
    orders.settle_refund(settle).await.unwrap();
    // It is over when it has been over for a minute.
    let cleared = async {
        loop {
            node.clock.advance(Duration::from_secs(10));
            let told = timeout(Duration::from_secs(1), next(&mut told)).await;
            if let Ok((AlertChange::Cleared, rule, _)) = told
                && rule == "refunds_overdue"
            {
                return;
            }
        }
    };
    timeout(PATIENCE, cleared).await.expect("it is cleared");
}
