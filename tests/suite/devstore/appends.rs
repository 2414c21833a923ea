//! Appends over the wire, alone and in sessions: answers, sizes, what is read back, restarts.

use std::sync::Arc;

use doorbuster::devstore::Config;
use eventstore_client::{
    AppendToStreamOptions, BatchAppendOptions, CurrentRevision, Error, EventData, Position,
    ReadStreamOptions, StreamState,
};
use futures_util::future::join_all;
use prost::bytes::Bytes;
use tonic::Code;
use uuid::Uuid;

use super::{ANYWHERE, all_of, append, event, events, ids, on, running, start, stop, unnamed};

#[tokio::test]
async fn a_single_append_is_answered_with_revision_and_position() {
    let running = running();
    let client = running.client();
    let first = append(&client, "bells", StreamState::NoStream, 1..=3).await.unwrap();
    assert_eq!(first.next_expected_version, 2);
    assert_eq!(first.position, Position { commit: 3, prepare: 3 });
    let exact = StreamState::StreamRevision(2);
    let second = append(&client, "bells", exact, [4]).await.unwrap();
    assert_eq!((second.next_expected_version, second.position.commit), (3, 4));
    for expected in [StreamState::Any, StreamState::StreamExists] {
        let repeated = append(&client, "bells", expected, [4]).await.unwrap();
        assert_eq!((repeated.next_expected_version, repeated.position.commit), (3, 4));
    }
    let nothing = append(&client, "bells", StreamState::Any, []).await.unwrap();
    assert_eq!(nothing.next_expected_version, 3);
}

#[tokio::test]
async fn a_wrong_version_says_what_was_expected_and_what_is() {
    let running = running();
    let client = running.client();
    append(&client, "bells", StreamState::Any, 1..=3).await.unwrap();
    let cases = [
        ("bells", StreamState::NoStream, CurrentRevision::Current(2)),
        ("bells", StreamState::StreamRevision(7), CurrentRevision::Current(2)),
        ("bells", StreamState::StreamRevision(1), CurrentRevision::Current(2)),
        ("none", StreamState::StreamRevision(0), CurrentRevision::NoStream),
        ("none", StreamState::StreamExists, CurrentRevision::NoStream),
    ];
    for (stream, state, now) in cases {
        match append(&client, stream, state, [9]).await {
            Err(Error::WrongExpectedVersion { expected, current }) => {
                assert_eq!((expected, current), (state, now));
            }
            other => panic!("{stream} with {state}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn events_come_back_as_they_were_appended() {
    let running = running();
    let client = running.client();
    let json = EventData::json("Seen", &serde_json::json!({"花": [1, 2.5, null]})).unwrap();
    let json = json.id(Uuid::from_u128(1)).metadata(Bytes::from_static(b"\xff\x00 any bytes"));
    let binary = EventData::binary("Rung \u{1f514}", Bytes::from_static(b"\x00\xff"));
    let binary = binary.id(Uuid::from_u128(2));
    let empty = EventData::binary("Empty", Bytes::new()).id(Uuid::from_u128(3));
    let name = "an odd name: ring/铃 $1";
    let options = AppendToStreamOptions::default();
    client.append_to_stream(name, &options, vec![json, binary, empty]).await.unwrap();
    let read = client.read_stream(name, &ReadStreamOptions::default().max_count(10)).await.unwrap();
    let read = all_of(read).await.unwrap();
    assert_eq!(ids(&read), [1, 2, 3]);
    for (revision, event) in (0..).zip(&read) {
        assert_eq!((event.stream_id(), event.revision), (name, revision));
        assert_eq!(event.position, Position { commit: revision + 1, prepare: revision + 1 });
        assert!(event.created.timestamp() > 1_700_000_000);
    }
    assert_eq!(read[0].as_json::<serde_json::Value>().unwrap()["花"][1], 2.5);
    assert_eq!(&read[0].custom_metadata[..], b"\xff\x00 any bytes");
    assert_eq!(read.iter().map(|event| event.is_json).collect::<Vec<_>>(), [true, false, false]);
    let kinds: Vec<_> = read.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(kinds, ["Seen", "Rung \u{1f514}", "Empty"]);
    assert_eq!((&read[1].data[..], &read[2].data[..]), (&b"\x00\xff"[..], &b""[..]));
}

#[tokio::test]
async fn an_append_may_have_the_largest_size_and_not_a_byte_more() {
    let running = running();
    let client = running.client();
    let most: usize = 1 << 20;
    let sized = |id, bytes: usize| {
        EventData::binary("Rung", Bytes::from(vec![7; bytes])).id(Uuid::from_u128(id))
    };
    let options = AppendToStreamOptions::default();
    let halves = |bytes: usize| vec![sized(1, bytes / 2), sized(2, bytes - bytes / 2)];
    let refused = unnamed(client.append_to_stream("large", &options, halves(most + 1)).await);
    let words = "Maximum Append Size of 1048576 Exceeded.".to_owned();
    assert_eq!(refused, (Code::InvalidArgument, words));
    client.append_to_stream("large", &options, halves(most)).await.unwrap();

    let session = client.batch_append(&BatchAppendOptions::default()).await.unwrap();
    let written = session.append_to_stream("batch", StreamState::Any, halves(most)).await.unwrap();
    assert_eq!(written.current_revision(), Some(1));
    let larger = session.append_to_stream("batch", StreamState::Any, halves(most + 1)).await;
    let words = "MaximumAppendSizeExceeded".to_owned();
    assert_eq!(unnamed(larger), (Code::InvalidArgument, words));

    let directory = tempfile::tempdir().unwrap();
    let config = Config::single(directory.path().to_owned(), ANYWHERE);
    let server = start(Config { append_bytes_max: 100, ..config });
    let client = super::client(server.address());
    client.append_to_stream("small", &options, sized(1, 100)).await.unwrap();
    client.append_to_stream("small", &options, sized(2, 101)).await.unwrap_err();
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appends_of_a_session_are_done_in_the_order_in_which_they_are_sent() {
    const APPENDS: u64 = 400;
    let running = running();
    let client = running.client();
    let session = client.batch_append(&BatchAppendOptions::default()).await.unwrap();
    // Each expects what the one before it leaves, and none waits for it.
    let appends = (0..APPENDS).map(|number| {
        let expected = match number.checked_sub(1) {
            None => StreamState::NoStream,
            Some(before) => StreamState::StreamRevision(before),
        };
        session.append_to_stream("chain", expected, vec![event(u128::from(number) + 1)])
    });
    for (number, answer) in (0..).zip(join_all(appends).await) {
        let answer = answer.unwrap();
        assert_eq!(answer.current_revision(), Some(number));
        assert_eq!(answer.current_position().unwrap().commit, number + 1);
    }
}

#[tokio::test]
async fn a_session_answers_each_append_in_its_own_words() {
    let running = running();
    let client = running.client();
    append(&client, "bells", StreamState::Any, 1..=3).await.unwrap();
    append(&client, "ended", StreamState::Any, [4]).await.unwrap();
    client.tombstone_stream("ended", &Default::default()).await.unwrap();
    let nameless = EventData::binary("", Bytes::new()).id(Uuid::from_u128(5));
    let cases = [
        ("bells", StreamState::NoStream, event(9), Code::AlreadyExists, "WrongExpectedVersion"),
        ("ended", StreamState::Any, event(9), Code::NotFound, "StreamDeleted"),
        ("bells", StreamState::Any, nameless, Code::InvalidArgument, "BadRequest"),
    ];
    for (stream, expected, event, code, message) in cases {
        // The client ends a session with its first error.
        let session = client.batch_append(&BatchAppendOptions::default()).await.unwrap();
        let answer = session.append_to_stream(stream, expected, vec![event]).await;
        assert_eq!(unnamed(answer), (code, message.to_owned()));
    }
}

#[tokio::test]
async fn a_restart_keeps_everything_but_the_memory_of_ids() {
    let running = running();
    let client = running.client();
    let written = append(&client, "bells", StreamState::NoStream, 1..=3).await.unwrap();
    append(&client, "gone", StreamState::Any, [4]).await.unwrap();
    client.delete_stream("gone", &Default::default()).await.unwrap();
    append(&client, "ended", StreamState::Any, [5]).await.unwrap();
    client.tombstone_stream("ended", &Default::default()).await.unwrap();
    drop(client);
    stop(running.server).await;

    let server = on(running.directory.path());
    let client = super::client(server.address());
    let all = |stream| {
        let client = client.clone();
        async move { all_of(client.read_stream(stream, &Default::default()).await?).await }
    };
    assert_eq!(ids(&all("bells").await.unwrap()), [1, 2, 3]);
    assert!(matches!(all("gone").await, Err(Error::ResourceNotFound)));
    assert!(matches!(all("ended").await, Err(Error::ResourceDeleted)));
    let repeated = append(&client, "bells", StreamState::NoStream, 1..=3).await.unwrap();
    assert_eq!(repeated.position, written.position);
    let again = append(&client, "bells", StreamState::Any, 1..=3).await.unwrap();
    assert_eq!(again.next_expected_version, 5);
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_lose_nothing() {
    let running = running();
    let client = Arc::new(running.client());
    let writers = (0..8_u128).map(|writer| {
        let client = Arc::clone(&client);
        tokio::spawn(async move {
            let session = client.batch_append(&BatchAppendOptions::default()).await.unwrap();
            let stream = format!("writer-{writer}");
            let appends = (0..50_u128).map(|number| {
                let first = writer * 1_000 + number * 2 + 1;
                session.append_to_stream(&stream, StreamState::Any, events([first, first + 1]))
            });
            join_all(appends).await.into_iter().for_each(|answer| drop(answer.unwrap()));
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(running.server.store().raw_head().0, 800);
}
