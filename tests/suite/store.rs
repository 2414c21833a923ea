//! Goal: every store keeps the contract of the port, because everything above rests on it.
//!
//! Method: each rule is a function over a store that knows nothing of what is behind it; `contract!`
//! makes them tests of one backend. A further backend is one more line at the end of this file.
//! What only the embedded store promises is in `store/embedded.rs`, damage in `store/damage.rs`.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod damage;
mod embedded;

use std::sync::Arc;

use doorbuster::{
    events::{Category, NewEvent, Position, Recorded, StreamName},
    store::{AppendError, Appended, EventStore, Expected, SharedStore},
};
use futures_util::future::join_all;
use uuid::Uuid;

/// Makes every rule below a test of one backend, each on a fresh store. `$fresh` gives the store
/// and whatever must live as long as it.
macro_rules! contract {
    ($backend:ident: $fresh:expr => $($rule:ident),+ $(,)?) => {
        mod $backend {
            $(
                #[tokio::test]
                async fn $rule() {
                    let (store, _alive) = $fresh;
                    super::$rule(store).await;
                }
            )+
        }
    };
    ($backend:ident: $fresh:expr) => {
        contract! { $backend: $fresh =>
            an_append_is_written_only_at_exactly_the_revision_it_expects,
            a_repeated_append_is_answered_as_the_first_time_and_not_written_again,
            an_append_that_overlaps_only_partly_is_a_conflict,
            an_old_id_at_the_end_of_a_stream_is_written_again,
            appends_that_conflict_do_not_disturb_those_beside_them,
            of_many_appenders_exactly_one_wins_each_revision,
            the_same_append_sent_twice_at_once_is_written_once,
            events_come_back_as_they_were_written,
            reading_all_is_in_order_and_excludes_the_position_it_starts_after,
            reading_a_stream_includes_the_revision_it_starts_from,
            a_subscription_from_any_position_sees_every_event_once,
            an_answered_append_can_be_read_at_once,
            appends_beyond_the_limits_are_refused_and_those_at_the_limits_written,
        }
    };
}

pub fn stream(number: u128) -> StreamName {
    StreamName { category: Category::Item, id: Uuid::from_u128(number) }
}

/// An event whose id, data and metadata follow from a number.
pub fn event(number: u128) -> NewEvent {
    NewEvent {
        id: Uuid::from_u128(number),
        kind: "OrderPlaced".into(),
        data: format!(r#"{{"order":{number},"buyer":"顾客 {number}"}}"#).into_bytes(),
        metadata: format!(r#"{{"$correlationId":"{number}"}}"#).into_bytes(),
    }
}

pub fn events(numbers: impl IntoIterator<Item = u128>) -> Arc<[NewEvent]> {
    numbers.into_iter().map(event).collect()
}

/// Every event of a log, read in pages of some size.
pub async fn everything(store: &dyn EventStore, page_max: usize) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |event| event.position);
        let page = store.read_all(after, page_max).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn ids(events: &[Recorded]) -> Vec<u128> {
    events.iter().map(|event| event.id.as_u128()).collect()
}

async fn an_append_is_written_only_at_exactly_the_revision_it_expects(store: SharedStore) {
    for length in 0..4_u64 {
        let expectations = [Expected::NoStream].into_iter().chain((0..6).map(Expected::Exact));
        for (case, expected) in expectations.enumerate() {
            let name = stream(u128::from(length) * 100 + case as u128);
            for revision in 0..length {
                let one = events([u128::from(revision) + 1]);
                store.append(name, Expected::before(revision), one).await.unwrap();
            }
            let answer = store.append(name, expected, events([1_000, 1_001])).await;
            let written = store.read_stream(name, 0, 100).await.unwrap().len() as u64;
            if expected == Expected::before(length) {
                let head = store.head();
                let last = Appended { last_revision: length + 1, last_position: head };
                assert_eq!(answer, Ok(last), "{expected:?} at length {length}");
                assert_eq!(store.last_revision(name).await, Ok(Some(length + 1)));
                assert_eq!(written, length + 2);
            } else {
                let conflict = Err(AppendError::Conflict);
                assert_eq!(answer, conflict, "{expected:?} at length {length}");
                assert_eq!(written, length, "a conflict wrote something");
                assert_eq!(store.last_revision(name).await, Ok(length.checked_sub(1)));
            }
        }
    }
}

async fn a_repeated_append_is_answered_as_the_first_time_and_not_written_again(store: SharedStore) {
    let name = stream(1);
    let appends = [events(1..=1), events(2..=6), events(7..=8)];
    let mut expected = Expected::NoStream;
    let mut answers = Vec::new();
    for append in &appends {
        let answer = store.append(name, expected, Arc::clone(append)).await.unwrap();
        assert_eq!(store.append(name, expected, Arc::clone(append)).await, Ok(answer));
        answers.push((expected, answer));
        expected = Expected::Exact(answer.last_revision);
        // Others write meanwhile.
        store
            .append(
                stream(100 + expected.next_revision() as u128),
                Expected::NoStream,
                events([50]),
            )
            .await
            .unwrap();
    }
    for ((expected, answer), append) in answers.iter().zip(&appends) {
        assert_eq!(store.append(name, *expected, Arc::clone(append)).await, Ok(*answer));
    }
    // The beginning of an append that was written is written too.
    let part = store.append(name, Expected::Exact(0), events(2..=3)).await.unwrap();
    assert_eq!(part.last_revision, 2);
    let stored = store.read_stream(name, 0, 100).await.unwrap();
    assert_eq!(ids(&stored), (1..=8).collect::<Vec<_>>());
    assert_eq!(part.last_position, stored[2].position);
}

async fn an_append_that_overlaps_only_partly_is_a_conflict(store: SharedStore) {
    let name = stream(1);
    store.append(name, Expected::NoStream, events(1..=4)).await.unwrap();
    let cases = [
        (Expected::NoStream, vec![1, 2, 9]),
        (Expected::NoStream, vec![9, 2, 3]),
        (Expected::NoStream, vec![1, 2, 3, 4, 5]),
        (Expected::NoStream, vec![2, 3]),
        (Expected::Exact(0), vec![1, 2]),
        (Expected::Exact(1), vec![3, 5]),
        (Expected::Exact(2), vec![4, 5]),
        (Expected::Exact(2), vec![5]),
    ];
    for (expected, numbers) in cases {
        let answer = store.append(name, expected, events(numbers.clone())).await;
        assert_eq!(answer, Err(AppendError::Conflict), "{numbers:?} at {expected:?}");
    }
    assert_eq!(ids(&everything(&*store, 100).await), [1, 2, 3, 4]);
}

async fn an_old_id_at_the_end_of_a_stream_is_written_again(store: SharedStore) {
    let name = stream(1);
    store.append(name, Expected::NoStream, events([7])).await.unwrap();
    store.append(name, Expected::Exact(0), events([7])).await.unwrap();
    assert_eq!(ids(&everything(&*store, 100).await), [7, 7]);
}

async fn appends_that_conflict_do_not_disturb_those_beside_them(store: SharedStore) {
    // All at once, so that they are written in as few groups as possible.
    let appends = (0..300_u128).map(|number| {
        let (name, expected) = match number % 3 {
            0 => (stream(number), Expected::NoStream),
            1 => (stream(number), Expected::Exact(5)),
            // On the stream that the first of these three makes, and after it.
            _ => (stream(number - 2), Expected::Exact(0)),
        };
        store.append(name, expected, events([number * 10, number * 10 + 1]))
    });
    let answers = join_all(appends).await;
    for (number, answer) in answers.iter().enumerate() {
        match number % 3 {
            0 => assert_eq!(answer.as_ref().unwrap().last_revision, 1),
            // Either of the two may come first; both conflict with what is there then.
            _ => assert_eq!(*answer, Err(AppendError::Conflict)),
        }
    }
    let all = everything(&*store, 64).await;
    assert_eq!(all.len(), 200);
    for pair in all.chunks(2) {
        assert_eq!(pair[0].stream, pair[1].stream, "an append was torn apart");
        assert_eq!((pair[0].revision, pair[1].revision), (0, 1));
    }
}

async fn of_many_appenders_exactly_one_wins_each_revision(store: SharedStore) {
    const APPENDERS: u128 = 8;
    const ROUNDS: u64 = 25;
    let name = stream(1);
    let appenders = (0..APPENDERS).map(|appender| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut wins = Vec::new();
            for round in 0..ROUNDS {
                let id = u128::from(round) * APPENDERS + appender;
                match store.append(name, Expected::before(round), events([id])).await {
                    Ok(answer) => {
                        assert_eq!(answer.last_revision, round);
                        wins.push((round, id));
                    }
                    Err(error) => assert_eq!(error, AppendError::Conflict),
                }
                // The loser goes on only when the winner's event is there.
                while store.read_stream(name, round, 1).await.unwrap().is_empty() {
                    store.wait_after(store.head()).await.unwrap();
                }
            }
            wins
        })
    });
    let mut wins: Vec<_> =
        join_all(appenders).await.into_iter().flat_map(|wins| wins.unwrap()).collect();
    wins.sort_unstable();
    let stored = store.read_stream(name, 0, 1_000).await.unwrap();
    let stored: Vec<_> = stored.iter().map(|event| (event.revision, event.id.as_u128())).collect();
    assert_eq!(stored, wins);
    assert_eq!(wins.len() as u64, ROUNDS);
}

async fn the_same_append_sent_twice_at_once_is_written_once(store: SharedStore) {
    for round in 0..20_u64 {
        let append = events([u128::from(round) * 2 + 1, u128::from(round) * 2 + 2]);
        let expected = Expected::before(round * 2);
        let twice = (0..2).map(|_| store.append(stream(1), expected, Arc::clone(&append)));
        let answers = join_all(twice).await;
        assert_eq!(answers[0].as_ref().unwrap().last_revision, round * 2 + 1);
        assert_eq!(answers[0], answers[1]);
    }
    assert_eq!(everything(&*store, 1_000).await.len(), 40);
}

async fn events_come_back_as_they_were_written(store: SharedStore) {
    let written = events(1..=3);
    let answer = store.append(stream(9), Expected::NoStream, Arc::clone(&written)).await.unwrap();
    let by_stream = store.read_stream(stream(9), 0, 10).await.unwrap();
    assert_eq!(by_stream, everything(&*store, 10).await);
    assert_eq!(by_stream.len(), 3);
    for (revision, (read, new)) in (0..).zip(by_stream.iter().zip(written.iter())) {
        assert_eq!((read.stream, read.revision), (stream(9), revision));
        assert_eq!((read.id, read.kind.as_str()), (new.id, &*new.kind));
        assert_eq!((&read.data, &read.metadata), (&new.data, &new.metadata));
        assert!(read.recorded_at_ms > 0);
    }
    assert_eq!(by_stream[2].position, answer.last_position);
}

async fn reading_all_is_in_order_and_excludes_the_position_it_starts_after(store: SharedStore) {
    for number in 0..30 {
        let name = stream(number % 7);
        let expected = Expected::before(u64::try_from(number / 7).unwrap());
        store.append(name, expected, events([number])).await.unwrap();
    }
    let all = everything(&*store, 1_000).await;
    assert_eq!(ids(&all), (0..30).collect::<Vec<_>>());
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!(all[29].position, store.head());
    for page_max in [1, 2, 7, 30] {
        assert_eq!(everything(&*store, page_max).await, all);
    }
    for (index, event) in all.iter().enumerate() {
        let rest = store.read_all(event.position, 1_000).await.unwrap();
        assert_eq!(rest, all[index + 1..]);
    }
    assert_eq!(store.read_all(Position::START, 5).await.unwrap(), all[..5]);
    assert_eq!(store.read_all(Position::START, 0).await.unwrap(), []);
    assert_eq!(store.read_all(Position(u64::MAX), 5).await.unwrap(), []);
}

async fn reading_a_stream_includes_the_revision_it_starts_from(store: SharedStore) {
    store.append(stream(1), Expected::NoStream, events(1..=5)).await.unwrap();
    store.append(stream(2), Expected::NoStream, events(6..=7)).await.unwrap();
    store.append(stream(1), Expected::Exact(4), events(8..=9)).await.unwrap();
    let all = store.read_stream(stream(1), 0, 100).await.unwrap();
    assert_eq!(ids(&all), [1, 2, 3, 4, 5, 8, 9]);
    for from in 0..8 {
        let rest = store.read_stream(stream(1), from, 100).await.unwrap();
        assert_eq!(rest, all[usize::try_from(from).unwrap()..]);
    }
    assert_eq!(store.read_stream(stream(1), 2, 3).await.unwrap(), all[2..5]);
    assert_eq!(store.read_stream(stream(1), u64::MAX, 3).await.unwrap(), []);
    assert_eq!(store.read_stream(stream(3), 0, 100).await.unwrap(), []);
    let other = StreamName { category: Category::Demand, id: stream(1).id };
    assert_eq!(store.read_stream(other, 0, 100).await.unwrap(), []);
}

async fn a_subscription_from_any_position_sees_every_event_once(store: SharedStore) {
    const WRITERS: u128 = 4;
    const APPENDS: u64 = 30;
    let total = usize::try_from(WRITERS).unwrap() * usize::try_from(APPENDS).unwrap() * 2;
    store.append(stream(99), Expected::NoStream, events([9_999])).await.unwrap();
    let subscribers: Vec<_> = [Position::START, store.head()]
        .map(|start| {
            let store = Arc::clone(&store);
            let wanted = total + usize::from(start == Position::START);
            tokio::spawn(async move {
                let mut seen: Vec<Recorded> = Vec::new();
                while seen.len() < wanted {
                    let after = seen.last().map_or(start, |event| event.position);
                    store.wait_after(after).await.unwrap();
                    let page = store.read_all(after, 7).await.unwrap();
                    assert!(!page.is_empty(), "woken, but there was nothing after {after}");
                    seen.extend(page);
                }
                seen
            })
        })
        .into();
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for append in 0..APPENDS {
                let id = (writer * u128::from(APPENDS) + u128::from(append)) * 2;
                let expected = Expected::before(append * 2);
                store.append(stream(writer), expected, events([id, id + 1])).await.unwrap();
            }
        })
    });
    join_all(writers).await;
    let all = everything(&*store, 1_000).await;
    let seen = join_all(subscribers).await;
    assert_eq!(*seen[0].as_ref().unwrap(), all);
    assert_eq!(*seen[1].as_ref().unwrap(), all[1..]);
}

async fn an_answered_append_can_be_read_at_once(store: SharedStore) {
    for number in 0..50 {
        let one = events([number]);
        let answer = store.append(stream(number), Expected::NoStream, one).await.unwrap();
        assert_eq!(store.head(), answer.last_position);
        assert_eq!(store.read_stream(stream(number), 0, 1).await.unwrap().len(), 1);
        store.wait_after(Position(answer.last_position.0 - 1)).await.unwrap();
    }
}

async fn appends_beyond_the_limits_are_refused_and_those_at_the_limits_written(store: SharedStore) {
    let limits = store.limits();
    let most = u128::try_from(limits.events_max).unwrap();
    let sized = |number, bytes: usize| {
        let filler = "x".repeat(bytes - 2 * "OrderPlaced".len() - 4);
        let data = format!("\"{filler}\"").into_bytes();
        NewEvent { data, metadata: b"{}".to_vec(), ..event(number) }
    };
    let halves = |bytes: usize| Arc::from([sized(1, bytes / 2), sized(2, bytes - bytes / 2)]);
    let no_text = NewEvent { data: vec![0xff, 0xfe], ..event(1) };
    let refused: [Arc<[NewEvent]>; 4] =
        [events([]), events(0..=most), halves(limits.bytes_max + 1), Arc::from([no_text])];
    for append in refused {
        let answer = store.append(stream(1), Expected::NoStream, append).await;
        assert!(matches!(answer, Err(AppendError::NotWritten(_))), "{answer:?}");
    }
    assert_eq!(store.read_stream(stream(1), 0, 1).await.unwrap(), []);
    for (number, append) in [(2, events(0..most)), (3, halves(limits.bytes_max))] {
        store.append(stream(number), Expected::NoStream, Arc::clone(&append)).await.unwrap();
        let mut read = Vec::new();
        while let from = read.len() as u64
            && let page = store.read_stream(stream(number), from, usize::MAX).await.unwrap()
            && !page.is_empty()
        {
            read.extend(page);
        }
        assert_eq!(read.len(), append.len());
    }
}

contract! { embedded_store: crate::store::embedded::fresh() }
