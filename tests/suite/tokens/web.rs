//! The web port and the board ask for tokens by the table of routes, and pages are read with a cookie.

use doorbuster::web::routes::{Access, Port, Public, ROUTES};
use reqwest::{Client, Method, Response, header};
use serde_json::{Value, json};

use crate::{
    known_tokens::{self, ADMIN, ALL, ANALYST, AUDITOR, GATEWAY, OLGA, line, line_with},
    support::{Node, PATIENCE, item},
};

struct Ports {
    node: Node,
    client: Client,
    directory: tempfile::TempDir,
}

impl Ports {
    async fn open(public: &[Public]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = known_tokens::file(directory.path());
        let node = Node::start_with(|config| {
            config.tokens_file = Some(file);
            config.stock = Some(([127, 0, 0, 1], 0).into());
            config.web = Some(([127, 0, 0, 1], 0).into());
            config.board = Some(([127, 0, 0, 1], 0).into());
            config.public_routes.traffic = public.contains(&Public::Traffic);
            config.public_routes.board = public.contains(&Public::Board);
        });
        let client = Client::builder().no_proxy().build().unwrap();
        Self { node: node.await, client, directory }
    }

    fn url(&self, port: Port, path: &str) -> String {
        let address = match port {
            Port::Web => self.node.web(),
            Port::Board => self.node.board(),
            Port::Stock => self.node.stock(),
        };
        format!("http://{address}{path}")
    }

    async fn ask(&self, port: Port, method: &str, path: &str, token: Option<&str>) -> Response {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method.clone(), self.url(port, path));
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/json").body("{}");
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }
}

/// A path with an id for each name in braces.
fn filled(path: &str) -> String {
    let mut filled = path.to_owned();
    while let Some((before, rest)) = filled.split_once('{') {
        let (_, after) = rest.split_once('}').unwrap();
        filled = format!("{before}5f0c1cb0-3c43-4a53-9a3c-0d6f1f2a9d01{after}");
    }
    filled
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_answered_as_its_row_says() {
    for public in [&[][..], &[Public::Traffic, Public::Board]] {
        let ports = Ports::open(public).await;
        for route in ROUTES {
            let path = filled(route.path);
            let asks = match route.access {
                Access::Open => None,
                Access::Public(by, _) if public.contains(&by) => None,
                Access::Public(_, roles) | Access::Asks(roles) => Some(roles),
            };
            for (token, role, _) in
                ALL.map(Some).into_iter().chain([None]).map(Option::unwrap_or_default)
            {
                let given = (!token.is_empty()).then_some(token);
                let answer = ports.ask(route.port, route.method, &path, given).await;
                let status = answer.status().as_u16();
                let name = format!("{} {path} as {role:?}", route.method);
                let allowed =
                    asks.is_none_or(|roles| roles.iter().any(|known| known.name() == role));
                match given {
                    _ if allowed => assert!(!matches!(status, 401 | 403 | 405), "{name}: {status}"),
                    None => assert_eq!(status, 401, "{name}"),
                    Some(_) => assert_eq!(status, 403, "{name}"),
                }
            }
        }
        for port in [Port::Web, Port::Board] {
            assert_eq!(ports.ask(port, "GET", "/nothing", None).await.status(), 401);
            assert_eq!(ports.ask(port, "GET", "/nothing", Some(AUDITOR)).await.status(), 404);
            let query = format!("/?token={AUDITOR}");
            let leaked = ports.ask(port, "GET", &query, Some(AUDITOR)).await;
            let is_public = port == Port::Board && !public.is_empty();
            assert_eq!(leaked.status(), if is_public { 200 } else { 401 });
            if !is_public {
                assert_eq!(leaked.json::<Value>().await.unwrap()["reason"], "TOKEN_IN_URL");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_reads_pages_with_a_cookie_and_steers_with_the_token_only() {
    let ports = Ports::open(&[]).await;
    let (sale, items) = ports.node.sale(vec![item("phone", &[("north", 3)])]).await;
    let page = ports.url(Port::Board, &format!("/sales/{sale}"));
    let shown = ports.client.get(&page).header(header::ACCEPT, "text/html").send().await.unwrap();
    assert_eq!(shown.status(), 401);
    assert!(
        !shown.headers().contains_key(header::WWW_AUTHENTICATE),
        "a browser would ask by itself"
    );
    let text = shown.text().await.unwrap();
    assert!(text.contains("data-page=\"door\"") && !text.contains("phone"), "{text}");

    let session = ports.ask(Port::Board, "POST", "/session", Some(OLGA)).await;
    assert_eq!(session.status(), 200);
    let cookie = session.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let with_cookie = |url: &str| ports.client.get(url).header(header::COOKIE, cookie);
    let found = async {
        while with_cookie(&page).send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("the page is there");
    let act =
        json!({ "request_id": crate::support::request_id(), "action": "pause", "reason": "x" });
    let steer = ports.url(Port::Board, &format!("/items/{}/steer", items[0]));
    let kind = (header::CONTENT_TYPE, "application/json");
    let post = || ports.client.post(&steer).header(kind.0.clone(), kind.1).body(act.to_string());
    assert_eq!(post().header(header::COOKIE, cookie).send().await.unwrap().status(), 401);
    assert_eq!(post().bearer_auth(AUDITOR).send().await.unwrap().status(), 403);
    assert_eq!(post().bearer_auth(OLGA).send().await.unwrap().status(), 200);

    for (token, status) in [(GATEWAY, 403), (ANALYST, 403), (&OLGA.replace("olga", "Olga"), 401)] {
        assert_eq!(ports.ask(Port::Board, "POST", "/session", Some(token)).await.status(), status);
    }
    let ended = ports.ask(Port::Board, "DELETE", "/session", None).await;
    assert!(ended.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_follows_a_sale_ends_with_its_token() {
    let ports = Ports::open(&[]).await;
    let (sale, _) = ports.node.sale(vec![item("phone", &[("north", 3)])]).await;
    let path = format!("/sales/{sale}/events");
    let begun = async {
        loop {
            let events = ports.ask(Port::Board, "GET", &path, Some(AUDITOR)).await;
            if events.status() == 200 {
                return events;
            }
        }
    };
    let mut events = tokio::time::timeout(PATIENCE, begun).await.expect("it begins");
    assert!(events.chunk().await.unwrap().is_some());
    let lines = ALL.map(|one| match one.0 == AUDITOR {
        true => line_with(one, "2099-01-01T00:00:00Z", "2026-11-11T00:00:00Z"),
        false => line(one),
    });
    known_tokens::write(&ports.directory.path().join("known-tokens"), &known_tokens::text(&lines));
    let ended = async { while events.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    assert_eq!(ports.ask(Port::Board, "GET", &path, Some(AUDITOR)).await.status(), 401);
    assert_eq!(ports.ask(Port::Board, "GET", "/", Some(ADMIN)).await.status(), 200);
}
