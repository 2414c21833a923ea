//! Who a write that steers comes from: the name that its token stands for, where tokens are asked
//! for. The token itself goes no further than here.

use std::sync::Arc;

use tonic::metadata::MetadataMap;

use super::status::Failure;
use crate::{admission::Operators, clock::SharedClock, metrics::Metrics};

/// Who steered with a token that nobody here can read, and gave no name.
const UNKNOWN: &str = "unknown";

/// Asked before anything is changed by hand.
#[derive(Clone)]
pub(super) struct Authenticator {
    operators: Arc<Operators>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

impl Authenticator {
    pub(super) fn new(
        operators: Arc<Operators>,
        clock: SharedClock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { operators, clock, metrics }
    }

    /// The operator for the record: the one whose token the call carries. Where no tokens are asked
    /// for, whoever the request names.
    pub(super) fn operator(
        &self,
        metadata: &MetadataMap,
        named: String,
    ) -> Result<String, Failure> {
        let token = metadata.get("authorization").and_then(|value| value.to_str().ok());
        if self.operators.is_empty() {
            // Whoever shows a token need not say a name, and here nobody can tell whose it is.
            let is_unknown = named.is_empty() && token.is_some();
            return Ok(if is_unknown { UNKNOWN.to_owned() } else { named });
        }
        let operator = self.operators.announced(token, self.clock.now()).map_err(|why| {
            self.metrics.token_refused(why.into());
            Failure::operator_unknown(why)
        })?;
        if named.is_empty() || named == operator {
            return Ok(operator.to_owned());
        }
        Err(Failure::operator_mismatch(operator))
    }
}
