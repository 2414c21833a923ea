//! Goal: appends do not disturb each other, and what one came to is believed only when its own answer
//! proves it. Method: the port on the development server, whose commits take time, and faults after
//! which the answer, what can be read and what becomes of the append differ.

use std::{sync::Arc, time::Duration};

use doorbuster::{
    devstore::{Fault, Rpc},
    store::{AppendError, Appended, EventStore, Expected, kurrent::KurrentStore},
};

use super::{Cluster, store::open};
use crate::{
    store::{events, everything, stream},
    support::PATIENCE,
};

/// A server whose commits take that long, and a store on it that is connected.
async fn slow(commit: Duration, write_timeout: Duration) -> (Cluster, Arc<KurrentStore>) {
    let cluster = Cluster::with(|config| {
        (config.commit_time, config.write_timeout) = (commit, write_timeout);
    });
    let store = open(cluster.address(0));
    store.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
    (cluster, store)
}

fn calls(cluster: &Cluster) -> u64 {
    cluster.devstore().faults().calls(Rpc::BatchAppend)
}

/// Waits until so many appends have come to the server.
async fn come(cluster: &Cluster, count: u64) {
    let come = async {
        while calls(cluster) < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, come).await.expect("the appends come");
}

/// Appends as an actor does: again while the outcome is unknown.
async fn until_known(
    store: &KurrentStore,
    name: u128,
    expected: Expected,
    ids: &[u128],
) -> Result<Appended, AppendError> {
    let known = async {
        loop {
            match store.append(stream(name), expected, events(ids.iter().copied())).await {
                Err(AppendError::Unknown(_)) => {}
                known => return known,
            }
        }
    };
    tokio::time::timeout(PATIENCE, known).await.expect("it becomes known")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_disturbs_nothing_else_in_the_session() {
    let (cluster, store) = slow(Duration::from_millis(300), PATIENCE).await;
    let flying = {
        let store = Arc::clone(&store);
        tokio::spawn(
            async move { store.append(stream(2), Expected::NoStream, events([2, 3])).await },
        )
    };
    come(&cluster, 2).await;
    let refused = store.append(stream(1), Expected::NoStream, events([4])).await;
    assert_eq!(refused, Err(AppendError::Conflict(Some(0))));
    assert!(!flying.is_finished(), "the other one was under way");
    assert_eq!(flying.await.unwrap().unwrap().last_revision, 1);
    assert_eq!(calls(&cluster), 3, "nothing was sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_takes_long_is_waited_for_and_not_sent_again() {
    // Longer than the adapter waits before it reads as well.
    let (cluster, store) = slow(Duration::from_millis(2_500), PATIENCE).await;
    let connected = cluster.devstore().faults().calls(Rpc::ServerFeatures);
    until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
    assert_eq!(calls(&cluster), 2);
    let now = cluster.devstore().faults().calls(Rpc::ServerFeatures);
    assert_eq!(now, connected, "the connection was good");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_in_doubt_is_sent_again_once_its_events_can_be_read() {
    // A server drops the copy that comes too early, and would say so only after an hour.
    let (cluster, store) = slow(Duration::from_millis(500), Duration::from_secs(3_600)).await;
    cluster.devstore().faults().next(Rpc::BatchAppend, Fault::HandInThenCut);
    let written = until_known(&store, 1, Expected::Exact(0), &[2, 3]).await.unwrap();
    assert_eq!(written.last_revision, 2);
    assert_eq!(calls(&cluster), 4, "the first one, one too early, and one that was answered");
    assert_eq!(everything(&**cluster.devstore().store(), 9).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_is_no_answer() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    let late = Fault::TimeOutThenCommit(Duration::from_millis(600));
    cluster.devstore().faults().next(Rpc::BatchAppend, late);
    cluster.devstore().faults().next(Rpc::BatchAppend, Fault::NotReady);
    let written = until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
    assert_eq!(written.last_revision, 1);
    assert_eq!(everything(&**cluster.devstore().store(), 9).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_looked_at_is_not_written_and_tried_again() {
    for fault in [Fault::NotReady, Fault::TooBusy] {
        let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
        cluster.devstore().faults().always(Rpc::BatchAppend, fault.clone());
        let refused = store.append(stream(1), Expected::Exact(0), events([2])).await;
        assert!(matches!(refused, Err(AppendError::NotWritten(_))), "{fault:?}: {refused:?}");
        cluster.devstore().faults().clear();
        cluster.devstore().faults().next(Rpc::BatchAppend, fault);
        store.append(stream(1), Expected::Exact(0), events([3])).await.unwrap();
        assert_eq!(everything(&**cluster.devstore().store(), 9).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_not_looked_at_leaves_the_append_in_doubt() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    let faults = cluster.devstore().faults();
    faults.always(Rpc::BatchAppend, Fault::NotReady);
    faults.next(Rpc::BatchAppend, Fault::TimeOutThenCommit(Duration::from_millis(2_500)));
    let answer = store.append(stream(1), Expected::Exact(0), events([2])).await;
    assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
    faults.clear();
    until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_for_an_append_in_doubt_is_told_nothing_that_is_not_known() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    let faults = cluster.devstore().faults();
    faults.always(Rpc::BatchAppend, Fault::NotReady);
    faults.next(Rpc::BatchAppend, Fault::CommitThenTimeOut);
    let answer = store.append(stream(1), Expected::Exact(0), events([2])).await;
    assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
    // It is written. The answer to another copy would by itself say that it is not.
    faults.always(Rpc::BatchAppend, Fault::WrongVersion);
    let again = store.append(stream(1), Expected::Exact(0), events([2])).await;
    assert!(matches!(again, Err(AppendError::Unknown(_))), "{again:?}");
    faults.clear();
    let written = until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
    assert_eq!(written.last_revision, 1);
    assert_eq!(everything(&**cluster.devstore().store(), 9).await.len(), 2);
}

/// "Not ready" and "busy" are said with the code of a success, and so is what a later server may say.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_words_with_the_code_of_a_success_prove_nothing() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    let faults = cluster.devstore().faults();
    // It is written, and the copy that follows meets its own events.
    for fault in [Fault::CommitThenNotHandled, Fault::WrongVersion] {
        faults.next(Rpc::BatchAppend, fault);
    }
    let written = until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
    assert_eq!(written.last_revision, 1);
    assert_eq!(everything(&**cluster.devstore().store(), 9).await.len(), 2);
}

/// A node that is about to lead shows events that its cluster then takes back.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_proves_nothing() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    let faults = cluster.devstore().faults();
    faults.always(Rpc::BatchAppend, Fault::NotReady);
    faults.next(Rpc::BatchAppend, Fault::ShowThenTakeBack);
    let (before, reads) = (calls(&cluster), faults.calls(Rpc::Read));
    let answer = store.append(stream(1), Expected::Exact(0), events([2])).await;
    assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
    assert!(calls(&cluster) > before + 1 && faults.calls(Rpc::Read) > reads + 1);
    let shown = store.read_stream(stream(1), 1, 9).await.unwrap();
    assert_eq!(shown[0].id.as_u128(), 2, "it was there to be believed");

    // They are gone, and another node's stand there.
    cluster.devstore().take_back();
    faults.clear();
    let other = open(cluster.address(0));
    let other = other.append(stream(1), Expected::Exact(0), events([7])).await;
    let known = until_known(&store, 1, Expected::Exact(0), &[2]).await;
    // Whichever was first: what the answers say is what the log holds.
    let log = everything(&**cluster.devstore().store(), 9).await;
    let last = log.last().unwrap().id.as_u128();
    assert_eq!((log.len(), known.is_ok(), other.is_ok()), (2, last == 2, last == 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_of_a_copy_is_believed_only_where_others_events_stand() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    let faults = cluster.devstore().faults();
    for fault in [Fault::CommitThenCut, Fault::WrongVersion, Fault::WrongVersion] {
        faults.next(Rpc::BatchAppend, fault);
    }
    let written = until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
    assert_eq!(written.last_revision, 1, "its own events stand there");

    // Lost in doubt, and another node writes there meanwhile.
    for fault in [Fault::Cut, Fault::NotReady] {
        faults.next(Rpc::BatchAppend, fault);
    }
    let other = open(cluster.address(0));
    let (lost, won) = tokio::join!(
        until_known(&store, 1, Expected::Exact(1), &[3]),
        until_known(&other, 1, Expected::Exact(1), &[8])
    );
    let log = everything(&**cluster.devstore().store(), 9).await;
    let last = log.last().unwrap().id.as_u128();
    assert_eq!((log.len(), lost.is_ok(), won.is_ok()), (3, last == 3, last == 8));
}

/// What others wrote is shown where the append would begin, and then taken back. No answer said that
/// there is a conflict.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_others_are_no_conflict_until_an_answer_says_so() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    let faults = cluster.devstore().faults();
    let other = open(cluster.address(0));
    other.append(stream(2), Expected::NoStream, events([6])).await.unwrap();
    faults.always(Rpc::BatchAppend, Fault::Cut);
    faults.next(Rpc::BatchAppend, Fault::ShowThenTakeBack);
    let shown = other.append(stream(1), Expected::Exact(0), events([7])).await;
    assert!(matches!(shown, Err(AppendError::Unknown(_))), "{shown:?}");
    other.close();

    let reads = faults.calls(Rpc::Read);
    let answer = store.append(stream(1), Expected::Exact(0), events([2])).await;
    assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
    assert!(faults.calls(Rpc::Read) > reads, "the other node's event was there to be believed");
    let read = store.read_stream(stream(1), 1, 9).await.unwrap();
    assert_eq!(read[0].id.as_u128(), 7);

    cluster.devstore().take_back();
    faults.clear();
    let written = until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
    assert_eq!(written.last_revision, 1);
}

/// The server compares numbers: after another node's two events it would take an append that was
/// decided on our two.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_fits_by_chance_is_accepted_by_the_server() {
    let (_cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    store.append(stream(1), Expected::Exact(0), events([8, 9])).await.unwrap();
    let lost = store.append(stream(1), Expected::Exact(0), events([2, 3])).await;
    assert_eq!(lost, Err(AppendError::Conflict(Some(2))));
    // This is why an item has one append in flight: `nodes::races` tests that it has.
    store.append(stream(1), Expected::Exact(2), events([4])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_drops_from_its_queue_is_sent_again_and_written_once() {
    let (cluster, store) = slow(Duration::from_millis(1), PATIENCE).await;
    // Longer than anything waits: only the end of the session decides.
    let queued = Fault::Queue(Duration::from_secs(3_600));
    cluster.devstore().faults().next(Rpc::BatchAppend, queued);
    let written = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { until_known(&store, 1, Expected::Exact(0), &[2]).await })
    };
    come(&cluster, 2).await;
    cluster.devstore().cut_node(0);
    assert_eq!(written.await.unwrap().unwrap().last_revision, 1);
    assert_eq!(everything(&**cluster.devstore().store(), 9).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_queue_of_a_server_is_written_once_however_late() {
    let (cluster, store) = slow(Duration::from_millis(1), Duration::from_millis(50)).await;
    let queued = Fault::Queue(Duration::from_millis(400));
    cluster.devstore().faults().next(Rpc::BatchAppend, queued);
    let written = until_known(&store, 1, Expected::Exact(0), &[2]).await.unwrap();
    assert_eq!(written.last_revision, 1);
    store.append(stream(1), Expected::Exact(1), events([3])).await.unwrap();
    assert_eq!(everything(&**cluster.devstore().store(), 9).await.len(), 3);
}
