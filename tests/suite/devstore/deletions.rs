//! Deletion and the end of streams over the wire: who is told what.

use eventstore_client::{
    DeleteStreamOptions, Error, ReadAllOptions, ReadStreamOptions, StreamPosition, StreamState,
    SubscribeToStreamOptions, SubscriptionEvent, TombstoneStreamOptions,
};
use tonic::Code;

use super::{all_of, append, ids, running, unnamed};

#[tokio::test]
async fn a_deleted_stream_is_missing_until_it_is_written_again() {
    let running = running();
    let client = running.client();
    let read = || async {
        all_of(client.read_stream("bells", &ReadStreamOptions::default()).await.unwrap()).await
    };
    append(&client, "bells", StreamState::Any, 1..=2).await.unwrap();
    let exact = DeleteStreamOptions::default().stream_state(StreamState::StreamRevision(1));
    let position = client.delete_stream("bells", &exact).await.unwrap().unwrap();
    assert_eq!(position.commit, 3);
    assert!(matches!(read().await, Err(Error::ResourceNotFound)));
    let exists = append(&client, "bells", StreamState::StreamExists, [3]).await;
    assert!(matches!(exists, Err(Error::ResourceDeleted)), "{exists:?}");
    let written = append(&client, "bells", StreamState::NoStream, [3]).await.unwrap();
    assert_eq!((written.next_expected_version, written.position.commit), (2, 4));
    assert_eq!(read().await.unwrap()[0].revision, 2);
    // The log keeps what the stream hides.
    let all = client.read_all(&ReadAllOptions::default().max_count(100)).await.unwrap();
    let all = all_of(all).await.unwrap();
    let kinds: Vec<_> = all.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(kinds, ["Rung", "Rung", "$metadata", "Rung", "$metadata"]);
    assert_eq!(all[2].stream_id(), "$$bells");
    assert_eq!(&all[2].data[..], br#"{"$tb":9223372036854775807}"#);
    assert_eq!(&all[4].data[..], br#"{"$tb":2}"#);
}

#[tokio::test]
async fn a_deletion_with_a_wrong_version_fails_and_says_so() {
    let running = running();
    let client = running.client();
    append(&client, "bells", StreamState::Any, 1..=2).await.unwrap();
    let wrong = StreamState::StreamRevision(0);
    let deleted =
        client.delete_stream("bells", &DeleteStreamOptions::default().stream_state(wrong)).await;
    let ended = client
        .tombstone_stream("bells", &TombstoneStreamOptions::default().stream_state(wrong))
        .await;
    for answer in [deleted, ended] {
        let words = "Delete failed due to WrongExpectedVersion. Stream: bells, Expected version: 0, \
                     Actual version: 1";
        assert_eq!(unnamed(answer), (Code::FailedPrecondition, words.to_owned()));
    }
    client.delete_stream("none", &DeleteStreamOptions::default()).await.unwrap_err();
}

#[tokio::test]
async fn a_stream_that_was_ended_is_ended_for_everybody() {
    let running = running();
    let client = running.client();
    append(&client, "bells", StreamState::Any, 1..=2).await.unwrap();
    let follow = || async {
        let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Start);
        client.subscribe_to_stream("bells", &options).await
    };
    let mut before = follow().await;
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(SubscriptionEvent::CaughtUp(_))) {
        seen.push(before.next_subscription_event().await.unwrap());
    }
    let options = TombstoneStreamOptions::default();
    let position = client.tombstone_stream("bells", &options).await.unwrap().unwrap();
    assert_eq!(position.commit, 3);

    // Who followed it sees its end and is told.
    let end = before.next().await.unwrap();
    let end = end.get_original_event();
    assert_eq!((end.event_type.as_str(), end.revision), ("$streamDeleted", i64::MAX as u64));
    assert!(matches!(before.next().await, Err(Error::ResourceDeleted)));
    // Who comes later is only told.
    assert!(matches!(follow().await.next_subscription_event().await, Err(Error::ResourceDeleted)));
    for stream in ["bells", "$$bells"] {
        let read = client.read_stream(stream, &ReadStreamOptions::default()).await;
        let read = match read {
            Ok(read) => all_of(read).await,
            Err(error) => Err(error),
        };
        assert!(matches!(read, Err(Error::ResourceDeleted)), "{read:?}");
        let written = append(&client, stream, StreamState::Any, [9]).await;
        assert!(matches!(written, Err(Error::ResourceDeleted)), "{written:?}");
    }
    // The log shows the end where it happened.
    let all = client.read_all(&ReadAllOptions::default().max_count(10)).await.unwrap();
    let all = all_of(all).await.unwrap();
    assert_eq!(ids(&all)[..2], [1, 2]);
    assert_eq!((all[2].event_type.as_str(), all[2].position.commit), ("$streamDeleted", 3));
}
