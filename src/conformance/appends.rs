//! The rules of appends: exactly one writer wins, a repeat is recognised, nothing is torn apart.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Broken, Ground, conflicts, equal, event, events, holds, number, numbers, written};
use crate::{
    events::NewEvent,
    store::{AppendError, Expected},
};

/// How long an event may take that has been written and is not shown yet, before it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// An EventStoreDB drops a repeat in flight and answers it after two seconds, so each round may take that.
const TWICE_ROUNDS: u64 = 5;

pub(super) async fn an_append_is_written_only_at_exactly_the_revision_it_expects(
    ground: Ground,
) -> Result<(), Broken> {
    for length in 0..4_u64 {
        let expectations = [Expected::NoStream].into_iter().chain((0..6).map(Expected::Exact));
        for (case, expected) in (0..).zip(expectations) {
            let stream = length * 100 + case;
            for revision in 0..length {
                let before = Expected::before(revision);
                written(
                    "a first append",
                    ground.append(stream, before, &events([revision + 1])).await,
                )?;
            }
            let answer = ground.append(stream, expected, &events([1_000, 1_001])).await;
            let stored = ground.read(stream, 0, 100).await?;
            let last = ground.store.last_revision(ground.stream(stream)).await?;
            let what = format!("{expected:?} at length {length}");
            if expected == Expected::before(length) {
                let appended = written(&what, answer)?;
                equal(&what, appended.last_revision, length + 1)?;
                equal(
                    &what,
                    stored.last().map(|event| event.position),
                    Some(appended.last_position),
                )?;
                equal(&what, last, Some(length + 1))?;
                equal(&what, stored.len() as u64, length + 2)?;
            } else {
                conflicts(&what, answer)?;
                equal(&what, stored.len() as u64, length)?;
                equal(&what, last, length.checked_sub(1))?;
            }
        }
    }
    Ok(())
}

pub(super) async fn a_repeated_append_is_answered_as_the_first_time_and_not_written_again(
    ground: Ground,
) -> Result<(), Broken> {
    let appends = [events(1..=1), events(2..=6), events(7..=8)];
    let mut expected = Expected::NoStream;
    let mut answers = Vec::new();
    for append in &appends {
        let answer = written("an append", ground.append(1, expected, append).await)?;
        equal("sent again", ground.append(1, expected, append).await, Ok(answer))?;
        answers.push((expected, answer));
        expected = Expected::Exact(answer.last_revision);
        // Others write meanwhile.
        let other = 100 + expected.next_revision();
        written("another's", ground.append(other, Expected::NoStream, &events([50])).await)?;
    }
    for ((expected, answer), append) in answers.iter().zip(&appends) {
        equal("sent again later", ground.append(1, *expected, append).await, Ok(*answer))?;
    }
    // The beginning of an append that was written is written too.
    let part = written("a part", ground.append(1, Expected::Exact(0), &events(2..=3)).await)?;
    let stored = ground.read(1, 0, 100).await?;
    equal("the stream", numbers(&stored), (1..=8).collect())?;
    equal("a part", part.last_revision, 2)?;
    // Which event of the append a server names the place of is its own affair.
    let [third, sixth] = [2, 5].map(|index| stored.get(index).map(|event| event.position));
    let place = Some(part.last_position);
    holds("a part stands elsewhere", third <= place && place <= sixth)
}

pub(super) async fn an_append_that_overlaps_only_partly_is_a_conflict(
    ground: Ground,
) -> Result<(), Broken> {
    written("the first", ground.append(1, Expected::NoStream, &events(1..=4)).await)?;
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
        let what = format!("{numbers:?} at {expected:?}");
        let answer = ground.append(1, expected, &events(numbers)).await;
        conflicts(&what, answer)?;
    }
    equal("the stream", numbers(&ground.read(1, 0, 100).await?), vec![1, 2, 3, 4])
}

pub(super) async fn an_old_id_at_the_end_of_a_stream_is_written_again(
    ground: Ground,
) -> Result<(), Broken> {
    written("the first", ground.append(1, Expected::NoStream, &events([7])).await)?;
    written("the second", ground.append(1, Expected::Exact(0), &events([7])).await)?;
    equal("the stream", numbers(&ground.read(1, 0, 100).await?), vec![7, 7])
}

pub(super) async fn appends_that_conflict_do_not_disturb_those_beside_them(
    ground: Ground,
) -> Result<(), Broken> {
    const APPENDS: u64 = 300;
    // All at once, so that they are written in as few groups as possible.
    let appends = (0..APPENDS).map(|number| {
        let (stream, expected) = match number % 3 {
            0 => (number, Expected::NoStream),
            1 => (number, Expected::Exact(5)),
            // On the stream that the first of these three makes, and after it.
            _ => (number - 2, Expected::Exact(0)),
        };
        let (ground, pair) = (&ground, events([number * 10, number * 10 + 1]));
        async move { ground.append(stream, expected, &pair).await }
    });
    for (number, answer) in (0..).zip(join_all(appends).await) {
        match number % 3 {
            0 => equal("an append", written("an append", answer)?.last_revision, 1)?,
            // Either of the two may come first; both conflict with what is there then.
            _ => conflicts("one too many", answer)?,
        }
    }
    let all = ground.everything(APPENDS, 64).await?;
    equal("events", all.len(), 200)?;
    for pair in all.chunks(2) {
        holds("an append was torn apart", pair[0].stream == pair[1].stream)?;
        equal("revisions", (pair[0].revision, pair[1].revision), (0, 1))?;
    }
    Ok(())
}

pub(super) async fn of_many_appenders_exactly_one_wins_each_revision(
    ground: Ground,
) -> Result<(), Broken> {
    const APPENDERS: u64 = 8;
    const ROUNDS: u64 = 25;
    let appenders = (0..APPENDERS).map(|appender| {
        let ground = ground.clone();
        tokio::spawn(async move {
            let mut wins = Vec::new();
            for round in 0..ROUNDS {
                let number = round * APPENDERS + appender;
                match ground.append(1, Expected::before(round), &events([number])).await {
                    Ok(answer) => {
                        equal("a win", answer.last_revision, round)?;
                        wins.push((round, u128::from(number)));
                    }
                    lost => conflicts("a loss", lost)?,
                }
                // The loser goes on only when the winner's event is there. It may come between two looks,
                // and a node that is behind may name it before it shows it.
                loop {
                    let head = ground.store.head();
                    if !ground.read(1, round, 1).await?.is_empty() {
                        break;
                    }
                    if let Ok(waited) = timeout(LOOK_AGAIN, ground.store.wait_after(head)).await {
                        waited?;
                    }
                }
            }
            Ok::<_, Broken>(wins)
        })
    });
    let mut wins = Vec::new();
    for won in join_all(appenders).await {
        wins.extend(won??);
    }
    wins.sort_unstable();
    let stored = ground.read(1, 0, 1_000).await?;
    let stored: Vec<_> = stored.iter().map(|event| (event.revision, number(event))).collect();
    equal("wins", wins.len() as u64, ROUNDS)?;
    equal("what was written", stored, wins)
}

pub(super) async fn the_same_append_sent_twice_at_once_is_written_once(
    ground: Ground,
) -> Result<(), Broken> {
    for round in 0..TWICE_ROUNDS {
        let append = events([round * 2 + 1, round * 2 + 2]);
        let expected = Expected::before(round * 2);
        let twice = join_all((0..2).map(|_| ground.append(1, expected, &append))).await;
        let mut answers = twice.into_iter();
        let (Some(first), Some(second)) = (answers.next(), answers.next()) else { continue };
        let first = written("one of the two", first)?;
        equal("one of the two", first.last_revision, round * 2 + 1)?;
        equal("the other", second, Ok(first))?;
    }
    equal("events", ground.read(1, 0, 1_000).await?.len() as u64, TWICE_ROUNDS * 2)
}

pub(super) async fn appends_beyond_the_limits_are_refused_and_those_at_the_limits_written(
    ground: Ground,
) -> Result<(), Broken> {
    let limits = ground.store.limits();
    let most = limits.events_max as u64;
    let sized = |number, bytes: usize| {
        let filler = "x".repeat(bytes - 2 * "Probed".len() - 4);
        let data = format!("\"{filler}\"").into_bytes();
        NewEvent { data, metadata: b"{}".to_vec(), ..event(number) }
    };
    let halves = |bytes: usize| Arc::from([sized(1, bytes / 2), sized(2, bytes - bytes / 2)]);
    let no_text = NewEvent { data: vec![0xff, 0xfe], ..event(1) };
    let refused: [Arc<[NewEvent]>; 4] =
        [events([]), events(0..=most), halves(limits.bytes_max + 1), Arc::from([no_text])];
    for append in refused {
        let answer = ground.append(1, Expected::NoStream, &append).await;
        let refused = matches!(answer, Err(AppendError::NotWritten(_)));
        holds(&format!("an append of {} events was not refused", append.len()), refused)?;
    }
    equal("what was refused", ground.read(1, 0, 1).await?, Vec::new())?;
    // A whole sale is one event, and may be as large as this.
    let large: Arc<[NewEvent]> = Arc::from([sized(3, 1_000_000)]);
    for (stream, append) in [(2, events(0..most)), (3, halves(limits.bytes_max)), (4, large)] {
        written("at the limit", ground.append(stream, Expected::NoStream, &append).await)?;
        let mut read = Vec::new();
        loop {
            let page = ground.read(stream, read.len() as u64, usize::MAX).await?;
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        equal("at the limit", read.len(), append.len())?;
    }
    Ok(())
}
