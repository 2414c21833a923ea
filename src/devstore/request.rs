//! What a read asks for, checked once.

use tonic::Status;

use super::{
    convert::{self, UuidForm},
    filter::Filter,
    proto::streams::{
        ReadReq,
        read_req::{
            Options,
            options::{
                AllOptions, CountOption, FilterOption, ReadDirection, StreamOption, StreamOptions,
                all_options::AllOption, stream_options::RevisionOption, uuid_option::Content,
            },
        },
    },
};
use crate::{
    events::Position,
    store::embedded::raw::{Direction, RawFrom},
};

/// A read.
pub(super) struct Ask {
    pub(super) of: Of,
    /// How many events; a subscription has no end.
    pub(super) count: Option<u64>,
}

/// What is read.
pub(super) enum Of {
    Stream(OfStream),
    All(OfAll),
}

/// One stream.
#[derive(Debug, Clone)]
pub(super) struct OfStream {
    pub(super) stream: String,
    pub(super) from: RawFrom,
    pub(super) direction: Direction,
    pub(super) ids: UuidForm,
    /// The client understands where the stream begins and ends.
    pub(super) tells_ends: bool,
}

/// The whole log.
#[derive(Clone)]
pub(super) struct OfAll {
    pub(super) from: AllFrom,
    pub(super) direction: Direction,
    pub(super) filter: Option<Filter>,
    pub(super) ids: UuidForm,
}

/// Where in the whole log to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AllFrom {
    Start,
    End,
    At(Position),
}

impl OfAll {
    /// Refuses positions that are not in the log. `head` is the last one in it.
    pub(super) fn check(&self, head: Position) -> Result<(), Status> {
        match self.from {
            AllFrom::At(position) if position.0 > head.0 + 1 => {
                Err(Status::invalid_argument("Trying to read from an invalid position"))
            }
            AllFrom::Start | AllFrom::End | AllFrom::At(_) => Ok(()),
        }
    }
}

impl Ask {
    /// Reads a request.
    pub(super) fn read(request: ReadReq) -> Result<Self, Status> {
        let options = request.options.ok_or_else(|| missing("options"))?;
        let direction = match options.read_direction() {
            ReadDirection::Forwards => Direction::Forwards,
            ReadDirection::Backwards => Direction::Backwards,
        };
        let Options {
            stream_option, count_option, filter_option, uuid_option, control_option, ..
        } = options;
        let ids = match uuid_option.and_then(|option| option.content) {
            Some(Content::Structured(_)) => UuidForm::Structured,
            Some(Content::String(_)) => UuidForm::Text,
            None => return Err(missing("uuid_option")),
        };
        let filter = match filter_option {
            Some(FilterOption::Filter(filter)) => Some(Filter::read(filter)?),
            Some(FilterOption::NoFilter(_)) => None,
            None => return Err(missing("filter_option")),
        };
        let count = match count_option {
            Some(CountOption::Count(count)) => Some(count),
            Some(CountOption::Subscription(_)) if direction == Direction::Backwards => {
                return Err(Status::invalid_argument("a subscription reads forwards only"));
            }
            Some(CountOption::Subscription(_))
                if filter.as_ref().is_some_and(|filter| filter.interval == 0) =>
            {
                let problem = "filter: window and checkpoint_interval_multiplier: not zero";
                return Err(Status::invalid_argument(problem));
            }
            Some(CountOption::Subscription(_)) => None,
            None => return Err(missing("count_option")),
        };
        let of = match stream_option {
            Some(StreamOption::Stream(_)) if filter.is_some() => {
                return Err(Status::invalid_argument("filter: only the whole log is filtered"));
            }
            Some(StreamOption::Stream(stream)) => {
                let tells_ends = control_option.is_some_and(|control| control.compatibility >= 1);
                Of::Stream(of_stream(stream, direction, ids, tells_ends)?)
            }
            Some(StreamOption::All(all)) => {
                Of::All(OfAll { from: all_from(&all)?, direction, filter, ids })
            }
            None => return Err(missing("stream_option")),
        };
        Ok(Self { of, count })
    }
}

fn of_stream(
    options: StreamOptions,
    direction: Direction,
    ids: UuidForm,
    tells_ends: bool,
) -> Result<OfStream, Status> {
    let from = match options.revision_option {
        Some(RevisionOption::Start(_)) => RawFrom::Start,
        Some(RevisionOption::End(_)) => RawFrom::End,
        Some(RevisionOption::Revision(revision)) => RawFrom::Revision(revision),
        None => return Err(missing("revision_option")),
    };
    let stream = convert::stream_name(options.stream_identifier).map_err(|bad| bad.status())?;
    Ok(OfStream { stream, from, direction, ids, tells_ends })
}

fn all_from(options: &AllOptions) -> Result<AllFrom, Status> {
    match options.all_option {
        Some(AllOption::Start(_)) => Ok(AllFrom::Start),
        Some(AllOption::End(_)) => Ok(AllFrom::End),
        // How some clients write the end.
        Some(AllOption::Position(position)) if i64::try_from(position.commit_position).is_err() => {
            Ok(AllFrom::End)
        }
        Some(AllOption::Position(position)) => Ok(AllFrom::At(Position(position.commit_position))),
        None => Err(missing("all_option")),
    }
}

fn missing(field: &str) -> Status {
    Status::invalid_argument(format!("{field}: it is missing"))
}
