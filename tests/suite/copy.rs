//! Goal: a copy of a log is the same log, wherever it lies, or the copy is refused.
//!
//! Method: a real server sells and writes the source; the log is copied between real stores, cut off
//! in the middle, started again, and held against targets that disagree. Faults of a target are those
//! of a store that does what it is told and lies about it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod flaky;
mod wire;

use std::{path::Path, sync::Arc};

use doorbuster::{
    clock::WallClock,
    events::{NewEvent, Position, Recorded, StreamName},
    projections,
    store::{
        AppendLimits, Expected, LogSource, SharedStore,
        copy::{Copied, CopyError, Stage, copy},
        embedded::{EmbeddedStore, LogReader},
    },
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use self::flaky::{Flaky, Lie};
use crate::support::{Node, item, order};

/// A server that sold a few units of two items, one after the other, and was stopped.
async fn sold() -> Node {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("A", &[("east", 30)]), item("B", &[("west", 30)])]).await;
    for buyer in 0..12 {
        for item in &items {
            let placed = order(&node.place(item, &format!("buyer-{buyer}"), 1).await.unwrap());
            if buyer % 3 == 0 {
                node.pay(&placed).await;
            }
        }
    }
    node.stop();
    node
}

fn file(data: &Path) -> LogSource {
    LogSource::File(Arc::new(LogReader::open(data).unwrap()))
}

fn store(data: &Path) -> SharedStore {
    EmbeddedStore::open(data, Arc::new(WallClock)).unwrap()
}

async fn everything(log: &LogSource) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |event| event.position);
        let page = log.read_all(after, 700).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn copied(source: &LogSource, target: &SharedStore) -> Result<Copied, CopyError> {
    copy(source, target, &mut |_| {}).await
}

/// Everything but what is the target's own.
fn kept(event: Recorded) -> (StreamName, u64, Uuid, String, Vec<u8>, Vec<u8>) {
    let Recorded { stream, revision, id, kind, data, metadata, .. } = event;
    (stream, revision, id, kind, data, metadata)
}

async fn assert_same_log(source: &LogSource, target: &LogSource) {
    let (source, target) = (everything(source).await, everything(target).await);
    let kept = |log: Vec<Recorded>| log.into_iter().map(kept).collect::<Vec<_>>();
    assert_eq!(kept(source), kept(target));
}

/// A log with the first events of another one.
async fn beginning(source: &LogSource, events: usize) -> (TempDir, SharedStore) {
    let dir = tempdir().unwrap();
    let target = store(dir.path());
    for event in everything(source).await.into_iter().take(events) {
        append(&target, event).await;
    }
    (dir, target)
}

async fn append(target: &SharedStore, event: Recorded) {
    let Recorded { stream, revision, id, kind, data, metadata, .. } = event;
    let event = NewEvent { id, kind: kind.into(), data, metadata };
    target.append(stream, Expected::before(revision), Arc::new([event])).await.unwrap();
}

fn digests(data: &Path) -> Vec<(&'static str, String)> {
    let (scratch, log) = (tempdir().unwrap(), LogReader::open(data).unwrap());
    projections::digests(scratch.path(), |after| log.read_all(after, 100), |_| {}).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_holds_the_same_events_in_the_same_order_and_verifies() {
    let (node, dir) = (sold().await, tempdir().unwrap());
    let source = file(node.data());
    let target = store(dir.path());
    let events = everything(&source).await.len() as u64;
    let mut told = Vec::new();
    let first = copy(&source, &target, &mut |progress| told.push(progress)).await.unwrap();
    let figures = (first.events, first.copied, first.already_there, first.equal);
    assert_eq!(figures, (events, events, 0, true));
    assert_eq!(
        first.streams,
        LogReader::open(node.data()).unwrap().streams().unwrap().len() as u64
    );
    assert!(first.differing.is_empty());
    let written = told.iter().filter(|progress| progress.stage == Stage::Writing);
    assert_eq!(written.map(|progress| progress.events).max(), Some(events));
    assert_same_log(&source, &LogSource::Store(Arc::clone(&target))).await;
    target.close();
    let proof = audit::verify(dir.path(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
    assert_eq!(digests(dir.path()), digests(node.data()), "read models from either side");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_copy_is_the_first_log_again() {
    let (node, there, back) = (sold().await, tempdir().unwrap(), tempdir().unwrap());
    let source = file(node.data());
    let out = copied(&source, &store(there.path())).await.unwrap();
    let home = copied(&file(there.path()), &store(back.path())).await.unwrap();
    assert_eq!(out, home);
    assert_same_log(&source, &file(back.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copying_again_writes_only_what_has_come_since() {
    let (mut node, dir) = (sold().await, tempdir().unwrap());
    let target = store(dir.path());
    let first = copied(&file(node.data()), &target).await.unwrap();
    let second = copied(&file(node.data()), &target).await.unwrap();
    assert_eq!((second.copied, second.already_there), (0, first.events));
    node.restart().await;
    node.sale(vec![item("C", &[("east", 3)])]).await;
    // The server goes on running: what it has written by now is copied.
    let third = copied(&file(node.data()), &target).await.unwrap();
    assert_eq!(third.already_there, first.events);
    assert!(third.copied > 0 && third.equal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_cut_off_anywhere_goes_on_where_it_was_cut() {
    let (node, dir) = (sold().await, tempdir().unwrap());
    let source = file(node.data());
    let all = everything(&source).await.len() as u64;
    let mut there = 0;
    for cut in [1, 5, 13, 40] {
        let target = store(dir.path());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let mut stop = Some(stop);
        let mut cut_off = |progress: doorbuster::store::copy::CopyProgress| {
            let enough = progress.stage == Stage::Writing && progress.events >= cut;
            if let Some(stop) = stop.take_if(|_| enough) {
                stop.send(()).unwrap();
            }
        };
        // Dropped with an append on its way, which may or may not be written.
        tokio::select! {
            biased;
            _ = stopped => {}
            ended = copy(&source, &target, &mut cut_off) => {
                ended.unwrap();
            }
        }
        target.close();
        let now = everything(&file(dir.path())).await.len() as u64;
        assert!(now >= there + cut.min(all - there), "{now} after {there} and {cut} more");
        there = now;
        assert!(cut > 1 || there < all, "it was cut in the middle");
    }
    let rest = copied(&source, &store(dir.path())).await.unwrap();
    assert_eq!(
        (rest.already_there, rest.already_there + rest.copied, rest.equal),
        (there, all, true)
    );
    assert_same_log(&source, &file(dir.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_source_makes_an_empty_copy() {
    let (from, to) = (tempdir().unwrap(), tempdir().unwrap());
    store(from.path()).close();
    let nothing = copied(&file(from.path()), &store(to.path())).await.unwrap();
    let figures = (nothing.streams, nothing.events, nothing.copied, nothing.equal);
    assert_eq!(figures, (0, 0, 0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_disagrees_is_refused_before_anything_is_written() {
    let node = sold().await;
    let source = file(node.data());
    let events = everything(&source).await;
    let next = events[9].clone();
    let spoils: [fn(&mut Recorded); 4] = [
        |event| event.id = Uuid::from_u128(77),
        |event| event.kind.push('x'),
        |event| event.data.push(b' '),
        |event| event.metadata.push(b' '),
    ];
    for spoil in spoils {
        let (_dir, target) = beginning(&source, 9).await;
        let mut other = next.clone();
        spoil(&mut other);
        let in_target = other.id;
        append(&target, other).await;
        let refused = copied(&source, &target).await.unwrap_err();
        let CopyError::Disagrees { stream, revision, in_source, in_target: found } = &refused
        else {
            panic!("{refused}")
        };
        assert_eq!((*stream, *revision, *in_source), (next.stream, next.revision, next.id));
        assert_eq!(*found, in_target);
        let said = refused.to_string();
        for words in [next.stream.to_string(), next.id.to_string(), in_target.to_string()] {
            assert!(said.contains(&words), "{said}");
        }
        assert_eq!(target.head(), Position(10), "nothing was written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_more_than_the_source_is_refused() {
    let (node, dir) = (sold().await, tempdir().unwrap());
    let source = file(node.data());
    let target = store(dir.path());
    let events = copied(&source, &target).await.unwrap().events;
    let mut more = everything(&source).await.pop().unwrap();
    more.revision += 1;
    more.id = Uuid::from_u128(78);
    let (stream, revision) = (more.stream, more.revision);
    append(&target, more).await;
    let refused = copied(&source, &target).await.unwrap_err();
    let CopyError::Ahead { stream: ahead, revision: at, in_target } = refused else {
        panic!("{refused}")
    };
    assert_eq!((ahead, at, in_target), (stream, revision, Uuid::from_u128(78)));
    // A stream that the source does not have at all is more than it has, too.
    let (_dir, target) = beginning(&source, 3).await;
    let mut foreign = everything(&source).await.swap_remove(0);
    foreign.stream.id = Uuid::from_u128(79);
    append(&target, foreign).await;
    let refused = copied(&source, &target).await.unwrap_err();
    assert!(matches!(refused, CopyError::Ahead { revision: 0, .. }), "{refused}");
    assert_eq!((target.head(), events > 4), (Position(4), true), "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_the_same_events_in_another_order_is_refused() {
    let node = sold().await;
    let source = file(node.data());
    let mut events = everything(&source).await;
    // The first two neighbours of different streams change places.
    let swap = events.windows(2).position(|pair| pair[0].stream != pair[1].stream).unwrap();
    events.swap(swap, swap + 1);
    let dir = tempdir().unwrap();
    let target = store(dir.path());
    for event in events {
        append(&target, event).await;
    }
    let refused = copied(&source, &target).await.unwrap_err();
    assert!(matches!(refused, CopyError::OtherOrder { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_together_goes_together_as_far_as_the_target_takes_it() {
    let node = sold().await;
    let source = file(node.data());
    // At least the four events that put an item up stand together.
    let events = source.read_all(Position::START, 1_000).await.unwrap();
    let run = events.chunk_by(|one, next| one.stream == next.stream).map(<[_]>::len).max().unwrap();
    assert!(run >= 4, "{run}");
    let cases = [
        ((1_000, 1 << 20), run..=run),
        ((3, 1 << 20), 3..=3),
        ((1_000, 1_000), 2..=3),
        ((1_000, 1), 1..=1),
    ];
    for (limits, most) in cases {
        let dir = tempdir().unwrap();
        let limits =
            AppendLimits { events_max: limits.0, bytes_max: limits.1, bytes_enough: limits.1 };
        let flaky = Arc::new(Flaky::narrow(store(dir.path()), limits));
        let target: SharedStore = Arc::clone(&flaky) as SharedStore;
        assert!(copied(&source, &target).await.unwrap().equal);
        let found = flaky.events_most();
        assert!(most.contains(&found), "{found} events at once under {limits:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_of_unknown_outcome_is_repeated_until_it_is_known_and_written_once() {
    let (node, dir) = (sold().await, tempdir().unwrap());
    let source = file(node.data());
    let lies = [Lie::WrittenButUnknown, Lie::LostAndUnknown, Lie::Refused];
    let flaky = Arc::new(Flaky::new(store(dir.path()), &lies));
    let target: SharedStore = Arc::clone(&flaky) as SharedStore;
    let done = copied(&source, &target).await.unwrap();
    assert!(done.equal);
    assert_eq!(flaky.lies_left(), 0, "every one of them was told");
    assert_same_log(&source, &file(dir.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_who_writes_to_the_target_is_noticed() {
    let (node, dir) = (sold().await, tempdir().unwrap());
    let source = file(node.data());
    let events = everything(&source).await;
    let target = store(dir.path());
    let last = events.last().unwrap().clone();
    let theirs = NewEvent {
        id: Uuid::from_u128(80),
        kind: "OrderPlaced".into(),
        data: b"{}".to_vec(),
        metadata: b"{}".to_vec(),
    };
    // In the last moment, into the stream that the copy writes last.
    let rival = Arc::clone(&target);
    let mut meanwhile = |progress: doorbuster::store::copy::CopyProgress| {
        let now = progress.stage == Stage::Writing
            && rival.head() < Position(last.position.0)
            && events[usize::try_from(rival.head().0).unwrap()..]
                .iter()
                .all(|event| event.stream == last.stream);
        if now {
            let next = events[usize::try_from(rival.head().0).unwrap()].revision;
            let (rival, theirs, stream) = (Arc::clone(&rival), theirs.clone(), last.stream);
            let writing = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let append = rival.append(stream, Expected::before(next), Arc::new([theirs]));
                runtime.block_on(append).unwrap();
            });
            writing.join().unwrap();
        }
    };
    let noticed = copy(&source, &target, &mut meanwhile).await.unwrap_err();
    let CopyError::Interfered { stream, .. } = noticed else { panic!("{noticed}") };
    assert_eq!(stream, last.stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_came_into_the_target_beside_the_copy_makes_the_sides_differ() {
    let (node, dir) = (sold().await, tempdir().unwrap());
    let source = file(node.data());
    let flaky = Arc::new(Flaky::new(store(dir.path()), &[Lie::AnotherStreamToo]));
    let target: SharedStore = Arc::clone(&flaky) as SharedStore;
    let done = copied(&source, &target).await.unwrap();
    assert!(!done.equal);
    assert_eq!(done.differing, [flaky::another_stream()]);
}
