//! Snapshots against folds, over random histories on both kinds of store.

use std::{fs, path::Path};

use proptest::{prelude::*, test_runner::Config};

use super::{
    Bench,
    history::{Step, history, steps},
    stream,
};
use crate::cluster::Cluster;

/// What is done to the files between two steps of a history.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Nothing,
    Write,
    /// The program is killed while a snapshot is written: so much of it is there, under its other name.
    Killed(u16),
    /// The file is cut off after such a part of it.
    Cut(u16),
    /// A bit of the file is turned over.
    Turned(u16, u8),
    Removed,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Nothing),
        3 => Just(Deed::Write),
        1 => any::<u16>().prop_map(Deed::Killed),
        1 => any::<u16>().prop_map(Deed::Cut),
        1 => (any::<u16>(), 0..8_u8).prop_map(|(at, bit)| Deed::Turned(at, bit)),
        1 => Just(Deed::Removed),
    ]
}

/// So many bytes of a file as a share of all of them.
fn share(bytes: usize, of: u16) -> usize {
    bytes * usize::from(of) / (usize::from(u16::MAX) + 1)
}

/// Whether the file may be used afterwards.
async fn act(bench: &Bench, deed: Deed, usable: bool) -> bool {
    let path = bench.files.path(stream());
    let found = fs::read(&path).ok();
    match (deed, found) {
        (Deed::Write, _) => {
            bench.write().await;
            true
        }
        (Deed::Killed(at), before) => {
            bench.write().await;
            let whole = fs::read(&path).unwrap();
            fs::write(path.with_extension("new"), &whole[..share(whole.len(), at)]).unwrap();
            put_back(&path, before);
            usable
        }
        (Deed::Cut(at), Some(bytes)) => {
            fs::write(&path, &bytes[..share(bytes.len(), at)]).unwrap();
            false
        }
        (Deed::Turned(at, bit), Some(mut bytes)) if !bytes.is_empty() => {
            let at = share(bytes.len(), at);
            bytes[at] ^= 1 << bit;
            fs::write(&path, bytes).unwrap();
            false
        }
        (Deed::Removed, Some(_)) => {
            fs::remove_file(&path).unwrap();
            false
        }
        _ => usable,
    }
}

fn put_back(path: &Path, before: Option<Vec<u8>>) {
    match before {
        Some(before) => fs::write(path, before).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
}

async fn play(mut bench: Bench, steps: &[(Step, Deed)]) {
    let only: Vec<Step> = steps.iter().map(|(step, _)| *step).collect();
    let mut history = history(&only).into_iter();
    bench.append(&history.next().unwrap()).await;
    let mut usable = false;
    for (events, (_, deed)) in history.zip(steps) {
        bench.append(&events).await;
        usable = act(&bench, *deed, usable).await;
        let covered = bench.assert_loaded_as_folded().await;
        assert_eq!(covered > 0, usable, "{deed:?}");
    }
}

fn config(cases: u32) -> Config {
    let more = std::env::var("DOORBUSTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: more.unwrap_or(cases), failure_persistence: None, ..Config::default() }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_snapshot_and_the_events_behind_it_are_what_all_events_come_to(
        steps in steps(60).prop_flat_map(|steps| {
            let deeds = prop::collection::vec(deed(), steps.len());
            (Just(steps), deeds).prop_map(|(steps, deeds)| {
                steps.into_iter().zip(deeds).collect::<Vec<_>>()
            })
        }),
    ) {
        runtime().block_on(play(Bench::embedded(), &steps));
    }
}

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn so_they_are_on_a_cluster(
        steps in steps(40).prop_flat_map(|steps| {
            let deeds = prop::collection::vec(deed(), steps.len());
            (Just(steps), deeds).prop_map(|(steps, deeds)| {
                steps.into_iter().zip(deeds).collect::<Vec<_>>()
            })
        }),
    ) {
        let cluster = Cluster::start();
        runtime().block_on(async {
            let store = cluster.store();
            play(Bench::on(store, tempfile::tempdir().unwrap()), &steps).await;
        });
    }
}
