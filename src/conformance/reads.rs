//! The rules of reading: in order, whole, once, and at once.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{Broken, Ground, equal, events, holds, in_stream, numbers, written};
use crate::{
    events::{Category, Position, Recorded, StreamName},
    store::Expected,
};

pub(super) async fn events_come_back_as_they_were_written(ground: Ground) -> Result<(), Broken> {
    let new = events(1..=3);
    let answer = written("an append", ground.append(9, Expected::NoStream, &new).await)?;
    let by_stream = ground.read(9, 0, 10).await?;
    equal("read from the log", ground.everything(10, 10).await?, by_stream.clone())?;
    equal("events", by_stream.len(), 3)?;
    for (revision, (read, new)) in (0..).zip(by_stream.iter().zip(new.iter())) {
        equal("place", (read.stream, read.revision), (ground.stream(9), revision))?;
        let new = in_stream(ground.stream(9), new);
        equal("id and kind", (read.id, read.kind.as_str()), (new.id, &*new.kind))?;
        equal("bytes", (&read.data, &read.metadata), (&new.data, &new.metadata))?;
        holds("an event has no time", read.recorded_at_ms > 0)?;
    }
    equal("the last position", by_stream[2].position, answer.last_position)
}

pub(super) async fn reading_all_is_in_order_and_excludes_the_position_it_starts_after(
    ground: Ground,
) -> Result<(), Broken> {
    for number in 0..30 {
        let expected = Expected::before(number / 7);
        written("an append", ground.append(number % 7, expected, &events([number])).await)?;
    }
    let all = ground.everything(7, 1_000).await?;
    equal("the log", numbers(&all), (0..30).collect())?;
    holds("positions do not grow", all.windows(2).all(|pair| pair[0].position < pair[1].position))?;
    holds("the head is behind", all[29].position <= ground.store.head())?;
    for page_max in [1, 2, 7, 30] {
        equal("in other pages", ground.everything(7, page_max).await?, all.clone())?;
    }
    for (index, event) in all.iter().enumerate() {
        let from = Ground { start: event.position, ..ground.clone() };
        equal("the rest", from.everything(7, 1_000).await?, all[index + 1..].to_vec())?;
    }
    equal("no page", ground.store.read_all(ground.start, 0).await?, Vec::new())?;
    equal("beyond the end", ground.store.read_all(Position(u64::MAX), 5).await?, Vec::new())
}

pub(super) async fn reading_a_stream_includes_the_revision_it_starts_from(
    ground: Ground,
) -> Result<(), Broken> {
    written("the first", ground.append(1, Expected::NoStream, &events(1..=5)).await)?;
    written("the second", ground.append(2, Expected::NoStream, &events(6..=7)).await)?;
    written("the third", ground.append(1, Expected::Exact(4), &events(8..=9)).await)?;
    let all = ground.read(1, 0, 100).await?;
    equal("the stream", numbers(&all), vec![1, 2, 3, 4, 5, 8, 9])?;
    for from in 0..=7_usize {
        equal("the rest", ground.read(1, from as u64, 100).await?, all[from..].to_vec())?;
    }
    equal("a page", ground.read(1, 2, 3).await?, all[2..5].to_vec())?;
    equal("beyond the end", ground.read(1, u64::MAX, 3).await?, Vec::new())?;
    equal("a stream that was never written", ground.read(3, 0, 100).await?, Vec::new())?;
    let other = StreamName { category: Category::Demand, id: ground.stream(1).id };
    equal("another category", ground.store.read_stream(other, 0, 100).await?, Vec::new())
}

pub(super) async fn a_subscription_from_any_position_sees_every_event_once(
    ground: Ground,
) -> Result<(), Broken> {
    const WRITERS: u64 = 4;
    const APPENDS: u64 = 30;
    let first =
        written("the first", ground.append(WRITERS, Expected::NoStream, &events([9_999])).await)?;
    let total = (WRITERS * APPENDS * 2) as usize;
    let subscribers = [(ground.start, total + 1), (first.last_position, total)];
    let subscribers = subscribers.map(|(start, wanted)| {
        let ground = Ground { start, ..ground.clone() };
        tokio::spawn(async move { follow(&ground, WRITERS + 1, wanted).await })
    });
    let writers = (0..WRITERS).map(|writer| {
        let ground = ground.clone();
        tokio::spawn(async move {
            for append in 0..APPENDS {
                let number = (writer * APPENDS + append) * 2;
                let pair = events([number, number + 1]);
                let answer = ground.append(writer, Expected::before(append * 2), &pair).await;
                written("a writer's", answer)?;
            }
            Ok::<_, Broken>(())
        })
    });
    for writer in join_all(writers).await {
        writer??;
    }
    let all = ground.everything(WRITERS + 1, 1_000).await?;
    for (skipped, seen) in (0..).zip(join_all(subscribers).await) {
        equal("what a subscriber saw", seen??, all[skipped..].to_vec())?;
    }
    Ok(())
}

/// Follows the log until that many events of these streams have come.
async fn follow(ground: &Ground, streams: u64, wanted: usize) -> Result<Vec<Recorded>, Broken> {
    let ours: Vec<StreamName> = (0..streams).map(|number| ground.stream(number)).collect();
    let mut after = ground.start;
    let mut seen = Vec::new();
    while seen.len() < wanted {
        ground.store.wait_after(after).await?;
        let page = ground.store.read_all(after, 7).await?;
        let Some(last) = page.last() else {
            return Err(Broken(format!("woken, but there was nothing after {after}")));
        };
        after = last.position;
        seen.extend(page.into_iter().filter(|event| ours.contains(&event.stream)));
    }
    Ok(seen)
}

pub(super) async fn an_answered_append_can_be_read_at_once(ground: Ground) -> Result<(), Broken> {
    let store = Arc::clone(&ground.store);
    // A server reads on from places of events only, so each one is read from behind the one before.
    let mut before = ground.start;
    for number in 0..50 {
        let one = events([number]);
        let answer = written("an append", ground.append(number, Expected::NoStream, &one).await)?;
        holds("the head is behind", store.head() >= answer.last_position)?;
        equal("the stream", ground.read(number, 0, 1).await?.len(), 1)?;
        store.wait_after(before).await?;
        let page = ground.behind(before).await?;
        equal("the log", page.first().map(|event| event.position), Some(answer.last_position))?;
        before = answer.last_position;
    }
    Ok(())
}
