//! The outcome of a write: its subject or a business "no", and how each is printed.

use serde_json::{Value, json};

use super::{
    Common,
    failure::{Code, Failure, reason_name},
    json as shapes, output,
};
use crate::grpc::proto::{self, WriteResponse};

/// The answer to a write.
pub struct Decided<S, R> {
    pub outcome: Option<Result<S, R>>,
    /// Place in the subject's stream, and in the log.
    pub revision: u64,
    pub position: u64,
}

impl<S, R> Decided<S, R> {
    /// What a response says.
    pub fn of(answer: impl WriteResponse<Subject = S, Refusal = R>) -> Self {
        let (outcome, revision, position) = answer.into_parts();
        Self { outcome, revision, position }
    }
}

/// A business "no" of any kind.
pub trait No {
    /// Its reason, for example `SOLD_OUT`.
    fn name(&self) -> &'static str;
    /// What it means, for people.
    fn sentence(&self) -> &str;
    fn shape(&self) -> Value;
}

impl No for proto::Refusal {
    fn name(&self) -> &'static str {
        reason_name(self.reason())
    }

    fn sentence(&self) -> &str {
        &self.message
    }

    fn shape(&self) -> Value {
        shapes::refusal(self)
    }
}

impl No for proto::IncidentRefusal {
    fn name(&self) -> &'static str {
        self.reason().as_str_name().trim_start_matches("INCIDENT_REFUSAL_REASON_")
    }

    fn sentence(&self) -> &str {
        &self.message
    }

    fn shape(&self) -> Value {
        json!({ "reason": self.name(), "message": self.message })
    }
}

impl No for proto::ScriptRefusal {
    fn name(&self) -> &'static str {
        self.reason().as_str_name().trim_start_matches("SCRIPT_REFUSAL_REASON_")
    }

    fn sentence(&self) -> &str {
        &self.message
    }

    fn shape(&self) -> Value {
        json!({ "reason": self.name(), "message": self.message, "version": self.version })
    }
}

impl<S, R: No> Decided<S, R> {
    /// The subject. A "no" is shown and is the failure to return.
    pub fn subject(self, common: &Common) -> anyhow::Result<S> {
        let refusal = match self.outcome {
            Some(Ok(subject)) => return Ok(subject),
            Some(Err(refusal)) => refusal,
            None => return Err(Failure::new(Code::Failed, "the server sent no outcome").into()),
        };
        if common.json {
            output::answer(json!({
                "outcome": "refusal",
                "refusal": refusal.shape(),
                "revision": self.revision,
                "position": self.position,
            }))?;
        }
        Err(Failure::refused(refusal.name(), refusal.sentence()).into())
    }

    /// Shows the subject under its name, as JSON or as text, or a "no".
    pub fn show(
        self,
        common: &Common,
        name: &str,
        shape: impl FnOnce(&S) -> Value,
        text: impl FnOnce(&S) -> String,
    ) -> anyhow::Result<()> {
        let (revision, position) = (self.revision, self.position);
        let subject = self.subject(common)?;
        let json = || {
            json!({
                "outcome": name,
                name: shape(&subject),
                "revision": revision,
                "position": position,
            })
        };
        common.show(json, || text(&subject))?;
        Ok(())
    }
}
