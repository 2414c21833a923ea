//! Wordings of a running sale, over gRPC.

use doorbuster::grpc::proto::{
    self, incident_service_client::IncidentServiceClient, publish_script_response,
    script_service_client::ScriptServiceClient, withdraw_script_response,
};
use tonic::Code;

use crate::support::{Channel, Node, OPENS_AT, item, order, request_id, timestamp};

fn client(node: &Node) -> ScriptServiceClient<Channel> {
    ScriptServiceClient::new(node.channel())
}

fn publish(situation: &str, text: &str) -> proto::PublishScriptRequest {
    proto::PublishScriptRequest {
        request_id: request_id(),
        situation: situation.to_owned(),
        language: "en".to_owned(),
        text: text.to_owned(),
        expected_version: None,
        operator: "olga".to_owned(),
        reason: "a test".to_owned(),
    }
}

async fn say(node: &Node, item: &str, buyer: &str, lang: &str, min_position: u64) -> Vec<String> {
    let request = proto::RenderScriptRequest {
        item_id: item.to_owned(),
        buyer: buyer.to_owned(),
        language: lang.to_owned(),
        min_position,
        order_id: String::new(),
    };
    let said = client(node).render_script(request).await.unwrap().into_inner();
    said.scripts.into_iter().map(|script| script.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_wording_is_said_at_once_and_withdrawing_brings_the_old_one_back() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("A", &[("w", 2)])]).await;
    let placed = node.place(&items[0], "alice", 2).await.unwrap();
    let held = order(&placed);
    let said = say(&node, &items[0], "alice", "en", placed.position).await;
    let built_in = format!(
        "2 of The A are yours until 2026-11-11 00:01:00 UTC (order {}). Please pay 3998.00 CNY by \
         then; afterwards they go back on sale.",
        held.order_id
    );
    assert_eq!(said, std::slice::from_ref(&built_in));
    let chinese = say(&node, &items[0], "alice", "zh", placed.position).await;
    assert!(chinese[0].starts_with("已为您保留 2 件「The A」"), "{chinese:?}");

    let text = "{item_title} <b>waits</b> for you: pay {total}";
    let published = client(&node).publish_script(publish("order.held", text)).await.unwrap();
    let published = published.into_inner();
    let Some(publish_script_response::Outcome::Script(script)) = published.outcome else {
        panic!("published");
    };
    assert_eq!((script.version, script.builtin), (1, false));
    let said = say(&node, &items[0], "alice", "en", published.position).await;
    assert_eq!(said, ["The A <b>waits</b> for you: pay 3998.00 CNY"]);

    node.advance(10);
    let withdraw = proto::WithdrawScriptRequest {
        request_id: request_id(),
        situation: "order.held".to_owned(),
        language: "en".to_owned(),
        expected_version: Some(1),
        operator: "olga".to_owned(),
        reason: "a test".to_owned(),
    };
    let withdrawn = client(&node).withdraw_script(withdraw.clone()).await.unwrap().into_inner();
    assert!(matches!(withdrawn.outcome, Some(withdraw_script_response::Outcome::Script(_))));
    let said = say(&node, &items[0], "alice", "en", withdrawn.position).await;
    assert_eq!(said, [built_in]);
    let twice = proto::WithdrawScriptRequest { request_id: request_id(), ..withdraw };
    let twice = client(&node).withdraw_script(twice).await.unwrap().into_inner();
    assert!(matches!(
        twice.outcome,
        Some(withdraw_script_response::Outcome::Refusal(refusal)) if refusal.version == 2
    ));

    // Which was in force when: nothing before, the first for ten seconds, then the built-in one.
    let versions = async |at: Option<i64>| {
        let request = proto::ListScriptVersionsRequest {
            situation: "order.held".to_owned(),
            language: "en".to_owned(),
            at_time: at.map(|second| timestamp(OPENS_AT.plus(second * 1_000))),
            min_position: withdrawn.position,
            ..Default::default()
        };
        let found = client(&node).list_script_versions(request).await.unwrap().into_inner();
        let found = found.versions.into_iter().map(|version| version.script.unwrap());
        found.map(|script| (script.version, script.builtin)).collect::<Vec<_>>()
    };
    assert_eq!(versions(None).await, [(2, true), (1, false)]);
    assert_eq!(versions(Some(-1)).await, []);
    assert_eq!(versions(Some(0)).await, [(1, false)]);
    assert_eq!(versions(Some(9)).await, [(1, false)]);
    assert_eq!(versions(Some(10)).await, [(2, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_named_is_spoken_of_whatever_its_buyer_did_since() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("A", &[("w", 9)])]).await;
    let first = order(&node.place(&items[0], "alice", 2).await.unwrap());
    let latest = node.place(&items[0], "alice", 1).await.unwrap();
    let request = proto::RenderScriptRequest {
        order_id: first.order_id.clone(),
        language: "en".to_owned(),
        min_position: latest.position,
        ..Default::default()
    };
    let said = client(&node).render_script(request.clone()).await.unwrap().into_inner().scripts;
    let [said] = &said[..] else { panic!("one wording") };
    assert_eq!(said.situation, "order.held");
    let facts = ["order_id", "units", "total"].map(|name| said.facts[name].as_str());
    assert_eq!(facts, [first.order_id.as_str(), "2", "3998.00 CNY"]);
    let latest = order(&latest).order_id;
    assert!(say(&node, &items[0], "alice", "en", 0).await[0].contains(&latest));

    let of = |order_id: &str, item: &str, buyer: &str| proto::RenderScriptRequest {
        order_id: order_id.to_owned(),
        item_id: item.to_owned(),
        buyer: buyer.to_owned(),
        ..request.clone()
    };
    let both = "order_id must not be given together with item_id or buyer";
    for (request, code, words) in [
        (of(&request_id(), "", ""), Code::NotFound, "order_id does not exist"),
        (of("7", "", ""), Code::InvalidArgument, "order_id must be"),
        (of(&first.order_id, &items[0], "alice"), Code::InvalidArgument, both),
        (of(&first.order_id, &items[0], ""), Code::InvalidArgument, both),
        (of(&first.order_id, "", "alice"), Code::InvalidArgument, both),
        (of("", "", "alice"), Code::InvalidArgument, "item_id"),
    ] {
        let status = client(&node).render_script(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{words}: {}", status.message());
        assert!(status.message().starts_with(words), "{words}: {}", status.message());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_says_what_to_tell_the_refused_and_of_open_incidents() {
    let mut node = Node::start().await;
    let (sale, items) = node.sale(vec![item("A", &[("w", 1)])]).await;
    node.place(&items[0], "alice", 1).await.unwrap();
    node.place(&items[0], "bob", 1).await.unwrap();
    let open = proto::OpenIncidentRequest {
        request_id: request_id(),
        sale_id: sale,
        title: "payments {units} hang".to_owned(),
        operator: "olga".to_owned(),
        ..Default::default()
    };
    let mut incidents = IncidentServiceClient::new(node.channel());
    let opened = incidents.open_incident(open).await.unwrap().into_inner();
    // Attempts are written when their second is over; a stop writes what is left.
    node.restart().await;
    let request = proto::ExplainPurchaseRequest {
        buyer: "bob".to_owned(),
        item_id: items[0].clone(),
        min_position: opened.position,
        language: "en".to_owned(),
    };
    let told = node.replays().explain_purchase(request).await.unwrap().into_inner();
    let situations: Vec<&str> = told.scripts.iter().map(|said| said.situation.as_str()).collect();
    assert_eq!(situations, ["refusal.sold_out", "incident"]);
    let [refused, incident] = &told.scripts[..] else { panic!("two") };
    assert_eq!((refused.version, refused.builtin), (0, true));
    assert_eq!(refused.facts["attempt_time"], "2026-11-11 00:00:00 UTC");
    assert!(refused.text.contains("The A"), "{}", refused.text);
    assert!(incident.text.contains("payments {units} hang"), "{}", incident.text);
    assert!(say(&node, &items[0], "nobody", "en", 0).await.len() == 1, "only the incident");
}

#[tokio::test(flavor = "multi_thread")]
async fn wordings_that_cannot_be_said_are_refused_by_field() {
    let node = Node::start().await;
    let wrong = [
        (publish("refusal.none", "a"), "situation must be one of refusal.sold_out"),
        (publish("order.held", "{price}"), "text names the variable \"price\""),
        (publish("order.held", "}"), "text has a '}' without"),
        (publish("order.held", &"a".repeat(1_001)), "text must have at most 1000"),
        (
            publish("order.held", "\u{202e}a"),
            "text must not contain marks that change the direction of writing: it has U+202E",
        ),
        (
            proto::PublishScriptRequest { language: "fr".to_owned(), ..publish("incident", "a") },
            "language must be one of en, zh",
        ),
        (
            proto::PublishScriptRequest { reason: String::new(), ..publish("incident", "a") },
            "reason is missing",
        ),
        (
            proto::PublishScriptRequest { expected_version: Some(-1), ..publish("incident", "a") },
            "expected_version must not be negative",
        ),
    ];
    for (request, words) in wrong {
        let status = client(&node).publish_script(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{words}");
        assert!(status.message().starts_with(words), "{words}: {}", status.message());
    }
    let all = client(&node).list_scripts(proto::ListScriptsRequest::default()).await.unwrap();
    let all = all.into_inner().scripts;
    assert!(all.len() > 30 && all.len().is_multiple_of(2), "each in both languages");
    assert!(all.iter().all(|script| script.builtin && script.version == 0));
}
