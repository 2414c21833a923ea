//! Figures of operators' tokens: how often somebody could not steer because of one.

use prometheus_client::{metrics::counter::Counter, registry::Registry};

use super::{Label, Metrics, TokenFault, series};

pub(super) fn figures(registry: &mut Registry) -> Vec<Counter> {
    series::<TokenFault>(
        registry,
        "reason",
        "doorbuster_tokens_refused",
        "Calls of operators whose token was missing or wrong",
    )
}

impl Metrics {
    /// Somebody could not steer because of a token.
    pub fn token_refused(&self, why: TokenFault) {
        self.tokens_refused[why.place()].inc();
    }
}
