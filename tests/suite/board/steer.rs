//! Steering: only with a token, in its operator's name, once for each request.

use std::path::Path;

use doorbuster::grpc::proto::{self, ItemPhase, ListActsRequest, RefusalReason};
use serde_json::{Value, json};

use super::{Follower, Said, ask, get};
use crate::known_tokens;
use crate::support::{Node, create_sale, item, order, refused, request_id};

const TOKEN: &str = known_tokens::OLGA;

async fn steered_node(directory: &Path) -> Node {
    let file = known_tokens::file(directory);
    Node::start_with(|config| {
        config.board = Some(([127, 0, 0, 1], 0).into());
        config.tokens_file = Some(file);
        config.public_routes.board = true;
    })
    .await
}

/// Puts a sale up as an operator, and gives its id and that of its item.
async fn sale_of_one_phone(node: &Node) -> (String, Vec<String>) {
    sale_of(node, item("phone", &[("shanghai", 1)])).await
}

async fn sale_of(node: &Node, item: proto::ItemDraft) -> (String, Vec<String>) {
    let message = create_sale(vec![item]);
    let mut request =
        tonic::Request::new(proto::CreateSaleRequest { operator: "olga".to_owned(), ..message });
    let bearer = format!("Bearer {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    (sale.sale_id, sale.items.into_iter().map(|item| item.item_id).collect())
}

async fn steer(node: &Node, path: &str, headers: &str, body: &Value) -> Said {
    let board = node.board();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {board}\r\ncontent-type: application/json{headers}");
    ask(board, &head, &body.to_string()).await
}

fn bearer(token: &str) -> String {
    format!("\r\nauthorization: Bearer {token}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_pauses_resumes_and_adds_units_and_is_on_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let board = node.board();
    let (sale, items) = sale_of_one_phone(&node).await;
    let path = format!("/items/{}/steer", items[0]);

    let head = format!("GET /whoami HTTP/1.1\r\nhost: {board}{}", bearer(TOKEN));
    assert_eq!(ask(board, &head, "").await.json()["operator"], "olga");

    let pause =
        json!({ "request_id": request_id(), "action": "pause", "reason": "the price is wrong" });
    let paused = steer(&node, &path, &bearer(TOKEN), &pause).await;
    assert_eq!(paused.status, 200, "{}", paused.body);
    let again = steer(&node, &path, &bearer(TOKEN), &pause).await;
    assert_eq!(again.json(), paused.json(), "the same request is the same answer");
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::Paused);
    let told = node.place(&items[0], "ann", 1).await.unwrap();
    assert_eq!(refused(&told), RefusalReason::Paused);

    let resume = json!({ "request_id": request_id(), "action": "resume", "reason": "mended" });
    assert_eq!(steer(&node, &path, &bearer(TOKEN), &resume).await.status, 200);
    let add = json!({
        "request_id": request_id(), "action": "allocate", "reason": "a lorry came",
        "units": 5, "warehouse": "shanghai",
    });
    let added = steer(&node, &path, &bearer(TOKEN), &add).await;
    assert_eq!(node.item(&items[0]).await.available_units, 6);

    let request = ListActsRequest {
        sale_id: sale,
        min_position: added.json()["position"].as_u64().unwrap(),
        ..Default::default()
    };
    let acts = node.reports().list_acts(request).await.unwrap().into_inner().acts;
    let told: Vec<_> = acts
        .iter()
        .filter(|act| !act.item_id.is_empty())
        .map(|act| (act.kind.as_str(), act.operator.as_str(), act.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("ItemPaused", "olga", "the price is wrong"),
            ("ItemResumed", "olga", "mended"),
            ("StockAllocated", "olga", "a lorry came"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_takes_units_back_and_settles_their_money_on_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let (sale, items) = sale_of_one_phone(&node).await;
    let placed = order(&node.place(&items[0], "ann", 1).await.unwrap());
    node.pay(&placed).await;
    let path = format!("/items/{}/orders", items[0]);
    let refund = json!({
        "request_id": request_id(), "action": "refund", "reason": "sent back",
        "order_id": placed.order_id, "units": 1, "restock": true,
    });
    for (name, value, field) in [
        ("units", json!(0), "units"),
        ("units", Value::Null, "units"),
        ("restock", json!("yes"), "restock"),
        ("order_id", json!("1"), "order_id"),
        ("action", json!("resell"), "action"),
        ("due_id", json!(request_id()), "due_id"),
    ] {
        let mut wrong = refund.clone();
        wrong[name] = value;
        let said = steer(&node, &path, &bearer(TOKEN), &wrong).await;
        assert_eq!((said.status, said.json()["field"].as_str()), (400, Some(field)), "{wrong}");
    }
    assert_eq!(steer(&node, &path, "", &refund).await.status, 401, "without a token");
    let refunded = steer(&node, &path, &bearer(TOKEN), &refund).await;
    assert_eq!(refunded.status, 200, "{}", refunded.body);
    assert_eq!(node.item(&items[0]).await.available_units, 1);

    let mut follower = Follower::of(node.board(), &sale).await;
    let due = loop {
        let frame = follower.frame().await;
        let told = frame["panels"]["dues"].as_str().unwrap().to_owned();
        if let Some((_, rest)) = told.split_once("data-due=\"") {
            assert!(frame["panels"]["tiles"].as_str().unwrap().contains("1 open, the oldest for"));
            break rest.split('"').next().unwrap().to_owned();
        }
    };
    let settle = json!({
        "request_id": request_id(), "action": "settle", "reason": "daily run",
        "due_id": due, "reference": "transfer-1",
    });
    let settled = steer(&node, &path, &bearer(TOKEN), &settle).await;
    assert_eq!(settled.status, 200, "{}", settled.body);
    while !follower.frame().await["panels"]["dues"].as_str().unwrap().contains("Settled so far: 1")
    {
    }
    let mut other = settle.clone();
    other["request_id"] = json!(request_id());
    other["reference"] = json!("transfer-2");
    assert_eq!(steer(&node, &path, &bearer(TOKEN), &other).await.status, 409);

    let request = ListActsRequest {
        sale_id: sale,
        min_position: settled.json()["position"].as_u64().unwrap(),
        ..Default::default()
    };
    let acts = node.reports().list_acts(request).await.unwrap().into_inner().acts;
    let told: Vec<_> =
        acts.iter().rev().take(2).map(|act| (act.kind.as_str(), act.operator.as_str())).collect();
    assert_eq!(told, [("RefundSettled", "olga"), ("OrderRefunded", "olga")]);
    // The page of the order tells both.
    let page = get(node.board(), &format!("/orders/{}", placed.order_id)).await;
    assert!(page.body.contains(">Refunded</span>"), "{}", page.body);
    assert!(page.body.contains("transfer-1"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_closed_from_the_board() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let (sale, items) = sale_of_one_phone(&node).await;
    let path = format!("/sales/{sale}/steer");
    let close = json!({ "request_id": request_id(), "action": "close", "reason": "it is over" });
    let closed = steer(&node, &path, &bearer(TOKEN), &close).await;
    assert_eq!(closed.status, 200, "{}", closed.body);
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_write_is_said_by_field_and_nothing_happens() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let (_, items) = sale_of_one_phone(&node).await;
    let path = format!("/items/{}/steer", items[0]);
    let good = json!({ "request_id": request_id(), "action": "pause", "reason": "why not" });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, field) in [
        (with("request_id", json!("1")), "request_id"),
        (with("reason", json!("")), "reason"),
        (with("reason", json!("two\nlines")), "reason"),
        (with("reason", json!(7)), "reason"),
        (with("action", json!("explode")), "action"),
        (with("operator", json!("max")), "operator"),
        (with("action", json!("allocate")), "warehouse"),
        (json!([]), "body"),
    ] {
        let said = steer(&node, &path, &bearer(TOKEN), &body).await;
        assert_eq!((said.status, said.json()["field"].as_str()), (400, Some(field)), "{body}");
    }
    let unknown = format!("/items/{}/steer", request_id());
    assert_eq!(steer(&node, &unknown, &bearer(TOKEN), &good).await.status, 404);
    let long = with("reason", json!("x".repeat(20_000)));
    assert_eq!(steer(&node, &path, &bearer(TOKEN), &long).await.status, 413);
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_says_of_sales_items_and_incidents_what_their_services_say() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let (sale, items) = sale_of_one_phone(&node).await;
    let to_sale = format!("/sales/{sale}/steer");
    let resume = json!({ "request_id": request_id(), "action": "resume", "reason": "mended" });
    let said = steer(&node, &to_sale, &bearer(TOKEN), &resume).await;
    let mut request = tonic::Request::new(proto::ResumeSaleRequest {
        request_id: request_id(),
        sale_id: sale.clone(),
        reason: "mended".to_owned(),
        ..Default::default()
    });
    let token = format!("Bearer {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", token);
    let answer = node.sales().resume_sale(request).await.unwrap().into_inner();
    let Some(proto::resume_sale_response::Outcome::Refusal(no)) = answer.outcome else {
        panic!("resumed: {answer:?}");
    };
    assert_eq!((said.status, said.json()), (409, json!({ "error": no.message })));
    assert!(no.message.contains("sale"), "{}", no.message);

    let reused = request_id();
    let pause = |reason: &str| json!({ "request_id": reused, "action": "pause", "reason": reason });
    assert_eq!(steer(&node, &to_sale, &bearer(TOKEN), &pause("a")).await.status, 200);
    let open = |title: &str, reason: &str| json!({ "request_id": request_id(), "sale_id": sale, "title": title, "reason": reason });
    let limit = json!({
        "request_id": request_id(), "action": "set_limit", "reason": "a", "per_buyer": 0,
    });
    let no_sale = format!("/sales/{}/steer", request_id());
    let to_item = format!("/items/{}/steer", items[0]);
    let step = json!({ "request_id": request_id(), "reason": "a", "action": "b" });
    for (path, body, status, field, says) in [
        (to_sale.as_str(), pause("b"), 409, "request_id", "with other fields"),
        (&no_sale, pause("a"), 404, "sale_id", "sale"),
        ("/sales/1/steer", pause("a"), 400, "sale_id", "sale_id must"),
        (&to_item, limit, 400, "per_buyer", "per_buyer must be at least 1, not 0"),
        ("/incidents", open("", "a"), 400, "title", "title is missing"),
        ("/incidents", open("slow", ""), 400, "reason", "reason is missing"),
        ("/incidents/1/act", step, 400, "incident_id", "incident_id must"),
    ] {
        let said = steer(&node, path, &bearer(TOKEN), &body).await;
        assert_eq!((said.status, &said.json()["field"]), (status, &json!(field)), "{}", said.body);
        assert!(said.json()["error"].as_str().unwrap().contains(says), "{}", said.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_given_twice_is_refused_and_nothing_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let board = node.board();
    let (_, items) = sale_of_one_phone(&node).await;
    let path = format!("/items/{}/steer", items[0]);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {board}\r\ncontent-type: application/json{}",
        bearer(TOKEN)
    );
    let request = request_id();
    let twice = format!(
        "{{\"request_id\":\"{request}\",\"reason\":\"x\",\"action\":\"resume\",\"action\":\"close\"}}"
    );
    let said = ask(board, &head, &twice).await;
    assert_eq!(said.status, 400, "{}", said.body);
    assert_eq!(said.json()["error"], "action is given twice");
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_a_wrong_token_is_told_why() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let board = node.board();
    let head =
        format!("GET /whoami HTTP/1.1\r\nhost: {board}{}", bearer(&TOKEN.replace("olga", "Olga")));
    let said = ask(board, &head, "").await;
    let why = said.json()["error"].as_str().unwrap().to_owned();
    assert!(why.contains("this is no token of this server"), "{why}");
    // The page shows what the server says, not a word of its own for all cases.
    let script = get(board, "/board.js").await.body;
    assert!(script.contains("error: said.error || String(status)"), "{script}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_steers_without_a_token_or_from_a_page_of_somebody_else() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let board = node.board();
    let (_, items) = sale_of_one_phone(&node).await;
    let path = format!("/items/{}/steer", items[0]);
    let body = json!({ "request_id": request_id(), "action": "pause", "reason": "why not" });
    let elsewhere = format!("{}\r\norigin: https://evil.example", bearer(TOKEN));
    for (headers, status) in [
        (String::new(), 401),
        (bearer(&TOKEN.replace("olga", "Olga")), 401),
        ("\r\nauthorization: Basic b2xnYQ==".to_owned(), 401),
        (elsewhere, 403),
    ] {
        assert_eq!(steer(&node, &path, &headers, &body).await.status, status, "{headers}");
    }
    let plain = format!("POST {path} HTTP/1.1\r\nhost: {board}{}", bearer(TOKEN));
    assert_eq!(ask(board, &plain, &body.to_string()).await.status, 415);
    assert_eq!(get(board, &path).await.status, 401);
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::Open);
    let here = format!("{}\r\norigin: http://{board}", bearer(TOKEN));
    assert_eq!(steer(&node, &path, &here, &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_the_board_is_read_only() {
    let node = super::board_node().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let body = json!({ "request_id": request_id(), "action": "pause", "reason": "why not" });
    let said = steer(&node, &format!("/items/{}/steer", items[0]), &bearer(TOKEN), &body).await;
    assert_eq!(said.status, 401);
    assert!(said.json()["error"].as_str().unwrap().contains("read-only"), "{}", said.body);
}

async fn set_level(node: &Node, level: &str) {
    let body = json!({ "request_id": request_id(), "level": level, "reason": "too much to do" });
    let said = steer(node, "/level", &bearer(TOKEN), &body).await;
    assert_eq!(said.status, 200, "{}", said.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_detail_a_page_is_told_why_and_no_part_of_it_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let board = node.board();
    let (sale, _) = sale_of_one_phone(&node).await;
    let mut follower = Follower::of(board, &sale).await;
    for part in ["items", "rows?of=stock"] {
        assert_eq!(get(board, &format!("/sales/{sale}/{part}")).await.status, 200, "{part}");
    }
    set_level(&node, "no_board_detail").await;
    let panels = loop {
        let frame = follower.frame().await;
        if frame["level"] == "no_board_detail" {
            break frame["panels"].as_object().unwrap().clone();
        }
    };
    let mut shown: Vec<&str> = panels.keys().map(String::as_str).collect();
    shown.sort_unstable();
    assert_eq!(shown, ["alerts", "head", "health", "level", "tiles"]);
    assert!(panels["level"].as_str().unwrap().contains("Reduced"), "{}", panels["level"]);
    for part in ["items", "rows?of=stock"] {
        let said = get(board, &format!("/sales/{sale}/{part}")).await;
        assert_eq!((said.status, said.header("retry-after")), (503, Some("1")), "{part}");
        assert!(said.body.contains("no detail"), "{}", said.body);
    }
}

/// The panel of proposals, once it is so.
async fn proposals(follower: &mut Follower, wanted: impl Fn(&str) -> bool) -> String {
    loop {
        let frame = follower.frame().await;
        let panel = frame["panels"]["proposals"].as_str().unwrap().to_owned();
        if wanted(&panel) {
            return panel;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_reserve_plan_proposes_is_shown_until_it_is_released() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let mut phone = item("phone", &[("shanghai", 2)]);
    let at = |warehouse: &str, units| proto::WarehouseUnits { warehouse: warehouse.into(), units };
    phone.reserve = vec![at("shanghai", 3), at("beijing", 4)];
    phone.reserve_plan = vec![proto::ReserveStep {
        below_units: 2,
        release_units: 5,
        action: proto::ReserveAction::Propose.into(),
        ..Default::default()
    }];
    let (sale, items) = sale_of(&node, phone).await;
    let mut follower = Follower::of(node.board(), &sale).await;
    assert_eq!(proposals(&mut follower, |_| true).await, "");
    node.place(&items[0], "ann", 1).await.unwrap();
    let asked = proposals(&mut follower, |panel| !panel.is_empty()).await;
    assert!(asked.contains("release 3 in shanghai") && asked.contains("release 2 in beijing"));
    assert!(asked.contains("step 1: fewer than 2 were available"), "{asked}");

    let release = |warehouse, units| {
        json!({
            "request_id": request_id(), "action": "release_reserve", "reason": "asked",
            "warehouse": warehouse, "units": units,
        })
    };
    let path = format!("/items/{}/steer", items[0]);
    for (warehouse, units) in [("shanghai", 1), ("beijing", 2)] {
        let done = steer(&node, &path, &bearer(TOKEN), &release(warehouse, units)).await;
        assert_eq!(done.status, 200, "{}", done.body);
    }
    let left = proposals(&mut follower, |panel| !panel.contains("beijing")).await;
    assert!(left.contains("release 2 in shanghai"), "{left}");
    assert_eq!(steer(&node, &path, &bearer(TOKEN), &release("shanghai", 2)).await.status, 200);
    proposals(&mut follower, str::is_empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_also_when_the_board_rests() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let board = node.board();
    set_level(&node, "core_only").await;
    assert_eq!(get(board, "/").await.status, 503);
    let head = format!("GET /whoami HTTP/1.1\r\nhost: {board}{}", bearer(TOKEN));
    assert_eq!(ask(board, &head, "").await.status, 200);
    assert_eq!(get(board, "/whoami").await.status, 401);
    set_level(&node, "full").await;
    assert_eq!(get(board, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_offers_the_warehouses_of_the_item_and_takes_no_other_without_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let node = steered_node(directory.path()).await;
    let (_, items) = sale_of_one_phone(&node).await;
    let path = format!("/items/{}/warehouses", items[0]);
    let board = node.board();
    let head = format!("GET {path} HTTP/1.1\r\nhost: {board}{}", bearer(TOKEN));
    let offered = || async { ask(board, &head, "").await.json()["warehouses"].clone() };
    assert_eq!(get(board, &path).await.status, 401, "to ask wakes the item");
    let shanghai = json!({ "warehouse": "shanghai", "available": 1, "reserve": 0 });
    assert_eq!(offered().await, json!([shanghai]));

    let add = |more: Value| {
        let mut body = json!({
            "request_id": request_id(), "action": "allocate", "reason": "a lorry came",
            "units": 7, "warehouse": "main",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let steer_path = format!("/items/{}/steer", items[0]);
    let refused = steer(&node, &steer_path, &bearer(TOKEN), &add(json!({}))).await;
    assert_eq!((refused.status, &refused.json()["field"]), (400, &json!("warehouse")));
    assert!(refused.body.contains("shanghai"), "{}", refused.body);
    assert_eq!(node.item(&items[0]).await.available_units, 1);
    let odd = add(json!({ "new_warehouse": "yes" }));
    let odd = steer(&node, &steer_path, &bearer(TOKEN), &odd).await;
    assert_eq!((odd.status, &odd.json()["field"]), (400, &json!("new_warehouse")));
    let added = add(json!({ "new_warehouse": true }));
    assert_eq!(steer(&node, &steer_path, &bearer(TOKEN), &added).await.status, 200);
    let main = json!({ "warehouse": "main", "available": 7, "reserve": 0 });
    assert_eq!(offered().await, json!([shanghai, main]));
}
