//! Goal: what the embedded store promises beyond the contract: one writer, nothing acknowledged is
//! lost, and it recovers from a failing disk without an operator.
//!
//! Method: failures are real ones of SQLite, not stand-ins: a size limit, a foreign lock, a
//! trigger that refuses a row, a deferred constraint that fails the commit itself. A crash is a
//! copy of the files of a store that was never closed. Killing the process is tested elsewhere.

use std::{fs, path::Path, sync::Arc, time::Duration};

use doorbuster::{
    clock::ManualClock,
    events::Position,
    store::{
        AppendError, EventStore, Expected, ReadError, SharedStore,
        embedded::{EmbeddedStore, LOCK_FILE, LOG_FILE, LogReader, OpenError, WITNESS_FILE},
    },
    values::UnixMs,
};
use futures_util::future::join_all;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{event, events, everything, stream};
use crate::support::PATIENCE;

const NOW: UnixMs = UnixMs(1_795_000_000_000);

pub fn open(directory: &Path) -> Result<Arc<EmbeddedStore>, OpenError> {
    EmbeddedStore::open(directory, Arc::new(ManualClock::at(NOW)))
}

/// An empty store and its directory.
pub fn fresh() -> (SharedStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (open(directory.path()).unwrap(), directory)
}

/// A directory with the files of another as they are now: what a crash would leave.
fn crashed(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in [LOG_FILE, "log.db-wal", WITNESS_FILE] {
        if directory.join(file).exists() {
            fs::copy(directory.join(file), copy.path().join(file)).unwrap();
        }
    }
    copy
}

fn other_connection(directory: &Path) -> Connection {
    Connection::open(directory.join(LOG_FILE)).unwrap()
}

#[tokio::test]
async fn a_closed_store_opens_again_with_everything_in_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("made/when/missing");
    let mut all = Vec::new();
    for round in 0..3 {
        let store = open(&nested).unwrap();
        assert_eq!(everything(&*store, 100).await, all);
        let expected = Expected::before(u64::try_from(round * 2).unwrap());
        store.append(stream(1), expected, events([round * 2, round * 2 + 1])).await.unwrap();
        store.append(stream(10 + round), Expected::NoStream, events([round])).await.unwrap();
        all = everything(&*store, 100).await;
        store.close();
        let mut files: Vec<_> =
            fs::read_dir(&nested).unwrap().map(|file| file.unwrap().file_name()).collect();
        files.sort();
        assert_eq!(files, [LOCK_FILE, LOG_FILE, WITNESS_FILE]);
    }
    assert_eq!(all.len(), 9);
    assert!(all.iter().all(|event| event.recorded_at_ms == NOW.0));
    let positions: Vec<_> = all.iter().map(|event| event.position.0).collect();
    assert_eq!(positions, (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_directory_has_one_writer_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains(&*directory.path().to_string_lossy()), "{refused}");
    first.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
    first.close();
    let second = open(directory.path()).unwrap();
    assert_eq!(everything(&*second, 10).await.len(), 1);
}

#[tokio::test]
async fn a_closed_store_refuses_and_ends_subscriptions() {
    let (store, directory) = fresh();
    let embedded = {
        drop(store);
        open(directory.path()).unwrap()
    };
    let waiting = tokio::spawn({
        let store = Arc::clone(&embedded);
        async move { store.wait_after(Position(1)).await }
    });
    embedded.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
    embedded.close();
    embedded.close();
    assert!(matches!(waiting.await.unwrap(), Err(ReadError::Unavailable(_))));
    let append = embedded.append(stream(1), Expected::Exact(0), events([2])).await;
    assert!(matches!(append, Err(AppendError::NotWritten(_))), "{append:?}");
    let read = embedded.read_all(Position::START, 1).await;
    assert!(matches!(read, Err(ReadError::Unavailable(_))), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_answers_every_append_and_keeps_what_it_said_yes_to() {
    let (_, directory) = fresh();
    let store = open(directory.path()).unwrap();
    let appends: Vec<_> = (0..500)
        .map(|number| {
            let store = Arc::clone(&store);
            let one = events([number]);
            tokio::spawn(async move { store.append(stream(number), Expected::NoStream, one).await })
        })
        .collect();
    store.wait_after(Position::START).await.unwrap();
    tokio::task::block_in_place(|| store.close());
    let mut yes = 0;
    for answer in join_all(appends).await {
        match answer.unwrap() {
            Ok(_) => yes += 1,
            Err(error) => assert!(matches!(error, AppendError::NotWritten(_)), "{error}"),
        }
    }
    assert!(yes > 0);
    assert_eq!(everything(&*open(directory.path()).unwrap(), 1_000).await.len(), yes);
}

#[tokio::test]
async fn a_failed_commit_is_tried_again_although_nobody_appends() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.append(stream(1), Expected::NoStream, events(0..10)).await.unwrap();
    assert_eq!(store.commit_failure(), None);
    let before = everything(&*store, 100).await;
    store.limit_size(Some(8_192));
    let batch = events(10..1_000);
    let refused = store.append(stream(1), Expected::Exact(9), batch).await.unwrap_err();
    assert!(matches!(refused, AppendError::NotWritten(_)), "{refused}");
    assert!(store.commit_failure().is_some_and(|why| why.contains("full")));

    store.limit_size(None);
    let recovered = async {
        while store.commit_failure().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, recovered).await.expect("it is tried again");
    assert_eq!(everything(&*store, 100).await, before, "a try leaves no event behind");
    let rows = other_connection(directory.path())
        .query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0))
        .unwrap();
    assert_eq!(rows, 3, "format, version and witness: no row of its own");
}

#[tokio::test]
async fn a_full_disk_refuses_and_room_alone_brings_it_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.append(stream(1), Expected::NoStream, events(0..10)).await.unwrap();
    store.limit_size(Some(256 * 1024));
    let mut written = 10;
    let refused = loop {
        assert!(written < 10_000, "the limit is not kept");
        let batch = events((0..100).map(|index| u128::from(written + index)));
        match store.append(stream(1), Expected::before(written), batch).await {
            Ok(answer) => written = answer.last_revision + 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, AppendError::NotWritten(why) if why.contains("full")), "{refused}");
    assert_eq!(store.head(), Position(written));
    assert_eq!(everything(&*store, 1_000).await.len() as u64, written);
    store.limit_size(None);
    let answer = store.append(stream(1), Expected::before(written), events([7_777])).await.unwrap();
    assert_eq!((answer.last_revision, answer.last_position), (written, Position(written + 1)));
    assert_eq!(everything(&*store, 1_000).await.len() as u64, written + 1);
}

#[tokio::test]
async fn a_failure_in_the_middle_of_a_group_writes_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
    let other = other_connection(directory.path());
    other
        .execute_batch(
            "CREATE TRIGGER fault BEFORE INSERT ON events WHEN NEW.revision = 3
             BEGIN SELECT RAISE(ABORT, 'a fault'); END;",
        )
        .unwrap();
    let batch = events(2..=9);
    let answer = store.append(stream(1), Expected::Exact(0), Arc::clone(&batch)).await;
    assert!(matches!(&answer, Err(AppendError::NotWritten(why)) if why.contains("a fault")));
    // New streams too: their numbers must be free again.
    let answer = store.append(stream(2), Expected::NoStream, Arc::clone(&batch)).await;
    assert!(matches!(answer, Err(AppendError::NotWritten(_))), "{answer:?}");
    assert_eq!(everything(&*store, 100).await.len(), 1);
    store.append(stream(3), Expected::NoStream, events([20])).await.unwrap();
    other.execute_batch("DROP TRIGGER fault").unwrap();
    drop(other);
    store.append(stream(1), Expected::Exact(0), Arc::clone(&batch)).await.unwrap();
    store.append(stream(2), Expected::NoStream, batch).await.unwrap();
    assert_eq!(everything(&*store, 100).await.len(), 1 + 1 + 8 + 8);
    store.close();
    assert_eq!(everything(&*open(directory.path()).unwrap(), 100).await.len(), 18);
}

#[tokio::test]
async fn a_log_locked_by_somebody_else_refuses_until_it_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let other = other_connection(directory.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = store.append(stream(1), Expected::NoStream, events([1])).await;
    assert!(matches!(answer, Err(AppendError::NotWritten(_))), "{answer:?}");
    other.execute_batch("ROLLBACK").unwrap();
    store.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
}

#[tokio::test]
async fn a_failed_commit_is_unknown_and_repeating_it_makes_it_known() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
    let other = other_connection(directory.path());
    // The constraint is checked by the commit, when all rows are written.
    other
        .execute_batch(
            "CREATE TABLE parents(id INTEGER PRIMARY KEY);
             CREATE TABLE children(id INTEGER REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER fault AFTER INSERT ON events BEGIN INSERT INTO children VALUES (1); END;",
        )
        .unwrap();
    let batch = events(2..=5);
    for _ in 0..3 {
        let answer = store.append(stream(1), Expected::Exact(0), Arc::clone(&batch)).await;
        assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
        assert_eq!(store.head(), Position(1));
    }
    other.execute_batch("DROP TRIGGER fault").unwrap();
    let answer = store.append(stream(1), Expected::Exact(0), Arc::clone(&batch)).await.unwrap();
    assert_eq!((answer.last_revision, answer.last_position), (4, Position(5)));
    assert_eq!(store.append(stream(1), Expected::Exact(0), batch).await, Ok(answer));
    assert_eq!(everything(&*store, 100).await.len(), 5);
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    let (store, directory) = fresh();
    for number in 0..40_u64 {
        let batch = events([u128::from(number) * 2, u128::from(number) * 2 + 1]);
        store.append(stream(1), Expected::before(number * 2), batch).await.unwrap();
        if number % 8 == 7 {
            let after = crashed(directory.path());
            let recovered = open(after.path()).unwrap();
            assert_eq!(everything(&*recovered, 100).await, everything(&*store, 100).await);
            // Recovered events are on disk, in the log itself, before they can be read.
            let wal = fs::metadata(after.path().join("log.db-wal")).map_or(0, |wal| wal.len());
            assert_eq!(wal, 0);
        }
    }
}

#[tokio::test]
async fn a_write_ahead_log_that_lost_its_end_is_refused_and_left_as_it_is() {
    let (store, directory) = fresh();
    for number in 0..12_u64 {
        let batch = events((0..5).map(|index| u128::from(number) * 5 + index));
        store.append(stream(1), Expected::before(number * 5), batch).await.unwrap();
    }
    let whole = fs::metadata(directory.path().join("log.db-wal")).unwrap().len();
    for cut in (0..whole).step_by(2_047) {
        let after = crashed(directory.path());
        let path = after.path().join("log.db-wal");
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let before = fs::read(&path).unwrap();
        let OpenError::Lost { loss, .. } = open(after.path()).unwrap_err() else {
            panic!("cut at {cut} of {whole}");
        };
        assert_eq!((loss.known.0, loss.end.0 % 5), (60, 0), "cut at {cut} of {whole}: {loss}");
        assert_eq!(fs::read(&path).unwrap(), before, "cut at {cut} of {whole}");
    }
}

#[tokio::test]
async fn the_write_ahead_log_stays_bounded_under_load_and_readers() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let filler = "x".repeat(1_000_000);
    let large = |number| {
        let mut large = event(number);
        large.data = format!("\"{filler}\"").into_bytes();
        large
    };
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut position = Position::START;
            while position < Position(400) {
                store.wait_after(position).await.unwrap();
                position = store.read_all(position, 3).await.unwrap().last().unwrap().position;
            }
        }
    });
    for number in 0..200_u64 {
        let pair = Arc::from([large(u128::from(number)), large(u128::from(number) + 500)]);
        store.append(stream(1), Expected::before(number * 2), pair).await.unwrap();
        let wal = fs::metadata(directory.path().join("log.db-wal")).unwrap().len();
        assert!(wal < 262 << 20, "the write-ahead log has {wal} bytes");
    }
    reader.await.unwrap();
}

#[tokio::test]
async fn a_reader_without_the_lock_follows_a_log_that_is_being_written() {
    let (store, directory) = fresh();
    let reader = LogReader::open(directory.path()).unwrap();
    assert_eq!(reader.head(), Ok(Position::START));
    assert_eq!(reader.streams(), Ok(Vec::new()));
    for number in 0..10 {
        store.append(stream(number), Expected::NoStream, events([number])).await.unwrap();
        let position = reader.head().unwrap();
        assert_eq!(position, store.head());
        assert_eq!(reader.read_stream(stream(number), 0, 5).unwrap().len(), 1);
    }
    assert_eq!(reader.read_all(Position::START, 100).unwrap(), everything(&*store, 100).await);
    let names: Vec<_> = reader.streams().unwrap().iter().map(|head| head.name).collect();
    assert_eq!(names, (0..10).map(stream).collect::<Vec<_>>());
    // A second one joins while the log is open.
    assert_eq!(LogReader::open(directory.path()).unwrap().head(), Ok(store.head()));
}

/// Repeats the chain from its description, with nothing but the rows.
#[tokio::test]
async fn the_hashes_in_the_file_follow_from_its_rows_as_described() {
    let (store, directory) = fresh();
    store.append(stream(1), Expected::NoStream, events(1..=3)).await.unwrap();
    store.append(stream(2), Expected::NoStream, events(4..=5)).await.unwrap();
    store.append(stream(1), Expected::Exact(2), events(6..=7)).await.unwrap();
    let other = other_connection(directory.path());
    for name in [stream(1), stream(2)].map(|name| name.to_string()) {
        let mut chain = Sha256::digest(format!("doorbuster chain 1\n{name}")).to_vec();
        let mut rows = other
            .prepare(
                "SELECT e.revision, id, recorded_at_ms, kind, data, metadata, e.hash, s.hash
                 FROM events e JOIN streams s USING (stream) WHERE name = ?1 ORDER BY e.revision",
            )
            .unwrap();
        let mut rows = rows.query([&name]).unwrap();
        let mut head = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let mut bytes = chain;
            bytes.extend(row.get::<_, i64>(0).unwrap().to_be_bytes());
            bytes.extend(row.get::<_, Vec<u8>>(1).unwrap());
            bytes.extend(row.get::<_, i64>(2).unwrap().to_be_bytes());
            for column in 3..6 {
                let text: String = row.get(column).unwrap();
                bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                bytes.extend(text.as_bytes());
            }
            chain = Sha256::digest(&bytes).to_vec();
            assert_eq!(chain, row.get::<_, Vec<u8>>(6).unwrap());
            head = row.get::<_, Vec<u8>>(7).unwrap();
        }
        assert_eq!(chain, head);
    }
    let shown: (String, String, String) = other
        .query_row("SELECT stream, id, recorded_at FROM log WHERE position = 4", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    let id = format!("{:032x}", 4);
    assert_eq!(shown, (stream(2).to_string(), id, "2026-11-18T11:06:40.000Z".to_owned()));
}
