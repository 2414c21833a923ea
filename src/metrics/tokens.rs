//! Metrics of operators' tokens: how often one was refused.

use prometheus_client::{metrics::counter::Counter, registry::Registry};

use super::{TokenFault, register::series};

pub(super) fn figures(registry: &mut Registry) -> Vec<Counter> {
    series::<TokenFault>(
        registry,
        "reason",
        "doorbuster_tokens_refused",
        "Calls of operators whose token was missing or wrong",
    )
}
