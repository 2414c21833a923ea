//! Goal: clients reach every listener through TLS and nobody else does; bad files are refused by name
//! or change nothing. Method: real servers on loopback with certificates of an authority that each
//! test makes, real clients, and sockets that break off.

mod certificates;
mod changed;
mod refused;

use std::{error::Error, net::SocketAddr};

use doorbuster::grpc::proto::{ListSalesRequest, sale_service_client::SaleServiceClient};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use self::certificates::{Authority, Files, trusting};
use crate::support::{Node, PATIENCE, item, order};

/// When certificates of these tests expire, in seconds since 1970: 31 December 2049 and 2060.
const END_OF_2049: &str = "2524521600.0";
const END_OF_2060: &str = "2871676800.0";

/// What a node counted, by its web port through TLS.
async fn metrics(node: &Node, files: &Files) -> String {
    let url = format!("https://{}/metrics", node.web());
    files.client().get(url).send().await.unwrap().text().await.unwrap()
}

/// Waits until the metrics have this line.
async fn until_counted(node: &Node, files: &Files, line: &str) {
    let counted = async {
        while !metrics(node, files).await.lines().any(|found| found == line) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("never {line}"));
}

/// A call over gRPC on a new connection; what was wrong with the connection.
async fn asked(node: &Node, tls: ClientTlsConfig) -> Result<(), String> {
    let url = format!("https://localhost:{}", node.address().port());
    let endpoint = Endpoint::from_shared(url).unwrap().tls_config(tls).unwrap();
    let channel = endpoint.connect().await.map_err(|error| causes(&error))?;
    // Through TLS 1.3 a client takes its connection for made before the server has judged it.
    let listed = SaleServiceClient::new(channel).list_sales(ListSalesRequest::default()).await;
    listed.map(drop).map_err(|status| causes(&status))
}

fn causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push_str(": ");
        said.push_str(&error.to_string());
        cause = error.source();
    }
    said
}

fn trust(ca: &str) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca))
}

/// Sends these bytes in plain text and waits until the server closes the connection.
async fn closed_after(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut came = Vec::new();
    // A reset closes it, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut came)).await.expect("it is closed");
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_is_reached_through_tls() {
    let files = Files::new();
    let node = Node::start_with(|config| files.secure(config)).await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 2)])]).await;
    let placed = order(&node.place(&items[0], "ann", 1).await.unwrap());
    let client = files.client();
    let url = format!("https://{}/doorbuster.v1.ItemService/GetItem", node.http());
    let asked = serde_json::json!({ "itemId": placed.item_id }).to_string();
    let asked = client.post(url).header("content-type", "application/json").body(asked);
    let told = asked.send().await.unwrap().text().await.unwrap();
    assert!(told.contains("\"heldUnits\":\"1\""), "{told}");
    let board = format!("https://localhost:{}/", node.board().port());
    let page = client.get(board).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("<html"));
    let stock = format!("https://localhost:{}/", node.stock().port());
    assert_eq!(client.get(stock).send().await.unwrap().status(), 404);
    let figures = metrics(&node, &files).await;
    let lines: Vec<_> = figures.lines().collect();
    let expires = format!("doorbuster_tls_certificate_expires_seconds {END_OF_2049}");
    assert!(lines.contains(&expires.as_str()), "{figures}");
    assert!(lines.contains(&"doorbuster_tls_files_refused 0"), "{figures}");
    // The channel of the node, HTTP/JSON, the board, the stock, and this question.
    let done = "doorbuster_tls_handshakes_total{result=\"done\"} 5";
    assert!(lines.contains(&done), "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_many_answers_is_read_whole_through_tls() {
    let files = Files::new();
    let node = Node::start_with(|config| files.secure(config)).await;
    let drafts = (0..200).map(|number| {
        let title = format!("{number} {}", "x".repeat(150));
        doorbuster::grpc::proto::ItemDraft { title, ..item(&format!("s{number}"), &[("main", 1)]) }
    });
    let (sale, items) = node.sale(drafts.collect()).await;
    let url = format!("https://{}/doorbuster.v1.SaleService/GetSale", node.http());
    let asked = serde_json::json!({ "saleId": sale }).to_string();
    let asked = files.client().post(url).header("content-type", "application/json").body(asked);
    let told = asked.send().await.unwrap().text().await.unwrap();
    assert!(items.iter().all(|item| told.contains(item.as_str())), "{}", told.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_another_authority_goes_away_and_is_counted() {
    let files = Files::new();
    let node = Node::start_with(|config| files.secure(config)).await;
    let other = Authority::new();
    let refused = asked(&node, trust(other.pem())).await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
    files.write("other.crt", other.pem());
    let client = trusting(&files.path("other.crt")).build().unwrap();
    let url = format!("https://{}/metrics", node.web());
    let refused = causes(&client.get(url).send().await.unwrap_err());
    assert!(refused.contains("certificate"), "{refused}");
    until_counted(&node, &files, "doorbuster_tls_handshakes_total{result=\"failed\"} 2").await;
    asked(&node, trust(files.authority.pem())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_refused_by_clients() {
    let files = Files::new();
    let mut node = Node::start_with(|config| files.secure(config)).await;
    let app = node.take_app();
    app.stop().unwrap();
    let expired = Files::valid_to(2021);
    let mut config = doorbuster::config::Config {
        data: files.path("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        ..Default::default()
    };
    expired.secure(&mut config);
    let clock = std::sync::Arc::new(doorbuster::clock::ManualClock::at(crate::support::OPENS_AT));
    let app = doorbuster::app::App::start(config, clock).unwrap();
    let url = format!("https://localhost:{}", app.address().port());
    let tls = trust(expired.authority.pem());
    let endpoint = Endpoint::from_shared(url).unwrap().tls_config(tls).unwrap();
    let refused = causes(&endpoint.connect().await.unwrap_err());
    assert!(refused.contains("expired"), "{refused}");
    let url = format!("https://{}/metrics", app.web_address().unwrap());
    let refused = causes(&expired.client().get(url).send().await.unwrap_err());
    assert!(refused.contains("expired"), "{refused}");
    app.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_clients_need_a_certificate_only_probes_come_without() {
    let files = Files::new();
    let node = Node::start_with(|config| {
        files.secure(config);
        config.tls_client_ca = Some(files.path("ca.crt"));
    })
    .await;
    let ca = files.authority.pem();
    asked(&node, trust(ca)).await.unwrap_err();
    // Of another authority.
    let (certificate, key) = Authority::new().signed(2049);
    let stranger = trust(ca).identity(Identity::from_pem(certificate, key));
    asked(&node, stranger).await.unwrap_err();
    // One that has expired.
    let (certificate, key) = files.authority.signed(2021);
    let late = trust(ca).identity(Identity::from_pem(certificate, key));
    asked(&node, late).await.unwrap_err();
    let (certificate, key) = files.authority.signed(2049);
    let known = trust(ca).identity(Identity::from_pem(certificate.clone(), key.clone()));
    asked(&node, known).await.unwrap();

    for (address, path) in [(node.http(), "openapi.json"), (node.board(), "")] {
        let url = format!("https://localhost:{}/{path}", address.port());
        let refused = files.client().get(&url).send().await;
        assert!(refused.is_err(), "{path}: {refused:?}");
        let identity = reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes());
        let client = trusting(&files.path("ca.crt")).identity(identity.unwrap()).build().unwrap();
        assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "{path}");
    }
    // Probes and Prometheus.
    let figures = metrics(&node, &files).await;
    let failed = "doorbuster_tls_handshakes_total{result=\"failed\"} ";
    let failed = figures.lines().find_map(|line| line.strip_prefix(failed)).unwrap();
    // A client that was refused may have tried again.
    assert!(failed.parse::<u64>().unwrap() >= 5, "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_to_an_encrypted_port_is_closed_and_counted() {
    let files = Files::new();
    let node = Node::start_with(|config| {
        files.secure(config);
        // Longer than the patience of the test.
        config.connection_start_ms = 600_000;
    })
    .await;
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for address in [node.address(), node.http(), node.web(), node.board()] {
        for bytes in [&request[..], &preface[..]] {
            let came = closed_after(address, bytes).await;
            // At most an alert: nothing was answered in plain text.
            assert!(came.len() <= 7, "{came:?}");
        }
    }
    until_counted(&node, &files, "doorbuster_tls_handshakes_total{result=\"failed\"} 8").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_never_ends_is_closed_and_counted() {
    let files = Files::new();
    let node = Node::start_with(|config| {
        files.secure(config);
        config.connection_start_ms = 100;
    })
    .await;
    // The head of a record of 512 bytes, and of a ClientHello in it.
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    for address in [node.address(), node.http()] {
        for sent in [0, 1, hello.len()] {
            closed_after(address, &hello[..sent]).await;
        }
    }
    until_counted(&node, &files, "doorbuster_tls_handshakes_total{result=\"unfinished\"} 6").await;
    asked(&node, trust(files.authority.pem())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_never_end_keep_nobody_out() {
    let files = Files::new();
    let node = Node::start_with(|config| {
        files.secure(config);
        config.connections_max = 4;
        config.connection_start_ms = 600_000;
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(TcpStream::connect(node.address()).await.unwrap());
    }
    asked(&node, trust(files.authority.pem())).await.unwrap();
    let mut closed = 0;
    for stream in &mut silent {
        let mut byte = [0; 1];
        let read = timeout(std::time::Duration::from_millis(10), stream.read(&mut byte)).await;
        closed += usize::from(read.is_ok());
    }
    assert!(closed >= 8, "{closed} of 12 gave their places up");
}
