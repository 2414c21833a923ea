//! Metrics of tokens: how often a call was refused by its token, and whether their file is good.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::{
    Label as _, TokenFault,
    register::{gauge, series},
};

/// Figures of tokens.
pub(super) struct TokenFigures {
    refused: Vec<Counter>,
    file_bad: Gauge,
}

impl TokenFigures {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let refused = series::<TokenFault>(
            registry,
            "reason",
            "doorbuster_tokens_refused",
            "Calls that were refused because of their token or its role",
        );
        let file_bad = gauge(
            registry,
            "doorbuster_tokens_file_bad",
            "1 while the file of tokens is missing or wrong and older ones are in force, else 0",
        );
        Self { refused, file_bad }
    }

    pub(super) fn refused(&self, why: TokenFault) {
        self.refused[why.place()].inc();
    }

    pub(super) fn file_is_bad(&self, bad: bool) {
        self.file_bad.set(bad.into());
    }
}
