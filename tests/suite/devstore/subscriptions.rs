//! Reads without end over the wire: what comes in which order, and from where.

use eventstore_client::{
    BatchAppendOptions, Client, Position, StreamPosition, StreamState, SubscribeToAllOptions,
    SubscribeToStreamOptions, Subscription, SubscriptionEvent, SubscriptionFilter,
};

use futures_util::future::join_all;

use super::{append, events, running};

/// What a subscription said, in short.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Confirmed,
    Event(u128),
    Checkpoint(u64),
    CaughtUp,
}

async fn hear(subscription: &mut Subscription, messages: usize) -> Vec<Said> {
    let mut said = Vec::new();
    for _ in 0..messages {
        said.push(match subscription.next_subscription_event().await.unwrap() {
            SubscriptionEvent::Confirmed(_) => Said::Confirmed,
            SubscriptionEvent::EventAppeared(event) => {
                Said::Event(event.get_original_event().id.as_u128())
            }
            SubscriptionEvent::Checkpoint(position) => Said::Checkpoint(position.commit),
            SubscriptionEvent::CaughtUp(_) => Said::CaughtUp,
            other => panic!("{other:?}"),
        });
    }
    said
}

/// All there is, up to and with the news that it was all.
async fn catch_up(subscription: &mut Subscription) -> Vec<Said> {
    let mut said = Vec::new();
    while said.last() != Some(&Said::CaughtUp) {
        said.extend(hear(subscription, 1).await);
    }
    said
}

fn at(commit: u64) -> StreamPosition<Position> {
    StreamPosition::Position(Position { commit, prepare: commit })
}

async fn ring(client: &Client, stream: &str, number: u128) {
    append(client, stream, StreamState::Any, [number]).await.unwrap();
}

#[tokio::test]
async fn a_subscription_to_all_starts_after_its_place_and_goes_on() {
    use Said::{CaughtUp, Confirmed, Event};
    let running = running();
    let client = running.client();
    append(&client, "bells", StreamState::Any, 1..=3).await.unwrap();
    let follow = |position| {
        let client = client.clone();
        let options = SubscribeToAllOptions::default().position(position);
        async move { client.subscribe_to_all(&options).await }
    };
    let mut from_start = follow(StreamPosition::Start).await;
    let mut from_two = follow(at(2)).await;
    let mut from_end = follow(StreamPosition::End).await;
    let all = [Confirmed, Event(1), Event(2), Event(3), CaughtUp];
    assert_eq!(catch_up(&mut from_start).await, all);
    assert_eq!(catch_up(&mut from_two).await, [Confirmed, Event(3), CaughtUp]);
    assert_eq!(catch_up(&mut from_end).await, [Confirmed, CaughtUp]);
    ring(&client, "others", 4).await;
    ring(&client, "bells", 5).await;
    for subscription in [&mut from_start, &mut from_two, &mut from_end] {
        assert_eq!(hear(subscription, 2).await, [Event(4), Event(5)]);
    }
}

#[tokio::test]
async fn a_filtered_subscription_says_how_far_it_has_looked() {
    use Said::{CaughtUp, Checkpoint, Confirmed, Event};
    let running = running();
    let client = running.client();
    append(&client, "noise", StreamState::Any, 1..=9).await.unwrap();
    ring(&client, "bell-1", 10).await;
    append(&client, "noise", StreamState::Any, 11..=15).await.unwrap();
    let filter = || SubscriptionFilter::on_stream_name().add_prefix("bell-").max(4);
    let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter());
    let mut from_start = client.subscribe_to_all(&options).await;
    // Every four events that were looked at, but never ahead of an event, and at the end.
    let said = catch_up(&mut from_start).await;
    let expected = [Confirmed, Checkpoint(8), Event(10), Checkpoint(12), Checkpoint(15), CaughtUp];
    assert_eq!(said, expected);
    let options = SubscribeToAllOptions::default().position(StreamPosition::End).filter(filter());
    let mut from_end = client.subscribe_to_all(&options).await;
    assert_eq!(catch_up(&mut from_end).await, [Confirmed, CaughtUp]);
    append(&client, "noise", StreamState::Any, 16..=18).await.unwrap();
    ring(&client, "bell-2", 19).await;
    assert_eq!(hear(&mut from_end, 2).await, [Event(19), Checkpoint(19)]);
    assert_eq!(hear(&mut from_start, 2).await, [Event(19), Checkpoint(19)]);
}

#[tokio::test]
async fn a_subscription_to_a_stream_starts_after_its_revision_and_sees_no_other() {
    use Said::{CaughtUp, Confirmed, Event};
    let running = running();
    let client = running.client();
    let follow = |position| {
        let client = client.clone();
        let options = SubscribeToStreamOptions::default().start_from(position);
        async move { client.subscribe_to_stream("bells", &options).await }
    };
    // There need not be a stream yet.
    let mut early = follow(StreamPosition::Start).await;
    assert_eq!(catch_up(&mut early).await, [Confirmed, CaughtUp]);
    append(&client, "bells", StreamState::Any, 1..=3).await.unwrap();
    ring(&client, "others", 4).await;
    let mut late = follow(StreamPosition::Position(1)).await;
    let mut end = follow(StreamPosition::End).await;
    assert_eq!(hear(&mut early, 3).await, [Event(1), Event(2), Event(3)]);
    assert_eq!(catch_up(&mut late).await, [Confirmed, Event(3), CaughtUp]);
    assert_eq!(catch_up(&mut end).await, [Confirmed, CaughtUp]);
    ring(&client, "others", 5).await;
    ring(&client, "bells", 6).await;
    for subscription in [&mut early, &mut late, &mut end] {
        assert_eq!(hear(subscription, 1).await, [Event(6)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_sees_every_event_once_while_many_write() {
    const EVENTS: u128 = 2_000;
    let running = running();
    let client = running.client();
    let options = SubscribeToAllOptions::default()
        .position(StreamPosition::Start)
        .filter(SubscriptionFilter::on_stream_name().add_prefix("bell-"));
    let mut subscription = client.subscribe_to_all(&options).await;
    let writer = tokio::spawn({
        let client = running.client();
        async move {
            let session = client.batch_append(&BatchAppendOptions::default()).await.unwrap();
            let appends = (1..=EVENTS / 4).flat_map(|number| {
                let first = number * 4 - 3;
                let bell = (format!("bell-{}", number % 7), events(first..first + 4));
                [bell, ("noise".to_owned(), events([100_000 + number]))]
            });
            let appends = appends.map(|(stream, events)| {
                let session = &session;
                async move { session.append_to_stream(stream, StreamState::Any, events).await }
            });
            join_all(appends).await.into_iter().for_each(|answer| drop(answer.unwrap()));
        }
    });
    let mut seen = Vec::new();
    while seen.len() < usize::try_from(EVENTS).unwrap() {
        if let [Said::Event(id)] = hear(&mut subscription, 1).await[..] {
            seen.push(id);
        }
    }
    writer.await.unwrap();
    assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>());
}
