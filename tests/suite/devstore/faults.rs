//! The scripted faults do what they say: what a client hears, and what is in the log afterwards.

use std::time::Duration;

use doorbuster::devstore::{Ending, Fault, Member, Role, Rpc};
use eventstore_client::{
    BatchAppendOptions, Client, Error, StreamPosition, StreamState, SubscribeToAllOptions,
    SubscriptionEvent,
};

use super::{Running, event, running};

/// One append in a session of its own.
async fn append(client: &Client, number: u128) -> Result<u64, Error> {
    let session = client.batch_append(&BatchAppendOptions::default()).await?;
    let answer = session.append_to_stream("bells", StreamState::Any, vec![event(number)]).await?;
    Ok(answer.current_revision().unwrap())
}

async fn is_written(running: &Running, count: u64) {
    let store = running.server.store();
    store.wait_raw_after(doorbuster::events::Position(count - 1)).await.unwrap();
    assert_eq!(store.raw_head().0, count);
}

#[tokio::test]
async fn what_is_said_of_a_write_and_what_became_of_it_can_differ() {
    let running = running();
    let client = running.client();
    append(&client, 1).await.unwrap();
    let faults = running.server.faults();
    let mut written = 1;

    // Said and done.
    faults.next(Rpc::BatchAppend, Fault::AnswerThenCut);
    append(&client, 2).await.unwrap();
    written += 1;
    is_written(&running, written).await;

    // Done, not said.
    for fault in [Fault::CommitThenCut, Fault::CommitThenTimeOut] {
        faults.next(Rpc::BatchAppend, fault);
        let answer = append(&running.client(), u128::from(written) + 1).await;
        answer.unwrap_err();
        written += 1;
        is_written(&running, written).await;
    }
    faults.next(Rpc::BatchAppend, Fault::CommitThenSilence);
    let other = running.client();
    tokio::select! {
        answer = append(&other, u128::from(written) + 1) => panic!("it was answered: {answer:?}"),
        () = is_written(&running, written + 1) => written += 1,
    }

    // Said to have timed out, done later.
    faults.next(Rpc::BatchAppend, Fault::TimeOutThenCommit(Duration::from_millis(1)));
    append(&running.client(), u128::from(written) + 1).await.unwrap_err();
    written += 1;
    is_written(&running, written).await;

    // Neither.
    for fault in [Fault::Cut, Fault::NotReady, Fault::NotLeader(None)] {
        faults.next(Rpc::BatchAppend, fault);
        append(&running.client(), 99).await.unwrap_err();
    }
    append(&running.client(), 100).await.unwrap();
    is_written(&running, written + 1).await;
}

#[tokio::test]
async fn a_fault_comes_when_it_is_due_and_no_more() {
    let running = running();
    let faults = running.server.faults();
    faults.at(Rpc::BatchAppend, 3, Fault::NotReady);
    for call in 1..=4 {
        let answer = append(&running.client(), call).await;
        assert_eq!(answer.is_err(), call == 3, "call {call}: {answer:?}");
    }
    assert_eq!(faults.calls(Rpc::BatchAppend), 4);
    faults.always(Rpc::BatchAppend, Fault::NotReady);
    for call in 5..=6 {
        append(&running.client(), call).await.unwrap_err();
    }
    faults.clear();
    append(&running.client(), 7).await.unwrap();
}

#[tokio::test]
async fn gossip_can_lie() {
    let running = running();
    let address = running.server.address();
    let connection =
        format!("esdb://{address},{address}?tls=false&discoveryInterval=1&maxDiscoverAttempts=2");
    let client = || Client::new(connection.parse().unwrap()).unwrap();
    // No server listens there.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lie = Member { address: dead, role: Role::Leader, alive: true };
    running.server.faults().always(Rpc::Gossip, Fault::Gossip(vec![lie]));
    append(&client(), 1).await.unwrap_err();
    running.server.faults().clear();
    append(&client(), 1).await.unwrap();
}

#[tokio::test]
async fn subscriptions_end_and_stutter_on_order() {
    let running = running();
    let client = running.client();
    for number in 1..=4 {
        append(&client, number).await.unwrap();
    }
    let follow = || {
        let client = running.client();
        async move {
            let options = SubscribeToAllOptions::default().position(StreamPosition::Start);
            let mut subscription = client.subscribe_to_all(&options).await;
            let mut seen = Vec::new();
            loop {
                match subscription.next_subscription_event().await {
                    Ok(SubscriptionEvent::EventAppeared(event)) => {
                        seen.push(event.get_original_event().id.as_u128());
                    }
                    Ok(SubscriptionEvent::CaughtUp(_)) => return (seen, Ok(())),
                    Ok(_) => {}
                    Err(error) => return (seen, Err(error)),
                }
            }
        }
    };
    let faults = running.server.faults();
    faults.next(Rpc::Subscribe, Fault::Twice { event: 3 });
    let (seen, end) = follow().await;
    assert_eq!((seen, end.is_ok()), (vec![1, 2, 3, 3, 4], true));
    for ending in [Ending::Error, Ending::Cut] {
        faults.next(Rpc::Subscribe, Fault::End { after_events: 2, ending });
        let (seen, end) = follow().await;
        assert_eq!(seen, [1, 2], "{ending:?}");
        assert!(end.is_err(), "{ending:?}");
    }
}
