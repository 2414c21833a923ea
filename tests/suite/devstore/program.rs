//! `doorbuster devstore` as people and scripts run it: what it prints, how it refuses, how it stops,
//! and what a kill leaves.

use std::{
    io::{BufRead, BufReader, Write},
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

/// The node that leads after each of these acts, by its number.
fn acted(acts: &[(&str, Value)]) {
    let directory = tempfile::tempdir().unwrap();
    let words = ["--listen", "127.0.0.1:0", "--nodes", "3", "--acts", "--election-ms", "1"];
    let mut command = devstore(directory.path());
    let mut child = command.args(words).stdin(Stdio::piped()).spawn().unwrap();
    let (mut acts_in, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = BufReader::new(out).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let said = next();
    assert_eq!(said["nodes"].as_array().unwrap().len(), 3, "{said}");
    for (act, leader) in acts {
        writeln!(acts_in, "{act}").unwrap();
        if *leader != "refused" {
            assert_eq!(next(), serde_json::json!({ "act": act, "leader": leader }));
        }
    }
    drop(acts_in);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let stopped = child.wait_with_output().unwrap();
    assert!(stopped.status.success());
    let refused = acts.iter().filter(|(_, leader)| *leader == "refused").count();
    let complaints = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert_eq!(complaints.lines().count(), refused, "{complaints}");
}

#[test]
fn its_nodes_are_killed_frozen_and_made_to_resign_from_standard_input() {
    acted(&[
        ("resign", 2.into()),
        ("kill 9", "refused".into()),
        ("kill leader", 3.into()),
        ("freeze leader", Value::Null),
        ("resign", "refused".into()),
        ("thaw 3", 1.into()),
    ]);
}

#[test]
fn ports_beyond_the_last_one_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let words = ["--listen", "127.0.0.1:65534", "--nodes", "3"];
    let refused = devstore(directory.path()).args(words).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("--listen: 3 nodes need the ports from 65534 on"), "{words}");
}
