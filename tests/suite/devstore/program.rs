//! `doorbuster devstore` as people and scripts run it: what it prints, how it refuses, how it stops,
//! and what a kill leaves.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use eventstore_client::{Client, StreamState};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::append;

fn devstore(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command.args(["devstore", "--json", "--quiet", "--data"]).arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Started on a free port, and what it said.
fn started(data: &Path) -> (Child, Value) {
    let mut child = devstore(data).args(["--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).expect("one object of JSON"))
}

fn client(said: &Value) -> Client {
    let connection = said["connection"].as_str().unwrap();
    Client::new(format!("{connection}&discoveryInterval=1").parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_where_it_is_and_stops_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("made/when/missing");
    let (mut child, said) = started(&data);
    let address = said["address"].as_str().unwrap();
    assert_eq!(said["url"], format!("http://{address}"));
    assert_eq!(said["connection"], format!("esdb://{address}?tls=false"));
    assert_eq!(said["data"], data.to_str().unwrap());
    append(&client(&said), "bells", StreamState::NoStream, [1]).await.unwrap();
    // The directory is in use.
    let second = devstore(&data).args(["--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{second:?}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!data.join("log.db-wal").exists(), "it did not close the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_that_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    for life in 0..3 {
        let (mut child, said) = started(directory.path());
        let client = client(&said);
        let expected = match life * 2 {
            0 => StreamState::NoStream,
            count => StreamState::StreamRevision(count - 1),
        };
        let first = u128::from(life) * 2 + 1;
        append(&client, "bells", expected, [first, first + 1]).await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (mut child, said) = started(directory.path());
    let all = client(&said).read_stream("bells", &Default::default()).await.unwrap();
    assert_eq!(super::ids(&super::all_of(all).await.unwrap()), (1..=6).collect::<Vec<_>>());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let refused = devstore(&data).args(["--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("listen: 0.0.0.0 is not a loopback address"), "{words}");
    assert!(!data.exists());
}
