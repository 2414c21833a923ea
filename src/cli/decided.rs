//! The outcome of a write: its subject or a business "no", and how each is printed.

use serde_json::{Value, json};

use super::{
    Common,
    failure::{Code, Failure, reason_name},
    json as shapes, output,
};
use crate::grpc::proto;

/// The answer to a write.
pub struct Decided<S, R> {
    pub outcome: Option<Result<S, R>>,
    /// Place in the subject's stream, and in the log.
    pub revision: u64,
    pub position: u64,
}

/// Responses that hold a subject or a "no" differ in name only.
macro_rules! decisions {
    ($($module:ident, $response:ident: $subject:ident or $refusal:ident;)+) => {$(
        impl From<proto::$response> for Decided<proto::$subject, proto::$refusal> {
            fn from(answer: proto::$response) -> Self {
                let outcome = answer.outcome.map(|outcome| match outcome {
                    proto::$module::Outcome::$subject(subject) => Ok(subject),
                    proto::$module::Outcome::Refusal(refusal) => Err(refusal),
                });
                Self { outcome, revision: answer.revision, position: answer.position }
            }
        }
    )+};
}

decisions! {
    place_order_response, PlaceOrderResponse: Order or Refusal;
    record_payment_response, RecordPaymentResponse: Order or Refusal;
    cancel_order_response, CancelOrderResponse: Order or Refusal;
    pause_item_response, PauseItemResponse: Item or Refusal;
    resume_item_response, ResumeItemResponse: Item or Refusal;
    close_item_response, CloseItemResponse: Item or Refusal;
    allocate_stock_response, AllocateStockResponse: Item or Refusal;
    set_reserve_response, SetReserveResponse: Item or Refusal;
    release_reserve_response, ReleaseReserveResponse: Item or Refusal;
    set_purchase_limit_response, SetPurchaseLimitResponse: Item or Refusal;
    pause_sale_response, PauseSaleResponse: Sale or Refusal;
    resume_sale_response, ResumeSaleResponse: Sale or Refusal;
    assess_incident_response, AssessIncidentResponse: Incident or IncidentRefusal;
    record_action_response, RecordActionResponse: Incident or IncidentRefusal;
    resolve_incident_response, ResolveIncidentResponse: Incident or IncidentRefusal;
    review_incident_response, ReviewIncidentResponse: Incident or IncidentRefusal;
    publish_script_response, PublishScriptResponse: Script or ScriptRefusal;
    withdraw_script_response, WithdrawScriptResponse: Script or ScriptRefusal;
}

/// An incident is always opened.
impl From<proto::OpenIncidentResponse> for Decided<proto::Incident, proto::IncidentRefusal> {
    fn from(answer: proto::OpenIncidentResponse) -> Self {
        let outcome = answer.incident.map(Ok);
        Self { outcome, revision: answer.revision, position: answer.position }
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
