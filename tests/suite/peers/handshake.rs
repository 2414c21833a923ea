//! Goal: only nodes that know the secret, and only the ones that are meant, send each other commands.
//! Method: calls to a real node, and answers to its calls, that are written by hand.

use doorbuster::{grpc::proto::NodeStanding, values::NodeId};
use tonic::{Code, Status};
use uuid::Uuid;
use wire::peers::{Commands, Hello, exchange_request::Said as Say, exchange_response::Said};

use super::{
    by_hand::{ByHand, Calling, Spoken, secret},
    real::Real,
};
use crate::{
    ownership::pair::{seen, sees},
    support::PATIENCE,
};

/// Makes a proof of what both said.
type Forged = fn(Spoken, &Calling) -> Vec<u8>;

fn assert_refused(refused: &Status, why: &str) {
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, why));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_the_right_proof_is_refused_and_sends_nothing() {
    let real = Real::start(|_| {}).await;
    let own = Uuid::from_u128(7);
    let greet = async || Calling::greet(&real.address, own, real.id.0).await.unwrap();
    let wrong: [(&str, Forged); 7] = [
        ("none", |_, _| Vec::new()),
        ("of another secret", |said, _| said.mac(&[b'0'; 40], "calls")),
        ("of the other side", |said, _| said.mac(&secret(), "answers")),
        ("the one that it was sent", |_, calling| calling.challenge.mac.to_vec()),
        ("cut off", |said, _| said.mac(&secret(), "calls")[..31].to_vec()),
        ("of another call", |mut said, _| {
            said.nonces[1][0] ^= 1;
            said.mac(&secret(), "calls")
        }),
        ("of another node", |mut said, _| {
            said.nodes[0] = Uuid::from_u128(8);
            said.mac(&secret(), "calls")
        }),
    ];
    for (name, wrong) in wrong {
        let (mut calling, said) = greet().await;
        let mac = wrong(said, &calling);
        let refused = calling.prove(mac).await.expect_err(name);
        assert_refused(&refused, "it does not know the secret of this service");
        calling.say(Say::Commands(Commands::default())).await;
    }
    // Who says nothing but commands is no better.
    let (mut calling, _) = greet().await;
    calling.say(Say::Commands(Commands::default())).await;
    let refused = calling.hear().await.unwrap_err();
    assert_refused(&refused, "it sent something else than the handshake asks for: no proof");
    assert_eq!(seen(&real.node).await.own.unwrap().received, 0);

    let (mut calling, said) = greet().await;
    calling.prove(said.mac(&secret(), "calls")).await.expect("the right one");
    calling.say(Say::Ping(5)).await;
    assert_eq!(calling.hear().await.unwrap(), Said::Pong(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_means_another_node_or_says_no_hello_is_refused() {
    let real = Real::start(|_| {}).await;
    let refused = Calling::greet(&real.address, Uuid::from_u128(7), Uuid::from_u128(8)).await;
    let why = format!("it means to have reached node {}, which this is not", Uuid::from_u128(8));
    assert_refused(&refused.err().expect("it is another node"), &why);

    let hello = Hello {
        node_id: Uuid::from_u128(7).to_string(),
        expected_node_id: real.id.to_string(),
        wire: 2,
        nonce: vec![7; 32].into(),
    };
    let unexpected =
        |what: &str| format!("it sent something else than the handshake asks for: {what}");
    let short = Hello { nonce: vec![7; 31].into(), ..hello.clone() };
    let refused = Calling::begin(&real.address, short).await.err().unwrap();
    assert_refused(&refused, &unexpected("a nonce of another length"));
    let nobody = Hello { node_id: "ann".to_owned(), ..hello };
    let refused = Calling::begin(&real.address, nobody).await.err().unwrap();
    assert_refused(&refused, &unexpected("an id that is no UUID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_as_another_node_or_without_the_secret_is_sent_nothing() {
    let real = Real::start(|_| {}).await;
    let imposter = Uuid::from_u128(9);
    let other = ByHand::start_as(Some(imposter), secret()).await;
    let ignorant = ByHand::start_as(None, vec![b'0'; 40]).await;
    other.announce(&real.log).await;
    ignorant.announce(&real.log).await;
    let reasons = [
        (
            other.node_id,
            format!("it is node {imposter}, not the one that was announced under its address"),
        ),
        (ignorant.node_id, "it does not know the secret of this service".to_owned()),
    ];
    for (node, reason) in reasons {
        is_suspected_for(&real, node, &reason).await;
    }
    // What they would own is decided by the node that is asked.
    for item in &real.items {
        real.node.place(item, "ann", 1).await.expect("it is decided here");
    }
    assert!(other.has_nothing() && ignorant.has_nothing());
}

async fn is_suspected_for(real: &Real, node: NodeId, reason: &str) {
    let said = async {
        loop {
            let suspected = sees(&real.node, 2, NodeStanding::Suspected).await.others;
            let other = suspected.iter().find(|other| other.node_id == node.to_string()).unwrap();
            if !other.reason.is_empty() {
                return other.reason.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let said = tokio::time::timeout(PATIENCE, said).await.expect("it was called");
    assert_eq!(said, reason);
}
