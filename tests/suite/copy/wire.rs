//! Copies over the wire: from a data directory to a cluster and back, by the engine under faults of
//! the wire, and by the command line where it refuses.

use std::{
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use doorbuster::{
    clock::WallClock,
    devstore::{Fault, Rpc},
    store::{EventStore, LogSource, SharedStore, embedded::EmbeddedStore, open},
};
use tempfile::tempdir;

use super::{assert_same_log, copied, digests, file, sold, store};
use crate::cluster::Cluster;

async fn connected(cluster: &Cluster) -> SharedStore {
    open(&cluster.address(0), Path::new("unused"), Arc::new(WallClock)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_to_a_cluster_and_comes_back_as_it_was() {
    let (node, home) = (sold().await, tempdir().unwrap());
    let source = file(node.data());
    let cluster = Cluster::start();
    let there = connected(&cluster).await;
    let out = copied(&source, &there).await.unwrap();
    assert!(out.equal && out.copied == out.events);
    let there = LogSource::Store(there);
    assert_same_log(&source, &there).await;
    cluster.assert_proved();
    let back = copied(&there, &store(home.path())).await.unwrap();
    assert_eq!((back.digest, back.equal), (out.digest, true));
    assert_same_log(&source, &file(home.path())).await;
    assert_eq!(digests(home.path()), digests(node.data()));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_wire_neither_lose_nor_double_an_event_of_a_copy() {
    let node = sold().await;
    let source = file(node.data());
    let faults = [
        Fault::CommitThenCut,
        Fault::Cut,
        Fault::CommitThenTimeOut,
        Fault::NotReady,
        Fault::NotLeader(None),
        Fault::AnswerThenCut,
    ];
    for fault in faults {
        let cluster = Cluster::start();
        let target = connected(&cluster).await;
        cluster.devstore().faults().next(Rpc::BatchAppend, fault.clone());
        let done = copied(&source, &target).await.unwrap();
        assert!(done.equal, "{fault:?}");
        target.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_comes_back_is_waited_for() {
    let node = sold().await;
    let source = file(node.data());
    let mut cluster = Cluster::start();
    let target = connected(&cluster).await;
    let (restart, wanted) = tokio::sync::oneshot::channel();
    let mut restart = Some(restart);
    let mut in_the_middle = |_| {
        if let Some(restart) = restart.take() {
            restart.send(()).unwrap();
        }
    };
    let restarting = async {
        wanted.await.unwrap();
        tokio::task::block_in_place(|| cluster.restart());
    };
    let copying = doorbuster::store::copy::copy(&source, &target, &mut in_the_middle);
    let (done, ()) = tokio::join!(copying, restarting);
    assert!(done.unwrap().equal);
}

fn doorbuster(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .env_clear()
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_why_it_refuses_a_target() {
    let (node, other) = (sold().await, sold().await);
    let (from, to) = (node.data().to_str().unwrap(), other.data().to_str().unwrap());
    let before = LogSource::head(&file(other.data())).await.unwrap();
    let refused = doorbuster(&["copy", "--from", from, "--to", to]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("the target is ahead: revision 0 of sale-"), "{stderr}");
    assert!(stderr.contains("nothing was written"), "{stderr}");
    assert_eq!(LogSource::head(&file(other.data())).await.unwrap(), before);

    let missing = other.data().join("missing");
    let nowhere = doorbuster(&["copy", "--from", missing.to_str().unwrap(), "--to", to]);
    assert_eq!(nowhere.status.code(), Some(1));
    let held = EmbeddedStore::open(other.data(), Arc::new(WallClock)).unwrap();
    let in_use = doorbuster(&["copy", "--from", from, "--to", to]);
    let stderr = String::from_utf8_lossy(&in_use.stderr);
    assert!(in_use.status.code() == Some(1) && stderr.contains("in use"), "{stderr}");
    held.close();
    for (side, words) in [("esbd://127.0.0.1:1", "--to must be"), ("", "--to must name")] {
        let refused = doorbuster(&["copy", "--from", from, "--to", side]);
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(2) && stderr.contains(words), "{stderr}");
    }
}
