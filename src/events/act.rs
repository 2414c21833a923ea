//! What an operator's request leaves in the events that it caused.

use serde::{Deserialize, Serialize};

use crate::values::{Fingerprint, RequestId};

/// The operator of acts that no person does: of reserve plans, and of what alerts bring about.
pub const OWN_OPERATOR: &str = "doorbuster";

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

    /// The act of a step of the reserve plan.
    pub fn of_reserve_step(request_id: RequestId, step: u8, reason: String) -> Self {
        let operator = OWN_OPERATOR.to_owned();
        Self { request_id, fingerprint: of_reserve_step(step), operator, reason }
    }

    /// Whether the reserve plan acted so. No operator's request has such a fingerprint.
    pub fn is_of_reserve_plan(&self) -> bool {
        self.operator == OWN_OPERATOR
            && (0..=u8::MAX).any(|step| of_reserve_step(step) == self.fingerprint)
    }

    /// Whether it carries out the plan of a sale. No operator's request has this fingerprint.
    pub fn is_planned(&self) -> bool {
        self.fingerprint == of_plan()
    }
}

fn of_plan() -> Fingerprint {
    Fingerprint::of([b"add".as_slice()])
}

fn of_reserve_step(step: u8) -> Fingerprint {
    Fingerprint::of([b"reserve step".as_slice(), &[step]])
}
