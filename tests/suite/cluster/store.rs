//! Goal: the cluster store keeps the contract of the port, comes back from every end of its server,
//! and tells apart what must not be confused. Method: the port itself, against the development
//! server.

use std::{sync::Arc, time::Duration};

use doorbuster::{
    devstore::{Ending, Fault, Role, Rpc},
    events::{Category, Position},
    store::{AppendError, EventStore, Expected, StoreAddress, kurrent::KurrentStore},
};

use super::Cluster;
use crate::{
    store::{conforms, events, everything, stream},
    support::PATIENCE,
};

pub fn open(address: StoreAddress) -> Arc<KurrentStore> {
    match address {
        StoreAddress::Cluster(address) => KurrentStore::open(&address).unwrap(),
        StoreAddress::Embedded => panic!("not a cluster"),
    }
}

fn open_to_probe(address: StoreAddress) -> Arc<KurrentStore> {
    match address {
        StoreAddress::Cluster(address) => KurrentStore::open_to_probe(&address).unwrap(),
        StoreAddress::Embedded => panic!("not a cluster"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_server_conforms() {
    let cluster = Cluster::start();
    conforms(open_to_probe(cluster.address(0)), Category::Probe).await;
    // What was written for that is nothing to a node.
    assert_eq!(everything(&**cluster.devstore().store(), 100).await, []);
    assert_eq!(everything(&*open(cluster.address(0)), 100).await, []);
}

/// As a real cluster does: commits take time, and followers show them later.
#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_while_commits_take_time_and_followers_are_behind() {
    let cluster = Cluster::with(|config| {
        let address = config.nodes[0].0;
        config.nodes =
            vec![(address, Role::Leader), (address, Role::Follower), (address, Role::Follower)];
        config.commit_time = Duration::from_millis(3);
        config.follower_lag = Duration::from_millis(50);
    });
    conforms(open_to_probe(cluster.seeds(&[0, 1, 2])), Category::Probe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_through_a_follower_that_names_its_leader() {
    let cluster = Cluster::of(&[Role::Follower, Role::Leader]);
    conforms(open_to_probe(cluster.address(0)), Category::Probe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_through_seeds_of_which_the_first_is_dead() {
    let cluster = Cluster::of(&[Role::Follower, Role::Leader, Role::Follower]);
    cluster.devstore().kill_node(0);
    conforms(open_to_probe(cluster.seeds(&[0, 1, 2])), Category::Probe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_yet_is_unavailable_and_then_simply_there() {
    let mut cluster = Cluster::start();
    let address = cluster.address(0);
    let (data, listen) = (cluster.data.path().to_owned(), cluster.devstore().address());
    cluster.stop();
    let store = open(address);
    let refused = store.append(stream(1), Expected::NoStream, events([1])).await;
    assert!(matches!(refused, Err(AppendError::NotWritten(_))), "{refused:?}");
    assert!(store.read_stream(stream(1), 0, 1).await.is_err());
    assert_eq!(store.head(), Position::START);

    cluster.devstore = Some(super::serve(&data, vec![(listen, Role::Leader)]));
    let appended = until_written(&store, 1, Expected::NoStream, [1]).await;
    store.wait_after(Position::START).await.unwrap();
    assert_eq!(store.head(), appended);
}

/// Appends until the store takes it, as an item would.
async fn until_written<const N: usize>(
    store: &KurrentStore,
    name: u128,
    expected: Expected,
    ids: [u128; N],
) -> Position {
    let appended = async {
        loop {
            match store.append(stream(name), expected, events(ids)).await {
                Ok(appended) => return appended.last_position,
                Err(AppendError::Conflict(_)) => panic!("a conflict without another writer"),
                Err(AppendError::NotWritten(_) | AppendError::Unknown(_)) => {
                    tokio::task::yield_now().await;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, appended).await.unwrap()
}

/// Whatever becomes of the answer, the append stands once, and the next one is written.
#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_meets_a_fault_is_written_exactly_once() {
    let faults = [
        Fault::AnswerThenCut,
        Fault::CommitThenCut,
        Fault::CommitThenTimeOut,
        Fault::CommitThenSilence,
        Fault::TimeOutThenCommit(std::time::Duration::from_millis(300)),
        Fault::Cut,
        Fault::NotLeader(None),
        Fault::NotReady,
    ];
    for fault in faults {
        let cluster = Cluster::start();
        let store = open(cluster.address(0));
        until_written(&store, 1, Expected::NoStream, [1, 2]).await;
        cluster.devstore().faults().next(Rpc::BatchAppend, fault.clone());
        until_written(&store, 1, Expected::Exact(1), [3, 4]).await;
        until_written(&store, 1, Expected::Exact(3), [5]).await;
        let log = everything(&**cluster.devstore().store(), 100).await;
        let ids: Vec<_> = log.iter().map(|event| event.id.as_u128()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5], "{fault:?}");
        assert_eq!(everything(&*store, 100).await, log, "{fault:?}");
    }
}

/// A node without a leader refuses reads with the code that a missing stream would have.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_never_taken_for_empty_because_nobody_leads() {
    let cluster = Cluster::start();
    let store = open(cluster.address(0));
    until_written(&store, 1, Expected::NoStream, [1]).await;
    let faults = cluster.devstore().faults();
    faults.always(Rpc::Read, Fault::NotLeader(None));
    assert!(store.read_stream(stream(1), 0, 10).await.is_err());
    assert!(store.last_revision(stream(1)).await.is_err());
    faults.clear();
    let read = async {
        loop {
            if let Ok(events) = store.read_stream(stream(1), 0, 10).await {
                return events;
            }
        }
    };
    let read = tokio::time::timeout(PATIENCE, read).await.unwrap();
    assert_eq!(read.len(), 1);
}

/// However a subscription ends, those who wait for events get each of them once.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_goes_on_after_the_last_event_it_has_handled() {
    let ends = [Ending::Error, Ending::Done, Ending::Cut];
    let faults = ends.map(|ending| Fault::End { after_events: 3, ending });
    let faults = faults.into_iter().chain([Fault::Twice { event: 2 }]);
    for fault in faults {
        let cluster = Cluster::start();
        cluster.devstore().faults().next(Rpc::Subscribe, fault.clone());
        let store = open(cluster.address(0));
        until_written(&store, 1, Expected::NoStream, [1]).await;
        let mut ids = Vec::new();
        let mut after = Position::START;
        for number in 2..=12 {
            until_written(&store, 1, Expected::Exact(number - 2), [number.into()]).await;
            // What wakes may be an earlier event than the one just written.
            while ids.last() != Some(&number.into()) {
                store.wait_after(after).await.unwrap();
                for event in store.read_all(after, 100).await.unwrap() {
                    assert!(event.position > after, "{fault:?}");
                    after = event.position;
                    ids.push(event.id.as_u128());
                }
            }
        }
        assert_eq!(ids, (1..=12).collect::<Vec<_>>(), "{fault:?}");
        // It was really made anew, and not only read around.
        let subscribed = cluster.devstore().faults();
        let anew = async {
            while subscribed.calls(Rpc::Subscribe) < 2 {
                tokio::task::yield_now().await;
            }
        };
        if fault != (Fault::Twice { event: 2 }) {
            let at_most = std::time::Duration::from_secs(20);
            tokio::time::timeout(at_most, anew).await.unwrap();
        }
    }
}

/// A paused machine accepts connections and does not answer. A caller that gives up must not take
/// the process along, and must not wait for ever either.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_accepts_and_says_nothing_can_be_given_up_at_any_moment() {
    let silent = tokio::net::TcpListener::bind(super::ANY_PORT).await.unwrap();
    let address = format!("esdb://{}?tls=false", silent.local_addr().unwrap());
    let store = open(address.parse().unwrap());
    for patience_ms in [1, 20, 60, 100, 400] {
        let asked = store.last_revision(stream(1));
        let patience = std::time::Duration::from_millis(patience_ms);
        assert!(tokio::time::timeout(patience, asked).await.is_err());
    }
    let refused = store.append(stream(1), Expected::NoStream, events([1])).await;
    assert!(matches!(refused, Err(AppendError::NotWritten(_))), "{refused:?}");
    store.close();
}

/// Another application may have streams whose names begin like ours.
#[tokio::test(flavor = "multi_thread")]
async fn streams_of_others_whose_names_begin_like_ours_are_read_past() {
    let cluster = Cluster::start();
    let store = open(cluster.address(0));
    let last = until_written(&store, 1, Expected::NoStream, [1, 2]).await;
    let address = format!("esdb://{}?tls=false", cluster.devstore().address());
    let other = eventstore_client::Client::new(address.parse().unwrap()).unwrap();
    for stream in ["item-42", "item-42", "sale-of-the-year"] {
        let event = eventstore_client::EventData::json("Noted", &"hello").unwrap();
        let options = eventstore_client::AppendToStreamOptions::default();
        other.append_to_stream(stream, &options, event).await.unwrap();
    }
    let at_most = std::time::Duration::from_secs(20);
    let rest = tokio::time::timeout(at_most, store.read_all(last, 10)).await.unwrap();
    assert_eq!(rest.unwrap(), []);

    // One that starts now finds the end of the log behind them, and what comes after them.
    let late = open(cluster.address(0));
    tokio::time::timeout(at_most, late.found_end()).await.unwrap();
    assert_eq!(late.head(), last);
    let next = until_written(&store, 1, Expected::Exact(1), [3]).await;
    tokio::time::timeout(at_most, late.wait_after(last)).await.unwrap().unwrap();
    let read = late.read_all(last, 10).await.unwrap();
    assert_eq!(read.iter().map(|event| event.position).collect::<Vec<_>>(), [next]);
}
