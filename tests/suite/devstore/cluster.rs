//! Several nodes in front of one log: who leads, what gossip says, where clients go.

use doorbuster::devstore::{Config, Devstore, Role, StartError};
use eventstore_client::{Client, Error, StreamState};

use super::{ANYWHERE, append, start, stop};

fn three(directory: &std::path::Path) -> Devstore {
    let nodes =
        vec![(ANYWHERE, Role::Follower), (ANYWHERE, Role::Leader), (ANYWHERE, Role::Follower)];
    start(Config { nodes, ..Config::single(directory.to_owned(), ANYWHERE) })
}

fn cluster_client(server: &Devstore) -> Client {
    let hosts: Vec<_> = (0..3).map(|node| server.node_address(node).to_string()).collect();
    let connection =
        format!("esdb://{}?tls=false&discoveryInterval=1&maxDiscoverAttempts=10", hosts.join(","));
    Client::new(connection.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn a_client_of_the_cluster_finds_the_leader() {
    let directory = tempfile::tempdir().unwrap();
    let server = three(directory.path());
    let client = cluster_client(&server);
    append(&client, "bells", StreamState::NoStream, [1]).await.unwrap();
    let version = client.server_info().await.unwrap().version();
    assert_eq!((version.major(), version.minor(), version.patch()), (24, 10, 5));
    stop(server).await;
}

#[tokio::test]
async fn a_follower_names_the_leader_to_who_needs_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = three(directory.path());
    let leader = server.node_address(1);
    // One host is taken as it is, without gossip.
    let client = super::client(server.node_address(0));
    match append(&client, "bells", StreamState::NoStream, [1]).await {
        Err(Error::NotLeaderException(endpoint)) => {
            assert_eq!(
                (endpoint.host.as_str(), endpoint.port),
                ("127.0.0.1", leader.port().into())
            );
        }
        other => panic!("{other:?}"),
    }
    // The client goes there now.
    append(&client, "bells", StreamState::NoStream, [1]).await.unwrap();

    server.set_role(1, Role::Follower);
    server.set_role(2, Role::Leader);
    let moved = append(&client, "bells", StreamState::Any, [2]).await;
    assert!(matches!(moved, Err(Error::NotLeaderException(_))), "{moved:?}");
    append(&client, "bells", StreamState::Any, [2]).await.unwrap();
    stop(server).await;
}

#[tokio::test]
async fn a_node_that_is_killed_is_gone_and_the_others_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let server = three(directory.path());
    let client = cluster_client(&server);
    append(&client, "bells", StreamState::NoStream, [1]).await.unwrap();
    server.kill_node(1);
    server.set_role(2, Role::Leader);
    append(&client, "bells", StreamState::Any, [2]).await.unwrap_err();
    let other = cluster_client(&server);
    let written = append(&other, "bells", StreamState::StreamRevision(0), [3]).await.unwrap();
    assert_eq!(written.next_expected_version, 1);
    stop(server).await;
}

#[test]
fn only_loopback_is_listened_on() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::single(directory.path().join("data"), "0.0.0.0:0".parse().unwrap());
    let clock = std::sync::Arc::new(doorbuster::clock::WallClock);
    let Err(error) = Devstore::start(config, clock) else { panic!("it listens everywhere") };
    assert!(matches!(error, StartError::NotLoopback(_)), "{error}");
    assert!(!directory.path().join("data").exists(), "it made a log all the same");
}
