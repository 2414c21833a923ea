//! The operator of a steering call: the owner of its token, if tokens are required. The token
//! itself is not passed on.

use std::sync::Arc;

use tonic::metadata::MetadataMap;

use super::status::CallError;
use crate::{admission::Operators, clock::SharedClock, metrics::Metrics};

/// The recorded operator of a call with a token and without a name, on a server without operators.
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

    /// The recorded operator: the owner of the call's token. If no tokens are required, the one
    /// named in the request.
    pub(super) fn operator(
        &self,
        metadata: &MetadataMap,
        named: String,
    ) -> Result<String, CallError> {
        let token = metadata.get("authorization").and_then(|value| value.to_str().ok());
        if self.operators.is_empty() {
            // A call with a token needs no name, and without operators its owner is unknown.
            let is_unknown = named.is_empty() && token.is_some();
            return Ok(if is_unknown { UNKNOWN.to_owned() } else { named });
        }
        let operator = self.operators.announced(token, self.clock.now()).map_err(|why| {
            self.metrics.token_refused(why.into());
            CallError::operator_unknown(why)
        })?;
        if named.is_empty() || named == operator {
            return Ok(operator.to_owned());
        }
        Err(CallError::operator_mismatch(operator))
    }
}
