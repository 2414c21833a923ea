//! What `doorbuster verify` says of the snapshots of a data directory.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    cli::{
        failure::{Code, Failure},
        source::Data,
    },
    snapshots::{CheckError, Checked, Finding, FoldError, SnapshotFiles, check},
};

/// The snapshots of a data directory, each checked against a fold of the log.
pub(super) struct Snapshots(Vec<Checked>);

impl Snapshots {
    /// Checks those that are there.
    pub(super) fn check(data: &Data) -> Result<Self, Failure> {
        let files = SnapshotFiles::of(&data.dir);
        let there = files.streams().map_err(|error| unchecked(&CheckError::Files(error)))?;
        if there.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let log = data.open()?;
        log.block_on(check(&files, log.source())).map(Self).map_err(|error| match &error {
            CheckError::Fold(FoldError::Read(read)) => log.unreadable(read),
            _ => unchecked(&error),
        })
    }

    /// Whether a server would go wrong with one of them.
    pub(super) fn are_sound(&self) -> bool {
        !self.0.iter().any(|checked| matches!(checked.finding, Finding::Wrong { .. }))
    }

    /// As JSON; null where there are none.
    pub(super) fn json(&self) -> Value {
        if self.0.is_empty() {
            return Value::Null;
        }
        let each = self.0.iter().map(|Checked { stream, finding }| {
            let stream = stream.to_string();
            match finding {
                Finding::Right { events } => {
                    json!({ "stream": stream, "finding": "right", "events": events })
                }
                Finding::Wrong { events } => {
                    json!({ "stream": stream, "finding": "wrong", "events": events })
                }
                Finding::Ignored(why) => {
                    json!({ "stream": stream, "finding": "ignored", "problem": why.to_string() })
                }
            }
        });
        each.collect()
    }

    /// For people; nothing where there are none.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if self.0.is_empty() {
            return text;
        }
        let right = self.0.iter().filter(|of| matches!(of.finding, Finding::Right { .. })).count();
        // Writing to a string cannot fail.
        _ = writeln!(
            text,
            "snapshots: {right} of {} hold what a fold of the log comes to",
            self.0.len()
        );
        for Checked { stream, finding } in &self.0 {
            _ = match finding {
                Finding::Right { .. } => Ok(()),
                Finding::Ignored(why) => writeln!(text, "  {stream} is ignored: {why}"),
                Finding::Wrong { events } => writeln!(
                    text,
                    "  {stream} is WRONG: {events} events come to something else; remove it"
                ),
            };
        }
        text
    }
}

/// What is said where one of them is wrong.
pub(super) fn wrong() -> Failure {
    let why = "a snapshot does not hold what the log comes to: stop the server and remove it";
    Failure::new(Code::Integrity, why)
}

fn unchecked(error: &CheckError) -> Failure {
    let code = match error {
        CheckError::Files(_) => Code::Failed,
        CheckError::Fold(_) => Code::Integrity,
    };
    Failure::new(code, format!("the snapshots were not checked: {error}"))
}
