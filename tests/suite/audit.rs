//! Goal: the verifier accepts a sound log and finds every kind of damage and every broken promise.
//!
//! Method: a small log is written here by hand, with its own ids, JSON and hash chain, so that the
//! verifier is also held against a third opinion. Each case then spoils one thing: either in the
//! file as it lies on disk, or before it is written, so that the chain is right and only the
//! meaning is wrong. The table names the words that must be in what the verifier says. Last, bytes
//! of the file are flipped one by one: whatever happens, nothing panics and no flip is accepted
//! with other figures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at what it did not expect"
)]

mod broken_coupons;
mod broken_exports;
mod broken_goods;
mod broken_items;
mod broken_life;
mod broken_operations;
mod broken_orders;
mod broken_prices;
mod broken_references;
mod broken_refunds;
mod broken_reinstatements;
mod broken_schedules;
mod broken_traffic;
mod certificate;
mod certificate_priced;
mod certificate_refunded;
pub mod decided;
mod goods;
mod judged;
mod kinds;
mod life;
mod served;
mod shown;
mod story;

use std::{fs, path::Path};

use audit::{AuditError, FINDINGS_MAX, Proof};
use rusqlite::Connection;

use self::{
    broken_items::{forms_that_cannot_be, steering_that_cannot_be},
    broken_orders::{ends_that_cannot_be, orders_that_cannot_be},
    broken_schedules::{rescheduled, schedules_that_cannot_be},
    broken_traffic::beacons_that_cannot_be,
    story::{CLOSES, Story, item_a, sound},
};

/// What is done to the story before it is written, and the words that must be in the verdict.
type Rewrite = (&'static str, fn(&mut Story), &'static str);

/// Each rewrite of a sound log is found at an event of an item.
fn each_is_found_at_an_item(sound: fn() -> Story, rewrites: impl IntoIterator<Item = Rewrite>) {
    for (name, spoil, words) in rewrites {
        let mut story = sound();
        spoil(&mut story);
        let proof = story.show(|_, _| {});
        let found = proof.findings.iter().find(|finding| finding.problem.contains(words));
        let found = found.unwrap_or_else(|| panic!("{name}:\n{proof}"));
        assert!(found.stream.starts_with("item-") && found.revision.is_some(), "{name}: {found}");
    }
}

pub fn verify(dir: &Path) -> Result<Proof, AuditError> {
    audit::verify(dir, &mut |_, _| {})
}

fn verdict(dir: &Path) -> String {
    match verify(dir) {
        Ok(proof) => proof.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_sound_log_is_proved_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let story = sound();
    story.write(dir.path());
    let before = fs::read(dir.path().join("log.db")).unwrap();
    let mut told = Vec::new();
    let proof = audit::verify(dir.path(), &mut |done, all| told.push((done, all))).unwrap();
    let events = story.events.len() as u64;
    assert!(proof.ok(), "{proof}");
    let figures = (proof.events, proof.chains, proof.items, proof.orders, proof.more_findings);
    assert_eq!(figures, (events, 5, 2, 4, 0));
    assert_eq!(told.last(), Some(&(events, events)));
    let said = proof.to_string();
    for words in ["is sound", "no unit was sold twice", "Not proved", "with write access"] {
        assert!(said.contains(words), "{said}");
    }
    let indented = said.lines().filter(|line| line.trim_start().starts_with("- "));
    assert!(indented.clone().count() > 5 && indented.clone().all(|line| line.starts_with("  - ")));
    assert_eq!(fs::read(dir.path().join("log.db")).unwrap(), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no file was left behind");
}

#[test]
fn a_log_that_is_being_written_is_verified_up_to_the_last_commit() {
    let dir = tempfile::tempdir().unwrap();
    let story = sound();
    story.write(dir.path());
    let writer = Connection::open(dir.path().join("log.db")).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL; BEGIN; DELETE FROM events").unwrap();
    let proof = verify(dir.path()).unwrap();
    assert!(proof.ok() && proof.events == story.events.len() as u64, "{proof}");
    writer.execute_batch("COMMIT").unwrap();
    assert!(!verify(dir.path()).unwrap().ok());
}

#[test]
fn every_change_of_the_file_is_found() {
    // What is done to the file, and the words that must be in the verdict.
    let cases = [
        ("UPDATE events SET data = replace(data, 'ann', 'amn')", "hash chain breaks"),
        (
            "UPDATE events SET metadata = replace(metadata, ':1}', ':1 }') WHERE position = 9",
            "hash chain breaks",
        ),
        ("UPDATE events SET hash = zeroblob(32) WHERE position = 9", "hash chain breaks"),
        ("UPDATE events SET hash = x'00' WHERE position = 9", "hash chain breaks"),
        ("UPDATE events SET hash = 7 WHERE position = 9", "hash is not of the type"),
        ("UPDATE events SET id = zeroblob(16) WHERE position = 9", "hash chain breaks"),
        ("UPDATE events SET id = x'0102' WHERE position = 9", "does not have 16 bytes"),
        ("UPDATE events SET kind = 'ItemPauset' WHERE kind = 'ItemPaused'", "hash chain breaks"),
        ("UPDATE events SET kind = CAST(x'ff' AS TEXT) WHERE position = 9", "kind is not text"),
        (
            "UPDATE events SET data = CAST(data AS BLOB) WHERE position = 9",
            "data is not of the type",
        ),
        (
            "UPDATE events SET recorded_at_ms = recorded_at_ms + 1 WHERE position = 9",
            "hash chain breaks",
        ),
        ("UPDATE events SET recorded_at_ms = -1 WHERE position = 9", "recorded before 1970"),
        ("UPDATE events SET revision = 77 WHERE kind = 'ItemClosed'", "should stand here"),
        ("UPDATE events SET revision = -1 WHERE kind = 'SaleCreated'", "should stand here"),
        ("UPDATE events SET stream = 77 WHERE position = 9", "no stream with the number 77"),
        ("DELETE FROM events WHERE position = 12", "position 12 should stand here"),
        ("DELETE FROM events WHERE position = 1", "position 1 should stand here"),
        (
            "DELETE FROM events WHERE position = (SELECT max(position) FROM events)",
            "recorded head is revision",
        ),
        (
            "UPDATE events SET position = 0 WHERE position = 12; UPDATE events SET position = 12 WHERE position = 11; UPDATE events SET position = 11 WHERE position = 0",
            "hash chain breaks",
        ),
        (
            "INSERT INTO events SELECT (SELECT max(position) + 1 FROM events), stream, revision + 1, id, kind, data, metadata, recorded_at_ms, hash FROM events WHERE kind = 'DemandTick'",
            "hash chain breaks",
        ),
        ("DELETE FROM events", "has a head but no events"),
        (
            "UPDATE streams SET revision = revision + 1 WHERE stream = 2",
            "recorded head is revision",
        ),
        ("UPDATE streams SET revision = -1 WHERE stream = 2", "recorded head is revision"),
        (
            "UPDATE streams SET hash = zeroblob(32) WHERE stream = 2",
            "recorded head is not the hash",
        ),
        (
            "UPDATE streams SET name = 'item-' || upper(substr(name, 6)) WHERE stream = 2",
            "no stream of ours",
        ),
        (
            "UPDATE streams SET name = 'note-' || substr(name, 6) WHERE stream = 2",
            "no stream of ours",
        ),
        ("UPDATE streams SET name = 'item' WHERE stream = 2", "no stream of ours"),
        ("DELETE FROM streams WHERE stream = 2", "no stream with the number 2"),
        (
            "INSERT INTO streams VALUES (77, 'item-00000000-0000-4000-8000-000000000000', 0, zeroblob(32))",
            "has a head but no events",
        ),
        ("UPDATE streams SET name = NULL WHERE stream = 2", "is damaged"),
        ("UPDATE meta SET value = '2' WHERE key = 'version'", "version is \"2\""),
        ("UPDATE meta SET value = 'other log' WHERE key = 'format'", "format is \"other log\""),
        ("DELETE FROM meta", "does not say its format"),
        ("DROP TABLE streams", "no such table"),
        ("DROP INDEX events_by_stream", "no such index"),
        ("ALTER TABLE events DROP COLUMN hash", "no such column"),
    ];
    for (sql, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        sound().write(dir.path());
        let log = Connection::open(dir.path().join("log.db")).unwrap();
        log.execute_batch(sql).unwrap();
        drop(log);
        let said = verdict(dir.path());
        assert!(said.contains(words) && !said.contains("is sound"), "after {sql}:\n{said}");
    }
}

/// Streams of others, with any kind, bytes and metadata, in a log that says so.
fn write_of_others(story: &Story, dir: &Path, marked: bool) {
    story.write(dir);
    story::write_foreign(dir, "orders-77", b"{\"any\":1}", false);
    story::write_foreign(dir, "$$item-7", &[0xff, 0x00], true);
    if marked {
        let log = Connection::open(dir.join("log.db")).unwrap();
        log.execute("INSERT INTO meta VALUES ('foreign', '1')", []).unwrap();
    }
}

#[test]
fn streams_of_others_are_counted_and_their_chains_checked_in_a_log_that_says_it_holds_such() {
    let dir = tempfile::tempdir().unwrap();
    let story = sound();
    write_of_others(&story, dir.path(), true);
    let proof = verify(dir.path()).unwrap();
    assert!(proof.ok(), "{proof}");
    let figures = (proof.streams, proof.foreign_streams, proof.foreign_events, proof.chains);
    assert_eq!(figures, (7, 2, 2, 7));
    assert_eq!(proof.events, story.events.len() as u64 + 2);
    let said = proof.to_string();
    assert!(said.contains("2 events in 2 streams are not of doorbuster"), "{said}");

    let log = Connection::open(dir.path().join("log.db")).unwrap();
    log.execute("UPDATE events SET data = x'fe00' WHERE data = x'ff00'", []).unwrap();
    let said = verdict(dir.path());
    assert!(said.contains("hash chain breaks") && said.contains("$$item-7"), "{said}");
}

#[test]
fn streams_of_others_are_damage_in_a_log_that_does_not_say_so() {
    let dir = tempfile::tempdir().unwrap();
    write_of_others(&sound(), dir.path(), false);
    let said = verdict(dir.path());
    assert!(said.contains("orders-77: no stream of ours has such a name"), "{said}");
    assert!(said.contains("data is not of the type"), "{said}");
}

#[test]
fn what_others_write_into_our_streams_is_judged_like_our_own() {
    for (data, binary, words) in
        [(&b"{}"[..], true, "stored as bytes"), (b"{}", false, "no event of an item is called")]
    {
        let dir = tempfile::tempdir().unwrap();
        write_of_others(&sound(), dir.path(), true);
        story::write_foreign(dir.path(), &item_a(), data, binary);
        let said = verdict(dir.path());
        assert!(said.contains(words) && !said.contains("hash chain breaks"), "{said}");
    }
}

#[test]
fn an_index_that_disagrees_with_the_events_is_found() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let log = Connection::open(dir.path().join("log.db")).unwrap();
    // The index is built over other events, then hung into this schema as if it were theirs.
    log.execute_batch(
        "PRAGMA writable_schema = ON;
         CREATE TABLE other AS SELECT * FROM events;
         UPDATE other SET revision = 9 WHERE kind = 'DemandTick';
         CREATE UNIQUE INDEX others ON other(stream, revision);
         UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'others')
             WHERE name = 'events_by_stream';",
    )
    .unwrap();
    drop(log);
    let said = verdict(dir.path());
    assert!(said.contains("index over streams does not agree"), "{said}");
}

#[test]
fn every_broken_promise_is_found_in_a_log_that_was_written_consistently() {
    for (name, spoil, words) in orders_that_cannot_be()
        .iter()
        .chain(&ends_that_cannot_be())
        .chain(&steering_that_cannot_be())
        .chain(&forms_that_cannot_be())
        .chain(&beacons_that_cannot_be())
    {
        let dir = tempfile::tempdir().unwrap();
        let mut story = sound();
        spoil(&mut story);
        story.write(dir.path());
        let said = verdict(dir.path());
        assert!(said.contains(words) && !said.contains("is sound"), "{name}:\n{said}");
        assert!(!said.contains("hash chain"), "{name}: the chain is right here:\n{said}");
    }
}

#[test]
fn many_problems_are_counted_and_the_first_ones_listed() {
    let dir = tempfile::tempdir().unwrap();
    let mut story = sound();
    for request in 0..2 * FINDINGS_MAX {
        story.place(1000 + request as u128, "dan", &[("moon", 1)], CLOSES);
    }
    story.write(dir.path());
    let proof = verify(dir.path()).unwrap();
    assert_eq!(proof.findings.len(), FINDINGS_MAX);
    assert!(proof.more_findings > FINDINGS_MAX as u64);
    assert!(proof.to_string().contains(&format!("and {} more", proof.more_findings)));
    let first = &proof.findings[0];
    assert_eq!(first.stream, item_a());
    assert!(first.position.is_some() && first.revision.is_some());
}

#[test]
fn a_directory_without_a_log_of_ours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(verify(dir.path()), Err(AuditError::Missing(_))));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");

    let log = dir.path().join("log.db");
    for foreign in [&b""[..], b"not a database", &[0; 4096]] {
        fs::write(&log, foreign).unwrap();
        let error = verify(dir.path()).unwrap_err();
        assert!(matches!(error, AuditError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(&log).unwrap(), foreign, "it was left as it was");
    }
    fs::remove_file(&log).unwrap();
    Connection::open(&log).unwrap().execute_batch("CREATE TABLE notes(text)").unwrap();
    assert!(matches!(verify(dir.path()), Err(AuditError::Foreign { .. })));
}

#[test]
fn no_flipped_byte_panics_or_is_accepted_with_other_figures() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let log = dir.path().join("log.db");
    let expected = verify(dir.path()).unwrap();
    let bytes = fs::read(&log).unwrap();
    let mut found = 0;
    // A prime stride visits every part of every page with every bit in turn.
    for (offset, turn) in (0..bytes.len()).step_by(47).zip(0_u32..) {
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << (turn % 8);
        fs::write(&log, &flipped).unwrap();
        match verify(dir.path()) {
            Ok(proof) if proof.ok() => assert_eq!(proof, expected, "byte {offset}"),
            Ok(_) | Err(_) => found += 1,
        }
    }
    assert!(found > 200, "most of this small file is events, yet only {found} flips were found");
}

#[test]
fn no_cut_off_file_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let log = dir.path().join("log.db");
    let bytes = fs::read(&log).unwrap();
    for length in (0..bytes.len()).step_by(509) {
        fs::write(&log, &bytes[..length]).unwrap();
        let verdict = verify(dir.path());
        assert!(!verdict.is_ok_and(|proof| proof.ok()), "cut to {length} bytes");
    }
}

#[test]
fn a_sale_that_is_rescheduled_is_sound_and_each_wrong_window_is_found() {
    let proof = rescheduled().show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    for (name, spoil, words) in schedules_that_cannot_be() {
        let mut story = rescheduled();
        spoil(&mut story);
        let proof = story.show(|_, _| {});
        let found = proof.findings.iter().any(|finding| finding.problem.contains(words));
        assert!(found, "{name}:\n{proof}");
    }
}
