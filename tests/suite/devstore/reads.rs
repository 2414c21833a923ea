//! Reads with a count over the wire: both directions, places, filters, what clients are told beside.

use eventstore_client::{
    Client, Error, Position, ReadAllOptions, ReadEvent, ReadStream, ReadStreamOptions,
    StreamPosition, StreamState, SubscriptionFilter,
};
use tonic::Code;

use super::{all_of, append, ids, running, unnamed};

/// A log of a few streams: ids are places in the log.
async fn some_log(client: &Client) {
    for round in 0..3 {
        let first = round * 10 + 1;
        append(client, "bell-1", StreamState::Any, first..first + 4).await.unwrap();
        append(client, "bell-2", StreamState::Any, first + 4..first + 7).await.unwrap();
        append(client, "horn-1", StreamState::Any, first + 7..first + 10).await.unwrap();
    }
}

fn at(commit: u64) -> StreamPosition<Position> {
    StreamPosition::Position(Position { commit, prepare: commit })
}

#[tokio::test]
async fn the_whole_log_is_read_both_ways_from_any_place() {
    let running = running();
    let client = running.client();
    some_log(&client).await;
    // The client turns around when it is given an end, so the direction comes last.
    let forwards = |position, max| {
        let client = client.clone();
        let options = ReadAllOptions::default().position(position).forwards().max_count(max);
        async move { ids(&all_of(client.read_all(&options).await.unwrap()).await.unwrap()) }
    };
    let backwards = |position, max| {
        let client = client.clone();
        let options = ReadAllOptions::default().position(position).backwards().max_count(max);
        async move { ids(&all_of(client.read_all(&options).await.unwrap()).await.unwrap()) }
    };
    let up = |from: u128, to: u128| (from..=to).collect::<Vec<_>>();
    let down = |from: u128, to: u128| (to..=from).rev().collect::<Vec<_>>();
    assert_eq!(forwards(StreamPosition::Start, 1_000).await, up(1, 30));
    assert_eq!(forwards(StreamPosition::Start, 7).await, up(1, 7));
    // Forwards the place itself is read, backwards only what is before it.
    assert_eq!(forwards(at(12), 5).await, up(12, 16));
    assert_eq!(forwards(at(30), 5).await, [30]);
    assert_eq!(forwards(at(31), 5).await, []);
    assert_eq!(forwards(StreamPosition::End, 5).await, []);
    assert_eq!(backwards(StreamPosition::End, 1_000).await, down(30, 1));
    assert_eq!(backwards(StreamPosition::End, 1).await, [30]);
    assert_eq!(backwards(at(12), 5).await, down(11, 7));
    assert_eq!(backwards(StreamPosition::Start, 5).await, []);
    let options = ReadAllOptions::default().position(at(32));
    let (code, words) = unnamed(refused(client.read_all(&options).await).await);
    assert_eq!(code, Code::InvalidArgument);
    assert!(words.contains("invalid position"), "{words}");
}

/// A read that is refused may be so at once or when its first event is asked for.
async fn refused(read: Result<ReadStream, Error>) -> Result<(), Error> {
    all_of(read?).await.map(drop)
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names() {
    let running = running();
    let client = running.client();
    some_log(&client).await;
    client.delete_stream("horn-1", &Default::default()).await.unwrap();
    let read = |filter: SubscriptionFilter, max| {
        let client = client.clone();
        let options = ReadAllOptions::default().filter(filter).max_count(max);
        async move {
            let read = client.read_all(&options).await?;
            Ok::<_, Error>(ids(&all_of(read).await?))
        }
    };
    let by_name = SubscriptionFilter::on_stream_name;
    let by_type = SubscriptionFilter::on_event_type;
    assert_eq!(
        read(by_name().add_prefix("horn-"), 100).await.unwrap(),
        [8, 9, 10, 18, 19, 20, 28, 29, 30]
    );
    let two = by_name().add_prefix("horn-").add_prefix("bell-2");
    assert_eq!(read(two, 5).await.unwrap(), [5, 6, 7, 8, 9]);
    assert_eq!(read(by_name().add_prefix("none"), 5).await.unwrap(), []);
    assert_eq!(read(by_name().regex("^bell-[2-9]$"), 4).await.unwrap(), [5, 6, 7, 15]);
    assert_eq!(read(by_type().add_prefix("Rung"), 100).await.unwrap().len(), 30);
    // How official clients leave system events out.
    for except in [r"^[^$].*", r"^(?!(\$.+$|PersistentConfig\d+$))"] {
        assert_eq!(read(by_type().regex(except), 100).await.unwrap().len(), 30, "{except}");
    }
    assert_eq!(read(by_type().regex(r"^(?!(Rung$))"), 100).await.unwrap().len(), 1);
    let (code, words) = unnamed(read(by_type().regex("(?<!a)b"), 1).await);
    assert_eq!(code, Code::InvalidArgument);
    assert!(words.contains("filter: regex"), "{words}");
}

#[tokio::test]
async fn a_stream_is_read_both_ways_and_its_ends_are_told() {
    let running = running();
    let client = running.client();
    some_log(&client).await;
    let read = |options: ReadStreamOptions| {
        let client = client.clone();
        async move {
            let mut read = client.read_stream("bell-2", &options).await.unwrap();
            let (mut revisions, mut first, mut last) = (Vec::new(), None, None);
            while let Some(event) = read.next_read_event().await.unwrap() {
                match event {
                    ReadEvent::Event(event) => revisions.push(event.get_original_event().revision),
                    ReadEvent::FirstStreamPosition(revision) => first = Some(revision),
                    ReadEvent::LastStreamPosition(revision) => last = Some(revision),
                    ReadEvent::LastAllStreamPosition(_) => panic!("that is never sent"),
                }
            }
            (revisions, first, last)
        }
    };
    let options = ReadStreamOptions::default;
    let from = |revision| StreamPosition::Position(revision);
    let all: Vec<u64> = (0..9).collect();
    let reversed: Vec<u64> = (0..9).rev().collect();
    assert_eq!(read(options()).await, (all, None, Some(8)));
    assert_eq!(read(options().position(from(3)).max_count(2)).await, (vec![3, 4], None, Some(8)));
    assert_eq!(read(options().position(from(9))).await, (vec![], None, Some(8)));
    assert_eq!(read(options().position(from(20))).await, (vec![], Some(9), Some(8)));
    let backwards = options().backwards();
    assert_eq!(
        read(backwards.clone().position(StreamPosition::End)).await,
        (reversed, None, Some(8))
    );
    assert_eq!(read(backwards.clone().position(from(2))).await, (vec![2, 1, 0], None, Some(8)));
    assert_eq!(read(backwards.position(from(99)).max_count(2)).await, (vec![8, 7], None, Some(8)));
    let none = all_of(client.read_stream("none", &options()).await.unwrap()).await;
    assert!(matches!(none, Err(Error::ResourceNotFound)));
}

#[tokio::test]
async fn a_page_is_no_end() {
    let running = running();
    let client = running.client();
    for part in 0..3 {
        let first = part * 1_000 + 1;
        append(&client, "long", StreamState::Any, first..first + 1_000).await.unwrap();
    }
    let expected: Vec<u128> = (1..=3_000).collect();
    let stream = client.read_stream("long", &ReadStreamOptions::default()).await.unwrap();
    assert_eq!(ids(&all_of(stream).await.unwrap()), expected);
    let all = client.read_all(&ReadAllOptions::default().max_count(9_999)).await.unwrap();
    assert_eq!(ids(&all_of(all).await.unwrap()), expected);
    let options = ReadStreamOptions::default().position(StreamPosition::End).backwards();
    let stream = client.read_stream("long", &options).await.unwrap();
    let read = ids(&all_of(stream).await.unwrap());
    assert!(read.iter().rev().eq(expected.iter()));
}
