//! Goal: each file of a log that is damaged, removed or older than the others is refused and left
//! as it is, or makes no difference; an operator may go on with exactly the loss that was named.
//!
//! Method: a store is copied while its write-ahead log is in use, as a kill would leave it, and each
//! row of a table damages one copy. A crash between the steps of `accept` is the files of one step
//! beside those of another.

use std::{fs, path::Path, sync::Arc};

use doorbuster::{
    clock::{ManualClock, SharedClock},
    events::{LossAccepted, Position, Recorded},
    store::{
        EventStore, Expected,
        embedded::{
            AcceptError, Acceptance, Accepted, BackupError, LOCK_FILE, LOG_FILE, LogReader, Loss,
            OpenError, WITNESS_FILE, accept_loss, backup,
        },
    },
    values::UnixMs,
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{embedded::open, event, events, everything, stream};

const WAL_FILE: &str = "log.db-wal";
const FILES: [&str; 3] = [LOG_FILE, WAL_FILE, WITNESS_FILE];

/// A directory as a kill leaves it, an older one of the same log, and what was answered.
struct Killed {
    now: TempDir,
    older: TempDir,
    all: Vec<Recorded>,
}

fn copy(from: &Path, to: &Path) {
    for file in FILES {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

fn copied(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(from, to.path());
    to
}

async fn killed() -> Killed {
    let (store, directory) = super::embedded::fresh();
    let mut older = None;
    for number in 0..20_u64 {
        let batch = events([u128::from(number) * 2, u128::from(number) * 2 + 1]);
        store.append(stream(1), Expected::before(number * 2), batch).await.unwrap();
        if number == 9 {
            older = Some(copied(directory.path()));
        }
    }
    let all = everything(&*store, 100).await;
    Killed { now: copied(directory.path()), older: older.unwrap(), all }
}

fn contents(directory: &Path) -> Vec<Option<Vec<u8>>> {
    FILES.iter().map(|file| fs::read(directory.join(file)).ok()).collect()
}

fn change(directory: &Path, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(directory.join(file)).unwrap();
    change(&mut bytes);
    fs::write(directory.join(file), bytes).unwrap();
}

fn loss(directory: &Path) -> Loss {
    match open(directory) {
        Err(OpenError::Lost { loss, .. }) => *loss,
        opened => panic!("{:?}", opened.map(|_| ())),
    }
}

/// What goes on, and must be refused or make no difference.
type Damage = (&'static str, bool, fn(&Path, &Path));

const TABLE: &[Damage] = &[
    ("nothing", false, |_, _| {}),
    ("witness removed", true, |now, _| fs::remove_file(now.join(WITNESS_FILE)).unwrap()),
    ("witness cut short", true, |now, _| change(now, WITNESS_FILE, |it| it.truncate(700))),
    ("witness grown", true, |now, _| change(now, WITNESS_FILE, |it| it.push(0))),
    ("first slot zeroed", true, |now, _| change(now, WITNESS_FILE, |it| it[..512].fill(0))),
    ("second slot zeroed", true, |now, _| change(now, WITNESS_FILE, |it| it[512..].fill(0))),
    ("half a slot zeroed", false, |now, _| change(now, WITNESS_FILE, |it| it[..256].fill(0))),
    ("older witness", false, |now, older| {
        fs::copy(older.join(WITNESS_FILE), now.join(WITNESS_FILE)).unwrap();
    }),
    ("write-ahead log removed", true, |now, _| fs::remove_file(now.join(WAL_FILE)).unwrap()),
    ("write-ahead log emptied", true, |now, _| change(now, WAL_FILE, Vec::clear)),
    ("write-ahead log halved", true, |now, _| {
        change(now, WAL_FILE, |it| it.truncate(it.len() / 2));
    }),
    ("bit flipped in its header", true, |now, _| change(now, WAL_FILE, |it| it[17] ^= 4)),
    ("bit flipped in its middle", true, |now, _| {
        change(now, WAL_FILE, |it| {
            let middle = it.len() / 2;
            it[middle] ^= 1;
        });
    }),
    ("bit flipped in its last frame", true, |now, _| {
        change(now, WAL_FILE, |it| {
            let last = it.len() - 9;
            it[last] ^= 1;
        });
    }),
    ("older write-ahead log", true, |now, older| {
        fs::copy(older.join(WAL_FILE), now.join(WAL_FILE)).unwrap();
    }),
    ("write-ahead log and witness removed", true, |now, _| {
        fs::remove_file(now.join(WAL_FILE)).unwrap();
        fs::remove_file(now.join(WITNESS_FILE)).unwrap();
    }),
    ("log removed", true, |now, _| fs::remove_file(now.join(LOG_FILE)).unwrap()),
    ("log and write-ahead log removed", true, |now, _| {
        fs::remove_file(now.join(LOG_FILE)).unwrap();
        fs::remove_file(now.join(WAL_FILE)).unwrap();
    }),
    ("log cut short", true, |now, _| change(now, LOG_FILE, |it| it.truncate(5_000))),
];

#[tokio::test]
async fn each_damage_is_refused_and_left_as_it_is_or_makes_no_difference() {
    let Killed { now, older, all } = killed().await;
    for (what, refused, damage) in TABLE {
        let directory = copied(now.path());
        damage(directory.path(), older.path());
        let before = contents(directory.path());
        let opened = open(directory.path());
        assert_eq!(opened.is_err(), *refused, "{what}: {:?}", opened.map(|_| ()));
        match opened {
            Err(_) => assert!(contents(directory.path()) == before, "{what}: files were changed"),
            Ok(store) => assert_eq!(everything(&*store, 100).await, all, "{what}"),
        }
    }
}

#[tokio::test]
async fn a_bit_flipped_anywhere_in_the_witness_makes_no_difference() {
    let Killed { now, all, .. } = killed().await;
    for byte in (0..1_024).step_by(61) {
        let directory = copied(now.path());
        change(directory.path(), WITNESS_FILE, |bytes| bytes[byte] ^= 1 << (byte % 8));
        let store = open(directory.path()).unwrap();
        assert_eq!(everything(&*store, 100).await, all, "byte {byte}");
    }
}

#[tokio::test]
async fn files_of_different_uses_of_the_write_ahead_log_are_refused() {
    let (store, directory) = super::embedded::fresh();
    let filler = format!("\"{}\"", "x".repeat(900_000));
    let mut early: Option<TempDir> = None;
    let salts = |wal: &Path| fs::read(wal).unwrap()[16..24].to_vec();
    let mut number = 0_u64;
    // It is started over when all of it is copied, or at its bound.
    while early.as_ref().is_none_or(|early| {
        salts(&early.path().join(WAL_FILE)) == salts(&directory.path().join(WAL_FILE))
    }) {
        let mut large = event(u128::from(number));
        large.data = filler.clone().into_bytes();
        store.append(stream(1), Expected::before(number), Arc::from([large])).await.unwrap();
        if number == 2 {
            early = Some(copied(directory.path()));
        }
        number += 1;
    }
    let all = everything(&*store, 1_000).await;
    let (now, early) = (copied(directory.path()), early.unwrap());
    for file in [LOG_FILE, WAL_FILE] {
        let directory = copied(now.path());
        fs::copy(early.path().join(file), directory.path().join(file)).unwrap();
        let before = contents(directory.path());
        assert!(open(directory.path()).is_err(), "older {file}");
        assert!(contents(directory.path()) == before, "older {file}: files were changed");
    }
    assert_eq!(everything(&*open(now.path()).unwrap(), 1_000).await, all);
}

#[tokio::test]
async fn a_loss_says_what_is_on_disk_what_was_answered_and_which_frames_are_left() {
    let Killed { now, .. } = killed().await;
    change(now.path(), WAL_FILE, |wal| {
        let middle = wal.len() / 2;
        wal[middle] ^= 1;
    });
    let found = loss(now.path());
    assert!(found.end < found.known && found.known == Position(40), "{found}");
    let wal = found.wal.expect("there is one");
    assert!(wal.first_bad.is_some_and(|bad| bad > wal.last_valid) && wal.behind > 0, "{found}");
    let said = found.to_string();
    for words in [
        format!("last position on disk: {}", found.end),
        "known to have been acknowledged: 40".to_owned(),
        format!("positions {} to 40", found.end.0 + 1),
        format!("its last valid frame is {}", wal.last_valid),
        format!("log accept --end {} --known 40", found.end),
    ] {
        assert!(said.contains(&words), "{said} does not say {words:?}");
    }
    let reader = LogReader::open(now.path()).unwrap();
    assert_eq!(reader.loss(), Some(&found));
    assert_eq!(reader.head(), Ok(found.end));
}

fn accept(directory: &Path, end: u64, known: u64) -> Result<Accepted, AcceptError> {
    let clock: SharedClock = Arc::new(ManualClock::at(UnixMs(1_795_000_000_000)));
    let reason = "the disk failed".to_owned();
    let acceptance = Acceptance { end: Position(end), known: Position(known), reason };
    accept_loss(directory, &clock, &acceptance)
}

fn halve(directory: &Path) {
    change(directory, WAL_FILE, |wal| wal.truncate(wal.len() / 2));
}

#[tokio::test]
async fn a_loss_is_accepted_by_its_positions_once_and_stands_in_the_log() {
    let Killed { now, all, .. } = killed().await;
    halve(now.path());
    let Loss { end, known, .. } = loss(now.path());
    let before = contents(now.path());
    for (other_end, other_known) in [(end.0 - 1, known.0), (end.0, known.0 - 1), (0, 0)] {
        let refused = accept(now.path(), other_end, other_known).unwrap_err();
        assert!(matches!(refused, AcceptError::Another { .. }), "{refused}");
    }
    assert!(contents(now.path()) == before, "files were changed");

    let accepted = accept(now.path(), end.0, known.0).unwrap();
    assert_eq!(accepted, Accepted { position: Position(end.0 + 1), before: false });
    let again = accept(now.path(), end.0, known.0).unwrap();
    assert_eq!(again, Accepted { position: Position(end.0 + 1), before: true });
    let refused = accept(now.path(), end.0, known.0 + 1).unwrap_err();
    assert!(matches!(refused, AcceptError::NothingMissing { .. }), "{refused}");

    let store = open(now.path()).unwrap();
    let left = everything(&*store, 100).await;
    let (said, kept) = left.split_last().unwrap();
    assert_eq!(kept, &all[..kept.len()]);
    let said: LossAccepted = serde_json::from_slice(&said.data).unwrap();
    assert_eq!((said.end, said.known), (end, known));
    assert_eq!(said.reason, "the disk failed");
    store.append(stream(2), Expected::NoStream, events([900])).await.unwrap();
    store.close();
    let log = Connection::open(now.path().join(LOG_FILE)).unwrap();
    log.execute_batch("DELETE FROM streams WHERE name NOT LIKE 'log-%'").unwrap();
    drop(log);
    let judged = audit::verify(now.path(), &mut |_, _| {}).unwrap();
    let of_the_log = judged.findings.iter().filter(|finding| finding.stream.starts_with("log-"));
    assert_eq!(of_the_log.count(), 0, "{judged}");
}

#[tokio::test]
async fn accepting_a_loss_survives_a_crash_at_every_step() {
    let Killed { now, .. } = killed().await;
    halve(now.path());
    let Loss { end, known, .. } = loss(now.path());
    let witness = fs::read(now.path().join(WITNESS_FILE)).unwrap();
    accept(now.path(), end.0, known.0).unwrap();
    // The event is written, the witness is the old one: the log settles it by itself.
    for then_accept in [false, true] {
        let crashed = copied(now.path());
        fs::write(crashed.path().join(WITNESS_FILE), &witness).unwrap();
        if then_accept {
            assert!(accept(crashed.path(), end.0, known.0).unwrap().before);
        }
        let store = open(crashed.path()).unwrap();
        assert_eq!(store.head(), Position(end.0 + 1));
        store.append(stream(3), Expected::NoStream, events([901])).await.unwrap();
        let killed = copied(crashed.path());
        drop(store);
        // What is lost after that is another loss.
        fs::remove_file(killed.path().join(WAL_FILE)).unwrap();
        assert_eq!(loss(killed.path()).known, Position(end.0 + 2));
    }
}

#[tokio::test]
async fn a_log_without_its_witness_needs_to_be_accepted_each_time() {
    let Killed { now, .. } = killed().await;
    for round in 0..2_u64 {
        open(now.path()).unwrap().close();
        fs::remove_file(now.path().join(WITNESS_FILE)).unwrap();
        let Loss { end, known, missing, .. } = loss(now.path());
        assert_eq!((end, known, missing.len()), (Position(40 + 2 * round), end, 1));
        accept(now.path(), end.0, known.0).unwrap();
        // Not made yet when the power failed: settled, as long as nothing follows.
        fs::remove_file(now.path().join(WITNESS_FILE)).unwrap();
        let store = open(now.path()).unwrap();
        store
            .append(stream(50 + u128::from(round)), Expected::NoStream, events([1]))
            .await
            .unwrap();
        store.close();
    }
}

#[tokio::test]
async fn a_backup_beside_a_writer_is_whole_and_a_log_alone_is_not() {
    let (store, directory) = super::embedded::fresh();
    store.append(stream(1), Expected::NoStream, events(1..=20)).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("made/when/missing");
    assert_eq!(backup(directory.path(), &to).unwrap(), Position(20));
    let all = everything(&*store, 100).await;
    store.append(stream(1), Expected::Exact(19), events(21..=30)).await.unwrap();
    let refused = backup(directory.path(), &to).unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
    let restored = open(&to).unwrap();
    assert_eq!(everything(&*restored, 100).await, all);
    restored.close();

    let alone = tempfile::tempdir().unwrap();
    fs::copy(to.join(LOG_FILE), alone.path().join(LOG_FILE)).unwrap();
    let found = loss(alone.path());
    assert!(found.to_string().contains("log.witness is missing"), "{found}");
    // A log that is not whole is not made to look so by a backup.
    let refused = backup(alone.path(), &place.path().join("other")).unwrap_err();
    assert!(matches!(refused, BackupError::Open(OpenError::Lost { .. })), "{refused}");
    accept(alone.path(), 20, 20).unwrap();
    backup(alone.path(), &place.path().join("other")).unwrap();
}

#[tokio::test]
async fn a_log_of_an_older_version_is_given_a_witness() {
    let Killed { now, all, .. } = killed().await;
    open(now.path()).unwrap().close();
    let log = Connection::open(now.path().join(LOG_FILE)).unwrap();
    log.execute_batch("DELETE FROM meta WHERE key = 'witness'; PRAGMA user_version = 0").unwrap();
    drop(log);
    fs::remove_file(now.path().join(WITNESS_FILE)).unwrap();
    let store = open(now.path()).unwrap();
    assert_eq!(everything(&*store, 100).await, all);
    store.close();
    fs::remove_file(now.path().join(WITNESS_FILE)).unwrap();
    assert_eq!(loss(now.path()).known, Position(40));
}

#[tokio::test]
async fn a_second_writer_is_kept_out_although_the_lock_file_was_deleted() {
    let (store, directory) = super::embedded::fresh();
    store.append(stream(1), Expected::NoStream, events([1])).await.unwrap();
    fs::remove_file(directory.path().join(LOCK_FILE)).unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    store.append(stream(1), Expected::Exact(0), events([2])).await.unwrap();
}
