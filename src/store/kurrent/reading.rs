//! Pages of events, read with the official client.
//!
//! The client has no time-outs, and a filtered read ends only when the server has looked for one
//! match more than was asked for. So every event has its own time to arrive, and a page that is
//! full is not waited for any longer.

use std::{sync::Arc, time::Duration};

use eventstore_client::{
    Error, ReadAllOptions, ReadStream, ReadStreamOptions, RecordedEvent, StreamPosition,
    SubscriptionFilter,
};
use tokio::time::timeout;

use super::{
    link::{Generation, Link},
    names::{NO_STREAM, ms_of_ticks, stream_name},
};
use crate::{
    events::{Position, Recorded, StreamName},
    store::ReadError,
};

/// How long the next event of a stream may take.
const NEXT: Duration = Duration::from_secs(2);

/// How long the next event of the log may take: the server looks through whatever others wrote.
const NEXT_OF_ALL: Duration = Duration::from_secs(60);

/// How long a connection may take to show that it still answers.
const PROOF_OF_LIFE: Duration = Duration::from_secs(1);

/// Events of one page at most.
const PAGE_EVENTS_MAX: usize = 4_096;

/// Text in one page, at most, unless its first event alone is larger.
const PAGE_TEXT_BYTES_MAX: usize = 8 << 20;

/// Events that the server looks at in one go while it filters.
const SEARCH_WINDOW_EVENTS: u32 = 1_024;

/// Why a try failed.
enum PageError {
    /// The stream is not there.
    Missing,
    /// A new leader, whom the client knows by now.
    Elsewhere(String),
    /// A new connection may help.
    Broken(String),
    /// It stays silent; so it would on a second try, at once.
    Silent(String),
    /// The server looks through more than it can in that time; the connection is good.
    Slow,
    /// Trying again does not help.
    Certain(ReadError),
}

/// Reads streams and the log.
pub(super) struct Reading {
    link: Arc<Link>,
    filter: SubscriptionFilter,
}

/// A page that is wanted.
struct Question {
    of: Of,
    /// Events at most.
    max: usize,
    /// Only events after this position, where one is given.
    after: Option<Position>,
    /// How long the next event may take.
    patience: Duration,
}

/// What came of it.
#[derive(Default)]
struct Page {
    events: Vec<Recorded>,
    /// Position of the last event that was not ours.
    passed: Option<Position>,
}

enum Of {
    Stream(String, ReadStreamOptions),
    All(ReadAllOptions),
}

impl Reading {
    /// Reads streams whose names begin with one of the prefixes.
    pub(super) fn new(link: Arc<Link>, prefixes: &[String]) -> Self {
        let filter = SubscriptionFilter::on_stream_name().max(SEARCH_WINDOW_EVENTS);
        let filter = prefixes.iter().fold(filter, SubscriptionFilter::add_prefix);
        Self { link, filter }
    }

    /// A page of a stream. A stream that was never written is empty.
    pub(super) async fn stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        // A larger one is no revision for the server.
        if i64::try_from(from_revision).is_err() || max == 0 {
            return Ok(Vec::new());
        }
        let max = max.min(PAGE_EVENTS_MAX);
        let options = ReadStreamOptions::default()
            .position(StreamPosition::Position(from_revision))
            .forwards()
            .max_count(max);
        let events = self.read_stream(stream, options, max).await?;
        match events.first() {
            Some(first) if first.revision != from_revision => Err(ReadError::Damaged(format!(
                "{stream} goes on at revision {}, not {from_revision}: it was truncated",
                first.revision
            ))),
            _ => Ok(events),
        }
    }

    /// The last event of a stream, if there is one.
    pub(super) async fn last(&self, stream: StreamName) -> Result<Option<Recorded>, ReadError> {
        let options =
            ReadStreamOptions::default().position(StreamPosition::End).backwards().max_count(1);
        Ok(self.read_stream(stream, options, 1).await?.pop())
    }

    /// A page of the log after a position.
    pub(super) async fn all(
        &self,
        mut after: Position,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        loop {
            let page = self.all_once(after, max.min(PAGE_EVENTS_MAX)).await?;
            match page.passed {
                // All of it was foreign, in streams whose names begin like ours.
                Some(passed) if page.events.is_empty() && passed > after => after = passed,
                Some(_) | None => return Ok(page.events),
            }
        }
    }

    async fn all_once(&self, after: Position, max: usize) -> Result<Page, ReadError> {
        // Reading includes the event at the position itself.
        let (start, after) = match after {
            Position::START => (StreamPosition::Start, None),
            Position(at) => (StreamPosition::Position(place(at)), Some(after)),
        };
        let options = ReadAllOptions::default()
            .position(start)
            .forwards()
            .filter(self.filter.clone())
            .max_count(max.saturating_add(1));
        let question = Question { of: Of::All(options), max, after, patience: NEXT_OF_ALL };
        self.ask(&question).await?.ok_or_else(no_log)
    }

    /// Position of the last event of ours in the log.
    pub(super) async fn end(&self) -> Result<Position, ReadError> {
        let mut before = StreamPosition::End;
        loop {
            let options = ReadAllOptions::default()
                .position(before)
                .backwards()
                .filter(self.filter.clone())
                .max_count(1);
            let (max, after, patience) = (1, None, NEXT_OF_ALL);
            let question = Question { of: Of::All(options), max, after, patience };
            let page = self.ask(&question).await?.ok_or_else(no_log)?;
            match (page.events.first(), page.passed) {
                (Some(last), _) => return Ok(last.position),
                // Foreign, in a stream whose name begins like ours. Reading backwards excludes the
                // position it starts from.
                (None, Some(Position(at))) => before = StreamPosition::Position(place(at)),
                (None, None) => return Ok(Position::START),
            }
        }
    }

    async fn read_stream(
        &self,
        stream: StreamName,
        options: ReadStreamOptions,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        let of = Of::Stream(stream.to_string(), options);
        // The first event of all may stand at position 0.
        let question = Question { of, max, after: None, patience: NEXT };
        Ok(self.ask(&question).await?.unwrap_or_default().events)
    }

    /// Tries, and tries once more on a new connection if the first one turns out to be broken.
    /// `None` if the store says that there is nothing of that name.
    async fn ask(&self, question: &Question) -> Result<Option<Page>, ReadError> {
        let mut why = String::new();
        for _ in 0..2 {
            let generation = self.link.generation().await.map_err(ReadError::Unavailable)?;
            match self.try_once(&generation, question).await {
                Ok(page) => return Ok(Some(page)),
                Err(PageError::Missing) => return Ok(None),
                Err(PageError::Elsewhere(problem)) => why = problem,
                Err(PageError::Certain(error)) => return Err(error),
                Err(PageError::Slow) => {
                    let why = "it looks through what others wrote and has not found anything yet";
                    return Err(ReadError::Unavailable(why.to_owned()));
                }
                Err(PageError::Silent(problem)) => {
                    // A late answer is no broken connection, and others read through it.
                    if !self.answers(&generation).await {
                        self.link.failed(generation.number, &problem).await;
                    }
                    return Err(ReadError::Unavailable(problem));
                }
                Err(PageError::Broken(problem)) => {
                    self.link.failed(generation.number, &problem).await;
                    why = problem;
                }
            }
        }
        Err(ReadError::Unavailable(why))
    }

    /// Whether a connection still answers a small question.
    async fn answers(&self, generation: &Generation) -> bool {
        let mut options =
            ReadStreamOptions::default().position(StreamPosition::End).backwards().max_count(1);
        if let Some(authentication) = self.link.settings.authentication() {
            options = options.authenticated(authentication);
        }
        let asked = async {
            let mut answer = generation.client.read_stream(NO_STREAM, &options).await?;
            answer.next().await
        };
        matches!(timeout(PROOF_OF_LIFE, asked).await, Ok(Ok(_) | Err(Error::ResourceNotFound)))
    }

    async fn try_once(
        &self,
        generation: &Generation,
        question: &Question,
    ) -> Result<Page, PageError> {
        let authentication = self.link.settings.authentication();
        let client = &generation.client;
        let opening = async {
            match &question.of {
                Of::Stream(name, options) => {
                    let mut options = options.clone();
                    if let Some(authentication) = authentication {
                        options = options.authenticated(authentication);
                    }
                    client.read_stream(name.as_str(), &options).await
                }
                Of::All(options) => {
                    let mut options = options.clone();
                    if let Some(authentication) = authentication {
                        options = options.authenticated(authentication);
                    }
                    client.read_all(&options).await
                }
            }
        };
        let events = match timeout(question.patience, opening).await {
            Ok(Ok(events)) => events,
            // A missing stream is said by an answer. A call that is refused like this met a node
            // that is not the leader and does not know who is: no sign of an empty stream.
            Ok(Err(Error::ResourceNotFound)) => {
                return Err(PageError::Broken("there is no leader".to_owned()));
            }
            Ok(Err(error)) => return Err(judge(&error)),
            Err(_) => return Err(PageError::Silent("no answer in time".to_owned())),
        };
        page(events, question).await
    }
}

/// The place of an event, as the client wants it.
fn place(at: u64) -> eventstore_client::Position {
    eventstore_client::Position { commit: at, prepare: at }
}

fn no_log() -> ReadError {
    ReadError::Unavailable("the store says that it has no log".to_owned())
}

async fn page(mut events: ReadStream, question: &Question) -> Result<Page, PageError> {
    let mut page = Page::default();
    let mut bytes = 0;
    while page.events.len() < question.max {
        let event = match timeout(question.patience, events.next()).await {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return Err(judge(&error)),
            // What has come is good; the rest is a matter for the next page.
            Err(_) if !page.events.is_empty() => break,
            Err(_) => {
                return Err(match question.of {
                    Of::Stream(..) => PageError::Silent("no event in time".to_owned()),
                    Of::All(_) => PageError::Slow,
                });
            }
        };
        let Some(event) = event.event else { continue };
        let at = Position(event.position.commit);
        if question.after.is_some_and(|after| at <= after) {
            continue;
        }
        let Some(event) = recorded(event).map_err(PageError::Certain)? else {
            page.passed = Some(at);
            continue;
        };
        bytes += event.data.len() + event.metadata.len();
        if !page.events.is_empty() && bytes > PAGE_TEXT_BYTES_MAX {
            break;
        }
        page.events.push(event);
    }
    Ok(page)
}

fn judge(error: &Error) -> PageError {
    match error {
        Error::ResourceNotFound => PageError::Missing,
        Error::ResourceDeleted => {
            PageError::Certain(ReadError::Damaged("the stream was permanently deleted".to_owned()))
        }
        Error::AccessDenied => {
            PageError::Certain(ReadError::Unavailable("the store denies access".to_owned()))
        }
        Error::NotLeaderException(_) => PageError::Elsewhere(error.to_string()),
        Error::ServerError(_)
        | Error::ConnectionClosed
        | Error::Grpc { .. }
        | Error::GrpcConnectionError(_)
        | Error::InternalParsingError(_)
        | Error::ResourceAlreadyExists
        | Error::UnsupportedFeature
        | Error::InternalClientError
        | Error::DeadlineExceeded
        | Error::InitializationError(_)
        | Error::IllegalStateError(_)
        | Error::WrongExpectedVersion { .. } => PageError::Broken(error.to_string()),
    }
}

/// A doorbuster event; `None` for one in a foreign stream whose name begins like ours.
fn recorded(event: RecordedEvent) -> Result<Option<Recorded>, ReadError> {
    let Some(stream) = stream_name(event.stream_id()) else { return Ok(None) };
    let position = event.position.commit;
    if i64::try_from(position).is_err() {
        return Err(ReadError::Damaged(format!(
            "revision {} of {stream} has no position in the log",
            event.revision
        )));
    }
    Ok(Some(Recorded {
        position: Position(position),
        stream,
        revision: event.revision,
        id: event.id,
        kind: event.event_type,
        data: event.data.into(),
        metadata: event.custom_metadata.into(),
        // Its own field for this is cut down to whole seconds.
        recorded_at_ms: event
            .metadata
            .get("created")
            .and_then(|ticks| ms_of_ticks(ticks))
            .unwrap_or(0),
    }))
}
