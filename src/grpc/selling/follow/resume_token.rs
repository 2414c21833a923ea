//! The token by which a follower goes on: an event, its place in the log and in its stream, so that a
//! token of another log is noticed.

use uuid::Uuid;

use crate::{
    events::{Position, StreamName},
    projections::{Checkpoint, Landmark},
    values::Invalid,
};

/// What stands for the event where the log was empty.
const NOTHING: &str = "start";

/// The form of a token: `POSITION.RECORDED_MS.STREAM.REVISION.EVENT_ID`.
pub(super) struct ResumeToken;

impl ResumeToken {
    pub(super) fn written(known: &Checkpoint) -> String {
        let Checkpoint { position, recorded_at_ms, event, .. } = known;
        match event {
            None => NOTHING.to_owned(),
            Some(Landmark { stream, revision, id }) => {
                format!("{position}.{recorded_at_ms}.{stream}.{revision}.{id}")
            }
        }
    }

    pub(super) fn read(token: &str) -> Result<Checkpoint, Invalid> {
        if token == NOTHING {
            return Ok(Checkpoint::default());
        }
        let problem = "is no token of FollowOrders: it must be sent as it was received";
        read(token).ok_or_else(|| Invalid::new("resume_token", problem))
    }
}

fn read(token: &str) -> Option<Checkpoint> {
    let mut parts = token.split('.');
    let mut part = || parts.next();
    let (position, recorded_at_ms) = (part()?.parse().ok()?, part()?.parse().ok()?);
    let (stream, revision) = (StreamName::parse(part()?)?, part()?.parse().ok()?);
    let id = Uuid::try_parse(part()?).ok()?;
    let event = Some(Landmark { stream, revision, id });
    let known = Checkpoint { position: Position(position), recorded_at_ms, event, past: false };
    // Other texts of the same numbers are none that were sent.
    (ResumeToken::written(&known) == token).then_some(known)
}
