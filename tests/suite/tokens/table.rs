//! P14: nobody acts beyond their role. Every RPC of the table is called in every role, without a token
//! and with bad ones, over gRPC and over HTTP/JSON.

use doorbuster::{
    admission::{Role, Roles},
    grpc::{
        proto,
        rpcs::{ALL, Purpose, Rpc},
    },
};
use futures_util::stream;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use reqwest::header::AUTHORIZATION;
use serde_json::Value;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::{
    http::{Shop, alike::filled},
    known_tokens::{self, ADMIN, OLGA, SHOP},
    support::Node,
};

/// What became of a call: let in, or why not and which roles would be.
type Verdict = Result<(), (String, String)>;

fn method(rpc: &Rpc) -> MethodDescriptor {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let service = pool.get_service_by_name(&format!("doorbuster.v1.{}", rpc.service)).unwrap();
    service.methods().find(|method| method.name() == rpc.method).unwrap()
}

/// Only refusals by token or role count: what is wrong with a message is another matter.
fn verdict(reason: &str, roles: String) -> Verdict {
    let refuses = reason.starts_with("TOKEN_") || reason == "ROLE_FORBIDDEN";
    if refuses { Err((reason.to_owned(), roles)) } else { Ok(()) }
}

/// Calls any kind of method with one message, and looks at how the answer begins.
async fn over_grpc(node: &Node, rpc: &Rpc, token: Option<&str>, query: &str) -> Verdict {
    let method = method(rpc);
    let fields = filled(&method.input(), "5f0c1cb0-3c43-4a53-9a3c-0d6f1f2a9d01", "x", "1", 2);
    let message = DynamicMessage::deserialize(method.input(), fields).unwrap();
    let mut client = tonic::client::Grpc::new(node.channel_of(token).await);
    client.ready().await.unwrap();
    let path = format!("/{}{query}", rpc.name()).parse().unwrap();
    let codec = tonic_prost::ProstCodec::<DynamicMessage, ()>::default();
    let said: Result<_, Status> =
        client.streaming(Request::new(stream::iter([message])), path, codec).await;
    let Err(status) = said else { return Ok(()) };
    let Some(info) = status.get_details_error_info() else { return Ok(()) };
    let verdict = verdict(&info.reason, info.metadata.get("roles").cloned().unwrap_or_default());
    if let Err((reason, _)) = &verdict {
        let forbidden = reason == "ROLE_FORBIDDEN";
        let code = if forbidden { Code::PermissionDenied } else { Code::Unauthenticated };
        assert_eq!(status.code(), code, "{}", rpc.name());
    }
    verdict
}

async fn over_http(shop: &Shop, rpc: &Rpc, token: Option<&str>, query: &str) -> Verdict {
    let kind = match method(rpc).is_server_streaming() {
        true => "application/connect+json",
        false => "application/json",
    };
    let url = format!("{}{query}", shop.url(&rpc.name()));
    let mut call = shop.client.post(url).header("content-type", kind).body("{}");
    if let Some(token) = token {
        call = call.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = call.send().await.unwrap();
    let status = answer.status().as_u16();
    if !matches!(status, 401 | 403) {
        return Ok(());
    }
    assert_eq!(answer.headers().contains_key("www-authenticate"), status == 401);
    let said: Value = answer.json().await.unwrap();
    let info = said["details"].as_array().unwrap().iter().map(|detail| &detail["debug"]);
    let info = info.into_iter().find(|info| info["reason"].is_string()).unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verdict = verdict(&text(&info["reason"]), text(&info["metadata"]["roles"]));
    let forbidden = matches!(&verdict, Err((reason, _)) if reason == "ROLE_FORBIDDEN");
    assert_eq!(status == 403, forbidden || verdict.is_ok(), "{}: {said}", rpc.name());
    verdict
}

async fn guarded(lines: &str, directory: &std::path::Path) -> Shop {
    let file = directory.join("tokens");
    known_tokens::write(&file, lines);
    Shop::open_with(|config| {
        config.tokens_file = Some(file);
        // Nothing waits for positions that the log does not have.
        config.min_position_wait_ms = 0;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_beyond_their_role_in_any_encoding() {
    let directory = tempfile::tempdir().unwrap();
    let all = known_tokens::text(&known_tokens::ALL.map(known_tokens::line));
    let shop = guarded(&all, directory.path()).await;
    let (mut cells, mut wrong) = (0, Vec::new());
    for rpc in ALL {
        let roles = rpc.roles.to_string();
        for role in Role::ALL.map(Some).into_iter().chain([None]) {
            let token = role.map(known_tokens::of);
            let expected = match role {
                None => Err(("TOKEN_MISSING".to_owned(), roles.clone())),
                Some(role) if rpc.roles.has(role) => Ok(()),
                Some(_) => Err(("ROLE_FORBIDDEN".to_owned(), roles.clone())),
            };
            let said = [
                over_grpc(&shop.node, rpc, token, "").await,
                over_http(&shop, rpc, token, "").await,
            ];
            for (encoding, said) in ["gRPC", "HTTP/JSON"].iter().zip(said) {
                cells += 1;
                if said != expected {
                    wrong.push(format!("{} as {role:?} over {encoding}: {said:?}", rpc.name()));
                }
            }
        }
    }
    assert_eq!(cells, ALL.len() * 7 * 2);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens_open_nothing_in_any_encoding() {
    let directory = tempfile::tempdir().unwrap();
    let [shop, _, olga, ming, ..] = known_tokens::ALL;
    let lines = [
        known_tokens::line(shop),
        known_tokens::line_with(olga, "2021-01-01T00:00:00Z", "-"),
        known_tokens::line_with(ming, "2099-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
    ];
    let server = guarded(&known_tokens::text(&lines), directory.path()).await;
    let other_secret = format!("{}{}", &SHOP[..17], &OLGA[17..]);
    let in_url = format!("?access_token={SHOP}");
    for (token, query, reason) in [
        ("wrong", "", "TOKEN_UNKNOWN"),
        (ADMIN, "", "TOKEN_UNKNOWN"),
        (&other_secret, "", "TOKEN_UNKNOWN"),
        (OLGA, "", "TOKEN_EXPIRED"),
        (known_tokens::MING, "", "TOKEN_REVOKED"),
        (SHOP, &in_url, "TOKEN_IN_URL"),
    ] {
        for rpc in ALL.iter().step_by(7) {
            let expected = Err((reason.to_owned(), rpc.roles.to_string()));
            assert_eq!(over_grpc(&server.node, rpc, Some(token), query).await, expected);
            assert_eq!(over_http(&server, rpc, Some(token), query).await, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_and_what_describes_the_rest_also_ask_for_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let all = known_tokens::text(&known_tokens::ALL.map(known_tokens::line));
    let shop = guarded(&all, directory.path()).await;
    for path in ["openapi.json", "doorbuster.v1.SaleService/Nothing", "nothing", ""] {
        let asked = shop.client.get(shop.url(path)).send().await.unwrap();
        assert_eq!(asked.status(), 401, "{path}");
        let known = shop.client.get(shop.url(path)).bearer_auth(SHOP).send().await.unwrap();
        assert_eq!(known.status(), if path == "openapi.json" { 200 } else { 404 }, "{path}");
    }
    for (path, token, expected) in [
        ("/doorbuster.v1.SaleService/Nothing", None, Code::Unauthenticated),
        ("/doorbuster.v1.Nothing/Nothing", None, Code::Unauthenticated),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", None, Code::Unauthenticated),
        ("/doorbuster.v1.SaleService/Nothing", Some(SHOP), Code::Unimplemented),
        ("/doorbuster.v1.Nothing/Nothing", Some(SHOP), Code::Unimplemented),
        ("/grpc.health.v1.Health/Check", None, Code::Ok),
    ] {
        let mut client = tonic::client::Grpc::new(shop.node.channel_of(token).await);
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        let said = client.unary(Request::new(()), path.parse().unwrap(), codec).await;
        assert_eq!(said.err().map_or(Code::Ok, |status| status.code()), expected, "{path}");
    }
}

/// What the roles are for, written once more: a row that is edited by mistake is found here.
#[test]
fn the_rows_are_what_the_roles_are_for() {
    let called_by = |role: Role| -> Vec<&str> {
        ALL.iter().filter(|rpc| rpc.roles.has(role)).map(|rpc| rpc.method).collect()
    };
    let gateway = [
        "ClaimCoupon",
        "GetBatch",
        "GetLevel",
        "GetItem",
        "WatchStock",
        "PlaceOrder",
        "PlaceOrders",
        "GetOutcome",
        "CancelOrder",
        "GetOrder",
        "QuotePrice",
        "GetSale",
        "RecordTraffic",
    ];
    assert_eq!(called_by(Role::BuyerGateway), gateway, "orders; no payments, no lists");
    assert_eq!(called_by(Role::Admin).len(), ALL.len());
    for rpc in ALL {
        let (name, roles) = (rpc.name(), rpc.roles);
        let pays = rpc.method.starts_with("RecordPayment");
        assert_eq!(
            roles.has(Role::Shop)
                && !roles.has(Role::BuyerGateway)
                && rpc.purpose == Purpose::Order,
            pays,
            "{name}"
        );
        if rpc.purpose == Purpose::Steer {
            assert_eq!(roles, Roles::STEERING, "{name}");
        }
        let reads_only = !rpc.purpose.writes();
        assert!(reads_only || !roles.has(Role::Analyst) && !roles.has(Role::Auditor), "{name}");
        assert!(!reads_only || roles.has(Role::Auditor), "{name}: an auditor reads everything");
        let buys = matches!(rpc.purpose, Purpose::Order | Purpose::Record);
        assert!(!buys || !roles.has(Role::Operator), "{name}: who steers does not buy");
    }
    let names = [
        "GetOrder",
        "GetOutcome",
        "FindOrder",
        "FollowOrders",
        "FetchExport",
        "ListCoupons",
        "ExplainPurchase",
        "RenderScript",
        "ListActs",
        "GetIncident",
        "ListIncidents",
    ];
    let analyst = called_by(Role::Analyst);
    assert!(names.iter().all(|name| !analyst.contains(name)), "{analyst:?}");
}
