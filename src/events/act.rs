//! What an operator's request leaves in the events that it caused.

use serde::{Deserialize, Serialize};

use crate::values::{Fingerprint, RequestId};

/// Operator, request and reason of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub operator: String,
    pub reason: String,
}

impl Act {
    /// The act by which an item is added as its sale planned it.
    pub fn planned(request_id: RequestId, operator: String) -> Self {
        let reason = "planned with the sale".to_owned();
        Self { request_id, fingerprint: of_plan(), operator, reason }
    }

    /// Whether it carries out the plan of a sale. No operator's request has this fingerprint.
    pub fn is_planned(&self) -> bool {
        self.fingerprint == of_plan()
    }
}

fn of_plan() -> Fingerprint {
    Fingerprint::of([b"add".as_slice()])
}
