//! Every way in which a snapshot is refused, and that nothing in a file can do more than that.

use std::fs;

use doorbuster::{
    domain::{Decider, item::Item},
    events::{ItemEvent, OrderEvent, Position},
    snapshots::{ClockMove, Finding, Opened, Refused, SnapshotFiles, check, fold, load},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Bench,
    history::{Step, history},
    stream,
};
use crate::{spec::live, store::stream as other_stream};

const MAGIC: &[u8] = b"doorbuster snapshot\n";

/// A few orders with most of what can happen to them.
const STEPS: [Step; 14] = [
    (0, 0, 0, 0),
    (4, 1, 1, 1),
    (6, 2, 2, 2),
    (7, 3, 3, 0),
    (9, 4, 4, 1),
    (10, 0, 0, 0),
    (18, 3, 0, 2),
    (15, 1, 0, 3),
    (14, 1, 0, 0),
    (16, 0, 0, 0),
    (10, 0, 0, 1),
    (20, 0, 1, 1),
    (13, 1, 1, 0),
    (21, 1, 0, 0),
];

/// A snapshot of a history, and the events of that.
async fn bench() -> Bench {
    let mut bench = Bench::embedded();
    for events in history(&STEPS) {
        bench.append(&events).await;
    }
    bench.write().await;
    bench
}

/// A file in its frames: the head, then parts.
fn frames(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = file.strip_prefix(MAGIC).unwrap();
    let mut frames = Vec::new();
    loop {
        let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        if length == 0 {
            return frames;
        }
        frames.push(rest[8..8 + length].to_vec());
        rest = &rest[8 + length..];
    }
}

/// A file of frames, with checksums that are right.
fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    let (mut file, mut sum) = (MAGIC.to_vec(), crc32fast::Hasher::new());
    for frame in frames.iter().map(Vec::as_slice).chain([&[][..]]) {
        sum.update(frame);
        file.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
        file.extend(sum.clone().finalize().to_le_bytes());
        file.extend(frame);
    }
    file
}

/// The file with something else in its head.
fn with_head(found: &[u8], member: &str, value: Value) -> Vec<u8> {
    let mut frames = frames(found);
    let mut head: Value = serde_json::from_slice(&frames[0]).unwrap();
    assert!(!head[member].is_null(), "the head has a {member}");
    head[member] = value;
    frames[0] = serde_json::to_vec(&head).unwrap();
    file(&frames)
}

/// Why a node that finds this file does not use it; the log of the program says the same.
async fn refused(bench: &Bench, bytes: &[u8]) -> Refused {
    fs::write(bench.files.path(stream()), bytes).unwrap();
    let covered = bench.assert_loaded_as_folded().await;
    assert_eq!(covered, 0, "it is not used");
    let found = check(&bench.files, &bench.log).await.unwrap();
    let [checked] = &found[..] else { panic!("one file, not {found:?}") };
    match &checked.finding {
        Finding::Ignored(why) => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_whole_is_used_and_found_right() {
    let bench = bench().await;
    let events = bench.folded().await.events();
    assert_eq!(bench.assert_loaded_as_folded().await, events);
    let found = check(&bench.files, &bench.log).await.unwrap();
    assert_eq!(found[0].finding, Finding::Right { events });
    let bytes = fs::read(bench.files.path(stream())).unwrap();
    assert_eq!(file(&frames(&bytes)), bytes, "the format is as it is written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_refused() {
    let bench = bench().await;
    let bytes = fs::read(bench.files.path(stream())).unwrap();
    for format in [0, 2, u32::MAX] {
        let other = with_head(&bytes, "format", json!(format));
        assert_eq!(refused(&bench, &other).await, Refused::OtherFormat(format));
    }
    let other = with_head(&bytes, "sources", json!("0123456789abcdef"));
    assert_eq!(refused(&bench, &other).await, Refused::OtherVersion);
    // A head of a later format may look like anything.
    let mut later = frames(&bytes);
    later[0] = br#"{"format":2,"more":[]}"#.to_vec();
    assert_eq!(refused(&bench, &file(&later)).await, Refused::OtherFormat(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stream_is_refused() {
    let bench = bench().await;
    let from = bench.files.path(stream());
    fs::copy(from, bench.files.path(other_stream(9))).unwrap();
    let why = bench.files.open(other_stream(9)).unwrap_err();
    assert_eq!(why, Refused::OtherStream(stream().to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_off_anywhere_is_refused() {
    let bench = bench().await;
    let bytes = fs::read(bench.files.path(stream())).unwrap();
    let path = bench.files.path(stream());
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let opened = bench.files.open(stream());
        let why = opened.and_then(|opened| opened.unwrap().state::<Item>()).unwrap_err();
        match why {
            Refused::NoSnapshot => assert!(length < MAGIC.len()),
            Refused::Damaged(_) => {}
            other => panic!("cut off after {length} bytes: {other}"),
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    let why = refused(&bench, &longer).await;
    assert_eq!(why, Refused::Damaged("it goes on after its end"));
    assert_eq!(refused(&bench, b"SQLite format 3\0 and more").await, Refused::NoSnapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bit_that_is_turned_over_is_noticed() {
    let bench = bench().await;
    let bytes = fs::read(bench.files.path(stream())).unwrap();
    let path = bench.files.path(stream());
    for at in 0..bytes.len() {
        let mut turned = bytes.clone();
        turned[at] ^= 1 << (at % 8);
        fs::write(&path, &turned).unwrap();
        let opened = bench.files.open(stream());
        let why = opened.and_then(|opened| opened.unwrap().state::<Item>()).unwrap_err();
        let noticed = matches!(why, Refused::NoSnapshot | Refused::Damaged(_));
        assert!(noticed, "byte {at}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_log_is_refused() {
    let bench = bench().await;
    let bytes = fs::read(bench.files.path(stream())).unwrap();
    for (member, value) in [
        ("event_id", json!(uuid::Uuid::from_u128(1))),
        ("event_hash", json!("00".repeat(32))),
        ("position", json!(1)),
    ] {
        let why = refused(&bench, &with_head(&bytes, member, value)).await;
        assert!(matches!(why, Refused::OtherLog { .. }), "{member}: {why}");
    }
    let why = refused(&bench, &with_head(&bytes, "revision", json!(0))).await;
    assert!(matches!(why, Refused::OtherLog { revision: 0, .. }), "{why}");
    let why = refused(&bench, &with_head(&bytes, "revision", json!(9_999))).await;
    assert_eq!(why, Refused::LogIsShorter { revision: 9_999 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_log_that_lost_its_end_is_refused_also_when_it_goes_on() {
    let whole = bench().await;
    let bytes = fs::read(whole.files.path(stream())).unwrap();
    let mut shorter = Bench::embedded();
    let events: Vec<_> = history(&STEPS).concat();
    shorter.append(&events[..events.len() - 1]).await;
    shorter.write().await;
    let why = refused(&shorter, &bytes).await;
    assert_eq!(why, Refused::LogIsShorter { revision: events.len() as u64 - 1 });
    // Something else is written there.
    shorter.append(&history(&STEPS[..1]).concat()[..0]).await;
    let steered = live::steer("later", doorbuster::domain::item::SteerAction::Close);
    let state = shorter.folded().await.state;
    let decided = state.decide(steered, doorbuster::values::UnixMs(9_000));
    let later: Vec<_> = decided.events.into_iter().map(|caused| caused.event).collect();
    shorter.append(&later).await;
    let why = refused(&shorter, &bytes).await;
    assert!(matches!(why, Refused::OtherLog { .. }), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_alone_takes_no_memory() {
    let bench = bench().await;
    let bytes = fs::read(bench.files.path(stream())).unwrap();
    let mut long = bytes.clone();
    long[MAGIC.len()..MAGIC.len() + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(refused(&bench, &long).await, Refused::Damaged("a part is too large"));
    // A count of buyers that are not there, where the list of terms is empty.
    let mut counted = frames(&bytes);
    counted.truncate(1);
    counted.push(vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    let why = refused(&bench, &file(&counted)).await;
    assert!(matches!(why, Refused::Impossible(_)), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_after_its_events_makes_a_node_fold_all_of_them() {
    let bench = bench().await;
    let last = bench.folded().await.last.unwrap();
    for (after, used) in [(Position(3), false), (last.position, true)] {
        let moves = vec![ClockMove { after, by_ms: 5_000 }];
        let nothing = doorbuster::snapshots::Folded::<Item>::nothing(stream());
        let folded = fold(&bench.log, stream(), nothing, moves.clone(), None).await.unwrap();
        let loaded = load::<Item>(Some(&bench.files), &bench.log, stream(), moves).await.unwrap();
        assert_eq!(loaded.covered > 0, used);
        assert!(folded.state.next_due().is_some());
        assert_eq!(loaded.folded.state.next_due(), folded.state.next_due());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_differs_from_the_fold_is_found() {
    let bench = bench().await;
    // A state that is possible, of other events: only a fold can tell.
    let (folded, mut events) = (bench.folded().await, history(&STEPS).concat());
    let mark = folded.last.unwrap();
    let mut state = Item::initial(stream().id);
    for (event, revision) in events.iter_mut().zip(0..) {
        if let ItemEvent::Order(OrderEvent::Placed(placed)) = event {
            placed.buyer.push('!');
        }
        state.evolve(event, revision);
        state.landed(revision, Position(revision + 1));
    }
    bench.files.write(stream(), &mark, &state, &|| true).unwrap();
    let found = check(&bench.files, &bench.log).await.unwrap();
    assert_eq!(found[0].finding, Finding::Wrong { events: mark.revision + 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_to_stop_leaves_what_was_there() {
    let bench = bench().await;
    let path = bench.files.path(stream());
    let before = fs::read(&path).unwrap();
    let folded = bench.folded().await;
    let mark = folded.last.unwrap();
    bench.files.write(stream(), &mark, &folded.state, &|| false).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);
    let listed = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(listed, 1, "no draft is left");
    // A state with something that has not landed, or whose deadlines were moved, is none.
    let mut moved = folded.state;
    moved.clock_moved(1);
    bench.files.write(stream(), &mark, &moved, &|| true).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// The state in a file of these parts.
fn read(files: &SnapshotFiles, frames: &[Vec<u8>]) -> Result<Item, Refused> {
    fs::write(files.path(stream()), file(frames)).unwrap();
    files.open(stream()).map(Option::unwrap).and_then(Opened::state)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4) })]

    /// Whatever stands in the parts, with right checksums: it is refused or it is a state that can be
    /// written down, and nothing panics.
    #[test]
    fn no_bytes_make_a_reader_panic(
        changes in prop::collection::vec((any::<u16>(), any::<u8>(), 0..3_u8), 200),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let bench = runtime.block_on(bench());
        let bytes = fs::read(bench.files.path(stream())).unwrap();
        let whole = frames(&bytes);
        for (at, value, how) in changes {
            let mut frames = whole.clone();
            let part = &mut frames[1];
            let at = usize::from(at) % part.len();
            match how {
                0 => part[at] = value,
                1 => {
                    part.remove(at);
                }
                _ => part.insert(at, value),
            }
            if let Ok(state) = read(&bench.files, &frames) {
                let shown = state.show(doorbuster::domain::item::ItemShown::Item, doorbuster::values::UnixMs(9));
                prop_assert!(matches!(shown, doorbuster::domain::item::ItemOutcome::Item(_) | doorbuster::domain::item::ItemOutcome::Misdirected(_)));
                let due = state.due(doorbuster::values::UnixMs(i64::MAX), usize::MAX);
                prop_assert!(due.len() <= 14);
            }
        }
    }
}
