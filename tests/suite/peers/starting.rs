//! Goal: a node that starts is sent nothing until it has met the others, and says so. Method: a node
//! by hand that answers, and calls the real one only when the test says so.

use std::sync::Arc;

use doorbuster::{
    app::App,
    clock::ManualClock,
    config::Config,
    events::{Category, Event, NodeEvent, SERVICE, StreamName, decode},
    store::{EventStore as _, embedded::EmbeddedStore},
    values::NodeId,
};
use tokio::net::TcpStream;
use wire::peers::{Warm, exchange_request::Said as Say, exchange_response::Said};

use super::by_hand::ByHand;
use crate::{
    nodes::store::NodeStore,
    ownership::pair::among,
    support::{OPENS_AT, PATIENCE},
    web::until_readyz_says,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_is_not_ready_until_those_that_answer_have_called_it() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let secrets = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dirs[0].path(), Arc::new(clock.clone())).unwrap();
    let other = ByHand::start().await;
    other.announce(&log).await;

    let mut config = Config {
        data: dirs[1].path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        http: None,
        web: Some(([127, 0, 0, 1], 0).into()),
        board: None,
        alerts: false,
        ..Config::default()
    };
    among(&secrets, "secret")(&mut config);
    let store = NodeStore::new(&log, true);
    let app = App::start_on(config, Arc::new(clock), store).unwrap();
    let web = app.web_address().unwrap();
    until_readyz_says(web, 503, r#"{"ready":false,"reason":"meets_others"}"#).await;
    assert!(TcpStream::connect(app.address()).await.is_err(), "it takes no calls yet");

    let (address, node) = announced(&log, other.node_id).await;
    let mut calling = other.call(&address, node).await;
    calling.say(Say::Warm(Warm { tag: 1, streams: Vec::new() })).await;
    let Said::Answers(answers) = calling.hear().await.unwrap() else { panic!("it has read") };
    assert_eq!((answers.tag, answers.came), (1, None));
    until_readyz_says(web, 200, r#"{"ready":true}"#).await;
    TcpStream::connect(app.address()).await.expect("it takes calls");
    tokio::task::spawn_blocking(move || app.stop().unwrap()).await.unwrap();
}

/// Where the node that is not `other` is reached.
async fn announced(log: &EmbeddedStore, other: NodeId) -> (String, NodeId) {
    let found = async {
        loop {
            let head = log.head();
            let roll = StreamName { category: Category::Node, id: SERVICE };
            for recorded in log.read_stream(roll, 0, 100).await.unwrap() {
                if let Event::Node(NodeEvent::Announced(announced)) = decode(&recorded).unwrap()
                    && announced.node_id != other
                {
                    return (announced.address, announced.node_id);
                }
            }
            log.wait_after(head).await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it announces itself")
}
