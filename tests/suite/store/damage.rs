//! Goal: a file that is not our log, or is one no more, is refused with a reason and left as it is,
//! and no event is ever read that was not written.
//!
//! Method: directories are made wrong in every way we can name, then all bytes in them are compared
//! before and after; a small log is flipped bit by bit and cut short, and whatever is still served
//! from it must be what was written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use doorbuster::{
    events::{Position, Recorded},
    store::{
        EventStore, Expected, ReadError,
        embedded::{LOCK_FILE, LOG_FILE, LogReader, OpenError, WITNESS_FILE},
    },
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{embedded::open, events, everything, stream};

/// A closed log with a few events in two streams.
async fn small_log() -> (TempDir, Vec<Recorded>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.append(stream(1), Expected::NoStream, events(1..=20)).await.unwrap();
    store.append(stream(2), Expected::NoStream, events(21..=30)).await.unwrap();
    store.append(stream(1), Expected::Exact(19), events(31..=50)).await.unwrap();
    let all = everything(&*store, 100).await;
    store.close();
    (directory, all)
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn sql(directory: &Path, statements: &str) {
    let connection = Connection::open(directory.join(LOG_FILE)).unwrap();
    connection.execute_batch(statements).unwrap();
}

/// Refused by the store and by a reader, with the same words, and nothing touched.
fn assert_refused_untouched(directory: &Path, words: &str) {
    let before = files(directory);
    let refusals =
        [open(directory).map(|_| ()).unwrap_err(), LogReader::open(directory).unwrap_err()];
    for refusal in refusals {
        assert!(refusal.to_string().contains(words), "{refusal:?} does not say {words:?}");
        let path = directory.join(LOG_FILE);
        assert!(refusal.to_string().contains(&*path.to_string_lossy()), "{refusal} names no file");
    }
    assert!(files(directory) == before, "files were changed");
}

#[tokio::test]
async fn a_file_in_place_of_the_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "mine").unwrap();
    let refusal = open(&file).unwrap_err();
    assert!(matches!(refusal, OpenError::NotADirectory { .. }), "{refusal}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn files_of_others_are_refused_and_left_untouched() {
    let foreign = |content: &[u8]| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(LOG_FILE), content).unwrap();
        directory
    };
    assert_refused_untouched(foreign(b"").path(), "it is empty");
    assert_refused_untouched(foreign(b"SQLite").path(), "not an SQLite database");
    assert_refused_untouched(foreign(&[7; 20_000]).path(), "not an SQLite database");

    for mode in ["DELETE", "WAL"] {
        let other = tempfile::tempdir().unwrap();
        sql(other.path(), &format!("PRAGMA journal_mode={mode}; CREATE TABLE notes(text TEXT);"));
        assert_refused_untouched(other.path(), "another application's");
    }
    let other = tempfile::tempdir().unwrap();
    sql(other.path(), "CREATE TABLE meta(key TEXT, value TEXT);");
    assert_refused_untouched(other.path(), "another application's");

    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(LOG_FILE)).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Foreign { .. })));
    assert!(!directory.path().join(LOCK_FILE).exists());
}

#[tokio::test]
async fn a_log_that_was_changed_behind_our_back_is_refused_and_left_untouched() {
    let cases = [
        ("UPDATE meta SET value = '2' WHERE key = 'version'", "log of version 2"),
        ("DELETE FROM meta WHERE key = 'version'", "does not say its version"),
        ("UPDATE streams SET name = 'basket-' || substr(name, 6)", "unknown kind, \"basket-"),
        ("DROP VIEW log", "no such table: log"),
        ("DROP INDEX events_by_stream", "no such index"),
        ("DROP VIEW log; DROP TABLE events", "no such table: events"),
        ("DROP VIEW log; DROP TABLE streams", "no such table: streams"),
        ("DELETE FROM events WHERE position = 50", "the last position is 49"),
        ("DELETE FROM streams WHERE stream = 2", "the last position is 50"),
    ];
    for (change, words) in cases {
        let (directory, _) = small_log().await;
        sql(directory.path(), change);
        assert_refused_untouched(directory.path(), words);
    }
}

#[tokio::test]
async fn a_write_ahead_log_without_its_log_is_refused() {
    let (directory, _) = small_log().await;
    fs::remove_file(directory.path().join(LOG_FILE)).unwrap();
    fs::write(directory.path().join("log.db-wal"), "rest").unwrap();
    for _ in 0..2 {
        let refusal = open(directory.path()).unwrap_err();
        let refused = matches!(refusal, OpenError::Damaged { .. } | OpenError::Lost { .. });
        assert!(refused, "{refusal}");
        assert!(!directory.path().join(LOG_FILE).exists());
        // Without the witness, too, there was a log.
        _ = fs::remove_file(directory.path().join(WITNESS_FILE));
    }
}

#[tokio::test]
async fn a_log_that_was_never_finished_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("log.db.new"), "half of a log").unwrap();
    let store = open(directory.path()).unwrap();
    store.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
    store.close();
    assert!(!directory.path().join("log.db.new").exists());
}

/// Events changed with plain SQL, as with the `sqlite3` shell.
#[tokio::test]
async fn a_changed_event_ends_every_reading_that_comes_to_it() {
    let cases = [
        "UPDATE events SET data = replace(data, '25', '26') WHERE position = 25",
        "UPDATE events SET metadata = '{}' WHERE position = 25",
        "UPDATE events SET kind = 'OrderPaid' WHERE position = 25",
        "UPDATE events SET id = zeroblob(16) WHERE position = 25",
        "UPDATE events SET id = x'00' WHERE position = 25",
        "UPDATE events SET recorded_at_ms = recorded_at_ms + 1 WHERE position = 25",
        "UPDATE events SET hash = zeroblob(32) WHERE position = 25",
        "UPDATE events SET data = CAST(data AS BLOB) WHERE position = 25",
        "UPDATE events SET stream = 7 WHERE position = 25",
        "UPDATE events SET revision = 100 WHERE position = 25",
        "UPDATE events SET position = 51 WHERE position = 25;
         UPDATE events SET position = 25 WHERE position = 50;
         UPDATE events SET position = 50 WHERE position = 51",
    ];
    for change in cases {
        let (directory, all) = small_log().await;
        sql(directory.path(), change);
        let reader = LogReader::open(directory.path()).unwrap();
        let read = reader.read_all(Position::START, 100);
        assert!(matches!(read, Err(ReadError::Damaged(_))), "{change}");
        let read = reader.read_all(Position(24), 1);
        assert!(matches!(read, Err(ReadError::Damaged(_))), "{change}");
        // What comes before it can still be read.
        assert_eq!(reader.read_all(Position::START, 24).as_deref(), Ok(&all[..24]));
    }
    let (directory, _) = small_log().await;
    sql(
        directory.path(),
        "DELETE FROM events WHERE position = 25; UPDATE streams SET revision = 8 WHERE stream = 2",
    );
    sql(directory.path(), "UPDATE events SET position = 25 WHERE position = 50");
    let reader = LogReader::open(directory.path()).unwrap();
    assert!(matches!(reader.read_stream(stream(2), 0, 100), Err(ReadError::Damaged(_))));
    assert!(matches!(reader.read_stream(stream(2), 4, 100), Err(ReadError::Damaged(_))));
}

/// Opens and reads everything; what is refused or damaged is `None`.
fn served(directory: &Path) -> Option<Vec<Recorded>> {
    let reader = LogReader::open(directory).ok()?;
    let all = reader.read_all(Position::START, 1_000).ok()?;
    for number in [1, 2] {
        let name = stream(number);
        let alone = reader.read_stream(name, 0, 1_000).ok()?;
        assert!(alone.iter().eq(all.iter().filter(|event| event.stream == name)));
    }
    Some(all)
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_noticed_or_without_effect() {
    let (directory, all) = small_log().await;
    let path = directory.path().join(LOG_FILE);
    let whole = fs::read(&path).unwrap();
    let (mut noticed, mut harmless) = (0, 0);
    for offset in (0..whole.len()).step_by(23) {
        let mut damaged = whole.clone();
        damaged[offset] ^= 1 << (offset % 8);
        fs::write(&path, damaged).unwrap();
        match served(directory.path()) {
            None => noticed += 1,
            Some(served) => {
                assert_eq!(served, all, "byte {offset} changed what was read");
                harmless += 1;
            }
        }
    }
    // Most of a small log is unused room, where a bit has no meaning.
    assert!(noticed > 100 && harmless > 100, "{noticed} noticed, {harmless} harmless");
}

#[tokio::test]
async fn a_log_cut_short_anywhere_is_refused() {
    let (directory, _) = small_log().await;
    let path = directory.path().join(LOG_FILE);
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(509) {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(served(directory.path()), None, "cut to {length} of {} bytes", whole.len());
        assert!(open(directory.path()).is_err(), "cut to {length} of {} bytes", whole.len());
        assert_eq!(fs::read(&path).unwrap(), &whole[..length]);
    }
}
