//! What a write is answered, as tables: state of the stream, expectation, answer. The answers are the
//! real server's, from its own tests and its source.

use std::sync::Arc;

use doorbuster::{
    clock::ManualClock,
    events::Position,
    store::{
        EventStore,
        embedded::{
            EmbeddedStore,
            raw::{
                Direction, RawAnswer, RawChange, RawEvent, RawExpected, RawFrom, RawRefusal,
                RawStream, RawWrite, RawWritten,
            },
        },
    },
    values::UnixMs,
};
use tempfile::TempDir;
use uuid::Uuid;

const S: &str = "stream";
const ANY: RawExpected = RawExpected::Any;
const NO_STREAM: RawExpected = RawExpected::NoStream;
const EXISTS: RawExpected = RawExpected::StreamExists;

fn exact(revision: u64) -> RawExpected {
    RawExpected::Exact(revision)
}

/// A log that is open for clients.
pub struct Log {
    pub store: Arc<EmbeddedStore>,
    pub clock: ManualClock,
    pub directory: TempDir,
}

pub fn log() -> Log {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let store = EmbeddedStore::open_for_clients(directory.path(), Arc::new(clock.clone())).unwrap();
    Log { store, clock, directory }
}

impl Log {
    /// Closed and opened again: what was only in memory is gone.
    pub fn reopened(self) -> Self {
        let Self { store, clock, directory } = self;
        store.close();
        drop(store);
        let store =
            EmbeddedStore::open_for_clients(directory.path(), Arc::new(clock.clone())).unwrap();
        Self { store, clock, directory }
    }

    pub async fn write(&self, stream: &str, expected: RawExpected, change: RawChange) -> RawAnswer {
        self.store.write(RawWrite { stream: stream.to_owned(), expected, change }).await
    }

    pub async fn append(
        &self,
        expected: RawExpected,
        ids: impl IntoIterator<Item = u128>,
    ) -> RawAnswer {
        self.append_to(S, expected, ids).await
    }

    pub async fn append_to(
        &self,
        stream: &str,
        expected: RawExpected,
        ids: impl IntoIterator<Item = u128>,
    ) -> RawAnswer {
        self.write(stream, expected, RawChange::Append(ids.into_iter().map(event).collect())).await
    }

    pub async fn set_metadata(&self, json: &str) -> RawAnswer {
        let event = RawEvent {
            id: Uuid::from_u128(u128::from(self.store.raw_head().0) + 1_000_000),
            kind: "$metadata".to_owned(),
            json: true,
            data: json.as_bytes().to_vec(),
            metadata: Vec::new(),
        };
        self.write("$$stream", ANY, RawChange::Append(vec![event])).await
    }

    /// Revisions that readers of the stream see; `None` if they see no stream.
    pub async fn shown(&self) -> Option<Vec<u64>> {
        let now_ms = self.clock_ms();
        let page = self
            .store
            .read_raw_stream(S, RawFrom::Start, Direction::Forwards, 100, now_ms)
            .await
            .unwrap();
        match page.stream {
            RawStream::Missing => None,
            RawStream::Tombstoned => panic!("the stream was ended"),
            RawStream::Live { .. } => {
                Some(page.events.iter().map(|event| event.revision).collect())
            }
        }
    }

    fn clock_ms(&self) -> i64 {
        use doorbuster::clock::Clock as _;
        self.clock.now().0
    }
}

pub fn event(id: u128) -> RawEvent {
    RawEvent {
        id: Uuid::from_u128(id),
        kind: "Rung".to_owned(),
        json: true,
        data: format!("{{\"bell\":{id}}}").into_bytes(),
        metadata: Vec::new(),
    }
}

/// Written, up to this revision, its last event at this position.
fn written(last_revision: u64, position: u64) -> RawAnswer {
    Ok(RawWritten { last_revision: Some(last_revision), position: Some(Position(position)) })
}

/// Written earlier, but its events cannot be read any more.
fn repeated_unseen(last_revision: u64) -> RawAnswer {
    Ok(RawWritten { last_revision: Some(last_revision), position: None })
}

fn wrong(current: Option<u64>) -> RawAnswer {
    Err(RawRefusal::WrongVersion { current })
}

const DELETED: RawAnswer = Err(RawRefusal::Deleted);

#[tokio::test]
async fn the_known_answers_of_the_real_server_are_given() {
    let log = log();
    // Four ids without an expectation, and again.
    assert_eq!(log.append_to("a", ANY, 1..=4).await, written(3, 4));
    assert_eq!(log.append_to("a", ANY, 1..=4).await, written(3, 4));
    // Six equal ids: the first place of an id counts.
    assert_eq!(log.append_to("b", ANY, [9; 6]).await, written(5, 10));
    assert_eq!(log.append_to("b", ANY, [9; 6]).await, written(0, 5));
    assert_eq!(log.append_to("c", NO_STREAM, [8; 6]).await, written(5, 16));
    assert_eq!(log.append_to("c", NO_STREAM, [8; 6]).await, written(5, 16));
    // Nothing at all.
    let nothing = Ok(RawWritten { last_revision: None, position: Some(Position(16)) });
    assert_eq!(log.append_to("d", ANY, []).await, nothing);
    assert_eq!(log.append_to("d", NO_STREAM, []).await, nothing);
    assert_eq!(log.store.raw_head(), Position(16));
    // A stream that was ended.
    let ended = log.write("a", ANY, RawChange::Tombstone).await.unwrap();
    assert_eq!(ended.position, Some(Position(17)));
    for expected in [ANY, NO_STREAM, EXISTS, exact(3), exact(4)] {
        assert_eq!(log.append_to("a", expected, [1]).await, DELETED);
        assert_eq!(log.append_to("$$a", expected, [1]).await, DELETED);
        assert_eq!(log.write("a", expected, RawChange::Delete).await, DELETED);
        assert_eq!(log.write("a", expected, RawChange::Tombstone).await, DELETED);
    }
}

#[tokio::test]
async fn an_expectation_is_compared_with_where_the_stream_ends() {
    let log = log();
    assert_eq!(log.append(EXISTS, [1]).await, wrong(None));
    assert_eq!(log.append(exact(0), [1]).await, wrong(None));
    assert_eq!(log.append(exact(0), []).await, wrong(None));
    assert_eq!(log.append(EXISTS, []).await, wrong(None));
    assert_eq!(log.append(NO_STREAM, 1..=3).await, written(2, 3));
    assert_eq!(log.append(EXISTS, [4]).await, written(3, 4));
    assert_eq!(log.append(exact(3), [5]).await, written(4, 5));
    // Too early, too late, and far too late.
    for expected in [NO_STREAM, exact(3), exact(5), exact(u64::MAX)] {
        assert_eq!(log.append(expected, [99]).await, wrong(Some(4)), "{expected:?}");
        assert_eq!(log.append(expected, []).await, wrong(Some(4)), "{expected:?}");
    }
    for expected in [ANY, EXISTS, exact(4)] {
        assert_eq!(log.append(expected, []).await, written(4, 5), "{expected:?}");
    }
    // At the end even an old id is new, and so it is in another stream.
    assert_eq!(log.append(exact(4), [5]).await, written(5, 6));
    assert_eq!(log.append_to("other", ANY, [5]).await, written(0, 7));
}

#[tokio::test]
async fn an_exact_append_is_known_again_by_its_ids_also_after_a_restart() {
    let log = log();
    log.append(NO_STREAM, 1..=3).await.unwrap();
    log.append(exact(2), 4..=6).await.unwrap();
    let log = log.reopened();
    assert_eq!(log.append(NO_STREAM, 1..=3).await, written(2, 3));
    assert_eq!(log.append(exact(2), 4..=6).await, written(5, 6));
    // A beginning of it is known, too, and so is what reaches into the next one.
    assert_eq!(log.append(exact(2), 4..=5).await, written(4, 5));
    assert_eq!(log.append(NO_STREAM, 1..=5).await, written(4, 5));
    // The first id differs; a later one differs; there are more than were written.
    for (expected, ids) in
        [(exact(2), vec![9]), (exact(2), vec![4, 9]), (exact(2), vec![4, 5, 6, 7])]
    {
        assert_eq!(log.append(expected, ids.clone()).await, wrong(Some(5)), "{ids:?}");
    }
}

#[tokio::test]
async fn an_append_without_a_revision_is_known_again_until_a_restart() {
    let log = log();
    log.append(ANY, 1..=3).await.unwrap();
    assert_eq!(log.append(EXISTS, 1..=3).await, written(2, 3));
    assert_eq!(log.append(ANY, 2..=3).await, written(2, 3));
    assert_eq!(log.append(ANY, [1, 2, 9]).await, wrong(Some(2)));
    assert_eq!(log.append(ANY, [9, 1]).await, written(4, 5));
    let log = log.reopened();
    assert_eq!(log.append(ANY, 1..=3).await, written(7, 8));
}

#[tokio::test]
async fn a_deletion_is_answered_by_what_the_stream_is() {
    #[derive(Clone, Copy, Debug)]
    enum State {
        Absent,
        OnlyMetadata,
        Live,
        Deleted,
    }
    const WRONG: Option<u64> = None;
    // For any, no stream, stream exists, the right revision, a wrong one: whether it is done, or
    // else refused because it is deleted.
    let cases = [
        (State::Absent, RawChange::Delete, [false, false, false, false, false]),
        (State::OnlyMetadata, RawChange::Delete, [true, true, true, false, false]),
        (State::Live, RawChange::Delete, [true, false, true, true, false]),
        (State::Deleted, RawChange::Delete, [true, true, false, true, false]),
        (State::Absent, RawChange::Tombstone, [true, true, false, false, false]),
        (State::OnlyMetadata, RawChange::Tombstone, [true, true, true, false, false]),
        (State::Live, RawChange::Tombstone, [true, false, true, true, false]),
        (State::Deleted, RawChange::Tombstone, [true, true, false, true, false]),
    ];
    for (state, change, done) in cases {
        for (expected, done) in [ANY, NO_STREAM, EXISTS, exact(1), exact(0)].into_iter().zip(done) {
            let log = log();
            let current = match state {
                State::Absent => WRONG,
                State::OnlyMetadata => {
                    log.set_metadata("{}").await.unwrap();
                    WRONG
                }
                State::Live | State::Deleted => {
                    log.append(ANY, [1, 2]).await.unwrap();
                    Some(1)
                }
            };
            if let State::Deleted = state {
                log.write(S, ANY, RawChange::Delete).await.unwrap();
            }
            let answer = log.write(S, expected, change.clone()).await;
            let case = format!("{change:?} of {state:?} with {expected:?}: {answer:?}");
            match (done, state, expected) {
                (true, _, _) => assert!(answer.is_ok(), "{case}"),
                (false, State::Deleted, RawExpected::StreamExists) => {
                    assert_eq!(answer, DELETED, "{case}");
                }
                (false, _, _) => assert_eq!(answer, wrong(current), "{case}"),
            }
        }
    }
}

#[tokio::test]
async fn a_deleted_stream_goes_on_where_it_ended() {
    for expected in [ANY, NO_STREAM, exact(1)] {
        let log = log();
        log.append(ANY, [1, 2]).await.unwrap();
        let deleted = log.write(S, exact(1), RawChange::Delete).await.unwrap();
        assert_eq!(deleted.position, Some(Position(3)));
        assert_eq!(log.shown().await, None);
        assert_eq!(log.append(EXISTS, [3]).await, DELETED);
        assert_eq!(log.append(exact(0), [3]).await, wrong(Some(1)));
        // The answer speaks of the event, not of the metadata that is written after it.
        assert_eq!(log.append(expected, [3]).await, written(2, 4), "{expected:?}");
        assert_eq!(log.store.raw_head(), Position(5));
        assert_eq!(log.shown().await, Some(vec![2]), "{expected:?}");
        let log = log.reopened();
        assert_eq!(log.append(exact(2), [4]).await, written(3, 6));
        assert_eq!(log.shown().await, Some(vec![2, 3]));
    }
}

#[tokio::test]
async fn a_repetition_does_not_bring_a_deleted_stream_back() {
    let log = log();
    log.append(ANY, [1, 2]).await.unwrap();
    log.write(S, ANY, RawChange::Delete).await.unwrap();
    assert_eq!(log.append(ANY, [1, 2]).await, repeated_unseen(1));
    assert_eq!(log.append(NO_STREAM, [1]).await, repeated_unseen(0));
    assert_eq!(log.append(NO_STREAM, [1, 9]).await, wrong(Some(1)));
    assert_eq!(log.shown().await, None);
    // Nothing at all does, if it is as expected.
    assert_eq!(log.append(NO_STREAM, []).await, wrong(Some(1)));
    assert_eq!(log.append(ANY, []).await, written(1, 3));
    assert_eq!(log.shown().await, Some(vec![]));
    assert_eq!(log.append(ANY, [3]).await, written(2, 5));
    assert_eq!(log.shown().await, Some(vec![2]));
}

#[tokio::test]
async fn metadata_hides_events_and_survives_being_deleted() {
    let log = log();
    log.append(ANY, 1..=6).await.unwrap();
    log.set_metadata(r#"{"$maxCount":2,"colour":"red"}"#).await.unwrap();
    assert_eq!(log.shown().await, Some(vec![4, 5]));
    assert_eq!(log.append(NO_STREAM, 1..=2).await, repeated_unseen(1));
    log.set_metadata(r#"{"$tb":3}"#).await.unwrap();
    assert_eq!(log.shown().await, Some(vec![3, 4, 5]));
    log.set_metadata("not JSON").await.unwrap();
    assert_eq!(log.shown().await.unwrap().len(), 6);
    log.set_metadata(r#"{"$maxAge":60}"#).await.unwrap();
    assert_eq!(log.shown().await.unwrap().len(), 6);
    log.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(log.shown().await, Some(vec![]));
    log.append(ANY, [7]).await.unwrap();
    assert_eq!(log.shown().await, Some(vec![6]));

    // Deleted, then written by way of its metadata: it is back, and begins after its last event.
    log.write(S, ANY, RawChange::Delete).await.unwrap();
    log.set_metadata(r#"{"colour":"blue"}"#).await.unwrap();
    assert_eq!(log.shown().await, Some(vec![]));
    log.append(exact(6), [8]).await.unwrap();
    assert_eq!(log.shown().await, Some(vec![7]));
    let metadata = log
        .store
        .read_raw_stream("$$stream", RawFrom::Start, Direction::Forwards, 9, 0)
        .await
        .unwrap();
    assert_eq!(metadata.events.len(), 1, "only the newest metadata is shown");
    let json: serde_json::Value = serde_json::from_slice(&metadata.events[0].data).unwrap();
    assert_eq!(json, serde_json::json!({"colour": "blue", "$tb": 7}));
}

#[tokio::test]
async fn what_no_server_takes_is_refused_and_named() {
    let log = log();
    let nameless = RawEvent { kind: String::new(), ..event(1) };
    let cases = [
        (S, RawChange::Append(vec![nameless]), "type"),
        (S, RawChange::Append(vec![event(0)]), "id"),
        (
            S,
            RawChange::Append(vec![RawEvent { kind: "$streamDeleted".to_owned(), ..event(1) }]),
            "type",
        ),
        ("$$stream", RawChange::Delete, "stream"),
        ("$$stream", RawChange::Tombstone, "stream"),
        (S, RawChange::Append(vec![RawEvent { data: vec![0; 17 << 20], ..event(1) }]), "bytes"),
    ];
    for (stream, change, word) in cases {
        match log.write(stream, ANY, change).await {
            Err(RawRefusal::Invalid(why)) => assert!(why.contains(word), "{why}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    assert_eq!(log.store.raw_head(), Position::START);
}
