//! Damage of every file of a data directory: bit flips, truncation, removal, older copies, alone and
//! two at once. Each is refused and left as it is, or the log is provably the same.

use std::{collections::BTreeMap, path::PathBuf};

use doorbuster::{
    projections::{self, view_path},
    store::embedded::{LOG_FILE, LogReader, WITNESS_FILE},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rusqlite::Connection;

use super::{cases, everything, files, open, write};
use crate::support::{Node, PATIENCE, item, order};

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Sells and waits until every read model has come as far as the log.
async fn sell(node: &Node, item: &str, name: &str, orders: usize) {
    for number in 0..orders {
        order(&node.place(item, &format!("{name}-{number}"), 1).await.unwrap());
    }
    let head = LogReader::open(node.data()).unwrap().head().unwrap();
    let arrived = async {
        for projection in projections::all() {
            let path = view_path(node.data(), projection.name());
            let (name, version) = (projection.name(), projection.version());
            loop {
                let file = Connection::open(&path).unwrap();
                let at = projections::read_checkpoint(&file, name, version);
                if at.ok().flatten().is_some_and(|at| at.position >= head) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("read models come there");
}

/// Does one damage and says what it was.
fn damage(files: &mut Files, older: &[Files], random: &mut StdRng) -> String {
    let names: Vec<PathBuf> = files.keys().cloned().collect();
    let first = [LOG_FILE, "log.db-wal", WITNESS_FILE].map(PathBuf::from);
    // Half of all damage is to the three files of the log.
    let name = match random.random_range(0..6_usize) {
        nth @ 0..3 => first[nth].clone(),
        _ => names[random.random_range(0..names.len())].clone(),
    };
    let Some(bytes) = files.get_mut(&name) else { return "nothing".to_owned() };
    let said = |what: &str| format!("{}: {what}", name.display());
    match random.random_range(0..4_usize) {
        0 if !bytes.is_empty() => {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8_u8);
            said(&format!("bit flipped in byte {at}"))
        }
        1 if !bytes.is_empty() => {
            let length = random.random_range(0..bytes.len());
            bytes.truncate(length);
            said(&format!("cut to {length} bytes"))
        }
        2 => {
            files.remove(&name);
            said("removed")
        }
        _ => {
            let copy = &older[random.random_range(0..older.len())];
            match copy.get(&name) {
                Some(bytes) => _ = files.insert(name.clone(), bytes.clone()),
                None => _ = files.remove(&name),
            }
            said("older copy")
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_refused_or_the_same_log() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("A", &[("east", 1_000)])]).await;
    let mut copies = Vec::new();
    for (name, orders) in [("first", 10), ("second", 30), ("third", 40)] {
        sell(&node, &items[0], name, orders).await;
        copies.push(files(node.data()));
    }
    let whole = everything(&LogReader::open(node.data()).unwrap()).unwrap();
    let newest = copies.pop().unwrap();
    assert!(newest[&PathBuf::from("log.db-wal")].len() > 100_000, "its end is not in log.db yet");
    drop(node);

    let mut random = StdRng::seed_from_u64(13);
    let (mut refused, mut same, mut read) = (0, 0, 0);
    let count = cases(60);
    for case in 0..count {
        let mut damaged = newest.clone();
        let mut done = vec![damage(&mut damaged, &copies, &mut random)];
        if case % 3 == 0 {
            done.push(damage(&mut damaged, &copies, &mut random));
        }
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &damaged);
        let outcome = open(directory.path());
        match outcome {
            Err(_) => {
                assert_eq!(files(directory.path()), damaged, "{done:?}: changed although refused");
                refused += 1;
            }
            Ok(()) => match LogReader::open(directory.path()).map(|log| everything(&log)) {
                Ok(Ok(found)) => {
                    assert_eq!(found.len(), whole.len(), "{done:?}: silently lost");
                    assert_eq!(found, whole, "{done:?}: a wrong answer");
                    same += 1;
                }
                // An old page: seen when it is read.
                Ok(Err(_)) | Err(_) => read += 1,
            },
        }
    }
    assert!(refused > 0 && same > 0);
    println!(
        "{count} damaged copies of a log of {} events with its write-ahead log in use: {refused} \
         refused and left as they were, {same} the same log, {read} noticed when read, 0 silent \
         losses",
        whole.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undamaged_copy_of_every_moment_is_the_same_log() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("A", &[("east", 1_000)])]).await;
    for number in 0..10 {
        sell(&node, &items[0], &format!("round-{number}"), 2).await;
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &files(node.data()));
        open(directory.path()).unwrap();
        let log = LogReader::open(directory.path()).unwrap();
        let there = everything(&LogReader::open(node.data()).unwrap()).unwrap();
        assert_eq!(everything(&log).unwrap(), there);
    }
}
