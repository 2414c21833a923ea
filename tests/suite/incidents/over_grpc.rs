//! Incidents of a running sale, over gRPC.

use doorbuster::{
    grpc::proto::{
        self, IncidentSeverity, assess_incident_response,
        incident_service_client::IncidentServiceClient, resolve_incident_response,
        review_incident_response,
    },
    pages::{Clock, Lang, PostMortem, Style, files},
    projections::catch_up,
    reports::{CsvManner, Reports},
    store::embedded::LogReader,
    values::{SaleId, UnixMs},
};
use tonic::Code;

use crate::support::{
    Channel, Node, OPENS_AT, assert_read_models_equal_a_rebuild, create_sale, item, once_built,
    request_id, timestamp,
};

fn client(node: &Node) -> IncidentServiceClient<Channel> {
    IncidentServiceClient::new(node.channel())
}

/// A sale of an hour that is to sell 3,600 of 4,000 units: one a second.
async fn planned_sale(node: &Node) -> (String, Vec<String>) {
    let mut request = create_sale(vec![item("A", &[("w", 3_000)]), item("B", &[("w", 1_000)])]);
    let goals = proto::SaleGoals { units: Some(3_600), ..Default::default() };
    request.sale.as_mut().unwrap().goals = Some(goals);
    let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    (sale.sale_id, sale.items.into_iter().map(|item| item.item_id).collect())
}

fn open(sale: &str, items: &[String]) -> proto::OpenIncidentRequest {
    proto::OpenIncidentRequest {
        request_id: request_id(),
        sale_id: sale.to_owned(),
        item_ids: items.to_vec(),
        title: "payments <b>hang</b>".to_owned(),
        begin_time: None,
        operator: "olga".to_owned(),
        reason: String::new(),
    }
}

async fn shown(node: &Node, incident: &str, min_position: u64) -> proto::GetIncidentResponse {
    let incident_id = incident.to_owned();
    let request = proto::GetIncidentRequest { incident_id, min_position, as_of: None };
    client(node).get_incident(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_followed_to_its_review_and_its_cost_is_the_plan_less_the_orders() {
    let mut node = Node::start().await;
    let (sale, items) = planned_sale(&node).await;
    node.advance(60);
    let opened = client(&node).open_incident(open(&sale, &[])).await.unwrap().into_inner();
    let id = opened.incident.unwrap().incident_id;

    // Two minutes in which 120 units are planned and 30 are ordered, all in the second minute.
    node.advance(60);
    node.place(&items[0], "alice", 30).await.unwrap();
    let assess = proto::AssessIncidentRequest {
        request_id: request_id(),
        incident_id: id.clone(),
        severity: IncidentSeverity::Major.into(),
        impact: "half of the payments fail".to_owned(),
        owner: "pavel".to_owned(),
        operator: "olga".to_owned(),
        reason: String::new(),
    };
    let assessed = client(&node).assess_incident(assess).await.unwrap().into_inner();
    assert!(matches!(
        assessed.outcome,
        Some(assess_incident_response::Outcome::Incident(incident)) if incident.owner == "pavel"
    ));
    node.advance(60);
    let resolve = proto::ResolveIncidentRequest {
        request_id: request_id(),
        incident_id: id.clone(),
        end_time: None,
        operator: "olga".to_owned(),
        reason: String::new(),
    };
    let resolved = client(&node).resolve_incident(resolve.clone()).await.unwrap().into_inner();
    // Repeated, the first answer; said anew, a "no".
    let again = client(&node).resolve_incident(resolve.clone()).await.unwrap().into_inner();
    assert_eq!(again, resolved);
    let anew = proto::ResolveIncidentRequest { request_id: request_id(), ..resolve };
    let anew = client(&node).resolve_incident(anew).await.unwrap().into_inner();
    let Some(resolve_incident_response::Outcome::Refusal(refusal)) = anew.outcome else {
        panic!("it is resolved already");
    };
    assert_eq!(refusal.reason(), proto::IncidentRefusalReason::AlreadyResolved);
    let review = proto::ReviewIncidentRequest {
        request_id: request_id(),
        incident_id: id.clone(),
        cause: "one provider".to_owned(),
        lessons: "two providers".to_owned(),
        operator: "olga".to_owned(),
        reason: String::new(),
    };
    let reviewed = client(&node).review_incident(review).await.unwrap().into_inner();
    assert!(matches!(reviewed.outcome, Some(review_incident_response::Outcome::Incident(_))));

    let found = shown(&node, &id, reviewed.position).await;
    let kinds: Vec<&str> = found.steps.iter().map(|step| step.kind.as_str()).collect();
    let steps = ["IncidentDetected", "IncidentAssessed", "IncidentResolved", "IncidentReviewed"];
    assert_eq!(kinds, steps);
    let impact = found.impact.unwrap();
    assert_eq!(impact.basis(), proto::ImpactBasis::Goal);
    assert_eq!((impact.planned_units, impact.ordered_units, impact.lost_units), (120, 30, 90));
    assert_eq!((impact.available_units_at_begin, impact.available_units_at_end), (4_000, 3_970));
    assert_eq!(impact.lost_revenue.unwrap().amount_minor, 90 * 199_900);
    assert_eq!(impact.lost_units_per_minute, 45);
    let minutes: Vec<(i64, i64, i64)> = impact
        .minutes
        .iter()
        .map(|minute| (minute.planned_units, minute.ordered_units, minute.lost_units))
        .collect();
    assert_eq!(minutes, [(60, 0, 60), (60, 30, 30)]);

    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
    the_post_mortem_tells_of_it(&node, &sale);
}

fn the_post_mortem_tells_of_it(node: &Node, sale: &str) {
    let sale = SaleId::parse("sale", sale).unwrap();
    // A node stops without waiting for its read models.
    let log = LogReader::open(node.data()).unwrap();
    catch_up(node.data(), |_| Ok(true), |after| log.read_all(after, 500), |_| {}).unwrap();
    let facts = PostMortem::of(&Reports::open(node.data()), sale, None, UnixMs::LATEST).unwrap();
    let languages = [
        (Lang::English, ["Incidents", "goal of units", "Incident resolved", "two providers"]),
        (Lang::Chinese, ["事件", "销量目标", "事件解决", "two providers"]),
    ];
    for (lang, words) in languages {
        let written = files(&facts, Style { lang, clock: Clock::UTC }, CsvManner::default());
        let html = &written.iter().find(|file| file.path == "post-mortem.html").unwrap().text;
        for words in words {
            assert!(html.contains(words), "{words}");
        }
        assert!(html.contains("payments &lt;b&gt;hang") && !html.contains("<b>hang"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_bear_their_share_of_the_plan_and_open_incidents_cost_until_now() {
    let node = Node::start().await;
    let (sale, items) = planned_sale(&node).await;
    node.advance(60);
    // B has a quarter of the units, so a quarter of one unit a second.
    let opened = client(&node).open_incident(open(&sale, &items[1..])).await.unwrap().into_inner();
    let id = opened.incident.unwrap().incident_id;
    node.advance(120);
    node.place(&items[0], "alice", 1_000).await.unwrap();
    let impact = shown(&node, &id, opened.position).await.impact.unwrap();
    assert_eq!((impact.planned_units, impact.ordered_units, impact.lost_units), (30, 0, 30));
    node.advance(120);
    let impact = shown(&node, &id, opened.position).await.impact.unwrap();
    assert_eq!((impact.planned_units, impact.lost_units, impact.minutes.len()), (60, 60, 4));
    // As it was when it was opened it had cost nothing, whenever that is asked.
    let moment = proto::as_of::Moment::Position(opened.position);
    let request = proto::GetIncidentRequest {
        incident_id: id,
        min_position: 0,
        as_of: Some(proto::AsOf { moment: Some(moment) }),
    };
    let then = once_built(|| {
        let (mut client, request) = (client(&node), request.clone());
        async move { client.get_incident(request).await }
    });
    let then = then.await.unwrap().into_inner();
    let impact = then.impact.unwrap();
    assert_eq!((impact.planned_units, impact.lost_units, impact.minutes.len()), (0, 0, 0));
    assert_eq!(then.freshness.unwrap().position, opened.position);
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_listed_newest_first_page_by_page() {
    let node = Node::start().await;
    let (sale, _) = planned_sale(&node).await;
    let mut ids = Vec::new();
    let mut position = 0;
    for _ in 0..3 {
        let opened = client(&node).open_incident(open(&sale, &[])).await.unwrap().into_inner();
        ids.insert(0, opened.incident.unwrap().incident_id);
        position = opened.position;
    }
    let resolve = proto::ResolveIncidentRequest {
        request_id: request_id(),
        incident_id: ids[0].clone(),
        operator: "olga".to_owned(),
        ..Default::default()
    };
    position =
        position.max(client(&node).resolve_incident(resolve).await.unwrap().into_inner().position);
    let mut request = proto::ListIncidentsRequest {
        sale_id: sale.clone(),
        page_size: 2,
        min_position: position,
        ..Default::default()
    };
    let first = client(&node).list_incidents(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let second = client(&node).list_incidents(request.clone()).await.unwrap().into_inner();
    let listed = first.incidents.into_iter().chain(second.incidents);
    assert_eq!(listed.map(|incident| incident.incident_id).collect::<Vec<_>>(), ids);
    assert!(second.next_page_token.is_empty());
    let open = proto::ListIncidentsRequest { open: true, page_token: String::new(), ..request };
    let open = client(&node).list_incidents(open).await.unwrap().into_inner();
    assert_eq!(open.incidents.len(), 2);
    assert!(open.incidents.iter().all(|incident| incident.incident_id != ids[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_named_and_change_nothing() {
    let node = Node::start().await;
    let (sale, items) = planned_sale(&node).await;
    let (_, others) = node.sale(vec![item("C", &[("w", 1)])]).await;
    type Spoil = Box<dyn Fn(&mut proto::OpenIncidentRequest)>;
    let cases: Vec<(Spoil, &str)> = vec![
        (Box::new(|r| r.request_id.clear()), "request_id"),
        (Box::new(|r| r.sale_id = "x".to_owned()), "sale_id"),
        (Box::new(|r| r.title.clear()), "title"),
        (Box::new(|r| r.title = "a".repeat(201)), "title"),
        (Box::new(|r| r.title = "bell\u{7}".to_owned()), "title"),
        (Box::new(|r| r.operator.clear()), "operator"),
        (Box::new(|r| r.begin_time = Some(timestamp(OPENS_AT.plus(1_000)))), "begin_time"),
        (Box::new(move |r| r.item_ids = others.clone()), "item_ids[0]"),
        (Box::new(move |r| r.item_ids = vec![items[0].clone(); 2]), "item_ids[1]"),
    ];
    for (spoil, field) in cases {
        let mut request = open(&sale, &[]);
        spoil(&mut request);
        let status = client(&node).open_incident(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        assert!(status.message().starts_with(field), "{field}: {}", status.message());
    }
    let missing = open(&request_id(), &[]);
    let status = client(&node).open_incident(missing).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let unknown = proto::RecordActionRequest {
        request_id: request_id(),
        incident_id: request_id(),
        action: "looked".to_owned(),
        operator: "olga".to_owned(),
        reason: String::new(),
    };
    let status = client(&node).record_action(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let listed = client(&node).list_incidents(proto::ListIncidentsRequest::default()).await;
    assert!(listed.unwrap().into_inner().incidents.is_empty());
}
