//! The outcome of a write: its subject or a business "no", and how each is printed.

use prost::{Message, Name};
use serde_json::json;

use super::{
    Common,
    failure::{Code, Failure},
    json::shape,
    output,
    priced::money,
};
use crate::grpc::proto::WriteResponse;

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

impl<S, R: Message + Name> Decided<S, R> {
    /// The subject. A "no" is shown and is the failure to return.
    pub fn subject(self, common: &Common) -> anyhow::Result<S> {
        let refusal = match self.outcome {
            Some(Ok(subject)) => return Ok(subject),
            Some(Err(refusal)) => shape(&refusal),
            None => return Err(Failure::new(Code::Failed, "the server sent no outcome").into()),
        };
        if common.json {
            output::answer(json!({
                "outcome": "refusal",
                "refusal": refusal,
                "revision": self.revision,
                "position": self.position,
            }))?;
        }
        let text = |field: &str| refusal[field].as_str().unwrap_or_default();
        let quote = &refusal["quote"];
        let mut message = text("message").to_owned();
        if let (Some(currency), Some(minor), Some(reason)) = (
            quote["currency_code"].as_str(),
            quote["total_minor"].as_i64(),
            quote["reason"].as_str(),
        ) {
            message.push_str(&format!(" It would cost {}: {reason}", money(currency, minor)));
        }
        Err(Failure::refused(text("reason"), &message).into())
    }

    /// Shows the subject under its name, as JSON or as text, or a "no".
    pub fn show(
        self,
        common: &Common,
        name: &str,
        text: impl FnOnce(&S) -> String,
    ) -> anyhow::Result<()>
    where
        S: Message + Name,
    {
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
