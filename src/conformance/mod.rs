//! What every store must keep, as rules that run against any of them.
//!
//! Everything above the port rests on these rules and on nothing else, so they are the same for the
//! embedded log, for the development server and for a real cluster, whose owner can run them with
//! `doorbuster conformance`. They write to streams of their own and bear other writers beside them.
//! On a cluster those streams are named `probe-<uuid>`, which no node reads.

mod appends;
mod reads;

use std::{
    collections::VecDeque,
    fmt::Debug,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use crate::{
    events::{Category, NewEvent, Position, Recorded, StreamName},
    store::{AppendError, Appended, EventStore, Expected, ReadError, SharedStore},
};

/// A rule and how to see whether it holds.
#[derive(Clone, Copy)]
pub struct Rule {
    /// A sentence, with underscores, that is true if it holds.
    pub name: &'static str,
    check: fn(Ground) -> Checked,
}

type Checked = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send>>;

/// How a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

/// The environment of one check: a store and streams of its own.
#[derive(Clone)]
pub struct Ground {
    pub store: SharedStore,
    run: Uuid,
    category: Category,
    /// Where the log ended when the check began.
    start: Position,
    /// What was sent and answered last.
    said: Arc<Mutex<VecDeque<String>>>,
}

/// Names each function as a rule.
macro_rules! rules {
    ($($module:ident: $($rule:ident),+ $(,)?;)+) => {
        /// All rules.
        pub const RULES: &[Rule] = &[
            $($(Rule {
                name: stringify!($rule),
                check: |ground| Box::pin($module::$rule(ground)),
            },)+)+
        ];
    };
}

rules! {
    appends:
        an_append_is_written_only_at_exactly_the_revision_it_expects,
        a_repeated_append_is_answered_as_the_first_time_and_not_written_again,
        an_append_that_overlaps_only_partly_is_a_conflict,
        an_old_id_at_the_end_of_a_stream_is_written_again,
        appends_that_conflict_do_not_disturb_those_beside_them,
        of_many_appenders_exactly_one_wins_each_revision,
        the_same_append_sent_twice_at_once_is_written_once,
        appends_beyond_the_limits_are_refused_and_those_at_the_limits_written;
    reads:
        events_come_back_as_they_were_written,
        reading_all_is_in_order_and_excludes_the_position_it_starts_after,
        reading_a_stream_includes_the_revision_it_starts_from,
        a_subscription_from_any_position_sees_every_event_once,
        an_answered_append_can_be_read_at_once;
}

impl Rule {
    /// Checks it on a store, in streams of this run and category. Two checks with the same run and
    /// store disturb each other.
    ///
    /// # Errors
    /// How it is broken, or why it could not be seen.
    pub async fn check(
        &self,
        store: SharedStore,
        run: Uuid,
        category: Category,
    ) -> Result<(), Broken> {
        let run = Uuid::new_v5(&run, self.name.as_bytes());
        // The head is known once the store was asked something.
        store.last_revision(StreamName { category, id: run }).await?;
        let start = end(&*store).await?;
        let said = Arc::default();
        let checked = (self.check)(Ground { store, run, category, start, said: Arc::clone(&said) });
        checked.await.map_err(|Broken(problem)| {
            let said = said.lock().unwrap_or_else(PoisonError::into_inner);
            let said: Vec<_> = said.iter().map(String::as_str).collect();
            Broken(format!("{problem}; the last appends: {}", said.join("; ")))
        })
    }

    /// Its name as people write it.
    pub fn sentence(&self) -> String {
        self.name.replace('_', " ")
    }
}

/// Where the log ends, whatever others write meanwhile.
async fn end(store: &dyn EventStore) -> Result<Position, Broken> {
    let mut end = store.head();
    loop {
        let page = store.read_all(end, 1_000).await?;
        match page.last() {
            Some(last) => end = last.position,
            None => return Ok(end),
        }
    }
}

impl Ground {
    fn stream(&self, number: u64) -> StreamName {
        let id = Uuid::new_v5(&self.run, &number.to_be_bytes());
        StreamName { category: self.category, id }
    }

    async fn append(
        &self,
        stream: u64,
        expected: Expected,
        events: &Arc<[NewEvent]>,
    ) -> Result<Appended, AppendError> {
        // A server remembers ids for all streams together, so those of one stream are used in no other.
        let name = self.stream(stream);
        let events: Arc<[NewEvent]> = events.iter().map(|event| in_stream(name, event)).collect();
        let numbers: Vec<_> = events.iter().filter_map(|event| number_in(&event.data)).collect();
        let answer = self.store.append(name, expected, events).await;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == SAID_MAX {
            said.pop_front();
        }
        let numbers = short_list(&numbers);
        said.push_back(format!("{numbers} to {name} at {expected:?}, answered {answer:?}"));
        answer
    }

    async fn read(&self, stream: u64, from: u64, max: usize) -> Result<Vec<Recorded>, Broken> {
        Ok(self.store.read_stream(self.stream(stream), from, max).await?)
    }

    /// The events of this check that come after a position, of those that can be read at once.
    async fn behind(&self, after: Position) -> Result<Vec<Recorded>, Broken> {
        Ground { start: after, ..self.clone() }.everything(50, 1_000).await
    }

    /// Every event that this check has written, in the order of the log, read in pages of that
    /// size. `streams` are those it may have written to.
    async fn everything(&self, streams: u64, page_max: usize) -> Result<Vec<Recorded>, Broken> {
        let ours: Vec<StreamName> = (0..streams).map(|number| self.stream(number)).collect();
        let mut all = Vec::new();
        let mut after = self.start;
        loop {
            let page = self.store.read_all(after, page_max).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.position;
            all.extend(page.into_iter().filter(|event| ours.contains(&event.stream)));
        }
    }
}

/// What an event that holds no number counts as.
const NO_NUMBER: u128 = 1 << 64;

/// Appends that are told of with a broken rule.
const SAID_MAX: usize = 4;

/// The same event with an id of this stream.
fn in_stream(stream: StreamName, event: &NewEvent) -> NewEvent {
    NewEvent { id: Uuid::new_v5(&stream.id, event.id.as_bytes()), ..event.clone() }
}

/// Numbers of events for people.
fn short_list(numbers: &[u128]) -> String {
    match numbers {
        [first, .., last] => format!("{} events from {first} to {last}", numbers.len()),
        [one] => format!("event {one}"),
        [] => "nothing readable".to_owned(),
    }
}

/// An event whose id, data and metadata follow from a number.
fn event(number: u64) -> NewEvent {
    NewEvent {
        id: Uuid::from_u128(u128::from(number)),
        kind: "Probed".into(),
        data: format!(r#"{{"number":{number},"buyer":"顾客 {number}"}}"#).into_bytes(),
        metadata: format!(r#"{{"$correlationId":"{number}"}}"#).into_bytes(),
    }
}

fn events(numbers: impl IntoIterator<Item = u64>) -> Arc<[NewEvent]> {
    numbers.into_iter().map(event).collect()
}

/// The numbers that events were made from.
fn numbers(events: &[Recorded]) -> Vec<u128> {
    events.iter().map(number).collect()
}

fn number(event: &Recorded) -> u128 {
    number_in(&event.data).unwrap_or(NO_NUMBER)
}

fn number_in(data: &[u8]) -> Option<u128> {
    let data: serde_json::Value = serde_json::from_slice(data).ok()?;
    data["number"].as_u64().map(u128::from)
}

fn equal<T: PartialEq + Debug>(what: &str, found: T, wanted: T) -> Result<(), Broken> {
    if found == wanted {
        return Ok(());
    }
    Err(Broken(format!("{what}: {found:?} instead of {wanted:?}")))
}

fn holds(what: &str, holds: bool) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(what.to_owned())) }
}

/// It must have been refused because the stream is elsewhere.
fn conflicts(what: &str, answer: Result<Appended, AppendError>) -> Result<(), Broken> {
    match answer {
        Err(AppendError::Conflict(_)) => Ok(()),
        other => Err(Broken(format!("{what}: {other:?} instead of a conflict"))),
    }
}

fn written(what: &str, answer: Result<Appended, AppendError>) -> Result<Appended, Broken> {
    answer.map_err(|error| Broken(format!("{what}: {error}")))
}

impl From<ReadError> for Broken {
    fn from(error: ReadError) -> Self {
        Self(error.to_string())
    }
}

impl From<tokio::task::JoinError> for Broken {
    fn from(error: tokio::task::JoinError) -> Self {
        Self(error.to_string())
    }
}
