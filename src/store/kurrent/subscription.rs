//! One long call of `Streams.Read`: starting it, and reading its messages.

use std::time::Duration;

use tonic::Streaming;

use super::{
    names::{self, ms_of_ticks},
    nodes::{Ended, Nodes, id_of},
};
use crate::{
    events::{Position, Recorded},
    store::wire::client::{
        AllStreamPosition, Nothing,
        streams::{
            ReadReq, ReadResp, read_req, read_req::options, read_resp, read_resp::read_event,
        },
    },
};

/// How long a connection and its answer may take.
const OPEN: Duration = Duration::from_secs(6);

/// Events that the server looks at between two checkpoints. They are of no use here but to show
/// that it is alive.
const WINDOW_EVENTS: u32 = 4_096;

/// Subscribes to what comes after a position.
pub(super) async fn subscribe(
    nodes: &Nodes,
    after: Position,
    prefixes: &[String],
) -> Result<Streaming<ReadResp>, Ended> {
    let opened = async { nodes.connect().await?.read(ask(after, prefixes.to_vec())).await };
    match tokio::time::timeout(OPEN, opened).await {
        Ok(opened) => opened,
        Err(_) => Err(Ended::Failed("no subscription in time".to_owned())),
    }
}

fn ask(after: Position, prefix: Vec<String>) -> ReadReq {
    let place = match after {
        Position::START => options::all_options::AllOption::Start(Nothing {}),
        Position(at) => options::all_options::AllOption::Position(AllStreamPosition {
            commit_position: at,
            prepare_position: at,
        }),
    };
    let expression = options::filter_options::Expression { regex: String::new(), prefix };
    let filter = options::FilterOptions {
        filter: Some(options::filter_options::Filter::StreamIdentifier(expression)),
        window: Some(options::filter_options::Window::Max(WINDOW_EVENTS)),
        checkpoint_interval_multiplier: 1,
    };
    let text = options::uuid_option::Content::String(Nothing {});
    ReadReq {
        options: Some(read_req::Options {
            stream_option: Some(options::StreamOption::All(options::AllOptions {
                all_option: Some(place),
            })),
            read_direction: options::ReadDirection::Forwards.into(),
            resolve_links: false,
            count_option: Some(options::CountOption::Subscription(Nothing {})),
            filter_option: Some(options::FilterOption::Filter(filter)),
            uuid_option: Some(options::UuidOption { content: Some(text) }),
            control_option: None,
        }),
    }
}

/// How far a subscription has come.
pub(super) struct Place(Position);

/// A message, understood.
pub(super) enum Message {
    /// An event of ours that was not handled before.
    Event(Recorded),
    Other,
    /// The server says what no server should.
    Wrong(String),
}

impl Place {
    pub(super) fn after(position: Position) -> Self {
        Self(position)
    }

    pub(super) fn position(&self) -> Position {
        self.0
    }

    pub(super) fn read(&mut self, message: ReadResp) -> Message {
        let Some(read_resp::Content::Event(read)) = message.content else { return Message::Other };
        let Some(event) = read.event else { return Message::Other };
        match recorded(event) {
            // What was handled already may come again after a new start.
            Ok(event) if event.position <= self.0 => Message::Other,
            Ok(event) => {
                self.0 = event.position;
                Message::Event(event)
            }
            Err(Unread::Foreign) => Message::Other,
            Err(Unread::Wrong(why)) => Message::Wrong(why),
        }
    }
}

enum Unread {
    /// In a foreign stream whose name begins like ours.
    Foreign,
    Wrong(String),
}

fn recorded(event: read_event::RecordedEvent) -> Result<Recorded, Unread> {
    let wrong = |what: &str| Unread::Wrong(format!("the server sent an event without {what}"));
    let name = event.stream_identifier.ok_or_else(|| wrong("a stream"))?.stream_name;
    let name = std::str::from_utf8(&name).map_err(|_| Unread::Foreign)?;
    let stream = names::stream_name(name).ok_or(Unread::Foreign)?;
    let said = |key: &str| event.metadata.iter().find(|entry| entry.key == key);
    let kind = said("type").ok_or_else(|| wrong("a type"))?.value.clone();
    let created = said("created").and_then(|entry| ms_of_ticks(&entry.value));
    let id = event.id.and_then(id_of).ok_or_else(|| wrong("an id"))?;
    if i64::try_from(event.commit_position).is_err() {
        return Err(wrong("a position"));
    }
    Ok(Recorded {
        position: Position(event.commit_position),
        stream,
        revision: event.stream_revision,
        id,
        kind,
        data: event.data,
        metadata: event.custom_metadata,
        recorded_at_ms: created.ok_or_else(|| wrong("a time"))?,
    })
}
