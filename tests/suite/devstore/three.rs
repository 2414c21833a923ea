//! Three nodes of which one leads: what followers show, what outlives leadership, elections on demand;
//! and what a server forgets.

use std::time::Duration;

use doorbuster::{
    devstore::{Act, Fault, Role, Rpc},
    events::Position,
    store::wire::client::streams::{ReadResp, read_resp::Content},
};
use eventstore_client::{AppendToStreamOptions, EventData, ReadStreamOptions, StreamState};
use prost::bytes::Bytes;
use tonic::Streaming;
use uuid::Uuid;

use super::{
    ANYWHERE, Running, all_of, append, client,
    commits::{Session, committing, conflict, follow, with},
    ids,
};
use crate::support::PATIENCE;

/// Three nodes, of which the first leads.
fn three(lag: Duration) -> Running {
    with(|config| {
        config.nodes =
            vec![(ANYWHERE, Role::Leader), (ANYWHERE, Role::Follower), (ANYWHERE, Role::Follower)];
        config.follower_lag = lag;
    })
}

/// The next event of a subscription.
async fn next_event(messages: &mut Streaming<ReadResp>) -> u64 {
    let event = async {
        loop {
            let message = messages.message().await.unwrap().expect("it goes on");
            if let Some(Content::Event(event)) = message.content {
                return event.event.unwrap().stream_revision;
            }
        }
    };
    tokio::time::timeout(PATIENCE, event).await.expect("an event")
}

/// What a node shows of a stream, to one who does not ask for the leader.
async fn shown(running: &Running, node: usize) -> Vec<u128> {
    let address = running.server.node_address(node);
    let connection = format!("esdb://{address}?tls=false&nodePreference=random");
    let client = eventstore_client::Client::new(connection.parse().unwrap()).unwrap();
    let options = ReadStreamOptions::default().requires_leader(false);
    match all_of(client.read_stream("bells", &options).await.unwrap()).await {
        Ok(events) => ids(&events),
        Err(eventstore_client::Error::ResourceNotFound) => Vec::new(),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_may_show_less_than_was_answered_until_it_leads() {
    let running = three(Duration::ZERO);
    let leader = client(running.server.node_address(0));
    append(&leader, "bells", StreamState::NoStream, [1]).await.unwrap();
    running.server.hold_back(1, true);
    append(&leader, "bells", StreamState::StreamRevision(0), [2]).await.unwrap();
    let all = [shown(&running, 0).await, shown(&running, 1).await, shown(&running, 2).await];
    assert_eq!(all, [vec![1, 2], vec![1], vec![1, 2]]);
    // Also who follows it hears of it late.
    let mut behind = follow(&running, 1).await;
    assert_eq!(next_event(&mut behind).await, 0);
    running.server.elect(Some(1));
    assert_eq!(next_event(&mut behind).await, 1);
    assert_eq!(shown(&running, 1).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_shows_in_the_end_what_was_committed() {
    for commit_ms in [0, 20] {
        let running = with(|config| {
            config.nodes = vec![(ANYWHERE, Role::Leader), (ANYWHERE, Role::Follower)];
            config.commit_time = Duration::from_millis(commit_ms);
            config.follower_lag = Duration::from_millis(30);
        });
        let leader = client(running.server.node_address(0));
        let mut behind = follow(&running, 1).await;
        for number in 0..5_u64 {
            let expected = match number {
                0 => StreamState::NoStream,
                _ => StreamState::StreamRevision(number - 1),
            };
            append(&leader, "bells", expected, [u128::from(number) + 1]).await.unwrap();
        }
        for number in 0..5 {
            assert_eq!(next_event(&mut behind).await, number);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_outlives_the_leadership_of_its_node() {
    let running = three(Duration::ZERO);
    let mut followed = follow(&running, 0).await;
    let first = client(running.server.node_address(0));
    append(&first, "bells", StreamState::NoStream, [1]).await.unwrap();
    assert_eq!(next_event(&mut followed).await, 0);
    running.server.elect(Some(1));
    append(&first, "bells", StreamState::StreamRevision(0), [2]).await.unwrap_err();
    let second = client(running.server.node_address(1));
    append(&second, "bells", StreamState::StreamRevision(0), [2]).await.unwrap();
    assert_eq!(next_event(&mut followed).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_when_its_session_ends_is_dropped_and_else_it_is_written() {
    let running = three(Duration::ZERO);
    let faults = running.server.faults();
    faults.next(Rpc::BatchAppend, Fault::Queue(Duration::from_millis(1)));
    let mut session = Session::begin(&running, 0, true).await;
    session.append(1, "bells", None, &[1]).await;
    assert_eq!(session.said().await, (1, Ok((0, 1))));

    // The second one waits longer than the first, and at the same place.
    faults.next(Rpc::BatchAppend, Fault::Queue(Duration::from_secs(1)));
    faults.next(Rpc::BatchAppend, Fault::Queue(Duration::from_millis(1_200)));
    session.append(2, "bells", Some(0), &[2]).await;
    while faults.calls(Rpc::BatchAppend) < 2 {
        tokio::task::yield_now().await;
    }
    drop(session);
    let mut session = Session::begin(&running, 0, true).await;
    session.append(3, "bells", Some(0), &[3]).await;
    assert_eq!(session.said().await, (3, Ok((1, 2))));
    assert_eq!(shown(&running, 0).await, [1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_append_is_written_although_it_was_answered_as_timed_out() {
    let running = with(|config| config.write_timeout = Duration::from_millis(20));
    running.server.faults().next(Rpc::BatchAppend, Fault::Queue(Duration::from_millis(100)));
    let mut session = Session::begin(&running, 0, true).await;
    session.append(1, "bells", None, &[1]).await;
    let (_, said) = session.said().await;
    assert_eq!(said.unwrap_err().1, "Timeout");
    running.server.store().wait_raw_after(Position(0)).await.unwrap();
    assert_eq!(shown(&running, 0).await, [1]);
}

/// Fills the memory of ids of a server: an id counts as two bytes for each character of its stream.
async fn fill(running: &Running, name: &str, count: u128) {
    let client = client(running.server.address());
    let options = AppendToStreamOptions::default().stream_state(StreamState::Any);
    for batch in 0..count.div_ceil(1_000) {
        let numbers = (batch * 1_000..count.min((batch + 1) * 1_000)).map(|number| number + 1_000);
        let event = |number| EventData::binary("Rung", Bytes::new()).id(Uuid::from_u128(number));
        client
            .append_to_stream(name, &options, numbers.map(event).collect::<Vec<_>>())
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_forgotten_by_the_bytes_that_they_take() {
    // An id of this stream takes 2,028 bytes, so 4,136 of them fit into 8 MiB.
    let name = "b".repeat(1_000);
    for (count, is_known) in [(4_130, true), (4_140, false)] {
        let running = super::running();
        let client = running.client();
        append(&client, "bells", StreamState::Any, [1]).await.unwrap();
        fill(&running, &name, count).await;
        append(&client, "bells", StreamState::Any, [1]).await.unwrap();
        let written = if is_known { vec![1] } else { vec![1, 1] };
        assert_eq!(shown(&running, 0).await, written, "after {count} others");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ids_of_all_streams_are_forgotten_by_bytes_as_well() {
    let name = "b".repeat(1_000);
    for (count, is_known) in [(4_100, true), (4_140, false)] {
        // Everything is under way at the same time.
        let running = committing(2_000, 60_000);
        let mut session = Session::begin(&running, 0, true).await;
        session.append(1, "bells", None, &[1, 2]).await;
        session.append(2, "others", None, &[1, 2]).await;
        session.append(3, &name, None, &(1_000..1_000 + count).collect::<Vec<_>>()).await;
        session.append(4, "bells", None, &[1, 2]).await;
        session.append(5, "end", None, &[9]).await;
        let mut said = Vec::new();
        while !said.iter().any(|(name, _)| *name == 5) {
            said.push(session.said().await);
        }
        let copy = said.into_iter().find(|(name, _)| *name == 4).map(|(_, said)| said);
        // What is not known to be used elsewhere is a copy that comes too early, and dropped.
        assert_eq!(copy, is_known.then(|| conflict(1)), "after {count} others");
    }
}

#[test]
fn acts_are_read_and_what_is_none_is_refused() {
    for (line, act) in [
        ("kill 1", Ok(Act::Kill(0))),
        ("  freeze   leader ", Ok(Act::Freeze(1))),
        ("thaw 3", Ok(Act::Thaw(2))),
        ("resign", Ok(Act::Resign)),
        ("kill 4", Err("node \"4\" is not one of 1 to 3")),
        ("kill 0", Err("node \"0\" is not one of 1 to 3")),
        ("kill -1", Err("node \"-1\" is not one of 1 to 3")),
        ("kill", Err("\"kill\" is not an act")),
        ("", Err("\"\" is not an act")),
        ("resign 2", Err("\"resign 2\" is not an act")),
    ] {
        match (Act::parse(line, 3, Some(1)), act) {
            (Ok(read), Ok(act)) => assert_eq!(read, act, "{line}"),
            (Err(said), Err(why)) => assert!(said.starts_with(why), "{line}: {said}"),
            (read, _) => panic!("{line}: {read:?}"),
        }
    }
    assert_eq!(Act::parse("kill leader", 3, None), Err("no node leads".to_owned()));
    assert_eq!(Act::parse("resign", 3, None), Err("no node leads".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_node_leads_after_an_election_if_a_majority_answers() {
    let running = three(Duration::ZERO);
    let server = &running.server;
    let acts = [
        (Act::Resign, Some(1)),
        (Act::Freeze(0), Some(1)),
        (Act::Freeze(1), None),
        (Act::Thaw(1), Some(1)),
        (Act::Kill(1), None),
        (Act::Thaw(0), Some(0)),
        (Act::Resign, Some(2)),
    ];
    for (step, (act, leader)) in acts.into_iter().enumerate() {
        let led = tokio::task::block_in_place(|| server.act(act, Duration::from_millis(1)));
        assert_eq!((led, server.leader()), (leader, leader), "{step}: {act:?}");
        if let Some(leader) = leader {
            let client = client(server.node_address(leader));
            append(&client, "bells", StreamState::Any, [step as u128 + 1]).await.unwrap();
        }
    }
}
