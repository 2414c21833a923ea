//! A real receiver on loopback that fails, sends elsewhere, hangs and takes; signatures are checked
//! with another implementation.

use std::{
    collections::VecDeque,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use doorbuster::{
    actors::{SigningKeys, noted_position},
    config::{Config, Overrides},
    events::Position,
};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use crate::support::{Node, PATIENCE, item, place};

const KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// What the receiver answers next; where nothing is left, 204.
#[derive(Clone, Copy)]
enum Answer {
    Fails,
    SendsElsewhere,
    Hangs,
}

type Came = (String, HeaderMap, String);

struct Receiver {
    answers: Mutex<VecDeque<Answer>>,
    came: mpsc::Sender<Came>,
}

async fn take(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: String) -> Response {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    receiver.came.send((id, headers, body)).await.unwrap();
    let next = receiver.answers.lock().unwrap().pop_front();
    match next {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Answer::Fails) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Answer::SendsElsewhere) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Some(Answer::Hangs) => std::future::pending().await,
    }
}

async fn receiver(answers: &[Answer]) -> (SocketAddr, mpsc::Receiver<Came>) {
    let (came, told) = mpsc::channel(100);
    let answers = Mutex::new(answers.iter().copied().collect());
    let state = Arc::new(Receiver { answers, came });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/hook", post(take))
        .route("/elsewhere", post(|| async { StatusCode::OK }))
        .with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, told)
}

async fn told_node(address: SocketAddr, attempts: u64) -> (Node, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, format!("whsec_{}\n", STANDARD.encode(KEY))).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let node = Node::start_with(|config| {
        config.alerts = true;
        config.webhook_url = Some(format!("http://{address}/hook"));
        config.webhook_secret_file = Some(file);
        config.webhook_timeout_ms = 300;
        config.webhook_attempts = attempts;
    });
    (node.await, dir)
}

/// HMAC-SHA256 as RFC 2104 writes it down.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> {
        (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect()
    };
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

fn assert_signed((id, headers, body): &Came) {
    let text = |name: &str| headers[name].to_str().unwrap();
    let signed = format!("{id}.{}.{body}", text("webhook-timestamp"));
    let expected = format!("v1,{}", STANDARD.encode(hmac(KEY, signed.as_bytes())));
    assert_eq!(text("webhook-signature"), expected);
    assert_eq!(text("content-type"), "application/json");
}

async fn next(told: &mut mpsc::Receiver<Came>) -> Came {
    let came = timeout(PATIENCE, told.recv()).await.expect("something is delivered").unwrap();
    assert_signed(&came);
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_under_its_id_and_nothing_overtakes_it() {
    let answers = [Answer::Fails, Answer::SendsElsewhere, Answer::Hangs];
    let (address, mut told) = receiver(&answers).await;
    let (node, _secret) = told_node(address, 10).await;
    let (_, items) = node.sale(vec![item("phone", &[("north", 10)])]).await;
    node.purchases().place_order(place(&items[0], "ann", 10)).await.unwrap();

    let first = next(&mut told).await;
    for _ in 0..3 {
        let again = next(&mut told).await;
        assert_eq!((&again.0, &again.2), (&first.0, &first.2));
    }
    let second = next(&mut told).await;
    assert_ne!(second.0, first.0);
    let rules: Vec<String> = [&first.2, &second.2]
        .map(|body| {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["type"], "alert.raised");
            body["data"]["event"]["rule"].as_str().unwrap().to_owned()
        })
        .to_vec();
    assert_eq!(rules, ["low_stock", "sold_out"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_given_up_and_the_next_is_delivered_also_after_a_restart() {
    let (address, mut told) = receiver(&[Answer::Fails, Answer::Fails]).await;
    let (mut node, _secret) = told_node(address, 2).await;
    let (_, items) = node.sale(vec![item("phone", &[("north", 10)])]).await;
    node.purchases().place_order(place(&items[0], "ann", 10)).await.unwrap();
    let given_up = next(&mut told).await.0;
    assert_eq!(next(&mut told).await.0, given_up);
    let delivered = next(&mut told).await.0;
    assert_ne!(delivered, given_up);

    // What comes next is the first that is new: the hold ends, both alerts are over.
    node.restart().await;
    node.clock.advance(Duration::from_secs(3_700));
    let mut seen = std::collections::HashSet::new();
    while seen.is_empty() {
        let (id, _, body) = next(&mut told).await;
        // The note may be one delivery behind, as the guide says.
        if id != delivered {
            assert_ne!(id, given_up);
            assert!(body.contains("\"incident.") || body.contains("\"alert."), "{body}");
            node.clock.advance(Duration::from_secs(31));
            seen.insert(id);
        }
    }
}

#[test]
fn keys_that_are_too_short_or_open_to_everybody_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    for (text, mode, complaint) in [
        ("whsec_c2hvcnQ=", 0o600, "24 to 64 bytes"),
        ("not base64!", 0o600, "is not base64"),
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 0o604, "chmod 600"),
    ] {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let refused = SigningKeys::read(&file).unwrap_err().to_string();
        assert!(refused.contains(complaint), "{refused}");
        assert!(!refused.contains(text), "{refused}");
    }
}

#[test]
fn a_note_that_cannot_be_read_is_refused_and_only_a_missing_one_means_from_now_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("webhook.position");
    assert_eq!(noted_position(dir.path()).unwrap(), None);
    fs::write(&file, "4711\n").unwrap();
    assert_eq!(noted_position(dir.path()).unwrap(), Some(Position(4711)));
    for text in ["", "far", "-1", "4711 4712"] {
        fs::write(&file, text).unwrap();
        let refused = noted_position(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("webhook.position holds no position"), "{refused}");
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let refused = noted_position(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("cannot be read"), "{refused}");
}

#[test]
fn urls_that_others_could_read_are_refused() {
    let load = |url: &str| {
        let overrides = Overrides { webhook_url: Some(url.into()), ..Overrides::default() };
        Config::load_from(&overrides, &|_| None, std::path::Path::new("/nowhere/doorbuster.toml"))
    };
    for url in
        ["https://a.example/x", "http://127.0.0.1:9/x", "http://[::1]/x", "http://localhost/x"]
    {
        assert_eq!(load(url).unwrap().webhook_url.as_deref(), Some(url));
    }
    for url in [
        "http://a.example/x",
        "ftp://a.example",
        "a.example",
        "",
        "https://u:p@a.example/",
        "http://127.0.0.1.example/",
    ] {
        let refused = load(url).unwrap_err().to_string();
        assert!(
            refused.contains("webhook_url (from --webhook-url) must be an https:// URL"),
            "{refused}"
        );
    }
}
