//! What an operator says of every act on a whole sale.

use serde::{Deserialize, Serialize};

use crate::{
    events::Act,
    values::{Fingerprint, RequestId},
};

/// An operator's hand on the sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SteerSale {
    pub request_id: RequestId,
    pub operator: String,
    pub reason: String,
}

impl SteerSale {
    pub(super) fn act(self, verb: &str) -> Act {
        let Self { request_id, operator, reason } = self;
        let fingerprint =
            Fingerprint::of([verb.as_bytes(), operator.as_bytes(), reason.as_bytes()]);
        Act { request_id, fingerprint, operator, reason }
    }
}
