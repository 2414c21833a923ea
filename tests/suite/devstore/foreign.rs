//! A log that clients of EventStoreDB write to is still our log: the port sees its own streams and
//! nothing else, and a log without foreign writes accepts nothing foreign.

use std::sync::Arc;

use doorbuster::{
    clock::ManualClock,
    events::{Position, Recorded},
    store::{
        EventStore, Expected,
        embedded::{
            EmbeddedStore, FOREIGN_MARK, LOG_FILE, LogReader, OpenError,
            raw::{RawChange, RawEvent, RawExpected},
        },
    },
    values::UnixMs,
};
use rusqlite::Connection;

use super::rules::{Log, event, log};
use crate::store::{events, everything, stream};

fn is_marked(log: &Log) -> bool {
    let connection = Connection::open(log.directory.path().join(LOG_FILE)).unwrap();
    let count: i64 = connection
        .query_row("SELECT count(*) FROM meta WHERE key = ?1", [FOREIGN_MARK], |row| row.get(0))
        .unwrap();
    count == 1
}

fn ids(events: &[Recorded]) -> Vec<u128> {
    events.iter().map(|event| event.id.as_u128()).collect()
}

#[tokio::test]
async fn the_port_reads_past_what_is_not_ours() {
    let log = log();
    let any = RawExpected::Any;
    log.append_to("zebra", any, 100..400).await.unwrap();
    log.store.append(stream(1), Expected::NoStream, events(1..=3)).await.unwrap();
    log.append_to(&stream(1).to_string(), RawExpected::Exact(2), [4]).await.unwrap();
    log.append_to(&stream(1).to_string().to_uppercase(), any, [500]).await.unwrap();
    log.append_to("zebra", any, 600..900).await.unwrap();
    log.store.append(stream(2), Expected::NoStream, events([5])).await.unwrap();
    log.append_to("$zebra-1", any, 1_000..1_300).await.unwrap();

    for page_max in [1, 2, 7, 1_000] {
        assert_eq!(ids(&everything(&*log.store, page_max).await), [1, 2, 3, 4, 5]);
    }
    assert_eq!(ids(&log.store.read_stream(stream(1), 0, 10).await.unwrap()), [1, 2, 3, 4]);
    // The end that the port speaks of is that of our streams: there is nothing to wait for after it.
    let head = log.store.head();
    assert_eq!((head, log.store.raw_head()), (Position(606), Position(906)));
    assert_eq!(log.store.read_all(head, 10).await.unwrap(), []);
    let reader = LogReader::open(log.directory.path()).unwrap();
    assert_eq!(ids(&reader.read_all(Position::START, 3).unwrap()), [1, 2, 3]);
    let names: Vec<_> = reader.streams().unwrap().iter().map(|head| head.name).collect();
    assert_eq!(names, [stream(1), stream(2)]);

    let waiting = tokio::spawn({
        let store = Arc::clone(&log.store);
        async move {
            store.wait_after(head).await.unwrap();
            store.read_all(head, 10).await.unwrap()
        }
    });
    log.append_to("zebra", any, [2_000]).await.unwrap();
    log.store.append(stream(2), Expected::Exact(0), events([6])).await.unwrap();
    assert_eq!(ids(&waiting.await.unwrap()), [6]);

    let log = log.reopened();
    assert_eq!(log.store.head(), Position(908));
    assert_eq!(ids(&everything(&*log.store, 2).await), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_log_is_marked_by_the_first_thing_that_is_not_ours() {
    let binary = RawEvent { json: false, ..event(3) };
    let not_text = RawEvent { data: vec![0xff], ..event(4) };
    let odd_metadata = RawEvent { metadata: vec![0xff], ..event(5) };
    let ours = stream(1).to_string();
    let cases = [
        ("mouse", event(2)),
        (&*ours, binary.clone()),
        (&*ours, not_text.clone()),
        (&*ours, odd_metadata.clone()),
    ];
    for (name, foreign) in cases {
        let log = log();
        log.append_to(&ours, RawExpected::NoStream, [1]).await.unwrap();
        assert!(!is_marked(&log));
        let change = RawChange::Append(vec![foreign.clone()]);
        log.write(name, RawExpected::Any, change).await.unwrap();
        assert!(is_marked(&log), "{foreign:?}");
        let log = log.reopened();
        assert_eq!(everything(&*log.store, 10).await[0].id.as_u128(), 1);
        let all = log.store.read_raw(
            Position::START,
            doorbuster::store::embedded::raw::Direction::Forwards,
            None,
            10,
        );
        let all = all.await.unwrap().events;
        assert_eq!(&*all[1].stream, name);
        assert_eq!((&all[1].data, &all[1].metadata), (&foreign.data, &foreign.metadata));
        assert_eq!(all[1].json, foreign.id == event(2).id || foreign.id == odd_metadata.id);
    }
}

#[tokio::test]
async fn what_is_not_ours_is_damage_without_the_mark() {
    let log = log();
    log.append_to("mouse", RawExpected::Any, [1]).await.unwrap();
    log.store.close();
    let path = log.directory.path().join(LOG_FILE);
    let change = Connection::open(&path).unwrap();
    change.execute("DELETE FROM meta WHERE key = ?1", [FOREIGN_MARK]).unwrap();
    drop(change);
    let refusal = LogReader::open(log.directory.path()).unwrap_err();
    assert!(matches!(&refusal, OpenError::Damaged { problem, .. } if problem.contains("mouse")));
}

/// What tells JSON from other data is part of what the hash proves.
#[tokio::test]
async fn binary_data_that_was_made_text_ends_the_reading() {
    let ours = stream(1).to_string();
    for (json, cast) in [(false, "TEXT"), (true, "BLOB")] {
        let log = log();
        log.append_to("mouse", RawExpected::Any, [1]).await.unwrap();
        let change = RawChange::Append(vec![RawEvent { json, ..event(2) }]);
        log.write(&ours, RawExpected::Any, change).await.unwrap();
        assert_eq!(everything(&*log.store, 10).await.len(), 1);
        let sql = format!("UPDATE events SET data = CAST(data AS {cast}) WHERE position = 2");
        Connection::open(log.directory.path().join(LOG_FILE)).unwrap().execute_batch(&sql).unwrap();
        let read = log.store.read_all(Position::START, 10).await;
        assert!(format!("{read:?}").contains("hash does not match"), "{read:?}");
    }
}

#[tokio::test]
async fn only_a_log_that_was_opened_for_them_takes_writes_of_clients() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(UnixMs(1)));
    let store = EmbeddedStore::open(directory.path(), clock).unwrap();
    let log = Log { store, clock: ManualClock::at(UnixMs(1)), directory };
    let answer = log.append(RawExpected::Any, [1]).await;
    assert!(format!("{answer:?}").contains("not open for clients"), "{answer:?}");
    assert_eq!(log.store.raw_head(), Position::START);
}
