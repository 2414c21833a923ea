//! From the moment in a query to a position of the log.

use super::{convert, proto, status::CallError};
use crate::{
    events::Position,
    store::{LogSource, ReadError},
    values::{Invalid, UnixMs},
};

const FIELD: &str = "as_of";

/// The position that is meant. There is an event at or before it, and none is missing up to it.
pub(super) async fn position(
    log: &LogSource,
    as_of: proto::AsOf,
    now: UnixMs,
) -> Result<Position, CallError> {
    let mut head = log.head().await.map_err(unreadable)?;
    if matches!(as_of.moment, Some(proto::as_of::Moment::Position(position)) if position > head.0) {
        // Another node may have written it a moment ago.
        head = log.end().await.map_err(unreadable)?;
    }
    match as_of.moment {
        None => Err(Invalid::new(FIELD, "needs a position or a time").into()),
        Some(proto::as_of::Moment::Position(0)) => {
            Err(Invalid::new(FIELD, "must be at least position 1").into())
        }
        Some(proto::as_of::Moment::Position(position)) if position > head.0 => {
            let problem = format!("is position {position}, but the log ends at {head}");
            Err(Invalid::new(FIELD, problem).into())
        }
        Some(proto::as_of::Moment::Position(position)) => Ok(Position(position)),
        Some(proto::as_of::Moment::Time(time)) => {
            let time = convert::moment(FIELD, Some(time))?;
            let time = time.ok_or_else(|| Invalid::new(FIELD, "needs a position or a time"))?;
            if time > now {
                let problem = format!("is {time}, which has not come yet");
                return Err(Invalid::new(FIELD, problem).into());
            }
            let found = log.last_at_or_before(time).await.map_err(unreadable)?;
            found.ok_or_else(|| {
                Invalid::new(FIELD, format!("is {time}, before the first event of the log")).into()
            })
        }
    }
}

fn unreadable(error: ReadError) -> CallError {
    match error {
        ReadError::Unavailable(why) => CallError::store_away(&why),
        ReadError::Damaged(why) => CallError::log_unreadable(&why),
    }
}
